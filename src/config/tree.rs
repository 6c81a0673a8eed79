//! A YAML document as a tree in which every key and value knows its place.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value as Json};

use super::scalar;

/// An alias can stand for a tree; a few lines could stand for millions of nodes.
pub(super) const MOST_NODES: usize = 100_000;

/// Values within values; an alias could lead deeper than the parser goes.
pub(super) const MOST_LEVELS: usize = 256;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    /// Which file of [`super::Sources`].
    pub source: usize,
    pub span: Range<usize>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping and what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub source: usize,
    pub span: Range<usize>,
    pub node: Node,
}

/// A document that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub message: String,
    pub span: Range<usize>,
}

/// A key that stands twice in one mapping; the later one counts.
#[derive(Debug)]
pub(super) struct Repeated {
    pub key: String,
    pub span: Range<usize>,
}

/// One step of a path through the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

/// A path as people read it: `run_config.tolerations.train[0].key`.
pub(super) fn shown_path(path: &[Segment]) -> String {
    let mut shown = String::new();
    for segment in path {
        match segment {
            Segment::Key(key) => {
                if !shown.is_empty() {
                    shown.push('.');
                }
                shown.push_str(key);
            }
            Segment::Index(index) => {
                shown.push('[');
                shown.push_str(&index.to_string());
                shown.push(']');
            }
        }
    }
    shown
}

/// Reads one document. An empty one is an empty mapping.
pub(super) fn parse(text: &str, source: usize) -> Result<(Node, Vec<Repeated>), Unreadable> {
    let mut builder = Builder {
        text,
        source,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        repeated: Vec::new(),
        nodes: 0,
        levels: 0,
    };
    let node = builder.document()?;
    Ok((node, builder.repeated))
}

/// The keys of a document's top-level mapping, with their places (bytes). A
/// document that cannot be read has none.
pub fn top_level_keys(text: &str) -> Vec<(String, Range<usize>)> {
    match parse(text, 0) {
        Ok((Node { value: Value::Mapping(entries), .. }, _)) => {
            entries.into_iter().map(|entry| (entry.key, entry.span)).collect()
        }
        _ => Vec::new(),
    }
}

struct Builder<'text> {
    text: &'text str,
    source: usize,
    parser: Parser<'text, granit_parser::StrInput<'text>>,
    anchors: HashMap<usize, (Node, usize)>,
    repeated: Vec<Repeated>,
    nodes: usize,
    levels: usize,
}

impl<'text> Builder<'text> {
    fn document(&mut self) -> Result<Node, Unreadable> {
        let mut found = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if found.is_some() => {
                    return Err(self.refuse("a second document in one file", &span));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                other => found = Some(self.node(other, &span)?),
            }
        }
        Ok(found.unwrap_or(Node {
            value: Value::Mapping(Vec::new()),
            source: self.source,
            span: 0..0,
        }))
    }

    fn next(&mut self) -> Result<(Event<'text>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(self.text.len());
                let at = at.min(self.text.len());
                Err(Unreadable { message: error.kind().to_string(), span: at..at })
            }
            None => Ok((Event::StreamEnd, Span::empty(granit_parser::Marker::default()))),
        }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or(0..0);
        range.start.min(self.text.len())..range.end.min(self.text.len())
    }

    fn refuse(&self, message: impl Into<String>, span: &Span) -> Unreadable {
        Unreadable { message: message.into(), span: self.range(span) }
    }

    fn node(&mut self, event: Event<'text>, span: &Span) -> Result<Node, Unreadable> {
        let before = self.nodes;
        self.count(1, span)?;
        let start = self.range(span);
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let suffix = tag.as_ref().and_then(|tag| tag.core_suffix().map(str::to_owned));
                if tag.is_some() && suffix.is_none() {
                    return Err(self.refuse("a tag that Kedro does not know", span));
                }
                (scalar_value(&text, style, suffix.as_deref()), anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                self.levels += 1;
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, &span)?),
                    }
                }
                self.levels -= 1;
                (Value::Sequence(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                self.levels += 1;
                let value = self.mapping()?;
                self.levels -= 1;
                (value, anchor)
            }
            Event::Alias(target) => {
                let Some((node, size)) = self.anchors.get(&target) else {
                    return Err(self.refuse("an alias to a value that contains it", span));
                };
                let (node, size) = (node.clone(), *size);
                if self.levels + node.value.levels() > MOST_LEVELS {
                    return Err(self.refuse("a document nested too deeply", span));
                }
                self.count(size, span)?;
                return Ok(Node { span: start, ..node });
            }
            _ => return Err(self.refuse("YAML that makes no sense here", span)),
        };
        let node = Node { value, source: self.source, span: start };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), Unreadable> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(self.refuse("a document too large for a configuration", span));
        }
        Ok(())
    }

    fn mapping(&mut self) -> Result<Value, Unreadable> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, None));
            let written = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            let key_node = self.node(event, &span)?;
            let key = match (written, &key_node.value) {
                (Some(written), _) => written,
                (None, Value::Text(text)) => text.clone(),
                _ => return Err(self.refuse("a key that is not a word", &span)),
            };
            let (event, value_span) = self.next()?;
            let node = self.node(event, &value_span)?;
            if plain && key == "<<" {
                merged.extend(self.merge_key(node, &value_span)?);
                continue;
            }
            let entry = Entry { key, source: self.source, span: key_node.span, node };
            if let Some(old) = entries.iter_mut().find(|old| old.key == entry.key) {
                self.repeated.push(Repeated { key: entry.key.clone(), span: entry.span.clone() });
                *old = entry;
            } else {
                entries.push(entry);
            }
        }
        for entry in merged {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(Value::Mapping(entries))
    }

    fn merge_key(&self, node: Node, span: &Span) -> Result<Vec<Entry>, Unreadable> {
        match node.value {
            Value::Mapping(entries) => Ok(entries),
            Value::Sequence(items) => {
                let mut all = Vec::new();
                for item in items {
                    all.extend(self.merge_key(item, span)?);
                }
                Ok(all)
            }
            _ => Err(self.refuse("`<<` needs a mapping", span)),
        }
    }
}

