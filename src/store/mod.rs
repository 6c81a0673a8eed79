//! Object stores by URL: puts files and folders there, completely or with an
//! error that says what is missing. Knows nothing of what they are, and why
//! somebody wants them there.
//!
//! An item named NAME in the folder FOLDER of a target becomes the objects
//! `FOLDER/NAME/…`, and its manifest, written last, `FOLDER/NAME.manifest.json`:
//! whoever finds a manifest finds all that it lists, with these sizes and
//! SHA-256 sums. What an earlier attempt has left under `FOLDER/NAME/` is
//! overwritten or removed.

mod checked;
mod connect;
mod error;
mod leftovers;
mod location;
mod manifest;
mod name;
mod options;
mod part;
mod send;
mod source;
mod upload;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

pub use error::Error;
pub use location::{Location, Scheme};
pub use options::{check_option, is_secret};
pub use upload::upload;

/// Where things are put.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// `s3://bucket/prefix`, `gs://…`, `az://…`, `abfs://…` or `file:///folder`.
    pub url: &'a str,
    /// Settings of the store's client, by name; over those of the environment.
    pub options: &'a BTreeMap<String, String>,
}

/// What is put under one name.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// Any text.
    pub name: &'a str,
    /// What it is.
    pub source: Source<'a>,
    /// What its manifest says first.
    pub about: Map<String, Value>,
}

/// Where the bytes come from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A file, or a folder with all that is in it. Links are followed.
    Path(&'a Path),
    /// A text, as a file of this name.
    Text {
        /// The file's name.
        name: &'a str,
        /// What is in it.
        text: &'a str,
    },
}

/// What was put there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files, without the manifests.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
