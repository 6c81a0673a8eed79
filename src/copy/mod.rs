//! Copies a tree of files, completely, and sets its owner.
//!
//! Knows nothing of why. A file appears under its name only when it is whole.

mod link;

pub use link::link_tree;

use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// What is copied, and to whom it is given.
#[derive(Default)]
pub struct Options<'a> {
    /// Everything that is copied, and the target itself, is given to this
    /// numeric user; the group stays.
    pub owner: Option<u32>,
    /// Whether a path (below the source) is copied; folders that are not are
    /// not entered either, unless this is asked of what lies in them.
    pub filter: Option<&'a dyn Filter>,
}

/// Chooses what is copied.
pub trait Filter {
    /// Whether the file or folder is copied.
    fn takes(&self, below_source: &Path, is_folder: bool) -> bool;
    /// Whether a folder has to be looked into.
    fn enters(&self, below_source: &Path) -> bool;
}

/// What was copied.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders, the root not among them.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Sockets, pipes and devices, which were left out.
    pub skipped: u64,
}

/// Something could not be copied; what had been copied before is whole.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Error {
    /// What was being done.
    pub action: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error { action, path, source }
}

/// Copies all that is in `from` into the folder `to`, which is made if it is
/// not there. Modes and times of modification stay. What is in `to` already
/// under the same name is replaced; the rest is left alone.
pub fn tree(from: &Path, to: &Path, options: &Options<'_>) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    fs::create_dir_all(to).map_err(failed("make the folder", to))?;
    // A folder's mode and times are set when nothing more is put into it: a
    // read-only folder could not be filled, and filling it changes its times.
    let mut folders: Vec<(PathBuf, Metadata)> = Vec::new();
    let walk = WalkDir::new(from).min_depth(1).sort_by_file_name().into_iter();
    let entered = walk.filter_entry(|entry| {
        let (Some(filter), Ok(below)) = (options.filter, entry.path().strip_prefix(from)) else {
            return true;
        };
        !entry.file_type().is_dir() || filter.takes(below, true) || filter.enters(below)
    });
    for entry in entered {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(from).to_path_buf();
            let source =
                error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"));
            Error { action: "read", path, source }
        })?;
        let path = entry.path();
        let Ok(below) = path.strip_prefix(from) else { continue };
        let kind = entry.file_type();
        if options.filter.is_some_and(|filter| !filter.takes(below, kind.is_dir())) {
            continue;
        }
        let metadata = fs::symlink_metadata(path).map_err(failed("read", path))?;
        let target = to.join(below);
        // A parent that the filter did not take, of something that it does.
        if options.filter.is_some()
            && let Some(parent) = target.parent()
        {
            fs::create_dir_all(parent).map_err(failed("make the folder", parent))?;
        }
        if kind.is_dir() {
            make_folder(&target)?;
            folders.push((target, metadata));
            summary.folders += 1;
        } else if kind.is_symlink() {
            copy_link(path, &target)?;
            own(&target, options.owner)?;
            summary.links += 1;
        } else if kind.is_file() {
            summary.bytes += copy_file(path, &target, &metadata, options.owner)?;
            summary.files += 1;
        } else {
            tracing::warn!("{} is no file, folder or link: left out", path.display());
            summary.skipped += 1;
        }
    }
    for (target, metadata) in folders.iter().rev() {
        own(target, options.owner)?;
        set_mode(target, metadata)?;
        let folder = File::open(target).map_err(failed("open", target))?;
        set_times(&folder, metadata).map_err(failed("set the times of", target))?;
    }
    own(to, options.owner)?;
    Ok(summary)
}

/// Gives one file or folder to a numeric user; the group stays.
pub fn give(path: &Path, owner: u32) -> Result<(), Error> {
    own(path, Some(owner))
}

fn make_folder(target: &Path) -> Result<(), Error> {
    match fs::create_dir(target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let kind = fs::symlink_metadata(target).map_err(failed("read", target))?.file_type();
            if kind.is_dir() {
                return make_fillable(target);
            }
            fs::remove_file(target).map_err(failed("replace", target))?;
            fs::create_dir(target).map_err(failed("make the folder", target))
        }
        Err(error) => Err(failed("make the folder", target)(error)),
    }
}

/// A folder that was made read-only by a copy before has to take files again;
/// it gets its own mode at the end.
fn make_fillable(target: &Path) -> Result<(), Error> {
    let mode = fs::metadata(target).map_err(failed("read", target))?.mode() & 0o7777;
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    fs::set_permissions(target, Permissions::from_mode(mode | 0o700))
        .map_err(failed("set the mode of", target))
}

