//! `kubedro graph`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::findings::FindingArguments;
use super::globals::Globals;
use super::load_versions::LoadVersionArguments;
use super::output;
use super::prepare::{Wanted, prepare};
use crate::backend::graph;
use crate::error::Error;

/// Show the steps of a pipeline, and what waits for what
///
/// The pods with their Kedro nodes, the volume and who mounts it, and the exit
/// handler, as a list for a terminal or as a picture's source. Needs no image,
/// no server and no cluster.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro graph\n  kubedro graph --pipeline data_science --format mermaid\n  kubedro graph --format dot | dot -Tsvg > pipeline.svg"
)]
pub(super) struct Graph {
    /// The registered pipeline
    #[arg(short, long, default_value = "__default__")]
    pipeline: String,
    /// What to write
    #[arg(short, long, value_enum, default_value = "text")]
    format: Format,
    /// File to write; `-` is standard output
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    load_versions: LoadVersionArguments,
    #[command(flatten)]
    findings: FindingArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A list for the terminal
    Text,
    /// For Markdown, as GitHub and GitLab draw it
    Mermaid,
    /// For Graphviz
    Dot,
}

impl Graph {
    pub fn run(&self, globals: &Globals) -> Result<u8, Error> {
        // No image plays a part here, though a plan has one.
        let wanted = Wanted {
            pipeline: &self.pipeline,
            image: Some("local"),
            load_versions: self.load_versions.by_dataset(),
            ..Wanted::default()
        };
        let prepared = prepare(globals, &wanted, &self.findings)?;
        let text = match self.format {
            Format::Text => graph::text(&prepared.plan),
            Format::Mermaid => graph::mermaid(&prepared.plan),
            Format::Dot => graph::dot(&prepared.plan),
        };
        output::write(&self.output, text.as_bytes())?;
        Ok(0)
    }
}
