//! What the termination message says of an end: for programs in one word, for
//! people in a sentence.

use serde_json::{Map, Value};

use super::termination::{Log, Message};
use super::{Cause, Options, Outcome, Report, Signal};
use crate::exit;

/// While the child runs. If the whole container is killed, as the kernel does
/// for memory, this is what stays.
pub(super) fn running(program: &str, options: &Options) -> Message {
    Message {
        state: "running",
        message: format!(
            "`{program}` had not ended when this was written; if the container has, it was killed as a whole, for memory or by KILL"
        ),
        fields: options.fields.clone(),
        ..Message::default()
    }
}

/// After its end.
pub(super) fn ended(report: &Report, options: &Options) -> Message {
    let outcome = report.outcome();
    let succeeded = outcome == Outcome::SUCCESS;
    let signal = match report.child {
        Outcome::Signalled(number) => Signal::of_number(number),
        Outcome::Exited(_) => None,
    };
    let (reason, message) =
        if succeeded { ("Completed", String::new()) } else { failure(report, signal) };
    Message {
        state: if succeeded { "succeeded" } else { "failed" },
        exit_code: Some(outcome.code()),
        signal: signal.map(|signal| signal.to_string()),
        reason,
        message,
        fields: options.fields.clone(),
        exception: report.exception.clone().filter(|_| !succeeded),
        stderr: if succeeded { String::new() } else { report.stderr.clone() },
    }
}

fn failure(report: &Report, signal: Option<Signal>) -> (&'static str, String) {
    let program = &report.program;
    if let Some(message) = report.message.clone().filter(|_| report.told_to_end.is_none()) {
        return ("Error", message);
    }
    if report.unproven {
        let message = format!("`{program}` ended with 0 before it had done all that it should");
        return ("Incomplete", message);
    }
    let end = match (report.child, signal) {
        (Outcome::Exited(code), _) => format!("`{program}` ended with {code}"),
        (_, Some(signal)) => format!("`{program}` was ended by {signal}"),
        (Outcome::Signalled(number), None) => format!("`{program}` was ended by signal {number}"),
    };
    match report.told_to_end {
        _ if report.oom_killed => (
            "OOMKilled",
            format!("{end}: the kernel killed a process of this container for memory"),
        ),
        Some(Cause::Deadline) => ("DeadlineExceeded", format!("the deadline passed; {end}")),
        Some(Cause::Signal(cause)) if report.killed => (
            "GracePeriodExceeded",
            format!("`{program}` did not end in time after {cause} and was killed"),
        ),
        Some(Cause::Signal(cause)) => ("Terminated", format!("{end} after {cause}")),
        None if signal.is_some() => ("Signalled", end),
        None => ("Error", end),
    }
}

/// Says in the termination message how something of several parts has ended.
pub fn tell_end(outcome: Outcome, message: String, fields: Map<String, Value>) {
    let Some(log) = Log::from_environment() else { return };
    let succeeded = outcome == Outcome::SUCCESS;
    log.write(&Message {
        state: if succeeded { "succeeded" } else { "failed" },
        exit_code: Some(outcome.code()),
        reason: if succeeded { "Completed" } else { "Error" },
        message,
        fields,
        ..Message::default()
    });
}

/// Says in the termination message that there was no child, or that the work
/// around it failed.
pub fn tell_failure(code: u8, text: &str) {
    let Some(log) = Log::from_environment() else { return };
    let reason = match code {
        exit::NOT_FOUND => "NotFound",
        exit::CANNOT_START => "CannotStart",
        exit::DEADLINE => "DeadlineExceeded",
        _ => "Error",
    };
    log.write(&Message {
        state: "failed",
        exit_code: Some(code),
        reason,
        message: text.to_owned(),
        ..Message::default()
    });
}
