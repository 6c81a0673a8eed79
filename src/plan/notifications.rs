//! Notifications as the exit handler gets them: secrets by the variables in
//! which the cluster hands them over.

use serde_json::Value;

use super::finding::{Finding, Subject};
use super::secrets::secret_within;
use crate::config::{self, Channel, Slack, Webhook};
use crate::diagnostic::Code;
use crate::env_vars;
use crate::notify::{self, Notification, SecretKey};

/// Headers whose values are secrets, whatever they look like.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// The notifications, and the variables that they need.
pub(super) fn of(
    written: &[config::Notification],
) -> (Vec<Notification>, Vec<(String, SecretKey)>) {
    let mut variables = Vec::new();
    let notifications = written
        .iter()
        .enumerate()
        .map(|(at, notification)| {
            let mut setting = |what: &str, setting: &config::Setting| match setting {
                config::Setting::Text(text) => notify::Setting::Text(text.clone()),
                config::Setting::Secret(of) => {
                    let number = at + 1;
                    let name = format!("{}{number}_{what}", env_vars::KUBEDRO_NOTIFICATION_PREFIX);
                    variables.push((name.clone(), of.clone()));
                    notify::Setting::Variable { name, of: of.clone() }
                }
            };
            let to = match &notification.to {
                Channel::Slack(Slack { url }) => {
                    notify::Channel::Slack { url: setting("URL", url) }
                }
                Channel::Webhook(Webhook { url, method, headers, body }) => {
                    notify::Channel::Webhook {
                        url: setting("URL", url),
                        method: *method,
                        headers: headers
                            .iter()
                            .map(|(name, value)| {
                                let what = format!("HEADER_{}", config::in_variable(name));
                                (name.clone(), setting(&what, value))
                            })
                            .collect(),
                        body: body.clone(),
                    }
                }
            };
            Notification {
                to,
                on: notification.on.clone(),
                timeout: notification.timeout.as_millis().try_into().unwrap_or(u64::MAX),
                retries: notification.retries,
            }
        })
        .collect();
    (notifications, variables)
}

/// Texts that would be in the workflow, and should be secrets of the cluster.
pub(super) fn secrets(written: &[config::Notification]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, notification) in written.iter().enumerate() {
        let (channel, url, headers) = match &notification.to {
            Channel::Slack(slack) => ("slack", &slack.url, None),
            Channel::Webhook(webhook) => ("webhook", &webhook.url, Some(&webhook.headers)),
        };
        let headers = headers.into_iter().flatten().map(|(name, value)| {
            let secret = SECRET_HEADERS.contains(&name.to_lowercase().as_str());
            (name.as_str(), value, secret)
        });
        for (name, value, secret) in std::iter::once(("url", url, false)).chain(headers) {
            let config::Setting::Text(text) = value else { continue };
            if !secret && secret_within(name, &Value::from(text.as_str())).is_none() {
                continue;
            }
            let message = format!(
                "`{name}` of notification {} looks like a secret, and is written into the workflow",
                at + 1
            );
            let help = "write {secret: NAME, key: KEY}: the pod then takes it from that secret of the cluster, and a local run from an environment variable";
            let keys = match name {
                "url" => vec![channel.to_owned(), "url".to_owned()],
                _ => vec![channel.to_owned(), "headers".to_owned(), name.to_owned()],
            };
            findings.push(
                Finding::new(Code::SecretInPlainText, message, help)
                    .about(Subject::Notification { at, keys }),
            );
        }
    }
    findings
}
