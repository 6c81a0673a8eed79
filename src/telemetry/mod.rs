//! Logs, for people, on standard error. Results go to standard output.

use std::io::{Write, stderr};

use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Warnings too.
    Normal,
    /// What is being done, and what the project prints.
    Verbose,
}

struct NoTime;

impl FormatTime for NoTime {
    fn format_time(&self, _: &mut Writer<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// Says something to people, as a line on standard error. Nobody can be told
/// that nobody listens, so that is no error, and no panic as with `eprintln!`.
pub fn say(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Starts logging; once a process.
pub fn start(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet => Level::ERROR,
        Verbosity::Normal => Level::WARN,
        Verbosity::Verbose => Level::DEBUG,
    };
    // Only a second start can fail, and the first one stays in force.
    let _ = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&stderr()))
        .with_max_level(level)
        .with_target(false)
        .with_timer(NoTime)
        // Where nobody reads standard error any more, saying so would panic.
        .log_internal_errors(false)
        .try_init();
}
