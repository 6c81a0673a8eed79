//! `run_config.artifacts`: what is refused, what the pods get, and what a local
//! run does with it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{NEW, Project, stderr};

const REGISTRY: &str = r#"
def one(start):
    with open(f"/proc/{os.getppid()}/cmdline") as file:
        return file.read()

def register_pipelines():
    return {"__default__": pipeline([node(one, "start", "out_one", name="one")])}
"#;

fn project(artifacts: &str) -> Project {
    let project = Project::tiny(NEW, REGISTRY);
    project.write(
        "conf/base/kubeflow.yaml",
        &format!("run_config:\n  image: tiny:1\n  volume: {{}}\n{artifacts}"),
    );
    project
}

fn complaint(artifacts: &str) -> String {
    let output = project(artifacts).kubedro(&["compile", "-o", "-"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(32), "{said}");
    said
}

#[test]
fn what_cannot_be_a_store_is_refused_at_its_place() {
    for (artifacts, place, reason) in [
        ("{url: s33://a}", "4:20", "Did you mean `s3`?"),
        ("{url: bucket/prefix}", "4:20", "SCHEME://BUCKET/PREFIX"),
        ("{url: 's3://me:hidden@bucket'}", "4:20", "it has credentials in it"),
        ("{url: 's3://bucket?sig=hidden'}", "4:20", "`?`"),
        ("{url: 's3://bucket', options: {endpont: x}}", "4:3", "Did you mean `endpoint`?"),
        ("{url: 's3://bucket', secret: Store}", "4:", "cannot be the name of a secret"),
        ("{options: {}}", "4:3", "missing field `url`"),
        ("[s3://bucket]", "4:3", "a list, expected a mapping"),
    ] {
        let said = complaint(&format!("  artifacts: {artifacts}\n"));
        assert!(said.contains(reason), "{artifacts}: {said}");
        assert!(said.contains(&format!("kubeflow.yaml:{place}")), "{artifacts}: {said}");
    }
}

#[test]
fn an_unknown_key_and_a_secret_in_plain_text_are_told() {
    let project = project(
        "  artifacts:\n    url: s3://bucket\n    secrt: a\n    options: {secret_access_key: hidden}\n",
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("`run_config.artifacts.secrt` is not known"), "{said}");
    assert!(said.contains("Did you mean `secret`?"), "{said}");
    assert!(said.contains("secret-in-plain-text"), "{said}");
    assert!(said.contains("`secret_access_key` of the object store"), "{said}");
}

const STORE: &str = "  artifacts:\n    url: s3://bucket/runs\n    options: {region: eu-west-1, allow_http: true, max_retries: 3}\n    secret: store\n";

#[test]
fn the_pods_of_nodes_get_the_store_and_its_secret() {
    let workflow = project(STORE).compiled(&[]);
    let one = workflow.container("one");
    assert_eq!(one["envFrom"], json!([{"secretRef": {"name": "store"}}]));
    let spec: Value = serde_json::from_str(one["args"][2].as_str().unwrap()).unwrap();
    let options = json!({"region": "eu-west-1", "allow_http": "true", "max_retries": "3"});
    assert_eq!(spec["export"], json!({"url": "s3://bucket/runs", "options": options}));
    assert!(workflow.container("data-volume-init").get("envFrom").is_none());
}

#[test]
fn without_a_store_there_is_nothing_of_it() {
    let yaml = project("").compile(&[]);
    assert!(!yaml.contains("envFrom") && !yaml.contains("export"), "{yaml}");
}

#[test]
fn a_local_run_has_a_folder_in_the_place_of_the_store() {
    let project = project(STORE);
    let (output, work) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let work = work.canonicalize().unwrap();
    let argv = NEW.unpickled(&work.join("project/data/02/one.pickle"));
    let spec: Value = serde_json::from_str(argv.split('\0').nth(3).unwrap()).unwrap();
    let folder = url_of(&work.join("artifacts"));
    assert_eq!(spec["export"], json!({"url": folder}));
}

fn url_of(folder: &Path) -> String {
    format!("file://{}", folder.display())
}
