//! Where each dataset lives, and whether what one pod writes gets to the pods
//! and people that need it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::finding::{Finding, Subject};
use super::preflight::{base_name, is_parameter, quoted};
use super::{DATA, Plan, Step, VOLUME_INIT};
use crate::config::ExtraVolume;
use crate::diagnostic::Code;
use crate::names::did_you_mean;
use crate::project::{Dataset, Node, Snapshot};

/// Where a dataset lives, for one step.
#[derive(Debug, Clone, Copy)]
enum Home<'a> {
    /// In the process.
    Memory,
    /// In the pod's own files, at this path.
    Pod(&'a str),
    /// On the volume that the steps share.
    Volume,
    /// On a volume of the user's own that outlives the pod.
    Extra(&'a ExtraVolume),
    /// In a store that all pods reach, or where only the dataset knows.
    Elsewhere,
}

impl Home<'_> {
    /// Whether what is written to the one is there in the other.
    fn is_that_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Volume, Self::Volume) | (Self::Elsewhere, Self::Elsewhere) => true,
            (Self::Extra(one), Self::Extra(other)) => one.is_the_place_of(other),
            _ => false,
        }
    }
}

/// Looks at a plan's data.
pub(super) struct DataFlow<'a> {
    plan: &'a Plan,
    snapshot: &'a Snapshot,
    nodes: &'a [Node],
    /// By the dataset's name without its format: the node, and what it writes.
    writers: BTreeMap<&'a str, (&'a Node, &'a str)>,
    steps: BTreeMap<&'a str, &'a Step>,
}

impl<'a> DataFlow<'a> {
    pub fn new(plan: &'a Plan, snapshot: &'a Snapshot, nodes: &'a [Node]) -> Self {
        let outputs =
            nodes.iter().flat_map(|node| node.outputs.iter().map(move |name| (node, name)));
        let writers =
            outputs.map(|(node, name)| (base_name(name), (node, name.as_str()))).collect();
        let steps = plan
            .steps
            .iter()
            .flat_map(|step| step.nodes.iter().map(move |node| (node.as_str(), step)))
            .collect();
        Self { plan, snapshot, nodes, writers, steps }
    }

    /// Data that cannot get from the pod that writes them to the one that
    /// reads them: the workflow would certainly fail, or compute with nothing.
    pub fn lost_between_pods(&self) -> Vec<Finding> {
        let mut findings = BTreeMap::new();
        for (node, input) in inputs(self.nodes) {
            let base = base_name(input);
            let (Some((from, output)), true) =
                (self.writers.get(base), self.crosses_pods(node, input))
            else {
                continue;
            };
            let (Some(there), Some(here)) = (self.home_of(from, output), self.home_of(node, input))
            else {
                continue;
            };
            let subject =
                format!("`{base}`, which `{}` makes and `{}` reads,", from.name, node.name);
            if let Some(finding) = self.between(&subject, there, here) {
                let finding =
                    finding.about(Subject::dataset(input)).about(Subject::node(&node.name));
                findings.entry(base).or_insert(finding);
            }
        }
        findings.into_values().collect()
    }

    /// Whether another step than the node's own makes what it reads.
    fn crosses_pods(&self, node: &Node, input: &str) -> bool {
        let step = |node: &Node| self.steps.get(node.name.as_str()).map(|step| step.name.as_str());
        self.writers.get(base_name(input)).is_some_and(|(from, _)| step(from) != step(node))
    }

    fn between(&self, subject: &str, there: Home<'_>, here: Home<'_>) -> Option<Finding> {
        let outside = |what: String| {
            let help = "put its filepath below data/";
            Finding::new(Code::PathOutsideVolume, format!("{subject} {what}"), help)
        };
        if there.is_that_of(&here) {
            return None;
        }
        Some(match (there, here) {
            (Home::Memory, _) | (_, Home::Memory) => Finding::new(
                Code::MemoryDatasetBetweenPods,
                format!("{subject} is in memory only: pods share no memory"),
                "give it an entry in conf/base/catalog.yml with a file below data/, or set run_config.node_merge_strategy: full",
            ),
            (Home::Pod(path), Home::Pod(_)) if self.plan.volume.is_none() => Finding::new(
                Code::NoVolume,
                format!("{subject} is a local file ({path}), and there is no volume"),
                "write `volume: {}` into run_config, or set run_config.node_merge_strategy: full",
            ),
            (Home::Pod(path), Home::Pod(_)) => outside(format!(
                "is a file outside the volume ({path}): the volume is mounted at {}/{DATA}",
                self.plan.root
            )),
            (Home::Extra(extra), _) | (_, Home::Extra(extra)) => outside(format!(
                "is not on one volume for both: one of them has an extra volume at {}",
                extra.mount_path
            )),
            (Home::Pod(path), _) | (_, Home::Pod(path)) => {
                outside(format!("is not on a volume for both of them ({path})"))
            }
            _ => return None,
        })
    }

