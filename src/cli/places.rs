//! Where the things that a plan's findings are about stand in the user's files:
//! settings, entries of the catalog, parameters, nodes in the project's code.
//!
//! Only ever looked at when there is something to show; a file that cannot be
//! read has no place, and that is no error here.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex_lite::Regex;
use walkdir::{DirEntry, WalkDir};

use crate::config::{Settings, top_level_keys};
use crate::diagnostic::{Diagnostic, Place};
use crate::plan::{Finding, Subject};
use crate::project::{CodePlace, Snapshot};

/// The user's files.
pub(super) struct Places<'a> {
    root: &'a Path,
    snapshot: &'a Snapshot,
    pipeline: &'a str,
    env: &'a str,
    settings: &'a Settings,
    catalog: OnceCell<Vec<File>>,
    parameters: OnceCell<Vec<File>>,
}

/// A file's top-level keys.
struct File {
    shown: Arc<str>,
    text: Arc<str>,
    keys: Vec<(String, Range<usize>)>,
}

impl File {
    fn place(&self, span: &Range<usize>) -> Place {
        Place { path: self.shown.clone(), text: self.text.clone(), span: span.clone() }
    }
}

impl<'a> Places<'a> {
    pub fn new(
        root: &'a Path,
        snapshot: &'a Snapshot,
        pipeline: &'a str,
        env: &'a str,
        settings: &'a Settings,
    ) -> Self {
        let (catalog, parameters) = (OnceCell::new(), OnceCell::new());
        Self { root, snapshot, pipeline, env, settings, catalog, parameters }
    }

    /// The finding as it is shown: at the first of its subjects that has a place.
    pub fn show(&self, finding: &Finding) -> Diagnostic {
        let found = finding.subjects.iter().find_map(|subject| Some((subject, self.of(subject)?)));
        let confidential =
            matches!(found, Some((Subject::Parameter(_) | Subject::Notification { .. }, _)));
        Diagnostic {
            place: found.map(|(_, place)| place),
            confidential,
            ..Diagnostic::new(finding.code, finding.message.clone()).help(finding.help.clone())
        }
    }

