//! What a step hands to the steps after it: a file of base64, so that no
//! backend finds anything in it that it would expand.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Error;
use crate::env_vars;
use crate::files;

/// Where outputs are written in a pod; a backend names the files as its outputs.
pub const OUTPUTS: &str = "/tmp/kubedro-outputs";

/// The folder that a local run has for the outputs of this step.
pub(super) fn local_folder() -> Option<PathBuf> {
    let folder = std::env::var_os(env_vars::KUBEDRO_OUTPUTS);
    folder.filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where the outputs are written here.
pub(super) fn outputs_folder() -> PathBuf {
    local_folder().unwrap_or_else(|| PathBuf::from(OUTPUTS))
}

/// Writes an output of this step, whole or not at all.
pub(super) fn write(name: &str, value: &[u8]) -> Result<(), Error> {
    write_file(name, BASE64.encode(value).as_bytes())
}

/// Writes a file below the folder of the outputs, whole or not at all.
pub(super) fn write_file(below: &str, contents: &[u8]) -> Result<(), Error> {
    let path = outputs_folder().join(below);
    let folder = path.parent().unwrap_or(&path);
    std::fs::create_dir_all(folder)
        .map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(files::write_atomically(&path, contents)?)
}

/// The value of an output that a step has written.
pub fn decoded(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()
}
