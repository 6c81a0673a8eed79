//! Versions that a run loads and does not make: asked for, or found once.

use crate::support::{Kedro, NEW, OLD, Project, for_each_kedro, stderr};

const PARTIAL: &str = "
def look(text):
    return text

def register_pipelines():
    return {'__default__': pipeline([
        node(look, 'version_model', 'out_a', name='a'),
        node(look, 'version_model', 'version_b', name='b'),
        node(lambda one, other: one, ['out_a', 'version_b'], 'out_c', name='c'),
        node(len, 'start', 'out_d', name='d'),
        node(lambda size, text: text, ['out_d', 'version_model'], 'out_e', name='e'),
    ]), 'alone': pipeline([node(look, 'version_model', 'out_a', name='a')])}
";

fn with_versions(project: &Project, versions: &[&str]) {
    for version in versions {
        let folder = project.path().join("data/03/model.pickle").join(version);
        std::fs::create_dir_all(&folder).unwrap();
        project.kedro.python_output(
            &folder,
            "import pickle, sys; pickle.dump(sys.argv[1], open('model.pickle', 'wb'))",
            &[version],
        );
    }
}

#[test]
fn one_step_finds_them_for_all() {
    let project = Project::tiny(OLD, PARTIAL);
    with_versions(&project, &["v1"]);
    let text = project.compile(&[]);
    let schema = serde_json::from_str(include_str!("fixtures/argo-v4.1.2.schema.json")).unwrap();
    let workflow = project.as_tree(&text);
    jsonschema::validator_for(&schema).unwrap().validate(&workflow.0).unwrap();

    let tasks = workflow.tasks();
    let needs = |name: &str| {
        tasks.iter().find(|(task, _)| task == name).map(|(_, needs)| needs.clone()).unwrap()
    };
    assert_eq!(needs("load-versions"), ["data-volume-init"]);
    assert_eq!(needs("a"), ["load-versions"]);
    assert_eq!(needs("b"), ["load-versions"]);
    assert_eq!(needs("c"), ["a", "b"]);
    // Nothing begins before that, and what comes later need not wait again.
    assert_eq!(needs("d"), ["load-versions"]);
    assert_eq!(needs("e"), ["d"]);
    assert_eq!(workflow.template("e")["inputs"]["parameters"][0]["name"], "load-versions");

    let finder = workflow.template("load-versions");
    assert_eq!(
        finder["container"]["args"][2],
        r#"{"env":"local","pipeline":"__default__","datasets":["version_model"]}"#
    );
    assert_eq!(
        finder["outputs"]["parameters"][0]["valueFrom"]["path"],
        "/tmp/kubedro-outputs/load-versions"
    );
    let mounts = &finder["container"]["volumeMounts"];
    assert_eq!(mounts[0]["mountPath"], "/home/kedro/data", "they lie there");
    let argv = workflow.container("a")["args"].as_array().unwrap();
    let at = argv.iter().position(|argument| argument == "--load-versions").unwrap();
    assert_eq!(argv[at + 1], "{{inputs.parameters.load-versions}}");
    assert_eq!(workflow.template("a")["inputs"]["parameters"][0]["name"], "load-versions");
    let graph = workflow.template("pipeline--graph");
    let task = graph["dag"]["tasks"].as_array().unwrap().iter().find(|task| task["name"] == "a");
    assert_eq!(
        task.unwrap()["arguments"]["parameters"][0]["value"],
        "{{tasks.load-versions.outputs.parameters.load-versions}}"
    );
    // What the run makes itself is not looked for.
    assert!(!text.contains("version_b\"]"), "{text}");
    assert!(workflow.template("c")["inputs"].is_null());
}

#[test]
fn a_step_that_is_alone_finds_them_itself() {
    let project = Project::tiny(NEW, PARTIAL);
    with_versions(&project, &["v1"]);
    let names: Vec<String> = project
        .compiled(&["--pipeline", "alone"])
        .tasks()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["data-volume-init", "a"]);
}

