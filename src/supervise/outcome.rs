//! How a child ended, and what else is known of it.

use std::fmt;
use std::process::ExitStatus;

use crate::exit;

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
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(u8::try_from(code & 0xff).unwrap_or(255)),
            (None, Some(number)) => Self::Signalled(number),
            (None, None) => Self::Exited(255),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exit code {code}"),
            Self::Signalled(number) => {
                write!(formatter, "exit code {}: signal {number}", self.code())
            }
        }
    }
}

/// Why the child was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A signal said so.
    Signal(super::Signal),
    /// Its deadline had passed.
    Deadline,
}

/// What became of the child.
#[derive(Debug, Clone)]
pub struct Report {
    /// The program, as it was called.
    pub program: String,
    /// How the child itself ended.
    pub child: Outcome,
    /// Why it was told to end, if it was.
    pub told_to_end: Option<Cause>,
    /// Whether it did not end in time and was killed.
    pub killed: bool,
    /// Whether the kernel killed a process of this container for memory.
    pub oom_killed: bool,
    /// The last of what it said on standard error, where that was listened to.
    pub stderr: String,
    /// The exception that ended it, `Type: message`: in its own words, or the
    /// last line of the last traceback on standard error.
    pub exception: Option<String>,
    /// Why it has ended, in its own words.
    pub message: Option<String>,
    /// It ended with 0, and has not done all that it should.
    pub unproven: bool,
}

impl Report {
    /// Whether the deadline has ended it.
    pub fn deadline_passed(&self) -> bool {
        self.told_to_end == Some(Cause::Deadline)
    }

    /// What is reported: the child's own end, unless its deadline ended it, or it
    /// only seems to have succeeded.
    pub fn outcome(&self) -> Outcome {
        if self.deadline_passed() {
            Outcome::Exited(exit::DEADLINE)
        } else if self.unproven {
            Outcome::Exited(exit::RUN_FAILED)
        } else {
            self.child
        }
    }
}
