//! Runs one child well: forwards signals to it, ends it when it does not end
//! by itself, reaps what is left of it, and reports its end exactly.
//!
//! Knows nothing of Kedro, and needs no runtime: one loop ([`watch`]) waits for
//! the next signal or the next moment at which something is due. Contract of
//! the exit codes: the child's own verbatim; 128+n for a signal n; 127 for a
//! program that is not there and 126 for one that cannot be started, as a
//! POSIX shell gives them; one of Kubedro's own when its deadline has passed.

mod child;
mod descendants;
mod error;
mod exception;
mod kernel;
mod last_words;
mod listener;
mod memory;
mod options;
mod outcome;
mod signal;
mod terminal;
pub mod termination;
mod verdict;
mod watch;

use std::io::{self, IsTerminal};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use child::die_with_parent;
pub use child::with_usual_signals;
pub use error::Error;
pub use kernel::{Blocked, block_signals};
pub use options::{Deadline, Options, parse_grace};
pub use outcome::{Cause, Outcome, Report};
pub use signal::{Rewrite, Signal};
pub use verdict::{tell_end, tell_failure};

use last_words::LastWords;
use listener::Listener;
use memory::Kills;
use terminal::Terminal;
use watch::Watch;

/// Whether a signal to end has reached any child of this process.
static TOLD_TO_END: AtomicBool = AtomicBool::new(false);

/// Whether this process was told to end, as far as signals are blocked. For
/// whoever has more to do after a child.
pub fn told_to_end() -> bool {
    TOLD_TO_END.load(Ordering::Relaxed) || kernel::end_is_waiting()
}

/// Runs the command to its end, and writes the termination message.
///
/// Signals are passed on to the child's process group, each once. After the
/// first one that asks for an end, or at the deadline, the child has its grace
/// period to end; then it is killed with all that it has started.
///
/// Signals of this process stay blocked, so that none is lost afterwards
/// either. [`block_signals`] should be called first thing in the program.
pub fn run(command: Command, options: &Options) -> Result<Report, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let set_up = |source| Error::SetUp { program: program.clone(), source };
    let start = |source| Error::Start { program: program.clone(), source };
    let _ = block_signals();
    kernel::tighten_umask();
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| set_up(error.into()))?;
    let signals = kernel::Signals::open().map_err(set_up)?;

    if options.deadline.is_some_and(|deadline| deadline.left().is_zero()) {
        return Err(Error::TooLate { program });
    }
    let log = options.termination_log.as_ref();
    if let Some(log) = log {
        log.write(&verdict::running(&program, options));
    }
    let memory = Kills::until_now();
    let mut terminal = Terminal::of_this_process();
    // On a terminal the child must find one there, too.
    let listen = log.is_some() && !io::stderr().is_terminal();
    let started = child::start(command, terminal.as_ref(), listen);
    let (child, stderr) = match started {
        Ok(started) => started,
        Err(error) => {
            if let Some(terminal) = &terminal {
                terminal.take_back();
            }
            return Err(start(error));
        }
    };
    let mut listener = stderr.map(Listener::start).transpose().map_err(set_up)?;

    let mut watch =
        Watch::new(&program, child, &signals, options, terminal.as_mut(), listener.as_ref());
    let outcome = watch.until_the_end();
    watch.clear_up();
    let end = watch.into_end();
    if let Some(terminal) = &terminal {
        terminal.take_back();
    }
    if let Some(listener) = listener.as_mut() {
        watch::last_words(listener, &signals, &end);
    }

    let stderr = listener.as_ref().map(Listener::last).unwrap_or_default();
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let words = LastWords::read(options.last_words.as_deref());
    let proof = options.proof.as_ref();
    let report = Report {
        program,
        child: outcome,
        told_to_end: end.cause,
        killed: end.killed,
        oom_killed: memory.have_become_more(),
        exception: words.exception.or_else(|| exception::last(&stderr).map(str::to_owned)),
        message: words.message,
        unproven: outcome == Outcome::SUCCESS && proof.is_some_and(|file| !file.exists()),
        stderr,
    };
    if let Some(log) = log {
        log.write(&verdict::ended(&report, options));
    }
    Ok(report)
}
