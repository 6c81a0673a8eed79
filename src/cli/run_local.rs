//! `kubedro run-local`

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::findings::FindingArguments;
use super::globals::Globals;
use super::load_versions::LoadVersionArguments;
use super::prepare::{Prepared, Wanted, prepare};
use super::report::say;
use crate::error::Error;
use crate::exit;
use crate::local::{self, Options, State, Summary};
use crate::project::Assignment;
use crate::supervise::Outcome;

/// Run a pipeline here, step by step as the workflow would
///
/// Each step is a process of its own with the very arguments of its pod, in a
/// copy of the project as the image would have it. Exits with 0 when every
/// step has succeeded, else with 1 (130 after Ctrl-C).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro run-local\n  kubedro run-local --pipeline data_science --param model.test_size=0.3\n  kubedro run-local --workdir /tmp/run --keep"
)]
pub(super) struct RunLocal {
    /// The registered pipeline
    #[arg(short, long, default_value = "__default__")]
    pipeline: String,
    /// Set a parameter for this run: NAME=VALUE or NAME:VALUE, the value being YAML
    #[arg(long = "param", alias = "params", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<Assignment>,
    /// Steps at once [default: the number of processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the run happens: a new or empty folder, or one that a local run has left, which is
    /// emptied first [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// Keep code and configuration in the work folder after success, not only data and logs
    #[arg(long)]
    keep: bool,
    /// Seconds a step may take to end when the run is stopped
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(..=86_400))]
    grace: u64,
    #[command(flatten)]
    load_versions: LoadVersionArguments,
    #[command(flatten)]
    findings: FindingArguments,
}

impl RunLocal {
    pub async fn run(&self, globals: &Globals) -> Result<u8, Error> {
        // No image plays a part here, though a plan has one.
        let wanted = Wanted {
            pipeline: &self.pipeline,
            image: Some("local"),
            assignments: &self.parameters,
            load_versions: self.load_versions.by_dataset(),
            // Whether each output is there is looked at here, too.
            keeps_artifacts: true,
        };
        let Prepared { examined, plan } = prepare(globals, &wanted, &self.findings)?;
        let jobs = self
            .jobs
            .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let options = Options {
            project: &examined.root,
            python: &examined.interpreter.path,
            workdir: self.workdir.as_deref(),
            keep: self.keep,
            jobs,
            overrides: &examined.snapshot.overrides,
            grace: Duration::from_secs(self.grace),
            verbose: globals.verbose,
            quiet: globals.quiet,
        };
        let summary = local::run(&plan, &options).await?;
        if !globals.quiet {
            print(&summary);
        } else if !summary.succeeded() {
            say(&format!("the run failed; its logs are in {}", summary.logs.display()));
        }
        Ok(match summary.stopped_by {
            Some(number) => Outcome::Signalled(number).code(),
            None if summary.succeeded() => 0,
            None => exit::RUN_FAILED,
        })
    }
}

fn print(summary: &Summary) {
    let width = summary.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    say("");
    for step in &summary.steps {
        let tries = if step.tries > 1 { format!("  {} tries", step.tries) } else { String::new() };
        let time = match step.state {
            State::NotRun => String::new(),
            _ => format!("{:.1}s", step.duration.as_secs_f64()),
        };
        say(&format!("  {:width$}  {:9}  {time:>7}{tries}", step.name, step.state.to_string()));
        for remark in &step.remarks {
            say(&format!("    {remark}"));
        }
    }
    let state = match (summary.succeeded(), summary.stopped_by) {
        (true, _) => "succeeded",
        (_, Some(_)) => "was stopped",
        _ => "failed",
    };
    say(&format!("\nThe run {state} in {:.1}s.", summary.duration.as_secs_f64()));
    for folder in &summary.outputs {
        say(&format!("  outputs  {}", folder.display()));
    }
    say(&format!("  logs     {}", summary.logs.display()));
    say(&format!("  version  {}", summary.save_version));
}

/// Splits at the first `:` or `=`, as Kedro and kedro-kubeflow between them do.
fn assignment(text: &str) -> Result<Assignment, String> {
    let at = text.find([':', '=']).ok_or("there is no `=` (or `:`) between a name and a value")?;
    let (name, value) = (text[..at].trim(), text[at + 1..].trim());
    if name.is_empty() {
        return Err("there is no name before the value".to_owned());
    }
    Ok(Assignment(name.to_owned(), value.to_owned()))
}
