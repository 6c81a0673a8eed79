//! What can go wrong when a project is asked what it is.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::Interpreter;
use crate::names::did_you_mean;

/// The project could not be found, or Kedro could not say what it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder to start from is not there.
    #[error("cannot enter the folder {}: {source}", folder.display())]
    NoFolder {
        /// As given.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No `[tool.kedro]` in a `pyproject.toml`.
    #[error("{}", not_a_project(folder, *upwards, *has_pyproject))]
    NotAProject {
        /// Where the search began.
        folder: PathBuf,
        /// Whether the folders above were searched too.
        upwards: bool,
        /// Whether the first folder has a `pyproject.toml` at all.
        has_pyproject: bool,
    },
    /// No interpreter at all.
    #[error(
        "no Python was found: there is no active virtual environment, no .venv in the project and no python3 in PATH\n  = help: activate the project's environment, or name its interpreter with --python"
    )]
    NoPython,
    /// `--python` names something else.
    #[error("{} is not an executable Python interpreter (given by --python or KUBEDRO_PYTHON)", path.display())]
    PythonNotExecutable {
        /// As given.
        path: PathBuf,
    },
    /// The interpreter could not be started.
    #[error("cannot start {} ({}): {source}", interpreter.path.display(), interpreter.origin)]
    PythonFailed {
        /// The interpreter and why it was chosen.
        interpreter: Interpreter,
        /// What the operating system said.
        source: io::Error,
    },
    /// The interpreter ended without an answer.
    #[error(
        "{} ended without an answer ({status}){}", interpreter.path.display(), indented_tail(stderr)
    )]
    NoAnswer {
        /// The interpreter and why it was chosen.
        interpreter: Interpreter,
        /// How it ended.
        status: String,
        /// What it printed.
        stderr: String,
    },
    /// The project's Python has no Kedro.
    #[error("{message} ({})\n  = help: activate the project's environment, or name its interpreter with --python", interpreter.origin)]
    NoKedro {
        /// Names the interpreter.
        message: String,
        /// The interpreter and why it was chosen.
        interpreter: Interpreter,
    },
    /// Kedro before 0.18.2.
    #[error(
        "{message}\n  = help: the oldest Kedro with what a workflow's steps need is 0.18.2; 0.18.14 needs no change to a project of 0.18"
    )]
    KedroTooOld {
        /// Names the version.
        message: String,
    },
    /// The project's own code or configuration raised an exception.
    #[error("{}", raised(doing, message, frame.as_ref()))]
    Raised {
        /// What Kedro was doing.
        doing: String,
        /// The exception's class and text.
        message: String,
        /// The last place in the user's own files.
        frame: Option<Frame>,
        /// Python's traceback, for `-v`.
        traceback: String,
    },
    /// A `--param` whose value is not YAML, or that goes below a plain value.
    #[error("{message}")]
    Parameter {
        /// Names the parameter.
        message: String,
    },
    /// A `--param` that the project does not have.
    #[error("{message}.{}\n  = help: its parameters are those of conf/*/parameters*.yml; a new one must be added there first, because a workflow declares its parameters when it is compiled",
        did_you_mean(name, known.iter().map(String::as_str)))]
    UnknownParameter {
        /// Names the parameter.
        message: String,
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
}

/// A place in one of the project's own files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Frame {
    /// Below the project's root.
    pub file: String,
    /// From 1.
    pub line: Option<u32>,
    /// `None` at a module's top level.
    pub function: Option<String>,
    /// The line's text.
    pub code: Option<String>,
}

fn not_a_project(folder: &std::path::Path, upwards: bool, has_pyproject: bool) -> String {
    let mut text = format!("{} is not a Kedro project", folder.display());
    text.push_str(match (has_pyproject, upwards) {
        (true, _) => ": its pyproject.toml has no [tool.kedro] table",
        (false, true) => ", nor is any folder above it",
        (false, false) => ": it has no pyproject.toml",
    });
    text.push_str("\n  = help: go into the project's folder, or name it with --project DIR");
    text
}

fn raised(doing: &str, message: &str, frame: Option<&Frame>) -> String {
    let mut text = format!("the project raised an exception while {doing}\n");
    for line in message.lines().take(20) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(frame) = frame {
        let number = frame.line.map(|line| line.to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        let _ = write!(text, "{margin} --> {}", frame.file);
        if frame.line.is_some() {
            let _ = write!(text, ":{number}");
        }
        if let Some(function) = &frame.function {
            let _ = write!(text, " in {function}");
        }
        text.push('\n');
        if let Some(code) = &frame.code {
            let _ = write!(text, "{margin} |\n{number} | {}\n{margin} |\n", code.trim());
        }
    }
    text.push_str("  = help: -v shows Python's whole traceback");
    text
}

fn indented_tail(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut text = String::new();
    for line in &lines[lines.len().saturating_sub(8)..] {
        // Of a text in one line (an interpreter may print its program) the end says why.
        let start = line.char_indices().rev().nth(199).map_or(0, |(at, _)| at);
        let _ = write!(text, "\n  {}", &line[start..]);
    }
    text
}
