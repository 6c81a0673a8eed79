//! Every finding has a project that has it, and one that has not: the plain
//! project below has none at all. What is shown is kept in snapshots.

use std::collections::BTreeSet;

use kubedro::diagnostic::Code;
use serde_json::Value;

use crate::support::{Kedro, MIDDLE, NEW, Project, stderr, stdout};

const PLAIN: &str = "
def report(size, status):
    return size

def register_pipelines():
    return {
        '__default__': pipeline([
            node(len, 'start', 'out_size', name='make'),
            node(abs, 'out_size', 'out_b', name='use'),
        ]),
        'bye': pipeline([node(print, 'params:size', None, name='say')]),
    }
";

const CONFIG: &str = "run_config:\n  image: tiny:1\n  volume: {}\n  on_exit_pipeline: bye\n";

fn plain() -> Project {
    plain_on(NEW)
}

fn plain_on(kedro: Kedro) -> Project {
    let project = Project::tiny(kedro, PLAIN);
    project.write("conf/base/kubeflow.yaml", CONFIG);
    project.write("conf/base/parameters.yml", "size: 1\n");
    project
}

/// The same with a line more in `run_config`.
fn with(setting: &str) -> Project {
    let project = plain();
    project.write("conf/base/kubeflow.yaml", &format!("{CONFIG}  {setting}\n"));
    project
}

/// The same with other words in a file.
fn changed(file: &str, from: &str, to: &str) -> Project {
    let project = plain();
    project.replace(file, from, to);
    project
}

const REGISTRY: &str = "src/tiny/pipeline_registry.py";
const SETTINGS: &str = "conf/base/kubeflow.yaml";
const CATALOG: &str = "conf/base/catalog.yml";

