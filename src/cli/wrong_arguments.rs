//! How wrong arguments are reported. Those of a pod are in its termination
//! message, too, and their values nowhere: in them are the parameters of the
//! run, and what a compiler has put into a workflow.

use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::Cli;
use crate::telemetry::{self, Verbosity};
use crate::{exit, supervise};

/// What stands in the place of a value.
const HIDDEN: &str = "…";

/// Prints the error, or the help that was asked for, and gives the exit code.
pub(super) fn report(error: Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
    let error = if error.use_stderr() && is_in_pod() {
        let error = without_value(error);
        telemetry::start(Verbosity::Normal);
        supervise::tell_failure(code, &summary(&error));
        error
    } else {
        error
    };
    // Nobody can be told that nobody listens.
    let _ = error.print();
    ExitCode::from(code)
}

/// Whether it is a command that pods call, as far as it can be understood.
fn is_in_pod() -> bool {
    let matches = Cli::command().ignore_errors(true).try_get_matches();
    matches.is_ok_and(|matches| matches!(matches.subcommand_name(), Some("exec" | "step")))
}

fn without_value(mut error: Error) -> Error {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let hidden = || ContextValue::String(HIDDEN.to_owned());
    // Where the value is empty clap says that there is none.
    let has_value = text(ContextKind::InvalidValue).is_some_and(|value| !value.is_empty());
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let is_value = error.kind() == ErrorKind::UnknownArgument && !argument.starts_with('-');
    let no_subcommand = error.kind() == ErrorKind::InvalidSubcommand
        && text(ContextKind::InvalidSubcommand).is_some_and(|name| !is_name(&name));
    if has_value {
        error.insert(ContextKind::InvalidValue, hidden());
    }
    if is_value {
        error.insert(ContextKind::InvalidArg, hidden());
    }
    if no_subcommand {
        error.insert(ContextKind::InvalidSubcommand, hidden());
    }
    // Tips repeat what was typed.
    error.remove(ContextKind::Suggested);
    match error.source().map(ToString::to_string) {
        Some(why) if without_quotations(&why) != why => {
            let why = without_quotations(&why);
            let text = format!(
                "invalid value '{HIDDEN}' for '{argument}': {why}\n\nFor more information, try '--help'.\n"
            );
            Error::raw(error.kind(), text).with_cmd(&Cli::command())
        }
        _ => error,
    }
}

/// Whether somebody may have mistyped a subcommand's name.
fn is_name(text: &str) -> bool {
    text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// What a reader of JSON says, without what it repeats of the text. Names of
/// fields stay.
fn without_quotations(why: &str) -> String {
    let variant = "unknown variant `";
    let span = if let (true, Some(end)) = (why.starts_with(variant), why.rfind("`, expected ")) {
        Some((variant.len(), end))
    } else if let (Some(begin), Some(last)) = (why.find('"'), why.rfind('"')) {
        Some((begin, last + 1))
    } else {
        None
    };
    match span {
        Some((begin, end)) if begin <= end => format!("{}{HIDDEN}{}", &why[..begin], &why[end..]),
        _ => why.to_owned(),
    }
}

/// The error alone, as plain text.
fn summary(error: &Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a subcommand is missing".to_owned();
    }
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).trim_end().to_owned()
}
