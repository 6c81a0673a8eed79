//! What became of a local run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Ended with 0.
    Succeeded,
    /// Ended with something else, at the last try.
    Failed {
        /// In the words that Argo has for it.
        reason: String,
        /// The last lines that it printed.
        last_lines: Vec<String>,
    },
    /// Was told to end.
    Stopped,
    /// Did not start, because a step before it had failed or the run was stopped.
    NotRun,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
            Self::NotRun => "not run",
        })
    }
}

/// One step of the run.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: State,
    /// From its first start to its last end, pauses included.
    pub duration: Duration,
    /// How often it was started.
    pub tries: u32,
    /// Parts of it that are not over as they were meant to be, in words.
    pub remarks: Vec<String>,
}

/// The whole run.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The steps in the plan's order, then the exit handler.
    pub steps: Vec<StepReport>,
    /// From the first start to the last end.
    pub duration: Duration,
    /// The save version of all versioned datasets.
    pub save_version: String,
    /// Where the data are.
    pub outputs: Vec<PathBuf>,
    /// Where the logs are.
    pub logs: PathBuf,
    /// The signal that stopped the run, if one did.
    pub stopped_by: Option<i32>,
}

impl Summary {
    /// Whether everything, the exit handler too, ended well.
    pub fn succeeded(&self) -> bool {
        self.stopped_by.is_none() && self.steps.iter().all(|step| step.state == State::Succeeded)
    }
}
