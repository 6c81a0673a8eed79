//! `kubedro exec`

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use clap::Args;

use crate::error::Error;
use crate::supervise::{self, Deadline, Options, Rewrite};

/// Run a command as the first process of a container does well
///
/// Signals are passed on, and the exit code is the command's own: verbatim,
/// 128+n after signal n, 127 where there is no such command, 126 where it
/// cannot be started, 39 where its deadline has passed. What it leaves behind
/// when it ends is ended too.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  kubedro exec --deadline 2h30m --grace 20s -- kedro run\n\nExample, in a Dockerfile:\n  ENTRYPOINT [\"kubedro\", \"exec\", \"--\"]\n  CMD [\"kedro\", \"run\"]"
)]
pub(super) struct Exec {
    /// Time to end between the first signal to do so and KILL [default: the
    /// pod's grace period, of which a fifth is kept back; 25s where nobody tells it]
    #[arg(long, value_name = "DURATION", value_parser = supervise::parse_grace)]
    grace: Option<Duration>,
    /// Tell it to end after this duration or at this time: 90s, 2h30m, or
    /// 2026-01-31T12:00:00Z
    #[arg(long, value_name = "DURATION|TIME", value_parser = Deadline::parse)]
    deadline: Option<Deadline>,
    /// Send another signal in the place of one: TERM:INT (can be repeated)
    #[arg(long, value_name = "FROM:TO")]
    rewrite: Vec<Rewrite>,
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
    pub fn run(&self) -> Result<u8, Error> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| Error::Usage("there is no command behind `--`".to_owned()))?;
        let mut command = Command::new(program);
        command.args(arguments);
        let mut options = Options::from_environment();
        options.grace = self.grace.unwrap_or(options.grace);
        options.rewrite.clone_from(&self.rewrite);
        if let Some(deadline) = self.deadline {
            options.not_after(deadline);
        }
        Ok(supervise::run(command, &options)?.outcome().code())
    }
}
