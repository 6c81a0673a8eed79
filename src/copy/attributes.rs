//! What a copy has of its source besides its bytes: owner, mode, times, and the
//! extended attributes of users.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, Mode, Uid, XattrFlags, chownat, fchmod, fchown, fgetxattr, flistxattr, fsetxattr,
    futimens, utimensat,
};
use rustix::io::{Errno, Result};

use super::error::{Failed, SET_THE_OWNER};
use super::status::Status;
use super::{Error, PathBuf};

/// Gives an open file or folder its owner, its mode and its times, as far as
/// it has them not already. `have` is what it has now.
pub(super) fn set(
    file: impl AsFd,
    have: &Status,
    wanted: &Status,
    owner: Option<u32>,
    path: impl Fn() -> PathBuf,
) -> std::result::Result<(), Error> {
    let gives_away = owner.is_some_and(|owner| owner != have.user);
    if let Some(owner) = owner.filter(|_| gives_away) {
        fchown(&file, Some(Uid::from_raw(owner)), None).failed(SET_THE_OWNER, &path)?;
    }
    // After the owner, since giving a file away clears its set-id bits.
    if have.mode != wanted.mode || (gives_away && wanted.mode & 0o6000 != 0) {
        fchmod(&file, Mode::from_raw_mode(wanted.mode)).failed("set the mode of", &path)?;
    }
    // Last: a file that has its time is whole.
    futimens(&file, &wanted.times()).failed("set the times of", &path)
}

/// The same for a link, which has no mode.
pub(super) fn set_of_link(
    folder: impl AsFd,
    name: &CStr,
    wanted: &Status,
    owner: Option<u32>,
    path: impl Fn() -> PathBuf,
) -> std::result::Result<(), Error> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    if let Some(owner) = owner {
        let have = Status::at(&folder, name).failed("read", &path)?;
        if have.is_some_and(|have| have.user != owner) {
            chownat(&folder, name, Some(Uid::from_raw(owner)), None, flags)
                .failed(SET_THE_OWNER, &path)?;
        }
    }
    utimensat(&folder, name, &wanted.times(), flags).failed("set the times of", &path)
}

/// Names and values of the attributes that users may set. Those of the system
/// (labels, capabilities, access lists) belong to the machine.
pub(super) fn of_users(file: impl AsFd) -> Result<Vec<(CString, Vec<u8>)>> {
    // Nearly every file has none, and one call says so.
    let mut names = [0; 1024];
    let names = match flistxattr(&file, &mut names[..]) {
        Ok(0) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Vec::new()),
        Ok(length) => names[..length].to_vec(),
        Err(Errno::RANGE) => {
            let mut all = Vec::with_capacity(1 << 16);
            flistxattr(&file, rustix::buffer::spare_capacity(&mut all))?;
            all
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        if !name.to_bytes().starts_with(b"user.") {
            continue;
        }
        // The kernel's limit of a value.
        let mut value = Vec::with_capacity(1 << 16);
        match fgetxattr(&file, name, rustix::buffer::spare_capacity(&mut value)) {
            Ok(_) => found.push((name.to_owned(), value)),
            // Removed meanwhile.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Sets them. Where the file system has none of them, they are left out.
pub(super) fn set_of_users(file: impl AsFd, attributes: &[(CString, Vec<u8>)]) -> Result<()> {
    for (name, value) in attributes {
        match fsetxattr(&file, &**name, value, XattrFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sets the owner of a folder that is there, unless it has it.
pub(super) fn give(
    folder: &File,
    owner: u32,
    path: impl Fn() -> PathBuf,
) -> std::result::Result<(), Error> {
    let have = Status::of(folder).failed("read", &path)?;
    if have.user == owner {
        return Ok(());
    }
    let given = fchown(folder, Some(Uid::from_raw(owner)), None);
    // The root of a volume with `fsGroup` is root's, and its group (with this
    // user in it) may write to it. Who runs as the owner needs no more.
    let is_owner = rustix::process::geteuid().as_raw() == owner;
    if given == Err(Errno::PERM) && is_owner && may_write(folder) {
        return Ok(());
    }
    given.failed(SET_THE_OWNER, path)
}

/// Whether this process may put files into a folder.
fn may_write(folder: &File) -> bool {
    use rustix::fs::{Access, accessat};
    accessat(folder, c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}
