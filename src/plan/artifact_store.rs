//! The object store that the nodes' outputs are put into besides.

use super::finding::{Finding, Subject};
use super::preflight::quoted;
use super::secrets::secret_within;
use crate::config::ArtifactStore;
use crate::diagnostic::Code;
use crate::step::ExportTarget;
use crate::store::is_secret;

/// The store as a step gets it.
pub(super) fn target(store: &ArtifactStore) -> ExportTarget {
    ExportTarget { url: store.url.clone(), options: store.options.clone() }
}

/// Options that would be in the workflow, and should be in a secret of the cluster.
pub(super) fn secret(store: &ArtifactStore) -> Option<Finding> {
    let secrets: Vec<&str> = store
        .options
        .iter()
        .filter(|(name, value)| {
            is_secret(name) || secret_within(name, &value.as_str().into()).is_some()
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if secrets.is_empty() {
        return None;
    }
    let message = format!(
        "{} of the object store {} written into the workflow, and should be secret",
        quoted(secrets.iter().copied()),
        if secrets.len() == 1 { "is" } else { "are" },
    );
    let help = "put it into a Secret of the cluster, under the name of its environment variable (AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY, …), and name that in run_config.artifacts.secret";
    Some(
        Finding::new(Code::SecretInPlainText, message, help)
            .about(Subject::Setting("run_config.artifacts.options")),
    )
}
