//! Sends all notifications of a run side by side, each with its own result.
//!
//! The time is limited: by each notification's own settings, by a limit for
//! all its tries together, and by a signal that asks this process to end.

use std::fmt;
use std::time::Duration;

use reqwest::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::notification::{Channel, Notification};
use super::report::RunReport;
use super::request::{Prepared, Unprepared, prepare};
use crate::http::{self, Trust};
use crate::supervise::told_to_end;

/// All tries of one notification, with the pauses between them, unless a single
/// one may take longer.
const LONGEST: Duration = Duration::from_mins(1);

/// How often to look whether this process was told to end.
const POLL: Duration = Duration::from_millis(50);

/// What is said of one whose end nobody has seen.
const UNEXPECTED: &str = "it ended unexpectedly";

/// Around what the notifications are sent.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Whether this is no pod, and has no secrets of the cluster.
    pub local: bool,
    /// What is left to be used once a signal has asked for an end.
    pub after_a_signal: Duration,
}

/// What became of all of them.
#[derive(Debug)]
pub struct Deliveries {
    /// In the order of the notifications.
    pub each: Vec<Delivery>,
    /// Whether this process was told to end meanwhile.
    pub told_to_end: bool,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server has taken it.
    Sent {
        /// At which try.
        tries: u32,
    },
    /// It does not tell of such an end.
    NotWanted,
    /// It cannot be sent from here, and nobody expects it.
    Skipped(String),
    /// It was not sent.
    Failed(String),
}

impl fmt::Display for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { tries: 1 } => formatter.write_str("sent"),
            Self::Sent { tries } => write!(formatter, "sent at try {tries}"),
            Self::NotWanted => formatter.write_str("not sent: it does not tell of such an end"),
            Self::Skipped(why) => write!(formatter, "skipped: {why}"),
            Self::Failed(why) => write!(formatter, "failed: {why}"),
        }
    }
}

/// Sends what there is to send, and comes back when all of it is over.
pub fn deliver(
    notifications: &[Notification],
    report: &RunReport,
    surroundings: Surroundings,
) -> Deliveries {
    let failed = |why: &str| Deliveries {
        each: notifications.iter().map(|_| Delivery::Failed(why.to_owned())).collect(),
        told_to_end: false,
    };
    if notifications.is_empty() {
        return failed("");
    }
    // A thread of its own: the caller's may be another runtime's.
    std::thread::scope(|scope| {
        let work = || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return failed(&format!("cannot start: {error}")),
            };
            let deliveries = runtime.block_on(all(notifications, report, surroundings));
            // A name that is still being looked up holds nothing up.
            runtime.shutdown_background();
            deliveries
        };
        scope.spawn(work).join().unwrap_or_else(|_| failed(UNEXPECTED))
    })
}

