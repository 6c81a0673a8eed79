//! The one map of errors to exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all went well |
//! | 1 | the run failed (`run-local`); in a pod: the child's own |
//! | 2 | the command line is wrong |
//! | 32 | `kubeflow.yaml` is missing or wrong |
//! | 33 | no Kedro project, or it raised an exception |
//! | 34 | no usable Python or Kedro |
//! | 35 | no such pipeline or parameter |
//! | 36 | the plan was refused: data or the run would be lost |
//! | 37 | a file could not be read, written or copied |
//! | 38 | a step got arguments that it cannot use |
//! | 39 | the deadline has passed |
//! | 40 | a notification was not sent (`step on-exit` with `on_exit_required`) |
//! | 41 | the volume's claim was not deleted (`delete-pipeline-volume`) |
//! | 42 | an output is not there, not where the workflow expects it, or could not be stored |
//! | 126, 127 | the child cannot be started, is not there |
//! | 128+n | ended by signal n |
//!
//! 32 to 63 are Kubedro's own; 64 and 65 are Argo's, and Kedro's is 1.

use crate::error::Error;
use crate::{init, local, plan, project, step, store};

/// `kubeflow.yaml` is missing or wrong.
pub const CONFIG: u8 = 32;
/// No Kedro project, or it raised an exception.
pub const PROJECT: u8 = 33;
/// No usable Python or Kedro.
pub const PYTHON: u8 = 34;
/// No such pipeline or parameter.
pub const UNKNOWN_NAME: u8 = 35;
/// Data or the run would be lost.
pub const REFUSED: u8 = 36;
/// A file could not be read, written or copied.
pub const INPUT_OUTPUT: u8 = 37;
/// A step got arguments that it cannot use; the launcher's `REFUSED` too.
pub const STEP: u8 = 38;
/// The child was ended, or not started, because its deadline had passed.
pub const DEADLINE: u8 = 39;
/// An output is not there, not where the workflow expects it, or could not be
/// stored.
pub const OUTPUTS: u8 = 42;
/// The child cannot be started.
pub const CANNOT_START: u8 = 126;
/// The child is not there.
pub const NOT_FOUND: u8 = 127;
/// A notification was not sent.
pub const NOTIFICATION: u8 = 40;
/// The API server of the cluster did not do what it was asked.
pub const CLUSTER: u8 = 41;
/// Told to end, and ended before the work was done: 128+n of SIGTERM.
const TERMINATED: u8 = 143;
/// The command line is wrong (clap's own code).
pub const USAGE: u8 = 2;
/// A local run that failed.
pub const RUN_FAILED: u8 = 1;

/// The exit code that reports the error.
#[allow(clippy::match_same_arms)] // read from top to bottom, a room at a time
pub fn code(error: &Error) -> u8 {
    match error {
        Error::Config(_) | Error::Plan(plan::Error::NoImage) => CONFIG,
        Error::Project(error) => project_code(error),
        Error::Plan(plan::Error::UnusableDataset { .. }) => PROJECT,
        Error::Plan(
            plan::Error::UnknownPipeline { .. }
            | plan::Error::EmptyPipeline { .. }
            | plan::Error::NotALoadedVersion { .. }
            | plan::Error::VersionOfWhatIsMade { .. },
        ) => UNKNOWN_NAME,
        Error::Plan(_) | Error::Refused(_) | Error::Backend(_) => REFUSED,
        Error::Local(local::Error::NotAParameter(_)) => UNKNOWN_NAME,
        Error::Local(
            local::Error::WorkdirTaken(_)
            | local::Error::WorkdirBusy(_)
            | local::Error::WorkdirAroundProject(_),
        ) => USAGE,
        Error::Local(_) | Error::Write(_) | Error::Runtime(_) => INPUT_OUTPUT,
        Error::Init(init::Error::Pyproject { .. }) => PROJECT,
        Error::Init(_) => INPUT_OUTPUT,
        Error::Step(error) => of_step(error),
        Error::Cluster(_) => CLUSTER,
        Error::Supervise(error) => error.code(),
        Error::Usage(_) => USAGE,
    }
}

/// The exit code that reports the error of a step.
pub fn of_step(error: &step::Error) -> u8 {
    match error {
        step::Error::Supervise(error) => error.code(),
        step::Error::Project(error) => project_code(error),
        step::Error::Copy(_)
        | step::Error::NotInImage(_)
        | step::Error::Write { .. }
        | step::Error::Read { .. }
        | step::Error::Output(_) => INPUT_OUTPUT,
        step::Error::Store(store::Error::Url(_) | store::Error::Option { .. }) => STEP,
        step::Error::Store(store::Error::Stopped) => TERMINATED,
        step::Error::Missing(_)
        | step::Error::Elsewhere { .. }
        | step::Error::NoFile { .. }
        | step::Error::Store(_) => OUTPUTS,
        _ => STEP,
    }
}

fn project_code(error: &project::Error) -> u8 {
    use project::Error as E;
    match error {
        E::NoFolder { .. } | E::NotAProject { .. } | E::Raised { .. } => PROJECT,
        E::NoPython
        | E::PythonNotExecutable { .. }
        | E::PythonFailed { .. }
        | E::NoAnswer { .. }
        | E::NoKedro { .. }
        | E::KedroTooOld { .. } => PYTHON,
        E::Parameter { .. } | E::UnknownParameter { .. } => UNKNOWN_NAME,
    }
}
