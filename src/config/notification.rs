//! `run_config.notifications`: who is told how a run has ended. Not in
//! kedro-kubeflow, which ignores the key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::lenient;
use super::model::fields_of;
use super::schema::TextOrNumber;
use crate::names::is_dns_subdomain;
use crate::notify::{self, Method, RunStatus, SecretKey, check_template};

/// Longer is a mistake: the pod of the exit handler waits for it.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// More is a mistake, too.
const MOST_RETRIES: u32 = 100;

/// A message about the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenNotification")]
pub struct Notification {
    /// Where it goes.
    pub to: Channel,
    /// The ends that it tells of; none means all.
    pub on: Vec<RunStatus>,
    /// What one try may take.
    pub timeout: Duration,
    /// Tries after the first.
    pub retries: u32,
}

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// Any HTTP server.
    Webhook(Webhook),
}

/// A message about the end of a run.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [{"required": ["slack"]}, {"required": ["webhook"]}]))]
struct WrittenNotification {
    /// An incoming webhook of Slack.
    #[serde(default)]
    slack: Option<Slack>,
    /// Any HTTP server.
    #[serde(default)]
    webhook: Option<Webhook>,
    /// The ends that it tells of; all by default.
    #[serde(default)]
    on: Option<Vec<RunStatus>>,
    /// What one try may take: 10s by default.
    #[serde(default = "ten_seconds", deserialize_with = "timeout")]
    #[schemars(with = "TextOrNumber")]
    timeout: Duration,
    /// Tries after the first.
    #[serde(default = "three", deserialize_with = "retries")]
    retries: u32,
}

/// An incoming webhook of Slack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Slack {
    /// Where it is: `https://hooks.slack.com/services/…`
    #[serde(deserialize_with = "url")]
    pub url: Setting,
}

/// Any HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Webhook {
    /// Where it is.
    #[serde(deserialize_with = "url")]
    pub url: Setting,
    /// How it is called.
    #[serde(default)]
    pub method: Method,
    /// Headers of the request.
    #[serde(default, deserialize_with = "headers")]
    #[schemars(with = "Option<IndexMap<String, Setting>>")]
    pub headers: IndexMap<String, Setting>,
    /// A template in Jinja's language; without one, all about the run as JSON.
    #[serde(default, deserialize_with = "body")]
    pub body: Option<String>,
}

/// A text, or a key of a secret of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// The text, which is then in the workflow.
    Text(String),
    /// Where the cluster has it.
    Secret(SecretKey),
}

#[derive(Deserialize, JsonSchema)]
struct WrittenSecret {
    #[serde(deserialize_with = "secret_name")]
    secret: String,
    #[serde(deserialize_with = "secret_key")]
    key: String,
}

/// The keys that are known below a path into the list.
pub(super) fn keys_below(path: &str) -> &'static [&'static str] {
    match path.rsplit('.').next() {
        Some(last) if last.ends_with(']') => fields_of::<Notification>(),
        Some("slack") => fields_of::<Slack>(),
        Some("webhook") => fields_of::<Webhook>(),
        Some("headers") => &[],
        _ => fields_of::<WrittenSecret>(),
    }
}

impl TryFrom<WrittenNotification> for Notification {
    type Error = &'static str;

    fn try_from(written: WrittenNotification) -> Result<Self, Self::Error> {
        let WrittenNotification { slack, webhook, on, timeout, retries } = written;
        let to = match (slack, webhook) {
            (Some(slack), None) => Channel::Slack(slack),
            (None, Some(webhook)) => Channel::Webhook(webhook),
            (None, None) => return Err("it has neither `slack` nor `webhook`: nobody is told"),
            (Some(_), Some(_)) => return Err("it has `slack` and `webhook`: make it two entries"),
        };
        if on.as_ref().is_some_and(Vec::is_empty) {
            return Err("`on` is empty: it would never be sent");
        }
        Ok(Self { to, on: on.unwrap_or_default(), timeout, retries })
    }
}

impl JsonSchema for Notification {
    fn schema_name() -> Cow<'static, str> {
        "Notification".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WrittenNotification::json_schema(generator)
    }
}

