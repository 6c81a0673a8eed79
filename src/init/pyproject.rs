//! What Kedro calls the project: `[tool.kedro]` of `pyproject.toml`.

use std::path::Path;

use serde::Deserialize;

use super::{Error, read};

/// The project's names, as far as the file has them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Names {
    #[serde(default)]
    project_name: String,
    #[serde(default)]
    package_name: String,
}

#[derive(Default, Deserialize)]
struct Pyproject {
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    kedro: Names,
}

impl Names {
    /// For people.
    pub fn project(&self) -> Option<&str> {
        some(&self.project_name).or_else(|| self.package())
    }

    /// For Python.
    pub fn package(&self) -> Option<&str> {
        some(&self.package_name)
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(super) fn names(root: &Path) -> Result<Names, Error> {
    let path = root.join("pyproject.toml");
    let text = read(&path)?.unwrap_or_default();
    match toml::from_str::<Pyproject>(&text) {
        Ok(file) => Ok(file.tool.kedro),
        Err(source) => Err(Error::Pyproject { path, source: Box::new(source) }),
    }
}
