//! A list for a terminal: level by level, what each step waits for.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{contents, levels, title, volume_words};
use crate::plan::{Plan, Step};

/// A column is no wider than this for the sake of one long name of a node.
const WIDEST: usize = 60;

/// The blank before a node's name, below its step's.
const INDENT: &str = "    ";

/// The plan as a list. The same plan gives the same text, on any terminal.
pub fn text(plan: &Plan) -> String {
    let levels = levels(plan);
    let mut list = List {
        text: heading(plan, levels.len()),
        digits: levels.len().to_string().len(),
        width: width(plan),
    };
    let waiting = plan.on_exit.is_some() || plan.steps.iter().any(|step| !step.needs.is_empty());
    list.line("", ' ', "  step", if waiting { "waits for" } else { "" });
    for (level, steps) in levels.iter().enumerate() {
        for (at, step) in steps.iter().enumerate() {
            let (number, first, below) = match (at, at + 1 == steps.len()) {
                (0, true) => ((level + 1).to_string(), '─', ' '),
                (0, false) => ((level + 1).to_string(), '┬', '│'),
                (_, true) => (String::new(), '└', ' '),
                (_, false) => (String::new(), '├', '│'),
            };
            list.step(&number, [first, below], step, &packed(&step.needs));
        }
    }
    if let Some(step) = &plan.on_exit {
        let when = ["the end of all, whatever became of them".to_owned()];
        list.step("", ['─', ' '], step, &when);
    }
    list.text
}

fn heading(plan: &Plan, levels: usize) -> String {
    let count = |number: usize, name: &str| match number {
        1 => format!("1 {name}"),
        _ => format!("{number} {name}s"),
    };
    let handler = if plan.on_exit.is_some() { ", and an exit handler" } else { "" };
    let mut text = format!(
        "{}\n{} on {}{handler}\n",
        title(plan),
        count(plan.steps.len(), "step"),
        count(levels, "level")
    );
    let _ = match &plan.volume {
        Some(volume) => {
            writeln!(text, "● has the volume ({}), ○ does not", volume_words(volume))
        }
        None => writeln!(text, "no volume: the steps share no files"),
    };
    text.push('\n');
    text
}

/// Of the column of steps.
fn width(plan: &Plan) -> usize {
    plan.steps
        .iter()
        .chain(&plan.on_exit)
        .flat_map(|step| {
            let below =
                contents(step).into_iter().map(|line| (INDENT.len() + line.width()).min(WIDEST));
            below.chain([step.name.len() + 2])
        })
        .max()
        .unwrap_or_default()
}

/// Names with commas between them, as many a line as there is room for.
fn packed(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 == names.len() { "" } else { "," };
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= WIDEST => {
                let _ = write!(line, " {name}{comma}");
            }
            _ => lines.push(format!("{name}{comma}")),
        }
    }
    lines
}

struct List {
    text: String,
    digits: usize,
    width: usize,
}

impl List {
    /// A step, its nodes below it, and what it waits for beside them.
    fn step(&mut self, level: &str, [first, below]: [char; 2], step: &Step, waits: &[String]) {
        let mark = if step.mount.is_some() { '●' } else { '○' };
        let nodes = contents(step);
        let mut left = [format!("{mark} {}", step.name)]
            .into_iter()
            .chain(nodes.into_iter().map(|node| format!("{INDENT}{node}")))
            .peekable();
        let mut right = waits.iter().peekable();
        let (mut level, mut line) = (level, first);
        while left.peek().is_some() || right.peek().is_some() {
            let name = left.next().unwrap_or_default();
            // A name that is too long for the column has the line to itself.
            let beside = if name.width() > self.width { None } else { right.next() };
            self.line(level, line, &name, beside.map_or("", String::as_str));
            (level, line) = ("", below);
        }
    }

    fn line(&mut self, level: &str, line: char, left: &str, right: &str) {
        let blank = " ".repeat(self.width.saturating_sub(left.width()));
        let row = format!("{level:>0$} {line} {left}{blank}  {right}", self.digits);
        self.text.push_str(row.trim_end());
        self.text.push('\n');
    }
}