/// A project with the finding, and options of `lint` beyond the plain ones.
#[allow(clippy::too_many_lines)] // a table
fn project_with(code: Code) -> (Project, &'static [&'static str]) {
    let project = match code {
        Code::InvalidYaml => changed(SETTINGS, "  volume: {}", "  volume: {"),
        Code::InvalidValue => changed(SETTINGS, "volume: {}", "volume: {size: 1Gib}"),
        Code::UndefinedVariable => changed(SETTINGS, "tiny:1", "tiny:${comit_id}"),
        Code::IncompleteRetryPolicy => with("retry_policy: {make: {num_retries: 1}}"),
        Code::ConflictingFiles => {
            let project = plain();
            project.write("conf/base/kubeflow_more.yml", "run_config: {image: x}\n");
            project
        }
        Code::UnknownKey => with("imge: x"),
        Code::UnknownNode => with("resources: {mak: {cpu: 1}}"),
        Code::RepeatedKey => with("image: y"),
        Code::UnknownKubernetesField => with(
            "extra_volumes: {make: [{mount_path: /x, volume: {name: x, empty_dir: {medum: Memory}}}]}",
        ),
        Code::SettingWithoutEffect => with("root: home/kedro"),
        Code::UnknownParameterInName => with("run_name: 'Run {sise}'"),
        Code::CacheWithVolume => {
            return (with("max_cache_staleness: P30D"), &["--target", "kfp"]);
        }
        Code::MemoryDatasetBetweenPods => {
            let project = changed(REGISTRY, "'out_size'", "'size'");
            project.replace("conf/base/parameters.yml", "size", "amount");
            project.replace(REGISTRY, "params:size", "params:amount");
            project
        }
        Code::NoVolume => changed(SETTINGS, "  volume: {}\n", ""),
        Code::PathOutsideVolume => changed(CATALOG, "data/02", "models"),
        Code::OutputNotKept => {
            let project = changed(REGISTRY, "'out_b'", "'far'");
            let catalog = project.read(CATALOG);
            let far = "far: {type: pickle.PickleDataset, filepath: reports/far.pickle}";
            project.write(CATALOG, &format!("{catalog}\n{far}\n"));
            project
        }
        Code::TwoWriters => {
            let project = changed(REGISTRY, "'out_b'", "'again'");
            let catalog = project.read(CATALOG);
            let again = "again: {type: pickle.PickleDataset, filepath: data/02/size.pickle}";
            project.write(CATALOG, &format!("{catalog}\n{again}\n"));
            project
        }
        Code::InputMissing => changed(REGISTRY, "len, 'start'", "len, 'from_hook'"),
        Code::RawInputMissing => {
            let project = plain();
            std::fs::remove_file(project.path().join("data/01_raw/start.txt")).unwrap();
            project
        }
        Code::VolumeOnOneMachine => changed(REGISTRY, "abs, 'out_size'", "len, 'start'"),
        Code::ArtifactImpossible => {
            let project = with("store_kedro_outputs_as_kfp_artifacts: True");
            project.replace(REGISTRY, "'out_b'", "'in_memory'");
            project
        }
        Code::StepNameCollision => changed(REGISTRY, "name='use'", "name='Make'"),
        Code::StepNameReserved => changed(REGISTRY, "name='use'", "name='on_exit'"),
        Code::NodeNameUnstable => {
            // Kedro 1 refuses a node whose function has no name.
            let project = plain_on(MIDDLE);
            let object = "class Model:\n    def __call__(self, x):\n        return x\n\n";
            project.replace(REGISTRY, "def report", &format!("{object}def report"));
            project.replace(
                REGISTRY,
                "abs, 'out_size', 'out_b', name='use'",
                "Model(), 'out_size', 'out_b'",
            );
            project
        }
        Code::WorkflowTooLarge => changed(
            REGISTRY,
            "node(abs, 'out_size', 'out_b', name='use'),",
            "*[node(abs, 'out_size', 'out_%d' % i, name='use_the_size_that_was_made_in_part_%d' % i) for i in range(1600)]",
        ),
        Code::ManySteps => changed(
            REGISTRY,
            "node(abs, 'out_size', 'out_b', name='use'),",
            "*[node(abs, 'out_%s' % (i or 'size'), 'out_%d' % (i + 1), name='part_%d' % i) for i in range(200)],",
        ),
        Code::ParametersTooLarge => {
            let project = plain();
            let text = format!("size: 1\nlong: {}\n", "x".repeat(10_000));
            project.write("conf/base/parameters.yml", &text);
            return (project, &["--target", "kfp"]);
        }
        Code::ParameterNotOverridable => {
            let project = plain();
            project.write("conf/base/parameters.yml", "size: 1\nnone: .nan\n");
            project
        }
        Code::AbsolutePathIntoProject => {
            let project = plain();
            let path = project.path().canonicalize().unwrap();
            let catalog = project.read(CATALOG);
            let entry =
                format!("far: {{type: text.TextDataset, filepath: {}/data/x}}", path.display());
            project.write(CATALOG, &format!("{catalog}\n{entry}\n"));
            project
        }
        Code::SecretInPlainText => {
            let project = plain();
            let text = "size: 1\ndatabase: {user: me, password: hunter2hunter2}\n";
            project.write("conf/base/parameters.yml", text);
            project
        }
        Code::OnExitPipelineUnknown => changed(SETTINGS, "bye", "by"),
        Code::OnExitReadsVolume => changed(REGISTRY, "print, 'params:size'", "print, 'out_b'"),
        Code::OnExitReadsResult => {
            let project = changed(REGISTRY, "print, 'params:size'", "print, 'remote'");
            project.replace(REGISTRY, "'out_b'", "'remote'");
            project.write(
                "src/tiny/remote.py",
                "from kedro.io import AbstractDataset

class Remote(AbstractDataset):
    def _load(self):
        return 1
    def _save(self, data):
        pass
    def _describe(self):
        return {}
",
            );
            let catalog = project.read(CATALOG);
            project.write(CATALOG, &format!("{catalog}\nremote: {{type: tiny.remote.Remote}}\n"));
            project
        }
        Code::OnExitOutputNotKept => {
            changed(REGISTRY, "print, 'params:size', None", "abs, 'params:size', 'out_bye'")
        }
    };
    (project, &[])
}

fn lint(project: &Project, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = project.kubedro(&[&["lint"], arguments].concat()).output().unwrap();
    (output.status.code(), stdout(&output), stderr(&output))
}

