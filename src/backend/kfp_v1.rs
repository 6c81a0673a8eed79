//! What Kubeflow Pipelines' v1 API wants of an Argo workflow beyond what Argo
//! wants: annotations and labels for names, parameters and caching.
//!
//! Their names are those of the KFP SDK 1.8 and of the API server and cache
//! webhook of KFP 2.17.

use serde_json::json;

use super::argo::{TemplateMetadata, parameter_value};
use crate::plan::{ON_EXIT, Plan, Step, VOLUME_INIT};
use crate::step::{RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER};

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

/// The step's name as Kedro has it, and whether its result may be an old one.
pub(super) fn step_metadata(step: &Step, plan: &Plan) -> TemplateMetadata {
    let own = [VOLUME_INIT, ON_EXIT].contains(&step.name.as_str());
    let mut metadata = match (&plan.max_cache_staleness, own) {
        (_, true) => never_cached(),
        (Some(staleness), false) => TemplateMetadata {
            annotations: [(MAX_CACHE_STALENESS, staleness.clone())].into(),
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

/// For steps whose effect is not in their outputs: a volume that is taken from
/// the cache is another run's (kubeflow/pipelines#5844).
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
