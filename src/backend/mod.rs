//! Plan → a document; one file a target. Knows nothing of where a plan came from.

pub mod argo;
mod yaml;

/// The document cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Argo would replace the value by something else.
    #[error(
        "the environment variable {name} has `{{{{` in its value, which Argo expands wherever it stands\n  = help: unset it, or give it another value, before compiling"
    )]
    EnvironmentNotPortable {
        /// The variable.
        name: String,
    },
    /// The document has no YAML.
    #[error("cannot write the workflow as YAML: {0}")]
    Yaml(String),
}
