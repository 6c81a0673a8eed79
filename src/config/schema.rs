//! The JSON schema of `kubeflow.yaml`, for editors: made of the types that read
//! the file, with their descriptions and defaults.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::model::KubeflowConfig;

/// The schema. It is stricter than reading the file is, where that helps who
/// types: an unknown key is an error here, and a warning there.
pub fn schema() -> Schema {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<KubeflowConfig>();
    Tidy.transform(&mut schema);
    KnownKeys.transform(&mut schema);
    Interpolated.transform(&mut schema);
    schema.insert("title".to_owned(), "kubeflow.yaml of Kubedro and kedro-kubeflow".into());
    // Values for anchors and interpolation, as OmegaConf has them.
    schema.insert("patternProperties".to_owned(), serde_json::json!({"^_": true}));
    schema
}

/// What is text, and may be written as a number.
pub(super) struct TextOrNumber;

impl JsonSchema for TextOrNumber {
    fn schema_name() -> Cow<'static, str> {
        "TextOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

/// Descriptions are one line, and no value is no default worth telling.
struct Tidy;

impl Transform for Tidy {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        if schema.get("default") == Some(&Value::Null) {
            schema.remove("default");
        }
    }
}

/// Objects with named keys have no others.
struct KnownKeys;

impl Transform for KnownKeys {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties")
            && let Some(seconds) = properties.get("toleration_seconds").cloned()
        {
            // Kubernetes' own spelling is taken, too.
            properties.insert("tolerationSeconds".to_owned(), seconds);
        }
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
    }
}

/// Whatever is not text anyway may be `${…}`, which stands for it.
struct Interpolated;

impl Interpolated {
    fn wrap(value: &mut Value) {
        let constrained = ["pattern", "enum"].iter().any(|word| value.get(word).is_some());
        let text = match &value["type"] {
            Value::Array(types) => types.contains(&"string".into()),
            single => *single == "string",
        };
        let anything = !["type", "anyOf", "oneOf"].iter().any(|word| value.get(word).is_some());
        if (text && !constrained) || anything {
            return;
        }
        let Value::Object(own) = value else { return };
        // What is said of the key stays where editors look for it.
        let mut outside = serde_json::Map::new();
        for word in ["description", "default"] {
            if let Some(said) = own.shift_remove(word) {
                outside.insert(word.to_owned(), said);
            }
        }
        let inner = std::mem::take(own);
        *own = outside;
        let stands_for_it = json_schema!({"type": "string", "pattern": r"\$\{"});
        own.insert(
            "anyOf".to_owned(),
            Value::from(vec![Value::Object(inner), stands_for_it.to_value()]),
        );
    }
}

impl Transform for Interpolated {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.values_mut().for_each(Self::wrap);
        }
        for word in ["additionalProperties", "items"] {
            if let Some(inner) = schema.get_mut(word) {
                Self::wrap(inner);
            }
        }
    }
}
