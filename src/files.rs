//! Writing files so that a reader never sees half of one.

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
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), WriteError> {
    let attempt = || -> io::Result<()> {
        // Renaming over a link would replace the link; write where it points.
        let path =
            &if path.is_symlink() { std::fs::canonicalize(path)? } else { path.to_path_buf() };
        // `foo` has the parent ``, which means the current folder.
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mode = std::fs::metadata(path).map_or(0o644, |old| old.permissions().mode() & 0o7777);
        let mut file = tempfile::Builder::new()
            .prefix(".kubedro-")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| WriteError { path: path.to_path_buf(), source })
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
    }
}
