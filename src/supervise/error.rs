//! Why a child could not be run at all.

use std::io;

use crate::exit;

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
    /// It was too late to start it.
    #[error("`{program}` was not started: its deadline has passed")]
    TooLate {
        /// As given.
        program: String,
    },
    /// Signals or pipes could not be set up.
    #[error("cannot supervise `{program}`: {source}")]
    SetUp {
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
            Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                exit::NOT_FOUND
            }
            Self::Start { .. } | Self::SetUp { .. } => exit::CANNOT_START,
            Self::TooLate { .. } => exit::DEADLINE,
        }
    }
}
