//! What would certainly fail, or is most likely not as meant, seen before there
//! is a workflow. What becomes of the data is [`super::data_flow`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Subject};
use super::secrets::secret_within;
use super::{PROJECT_ROOT, Plan, RESERVED, step_name};
use crate::config::{AccessMode, NameTemplate, RunConfig};
use crate::diagnostic::Code;
use crate::names::did_you_mean;
use crate::project::{Node, Snapshot};

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
            let subjects = names.iter().rev().map(|name| Subject::node(name)).collect();
            let finding = if RESERVED.contains(&step.as_str()) {
                let names = quoted(names);
                let message =
                    format!("the node {names} would be the step `{step}`, which is kubedro's own");
                Finding::new(Code::StepNameReserved, message, "give the node another name")
            } else if names.len() > 1 {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let message =
                    format!("the nodes {} would all be the step `{step}`", names.join(" and "));
                let help = "names of steps have only lower-case letters, digits and `-`: give one of the nodes a name that differs in these";
                Finding::new(Code::StepNameCollision, message, help)
            } else {
                return None;
            };
            Some(Finding { subjects, ..finding })
        })
        .collect()
}

/// Nodes that Kedro names after an object's address in memory, which is
/// another one in each process: no pod would find them.
pub(super) fn unstable_names(nodes: &[Node]) -> Vec<Finding> {
    nodes
        .iter()
        .filter(|node| has_address(&node.name))
        .map(|node| {
            let message = format!(
                "the node `{}` is named after an address in memory, which is another one in each pod",
                node.name
            );
            let help = "give it a name: node(…, name=\"…\")";
            Finding::new(Code::NodeNameUnstable, message, help).about(Subject::node(&node.name))
        })
        .collect()
}

/// `<tiny.Model object at 0x7f3b5c2d1e80>`: how Python shows an object that
/// has no name.
fn has_address(name: &str) -> bool {
    name.match_indices(" at 0x").any(|(at, mark)| {
        let rest = &name[at + mark.len()..];
        rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= 6
    })
}

/// Catalog entries whose path names this machine's copy of the project.
pub(super) fn absolute_paths(snapshot: &Snapshot) -> Vec<Finding> {
    let help = "write it relative to the project (data/…): the project lies elsewhere in a pod";
    snapshot
        .absolute_paths
        .iter()
        .map(|name| {
            let message =
                format!("the path of `{name}` is absolute and leads into this copy of the project");
            Finding::new(Code::AbsolutePathIntoProject, message, help).about(Subject::dataset(name))
        })
        .collect()
}

/// Where the project lies in the image, where the configuration says so in a
/// way that can be used.
pub(super) fn usable_root(config: &RunConfig) -> Option<&str> {
    let root = config.root.as_deref()?.trim_end_matches('/');
    let usable = root.starts_with('/') && !root.contains("{{") && !root.contains("/../");
    usable.then_some(root)
}

/// Settings that are read and change nothing.
pub(super) fn without_effect(config: &RunConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.root.is_some() && usable_root(config).is_none() {
        let message =
            format!("`root` is not the absolute path of a folder: {PROJECT_ROOT} is used");
        let help =
            "write where the project lies in the image (its WORKDIR), such as /home/kedro_docker";
        let finding = Finding::new(Code::SettingWithoutEffect, message, help);
        findings.push(finding.about(Subject::Setting("run_config.root")));
    }
    if config.on_exit_required && !config.has_exit_handler() {
        let message = "there is no exit handler that could be required";
        let help = "set on_exit_pipeline or notifications too, or take it out";
        let finding = Finding::new(Code::SettingWithoutEffect, message, help);
        findings.push(finding.about(Subject::Setting("run_config.on_exit_required")));
    }
    findings
}

/// Parameters that the names of runs are made of, and that there are not.
pub(super) fn names_of_runs(config: &RunConfig, snapshot: &Snapshot) -> Vec<Finding> {
    let known: Vec<&str> =
        snapshot.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let templates = [
        ("run_config.run_name", &config.run_name),
        ("run_config.scheduled_run_name", &config.scheduled_run_name),
    ];
    let mut findings = Vec::new();
    for (key, template) in &templates {
        if let Some(problem) = template.as_ref().and_then(NameTemplate::problem) {
            let message = format!("the name of the run cannot be made: {problem}");
            let help = "it is a format string of Python, in which {name} stands for a parameter";
            let finding = Finding::new(Code::UnknownParameterInName, message, help);
            findings.push(finding.about(Subject::Setting(key)));
        }
    }
    for (key, template) in templates {
        for name in template.iter().flat_map(NameTemplate::names) {
            if known.contains(&name) {
                continue;
            }
            let message = format!(
                "the name of the run needs `{name}`, which is no parameter of the project.{}",
                did_you_mean(name, known.iter().copied())
            );
            let help = "name a parameter of conf/*/parameters*.yml, or write {{ and }} for braces";
            let finding =
                Finding::new(Code::UnknownParameterInName, message.trim_end_matches('.'), help);
            findings.push(finding.about(Subject::Setting(key)));
        }
    }
    findings
}

