//! `${…}` in `kubeflow.yaml`: the same texts are read by Kedro's own loaders,
//! and what is wrong is said with its place.

use std::collections::BTreeMap;
use std::path::Path;

use kubedro::config::{self, FromKedro, Loader, Sources};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::support::{Kedro, OLD, Project, for_each_kedro, stderr};

// ------------------------------------------------------------ Kedro's loaders

/// Documents that `OmegaConfigLoader` reads: base, environment.
const OMEGACONF: &[(&str, &str)] = &[
    (
        "{a: {b: 1, l: [1, 2.5, {c: x}]}, r: ['${a.b}', 'x${a.b}', '${a.l}', 'x${a.l}', '${a}', 'x${a}']}",
        "",
    ),
    (
        "{a: {b: 1, l: [1, 2.5, {c: x}]}, r: ['${a.l[2].c}', '${a.l.2.c}', '${a.l[-1].c}', '${a[b]}', '${[a][b]}', '${ a.b }']}",
        "",
    ),
    (
        "{a: {t: yes, n: null, f: 1.0e+16, s: it's, u: \"é\\n\"}, r: ['${a.t} ${a.n} ${a.f} ${a.s}', '${a.t}', '${a.n}', '${a.f}', '-${a}']}",
        "",
    ),
    (
        "{a: {b: 1, d: {e: '${..b}', f: ['${..e}', '${.0}']}, g: '${.d.e}'}, z: '${a.d}', r: ['${z.e}', '${z}', 'x${z}', '${..a.g}', '${.0}']}",
        "",
    ),
    (
        "{r: ['${oc.env:SET}', '${oc.env:SET,default}', 'a${oc.env:SET}b', '${ oc.env : SET }', '${oc.env:\"SET\"}']}",
        "",
    ),
    (
        "{r: ['${oc.env:NO,5}', '${oc.env:NO,true}', '${oc.env:NO, 1.50}', '${oc.env:NO, 1e3}', '${oc.env:NO,null}', 'x${oc.env:NO,null}', '${oc.env:NO,007}', '${oc.env:NO,nan}']}",
        "",
    ),
    (
        "{r: ['${oc.env:NO, unknown-commit}', '${oc.env:NO,a b }', '${oc.env:NO,}', '${oc.env:NO,\"a, b\"}', '${oc.env:NO,http://x:80/y}', '${oc.env:NO,[1,{a: b}]}', '${oc.env:NO,a\\,b}', '${oc.env:NO,\"\"}']}",
        "",
    ),
    (
        "{a: {b: 1}, r: ['${oc.env:NO,${oc.env:NO,${oc.env:SET}}}', '${oc.env:NO,${a.b}}', '${oc.env:NO,pre-${a.b}-post}', '${oc.env:NO,\"q ${a.b}\"}', '${oc.env:${oc.env:NO,SET}}', '${${oc.env:NO,oc}.env:SET}']}",
        "",
    ),
    (
        "{a: {b: {c: 1}}, k: b.c, r: ['${a.${oc.env:NO,b}}', '${a.${k}}', '${a[${oc.env:NO,b}].c}']}",
        "",
    ),
    (
        "{a: {b: {c: 5}, k: '.b', r: '${${.k}}', q: {x: '${.${..k}.c}'}, s: '${${.k}.c}'}, p: a.b, t: '${${p}.c}'}",
        "",
    ),
    (
        "{r: ['${oc.env:NO,a: }', '${oc.env:NO,a : b}', '${oc.decode:\"5 \"}', '${oc.decode:\"5\"}']}",
        "",
    ),
    (
        "{r: ['${oc.decode:${oc.env:SET}}', '${oc.decode:\"[1, 2.5, {a: b}, null, True]\"}', '${oc.decode:null}', '${oc.decode:\"${oc.env:SET}\"}', '${oc.decode:\"1_000\"}', '${oc.decode:\" 5\"}']}",
        "",
    ),
    (
        "{a: {b: 1, m: '???', n: null}, r: ['${oc.select:a.b}', '${oc.select:a.zz}', '${oc.select:a.zz,[7]}', '${oc.select:a.n,7}', '${oc.select:a.m,7}', '${oc.select:a.b.c,7}', '${oc.select:..a.b,7}']}",
        "",
    ),
    (
        r"{a: {b: 1}, r: ['\${a.b}', '\\${a.b}', '\\\${a.b}', 'a\b ${a.b}', 'a\\ ${a.b}\\', '$${a.b}', '{${a.b}}', '$5 {x}']}",
        "",
    ),
    (
        "{r: ['${globals:bucket}', '${globals:deep.list}', '${globals:\"deep.list[1]\"}', 'x${globals:deep}', '${globals:none, 5}', '${globals:no, 5}', '${globals:no,${globals:bucket}}', '${globals:no,null}']}",
        "",
    ),
    (
        "{r: ['${runtime_params:tag, latest}', 'x${runtime_params:a.b, 5}', '${runtime_params:tag,null}']}",
        "",
    ),
    ("{_t: {image: x, n: [1]}, a: '${_t}', b: '${_t.image}:1', _u: '${undefined}'}", ""),
    // Each layer is resolved for itself; a top-level key replaces.
    ("{a: 1, b: '${a}', c: {d: 1, e: 2}}", "{a: 2, c: {f: '${a}'}}"),
    ("{_a: 1, b: '${_a}'}", "{_a: 2, c: '${_a}', d: }"),
    ("", "{a: '${b}', b: [1]}"),
    (
        "a:\n  plain: ${oc.env:SET}\n  folded: >\n    x ${oc.env:SET}\n    y\n  literal: |\n    ${oc.env:SET}\n",
        "",
    ),
    ("a: &x {b: '${.c}', c: 1}\nd: *x\ne: {<<: *x, c: 2}\n", ""),
];

