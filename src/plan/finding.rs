//! What the user should know of a plan, and what it is about. Where that stands
//! in which file is found out by those who show it.

use std::fmt;

use crate::diagnostic::Code;

/// Something about the plan that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// What it is about; the first of them that stands in a file is shown.
    pub subjects: Vec<Subject>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A node, where the project's code makes it.
    Node(String),
    /// An entry of the catalog, or the pattern that makes it.
    Dataset(String),
    /// A top-level parameter.
    Parameter(String),
    /// A key of `kubeflow.yaml`, with dots between the keys above it.
    Setting(&'static str),
    /// A key of an entry of `run_config.notifications`, whose value may be a secret.
    Notification {
        /// Which entry, from 0.
        at: usize,
        /// The keys below it.
        keys: Vec<String>,
    },
    /// A node's entry in a section of `run_config`.
    NodeSetting {
        /// The section.
        section: &'static str,
        /// The node's key in it.
        key: String,
    },
}

impl Finding {
    /// A finding that is about nothing yet.
    pub fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: help.into(), subjects: Vec::new() }
    }

    /// The same, about this (too).
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subjects.push(subject);
        self
    }
}

impl Subject {
    /// A node by its name.
    pub fn node(name: &str) -> Self {
        Self::Node(name.to_owned())
    }

    /// A dataset by its name.
    pub fn dataset(name: &str) -> Self {
        Self::Dataset(name.to_owned())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, help, .. } = self;
        write!(formatter, "{message} [{code}]\n  = help: {help}")
    }
}
