//! A complaint about a place in the tree, before the files are at hand in which
//! the place is shown.

use std::ops::Range;

use crate::diagnostic::Code;
use crate::names::nearest;

/// A complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// What kind it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Said under the caret; may be empty.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Which file of the tree.
    pub source: usize,
    /// Bytes in that file.
    pub span: Range<usize>,
}

impl Problem {
    /// A complaint about a place.
    pub fn new(code: Code, message: impl Into<String>, source: usize, span: Range<usize>) -> Self {
        Self { code, message: message.into(), label: String::new(), help: None, source, span }
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

    /// The same with advice, if there is any.
    #[must_use]
    pub fn optional_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }

    /// The same with the nearest of the names that would be right, if one is near.
    #[must_use]
    pub fn nearest_of<'n>(self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        match nearest(name, known) {
            Some(near) => self.help(format!("Did you mean `{near}`?")),
            None => self,
        }
    }
}
