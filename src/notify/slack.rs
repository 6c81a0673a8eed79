//! A message for Slack's incoming webhooks.

use std::fmt::Write as _;

use serde_json::json;

use super::report::RunReport;

/// Failed steps that are named; the rest is counted.
const MOST_FAILURES: usize = 10;

/// Letters of a reason that are shown.
const LONGEST_MESSAGE: usize = 300;

/// The body of the request.
pub(super) fn body(report: &RunReport) -> String {
    json!({"text": text(report)}).to_string()
}

fn text(report: &RunReport) -> String {
    let (mark, state) = match report.status.as_str() {
        "Succeeded" => ("✅", "succeeded"),
        "Failed" => ("❌", "failed"),
        _ => ("❌", "ended with an error"),
    };
    let mut text = format!(
        "{mark} *{}*: the pipeline `{}` {state}",
        escaped(&report.project),
        escaped(&report.pipeline)
    );
    if let Some(seconds) = report.duration_seconds {
        let _ = write!(text, " after {}", duration(seconds));
    }
    let _ = write!(text, "\nRun `{}` ({})", escaped(&report.run_name), escaped(&report.run_id));
    for failure in report.failures.iter().take(MOST_FAILURES) {
        let mut message: String = failure.message.chars().take(LONGEST_MESSAGE).collect();
        if message.len() < failure.message.len() {
            message.push('…');
        }
        let message = escaped(&message.replace(['\r', '\n'], " "));
        let _ = write!(text, "\n• `{}`: {message}", escaped(&failure.step));
    }
    if report.failures.len() > MOST_FAILURES {
        let _ = write!(text, "\n… and {} more", report.failures.len() - MOST_FAILURES);
    }
    text
}

/// The three characters that mean something to Slack wherever they stand.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `42 s`, `3 min 5 s`, `2 h 3 min`.
fn duration(seconds: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a duration, in seconds
    let seconds = seconds.round() as u64;
    let (minutes, rest) = (seconds / 60, seconds % 60);
    match minutes {
        0 => format!("{rest} s"),
        1..60 => format!("{minutes} min {rest} s"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::RunReport;
    use super::{duration, text};

    #[test]
    fn a_message_is_short_and_has_no_markup_but_its_own() {
        let mut report = RunReport::example("Failed");
        report.project = "A <b> & c".to_owned();
        report.failures[0].message = format!("it said\n<!channel> {}", "x".repeat(400));
        report.failures = vec![report.failures[0].clone(); 12];
        let text = text(&report);
        assert!(text.starts_with("❌ *A &lt;b&gt; &amp; c*: the pipeline `__default__` failed after 1 min 0 s\nRun `project-default-x7k2p` (0b5b"), "{text}");
        assert!(text.contains("\n• `train`: it said &lt;!channel&gt; xxx"), "{text}");
        assert!(text.ends_with("\n… and 2 more"), "{text}");
        assert!(text.len() < 5_000, "{}", text.len());
        assert_eq!(duration(7_380.2), "2 h 3 min");
        assert_eq!(duration(0.6), "1 s");
    }
}
