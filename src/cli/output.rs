//! Where a result goes: a file, or standard output.

use std::io::{ErrorKind, Write, stdout};
use std::path::Path;

use crate::files::{self, WriteError};

/// Writes a result to a file; `-` is standard output.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<(), WriteError> {
    if path != Path::new("-") {
        return files::write_atomically(path, contents);
    }
    let mut stdout = stdout().lock();
    match stdout.write_all(contents).and_then(|()| stdout.flush()) {
        // A reader that has seen enough is no failure.
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(WriteError { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}
