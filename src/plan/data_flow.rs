//! Where each dataset lives, and whether what one pod writes gets to the pods
//! and people that need it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::finding::{Finding, Subject};
use super::preflight::{base_name, is_parameter, quoted};
use super::{DATA, Plan};
use crate::config::ExtraVolume;
use crate::diagnostic::Code;
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
            let (Some(from), Some(dataset)) = (self.writers.get(base), self.dataset(input)) else {
                continue;
            };
            if !self.crosses_pods(node, input) {
                continue;
            }
            let subject =
                format!("`{base}`, which `{}` makes and `{}` reads,", from.name, node.name);
            if self.share_extra_volume(from, node, dataset) {
                continue;
            }
            if let Some(finding) = self.between(&subject, &self.home(dataset)) {
                let finding =
                    finding.about(Subject::dataset(input)).about(Subject::node(&node.name));
                findings.entry(base).or_insert(finding);
            }
        }
        findings.into_values().collect()
    }

    /// Whether another step than the node's own makes what it reads.
    fn crosses_pods(&self, node: &Node, input: &str) -> bool {
        let step = |node: &Node| self.steps.get(node.name.as_str());
        self.writers.get(base_name(input)).is_some_and(|from| step(from) != step(node))
    }

    /// Whether both nodes' steps have the dataset's file on one extra volume.
    fn share_extra_volume(&self, from: &Node, to: &Node, dataset: &Dataset) -> bool {
        let on = |node: &Node| self.extra_volume(node, dataset);
        matches!((on(from), on(to)), (Some(one), Some(other)) if one == other)
    }

    /// The extra volume of a node's step that has the dataset's file, and that
    /// is there when the pod is gone.
    fn extra_volume(&self, node: &Node, dataset: &Dataset) -> Option<&'a ExtraVolume> {
        if !is_local(dataset) {
            return None;
        }
        let path = dataset.path.as_deref()?;
        let path = Path::new(&self.plan.root).join(path);
        let name = self.steps.get(node.name.as_str())?;
        let step = self.plan.steps.iter().find(|step| step.name == *name)?;
        step.extra_volumes
            .iter()
            .filter(|extra| path.starts_with(&extra.mount_path))
            .max_by_key(|extra| extra.mount_path.len())
            .filter(|extra| extra.outlives_the_pod())
    }

    fn between(&self, subject: &str, home: &Home) -> Option<Finding> {
        match home {
            Home::Memory => Some(Finding::new(
                Code::MemoryDatasetBetweenPods,
                format!("{subject} is in memory only: pods share no memory"),
                "give it an entry in conf/base/catalog.yml with a file below data/, or set run_config.node_merge_strategy: full",
            )),
            Home::Pod(path) if self.plan.volume.is_none() => Some(Finding::new(
                Code::NoVolume,
                format!("{subject} is a local file ({path}), and there is no volume"),
                "write `volume: {}` into run_config, or set run_config.node_merge_strategy: full",
            )),
            Home::Pod(path) => Some(Finding::new(
                Code::PathOutsideVolume,
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
        let mut findings = self.outputs_not_kept();
        findings.extend(self.inputs_missing());
        findings.extend(self.raw_inputs_missing());
        findings.extend(self.two_writers());
        findings.extend(on_exit.into_iter().flat_map(|nodes| self.on_exit(nodes)));
        findings
    }

    fn outputs_not_kept(&self) -> Vec<Finding> {
        let help = if self.plan.volume.is_some() {
            "put its file below data/, where the volume is"
        } else {
            "with a volume that is kept (`volume: {keep: True}`) files below data/ remain"
        };
        // What another pod needs is worse than not kept, and said as that.
        let needed: BTreeSet<&str> = inputs(self.nodes)
            .filter(|(node, name)| self.crosses_pods(node, name))
            .map(|(_, name)| base_name(name))
            .collect();
        self.written(self.nodes, |home| matches!(home, Home::Pod(_)))
            .filter(|(name, _)| !needed.contains(base_name(name)))
            .filter(|(name, node)| {
                self.dataset(name).is_none_or(|dataset| self.extra_volume(node, dataset).is_none())
            })
            .map(|(name, _)| {
                let message = format!("`{}` is gone with the pod that writes it", base_name(name));
                Finding::new(Code::OutputNotKept, message, help).about(Subject::dataset(name))
            })
            .collect()
    }

    /// Outputs that no file holds, so that none could be uploaded.
    pub fn artifacts_impossible(&self) -> Vec<Finding> {
        let help = "give it an entry with a file in conf/base/catalog.yml, or set store_kedro_outputs_as_kfp_artifacts: False";
        let outputs: BTreeMap<&str, &Node> = self
            .nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
            .collect();
        outputs
            .into_iter()
            .filter(|(name, _)| {
                self.dataset(name).is_some_and(|dataset| dataset.memory || dataset.path.is_none())
            })
            .map(|(name, node)| {
                let base = base_name(name);
                let message = format!("`{base}` cannot become an artifact: it has no file");
                Finding::new(Code::ArtifactImpossible, message, help)
                    .about(Subject::dataset(name))
                    .about(Subject::node(&node.name))
            })
            .collect()
    }

    fn inputs_missing(&self) -> Vec<Finding> {
        let help = "the run fails unless a hook of the project adds it to the catalog";
        self.read_from_outside()
            .filter(|(_, _, dataset)| dataset.memory && dataset.class.is_none())
            .map(|(name, node, _)| {
                let base = base_name(name);
                let message = format!(
                    "`{base}` is neither in the catalog nor made by a node of this pipeline"
                );
                Finding::new(Code::InputMissing, message, help).about(Subject::node(&node.name))
            })
            .collect()
    }

    /// Files of the project that a node reads, and that are not on this machine,
    /// from which the image is made.
    fn raw_inputs_missing(&self) -> Vec<Finding> {
        let help = "put the file there before the image is built, or let another pipeline make it on a volume that is kept";
        self.read_from_outside()
            .filter(|(_, _, dataset)| {
                is_local(dataset) && dataset.inside_project && !dataset.exists
            })
            .map(|(name, node, dataset)| {
                let path = dataset.path.as_deref().unwrap_or_default();
                let message = format!(
                    "`{}`, which `{}` reads and no node of this pipeline makes, is not here: {path}",
                    base_name(name),
                    node.name
                );
                Finding::new(Code::RawInputMissing, message, help)
                    .about(Subject::dataset(name))
                    .about(Subject::node(&node.name))
            })
            .collect()
    }

    /// Datasets of this pipeline that are one file: the later node overwrites
    /// what the earlier has made.
    fn two_writers(&self) -> Vec<Finding> {
        let mut by_file: BTreeMap<(&str, &str), BTreeMap<&str, &Node>> = BTreeMap::new();
        for node in self.nodes {
            for name in &node.outputs {
                let Some(dataset) = self.dataset(name).filter(|dataset| !dataset.memory) else {
                    continue;
                };
                if let (Some(protocol), Some(path)) = (&dataset.protocol, &dataset.path) {
                    by_file.entry((protocol, path)).or_default().insert(base_name(name), node);
                }
            }
        }
        by_file
            .into_iter()
            .filter(|(_, names)| names.len() > 1)
            .map(|((_, path), names)| {
                let message = format!(
                    "{} are one file ({path}): the node that runs last overwrites it",
                    quoted(names.keys().copied())
                );
                let help = "give each its own filepath";
                let subjects = names.keys().rev().map(|name| Subject::dataset(name)).collect();
                Finding { subjects, ..Finding::new(Code::TwoWriters, message, help) }
            })
            .collect()
    }

    /// The exit handler's pod does not have the volume, and runs when the
    /// others have failed, too.
    fn on_exit(&self, nodes: &[Node]) -> Vec<Finding> {
        let local = |home: &Home| matches!(home, Home::Pod(_) | Home::Volume);
        let own: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.outputs).map(|name| base_name(name)).collect();
        let mut findings = BTreeMap::new();
        for (node, name) in inputs(nodes) {
            let base = base_name(name);
            let Some(dataset) = self.dataset(name).filter(|_| !own.contains(base)) else {
                continue;
            };
            if !self.writers.contains_key(base) {
                continue;
            }
            let finding = if local(&self.home(dataset)) {
                let message =
                    format!("the on-exit pipeline does not see what this run makes of `{base}`");
                let help = "the exit handler's pod does not have the volume: use a remote dataset";
                Finding::new(Code::OnExitReadsVolume, message, help)
            } else {
                let message = format!(
                    "the on-exit pipeline reads `{base}`, which is not there when the run fails before `{}`",
                    self.writers.get(base).map(|node| node.name.as_str()).unwrap_or_default()
                );
                let help = "read only what is there before the run, and the parameters `status` and `failures`";
                Finding::new(Code::OnExitReadsResult, message, help)
            };
            let finding = finding.about(Subject::dataset(name)).about(Subject::node(&node.name));
            findings.entry(base).or_insert(finding);
        }
        let lost = self.written(nodes, local).map(|(name, _)| {
            let message =
                format!("`{}` is gone with the pod of the on-exit pipeline", base_name(name));
            let help = "the exit handler's pod does not have the volume: use a remote dataset";
            Finding::new(Code::OnExitOutputNotKept, message, help).about(Subject::dataset(name))
        });
        findings.into_values().chain(lost).collect()
    }

    /// What the nodes write to homes of a kind, each dataset once.
    fn written<'n>(
        &self,
        nodes: &'n [Node],
        kind: impl Fn(&Home) -> bool,
    ) -> impl Iterator<Item = (&'n str, &'n Node)> {
        let written: BTreeMap<&str, (&str, &Node)> = nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
            .filter(|(name, _)| self.dataset(name).is_some_and(|dataset| kind(&self.home(dataset))))
            .map(|(name, node)| (base_name(name), (name, node)))
            .collect();
        written.into_values()
    }

    /// What the pipeline reads and does not make, each dataset once.
    fn read_from_outside(&self) -> impl Iterator<Item = (&'a str, &'a Node, &'a Dataset)> {
        let read: BTreeMap<&str, (&str, &Node, &Dataset)> = inputs(self.nodes)
            .filter(|(_, name)| !self.writers.contains_key(base_name(name)))
            .filter_map(|(node, name)| {
                let dataset = self.snapshot.datasets.get(name)?;
                Some((base_name(name), (name.as_str(), node, dataset)))
            })
            .collect();
        read.into_values()
    }

    fn dataset(&self, name: &str) -> Option<&'a Dataset> {
        self.snapshot.datasets.get(name)
    }

    fn home(&self, dataset: &Dataset) -> Home {
        if dataset.memory {
            return Home::Memory;
        }
        if !is_local(dataset) {
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

fn is_local(dataset: &Dataset) -> bool {
    matches!(dataset.protocol.as_deref(), Some("file" | "local"))
}

/// Each dataset that each node reads; parameters are none.
fn inputs(nodes: &[Node]) -> impl Iterator<Item = (&Node, &String)> {
    nodes
        .iter()
        .flat_map(|node| node.inputs.iter().map(move |name| (node, name)))
        .filter(|(_, name)| !is_parameter(name))
}
