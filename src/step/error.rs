//! Why a step could not run, or ended badly before its child did.

use std::io;
use std::path::PathBuf;

use crate::{copy, files, project, store, supervise};

/// A step that did not come so far as to have an exit code of its child.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The child did not start.
    #[error(transparent)]
    Supervise(#[from] supervise::Error),
    /// The project or its Python was not found.
    #[error(transparent)]
    Project(#[from] project::Error),
    /// Files could not be copied.
    #[error(transparent)]
    Copy(#[from] copy::Error),
    /// What is to be copied of the image's data is not there.
    #[error("the image has no {}, which `init_paths` of `volume` in kubeflow.yaml names (does .dockerignore keep it out?)", .0.display())]
    NotInImage(PathBuf),
    /// Something of the step's own could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something of the step's own could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Outputs could not be put into a store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An output could not be written.
    #[error(transparent)]
    Output(#[from] files::WriteError),
    /// What was found at the start of the run is in a form that is none.
    #[error("the versions to load are not a JSON object of names and versions: {0}")]
    LoadVersions(String),
    /// The workflow's parameters came in a form that is none.
    #[error("the workflow's parameters are not a JSON list of names and values: {0}")]
    Parameters(String),
    /// A run's value that cannot be one.
    #[error(
        "`{value}` cannot be a {what}: only letters, digits and `.`, `_`, `:`, `-` are allowed"
    )]
    Identity {
        /// Which value.
        what: &'static str,
        /// As given.
        value: String,
    },
    /// A path that leads out of the working directory.
    #[error("`{path}` does not stay below the working directory")]
    Path {
        /// As given.
        path: String,
    },
    /// The launcher's answer about the outputs is none.
    #[error("what Python says of the outputs cannot be read: {0}")]
    Outputs(String),
    /// Outputs that the nodes should have made are not there.
    #[error(
        "{}\n  = help: Kedro has ended well, so the dataset has saved nothing there: look at its class and its filepath", missing(.0)
    )]
    Missing(Vec<Missing>),
    /// The workflow looks for an output where this image does not put it.
    #[error(
        "the workflow expects the output `{dataset}` at {}, and this image's catalog has it at {}\n  = help: compile again, or run the image that was built with the project that was compiled",
        expected.display(), path.display()
    )]
    Elsewhere {
        /// The dataset.
        dataset: String,
        /// Where the workflow expects it.
        expected: PathBuf,
        /// Where it is.
        path: PathBuf,
    },
    /// The workflow looks for a file of an output that has none.
    #[error(
        "the workflow expects a file of the output `{dataset}`, and in this image's catalog it has none\n  = help: compile again, or run the image that was built with the project that was compiled"
    )]
    NoFile {
        /// The dataset.
        dataset: String,
    },
}

/// An output that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The dataset.
    pub dataset: String,
    /// Where it was looked for; nothing where the image's catalog does not have it.
    pub place: Option<String>,
}

fn missing(outputs: &[Missing]) -> String {
    let list: Vec<String> = outputs
        .iter()
        .map(|output| match &output.place {
            Some(place) => format!("`{}` ({place})", output.dataset),
            None => format!("`{}` (not in this image's catalog)", output.dataset),
        })
        .collect();
    match &list[..] {
        [only] => format!("the output {only} is not there"),
        _ => format!("the outputs {} are not there", list.join(", ")),
    }
}
