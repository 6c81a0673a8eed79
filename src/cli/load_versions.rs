//! `--load-version`

use std::collections::BTreeMap;

use clap::Args;

/// Option of commands that make a plan for a run.
#[derive(Debug, Args)]
pub(super) struct LoadVersionArguments {
    /// Load this version of a dataset that the pipeline does not make, instead of the newest at
    /// the start of the run: NAME:VERSION
    #[arg(
        long = "load-version",
        alias = "load-versions",
        value_name = "NAME:VERSION",
        value_delimiter = ',',
        value_parser = pinned
    )]
    load_versions: Vec<(String, String)>,
}

impl LoadVersionArguments {
    /// By dataset; the last word on each counts.
    pub fn by_dataset(&self) -> BTreeMap<String, String> {
        self.load_versions.iter().cloned().collect()
    }
}

/// Splits at the first `:`, as Kedro does, or `=`.
fn pinned(text: &str) -> Result<(String, String), String> {
    let at = text.find([':', '=']).ok_or("there is no `:` between a dataset and a version")?;
    let (name, version) = (text[..at].trim(), text[at + 1..].trim());
    if name.is_empty() || version.is_empty() {
        return Err("write the dataset's name, `:` and the version".to_owned());
    }
    // It is the name of a folder.
    if version.contains('/') || version.starts_with('.') {
        return Err(format!("`{version}` cannot be a version"));
    }
    Ok((name.to_owned(), version.to_owned()))
}
