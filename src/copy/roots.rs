//! Where a copy begins: the two roots, which alone are found by their paths.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, openat, syncfs};
use rustix::io::Errno;

use super::contents::Contents;
use super::error::Failed;
use super::folder::{Folder, make_fillable, remove_leftovers};
use super::hard_links::{Later, Name};
use super::job::Job;
use super::place::{Done, Place};
use super::status::Status;
use super::{Error, Options, Summary, at, attributes, workers};

/// Copies all that is in `from` into the folder `to`, which is made if it is
/// not there. Modes, times and the attributes of users stay. What is in `to`
/// already under the same name is replaced, unless it is equal; the rest is left
/// alone.
pub fn tree(from: &Path, to: &Path, options: &Options<'_>) -> Result<Summary, Error> {
    let source = open_root(from).failed("open", || from)?;
    fs::create_dir_all(to).failed("make the folder", || to)?;
    let target = open_root(to).failed("open", || to)?;
    into(from, to, source, target, options)
}

fn into(
    from: &Path,
    to: &Path,
    source: OwnedFd,
    target: OwnedFd,
    options: &Options<'_>,
) -> Result<Summary, Error> {
    // Held until the target is closed.
    let target = Arc::new(File::from(target));
    lock(&target, to)?;
    let status = Status::of(&source).failed("read", || from)?;
    let identity = Status::of(&target).failed("read", || to)?.identity;
    let job = Job::new(from, to, identity, options);
    let opened = OwnedFd::from(target.try_clone().failed("open", || to)?);
    make_fillable(&opened, &job).failed("set the mode of", || to)?;
    remove_leftovers(&opened, &job).failed("remove an interrupted copy's files in", || to)?;
    let root = Arc::new(Folder::root(source, status, opened, false));
    let threads = options.threads.unwrap_or_else(workers::threads);
    workers::copy(&job, root, threads)?;
    let job = make_hard_links(job)?;
    if let Some(owner) = options.owner {
        attributes::give(&target, owner, || to.to_path_buf())?;
    }
    if options.durable {
        syncfs(&*target).failed("write all of", || to)?;
    }
    Ok(job.counters.summary())
}

/// Makes at `to` the same file or tree by further names of the same files, and
/// by copies where the file system has none (another device, files of somebody
/// else). What is at `to` is replaced. Symbolic links are made anew as they are,
/// but one at `from` itself is followed.
pub fn link_tree(from: &Path, to: &Path) -> Result<Summary, Error> {
    let real = fs::canonicalize(from).failed("read", || from)?;
    let (Some(in_source), Some(in_target), Some(source_name), Some(name)) =
        (real.parent(), to.parent(), name_of(&real), name_of(to))
    else {
        let no_name = io::Error::new(io::ErrorKind::InvalidInput, "it has no name of its own");
        return Err(no_name).failed("copy", || from);
    };
    fs::create_dir_all(in_target).failed("make the folder", || in_target)?;
    let source = open_root(in_source).failed("open", || in_source)?;
    let target = open_root(in_target).failed("open", || in_target)?;
    at::remove(&target, &name).failed("replace", || to)?;
    let options = Options { hard_links: true, ..Options::default() };
    let status = Status::at(&source, &source_name)
        .and_then(|status| status.ok_or(Errno::NOENT))
        .failed("read", || from)?;
    match status.kind {
        FileType::Directory => {
            let folder = at::open_folder(&source, &source_name).failed("open", || from)?;
            let (made, _) = at::make_folder(&target, &name).failed("make the folder", || to)?;
            let own = File::from(made);
            let opened = own.try_clone().failed("open", || to)?;
            let summary = into(&real, to, folder, opened.into(), &options)?;
            let have = Status::of(&own).failed("read", || to)?;
            attributes::set(&own, &have, &status, None, || to.to_path_buf())?;
            Ok(summary)
        }
        FileType::RegularFile => {
            let identity = Status::of(&target).failed("read", || in_target)?.identity;
            let job = Job::new(in_source, in_target, identity, &options);
            let place = Place {
                job: &job,
                below: Path::new(""),
                source: &source,
                target: &target,
                is_new: true,
                name: &name,
            };
            if !place.link_of(&source, &source_name)? {
                let file = at::open_file(&source, &source_name).failed("open", || from)?;
                place.copy(&file, &status, &mut Contents::new())?;
            }
            job.counters.file();
            Ok(Summary { bytes: status.bytes, ..job.counters.summary() })
        }
        _ => Err(io::Error::other("it is no file and no folder")).failed("copy", || from),
    }
}

