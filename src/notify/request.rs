//! One notification as a request, made before anything is sent, and one try to
//! send it. Neither the URL nor the headers nor what the server answers is ever
//! shown: each may be a secret. Only the server's name is.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};

use super::delivery::Try;
use super::notification::{Channel, Method, Setting};
use super::report::RunReport;
use super::{slack, template};
use crate::http;

/// Bytes of an answer that are looked at.
const LONGEST_ANSWER: usize = 1024;

/// A request that can be sent again and again.
#[derive(Debug)]
pub(super) struct Prepared {
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    body: String,
}

/// There is no request.
#[derive(Debug)]
pub(super) enum Unprepared {
    /// A secret is not here.
    NotSet(String),
    /// Something in it cannot be used.
    Unusable(String),
}

pub(super) fn prepare(to: &Channel, report: &RunReport) -> Result<Prepared, Unprepared> {
    let unusable = |why: String| Unprepared::Unusable(why);
    match to {
        Channel::Slack { url } => Ok(Prepared {
            method: reqwest::Method::POST,
            url: address(url)?,
            headers: json(),
            body: slack::body(report),
        }),
        Channel::Webhook { url, method, headers: own, body } => {
            let mut headers = json();
            for (name, value) in own {
                let parsed: HeaderName = name
                    .parse()
                    .map_err(|_| unusable(format!("`{name}` is no name of a header")))?;
                let mut value = HeaderValue::from_str(&text(value)?)
                    .map_err(|_| unusable(format!("the value of the header {name} is not one")))?;
                value.set_sensitive(true);
                headers.insert(parsed, value);
            }
            let body = match body {
                Some(body) => {
                    template::render(body, report).map_err(|error| unusable(error.to_string()))?
                }
                None => report.to_json(),
            };
            let method = match method {
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
                Method::Patch => reqwest::Method::PATCH,
                Method::Get => reqwest::Method::GET,
            };
            Ok(Prepared { method, url: address(url)?, headers, body })
        }
    }
}

fn json() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// The text itself. What comes from a secret often ends in a line break.
fn text(setting: &Setting) -> Result<String, Unprepared> {
    match setting {
        Setting::Text(text) => Ok(text.clone()),
        Setting::Variable { name, of } => match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(Unprepared::NotSet(format!(
                "the variable {name} is not set, which stands for the key `{}` of the secret `{}`",
                of.key, of.secret
            ))),
        },
    }
}

fn address(setting: &Setting) -> Result<Url, Unprepared> {
    let what = match setting {
        Setting::Text(_) => "its URL".to_owned(),
        Setting::Variable { name, .. } => format!("the value of {name}"),
    };
    is_address(&text(setting)?)
        .ok_or_else(|| Unprepared::Unusable(format!("{what} is not a URL of http or https")))
}

/// The URL, if requests can go there.
pub(super) fn is_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Whether this can be the name of a header.
pub fn is_header_name(name: &str) -> bool {
    name.parse::<HeaderName>().is_ok()
}

/// Whether this can be the value of a header.
pub fn is_header_value(value: &str) -> bool {
    HeaderValue::from_str(value).is_ok()
}

impl Prepared {
    /// The server's name, which is all of the URL that is shown.
    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// One try.
    pub async fn send(&self, client: &Client, timeout: Duration, is_slack: bool) -> Try {
        let mut request = client
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone())
            .timeout(timeout);
        if self.method != reqwest::Method::GET {
            request = request.body(self.body.clone());
        }
        let host = self.host();
        match request.send().await {
            Err(error) => {
                let hopeless = error.is_builder();
                let mut why = http::described(error);
                if why.contains("certificate") {
                    why.push_str(" (SSL_CERT_FILE names the authorities that are trusted)");
                }
                let why = format!("{host}: {why}");
                if hopeless { Try::Refused(why) } else { Try::Later(why, None) }
            }
            Ok(response) => self.answered(response, is_slack).await,
        }
    }

    async fn answered(&self, response: Response, is_slack: bool) -> Try {
        let (host, status) = (self.host(), response.status());
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value, Timestamp::now()));
        let said = if is_slack { word(response).await } else { None };
        let why = match &said {
            Some(word) if !status.is_success() => format!("{host} answered {status} ({word})"),
            _ => format!("{host} answered {status}"),
        };
        if status.is_success() {
            return match said.as_deref() {
                None if is_slack => {
                    Try::Refused(format!("{host} did not answer `ok`, as Slack does"))
                }
                Some(word) if word != "ok" => Try::Refused(format!("{host} answered `{word}`")),
                _ => Try::Taken,
            };
        }
        if status.is_redirection() {
            return Try::Refused(format!(
                "{why}, a redirect that is not followed: only 307 and 308 within one server are"
            ));
        }
        let later = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if later { Try::Later(why, wait) } else { Try::Refused(why) }
    }
}

/// What Slack says: `ok`, or a word such as `no_service`. Anything else is not
/// Slack's, and not for the log.
async fn word(mut response: Response) -> Option<String> {
    let mut answer = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        answer.extend(chunk);
        if answer.len() > LONGEST_ANSWER {
            return None;
        }
    }
    let word = String::from_utf8(answer).ok()?.trim().to_owned();
    let plain = !word.is_empty()
        && word.len() <= 60
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    plain.then_some(word)
}

/// A number of seconds, or a time.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(time.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderValue;

    use super::{is_address, retry_after};

    #[test]
    fn how_long_a_server_asks_to_wait() {
        let now = "2026-01-31T12:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(7)),
            ("Sat, 31 Jan 2026 12:00:30 GMT", Some(30)),
            ("Sat, 31 Jan 2026 11:00:30 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let found = retry_after(&HeaderValue::from_static(text), now);
            assert_eq!(found, wait.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn where_requests_can_go() {
        assert!(is_address("https://hooks.slack.com/services/T/B/x").is_some());
        for text in ["", "hooks.slack.com/x", "ftp://a/b", "file:///etc/passwd", "https://"] {
            assert!(is_address(text).is_none(), "{text}");
        }
    }
}
