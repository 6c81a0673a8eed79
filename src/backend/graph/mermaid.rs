//! Mermaid's flowcharts, which GitHub and GitLab draw within Markdown.

use std::fmt::Write as _;

use super::{contents, last_steps, title, volume_words};
use crate::plan::{Plan, Step};

/// What Mermaid looks for once it has put characters for numbers: a line break
/// (`\n`), a formula (`$$`), an icon (`fa:fa-…`), its own marks for numbers.
/// Something that cannot be seen between the two keeps them what they are.
const SEEN_LATER: [(char, char); 5] = [('\\', 'n'), ('$', '$'), (':', 'f'), ('ﬂ', '°'), ('¶', 'ß')];

/// A word joiner.
const NOTHING: &str = "#8288;";

/// The plan as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart TD\n", yaml(&title(plan)));
    let mut indent = "  ";
    if let Some(volume) = &plan.volume {
        let label = escaped(&format!("volume {}", volume_words(volume)));
        let _ = writeln!(text, "  subgraph volume[\"{label}\"]");
        indent = "    ";
    }
    for step in plan.steps.iter().filter(|step| step.mount.is_some()) {
        let _ = writeln!(text, "{indent}{}[\"{}\"]", id(step), label(step));
    }
    if plan.volume.is_some() {
        text.push_str("  end\n");
    }
    for step in plan.steps.iter().filter(|step| step.mount.is_none()) {
        let _ = writeln!(text, "  {}[\"{}\"]", id(step), label(step));
    }
    for step in &plan.steps {
        for need in &step.needs {
            let _ = writeln!(text, "  {} --> {}", id_of(need), id(step));
        }
    }
    if let Some(on_exit) = &plan.on_exit {
        let _ = writeln!(text, "  {}([\"{}\"])", id(on_exit), label(on_exit));
        for step in last_steps(plan) {
            let _ = writeln!(text, "  {} -.-> {}", id(step), id(on_exit));
        }
    }
    text
}

fn id(step: &Step) -> String {
    id_of(&step.name)
}

/// Names of steps have no `_`, so two never become one; and with something in
/// front, none is a word of Mermaid's own (`end`, `default`, …).
fn id_of(name: &str) -> String {
    format!("step_{}", name.replace('-', "_"))
}

fn label(step: &Step) -> String {
    let lines: Vec<String> =
        [step.name.clone()].into_iter().chain(contents(step)).map(|line| escaped(&line)).collect();
    lines.join("<br/>")
}

/// Text within a label. Mermaid reads Markdown, HTML, icons, formulas and
/// directives in there: all that is no letter or digit is written as its
/// number, but for what stands between two of them in most names.
fn escaped(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in characters.iter().enumerate() {
        let letter = |at: Option<usize>| {
            at.and_then(|at| characters.get(at)).is_some_and(|next| next.is_alphanumeric())
        };
        let within = letter(at.checked_sub(1)) && letter(Some(at + 1));
        let plain = character.is_alphanumeric()
            || *character == ' '
            || (*character == ',' && letter(at.checked_sub(1)))
            || (within && matches!(character, '_' | '-' | '.'));
        if plain {
            escaped.push(*character);
        } else {
            let _ = write!(escaped, "#{};", u32::from(*character));
        }
        if let Some(next) = characters.get(at + 1)
            && SEEN_LATER.contains(&(*character, *next))
        {
            escaped.push_str(NOTHING);
        }
    }
    escaped
}

/// A YAML text that none of what Mermaid does before it reads YAML can change.
///
/// A title is cleaned as HTML, and shown as the HTML that this makes: what has
/// a meaning in HTML is shown by its wide forms.
fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    let wide = text.replace('<', "＜").replace('>', "＞").replace('&', "＆");
    for character in wide.chars() {
        if character.is_alphanumeric() || " _-.:".contains(character) {
            quoted.push(character);
        } else {
            let _ = write!(quoted, "\\U{:08X}", u32::from(character));
        }
    }
    quoted.push('"');
    quoted
}
