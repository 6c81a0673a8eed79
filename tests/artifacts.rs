//! Outputs as artifacts of the workflow: every place that a compiled workflow
//! names is there when the step has ended, or the step says what is missing.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::servers::S3Server;
use crate::support::{Kedro, NEW, OLD, Project, Workflow, files, for_each_kedro, stderr, stdout};

const ROOT: &str = "/home/kedro";
const VERSION: &str = "2026-01-31T12.00.00Z-r1";

const CATALOG: &str = r#"
start: {type: text.TextDataset, filepath: data/01_raw/start.txt}
"space.out": {type: text.TextDataset, filepath: data/02/out.txt}
space_out: {type: text.TextDataset, filepath: data/02/other.txt}
model: {type: pickle.PickleDataset, filepath: data/06/model.pickle, versioned: true}
"table@pandas": {type: pandas.CSVDataset, filepath: data/03/table.csv}
"table@text": {type: text.TextDataset, filepath: data/03/table.csv}
parts: {type: PARTS, path: data/04/parts, dataset: text.TextDataset, filename_suffix: .txt}
no_parts: {type: PARTS, path: data/04/none, dataset: text.TextDataset}
"{name}_metrics": {type: json.JSONDataset, filepath: "data/08/{name}.json", versioned: true}
in_memory: {type: MemoryDataset}
page: {type: text.TextDataset, filepath: data/08/page.md}
plot: {type: text.TextDataset, filepath: data/08/plot.svg, versioned: true}
"#;

const REGISTRY: &str = "
def make_table(text):
    import pandas
    return pandas.DataFrame({'a': range(30), 'b': ['x,y'] * 30})

def report(text):
    numbers = {'Accuracy (%)': 0.5, 'deep': {'loss': 2, 'why': 'no number'}, 'ok': True, 'bad': float('nan')}
    return numbers, '# Title', '<svg/>'

def register_pipelines():
    return {'__default__': pipeline([
        node(lambda text: text + '!', 'start', 'space.out', name='make', namespace=None),
        node(lambda text: text, 'start', 'space_out', name='again'),
        node(lambda text: {'weights': text}, 'space.out', 'model', name='train'),
        node(make_table, 'start', 'table@pandas', name='tabulate'),
        node(lambda text: {'one': text, 'two': text}, 'table@text', 'parts', name='split'),
        node(lambda text: {}, 'start', 'no_parts', name='drop'),
        node(report, 'start', ['test_metrics', 'page', 'plot'], name='report'),
        node(lambda parts: None if parts is None else 1, 'parts', 'in_memory', name='forget'),
    ])}
";

fn project(kedro: Kedro) -> Project {
    let project = Project::tiny(kedro, REGISTRY);
    let kind = if kedro == OLD { "PartitionedDataset" } else { "partitions.PartitionedDataset" };
    project.write("conf/base/catalog.yml", &CATALOG.replace("PARTS", kind));
    project
}

/// Names and paths of a step's artifacts.
fn artifacts(workflow: &Workflow, step: &str) -> Vec<(String, String)> {
    workflow.template(step)["outputs"]["artifacts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|artifact| {
            let text = |key: &str| artifact[key].as_str().unwrap().to_owned();
            (text("name"), text("path"))
        })
        .collect()
}

/// Where a path of the pod is here.
fn here(project: &Project, path: &str) -> PathBuf {
    match path.strip_prefix("/tmp/kubedro-outputs") {
        Some(below) => project.scratch("outputs").join(below.trim_start_matches('/')),
        None => project.path().join(path.strip_prefix(&format!("{ROOT}/")).unwrap()),
    }
}

/// Runs what stands in the workflow for a step, in the project's own folder.
fn run(project: &Project, workflow: &Workflow, step: &str) -> Output {
    step_command(project, workflow, step).output().unwrap()
}

fn step_command(project: &Project, workflow: &Workflow, step: &str) -> Command {
    let args = workflow.container(step)["args"].as_array().unwrap();
    let spec = args[2].as_str().unwrap();
    let version = format!("--save-version={VERSION}");
    let mut command =
        project.kubedro(&["step", "run", spec, "--run-id=r1", &version, "--parameters=W10="]);
    command
        .env("KUBEDRO_OUTPUTS", project.scratch("outputs"))
        .env("KUBEDRO_TERMINATION_LOG", project.scratch("message"));
    command
}

