//! What an item's manifest says.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Error;

/// The manifest of an item.
#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    #[serde(flatten)]
    pub about: &'a Map<String, Value>,
    /// `file` or `folder`.
    pub kind: &'static str,
    /// Of all files.
    pub bytes: u64,
    pub files: Vec<File<'a>>,
    /// Those in which nothing is, which a store does not know otherwise.
    pub empty_folders: &'a [String],
}

#[derive(Debug, Serialize)]
pub(super) struct File<'a> {
    /// As it was called, below the item.
    pub path: &'a str,
    /// Its key below the item's folder.
    pub key: &'a str,
    pub size: u64,
    /// In hexadecimal digits.
    pub sha256: String,
}

impl Manifest<'_> {
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let mut json =
            serde_json::to_vec_pretty(self).map_err(|error| Error::Manifest(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }
}
