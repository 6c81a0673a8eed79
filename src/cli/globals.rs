//! Options that every command has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::env_vars;
use crate::project::{self, Interpreter, find_root};
use crate::telemetry::Verbosity;

/// Options that every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Kedro environment
    #[arg(short, long, global = true, env = env_vars::KEDRO_ENV, default_value = "local", hide_env_values = true)]
    env: String,
    /// The project's folder [default: found from here upwards]
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// The project's Python [default: the active environment's, .venv, python3]
    #[arg(long, global = true, value_name = "PATH", env = env_vars::KUBEDRO_PYTHON, hide_env_values = true)]
    python: Option<OsString>,
    /// Say more: what is done, Python's tracebacks, what the project prints
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say only what is wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Globals {
    pub fn verbosity(&self) -> Verbosity {
        match (self.verbose, self.quiet) {
            (true, _) => Verbosity::Verbose,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Normal,
        }
    }

    /// Kedro's environment. An empty `KEDRO_ENV` is none, as it is for Kedro.
    pub fn env(&self) -> &str {
        if self.env.is_empty() { "local" } else { &self.env }
    }

    /// The interpreter that the caller names. An empty variable names none.
    pub fn python(&self) -> Option<&Path> {
        self.python.as_deref().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// The project's root.
    pub fn root(&self) -> Result<PathBuf, project::Error> {
        match &self.project {
            Some(folder) => find_root(folder, true),
            None => find_root(Path::new("."), false),
        }
    }

    /// The project's root, and its Python.
    pub fn project(&self) -> Result<(PathBuf, Interpreter), project::Error> {
        let root = self.root()?;
        let interpreter = Interpreter::choose(&root, self.python())?;
        tracing::debug!("project {}", root.display());
        tracing::debug!("python {} ({})", interpreter.path.display(), interpreter.origin);
        Ok((root, interpreter))
    }
}
