//! The first `kubeflow.yaml` of a project, filled in from the files that lie
//! there: `pyproject.toml`, and the `Dockerfile` where there is one.
//!
//! Starts no Python, so that it works before anything is installed. Knows
//! nothing of pipelines and plans.

mod dockerfile;
mod host;
mod image;
mod pyproject;
mod sample;

use std::io;
use std::path::{Path, PathBuf};

pub use host::Host;

use crate::config::configuration_files;
use crate::files::{self, WriteError};
use dockerfile::Workdir;

/// Where the file belongs, below the project's root.
const FOLDER: &str = "conf/base";

/// Its name, and the other that it may have.
const NAMES: [&str; 2] = ["kubeflow.yaml", "kubeflow.yml"];

/// Where a project lies in an image that says nothing else.
const USUAL_ROOT: &str = "/home/kedro";

/// No file was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one, and nobody said that it may go.
    #[error(
        "{} is there already\n  = help: --force replaces it; without it, nothing is written", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is one of another name, which is read too.
    #[error(
        "{} is there, and would be read together with a new kubeflow.yaml\n  = help: move it away first; nothing is written", path.display()
    )]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// Kedro's configuration lies elsewhere, or nowhere.
    #[error(
        "there is no folder {}\n  = help: make it, if the project's configuration is to lie there. Where CONF_SOURCE or base_env in settings.py name other folders, put a kubeflow.yaml into the base folder that they name", path.display()
    )]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the project could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// `pyproject.toml` is not what Kedro takes.
    #[error("{} cannot be used: {source}", path.display())]
    Pyproject {
        /// The file.
        path: PathBuf,
        /// Has the line and the column.
        source: Box<toml::de::Error>,
    },
    /// The result could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// The image of every step.
    pub image: String,
    /// Where the project lies in the image.
    pub root: String,
    /// How that is known.
    pub root_from: RootFrom,
}

/// How it is known where the project lies in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootFrom {
    /// There is no `Dockerfile`, or it has no `WORKDIR`: the usual place.
    Convention,
    /// The `WORKDIR` of the `Dockerfile`.
    Dockerfile,
    /// The `Dockerfile` has a `WORKDIR` that it does not spell out: the usual
    /// place is a guess.
    Guess,
}

/// Writes `conf/base/kubeflow.yaml` of the project in `root`, with comments
/// and all keys. A file that is there is replaced only by `force`.
pub fn write(root: &Path, host: &Host, force: bool) -> Result<Written, Error> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        return Err(Error::NoFolder { path: folder });
    }
    // What begins like it is read together with it, and would be in its way.
    let mut others = configuration_files(&folder);
    let own = |path: &PathBuf| NAMES.map(|name| folder.join(name)).contains(path);
    if let Some(at) = others.iter().position(own).filter(|_| force) {
        others.swap(0, at);
    }
    let existing = others.first().cloned();
    if let Some(path) = others.iter().find(|path| force && !own(path)) {
        return Err(Error::InTheWay { path: path.clone() });
    }
    if let Some(path) = &existing
        && !force
    {
        return Err(Error::Exists { path: path.clone() });
    }
    let path = existing.unwrap_or_else(|| folder.join(NAMES[0]));

    let names = pyproject::names(root)?;
    let image = image::name([root.file_name().and_then(|name| name.to_str()), names.package()]);
    let (in_image, root_from) = match dockerfile::workdir_of(&root.join("Dockerfile"))? {
        Workdir::Known(workdir) => (workdir, RootFrom::Dockerfile),
        Workdir::Unknown => (USUAL_ROOT.to_owned(), RootFrom::Guess),
        Workdir::None => (USUAL_ROOT.to_owned(), RootFrom::Convention),
    };
    let text = sample::text(&sample::Values {
        host,
        image: &image,
        project: names.project().unwrap_or(&image),
        root: (in_image != USUAL_ROOT).then_some(in_image.as_str()),
    });
    files::write_atomically(&path, text.as_bytes())?;
    Ok(Written { path, image, root: in_image, root_from })
}

/// The text of a file; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable { path: path.to_path_buf(), source }),
    }
}
