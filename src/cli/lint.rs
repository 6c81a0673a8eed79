//! `kubedro lint`

use std::io::{IsTerminal, stdout};
use std::path::Path;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::findings::FindingArguments;
use super::globals::Globals;
use super::load_versions::LoadVersionArguments;
use super::output;
use super::prepare::{Examined, Wanted, examine};
use super::report::say;
use super::target::Target;
use crate::backend;
use crate::config;
use crate::diagnostic::{Diagnostic, Level};
use crate::error::Error;
use crate::exit;

/// Look for mistakes that would cost data or a run
///
/// Looks at kubeflow.yaml, the catalog and the pipeline as `compile` does, and
/// writes nothing. Exits with 0 when there is no error; with --strict, when
/// there is no warning either.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro lint\n  kubedro lint --strict --allow volume-on-one-machine\n  kubedro lint --format json | jq '.[].code'"
)]
pub(super) struct Lint {
    /// The registered pipeline
    #[arg(short, long, default_value = "__default__")]
    pipeline: String,
    /// Image of every step, instead of the one in kubeflow.yaml
    #[arg(short, long)]
    image: Option<String>,
    /// What the workflow is for
    #[arg(short, long, value_enum, default_value = "argo")]
    target: Target,
    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    load_versions: LoadVersionArguments,
    #[command(flatten)]
    findings: FindingArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: each with its line of the file
    Text,
    /// A list of objects
    Json,
}

/// A finding for programs.
#[derive(Serialize)]
struct Shown<'a> {
    code: &'static str,
    level: &'static str,
    message: &'a str,
    /// What is said of the place itself.
    label: Option<&'a str>,
    help: Option<&'a str>,
    /// Below the project's root.
    file: Option<&'a str>,
    /// From 1.
    line: Option<usize>,
    /// From 1, in characters.
    column: Option<usize>,
    /// The section of the documentation.
    url: String,
}

impl<'a> Shown<'a> {
    fn new(finding: &'a Diagnostic) -> Self {
        let place = finding.place.as_ref();
        let at = place.map(crate::diagnostic::Place::line_and_column);
        Self {
            code: finding.code.name(),
            level: finding.level.name(),
            message: &finding.message,
            label: Some(finding.label.as_str()).filter(|label| !label.is_empty()),
            help: finding.help.as_deref(),
            file: place.map(|place| &*place.path),
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
            url: finding.code.url(),
        }
    }
}

impl Lint {
    pub fn run(&self, globals: &Globals) -> Result<u8, Error> {
        let examined = examine(
            globals,
            &Wanted {
                pipeline: &self.pipeline,
                image: self.image.as_deref(),
                load_versions: self.load_versions.by_dataset(),
                keeps_artifacts: self.target == Target::Kfp,
                ..Wanted::default()
            },
        );
        let (findings, code) = match examined {
            Ok(examined) => (self.all(&examined)?, exit::REFUSED),
            Err(Error::Config(config::Error::Invalid(findings))) => (findings, exit::CONFIG),
            Err(error) => {
                if self.format == Format::Json {
                    let found = serde_json::json!([{
                        "code": null, "level": "error", "message": error.to_string(),
                        "label": null, "help": null, "file": null, "line": null,
                        "column": null, "url": null,
                    }]);
                    output::write(Path::new("-"), format!("{found:#}\n").as_bytes())?;
                }
                return Err(error);
            }
        };
        let findings = self.findings.judged(findings);
        match self.format {
            Format::Text => print_text(&findings, globals)?,
            Format::Json => {
                let shown: Vec<Shown<'_>> = findings.iter().map(Shown::new).collect();
                // Texts and numbers always have a JSON.
                let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
                output::write(Path::new("-"), format!("{text}\n").as_bytes())?;
            }
        }
        let failed = findings.iter().any(|finding| finding.level == Level::Error);
        Ok(if failed { code } else { 0 })
    }

    fn all(&self, examined: &Examined) -> Result<Vec<Diagnostic>, Error> {
        let mut findings = examined.findings.clone();
        if let Some(plan) = examined.plan() {
            let document = backend::compile(plan, self.target.into())?;
            findings.extend(examined.shown(&document.findings));
        }
        Ok(findings)
    }
}

fn print_text(findings: &[Diagnostic], globals: &Globals) -> Result<(), Error> {
    let colour = stdout().is_terminal();
    let mut text = String::new();
    for finding in findings {
        text.push_str(&finding.render(colour));
        text.push_str("\n\n");
    }
    output::write(Path::new("-"), text.as_bytes())?;
    if !globals.quiet {
        let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
        say(&match (errors, findings.len() - errors) {
            (0, 0) => "no findings".to_owned(),
            (errors, warnings) => {
                format!("{} and {}", count(errors, "error"), count(warnings, "warning"))
            }
        });
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
