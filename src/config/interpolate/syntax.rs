//! What a text with `${…}` says, without knowing what the names stand for.
//!
//! OmegaConf's grammar (2.1 to 2.4): paths, resolvers with arguments, quotes,
//! lists, mappings and escapes, one within the other; beside it the one form of
//! TemplatedConfigLoader that OmegaConf lacks, `${name|default}`.

use std::ops::Range;
use std::sync::OnceLock;

use regex_lite::Regex;

use crate::config::tree::Value;

/// `${…}` within `${…}`.
const MOST_LEVELS: usize = 50;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// As it is, escapes undone.
    Text(String),
    Interpolation(Interpolation),
}

/// One `${…}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interpolation {
    /// Bytes of the text, from `$` to `}`.
    pub span: Range<usize>,
    pub kind: Kind,
}

/// What stands between the braces.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// `a.b[0]`; with dots before it, relative to the value's own place.
    Path { dots: usize, keys: Vec<Key> },
    /// `name|default`
    WithDefault { name: String, default: String },
    /// `name:argument, …`
    Resolver { name: Vec<Word>, arguments: Vec<Element> },
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub word: Word,
    /// Written as `[key]`.
    pub bracketed: bool,
}

/// A name, or what stands for one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Text(String),
    Interpolation(Box<Interpolation>),
}

/// An argument of a resolver.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    /// A word that is a number, a truth value or `null`, or any other text.
    Literal(Value),
    /// Without quotes; a single `${…}` keeps its type.
    Bare(Vec<Part>),
    /// In quotes: always text.
    Quoted(Vec<Part>),
    List(Vec<Element>),
    Mapping(Vec<(Value, Element)>),
}

/// A text that the grammar does not have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Malformed {
    pub message: String,
    /// From the `${` to what is wrong.
    pub span: Range<usize>,
    /// Whether it can only have been meant for OmegaConf.
    pub resolver: bool,
}

/// Reads a text. With `lenient`, a `${` that begins nothing is text, as it is
/// for TemplatedConfigLoader.
pub(super) fn parse(text: &str, lenient: bool) -> Result<Vec<Part>, Malformed> {
    Parser { text, at: 0, levels: 0, lenient }.text(None)
}

/// Reads a text as one argument of a resolver.
pub(super) fn parse_element(text: &str) -> Result<Element, Malformed> {
    let mut parser = Parser { text, at: 0, levels: 0, lenient: false };
    let blank = |character: Option<char>| character.is_some_and(is_blank);
    let element =
        if blank(text.chars().next()) { parser.primitive(true)? } else { parser.element(true)? };
    match parser.peek() {
        None if text.is_empty() => Err(parser.malformed(0, "a value is missing")),
        None => Ok(element),
        Some(found) => Err(parser.malformed(0, format!("`{found}` makes no sense here"))),
    }
}

/// The whole syntax of TemplatedConfigLoader: the place of each `${name}` and
/// `${name|default}`, the name, the default.
pub(super) fn names_with_defaults(text: &str) -> Vec<(Range<usize>, &str, Option<&str>)> {
    static SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    let shape = SHAPE.get_or_init(|| Regex::new(r"\$\{([A-Za-z0-9_.]+)(?:\|([^}]*))?\}").ok());
    let found = shape.iter().flat_map(|shape| shape.captures_iter(text));
    let read = found.filter_map(|found| {
        let default = found.get(2).map(|default| default.as_str());
        Some((found.get(0)?.range(), found.get(1)?.as_str(), default))
    });
    read.collect()
}

