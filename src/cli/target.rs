//! `--target`

use clap::ValueEnum;

use crate::backend;

/// What a workflow is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// A plain Argo cluster
    Argo,
    /// Kubeflow Pipelines (its v1 API)
    Kfp,
}

impl From<Target> for backend::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::Argo => Self::Argo,
            Target::Kfp => Self::Kfp,
        }
    }
}
