//! Where each dataset lives, and whether what one pod writes gets to the pods
//! and people that need it.

use std::collections::{BTreeMap, BTreeSet};

use super::preflight::{Finding, base_name, error, is_parameter, quoted, warning};
use super::{DATA, Plan};
use crate::project::{Dataset, Node, Snapshot};

/// Where a dataset lives.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    /// In the process.
    Memory,
    /// In the files of one pod, at this path.
    Pod(String),
    /// On the volume.
    Volume,
    /// In a store that all pods reach, or where only the dataset knows.
    Elsewhere,
}

/// Looks at a plan's data.
pub(super) struct DataFlow<'a> {
    plan: &'a Plan,
    snapshot: &'a Snapshot,
    nodes: &'a [Node],
    writers: BTreeMap<&'a str, &'a Node>,
    steps: BTreeMap<&'a str, &'a str>,
}

impl<'a> DataFlow<'a> {
    pub fn new(plan: &'a Plan, snapshot: &'a Snapshot, nodes: &'a [Node]) -> Self {
        let writers = nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |name| (base_name(name), node)))
            .collect();
        let steps = plan
            .steps
            .iter()
            .flat_map(|step| step.nodes.iter().map(|node| (node.as_str(), step.name.as_str())))
            .collect();
        Self { plan, snapshot, nodes, writers, steps }
    }

    /// Data that cannot get from the pod that writes them to the one that
    /// reads them: the workflow would certainly fail, or compute with nothing.
    pub fn lost_between_pods(&self) -> Vec<Finding> {
        let mut findings = BTreeMap::new();
        for (node, input) in inputs(self.nodes) {
            let base = base_name(input);
            let (Some(from), Some(dataset)) =
                (self.writers.get(base), self.snapshot.datasets.get(input))
            else {
                continue;
            };
            if self.steps.get(from.name.as_str()) == self.steps.get(node.name.as_str()) {
                continue;
            }
            let subject =
                format!("`{base}`, which `{}` makes and `{}` reads,", from.name, node.name);
            if let Some(finding) = self.between(&subject, &self.home(dataset)) {
                findings.entry(base).or_insert(finding);
            }
        }
        findings.into_values().collect()
    }

    fn between(&self, subject: &str, home: &Home) -> Option<Finding> {
        match home {
            Home::Memory => Some(error(
                "memory-dataset-between-pods",
                format!("{subject} is in memory only: pods share no memory"),
                "give it an entry in conf/base/catalog.yml with a file below data/, or set run_config.node_merge_strategy: full",
            )),
            Home::Pod(path) if self.plan.volume.is_none() => Some(error(
                "no-volume",
                format!("{subject} is a local file ({path}), and there is no volume"),
                "write `volume: {}` into run_config, or set run_config.node_merge_strategy: full",
            )),
            Home::Pod(path) => Some(error(
                "path-outside-volume",
                format!(
                    "{subject} is a file outside the volume ({path}): the volume is mounted at {}/{DATA}",
                    self.plan.root
                ),
                "put its filepath below data/",
            )),
            Home::Volume | Home::Elsewhere => None,
        }
    }

    /// What is most likely not as meant.
    pub fn doubts(&self, on_exit: Option<&[Node]>) -> Vec<Finding> {
        [self.outputs_not_kept(), self.inputs_missing()]
            .into_iter()
            .flatten()
            .chain(on_exit.into_iter().flat_map(|nodes| self.on_exit(nodes)))
            .collect()
    }

    fn outputs_not_kept(&self) -> Option<Finding> {
        let lost = self.written_to_pods(self.nodes, |home| matches!(home, Home::Pod(_)));
        let help = if self.plan.volume.is_some() {
            "put their files below data/, where the volume is"
        } else {
            "with a volume that is kept (`volume: {keep: True}`) files below data/ remain"
        };
        let message = format!("gone with the pod that writes it: {}", quoted(lost.iter().copied()));
        (!lost.is_empty()).then(|| warning("output-not-kept", message, help))
    }

    fn inputs_missing(&self) -> Option<Finding> {
        let missing: BTreeSet<&str> = inputs(self.nodes)
            .filter(|(_, name)| !self.writers.contains_key(base_name(name)))
            .filter(|(_, name)| {
                let dataset = self.snapshot.datasets.get(*name);
                dataset.is_some_and(|dataset| dataset.memory && dataset.class.is_none())
            })
            .map(|(_, name)| base_name(name))
            .collect();
        let message = format!(
            "neither in the catalog nor made by a node of this pipeline: {}",
            quoted(missing.iter().copied())
        );
        let help = "the run fails unless a hook of the project adds it to the catalog";
        (!missing.is_empty()).then(|| warning("input-missing", message, help))
    }

    /// The exit handler's pod does not have the volume.
    fn on_exit(&self, nodes: &[Node]) -> Vec<Finding> {
        let local = |home: &Home| matches!(home, Home::Pod(_) | Home::Volume);
        let lost = self.written_to_pods(nodes, local);
        let own: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.outputs).map(|name| base_name(name)).collect();
        let stale: BTreeSet<&str> = inputs(nodes)
            .filter(|(_, name)| {
                let base = base_name(name);
                self.writers.contains_key(base) && !own.contains(base)
            })
            .filter(|(_, name)| {
                let dataset = self.snapshot.datasets.get(*name);
                dataset.is_some_and(|dataset| local(&self.home(dataset)))
            })
            .map(|(_, name)| base_name(name))
            .collect();
        let help = "the exit handler's pod does not have the volume: use a remote dataset";
        let mut findings = Vec::new();
        if !stale.is_empty() {
            let names = quoted(stale.iter().copied());
            let message =
                format!("the on-exit pipeline does not see what this run makes of {names}");
            findings.push(warning("on-exit-reads-volume", message, help));
        }
        if !lost.is_empty() {
            let names = quoted(lost.iter().copied());
            let message = format!("gone with the pod of the on-exit pipeline: {names}");
            findings.push(warning("on-exit-output-not-kept", message, help));
        }
        findings
    }

    fn written_to_pods<'n>(
        &self,
        nodes: &'n [Node],
        gone: impl Fn(&Home) -> bool,
    ) -> BTreeSet<&'n str> {
        nodes
            .iter()
            .flat_map(|node| &node.outputs)
            .filter(|name| {
                let dataset = self.snapshot.datasets.get(*name);
                dataset.is_some_and(|dataset| gone(&self.home(dataset)))
            })
            .map(|name| base_name(name))
            .collect()
    }

    fn home(&self, dataset: &Dataset) -> Home {
        if dataset.memory {
            return Home::Memory;
        }
        if !matches!(dataset.protocol.as_deref(), Some("file" | "local")) {
            return Home::Elsewhere;
        }
        let path = dataset.path.as_deref().unwrap_or_default();
        // A path may be written as it is in the pod.
        let below_root = path
            .strip_prefix(&self.plan.root)
            .and_then(|rest| rest.strip_prefix('/'))
            .or(dataset.inside_project.then_some(path));
        let in_data = below_root
            .and_then(|path| path.strip_prefix(DATA))
            .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
        if in_data && self.plan.volume.is_some() {
            Home::Volume
        } else {
            Home::Pod(path.to_owned())
        }
    }
}

/// Each dataset that each node reads; parameters are none.
fn inputs(nodes: &[Node]) -> impl Iterator<Item = (&Node, &String)> {
    nodes
        .iter()
        .flat_map(|node| node.inputs.iter().map(move |name| (node, name)))
        .filter(|(_, name)| !is_parameter(name))
}