struct Parser<'text> {
    text: &'text str,
    at: usize,
    levels: usize,
    lenient: bool,
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn opens(&self) -> bool {
        self.rest().starts_with("${")
    }

    /// Goes on if this is what comes next.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_blank).len();
    }

    /// A complaint about what begins at `start`.
    fn malformed(&self, start: usize, message: impl Into<String>) -> Malformed {
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        Malformed { message: message.into(), span: start..end.max(start), resolver: false }
    }

    fn unexpected(&self, start: usize) -> Malformed {
        match self.peek() {
            Some(found) => {
                self.malformed(start, format!("`{}` makes no sense here", found.escape_debug()))
            }
            None => self.malformed(start, "its `}` is missing"),
        }
    }

    /// Text up to its end, or up to the quote.
    fn text(&mut self, quote: Option<char>) -> Result<Vec<Part>, Malformed> {
        let start = self.at;
        let mut parts = Vec::new();
        let mut plain = String::new();
        loop {
            let Some(next) = self.peek() else {
                if quote.is_some() {
                    return Err(self.malformed(start - 1, "the quote is not closed"));
                }
                break;
            };
            if next == '\\' {
                self.backslashes(quote, &mut plain);
            } else if Some(next) == quote {
                self.at += 1;
                break;
            } else if self.opens() {
                let begin = self.at;
                match self.interpolation() {
                    Ok(interpolation) => {
                        push_text(&mut parts, &mut plain);
                        parts.push(Part::Interpolation(interpolation));
                    }
                    Err(malformed) if self.lenient && self.levels == 0 && !malformed.resolver => {
                        plain.push_str("${");
                        self.at = begin + 2;
                    }
                    Err(malformed) => return Err(malformed),
                }
            } else {
                plain.push(next);
                self.at += next.len_utf8();
            }
        }
        push_text(&mut parts, &mut plain);
        Ok(parts)
    }

    /// Backslashes count only before `${` and before the quote.
    fn backslashes(&mut self, quote: Option<char>, plain: &mut String) {
        let rest = self.rest().trim_start_matches('\\');
        let count = self.rest().len() - rest.len();
        let closes = quote.is_some_and(|quote| rest.starts_with(quote));
        let kept = if rest.starts_with("${") || closes { count / 2 } else { count };
        plain.extend(std::iter::repeat_n('\\', kept));
        let escaped = match (kept < count && count % 2 == 1, quote) {
            (true, Some(quote)) if closes => String::from(quote),
            (true, _) => "${".to_owned(),
            (false, _) => String::new(),
        };
        plain.push_str(&escaped);
        self.at += count + escaped.len();
    }

    /// From `${` to its `}`.
    fn interpolation(&mut self) -> Result<Interpolation, Malformed> {
        let start = self.at;
        if self.levels == MOST_LEVELS {
            return Err(Malformed {
                resolver: true,
                ..self.malformed(start, "too many `${…}` within `${…}`")
            });
        }
        self.levels += 1;
        self.at += 2;
        let kind = match self.with_default(start) {
            Some(kind) => kind,
            None => self.path_or_resolver(start),
        };
        self.levels -= 1;
        Ok(Interpolation { kind: kind?, span: start..self.at })
    }

    /// `name|default}`: up to the first `}`, whatever stands there.
    fn with_default(&mut self, start: usize) -> Option<Result<Kind, Malformed>> {
        let of_a_name =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
        let name = self.rest();
        let length = name.len() - name.trim_start_matches(of_a_name).len();
        let name = name[..length].to_owned();
        if name.is_empty() || !self.text[self.at + length..].starts_with('|') {
            return None;
        }
        self.at += length + 1;
        let Some(end) = self.rest().find('}') else {
            self.at = self.text.len();
            return Some(Err(self.unexpected(start)));
        };
        let default = self.rest()[..end].to_owned();
        if default.contains("${") {
            let message = "the default behind `|` ends at the first `}`";
            return Some(Err(Malformed { resolver: true, ..self.malformed(start, message) }));
        }
        self.at += end + 1;
        Some(Ok(Kind::WithDefault { name, default }))
    }

    fn path_or_resolver(&mut self, start: usize) -> Result<Kind, Malformed> {
        self.skip_blanks();
        let mut dots = 0;
        while self.take('.') {
            dots += 1;
        }
        let mut keys = Vec::new();
        loop {
            let bracketed = self.take('[');
            let word = self.word(start)?;
            keys.push(Key { word, bracketed });
            if bracketed && !self.take(']') {
                return Err(self.unexpected(start));
            }
            if !self.take('.') && self.peek() != Some('[') {
                break;
            }
        }
        self.skip_blanks();
        if self.take('}') {
            return Ok(Kind::Path { dots, keys });
        }
        if self.peek() == Some(':') && dots == 0 && keys.iter().all(names_a_resolver) {
            self.at += 1;
            let name = keys.into_iter().map(|key| key.word).collect();
            return match self.sequence(start, '}') {
                Ok(arguments) => Ok(Kind::Resolver { name, arguments }),
                Err(malformed) => Err(Malformed { resolver: true, ..malformed }),
            };
        }
        Err(self.unexpected(start))
    }

    /// A key's name.
    fn word(&mut self, start: usize) -> Result<Word, Malformed> {
        if self.opens() {
            return Ok(Word::Interpolation(Box::new(self.interpolation()?)));
        }
        let mut word = String::new();
        while let Some(next) = self.peek() {
            if next == '\\' {
                let escaped = self.rest().chars().nth(1);
                let Some(escaped) = escaped.filter(|character| r"\.[]:=".contains(*character))
                else {
                    return Err(self.unexpected(start));
                };
                word.push(escaped);
                self.at += 2;
            } else if "{}()[]:. \t'\"".contains(next) {
                break;
            } else {
                word.push(next);
                self.at += next.len_utf8();
            }
        }
        if word.is_empty() {
            let missing = self.peek() == Some('}');
            return Err(if missing {
                self.malformed(start, "a name is missing")
            } else {
                self.unexpected(start)
            });
        }
        Ok(Word::Text(word))
    }

    /// Elements up to the closing bracket; a missing one is an empty text.
    fn sequence(&mut self, start: usize, close: char) -> Result<Vec<Element>, Malformed> {
        let empty = || Element::Literal(Value::Text(String::new()));
        let mut elements = Vec::new();
        let mut missing = true;
        loop {
            self.skip_blanks();
            if self.take(close) {
                if missing && !elements.is_empty() {
                    elements.push(empty());
                }
                return Ok(elements);
            }
            if self.take(',') {
                if missing {
                    elements.push(empty());
                }
                missing = true;
            } else if missing && !matches!(self.peek(), None | Some(']' | '}')) {
                elements.push(self.element(false)?);
                missing = false;
            } else {
                return Err(self.unexpected(start));
            }
        }
    }

    fn element(&mut self, keep_blanks: bool) -> Result<Element, Malformed> {
        let start = self.at;
        match self.peek() {
            Some('[') => {
                self.at += 1;
                self.nested(|parser| Ok(Element::List(parser.sequence(start, ']')?)))
            }
            Some('{') => {
                self.at += 1;
                self.nested(|parser| parser.mapping(start))
            }
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                Ok(Element::Quoted(self.text(Some(quote))?))
            }
            _ => self.primitive(keep_blanks),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        if self.levels == MOST_LEVELS {
            return Err(self.malformed(self.at - 1, "too many brackets within brackets"));
        }
        self.levels += 1;
        let result = read(self);
        self.levels -= 1;
        result
    }

    fn mapping(&mut self, start: usize) -> Result<Element, Malformed> {
        let mut entries = Vec::new();
        self.skip_blanks();
        if self.take('}') {
            return Ok(Element::Mapping(entries));
        }
        loop {
            self.skip_blanks();
            let key = self.bare(true, false)?;
            let key = match &key[..] {
                [Part::Text(text)] => literal(text),
                _ => return Err(self.malformed(start, "a key is missing")),
            };
            if !self.take(':') {
                return Err(self.unexpected(start));
            }
            self.skip_blanks();
            if matches!(self.peek(), None | Some(',' | ']' | '}')) {
                return Err(self.malformed(start, "a value is missing"));
            }
            entries.push((key, self.element(false)?));
            self.skip_blanks();
            if self.take('}') {
                return Ok(Element::Mapping(entries));
            }
            if !self.take(',') {
                return Err(self.unexpected(start));
            }
        }
    }

    /// A value without quotes.
    fn primitive(&mut self, keep_blanks: bool) -> Result<Element, Malformed> {
        let start = self.at;
        let parts = self.bare(false, keep_blanks)?;
        let escaped = self.text[start..self.at].contains('\\');
        Ok(match &parts[..] {
            [Part::Text(text)] if !escaped => Element::Literal(literal(text)),
            _ => Element::Bare(parts),
        })
    }

    /// Words up to a comma or a closing bracket. Blanks around them are no part
    /// of it, except behind a colon.
    fn bare(&mut self, key: bool, keep_blanks: bool) -> Result<Vec<Part>, Malformed> {
        let start = self.at;
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut blanks = String::new();
        while let Some(next) = self.peek() {
            match next {
                ',' | ']' | '}' => break,
                ':' if key => break,
                _ if is_blank(next) => {
                    blanks.push(next);
                    self.at += 1;
                    continue;
                }
                _ => plain.push_str(&std::mem::take(&mut blanks)),
            }
            if self.opens() && !key {
                push_text(&mut parts, &mut plain);
                parts.push(Part::Interpolation(self.interpolation()?));
                continue;
            }
            let escaped = self.rest().chars().nth(1).filter(|_| next == '\\');
            if let Some(escaped) = escaped.filter(|next| "\\()[]{}:=, \t".contains(*next)) {
                plain.push(escaped);
                self.at += 2;
            } else if next.is_ascii_alphanumeric() || r"_/-\+.$%*@?|:".contains(next) {
                plain.push(next);
                self.at += 1;
                while next == ':' && self.peek().is_some_and(is_blank) {
                    plain.extend(self.peek());
                    self.at += 1;
                }
            } else {
                let message =
                    format!("`{}` needs quotes around the whole value", next.escape_debug());
                return Err(self.malformed(start, message));
            }
        }
        if keep_blanks {
            plain.push_str(&blanks);
        }
        push_text(&mut parts, &mut plain);
        Ok(parts)
    }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain)));
    }
}

