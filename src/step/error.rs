//! Why a step could not run, or ended badly before its child did.

use std::io;
use std::path::PathBuf;

use crate::{copy, files, project, supervise};

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
}
