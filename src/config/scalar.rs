//! What an unquoted word means in YAML 1.1 as PyYAML reads it, since that is
//! what Kedro reads the same file with.

use std::sync::OnceLock;

use regex_lite::Regex;

use super::tree::Value;

/// Resolves a plain (unquoted) scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    integer(text)
        .map(Value::Int)
        .or_else(|| float(text).map(Value::Float))
        .unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn integer(text: &str) -> Option<i64> {
    static SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    // PyYAML's own resolver, in its order: binary, octal, decimal, hexadecimal, base 60.
    let shape = SHAPE
        .get_or_init(|| {
            Regex::new(
                r"^[-+]?(0b[0-1_]+|0[0-7_]+|(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
            )
            .ok()
        })
        .as_ref()?;
    if !shape.is_match(text) {
        return None;
    }
    let digits = text.replace('_', "");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let value = if let Some(binary) = digits.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else {
        digits
            .split(':')
            .try_fold(0i64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?
    };
    value.checked_mul(sign)
}

fn float(text: &str) -> Option<f64> {
    static SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    let shape = SHAPE
        .get_or_init(|| {
            Regex::new(r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$").ok()
        })
        .as_ref()?;
    shape.is_match(text).then(|| text.replace('_', "").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Value, resolve};

    #[test]
    fn reads_words_as_pyyaml_does() {
        // Each pair was read by PyYAML 6.
        let text = |text: &str| Value::Text(text.to_owned());
        for (word, meaning) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("none", text("none")),
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("oN", text("oN")),
            ("12", Value::Int(12)),
            ("-1_000", Value::Int(-1000)),
            ("010", Value::Int(8)),
            ("0x1F", Value::Int(31)),
            ("1:30", Value::Int(90)),
            ("09", text("09")),
            ("1.5", Value::Float(1.5)),
            ("1.0e-05", Value::Float(1e-5)),
            ("1e-05", text("1e-05")),
            ("500m", text("500m")),
            ("2020-01-31", text("2020-01-31")),
            ("99999999999999999999", text("99999999999999999999")),
        ] {
            assert_eq!(resolve(word), meaning, "{word:?}");
        }
    }
}
