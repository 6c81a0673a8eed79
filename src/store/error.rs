//! Why something is not in the store, in words that hold no secret: of what a
//! server answers only its code and message, and of requests no URL, which may
//! be signed.

use std::error::Error as StdError;
use std::path::PathBuf;

use object_store::client::HttpError;

/// Not everything was stored. What is there without a manifest is incomplete.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The URL is none of a place in a store.
    #[error("the URL of the store cannot be used: {0}")]
    Url(String),
    /// A setting that the store's client does not have.
    #[error("the store has no option `{name}`.{near}")]
    Option {
        /// As given.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// The settings together are not enough, or wrong.
    #[error("the store cannot be reached with these options: {0}")]
    Options(String),
    /// A file or folder that was to be stored.
    #[error("cannot store {}: {reason}", path.display())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no longer what it was when the upload began.
    #[error("{} changed while it was being stored ({what}): nothing may write to it by then", path.display())]
    Changed {
        /// The file or folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// Two items of one name.
    #[error("`{0}` is there twice: one would overwrite the other")]
    Twice(String),
    /// The store did not do what it was asked.
    #[error("cannot {action} {key} in {store}: {reason}")]
    Store {
        /// What was asked for.
        action: &'static str,
        /// Of which object.
        key: String,
        /// Where.
        store: String,
        /// What it said.
        reason: String,
    },
    /// The store says that it has something else than what it was given.
    #[error("{key} in {store} is not what was stored: {found}, and not {expected} bytes")]
    Different {
        /// The object.
        key: String,
        /// Where.
        store: String,
        /// What the store has.
        found: String,
        /// What it should have.
        expected: u64,
    },
    /// There is no manifest.
    #[error("the manifest cannot be written as JSON: {0}")]
    Manifest(String),
    /// This process was told to end.
    #[error("the upload was given up, since this process was told to end")]
    Stopped,
    /// Nothing that a user could have caused.
    #[error("the upload could not go on: {0}")]
    Runtime(String),
}

/// What the store's client says, with what would help.
pub(super) fn described(error: &object_store::Error) -> String {
    let top = error.to_string();
    let reason = reason(error);
    // Where the clouds' machines ask who they are.
    let metadata = ["169.254.", "metadata.google", "fd00:ec2"];
    if metadata.iter().any(|place| top.contains(place)) {
        return format!(
            "there are no credentials in the environment, and the cloud's metadata service gives none ({reason})"
        );
    }
    reason
}

fn reason(error: &object_store::Error) -> String {
    let mut chain: Vec<&(dyn StdError + 'static)> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        chain.push(error);
        next = error.source();
    }
    for (at, error) in chain.iter().enumerate() {
        if error.downcast_ref::<HttpError>().is_some() {
            return in_one_line(&chain[at + 1..]);
        }
        let text = error.to_string();
        for said in ["Server returned non-2xx status code: ", "Server returned error response: "] {
            if let Some(answer) = text.strip_prefix(said) {
                return answered(answer);
            }
        }
        if text.starts_with("Received redirect without LOCATION") {
            return "the bucket is in another region: set the option `region`".to_owned();
        }
    }
    match error {
        object_store::Error::NotFound { .. } => "there is no such object".to_owned(),
        // The innermost says what happened; those around it, to which request.
        _ => in_one_line(chain.last().map_or(&[][..], std::slice::from_ref)),
    }
}

fn in_one_line(chain: &[&(dyn StdError + 'static)]) -> String {
    let mut text = String::new();
    for error in chain {
        let said = error.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
    }
    if text.contains("timed out") { "no answer in time".to_owned() } else { text }
}

/// `403 Forbidden (AccessDenied: Access Denied)`
fn answered(answer: &str) -> String {
    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
    let status = if status.starts_with('<') { "an error" } else { status };
    let within = |before: &str, after: char| {
        let (_, rest) = body.split_once(before)?;
        let (text, _) = rest.split_once(after)?;
        let text = text.trim();
        let short = text.chars().count() <= 300;
        (!text.is_empty() && short).then(|| text.replace(['\n', '\r'], " "))
    };
    let code = within("<Code>", '<');
    let message = within("<Message>", '<')
        .or_else(|| within("\"message\": \"", '"'))
        .or_else(|| within("\"message\":\"", '"'));
    match (code, message) {
        (Some(code), Some(message)) => format!("{status} ({code}: {message})"),
        (Some(one), None) | (None, Some(one)) => format!("{status} ({one})"),
        (None, None) => status.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::answered;

    #[test]
    fn of_an_answer_only_code_and_message_are_told() {
        let body = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>It does\nnot match.</Message><AWSAccessKeyId>hidden</AWSAccessKeyId><StringToSign>hidden</StringToSign></Error>";
        assert_eq!(answered(body), "403 Forbidden (SignatureDoesNotMatch: It does not match.)");
        let json = "401 Unauthorized: {\"error\": {\"code\": 401, \"message\": \"Invalid\", \"token\": \"hidden\"}}";
        assert_eq!(answered(json), "401 Unauthorized (Invalid)");
        assert_eq!(answered("502 Bad Gateway: <html>hidden</html>"), "502 Bad Gateway");
        assert_eq!(answered("503 Service Unavailable: "), "503 Service Unavailable");
    }
}