async fn all(
    notifications: &[Notification],
    report: &RunReport,
    surroundings: Surroundings,
) -> Deliveries {
    let (told, end) = watch::channel(None);
    let listener = tokio::spawn(listen(told));
    let client = http::client(Trust::Web);
    let mut each: Vec<Delivery> =
        notifications.iter().map(|notification| before(notification, report)).collect();
    let mut running = JoinSet::new();
    for (at, notification) in notifications.iter().enumerate() {
        if !notification.tells_of(&report.status) {
            continue;
        }
        let (Ok(client), prepared) = (&client, prepare(&notification.to, report)) else {
            continue;
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::NotSet(why)) if surroundings.local => {
                each[at] = Delivery::Skipped(why);
                continue;
            }
            Err(Unprepared::NotSet(why) | Unprepared::Unusable(why)) => {
                each[at] = Delivery::Failed(why);
                continue;
            }
        };
        let (client, notification, end) = (client.clone(), notification.clone(), end.clone());
        running.spawn(async move {
            (at, one(&client, &notification, &prepared, end, surroundings.after_a_signal).await)
        });
    }
    if let Err(error) = &client {
        for (delivery, notification) in each.iter_mut().zip(notifications) {
            if notification.tells_of(&report.status) {
                *delivery = Delivery::Failed(error.to_string());
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        if let Ok((at, delivery)) = ended {
            each[at] = delivery;
        }
    }
    listener.abort();
    let told_to_end = end.borrow().is_some();
    Deliveries { each, told_to_end }
}

/// What is known of one before it is sent. A message that is wanted has failed
/// until it is seen that it has not.
fn before(notification: &Notification, report: &RunReport) -> Delivery {
    if notification.tells_of(&report.status) {
        Delivery::Failed(UNEXPECTED.to_owned())
    } else {
        Delivery::NotWanted
    }
}

/// When the first signal came that asks for an end.
type Told = Option<Instant>;

async fn listen(told: watch::Sender<Told>) {
    // Signals wait for a child, in whose supervision they are read.
    while !told_to_end() {
        tokio::time::sleep(POLL).await;
    }
    told.send_replace(Some(Instant::now()));
    // Whoever drops the sender looks like somebody who has told something.
    std::future::pending::<()>().await;
}

async fn one(
    client: &Client,
    notification: &Notification,
    prepared: &Prepared,
    mut end: watch::Receiver<Told>,
    rest: Duration,
) -> Delivery {
    let limit = Instant::now() + LONGEST.max(notification.timeout());
    let is_slack = matches!(notification.to, Channel::Slack { .. });
    let mut last = None;
    let asked_to_end = async {
        if let Ok(told) = end.wait_for(Option::is_some).await.map(|told| *told)
            && let Some(since) = told
        {
            tokio::time::sleep_until(since + rest).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let why = tokio::select! {
        delivery = tries(client, notification, prepared, is_slack, limit, &mut last) => return delivery,
        () = tokio::time::sleep_until(limit) => format!("not within {} s", LONGEST.as_secs()),
        () = asked_to_end => "the time was over, since this pod was told to end".to_owned(),
    };
    Delivery::Failed(match last {
        Some(last) => format!("{why}; before that: {last}"),
        None => why,
    })
}

/// How one try has ended.
pub(super) enum Try {
    Taken,
    /// It may go better later: by this time, if the server says so.
    Later(String, Option<Duration>),
    Refused(String),
}

async fn tries(
    client: &Client,
    notification: &Notification,
    prepared: &Prepared,
    is_slack: bool,
    limit: Instant,
    last: &mut Option<String>,
) -> Delivery {
    let mut tries = 0;
    loop {
        tries += 1;
        let so_often = || if tries == 1 { String::new() } else { format!(" ({tries} tries)") };
        let (why, wait) = match prepared.send(client, notification.timeout(), is_slack).await {
            Try::Taken => return Delivery::Sent { tries },
            Try::Refused(why) => return Delivery::Failed(why + &so_often()),
            Try::Later(why, wait) => (why, wait),
        };
        if tries > notification.retries {
            return Delivery::Failed(why + &so_often());
        }
        let pause = wait.unwrap_or_else(|| pause(tries));
        // A server may name any number, even one that no clock can hold.
        if Instant::now().checked_add(pause).is_none_or(|next| next >= limit) {
            return Delivery::Failed(format!(
                "{why}, and the next try could only be in {} s",
                pause.as_secs()
            ));
        }
        *last = Some(why);
        tokio::time::sleep(pause).await;
    }
}

/// Twice as long each time, and not the same for all whom a server has sent
/// away at once.
fn pause(tries: u32) -> Duration {
    use std::hash::{BuildHasher, Hasher, RandomState};
    const MOST_DOUBLINGS: u32 = 6;
    let whole = Duration::from_secs(1) * (1 << (tries - 1).min(MOST_DOUBLINGS));
    let random = RandomState::new().build_hasher().finish();
    #[allow(clippy::cast_possible_truncation)] // a remainder of 1024
    let part = (random % 1024) as u32;
    whole / 2 + whole * part / 2048
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Delivery, UNEXPECTED, before, pause};
    use crate::notify::{Channel, Notification, RunReport, RunStatus, Setting};

    #[test]
    fn what_is_wanted_has_failed_until_it_is_sent() {
        let mut notification = Notification {
            to: Channel::Slack { url: Setting::Text("http://a".to_owned()) },
            on: vec![RunStatus::Failed],
            timeout: 1,
            retries: 0,
        };
        let report = RunReport::example("Failed");
        assert_eq!(before(&notification, &report), Delivery::Failed(UNEXPECTED.to_owned()));
        notification.on = vec![RunStatus::Succeeded];
        assert_eq!(before(&notification, &report), Delivery::NotWanted);
    }

    #[test]
    fn pauses_grow_and_differ() {
        for tries in 1..=20 {
            let whole = Duration::from_secs(1 << (tries - 1).min(6));
            let pauses: Vec<Duration> = (0..50).map(|_| pause(tries)).collect();
            assert!(pauses.iter().all(|pause| *pause >= whole / 2 && *pause <= whole));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
