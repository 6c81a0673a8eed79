//! `${…}` in the values of `kubeflow.yaml`, as both of Kedro's configuration
//! loaders have it: OmegaConf's paths, relative paths and resolvers, and
//! TemplatedConfigLoader's names with a default behind `|`.
//!
//! A path is looked for in its own layer, as Kedro resolves each layer for
//! itself; then in the others. What only the project can resolve comes with the
//! names, resolved by the project's own loader. Knows nothing of what a key of
//! the file means.

mod lookup;
mod names;
mod resolvers;
mod syntax;

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value as Json;

use super::files::Files;
use super::problem::Problem;
use super::python_text;
use super::tree::{Entry, MOST_LEVELS, MOST_NODES, Node, Segment, Value};
use crate::diagnostic::Code;
use syntax::{Element, Interpolation, Kind, Malformed, Part, Word};

pub(super) use names::Names;
pub use names::{Answer, FromKedro, Loader, RESOLVERS, Raised, Rendered};

/// `${…}` that leads to `${…}`, and so on.
const MOST_STEPS: usize = 64;

/// Values that a document may grow to.
const MOST_VALUES: usize = 2 * MOST_NODES;

/// Bytes of text that a document may grow to.
const MOST_BYTES: usize = 8 << 20;

/// A place in the document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Location {
    layer: usize,
    path: Vec<Segment>,
}

impl Location {
    fn child(&self, segment: Segment) -> Self {
        let mut path = self.path.clone();
        path.push(segment);
        Self { layer: self.layer, path }
    }

    fn shown(&self) -> String {
        super::tree::shown_path(&self.path)
    }
}

/// What a text stands for: a value, or a section of the document whose own
/// `${…}` are not looked at yet.
#[derive(Debug, Clone)]
enum Computed<'a> {
    Value(Value),
    Section(Location, &'a Node),
}

impl Computed<'_> {
    /// As it is written within text. A section is written as it stands in the
    /// file, as OmegaConf does.
    fn text(&self) -> String {
        match self {
            Self::Value(Value::Text(text)) => text.clone(),
            Self::Value(Value::Float(number)) => python_text::float(*number),
            Self::Value(value) => python_text::str(&value.to_json()),
            Self::Section(_, node) => python_text::str(&node.to_json()),
        }
    }
}

/// Why there is no value.
#[derive(Debug, Clone)]
enum Stop {
    /// A problem says it.
    Said,
    /// Only the project may know this one.
    UnknownResolver { name: String, span: Range<usize> },
}

/// The text that is being evaluated, to find the place of a part of it.
#[derive(Debug, Clone, Copy)]
struct Site<'s> {
    at: &'s Location,
    node: &'s Node,
    text: &'s str,
    /// The part of the node's text that has made this text, where it is another.
    within: Option<(&'s str, &'s Range<usize>)>,
}

/// A part of a text, which leads somewhere.
type Reference<'s> = (Site<'s>, &'s Range<usize>);

/// Replaces `${…}` by what it stands for.
pub(super) struct Interpolator<'a> {
    layers: &'a [Node],
    files: &'a Files,
    names: Names<'a>,
    answers: HashMap<Location, &'a Answer>,
    known: HashMap<Location, Result<Computed<'a>, Stop>>,
    /// Texts that are being evaluated.
    pending: Vec<Location>,
    /// Texts that stand for a section which is being resolved in their place.
    filled: Vec<Location>,
    steps: usize,
    levels: usize,
    values: usize,
    bytes: usize,
    exhausted: bool,
    problems: Vec<Problem>,
}

impl<'a> Interpolator<'a> {
    pub fn new(layers: &'a [Node], files: &'a Files, names: Names<'a>) -> Self {
        let answers = names.kedro.answers.iter();
        let answers = answers
            .filter_map(|answer| {
                let path = answer.path.iter().map(segment).collect::<Option<Vec<_>>>()?;
                Some((Location { layer: answer.layer, path }, answer))
            })
            .collect();
        Self {
            layers,
            files,
            names,
            answers,
            known: HashMap::new(),
            pending: Vec::new(),
            filled: Vec::new(),
            steps: 0,
            levels: 0,
            values: 0,
            bytes: 0,
            exhausted: false,
            problems: Vec::new(),
        }
    }

