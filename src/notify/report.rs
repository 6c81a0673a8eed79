//! What there is to tell of a run. As JSON it is the status file and the
//! default body of a webhook, so its fields are a contract.

use serde::Serialize;

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// The id of the run.
    pub run_id: String,
    /// The name of the run.
    pub run_name: String,
    /// The project's name.
    pub project: String,
    /// The registered pipeline that ran.
    pub pipeline: String,
    /// `Succeeded`, `Failed` or `Error`.
    pub status: String,
    /// When the run was made (RFC 3339, UTC).
    pub started: Option<String>,
    /// When its end was reported (RFC 3339, UTC).
    pub finished: String,
    /// How long the run took.
    pub duration_seconds: Option<f64>,
    /// The steps that failed, in the order of their ends.
    pub failed_steps: Vec<String>,
    /// The same, each with its reason.
    pub failures: Vec<Failure>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The step.
    pub step: String,
    /// In the orchestrator's words; of several tries, the last one's.
    pub message: String,
    /// The exit code, where the message has one.
    pub exit_code: Option<i64>,
}

impl RunReport {
    /// A run that has failed, to try templates with.
    pub(super) fn example(status: &str) -> Self {
        let failed = status != "Succeeded";
        let failure = Failure {
            step: "train".to_owned(),
            message: "Error (exit code 1)".to_owned(),
            exit_code: Some(1),
        };
        Self {
            run_id: "0b5b1c8a-3f0e-4f7e-9a0e-2f1f6f0c9d11".to_owned(),
            run_name: "project-default-x7k2p".to_owned(),
            project: "Project".to_owned(),
            pipeline: "__default__".to_owned(),
            status: status.to_owned(),
            started: Some("2026-01-31T12:00:00Z".to_owned()),
            finished: "2026-01-31T12:01:00Z".to_owned(),
            duration_seconds: Some(60.0),
            failed_steps: failed.then(|| "train".to_owned()).into_iter().collect(),
            failures: failed.then_some(failure).into_iter().collect(),
        }
    }

    /// As JSON, in the order of the fields.
    pub fn to_json(&self) -> String {
        // A plain structure of texts and numbers always has a JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
