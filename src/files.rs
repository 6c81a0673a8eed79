//! Writing files so that a reader never sees half of one.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file could not be written; nothing appeared under its name.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// Writes `contents` to a temporary file beside `path`, then renames it.
///
/// What is no regular file (`/dev/null`, a pipe, `/dev/stdout`) is written to
/// as it is, and a link is followed: neither is ever replaced.
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), WriteError> {
    attempt(path, contents).map_err(|source| WriteError { path: path.to_path_buf(), source })
}

fn attempt(path: &Path, contents: &[u8]) -> io::Result<()> {
    let old = match std::fs::metadata(path) {
        Ok(old) if old.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(old) if !old.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(contents);
        }
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = match std::fs::read_link(path) {
        Ok(_) if old.is_some() => std::fs::canonicalize(path)?,
        // Where a link leads to nothing yet, the file is made there.
        Ok(leads_to) => path.parent().unwrap_or_else(|| Path::new("")).join(leads_to),
        Err(_) => path.to_path_buf(),
    };
    // `foo` has the parent ``, which means the current folder.
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::metadata(folder)?;
    let mode = old.map_or(0o644, |old| old.permissions().mode() & 0o7777);
    let mut file = tempfile::Builder::new()
        .prefix(".kubedro-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_atomically;

    #[test]
    fn leaves_the_old_file_whole_when_it_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/folder/file");
        assert!(write_atomically(&missing, b"new").is_err());

        let file = folder.path().join("file");
        write_atomically(&file, b"old").unwrap();
        write_atomically(&file, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn writes_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let link = folder.path().join("link");
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");

        std::fs::remove_file(&file).unwrap();
        write_atomically(&link, b"again").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"again");
    }

    #[test]
    fn a_pipe_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        write_atomically(&pipe, b"text").unwrap();
        assert_eq!(reader.join().unwrap(), b"text");
        assert!(!std::fs::metadata(&pipe).unwrap().is_file());
    }
}
