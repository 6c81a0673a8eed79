//! `run_config.artifacts`: the object store that outputs are put into besides.
//! Not in kedro-kubeflow, which ignores the key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::lenient;
use super::model::fields_of;
use super::notification::secret_name;
use crate::store::{Location, check_option};

/// An object store, and how the pods come to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenStore")]
pub struct ArtifactStore {
    /// `s3://bucket/prefix`, `gs://…`, `az://…`, `abfs://…` or `file:///folder`.
    pub url: String,
    /// Settings of the store's client, by name.
    pub options: BTreeMap<String, String>,
    /// The secret of the cluster whose keys are environment variables of the pods.
    pub secret: Option<String>,
}

/// The object store that outputs are put into besides.
#[derive(Deserialize, JsonSchema)]
struct WrittenStore {
    /// Where: `s3://bucket/prefix`, `gs://…`, `az://…`, `abfs://…` or `file:///folder`.
    #[serde(deserialize_with = "url")]
    url: String,
    /// Settings of the store's client, such as endpoint and region; no secrets.
    #[serde(default, deserialize_with = "options")]
    #[schemars(with = "Option<IndexMap<String, Text>>")]
    options: BTreeMap<String, String>,
    /// A secret of the cluster; each of its keys is an environment variable of
    /// the pods (`AWS_SECRET_ACCESS_KEY`, …).
    #[serde(default, deserialize_with = "secret")]
    secret: Option<String>,
}

/// The keys that are known.
pub(super) fn keys_below(path: &str) -> &'static [&'static str] {
    if path.contains('.') { &[] } else { fields_of::<WrittenStore>() }
}

impl TryFrom<WrittenStore> for ArtifactStore {
    type Error = String;

    fn try_from(written: WrittenStore) -> Result<Self, Self::Error> {
        let WrittenStore { url, options, secret } = written;
        let location = Location::parse(&url).map_err(|error| error.to_string())?;
        for name in options.keys() {
            check_option(location.scheme, name).map_err(|error| error.to_string())?;
        }
        Ok(Self { url, options, secret })
    }
}

impl JsonSchema for ArtifactStore {
    fn schema_name() -> Cow<'static, str> {
        "ArtifactStore".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WrittenStore::json_schema(generator)
    }
}

/// Read here already, so that a mistake is shown at the URL.
fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = lenient::text(deserializer)?;
    Location::parse(&text).map_err(D::Error::custom)?;
    Ok(text)
}

fn options<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let options: BTreeMap<String, Text> = lenient::null_is_default(deserializer)?;
    Ok(options.into_iter().map(|(name, Text(value))| (name, value)).collect())
}

/// Text, or what YAML takes for something else: `true`, `9000`.
#[derive(Deserialize)]
struct Text(#[serde(deserialize_with = "lenient::text")] String);

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Name(#[serde(deserialize_with = "secret_name")] String);
    Ok(Option::<Name>::deserialize(deserializer)?.map(|Name(name)| name))
}
