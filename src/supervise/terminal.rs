//! The terminal, where somebody sits before the child: Ctrl-C, Ctrl-Z and a
//! change of the window's size reach it as if it had been called directly.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use super::child::Child;
use super::kernel::{self, Received};
use super::signal::Signal;

/// The terminal that controls this process.
#[derive(Debug)]
pub(super) struct Terminal {
    tty: OwnedFd,
    is_stdin: bool,
    own_group: Pid,
    /// In a pipeline (`kubedro exec -- CMD | less`) the others of the group
    /// need the terminal too, so the child stays with them.
    in_pipeline: bool,
    in_foreground: bool,
}

impl Terminal {
    /// The one before which this process has been called, if there is one.
    pub fn of_this_process() -> Option<Self> {
        let own_group = getpgrp();
        if io::stdin().is_terminal() {
            let tty = io::stdin().as_fd().try_clone_to_owned().ok()?;
            let foreground = tcgetpgrp(&tty).ok()?;
            return Some(Self {
                tty,
                is_stdin: true,
                own_group,
                in_pipeline: !io::stdout().is_terminal(),
                in_foreground: foreground == own_group,
            });
        }
        // The child may still ask there (`cat list | kubedro exec -- CMD`), if
        // it stays in the group that has it.
        let tty = controlling().ok()?.into();
        let in_foreground = tcgetpgrp(&tty) == Ok(own_group);
        in_foreground.then_some(Self {
            tty,
            is_stdin: false,
            own_group,
            in_pipeline: true,
            in_foreground,
        })
    }

    /// Whether the child talks to it, as a shell does, and not to a file or a
    /// pipe.
    pub fn is_stdin(&self) -> bool {
        self.is_stdin
    }

    /// Whether the child gets a group of its own, and with it the terminal.
    pub fn is_for_the_child(&self) -> bool {
        !self.in_pipeline
    }

    /// Whether the child may take it when it starts.
    pub fn gives_at_start(&self) -> bool {
        self.is_for_the_child() && self.in_foreground
    }

    /// Whether the child has got it by itself: what the terminal sends goes to
    /// all of the group in the foreground, and what a shell does to let a
    /// pipeline go on, to all of the pipeline.
    pub fn has_told(&self, received: Received) -> bool {
        received.is_from_kernel() || (self.in_pipeline && received.signal == Signal::CONT)
    }

    /// Gives it to the child, if it is this process that has it now.
    pub fn give(&self, child: Child) {
        if self.is_for_the_child() && tcgetpgrp(&self.tty) == Ok(self.own_group) {
            let _ = tcsetpgrp(&self.tty, child.pid);
        }
    }

    /// Takes it back from the child, or from a group that has ended: nobody
    /// else can have got it in the meantime.
    pub fn take_back(&self) {
        if self.is_for_the_child()
            && tcgetpgrp(&self.tty).is_ok_and(|group| group != self.own_group)
            && self.in_foreground
        {
            let _ = tcsetpgrp(&self.tty, self.own_group);
        }
    }

    /// The child has stopped: so does this process, that the shell sees it.
    pub fn stop_too(&mut self, child: Child, by: Signal) {
        // It wanted the terminal and did not have it.
        let wanted = by == Signal::TTIN || by == Signal::TTOU;
        if !wanted {
            self.take_back();
        }
        // It may have come in the meantime: to this process, which has not yet
        // passed it on, or even to the child.
        let told_to_go_on =
            kernel::stop_as_the_terminal_would(|| wanted && self.is_here_or_with(child));
        self.in_foreground = self.is_here_or_with(child);
        // The shell's CONT is passed on like every signal. Without a shell
        // above that could send one, the child must not stay as it is.
        if self.in_foreground && !told_to_go_on {
            self.go_on(child);
            child.send(Signal::CONT);
        }
    }

    /// This process goes on, perhaps in the foreground.
    pub fn go_on(&mut self, child: Child) {
        self.in_foreground = self.is_here_or_with(child);
        self.give(child);
    }

    /// Whether this process has it, or the child.
    fn is_here_or_with(&self, child: Child) -> bool {
        tcgetpgrp(&self.tty).is_ok_and(|group| group == self.own_group || group == child.pid)
    }
}

/// Without waiting for a line that is not connected.
fn controlling() -> io::Result<File> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty")
}
