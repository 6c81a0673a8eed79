//! Runs one child well: forwards signals to it, ends it when it does not end
//! by itself, and reports its end exactly.
//!
//! Knows nothing of Kedro. Contract of the exit codes: the child's own
//! verbatim; 128+n for a signal n; 127 for a program that is not there and 126
//! for one that cannot be started, as a POSIX shell gives them.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getppid};
use tokio::signal::unix::{SignalKind, signal};

use crate::env_vars;

/// How the child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a code of its own.
    Exited(u8),
    /// By a signal.
    Signalled(i32),
}

impl Outcome {
    /// Everything went well.
    pub const SUCCESS: Self = Self::Exited(0);

    /// The exit code that reports this end.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(number) => u8::try_from(128 + number).unwrap_or(255),
        }
    }

    pub(crate) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(u8::try_from(code & 0xff).unwrap_or(255)),
            (None, Some(number)) => Self::Signalled(number),
            (None, None) => Self::Exited(255),
        }
    }
}

/// The child could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not start.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// As given.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its end could not be awaited.
    #[error("cannot wait for `{program}`: {source}")]
    Wait {
        /// As given.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// 127 for a program that is not there, 126 for one that cannot be started.
    pub fn code(&self) -> u8 {
        match self {
            Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            _ => 126,
        }
    }
}

/// The signals that are passed on.
const FORWARDED: [Signal; 8] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
];

/// A day: longer than anybody waits, and short enough to be added to a time.
const LONGEST_GRACE: Duration = Duration::from_hours(24);

/// How long a child may take to end after the first signal to do so: what the
/// environment says, else Kubernetes' own 30 seconds.
pub fn grace_period() -> Duration {
    [env_vars::KUBEDRO_GRACE_PERIOD, env_vars::ARGO_GRACE_PERIOD]
        .into_iter()
        .find_map(|name| std::env::var(name).ok()?.trim().parse().ok())
        .map_or(Duration::from_secs(30), Duration::from_secs)
        .min(LONGEST_GRACE)
}

/// Runs the command to its end.
///
/// Signals are passed on to the child's process group. After the first one
/// that asks for an end (TERM, INT, HUP, QUIT) the child has `grace` to end;
/// then its group is killed.
pub async fn run(mut command: Command, grace: Duration) -> Result<Outcome, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start_failed = |source| Error::Start { program: program.clone(), source };

    // Signals are caught before there is a child, so that none is lost.
    let (sender, mut signals) = tokio::sync::mpsc::unbounded_channel();
    let mut catchers = Vec::new();
    for number in FORWARDED {
        let mut stream = signal(SignalKind::from_raw(number as i32)).map_err(start_failed)?;
        let sender = sender.clone();
        catchers.push(tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if sender.send(number).is_err() {
                    return;
                }
            }
        }));
    }

    // On a terminal the child must stay in the foreground group, where the
    // terminal itself delivers Ctrl-C to it; elsewhere it leads its own group.
    let on_terminal = io::IsTerminal::is_terminal(&io::stdin());
    if !on_terminal {
        command.process_group(0);
    }
    die_with_parent(&mut command);
    let mut child = tokio::process::Command::from(command).spawn().map_err(start_failed)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let send = |number: Signal| {
        let Some(pid) = pid else { return };
        // ESRCH: it has ended in the meantime, which `wait` will tell.
        let _ = if on_terminal { kill(pid, number) } else { killpg(pid, number) };
    };

    let mut deadline = None;
    let mut asked_to_end = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            Some(number) = signals.recv() => {
                let from_terminal = on_terminal && matches!(number, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGWINCH);
                if !from_terminal {
                    send(number);
                }
                let ends = matches!(number, Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP | Signal::SIGQUIT);
                // Somebody at a terminal decides for himself how long to wait.
                asked_to_end |= ends;
                if ends && !from_terminal && deadline.is_none() {
                    deadline = Some(tokio::time::Instant::now() + grace);
                }
            }
            () = until(deadline) => {
                tracing::warn!("`{program}` did not end within {} seconds: killing it", grace.as_secs());
                send(Signal::SIGKILL);
                deadline = None;
            }
        }
    };
    for catcher in catchers {
        catcher.abort();
    }
    // Who was told to end and has left others behind: they go too.
    if asked_to_end && !on_terminal {
        send(Signal::SIGKILL);
    }
    let status = status.map_err(|source| Error::Wait { program: program.clone(), source })?;
    Ok(Outcome::of(status))
}

/// Waits for the moment; without one, for ever.
pub(crate) async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The child is killed when this process is, however that happens: nobody
/// would be left to report its end.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = Pid::this();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed;
    // prctl and getppid are plain system calls and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // It may have died before the kernel was told.
            if getppid() == parent {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
        });
    }
}
