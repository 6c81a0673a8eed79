//! Where a path leads: into the document, to a variable, into the globals.

use std::ops::Range;

use serde_json::Value as Json;

use super::names::Loader;
use super::resolvers::placed;
use super::syntax::{self, Key, Word};
use super::{Computed, Interpolator, Location, Site, Stop, keys_of};
use crate::config::tree::{Entry, Node, Segment, Value, shown_path};
use crate::diagnostic::Code;
use crate::names::did_you_mean;

impl<'a> Interpolator<'a> {
    /// `${a.b[0]}`, `${..b}`
    pub(super) fn path(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        mut dots: usize,
        keys: &[Key],
    ) -> Result<Computed<'a>, Stop> {
        let mut path = Vec::new();
        for key in keys {
            let word = self.word(site, &key.word)?;
            match &key.word {
                // What a name stands for may be a path itself.
                Word::Interpolation(_) if !key.bracketed => {
                    let (more, keys) = split(&word);
                    if path.is_empty() {
                        dots += more;
                    }
                    path.extend(keys);
                }
                _ => path.push(word),
            }
        }
        let found = if dots > 0 {
            self.relative(site, span, dots, &path)?
        } else {
            self.absolute(site, span, &path)?
        };
        match found {
            Some(Computed::Value(Value::Text(text))) if text == "???" => self.say(
                self.problem(
                    site,
                    span,
                    Code::UndefinedVariable,
                    format!("`{}` has no value yet", shown(dots, &path)),
                )
                .label("`???` says that it has to be given"),
            ),
            Some(found) => Ok(found),
            None => self.undefined(site, span, dots, &path),
        }
    }

    /// Both loaders' names; which are asked first is where they differ.
    fn absolute(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        keys: &[String],
    ) -> Result<Option<Computed<'a>>, Stop> {
        // A value cannot stand for itself, so that another one is meant.
        let inside_out = site.at.path.len() >= keys.len()
            && keys.iter().zip(&site.at.path).all(|(key, segment)| is_named(segment, key));
        if self.names.kedro.loader == Loader::Templated || inside_out {
            return match self.outside(site, keys) {
                Some(found) => Ok(Some(found)),
                None => self.in_document(site, span, keys),
            };
        }
        match self.in_document(site, span, keys)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.outside(site, keys)),
        }
    }

    /// A variable, or one of the globals.
    pub(super) fn outside(&self, site: Site<'_>, keys: &[String]) -> Option<Computed<'a>> {
        if let [name] = keys
            && let Some(value) = self.names.variables.get(name)
        {
            return Some(Computed::Value(Value::Text(value.clone())));
        }
        let json = select_json(&self.names.kedro.globals, keys).filter(|json| !json.is_null())?;
        Some(placed(site, json))
    }

    /// In the value's own layer, then in the others.
    pub(super) fn in_document(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        keys: &[String],
    ) -> Result<Option<Computed<'a>>, Stop> {
        let others = (0..self.layers.len()).filter(|layer| *layer != site.at.layer);
        for layer in [site.at.layer].into_iter().chain(others) {
            let Some(root) = self.layers.get(layer) else { continue };
            let root = Computed::Section(Location { layer, path: Vec::new() }, root);
            if let Some(found) = self.select(site, span, root, keys)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// One dot is the section that the value stands in, each more the one around it.
    pub(super) fn relative(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        dots: usize,
        keys: &[String],
    ) -> Result<Option<Computed<'a>>, Stop> {
        let Some(length) = site.at.path.len().checked_sub(dots) else { return Ok(None) };
        let path = site.at.path[..length].to_vec();
        let Some(root) = self.layers.get(site.at.layer) else { return Ok(None) };
        let (node, _) = root.follow(&path);
        let section = Computed::Section(Location { layer: site.at.layer, path }, node);
        self.select(site, span, section, keys)
    }

    fn select(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        start: Computed<'a>,
        keys: &[String],
    ) -> Result<Option<Computed<'a>>, Stop> {
        let mut current = start;
        for key in keys {
            current = match current {
                Computed::Section(at, node) => {
                    let Some((segment, child)) = child(&node.value, key) else { return Ok(None) };
                    self.computed(&at.child(segment), child, Some((site, span)))?
                }
                Computed::Value(value) => match child(&value, key) {
                    Some((_, child)) => Computed::Value(child.value.clone()),
                    None => return Ok(None),
                },
            };
        }
        Ok(Some(current))
    }

    fn undefined<T>(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        dots: usize,
        keys: &[String],
    ) -> Result<T, Stop> {
        let name = shown(dots, keys);
        let (known, above) = self.known_beside(site, dots, keys);
        let last = keys.last().map_or("", String::as_str);
        let others = known.iter().map(String::as_str).filter(|known| *known != last);
        let near = did_you_mean(last, others);
        // The nearest is shown as it would have to be written.
        let near = near.replacen('`', &format!("`{above}"), 1);
        let variable = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let help = match keys {
            [only] if dots == 0 && !only.is_empty() && only.chars().all(variable) => format!(
                "set the environment variable KEDRO_CONFIG_{}, or give a default: ${{{only}|default}}",
                only.to_uppercase()
            ),
            _ if dots > site.at.path.len() => {
                "each dot leads one section up; there are more dots than sections".to_owned()
            }
            _ if dots > 0 => "a relative name is one of the value's own section; each more dot leads one section up".to_owned(),
            _ => "it has to be a key of the kubeflow configuration or of the project's globals; `${oc.select:KEY, DEFAULT}` has a default".to_owned(),
        };
        let message = with_nearest(format!("`${{{name}}}` stands for nothing"), &near);
        let problem = self.problem(site, span, Code::UndefinedVariable, message).help(help);
        self.say(problem)
    }

    /// The names that could have been meant, and what stands before them.
    fn known_beside(&self, site: Site<'_>, dots: usize, keys: &[String]) -> (Vec<String>, String) {
        let above = &keys[..keys.len().saturating_sub(1)];
        let mut known = Vec::new();
        let own = site.at.path.len().checked_sub(dots).filter(|_| dots > 0);
        for (layer, root) in self.layers.iter().enumerate() {
            let start = match own {
                Some(length) if layer == site.at.layer => root.follow(&site.at.path[..length]).0,
                Some(_) => continue,
                None if dots > 0 => continue,
                None => root,
            };
            let section =
                above.iter().try_fold(&start.value, |value, key| Some(&child(value, key)?.1.value));
            if let Some(Value::Mapping(entries)) = section {
                known.extend(entries.iter().map(|entry| entry.key.clone()));
            }
        }
        if dots == 0 {
            if above.is_empty() {
                known.extend(self.names.variables.keys().cloned());
                // kedro-kubeflow's own, set or not.
                known.extend(["commit_id", "branch_name"].map(str::to_owned));
            }
            if let Some(Json::Object(globals)) = select_json(&self.names.kedro.globals, above) {
                known.extend(globals.keys().cloned());
            }
        }
        let dot = if above.is_empty() { "" } else { "." };
        (known, format!("{}{dot}", shown(dots, above)))
    }

    /// A key. Only `TemplatedConfigLoader` looks for names in keys.
    pub(super) fn key(&mut self, entry: &Entry) -> String {
        if self.names.kedro.loader != Loader::Templated || !entry.key.contains("${") {
            return entry.key.clone();
        }
        let node = Node { value: Value::Null, source: entry.source, span: entry.span.clone() };
        let at = Location { layer: 0, path: Vec::new() };
        let site = Site { at: &at, node: &node, text: &entry.key, within: None };
        let mut key = String::new();
        let mut rest = 0;
        for (span, name, default) in syntax::names_with_defaults(&entry.key) {
            key.push_str(&entry.key[rest..span.start]);
            rest = span.end;
            let names = keys_of(name);
            match (self.outside(site, &names), default) {
                (Some(found), _) => key.push_str(&found.text()),
                (None, Some(default)) => key.push_str(default),
                (None, None) => {
                    // It is among the problems now.
                    let _: Result<(), Stop> = self.undefined(site, &span, 0, &names);
                }
            }
        }
        key.push_str(&entry.key[rest..]);
        key
    }
}

