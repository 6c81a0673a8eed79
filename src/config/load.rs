//! Overlays the layers of `kubeflow.yaml`, interpolated, and reads the result
//! into the model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use regex_lite::Regex;

use super::files::{self, Files};
use super::interpolate::{FromKedro, Interpolator, Names};
use super::kubernetes;
use super::lookup::{DEFAULT, NodeKey, clean_name};
use super::model::{BY_NODE, KubeflowConfig, MergeStrategy, keys_below};
use super::tree::{Entry, Node, Segment, Value, shown_path};
use crate::diagnostic::{Code, Diagnostic, Level, Place};

/// Where the file is looked for, and what its `${…}` may use.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The project's root; paths are shown below it.
    pub root: &'a Path,
    /// The folder of the configuration, below the root or absolute.
    pub conf_source: &'a str,
    /// The environment that is overlaid (`base`).
    pub base_env: &'a str,
    /// The environment that overlays it.
    pub env: &'a str,
    /// `${name}`: what the name stands for.
    pub variables: BTreeMap<String, String>,
    /// `${oc.env:NAME}`: the environment.
    pub environment: BTreeMap<String, String>,
    /// Names that per-node sections may use: nodes, their steps, tags.
    pub node_names: Vec<&'a str>,
    /// Names that they may use where all nodes are one pod: pipelines, their steps.
    pub pipeline_names: Vec<&'a str>,
    /// What the project's own loader makes of `${…}`.
    pub kedro: FromKedro,
}

/// The configuration, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub config: KubeflowConfig,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// Where what is set.
    pub settings: Settings,
}

/// The files, to find the place of a setting.
#[derive(Debug)]
pub struct Settings {
    files: Files,
    root: Node,
}

impl Settings {
    /// The place of a key, or of the nearest key above it that is there.
    pub fn place(&self, keys: &[&str]) -> Option<Place> {
        let path: Vec<Segment> = keys.iter().map(|key| Segment::Key((*key).to_owned())).collect();
        self.of(&path)
    }

    /// The place of a key below an item of a list of `run_config`.
    pub fn place_in_list(&self, list: &str, at: usize, keys: &[&str]) -> Option<Place> {
        let mut path = vec![Segment::Key("run_config".to_owned()), Segment::Key(list.to_owned())];
        path.push(Segment::Index(at));
        path.extend(keys.iter().map(|key| Segment::Key((*key).to_owned())));
        self.of(&path)
    }

    fn of(&self, path: &[Segment]) -> Option<Place> {
        let (source, span) = self.root.follow(path).1?;
        Some(self.files.place(source, span))
    }
}

/// There is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file in any layer.
    #[error(
        "there is no kubeflow.yaml in {}\n  = help: `kubedro init URL` writes one; the least it needs is\n\n    run_config:\n      image: registry.example.com/my-image:my-tag\n      volume: {{}}", looked_in.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
    )]
    Missing {
        /// The folders that were looked in.
        looked_in: Vec<PathBuf>,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The files are there but make no configuration.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Invalid(Vec<Diagnostic>),
}

/// Reads the configuration. Warnings are part of the result; errors are
/// collected, so that one call tells all of them.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Error> {
    let mut warnings = Vec::new();
    let (mut root, files) = document(sources, &mut warnings)?;

    let mut problems = Vec::new();
    kubernetes::normalise_all(&mut root, &mut problems);
    let objects = problems.into_iter().map(|problem| files.show(problem)).collect();
    let config = also(objects, typed(&root, &files, &mut warnings), &mut warnings)?;
    check_retry_policies(&config, &root, &files)?;
    let mut known = sources.node_names.clone();
    if config.run_config.node_merge_strategy == MergeStrategy::Full {
        known.extend(&sources.pipeline_names);
    }
    check_node_names(&root, &files, &known, &mut warnings);
    Ok(Loaded { config, warnings, settings: Settings { files, root } })
}

/// The document as Kedro's own loader would give it.
pub fn resolved(sources: &Sources<'_>) -> Result<serde_json::Value, Error> {
    Ok(document(sources, &mut Vec::new())?.0.to_json())
}

/// All files in one, every `${…}` replaced.
fn document(sources: &Sources<'_>, warnings: &mut Vec<Diagnostic>) -> Result<(Node, Files), Error> {
    let (layers, files) = files::layers(sources, warnings)?;
    let names = Names {
        variables: &sources.variables,
        environment: &sources.environment,
        kedro: &sources.kedro,
    };
    let mut interpolator = Interpolator::new(&layers, &files, names);
    let mut entries: Vec<Entry> = Vec::new();
    for (place, counts) in counting(&layers, sources.kedro.soft_merge) {
        for (layer, entry) in counts {
            let entry = interpolator.entry(layer, entry);
            match entries.get_mut(place) {
                Some(under) => merge(under, entry),
                None => entries.push(entry),
            }
        }
    }
    let problems = interpolator.into_problems();
    if !problems.is_empty() {
        let shown = problems.into_iter().map(|problem| files.show(problem));
        return Err(Error::Invalid(shown.collect()));
    }
    let source = entries.first().map_or(0, |entry| entry.source);
    Ok((Node { value: Value::Mapping(entries), source, span: 0..0 }, files))
}

