//! `kubedro compile`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::globals::Globals;
use super::prepare::prepare;
use super::report;
use crate::backend::argo;
use crate::error::Error;
use crate::files::{self, WriteError};
use crate::plan::Plan;

/// Translate a pipeline into an Argo workflow
///
/// Needs no server and no cluster. The same project and settings give the same
/// bytes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro compile\n  kubedro compile --pipeline data_science --image registry.example.com/my-image:1\n  kubedro compile --output - | kubectl create -f -"
)]
pub(super) struct Compile {
    /// The registered pipeline
    #[arg(short, long, default_value = "__default__")]
    pipeline: String,
    /// Image of every step, instead of the one in kubeflow.yaml
    #[arg(short, long)]
    image: Option<String>,
    /// File to write; `-` is standard output
    #[arg(short, long, default_value = "pipeline.yml", value_name = "FILE")]
    output: PathBuf,
}

fn count(plan: &Plan) -> String {
    let handler = if plan.on_exit.is_some() { " and an exit handler" } else { "" };
    match plan.steps.len() {
        1 => format!("1 step{handler}"),
        steps => format!("{steps} steps{handler}"),
    }
}

impl Compile {
    pub fn run(&self, globals: &Globals) -> Result<u8, Error> {
        let prepared = prepare(globals, &self.pipeline, self.image.as_deref(), &[])?;
        let text = argo::workflow(&prepared.plan)?;
        if self.output == Path::new("-") {
            let mut stdout = std::io::stdout().lock();
            let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
            return match written {
                // A reader that has seen enough is no failure.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
                Err(source) => Err(WriteError { path: "-".into(), source }.into()),
                Ok(()) => Ok(0),
            };
        }
        files::write_atomically(&self.output, text.as_bytes())?;
        if !globals.quiet {
            report::say(&format!(
                "compiled {} of {} ({}) to {}",
                self.pipeline,
                prepared.snapshot.project_name,
                count(&prepared.plan),
                self.output.display()
            ));
        }
        Ok(0)
    }
}
