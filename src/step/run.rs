//! Runs nodes of a pipeline.

use std::collections::BTreeMap;

use super::export::{Exported, export};
use super::kedro::{self, Request, Selection};
use super::made::Made;
use super::output::outputs_folder;
use super::{Error, ExportTarget, Missing, Run, Surroundings, artifact};
use crate::store::Source;
use crate::supervise::Outcome;

/// The file in the store in place of data that are in no file here.
const REFERENCE: &str = "reference.json";

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
            made: !spec.artifacts.is_empty() || spec.export.is_some(),
            ..Selection::default()
        },
        &step.identity,
        parameters,
    )?;
    request.lean &= !step.no_lean;
    request.displays = spec.displays.then(outputs_folder);
    let run_id = request.run_id.clone();
    let (report, answer) = kedro::ask(request, surroundings)?;
    let outcome = report.outcome();
    if outcome != Outcome::SUCCESS || (spec.artifacts.is_empty() && spec.export.is_none()) {
        return Ok(outcome);
    }
    let made = Made::list(&answer)?;
    artifact::provide(&spec.artifacts, &made, surroundings.project)?;
    if let Some(target) = &spec.export {
        store(target, &run_id, &made)?;
    }
    Ok(outcome)
}

/// Puts all that the nodes have made into the store.
fn store(target: &ExportTarget, run_id: &str, made: &[Made]) -> Result<(), Error> {
    let missing: Vec<Missing> =
        made.iter().filter(|made| !made.exists()).map(Made::missing).collect();
    if !missing.is_empty() {
        return Err(Error::Missing(missing));
    }
    let references: Vec<String> = made.iter().map(Made::reference).collect();
    let outputs: Vec<Exported<'_>> = made
        .iter()
        .zip(&references)
        .map(|(made, text)| Exported {
            dataset: made.name(),
            source: match &made.path {
                Some(path) => Source::Path(path),
                None => Source::Text { name: REFERENCE, text },
            },
        })
        .collect();
    if !outputs.is_empty() {
        export(target.as_target(), run_id, &outputs)?;
    }
    Ok(())
}