    /// A top-level entry of a layer with all its `${…}` replaced. What cannot be
    /// is among the problems.
    pub fn entry(&mut self, layer: usize, entry: &'a Entry) -> Entry {
        let location = Location { layer, path: vec![Segment::Key(entry.key.clone())] };
        let node = self.resolved(&location, &entry.node, None);
        self.renamed(entry, node)
    }

    fn renamed(&mut self, entry: &Entry, node: Node) -> Entry {
        Entry { key: self.key(entry), source: entry.source, span: entry.span.clone(), node }
    }

    /// What is wrong.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// A node of the document with all its `${…}` replaced.
    fn resolved(
        &mut self,
        at: &Location,
        node: &'a Node,
        reference: Option<Reference<'_>>,
    ) -> Node {
        let same = |value| Node { value, source: node.source, span: node.span.clone() };
        let spent = if let Value::Text(text) = &node.value { text.len() } else { 0 };
        if self.spend(1, spent, node, reference).is_err() {
            return same(Value::Null);
        }
        self.levels += 1;
        let value = match &node.value {
            _ if self.levels > MOST_LEVELS => {
                // It is among the problems now.
                let _: Result<(), Stop> =
                    self.exhaust("values are nested too deeply", node, reference);
                Value::Null
            }
            Value::Sequence(items) => Value::Sequence(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        self.resolved(&at.child(Segment::Index(index)), item, reference)
                    })
                    .collect(),
            ),
            Value::Mapping(entries) => Value::Mapping(
                entries
                    .iter()
                    .map(|entry| {
                        let at = at.child(Segment::Key(entry.key.clone()));
                        let node = self.resolved(&at, &entry.node, reference);
                        self.renamed(entry, node)
                    })
                    .collect(),
            ),
            Value::Text(_) => match self.computed(at, node, reference) {
                Ok(Computed::Value(value)) => value,
                Ok(Computed::Section(..)) if self.filled.contains(at) => {
                    // It is among the problems now.
                    let _: Result<(), Stop> =
                        self.goes_round(at, &self.filled.clone(), node, reference);
                    Value::Null
                }
                Ok(Computed::Section(section_at, section)) => {
                    self.filled.push(at.clone());
                    let section = self.resolved(&section_at, section, reference);
                    self.filled.pop();
                    section.value
                }
                Err(_) => Value::Null,
            },
            plain => plain.clone(),
        };
        self.levels -= 1;
        same(value)
    }

    /// What a node stands for. `reference` is what has led here.
    fn computed(
        &mut self,
        at: &Location,
        node: &'a Node,
        reference: Option<Reference<'_>>,
    ) -> Result<Computed<'a>, Stop> {
        let text = match &node.value {
            Value::Text(text) if text.contains("${") => text,
            Value::Sequence(_) | Value::Mapping(_) => {
                return Ok(Computed::Section(at.clone(), node));
            }
            plain => return Ok(Computed::Value(plain.clone())),
        };
        if self.pending.contains(at) {
            return self.goes_round(at, &self.pending.clone(), node, reference);
        }
        let result = if let Some(known) = self.known.get(at) {
            known.clone()
        } else {
            self.pending.push(at.clone());
            let result = self.evaluated(at, node, text);
            self.pending.pop();
            self.known.insert(at.clone(), result.clone());
            result
        };
        if let Ok(Computed::Value(value)) = &result {
            let (values, bytes) = value.size();
            self.spend(values, bytes, node, reference)?;
        }
        result
    }

    /// A way that leads back to where it began.
    fn goes_round<T>(
        &mut self,
        at: &Location,
        way: &[Location],
        node: &Node,
        reference: Option<Reference<'_>>,
    ) -> Result<T, Stop> {
        let first = way.iter().position(|step| step == at).unwrap_or(0);
        let way: Vec<String> = way[first..].iter().chain([at]).map(Location::shown).collect();
        let (source, span) = self.place_of(node, reference);
        let message = format!("`{}` stands for itself", at.shown());
        self.say(
            Problem::new(Code::UndefinedVariable, message, source, span).label(way.join(" → ")),
        )
    }

    fn evaluated(
        &mut self,
        at: &Location,
        node: &'a Node,
        text: &str,
    ) -> Result<Computed<'a>, Stop> {
        let site = Site { at, node, text, within: None };
        let lenient = self.names.kedro.loader == Loader::Templated;
        let parts = match syntax::parse(text, lenient) {
            Ok(parts) => parts,
            Err(malformed) => return self.refuse_syntax(site, &malformed),
        };
        match self.parts(site, &parts) {
            Err(Stop::UnknownResolver { name, span }) => match self.answers.get(at) {
                Some(answer) => self.answered(site, &name, &span, answer),
                None => self.unknown_resolver(site, &name, &span),
            },
            result => result,
        }
    }

    /// What Kedro has said that the whole text stands for.
    fn answered(
        &mut self,
        site: Site<'_>,
        name: &str,
        span: &Range<usize>,
        answer: &Answer,
    ) -> Result<Computed<'a>, Stop> {
        match &answer.value {
            Ok(json) => {
                Ok(Computed::Value(Value::from_json(json, site.node.source, &site.node.span)))
            }
            Err(raised) => self.say(
                self.problem(
                    site,
                    span,
                    Code::UndefinedVariable,
                    format!("Kedro cannot resolve `${{{name}:…}}`"),
                )
                .label(&raised.message)
                .optional_help(raised.place.as_ref().map(|place| format!("raised in {place}"))),
            ),
        }
    }

    fn parts(&mut self, site: Site<'_>, parts: &[Part]) -> Result<Computed<'a>, Stop> {
        if let [Part::Interpolation(one)] = parts {
            return self.interpolation(site, one);
        }
        Ok(Computed::Value(Value::Text(self.joined(site, parts)?)))
    }

    /// All parts are looked at, so that one call tells all that is wrong.
    fn joined(&mut self, site: Site<'_>, parts: &[Part]) -> Result<String, Stop> {
        let mut joined = String::new();
        let mut said = false;
        for part in parts {
            let (text, span) = match part {
                Part::Text(text) => (text.clone(), None),
                Part::Interpolation(one) => match self.interpolation(site, one) {
                    Ok(value) => (value.text(), Some(&one.span)),
                    Err(Stop::Said) => {
                        said = true;
                        continue;
                    }
                    Err(unknown) if !said => return Err(unknown),
                    Err(_) => break,
                },
            };
            let reference = span.map(|span| (site, span));
            self.spend(0, text.len(), site.node, reference)?;
            joined.push_str(&text);
        }
        if said { Err(Stop::Said) } else { Ok(joined) }
    }

    fn interpolation(&mut self, site: Site<'_>, one: &Interpolation) -> Result<Computed<'a>, Stop> {
        if self.steps == MOST_STEPS {
            return self.exhaust(
                "`${…}` leads to `${…}` too often",
                site.node,
                Some((site, &one.span)),
            );
        }
        self.steps += 1;
        let result = match &one.kind {
            Kind::Path { dots, keys } => self.path(site, &one.span, *dots, keys),
            Kind::WithDefault { name, default } => Ok(self
                .outside(site, &keys_of(name))
                .unwrap_or_else(|| Computed::Value(Value::Text(default.clone())))),
            Kind::Resolver { name, arguments } => self.resolver(site, &one.span, name, arguments),
        };
        self.steps -= 1;
        result
    }

    /// An argument of a resolver.
    fn element(&mut self, site: Site<'_>, element: &Element) -> Result<Computed<'a>, Stop> {
        let node = |value| Node { value, source: site.node.source, span: site.node.span.clone() };
        Ok(Computed::Value(match element {
            Element::Literal(value) => value.clone(),
            Element::Bare(parts) => return self.parts(site, parts),
            Element::Quoted(parts) => Value::Text(self.joined(site, parts)?),
            Element::List(items) => {
                let mut values = Vec::new();
                for item in items {
                    values.push(node(self.element_value(site, item)?));
                }
                Value::Sequence(values)
            }
            Element::Mapping(entries) => {
                let mut values = Vec::new();
                for (key, item) in entries {
                    values.push(Entry {
                        key: python_text::str(&key.to_json()),
                        source: site.node.source,
                        span: site.node.span.clone(),
                        node: node(self.element_value(site, item)?),
                    });
                }
                Value::Mapping(values)
            }
        }))
    }

    fn element_value(&mut self, site: Site<'_>, element: &Element) -> Result<Value, Stop> {
        match self.element(site, element)? {
            Computed::Value(value) => Ok(value),
            Computed::Section(at, node) => {
                Ok(self.resolved(&at, node, Some((site, &(0..site.text.len())))).value)
            }
        }
    }

    /// The name that a word is or stands for.
    fn word(&mut self, site: Site<'_>, word: &Word) -> Result<String, Stop> {
        match word {
            Word::Text(text) => Ok(text.clone()),
            Word::Interpolation(one) => match self.interpolation(site, one)? {
                Computed::Value(Value::Text(text)) => Ok(text),
                Computed::Value(Value::Int(number)) => Ok(number.to_string()),
                _ => self.say(self.problem(
                    site,
                    &one.span,
                    Code::InvalidValue,
                    "a name has to be text or a whole number",
                )),
            },
        }
    }

    /// Counts what the document grows by.
    fn spend(
        &mut self,
        values: usize,
        bytes: usize,
        node: &Node,
        reference: Option<Reference<'_>>,
    ) -> Result<(), Stop> {
        self.values += values;
        self.bytes += bytes;
        if self.values > MOST_VALUES || self.bytes > MOST_BYTES {
            return self.exhaust("`${…}` makes the configuration too large", node, reference);
        }
        Ok(())
    }

    /// Ends it all: whatever comes next would be too much as well.
    fn exhaust<T>(
        &mut self,
        message: &str,
        node: &Node,
        reference: Option<Reference<'_>>,
    ) -> Result<T, Stop> {
        if !self.exhausted {
            self.exhausted = true;
            let (source, span) = self.place_of(node, reference);
            self.problems.push(Problem::new(Code::InvalidValue, message, source, span));
        }
        Err(Stop::Said)
    }

    fn say<T>(&mut self, problem: Problem) -> Result<T, Stop> {
        // One value may be needed in several places.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        Err(Stop::Said)
    }

    fn refuse_syntax<T>(&mut self, site: Site<'_>, malformed: &Malformed) -> Result<T, Stop> {
        let problem = self
            .problem(site, &malformed.span, Code::InvalidValue, "this `${…}` cannot be read")
            .label(&malformed.message)
            .help("a `${` that is only text is written \\${");
        self.say(problem)
    }

    /// A complaint about a part of a text.
    fn problem(
        &self,
        site: Site<'_>,
        span: &Range<usize>,
        code: Code,
        message: impl Into<String>,
    ) -> Problem {
        let (source, span) = self.place_of(site.node, Some((site, span)));
        Problem::new(code, message, source, span)
    }

    /// Where that stands in the file: the part itself if the file has it word
    /// for word, else the value.
    fn place_of(&self, node: &Node, reference: Option<Reference<'_>>) -> (usize, Range<usize>) {
        let Some((site, span)) = reference else { return (node.source, node.span.clone()) };
        let (text, span) = site.within.unwrap_or((site.text, span));
        let value = &site.node.span;
        let found = || {
            let written = self.files.text(site.node.source).get(value.clone())?;
            let part = text.get(span.clone()).filter(|part| !part.is_empty())?;
            let before = text[..span.start].matches(part).count();
            let (at, _) = written.match_indices(part).nth(before)?;
            Some(value.start + at..value.start + at + part.len())
        };
        (site.node.source, found().unwrap_or_else(|| value.clone()))
    }
}

fn segment(json: &Json) -> Option<Segment> {
    match json {
        Json::String(key) => Some(Segment::Key(key.clone())),
        other => Some(Segment::Index(usize::try_from(other.as_u64()?).ok()?)),
    }
}

fn keys_of(dotted: &str) -> Vec<String> {
    dotted.split('.').map(str::to_owned).collect()
}
