//! What Kubeflow Pipelines' v1 API wants of an Argo workflow beyond what Argo
//! wants: annotations and labels for names, parameters and caching.
//!
//! Their names are those of the KFP SDK 1.8 and of the API server and cache
//! webhook of KFP 2.17.

use serde_json::json;

use super::argo::{OutputArtifact, TemplateMetadata, parameter_value};
use crate::diagnostic::Code;
use crate::plan::{Finding, LOAD_VERSIONS, ON_EXIT, Plan, Step, Subject, VOLUME_INIT};
use crate::step::{METRICS, OUTPUTS, RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER, UI_METADATA};

/// The account that the SDK names, for which the API server puts in its own
/// default (of the namespace, where there are several users).
pub(super) const SERVICE_ACCOUNT: &str = "pipeline-runner";

/// Most that the API server takes for all parameters of a run, as JSON; bytes.
pub(super) const MOST_PARAMETERS: usize = 10_000;

const PIPELINE_SPEC: &str = "pipelines.kubeflow.org/pipeline_spec";
const TASK_DISPLAY_NAME: &str = "pipelines.kubeflow.org/task_display_name";
const MAX_CACHE_STALENESS: &str = "pipelines.kubeflow.org/max_cache_staleness";
const ENABLE_CACHING: &str = "pipelines.kubeflow.org/enable_caching";

/// What the server and its user interface read of the pipeline as a whole: its
/// name, and the parameters that a run may set.
pub(super) fn annotations(plan: &Plan) -> [(&'static str, String); 1] {
    let own = [RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER].map(|name| (name, String::new()));
    let inputs: Vec<_> = plan
        .parameters
        .iter()
        .map(|parameter| (parameter.name.as_str(), parameter_value(parameter)))
        .chain(own)
        .map(|(name, value)| json!({"name": name, "default": value, "optional": true}))
        .collect();
    let mut spec = json!({"name": plan.project, "inputs": inputs});
    if let Some(description) = &plan.description {
        spec["description"] = description.as_str().into();
    }
    [(PIPELINE_SPEC, without_tags(&spec.to_string()))]
}

/// A step that is found in the cache does not run; what it would have written to
/// the volume is then not there.
pub(super) fn cache_with_volume(plan: &Plan) -> Option<Finding> {
    let staleness = plan.max_cache_staleness.as_ref()?;
    if staleness.is_zero() || plan.volume.is_none() {
        return None;
    }
    let message = "a step that is taken from Kubeflow's cache does not run, so the volume would lack what it writes";
    let help = "set max_cache_staleness: P0D, which turns caching off";
    Some(
        Finding::new(Code::CacheWithVolume, message, help)
            .about(Subject::Setting("run_config.max_cache_staleness")),
    )
}

/// Bytes that Go's `json.Marshal` makes of a value: what Kubernetes and the API
/// server count. It writes `<`, `>`, `&` and the two line separators as escapes.
pub(super) fn bytes_in_go(value: &serde_json::Value) -> usize {
    let text = value.to_string();
    let longer: usize = text
        .chars()
        .map(|character| match character {
            '<' | '>' | '&' => 5,
            '\u{2028}' | '\u{2029}' => 3,
            _ => 0,
        })
        .sum();
    text.len() + longer
}

/// The step's name as Kedro has it, and whether its result may be an old one.
pub(super) fn step_metadata(step: &Step, plan: &Plan) -> TemplateMetadata {
    let own = [VOLUME_INIT, LOAD_VERSIONS, ON_EXIT].contains(&step.name.as_str());
    let mut metadata = match (&plan.max_cache_staleness, own) {
        (_, true) => never_cached(),
        (Some(staleness), false) => TemplateMetadata {
            annotations: [(MAX_CACHE_STALENESS, staleness.as_str().to_owned())].into(),
            labels: [(ENABLE_CACHING, "true")].into(),
        },
        (None, false) => {
            TemplateMetadata { annotations: [].into(), labels: [(ENABLE_CACHING, "true")].into() }
        }
    };
    if let [node] = &step.nodes[..]
        && *node != step.name
        && !node.contains("{{")
    {
        metadata.annotations.insert(TASK_DISPLAY_NAME, node.clone());
    }
    metadata
}

/// The name of an artifact as the SDK writes it: the pages take the step's name
/// off again.
pub(super) fn artifact_name(step: &Step, artifact: &str) -> String {
    format!("{}-{artifact}", step.name)
}

/// What the server and the pages look for beside a step's artifacts. Few steps
/// have something to show.
pub(super) fn displays() -> [OutputArtifact; 2] {
    [UI_METADATA, METRICS].map(|[name, file]| OutputArtifact {
        name: name.to_owned(),
        path: format!("{OUTPUTS}/{file}"),
        optional: Some(true),
    })
}

/// For steps whose effect is not in their outputs: a volume that is taken from
/// the cache is another run's.
pub(super) fn never_cached() -> TemplateMetadata {
    TemplateMetadata {
        annotations: [(MAX_CACHE_STALENESS, "P0D".to_owned())].into(),
        labels: [(ENABLE_CACHING, "false")].into(),
    }
}

/// In JSON two braces in a row stand only within a string, or where objects
/// are nested without a key between them, which these are not.
fn without_tags(json: &str) -> String {
    json.replace("{{", "{\\u007b")
}
