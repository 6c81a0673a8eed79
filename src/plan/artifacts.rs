//! Which outputs become artifacts, under which names, and where the executor of
//! the workflow finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::data_flow::is_local;
use super::preflight::base_name;
use crate::project::{Dataset, Node, Snapshot};
use crate::step::{Artifact, Place};

/// The folder of links, within the folder that the data are in already: one file
/// system, and a place that the step may write to.
const LINKS: &str = ".kubedro/artifacts";

/// The artifacts of a pipeline.
pub(super) struct Artifacts<'a> {
    snapshot: &'a Snapshot,
    /// By the dataset's name without its format.
    names: BTreeMap<&'a str, String>,
}

impl<'a> Artifacts<'a> {
    /// Each dataset that a node makes gets a name that no other has.
    pub fn new(snapshot: &'a Snapshot, nodes: &'a [Node]) -> Self {
        let mut names = BTreeMap::new();
        let mut taken = BTreeSet::new();
        let outputs: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.outputs).map(|name| base_name(name)).collect();
        for output in outputs {
            let name = artifact_name(output);
            let mut candidates = std::iter::once(name.clone())
                .chain((2_usize..).map(|number| format!("{name}-{number}")));
            // There are more numbers than outputs.
            let free = candidates.find(|candidate| !taken.contains(candidate)).unwrap_or(name);
            taken.insert(free.clone());
            names.insert(output, free);
        }
        Self { snapshot, names }
    }

    /// Those of a step with these nodes.
    pub fn of(&self, nodes: &[Node]) -> Vec<Artifact> {
        let outputs = nodes.iter().flat_map(|node| &node.outputs);
        outputs
            .filter_map(|output| {
                let name = self.names.get(base_name(output))?;
                let dataset = self.snapshot.datasets.get(output)?;
                let declared = dataset.class.is_some() && dataset.unusable.is_none();
                // Written in full, it is the same path in every image.
                let in_full = self.snapshot.absolute_paths.contains(output);
                let root = in_full.then_some(self.snapshot.root.as_str());
                (declared && !dataset.memory).then(|| Artifact {
                    dataset: output.clone(),
                    name: name.clone(),
                    place: place(name, dataset, root),
                })
            })
            .collect()
    }
}

/// What Argo takes for a name (`[-a-zA-Z0-9_]+`): namespaces have dots.
fn artifact_name(dataset: &str) -> String {
    dataset
        .chars()
        .map(|character| {
            let valid = character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
            if valid { character } else { '-' }
        })
        .collect()
}

fn place(name: &str, dataset: &Dataset, root: Option<&str>) -> Place {
    let Some(path) = dataset.path.as_deref().filter(|_| is_local(dataset)) else {
        return Place::Reference;
    };
    let in_full;
    let path = match root {
        Some(root) if !path.starts_with('/') => {
            in_full = format!("{root}/{path}");
            &in_full
        }
        _ => path,
    };
    // Argo would take braces for a tag.
    if !dataset.versioned && !path.contains("{{") {
        return Place::Own(path.to_owned());
    }
    let file = Path::new(path).file_name().and_then(|file| file.to_str()).unwrap_or(name);
    let file = if file.contains("{{") { name } else { file };
    Place::Linked(format!("{}{LINKS}/{name}/{file}", folder_of_links(path)))
}

/// Where the links of a dataset are: at the top, so that no dataset takes them
/// for its own versions or partitions. With a `/` behind it, or empty.
fn folder_of_links(path: &str) -> String {
    if path.starts_with('/') {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        return format!("{parent}/");
    }
    match path.split_once('/') {
        Some((top, _)) if !top.contains("{{") => format!("{top}/"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_on_the_file_system_of_the_data() {
        assert_eq!(folder_of_links("data/06_models/regressor.pkl"), "data/");
        assert_eq!(folder_of_links("/mnt/models/regressor.pkl"), "/mnt/models/");
        assert_eq!(folder_of_links("regressor.pkl"), "");
    }

    #[test]
    fn names_are_argos() {
        assert_eq!(
            artifact_name("active.modelling_pipeline.regressor"),
            "active-modelling_pipeline-regressor"
        );
        assert_eq!(artifact_name("é b"), "--b");
    }
}