    /// What is most likely not as meant.
    pub fn doubts(&self, on_exit: Option<&[Node]>) -> Vec<Finding> {
        let mut findings = self.outputs_not_kept();
        findings.extend(self.inputs_missing(self.nodes, None));
        findings.extend(self.parameters_missing(self.nodes, &[]));
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
        self.writers
            .iter()
            .filter(|(base, _)| !needed.contains(*base))
            .filter(|(_, (node, name))| matches!(self.home_of(node, name), Some(Home::Pod(_))))
            .filter(|(_, (node, name))| !self.is_stored(node, name))
            .map(|(base, (_, name))| {
                let message = format!("`{base}` is gone with the pod that writes it");
                Finding::new(Code::OutputNotKept, message, help).about(Subject::dataset(name))
            })
            .collect()
    }

    /// Whether an output is kept as an artifact, or in a store.
    fn is_stored(&self, node: &Node, name: &str) -> bool {
        let step = self.steps.get(node.name.as_str());
        step.is_some_and(|step| {
            let artifacts = step.command.artifacts();
            step.command.exports() || artifacts.iter().any(|artifact| artifact.dataset == name)
        })
    }

    /// Whether a node of the same step reads it: then memory is where it belongs.
    fn is_used_in_its_pod(&self, node: &Node, name: &str) -> bool {
        let base = base_name(name);
        let Some(step) = self.steps.get(node.name.as_str()) else { return false };
        inputs(self.nodes)
            .any(|(other, input)| base_name(input) == base && step.nodes.contains(&other.name))
    }

    /// Outputs in memory, of which nothing could be uploaded.
    pub fn artifacts_impossible(&self) -> Vec<Finding> {
        let help = "give it an entry with a file in conf/base/catalog.yml, or set store_kedro_outputs_as_kfp_artifacts: False";
        let outputs: BTreeMap<&str, &Node> = self
            .nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
            .collect();
        outputs
            .into_iter()
            .filter(|(name, node)| {
                self.dataset(name).is_some_and(|dataset| dataset.memory)
                    && !self.is_used_in_its_pod(node, name)
            })
            .map(|(name, node)| {
                let base = base_name(name);
                let message = format!("`{base}` cannot become an artifact: it is in memory only");
                Finding::new(Code::ArtifactImpossible, message, help)
                    .about(Subject::dataset(name))
                    .about(Subject::node(&node.name))
            })
            .collect()
    }

