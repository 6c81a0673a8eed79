//! Runs the probe: a Python program, embedded here, under the project's own
//! interpreter. The answer comes through the descriptor that was the probe's
//! standard output; what the project prints is kept apart from it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{Error, Frame, Interpreter, Snapshot};
use crate::env_vars;

const PROGRAM: &str = include_str!("probe.py");
const MARK: &[u8] = b"\0kubedro-answer\0";

/// What Kedro is asked.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// The project's root folder.
    pub project: &'a Path,
    /// The Kedro environment.
    pub env: &'a str,
    /// Parameters that the user sets for this run.
    pub parameters: &'a [Assignment],
}

/// `--param NAME=VALUE`: a top-level or dotted name and a text of YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assignment(pub String, pub String);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Snapshot(Box<Snapshot>),
    Error(Refusal),
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Refusal {
    KedroMissing { message: String },
    KedroTooOld { message: String },
    Parameter { message: String },
    UnknownParameter { message: String, name: String, known: Vec<String> },
    Project { doing: String, message: String, frame: Option<Frame>, traceback: String },
}

/// Asks Kedro what the project is.
///
/// Kedro is asked each time; nothing is remembered between two calls.
pub fn ask(interpreter: &Interpreter, request: &Request<'_>) -> Result<Snapshot, Error> {
    let failed = |source| Error::PythonFailed { interpreter: interpreter.clone(), source };
    let mut child = Command::new(&interpreter.path)
        .args(["-c", PROGRAM])
        .current_dir(request.project)
        .env(env_vars::DO_NOT_TRACK, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let text = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
        // A probe that died early closes the pipe; its status says more than EPIPE.
        let _ = stdin.write_all(&text);
    }
    let output = child.wait_with_output().map_err(failed)?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in stderr.lines().filter(|line| !line.trim().is_empty()) {
        tracing::debug!(target: "kubedro::project", "{line}");
    }

    let answer = output
        .stdout
        .windows(MARK.len())
        .rposition(|window| window == MARK)
        .and_then(|at| serde_json::from_slice(&output.stdout[at + MARK.len()..]).ok());
    match answer {
        Some(Answer::Snapshot(snapshot)) => Ok(*snapshot),
        Some(Answer::Error(refusal)) => Err(refused(refusal, interpreter)),
        None => Err(Error::NoAnswer {
            interpreter: interpreter.clone(),
            status: output.status.to_string(),
            stderr,
        }),
    }
}

fn refused(refusal: Refusal, interpreter: &Interpreter) -> Error {
    match refusal {
        Refusal::KedroMissing { message } => {
            Error::NoKedro { message, interpreter: interpreter.clone() }
        }
        Refusal::KedroTooOld { message } => Error::KedroTooOld { message },
        Refusal::Parameter { message } => Error::Parameter { message },
        Refusal::UnknownParameter { message, name, known } => {
            Error::UnknownParameter { message, name, known }
        }
        Refusal::Project { doing, message, frame, traceback } => {
            Error::Raised { doing, message, frame, traceback }
        }
    }
}