/// The top-level entries that count, with their layers: as Kedro overlays, the
/// last one alone, or each merged over the one before. Keys that begin with `_`
/// are there for others only.
fn counting(layers: &[Node], merged: bool) -> Vec<(usize, Vec<(usize, &Entry)>)> {
    let mut counting: Vec<Vec<(usize, &Entry)>> = Vec::new();
    for (layer, root) in layers.iter().enumerate() {
        let Value::Mapping(entries) = &root.value else { continue };
        for entry in entries.iter().filter(|entry| !entry.key.starts_with('_')) {
            match counting.iter_mut().find(|old| old[0].1.key == entry.key) {
                Some(old) if merged => old.push((layer, entry)),
                Some(old) => *old = vec![(layer, entry)],
                None => counting.push(vec![(layer, entry)]),
            }
        }
    }
    counting.into_iter().enumerate().collect()
}

/// A soft merge: mappings key by key, in any depth; all else is replaced.
fn merge(under: &mut Entry, over: Entry) {
    match (&mut under.node.value, over.node.value) {
        (Value::Mapping(entries), Value::Mapping(more)) => {
            for entry in more {
                match entries.iter_mut().find(|old| old.key == entry.key) {
                    Some(old) => merge(old, entry),
                    None => entries.push(entry),
                }
            }
        }
        (_, value) => {
            under.node = Node { value, ..over.node };
            under.source = over.source;
            under.span = over.span;
        }
    }
}

fn typed(
    root: &Node,
    files: &Files,
    warnings: &mut Vec<Diagnostic>,
) -> Result<KubeflowConfig, Error> {
    let lists = lists_for_mappings(root, files);
    if !lists.is_empty() {
        return Err(Error::Invalid(lists));
    }
    let json = root.to_json();
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&json, &mut track);
    let result = serde_ignored::deserialize(tracked, |path| unknown.push(ignored_path(&path)))
        .map_err(|error| error.to_string());
    match result {
        Ok(config) => {
            for path in unknown.iter().filter(|path| !path.is_empty()) {
                warnings.push(unknown_key(root, files, path));
            }
            Ok(config)
        }
        Err(message) => {
            let path: Vec<Segment> = track
                .path()
                .iter()
                .filter_map(|segment| match segment {
                    serde_path_to_error::Segment::Map { key } => Some(Segment::Key(key.clone())),
                    serde_path_to_error::Segment::Seq { index } => Some(Segment::Index(*index)),
                    _ => None,
                })
                .collect();
            // What nothing reads may be what is missing, misspelled.
            let unread = unknown.iter().filter(|path| !path.is_empty());
            let mut found: Vec<Diagnostic> =
                unread.map(|path| unknown_key(root, files, path)).collect();
            found.push(refused(root, files, &path, &message));
            Err(Error::Invalid(found))
        }
    }
}

/// The result, with what was found before it. Where there is an error, the
/// warnings among that may tell what was meant.
fn also<T>(
    found: Vec<Diagnostic>,
    result: Result<T, Error>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<T, Error> {
    let refused = found.iter().any(|diagnostic| diagnostic.code.level() == Level::Error);
    match result {
        Ok(_) if refused => Err(Error::Invalid(found)),
        Ok(result) => {
            warnings.extend(found);
            Ok(result)
        }
        Err(Error::Invalid(more)) => Err(Error::Invalid(found.into_iter().chain(more).collect())),
        Err(error) => Err(error),
    }
}

fn refused(root: &Node, files: &Files, path: &[Segment], message: &str) -> Diagnostic {
    let (node, key) = root.follow(path);
    // A mapping is as long as its text: point at its key.
    let place = match (&node.value, key) {
        (Value::Mapping(_) | Value::Sequence(_) | Value::Null, Some((source, span))) => {
            files.place(source, span)
        }
        _ => files.of(node),
    };
    let name = shown_path(path);
    let title = if name.is_empty() {
        "the configuration is not complete".to_owned()
    } else {
        format!("`{name}` cannot be used")
    };
    let diagnostic =
        Diagnostic::new(Code::InvalidValue, title).at(place).label(in_users_words(message));
    // serde lists the variants; name the nearest too.
    match message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once('`')) {
        Some((wrong, known)) => diagnostic.nearest_of(wrong, known.split('`').skip(1).step_by(2)),
        None => diagnostic,
    }
}

/// Where a mapping with known keys is wanted; `*` is every key or item. serde
/// would take a list there for the values in the order of the keys.
const MAPPINGS: [&[&str]; 9] = [
    &["run_config"],
    &["run_config", "artifacts"],
    &["run_config", "volume"],
    &["run_config", "retry_policy", "*"],
    &["run_config", "tolerations", "*", "*"],
    &["run_config", "extra_volumes", "*", "*"],
    &["run_config", "notifications", "*"],
    &["run_config", "notifications", "*", "slack"],
    &["run_config", "notifications", "*", "webhook"],
];

