//! Fills the volume with the image's data, and gives it to its owner.

use std::path::{Component, Path, PathBuf};

use super::{Error, VolumeInitSpec};
use crate::supervise::Outcome;
use crate::telemetry::say;
use crate::{copy, env_vars};

pub(super) fn execute(spec: &VolumeInitSpec, project: &Path) -> Result<Outcome, Error> {
    let from = below(project, &spec.from)?;
    let to = below(project, &spec.to)?;
    let local = std::env::var_os(env_vars::KUBEDRO_LOCAL).is_some();
    let owner = spec.owner.filter(|_| !local);
    // An image without data is an empty volume, as with `cp -r data/*` … but no error.
    if !from.is_dir() {
        tracing::warn!("the image has no {}: the volume stays empty", from.display());
        if let Some(owner) = owner {
            copy::give(&to, owner)?;
        }
        return Ok(Outcome::SUCCESS);
    }
    let summary = copy::tree(&from, &to, &copy::Options { owner, ..copy::Options::default() })?;
    say(&format!(
        "copied {} files ({} bytes) in {} folders to {}{}",
        summary.files,
        summary.bytes,
        summary.folders,
        spec.to,
        owner.map(|owner| format!(", owner {owner}")).unwrap_or_default(),
    ));
    Ok(Outcome::SUCCESS)
}

fn below(project: &Path, path: &str) -> Result<PathBuf, Error> {
    let inside = Path::new(path)
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if inside { Ok(project.join(path)) } else { Err(Error::Path { path: path.to_owned() }) }
}
