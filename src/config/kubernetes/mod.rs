//! Kubernetes objects in `kubeflow.yaml`: extra volumes and affinities, made
//! ready to be passed on.
//!
//! They are written as keyword arguments of the Python client (what
//! kedro-kubeflow takes), as plain Kubernetes YAML, or as any mixture. Knows the
//! API's classes by a table, and nothing of what is done with the objects.

mod calls;
mod classes;
mod names;
mod normalise;
mod volume;

use std::ops::Range;

use super::model::DATA_VOLUME_NAME;
use super::problem::Problem;
use super::tree::{Entry, Node, Segment, Value, shown_path};
use crate::diagnostic::Code;
use classes::Class;
use normalise::normalise;

/// Normalises all objects of the configuration. Values of which the model will
/// complain are left to it.
pub(super) fn normalise_all(root: &mut Node, problems: &mut Vec<Problem>) {
    let Some(run_config) = mapping(root).and_then(|top| entry(top, "run_config")) else { return };
    let Some(sections) = mapping(&mut run_config.node) else { return };
    let path = |names: &[&str]| -> Vec<Segment> {
        ["run_config"].iter().chain(names).map(|name| Segment::Key((*name).to_owned())).collect()
    };
    if let Some(nodes) = entry(sections, "affinity").and_then(|entry| mapping(&mut entry.node)) {
        for own in nodes.iter_mut().filter(|entry| !matches!(entry.node.value, Value::Null)) {
            normalise(own, Class::AFFINITY, &path(&["affinity"]), problems);
        }
    }
    if let Some(nodes) = entry(sections, "extra_volumes").and_then(|entry| mapping(&mut entry.node))
    {
        for own in nodes.iter_mut() {
            let Value::Sequence(items) = &mut own.node.value else { continue };
            for (index, item) in items.iter_mut().enumerate() {
                let mut above = path(&["extra_volumes", &own.key]);
                above.push(Segment::Index(index));
                if let Some(volume) = mapping(item).and_then(|item| entry(item, "volume"))
                    && matches!(volume.node.value, Value::Mapping(_))
                {
                    normalise(volume, Class::VOLUME, &above, problems);
                }
            }
            check_one_step(items, &path(&["extra_volumes", &own.key]), problems);
        }
    }
    problems.sort_by_key(|problem| (problem.source, problem.span.start));
}

/// What the extra volumes of one step may not share.
fn check_one_step(items: &[Node], above: &[Segment], problems: &mut Vec<Problem>) {
    let mut names: Vec<&str> = Vec::new();
    let mut mount_paths: Vec<&str> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let mut refuse = |keys: &[&str], node: &Node, why: String, help: &str| {
            let mut path = above.to_vec();
            path.push(Segment::Index(index));
            path.extend(keys.iter().map(|key| Segment::Key((*key).to_owned())));
            let message = format!("`{}` cannot be used", shown_path(&path));
            let (source, span): (usize, Range<usize>) = (node.source, node.span.clone());
            problems.push(
                Problem::new(Code::InvalidValue, message, source, span).label(why).help(help),
            );
        };
        if let Some((node, name)) = text(item, &["volume", "name"]) {
            if name == DATA_VOLUME_NAME {
                let why = format!("`{name}` is the volume of run_config.volume");
                refuse(&["volume", "name"], node, why, "give it another name");
            } else if names.contains(&name) {
                let why = format!("the same step has an extra volume `{name}` already");
                refuse(&["volume", "name"], node, why, "give one of them another name");
            }
            names.push(name);
        }
        if let Some((node, path)) = text(item, &["mount_path"]) {
            let path = path.trim_end_matches('/');
            if mount_paths.contains(&path) {
                let why = "the same step has an extra volume there already".to_owned();
                refuse(&["mount_path"], node, why, "mount one of them elsewhere");
            }
            mount_paths.push(path);
        }
    }
}

fn mapping(node: &mut Node) -> Option<&mut Vec<Entry>> {
    match &mut node.value {
        Value::Mapping(entries) => Some(entries),
        _ => None,
    }
}

fn entry<'t>(entries: &'t mut [Entry], key: &str) -> Option<&'t mut Entry> {
    entries.iter_mut().find(|entry| entry.key == key)
}

fn text<'t>(node: &'t Node, keys: &[&str]) -> Option<(&'t Node, &'t str)> {
    let mut node = node;
    for key in keys {
        node = &node.entry(key)?.node;
    }
    match &node.value {
        Value::Text(text) => Some((node, text)),
        _ => None,
    }
}
