//! Random trees of files, and what there is to compare of a tree.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::identity::deaths::Random;

/// All of a tree that a copy has to keep, by path: kind, mode, time, contents
/// or target, and which other names are the same file. The owner if it is asked
/// for. The root has its mode and times from whoever has made it.
pub fn described(root: &Path, with_owner: bool) -> BTreeMap<PathBuf, String> {
    let mut first_names: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let walk = walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name();
    walk.into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path();
            let below = path.strip_prefix(root).unwrap().to_path_buf();
            let metadata = fs::symlink_metadata(path).unwrap();
            let kind = metadata.file_type();
            let what = if kind.is_symlink() {
                format!("link to {}", fs::read_link(path).unwrap().display())
            } else if kind.is_dir() {
                format!("folder {:o}", metadata.mode())
            } else if kind.is_file() {
                let first = first_names.entry(metadata.ino()).or_insert_with(|| below.clone());
                let contents = fs::read(path).unwrap();
                format!(
                    "file {:o} of {} bytes, {:x}, {}, as {}",
                    metadata.mode(),
                    contents.len(),
                    checksum(&contents),
                    attribute(path),
                    first.display(),
                )
            } else {
                format!("special {:o}", metadata.mode())
            };
            let owner = if with_owner { metadata.uid() } else { 0 };
            let time = (metadata.mtime(), metadata.mtime_nsec());
            (below, format!("{what}, {time:?}, owner {owner}"))
        })
        .collect()
}

/// FNV-1a: enough to see that two files differ.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The attribute that some random files have.
pub fn attribute(path: &Path) -> String {
    let mut value = [0; 64];
    match rustix::fs::lgetxattr(path, c"user.kubedro", &mut value[..]) {
        Ok(length) => String::from_utf8_lossy(&value[..length]).into_owned(),
        Err(_) => "no attribute".to_owned(),
    }
}

/// Fills a folder at random. Nothing in it is too private for its own user.
pub fn fill(root: &Path, random: &mut Random, entries: u64) {
    fs::create_dir_all(root).unwrap();
    let mut folders = vec![root.to_path_buf()];
    let mut files: Vec<PathBuf> = Vec::new();
    for number in 0..entries {
        let folder = folders[usize::try_from(random.below(folders.len() as u64)).unwrap()].clone();
        let path = folder.join(name(random, number));
        match random.below(12) {
            0..=1 => {
                fs::create_dir(&path).unwrap();
                folders.push(path);
                continue;
            }
            2 => {
                let target = ["nowhere", "..", "/etc/passwd", ".", "../../../../etc"];
                symlink(target[usize::try_from(random.below(5)).unwrap()], &path).unwrap();
                set_time(&path, random);
                continue;
            }
            3 if !files.is_empty() => {
                let other = usize::try_from(random.below(files.len() as u64)).unwrap();
                fs::hard_link(&files[other], &path).unwrap();
                continue;
            }
            4 => sparse(&path, random),
            _ => fs::write(&path, contents(random)).unwrap(),
        }
        if random.below(4) == 0 {
            // Not every file system has them.
            let value = format!("value {number}");
            let flags = rustix::fs::XattrFlags::empty();
            let _ = rustix::fs::setxattr(&path, c"user.kubedro", value.as_bytes(), flags);
        }
        let modes = [0o644, 0o600, 0o444, 0o755, 0o4755, 0o640, 0o666];
        let mode = modes[usize::try_from(random.below(7)).unwrap()];
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        set_time(&path, random);
        files.push(path);
    }
    for folder in folders.iter().skip(1).rev() {
        let modes = [0o755, 0o700, 0o555, 0o777, 0o1777];
        let mode = modes[usize::try_from(random.below(5)).unwrap()];
        set_time(folder, random);
        fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    }
}

fn name(random: &mut Random, number: u64) -> OsString {
    let unusual: [&[u8]; 7] = [
        b"with space",
        b"new\nline",
        b"not-utf8-\xff\xfe",
        b"-rf",
        b".hidden",
        "umlaut-\u{e4}".as_bytes(),
        b"*",
    ];
    let mut name = match random.below(3) {
        0 => unusual[usize::try_from(random.below(7)).unwrap()].to_vec(),
        1 if random.below(8) == 0 => vec![b'n'; 240],
        _ => b"file".to_vec(),
    };
    name.extend(format!("{number}").bytes());
    OsString::from_vec(name)
}

/// Around the sizes at which something else is done.
fn contents(random: &mut Random) -> Vec<u8> {
    let around = [0, 1, 4096, 256 << 10];
    let size = match random.below(3) {
        0 => around[usize::try_from(random.below(4)).unwrap()] + random.below(3),
        1 => random.below(600 << 10),
        _ => random.below(3000),
    };
    (0..size).map(|_| u8::try_from(random.below(251)).unwrap()).collect()
}

fn sparse(path: &Path, random: &mut Random) {
    let file = File::create(path).unwrap();
    file.set_len((1 << 20) + random.below(1 << 20)).unwrap();
    for _ in 0..random.below(4) {
        file.write_all_at(b"some bytes", random.below(1 << 20)).unwrap();
    }
}

/// A time of the past, to the nanosecond; a link's own.
fn set_time(path: &Path, random: &mut Random) {
    let second = i64::try_from(1_000_000_000 + random.below(600_000_000)).unwrap();
    let nanosecond = i64::try_from(random.below(1_000_000_000)).unwrap();
    let time = rustix::fs::Timespec { tv_sec: second, tv_nsec: nanosecond };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
}

/// A time long ago.
pub fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
}

/// Lets the folder of a test be removed.
pub fn make_removable(root: &Path) {
    for entry in walkdir::WalkDir::new(root).into_iter().flatten() {
        if entry.file_type().is_dir() {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// Names of files that a copy has not finished.
pub fn unfinished(root: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_name().as_bytes().starts_with(b".kubedro-"))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// A name that a copy before might have left.
pub fn leftover() -> &'static OsStr {
    OsStr::new(".kubedro-copy-0123456789abcdef")
}
