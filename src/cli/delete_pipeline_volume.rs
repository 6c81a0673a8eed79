//! `kubedro delete-pipeline-volume`

use clap::Args;

use super::report::say;
use crate::cluster::{Deleted, delete_claim};
use crate::error::Error;

/// Delete a volume's claim in the pod's own namespace (kedro-kubeflow's command)
///
/// For workflows that call kedro-kubeflow's command of that name at their end.
/// Works in pods only, with their service account.
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "Example, in a pod:\n  kubedro delete-pipeline-volume my-pipeline-data-volume"
)]
pub(super) struct DeletePipelineVolume {
    /// The claim's name
    #[arg(value_name = "PVC")]
    claim: String,
}

impl DeletePipelineVolume {
    pub async fn run(&self) -> Result<u8, Error> {
        match delete_claim(&self.claim).await? {
            Deleted::Now => say(&format!("Volume removed: {}", self.claim)),
            Deleted::Before => say(&format!("Volume removed before: {}", self.claim)),
        }
        Ok(0)
    }
}