/// Documents that `OmegaConfigLoader` refuses, and what is said of them here.
const REFUSED: &[(&str, &str)] = &[
    ("{a: '${nope}'}", "`${nope}` stands for nothing"),
    ("{a: {b: 1}, r: '${a.c}'}", "`${a.c}` stands for nothing"),
    ("{a: {b: 1}, r: '${a.b.c}'}", "`${a.b.c}` stands for nothing"),
    ("{a: {b: '${.c}'}}", "`${.c}` stands for nothing"),
    ("{a: {b: '${...c}'}, c: 1}", "more dots than sections"),
    ("{a: '${oc.env:NO}'}", "the environment variable `NO` is not set"),
    ("{a: '${oc.env:SET,${nope}}'}", "`${nope}` stands for nothing"),
    ("{a: '${oc.env:}'}", "`oc.env` takes a name, and a default if wanted"),
    ("{a: '${oc.env:A,b,c}'}", "`oc.env` takes a name, and a default if wanted"),
    ("{a: '${oc.decode:5}'}", "`oc.decode` takes text"),
    ("{a: '${oc.decode:\"\"}'}", "`oc.decode` cannot read ``"),
    ("{a: '${oc.decode:\"[\"}'}", "`oc.decode` cannot read `[`"),
    ("{a: '${globals:buckt}'}", "the project's globals have no `buckt`. Did you mean `bucket`?"),
    ("{a: '${globals:deep.lst}'}", "have no `deep.lst`. Did you mean `list`?"),
    ("{a: '${globals:_hidden}'}", "`_hidden` is no global"),
    ("{a: '${runtime_params:tag}'}", "the parameter `tag` is not given for this run"),
    ("{a: '${glbals:bucket}'}", "the resolver `glbals` is not known. Did you mean `globals`?"),
    ("{a: '${b}', b: '???'}", "`b` has no value yet"),
    ("{a: '${b}', b: '${a}'}", "stands for itself"),
    ("{a: '${a}'}", "`a` stands for itself"),
    ("{a: {b: '${a}'}}", "stands for itself"),
    ("{a: {b: '${..c}'}, c: ['${a}']}", "stands for itself"),
    ("{a: '${open'}", "its `}` is missing"),
    ("{a: '${}'}", "a name is missing"),
    ("{a: '${b c}'}", "`c` makes no sense here"),
    ("{a: '${b.}', b: 1}", "a name is missing"),
    ("{a: '${oc.env:NO,é}'}", "`é` needs quotes around the whole value"),
    ("{a: '${oc.env:NO,a(b)}'}", "`(` needs quotes around the whole value"),
    ("{a: '${oc.env:NO,\"a}'}", "the quote is not closed"),
    ("{a: '${oc.env:NO,[1}'}", "`}` makes no sense here"),
    ("{a: '${oc.env:NO,{b}}'}", "`}` makes no sense here"),
    ("{a: '${[[1]]: x}'}", "`[` makes no sense here"),
];

/// Documents that `TemplatedConfigLoader` reads, 0.18's other loader.
const TEMPLATED: &[(&str, &str)] = &[
    ("{a: '${bucket}', b: 'x${bucket}y', c: '${bucket}${bucket}'}", ""),
    (
        "{a: '${bucket|d}', b: '${no|d}', c: '${no|}', d: '${no|a b:c, \"d\"}', e: 'x${no|null}', f: '${no|null}', g: '${no|5}'}",
        "",
    ),
    (
        "{a: '${deep.list}', b: 'x${deep.list}', c: '${deep}', d: 'x${deep}', e: '${deep.nil|d}'}",
        "",
    ),
    ("{a: '${none|d}', b: '${extra}', c: '${extra.yes}', d: 'x ${extra.yes} ${extra.half}'}", ""),
    ("{'${bucket}': 1, 'x${no|y}': {'${deep.nil|z}': 2}}", ""),
    (
        "{a: '${open', b: '${', c: '${}', d: '${bucket', e: '$ {bucket}', f: '{bucket}', g: '${no no}'}",
        "",
    ),
    ("{a: 1, b: {c: '${bucket}'}}", "{b: {d: '${bucket}'}, '_c': 1}"),
    ("host: ${bucket}\nrun_config: {image: 'i:${commit_id|dirty}', host: '${host|h}'}\n", ""),
];

const GLOBALS: &str = "bucket: b1\ndeep: {list: [1, a], nil: null}\nnone: null\n_hidden: 1\n";

/// Reads the documents one by one as the project's own loader does.
const READ_BY_KEDRO: &str = r#"
import json, logging, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf
from omegaconf.resolvers import oc

