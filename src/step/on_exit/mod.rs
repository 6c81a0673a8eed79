//! The end of a run: sends the notifications, then runs the on-exit pipeline
//! with the parameters of the run and with what became of it as text
//! (kedro-kubeflow 0.7.4: `status` and `failures`).
//!
//! The notifications are first: they take a minute at most, a pipeline may take
//! hours and be killed.

mod failures;
mod parts;
mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use parts::Part;
pub use parts::remarks;

use super::kedro::{self, Parameter, Request, Selection};
use super::{Error, OnExit, Surroundings};
use crate::notify::{self, Delivery, RunReport};
use crate::supervise::{self, Options, Outcome, Report, Signal};
use crate::telemetry::say;
use crate::{env_vars, exit};

/// How the part that runs Kedro is called.
const PIPELINE: &str = "on-exit pipeline";

/// What is left of the grace period for this process to end.
const TO_END: Duration = Duration::from_secs(3);

pub(super) fn execute(step: &OnExit, surroundings: Surroundings<'_>) -> Outcome {
    let failures = failures::plain_failures(step.end.failures.text());
    let report = report::of(step, &failures, Timestamp::now());
    let (mut parts, told_to_end) = notifications(step, &report);
    if let Some(pipeline) = &step.spec.pipeline {
        let part = if told_to_end {
            let code = Outcome::Signalled(Signal::TERM.number()).code();
            let result = "not run: the pod was told to end before it began".to_owned();
            Part::said(PIPELINE.to_owned(), result, code, false)
        } else {
            run_pipeline(step, pipeline, &report, &failures, surroundings)
        };
        // The project's own part is the one that its code tells of.
        parts.insert(0, part);
    }
    if let Some(file) = std::env::var_os(env_vars::KUBEDRO_ON_EXIT_RESULTS) {
        parts::write(&parts, Path::new(&file));
    }
    let outcome = match parts.iter().find(|part| part.code != 0) {
        Some(failed) if step.spec.required => Outcome::Exited(failed.code),
        Some(_) => {
            say("the run keeps its status (on_exit_required: True would make it a failed one)");
            Outcome::SUCCESS
        }
        None => Outcome::SUCCESS,
    };
    // In the place of what the pipeline alone has left there.
    let fields = [("parts".to_owned(), parts::by_name(&parts))].into_iter().collect();
    supervise::tell_end(outcome, parts::not_as_meant(&parts).join("; "), fields);
    outcome
}

fn notifications(step: &OnExit, report: &RunReport) -> (Vec<Part>, bool) {
    let grace = Options::from_environment().grace;
    let surroundings = notify::Surroundings {
        local: std::env::var_os(env_vars::KUBEDRO_LOCAL).is_some(),
        after_a_signal: grace.saturating_sub(TO_END).max(grace / 2),
    };
    let notifications = &step.spec.notifications;
    let deliveries = notify::deliver(notifications, report, surroundings);
    let parts = deliveries
        .each
        .iter()
        .zip(notifications)
        .enumerate()
        .map(|(at, (delivery, notification))| {
            let code = match delivery {
                Delivery::Failed(_) => exit::NOTIFICATION,
                Delivery::Sent { .. } | Delivery::NotWanted | Delivery::Skipped(_) => 0,
            };
            let as_meant = code == 0 && !matches!(delivery, Delivery::Skipped(_));
            Part::said(notification.title(at), delivery.to_string(), code, as_meant)
        })
        .collect();
    (parts, deliveries.told_to_end)
}

fn run_pipeline(
    step: &OnExit,
    pipeline: &str,
    report: &RunReport,
    failures: &str,
    surroundings: Surroundings<'_>,
) -> Part {
    let (result, code) = match run(step, pipeline, report, failures, surroundings) {
        Ok(ended) => (words(&ended), ended.outcome().code()),
        Err(error) => (format!("failed: {error}"), exit::of_step(&error)),
    };
    Part::said(PIPELINE.to_owned(), result, code, code == 0)
}

fn words(ended: &Report) -> String {
    let outcome = ended.outcome();
    if outcome == Outcome::SUCCESS {
        return "succeeded".to_owned();
    }
    let how = format!("failed ({outcome})");
    match &ended.exception {
        Some(exception) => format!("{how}: {exception}"),
        None => how,
    }
}

fn run(
    step: &OnExit,
    pipeline: &str,
    report: &RunReport,
    failures: &str,
    surroundings: Surroundings<'_>,
) -> Result<Report, Error> {
    let mut parameters = kedro::parameters(step.identity.parameters.text())?;
    for (name, text) in [("status", step.end.status.text()), ("failures", failures)] {
        parameters.retain(|parameter| parameter.name != name);
        parameters.push(Parameter::text(name, text));
    }
    let (_folder, status_file) = status_file(report)?;
    let mut request = Request::new(
        surroundings.project,
        Selection {
            env: &step.spec.env,
            pipeline,
            made_by: Some(&step.spec.run_pipeline),
            load_versions: step.spec.load_versions.clone(),
            load_at_save_version: &step.spec.load_at_save_version,
            ..Selection::default()
        },
        &step.identity,
        parameters,
    )?;
    request.env.push((env_vars::KUBEDRO_STATUS_FILE, status_file));
    kedro::run(request, surroundings)
}

/// The report in a file of its own, which is there as long as the folder.
fn status_file(report: &RunReport) -> Result<(TempDir, PathBuf), Error> {
    let failed = |path: PathBuf| |source| Error::Write { path, source };
    let folder = tempfile::Builder::new()
        .prefix("kubedro-end-")
        .tempdir()
        .map_err(failed(std::env::temp_dir()))?;
    let file = folder.path().join("status.json");
    std::fs::write(&file, report.to_json()).map_err(failed(file.clone()))?;
    Ok((folder, file))
}
