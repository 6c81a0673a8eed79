//! `.dockerignore`: what of the project comes into an image.
//!
//! The rules are those of Docker's builder (moby/patternmatcher): patterns are
//! matched from the root, a pattern matches all that is below it, `**` crosses
//! folders, and the last pattern that matches decides; `!` takes back in.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;

use super::view::MARKER;
use super::{Error, io_error};
use crate::copy::Filter;

/// The rules of one file, and what is never copied.
pub(super) struct Dockerignore {
    rules: Vec<Rule>,
    root: PathBuf,
    /// The work folder, which may lie in the project.
    workdir: PathBuf,
}

struct Rule {
    takes_in: bool,
    pattern: Regex,
    /// The pattern up to its first wildcard.
    prefix: String,
}

impl Dockerignore {
    /// Reads the project's file; without one everything is taken.
    pub fn read(root: &Path, workdir: &Path) -> Result<Self, Error> {
        let path = root.join(".dockerignore");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                tracing::warn!(
                    "there is no .dockerignore: all of the project's folder is in the image, what earlier runs have left in data/ too"
                );
                String::new()
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let rules =
            parse(&text).map_err(|(line, message)| Error::Dockerignore { path, line, message })?;
        Ok(Self { rules, root: root.to_path_buf(), workdir: workdir.to_path_buf() })
    }

    fn never(&self, below: &Path, is_folder: bool) -> bool {
        let path = self.root.join(below);
        if is_folder {
            // A virtual environment is this machine's Python, not a part of the
            // project; nor are local runs of before.
            return path == self.workdir
                || path.join("pyvenv.cfg").is_file()
                || path.join(MARKER).is_file();
        }
        // In an image a link out of the project leads to nothing; here it would
        // lead to the user's own files, and steps would write to them.
        let leads_out = std::fs::read_link(&path).is_ok_and(|target| {
            target.is_absolute()
                || std::fs::canonicalize(&path).is_ok_and(|end| !end.starts_with(&self.root))
        });
        if leads_out {
            tracing::warn!(
                "left out: {} is a link that leads to nothing in an image",
                below.display()
            );
        }
        leads_out
    }
}

impl Filter for Dockerignore {
    fn takes(&self, below: &Path, is_folder: bool) -> bool {
        !self.never(below, is_folder) && takes(&self.rules, &slashed(below))
    }

    fn enters(&self, below: &Path) -> bool {
        if self.never(below, true) {
            return false;
        }
        let folder = format!("{}/", slashed(below));
        self.rules.iter().filter(|rule| rule.takes_in).any(|rule| {
            rule.prefix.starts_with(&folder) || folder.starts_with(rule.prefix.as_str())
        })
    }
}

fn slashed(path: &Path) -> String {
    let names: Vec<_> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    names.join("/")
}

fn takes(rules: &[Rule], path: &str) -> bool {
    let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
    let places: Vec<&str> = parents.chain([path]).collect();
    let mut taken = true;
    for rule in rules {
        if rule.takes_in != taken && places.iter().any(|place| rule.pattern.is_match(place)) {
            taken = rule.takes_in;
        }
    }
    taken
}

fn parse(text: &str) -> Result<Vec<Rule>, (usize, String)> {
    let mut rules = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (takes_in, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if pattern.is_empty() {
            return Err((at + 1, "a `!` without a pattern".to_owned()));
        }
        let mut clean: Vec<&str> = Vec::new();
        for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                clean.pop();
            } else {
                clean.push(part);
            }
        }
        let clean = clean.join("/");
        let prefix_end = clean.find(['*', '?', '[', '\\']).unwrap_or(clean.len());
        let expression = expression(&clean).map_err(|message| (at + 1, message))?;
        let pattern = Regex::new(&expression)
            .map_err(|_| (at + 1, format!("`{pattern}` is not a pattern")))?;
        rules.push(Rule { takes_in, pattern, prefix: clean[..prefix_end].to_owned() });
    }
    Ok(rules)
}

/// The pattern as a regular expression.
fn expression(pattern: &str) -> Result<String, String> {
    let mut expression = "^".to_owned();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.peek() == Some(&'*') => {
                while characters.peek() == Some(&'*') {
                    characters.next();
                }
                if characters.peek() == Some(&'/') {
                    characters.next();
                }
                let is_last = characters.peek().is_none();
                expression.push_str(if is_last { ".*" } else { "(.*/)?" });
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => {
                expression.push('[');
                let mut closed = false;
                for inner in characters.by_ref() {
                    match inner {
                        ']' => {
                            closed = true;
                            break;
                        }
                        '\\' | '[' | '&' | '~' => {
                            let _ = write!(expression, "\\{inner}");
                        }
                        _ => expression.push(inner),
                    }
                }
                if !closed {
                    return Err(format!("`{pattern}` has a `[` without a `]`"));
                }
                expression.push(']');
            }
            '\\' => {
                let escaped = characters
                    .next()
                    .ok_or_else(|| format!("`{pattern}` ends in a single `\\`"))?;
                expression.push_str(&regex_lite::escape(&escaped.to_string()));
            }
            _ => expression.push_str(&regex_lite::escape(&character.to_string())),
        }
    }
    expression.push('$');
    Ok(expression)
}

#[cfg(test)]
mod tests {
    use super::{parse, takes};

    fn taken<'p>(rules: &str, paths: &[&'p str]) -> Vec<&'p str> {
        let rules = parse(rules).unwrap();
        paths.iter().copied().filter(|path| takes(&rules, path)).collect()
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let paths = ["data/01_raw/a.csv", "data/02_x/b", "data", "src/a.py", "conf/local/c"];
        assert_eq!(taken("", &paths), paths);
        assert_eq!(
            taken("data/*\n!data/01_raw\nconf/local", &paths),
            ["data/01_raw/a.csv", "data", "src/a.py"]
        );
        assert_eq!(taken("!src\n*", &paths), Vec::<&str>::new());
        assert_eq!(taken("# all\n/*\n!/src/", &paths), ["src/a.py"]);
    }

    #[test]
    fn wildcards_as_docker_reads_them() {
        let paths = ["a/__pycache__/x.pyc", "__pycache__/y", "x.pyc", "ab.txt", "a/b.txt", "a.b"];
        assert_eq!(taken("**/__pycache__", &paths), ["x.pyc", "ab.txt", "a/b.txt", "a.b"]);
        assert_eq!(
            taken("*.pyc", &paths),
            ["a/__pycache__/x.pyc", "__pycache__/y", "ab.txt", "a/b.txt", "a.b"]
        );
        assert_eq!(
            taken("a?.txt\na.[a-c]", &paths),
            ["a/__pycache__/x.pyc", "__pycache__/y", "x.pyc", "a/b.txt"]
        );
        assert_eq!(taken("**", &paths), Vec::<&str>::new());
        assert_eq!(taken("a\\.b", &paths).len(), 5);
        assert_eq!(taken("x/../*.txt", &paths).len(), 5);
        assert_eq!(taken("a**.txt", &["ab.txt", "a.txt", "a/b/.txt"]), ["ab.txt"]);
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        assert_eq!(parse("ok\n[a").map(|_| ()).unwrap_err().0, 2);
        assert!(parse("!").is_err());
    }
}
