//! The terminal, where somebody sits before the child: Ctrl-C, Ctrl-Z and a
//! change of the window's size reach it as if it had been called directly.

use std::io::{self, IsTerminal};

use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use super::child::Child;
use super::kernel::{self, Received};
use super::signal::Signal;

/// The terminal that controls this process, as its standard input.
#[derive(Debug)]
pub(super) struct Terminal {
    own_group: Pid,
    /// In a pipeline (`kubedro exec -- CMD | less`) the others of the group
    /// need the terminal too, so the child stays with them.
    in_pipeline: bool,
    in_foreground: bool,
}

impl Terminal {
    pub fn of_stdin() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let foreground = tcgetpgrp(io::stdin()).ok()?;
        let own_group = getpgrp();
        Some(Self {
            own_group,
            in_pipeline: !io::stdout().is_terminal(),
            in_foreground: foreground == own_group,
        })
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
        if self.is_for_the_child() && tcgetpgrp(io::stdin()) == Ok(self.own_group) {
            let _ = tcsetpgrp(io::stdin(), child.pid);
        }
    }

    /// Takes it back from the child, or from a group that has ended: nobody
    /// else can have got it in the meantime.
    pub fn take_back(&self) {
        if self.is_for_the_child()
            && tcgetpgrp(io::stdin()).is_ok_and(|group| group != self.own_group)
            && self.in_foreground
        {
            let _ = tcsetpgrp(io::stdin(), self.own_group);
        }
    }

    /// The child has stopped: so does this process, that the shell sees it.
    pub fn stop_too(&mut self, child: Child, by: Signal) {
        // It wanted the terminal and did not have it.
        let wanted = by == Signal::TTIN || by == Signal::TTOU;
        // It may have come in the meantime: to this process, which has not yet
        // passed it on, or even to the child.
        let is_here = || {
            let group = tcgetpgrp(io::stdin());
            group == Ok(self.own_group) || group == Ok(child.pid)
        };
        if !wanted {
            self.take_back();
        }
        let told_to_go_on = kernel::stop_as_the_terminal_would(|| wanted && is_here());
        let foreground = tcgetpgrp(io::stdin());
        self.in_foreground = foreground == Ok(self.own_group) || foreground == Ok(child.pid);
        // The shell's CONT is passed on like every signal. Without a shell
        // above that could send one, the child must not stay as it is.
        if self.in_foreground && !told_to_go_on {
            self.go_on(child);
            child.send(Signal::CONT);
        }
    }

    /// This process goes on, perhaps in the foreground.
    pub fn go_on(&mut self, child: Child) {
        let group = tcgetpgrp(io::stdin());
        self.in_foreground = group == Ok(self.own_group) || group == Ok(child.pid);
        self.give(child);
    }
}