fn succeed(project: &Project, workflow: &Workflow, step: &str) {
    let output = run(project, workflow, step);
    assert_eq!(output.status.code(), Some(0), "{step}: {}", stderr(&output));
}

fn display(project: &Project, file: &str) -> Value {
    let text = std::fs::read_to_string(project.scratch("outputs").join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

for_each_kedro!(each_artifact_of_a_workflow_is_there_after_its_step);

fn each_artifact_of_a_workflow_is_there_after_its_step(kedro: Kedro) {
    let project = project(kedro);
    let workflow = project.compiled(&["--target", "kfp"]);
    let mut names = Vec::new();
    // A volume that has seen an earlier run, whose version is the newer one.
    project.write("data/06/model.pickle/2099-01-01T00.00.00Z/model.pickle", "newer");
    for step in ["make", "again", "train", "tabulate", "split", "drop", "report", "forget"] {
        std::fs::remove_dir_all(project.scratch("outputs")).ok();
        succeed(&project, &workflow, step);
        for (name, path) in artifacts(&workflow, step) {
            if name.starts_with("mlpipeline-") {
                continue;
            }
            assert!(here(&project, &path).exists(), "{name}: {path}");
            // Executors keep of a link that it is one.
            assert!(!here(&project, &path).is_symlink(), "{name}: {path}");
            names.push(name);
        }
    }
    let expected = [
        "make-space-out",
        "again-space_out",
        "train-model",
        "tabulate-table",
        "split-parts",
        "drop-no_parts",
        "report-test_metrics",
        "report-page",
        "report-plot",
    ];
    assert_eq!(names, expected);
    // The version of this run, and no other.
    let (_, path) = artifacts(&workflow, "train").remove(0);
    let own = project.path().join(format!("data/06/model.pickle/{VERSION}/model.pickle"));
    assert_eq!(path, format!("{ROOT}/data/.kubedro/artifacts/model/model.pickle"));
    assert_eq!(std::fs::read(here(&project, &path)).unwrap(), std::fs::read(own).unwrap());

    // A retry puts the new one there.
    succeed(&project, &workflow, "train");
    assert!(here(&project, &path).exists());
}

for_each_kedro!(kubeflow_is_told_what_it_can_show);

fn kubeflow_is_told_what_it_can_show(kedro: Kedro) {
    let project = project(kedro);
    let workflow = project.compiled(&["--target", "kfp"]);
    let shown = &workflow.template("report")["outputs"]["artifacts"];
    for name in ["mlpipeline-metrics", "mlpipeline-ui-metadata"] {
        let artifact = shown.as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
        assert_eq!(artifact["optional"], true);
        assert_eq!(artifact["path"], format!("/tmp/kubedro-outputs/{name}.json"));
    }
    succeed(&project, &workflow, "report");
    let metrics = display(&project, "mlpipeline-metrics.json");
    assert_eq!(
        metrics,
        serde_json::json!({"metrics": [
            {"name": "accuracy", "numberValue": 0.5, "format": "RAW"},
            {"name": "deep-loss", "numberValue": 2.0, "format": "RAW"},
        ]})
    );
    let pages = display(&project, "mlpipeline-ui-metadata.json");
    assert_eq!(
        pages["outputs"][0],
        serde_json::json!({"type": "markdown", "storage": "inline", "source": "# Title"})
    );
    assert_eq!(pages["outputs"][1]["type"], "web-app");
    let picture = "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"plot.svg\">";
    assert_eq!(pages["outputs"][1]["source"], picture);

    std::fs::remove_dir_all(project.scratch("outputs")).unwrap();
    succeed(&project, &workflow, "tabulate");
    let table = &display(&project, "mlpipeline-ui-metadata.json")["outputs"][0];
    assert_eq!(table["header"], serde_json::json!(["a", "b"]));
    let source = table["source"].as_str().unwrap();
    assert!(source.starts_with("0,\"x,y\"\n1,"), "{source}");
    assert_eq!(source.lines().count(), 20);
    assert!(!project.scratch("outputs").join("mlpipeline-metrics.json").exists());
}

#[test]
fn a_plain_argo_cluster_gets_artifacts_where_somebody_asks() {
    let project = project(NEW);
    assert_eq!(artifacts(&project.compiled(&[]), "make"), []);
    let setting =
        "run_config:\n  image: tiny:1\n  volume: {}\n  store_kedro_outputs_as_kfp_artifacts: ";
    project.write("conf/base/kubeflow.yaml", &format!("{setting}True\n"));
    let workflow = project.compiled(&[]);
    assert_eq!(
        artifacts(&workflow, "make"),
        [("space-out".to_owned(), format!("{ROOT}/data/02/out.txt"))]
    );
    // Pages of Kubeflow's own are nothing to Argo.
    assert_eq!(artifacts(&workflow, "report").len(), 3);
    project.write("conf/base/kubeflow.yaml", &format!("{setting}False\n"));
    assert_eq!(artifacts(&project.compiled(&["--target", "kfp"]), "make"), []);
}

for_each_kedro!(one_pod_for_all_nodes_has_all_artifacts);

fn one_pod_for_all_nodes_has_all_artifacts(kedro: Kedro) {
    let project = project(kedro);
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: tiny:1\n  node_merge_strategy: full\n",
    );
    let workflow = project.compiled(&["--target", "kfp"]);
    succeed(&project, &workflow, "default");
    let artifacts = artifacts(&workflow, "default");
    assert_eq!(artifacts.len(), 9 + 2);
    for (name, path) in artifacts {
        assert!(here(&project, &path).exists(), "{name}: {path}");
    }
}

#[test]
fn names_that_only_differ_in_what_argo_does_not_take_stay_apart() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([
        node(lambda text: text, 'start', dataset, name=name)
        for name, dataset in (('one', 'a.b'), ('two', 'a-b'), ('three', 'a_b'))
    ])}