fn copy_link(path: &Path, target: &Path) -> Result<(), Error> {
    let leads_to = fs::read_link(path).map_err(failed("read the link", path))?;
    make_way(target)?;
    symlink(leads_to, target).map_err(failed("make the link", target))
}

/// Removes what stands where a file or link shall be.
fn make_way(target: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(target) {
        Ok(old) if old.is_dir() => fs::remove_dir_all(target).map_err(failed("replace", target)),
        Ok(old) if old.is_symlink() => fs::remove_file(target).map_err(failed("replace", target)),
        // A file is replaced by the rename; a link must not be followed.
        _ => Ok(()),
    }
}

fn copy_file(
    path: &Path,
    target: &Path,
    metadata: &Metadata,
    owner: Option<u32>,
) -> Result<u64, Error> {
    let folder = target.parent().unwrap_or_else(|| Path::new("."));
    let mut source = File::open(path).map_err(failed("open", path))?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".kubedro-")
        .tempfile_in(folder)
        .map_err(failed("write in", folder))?;
    let bytes = io::copy(&mut source, temporary.as_file_mut()).map_err(failed("copy", path))?;
    if bytes < metadata.len() {
        let shrunk = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter meanwhile");
        return Err(failed("copy", path)(shrunk));
    }
    let permissions = Permissions::from_mode(metadata.mode() & 0o7777);
    own(temporary.path(), owner)?;
    // After the owner, since giving a file away clears its set-id bits.
    temporary.as_file().set_permissions(permissions).map_err(failed("set the mode of", target))?;
    set_times(temporary.as_file(), metadata).map_err(failed("set the times of", target))?;
    make_way(target)?;
    temporary.persist(target).map_err(|error| failed("write", target)(error.error))?;
    Ok(bytes)
}

fn own(path: &Path, owner: Option<u32>) -> Result<(), Error> {
    let Some(owner) = owner else { return Ok(()) };
    let metadata = fs::symlink_metadata(path).map_err(failed("read", path))?;
    if metadata.uid() == owner {
        return Ok(());
    }
    lchown(path, Some(owner), None).map_err(failed("set the owner of", path))
}

fn set_mode(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(metadata.mode() & 0o7777))
        .map_err(failed("set the mode of", path))
}

fn set_times(file: &File, metadata: &Metadata) -> io::Result<()> {
    let mut times = FileTimes::new().set_modified(metadata.modified()?);
    if let Ok(accessed) = metadata.accessed() {
        times = times.set_accessed(accessed);
    }
    file.set_times(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_modes_times_links_and_empty_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a/empty")).unwrap();
        fs::write(from.join("a/file\nwith a new line"), "text").unwrap();
        fs::set_permissions(from.join("a/file\nwith a new line"), Permissions::from_mode(0o4751))
            .unwrap();
        symlink("nowhere", from.join("dangling")).unwrap();
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o555)).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::open(from.join("a")).unwrap().set_modified(old).unwrap();

        let expected = Summary { files: 1, bytes: 4, folders: 2, links: 1, skipped: 0 };
        // Twice: the second time everything is there already.
        for _ in 0..2 {
            assert_eq!(tree(&from, &to, &Options::default()).unwrap(), expected);
            let copied = fs::metadata(to.join("a/file\nwith a new line")).unwrap();
            assert_eq!(copied.mode() & 0o7777, 0o4751);
            assert_eq!(fs::metadata(to.join("a")).unwrap().mode() & 0o7777, 0o555);
            assert_eq!(fs::metadata(to.join("a")).unwrap().modified().unwrap(), old);
            assert_eq!(fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
            assert!(to.join("a/empty").is_dir());
            assert_eq!(fs::read_dir(to.join("a")).unwrap().count(), 2, "no temporary file stays");
        }
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(to.join("a"), Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn does_not_write_through_a_link_in_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("file"), "new").unwrap();
        fs::write(folder.path().join("outside"), "precious").unwrap();
        symlink(folder.path().join("outside"), to.join("file")).unwrap();
        tree(&from, &to, &Options::default()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "precious");
        assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "new");
    }

    #[test]
    fn a_missing_source_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = tree(&folder.path().join("no"), &folder.path().join("to"), &Options::default());
        assert!(error.unwrap_err().to_string().contains("/no: "));
    }
}
