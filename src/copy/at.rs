//! Calls relative to an open folder, none of which ever follows a link.
//!
//! Whoever swaps a folder for a link while it is being copied gets an error, and
//! not a way out of the target: after the roots no path is resolved any more,
//! only names within folders that are open.

use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, fchmod, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::{Errno, Result};

/// How a folder is opened, wherever it is.
pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder in a folder.
pub(super) fn open_folder(parent: impl AsFd, name: &CStr) -> Result<OwnedFd> {
    openat(parent, name, FOLDER, Mode::empty())
}

/// Opens a regular file to read it. What was swapped for a pipe meanwhile does
/// not block.
pub(super) fn open_file(parent: impl AsFd, name: &CStr) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(openat(parent, name, flags | OFlags::NOCTTY, Mode::empty())?))
}

/// Makes a new file to write into it.
pub(super) fn create_file(parent: impl AsFd, name: &CStr, mode: u32) -> Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    Ok(File::from(openat(parent, name, flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode))?))
}

/// Makes a folder, or opens the one that is there. What else has its name is
/// removed. Whether it is new is told, too.
pub(super) fn make_folder(parent: impl AsFd, name: &CStr) -> Result<(OwnedFd, bool)> {
    // Nobody else enters it before it has its own mode.
    let private = Mode::RWXU;
    match mkdirat(&parent, name, private) {
        Ok(()) => return Ok((open_folder(&parent, name)?, true)),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    match open_folder(&parent, name) {
        Ok(folder) => Ok((folder, false)),
        // A link is one or the other, by the kernel.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            unlinkat(&parent, name, AtFlags::empty())?;
            mkdirat(&parent, name, private)?;
            Ok((open_folder(&parent, name)?, true))
        }
        Err(error) => Err(error),
    }
}

/// Gives a file its name. A file or link of this name is replaced, a folder too.
pub(super) fn rename(folder: impl AsFd, from: &CStr, to: &CStr) -> Result<()> {
    match renameat(&folder, from, &folder, to) {
        Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            remove(&folder, to)?;
            renameat(&folder, from, &folder, to)
        }
        other => other,
    }
}

/// Removes a file, a link or a whole folder; what is not there is no error.
pub(super) fn remove(parent: impl AsFd, name: &CStr) -> Result<()> {
    match unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // Linux says the first of a folder, POSIX the second.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let folder = open_folder(&parent, name)?;
    // A folder that may not be written cannot be emptied. Where this is not
    // allowed, the removal itself says so.
    let _ = fchmod(&folder, Mode::RWXU);
    let mut buffer = [MaybeUninit::uninit(); LISTING];
    loop {
        let entries = list(&folder, &mut buffer)?;
        if entries.is_empty() {
            break;
        }
        for (entry, _) in entries {
            remove(&folder, &entry)?;
        }
    }
    unlinkat(&parent, name, AtFlags::REMOVEDIR)
}

/// The bytes that one call lists of a folder: a hundred names or so, and more
/// than the longest name takes.
pub(super) const LISTING: usize = 8192;

/// The next entries of a folder, with their kinds; none at its end.
pub(super) fn list(
    folder: impl AsFd,
    buffer: &mut [MaybeUninit<u8>],
) -> Result<Vec<(std::ffi::CString, FileType)>> {
    let mut found = Vec::new();
    // One that has only `.` and `..` is not the end.
    while found.is_empty() {
        let mut entries = RawDir::new(&folder, &mut *buffer);
        let mut is_end = true;
        while let Some(entry) = entries.next() {
            let entry = entry?;
            is_end = false;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                found.push((name.to_owned(), entry.file_type()));
            }
            if entries.is_buffer_empty() {
                break;
            }
        }
        if is_end {
            break;
        }
    }
    Ok(found)
}

/// What an entry is, where the folder itself does not tell.
pub(super) fn kind(folder: impl AsFd, name: &CStr) -> Result<FileType> {
    let status = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(status.st_mode))
}
