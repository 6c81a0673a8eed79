//! How long the child may run and what it is told: from the environment, which
//! is read here alone, and from whoever calls.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::signal::Rewrite;
use super::termination;
use crate::{duration, env_vars};

/// A day: longer than anybody waits, and short enough to be added to a time.
const LONGEST_GRACE: Duration = Duration::from_hours(24);

/// Kubernetes' own grace period.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// The most that is kept back of the pod's grace period.
const LARGEST_RESERVE: Duration = Duration::from_secs(5);

/// How a child is supervised.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long it has to end after it was told to.
    pub grace: Duration,
    /// When it is told to end at the latest.
    pub deadline: Option<Deadline>,
    /// Signals that it gets in place of others.
    pub rewrite: Vec<Rewrite>,
    /// The file of the termination message, where there is one.
    pub termination_log: Option<termination::Log>,
    /// A file in which the child may leave its last words, a JSON object of
    /// `message` or `exception`, for the termination message.
    pub last_words: Option<PathBuf>,
    /// A file that the child makes when it has done all that it should: without
    /// it an exit code of 0 is a failure.
    pub proof: Option<PathBuf>,
    /// More fields of the termination message.
    pub fields: Map<String, Value>,
}

impl Options {
    /// What the environment says.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
        Self {
            grace: grace_period(&variable),
            deadline: argo_deadline(&variable),
            rewrite: Vec::new(),
            last_words: None,
            proof: None,
            termination_log: termination::Log::from_environment(),
            fields: Map::new(),
        }
    }

    /// The same with a deadline, unless there is an earlier one.
    pub fn not_after(&mut self, deadline: Deadline) {
        self.deadline = Some(self.deadline.map_or(deadline, |other| other.min(deadline)));
    }
}

/// How long a child may take to end after the first signal to do so. Of the
/// pod's own period some is kept back: what comes after the child needs time.
fn grace_period(variable: &dyn Fn(&str) -> Option<String>) -> Duration {
    let seconds = |name: &str| {
        let text = variable(name)?;
        let parsed = duration::parse(text.trim());
        if parsed.is_none() {
            tracing::warn!("{name}={text} is no number of seconds: it is ignored");
        }
        parsed
    };
    let of_pod = || {
        let period = seconds(env_vars::ARGO_GRACE_PERIOD).unwrap_or(DEFAULT_GRACE);
        period.saturating_sub((period / 5).min(LARGEST_RESERVE))
    };
    seconds(env_vars::KUBEDRO_GRACE_PERIOD).unwrap_or_else(of_pod).min(LONGEST_GRACE)
}

/// A duration for `--grace`.
pub fn parse_grace(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .map(|grace| grace.min(LONGEST_GRACE))
        .ok_or_else(|| "this is no duration, such as 30, 90s or 1m30s".to_owned())
}

/// A moment, by a clock that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// How long it still is; zero when it has passed.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// A duration from now, or a time (RFC 3339).
    pub fn parse(text: &str) -> Result<Self, String> {
        let left = duration::parse(text)
            .or_else(|| text.parse().ok().map(until))
            .ok_or_else(|| {
                "this is neither a duration, such as 90s, 5m or 2h30m, nor a time, such as 2026-01-31T12:00:00Z".to_owned()
            })?;
        Self::after(left).ok_or_else(|| "this is too far in the future".to_owned())
    }

    fn after(left: Duration) -> Option<Self> {
        Instant::now().checked_add(left).map(Self)
    }
}

/// How long it is until then; zero when it has passed.
fn until(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default()
}

/// The deadline that Argo's executor tells. Go's zero time is none.
fn argo_deadline(variable: &dyn Fn(&str) -> Option<String>) -> Option<Deadline> {
    let text = variable(env_vars::ARGO_DEADLINE)?;
    match text.trim().parse::<Timestamp>() {
        Ok(time) if time.strftime("%Y").to_string() == "0001" => None,
        // What is too far to be counted is never reached.
        Ok(time) => Deadline::after(until(time)),
        Err(_) => {
            tracing::warn!("{}={text} is no time: it is ignored", env_vars::ARGO_DEADLINE);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Deadline, argo_deadline, grace_period, parse_grace};

    fn grace(variables: &[(&str, &str)]) -> f64 {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
        };
        grace_period(&variable).as_secs_f64()
    }

    #[test]
    fn some_of_the_pods_grace_period_is_kept_back() {
        let close = |left: f64, right: f64| assert!((left - right).abs() < 1e-6, "{left}");
        let argo = "ARGO_TERMINATION_GRACE_PERIOD_SECONDS";
        close(grace(&[]), 25.0);
        close(grace(&[(argo, "10")]), 8.0);
        close(grace(&[(argo, "3600")]), 3595.0);
        close(grace(&[(argo, "soon")]), 25.0);
        close(grace(&[("KUBEDRO_GRACE_PERIOD", "10"), (argo, "60")]), 10.0);
        close(grace(&[("KUBEDRO_GRACE_PERIOD", "0")]), 0.0);
        close(grace(&[("KUBEDRO_GRACE_PERIOD", "99999999999999")]), 86400.0);
        assert_eq!(parse_grace("1m30s"), Ok(Duration::from_secs(90)));
        assert!(parse_grace("-1").is_err());
    }

    #[test]
    fn deadlines_are_durations_or_times() {
        let left = |text: &str| Deadline::parse(text).unwrap().left().as_secs();
        assert!((9_990..=9_000 + 1_000).contains(&left("2h46m40s")));
        assert_eq!(left("2001-01-01T00:00:00Z"), 0);
        assert_eq!(left("0001-01-01T00:00:00Z"), 0);
        assert!(left("2200-01-01T00:00:00+02:00") > 1_000_000_000);
        for wrong in ["", "soon", "5 m", "2026-01-31", "-5s"] {
            assert!(Deadline::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn gos_zero_time_is_no_deadline() {
        let argo = |text: &'static str| argo_deadline(&move |_| Some(text.to_owned()));
        assert_eq!(argo("0001-01-01T00:00:00Z"), None);
        assert_eq!(argo("nonsense"), None);
        assert!(argo("2200-01-01T00:00:00Z").is_some());
        assert_eq!(argo("2001-01-01T00:00:00.5Z").unwrap().left(), Duration::ZERO);
        assert_eq!(argo_deadline(&|_| None), None);
    }
}
