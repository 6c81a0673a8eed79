//! The list of failed steps, in the form that Argo gives it to an exit handler.

use serde::Serialize;

use super::StepReport;
use super::summary::State;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    display_name: &'a str,
    message: &'a str,
    template_name: &'a str,
    phase: &'static str,
    pod_name: &'a str,
}

/// JSON within JSON, as it arrives from Argo 3.7.12.
pub(super) fn encoded(reports: &[StepReport]) -> String {
    let failures: Vec<Failure<'_>> = reports
        .iter()
        .filter_map(|report| {
            let message = match &report.state {
                State::Failed { reason, .. } => reason,
                State::Stopped => "stopped",
                State::Succeeded | State::NotRun => return None,
            };
            Some(Failure {
                display_name: &report.name,
                message,
                template_name: &report.name,
                phase: "Failed",
                pod_name: &report.name,
            })
        })
        .collect();
    let once = serde_json::to_string(&failures).unwrap_or_default();
    serde_json::to_string(&once).unwrap_or_default()
}
