//! Runs the probe: a Python program, embedded here, under the project's own
//! interpreter. The answer comes through the descriptor that was the probe's
//! standard output; what the project prints is kept apart from it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Error, Frame, Interpreter, Snapshot};
use crate::env_vars;

const PROGRAM: &str =
    concat!(include_str!("probe.py"), "\n", include_str!("interpolation.py"), "\nmain()\n");
const MARK: &[u8] = b"\0kubedro-answer\0";

/// How often to look whether the probe is still there while it says nothing.
const POLL: Duration = Duration::from_millis(50);

/// How long an answer may be on its way when the probe has ended.
const PATIENCE: Duration = Duration::from_secs(3);

/// What Kedro is asked.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// The project's root folder.
    pub project: &'a Path,
    /// The Kedro environment.
    pub env: &'a str,
    /// Parameters that the user sets for this run.
    pub parameters: &'a [Assignment],
    /// Files whose `${…}` Kedro is asked about.
    pub interpolation: Interpolated<'a>,
}

/// Configuration files that the caller reads and interpolates itself, as far as
/// it can.
#[derive(Debug, Serialize)]
pub struct Interpolated<'a> {
    /// What the names of the files begin with.
    pub stem: &'a str,
    /// The resolvers that the caller knows.
    pub resolvers: &'a [&'a str],
    /// What the caller knows by name.
    pub variables: &'a BTreeMap<String, String>,
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
    let printed = child.stderr.take().map(listen);
    let pipe = child.stdout.take().map(pump);
    let mut stdout = Vec::new();
    let mut ended = None;
    let answer = loop {
        if let Some(answer) = framed(&stdout) {
            break serde_json::from_slice(answer).ok();
        }
        // A process that the project has forked may hold the pipe open for
        // ever: what counts is the probe's own end.
        match pipe.as_ref().map(|pipe| pipe.recv_timeout(POLL)) {
            Some(Ok(chunk)) => stdout.extend(chunk),
            Some(Err(RecvTimeoutError::Timeout)) if ended.is_none() => {
                ended = child.try_wait().map_err(failed)?.map(|_| Instant::now());
            }
            // What it has written may not have been read yet.
            Some(Err(RecvTimeoutError::Timeout))
                if ended.is_some_and(|moment| moment.elapsed() < PATIENCE) => {}
            _ => break None,
        }
    };
    let status = child.wait().map_err(failed)?;
    let stderr = printed.as_ref().map(last_words).unwrap_or_default();
    match answer {
        Some(Answer::Snapshot(snapshot)) => Ok(*snapshot),
        Some(Answer::Error(refusal)) => Err(refused(refusal, interpreter)),
        None => Err(Error::NoAnswer {
            interpreter: interpreter.clone(),
            status: status.to_string(),
            stderr,
        }),
    }
}

/// The JSON behind the mark and its length, when all of it is there.
fn framed(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    let rest = &bytes[at..];
    let line = rest.iter().position(|byte| *byte == b'\n')?;
    let length: usize = std::str::from_utf8(&rest[..line]).ok()?.parse().ok()?;
    rest.get(line + 1..)?.get(..length)
}

/// Hands on what comes through the pipe.
fn pump(mut pipe: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            if sender.send(chunk[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Hands on what the project prints, line by line.
fn listen(pipe: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            tracing::debug!(target: "kubedro::project", "{text}");
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// All lines there are. A process that the project has started may hold the
/// pipe open for ever: nobody waits for that one.
fn last_words(lines: &Receiver<String>) -> String {
    let until = Instant::now() + Duration::from_secs(1);
    let mut text = String::new();
    while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        text.push_str(&line);
        text.push('\n');
    }
    text
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
