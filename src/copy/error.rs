//! What could not be done, with which file, and why.

use std::io;
use std::path::{Path, PathBuf};

/// Something could not be copied; what had been copied before is whole.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", path.display(), cure(source, action))]
pub struct Error {
    /// What was being done.
    pub action: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// The action whose refusal has a cure of its own.
pub(super) const SET_THE_OWNER: &str = "set the owner of";

fn cure(source: &io::Error, action: &str) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied if action == SET_THE_OWNER => {
            " (only root can give files away: run as root, in a pod by `init_as_root: True` below `volume`, or let the volume belong to this user already)"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (make the volume larger, or copy less)"
        }
        _ => "",
    }
}

/// Says of a failed call what it was for.
pub(super) trait Failed<T> {
    /// `path` is only made where there is an error.
    fn failed<P: AsRef<Path>>(
        self,
        action: &'static str,
        path: impl FnOnce() -> P,
    ) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Failed<T> for Result<T, E> {
    fn failed<P: AsRef<Path>>(
        self,
        action: &'static str,
        path: impl FnOnce() -> P,
    ) -> Result<T, Error> {
        self.map_err(|error| Error {
            action,
            path: path().as_ref().to_path_buf(),
            source: error.into(),
        })
    }
}
