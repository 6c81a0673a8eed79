//! Plan → a document; one file a target. Knows nothing of where a plan came from.

mod argo;
mod compact;
pub mod graph;
mod kfp_v1;
mod limits;
mod yaml;

use crate::plan::{Finding, Plan};

/// What the document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A plain Argo cluster.
    Argo,
    /// Kubeflow Pipelines, by its v1 API.
    Kfp,
}

/// A compiled plan.
#[derive(Debug)]
pub struct Document {
    /// YAML; the same plan gives the same bytes.
    pub text: String,
    /// What the target would not take.
    pub findings: Vec<Finding>,
}

/// Compiles a plan.
pub fn compile(plan: &Plan, target: Target) -> Result<Document, Error> {
    let workflow = argo::workflow(plan, target)?;
    let workflow =
        serde_json::to_value(workflow).map_err(|error| Error::Yaml(error.to_string()))?;
    let workflow = if limits::fits(plan, target, &workflow) {
        workflow
    } else {
        compact::compact(workflow, target)
    };
    let findings = limits::findings(plan, target, &workflow);
    Ok(Document { text: yaml::to_text(&workflow)?, findings })
}

/// The document cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Argo would replace the value by something else.
    #[error(
        "the environment variable {name} has `{{{{` in its value, which Argo expands wherever it stands\n  = help: unset it, or give it another value, before compiling"
    )]
    EnvironmentNotPortable {
        /// The variable.
        name: String,
    },
    /// The document has no YAML.
    #[error("cannot write the workflow as YAML: {0}")]
    Yaml(String),
}
