//! What attempts that were killed have left in a folder of this machine: files
//! that were not yet renamed, which a listing does not show.

use std::path::Path;

use walkdir::WalkDir;

use super::Error;

/// Removes them. Keys have no `#`, so none of these is an object.
pub(super) fn remove(folder: &Path) -> Result<(), Error> {
    for entry in WalkDir::new(folder).into_iter().flatten() {
        if entry.file_type().is_file() && is_unfinished(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path()).map_err(|error| Error::Source {
                path: entry.path().to_path_buf(),
                reason: format!(
                    "an earlier attempt has left it, and it cannot be removed: {error}"
                ),
            })?;
        }
    }
    Ok(())
}

/// `NAME#1`, as the crate `object_store` calls what it has not finished.
fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_unfinished_files_go() {
        for (name, unfinished) in [
            ("a#1", true),
            ("a.csv#12", true),
            ("a", false),
            ("a#", false),
            ("a#b", false),
            ("a%231", false),
        ] {
            assert_eq!(super::is_unfinished(name), unfinished, "{name}");
        }
    }
}
