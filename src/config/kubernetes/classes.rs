//! The classes of the Kubernetes API that a volume and an affinity are made of,
//! and the names of the others.
//!
//! `classes.txt` is made of Argo's JSON schema by a test below.

use std::sync::OnceLock;

use indexmap::IndexMap;

const TABLE: &str = include_str!("classes.txt");

/// A class, by its name in the API without group and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Class(&'static str);

/// A field of a class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// In the API's spelling.
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    Quantity,
    /// Nothing is known of it.
    Any,
    Object(Class),
    List(Box<Kind>),
    /// Keys are the user's own.
    Map(Box<Kind>),
}

impl Class {
    pub const VOLUME: Self = Self("Volume");
    pub const VOLUME_PROJECTION: Self = Self("VolumeProjection");
    pub const AFFINITY: Self = Self("Affinity");

    /// All that the API has, whether or not their fields are known.
    pub fn all() -> impl Iterator<Item = Self> {
        table().keys().copied().map(Self)
    }

    /// None of a class that is no part of a volume or an affinity.
    pub(super) fn fields(self) -> &'static [Field] {
        table().get(self.0).map_or(&[], Vec::as_slice)
    }

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Its name in the Python client.
    pub fn python_name(self) -> String {
        format!("V1{}", self.0)
    }
}

fn table() -> &'static IndexMap<&'static str, Vec<Field>> {
    static CLASSES: OnceLock<IndexMap<&'static str, Vec<Field>>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let mut classes: IndexMap<&str, Vec<Field>> = IndexMap::new();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some((name, kind)) = line.trim_start().split_once(' ') {
                if let Some((_, fields)) = classes.last_mut() {
                    let required = name.ends_with('!');
                    let name = name.trim_end_matches('!');
                    fields.push(Field { name, kind: Kind::read(kind), required });
                }
            } else {
                classes.insert(line, Vec::new());
            }
        }
        classes
    })
}

