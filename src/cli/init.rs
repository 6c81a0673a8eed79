//! `kubedro init`

use clap::Args;

use super::globals::Globals;
use super::report::say;
use crate::error::Error;
use crate::init::{self, Host, RootFrom};

/// Write a first conf/base/kubeflow.yaml, with comments
///
/// The image is named after the project's folder; where the project lies in it
/// is read from the WORKDIR of the Dockerfile, if there is one. No Python is
/// started.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro init https://kubeflow.example.com/pipeline\n  kubedro init http://localhost:9000 --force"
)]
pub(super) struct Init {
    /// Base URL of Kubeflow Pipelines
    host: Host,
    /// Replace the file that is there
    #[arg(long)]
    force: bool,
}

impl Init {
    pub fn run(&self, globals: &Globals) -> Result<u8, Error> {
        let root = globals.root()?;
        let written = init::write(&root, &self.host, self.force)?;
        if globals.quiet {
            return Ok(0);
        }
        let why = match written.root_from {
            RootFrom::Convention => "where nothing says otherwise",
            RootFrom::Dockerfile => "the WORKDIR of the Dockerfile",
            RootFrom::Guess => "a guess: the Dockerfile does not spell out its WORKDIR",
        };
        say(&format!("Configuration generated in {}", written.path.display()));
        say(&format!("  image  {} (named after the project)", written.image));
        say(&format!("  root   {} ({why})", written.root));
        Ok(0)
    }
}