",
    );
    project.write(
        "conf/base/catalog.yml",
        "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}\n\"{name}\": {type: text.TextDataset, filepath: \"data/02/{name}.txt\"}\n",
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, store_kedro_outputs_as_kfp_artifacts: True}\n",
    );
    let workflow = project.compiled(&[]);
    for (step, name, path) in [
        ("one", "a-b-2", "data/02/a.b.txt"),
        ("two", "a-b", "data/02/a-b.txt"),
        ("three", "a_b", "data/02/a_b.txt"),
    ] {
        assert_eq!(artifacts(&workflow, step), [(name.to_owned(), format!("{ROOT}/{path}"))]);
    }
}

/// A dataset of the project's own that saves nothing, or elsewhere.
const SILENT: &str = "
from kedro.io import AbstractVersionedDataset

class SilentDataset(AbstractVersionedDataset):
    def __init__(self, filepath, metadata=None):
        from pathlib import PurePosixPath
        super().__init__(PurePosixPath(filepath), None)
    def _load(self):
        return None
    def _save(self, data):
        pass
    def _exists(self):
        return False
    def _describe(self):
        return {}
";

#[test]
fn an_output_that_is_not_there_fails_the_step() {
    let project = project(NEW);
    project.write("src/tiny/silent.py", SILENT);
    project.replace(
        "conf/base/catalog.yml",
        "page: {type: text.TextDataset,",
        "page: {type: tiny.silent.SilentDataset,",
    );
    let workflow = project.compiled(&["--target", "kfp"]);
    let output = run(&project, &workflow, "report");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    let page = project.path().canonicalize().unwrap().join("data/08/page.md");
    let message = format!("the output `page` ({}) is not there", page.display());
    assert!(stderr(&output).contains(&message), "{}", stderr(&output));
    let told = std::fs::read_to_string(project.scratch("message")).unwrap();
    assert!(told.contains("the output `page`") && told.contains("\"exit_code\":42"), "{told}");
    // Without artifacts it is the project's own affair, as with `kedro run`.
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, store_kedro_outputs_as_kfp_artifacts: False}\n",
    );
    succeed(&project, &project.compiled(&["--target", "kfp"]), "report");
}

