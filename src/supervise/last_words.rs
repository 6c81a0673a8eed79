//! What a child has to say of its own end, where it leaves that in a file: a log
//! shows exceptions in many forms.

use std::path::Path;

use serde::Deserialize;

/// Its last words.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LastWords {
    /// `Type: message`
    pub exception: Option<String>,
    /// For people.
    pub message: Option<String>,
}

impl LastWords {
    /// Nothing where it has left none.
    pub fn read(file: Option<&Path>) -> Self {
        file.and_then(|file| std::fs::read(file).ok())
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }
}
