//! Values as Python writes them: what `str()` makes of a value that stands
//! within text, as both of Kedro's configuration loaders and `str.format` do.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// `str(value)`.
pub(super) fn str(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `str(value)` of any number, those among them that JSON lacks.
pub(super) fn float(value: f64) -> String {
    let mut text = String::new();
    write_float(&mut text, value);
    text
}

/// `repr(value)`.
pub(super) fn repr(value: &Json) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("None"),
        Json::Bool(true) => out.push_str("True"),
        Json::Bool(false) => out.push_str("False"),
        Json::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() => write_float(out, value),
            _ => out.push_str(&number.to_string()),
        },
        Json::String(text) => write_text(out, text),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(out, item);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_text(out, key);
                out.push_str(": ");
                write(out, item);
            }
            out.push('}');
        }
    }
}

/// The fewest digits that read back as the same number; an exponent below
/// 0.0001 and from 1e16 on.
fn write_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        out.push_str(if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        });
        return;
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // `{:?}` keeps `.0` behind a whole number.
        let plain = format!("{value}");
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a string does not fail.
        let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
}

/// In single quotes, unless the text has some and no double ones.
fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            ' '..='~' => out.push(character),
            _ if is_printable(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

fn is_printable(character: char) -> bool {
    // Behind a letter, so that a combining mark does not count as a beginning;
    // of the blanks, Python takes only the plain one as it is.
    let text = ['a', character].iter().collect::<String>();
    !character.is_whitespace() && text.escape_debug().eq(text.chars())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{float, repr, str};

    #[test]
    fn as_python_writes_them() {
        // Each text was written by Python 3.13.
        for (value, text) in [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(-7), "-7"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(1.0), "1.0"),
            (json!(-0.0), "-0.0"),
            (json!(2.5), "2.5"),
            (json!(0.0001), "0.0001"),
            (json!(0.000_01), "1e-05"),
            (json!(1.5e-7), "1.5e-07"),
            (json!(1e15), "1000000000000000.0"),
            (json!(123_456_789_012_345_680.0), "1.2345678901234568e+17"),
            (json!(1e16), "1e+16"),
            (json!(1e100), "1e+100"),
            (json!("a"), "'a'"),
            (json!("it's"), "\"it's\""),
            (json!("'\""), "'\\'\"'"),
            (json!("\\\n\t\r"), "'\\\\\\n\\t\\r'"),
            (json!("é→\u{301}😀"), "'é→\u{301}😀'"),
            (
                json!("\0\u{7f}\u{a0}\u{ad}\u{200b}\u{2028}\u{e000}\u{10ffff}"),
                "'\\x00\\x7f\\xa0\\xad\\u200b\\u2028\\ue000\\U0010ffff'",
            ),
            (json!([1, [], {}]), "[1, [], {}]"),
            (
                json!({"a": [true, null], "b c": {"d": "x"}}),
                "{'a': [True, None], 'b c': {'d': 'x'}}",
            ),
        ] {
            assert_eq!(repr(&value), text);
        }
        assert_eq!(str(&json!("a 'b'")), "a 'b'");
        assert_eq!(str(&json!(["a"])), "['a']");
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(float), ["nan", "-inf"]);
    }
}