/// Settings of nodes that share one pod with all others.
pub(super) fn settings_of_merged_nodes(
    plan: &Plan,
    config: &RunConfig,
    nodes: &[Node],
) -> Vec<Finding> {
    let help = format!(
        "write it for the pod as a whole: below `{}` or __default__",
        step_name(&plan.pipeline)
    );
    let mut findings = Vec::new();
    for (section, keys) in config.keys_by_node() {
        for key in keys {
            let whole = step_name(key) == step_name(&plan.pipeline);
            let of_a_node = nodes.iter().any(|node| {
                node.name == key
                    || step_name(&node.name) == step_name(key)
                    || node.tags.iter().any(|tag| tag == key)
            });
            if !of_a_node || whole {
                continue;
            }
            let message = format!(
                "with node_merge_strategy: full all nodes are one pod: `{key}` of `{section}` applies to nothing"
            );
            findings.push(
                Finding::new(Code::SettingWithoutEffect, message, help.clone())
                    .about(Subject::NodeSetting { section, key: key.to_owned() }),
            );
        }
    }
    findings
}

/// A volume that one machine can mount, and steps that could run side by side.
pub(super) fn volume_on_one_machine(plan: &Plan) -> Option<Finding> {
    let volume = plan.volume.as_ref()?;
    if volume.access_modes.iter().any(|mode| mode.many_machines_write()) {
        return None;
    }
    let mounting: Vec<_> = plan.steps.iter().filter(|step| step.mount.is_some()).collect();
    // In a topological order two neighbours without an edge are independent.
    let (first, second) = mounting
        .windows(2)
        .filter_map(|pair| <[_; 2]>::try_from(pair).ok())
        .find(|[first, second]| !second.needs.contains(&first.name))
        .map(|[first, second]| (&first.name, &second.name))?;
    let modes: Vec<String> = volume.access_modes.iter().map(|mode| format!("{mode:?}")).collect();
    let who = match volume.access_modes[..] {
        [AccessMode::ReadOnlyMany] => "no step can write to the volume",
        [AccessMode::ReadWriteOncePod] => "only one pod at a time can mount the volume",
        _ => "only one machine at a time can mount the volume",
    };
    let message = format!(
        "steps run side by side (`{first}` and `{second}`, for example), but {who} ({})",
        modes.join(", ")
    );
    let help = "set access_modes: [ReadWriteMany] where the cluster has a storage class for it; else pods that come to other machines wait until the volume is free";
    Some(
        Finding::new(Code::VolumeOnOneMachine, message, help)
            .about(Subject::Setting("run_config.volume.access_modes")),
    )
}

/// Values in the workflow that everybody who may look at it can read.
pub(super) fn secrets(plan: &Plan, environment: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let help_for_parameters = "take it from an environment variable or a mounted secret (credentials.yml, extra_volumes) instead: a workflow's parameters can be read by everybody who sees the run";
    for parameter in &plan.parameters {
        let value = serde_json::from_str(&parameter.value).unwrap_or_default();
        if let Some(path) = secret_within(&parameter.name, &value) {
            let message = format!("the parameter `{path}` looks like a secret");
            findings.push(
                Finding::new(Code::SecretInPlainText, message, help_for_parameters)
                    .about(Subject::Parameter(parameter.name.clone())),
            );
        }
    }
    for (name, value) in environment {
        if secret_within(name, &value.as_str().into()).is_some() {
            let message = format!(
                "the environment variable {name} looks like a secret, and is written into the workflow for every pod"
            );
            let help =
                "unset it before compiling, and give it to the pods by a secret of the cluster";
            findings.push(Finding::new(Code::SecretInPlainText, message, help));
        }
    }
    findings
}

/// `` `a`, `b` ``
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::has_address;

    #[test]
    fn addresses_in_names() {
        assert!(has_address("<tiny.Model object at 0x7f3b5c2d1e80>([a]) -> [b]"));
        assert!(!has_address("look at 0x1f"));
        assert!(!has_address("train"));
    }
}
