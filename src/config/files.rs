//! The files that `kubeflow.yaml` is made of: found, read, and put together
//! into one document a layer.
//!
//! kedro-kubeflow has its loader look for `kubeflow*` and `kubeflow*/**`.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::interpolate::Rendered;
use super::load::{Error, Sources};
use super::problem::Problem;
use super::tree::{self, Entry, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Place};

/// What the names of files and folders begin with.
pub const STEM: &str = "kubeflow";

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

#[derive(Debug)]
struct File {
    shown: Arc<str>,
    text: Arc<str>,
}

/// The texts, to show places in them.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<File>);

impl Files {
    pub fn place(&self, source: usize, span: Range<usize>) -> Place {
        let file = &self.0[source];
        Place { path: file.shown.clone(), text: file.text.clone(), span }
    }

    pub fn of(&self, node: &Node) -> Place {
        self.place(node.source, node.span.clone())
    }

    pub fn text(&self, source: usize) -> &str {
        &self.0[source].text
    }

    pub fn show(&self, problem: Problem) -> Diagnostic {
        let Problem { code, message, label, help, source, span } = problem;
        let place = Some(self.place(source, span));
        Diagnostic { place, label, help, ..Diagnostic::new(code, message) }
    }
}

/// Reads the base's files, and the environment's.
pub(super) fn layers(
    sources: &Sources<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(Vec<Node>, Files), Error> {
    let conf = sources.root.join(sources.conf_source);
    let mut folders = vec![conf.join(sources.base_env)];
    if sources.env != sources.base_env {
        folders.push(conf.join(sources.env));
    }
    let mut files = Files::default();
    let mut layers = Vec::new();
    for (layer, folder) in folders.iter().enumerate() {
        let mut entries: Vec<Entry> = Vec::new();
        let mut conflicts = Vec::new();
        for path in find(folder)? {
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let rendered = sources.kedro.rendered.iter();
            let mut rendered =
                rendered.filter(|file| file.layer == layer && Path::new(&file.path) == below);
            let Node { value: Value::Mapping(more), .. } =
                read(&path, rendered.next(), sources.root, &mut files, warnings)?
            else {
                continue;
            };
            for entry in more {
                match entries.iter_mut().find(|old: &&mut Entry| old.key == entry.key) {
                    // For OmegaConf a template of values, which files may share.
                    Some(old) if entry.key.starts_with('_') => *old = entry,
                    Some(old) => conflicts.push(conflict(&files, old, &entry)),
                    None => entries.push(entry),
                }
            }
        }
        if !conflicts.is_empty() {
            return Err(Error::Invalid(conflicts));
        }
        let source = entries.first().map_or(0, |entry| entry.source);
        layers.push(Node { value: Value::Mapping(entries), source, span: 0..0 });
    }
    if files.0.is_empty() {
        return Err(Error::Missing { looked_in: folders });
    }
    Ok((layers, files))
}

fn conflict(files: &Files, first: &Entry, second: &Entry) -> Diagnostic {
    let other = files.place(first.source, first.span.clone());
    let (line, column) = other.line_and_column();
    Diagnostic::new(
        Code::ConflictingFiles,
        format!("the key `{}` stands in two files of one folder", second.key),
    )
    .at(files.place(second.source, second.span.clone()))
    .label(format!("it stands at {}:{line}:{column} too", other.path))
    .help("keep one of them; Kedro reads all files whose names begin with `kubeflow`")
}

/// All files of a folder that are read as its `kubeflow.yaml`. A folder that
/// cannot be read has none.
pub fn configuration_files(folder: &Path) -> Vec<PathBuf> {
    find(folder).unwrap_or_default()
}

/// `kubeflow*.yaml` and its like, and such files in folders `kubeflow*`; sorted.
fn find(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |path: &Path, source| Error::Unreadable { path: path.to_path_buf(), source };
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        // A folder that cannot be entered is not a folder without the file.
        Err(error) => return Err(unreadable(folder, error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let begins = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(STEM.as_bytes()));
        if !begins {
            continue;
        }
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        for file in WalkDir::new(&path)
            .follow_links(true)
            .into_iter()
            .filter_entry(|entry| !hidden(entry.file_name()))
        {
            let file = file.map_err(|error| {
                let path = error.path().unwrap_or(&path).to_path_buf();
                unreadable(&path, error.into())
            })?;
            let extension = file.path().extension().and_then(|extension| extension.to_str());
            let read = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
            if read && file.file_type().is_file() {
                found.push(file.into_path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(
    path: &Path,
    rendered: Option<&Rendered>,
    root: &Path,
    files: &mut Files,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Node, Error> {
    let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let source = files.0.len();
    let text = if let Some(rendered) = rendered {
        files.0.push(File {
            shown: format!("{shown} (as Jinja has rendered it)").into(),
            text: rendered.text.clone().into(),
        });
        None
    } else {
        Some(
            std::fs::read(path)
                .map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?,
        )
    };
    match text.map(String::from_utf8) {
        None => {}
        Some(Ok(text)) => files.0.push(File { shown: shown.into(), text: text.into() }),
        Some(Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            files.0.push(File { shown: shown.into(), text: text.into() });
            let place = files.place(source, at..at);
            return Err(Error::Invalid(vec![
                Diagnostic::new(Code::InvalidYaml, "the file is not UTF-8").at(place),
            ]));
        }
    }
    let (node, repeated) = tree::parse(files.text(source), source).map_err(|unreadable| {
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
