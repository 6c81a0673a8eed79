//! One folder while it is copied: open on both sides, and finished when nothing
//! more is put into it.

use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, fchmod};

use super::error::Failed;
use super::job::Job;
use super::status::Status;
use super::{Error, at, attributes};

/// A folder of the source and, as soon as something is put there, of the target.
pub(super) struct Folder {
    /// None of the root.
    parent: Option<(Arc<Folder>, CString)>,
    /// Below the roots.
    pub below: PathBuf,
    pub source: OwnedFd,
    status: Status,
    /// Whether the folder itself is copied, or only what is in it.
    is_taken: bool,
    target: OnceLock<Target>,
    making: Mutex<()>,
}

/// A folder of the target.
pub(super) struct Target {
    pub folder: OwnedFd,
    /// Nobody but this copy has put anything there.
    pub is_new: bool,
}

/// The path of a name, for people.
pub(super) fn joined(folder: &Path, name: &CStr) -> PathBuf {
    folder.join(OsStr::from_bytes(name.to_bytes()))
}

impl Folder {
    /// The roots of both sides, which are open.
    pub fn root(source: OwnedFd, status: Status, target: OwnedFd, is_new: bool) -> Self {
        Self {
            parent: None,
            below: PathBuf::new(),
            source,
            status,
            is_taken: false,
            target: OnceLock::from(Target { folder: target, is_new }),
            making: Mutex::new(()),
        }
    }

    /// Opens a folder in a folder of the source.
    pub fn enter(
        parent: Arc<Self>,
        name: CString,
        is_taken: bool,
        job: &Job<'_>,
    ) -> Result<Self, Error> {
        let below = joined(&parent.below, &name);
        let path = || job.from.join(&below);
        let source = at::open_folder(&parent.source, &name).failed("open", path)?;
        let status = Status::of(&source).failed("read", path)?;
        if status.identity == job.target {
            let inside = std::io::Error::other("it is where the copy is to be");
            return Err(Error { action: "copy", path: path(), source: inside });
        }
        let parent = Some((parent, name));
        let (target, making) = (OnceLock::new(), Mutex::new(()));
        Ok(Self { parent, below, source, status, is_taken, target, making })
    }

    /// The folder in the target, which is made if it is not there.
    pub fn target(&self, job: &Job<'_>) -> Result<&Target, Error> {
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        // A thread that has panicked leaves nothing half done here.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        let made = self.make(job)?;
        Ok(self.target.get_or_init(|| made))
    }

    fn make(&self, job: &Job<'_>) -> Result<Target, Error> {
        let path = || job.to.join(&self.below);
        let Some((parent, name)) = &self.parent else {
            // The root is there from the beginning.
            return Err(Error {
                action: "open",
                path: path(),
                source: std::io::ErrorKind::NotFound.into(),
            });
        };
        let (folder, is_new) =
            at::make_folder(&parent.target(job)?.folder, name).failed("make the folder", path)?;
        if is_new && !self.is_taken {
            // Only the way to what is taken: as any new folder.
            fchmod(&folder, Mode::from_raw_mode(0o755)).failed("set the mode of", path)?;
        }
        if !is_new {
            make_fillable(&folder, job).failed("set the mode of", path)?;
            remove_leftovers(&folder, job).failed("remove an interrupted copy's files in", path)?;
        }
        Ok(Target { folder, is_new })
    }

    /// Lets go of a folder. The last one to do so finishes it: its mode and
    /// times are set when nothing more is put into it, since a read-only folder
    /// could not be filled, and filling it changes its times.
    pub fn release(folder: Arc<Self>, job: &Job<'_>) -> Result<(), Error> {
        let mut next = Some(folder);
        while let Some(folder) = next.take().and_then(Arc::into_inner) {
            folder.finish(job)?;
            next = folder.parent.map(|(parent, _)| parent);
        }
        Ok(())
    }

    fn finish(&self, job: &Job<'_>) -> Result<(), Error> {
        let Some(target) = self.target.get().filter(|_| self.is_taken) else { return Ok(()) };
        let path = || job.to.join(&self.below);
        let own = attributes::of_users(&self.source)
            .failed("read the attributes of", || job.from.join(&self.below))?;
        attributes::set_of_users(&target.folder, &own).failed("set the attributes of", path)?;
        let have = Status::of(&target.folder).failed("read", path)?;
        if have.mode == self.status.mode
            && have.modified == self.status.modified
            && job.owner.is_none_or(|owner| owner == have.user)
        {
            // Nothing was put into it: it may be another's.
            return Ok(());
        }
        attributes::set(&target.folder, &have, &self.status, job.owner, path)
    }
}

/// A folder that was made read-only by a copy before has to take files again; it
/// gets its own mode at the end.
pub(super) fn make_fillable(folder: &OwnedFd, job: &Job<'_>) -> rustix::io::Result<()> {
    let status = Status::of(folder)?;
    // Whether another's folder can be filled, its files will tell.
    if status.mode & 0o700 == 0o700 || status.user != job.user {
        return Ok(());
    }
    fchmod(folder, Mode::from_raw_mode(status.mode | 0o700))
}

/// Removes what a copy that was killed has not finished here.
pub(super) fn remove_leftovers(folder: &OwnedFd, job: &Job<'_>) -> rustix::io::Result<()> {
    // The root's own descriptor is shared, and so is where it is in its list.
    let listed = rustix::fs::openat(folder, c".", at::FOLDER, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); at::LISTING];
    loop {
        let entries = at::list(&listed, &mut buffer)?;
        if entries.is_empty() {
            return Ok(());
        }
        for (name, kind) in entries {
            if kind != FileType::Directory && job.names.are_left_by_another(&name) {
                rustix::fs::unlinkat(folder, &*name, AtFlags::empty())?;
            }
        }
    }
}