root = Path(os.getcwd())
bootstrap_project(root)
results = []
for base, over in json.load(open(sys.argv[1], encoding="utf-8")):
    for layer, text in (("base", base), ("local", over)):
        (root / "conf" / layer / "kubeflow.yaml").write_text(text or "{}", encoding="utf-8")
    try:
        loader = settings.CONFIG_LOADER_CLASS(
            conf_source=str(root / settings.CONF_SOURCE), env="local", **settings.CONFIG_LOADER_ARGS)
        if "Omega" in type(loader).__name__:
            OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
            loader.config_patterns["kubeflow"] = ["kubeflow*", "kubeflow*/**"]
            found = loader["kubeflow"]
        else:
            found = loader.get("kubeflow*")
        results.append({"value": json.loads(json.dumps(found))})
    except Exception as error:
        results.append({"error": type(error).__name__ + ": " + str(error)})
json.dump(results, open(sys.argv[2], "w"))
"#;

const TEMPLATED_SETTINGS: &str = "from kedro.config import TemplatedConfigLoader\n\nCONFIG_LOADER_CLASS = TemplatedConfigLoader\nCONFIG_LOADER_ARGS = {\"globals_pattern\": \"globals*.yml\", \"globals_dict\": {\"extra\": {\"yes\": True, \"half\": 0.5}}}\n";

fn read_by_kedro(project: &Project, documents: &[(&str, &str)]) -> Vec<Json> {
    let (asked, told) = (project.scratch("asked.json"), project.scratch("told.json"));
    std::fs::write(&asked, serde_json::to_vec(documents).unwrap()).unwrap();
    std::process::Command::new(project.kedro.python())
        .args(["-c", READ_BY_KEDRO])
        .args([&asked, &told])
        .current_dir(project.path())
        .env("SET", "60")
        .env_remove("NO")
        .output()
        .map(|output| assert!(output.status.success(), "{}", stderr(&output)))
        .unwrap();
    serde_json::from_slice(&std::fs::read(told).unwrap()).unwrap()
}

fn globals() -> Json {
    json!({"bucket": "b1", "deep": {"list": [1, "a"], "nil": null}, "none": null})
}

fn read_here(kedro: &FromKedro, base: &str, over: &str) -> Result<Json, String> {
    let folder = tempfile::tempdir().unwrap();
    for (layer, text) in [("base", base), ("local", over)] {
        let layer = folder.path().join("conf").join(layer);
        std::fs::create_dir_all(&layer).unwrap();
        std::fs::write(layer.join("kubeflow.yaml"), text).unwrap();
    }
    read_folder(kedro, folder.path())
}

