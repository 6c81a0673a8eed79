//! Finds the layers of `kubeflow.yaml`, overlays and interpolates them, and
//! reads the result into the model.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::interpolate::{Names, interpolate};
use super::kubernetes;
use super::lookup::{DEFAULT, NodeKey, clean_name};
use super::model::{BY_NODE, KubeflowConfig, keys_below};
use super::problem::Problem;
use super::tree::{self, Entry, Node, Segment, Value, shown_path};
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
    /// `dotted` has dots between the keys.
    pub fn place(&self, dotted: &str) -> Option<Place> {
        let path: Vec<Segment> =
            dotted.split('.').map(|key| Segment::Key(key.to_owned())).collect();
        let (source, span) = self.root.follow(&path).1?;
        Some(self.files.place(source, span))
    }
}

/// There is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file in any layer.
    #[error(
        "there is no kubeflow.yaml in {}\n  = help: write one; the least it needs is\n\n    run_config:\n      image: registry.example.com/my-image:my-tag\n      volume: {{}}", looked_in.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
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

#[derive(Debug)]
struct File {
    shown: Arc<str>,
    text: Arc<str>,
}

#[derive(Debug)]
struct Files(Vec<File>);

impl Files {
    fn place(&self, source: usize, span: Range<usize>) -> Place {
        let file = &self.0[source];
        Place { path: file.shown.clone(), text: file.text.clone(), span }
    }

    fn of(&self, node: &Node) -> Place {
        self.place(node.source, node.span.clone())
    }

    fn show(&self, problem: Problem) -> Diagnostic {
        let Problem { code, message, label, help, source, span } = problem;
        let place = Some(self.place(source, span));
        Diagnostic { code, level: code.level(), message, place, label, help }
    }
}

/// Reads the configuration. Warnings are part of the result; errors are
/// collected, so that one call tells all of them.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Error> {
    let mut files = Files(Vec::new());
    let mut warnings = Vec::new();
    let mut layers = Vec::new();
    let conf = sources.root.join(sources.conf_source);
    let mut folders = vec![conf.join(sources.base_env)];
    if sources.env != sources.base_env {
        folders.push(conf.join(sources.env));
    }
    for folder in &folders {
        if let Some(path) = find(folder, &mut warnings)? {
            layers.push(read(&path, sources.root, &mut files, &mut warnings)?);
        }
    }
    let Some(mut root) = layers.into_iter().reduce(overlay) else {
        return Err(Error::Missing { looked_in: folders });
    };

    let names = Names { variables: &sources.variables, environment: &sources.environment };
    let mut undefined = Vec::new();
    interpolate(&mut root, &names, &mut undefined);
    if !undefined.is_empty() {
        let shown = undefined.into_iter().map(|problem| files.show(problem));
        return Err(Error::Invalid(shown.collect()));
    }

    let mut problems = Vec::new();
    kubernetes::normalise_all(&mut root, &mut problems);
    let objects = problems.into_iter().map(|problem| files.show(problem)).collect();
    let config = also(objects, typed(&root, &files, &mut warnings), &mut warnings)?;
    check_retry_policies(&config, &root, &files)?;
    check_node_names(&root, &files, &sources.node_names, &mut warnings);
    Ok(Loaded { config, warnings, settings: Settings { files, root } })
}

fn find(folder: &Path, warnings: &mut Vec<Diagnostic>) -> Result<Option<PathBuf>, Error> {
    let found: Vec<PathBuf> = ["kubeflow.yaml", "kubeflow.yml"]
        .into_iter()
        .map(|name| folder.join(name))
        .filter(|path| path.is_file())
        .collect();
    if let [used, ignored, ..] = &found[..] {
        warnings.push(Diagnostic::new(
            Code::SettingWithoutEffect,
            format!("{} is ignored: {} is there too", ignored.display(), used.display()),
        ));
    }
    // A folder that cannot be entered is not a folder without the file.
    if let Err(source) = std::fs::metadata(folder)
        && source.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::Unreadable { path: folder.to_path_buf(), source });
    }
    Ok(found.into_iter().next())
}

fn read(
    path: &Path,
    root: &Path,
    files: &mut Files,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Node, Error> {
    let bytes = std::fs::read(path)
        .map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?;
    let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let source = files.0.len();
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            files.0.push(File { shown: shown.into(), text: text.into() });
            let place = files.place(source, at..at);
            return Err(Error::Invalid(vec![
                Diagnostic::new(Code::InvalidYaml, "the file is not UTF-8").at(place),
            ]));
        }
    };
    files.0.push(File { shown: shown.into(), text: text.into() });
    let (node, repeated) = tree::parse(&files.0[source].text, source).map_err(|unreadable| {
        let place = files.place(source, unreadable.span);
        Error::Invalid(vec![
            Diagnostic::new(Code::InvalidYaml, "this is not YAML")
                .at(place)
                .label(unreadable.message),
        ])
    })?;
    for twice in repeated {
        warnings.push(
            Diagnostic::new(Code::RepeatedKey, format!("the key `{}` stands twice", twice.key))
                .at(files.place(source, twice.span))
                .label("this one counts"),
        );
    }
    if matches!(node.value, Value::Null) {
        return Ok(Node { value: Value::Mapping(Vec::new()), ..node });
    }
    if !matches!(node.value, Value::Mapping(_)) {
        let place = files.of(&node);
        return Err(Error::Invalid(vec![
            Diagnostic::new(Code::InvalidYaml, "a configuration is a mapping of keys to values")
                .at(place),
        ]));
    }
    Ok(node)
}

/// As Kedro overlays: a top-level key of the environment replaces the base's.
fn overlay(base: Node, over: Node) -> Node {
    let (Value::Mapping(mut entries), Value::Mapping(new)) = (base.value, over.value) else {
        return Node { value: Value::Mapping(Vec::new()), source: base.source, span: base.span };
    };
    for entry in new {
        match entries.iter_mut().find(|old: &&mut Entry| old.key == entry.key) {
            Some(old) => *old = entry,
            None => entries.push(entry),
        }
    }
    Node { value: Value::Mapping(entries), source: base.source, span: base.span }
}

fn typed(
    root: &Node,
    files: &Files,
    warnings: &mut Vec<Diagnostic>,
) -> Result<KubeflowConfig, Error> {
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
            Err(Error::Invalid(vec![refused(root, files, &path, &message)]))
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
    let diagnostic = Diagnostic::new(Code::InvalidValue, title).at(place).label(message);
    // serde lists the variants; name the nearest too.
    match message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once('`')) {
        Some((wrong, known)) => diagnostic.nearest_of(wrong, known.split('`').skip(1).step_by(2)),
        None => diagnostic,
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
    Diagnostic::new(Code::UnknownKey, format!("the key `{}` is not known", shown_path(path)))
        .at(place)
        .label("nothing reads this")
        .nearest_of(name, keys_below(&shown_path(above)).iter().copied())
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
            .nearest_of(&entry.key, known.iter().copied());
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
