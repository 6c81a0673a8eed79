//! What a run has made: the launcher's answer about the outputs of the nodes.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Error;
use super::error::Missing;

/// An output after the run, as the dataset itself says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    /// The dataset, transcoding included.
    pub dataset: String,
    /// Its class.
    #[serde(rename = "type")]
    pub class: String,
    /// A local file or folder: of a versioned dataset, that of the version which
    /// was just written.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Where it is in a store; without credentials.
    #[serde(default)]
    pub uri: Option<String>,
    /// A table of a database, where its class has one.
    #[serde(default)]
    pub table: Option<String>,
    /// The version that was written.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether a store has said that there is nothing.
    #[serde(default)]
    pub absent: bool,
}

impl Made {
    /// The launcher's answer.
    pub fn list(answer: &[u8]) -> Result<Vec<Self>, Error> {
        serde_json::from_slice(answer).map_err(|error| Error::Outputs(error.to_string()))
    }

    /// The dataset's name without transcoding.
    pub fn name(&self) -> &str {
        self.dataset.split_once('@').map_or(&self.dataset, |(name, _)| name)
    }

    /// Whether there is something. Where only the dataset can know, there is.
    pub fn exists(&self) -> bool {
        !self.absent && self.path.as_ref().is_none_or(|path| path.symlink_metadata().is_ok())
    }

    /// For the error that says so.
    pub fn missing(&self) -> Missing {
        let place = self.path.as_ref().map(|path| path.display().to_string());
        Missing { dataset: self.dataset.clone(), place: place.or_else(|| self.uri.clone()) }
    }

    /// JSON that says where the data are.
    pub fn reference(&self) -> String {
        let mut reference = Map::new();
        let mut add = |key: &str, value: &Option<String>| {
            if let Some(value) = value {
                reference.insert(key.to_owned(), Value::from(value.as_str()));
            }
        };
        add("dataset", &Some(self.dataset.clone()));
        add("type", &Some(self.class.clone()));
        add("uri", &self.uri);
        add("path", &self.path.as_ref().map(|path| path.display().to_string()));
        add("table", &self.table);
        add("version", &self.version);
        format!("{:#}\n", json!(reference))
    }
}