fn read_folder(kedro: &FromKedro, root: &Path) -> Result<Json, String> {
    config::resolved(&Sources {
        root,
        conf_source: "conf",
        base_env: "base",
        env: "local",
        variables: BTreeMap::from([("commit_id".to_owned(), "abc".to_owned())]),
        environment: [("SET", "60"), ("CODE", "[${nope}]"), ("KEDRO_CONFIG_BRANCH_NAME", "main")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        node_names: Vec::new(),
        pipeline_names: Vec::new(),
        kedro: kedro.clone(),
    })
    .map_err(|error| error.to_string())
}

fn omegaconf() -> FromKedro {
    FromKedro { loader: Loader::OmegaConf, globals: globals(), ..FromKedro::default() }
}

fn templated() -> FromKedro {
    let mut globals = globals();
    globals["extra"] = json!({"yes": true, "half": 0.5});
    FromKedro { globals, ..FromKedro::default() }
}

for_each_kedro!(as_omegaconf_reads_it);

fn as_omegaconf_reads_it(kedro: Kedro) {
    let project = Project::tiny(kedro, "def register_pipelines():\n    return {}\n");
    project.write("conf/base/globals.yml", GLOBALS);
    for ((base, over), theirs) in OMEGACONF.iter().zip(read_by_kedro(&project, OMEGACONF)) {
        let ours = read_here(&omegaconf(), base, over);
        if base.contains("undefined") {
            // Kedro resolves what is never used, too.
            assert!(theirs["error"].is_string() && ours.is_ok());
            continue;
        }
        assert_eq!(ours.as_ref(), Ok(&theirs["value"]), "{base} {over}: {theirs}");
    }
    let refused: Vec<(&str, &str)> = REFUSED.iter().map(|(text, _)| (*text, "")).collect();
    for ((text, words), theirs) in REFUSED.iter().zip(read_by_kedro(&project, &refused)) {
        assert!(theirs["error"].is_string(), "Kedro takes {text}: {theirs}");
        let ours = read_here(&omegaconf(), text, "").unwrap_err();
        assert!(ours.contains(words), "{text}: {ours}");
    }
}

#[test]
fn as_templated_config_loader_reads_it() {
    let project = Project::tiny(OLD, "def register_pipelines():\n    return {}\n");
    project.write("conf/base/globals.yml", GLOBALS);
    project.write("src/tiny/settings.py", TEMPLATED_SETTINGS);
    for ((base, over), theirs) in TEMPLATED.iter().zip(read_by_kedro(&project, TEMPLATED)) {
        let mut ours = FromKedro { ..templated() };
        // There are no variables in Kedro's own loader.
        if base.contains("commit_id") {
            ours.globals["commit_id"] = Json::Null;
            let found = read_here(&ours, base, over).unwrap();
            assert_eq!(found["run_config"]["image"], "i:abc");
            assert_eq!(theirs["value"]["run_config"]["image"], "i:dirty");
            continue;
        }
        assert_eq!(read_here(&ours, base, over).as_ref(), Ok(&theirs["value"]), "{base} {over}");
    }
    let twice = "{s: {'${no}': 1}, t: '${s}', u: '${s}'}";
    let error = read_here(&templated(), twice, "").unwrap_err();
    assert_eq!(error.matches("error").count(), 1, "told once: {error}");
    for (text, words) in [
        ("{a: '${no}'}", "`${no}` stands for nothing"),
        ("{a: '${none}'}", "`${none}` stands for nothing"),
        ("{'${no}': 1}", "`${no}` stands for nothing"),
        ("{a: '${deep.lst}'}", "Did you mean `deep.list`?"),
    ] {
        let theirs = &read_by_kedro(&project, &[(text, "")])[0];
        assert!(theirs["error"].is_string(), "Kedro takes {text}: {theirs}");
        let ours = read_here(&templated(), text, "").unwrap_err();
        assert!(ours.contains(words), "{text}: {ours}");
    }
}

#[test]
fn either_syntax_works_with_the_other_loader() {
    let text = "{a: '${commit_id|dirty}', b: '${branch|main}', c: '${oc.env:SET}', d: '${globals:bucket}', e: '${bucket}', f: '${a}-${.b}', g: '${deep.list}'}";
    let wanted = json!({"a": "abc", "b": "main", "c": "60", "d": "b1", "e": "b1", "f": "abc-main", "g": [1, "a"]});
    for kedro in [omegaconf(), templated()] {
        assert_eq!(read_here(&kedro, text, ""), Ok(wanted.clone()), "{:?}", kedro.loader);
    }
}

#[test]
fn variables_of_kedro_kubeflow() {
    // 0.11.0's loader sets `branch_name` for KEDRO_CONFIG_BRANCH_NAME.
    let text = "{a: '${oc.env:branch_name}', b: '${oc.env:BRANCH_NAME, no}', c: '${oc.env:KEDRO_CONFIG_BRANCH_NAME}'}";
    let wanted = json!({"a": "main", "b": "no", "c": "main"});
    assert_eq!(read_here(&omegaconf(), text, ""), Ok(wanted));
    let error = read_here(&templated(), "{a: '${brach_name}'}", "").unwrap_err();
    assert!(error.contains("Did you mean `branch_name`?"), "{error}");
}

#[test]
fn what_both_loaders_know_is_read_as_the_projects_own_does() {
    // A key of the file, and a global.
    let text = "{bucket: own, a: '${bucket}'}";
    assert_eq!(read_here(&omegaconf(), text, "").unwrap()["a"], "own");
    assert_eq!(read_here(&templated(), text, "").unwrap()["a"], "b1");
    // A value is not its own meaning: the variable is.
    let text = "{commit_id: '${commit_id}', deep: {list: '${deep.list}'}}";
    let wanted = json!({"commit_id": "abc", "deep": {"list": [1, "a"]}});
    assert_eq!(read_here(&omegaconf(), text, ""), Ok(wanted));
    // What begins nothing is text for one, a mistake for the other.
    assert_eq!(read_here(&templated(), "{a: '${open'}", "").unwrap()["a"], "${open");
    assert!(read_here(&omegaconf(), "{a: '${open'}", "").is_err());
    // Only one of them looks into keys.
    let text = "{'${bucket}': 1}";
    assert_eq!(read_here(&templated(), text, ""), Ok(json!({"b1": 1})));
    assert_eq!(read_here(&omegaconf(), text, ""), Ok(json!({"${bucket}": 1})));
}

#[test]
fn a_layer_may_use_what_only_the_other_has() {
    let found = read_here(&omegaconf(), "{_image: x, a: 1}", "{b: '${_image}', a: '${b}'}");
    assert_eq!(found, Ok(json!({"a": "x", "b": "x"})));
}

#[test]
fn a_soft_merge_goes_key_by_key() {
    let kedro = FromKedro { soft_merge: true, ..omegaconf() };
    let base = "{_v: {size: 1Gi, keep: False}, run: {volume: '${_v}', l: [1, 2], image: x}, a: 1}";
    let over = "{run: {volume: {keep: True}, l: [3]}, b: 2}";
    let wanted = json!({"run": {"volume": {"size": "1Gi", "keep": true}, "l": [3], "image": "x"}, "a": 1, "b": 2});
    assert_eq!(read_here(&kedro, base, over), Ok(wanted));
}

// --------------------------------------------------------------------- places

#[test]
fn the_place_is_the_names_own() {
    let error = |text: &str| read_here(&omegaconf(), text, "").unwrap_err();
    let text = error("run_config:\n  image: r/i:${commit_id}-${comit_id}\n");
    assert!(text.contains("`${comit_id}` stands for nothing. Did you mean `commit_id`?"), "{text}");
    assert!(text.contains("conf/base/kubeflow.yaml:2:27"), "{text}");
    assert!(text.contains("set the environment variable KEDRO_CONFIG_COMIT_ID"), "{text}");
    let text = error("a: \"x ${oc.env:A,${nope}}\"\n");
    assert!(text.contains(":1:18"), "the inner one: {text}");
    let text = error("a: '${b}'\nb: ${c} ${c} \\${d} ${d}\nc: 1\n");
    assert!(text.contains(":2:20"), "the one that is no text: {text}");
    assert_eq!(text.matches("error").count(), 1, "told once: {text}");
    let text = error("a: |\n  one\n  ${nope}\n");
    assert!(text.contains(":3:3"), "{text}");
    // Where the file has other letters than the value, the whole value.
    let text = error("a: \"\\x24{nope}\"\n");
    assert!(text.contains(":1:4"), "{text}");
    let text = error("a: ${one} ${two}\nb: ${three}\n");
    for name in ["one", "two", "three"] {
        assert!(text.contains(&format!("`${{{name}}}` stands")), "all at once: {text}");
    }
    let text = error("run_config:\n  image: x\nb: ${run_config.imag}\n");
    assert!(text.contains("Did you mean `run_config.image`?"), "{text}");
    let text = error("run_config:\n  image: x\n  b: ${.imag}\n");
    assert!(text.contains("Did you mean `.image`?"), "{text}");
    // What a decoded text says stands in no file.
    let text = error("a: x ${oc.decode:${oc.env:CODE}}\n");
    assert!(text.contains(":1:6") && text.contains("`${nope}`"), "{text}");
}

#[test]
fn a_value_that_cannot_be_used_is_shown_where_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("conf/base");
    std::fs::create_dir_all(&base).unwrap();
    let load = |text: &str| {
        std::fs::write(base.join("kubeflow.yaml"), text).unwrap();
        config::load(&Sources {
            root: folder.path(),
            conf_source: "conf",
            base_env: "base",
            env: "base",
            variables: BTreeMap::new(),
            environment: BTreeMap::from([("TTL".to_owned(), "soon".to_owned())]),
            node_names: Vec::new(),
            pipeline_names: Vec::new(),
            kedro: omegaconf(),
        })
    };
    let text = load("run_config:\n  ttl: ${oc.env:TTL}\n").unwrap_err().to_string();
    assert!(text.contains(":2:8") && text.contains("`run_config.ttl`"), "{text}");
    let text = load("_v: {size: 1Gib}\nrun_config:\n  volume: ${_v}\n").unwrap_err().to_string();
    assert!(text.contains(":1:12") && text.contains("`run_config.volume.size`"), "{text}");
    let loaded =
        load("_v: {size: 2Gi}\nrun_config:\n  volume: ${_v}\n  run_name: r-{region}\n").unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.config.run_config.volume.unwrap().size.0, "2Gi");
    assert_eq!(loaded.config.run_config.run_name.unwrap().names(), ["region"]);
}

