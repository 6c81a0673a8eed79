//! How errors, warnings and findings are printed: on standard error, in
//! colours only on a terminal.

use std::io::{IsTerminal, Write, stderr};

use super::globals::Globals;
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::plan::{self, Finding};
use crate::project;

pub(super) fn error(error: &Error, globals: &Globals) {
    if let Error::Config(config::Error::Invalid(diagnostics)) = error {
        for diagnostic in diagnostics {
            say(&diagnostic.render(colour()));
        }
        return;
    }
    // Each finding of a refused plan is an error of its own.
    if let Error::Plan(plan::Error::Refused(findings)) = error {
        for finding in findings {
            titled("error", "1;31", &finding.to_string());
        }
        return;
    }
    titled("error", "1;31", &error.to_string());
    if let Error::Project(project::Error::Raised { traceback, .. }) = error
        && globals.verbose
    {
        say(traceback);
    }
}

pub(super) fn warnings(diagnostics: &[Diagnostic], findings: &[Finding], globals: &Globals) {
    if globals.quiet {
        return;
    }
    for diagnostic in diagnostics {
        say(&diagnostic.render(colour()));
    }
    for finding in findings {
        titled("warning", "1;33", &finding.to_string());
    }
}

fn titled(level: &str, code: &str, text: &str) {
    if colour() {
        say(&format!("\x1b[{code}m{level}\x1b[0m: {text}"));
    } else {
        say(&format!("{level}: {text}"));
    }
}

pub(super) fn say(text: &str) {
    // Nobody can be told that nobody listens.
    let _ = writeln!(stderr(), "{text}");
}

fn colour() -> bool {
    stderr().is_terminal()
}
