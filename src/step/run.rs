//! Runs nodes of a pipeline.

use super::kedro::{self, Request, Selection};
use super::{Error, Run, Surroundings};
use crate::supervise::Outcome;

pub(super) async fn execute(step: &Run, surroundings: Surroundings<'_>) -> Result<Outcome, Error> {
    let parameters = kedro::parameters(step.identity.parameters.text())?;
    let request = Request::new(
        surroundings.project,
        Selection {
            env: &step.spec.env,
            pipeline: &step.spec.pipeline,
            nodes: &step.spec.nodes,
            load_at_save_version: &step.spec.load_at_save_version,
        },
        &step.identity,
        parameters,
    )?;
    kedro::run(&request, surroundings).await
}
