//! The text of the first `kubeflow.yaml`: `sample.yaml`, with the project's
//! own values in place of `<<…>>`.

use std::fmt::Write as _;

use super::{Host, USUAL_ROOT};

const TEMPLATE: &str = include_str!("sample.yaml");

/// What YAML 1.1 takes for something else than a text.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// What differs from project to project.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub host: &'a Host,
    pub image: &'a str,
    /// The project's name for people.
    pub project: &'a str,
    /// Where the project lies in the image, if not where it usually does.
    pub root: Option<&'a str>,
}

pub(super) fn text(values: &Values<'_>) -> String {
    // Braces would be variables, or parameters of the run.
    let project = values.project.replace(['{', '}'], "");
    let project = project.trim();
    let value = |name: &str| match name {
        "host" => scalar(&values.host.to_string()),
        "image" => scalar(values.image),
        "root" => match values.root {
            Some(root) => format!("root: {}", scalar(root)),
            None => format!("# root: {USUAL_ROOT}"),
        },
        "experiment_name" => {
            scalar(&format!("{project} [${{oc.env:KEDRO_CONFIG_BRANCH_NAME, local}}]"))
        }
        "run_name" => scalar(&format!(
            "{project} ${{pipeline_name}} ${{oc.env:KEDRO_CONFIG_BRANCH_NAME, local}} ${{oc.env:KEDRO_CONFIG_COMMIT_ID, local}}"
        )),
        "scheduled_run_name" => scalar(&format!("{project} ${{pipeline_name}} recurring")),
        _ => String::new(),
    };
    // In one pass: what is put in is not looked at again.
    let mut text = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("<<") {
        let (name, behind) = after.split_once(">>").unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&value(name));
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// A YAML scalar that is read back as this very text: plain where nobody could
/// take it for anything else, otherwise in double quotes.
fn scalar(text: &str) -> String {
    let safe = |character: char| {
        character.is_ascii_alphanumeric() || " -_./:,+()[]{}$~%@".contains(character)
    };
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(safe)
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && !WORDS.contains(&text.to_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            // Letters of any script; all else might be a line break, or
            // something that cannot be seen.
            _ if character.is_alphanumeric() => quoted.push(character),
            _ => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Values, scalar, text};

    #[test]
    fn plain_where_it_can_be() {
        for text in [
            "spaceflights",
            "/home/kedro_docker",
            "https://kubeflow.example.com/pipelines",
            "Spaceflights [${oc.env:KEDRO_CONFIG_BRANCH_NAME, local}]",
        ] {
            assert_eq!(scalar(text), text);
        }
        for (text, written) in [
            ("no", "\"no\""),
            ("1.0", "\"1.0\""),
            ("", "\"\""),
            ("a: b #c", "\"a: b #c\""),
            ("[a]", "\"[a]\""),
            ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""),
            ("a\nb\u{2028}é", "\"a\\U0000000Ab\\U00002028é\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn what_is_put_in_is_not_a_placeholder() {
        let text = text(&Values {
            host: &"https://a".parse().unwrap(),
            image: "x",
            project: "<<host>> {a} ${b}",
            root: None,
        });
        assert!(text.contains("\n  run_name: \"<<host>> a $b ${pipeline_name}"), "{text}");
    }
}
