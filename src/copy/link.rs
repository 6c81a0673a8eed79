use std::fs;
use std::path::Path;

use super::{Error, failed};

/// Makes the same file or tree at `to`, by hard links.
pub fn link_tree(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed("make the folder", parent))?;
    }
    let _ = fs::remove_dir_all(to);
    let _ = fs::remove_file(to);
    if !from.is_dir() {
        return fs::hard_link(from, to)
            .or_else(|_| fs::copy(from, to).map(|_| ()))
            .map_err(failed("link", to));
    }
    fs::create_dir_all(to).map_err(failed("make the folder", to))?;
    for entry in fs::read_dir(from).map_err(failed("read", from))?.flatten() {
        link_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
