//! The termination message: one line of JSON for whoever looks at the pod
//! after its end (`kubectl describe`, Argo's and Kubeflow's pages).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::libc;
use serde_json::{Map, Value};

use crate::env_vars;

/// The most that is written. All containers of a pod share 12 KiB.
pub const LIMIT: usize = 2048;

/// The most of one text where not all fits.
const TEXT_LIMIT: usize = 600;

/// Where Kubernetes reads it, unless the container says otherwise.
const DEFAULT_PATH: &str = "/dev/termination-log";

/// The file of the termination message.
#[derive(Debug, Clone)]
pub struct Log(PathBuf);

/// A termination message. Empty fields are left out.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// `running`, `succeeded` or `failed`.
    pub state: &'static str,
    /// The exit code of the container.
    pub exit_code: Option<u8>,
    /// The signal that ended the child.
    pub signal: Option<String>,
    /// Why, in one word for programs.
    pub reason: &'static str,
    /// Why, for people.
    pub message: String,
    /// What the caller knows besides: the kind of a step, its nodes.
    pub fields: Map<String, Value>,
    /// The last line of a Python traceback.
    pub exception: Option<String>,
    /// The last of what was said on standard error.
    pub stderr: String,
}

impl Log {
    /// The file that the environment names, else Kubernetes' own where there
    /// is one. The steps of a local run leave that alone: the container, if
    /// there is one, is not theirs.
    pub fn from_environment() -> Option<Self> {
        if let Some(path) = std::env::var_os(env_vars::KUBEDRO_TERMINATION_LOG) {
            return (!path.is_empty()).then(|| Self(path.into()));
        }
        if std::env::var_os(env_vars::KUBEDRO_LOCAL).is_some() {
            return None;
        }
        let log = Self(DEFAULT_PATH.into());
        log.open(false).is_ok().then_some(log)
    }

    /// Writes the message in the place of the one before. It is no reason to
    /// fail where that is not possible, so it is said and that is all.
    pub fn write(&self, message: &Message) {
        // The file is mounted by itself: it cannot be replaced by another one.
        let written = self.open(true).and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(message.to_json().as_bytes())
        });
        if let Err(error) = written {
            tracing::warn!("cannot write the termination message {}: {error}", self.0.display());
        }
    }

    fn open(&self, create: bool) -> io::Result<File> {
        let file = OpenOptions::new()
            .write(true)
            .create(create)
            // A pipe that nobody reads must not hold us.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&self.0)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"))
        }
    }
}

impl Message {
    /// One line of JSON of at most [`LIMIT`] bytes. What is too long is cut:
    /// first the beginning of standard error, then the ends of the texts, then
    /// the caller's fields from the last to the first.
    pub fn to_json(&self) -> String {
        let fits = |message: &Self| message.whole().len() <= LIMIT;
        if fits(self) {
            return self.whole();
        }
        let mut message = Self { stderr: String::new(), ..self.clone() };
        if !fits(&message) {
            message.message = shortened(&message.message);
            message.exception = message.exception.as_deref().map(shortened);
        }
        while !fits(&message) && message.fields.pop_last() {}
        message.stderr = longest(&self.stderr, end_of, |text| {
            let whole = Self { stderr: text.to_owned(), ..message.clone() };
            fits(&whole)
        });
        message.whole()
    }

