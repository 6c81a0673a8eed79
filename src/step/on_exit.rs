//! Runs the on-exit pipeline: the parameters of the run, and with them what
//! became of it, as text (kedro-kubeflow 0.7.4: `status` and `failures`).

use super::kedro::{self, Parameter, Request, Selection};
use super::{Error, OnExit, Surroundings};
use crate::supervise::Outcome;

pub(super) fn execute(step: &OnExit, surroundings: Surroundings<'_>) -> Result<Outcome, Error> {
    let mut parameters = kedro::parameters(step.identity.parameters.text())?;
    let failures = plain_failures(step.failures.text());
    for (name, text) in [("status", step.status.text()), ("failures", failures.as_str())] {
        parameters.retain(|parameter| parameter.name != name);
        parameters.push(Parameter::text(name, text));
    }
    let request = Request::new(
        surroundings.project,
        Selection { env: &step.spec.env, pipeline: &step.spec.pipeline, ..Selection::default() },
        &step.identity,
        parameters,
    )?;
    kedro::run(request, surroundings)
}

/// Argo (3.6.15 to 4.0.2) gives the JSON list as a quoted string of Go, and
/// `"null"` where nothing failed. The pipeline gets a JSON list.
fn plain_failures(text: &str) -> String {
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
    use super::plain_failures;

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
}
