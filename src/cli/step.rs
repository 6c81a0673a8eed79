//! `kubedro step`

use std::path::PathBuf;

use clap::Args;

use super::globals::Globals;
use crate::error::Error;
use crate::step::{StepCommand, Surroundings, execute};

/// Run one step of a workflow (what the pods do)
///
/// The arguments are written by `kubedro compile` and `kubedro run-local`. The
/// step works in the project's folder: the working directory, or --project.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  kubedro step run '{\"env\":\"local\",\"pipeline\":\"__default__\",\"nodes\":[\"train\"]}' --run-id=1 --save-version=2026-01-31T12.00.00Z --parameters=W10="
)]
pub(super) struct StepArguments {
    #[command(subcommand)]
    pub command: StepCommand,
}

impl StepArguments {
    pub fn run(&self, globals: &Globals) -> Result<u8, Error> {
        let folder = globals.project.clone().unwrap_or_else(|| PathBuf::from("."));
        let project = std::path::absolute(&folder).map_err(Error::Runtime)?;
        let surroundings = Surroundings { project: &project, python: globals.python() };
        Ok(execute(&self.command, surroundings)?.code())
    }
}
