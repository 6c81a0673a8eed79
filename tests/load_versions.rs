//! Versions that a run loads and does not make: asked for, or found once.

use crate::support::{NEW, OLD, Project, stderr};

const PARTIAL: &str = "
def look(text):
    return text

def register_pipelines():
    return {'__default__': pipeline([
        node(look, 'version_model', 'out_a', name='a'),
        node(look, 'version_model', 'version_b', name='b'),
        node(lambda one, other: one, ['out_a', 'version_b'], 'out_c', name='c'),
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
