//! Why there is no plan.

use super::finding::Finding;
use crate::names::did_you_mean;

/// There is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pipeline is not registered.
    #[error("the project has no pipeline `{name}`.{}\n  = note: registered are {}", did_you_mean(name, known.iter().map(String::as_str)), known.join(", "))]
    UnknownPipeline {
        /// As given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The pipeline has no node.
    #[error(
        "the pipeline `{name}` has no nodes\n  = help: look at what register_pipelines() returns"
    )]
    EmptyPipeline {
        /// As given.
        name: String,
    },
    /// A dataset of the pipeline could not be made.
    #[error(
        "the dataset `{name}`, which the pipeline `{pipeline}` needs, cannot be made\n  {reason}"
    )]
    UnusableDataset {
        /// In the catalog.
        name: String,
        /// Which needs it.
        pipeline: String,
        /// The exception.
        reason: String,
    },
    /// A version for a dataset that has none here.
    #[error(
        "no node of this pipeline loads a versioned dataset `{name}`.{}\n  = note: {}",
        did_you_mean(name, loaded.iter().map(String::as_str)),
        if loaded.is_empty() {
            "none is loaded".to_owned()
        } else {
            format!("loaded are {}", loaded.join(", "))
        }
    )]
    NotALoadedVersion {
        /// As given.
        name: String,
        /// Those that there are.
        loaded: Vec<String>,
    },
    /// A version for a dataset that the run makes.
    #[error(
        "`{name}` is made by this pipeline, so its steps load what this run makes\n  = help: choose a pipeline that only loads it"
    )]
    VersionOfWhatIsMade {
        /// As given.
        name: String,
    },
    /// Neither `--image` nor the configuration names one.
    #[error("no image is named\n  = help: set run_config.image in kubeflow.yaml, or give --image")]
    NoImage,
    /// The steps wait for each other.
    #[error("the steps wait for each other in a circle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// The workflow would certainly lose data, or fail.
    #[error("{}", .0.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n\n"))]
    Refused(Vec<Finding>),
}
