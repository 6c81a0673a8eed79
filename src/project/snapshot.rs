//! What the probe answers.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

/// A Kedro project as Kedro itself sees it, under one Kedro environment.
#[derive(Debug, Clone, Deserialize)]
pub struct Snapshot {
    /// For example `0.19.15`.
    pub kedro_version: String,
    /// For example `3.11.7`.
    pub python_version: String,
    /// The project's folder on this machine, links resolved.
    pub root: String,
    /// The human-readable name, from `pyproject.toml`.
    pub project_name: String,
    /// The importable package.
    pub package_name: String,
    /// The folder of the sources, below the root (usually `src`).
    pub source_dir: String,
    /// The folder of the configuration (usually `conf`), below the root or absolute.
    pub conf_source: String,
    /// The configuration environment that others overlay (usually `base`).
    pub base_env: String,
    /// Installed Kedro plugins that register hooks, as `name version`.
    pub hooks: Vec<String>,
    /// Every registered pipeline, its nodes in Kedro's order.
    pub pipelines: BTreeMap<String, Vec<Node>>,
    /// Every dataset that a node of any pipeline reads or writes, parameters apart.
    pub datasets: BTreeMap<String, Dataset>,
    /// Catalog entries whose path is absolute and leads into the project.
    pub absolute_paths: Vec<String>,
    /// Top-level parameters, sorted.
    pub parameters: Vec<Parameter>,
    /// New texts of the parameters that the request's assignments change.
    pub overrides: IndexMap<String, String>,
    /// What `${…}` in the request's files needs of Kedro.
    #[serde(default)]
    pub interpolation: Interpolation,
}

/// What the project's configuration loader has to do with `${…}` in files that
/// the caller interpolates itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Interpolation {
    /// `templated` or `omegaconf`: which of Kedro's loaders the project has.
    pub loader: String,
    /// Whether the project's loader merges these files key by key.
    pub soft_merge: bool,
    /// What the project's globals say; a mapping.
    pub globals: Json,
    /// The request's assignments as a mapping.
    pub runtime_parameters: Json,
    /// The resolvers that the project has registered.
    pub resolvers: Vec<String>,
    /// Values with such a resolver in them.
    pub answers: Vec<Resolved>,
    /// Files that the project's loader takes for templates.
    pub rendered: Vec<Rendered>,
}

/// A value that the project's own loader has resolved, or could not.
#[derive(Debug, Clone, Deserialize)]
pub struct Resolved {
    /// 0 for the base, 1 for the environment over it.
    pub layer: usize,
    /// Keys and indices.
    pub path: Vec<Json>,
    /// What it stands for.
    #[serde(default)]
    pub value: Json,
    /// What a resolver has raised.
    #[serde(default)]
    pub error: Option<Raised>,
}

/// What a resolver has raised.
#[derive(Debug, Clone, Deserialize)]
pub struct Raised {
    /// The exception's class and text.
    pub message: String,
    /// File and line of the project's own code.
    pub place: Option<String>,
}

/// A template, rendered.
#[derive(Debug, Clone, Deserialize)]
pub struct Rendered {
    /// 0 for the base, 1 for the environment over it.
    pub layer: usize,
    /// Below the layer's folder.
    pub path: String,
    /// What the project's loader reads.
    pub text: String,
}

/// A node of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// With its namespace in front; for an unnamed node, what Kedro calls it.
    pub name: String,
    /// `a.b` for a node in the namespace `b` within `a`.
    pub namespace: Option<String>,
    /// Sorted.
    pub tags: Vec<String>,
    /// Datasets and parameters, transcoding (`name@pandas`) included.
    pub inputs: Vec<String>,
    /// Datasets, transcoding included.
    pub outputs: Vec<String>,
    /// Datasets confirmed after the node has run.
    pub confirms: Vec<String>,
    /// Names of the nodes whose outputs this one reads.
    pub needs: Vec<String>,
    /// The line of the project's own code that made the node.
    #[serde(default)]
    pub place: Option<CodePlace>,
}

/// A line of the project's own code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CodePlace {
    /// Below the project's root.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// A dataset of the catalog, dataset factories resolved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // facts, each independent of the others
pub struct Dataset {
    /// Python class; `None` where the catalog does not declare the name.
    #[serde(rename = "type")]
    pub class: Option<String>,
    /// Lives in the process only.
    pub memory: bool,
    /// Why it could not be made here, where it could not.
    pub unusable: Option<String>,
    /// Saved under a version folder of the run.
    #[serde(default)]
    pub versioned: bool,
    /// `file`, `s3`, …; `None` for datasets without a path.
    pub protocol: Option<String>,
    /// Below the project's root, or absolute, or within the remote store.
    pub path: Option<String>,
    /// Whether a local path lies in the project.
    #[serde(default)]
    pub inside_project: bool,
    /// Whether there is anything at a local path on this machine, or data in
    /// memory.
    #[serde(default)]
    pub exists: bool,
}

/// A top-level parameter of the project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Parameter {
    /// The key.
    pub name: String,
    /// The value as JSON that PyYAML too reads back unchanged; `None` where
    /// JSON cannot carry it.
    pub text: Option<String>,
    /// Why there is no text.
    pub reason: Option<String>,
}

impl Snapshot {
    /// Names of all nodes of all pipelines, each once, sorted.
    pub fn node_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.pipelines.values().flatten().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Tags of all nodes of all pipelines, each once, sorted.
    pub fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = self
            .pipelines
            .values()
            .flatten()
            .flat_map(|node| node.tags.iter().map(String::as_str))
            .collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}