impl JsonSchema for Setting {
    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<WrittenSecret>();
        json_schema!({"anyOf": [{"type": "string"}, secret]})
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrSecret;
        impl<'de> Visitor<'de> for TextOrSecret {
            type Value = Setting;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or {secret: NAME, key: KEY}")
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Setting, E> {
                Ok(Setting::Text(value.to_owned()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Setting, E> {
                Ok(Setting::Text(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Setting, E> {
                Ok(Setting::Text(value.to_string()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Setting, A::Error> {
                let WrittenSecret { secret, key } =
                    WrittenSecret::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Setting::Secret(SecretKey { secret, key }))
            }
        }
        deserializer.deserialize_any(TextOrSecret)
    }
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn three() -> u32 {
    3
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = lenient::text(deserializer)?;
    crate::duration::parse(&text)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST_TIMEOUT)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not a duration of at most 10m, such as 10s or 1m30s"
            ))
        })
}

fn retries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = lenient::unsigned(deserializer)?;
    if number > MOST_RETRIES {
        return Err(D::Error::custom(format!("{number} tries are more than {MOST_RETRIES}")));
    }
    Ok(number)
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
    let setting = Setting::deserialize(deserializer)?;
    match &setting {
        // The text itself may be a secret.
        Setting::Text(text) if !notify::is_url(text) => Err(D::Error::custom(
            "not a URL of http or https; where it is a secret, write {secret: NAME, key: KEY}",
        )),
        _ => Ok(setting),
    }
}

fn headers<'de, D>(deserializer: D) -> Result<IndexMap<String, Setting>, D::Error>
where
    D: Deserializer<'de>,
{
    let headers: IndexMap<String, Setting> = lenient::null_is_default(deserializer)?;
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, setting) in &headers {
        if !notify::is_header_name(name) {
            return Err(D::Error::custom(format!("`{name}` cannot be the name of a header")));
        }
        let variable = in_variable(name);
        if let Some(other) = seen.get(&variable) {
            return Err(D::Error::custom(if other.eq_ignore_ascii_case(name) {
                format!("`{name}` is there twice: capitals do not matter in names of headers")
            } else {
                format!(
                    "`{name}` cannot stand beside `{other}`: in the names of environment variables, which hold secrets, both are `{variable}`"
                )
            }));
        }
        seen.insert(variable, name);
        if let Setting::Text(text) = setting
            && !notify::is_header_value(text)
        {
            return Err(D::Error::custom(format!(
                "the value of `{name}` has something that no header can have, such as a line break"
            )));
        }
    }
    Ok(headers)
}

/// The name of a header as a part of an environment variable's.
pub fn in_variable(header: &str) -> String {
    let letter = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_ascii_uppercase(),
        _ => '_',
    };
    header.chars().map(letter).collect()
}

fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = lenient::optional_text(deserializer)?;
    match text.as_deref().map(check_template) {
        Some(Err(error)) => Err(D::Error::custom(error)),
        _ => Ok(text),
    }
}

pub(super) fn secret_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = lenient::text(deserializer)?;
    if is_dns_subdomain(&name) {
        return Ok(name);
    }
    Err(D::Error::custom(format!(
        "`{name}` cannot be the name of a secret: small letters, digits, `-` and `.`"
    )))
}

fn secret_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let key = lenient::text(deserializer)?;
    let inside = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if !key.is_empty() && key.len() <= 253 && key.chars().all(inside) {
        return Ok(key);
    }
    Err(D::Error::custom(format!(
        "`{key}` cannot be a key of a secret: letters, digits, `-`, `_` and `.`"
    )))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Channel, Notification, Setting};

    fn read(notification: Value) -> Result<Notification, String> {
        serde_json::from_value(notification).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let read = read(json!({"webhook": {"url": "http://a", "headers": {"X-A": 1}}})).unwrap();
        assert_eq!((read.timeout, read.retries), (Duration::from_secs(10), 3));
        assert!(read.on.is_empty());
        let Channel::Webhook(webhook) = read.to else { panic!() };
        assert_eq!(webhook.headers["X-A"], Setting::Text("1".to_owned()));
        assert_eq!(webhook.body, None);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let with = |key: &str, value: Value| json!({"slack": {"url": "http://a"}, key: value});
        let headers = |headers: Value| json!({"webhook": {"url": "http://a", "headers": headers}});
        let body = |body: &str| json!({"webhook": {"url": "http://a", "body": body}});
        let url = |url: Value| json!({"slack": {"url": url}});
        for (notification, said) in [
            (json!({}), "neither `slack` nor `webhook`"),
            (with("webhook", json!({"url": "http://a"})), "make it two entries"),
            (with("on", json!([])), "it would never be sent"),
            (with("on", json!(["failed"])), "unknown variant `failed`"),
            (with("timeout", json!(0)), "is not a duration of at most 10m"),
            (with("timeout", json!("11m")), "is not a duration of at most 10m"),
            (with("retries", json!(101)), "more than 100"),
            (url(json!("hooks.slack.com/secret")), "not a URL of http or https"),
            (url(json!({"secret": "My_Secret", "key": "a"})), "cannot be the name of a secret"),
            (url(json!({"secret": "a", "key": "a/b"})), "cannot be a key of a secret"),
            (url(json!({"secret": "a"})), "missing field `key`"),
            (url(json!(["a"])), "expected text, or {secret: NAME, key: KEY}"),
            (headers(json!({"a b": "x"})), "`a b` cannot be the name of a header"),
            (headers(json!({"X-A": "x", "x-a": "y"})), "`x-a` is there twice"),
            (headers(json!({"X-A": "x", "x_a": "y"})), "`x_a` cannot stand beside `X-A`"),
            (headers(json!({"X-A": "x", "X.A": "y"})), "both are `X_A`"),
            (headers(json!({"A": "x\ny"})), "the value of `A` has something"),
            (body("{% if %}"), "line 1 of the template"),
        ] {
            let found = read(notification.clone()).unwrap_err();
            assert!(found.contains(said), "{notification}: {found}");
            assert!(!found.contains("hooks.slack.com"), "{found}");
        }
        let method = json!({"webhook": {"url": "http://a", "method": "DELETE"}});
        assert!(read(method).unwrap_err().contains("unknown variant `DELETE`"));
    }
}
