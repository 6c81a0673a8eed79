//! Everything that can end the program, for the one place that reports it.

use crate::diagnostic::Diagnostic;
use crate::{backend, cluster, config, files, init, local, plan, project, step, supervise};

/// A failure of any room.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // each says what it is in its own room
pub enum Error {
    #[error(transparent)]
    Project(#[from] project::Error),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// Findings after which no workflow is made.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Refused(Vec<Diagnostic>),
    #[error(transparent)]
    Backend(#[from] backend::Error),
    #[error(transparent)]
    Write(#[from] files::WriteError),
    #[error(transparent)]
    Init(#[from] init::Error),
    #[error(transparent)]
    Local(#[from] local::Error),
    #[error(transparent)]
    Step(#[from] step::Error),
    #[error(transparent)]
    Supervise(#[from] supervise::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error("{0}")]
    Usage(String),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}