impl Kind {
    fn read(text: &'static str) -> Self {
        let within = |open, close| text.strip_prefix(open)?.strip_suffix(close);
        if let Some(item) = within('[', ']') {
            return Self::List(Box::new(Self::read(item)));
        }
        if let Some(value) = within('{', '}') {
            return Self::Map(Box::new(Self::read(value)));
        }
        match text {
            "text" => Self::Text,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "quantity" => Self::Quantity,
            "any" => Self::Any,
            class => Self::Object(Class(class)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::Path;

    use serde_json::{Map, Value};

    use super::{Class, Kind, TABLE};

    const HEAD: &str = "\
# The classes of the Kubernetes API that a volume and an affinity are made of, from
# tests/fixtures/argo-v4.1.2.schema.json. To make it anew:
#
#     KUBEDRO_WRITE_CLASSES=1 cargo test --lib classes
#
# Below a class its fields: `!` is behind one that has to be there, [ ] is a list,
# { } a mapping with keys of the user's own.
";
    const OTHERS: &str = "# The other classes; nothing here is made of them.\n";

    fn definitions() -> Map<String, Value> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/argo-v4.1.2.schema.json");
        let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let all = schema["definitions"].as_object().unwrap();
        all.iter()
            .filter(|(name, _)| name.starts_with("io.k8s."))
            .map(|(name, definition)| (short(name).to_owned(), definition.clone()))
            .collect()
    }

    fn short(name: &str) -> &str {
        name.rsplit(['.', '/']).next().unwrap()
    }

    fn kind(schema: &Value, definitions: &Map<String, Value>) -> String {
        if let Some(target) = schema["$ref"].as_str() {
            let name = short(target);
            return match name {
                "Quantity" => "quantity".to_owned(),
                _ if definitions[name].get("properties").is_some() => name.to_owned(),
                _ => kind(&definitions[name], definitions),
            };
        }
        match schema["type"].as_str().unwrap() {
            "string" => "text".to_owned(),
            "integer" => "integer".to_owned(),
            "boolean" => "boolean".to_owned(),
            "array" => format!("[{}]", kind(&schema["items"], definitions)),
            "object" => match schema.get("additionalProperties") {
                Some(values) => format!("{{{}}}", kind(values, definitions)),
                None => "any".to_owned(),
            },
            other => panic!("a kind that the table cannot tell: {other}"),
        }
    }

    fn made_of(name: &str, definitions: &Map<String, Value>, found: &mut BTreeSet<String>) {
        let Some(fields) = definitions[name].get("properties") else { return };
        if found.insert(name.to_owned()) {
            for field in fields.as_object().unwrap().values() {
                let kind = kind(field, definitions);
                let class = kind.trim_matches(['[', ']', '{', '}']);
                if definitions.contains_key(class) {
                    made_of(class, definitions, found);
                }
            }
        }
    }

    fn table() -> String {
        let definitions = definitions();
        let mut classes = BTreeSet::new();
        for root in [Class::VOLUME, Class::AFFINITY] {
            made_of(root.0, &definitions, &mut classes);
        }
        let mut table = HEAD.to_owned();
        for name in &classes {
            let definition = &definitions[name];
            let required = definition["required"].as_array().cloned().unwrap_or_default();
            writeln!(table, "{name}").unwrap();
            for (field, schema) in definition["properties"].as_object().unwrap() {
                let mark = if required.contains(&field.as_str().into()) { "!" } else { "" };
                writeln!(table, "  {field}{mark} {}", kind(schema, &definitions)).unwrap();
            }
        }
        table.push_str(OTHERS);
        for (name, definition) in &definitions {
            if definition.get("properties").is_some() && !classes.contains(name) {
                writeln!(table, "{name}").unwrap();
            }
        }
        table
    }

    #[test]
    fn the_table_is_what_the_schema_gives() {
        let table = table();
        if std::env::var_os("KUBEDRO_WRITE_CLASSES").is_some() {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/kubernetes/classes.txt");
            std::fs::write(path, &table).unwrap();
            return;
        }
        let differs = table.lines().zip(TABLE.lines()).find(|(new, old)| new != old);
        assert_eq!(differs, None, "see the head of classes.txt");
        assert_eq!(table.len(), TABLE.len());
    }

    #[test]
    fn short_names_are_unique() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/argo-v4.1.2.schema.json");
        let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let all = schema["definitions"].as_object().unwrap();
        let long = all.keys().filter(|name| name.starts_with("io.k8s.")).count();
        assert_eq!(long, definitions().len());
    }

    #[test]
    fn the_table_is_read_as_it_is_meant() {
        assert!(Class::all().count() > 100);
        let field = |class: Class, name: &str| {
            class.fields().iter().find(|field| field.name == name).unwrap()
        };
        assert!(field(Class::VOLUME, "name").required);
        assert_eq!(
            field(Class::VOLUME, "emptyDir").kind,
            Kind::Object(Class("EmptyDirVolumeSource"))
        );
        assert_eq!(field(Class("EmptyDirVolumeSource"), "sizeLimit").kind, Kind::Quantity);
        assert_eq!(
            field(Class("LabelSelector"), "matchLabels").kind,
            Kind::Map(Box::new(Kind::Text))
        );
        let terms = &field(Class("NodeSelector"), "nodeSelectorTerms").kind;
        assert_eq!(*terms, Kind::List(Box::new(Kind::Object(Class("NodeSelectorTerm")))));
        assert_eq!(Class("Container").fields(), []);
        for class in Class::all() {
            for field in class.fields() {
                let mut kind = &field.kind;
                while let Kind::List(within) | Kind::Map(within) = kind {
                    kind = within;
                }
                if let Kind::Object(other) = kind {
                    assert_ne!(other.fields(), [], "{class:?} {}", field.name);
                }
            }
        }
    }
}