#[test]
fn an_image_with_another_catalog_is_found_out() {
    let project = project(NEW);
    let workflow = project.compiled(&["--target", "kfp"]);
    project.replace("conf/base/catalog.yml", "data/02/out.txt", "data/02/moved.txt");
    let output = run(&project, &workflow, "make");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    for part in ["`space.out`", "data/02/out.txt", "data/02/moved.txt", "compile again"] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    project.replace("conf/base/catalog.yml", "\"space.out\":", "\"other.out\":");
    let output = run(&project, &workflow, "make");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    assert!(stderr(&output).contains("not in this image's catalog"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_read_is_not_passed_over() {
    let project = project(NEW);
    let workflow = project.compiled(&["--target", "kfp"]);
    let parts = project.path().join("data/04/parts");
    std::fs::create_dir_all(&parts).unwrap();
    std::os::unix::fs::symlink("nowhere", parts.join("dangling")).unwrap();
    succeed(&project, &workflow, "tabulate");
    let output = run(&project, &workflow, "split");
    assert_eq!(output.status.code(), Some(37), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("parts/dangling: the link leads nowhere"),
        "{}",
        stderr(&output)
    );

    // Argo's executor (3.7) stores of such a link the link alone.
    std::fs::remove_file(parts.join("dangling")).unwrap();
    std::fs::rename(&parts, parts.with_file_name("real")).unwrap();
    std::os::unix::fs::symlink("real", &parts).unwrap();
    let output = run(&project, &workflow, "split");
    assert_eq!(output.status.code(), Some(37), "{}", stderr(&output));
    assert!(stderr(&output).contains("only the link would be stored"), "{}", stderr(&output));
}

/// A project that sends `far_away` to the bucket, and keeps another text.
fn far_away(kedro: Kedro, server: &S3Server, other: &str, place: &str) -> Project {
    let registry = format!(
        "
def register_pipelines():
    return {{'__default__': pipeline([
        node(lambda text: text, 'start', 'far_away', name='send'),
        node(lambda text: text, 'start', '{other}', name='keep'),
    ])}}
"
    );
    let project = Project::tiny(kedro, &registry);
    server.give_credentials(&project);
    let far = r#"far_away: {type: text.TextDataset, filepath: "s3://bucket/far/away.txt", credentials: store}"#;
    project.write(
        "conf/base/catalog.yml",
        &format!(
            "start: {{type: text.TextDataset, filepath: data/01_raw/start.txt}}\n{far}\n{other}: {{type: text.TextDataset, {place}}}\n"
        ),
    );
    project
}

for_each_kedro!(of_a_remote_dataset_the_place_is_kept);

fn of_a_remote_dataset_the_place_is_kept(kedro: Kedro) {
    let server = S3Server::start();
    let project = far_away(
        kedro,
        &server,
        "version_far",
        r#"filepath: "s3://bucket/far/version.txt", credentials: store, versioned: true"#,
    );
    let workflow = project.compiled(&["--target", "kfp"]);
    for (step, name, uri, version) in [
        ("send", "far_away", "s3://bucket/far/away.txt".to_owned(), None),
        (
            "keep",
            "version_far",
            format!("s3://bucket/far/version.txt/{VERSION}/version.txt"),
            Some(VERSION),
        ),
    ] {
        succeed(&project, &workflow, step);
        let path = format!("/tmp/kubedro-outputs/artifacts/{name}.json");
        assert_eq!(artifacts(&workflow, step)[0], (format!("{step}-{name}"), path.clone()));
        let text = std::fs::read_to_string(here(&project, &path)).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(reference["uri"], uri);
        assert_eq!(reference["dataset"], name);
        assert_eq!(reference["version"].as_str(), version);
        assert!(
            reference["type"].as_str().unwrap().ends_with("text_dataset.TextDataset"),
            "{text}"
        );
    }
}

#[test]
fn a_local_run_looks_at_the_outputs_and_leaves_no_links() {
    let project = project(NEW);
    let (output, work) = project.run_local(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!work.join("project/data/.kubedro").exists());
    project.write("src/tiny/silent.py", SILENT);
    project.replace(
        "conf/base/catalog.yml",
        "page: {type: text.TextDataset,",
        "page: {type: tiny.silent.SilentDataset,",
    );
    let (output, _) = project.run_local(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("the output `page`"), "{}", stderr(&output));
}

#[test]
fn a_step_may_have_more_outputs_than_an_argument_is_long() {
    let project = Project::tiny(
        NEW,
        "
NAMES = ['out_' + 'x' * 80 + str(number) for number in range(600)]

def register_pipelines():
    return {'__default__': pipeline([
        node(lambda text: [text] * len(NAMES), 'start', NAMES, name='make'),
    ])}
",
    );
    let workflow = project.compiled(&["--target", "kfp"]);
    let spec = workflow.container("make")["args"][2].as_str().unwrap().to_owned();
    assert!(spec.len() > 128 * 1024, "{}", spec.len());
    // As Argo's executor does it, and as a local run does.
    let file = project.scratch("argument");
    std::fs::write(&file, spec).unwrap();
    let version = format!("--save-version={VERSION}");
    let given = format!("@{}", file.display());
    let output = project
        .kubedro(&["step", "run", &given, "--run-id=r1", &version, "--parameters=W10="])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (output, _) = project.run_local(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// All that is in a store, by its key.
fn stored(folder: &std::path::Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

for_each_kedro!(what_the_nodes_make_is_put_into_a_store);

fn what_the_nodes_make_is_put_into_a_store(kedro: Kedro) {
    let project = project(kedro);
    let store = project.scratch("store");
    project.write(
        "conf/base/kubeflow.yaml",
        &format!(
            "run_config:\n  image: tiny:1\n  volume: {{}}\n  artifacts: {{url: \"file://{}/runs\"}}\n",
            store.display()
        ),
    );
    let workflow = project.compiled(&[]);
    // A store of ones own is no reason to want another one of Argo.
    assert_eq!(artifacts(&workflow, "train"), []);
    project.write("data/06/model.pickle/2099-01-01T00.00.00Z/model.pickle", "newer");
    for step in ["make", "train", "tabulate", "split", "drop", "report", "forget"] {
        succeed(&project, &workflow, step);
    }
    let expected = [
        "model.manifest.json",
        "model/model.pickle",
        "no_parts.manifest.json",
        "page.manifest.json",
        "page/page.md",
        "parts.manifest.json",
        "parts/one.txt",
        "parts/two.txt",
        "plot.manifest.json",
        "plot/plot.svg",
        "space.out.manifest.json",
        "space.out/out.txt",
        "table.manifest.json",
        "table/table.csv",
        "test_metrics.manifest.json",
        "test_metrics/test.json",
    ];
    assert_eq!(stored(&store.join("runs/r1")), expected);
    let own = project.path().join(format!("data/06/model.pickle/{VERSION}/model.pickle"));
    let there = store.join("runs/r1/model/model.pickle");
    assert_eq!(std::fs::read(own).unwrap(), std::fs::read(there).unwrap());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(store.join("runs/r1/model.manifest.json")).unwrap())
            .unwrap();
    assert_eq!(manifest["dataset"], "model");
    assert_eq!(manifest["run_id"], "r1");
    assert_eq!(manifest["files"][0]["path"], "model.pickle");

    // A local run has a store of its own.
    std::fs::remove_dir_all(&store).unwrap();
    let (output, work) = project.run_local(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!store.exists());
    let runs = std::fs::read_dir(work.join("artifacts")).unwrap();
    let run = runs.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut all = expected.map(str::to_owned).to_vec();
    all.extend(["space_out.manifest.json", "space_out/other.txt"].map(str::to_owned));
    all.sort();
    assert_eq!(stored(&run), all);
}

#[test]
fn a_store_that_is_not_there_fails_the_step() {
    let project = project(NEW);
    project.write("blocked", "no folder");
    let url = format!("file://{}/runs", project.path().join("blocked").display());
    project.write(
        "conf/base/kubeflow.yaml",
        &format!("run_config: {{image: x, volume: {{}}, artifacts: {{url: \"{url}\"}}}}\n"),
    );
    let workflow = project.compiled(&[]);
    let output = run(&project, &workflow, "make");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    let told = std::fs::read_to_string(project.scratch("message")).unwrap();
    assert!(told.contains("\"exit_code\":42"), "{told}");
    // What is missing is said before anything is sent.
    project.write("src/tiny/silent.py", SILENT);
    project.replace(
        "conf/base/catalog.yml",
        "page: {type: text.TextDataset,",
        "page: {type: tiny.silent.SilentDataset,",
    );
    let output = run(&project, &workflow, "report");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    assert!(stderr(&output).contains("the output `page`"), "{}", stderr(&output));
}

#[test]
fn of_a_remote_dataset_the_place_is_put_into_the_store() {
    let server = S3Server::start();
    let project = far_away(NEW, &server, "near", "filepath: data/near.txt");
    project.write(
        "conf/base/kubeflow.yaml",
        &format!(
            "run_config:\n  image: x\n  volume: {{}}\n  artifacts:\n    url: s3://bucket/runs\n    options: {{endpoint: \"http://{}\", allow_http: True, region: us-east-1}}\n    secret: store\n",
            server.address()
        ),
    );
    let workflow = project.compiled(&[]);
    let env_from = &workflow.container("send")["envFrom"];
    assert_eq!(*env_from, serde_json::json!([{"secretRef": {"name": "store"}}]));
    for step in ["send", "keep"] {
        let mut command = step_command(&project, &workflow, step);
        let output = command.envs(S3Server::keys()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{step}: {}", stderr(&output));
    }
    let run = server.bucket().join("runs/r1");
    assert_eq!(
        stored(&run),
        [
            "far_away.manifest.json",
            "far_away/reference.json",
            "near.manifest.json",
            "near/near.txt"
        ]
    );
    let text = std::fs::read_to_string(run.join("far_away/reference.json")).unwrap();
    assert!(text.contains("\"uri\": \"s3://bucket/far/away.txt\""), "{text}");
    // Without the secret's variables the store refuses, and says so.
    let output = step_command(&project, &workflow, "keep")
        .envs([("AWS_ACCESS_KEY_ID", "wrong"), ("AWS_SECRET_ACCESS_KEY", "very-wrong-key")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    assert!(!stderr(&output).contains("very-wrong-key"), "{}", stderr(&output));
}

/// Datasets of the project's own: far away, cached, with odd data.
const ODD: &str = "
from pathlib import PurePosixPath
from kedro.io import AbstractDataset

class FarDataset(AbstractDataset):
    def __init__(self, there, metadata=None):
        self._filepath = PurePosixPath('user:hunter2@host/data/x')
        self._protocol = 'sftp'
        self._fs = Files(there)
    def _load(self):
        return None
    def _save(self, data):
        pass
    def _describe(self):
        return {}

class Files:
    def __init__(self, there):
        self.there = there
    def invalidate_cache(self):
        self.fresh = True
    def exists(self, path):
        return self.there and self.fresh

class TableDataset(FarDataset):
    def __init__(self, metadata=None):
        pass
    def _describe(self):
        return {'table_name': 'prices', 'credentials': 'hunter2'}

class OddTable:
    columns = ['a']
    iloc = None
    def head(self, rows):
        raise ValueError('odd')
    def to_csv(self):
        return ''
";

fn odd(catalog: &str, value: &str) -> Project {
    let registry = format!(
        "
def make(text):
    import json
    from tiny.odd import OddTable
    return {value}

def register_pipelines():
    return {{'__default__': pipeline([node(make, 'start', 'out', name='make')])}}
"
    );
    let project = Project::tiny(NEW, &registry);
    project.write("src/tiny/odd.py", ODD);
    let start = "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}";
    project.write("conf/base/catalog.yml", &format!("{start}\nout: {catalog}\n"));
    project
}

#[test]
fn of_data_in_no_file_the_place_is_told_without_its_secrets() {
    let reference = |catalog: &str| {
        let project = odd(catalog, "text");
        let workflow = project.compiled(&["--target", "kfp"]);
        succeed(&project, &workflow, "make");
        let (_, path) = artifacts(&workflow, "make").remove(0);
        let text = std::fs::read_to_string(here(&project, &path)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(reference("{type: tiny.odd.FarDataset, there: True}")["uri"], "sftp://host/data/x");
    assert_eq!(reference("{type: tiny.odd.TableDataset}")["table"], "prices");

    let project = odd("{type: tiny.odd.FarDataset, there: False}", "text");
    let output = run(&project, &project.compiled(&["--target", "kfp"]), "make");
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
    let message = "the output `out` (sftp://host/data/x) is not there";
    assert!(stderr(&output).contains(message), "{}", stderr(&output));
}

#[test]
fn a_cached_dataset_is_the_one_that_it_caches() {
    let cached =
        "{type: CachedDataset, dataset: {type: text.TextDataset, filepath: data/02/out.txt}}";
    let project = odd(cached, "text");
    let workflow = project.compiled(&["--target", "kfp"]);
    let path = format!("{ROOT}/data/02/out.txt");
    assert_eq!(artifacts(&workflow, "make")[0], ("make-out".to_owned(), path));
    succeed(&project, &workflow, "make");
}

#[test]
fn what_cannot_be_shown_fails_nothing() {
    for (catalog, value, said) in [
        ("{type: pickle.PickleDataset, filepath: data/02/out.pickle}", "OddTable()", "odd"),
        (
            "{type: text.TextDataset, filepath: data/02/out.md}",
            "'x' * (1 << 20) + 'y'",
            "too large (1048577 bytes)",
        ),
    ] {
        let project = odd(catalog, value);
        let workflow = project.compiled(&["--target", "kfp"]);
        let output = run(&project, &workflow, "make");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let warning = "is not shown in Kubeflow Pipelines";
        assert!(stderr(&output).contains(warning), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(!project.scratch("outputs/mlpipeline-ui-metadata.json").exists());
    }
}

#[test]
fn of_a_history_the_last_number_counts() {
    let history = "{'loss': [{'value': 3.0, 'step': 1}, {'value': 2.0, 'step': 2}], 'ok': True}";
    let project = odd("{type: json.JSONDataset, filepath: data/out.json}", history);
    for file in ["conf/base/catalog.yml", "src/tiny/pipeline_registry.py"] {
        let text = project.read(file);
        project.write(file, &text.replace("out:", "metrics:").replace("'out'", "'metrics'"));
    }
    let workflow = project.compiled(&["--target", "kfp"]);
    succeed(&project, &workflow, "make");
    let metrics = display(&project, "mlpipeline-metrics.json");
    let expected = serde_json::json!([{"name": "loss", "numberValue": 2.0, "format": "RAW"}]);
    assert_eq!(metrics["metrics"], expected);
}

#[test]
fn datasets_for_metrics_are_metrics() {
    let registry = "
def register_pipelines():
    return {'__default__': pipeline([node(lambda text: {'r2': 0.25}, 'start', 'scores', name='make')])}
";
    let project = Project::tiny(OLD, registry);
    project.write(
        "conf/base/catalog.yml",
        "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}\nscores: {type: tracking.MetricsDataset, filepath: data/09/scores.json}\n",
    );
    let workflow = project.compiled(&["--target", "kfp"]);
    succeed(&project, &workflow, "make");
    let metrics = display(&project, "mlpipeline-metrics.json");
    let expected = serde_json::json!([{"name": "r2", "numberValue": 0.25, "format": "RAW"}]);
    assert_eq!(metrics["metrics"], expected);
}

#[test]
fn what_is_stored_is_not_gone_with_its_pod() {
    let registry = "
def register_pipelines():
    return {'__default__': pipeline([
        node(lambda text: text, 'start', 'between', name='one'),
        node(lambda text: text, 'between', 'model', name='two'),
    ])}
";
    let project = Project::tiny(NEW, registry);
    project.write(
        "conf/base/catalog.yml",
        "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}\nmodel: {type: text.TextDataset, filepath: models/model.txt}\n",
    );
    let found = |settings: &str, target: &str| {
        let file = "conf/base/kubeflow.yaml";
        project.write(
            file,
            &format!("run_config: {{image: x, node_merge_strategy: full{settings}}}\n"),
        );
        let output = project.kubedro(&["lint", "--target", target]).output().unwrap();
        stdout(&output)
    };
    let gone = "[output-not-kept]: `model` is gone";
    assert!(found("", "argo").contains(gone));
    assert!(!found("", "kfp").contains(gone));
    assert!(!found(", artifacts: {url: 'file:///runs'}", "argo").contains(gone));
    // Between two nodes of one pod memory is where it belongs.
    let asked = found(", store_kedro_outputs_as_kfp_artifacts: True", "argo");
    assert!(!asked.contains("artifact-impossible"), "{asked}");
}