#[test]
fn a_version_that_is_asked_for_is_loaded() {
    let project = Project::tiny(NEW, PARTIAL);
    with_versions(&project, &["v1", "v2"]);
    let (output, work) = project.run_local(&["--load-version", "version_model:v1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("load-versions"), "nothing is left to be found");
    let read = |file: &str| project.kedro.unpickled(&work.join("project/data").join(file));
    assert_eq!(read("02/a.pickle"), "v1\n");
    assert_eq!(read("02/c.pickle"), "v1\n");
    let (output, _) = project.run_local(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(read("02/c.pickle"), "v2\n", "else the newest");
}

#[test]
fn a_version_that_cannot_be_loaded_is_refused() {
    let project = Project::tiny(NEW, PARTIAL);
    with_versions(&project, &["v1"]);
    for (given, code, said) in [
        ("version_modell:v1", 35, "Did you mean `version_model`?"),
        ("out_a:v1", 35, "loads a versioned dataset `out_a`"),
        ("version_b:v1", 35, "`version_b` is made by this pipeline"),
        ("version_model", 2, "no `:` between a dataset and a version"),
        ("version_model:../v1", 2, "`../v1` cannot be a version"),
    ] {
        let output =
            project.kubedro(&["compile", "-o", "-", "--load-version", given]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{given}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{given}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    // One that is not there is Kedro's to say, in the pod.
    let (output, _) = project.run_local(&["--load-version", "version_model:v9"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("v9"), "{}", stderr(&output));
}

#[test]
fn without_any_version_the_step_that_loads_says_so() {
    let project = Project::tiny(NEW, PARTIAL);
    let (output, work) = project.run_local(&["--allow", "raw-input-missing"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let log = |step: &str| std::fs::read_to_string(work.join(format!("logs/{step}.log"))).unwrap();
    assert!(log("load-versions").contains("`version_model` has no version yet"));
    assert!(log("a").contains("VersionNotFoundError"), "{}", log("a"));
}

const ON_EXIT: &str = "
def register_pipelines():
    make = node(lambda text: text, 'start', 'version_a', name='make')
    last = node(print, 'version_a', None, name='last')
    return {'__default__': pipeline([make]), 'last': pipeline([last]), 'both': pipeline([make])}
";

#[test]
fn the_on_exit_pipeline_loads_what_the_run_has_made() {
    let project = Project::tiny(NEW, ON_EXIT);
    // A remote store, since the exit handler's pod does not have the volume.
    project.replace(
        "conf/base/catalog.yml",
        "filepath: data/03/{name}.pickle",
        "filepath: s3://bucket/03/{name}.pickle",
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: tiny:1\n  volume: {}\n  on_exit_pipeline: last\n",
    );
    let workflow = project.compiled(&[]);
    let spec = workflow.container("on-exit")["args"][2].as_str().unwrap().to_owned();
    assert!(spec.contains(r#""load_at_save_version":["version_a"]"#), "{spec}");

    // What it makes itself and what is asked for, too.
    project.replace(
        "src/tiny/pipeline_registry.py",
        "'last': pipeline([last])",
        "'last': pipeline([last, node(len, 'version_ref', 'version_sum', name='sum'), node(abs, 'version_sum', None, name='show')])",
    );
    let workflow = project.compiled(&["--load-version", "version_ref:2020"]);
    let spec = workflow.container("on-exit")["args"][2].as_str().unwrap().to_owned();
    assert!(spec.contains(r#""load_at_save_version":["version_a","version_sum"]"#), "{spec}");
    assert!(spec.contains(r#""load_versions":{"version_ref":"2020"}"#), "{spec}");
}

for_each_kedro!(an_exit_handler_that_is_tried_again_leaves_the_runs_data_alone);

fn an_exit_handler_that_is_tried_again_leaves_the_runs_data_alone(kedro: Kedro) {
    let project = Project::tiny(kedro, ON_EXIT);
    let version = "2026-01-31T12.00.00Z-r1";
    let of_the_run = project.path().join("data/03/a.pickle").join(version).join("a.pickle");
    std::fs::create_dir_all(of_the_run.parent().unwrap()).unwrap();
    std::fs::write(&of_the_run, "made by the run").unwrap();
    let end = |pipeline: &str, run_pipeline: &str| {
        let spec = serde_json::json!({
            "env": "local", "project": "Tiny", "run_pipeline": run_pipeline, "pipeline": pipeline,
        });
        let output = project
            .kubedro(&["step", "on-exit", &spec.to_string(), "--run-id=r1"])
            .args([&format!("--save-version={version}"), "--parameters=W10=", "--run-name=r"])
            .args(["--started=2026-01-31T12:00:00Z", "--duration=1", "--status=", "--failures="])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stderr(&output)
    };
    // Both pipelines make it: what is there may be the run's.
    let text = end("both", "__default__");
    assert!(text.contains("on-exit pipeline: failed"), "{text}");
    assert_eq!(std::fs::read_to_string(&of_the_run).unwrap(), "made by the run");
    // Only the exit handler makes it: it can be its own alone.
    let text = end("both", "last");
    assert!(text.contains("on-exit pipeline: succeeded"), "{text}");
    assert_eq!(kedro.unpickled(&of_the_run), "start\n");
}
