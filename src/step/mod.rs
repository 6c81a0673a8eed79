//! What a pod does: one step of a workflow, told by its argv alone.
//!
//! [`StepCommand`] is the only type that the compiler and the pod share. This
//! room knows nothing of compiling and of the Kubeflow API.

mod artifact;
mod command;
mod error;
mod export;
mod kedro;
mod load_versions;
mod made;
mod on_exit;
mod output;
mod run;
mod run_value;
mod save_version;
mod volume_init;

use std::path::Path;

pub use artifact::{Artifact, METRICS, Place, UI_METADATA};
pub use command::{
    End, Export, ExportOutput, ExportSpec, ExportTarget, Form, Identity, LoadVersions,
    LoadVersionsSpec, OnExit, OnExitSpec, Run, RunSpec, StepCommand, VolumeInit, VolumeInitSpec,
};
pub use error::{Error, Missing};
pub use load_versions::LOAD_VERSIONS;
pub use on_exit::remarks;
pub use output::{OUTPUTS, decoded as decoded_output};
pub use run_value::{RUN_ID_PARAMETER, RunText, RunValue, SAVE_VERSION_PARAMETER, StepOutput};

use crate::supervise::Outcome;

/// What a step needs to know of where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project's root: the folder of `pyproject.toml`.
    pub project: &'a Path,
    /// The project's Python, where the caller names one.
    pub python: Option<&'a Path>,
}

/// Runs one step to its end.
///
/// The outcome is the child's own where there is one; an error is a step that
/// did not come so far.
pub fn execute(command: &StepCommand, surroundings: Surroundings<'_>) -> Result<Outcome, Error> {
    match command {
        StepCommand::VolumeInit(step) => volume_init::execute(&step.spec, surroundings.project),
        StepCommand::LoadVersions(step) => load_versions::execute(step, surroundings),
        StepCommand::Run(step) => run::execute(step, surroundings),
        StepCommand::Export(step) => export::execute(step, surroundings.project),
        StepCommand::OnExit(step) => Ok(on_exit::execute(step, surroundings)),
    }
}
