//! Runs nodes of a pipeline.

use std::collections::BTreeMap;

use super::kedro::{self, Request, Selection};
use super::made::Made;
use super::output::outputs_folder;
use super::{Error, Run, Surroundings, artifact};
use crate::supervise::Outcome;

pub(super) fn execute(step: &Run, surroundings: Surroundings<'_>) -> Result<Outcome, Error> {
    let parameters = kedro::parameters(step.identity.parameters.text())?;
    let spec = &step.spec;
    let mut load_versions = match &step.load_versions {
        Some(found) => serde_json::from_str(found.text())
            .map_err(|error| Error::LoadVersions(error.to_string()))?,
        None => BTreeMap::new(),
    };
    load_versions.extend(spec.load_versions.clone());
    let mut request = Request::new(
        surroundings.project,
        Selection {
            env: &spec.env,
            pipeline: &spec.pipeline,
            nodes: &spec.nodes,
            tags: &spec.tags,
            namespaces: &spec.namespaces,
            load_versions,
            load_at_save_version: &spec.load_at_save_version,
            made: !spec.artifacts.is_empty(),
            ..Selection::default()
        },
        &step.identity,
        parameters,
    )?;
    request.lean &= !step.no_lean;
    request.displays = spec.displays.then(outputs_folder);
    let (report, answer) = kedro::ask(request, surroundings)?;
    let outcome = report.outcome();
    if outcome == Outcome::SUCCESS && !spec.artifacts.is_empty() {
        let made = Made::list(&answer)?;
        artifact::provide(&spec.artifacts, &made, surroundings.project)?;
    }
    Ok(outcome)
}
