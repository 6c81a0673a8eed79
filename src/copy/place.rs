//! One name that is not a folder: what is there already, and how it gets there.
//!
//! What is complete and equal (kind, size, time, mode and owner) is left alone.
//! Everything else is made under a temporary name and renamed, so nobody sees
//! half of a file, and a file that other names share is never written to.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, linkat, readlinkat, symlinkat};
use rustix::io::Errno;

use super::contents::{Contents, Failure, Watch};
use super::error::Failed;
use super::folder::joined;
use super::job::Job;
use super::status::Status;
use super::temporary::Temporary;
use super::{Error, at, attributes};

/// A name on both sides.
pub(super) struct Place<'p> {
    pub job: &'p Job<'p>,
    /// The folder, below the roots.
    pub below: &'p Path,
    pub source: &'p OwnedFd,
    pub target: &'p OwnedFd,
    /// Whether the target's folder has nothing that this copy has not made.
    pub is_new: bool,
    pub name: &'p CString,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Made,
    /// It was there.
    Kept,
    /// It is another name of a file that was met before.
    Later,
}

impl Place<'_> {
    fn from(&self) -> PathBuf {
        self.job.from.join(joined(self.below, self.name))
    }

    fn to(&self) -> PathBuf {
        self.job.to.join(joined(self.below, self.name))
    }

    /// What is in the target under this name.
    fn old(&self) -> Result<Option<Status>, Error> {
        if self.is_new {
            return Ok(None);
        }
        Status::at(self.target, self.name).failed("read", || self.to())
    }

    /// Copies a regular file. `is_first` is asked of files with several names.
    pub fn file(
        &self,
        contents: &mut Contents,
        is_first: &dyn Fn((u64, u64)) -> bool,
    ) -> Result<Done, Error> {
        if self.job.links_files
            && let Some(done) = self.further_name()?
        {
            return Ok(done);
        }
        let mut is_known = false;
        if let Some(old) = self.old()? {
            let new = Status::at(self.source, self.name)
                .and_then(|status| status.ok_or(Errno::NOENT))
                .failed("read", || self.from())?;
            if new.names > 1 && !is_first(new.identity) {
                return Ok(Done::Later);
            }
            is_known = true;
            if self.is_equal(&old, &new) {
                self.job.counters.bytes(new.bytes);
                return Ok(Done::Kept);
            }
        }
        let source = at::open_file(self.source, self.name).failed("open", || self.from())?;
        let status = Status::of(&source).failed("read", || self.from())?;
        if status.kind != FileType::RegularFile {
            return Err(self.changed("it is no longer a file"));
        }
        if status.names > 1 && !is_known && !is_first(status.identity) {
            return Ok(Done::Later);
        }
        self.copy(&source, &status, contents)?;
        Ok(Done::Made)
    }

    fn is_equal(&self, old: &Status, new: &Status) -> bool {
        old.kind == new.kind
            && old.bytes == new.bytes
            && old.modified == new.modified
            && old.mode == new.mode
            && old.names <= new.names
            && self.job.owner.is_none_or(|owner| owner == old.user)
    }

    /// Copies an open file under a temporary name, and then gives it its own.
    pub fn copy(
        &self,
        source: &File,
        status: &Status,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        let own = attributes::of_users(source).failed("read the attributes of", || self.from())?;
        // Nobody writes an attribute of a file that is read-only.
        let mode = if own.is_empty() { status.mode & 0o777 } else { 0o600 };
        let name = self.job.names.next();
        let target = at::create_file(self.target, &name, mode).failed("write", || self.to())?;
        let temporary = Temporary::new(self.target.as_fd(), name);
        let have = Status::of(&target).failed("read", || self.to())?;
        let watch =
            Watch { stopped: &self.job.stopped, copied: &|bytes| self.job.counters.bytes(bytes) };
        match contents.copy((source, status), (&target, &have), &watch) {
            Ok(()) => {}
            Err(Failure::Read(error)) => return Err(error).failed("copy", || self.from()),
            Err(Failure::Write(error)) => return Err(error).failed("write", || self.to()),
            // Another error is told, and this file is not there.
            Err(Failure::Stopped) => return Ok(()),
        }
        let after = Status::of(source).failed("read", || self.from())?;
        match after.bytes.cmp(&status.bytes) {
            std::cmp::Ordering::Less => {
                return Err(self.changed("it became shorter while it was read"));
            }
            std::cmp::Ordering::Greater => {
                return Err(self.changed("it became longer while it was read"));
            }
            std::cmp::Ordering::Equal if after.modified != status.modified => {
                return Err(self.changed("it was changed while it was read"));
            }
            std::cmp::Ordering::Equal => {}
        }
        attributes::set_of_users(&target, &own).failed("set the attributes of", || self.to())?;
        attributes::set(&target, &have, status, self.job.owner, || self.to())?;
        at::rename(self.target, &temporary.name, self.name).failed("write", || self.to())?;
        temporary.has_moved();
        Ok(())
    }

    fn changed(&self, how: &'static str) -> Error {
        Error { action: "copy", path: self.from(), source: io::Error::other(how) }
    }

    /// Makes the file a further name of the source's, if that is possible.
    fn further_name(&self) -> Result<Option<Done>, Error> {
        let new = Status::at(self.source, self.name).failed("read", || self.from())?;
        let Some(new) = new.filter(|new| new.kind == FileType::RegularFile) else {
            return Ok(None);
        };
        if self.old()?.is_some_and(|old| old.identity == new.identity) {
            self.job.counters.bytes(new.bytes);
            return Ok(Some(Done::Kept));
        }
        if !self.link_of(self.source, self.name)? {
            return Ok(None);
        }
        self.job.counters.bytes(new.bytes);
        Ok(Some(Done::Made))
    }

    /// Makes the name another one of a file. `false`: the file system cannot.
    pub fn link_of(&self, folder: &OwnedFd, name: &CString) -> Result<bool, Error> {
        let temporary = self.job.names.next();
        match linkat(folder, &**name, self.target, &*temporary, AtFlags::empty()) {
            Ok(()) => {}
            Err(
                Errno::XDEV
                | Errno::PERM
                | Errno::ACCESS
                | Errno::MLINK
                | Errno::OPNOTSUPP
                | Errno::NOSYS,
            ) => return Ok(false),
            Err(error) => return Err(error).failed("write", || self.to()),
        }
        let temporary = Temporary::new(self.target.as_fd(), temporary);
        at::rename(self.target, &temporary.name, self.name).failed("write", || self.to())?;
        temporary.has_moved();
        Ok(true)
    }

    /// Makes a symbolic link anew, wherever it leads.
    pub fn link(&self) -> Result<Done, Error> {
        let leads_to = readlinkat(self.source, &**self.name, Vec::new())
            .failed("read the link", || self.from())?;
        let status = Status::at(self.source, self.name)
            .and_then(|status| status.ok_or(Errno::NOENT))
            .failed("read", || self.from())?;
        let old = self.old()?;
        if let Some(old) = old
            && old.kind == FileType::Symlink
            && old.modified == status.modified
            && self.job.owner.is_none_or(|owner| owner == old.user)
            && readlinkat(self.target, &**self.name, Vec::new()).as_ref() == Ok(&leads_to)
        {
            return Ok(Done::Kept);
        }
        let temporary = self.job.names.next();
        symlinkat(&*leads_to, self.target, &*temporary).failed("make the link", || self.to())?;
        let temporary = Temporary::new(self.target.as_fd(), temporary);
        let owner = self.job.owner;
        attributes::set_of_link(self.target, &temporary.name, &status, owner, || self.to())?;
        at::rename(self.target, &temporary.name, self.name)
            .failed("make the link", || self.to())?;
        temporary.has_moved();
        Ok(Done::Made)
    }
}