#[test]
fn names_of_runs_are_templates() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("conf/base");
    std::fs::create_dir_all(&base).unwrap();
    let load = |text: &str| {
        std::fs::write(base.join("kubeflow.yaml"), text).unwrap();
        config::load(&Sources {
            root: folder.path(),
            conf_source: "conf",
            base_env: "base",
            env: "base",
            variables: BTreeMap::from([("commit_id".to_owned(), "abc".to_owned())]),
            environment: BTreeMap::new(),
            node_names: Vec::new(),
            pipeline_names: Vec::new(),
            kedro: omegaconf(),
        })
        .map(|loaded| loaded.config.run_config)
    };
    let run =
        load("run_config: {run_name: 'r {a} ${commit_id}', experiment_name: 'e {a}'}").unwrap();
    let parameters = json!({"a": 1.0});
    let rendered = run.run_name.as_ref().unwrap().render(parameters.as_object().unwrap());
    assert_eq!(rendered.as_deref(), Ok("r 1.0 abc"));
    assert_eq!(run.schedule_name(), run.run_name.as_ref());
    assert_eq!(run.experiment_name.as_deref(), Some("e {a}"), "nobody fills it in");
    let run = load("run_config: {run_name: r, scheduled_run_name: 's {b!r}'}").unwrap();
    assert_eq!(run.schedule_name().unwrap().names(), ["b"]);
    // What cannot be filled is no reason not to compile; a finding says it.
    let run = load("run_config:\n  run_name: r {a:>5}\n").unwrap();
    let problem = run.run_name.as_ref().unwrap().problem().unwrap();
    assert!(problem.contains("`{a:>5}` has a format"), "{problem}");
}

// ----------------------------------------------------------- cycles and growth

#[test]
fn a_cycle_says_its_way() {
    let text = read_here(&omegaconf(), "a: ${b}\nb: x ${c.d}\nc:\n  d: ${a}\n", "").unwrap_err();
    assert!(text.contains("a → b → c.d → a"), "{text}");
    assert!(text.contains(":4:6"), "{text}");
    assert_eq!(text.matches("error").count(), 1, "{text}");
}

