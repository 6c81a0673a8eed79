//! Values that only a run knows, and text that may be one.

use std::convert::Infallible;
use std::str::FromStr;

/// The workflow parameter that gives the run another's id; empty by default.
pub const RUN_ID_PARAMETER: &str = "kubedro-run-id";

/// The workflow parameter that gives the run another's save version; empty by
/// default.
pub const SAVE_VERSION_PARAMETER: &str = "kubedro-save-version";

/// A value that is known when the workflow runs, not when it is compiled. A
/// backend writes each as its own placeholder; a local run knows them itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunValue {
    /// The id that the orchestrator gave the run: the workflow's uid, the id
    /// of the run in Kubeflow Pipelines.
    RunId,
    /// The save version of all versioned datasets of the run: when it was made,
    /// and its id.
    SaveVersion,
    /// One of the workflow's parameters.
    Parameter(String),
    /// All of the workflow's parameters: a JSON list of `{"name", "value"}`,
    /// each value a text of YAML (Argo's `workflow.parameters.json`).
    Parameters,
    /// In the exit handler: `Succeeded`, `Failed` or `Error`.
    Status,
    /// The name that the orchestrator gave the run.
    RunName,
    /// When the run was made (RFC 3339).
    Started,
    /// In the exit handler: how long the run took, in seconds.
    Duration,
    /// In the exit handler: a JSON list of the steps that failed.
    Failures,
    /// What a step before this one wrote.
    StepOutput(StepOutput),
}

/// An output of another step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutput {
    /// The other step.
    pub step: String,
    /// Its output.
    pub name: String,
}

/// Text, or a value that will be text when the workflow runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunText {
    /// Known.
    Text(String),
    /// Not yet.
    Value(RunValue),
}

impl RunText {
    /// The text; for a value that nobody has put in yet, nothing.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Value(_) => "",
        }
    }

    /// The same with the value put in.
    #[must_use]
    pub fn resolved(&self, value: &dyn Fn(&RunValue) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.clone()),
            Self::Value(wanted) => Self::Text(value(wanted)),
        }
    }
}

impl FromStr for RunText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::Text(text.to_owned()))
    }
}
