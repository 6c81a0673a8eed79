//! Finds the project's root folder.

use std::path::{Path, PathBuf};

use super::Error;

/// The root of the Kedro project that `start` is in: the nearest folder from
/// there upwards whose `pyproject.toml` has a `[tool.kedro]` table.
///
/// With `exactly` set, only `start` itself will do.
pub fn find_root(start: &Path, exactly: bool) -> Result<PathBuf, Error> {
    let start = std::fs::canonicalize(start)
        .map_err(|source| Error::NoFolder { folder: start.to_path_buf(), source })?;
    let mut folders = start.ancestors();
    let found = if exactly {
        folders.next().filter(|folder| is_root(folder))
    } else {
        folders.find(|folder| is_root(folder))
    };
    found.map(Path::to_path_buf).ok_or_else(|| {
        let pyproject = start.join("pyproject.toml");
        Error::NotAProject { upwards: !exactly, has_pyproject: pyproject.is_file(), folder: start }
    })
}

fn is_root(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("pyproject.toml")).is_ok_and(|text| {
        text.lines().any(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let table: String =
                line.chars().filter(|character| !character.is_whitespace()).collect();
            table == "[tool.kedro]"
        })
    })
}