#[test]
fn growth_is_bounded() {
    use std::fmt::Write as _;
    let mut chain = String::from("a0: x\n");
    let mut text = String::from("a0: 0123456789\n");
    let mut list = String::from("a0: [1]\n");
    for at in 1..60 {
        writeln!(chain, "a{at}: ${{a{}}}", at - 1).unwrap();
        writeln!(text, "a{at}: '${{a{0}}}${{a{0}}}'", at - 1).unwrap();
        writeln!(list, "a{at}: ['${{a{0}}}', '${{a{0}}}']", at - 1).unwrap();
    }
    assert_eq!(read_here(&omegaconf(), &chain, "").unwrap()["a59"], "x");
    let mut globals = omegaconf();
    globals.globals = json!({"many": vec![0; 1000]});
    let many = format!("a: [{}]", "'${globals:many}', ".repeat(300));
    let error = read_here(&globals, &many, "").map(|_| "it was read").unwrap_err();
    assert!(error.contains("makes the configuration too large"), "{error}");
    for grows in [&text, &list] {
        let error = read_here(&omegaconf(), grows, "").map(|_| "it was read").unwrap_err();
        assert!(error.contains("makes the configuration too large"), "{error}");
    }
    for at in 1..5000 {
        writeln!(chain, "b{at}: ${{b{}}}", at + 1).unwrap();
    }
    let error = read_here(&omegaconf(), &format!("{chain}b5000: 1\n"), "");
    let error = error.map(|_| "it was read").unwrap_err();
    assert!(error.contains("leads to `${…}` too often"), "{error}");
    for deep in [
        format!("a: '{}'", "${".repeat(50_000)),
        format!("a: '{}'", "${oc.env:A,".repeat(20_000)),
        format!("a: '${{oc.env:A,{}'", "[".repeat(50_000)),
        format!("a: '${{oc.env:A,{}'", "'".repeat(50_000)),
        format!("a: '{}'", "${a|".repeat(20_000)),
        format!("a: '{}${{x}}'", "\\".repeat(100_001)),
    ] {
        for kedro in [omegaconf(), templated()] {
            let _ = read_here(&kedro, &deep, "");
        }
    }
    // Aliases could lead deeper than any parser goes.
    let mut aliases = String::from("a0: &a0 [1]\n");
    for at in 1..30 {
        writeln!(aliases, "a{at}: &a{at} {}*a{}{}", "[".repeat(200), at - 1, "]".repeat(200))
            .unwrap();
    }
    let error = read_here(&omegaconf(), &aliases, "").unwrap_err();
    assert!(error.contains("nested too deeply"), "{error}");
    let mut links = String::from("a0: 1\n");
    for at in 1..30 {
        writeln!(links, "a{at}: {}'${{a{}}}'{}", "[".repeat(200), at - 1, "]".repeat(200)).unwrap();
    }
    let error = read_here(&omegaconf(), &links, "").unwrap_err();
    assert!(error.contains("nested too deeply"), "{error}");
}

// ---------------------------------------------------------------- the program

const REGISTRY: &str = "from omegaconf import OmegaConf\n\nOmegaConf.register_new_resolver('elsewhere', lambda: 'here', replace=True)\n\ndef say(): return 1\n\ndef register_pipelines():\n    return {'__default__': pipeline([node(say, None, 'out_x', name='say')]), 'last': pipeline([node(say, None, 'out_last', name='last')])}\n";

const CUSTOM: &str = r#"import datetime

from kedro.config import OmegaConfigLoader


def lookup(name):
    return {"db": "mysql", "list": [1, 2.5, {"a": None}]}[name]


CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {
        "lookup": lookup,
        "ns.join": lambda *words: "+".join(map(str, words)),
        "day": lambda: datetime.date(2020, 1, 31),
        "table": lambda: {"cpu": 2, "memory": "1Gi"},
    },
}
"#;

/// Texts that Kedro's own loader and the program read, one as the other.
const EXPRESSIONS: &[&str] = &[
    "plain",
    "x-${lookup:db}",
    "x${lookup:list}",
    "${ns.join:a, 1, ${oc.env:SET}, ${globals:bucket}}",
    "${ns.join:${lookup:db},'b c',[1,${.key}]}",
    "${oc.env:NO,${lookup:db}}",
    "${elsewhere:}",
    "${day:}",
    "${own.name} ${own.alias}",
    "${oc.env:SET}",
    "${oc.env:NO, default}",
    "${globals:bucket}/${globals:deep.list}",
    "${oc.decode:${oc.env:SET}}",
    "${oc.select:nothing,5}",
    "x${oc.create:{a: 1}}",
    "\\${lookup:db}",
    "${runtime_params:tag, latest}",
];

fn project_with(kedro: Kedro, settings: &str) -> Project {
    let project = Project::tiny(kedro, REGISTRY);
    project.write("src/tiny/settings.py", settings);
    project.write("conf/base/globals.yml", GLOBALS);
    project
}

/// The texts as values of tolerations, which a workflow shows.
fn with_expressions(expressions: &[&str]) -> String {
    let tolerations: Vec<Json> = expressions
        .iter()
        .map(|text| json!({"key": "k", "operator": "Equal", "effect": "NoSchedule", "value": text}))
        .collect();
    json!({
        "own": {"name": "n", "alias": "${lookup:db}"},
        "run_config": {"image": "i", "volume": {}, "tolerations": {"__default__": tolerations}},
    })
    .to_string()
}

