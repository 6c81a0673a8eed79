//! What would certainly lose data or fail, seen before there is a workflow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{DATA, Plan, RESERVED};
use crate::project::{Node, Snapshot};

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

fn error(code: &'static str, message: String, help: &str) -> Finding {
    Finding { code, severity: Severity::Error, message, help: help.to_owned() }
}

/// The name of a dataset without the format that `@` chooses.
pub(super) fn base_name(dataset: &str) -> &str {
    dataset.split('@').next().unwrap_or(dataset)
}

/// Whether a name stands for parameters rather than for a dataset.
pub(super) fn is_parameter(name: &str) -> bool {
    name == "parameters" || name.starts_with("params:")
}

/// Node names that would be one step's name.
pub(super) fn collisions(steps: &[(String, String)]) -> Vec<Finding> {
    let mut by_step: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (node, step) in steps {
        by_step.entry(step).or_default().insert(node);
    }
    by_step
        .into_iter()
        .filter_map(|(step, nodes)| {
            let names: Vec<String> = nodes.iter().map(|node| format!("`{node}`")).collect();
            if RESERVED.contains(&step) {
                let message = format!("the node {} would be the step `{step}`, which is kubedro's own", names.join(", "));
                return Some(error("step-name-reserved", message, "give the node another name"));
            }
            (nodes.len() > 1).then(|| {
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

/// Data that cannot get from the pod that writes them to the pod that reads them.
pub(super) fn lost_data(plan: &Plan, nodes: &[Node], snapshot: &Snapshot) -> Vec<Finding> {
    let step_of: BTreeMap<&str, &str> = plan
        .steps
        .iter()
        .flat_map(|step| step.nodes.iter().map(|node| (node.as_str(), step.name.as_str())))
        .collect();
    let writer: BTreeMap<&str, &Node> = nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(move |name| (base_name(name), node)))
        .collect();
    let mut findings = BTreeMap::new();
    for node in nodes {
        for input in node.inputs.iter().filter(|name| !is_parameter(name)) {
            let base = base_name(input);
            let Some(dataset) = snapshot.datasets.get(input) else { continue };
            let Some(from) = writer.get(base) else {
                if dataset.memory {
                    findings.entry(base).or_insert_with(|| {
                        error(
                            "input-missing",
                            format!("`{base}`, which `{}` reads, is not in the catalog, and no node of this pipeline makes it", node.name),
                            "add it to conf/base/catalog.yml",
                        )
                    });
                }
                continue;
            };
            if step_of.get(from.name.as_str()) == step_of.get(node.name.as_str()) {
                continue;
            }
            let between =
                format!("`{base}`, which `{}` makes and `{}` reads,", from.name, node.name);
            let local = matches!(dataset.protocol.as_deref(), Some("file" | "local"));
            let path = dataset.path.as_deref().unwrap_or_default();
            let in_data = dataset.inside_project
                && path.split('/').next() == Some(DATA)
                && path.len() > DATA.len();
            let finding = if dataset.memory {
                error(
                    "memory-dataset-between-pods",
                    format!("{between} is in memory only: pods share no memory"),
                    "give it an entry in conf/base/catalog.yml with a file below data/, or set run_config.node_merge_strategy: full",
                )
            } else if local && plan.volume.is_none() {
                error(
                    "no-volume",
                    format!("{between} is a local file ({path}), and there is no volume"),
                    "add a `volume:` section to run_config, or set run_config.node_merge_strategy: full",
                )
            } else if local && !in_data {
                error(
                    "path-outside-volume",
                    format!(
                        "{between} is a file outside the volume ({path}): the volume is mounted at {}/{DATA}",
                        plan.root
                    ),
                    "put its filepath below data/",
                )
            } else {
                continue;
            };
            findings.entry(base).or_insert(finding);
        }
    }
    findings.into_values().collect()
}

/// Catalog entries whose path names this machine's copy of the project.
pub(super) fn absolute_paths(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.absolute_paths.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> =
        snapshot.absolute_paths.iter().map(|name| format!("`{name}`")).collect();
    vec![Finding {
        code: "absolute-path-into-project",
        severity: Severity::Warning,
        message: format!(
            "the path of {} is absolute and leads into this copy of the project",
            names.join(", ")
        ),
        help: "write it relative to the project (data/…): the project lies elsewhere in a pod"
            .to_owned(),
    }]
}