fn names_a_resolver(key: &Key) -> bool {
    let Word::Text(word) = &key.word else { return !key.bracketed };
    let begins = word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let of_a_name =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    !key.bracketed && begins && word.chars().all(of_a_name)
}

/// A word as OmegaConf's grammar types it (not YAML's: `1e3` is a number here,
/// `yes` is text).
fn literal(word: &str) -> Value {
    const INTEGER: &str = "(?:0|[1-9](?:_?[0-9])*)";
    static SHAPES: OnceLock<Option<(Regex, Regex)>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let digits = "[0-9](?:_?[0-9])*";
        let point = format!(r"(?:{INTEGER}\.|{INTEGER}?\.{digits})");
        let float =
            format!("^[+-]?(?:{point}|(?:{INTEGER}|{point})[eE][+-]?{digits}|(?i:inf|nan))$");
        Some((Regex::new(&format!("^[+-]?{INTEGER}$")).ok()?, Regex::new(&float).ok()?))
    });
    let Some((integer, float)) = shapes else { return Value::Text(word.to_owned()) };
    let number = || word.replace('_', "");
    match word {
        _ if word.eq_ignore_ascii_case("null") => Value::Null,
        _ if word.eq_ignore_ascii_case("true") => Value::Bool(true),
        _ if word.eq_ignore_ascii_case("false") => Value::Bool(false),
        _ if integer.is_match(word) => {
            number().parse().map_or_else(|_| Value::Text(number()), Value::Int)
        }
        _ if float.is_match(word) => {
            number().parse().map_or_else(|_| Value::Text(number()), Value::Float)
        }
        _ => Value::Text(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, Interpolation, Kind, Part, Value, literal, parse, parse_element};

    #[test]
    fn words_are_typed_as_omegaconf_types_them() {
        // Each pair was read by OmegaConf 2.4.
        let text = |text: &str| Value::Text(text.to_owned());
        for (word, meaning) in [
            ("NULL", Value::Null),
            ("tRuE", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("yes", text("yes")),
            ("-5", Value::Int(-5)),
            ("+5", Value::Int(5)),
            ("0", Value::Int(0)),
            ("007", text("007")),
            ("1_000", Value::Int(1000)),
            ("1__0", text("1__0")),
            ("0x1F", text("0x1F")),
            ("1.", Value::Float(1.0)),
            ("-.5", Value::Float(-0.5)),
            ("1E-2", Value::Float(0.01)),
            ("1_0.5", Value::Float(10.5)),
            ("-inf", Value::Float(f64::NEG_INFINITY)),
            ("infinity", text("infinity")),
            ("1.2.3", text("1.2.3")),
            ("1-2", text("1-2")),
            ("2020-01-31", text("2020-01-31")),
            ("1Gi", text("1Gi")),
            ("a b", text("a b")),
        ] {
            assert_eq!(literal(word), meaning, "{word}");
        }
        assert!(matches!(literal("NaN"), Value::Float(number) if number.is_nan()));
        // Python's numbers have no end; these ones are text from here on.
        assert_eq!(literal("+99_999999999999999999"), text("+99999999999999999999"));
    }

    #[test]
    fn each_knows_where_it_stands() {
        let parts = parse("é ${a} \\${b} ${oc.env:A, ${b}}", false).unwrap();
        let [
            Part::Text(first),
            Part::Interpolation(a),
            Part::Text(between),
            Part::Interpolation(env),
        ] = &parts[..]
        else {
            panic!("{parts:?}");
        };
        assert_eq!((first.as_str(), &a.span), ("é ", &(3..7)));
        assert_eq!((between.as_str(), &env.span), (" ${b} ", &(14..31)));
        let Kind::Resolver { arguments, .. } = &env.kind else { panic!("{env:?}") };
        let Element::Bare(inner) = &arguments[1] else { panic!("{arguments:?}") };
        assert!(
            matches!(&inner[..], [Part::Interpolation(Interpolation { span, .. })] if *span == (26..30))
        );
    }

    #[test]
    fn what_cannot_be_read_is_shown_to_its_end() {
        let malformed = parse("x ${a b} ${c}", false).unwrap_err();
        assert_eq!(&"x ${a b} ${c}"[malformed.span], "${a b");
        assert!(!malformed.resolver);
        assert!(parse("x ${f:a(} y", true).unwrap_err().resolver, "no text for either loader");
        assert_eq!(parse("x ${a b}", true), Ok(vec![Part::Text("x ${a b}".to_owned())]));
        let nested = parse("${a|${b}}", true).unwrap_err();
        assert!(nested.message.contains("ends at the first `}`"), "{nested:?}");
        assert!(parse_element("").is_err());
        assert!(parse_element("a, b").is_err());
    }
}
