//! Puts outputs into an object store, below the run's id. Knows nothing of how
//! they were made.

use std::path::{Path, PathBuf};

use serde_json::Map;

use super::{Error, Export, kedro};
use crate::store::{self, Item, Source, Summary, Target};
use crate::supervise::{self, Outcome};
use crate::telemetry::say;

/// An output on its way to the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exported<'a> {
    /// The name that it gets there: the dataset's.
    pub dataset: &'a str,
    /// Its file or folder, or a text in its place.
    pub source: Source<'a>,
}

pub(super) fn execute(step: &Export, project: &Path) -> Result<Outcome, Error> {
    let parameters = kedro::parameters(step.identity.parameters.text())?;
    let run_id = kedro::run_id(&step.identity, &parameters)?;
    let spec = &step.spec;
    let paths: Vec<PathBuf> =
        spec.outputs.iter().map(|output| project.join(&output.path)).collect();
    let outputs: Vec<Exported<'_>> = spec
        .outputs
        .iter()
        .zip(&paths)
        .map(|(output, path)| Exported { dataset: &output.dataset, source: Source::Path(path) })
        .collect();
    export(Target { url: &spec.url, options: &spec.options }, &run_id, &outputs)?;
    Ok(Outcome::SUCCESS)
}

/// Puts the outputs there, as `URL/RUN ID/DATASET/…`, all of them or an error.
/// Signals have to be blocked: one that tells this process to end makes it give
/// up what it has begun.
pub(super) fn export(
    target: Target<'_>,
    run_id: &str,
    outputs: &[Exported<'_>],
) -> Result<Summary, Error> {
    let items: Vec<Item<'_>> = outputs
        .iter()
        .map(|output| {
            let mut about = Map::new();
            about.insert("dataset".to_owned(), output.dataset.into());
            about.insert("run_id".to_owned(), run_id.into());
            Item { name: output.dataset, source: output.source, about }
        })
        .collect();
    let summary = store::upload(&target, run_id, &items, &supervise::told_to_end)?;
    say(&format!(
        "stored {} files ({} bytes) of {} in {}/{run_id}",
        summary.files,
        summary.bytes,
        outputs.iter().map(|output| output.dataset).collect::<Vec<_>>().join(", "),
        target.url.trim_end_matches('/'),
    ));
    Ok(summary)
}
