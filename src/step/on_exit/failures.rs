//! The steps that failed, out of what Argo says of a run's end.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde::Deserialize;

use crate::notify::Failure;

/// A node of the workflow that failed, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FailedNode {
    display_name: String,
    message: String,
    template_name: String,
    finished_at: Option<String>,
}

/// The steps that failed, in the order of their ends.
///
/// Argo (3.6.15 to 4.0.2) lists every node that failed, in no order: the graph
/// itself, and of steps that are tried again each try (`train(0)`), also where
/// the step has succeeded in the end. A step is what is called as its template.
pub(super) fn failed_steps(list: &str) -> Vec<Failure> {
    let nodes: Vec<FailedNode> = serde_json::from_str(list).unwrap_or_default();
    let mut last_tries: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for node in &nodes {
        let Some(number) = try_of(node) else { continue };
        let latest = last_tries.entry(&node.template_name).or_insert((number, &node.message));
        if number >= latest.0 {
            *latest = (number, &node.message);
        }
    }
    let mut steps: Vec<&FailedNode> = nodes
        .iter()
        .filter(|node| {
            !node.display_name.is_empty()
                && (node.template_name.is_empty() || node.display_name == node.template_name)
        })
        .collect();
    steps.sort_by_key(|node| (node.finished_at.as_deref().unwrap_or_default(), &node.display_name));
    steps.dedup_by_key(|node| &node.display_name);
    steps
        .into_iter()
        .map(|node| {
            // A step that was tried again has no words of its own.
            let own = last_tries.get(node.display_name.as_str()).map(|(_, message)| *message);
            let message = own.unwrap_or(&node.message);
            Failure {
                step: node.display_name.clone(),
                message: message.to_owned(),
                exit_code: exit_code(message),
            }
        })
        .collect()
}

/// Which try of its step a node is, from 0.
fn try_of(node: &FailedNode) -> Option<usize> {
    let rest = node.display_name.strip_prefix(node.template_name.as_str())?;
    rest.strip_prefix('(')?.strip_suffix(')')?.parse().ok()
}

/// The code in `Error (exit code 1)`.
fn exit_code(message: &str) -> Option<i64> {
    static CODE: OnceLock<Option<Regex>> = OnceLock::new();
    let code = CODE.get_or_init(|| Regex::new(r"\bexit code (\d+)\b").ok()).as_ref()?;
    code.captures(message)?.get(1)?.as_str().parse().ok()
}

/// Argo (3.6.15 to 4.0.2) gives the JSON list as a quoted string of Go, and
/// `"null"` where nothing failed. The pipeline gets a JSON list.
pub(super) fn plain_failures(text: &str) -> String {
    let list = unquoted(text).unwrap_or_else(|| text.to_owned());
    match serde_json::from_str::<Vec<serde_json::Value>>(&list) {
        Ok(_) => list,
        Err(_) => "[]".to_owned(),
    }
}

/// The text of a string literal of Go, as `strconv.Quote` writes it. JSON's
/// own rules are not enough: it lacks `\a`, `\v`, `\x7f` and `\U0001f680`.
fn unquoted(text: &str) -> Option<String> {
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        bytes.extend(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        let digits = match escape {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        if digits == 0 {
            bytes.push(match escape {
                b'a' => 0x07,
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 0x0b,
                b'f' => 0x0c,
                b'r' => b'\r',
                b'\\' | b'"' | b'\'' => escape,
                _ => return None,
            });
            continue;
        }
        let number = std::str::from_utf8(rest.get(..digits)?).ok()?;
        let code = u32::from_str_radix(number, 16).ok()?;
        rest = &rest[digits..];
        match u8::try_from(code) {
            // A byte of its own: part of text that was not UTF-8.
            Ok(byte) if digits == 2 => bytes.push(byte),
            _ => bytes.extend(char::from_u32(code)?.to_string().bytes()),
        }
    }
    bytes.extend(rest);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{failed_steps, plain_failures};

    #[test]
    fn failures_are_a_list_however_argo_wrote_them() {
        let list = r#"[{"displayName":"a","message":"exit code 1"}]"#;
        let twice = serde_json::to_string(list).unwrap();
        assert_eq!(plain_failures(&twice), list);
        assert_eq!(plain_failures(list), list);
        // Go's own escapes, which JSON lacks.
        let go = r#""[{\"message\":\"it said \\\"no\\\" \x7f \U000e0001 \u2028 \\n\"}]""#;
        let text = plain_failures(go);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed[0]["message"], "it said \"no\" \u{7f} \u{e0001} \u{2028} \n");
        for nothing in
            ["", "null", "\"null\"", "{{workflow.failures}}", "\"\\", "\"\\x\"", "\"é\\é\""]
        {
            assert_eq!(plain_failures(nothing), "[]", "{nothing:?}");
        }
    }

    #[test]
    fn only_steps_that_failed_in_the_end_are_failed_steps() {
        // What the controller of Argo 3.7.12 makes of a graph in which `flaky`
        // has succeeded at its second try, and `train` has failed at both.
        let mut nodes = [
            r#"{"displayName":"tiny-x7k2p","message":"","templateName":"pipeline--graph","phase":"Failed","podName":"p","finishedAt":"2026-01-31T12:00:09Z"}"#,
            r#"{"displayName":"flaky(0)","message":"Error (exit code 3)","templateName":"flaky","phase":"Failed","podName":"p","finishedAt":"2026-01-31T12:00:01Z"}"#,
            r#"{"displayName":"train(0)","message":"Error (exit code 1)","templateName":"train","phase":"Failed","podName":"p","finishedAt":"2026-01-31T12:00:02Z"}"#,
            r#"{"displayName":"train(1)","message":"OOMKilled (exit code 137)","templateName":"train","phase":"Failed","podName":"p","finishedAt":"2026-01-31T12:00:03Z"}"#,
            r#"{"displayName":"train","message":"No more retries left","templateName":"train","phase":"Failed","podName":"p","finishedAt":"2026-01-31T12:00:08Z"}"#,
            r#"{"displayName":"report","message":"Pod was rejected","templateName":"report","phase":"Error","podName":"p","finishedAt":"2026-01-31T12:00:04Z"}"#,
        ];
        for _ in 0..nodes.len() {
            nodes.rotate_left(1);
            let failed = failed_steps(&format!("[{}]", nodes.join(",")));
            let shown: Vec<_> = failed
                .iter()
                .map(|failure| (failure.step.as_str(), failure.message.as_str(), failure.exit_code))
                .collect();
            assert_eq!(
                shown,
                [
                    ("report", "Pod was rejected", None),
                    ("train", "OOMKilled (exit code 137)", Some(137))
                ]
            );
        }
        assert_eq!(failed_steps("no list"), []);
    }
}
