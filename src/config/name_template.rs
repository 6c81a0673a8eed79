//! Names of runs with parameters in them: Python's format strings, which
//! kedro-kubeflow fills with the parameters of a run (`{region}`).
//!
//! Only what can be said of a plain value is understood: the name, `!s`, `!r`.

use serde::de::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::{lenient, python_text};

/// A name that is complete when a run's parameters are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    written: String,
    pieces: Vec<Piece>,
    problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter { name: String, quoted: bool },
}

impl NameTemplate {
    /// Reads a format string. The error says what is wrong with it.
    pub fn parse(written: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if let Some(behind) = behind.strip_prefix(brace) {
                text.push_str(brace);
                rest = behind;
                continue;
            }
            let end = behind.find('}').filter(|_| brace == "{");
            let Some(end) = end else {
                return Err(format!("a single `{brace}`; as text it is written `{brace}{brace}`"));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(parameter(&behind[..end])?);
            rest = &behind[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self { written: written.to_owned(), pieces, problem: None })
    }

    /// Why it cannot be filled, where it cannot. Nothing but a run's name depends
    /// on it.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The parameters that it needs, each once, in their order.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            if let Piece::Parameter { name, .. } = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// The name with the parameters' values. The error is the name of the first
    /// parameter that is missing.
    pub fn render(&self, parameters: &Map<String, Json>) -> Result<String, &str> {
        let mut rendered = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Parameter { name, quoted } => {
                    let value = parameters.get(name).ok_or(name.as_str())?;
                    let write = if *quoted { python_text::repr } else { python_text::str };
                    rendered.push_str(&write(value));
                }
            }
        }
        Ok(rendered)
    }
}

/// What stands between two braces.
fn parameter(field: &str) -> Result<Piece, String> {
    let shown = format!("`{{{field}}}`");
    let (head, format) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = match head.split_once('!') {
        Some((name, conversion)) => (name, Some(conversion)),
        None => (head, None),
    };
    if field.contains('{') {
        return Err(format!("the `}}` of {shown} is missing"));
    }
    if name.is_empty() || name.chars().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("{shown} does not name a parameter"));
    }
    if name.contains(['.', '[', ']']) {
        return Err(format!("{shown} is a part of a parameter; only a whole one can be used"));
    }
    if !format.is_empty() {
        return Err(format!(
            "{shown} has a format; only {{{name}}}, {{{name}!s}} and {{{name}!r}} can be used"
        ));
    }
    let quoted = match conversion {
        None | Some("s") => false,
        Some("r") => true,
        Some(_) => {
            return Err(format!("{shown} has a conversion that is neither !s nor !r"));
        }
    };
    Ok(Piece::Parameter { name: name.to_owned(), quoted })
}

impl<'de> Deserialize<'de> for NameTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = lenient::text(deserializer)?;
        Ok(Self::parse(&written).unwrap_or_else(|problem| Self {
            pieces: vec![Piece::Text(written.clone())],
            written,
            problem: Some(problem),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value as Json, json};

    use super::NameTemplate;

    fn rendered(template: &str) -> Result<String, String> {
        let Json::Object(parameters) = json!({
            "a": "it's", "n": 5, "f": 1e16, "b": true, "l": [1, "x"], "none": null, "a b": 1, "ü": "ü",
        }) else {
            return Err(String::new());
        };
        let template = NameTemplate::parse(template)?;
        template.render(&parameters).map_err(|name| format!("no {name}"))
    }

    #[test]
    fn as_python_formats_them() {
        // Each text was made by str.format of Python 3.13.
        for (template, text) in [
            ("", ""),
            ("plain", "plain"),
            ("{a}", "it's"),
            ("{a!s}-{a!r}", "it's-\"it's\""),
            ("{n} {f} {b} {l} {none}", "5 1e+16 True [1, 'x'] None"),
            ("{{a}}", "{a}"),
            ("{{{a}}}", "{it's}"),
            ("}}{{", "}{"),
            ("{a:}{a!r:}", "it's\"it's\""),
            ("{a b}{ü}", "1ü"),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(text), "{template}");
        }
        assert_eq!(rendered("{a}{nope}{other}"), Err("no nope".to_owned()));
    }

    #[test]
    fn what_python_or_this_refuses() {
        for (template, word) in [
            ("{", "single `{`"),
            ("}", "single `}`"),
            ("a } b", "single `}`"),
            ("{a", "single `{`"),
            ("{a{b}}", "missing"),
            ("{}", "does not name"),
            ("{0}", "does not name"),
            ("{a.b}", "part of a parameter"),
            ("{a[0]}", "part of a parameter"),
            ("{a:>10}", "has a format"),
            ("{n:05d}", "has a format"),
            ("{a!a}", "conversion"),
            ("{a!}", "conversion"),
            ("{a!rs}", "conversion"),
        ] {
            let error = rendered(template).unwrap_err();
            assert!(error.contains(word), "{template}: {error}");
        }
    }

    #[test]
    fn names_the_parameters_that_it_needs() {
        let template = NameTemplate::parse("{b}-{a}-{b!r} {{c}}").unwrap();
        assert_eq!(template.names(), ["b", "a"]);
        assert_eq!(template.as_str(), "{b}-{a}-{b!r} {{c}}");
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in ".{0,40}", braces in "[{}a!:\\[\\].]{0,20}") {
            for text in [text, braces] {
                let _ = NameTemplate::parse(&text);
            }
        }

        #[test]
        fn a_text_with_doubled_braces_is_itself(text in ".{0,40}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            let template = NameTemplate::parse(&escaped).unwrap();
            prop_assert_eq!(template.render(&Map::new()), Ok(text));
        }
    }
}
