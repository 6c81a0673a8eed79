//! YAML that every reader reads back as it was meant.

use serde::Serialize;

use super::Error;

/// Serializes with settings under which PyYAML, Go's and Argo's readers give
/// back the same text: no folding of long lines, no block scalars.
pub(super) fn to_text<T: Serialize>(value: &T) -> Result<String, Error> {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
        prefer_block_scalars: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options)
        .map_err(|error| Error::Yaml(error.to_string()))?;
    Ok(text)
}
