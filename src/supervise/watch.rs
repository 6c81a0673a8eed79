//! The loop of a supervisor: waits for a signal or for the next moment at
//! which something is due, whichever comes first.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::child::Child;
use super::kernel::{self, Children, Received, Signals};
use super::listener::{Listener, say_if_possible};
use super::signal::{Signal, rewritten};
use super::terminal::Terminal;
use super::{Cause, Options, Outcome, TOLD_TO_END, descendants};

/// Children that are reaped in a row before signals are looked at again.
const REAPED_IN_A_ROW: usize = 256;

/// How long a reader of standard error may take for nothing, after the child
/// has ended, before its last words are given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The least time for them: somebody who was killed has said something too.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is known of the end that is near.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct End {
    pub cause: Option<Cause>,
    pub killed: bool,
    /// When the grace period ends.
    kill_at: Option<Instant>,
}

/// One child, and everything that is needed to watch it.
pub(super) struct Watch<'a> {
    program: &'a str,
    child: Child,
    signals: &'a Signals,
    options: &'a Options,
    terminal: Option<&'a mut Terminal>,
    listener: Option<&'a Listener>,
    end: End,
}

impl<'a> Watch<'a> {
    pub fn new(
        program: &'a str,
        child: Child,
        signals: &'a Signals,
        options: &'a Options,
        terminal: Option<&'a mut Terminal>,
        listener: Option<&'a Listener>,
    ) -> Self {
        Self { program, child, signals, options, terminal, listener, end: End::default() }
    }

    /// Watches until the child has ended. It is not reaped yet, so that its
    /// number and its group's stay its own.
    pub fn until_the_end(&mut self) -> Outcome {
        loop {
            let mut more = true;
            for _ in 0..REAPED_IN_A_ROW {
                match kernel::peek() {
                    Children::Changed(pid, outcome) if pid == self.child.pid => return outcome,
                    Children::Changed(pid, _) => kernel::reap(pid),
                    Children::Run => {
                        more = false;
                        break;
                    }
                    // Somebody else in this process has taken its status.
                    Children::None => return Outcome::Exited(255),
                }
            }
            if let Some(terminal) = &mut self.terminal
                && let Some(by) = kernel::has_stopped(self.child.pid)
            {
                terminal.stop_too(self.child, by);
            }
            wait(self.signals, if more { Some(Duration::ZERO) } else { self.next_due() });
            for received in self.signals.read() {
                self.pass_on(received);
            }
            self.do_what_is_due();
        }
    }

    fn pass_on(&mut self, received: Received) {
        if received.tells_of_a_child() || received.is_own() {
            return;
        }
        let came = received.signal;
        if let Some(terminal) = &mut self.terminal
            && came == Signal::CONT
        {
            terminal.go_on(self.child);
        }
        // The terminal tells the child itself. There somebody decides how long
        // he waits after Ctrl-C; who has hung up cannot.
        let by_terminal =
            self.terminal.as_ref().is_some_and(|terminal| terminal.has_told(received));
        let sent = rewritten(&self.options.rewrite, came);
        if !by_terminal {
            self.child.send(sent);
        }
        // TERM is how a container is told to end, whatever becomes of it here.
        let ends = came == Signal::TERM
            || matches!(sent, Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT);
        if ends && (!by_terminal || came == Signal::HUP) {
            self.begin_the_end(Cause::Signal(came));
        }
    }

    /// The grace period begins with the first reason to end; others neither
    /// prolong nor shorten it.
    fn begin_the_end(&mut self, cause: Cause) {
        if self.end.cause.is_some() {
            return;
        }
        self.end.cause = Some(cause);
        self.end.kill_at = Some(Instant::now() + self.options.grace);
        TOLD_TO_END.store(true, Ordering::Relaxed);
    }

    fn deadline_left(&self) -> Option<Duration> {
        let deadline = self.options.deadline.filter(|_| self.end.cause.is_none())?;
        Some(deadline.left())
    }

    fn kill_left(&self) -> Option<Duration> {
        let kill_at = self.end.kill_at.filter(|_| !self.end.killed)?;
        Some(kill_at.saturating_duration_since(Instant::now()))
    }

    fn next_due(&self) -> Option<Duration> {
        self.deadline_left().into_iter().chain(self.kill_left()).min()
    }

    fn do_what_is_due(&mut self) {
        let program = self.program;
        if self.deadline_left().is_some_and(|left| left.is_zero()) {
            self.child.send(rewritten(&self.options.rewrite, Signal::TERM));
            self.begin_the_end(Cause::Deadline);
            say_if_possible(self.listener, || {
                tracing::warn!("the deadline of `{program}` has passed: ending it");
            });
        }
        if self.kill_left().is_some_and(|left| left.is_zero()) {
            self.child.kill();
            self.end.killed = true;
            let seconds = self.options.grace.as_secs_f64();
            say_if_possible(self.listener, || {
                tracing::warn!("`{program}` did not end within {seconds} seconds: killed it");
            });
        }
    }

    /// Ends what the child has left behind. At a terminal a user may have left
    /// it there on purpose, as in a shell, unless it was to end.
    pub fn clear_up(&self) {
        let spare = self.terminal.as_ref().is_some_and(|terminal| terminal.is_stdin())
            && std::process::id() != 1
            && self.end.cause.is_none();
        if !spare {
            self.child.kill();
        }
        kernel::reap(self.child.pid);
        if !spare {
            descendants::end_all(self.signals);
        }
    }

    pub fn into_end(self) -> End {
        self.end
    }
}

/// Waits for a signal, at most so long.
fn wait(signals: &Signals, longest: Option<Duration>) {
    let mut files = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut files, timeout(longest));
}

/// Never too early, or the loop would turn around without doing anything.
fn timeout(longest: Option<Duration>) -> PollTimeout {
    longest.map_or(PollTimeout::NONE, |longest| {
        let milliseconds = longest.as_nanos().div_ceil(1_000_000);
        PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
    })
}

/// Waits until the last of the child's standard error has been written: as
/// long as there is progress, and not much longer than the grace period.
pub(super) fn last_words(listener: &mut Listener, signals: &Signals, end: &End) {
    listener.end();
    let least = Instant::now() + LAST_WORDS;
    let mut passed = listener.passed();
    let mut give_up_at = Instant::now() + PATIENCE;
    let mut told = end.cause.is_some();
    loop {
        let latest = end.kill_at.map_or(give_up_at, |kill_at| kill_at.min(give_up_at).max(least));
        let left = latest.saturating_duration_since(Instant::now());
        let mut files = [
            PollFd::new(listener.done(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut files, timeout(Some(left)));
        if files[0].any().unwrap_or(true) {
            return;
        }
        told |= signals.read().iter().any(|received| received.signal == Signal::TERM);
        let now = listener.passed();
        if now != passed && !told {
            passed = now;
            give_up_at = Instant::now() + PATIENCE;
        } else if left.is_zero() {
            return;
        }
    }
}
