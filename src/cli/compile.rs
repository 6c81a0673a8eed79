//! `kubedro compile`

use std::path::{Path, PathBuf};

use clap::Args;

use super::findings::FindingArguments;
use super::globals::Globals;
use super::load_versions::LoadVersionArguments;
use super::output;
use super::prepare::{Prepared, Wanted, prepare};
use super::report;
use super::target::Target;
use crate::backend;
use crate::error::Error;
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
    /// What the workflow is for
    #[arg(short, long, value_enum, default_value = "argo")]
    target: Target,
    #[command(flatten)]
    load_versions: LoadVersionArguments,
    #[command(flatten)]
    findings: FindingArguments,
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
        let wanted = Wanted {
            pipeline: &self.pipeline,
            image: self.image.as_deref(),
            load_versions: self.load_versions.by_dataset(),
            keeps_artifacts: self.target == Target::Kfp,
            ..Wanted::default()
        };
        let Prepared { examined, plan } = prepare(globals, &wanted, &self.findings)?;
        let document = backend::compile(&plan, self.target.into())?;
        self.findings.settle(examined.shown(&document.findings), globals)?;
        output::write(&self.output, document.text.as_bytes())?;
        if self.output == Path::new("-") {
            return Ok(0);
        }
        if !globals.quiet {
            report::say(&format!(
                "compiled {} of {} ({}) to {}",
                self.pipeline,
                examined.snapshot.project_name,
                count(&plan),
                self.output.display()
            ));
        }
        Ok(0)
    }
}
