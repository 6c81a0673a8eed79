//! `${…}` in the values of `kubeflow.yaml`, in the two syntaxes that Kedro's
//! configuration loaders have: `${name}` and `${name|default}`
//! (TemplatedConfigLoader, with `KEDRO_CONFIG_*` as the names), and
//! `${oc.env:NAME,default}` (OmegaConf's resolver for environment variables).

use std::collections::BTreeMap;

use super::problem::Problem;
use super::tree::{Node, Value};
use crate::diagnostic::Code;
use crate::names::did_you_mean;

/// What the names stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// `commit_id` → the value of `KEDRO_CONFIG_COMMIT_ID`, and the plan's own.
    pub variables: &'a BTreeMap<String, String>,
    /// The whole environment, for `oc.env`.
    pub environment: &'a BTreeMap<String, String>,
}

/// Replaces every `${…}` in the tree; collects all that cannot be.
pub(super) fn interpolate(node: &mut Node, names: &Names<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::Text(text) if text.contains("${") => match expand(text, names) {
            Ok(Expanded::Text(new)) => node.value = Value::Text(new),
            Ok(Expanded::Null) => node.value = Value::Null,
            Err((message, help)) => problems.push(
                Problem::new(Code::UndefinedVariable, message, node.source, node.span.clone())
                    .help(help),
            ),
        },
        Value::Sequence(items) => {
            for item in items {
                interpolate(item, names, problems);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                interpolate(&mut entry.node, names, problems);
            }
        }
        _ => {}
    }
}

enum Expanded {
    Text(String),
    Null,
}

/// What is wrong, and what to do.
type Undefined = (String, String);

fn expand(text: &str, names: &Names<'_>) -> Result<Expanded, Undefined> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let inner = &rest[start + 2..start + length];
        if inner.contains("${") {
            return Err((
                format!("`${{…}}` within `${{…}}` is not understood: {text}"),
                "give the inner one its own variable".to_owned(),
            ));
        }
        let whole = result.is_empty() && start == 0 && rest.len() == length + 1;
        result.push_str(&rest[..start]);
        match value_of(inner, names)? {
            Some(value) => result.push_str(&value),
            None if whole => return Ok(Expanded::Null),
            None => result.push_str("None"),
        }
        rest = &rest[start + length + 1..];
    }
    result.push_str(rest);
    Ok(Expanded::Text(result))
}

/// The value of what stands between `${` and `}`; `None` for OmegaConf's `null`.
fn value_of(inner: &str, names: &Names<'_>) -> Result<Option<String>, Undefined> {
    if let Some(arguments) = inner.trim_start().strip_prefix("oc.env:") {
        let (name, default) = match arguments.split_once(',') {
            Some((name, default)) => (name.trim(), Some(default.trim())),
            None => (arguments.trim(), None),
        };
        if let Some(value) = names.environment.get(name) {
            return Ok(Some(value.clone()));
        }
        return match default {
            Some("null") => Ok(None),
            Some(default) => Ok(Some(unquoted(default).to_owned())),
            None => Err((
                format!("the environment variable `{name}` is not set"),
                format!("set it, or give a default: ${{oc.env:{name}, default}}"),
            )),
        };
    }
    if let Some((resolver, _)) = inner.split_once(':').filter(|(name, _)| !name.contains('|')) {
        return Err((
            format!("the resolver `{}` is not known", resolver.trim()),
            "known are ${name}, ${name|default} and ${oc.env:NAME, default}".to_owned(),
        ));
    }
    let (name, default) = match inner.split_once('|') {
        Some((name, default)) => (name.trim(), Some(default)),
        None => (inner.trim(), None),
    };
    if let Some(value) = names.variables.get(name) {
        return Ok(Some(value.clone()));
    }
    default.map(|text| Some(text.to_owned())).ok_or_else(|| {
        let near = did_you_mean(name, names.variables.keys().map(String::as_str));
        (
            format!("`${{{name}}}` stands for nothing.{near}"),
            format!(
                "set the environment variable KEDRO_CONFIG_{}, or give a default: ${{{name}|default}}",
                name.to_uppercase()
            ),
        )
    })
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{Expanded, Names, expand};

    fn expanded(text: &str) -> Result<Option<String>, String> {
        let variables = [("commit_id".to_owned(), "abc".to_owned())].into();
        let environment = [("TTL".to_owned(), "60".to_owned())].into();
        let names = Names { variables: &variables, environment: &environment };
        match expand(text, &names) {
            Ok(Expanded::Text(text)) => Ok(Some(text)),
            Ok(Expanded::Null) => Ok(None),
            Err((message, _)) => Err(message),
        }
    }

    #[test]
    fn both_syntaxes_with_their_defaults() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(expanded("image:${commit_id}"), some("image:abc"));
        assert_eq!(expanded("image:${commit_id|dirty}"), some("image:abc"));
        assert_eq!(expanded("${branch_name|local} ${commit_id}"), some("local abc"));
        assert_eq!(expanded("${branch_name|}"), some(""));
        assert_eq!(expanded("${oc.env:TTL}"), some("60"));
        assert_eq!(expanded("${oc.env:NONE, unknown-commit}"), some("unknown-commit"));
        assert_eq!(expanded("${oc.env:NONE,'a b'}"), some("a b"));
        assert_eq!(expanded("${oc.env:NONE,null}"), Ok(None));
        assert_eq!(expanded("${open"), some("${open"));
        assert_eq!(expanded("$5 {x}"), some("$5 {x}"));
    }

    #[test]
    fn what_stands_for_nothing_is_named() {
        assert!(expanded("${comit_id}").unwrap_err().contains("Did you mean `commit_id`?"));
        assert!(expanded("${oc.env:NONE}").unwrap_err().contains("`NONE` is not set"));
        assert!(expanded("${globals:x}").unwrap_err().contains("`globals`"));
        assert!(expanded("${oc.env:A, ${oc.env:B, z}}").unwrap_err().contains("within"));
    }
}
