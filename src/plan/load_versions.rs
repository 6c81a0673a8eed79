//! Which versions of its versioned datasets a run loads: what it makes itself,
//! what somebody asks for, and else what is newest when the run begins.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::preflight::{base_name, is_parameter};
use crate::project::{Node, Snapshot};

/// The versions of a run.
#[derive(Debug)]
pub(super) struct LoadVersions<'a> {
    snapshot: &'a Snapshot,
    made: BTreeSet<&'a str>,
    /// The on-exit pipeline's nodes, and what the run has made when they have run.
    at_the_end: &'a [Node],
    made_at_the_end: BTreeSet<&'a str>,
    asked_for: &'a BTreeMap<String, String>,
}

impl<'a> LoadVersions<'a> {
    /// For a run of these nodes, and of others at its end. A version that is asked
    /// for must be of a dataset that the run loads and does not make.
    pub fn new(
        snapshot: &'a Snapshot,
        nodes: &'a [Node],
        at_the_end: &'a [Node],
        asked_for: &'a BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let made: BTreeSet<&str> = outputs(nodes).collect();
        let made_at_the_end = made.iter().copied().chain(outputs(at_the_end)).collect();
        let versions = Self { snapshot, made, at_the_end, made_at_the_end, asked_for };
        let mut loaded = versions.loaded(nodes);
        loaded.extend(versions.loaded(at_the_end));
        for name in asked_for.keys() {
            let is_made = |name: &str| versions.made_at_the_end.contains(base_name(name));
            match loaded.contains(name.as_str()) {
                true if is_made(name) => {
                    return Err(Error::VersionOfWhatIsMade { name: name.clone() });
                }
                true => {}
                false => {
                    let others = loaded.into_iter().filter(|name| !is_made(name));
                    return Err(Error::NotALoadedVersion {
                        name: name.clone(),
                        loaded: others.map(str::to_owned).collect(),
                    });
                }
            }
        }
        Ok(versions)
    }

    /// Versioned datasets that the nodes load.
    fn loaded<'n>(&self, nodes: &'n [Node]) -> BTreeSet<&'n str> {
        nodes
            .iter()
            .flat_map(|node| &node.inputs)
            .map(String::as_str)
            .filter(|name| !is_parameter(name))
            .filter(|name| {
                self.snapshot.datasets.get(*name).is_some_and(|dataset| dataset.versioned)
            })
            .collect()
    }

    fn loaded_of(&self, nodes: &[Node], made: &BTreeSet<&str>) -> Vec<String> {
        let loaded = self.loaded(nodes).into_iter();
        loaded.filter(|name| made.contains(base_name(name))).map(str::to_owned).collect()
    }

    /// What these nodes load, and the run makes.
    pub fn own(&self, nodes: &[Node]) -> Vec<String> {
        self.loaded_of(nodes, &self.made)
    }

    /// What these nodes load, and somebody has asked for.
    pub fn asked_for(&self, nodes: &[Node]) -> BTreeMap<String, String> {
        self.loaded(nodes)
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.asked_for.get(name)?.clone())))
            .collect()
    }

    /// What the on-exit pipeline loads, and the run or itself makes.
    pub fn own_at_the_end(&self) -> Vec<String> {
        self.loaded_of(self.at_the_end, &self.made_at_the_end)
    }

    /// What the on-exit pipeline loads, and somebody has asked for.
    pub fn asked_for_at_the_end(&self) -> BTreeMap<String, String> {
        self.asked_for(self.at_the_end)
    }

    /// What these nodes load, and was there before the run.
    pub fn newest(&self, nodes: &[Node]) -> Vec<String> {
        self.loaded(nodes)
            .into_iter()
            .filter(|name| {
                !self.made.contains(base_name(name)) && !self.asked_for.contains_key(*name)
            })
            .map(str::to_owned)
            .collect()
    }
}

/// The datasets that nodes make, without their formats.
fn outputs(nodes: &[Node]) -> impl Iterator<Item = &str> {
    nodes.iter().flat_map(|node| node.outputs.iter().map(|name| base_name(name)))
}
