//! What looks like a secret: by its name, or by its own shape. Only ever the
//! name is shown.

use std::sync::OnceLock;

use regex_lite::Regex;
use serde_json::Value;

/// Shorter ones are words, switches and placeholders.
const SHORTEST: usize = 8;

/// Parts of names whose values are secrets.
const NAMES: &str = r"(?i)(^|[_.-])(password|passwd|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key|client_?secret|auth_?token)$|(?-i:[a-z](Password|Secret|Token|ApiKey|AccessKey|SecretKey|PrivateKey))$";

/// Shapes that only secrets have: private keys in PEM, a password or a token in
/// a URL, URLs that are secrets as a whole (incoming webhooks), and tokens of
/// AWS, GitHub, GitLab, Slack, Google and JSON web tokens.
const SHAPES: &str = r"(?i:https?://[^/\s]+/\S*[?&](token|access_token|auth|api_?key|key|code|secret|sig|signature|password)=[^&\s]{8})|\bhttps://(hooks\.slack\.com/(services|workflows|triggers)|(canary\.|ptb\.)?discord(app)?\.com/api/webhooks|[a-z0-9-]+\.webhook\.office\.com/webhookb2)/\S|\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]+@|-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bglpat-[A-Za-z0-9_-]{20}|\bxox[abposr]-[A-Za-z0-9-]{10}|\bAIza[A-Za-z0-9_-]{35}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.";

/// The first name below `name`, with dots between keys, whose value looks like
/// a secret.
pub(super) fn secret_within(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => is_secret(name, text).then(|| name.to_owned()),
        Value::Object(entries) => {
            entries.iter().find_map(|(key, inner)| secret_within(&format!("{name}.{key}"), inner))
        }
        Value::Array(items) => items.iter().find_map(|item| secret_within(name, item)),
        _ => None,
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    static BY_NAME: OnceLock<Option<Regex>> = OnceLock::new();
    static BY_SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    let by_shape = BY_SHAPE.get_or_init(|| Regex::new(SHAPES).ok());
    let by_name = BY_NAME.get_or_init(|| Regex::new(NAMES).ok());
    by_shape.as_ref().is_some_and(|shape| shape.is_match(value))
        || (value.len() >= SHORTEST
            && !value.contains(char::is_whitespace)
            && !value.starts_with(['<', '['])
            && !value.contains("${")
            && by_name.as_ref().is_some_and(|names| names.is_match(name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::secret_within;

    #[test]
    fn by_name_and_by_shape() {
        for (name, value) in [
            ("db_password", json!("hunter2hunter2")),
            ("KEDRO_CONFIG_API_KEY", json!("0123456789")),
            ("anything", json!("ghp_0123456789abcdefghijABCDEFGHIJ012345")),
            ("aws_secret_key", json!("abcdefgh12")),
            ("dbPassword", json!("abcdefgh12")),
            ("database", json!("postgresql://me:pw@host/db")),
            ("url", json!("https://hooks.slack.com/services/T0/B0/abc")),
            ("url", json!("https://example.com/hook?a=1&token=0123456789")),
            ("url", json!("https://discord.com/api/webhooks/1/abc")),
            ("keys", json!(["-----BEGIN RSA PRIVATE KEY-----\nMII"])),
        ] {
            assert!(secret_within(name, &value).is_some(), "{name}");
        }
        let nested = json!({"user": "me", "token": "abcdefgh1234"});
        assert_eq!(secret_within("service", &nested).as_deref(), Some("service.token"));
        for (name, value) in [
            ("password", json!("")),
            ("password", json!("short")),
            ("max_tokens", json!("123456789")),
            ("eos_token", json!("<|endoftext|>")),
            ("credentials", json!("dev_s3_store")),
            ("site", json!("https://example.com:8080/a@b")),
            ("tokenizer", json!("bert-base-uncased")),
            ("token", json!(5)),
            ("url", json!("https://example.com/hook?key=short&page=token")),
            ("url", json!("https://api.slack.com/messaging/webhooks")),
            ("secret", json!("${oc.env:SECRET}")),
        ] {
            assert_eq!(secret_within(name, &value), None, "{name}");
        }
    }
}