fn lists_for_mappings(root: &Node, files: &Files) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for pattern in MAPPINGS {
        find_lists(root, pattern, &mut Vec::new(), &mut found);
    }
    let message = "invalid type: a list, expected a mapping";
    found.iter().map(|path| refused(root, files, path, message)).collect()
}

fn find_lists(
    node: &Node,
    pattern: &[&str],
    path: &mut Vec<Segment>,
    found: &mut Vec<Vec<Segment>>,
) {
    let Some((first, rest)) = pattern.split_first() else {
        if matches!(node.value, Value::Sequence(_)) {
            found.push(path.clone());
        }
        return;
    };
    let children: Vec<(Segment, &Node)> = match &node.value {
        Value::Mapping(entries) => entries
            .iter()
            .filter(|entry| *first == "*" || entry.key == *first)
            .map(|entry| (Segment::Key(entry.key.clone()), &entry.node))
            .collect(),
        Value::Sequence(items) if *first == "*" => {
            items.iter().enumerate().map(|(at, item)| (Segment::Index(at), item)).collect()
        }
        _ => Vec::new(),
    };
    for (segment, child) in children {
        path.push(segment);
        find_lists(child, rest, path, found);
        path.pop();
    }
}

/// serde's words for the kinds of values are Rust's.
fn in_users_words(message: &str) -> String {
    static STRUCT: OnceLock<Option<Regex>> = OnceLock::new();
    let message = message
        .replace("invalid type: map", "invalid type: a mapping")
        .replace("invalid type: sequence", "invalid type: a list")
        .replace("invalid type: unit value", "invalid type: nothing")
        .replace("expected a sequence", "expected a list")
        .replace("expected a mapping", "expected a map")
        .replace("expected a map", "expected a mapping");
    let names =
        STRUCT.get_or_init(|| Regex::new(r"(struct|enum) [A-Z]\w*( with \d+ elements)?").ok());
    match names {
        Some(names) => names.replace_all(&message, "a mapping").into_owned(),
        None => message,
    }
}

fn unknown_key(root: &Node, files: &Files, path: &[Segment]) -> Diagnostic {
    let (_, key) = root.follow(path);
    let (above, name) = match path {
        [above @ .., Segment::Key(name)] => (above, name.as_str()),
        _ => (path, ""),
    };
    let place = match key {
        Some((source, span)) => files.place(source, span),
        None => files.of(root.follow(above).0),
    };
    let diagnostic =
        Diagnostic::new(Code::UnknownKey, format!("the key `{}` is not known", shown_path(path)))
            .at(place)
            .label("nothing reads this");
    if above.is_empty() && keys_below("run_config").contains(&name) {
        return diagnostic.help("it belongs into run_config: indent it");
    }
    diagnostic.nearest_of(name, keys_below(&shown_path(above)).iter().copied())
}

fn check_retry_policies(config: &KubeflowConfig, root: &Node, files: &Files) -> Result<(), Error> {
    let mut problems = Vec::new();
    for key in config.run_config.retry_policy_keys() {
        let node = NodeKey { name: key, step: key, tags: &[] };
        if let Err(missing) = config.run_config.retry_policy_for(node) {
            let path = ["run_config", "retry_policy", key].map(|key| Segment::Key(key.to_owned()));
            let (_, place) = root.follow(&path);
            let Some((source, span)) = place else { continue };
            problems.push(
                Diagnostic::new(
                    Code::IncompleteRetryPolicy,
                    format!("the retry policy of `{key}` is not complete"),
                )
                .at(files.place(source, span))
                .label(format!("{} missing, here and in __default__", missing.join(" and "))),
            );
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

fn check_node_names(root: &Node, files: &Files, known: &[&str], warnings: &mut Vec<Diagnostic>) {
    let Some(run_config) = root.entry("run_config") else { return };
    for section in BY_NODE {
        let Some(Entry { node: Node { value: Value::Mapping(entries), .. }, .. }) =
            run_config.node.entry(section)
        else {
            continue;
        };
        for entry in entries {
            let found = entry.key == DEFAULT
                || known.iter().any(|name| *name == entry.key || clean_name(name) == entry.key);
            if found {
                continue;
            }
            let diagnostic = Diagnostic::new(
                Code::UnknownNode,
                format!("no pipeline has a node or a tag `{}`", entry.key),
            )
            .at(files.place(entry.source, entry.span.clone()))
            .label(format!("this entry of `{section}` applies to nothing"))
            .nearest_of(&entry.key, known.iter().copied().chain([DEFAULT]));
            warnings.push(diagnostic);
        }
    }
}

fn ignored_path(path: &serde_ignored::Path<'_>) -> Vec<Segment> {
    use serde_ignored::Path;
    match path {
        Path::Root => Vec::new(),
        Path::Seq { parent, index } => {
            let mut path = ignored_path(parent);
            path.push(Segment::Index(*index));
            path
        }
        Path::Map { parent, key } => {
            let mut path = ignored_path(parent);
            path.push(Segment::Key(key.clone()));
            path
        }
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => ignored_path(parent),
    }
}