    fn of(&self, subject: &Subject) -> Option<Place> {
        match subject {
            Subject::Setting(key) => self.settings.place(&key.split('.').collect::<Vec<_>>()),
            Subject::NodeSetting { section, key } => {
                self.settings.place(&["run_config", section, key])
            }
            Subject::Notification { at, keys } => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                self.settings.place_in_list("notifications", *at, &keys)
            }
            Subject::Node(name) => {
                // Another pipeline may have a node of the same name.
                let own = self.snapshot.pipelines.get(self.pipeline).into_iter().flatten();
                own.chain(self.snapshot.pipelines.values().flatten())
                    .find(|node| node.name == *name)
                    .and_then(|node| self.code(node.place.as_ref()?))
            }
            Subject::Dataset(name) => self.dataset(name),
            Subject::Parameter(name) => {
                let files = self.parameters.get_or_init(|| self.files("parameters"));
                files.iter().find_map(|file| {
                    let (_, span) = file.keys.iter().find(|(key, _)| key == name)?;
                    Some(file.place(span))
                })
            }
        }
    }

    /// The entry of that name, else the most specific pattern that makes it
    /// (the one with most letters of its own, as Kedro chooses; of several the
    /// first, which overlays the others).
    fn dataset(&self, name: &str) -> Option<Place> {
        let files = self.catalog.get_or_init(|| self.files("catalog"));
        let exact = files.iter().find_map(|file| {
            let (_, span) = file.keys.iter().find(|(key, _)| key == name)?;
            Some(file.place(span))
        });
        exact.or_else(|| {
            let patterns = files.iter().flat_map(|file| {
                file.keys.iter().filter(|(key, _)| key.contains('{')).map(move |key| (file, key))
            });
            patterns
                .filter_map(|(file, (pattern, span))| {
                    Some((own_letters(pattern, name)?, file, span))
                })
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .max_by_key(|(letters, ..)| *letters)
                .map(|(_, file, span)| file.place(span))
        })
    }

    /// The line of code, without the blanks before it.
    fn code(&self, place: &CodePlace) -> Option<Place> {
        let text = std::fs::read_to_string(self.root.join(&place.file)).ok()?;
        let mut start = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if number + 1 == place.line {
                let code = line.trim();
                let indent = line.len() - line.trim_start().len();
                let span = start + indent..start + indent + code.len();
                return Some(Place { path: place.file.as_str().into(), text: text.into(), span });
            }
            start += line.len();
        }
        None
    }

    /// The files of a kind that Kedro's loaders read: `kind*`, `kind*/**` and
    /// `**/kind*`, the environment's before the base's, which they overlay.
    fn files(&self, kind: &str) -> Vec<File> {
        let conf = self.root.join(&self.snapshot.conf_source);
        let mut files = Vec::new();
        for env in [self.env, &self.snapshot.base_env] {
            let folder = conf.join(env);
            // As Kedro's loaders do: links are followed, hidden folders left out.
            let hidden = |entry: &DirEntry| {
                entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
            };
            let walk = WalkDir::new(&folder).follow_links(true).sort_by_file_name();
            let found = walk.into_iter().filter_entry(|entry| !hidden(entry)).flatten();
            for entry in found.filter(|entry| entry.file_type().is_file()) {
                let below = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
                if is_of_kind(below, kind)
                    && let Some(file) = self.file(entry.path())
                {
                    files.push(file);
                }
            }
        }
        files
    }

    fn file(&self, path: &Path) -> Option<File> {
        let text = std::fs::read_to_string(path).ok()?;
        let shown: PathBuf = path.strip_prefix(self.root).unwrap_or(path).to_path_buf();
        let keys = top_level_keys(&text);
        Some(File { shown: shown.display().to_string().into(), text: text.into(), keys })
    }
}

fn is_of_kind(below: &Path, kind: &str) -> bool {
    let suffix = below.extension().and_then(|suffix| suffix.to_str());
    let starts = |name: Option<&std::ffi::OsStr>| {
        name.and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(kind))
    };
    matches!(suffix, Some("yml" | "yaml" | "json"))
        && (starts(below.file_name()) || starts(below.iter().next()))
}

/// How many letters of its own a pattern has, if it matches the name.
fn own_letters(pattern: &str, name: &str) -> Option<usize> {
    let mut expression = String::from("^");
    let mut letters = 0;
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        let (_, after) = behind.split_once('}')?;
        expression.push_str(&regex_lite::escape(before));
        expression.push_str("(.+)");
        letters += before.len();
        rest = after;
    }
    expression.push_str(&regex_lite::escape(rest));
    expression.push('$');
    letters += rest.len();
    Regex::new(&expression).ok()?.is_match(name).then_some(letters)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_of_kind, own_letters};

    #[test]
    fn patterns_of_the_catalog() {
        assert_eq!(own_letters("{namespace}.{name}", "a.b"), Some(1));
        assert_eq!(own_letters("{namespace}.regressor", "a.regressor"), Some(10));
        assert_eq!(own_letters("{namespace}.regressor", "a.metrics"), None);
        assert_eq!(own_letters("{open", "{open"), None);
    }

    #[test]
    fn files_that_kedro_reads() {
        for yes in ["catalog.yml", "catalog_raw.yaml", "catalog/a/b.yml", "a/b/catalog.json"] {
            assert!(is_of_kind(Path::new(yes), "catalog"), "{yes}");
        }
        for no in ["parameters.yml", "catalog.txt", "a/catalog/b.yml", "my_catalog.yml"] {
            assert!(!is_of_kind(Path::new(no), "catalog"), "{no}");
        }
    }
}