fn is_named(segment: &Segment, key: &str) -> bool {
    match segment {
        Segment::Key(name) => name == key,
        Segment::Index(index) => index.to_string() == key,
    }
}

fn child<'v>(value: &'v Value, key: &str) -> Option<(Segment, &'v Node)> {
    match value {
        Value::Mapping(entries) => {
            let entry = entries.iter().find(|entry| entry.key == key)?;
            Some((Segment::Key(key.to_owned()), &entry.node))
        }
        Value::Sequence(items) => {
            let index = position(key, items.len())?;
            Some((Segment::Index(index), items.get(index)?))
        }
        _ => None,
    }
}

/// An index as Python has it: from the end if it is negative.
fn position(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// The value at a path of a JSON document.
pub(super) fn select_json<'j>(json: &'j Json, keys: &[String]) -> Option<&'j Json> {
    keys.iter().try_fold(json, |json, key| match json {
        Json::Object(entries) => entries.get(key),
        Json::Array(items) => items.get(position(key, items.len())?),
        _ => None,
    })
}

/// `..a.b[c]` as its dots and its keys.
pub(super) fn split(path: &str) -> (usize, Vec<String>) {
    let keys = path.trim_start_matches('.');
    let dots = path.len() - keys.len();
    let mut all = Vec::new();
    for dotted in keys.split('.') {
        let mut rest = dotted;
        while let Some((before, behind)) = rest.split_once('[') {
            let (inside, after) = behind.split_once(']').unwrap_or((behind, ""));
            if !before.is_empty() {
                all.push(before.to_owned());
            }
            all.push(inside.to_owned());
            rest = after;
        }
        if !rest.is_empty() || !dotted.contains('[') {
            all.push(rest.to_owned());
        }
    }
    (dots, all)
}

/// What is wrong, and the nearest name if there is one.
pub(super) fn with_nearest(message: String, near: &str) -> String {
    if near.is_empty() { message } else { format!("{message}.{near}") }
}

/// As it would be written.
fn shown(dots: usize, keys: &[String]) -> String {
    let path: Vec<Segment> = keys.iter().map(|key| Segment::Key(key.clone())).collect();
    format!("{}{}", ".".repeat(dots), shown_path(&path))
}
