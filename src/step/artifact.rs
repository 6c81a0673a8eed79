//! Outputs of a step as artifacts of the workflow: where the executor of the
//! workflow finds each of them when the step has ended.
//!
//! The compiler writes these places into the workflow; the step sees to it that
//! there is something. Knows nothing of Kedro, nor of where artifacts go.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::Error;
use super::error::Missing;
use super::made::Made;
use super::output::{OUTPUTS, write_file};
use crate::{copy, env_vars};

/// The folder of references, below that of the outputs.
const ARTIFACTS: &str = "artifacts";

/// What Kubeflow Pipelines shows of the numbers that a step has measured: the
/// name of the artifact, and its file below the folder of the outputs (KFP SDK
/// 1.8; the persistence agent and the pages of KFP 2.17 look for these names).
pub const METRICS: [&str; 2] = ["mlpipeline-metrics", "mlpipeline-metrics.json"];

/// The same for tables, plots and texts.
pub const UI_METADATA: [&str; 2] = ["mlpipeline-ui-metadata", "mlpipeline-ui-metadata.json"];

/// An output that becomes an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The dataset, transcoding included.
    pub dataset: String,
    /// The artifact's name: `[-a-zA-Z0-9_]+`.
    pub name: String,
    /// Where it is found.
    pub place: Place,
}

/// Where an artifact is found. Paths are absolute, or below the project's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The dataset's own file or folder.
    Own(String),
    /// The same by another path, because its own has the run's version in it: the
    /// step makes hard links, or copies where there can be none.
    Linked(String),
    /// A small JSON that says where the data are: they are in no file here.
    Reference,
}

impl Artifact {
    /// The path in a pod in which the project lies at `root`.
    pub fn path(&self, root: &str) -> String {
        match &self.place {
            Place::Own(path) | Place::Linked(path) if path.starts_with('/') => path.clone(),
            Place::Own(path) | Place::Linked(path) => format!("{root}/{path}"),
            Place::Reference => format!("{OUTPUTS}/{}", self.reference_file()),
        }
    }

    /// Below the folder of the outputs.
    fn reference_file(&self) -> String {
        format!("{ARTIFACTS}/{}.json", self.name)
    }
}

/// Sees to it that each artifact is at its place, complete and readable. All
/// that is missing is said at once.
pub(super) fn provide(artifacts: &[Artifact], made: &[Made], project: &Path) -> Result<(), Error> {
    // Nobody takes them from a local run; that they could be is looked at.
    let local = std::env::var_os(env_vars::KUBEDRO_LOCAL).is_some();
    let mut missing = Vec::new();
    for artifact in artifacts {
        let Some(output) = made.iter().find(|made| made.dataset == artifact.dataset) else {
            missing.push(Missing { dataset: artifact.dataset.clone(), place: None });
            continue;
        };
        if !output.exists() {
            missing.push(output.missing());
            continue;
        }
        if let Some(path) = &output.path {
            readable(path)?;
        }
        match (&artifact.place, &output.path) {
            (Place::Own(path), Some(own)) => {
                let there = project.join(path);
                if !same_place(&there, own) {
                    return Err(Error::Elsewhere {
                        dataset: artifact.dataset.clone(),
                        expected: there,
                        path: own.clone(),
                    });
                }
            }
            (Place::Linked(_), Some(_)) if local => {}
            (Place::Linked(path), Some(own)) => {
                copy::link_tree(own, &project.join(path))?;
            }
            (Place::Reference, _) => {
                write_file(&artifact.reference_file(), output.reference().as_bytes())?;
            }
            (Place::Own(_) | Place::Linked(_), None) => {
                return Err(Error::NoFile { dataset: artifact.dataset.clone() });
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::Missing(missing)) }
}

/// Whether two paths lead to one file, however they are written.
fn same_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    real(one) == real(other)
}

/// Looks at all that is there: executors pass over what they cannot read (Argo
/// before 3.5), and nobody would know.
fn readable(path: &Path) -> Result<(), Error> {
    let failed = |path: &Path, source| Error::Read { path: path.to_path_buf(), source };
    if path.is_symlink() && path.is_dir() {
        let source = io::Error::other("it is a link to a folder: only the link would be stored");
        return Err(failed(path, source));
    }
    for entry in WalkDir::new(path).follow_root_links(true) {
        let entry = entry.map_err(|error| {
            let at = error.path().map_or_else(|| path.to_path_buf(), PathBuf::from);
            let source =
                error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links"));
            failed(&at, source)
        })?;
        if entry.file_type().is_symlink() && !entry.path().exists() {
            let source = io::Error::new(io::ErrorKind::NotFound, "the link leads nowhere");
            return Err(failed(entry.path(), source));
        }
        rustix::fs::access(entry.path(), rustix::fs::Access::READ_OK)
            .map_err(|error| failed(entry.path(), error.into()))?;
    }
    Ok(())
}
