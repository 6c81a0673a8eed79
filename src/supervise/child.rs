//! Starts the child: in a group of its own, with fresh signals, and so that it
//! cannot outlive this process.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, Command, Stdio};

use nix::sys::signal::Signal as NixSignal;
use nix::unistd::{Pid, getpgid, getppid};

use super::kernel;
use super::signal::Signal;
use super::terminal::Terminal;

/// The process that is supervised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child {
    pub pid: Pid,
    /// Whether it leads a group of its own.
    leads: bool,
}

/// Starts it. Its standard error is a pipe where somebody wants to listen.
pub(super) fn start(
    mut command: Command,
    terminal: Option<&Terminal>,
    listen: bool,
) -> io::Result<(Child, Option<ChildStderr>)> {
    let leads = terminal.is_none_or(Terminal::is_for_the_child);
    if leads {
        command.process_group(0);
    }
    if listen {
        command.stderr(Stdio::piped());
    }
    die_with_parent(&mut command);
    let stdin = io::stdin();
    let give = terminal.is_some_and(Terminal::gives_at_start);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed;
    // these are plain system calls and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            if give {
                // While signals are blocked: else this would stop the child.
                let _ = nix::unistd::tcsetpgrp(&stdin, Pid::this());
            }
            kernel::reset_signals();
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    Ok((Child { pid, leads }, child.stderr.take()))
}

impl Child {
    /// Sends a signal to the child and, where it leads one, to its group.
    pub fn send(self, signal: Signal) {
        let pid = self.pid.as_raw();
        // A child that has left its group is told all the same, whether or not
        // somebody has stayed there; one that is in it is told once.
        let is_in_its_group = self.leads && getpgid(Some(self.pid)) == Ok(self.pid);
        let has_told_its_group = self.leads && kernel::send(-pid, signal);
        if !(is_in_its_group && has_told_its_group) {
            kernel::send(pid, signal);
        }
    }

    /// Kills what is left of its group, and itself if it has gone elsewhere.
    pub fn kill(self) {
        let pid = self.pid.as_raw();
        if self.leads {
            kernel::send(-pid, Signal::KILL);
        }
        kernel::send(pid, Signal::KILL);
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
            nix::sys::prctl::set_pdeathsig(NixSignal::SIGKILL)?;
            // It may have died before the kernel was told.
            if getppid() == parent {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
        });
    }
}

/// A process that is started while signals are blocked gets them as usual: for
/// short helpers that nobody supervises.
pub fn with_usual_signals(command: &mut Command) {
    // SAFETY: plain system calls, which allocate nothing.
    unsafe {
        command.pre_exec(|| {
            kernel::reset_signals();
            Ok(())
        });
    }
}
