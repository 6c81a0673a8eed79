//! How errors, warnings and findings are printed: on standard error, in
//! colours only on a terminal.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr};

use super::globals::Globals;
use crate::config;
use crate::diagnostic::{Code, Diagnostic};
use crate::error::Error;
use crate::project;
pub(super) use crate::telemetry::say;

/// So many findings of one kind are shown in full; `lint` and `-v` show all.
const SHOWN_OF_A_KIND: usize = 3;

pub(super) fn error(error: &Error, globals: &Globals) {
    match error {
        Error::Config(config::Error::Invalid(diagnostics)) => shown(diagnostics, true),
        Error::Refused(diagnostics) => shown(diagnostics, globals.verbose),
        _ => titled("error", "1;31", &error.to_string()),
    }
    if let Error::Project(project::Error::Raised { traceback, .. }) = error
        && globals.verbose
    {
        say(traceback);
    }
}

pub(super) fn warnings(diagnostics: &[Diagnostic], globals: &Globals) {
    if !globals.quiet {
        shown(diagnostics, globals.verbose);
    }
}

fn shown(diagnostics: &[Diagnostic], all: bool) {
    let mut left_out: Vec<(Code, usize)> = Vec::new();
    let mut seen: HashMap<Code, usize> = HashMap::new();
    for diagnostic in diagnostics {
        let count = seen.entry(diagnostic.code).or_default();
        *count += 1;
        if all || *count <= SHOWN_OF_A_KIND {
            say(&format!("{}\n", diagnostic.render(colour())));
            continue;
        }
        match left_out.iter_mut().find(|(code, _)| *code == diagnostic.code) {
            Some((_, more)) => *more += 1,
            None => left_out.push((diagnostic.code, 1)),
        }
    }
    for (code, more) in left_out {
        say(&format!("note: {more} more of [{code}]; `kubedro lint` shows all"));
    }
}

fn titled(level: &str, code: &str, text: &str) {
    if colour() {
        say(&format!("\x1b[{code}m{level}\x1b[0m: {text}"));
    } else {
        say(&format!("{level}: {text}"));
    }
}

fn colour() -> bool {
    stderr().is_terminal()
}
