//! What `${…}` may name, all of it known before a value is looked at.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// The resolvers that need no Kedro; all others are the project's own.
pub const RESOLVERS: [&str; 5] = ["globals", "oc.decode", "oc.env", "oc.select", "runtime_params"];

/// What the names stand for.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Names<'a> {
    /// `commit_id` → the value of `KEDRO_CONFIG_COMMIT_ID`, and the plan's own.
    pub variables: &'a BTreeMap<String, String>,
    /// The whole environment, for `oc.env`.
    pub environment: &'a BTreeMap<String, String>,
    /// What Kedro has said.
    pub kedro: &'a FromKedro,
}

/// What the project's own configuration loader has to do with `${…}`.
#[derive(Debug, Clone, Default)]
pub struct FromKedro {
    /// Which of Kedro's loaders the project has.
    pub loader: Loader,
    /// Whether an environment is merged over the base key by key, in any depth.
    pub soft_merge: bool,
    /// `${globals:…}`: a mapping.
    pub globals: Json,
    /// `${runtime_params:…}`: a mapping of those that were given for this run.
    pub runtime_parameters: Json,
    /// The resolvers that the project has registered.
    pub resolvers: Vec<String>,
    /// Values that have one of those in them.
    pub answers: Vec<Answer>,
    /// Files that were templates.
    pub rendered: Vec<Rendered>,
}

/// Which of Kedro's loaders decides where both would read a text, but otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loader {
    /// `TemplatedConfigLoader`, which kedro-kubeflow 0.7.4 always uses.
    #[default]
    Templated,
    /// `OmegaConfigLoader`.
    OmegaConf,
}

/// A value that the project's own loader has resolved.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 0 for the base, 1 for the environment over it.
    pub layer: usize,
    /// Keys and indices, from the top of the layer.
    pub path: Vec<Json>,
    /// What the whole value stands for.
    pub value: Result<Json, Raised>,
}

/// What a resolver of the project has raised.
#[derive(Debug, Clone)]
pub struct Raised {
    /// The exception's class and text.
    pub message: String,
    /// The line of the project's own code.
    pub place: Option<String>,
}

/// A file that Kedro does not read as it stands.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// 0 for the base, 1 for the environment over it.
    pub layer: usize,
    /// Below the layer's folder.
    pub path: String,
    /// What Kedro reads.
    pub text: String,
}
