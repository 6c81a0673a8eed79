//! What would certainly lose data or fail, seen before there is a workflow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{RESERVED, step_name};
use crate::project::Snapshot;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Data or the run is certainly lost: no workflow is made.
    Error,
    /// Most likely not as meant.
    Warning,
}

/// Something about the plan that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable, for people who look it up.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, help, .. } = self;
        write!(formatter, "{message} [{code}]\n  = help: {help}")
    }
}

pub(super) fn error(code: &'static str, message: String, help: &str) -> Finding {
    Finding { code, severity: Severity::Error, message, help: help.to_owned() }
}

pub(super) fn warning(code: &'static str, message: String, help: &str) -> Finding {
    Finding { code, severity: Severity::Warning, message, help: help.to_owned() }
}

/// The name of a dataset without the format that `@` chooses.
pub(super) fn base_name(dataset: &str) -> &str {
    dataset.split('@').next().unwrap_or(dataset)
}

/// Whether a name stands for parameters rather than for a dataset.
pub(super) fn is_parameter(name: &str) -> bool {
    name == "parameters" || name.starts_with("params:")
}

/// Names, of nodes or a pipeline, that would be one step's name.
pub(super) fn collisions<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<Finding> {
    let mut by_step: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        by_step.entry(step_name(name)).or_default().insert(name);
    }
    by_step
        .into_iter()
        .filter_map(|(step, names)| {
            if RESERVED.contains(&step.as_str()) {
                let names = quoted(names);
                let message = format!("the node {names} would be the step `{step}`, which is kubedro's own");
                return Some(error("step-name-reserved", message, "give the node another name"));
            }
            (names.len() > 1).then(|| {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let message = format!("the nodes {} would all be the step `{step}`", names.join(" and "));
                error(
                    "step-name-collision",
                    message,
                    "names of steps have only lower-case letters, digits and `-`: give one of the nodes a name that differs in these",
                )
            })
        })
        .collect()
}

/// Catalog entries whose path names this machine's copy of the project.
pub(super) fn absolute_paths(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.absolute_paths.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "the path of {} is absolute and leads into this copy of the project",
        quoted(snapshot.absolute_paths.iter().map(String::as_str))
    );
    let help = "write it relative to the project (data/…): the project lies elsewhere in a pod";
    vec![warning("absolute-path-into-project", message, help)]
}

/// `` `a`, `b` ``
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