/// Gives one folder to a numeric user, unless it has it already; the group stays.
pub fn give(path: &Path, owner: u32) -> Result<(), Error> {
    let folder = File::from(open_root(path).failed("open", || path)?);
    attributes::give(&folder, owner, || path.to_path_buf())
}

fn name_of(path: &Path) -> Option<CString> {
    CString::new(path.file_name()?.as_bytes()).ok()
}

/// A root may be found through links: the caller has chosen it.
fn open_root(path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, at::FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())
}

/// Two copies into one folder would take each other's files for leftovers. The
/// lock goes with the process, however it ends.
fn lock(target: &File, path: &Path) -> Result<(), Error> {
    match flock(target, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            tracing::warn!("another process copies to {}: waiting for its end", path.display());
            loop {
                match flock(target, FlockOperation::LockExclusive) {
                    Err(Errno::INTR) => {}
                    result => return result.failed("lock", || path),
                }
            }
        }
        // File systems without locks (some of the network's) have to do without.
        _ => Ok(()),
    }
}

/// Makes the further names of files with several, now that all first ones are
/// there.
fn make_hard_links(mut job: Job<'_>) -> Result<Job<'_>, Error> {
    let later = std::mem::take(&mut job.hard_links).later();
    let mut contents = Contents::new();
    for Later { first, other } in later {
        let done = make_hard_link(&job, &first, &other, &mut contents)?;
        job.counters.file();
        if done == Done::Kept {
            job.counters.kept();
        }
    }
    Ok(job)
}

fn make_hard_link(
    job: &Job<'_>,
    first: &Name,
    other: &Name,
    contents: &mut Contents,
) -> Result<Done, Error> {
    let first_folder = walk(job.to, first)?;
    let target = walk(job.to, other)?;
    let to = || job.to.join(super::folder::joined(&other.folder, &other.name));
    let of = Status::at(&first_folder, &first.name)
        .and_then(|status| status.ok_or(Errno::NOENT))
        .failed("read", to)?;
    let old = Status::at(&target, &other.name).failed("read", to)?;
    job.counters.bytes(of.bytes);
    if old.is_some_and(|old| old.identity == of.identity) {
        return Ok(Done::Kept);
    }
    // The folder is finished already: it gets its mode and times once more.
    let folder = Status::of(&target).failed("read", to)?;
    make_fillable(&target, job).failed("set the mode of", to)?;
    let source = walk(job.from, other)?;
    let place = Place {
        job,
        below: &other.folder,
        source: &source,
        target: &target,
        is_new: false,
        name: &other.name,
    };
    if !place.link_of(&first_folder, &first.name)? {
        // More names than the file system allows: a copy is complete, too.
        let file =
            at::open_file(&source, &other.name).failed("open", || job.from.join(&other.folder))?;
        let status = Status::of(&file).failed("read", || job.from.join(&other.folder))?;
        place.copy(&file, &status, contents)?;
    }
    let have = Status::of(&target).failed("read", to)?;
    if other.folder.as_os_str().is_empty() && have.mode == folder.mode {
        // The root keeps its own times.
        return Ok(Done::Made);
    }
    attributes::set(&target, &have, &folder, None, || job.to.join(&other.folder))?;
    Ok(Done::Made)
}

/// Opens a folder below a root, name by name.
fn walk(root: &Path, name: &Name) -> Result<OwnedFd, Error> {
    let mut folder = open_root(root).failed("open", || root)?;
    for component in name.folder.components() {
        let path = || root.join(&name.folder);
        let component = CString::new(component.as_os_str().as_bytes()).failed("open", path)?;
        folder = at::open_folder(&folder, &component).failed("open", path)?;
    }
    Ok(folder)
}
