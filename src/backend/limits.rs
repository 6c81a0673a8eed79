//! What Kubernetes, Argo and Kubeflow Pipelines would not take.

use serde_json::{Value, json};

use super::argo::parameter_value;
use super::{Target, kfp_v1};
use crate::diagnostic::Code;
use crate::plan::{Finding, Plan, Subject};
use crate::step::{RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER};

/// Most that Argo lets a workflow be, its status included: 1 MiB of JSON
/// (`workflow/packer` of Argo Workflows 3.6 to 4.x).
const MOST_BYTES: usize = 1024 * 1024;

/// Most templates, and most tasks of a graph, where Argo's custom resources are
/// installed with their full schema (the release manifests of Argo 4).
const MOST_TEMPLATES: usize = 200;

/// Whether Argo would take the workflow.
pub(super) fn fits(plan: &Plan, target: Target, workflow: &Value) -> bool {
    bytes(workflow) + status(plan, target, workflow) <= MOST_BYTES
}

/// What the target would not take.
pub(super) fn findings(plan: &Plan, target: Target, workflow: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !fits(plan, target, workflow) {
        findings.push(too_large(plan, target, workflow));
    }
    findings.extend(many_steps(workflow));
    if target == Target::Kfp {
        findings.extend(parameters_too_large(plan));
        findings.extend(kfp_v1::cache_with_volume(plan));
    }
    findings
}

/// As Kubernetes stores it: JSON without blanks.
fn bytes(workflow: &Value) -> usize {
    kfp_v1::bytes_in_go(workflow)
}

/// The estimated status of the finished workflow, as Argo stores it (3.6, which
/// has the largest; the nodes are compressed); bytes. The terms are a fit to
/// what the packer of Argo 3.7 made of workflows of 10 to 2,000 steps, and were
/// never too low there. One failed try is counted for each step that may have
/// any.
fn status(plan: &Plan, target: Target, workflow: &Value) -> usize {
    // Kubernetes puts five letters behind the name.
    let name = workflow["metadata"]["generateName"].as_str().unwrap_or_default().len() + 5;
    let steps = plan.steps.len();
    let letters: usize = plan.steps.iter().map(|step| step.name.len()).sum();
    let edges: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
    let retried: Vec<_> = plan.steps.iter().filter(|step| step.retry.is_some()).collect();
    let retried_letters: usize = retried.iter().map(|step| step.name.len()).sum();
    let nodes = steps * (66 + 16 * name / 100) + 45 * letters / 100 + 65 * edges / 10;
    let tries = retried.len() * (78 + 12 * name / 100 + 95) + 45 * retried_letters / 100;
    let results = steps * (80 + name + 19);
    // The API server of Kubeflow Pipelines labels each template.
    let labels = if target == Target::Kfp { 100 * steps } else { 0 };
    1_200 + nodes + tries + results + labels
}

/// Argo as it is installed by default may refuse the workflow.
fn many_steps(workflow: &Value) -> Option<Finding> {
    let templates = workflow["spec"]["templates"].as_array().map_or(0, Vec::len);
    if templates <= MOST_TEMPLATES {
        return None;
    }
    let message = format!(
        "the workflow has {templates} templates: a cluster whose custom resources are those of Argo 4's release manifests takes {MOST_TEMPLATES}"
    );
    let help = "put several nodes into one pod (node_merge_strategy: full), compile parts of the pipeline each on its own (--pipeline), or have Argo's minimal custom resources installed";
    Some(
        Finding::new(Code::ManySteps, message, help)
            .about(Subject::Setting("run_config.node_merge_strategy")),
    )
}

fn too_large(plan: &Plan, target: Target, workflow: &Value) -> Finding {
    let (own, status) = (bytes(workflow), status(plan, target, workflow));
    let message = format!(
        "the workflow would be too large for Argo: {} steps make {} KiB, of which {} KiB are an estimate of its status; {} KiB are the most",
        plan.steps.len(),
        (own + status) / 1024,
        status / 1024,
        MOST_BYTES / 1024
    );
    let help = "put several nodes into one pod: node_merge_strategy: full, or compile parts of the pipeline each on its own (--pipeline)";
    Finding::new(Code::WorkflowTooLarge, message, help)
        .about(Subject::Setting("run_config.node_merge_strategy"))
}

fn parameters_too_large(plan: &Plan) -> Option<Finding> {
    let parameters: Vec<_> = plan
        .parameters
        .iter()
        .map(|parameter| (parameter.name.as_str(), parameter_value(parameter)))
        .chain([RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER].map(|name| (name, String::new())))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let bytes = kfp_v1::bytes_in_go(&Value::from(parameters));
    if bytes <= kfp_v1::MOST_PARAMETERS {
        return None;
    }
    let largest = plan.parameters.iter().max_by_key(|parameter| parameter.value.len())?;
    let message = format!(
        "the parameters are too large for Kubeflow Pipelines: {bytes} bytes as JSON, of which `{}` has {}; {} are the most",
        largest.name,
        largest.value.len(),
        kfp_v1::MOST_PARAMETERS
    );
    let help = "keep large values in a file that a dataset of the catalog reads, or compile with --target argo";
    Some(
        Finding::new(Code::ParametersTooLarge, message, help)
            .about(Subject::Parameter(largest.name.clone())),
    )
}