impl Value {
    /// How deeply values lie within this one; a plain one has no levels.
    pub fn levels(&self) -> usize {
        let deepest = match self {
            Self::Sequence(items) => items.iter().map(|item| item.value.levels()).max(),
            Self::Mapping(entries) => entries.iter().map(|entry| entry.node.value.levels()).max(),
            _ => return 0,
        };
        1 + deepest.unwrap_or(0)
    }

    /// How many values it is, and how many bytes of text.
    pub fn size(&self) -> (usize, usize) {
        let add = |sum: (usize, usize), one: (usize, usize)| (sum.0 + one.0, sum.1 + one.1);
        match self {
            Self::Text(text) => (1, text.len()),
            Self::Sequence(items) => items.iter().map(|item| item.value.size()).fold((1, 0), add),
            Self::Mapping(entries) => {
                entries.iter().map(|entry| entry.node.value.size()).fold((1, 0), add)
            }
            _ => (1, 0),
        }
    }

    /// The value without its places.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::Number((*value).into()),
            Self::Float(value) => Number::from_f64(*value)
                .map_or_else(|| Json::String(value.to_string()), Json::Number),
            Self::Text(text) => Json::String(text.clone()),
            Self::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Self::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What came as JSON; all of it stands at one place.
    pub fn from_json(json: &Json, source: usize, span: &Range<usize>) -> Self {
        let node = |json: &Json| Node {
            value: Self::from_json(json, source, span),
            source,
            span: span.clone(),
        };
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Int(value),
                (None, Some(value)) if number.is_f64() => Self::Float(value),
                _ => Self::Text(number.to_string()),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::Sequence(items.iter().map(node).collect()),
            Json::Object(entries) => Self::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        source,
                        span: span.clone(),
                        node: node(value),
                    })
                    .collect(),
            ),
        }
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    let plain = match tag {
        Some("str") => false,
        Some(_) => true,
        None => style == ScalarStyle::Plain,
    };
    if !plain {
        return Value::Text(text.to_owned());
    }
    scalar::resolve(text)
}

impl Node {
    /// The value without its places.
    pub fn to_json(&self) -> Json {
        self.value.to_json()
    }

    /// The entry of a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Follows a path as far as it goes: the last node on it, and the place of
    /// the last key.
    pub fn follow(&self, path: &[Segment]) -> (&Self, Option<(usize, Range<usize>)>) {
        let mut node = self;
        let mut key = None;
        for segment in path {
            let next = match (segment, &node.value) {
                (Segment::Key(name), Value::Mapping(_)) => node.entry(name).map(|entry| {
                    key = Some((entry.source, entry.span.clone()));
                    &entry.node
                }),
                (Segment::Index(index), Value::Sequence(items)) => items.get(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        (node, key)
    }
}