    /// What a node reads and nobody makes: no file will be there, or no data.
    fn inputs_missing(&self, nodes: &[Node], step: Option<&'a Step>) -> Vec<Finding> {
        let own: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.outputs).map(|name| base_name(name)).collect();
        let mut findings = BTreeMap::new();
        for (node, name) in inputs(nodes) {
            let base = base_name(name);
            if own.contains(base) || self.writers.contains_key(base) {
                continue;
            }
            let Some(dataset) = self.dataset(name) else { continue };
            let home = match step {
                Some(step) => Some(self.home(step, name, dataset)),
                None => self.home_of(node, name),
            };
            if let Some(finding) = home.and_then(|home| self.missing(node, base, dataset, home)) {
                let finding =
                    finding.about(Subject::dataset(name)).about(Subject::node(&node.name));
                findings.entry(base).or_insert(finding);
            }
        }
        findings.into_values().collect()
    }

    /// Parameters that nodes read and the project does not have, nor the run.
    fn parameters_missing(&self, nodes: &[Node], given: &[&str]) -> Vec<Finding> {
        let mut findings = BTreeMap::new();
        for node in nodes {
            for name in node.inputs.iter().filter_map(|input| input.strip_prefix("params:")) {
                let top = name.split('.').next().unwrap_or(name);
                let known = || self.snapshot.parameters.iter().map(|known| known.name.as_str());
                if given.contains(&name) || known().any(|known| known == name || known == top) {
                    continue;
                }
                let message = format!(
                    "`{}` reads the parameter `{name}`, which the project does not have.{}",
                    node.name,
                    did_you_mean(name, known())
                );
                let help = "the run fails unless a hook of the project adds it";
                let finding = Finding::new(Code::InputMissing, message, help);
                findings.entry(name).or_insert(finding.about(Subject::node(&node.name)));
            }
        }
        findings.into_values().collect()
    }

    fn missing(
        &self,
        node: &Node,
        base: &str,
        dataset: &Dataset,
        home: Home<'_>,
    ) -> Option<Finding> {
        let path = dataset.path.as_deref().unwrap_or_default();
        let pattern = path.contains(['*', '?', '[']);
        let starts_empty = !self.plan.steps.iter().any(|step| step.name == VOLUME_INIT);
        let reads =
            format!("`{base}`, which `{}` reads and no node of this pipeline makes,", node.name);
        match home {
            Home::Memory if dataset.class.is_none() => Some(Finding::new(
                Code::InputMissing,
                format!("`{base}` is neither in the catalog nor made by a node of this pipeline"),
                "the run fails unless a hook of the project adds it to the catalog",
            )),
            Home::Memory if !dataset.exists => Some(Finding::new(
                Code::InputMissing,
                format!("{reads} is in memory and has no data"),
                "the run fails unless a hook of the project fills it",
            )),
            Home::Volume if starts_empty => Some(Finding::new(
                Code::RawInputMissing,
                format!("{reads} is not there: the volume starts empty ({path})"),
                "let the volume be filled from the image (without skip_init)",
            )),
            Home::Volume | Home::Pod(_)
                if dataset.inside_project && !dataset.exists && !pattern =>
            {
                Some(Finding::new(
                    Code::RawInputMissing,
                    format!("{reads} is not here: {path}"),
                    "put the file there before the image is built, or let another pipeline make it on a volume that is kept",
                ))
            }
            _ => None,
        }
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
        let Some(step) = &self.plan.on_exit else { return Vec::new() };
        let help = "the exit handler's pod does not have the volume: use a remote dataset";
        let own: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.outputs).map(|name| base_name(name)).collect();
        let mut findings = BTreeMap::new();
        for (node, name) in inputs(nodes) {
            let base = base_name(name);
            let (Some(dataset), Some((from, output)), false) =
                (self.dataset(name), self.writers.get(base), own.contains(base))
            else {
                continue;
            };
            let Some(there) = self.home_of(from, output) else { continue };
            let here = self.home(step, name, dataset);
            let finding = if matches!((there, here), (Home::Memory, _) | (_, Home::Memory)) {
                let message = format!(
                    "`{base}`, which `{}` makes and the on-exit pipeline reads, is in memory only: pods share no memory",
                    from.name
                );
                let help = "give it an entry in conf/base/catalog.yml that all pods reach";
                Finding::new(Code::MemoryDatasetBetweenPods, message, help)
            } else if there.is_that_of(&here) {
                let message = format!(
                    "the on-exit pipeline reads `{base}`, which is not there when the run fails before `{}`",
                    from.name
                );
                let help = "read only what is there before the run, and the parameters `status` and `failures`";
                Finding::new(Code::OnExitReadsResult, message, help)
            } else {
                let message =
                    format!("the on-exit pipeline does not see what this run makes of `{base}`");
                Finding::new(Code::OnExitReadsVolume, message, help)
            };
            let finding = finding.about(Subject::dataset(name)).about(Subject::node(&node.name));
            findings.entry(base).or_insert(finding);
        }
        let outputs: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.outputs).collect();
        let lost = outputs
            .into_iter()
            .filter(|name| {
                let home = self.dataset(name).map(|dataset| self.home(step, name, dataset));
                matches!(home, Some(Home::Pod(_)))
            })
            .map(|name| {
                let message =
                    format!("`{}` is gone with the pod of the on-exit pipeline", base_name(name));
                Finding::new(Code::OnExitOutputNotKept, message, help).about(Subject::dataset(name))
            });
        let missing = self.inputs_missing(nodes, Some(step));
        let parameters = self.parameters_missing(nodes, &["status", "failures"]);
        findings.into_values().chain(lost).chain(missing).chain(parameters).collect()
    }

    fn dataset(&self, name: &str) -> Option<&'a Dataset> {
        self.snapshot.datasets.get(name)
    }

    /// Where a dataset lives for a node of the pipeline.
    fn home_of(&self, node: &Node, name: &str) -> Option<Home<'a>> {
        let step = self.steps.get(node.name.as_str())?;
        Some(self.home(step, name, self.dataset(name)?))
    }

    fn home(&self, step: &'a Step, name: &str, dataset: &'a Dataset) -> Home<'a> {
        if dataset.memory {
            return Home::Memory;
        }
        let Some(path) = dataset.path.as_deref().filter(|_| is_local(dataset)) else {
            return Home::Elsewhere;
        };
        // Written in full, it leads to this machine's copy of the project.
        let elsewhere = self.snapshot.root != self.plan.root
            && self.snapshot.absolute_paths.iter().any(|entry| entry == name);
        if elsewhere {
            return Home::Pod(path);
        }
        let root = Path::new(&self.plan.root);
        let file = root.join(path);
        let shared =
            step.mount.map(|mount| root.join(mount)).filter(|mount| file.starts_with(mount));
        let extra = step
            .extra_volumes
            .iter()
            .filter(|extra| file.starts_with(&extra.mount_path))
            .max_by_key(|extra| Path::new(&extra.mount_path).components().count());
        let depth = |path: &Path| path.components().count();
        match (shared, extra) {
            (Some(mount), Some(extra)) if depth(Path::new(&extra.mount_path)) < depth(&mount) => {
                Home::Volume
            }
            (_, Some(extra)) if extra.outlives_the_pod() => Home::Extra(extra),
            (_, Some(_)) | (None, None) => Home::Pod(path),
            (Some(_), None) => Home::Volume,
        }
    }
}

/// Whether a dataset is a file, or a folder of files, of the machine itself.
pub(super) fn is_local(dataset: &Dataset) -> bool {
    matches!(dataset.protocol.as_deref(), Some("file" | "local"))
}

/// Each dataset that each node reads; parameters are none.
fn inputs(nodes: &[Node]) -> impl Iterator<Item = (&Node, &String)> {
    nodes
        .iter()
        .flat_map(|node| node.inputs.iter().map(move |name| (node, name)))
        .filter(|(_, name)| !is_parameter(name))
}
