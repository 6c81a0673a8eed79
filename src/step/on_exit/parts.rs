//! What became of each part of the exit handler: none hides another.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::telemetry::say;

/// One part's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Which part.
    pub name: String,
    /// In words.
    pub result: String,
    /// The exit code that reports it.
    pub code: u8,
    /// Whether it is over as it was meant to be.
    pub as_meant: bool,
}

impl Part {
    /// A part that has ended, said at once.
    pub fn said(name: String, result: String, code: u8, as_meant: bool) -> Self {
        say(&format!("{name}: {result}"));
        Self { name, result, code, as_meant }
    }
}

/// Those that are not over as they were meant to be, in words.
pub(super) fn not_as_meant(parts: &[Part]) -> Vec<String> {
    let others = parts.iter().filter(|part| !part.as_meant);
    others.map(|part| format!("{}: {}", part.name, part.result)).collect()
}

/// Each part's result, for the termination message.
pub(super) fn by_name(parts: &[Part]) -> Value {
    parts.iter().map(|part| (part.name.clone(), Value::from(part.result.as_str()))).collect()
}

/// The parts as JSON, for `run-local`. One that cannot be written is not in its
/// summary, but in the log.
pub(super) fn write(parts: &[Part], file: &Path) {
    if let Ok(json) = serde_json::to_vec(parts) {
        let _ = std::fs::write(file, json);
    }
}

/// What the exit handler has said there of parts that are not over as they were
/// meant to be.
pub fn remarks(file: &Path) -> Vec<String> {
    let parts: Vec<Part> = std::fs::read(file)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    not_as_meant(&parts)
}
