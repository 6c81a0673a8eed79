//! Runs a plan on this machine: the steps' own argv, each in a process of its
//! own, in a view of the project as the image would have it.
//!
//! Knows nothing of Argo. What passes here fails on a cluster only for the
//! cluster's reasons.

mod dockerignore;
mod failures;
mod process;
mod progress;
mod scheduler;
mod stop;
mod summary;
mod values;
mod view;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

pub use summary::{State, StepReport, Summary};

use crate::copy;
use crate::plan::Plan;

/// How a plan runs here.
#[derive(Debug)]
pub struct Options<'a> {
    /// The project's root.
    pub project: &'a Path,
    /// The project's Python.
    pub python: &'a Path,
    /// Where everything of the run lies; `None` makes a temporary folder.
    pub workdir: Option<&'a Path>,
    /// Whether code, configuration and logs stay when the run has succeeded.
    pub keep: bool,
    /// How many steps run at once.
    pub jobs: NonZeroUsize,
    /// New texts of the workflow's parameters.
    pub overrides: &'a IndexMap<String, String>,
    /// How long a step may take to end when it is told to.
    pub grace: Duration,
    /// Whether what the steps print is shown, not only kept.
    pub verbose: bool,
    /// Whether progress is not shown.
    pub quiet: bool,
}

/// The run could not begin, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another's folder.
    #[error(
        "{} is not empty, and no local run made it\n  = help: name a folder that is new or empty", .0.display()
    )]
    WorkdirTaken(PathBuf),
    /// Another run goes on in it.
    #[error("another run goes on in {}", .0.display())]
    WorkdirBusy(PathBuf),
    /// The folder would contain itself.
    #[error("the work folder {} contains the project: name one beside or below it", .0.display())]
    WorkdirAroundProject(PathBuf),
    /// Something in the work folder could not be made.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The project could not be copied.
    #[error("cannot copy the project into the work folder: {0}")]
    Copy(#[from] copy::Error),
    /// A parameter that the workflow does not have.
    #[error(
        "the parameter `{0}` cannot be set for a run: it is no parameter of the workflow\n  = help: its name or its value cannot travel to a pod; change it in conf/ instead"
    )]
    NotAParameter(String),
    /// `.dockerignore` has a line that no reader understands.
    #[error("{} line {line}: {message}", path.display())]
    Dockerignore {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

/// Runs the plan to its end; a step that fails is part of the summary, not an
/// error.
pub async fn run(plan: &Plan, options: &Options<'_>) -> Result<Summary, Error> {
    let mut values = values::Values::new(plan, options.overrides)?;
    let views = view::Views::make(plan, options)?;
    values.outputs = views.step_outputs();
    scheduler::Scheduler::new(plan, options, values, views).run().await
}
