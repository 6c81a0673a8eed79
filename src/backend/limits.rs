//! What Kubernetes, Argo and Kubeflow Pipelines would not take.

use serde_json::{Value, json};

use super::{Target, kfp_v1};
use crate::diagnostic::Code;
use crate::plan::{Finding, Plan, Subject};

/// Most that Argo lets a workflow be, its status included: 1 MiB of JSON
/// (`workflow/packer` of Argo Workflows 3.6 to 4.x).
const MOST_BYTES: usize = 1024 * 1024;

/// What the status of a finished workflow has at least; bytes.
const STATUS_OF_WORKFLOW: usize = 4 * 1024;

/// What each pod adds to the status. Argo compresses the nodes, but not the map
/// of results that have come in; bytes.
const STATUS_OF_POD: usize = 250;

/// A step that may be tried again has a node above its pods.
const STATUS_OF_RETRY: usize = 150;

/// Whether Argo would take the workflow.
pub(super) fn fits(plan: &Plan, workflow: &Value) -> bool {
    bytes(workflow) + status(plan) <= MOST_BYTES
}

/// What the target would not take.
pub(super) fn findings(plan: &Plan, target: Target, workflow: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !fits(plan, workflow) {
        findings.push(too_large(plan, workflow));
    }
    if target == Target::Kfp {
        findings.extend(parameters_too_large(plan));
    }
    findings
}

/// As Kubernetes stores it: JSON without blanks.
fn bytes(workflow: &Value) -> usize {
    workflow.to_string().len()
}

/// The estimated status of the finished workflow; bytes.
fn status(plan: &Plan) -> usize {
    let retried = plan.steps.iter().filter(|step| step.retry.is_some()).count();
    STATUS_OF_WORKFLOW + plan.steps.len() * STATUS_OF_POD + retried * STATUS_OF_RETRY
}

fn too_large(plan: &Plan, workflow: &Value) -> Finding {
    let (own, status) = (bytes(workflow), status(plan));
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
        .map(|parameter| json!({"name": parameter.name, "value": parameter.value}))
        .collect();
    let bytes = serde_json::Value::from(parameters).to_string().len();
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
