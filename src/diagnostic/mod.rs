//! What is doubtful or wrong in a user's files, where, and how it is shown.
//!
//! Knows nothing of what the files mean.

mod code;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level as Shown, Origin, Renderer, Snippet};

pub use code::Code;

use crate::names::nearest;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing can be made of it, or data or the run would certainly be lost.
    Error,
    /// It works, but most likely not as meant.
    Warning,
}

impl Level {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A range of bytes in a file.
#[derive(Debug, Clone)]
pub struct Place {
    /// As shown to people: below the project's root.
    pub path: Arc<str>,
    /// The whole file.
    pub text: Arc<str>,
    /// Bytes.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column, both from 1; the column counts characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        // A byte order mark is no column.
        let line = before[line_start..].trim_start_matches('\u{feff}');
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

/// One complaint.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// What kind it is.
    pub code: Code,
    /// How bad it is; the code's own, unless the caller is stricter.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// Said under the caret.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether the line may hold a secret, which must not get into the log of a
    /// build: only its place is shown.
    pub confidential: bool,
}

impl Diagnostic {
    /// A complaint without a place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            level: code.level(),
            message: message.into(),
            place: None,
            label: String::new(),
            help: None,
            confidential: false,
        }
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same with words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the nearest of the names that would be right, if one is near.
    #[must_use]
    pub fn nearest_of<'n>(self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        match nearest(name, known) {
            Some(near) => self.help(format!("Did you mean `{near}`?")),
            None => self,
        }
    }

    /// The complaint with the line of the file and a caret, as rustc shows it.
    pub fn render(&self, colour: bool) -> String {
        let level = match self.level {
            Level::Error => Shown::ERROR,
            Level::Warning => Shown::WARNING,
        };
        let mut group = level.primary_title(self.message.as_str()).id(self.code.name()).elements(
            self.place.iter().filter(|_| !self.confidential).map(|place| {
                let annotation = AnnotationKind::Primary.span(place.span.clone());
                let annotation = if self.label.is_empty() {
                    annotation
                } else {
                    annotation.label(self.label.as_str())
                };
                Snippet::source(&*place.text)
                    .line_start(1)
                    .path(&*place.path)
                    .annotation(annotation)
            }),
        );
        if let Some(place) = self.place.as_ref().filter(|_| self.confidential) {
            let (line, column) = place.line_and_column();
            group = group.element(Origin::path(&*place.path).line(line).char_column(column));
        }
        if let Some(help) = &self.help {
            group = group.element(Shown::HELP.message(help.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group]).clone()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}
