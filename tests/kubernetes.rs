//! Kubernetes objects in `kubeflow.yaml`: as kedro-kubeflow takes them, as
//! Kubernetes does, and what is wrong with them.

use serde_json::json;

use crate::config::{error, warnings};
use crate::support::{NEW, Project, Workflow, stderr};

const NODES: &str = "
def register_pipelines():
    make = node(len, 'start', 'out_size', name='make')
    use = node(abs, 'out_size', 'out_abs', name='use')
    tell = node(print, 'params:status', None, name='tell')
    return {'__default__': pipeline([make, use]), 'notify': pipeline([tell])}
";

/// A project whose `run_config` has this besides.
fn project(settings: &str) -> Project {
    let project = Project::tiny(NEW, NODES);
    let config = format!("run_config:\n  image: tiny:1\n  volume: {{}}\n{settings}");
    project.write("conf/base/kubeflow.yaml", &config);
    project
}

/// The workflow, which nothing is doubtful about, and which Argo takes.
fn compiled(settings: &str, target: &str) -> Workflow {
    let project = project(settings);
    let arguments = ["compile", "-o", "-", "--target", target];
    let output = project.kubedro(&arguments).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{settings}");
    let workflow = project.as_tree(&String::from_utf8(output.stdout).unwrap());
    let schema = serde_json::from_str(include_str!("fixtures/argo-v4.1.2.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&workflow.0).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    workflow
}

#[test]
fn tolerations_in_both_spellings() {
    let workflow = compiled(
        "
  tolerations:
    __default__:
    - {operator: Exists, effect: NoExecute, toleration_seconds: -1}
    - {key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: '300'}
",
        "argo",
    );
    assert_eq!(
        workflow.template("use")["tolerations"],
        json!([
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": -1},
            {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ])
    );
    let of = |toleration: &str| {
        format!("run_config:\n  tolerations:\n    train_model:\n      - {{{toleration}}}\n")
    };
    let text = error(&of("operator: Equal, value: x, effect: NoSchedule"));
    assert!(text.contains("`run_config.tolerations.train_model[0]`"), "{text}");
    assert!(text.contains("missing field `key`: only operator: Exists can do without"), "{text}");
    let text = error(&of("key: a, operator: Exists, effect: NoSchedule, toleration_seconds: 5"));
    assert!(text.contains("only for effect: NoExecute"), "{text}");
    let text = error(&of("key: a, operator: Exists, effect: NoExecute, toleration_seconds: 5s"));
    assert!(text.contains("`run_config.tolerations.train_model[0].toleration_seconds`"), "{text}");
    assert!(text.contains(":4:75") && text.contains("a whole number"), "{text}");
    let text = warnings(&of("key: a, operator: Exists, effect: NoExecute, tolerationSecond: 5"));
    assert!(text[0].contains("`tolerationSeconds`?"), "{}", text[0]);
}
