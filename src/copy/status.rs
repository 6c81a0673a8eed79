//! What the file system says of one file.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Stat, Timespec, Timestamps, fstat, statat};
use rustix::io::{Errno, Result};

/// What is compared and kept of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub kind: FileType,
    /// Permissions, set-id and sticky bits.
    pub mode: u32,
    pub user: u32,
    /// The device and the number on it: which file it is.
    pub identity: (u64, u64),
    /// How many names it has.
    pub names: u64,
    pub bytes: u64,
    /// What it takes of the disk.
    pub allocated: u64,
    accessed: (i64, i64),
    pub modified: (i64, i64),
}

impl Status {
    /// Of an open file.
    pub fn of(file: impl AsFd) -> Result<Self> {
        Ok(fstat(file)?.into())
    }

    /// Of a name in a folder; a link is not followed. `None`: there is none.
    pub fn at(folder: impl AsFd, name: &CStr) -> Result<Option<Self>> {
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The times, as they are set at the copy.
    pub fn times(&self) -> Timestamps {
        let time = |(seconds, nanoseconds)| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        Timestamps { last_access: time(self.accessed), last_modification: time(self.modified) }
    }

    /// Whether it has holes, as far as the space that it takes can tell.
    pub fn is_sparse(&self) -> bool {
        self.allocated < self.bytes
    }
}

impl From<Stat> for Status {
    // The kernel's types have other widths on other machines.
    #[allow(clippy::useless_conversion, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
    #[allow(clippy::unnecessary_cast)]
    fn from(stat: Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            user: stat.st_uid,
            identity: (stat.st_dev.into(), stat.st_ino.into()),
            names: stat.st_nlink.into(),
            bytes: stat.st_size as u64,
            allocated: (stat.st_blocks as u64) * 512,
            accessed: (stat.st_atime, stat.st_atime_nsec as i64),
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
        }
    }
}
