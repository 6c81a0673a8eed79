//! What is to be stored: every file of a tree, and its empty folders, looked at
//! before anything is sent and again when all of it was.
//!
//! Links are followed wherever they lead: the objects are what a program that
//! reads the tree sees. One that leads nowhere, or to a folder that it is in,
//! is an error, as is all else that is neither a file nor a folder.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;
use ring::digest::{Context, SHA256};
use walkdir::WalkDir;

use super::{Error, name};

/// A SHA-256 sum.
pub(super) type Sum = [u8; 32];

/// All that one item consists of.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Whether it is a folder.
    pub is_folder: bool,
    pub files: Vec<SourceFile>,
    pub empty_folders: Vec<String>,
    folders: Vec<(PathBuf, State)>,
}

/// A file.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    /// Below the item, `/` being between its parts.
    pub path: String,
    /// The same as a key.
    pub key: String,
    pub size: u64,
    pub bytes: Bytes,
}

/// Where a file's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    OnDisk(PathBuf, State),
    Here(Vec<u8>),
}

/// By what a change is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            // That of a folder says nothing of what is in it.
            size: if metadata.is_dir() { 0 } else { metadata.len() },
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// What of it has changed.
    fn difference(&self, now: &Self) -> Option<&'static str> {
        if (self.device, self.inode) != (now.device, now.inode) {
            Some("another took its place")
        } else if self.size != now.size {
            Some("its size")
        } else if self.modified != now.modified {
            Some("its time")
        } else {
            None
        }
    }

    fn check(&self, path: &Path, metadata: io::Result<Metadata>) -> Result<(), Error> {
        let what = match metadata {
            Ok(metadata) => self.difference(&Self::of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("it is gone"),
            Err(error) => return Err(unusable(path, &error.to_string())),
        };
        match what {
            Some(what) => Err(Error::Changed { path: path.to_path_buf(), what }),
            None => Ok(()),
        }
    }
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Source { path: path.to_path_buf(), reason: reason.to_owned() }
}

impl Tree {
    /// Looks at a file or a folder, and at all that is in it.
    pub fn of_path(top: &Path) -> Result<Self, Error> {
        let mut tree = Self::default();
        let entries =
            WalkDir::new(top).follow_links(true).follow_root_links(true).sort_by_file_name();
        for entry in entries {
            let entry = entry.map_err(|error| untraversable(top, &error))?;
            let path = entry.path();
            let metadata = entry.metadata().map_err(|error| untraversable(path, &error))?;
            let below = match path.strip_prefix(top) {
                Ok(below) if entry.depth() > 0 => below,
                // It stands under its own name.
                _ => Path::new(top.file_name().unwrap_or(top.as_os_str())),
            };
            let below = || {
                below.to_str().map(str::to_owned).ok_or_else(|| {
                    unusable(path, "its name is not UTF-8, and names in a store have to be")
                })
            };
            if metadata.is_dir() {
                tree.is_folder |= entry.depth() == 0;
                if is_empty(path)? && entry.depth() > 0 {
                    tree.empty_folders.push(below()?);
                }
                tree.folders.push((path.to_path_buf(), State::of(&metadata)));
            } else if metadata.is_file() {
                let path = below()?;
                tree.files.push(SourceFile {
                    key: name::below(&path),
                    path,
                    size: metadata.len(),
                    bytes: Bytes::OnDisk(entry.path().to_path_buf(), State::of(&metadata)),
                });
            } else {
                return Err(unusable(path, "it is neither a file nor a folder"));
            }
        }
        Ok(tree)
    }

    /// A text as the one file of the item.
    pub fn of_text(name: &str, text: &str) -> Self {
        let file = SourceFile {
            path: name.to_owned(),
            key: name::below(name),
            size: text.len() as u64,
            bytes: Bytes::Here(text.as_bytes().to_vec()),
        };
        Self { files: vec![file], ..Self::default() }
    }

    /// That all of it is still what it was: nothing has come or gone either.
    pub fn check_unchanged(&self) -> Result<(), Error> {
        for (path, state) in &self.folders {
            state.check(path, std::fs::metadata(path))?;
        }
        for file in &self.files {
            if let Bytes::OnDisk(path, state) = &file.bytes {
                state.check(path, std::fs::metadata(path))?;
            }
        }
        Ok(())
    }
}

fn is_empty(folder: &Path) -> Result<bool, Error> {
    let mut entries =
        std::fs::read_dir(folder).map_err(|error| unusable(folder, &error.to_string()))?;
    Ok(entries.next().is_none())
}

fn untraversable(top: &Path, error: &walkdir::Error) -> Error {
    let path = error.path().unwrap_or(top);
    if let Some(ancestor) = error.loop_ancestor() {
        return unusable(
            path,
            &format!("the link leads to {}, which it is in", ancestor.display()),
        );
    }
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    match error.io_error() {
        Some(error) if is_link && error.kind() == io::ErrorKind::NotFound => {
            unusable(path, "the link leads to nothing")
        }
        Some(error) => unusable(path, &error.to_string()),
        None => unusable(path, "it cannot be read"),
    }
}

/// Reads a file piece by piece, with its sum, and sees whether it changes.
pub(super) struct Reader {
    from: From,
    size: u64,
    read: u64,
    sum: Context,
}

enum From {
    File(File, PathBuf, State),
    Here(io::Cursor<Vec<u8>>),
}

impl Reader {
    pub fn open(file: &SourceFile) -> Result<Self, Error> {
        let from = match &file.bytes {
            Bytes::Here(bytes) => From::Here(io::Cursor::new(bytes.clone())),
            Bytes::OnDisk(path, state) => {
                // A pipe that has come in its place must not be waited for.
                let opened = File::options().read(true).custom_flags(O_NONBLOCK).open(path);
                let file = opened.map_err(|error| unusable(path, &error.to_string()))?;
                state.check(path, file.metadata())?;
                From::File(file, path.clone(), *state)
            }
        };
        Ok(Self { from, size: file.size, read: 0, sum: Context::new(&SHA256) })
    }

    /// The next bytes, so many or all that are left.
    pub fn next(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        let left = usize::try_from(self.size - self.read).unwrap_or(usize::MAX);
        let wanted = left.min(most);
        let mut bytes = Vec::with_capacity(wanted);
        let limit = wanted as u64;
        match &mut self.from {
            From::Here(cursor) => cursor.take(limit).read_to_end(&mut bytes),
            From::File(file, ..) => file.take(limit).read_to_end(&mut bytes),
        }
        .map_err(|error| match &self.from {
            From::File(_, path, _) => unusable(path, &error.to_string()),
            From::Here(_) => Error::Runtime(error.to_string()),
        })?;
        if bytes.len() < wanted {
            self.check()?;
            return Err(self.changed("its size"));
        }
        self.read += limit;
        self.sum.update(&bytes);
        Ok(bytes)
    }

    /// The sum, when all was read and nothing has changed.
    pub fn finish(self) -> Result<Sum, Error> {
        self.check()?;
        let mut sum = Sum::default();
        sum.copy_from_slice(self.sum.finish().as_ref());
        Ok(sum)
    }

    fn check(&self) -> Result<(), Error> {
        match &self.from {
            From::File(file, path, state) => state.check(path, file.metadata()),
            From::Here(_) => Ok(()),
        }
    }

    fn changed(&self, what: &'static str) -> Error {
        match &self.from {
            From::File(_, path, _) => Error::Changed { path: path.clone(), what },
            From::Here(_) => Error::Runtime("a text ended early".to_owned()),
        }
    }
}
