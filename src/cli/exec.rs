//! `kubedro exec`

use std::ffi::OsString;
use std::process::Command;

use clap::Args;

use crate::error::Error;
use crate::supervise;

/// Run a command as the first process of a container does well
///
/// Signals are passed on, and the exit code is the command's own: verbatim,
/// 128+n after signal n, 127 where there is no such command, 126 where it
/// cannot be started.
#[derive(Debug, Args)]
#[command(
    after_help = "Example, in a Dockerfile:\n  ENTRYPOINT [\"kubedro\", \"exec\", \"--\"]\n  CMD [\"kedro\", \"run\"]"
)]
pub(super) struct Exec {
    /// The command and its arguments, behind `--`
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

impl Exec {
    pub async fn run(&self) -> Result<u8, Error> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| Error::Usage("there is no command behind `--`".to_owned()))?;
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(supervise::run(command, supervise::grace_period()).await?.code())
    }
}