fn compiled_expressions(project: &Project, environment: &[(&str, &str)]) -> Vec<Json> {
    let mut command = project.kubedro(&["compile", "-o", "-"]);
    command.env("SET", "60").env_remove("NO").envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let workflow = project.as_tree(&crate::support::stdout(&output));
    let tolerations = workflow.template("say")["tolerations"].as_array().unwrap();
    tolerations.iter().map(|toleration| toleration["value"].clone()).collect()
}

fn refusal(project: &Project) -> String {
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(32), "{}", stderr(&output));
    stderr(&output)
}

for_each_kedro!(as_the_projects_own_loader, what_a_resolver_raises, runtime_parameters);

fn as_the_projects_own_loader(kedro: Kedro) {
    let project = project_with(kedro, CUSTOM);
    let text = with_expressions(EXPRESSIONS);
    // The driver does not import the pipelines.
    let alone = text.replace("${elsewhere:}", "here").replace("${day:}", "2020-01-31");
    let theirs = &read_by_kedro(&project, &[(&alone, "")])[0];
    project.write("conf/base/kubeflow.yaml", &text);
    let ours = compiled_expressions(&project, &[]);
    let theirs = theirs["value"]["run_config"]["tolerations"]["__default__"].as_array();
    let theirs = theirs.unwrap_or_else(|| panic!("{ours:?}"));
    for ((expression, ours), theirs) in EXPRESSIONS.iter().zip(&ours).zip(theirs) {
        match (&theirs["value"], ours) {
            // A toleration's value is text; so lists and mappings are refused.
            (Json::String(_) | Json::Null, _) => assert_eq!(ours, &theirs["value"], "{expression}"),
            (theirs, ours) => assert_eq!(ours.as_str(), Some(&*theirs.to_string()), "{expression}"),
        }
    }
}

fn what_a_resolver_raises(kedro: Kedro) {
    let project = project_with(kedro, CUSTOM);
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: i\n  description: a ${commit_id|none} ${lookup:nothing}\n  resources:\n    __default__: ${table:}\n",
    );
    let text = refusal(&project);
    assert!(text.contains("Kedro cannot resolve `${lookup:…}`"), "{text}");
    assert!(text.contains("KeyError: 'nothing'") && text.contains(":3:36"), "{text}");
    assert!(text.contains("raised in src/tiny/settings.py:7"), "{text}");
    project.replace("conf/base/kubeflow.yaml", "${lookup:nothing}", "${lokup:db}");
    let text = refusal(&project);
    assert!(text.contains("the resolver `lokup` is not known. Did you mean `lookup`?"), "{text}");
    project.replace(
        "conf/base/kubeflow.yaml",
        "${lokup:db}",
        "${lookup:db} ${oc.env:NO,${pipeline_name}}",
    );
    let workflow = project.compiled(&[]);
    let description = "a none mysql __default__";
    assert_eq!(
        workflow.0["metadata"]["annotations"]["workflows.argoproj.io/description"],
        description
    );
    assert_eq!(workflow.container("say")["resources"]["limits"]["cpu"], "2");
    // A file that is no YAML is the program's own to tell.
    project.write("conf/base/kubeflow.yaml", "a: ${lookup:db}\n b: [\n");
    assert!(refusal(&project).contains("this is not YAML"));
    project.write("conf/base/kubeflow.yaml", "a: ${lookup:db}\na: &a [*a]\n");
    assert!(refusal(&project).contains("an alias to a value that contains it"));
}

fn runtime_parameters(kedro: Kedro) {
    let project = project_with(kedro, CUSTOM);
    project.write("conf/base/parameters.yml", "exit: {pipeline: none}\n");
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: i\n  volume: {}\n  on_exit_pipeline: ${runtime_params:exit.pipeline}\n",
    );
    let text = refusal(&project);
    assert!(text.contains("the parameter `exit.pipeline` is not given for this run"), "{text}");
    assert!(text.contains("${runtime_params:exit.pipeline, default}"), "{text}");
    let (output, _) = project.run_local(&["--param", "exit.pipeline=last"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("on-exit: succeeded"), "{}", stderr(&output));
}

#[test]
fn a_templated_project() {
    let project = project_with(OLD, TEMPLATED_SETTINGS);
    let text = with_expressions(&[
        "${bucket}",
        "${no|d}",
        "x${deep.list}",
        "${oc.env:SET}",
        "${extra.half}",
    ])
    .replace("${lookup:db}", "");
    project.write("conf/base/kubeflow.yaml", &text);
    let ours = compiled_expressions(&project, &[("KEDRO_CONFIG_NO", "yes")]);
    assert_eq!(ours, ["b1", "yes", "x[1, 'a']", "60", "0.5"]);
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: i\n  description: ${glbals:bucket}\n",
    );
    let text = refusal(&project);
    assert!(text.contains("the resolver `glbals` is not known. Did you mean `globals`?"), "{text}");
    assert!(text.contains(":3:16"), "{text}");
}

