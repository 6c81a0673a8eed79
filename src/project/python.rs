//! Which Python interpreter is the project's own.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Error;
use crate::env_vars;

/// An interpreter and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// A path, or a bare name to be looked up in `PATH`.
    pub path: PathBuf,
    /// Who chose it.
    pub origin: Origin,
}

/// Who chose the interpreter; said in messages, since the wrong Python is the
/// usual reason for a missing Kedro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--python` or `KUBEDRO_PYTHON`.
    Option,
    /// `VIRTUAL_ENV`.
    VirtualEnv,
    /// `CONDA_PREFIX`.
    Conda,
    /// `.venv` in the project.
    DotVenv,
    /// `python3` or `python` in `PATH`.
    Path,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Option => "given by --python or KUBEDRO_PYTHON",
            Self::VirtualEnv => "of the active virtual environment",
            Self::Conda => "of the active Conda environment",
            Self::DotVenv => "of the project's .venv",
            Self::Path => "found in PATH",
        })
    }
}

impl Interpreter {
    /// The interpreter of the project in `root`: `wanted`, else the active
    /// virtual or Conda environment's, else `.venv`'s, else `python3`.
    pub fn choose(root: &Path, wanted: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = wanted {
            return Self::given(path);
        }
        let of_environment = |name: &str, origin| {
            let folder = std::env::var_os(name).filter(|value| !value.is_empty())?;
            Some(Self { path: Path::new(&folder).join("bin/python"), origin })
        };
        let dot_venv = Self { path: root.join(".venv/bin/python"), origin: Origin::DotVenv };
        let chosen = [
            of_environment(env_vars::VIRTUAL_ENV, Origin::VirtualEnv),
            of_environment(env_vars::CONDA_PREFIX, Origin::Conda),
            Some(dot_venv),
        ]
        .into_iter()
        .flatten()
        .find(|candidate| is_executable(&candidate.path));
        match chosen {
            Some(interpreter) => Ok(interpreter),
            None => ["python3", "python"]
                .into_iter()
                .find_map(in_path)
                .map(|path| Self { path, origin: Origin::Path })
                .ok_or(Error::NoPython),
        }
    }

    fn given(path: &Path) -> Result<Self, Error> {
        // A bare name is looked up as a shell does; a path is taken as it is.
        let found = if path.components().count() == 1 && !path.is_file() {
            path.to_str().and_then(in_path)
        } else {
            // Absolute, because steps run in other folders. Not canonical: the
            // link in a virtual environment is what makes it one.
            std::path::absolute(path).ok().filter(|path| is_executable(path))
        };
        found
            .map(|path| Self { path, origin: Origin::Option })
            .ok_or_else(|| Error::PythonNotExecutable { path: path.to_path_buf() })
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os(env_vars::PATH)?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
