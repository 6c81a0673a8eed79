//! What the pod knows of the run, as what is told of it.

use jiff::Timestamp;

use super::failures::failed_steps;
use crate::notify::RunReport;
use crate::step::OnExit;

/// The report; `failures` is Argo's list, without its quotes. What the
/// orchestrator has not said, because it left a tag as it was, is not there.
pub(super) fn of(step: &OnExit, failures: &str, now: Timestamp) -> RunReport {
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let failures = failed_steps(failures);
    RunReport {
        run_id: step.identity.run_id.text().to_owned(),
        run_name: step.end.run_name.text().to_owned(),
        project: step.spec.project.clone(),
        pipeline: step.spec.run_pipeline.clone(),
        status: step.end.status.text().to_owned(),
        started: step.end.started.text().parse().ok().map(time),
        finished: time(now),
        duration_seconds: step
            .end
            .duration
            .text()
            .parse()
            .ok()
            .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0),
        failed_steps: failures.iter().map(|failure| failure.step.clone()).collect(),
        failures,
    }
}
