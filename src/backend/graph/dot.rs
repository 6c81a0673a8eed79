//! Graphviz's notation.

use std::fmt::Write as _;

use super::{contents, last_steps, title, volume_words};
use crate::plan::{Plan, Step};

/// The plan in Graphviz's notation.
pub fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph pipeline {\n");
    let font = "fontname=\"Helvetica,Arial,sans-serif\"";
    let _ = writeln!(text, "  graph [label={}, labelloc=t, {font}]", quoted(&[title(plan)]));
    let _ = writeln!(
        text,
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#4a5568\", {font}, fontsize=12]"
    );
    text.push_str("  edge [color=\"#4a5568\", arrowsize=0.7]\n");

    let mut indent = "  ";
    if let Some(volume) = &plan.volume {
        let label = quoted(&[format!("volume {}", volume_words(volume))]);
        text.push_str("  subgraph cluster_volume {\n");
        let _ = writeln!(
            text,
            "    graph [label={label}, labelloc=t, style=\"rounded,filled\", fillcolor=\"#edf4fc\", color=\"#90b4dc\", fontsize=11]"
        );
        indent = "    ";
    }
    for step in plan.steps.iter().filter(|step| step.mount.is_some()) {
        let _ = writeln!(text, "{indent}{}", node(step, ""));
    }
    if plan.volume.is_some() {
        text.push_str("  }\n");
    }
    for step in plan.steps.iter().filter(|step| step.mount.is_none()) {
        let _ = writeln!(text, "  {}", node(step, ""));
    }
    for step in &plan.steps {
        for need in &step.needs {
            let _ = writeln!(text, "  \"{need}\" -> \"{}\"", step.name);
        }
    }
    if let Some(on_exit) = &plan.on_exit {
        let _ = writeln!(text, "  {}", node(on_exit, ", style=\"rounded,dashed\""));
        for step in last_steps(plan) {
            let _ = writeln!(text, "  \"{}\" -> \"{}\" [style=dashed]", step.name, on_exit.name);
        }
    }
    text.push_str("}\n");
    text
}

/// Names of steps are DNS labels: they need no more than their quotes.
fn node(step: &Step, style: &str) -> String {
    let mut lines = vec![step.name.clone()];
    lines.extend(contents(step));
    format!("\"{}\" [label={}{style}]", step.name, quoted(&lines))
}

/// Lines as a label. Backslashes are escapes there, and `&` begins an entity
/// of HTML.
fn quoted(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;"))
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}
