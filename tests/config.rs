//! `kubeflow.yaml`: what is wrong is said with its place.

use std::collections::BTreeMap;

use kubedro::config::{self, FromKedro, Sources};
use proptest::prelude::*;

pub fn load(text: &[u8], env: Option<&str>) -> Result<config::Loaded, config::Error> {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("conf/base");
    std::fs::create_dir_all(&base).unwrap();
    std::fs::write(base.join("kubeflow.yaml"), text).unwrap();
    if let Some(env) = env {
        let local = folder.path().join("conf/local");
        std::fs::create_dir_all(&local).unwrap();
        std::fs::write(local.join("kubeflow.yml"), env).unwrap();
    }
    config::load(&Sources {
        root: folder.path(),
        conf_source: "conf",
        base_env: "base",
        env: "local",
        variables: BTreeMap::from([("commit_id".to_owned(), "abc".to_owned())]),
        environment: BTreeMap::from([("TTL".to_owned(), "60".to_owned())]),
        node_names: vec!["train_model", "train-model", "gpu"],
        pipeline_names: Vec::new(),
        kedro: FromKedro::default(),
    })
}

pub fn error(text: &str) -> String {
    load(text.as_bytes(), None).unwrap_err().to_string()
}

pub fn warnings(text: &str) -> Vec<String> {
    load(text.as_bytes(), None).unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_wrong_value_is_shown_where_it_stands() {
    let text = error("run_config:\n  image: x\n  volume:\n    size: 1Gib\n");
    assert!(text.contains("`run_config.volume.size` cannot be used"), "{text}");
    assert!(text.contains("--> conf/base/kubeflow.yaml:4:11"), "{text}");
    assert!(text.contains("4 |     size: 1Gib"), "{text}");
    assert!(text.contains("^^^^ `1Gib` is not a Kubernetes quantity"), "{text}");
}

#[test]
fn a_wrong_word_gets_the_nearest() {
    let text = error("run_config:\n  image_pull_policy: IfNotPresnt\n");
    assert!(text.contains(":2:22"), "{text}");
    assert!(text.contains("Did you mean `IfNotPresent`?"), "{text}");
    let text = error("run_config:\n  node_merge_strategy: ful\n");
    assert!(text.contains("Did you mean `full`?"), "{text}");
}

#[test]
fn places_within_lists_and_mappings() {
    let text = error(
        "run_config:\n  tolerations:\n    __default__:\n      - {key: a, operator: Exists, effect: NoSchedule}\n      - {key: a, operator: Exists, effect: NoSchedul}\n",
    );
    assert!(text.contains("`run_config.tolerations.__default__[1].effect`"), "{text}");
    assert!(text.contains(":5:44"), "{text}");
    let text = error("run_config:\n  retry_policy:\n    train_model:\n      num_retries: 3\n");
    assert!(text.contains("the retry policy of `train_model` is not complete"), "{text}");
    assert!(text.contains("backoff_duration and backoff_factor missing"), "{text}");
    let text = error(
        "run_config:\n  retry_policy:\n    __default__: {num_retries: -1, backoff_duration: 5m, backoff_factor: 1}\n",
    );
    assert!(text.contains("a whole number that is not negative"), "{text}");
}

#[test]
fn a_key_that_is_not_indented_enough_and_a_default_without_its_lines() {
    let text = warnings("run_config:\n  image: x\nvolume: {}\n");
    assert!(text[0].contains("it belongs into run_config"), "{text:?}");
    let text = warnings("run_config:\n  resources: {default: {cpu: 1}}\n");
    assert!(text[0].contains("Did you mean `__default__`?"), "{text:?}");
    let text = error("run_config:\n  description: ${commit_idd}\n  image: ${branch_name}\n");
    assert!(text.contains("Did you mean `commit_id`?"), "{text}");
    assert!(!text.contains("Did you mean `branch_name`?"), "{text}");
}

#[test]
fn kinds_of_values_are_said_in_the_users_words() {
    let of = |value: &str| error(&format!("run_config:\n  {value}\n"));
    for (value, said) in [
        ("tolerations: {a: {key: b}}", "invalid type: a mapping, expected a list"),
        ("tolerations: {a: [b]}", "expected a mapping"),
        ("volume: [a]", "invalid type: a list, expected a mapping"),
        ("resources: 5", "expected a mapping"),
        ("image: [a]", "invalid type: a list, expected text"),
    ] {
        let text = of(value);
        assert!(text.contains(said), "{text}");
        for jargon in ["struct", "sequence", "a map,", "Written", "Volume"] {
            assert!(!text.contains(jargon), "{jargon}: {text}");
        }
        assert!(!text.contains("mappingping"), "{text}");
    }
}

#[test]
fn what_is_no_yaml_or_no_configuration() {
    let text = error("run_config:\n  image: x\n bad: 1\n");
    assert!(text.contains("this is not YAML") && text.contains(":3:2"), "{text}");
    let reason = text.lines().find(|line| line.contains('^')).unwrap();
    assert!(reason.trim_end().split('^').next_back().unwrap().len() > 10, "it says why: {text}");
    assert!(error("- a\n").contains("a configuration is a mapping"));
    assert!(error("a: 1\n---\nb: 2\n").contains("a second document"));
    assert!(error("host: x\n").contains("missing field `run_config`"), "{}", error("host: x\n"));
    assert!(load(b"run_config: \xff", None).unwrap_err().to_string().contains("not UTF-8"));
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n";
    assert!(error(bomb).contains("too large"), "{}", error(bomb));
}

#[test]
fn what_nothing_reads_is_a_warning_with_the_nearest_name() {
    let text = warnings("run_config:\n  image: x\n  on_exit_pipelin: y\n  volume: {own: 1}\n");
    assert_eq!(text.len(), 2, "{text:?}");
    assert!(text[0].contains("the key `run_config.on_exit_pipelin` is not known"), "{}", text[0]);
    assert!(text[0].contains(":3:3") && text[0].contains("`on_exit_pipeline`?"), "{}", text[0]);
    assert!(text[1].contains("`run_config.volume.own`"), "{}", text[1]);
    let text = warnings("run_config:\n  resources:\n    train_modl: {cpu: 1}\n    gpu: {cpu: 2}\n");
    assert_eq!(text.len(), 1);
    assert!(text[0].contains("no pipeline has a node or a tag `train_modl`"), "{}", text[0]);
    assert!(text[0].contains("Did you mean `train_model`?"), "{}", text[0]);
    let text = warnings("run_config:\n  image: x\n  image: y\n");
    assert!(
        text[0].contains("the key `image` stands twice") && text[0].contains(":3:3"),
        "{}",
        text[0]
    );
    let known = "host: h\nrun_config:\n  experiment_name: a\n  run_name: b\n  scheduled_run_name: c\n  wait_for_completion: False\n  max_cache_staleness: P0D\n  store_kedro_outputs_as_kfp_artifacts: True\n  resources:\n  tolerations:\n  retry_policy:\n";
    assert_eq!(warnings(known), Vec::<String>::new());
}

#[test]
fn names_stand_for_values() {
    let loaded = load(
        b"run_config:\n  image: r/i:${commit_id}-${branch_name|main}\n  ttl: ${oc.env:TTL,1}\n  description: ${oc.env:NONE, none given}\n",
        None,
    )
    .unwrap();
    let run_config = loaded.config.run_config;
    assert_eq!(run_config.image.as_deref(), Some("r/i:abc-main"));
    assert_eq!(run_config.ttl, 60, "text is a number where one is wanted");
    assert_eq!(run_config.description.as_deref(), Some("none given"));
    let text = error("run_config:\n  image: r/i:${comit_id}\n  description: ${nothing}\n");
    assert!(text.contains("`${comit_id}` stands for nothing. Did you mean `commit_id`?"), "{text}");
    assert!(text.contains("KEDRO_CONFIG_NOTHING"), "both are said at once: {text}");
    assert!(text.contains(":2:14"), "the place is the name's, not the value's: {text}");
}

#[test]
fn the_environment_replaces_top_level_keys() {
    let base = "host: a\nrun_config:\n  image: x\n  ttl: 5\n";
    let over = "run_config:\n  image: y\n";
    let config = load(base.as_bytes(), Some(over)).unwrap().config;
    assert_eq!(config.host.as_deref(), Some("a"));
    assert_eq!(config.run_config.image.as_deref(), Some("y"));
    assert_eq!(config.run_config.ttl, 604_800, "the base's run_config is gone as a whole");
    let wrong = load(base.as_bytes(), Some("run_config: {ttl: soon}")).unwrap_err().to_string();
    assert!(wrong.contains("conf/local/kubeflow.yml:1:19"), "{wrong}");
}

#[test]
fn a_missing_file_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources {
        root: folder.path(),
        conf_source: "conf",
        base_env: "base",
        env: "local",
        variables: BTreeMap::new(),
        environment: BTreeMap::new(),
        node_names: Vec::new(),
        pipeline_names: Vec::new(),
        kedro: FromKedro::default(),
    };
    let text = config::load(&sources).unwrap_err().to_string();
    assert!(text.contains("conf/base") && text.contains("conf/local"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes, None).map(|_| ()).map_err(|error| error.to_string());
    }

    #[test]
    fn any_text_near_yaml_gives_an_answer(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "run_config", "volume", "size", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&a ",
            "*a", "<<", "!!str ", "!x ", "|", ">", "\"", "'", "${", "}", "#", "1Gi", "null", "é",
            "resources", "__default__", "\t", "? ", "---\n", "%YAML 1.1\n",
        ]), 0..40),
    ) {
        let _ = load(pieces.concat().as_bytes(), None).map(|_| ()).map_err(|error| error.to_string());
    }
}