#[test]
fn a_template_of_jinja_is_read_as_kedro_reads_it() {
    let project = project_with(OLD, TEMPLATED_SETTINGS);
    let text = "run_config:\n  image: i\n  volume: {}\n  ttl: {{ 40 + 2 }}\n  resources:\n{% for name in ['say', 'last'] %}\n    {{ name }}: {cpu: {{ loop.index }}}\n{% endfor %}\n";
    project.write("conf/base/kubeflow.yaml", text);
    let workflow = project.compiled(&[]);
    assert_eq!(workflow.spec()["ttlStrategy"]["secondsAfterCompletion"], 42);
    assert_eq!(workflow.container("say")["resources"]["limits"]["cpu"], "1");
    project.write("conf/base/kubeflow.yaml", &text.replace("{cpu:", "{cpu: x, mem:"));
    let text = refusal(&project);
    assert!(text.contains("conf/base/kubeflow.yaml (as Jinja has rendered it):7:16"), "{text}");
    // Each file is its own.
    project.write("conf/local/kubeflow.yaml", "run_config: {image: i, volume: {}, ttl: 7}\n");
    assert_eq!(project.compiled(&[]).spec()["ttlStrategy"]["secondsAfterCompletion"], 7);
    project.write("conf/local/kubeflow.yaml", "");
    // What is no template of Jinja stays as it is.
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: i\n  volume: {}\n  description: '{{workflow.name}} {# c'\n",
    );
    assert!(project.compile(&[]).contains("{{workflow.name}} {# c"));
}

#[test]
fn a_project_may_have_its_own_for_a_usual_one() {
    let settings = CUSTOM.replace("\"lookup\": lookup", "\"oc.env\": lambda name: \"own-\" + name");
    let project = project_with(OLD, &settings);
    project.write(
        "conf/base/kubeflow.yaml",
        &with_expressions(&["${oc.env:SET}"]).replace("${lookup:db}", ""),
    );
    assert_eq!(compiled_expressions(&project, &[]), ["own-SET"]);
}

// --------------------------------------------------------------------- files

fn files(files: &[(&str, &str)]) -> Result<Json, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("conf").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    read_folder(&omegaconf(), folder.path())
}

#[test]
fn all_files_of_that_name_are_one() {
    let found = files(&[
        ("base/kubeflow.yaml", "a: 1\nb: ${c.d}\n_t: 1\n"),
        ("base/kubeflow_more.yml", "c: {d: \"${e}\"}\n_t: 2\n"),
        ("base/kubeflow/deep/any.json", "{\"e\": [1.0e-3], \"f\": \"x\"}"),
        ("base/kubeflow/.hidden/any.yaml", "g: 1"),
        ("base/kubeflow.yaml.bak", "h: 1"),
        ("base/kubeflow.txt", "i: 1"),
        ("base/other.yaml", "j: 1"),
        ("local/kubeflow-mine/x.yaml", "a: 2\n"),
    ]);
    let wanted = json!({"a": 2, "b": [0.001], "c": {"d": [0.001]}, "e": [0.001], "f": "x"});
    assert_eq!(found, Ok(wanted));
}

#[test]
fn one_key_in_two_files_is_a_conflict() {
    let text = files(&[
        ("base/kubeflow.yaml", "host: x\nrun_config:\n  image: a\n"),
        ("base/kubeflow.yml", "other: 1\nrun_config:\n  image: b\n"),
    ])
    .unwrap_err();
    assert!(text.contains("[conflicting-files]") && text.contains("`run_config`"), "{text}");
    assert!(text.contains("conf/base/kubeflow.yml:2:1"), "{text}");
    assert!(text.contains("conf/base/kubeflow.yaml:2:1"), "{text}");
    let one = files(&[("base/kubeflow.yaml", "a: 1"), ("base/kubeflow.yml", "b: 2")]);
    assert_eq!(one, Ok(json!({"a": 1, "b": 2})));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_text_gives_an_answer(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "${", "}", "{", "[", "]", ":", ",", ".", "|", "'", "\"", "\\", "$", " ", "\t", "\n", "a",
            "b", "é", "0", "-1", "1e3", "null", "oc.env:", "oc.decode:", "oc.select:", "globals:",
            "runtime_params:", "custom:", "commit_id", "SET", "bucket", "deep", "???", "_", "(",
        ]), 0..24),
    ) {
        let value = serde_json::to_string(&pieces.concat()).unwrap();
        let document = format!("{{\"a\": {value}, \"b\": [{value}, {{\"c\": {value}}}], {value}: 1}}");
        for kedro in [omegaconf(), templated()] {
            let _ = read_here(&kedro, &document, "");
        }
    }

    #[test]
    fn a_text_without_any_is_itself(text in "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{feff}\u{fffe}\u{ffff}]{0,40}") {
        prop_assume!(!text.contains("${"));
        let document = format!("{{\"a\": {}}}", serde_json::to_string(&text).unwrap());
        for kedro in [omegaconf(), templated()] {
            prop_assert_eq!(read_here(&kedro, &document, ""), Ok(json!({"a": &text})));
        }
    }

    #[test]
    fn an_escaped_one_is_itself(name in "[a-z.:,|]{0,10}") {
        let document = format!("{{'a': 'x\\${{{name}}} y'}}");
        for kedro in [omegaconf(), templated()] {
            let wanted = format!("x${{{name}}} y");
            prop_assert_eq!(read_here(&kedro, &document, ""), Ok(json!({"a": wanted})));
        }
    }
}
