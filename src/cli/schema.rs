//! `kubedro schema`

use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::config;
use crate::error::Error;

/// Print the JSON schema of kubeflow.yaml
///
/// Editors use it to complete and check the file; the first line of what `init`
/// writes names it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro schema\n  kubedro schema --output kubeflow.schema.json"
)]
pub(super) struct Schema {
    /// File to write; `-` is standard output
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    output: PathBuf,
}

impl Schema {
    pub fn run(&self) -> Result<u8, Error> {
        // A schema is JSON already.
        let text = serde_json::to_string_pretty(&config::schema()).unwrap_or_default();
        output::write(&self.output, format!("{text}\n").as_bytes())?;
        Ok(0)
    }
}
