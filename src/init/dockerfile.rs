//! The working directory of the image that a `Dockerfile` makes: the last
//! `WORKDIR` of its last stage, or of the stages that this one is made from.
//!
//! Variables count as far as the file itself gives them values. What only the
//! base image or `docker build --build-arg` knows is unknown here.

use std::collections::HashMap;
use std::path::{Component, Path};

use super::{Error, read};

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Workdir {
    /// An absolute path below `/`.
    Known(String),
    /// There is one, which depends on what the file does not say.
    Unknown,
    /// There is none.
    None,
}

pub(super) fn workdir_of(path: &Path) -> Result<Workdir, Error> {
    Ok(read(path)?.map_or(Workdir::None, |text| workdir(&text)))
}

/// A stage as far as it has been read.
#[derive(Clone)]
struct Stage {
    name: String,
    workdir: Workdir,
    /// `ENV`; they win over `ARG`. `None`: set, to something unknown.
    variables: HashMap<String, Option<String>>,
    /// `ARG`; `None` has no default.
    arguments: HashMap<String, Option<String>>,
}

impl Stage {
    fn value_of(&self, name: &str) -> Option<&str> {
        self.variables.get(name).or_else(|| self.arguments.get(name))?.as_deref()
    }
}

fn workdir(text: &str) -> Workdir {
    let nothing = Stage {
        name: String::new(),
        workdir: Workdir::None,
        variables: HashMap::new(),
        arguments: HashMap::new(),
    };
    // The first is what stands before any FROM: ARGs that each stage may take.
    let mut stages = vec![nothing.clone()];
    for (instruction, rest) in instructions(text) {
        if instruction == "FROM" {
            let words: Vec<&str> =
                rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            let base = words.first().copied().unwrap_or_default();
            let name = match words[..] {
                [_, word, name] if word.eq_ignore_ascii_case("as") => name.to_lowercase(),
                _ => String::new(),
            };
            let parent = stages[1..]
                .iter()
                .rev()
                .find(|stage| !stage.name.is_empty() && stage.name == base.to_lowercase());
            stages.push(Stage { name, ..parent.unwrap_or(&nothing).clone() });
            continue;
        }
        let before = stages[0].clone();
        let Some(stage) = stages.last_mut() else { continue };
        match instruction.as_str() {
            "ARG" => {
                for (name, value) in assignments(&rest) {
                    let value = match value {
                        Some(value) => expand(&value, stage),
                        None => before.arguments.get(&name).cloned().flatten(),
                    };
                    stage.arguments.insert(name, value);
                }
            }
            "ENV" => {
                for (name, value) in assignments(&rest) {
                    let value = value.and_then(|value| expand(&value, stage));
                    stage.variables.insert(name, value);
                }
            }
            "WORKDIR" => {
                stage.workdir = match (expand(&rest, stage), &stage.workdir) {
                    (Some(path), _) if path.starts_with('/') => clean(&path),
                    (Some(path), Workdir::Known(above)) => clean(&format!("{above}/{path}")),
                    _ => Workdir::Unknown,
                };
            }
            _ => {}
        }
    }
    stages.pop().map_or(Workdir::None, |stage| stage.workdir)
}

/// Instructions in upper case, and what stands behind them: lines that end in
/// a backslash joined, comments and the bodies of heredocs left out.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut joined = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            joined.push_str(part);
            joined.push(' ');
            continue;
        }
        joined.push_str(line);
        let whole = std::mem::take(&mut joined);
        let (instruction, rest) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        let instruction = instruction.to_uppercase();
        if ["RUN", "COPY", "ADD"].contains(&instruction.as_str()) {
            for end in rest.split_whitespace().filter_map(heredoc) {
                lines.by_ref().find(|line| line.trim_start_matches('\t') == end);
            }
        }
        found.push((instruction, rest.trim().to_owned()));
    }
    found
}

/// `<<EOF`, `3<<-"EOF"`: the line that ends it.
fn heredoc(word: &str) -> Option<&str> {
    let rest = word.trim_start_matches(|first: char| first.is_ascii_digit()).strip_prefix("<<")?;
    let end = rest.strip_prefix('-').unwrap_or(rest).trim_matches(['"', '\'']);
    (!end.is_empty() && !end.contains('<')).then_some(end)
}

/// `A=1 B="2 3"`, and `A 1`, which is all one value. The values are not
/// expanded yet.
fn assignments(text: &str) -> Vec<(String, Option<String>)> {
    let words = words(text);
    match words.first() {
        Some(first) if !first.contains('=') && words.len() > 1 => {
            let value = text[first.len()..].trim();
            vec![(first.clone(), Some(value.to_owned()))]
        }
        _ => words
            .iter()
            .map(|word| match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.clone(), None),
            })
            .collect(),
    }
}