    fn whole(&self) -> String {
        let mut all = Map::new();
        let mut text = |name: &str, value: &str| {
            if !value.is_empty() {
                all.insert(name.to_owned(), value.into());
            }
        };
        text("state", self.state);
        text("reason", self.reason);
        text("message", &self.message);
        text("exception", self.exception.as_deref().unwrap_or_default());
        text("signal", self.signal.as_deref().unwrap_or_default());
        if let Some(code) = self.exit_code {
            all.insert("exit_code".to_owned(), code.into());
        }
        for (name, value) in &self.fields {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
        if !self.stderr.is_empty() {
            all.insert("stderr".to_owned(), self.stderr.clone().into());
        }
        Value::Object(all).to_string()
    }
}

trait PopLast {
    /// Whether there was one.
    fn pop_last(&mut self) -> bool;
}

impl PopLast for Map<String, Value> {
    fn pop_last(&mut self) -> bool {
        let last = self.keys().next_back().cloned();
        last.is_some_and(|name| self.shift_remove(&name).is_some())
    }
}

/// How long the text is as JSON.
fn in_json(text: &str) -> usize {
    Value::from(text).to_string().len()
}

fn shortened(text: &str) -> String {
    longest(text, start_of, |text| in_json(text) <= TEXT_LIMIT)
}

fn end_of(text: &str, length: usize) -> &str {
    let mut at = text.len() - length;
    while !text.is_char_boundary(at) {
        at += 1;
    }
    &text[at..]
}

fn start_of(text: &str, length: usize) -> &str {
    let mut at = length;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    &text[..at]
}

/// The longest part of the text that fits; where it is cut, `…` says so.
fn longest(text: &str, part: fn(&str, usize) -> &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    let marked = |length: usize| {
        let kept = part(text, length);
        // The cut is where the text goes on.
        if text.starts_with(kept) { format!("{kept}…") } else { format!("…{kept}") }
    };
    // The number of bytes that certainly fit, and one that does not.
    let (mut some, mut too_many) = (0, text.len().min(2 * LIMIT));
    while too_many - some > 1 {
        let middle = usize::midpoint(some, too_many);
        if fits(&marked(middle)) {
            some = middle;
        } else {
            too_many = middle;
        }
    }
    if some == 0 { String::new() } else { marked(some) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{LIMIT, Message};

    fn parsed(message: &Message) -> Value {
        let json = message.to_json();
        assert!(json.len() <= LIMIT, "{} bytes", json.len());
        assert!(!json.contains('\n'));
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_short_message_is_whole() {
        let message = Message {
            state: "failed",
            exit_code: Some(1),
            reason: "Error",
            message: "it ended with 1".to_owned(),
            stderr: "a\nb\n".to_owned(),
            fields: json!({"step": "run", "state": "mine"}).as_object().unwrap().clone(),
            ..Message::default()
        };
        assert_eq!(
            message.to_json(),
            r#"{"state":"failed","reason":"Error","message":"it ended with 1","exit_code":1,"step":"run","stderr":"a\nb\n"}"#
        );
    }

    #[test]
    fn the_end_of_standard_error_is_kept() {
        let stderr = "é line\n".repeat(10_000);
        let whole =
            parsed(&Message { state: "failed", stderr: stderr.clone(), ..Message::default() });
        let kept = whole["stderr"].as_str().unwrap();
        assert!(kept.len() > LIMIT / 2, "{}", kept.len());
        assert!(kept.starts_with('…'));
        assert!(stderr.ends_with(kept.trim_start_matches('…')));
    }

    #[test]
    fn the_start_of_an_exception_is_kept() {
        let whole = parsed(&Message {
            state: "failed",
            exception: Some(format!("ValueError: {}", "x".repeat(5000))),
            stderr: "y".repeat(5000),
            message: "why".to_owned(),
            ..Message::default()
        });
        assert!(whole["exception"].as_str().unwrap().starts_with("ValueError: xxx"));
        assert!(whole["exception"].as_str().unwrap().ends_with("x…"));
        assert_eq!(whole["message"], "why");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn it_is_always_short_and_valid(
            stderr in "(.|\\n|\u{1}|é|🚀|\"){0,3000}",
            exception in proptest::option::of("(.|🚀|\u{7f}|\\\\){0,3000}"),
            message in "(.|é|\u{0}){0,3000}",
            field in "(.|é){0,3000}",
        ) {
            let fields = json!({"a": "b", "field": field}).as_object().unwrap().clone();
            let whole = parsed(&Message {
                state: "failed",
                exit_code: Some(255),
                reason: "GracePeriodExceeded",
                signal: Some("SIGRTMIN+30".to_owned()),
                stderr,
                exception,
                message,
                fields,
            });
            prop_assert_eq!(&whole["exit_code"], &json!(255));
        }
    }
}
