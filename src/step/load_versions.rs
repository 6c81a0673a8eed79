//! Finds, once for all steps of a run, which versions of the datasets they load
//! that the run itself does not make: what is newest may change meanwhile.

use super::kedro::{self, Request, Selection};
use super::{Error, LoadVersions, Surroundings, output};
use crate::supervise::Outcome;

/// The output's name.
pub const LOAD_VERSIONS: &str = "load-versions";

pub(super) fn execute(
    step: &LoadVersions,
    surroundings: Surroundings<'_>,
) -> Result<Outcome, Error> {
    let parameters = kedro::parameters(step.identity.parameters.text())?;
    let selection = Selection {
        env: &step.spec.env,
        pipeline: &step.spec.pipeline,
        datasets: &step.spec.datasets,
        ..Selection::default()
    };
    let request = Request::new(surroundings.project, selection, &step.identity, parameters)?;
    let (report, found) = kedro::ask(request, surroundings)?;
    let outcome = report.outcome();
    if outcome == Outcome::SUCCESS {
        output::write(LOAD_VERSIONS, &found)?;
    }
    Ok(outcome)
}