/// Split at blanks that are not within quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in text.chars() {
        match (character, quote) {
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            _ if character.is_whitespace() && quote.is_none() => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+instead}` replaced, and
/// quotes taken away; `None` where a value is not known.
fn expand(text: &str, stage: &Stage) -> Option<String> {
    let mut result = String::new();
    let mut rest = text.chars();
    let mut raw = false;
    while let Some(character) = rest.next() {
        match character {
            '\'' => raw = !raw,
            '"' if !raw => {}
            '\\' if !raw => result.extend(rest.next()),
            '$' if !raw => {
                let (value, behind) = variable(rest.as_str(), stage)?;
                result.push_str(&value);
                rest = behind.chars();
            }
            _ => result.push(character),
        }
    }
    Some(result)
}

/// The value of the variable behind a `$`, and what follows it.
fn variable<'t>(text: &'t str, stage: &Stage) -> Option<(String, &'t str)> {
    let length = |text: &str| {
        text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .unwrap_or(text.len())
    };
    let Some(braced) = text.strip_prefix('{') else {
        let (name, behind) = text.split_at(length(text));
        return Some((stage.value_of(name)?.to_owned(), behind));
    };
    let (inner, behind) = braced.split_once('}')?;
    let (name, operator) = inner.split_at(length(inner));
    let value = stage.value_of(name);
    let value = if let Some(default) = operator.strip_prefix(":-") {
        value.filter(|value| !value.is_empty()).or(Some(default)).map(str::to_owned)
    } else if let Some(instead) = operator.strip_prefix(":+") {
        value.map(|_| instead.to_owned())
    } else if operator.is_empty() {
        value.map(str::to_owned)
    } else {
        None
    };
    // A default that has variables of its own is beyond what is read here.
    value.filter(|value| !value.contains("${")).map(|value| (value, behind))
}

/// `/a//b/../c/` is `/a/c`. The root folder itself is where no project lies.
fn clean(path: &str) -> Workdir {
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.extend(part.to_str()),
            Component::ParentDir => {
                parts.pop();
            }
            _ => {}
        }
    }
    if parts.is_empty() { Workdir::None } else { Workdir::Known(format!("/{}", parts.join("/"))) }
}

#[cfg(test)]
mod tests {
    use super::{Workdir, workdir};

    fn known(path: &str) -> Workdir {
        Workdir::Known(path.to_owned())
    }

    #[test]
    fn the_last_one_of_the_last_stage_counts() {
        assert_eq!(workdir("FROM a\nWORKDIR /home/kedro\nCOPY . .\n"), known("/home/kedro"));
        assert_eq!(workdir("FROM a\nworkdir /a\nWORKDIR /b/\n"), known("/b"));
        assert_eq!(workdir("FROM a\nWORKDIR /a\nWORKDIR b\nWORKDIR ../c\n"), known("/a/c"));
        assert_eq!(
            workdir("FROM a AS builder\nWORKDIR /build\nFROM a\nWORKDIR /app"),
            known("/app")
        );
        assert_eq!(workdir("FROM a\nCOPY . .\n"), Workdir::None);
        assert_eq!(workdir("FROM a AS builder\nWORKDIR /build\nFROM a\n"), Workdir::None);
        assert_eq!(workdir("FROM a\nWORKDIR /\n"), Workdir::None);
        assert_eq!(workdir(""), Workdir::None);
    }

    #[test]
    fn a_stage_takes_over_what_it_is_made_from() {
        let text = "ARG BASE_IMAGE=python:3.10-slim
FROM $BASE_IMAGE as runtime-environment
ENV WHERE=/home/kedro_docker
WORKDIR ${WHERE}
USER kedro_docker

FROM --platform=linux/amd64 Runtime-Environment
COPY . .
";
        assert_eq!(workdir(text), known("/home/kedro_docker"));
        assert_eq!(workdir(&format!("{text}WORKDIR $WHERE/x")), known("/home/kedro_docker/x"));
    }

    #[test]
    fn variables_that_the_file_gives_a_value() {
        let with = |head: &str, path: &str| workdir(&format!("{head}\nWORKDIR {path}\n"));
        let kedro = known("/home/kedro");
        assert_eq!(with("FROM a\nARG KEDRO_HOME=/home/kedro", "${KEDRO_HOME}"), kedro);
        assert_eq!(with("FROM a\nENV H /home/kedro", "$H"), kedro);
        assert_eq!(with("FROM a\nARG U=kedro\nENV X=1 H=\"/home/$U\"", "$H"), kedro);
        assert_eq!(with("ARG H=/home/kedro\nFROM a\nARG H", "$H"), kedro);
        assert_eq!(with("FROM a", "${H:-/home/kedro}"), kedro);
        assert_eq!(with("FROM a\nARG H=/x", "${H:+/home/kedro}"), kedro);
        assert_eq!(with("FROM a\nENV H=/home/kedro\nARG H=/arg", "$H"), kedro);
        assert_eq!(with("FROM a", "\"/home/my project\""), known("/home/my project"));
        assert_eq!(with("FROM a", "'/home/$X'"), known("/home/$X"));
        assert_eq!(with("FROM a", "/home/\\$X"), known("/home/$X"));
    }

    #[test]
    fn what_only_others_know_is_unknown() {
        assert_eq!(workdir("FROM a\nWORKDIR $HOME\n"), Workdir::Unknown);
        assert_eq!(workdir("FROM a\nARG H\nWORKDIR $H\n"), Workdir::Unknown);
        assert_eq!(workdir("ARG H=/x\nFROM a\nWORKDIR $H\n"), Workdir::Unknown, "not taken in");
        assert_eq!(workdir("FROM a\nWORKDIR app\n"), Workdir::Unknown, "below the base image's");
        assert_eq!(workdir("FROM a\nWORKDIR ${H\n"), Workdir::Unknown);
        assert_eq!(workdir("FROM a\nWORKDIR ${H:-${G}}\n"), Workdir::Unknown);
        assert_eq!(workdir("FROM a\nENV A=$B\nENV C=$A/x\nWORKDIR $C\n"), Workdir::Unknown);
    }

    #[test]
    fn what_only_looks_like_an_instruction_does_not_count() {
        let text = "FROM a
WORKDIR /app
# WORKDIR /comment
RUN echo \\
# WORKDIR /between

    WORKDIR /joined
RUN <<EOF
WORKDIR /heredoc
EOF
COPY <<-\"X\" 3<<Y /file
WORKDIR /first
\tX
WORKDIR /second
Y
RUN cat <<< WORKDIR
";
        assert_eq!(workdir(text), known("/app"));
        assert_eq!(workdir(&format!("{text}WORKDIR \\\n  /last\n")), known("/last"));
    }
}
