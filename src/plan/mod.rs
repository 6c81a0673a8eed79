//! The hub: what a workflow does, said without any backend's words.
//!
//! Knows no YAML, no HTTP and no processes. What comes in (Kedro's snapshot,
//! the configuration, flags) knows nothing of what goes out.

mod artifact_store;
mod artifacts;
mod build;
mod data_flow;
mod error;
mod finding;
mod load_versions;
mod mounts;
mod notifications;
mod order;
mod preflight;
mod secrets;
mod step_name;

use indexmap::IndexMap;

pub use build::{Inputs, build};
pub use error::Error;
pub use finding::{Finding, Subject};
pub use step_name::{RESERVED, step_name};

use crate::config::{
    AccessMode, ExtraVolume, PullPolicy, Quantity, RetryPolicy, Staleness, Toleration,
};
use crate::notify::SecretKey;
use crate::step::{RunText, StepCommand};

/// Where the project lies in an image (kedro-kubeflow 0.7.4 and the images of
/// kedro-docker before 0.5).
pub const PROJECT_ROOT: &str = "/home/kedro";

/// Where the data lie, below the project's root.
pub const DATA: &str = "data";

/// Where the volume is mounted while it is filled from the image's own data.
pub const DATA_VOLUME: &str = "datavolume";

/// The step that makes a volume.
pub const VOLUME_CREATE: &str = "data-volume-create";

/// The step that fills a volume.
pub const VOLUME_INIT: &str = "data-volume-init";

/// The step that finds which versions all steps of the run load.
pub const LOAD_VERSIONS: &str = "load-versions";

/// The step that deletes a volume.
pub const VOLUME_DELETE: &str = "data-volume-delete";

/// The step that runs last, whatever became of the others.
pub const ON_EXIT: &str = "on-exit";

/// A workflow.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The project's human-readable name.
    pub project: String,
    /// The registered pipeline.
    pub pipeline: String,
    /// Shown to people.
    pub description: Option<String>,
    /// Where the project lies in the image.
    pub root: String,
    /// What can be set for each run; YAML texts.
    pub parameters: Vec<Parameter>,
    /// What the steps share.
    pub volume: Option<Volume>,
    /// In an order in which they could run one by one.
    pub steps: Vec<Step>,
    /// Runs last, whatever became of the steps.
    pub on_exit: Option<Step>,
    /// Seconds that the finished workflow is kept for.
    pub ttl: u32,
    /// How old a result may be that is taken from a cache; `None` leaves it to
    /// the server.
    pub max_cache_staleness: Option<Staleness>,
}

/// A parameter of the workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `[-a-zA-Z0-9_]+`
    pub name: String,
    /// JSON that PyYAML too reads back unchanged.
    pub value: String,
}

/// A volume that steps share.
#[derive(Debug, Clone)]
pub struct Volume {
    /// `None` is the cluster's default.
    pub storage_class: Option<String>,
    /// How large.
    pub size: Quantity,
    /// Who may mount it at once.
    pub access_modes: Vec<AccessMode>,
    /// Whether it outlives the run.
    pub keep: bool,
    /// The numeric group that may write to it, of every pod; `None` leaves the
    /// volume to whom it belongs.
    pub group: Option<u32>,
}

/// One pod.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique, and a DNS label.
    pub name: String,
    /// What it does.
    pub command: StepCommand,
    /// In which image.
    pub image: String,
    /// When a machine pulls that image.
    pub pull_policy: PullPolicy,
    /// Requests, and limits too.
    pub resources: IndexMap<String, Quantity>,
    /// Taints that it puts up with.
    pub tolerations: Vec<Toleration>,
    /// Volumes of its own.
    pub extra_volumes: Vec<ExtraVolume>,
    /// Where it is placed: a Kubernetes `Affinity`.
    pub affinity: Option<serde_json::Value>,
    /// How often it is tried again.
    pub retry: Option<RetryPolicy>,
    /// What it hands to steps after it, by name.
    pub outputs: Vec<&'static str>,
    /// Where it has the volume, below the project's root.
    pub mount: Option<&'static str>,
    /// Environment variables.
    pub env: Vec<(String, RunText)>,
    /// Environment variables whose values are keys of the cluster's secrets.
    pub secret_env: Vec<(String, SecretKey)>,
    /// A secret of the cluster whose keys all are environment variables.
    pub env_from_secret: Option<String>,
    /// The numeric user that it runs as; `None` leaves it to the image.
    pub user: Option<u32>,
    /// Steps that must have succeeded before.
    pub needs: Vec<String>,
    /// Kedro's nodes in it.
    pub nodes: Vec<String>,
}
