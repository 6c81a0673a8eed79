//! What becomes of findings: which are silent, which are errors, and what ends
//! the command.

use std::str::FromStr;

use clap::Args;

use super::globals::Globals;
use super::report;
use crate::diagnostic::{Code, Diagnostic, Level};
use crate::error::Error;

/// Options of commands that look at a plan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Findings")]
pub(super) struct FindingArguments {
    /// Say nothing of warnings of this kind (several: with commas, or again)
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = allowed)]
    allow: Vec<Code>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

fn allowed(text: &str) -> Result<Code, String> {
    let code = Code::from_str(text)?;
    match code.level() {
        Level::Warning => Ok(code),
        Level::Error => {
            Err(format!("`{code}` is an error, which means a run that fails: it cannot be allowed"))
        }
    }
}

impl FindingArguments {
    /// The findings that are left, each as bad as this call takes it.
    pub fn judged(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut findings: Vec<Diagnostic> =
            findings.into_iter().filter(|finding| !self.allow.contains(&finding.code)).collect();
        for finding in &mut findings {
            if self.strict {
                finding.level = Level::Error;
            }
        }
        // What ends the command is what a reader should see last.
        findings.sort_by_key(|finding| finding.level == Level::Error);
        findings
    }

    /// Prints the warnings; with an error among the findings, that is the end.
    pub fn settle(&self, findings: Vec<Diagnostic>, globals: &Globals) -> Result<(), Error> {
        let findings = self.judged(findings);
        let at = findings.partition_point(|finding| finding.level == Level::Warning);
        let (warnings, errors) = findings.split_at(at);
        report::warnings(warnings, globals);
        if errors.is_empty() { Ok(()) } else { Err(Error::Refused(errors.to_vec())) }
    }
}