fn findings(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let (_, text, said) = lint(project, &[&["--format", "json"], arguments].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"))
}

#[test]
fn a_plain_project_has_none() {
    let project = plain();
    for target in ["argo", "kfp"] {
        assert_eq!(
            lint(&project, &["--strict", "--target", target]),
            (Some(0), String::new(), "no findings\n".to_owned())
        );
    }
}

#[test]
fn every_finding_is_found_where_it_is() {
    // What else the project of a finding has, by its nature.
    let together = |code: Code| match code {
        Code::NoVolume | Code::PathOutsideVolume => vec!["output-not-kept"],
        Code::WorkflowTooLarge => vec!["many-steps", "volume-on-one-machine"],
        _ => vec![],
    };
    for code in Code::ALL {
        let (project, arguments) = project_with(*code);
        let found = findings(&project, arguments);
        let codes: BTreeSet<&str> =
            found.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        let mut expected = BTreeSet::from([code.name()]);
        expected.extend(together(*code));
        assert_eq!(codes, expected, "{code}: {found:#?}");
        let finding = found.iter().find(|finding| finding["code"] == code.name()).unwrap();
        assert_eq!(finding["level"], code.level().name(), "{code}");
        assert!(finding["line"].is_u64() && finding["column"].is_u64(), "{code}: {finding:#}");
        assert!(finding["message"].as_str().unwrap().len() > 10, "{code}");
        // Every one says what to do, here or under the caret.
        assert!(finding["help"].is_string() || finding["label"].is_string(), "{code}: {finding:#}");
        let (exit, text, said) = lint(&project, arguments);
        let fails = code.level().name() == "error";
        assert_eq!(exit == Some(0), !fails, "{code}: {text}{said}");
        assert!(!text.contains("hunter2"), "a secret is not shown: {text}");
        let root = project.path().canonicalize().unwrap();
        let shown = text.replace(root.to_str().unwrap(), "[project]");
        let shown = regex_lite::Regex::new("0x[0-9a-f]+").unwrap().replace_all(&shown, "0x…");
        insta::assert_snapshot!(code.name(), shown.trim_end());
    }
}

/// Projects that are right, though they look like the ones above.
#[test]
fn near_misses_are_not_found() {
    let claim = "volume: {name: %, persistentVolumeClaim: {claimName: c%}}";
    let mount = |name: &str, more: &str| {
        let volume = claim.replacen('%', name, 1).replace('%', more);
        format!("[{{mount_path: /mnt/shared, {volume}}}]")
    };
    let shared = format!(
        "extra_volumes: {{make: {}, use: {}}}",
        mount("a", ""),
        mount("b", ", readOnly: true")
    );
    let shared = with(&shared);
    shared.replace(CATALOG, "data/02", "/mnt/shared");
    let whole = plain();
    whole.replace(CATALOG, "filepath: data/02/{name}.pickle", "filepath: data");
    whole.replace(REGISTRY, "'out_b'", "'version_b'");
    let filled = plain();
    let catalog = filled.read(CATALOG);
    filled.write(CATALOG, &format!("{catalog}\nnumber: {{type: MemoryDataset, data: abc}}\n"));
    filled.replace(REGISTRY, "len, 'start'", "len, 'number'");
    let pattern = changed(CATALOG, "data/01_raw/start.txt", "data/01_raw/*.txt");
    for project in [shared, whole, filled, pattern, with("on_exit_pipeline:"), plain()] {
        let (exit, text, said) = lint(&project, &["--strict", "--allow", "repeated-key"]);
        assert_eq!(exit, Some(0), "{text}{said}");
    }
}

/// Data that do not get there, in less usual ways.
#[test]
fn what_is_lost_in_other_ways() {
    let found = |project: Project| -> Vec<String> {
        let found = findings(&project, &[]);
        found.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        found(changed(SETTINGS, "volume: {}", "volume: {skip_init: True}")),
        ["raw-input-missing"]
    );
    // The volume is not what a step sees where another one is mounted.
    let hidden = "extra_volumes: {use: [{mount_path: /home/kedro/data/02, volume: {name: a, emptyDir: {}}}]}";
    assert!(found(with(hidden)).contains(&"path-outside-volume".to_owned()));
    // The format that writes has a home of its own.
    let transcoded = changed(REGISTRY, "len, 'start', 'out_size'", "len, 'start', 't@a'");
    transcoded.replace(REGISTRY, "abs, 'out_size'", "abs, 't@b'");
    let catalog = transcoded.read(CATALOG);
    let entry = "t@b: {type: pickle.PickleDataset, filepath: data/02/t.pickle}";
    transcoded.write(CATALOG, &format!("{catalog}\n\"{}\"{}\n", &entry[..3], &entry[3..]));
    assert_eq!(found(transcoded), ["memory-dataset-between-pods"]);
    let absolute = plain();
    let path = absolute.path().canonicalize().unwrap();
    let entry = format!("far: {{type: pickle.PickleDataset, filepath: {}/data/x}}", path.display());
    absolute.write(CATALOG, &format!("{}\n{entry}\n", absolute.read(CATALOG)));
    absolute.replace(REGISTRY, "'out_size'", "'far'");
    let codes = found(absolute);
    assert!(codes.contains(&"path-outside-volume".to_owned()), "{codes:?}");
    // Memory, for the exit handler too, and memory that nobody fills.
    let late = changed(REGISTRY, "print, 'params:size'", "print, 'late'");
    late.replace(REGISTRY, "'out_b'", "'late'");
    assert_eq!(found(late), ["memory-dataset-between-pods"]);
    let missing = changed(REGISTRY, "print, 'params:size'", "print, 'nobody'");
    assert_eq!(found(missing), ["input-missing"]);
    let parameter = changed(REGISTRY, "len, 'start'", "len, 'params:sise'");
    let text = lint(&parameter, &[]).1;
    assert!(text.contains("[input-missing]") && text.contains("Did you mean `size`?"), "{text}");
    let said_at_the_end =
        changed(REGISTRY, "'params:size'", "['params:status', 'params:failures']");
    assert_eq!(found(said_at_the_end), Vec::<String>::new());
    let odd_name = with("run_name: 'Run {size[0]}'");
    assert_eq!(found(odd_name), ["unknown-parameter-in-name"], "no reason not to compile");
    let empty = plain();
    empty.write(CATALOG, &format!("{}\nvoid: {{type: MemoryDataset}}\n", empty.read(CATALOG)));
    empty.replace(REGISTRY, "len, 'start'", "len, 'void'");
    assert_eq!(found(empty), ["input-missing"]);
    // One pod has no settings by node.
    let merged =
        with("node_merge_strategy: full\n  resources: {make: {cpu: 1}, default: {cpu: 2}}");
    let codes = found(merged);
    assert_eq!(
        codes.iter().filter(|code| *code == "setting-without-effect").count(),
        1,
        "{codes:?}"
    );
}

#[test]
fn allowed_and_strict() {
    let project = changed(REGISTRY, "abs, 'out_size'", "len, 'start'");
    let code = "volume-on-one-machine";
    assert_eq!(lint(&project, &[]).0, Some(0));
    assert_eq!(lint(&project, &["--strict"]).0, Some(36));
    let (exit, text, _) = lint(&project, &["--strict", "--allow", code]);
    assert_eq!((exit, text.as_str()), (Some(0), ""));
    // The same options, and the same end, where something is made.
    let strict = project.kubedro(&["compile", "--strict"]).output().unwrap();
    assert_eq!(strict.status.code(), Some(36));
    assert!(stderr(&strict).contains(&format!("error[{code}]")), "{}", stderr(&strict));
    assert!(!project.path().join("pipeline.yml").exists());
    let allowed = project.kubedro(&["compile", "--strict", "--allow", code]).output().unwrap();
    assert!(allowed.status.success() && !stderr(&allowed).contains(code));
    let (output, _) = project.run_local(&["--strict"]);
    assert_eq!(output.status.code(), Some(36), "{}", stderr(&output));

    let (exit, _, text) = lint(&project, &["--allow", "volume-on-one-machin"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("Did you mean `volume-on-one-machine`?"), "{text}");
    let (exit, _, text) = lint(&project, &["--allow", "no-volume"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("it cannot be allowed"), "{text}");
}

#[test]
fn programs_are_told_of_every_end() {
    let project = plain();
    project.write("conf/base/kubeflow.yaml", "run_config: {volume: {}}\n");
    let (exit, text, said) = lint(&project, &["--format", "json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(exit, Some(32));
    assert!(list[0]["message"].as_str().unwrap().contains("no image is named"), "{text}");
    assert!(said.contains("no image is named"), "{said}");
}

#[test]
fn many_of_a_kind_are_shortened_but_not_by_lint() {
    let project = changed(
        REGISTRY,
        "node(len, 'start', 'out_size', name='make'),",
        "node(len, 'start', 'out_size', name='make'),
            *[node(len, 'missing_%d' % i, 'out_m%d' % i, name='m%d' % i) for i in range(6)],",
    );
    let output = project.kubedro(&["compile"]).output().unwrap();
    let text = stderr(&output);
    assert_eq!(text.matches("warning[input-missing]").count(), 3, "{text}");
    assert!(text.contains("3 more of [input-missing]; `kubedro lint` shows all"), "{text}");
    assert_eq!(lint(&project, &[]).1.matches("warning[input-missing]").count(), 6);
    let output = project.kubedro(&["compile", "-v"]).output().unwrap();
    assert_eq!(stderr(&output).matches("warning[input-missing]").count(), 6);
}

#[test]
fn every_code_has_its_section_in_the_documentation() {
    let text = include_str!("../docs/findings.md");
    let sections: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(sections, codes);
    for code in Code::ALL {
        let section = text.split(&format!("### {code}\n")).nth(1).unwrap();
        let level = code.level().name();
        assert!(section.to_lowercase().starts_with(level), "{code} is not said to be an {level}");
    }
}
