//! One object, as kedro-kubeflow or as Kubernetes writes it → as the API takes it.
//!
//! Rewrites the tree where it stands, so that every value keeps its place, and
//! collects all that is wrong. What comes out is left as it is when it comes in
//! again.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value as Json;

use super::calls::{ARGUMENTS, CLASS};
use super::classes::{Class, Kind};
use super::names::{Style, camel_case, stands_for};
use crate::config::lenient;
use crate::config::model::Quantity;
use crate::config::problem::Problem;
use crate::config::tree::{Entry, Node, Segment, Value, shown_path};
use crate::diagnostic::Code;

/// So many fields are listed where none is near to a wrong one.
const MOST_LISTED: usize = 10;

/// Makes an object of a class of what an entry holds. `above` is the path of
/// the mapping that the entry is in.
pub(in crate::config) fn normalise(
    entry: &mut Entry,
    class: Class,
    above: &[Segment],
    problems: &mut Vec<Problem>,
) {
    let mut path = above.to_vec();
    path.push(Segment::Key(entry.key.clone()));
    // The keys around the object are those of the old plugin: Python's.
    let spot = Spot { source: entry.source, span: entry.span.clone(), style: Style::Python };
    Walk { path, problems }.object(&mut entry.node, class, &spot);
}

/// Where a whole object is complained about: at its key, or at the item of a
/// list; and how the keys around it are written.
pub(super) struct Spot {
    pub source: usize,
    pub span: Range<usize>,
    pub style: Style,
}

/// A walk through an object and all within it; where it is, and what it found.
pub(super) struct Walk<'p> {
    pub path: Vec<Segment>,
    pub problems: &'p mut Vec<Problem>,
}

impl Walk<'_> {
    /// A complaint about the value at the present path.
    pub(super) fn refuse(&mut self, source: usize, span: Range<usize>, why: impl Into<String>) {
        self.refuse_with_help(source, span, why, None);
    }

    pub(super) fn refuse_with_help(
        &mut self,
        source: usize,
        span: Range<usize>,
        why: impl Into<String>,
        help: Option<String>,
    ) {
        let message = format!("`{}` cannot be used", shown_path(&self.path));
        let problem = Problem::new(Code::InvalidValue, message, source, span).label(why);
        self.problems.push(Problem { help, ..problem });
    }

    pub(super) fn below<T>(&mut self, segment: Segment, act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let result = act(self);
        self.path.pop();
        result
    }

    fn value(&mut self, node: &mut Node, kind: &Kind, spot: &Spot) {
        match (kind, &mut node.value) {
            (Kind::Any, _) => {}
            (Kind::Object(class), _) => self.object(node, *class, spot),
            (Kind::List(item), Value::Sequence(items)) => {
                self.each(items, spot.style, |walk, node, spot| {
                    walk.value(node, item, spot);
                });
            }
            (Kind::Map(kind), Value::Mapping(entries)) => {
                for Entry { key, source, span, node } in entries {
                    let spot = Spot { source: *source, span: span.clone(), style: spot.style };
                    self.below(Segment::Key(key.clone()), |walk| walk.value(node, kind, &spot));
                }
            }
            (Kind::List(_), _) => self.expected("a list", node, spot),
            (Kind::Map(_), _) => self.expected("a mapping", node, spot),
            (Kind::Text | Kind::Integer | Kind::Boolean | Kind::Quantity, _) => {
                match scalar(kind, &node.to_json()) {
                    Ok(value) => node.value = value,
                    Err(message) => {
                        let (source, span) = place(node, spot);
                        self.refuse(source, span, message);
                    }
                }
            }
        }
    }

    pub(super) fn each(
        &mut self,
        items: &mut [Node],
        style: Style,
        mut act: impl FnMut(&mut Self, &mut Node, &Spot),
    ) {
        for (index, node) in items.iter_mut().enumerate() {
            let spot = Spot { source: node.source, span: node.span.clone(), style };
            self.below(Segment::Index(index), |walk| act(walk, node, &spot));
        }
    }

    fn expected(&mut self, what: &str, node: &Node, spot: &Spot) {
        let (source, span) = place(node, spot);
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        self.refuse(source, span, format!("{what} is expected here, not {found}"));
    }

    pub(super) fn object(&mut self, node: &mut Node, class: Class, spot: &Spot) {
        let depth = self.path.len();
        let mut written = None;
        while let Some((place, name)) = self.unwrap(node) {
            let known = self.class(&name, place, Some(class));
            written = known.filter(|known| *known != class);
            self.path.push(Segment::Key(ARGUMENTS.to_owned()));
        }
        let unwrapped = self.path.len() > depth;
        if let Some(arguments) = node.entry(ARGUMENTS) {
            let (source, span) = (arguments.source, arguments.span.clone());
            let why = format!("it needs `{CLASS}` beside it, the class that is called with it");
            self.below(Segment::Key(ARGUMENTS.to_owned()), |walk| walk.refuse(source, span, why));
            self.path.truncate(depth);
            return;
        }
        if let Value::Mapping(entries) = &mut node.value {
            let own = Style::of(entries.iter().map(|entry| entry.key.as_str()));
            let style = if unwrapped { Style::Python } else { own.unwrap_or(spot.style) };
            let object = Object { class, written, style };
            self.fields(entries, &object);
            self.path.truncate(depth);
            self.check_whole(entries, &object, spot);
        } else {
            self.expected(&format!("a mapping ({})", spot.style.class_name(class)), node, spot);
            self.path.truncate(depth);
        }
    }

    /// Gives every entry the API's name, and makes what it holds what the
    /// field holds.
    fn fields(&mut self, entries: &mut Vec<Entry>, object: &Object) {
        let fields = object.class.fields();
        for mut entry in std::mem::take(entries) {
            let written = std::mem::take(&mut entry.key);
            let field = fields
                .iter()
                .find(|field| field.name == written)
                .or_else(|| fields.iter().find(|field| stands_for(&written, field.name)));
            entry.key = match field {
                Some(field) => field.name.to_owned(),
                None => camel_case(&written),
            };
            let spot = Spot { source: entry.source, span: entry.span.clone(), style: object.style };
            self.below(Segment::Key(written.clone()), |walk| {
                if entries.iter().any(|other| other.key == entry.key) {
                    let why = format!("`{}` stands here twice, in two spellings", entry.key);
                    walk.refuse(spot.source, spot.span, why);
                    return;
                }
                match field {
                    // An empty value is no value, for the Python client too.
                    Some(_) if matches!(entry.node.value, Value::Null) => return,
                    Some(field) => walk.value(&mut entry.node, &field.kind, &spot),
                    None => {
                        walk.unknown(&written, &entry.key, object, &spot);
                        walk.unwrap_all(&mut entry.node, &spot);
                    }
                }
                entries.push(entry);
            });
        }
    }

    fn unknown(&mut self, written: &str, passed_on: &str, object: &Object, spot: &Spot) {
        let class = object.style.class_name(object.class);
        let mut label = format!("{class} has no such field");
        if let Some(other) = object.written {
            label = format!("{label}; `{CLASS}` says {}, another class", other.python_name());
        } else if written != passed_on {
            label = format!("{label}; it is passed on as `{passed_on}`");
        }
        let style = Style::of([written]).unwrap_or(object.style);
        let known: Vec<String> =
            object.class.fields().iter().map(|field| style.name(field.name)).collect();
        let message = format!("Kubernetes has no field `{}`", shown_path(&self.path));
        let (source, span) = (spot.source, spot.span.clone());
        let problem = Problem::new(Code::UnknownKubernetesField, message, source, span)
            .label(label)
            .nearest_of(written, known.iter().map(String::as_str));
        let all = || (known.len() <= MOST_LISTED).then(|| format!("it has {}", known.join(", ")));
        let help = problem.help.clone().or_else(all);
        self.problems.push(Problem { help, ..problem });
    }

    /// What an object as a whole has to have.
    fn check_whole(&mut self, entries: &mut [Entry], object: &Object, spot: &Spot) {
        let missing: Vec<String> = object
            .class
            .fields()
            .iter()
            .filter(|field| field.required && !entries.iter().any(|entry| entry.key == field.name))
            .map(|field| format!("`{}`", object.style.name(field.name)))
            .collect();
        if !missing.is_empty() {
            let (verb, missing) =
                (if missing.len() == 1 { "is" } else { "are" }, missing.join(", "));
            let message = format!("`{}` is not complete", shown_path(&self.path));
            self.problems.push(
                Problem::new(Code::InvalidValue, message, spot.source, spot.span.clone())
                    .label(format!("{missing} {verb} missing")),
            );
        }
        if [Class::VOLUME, Class::VOLUME_PROJECTION].contains(&object.class) {
            self.check_source(entries, object);
        }
        if object.class == Class::VOLUME
            && let Some(name) = entries.iter_mut().find(|entry| entry.key == "name")
        {
            self.volume_name(name);
        }
    }
}

/// An object that is being looked at.
pub(super) struct Object {
    /// What belongs where it stands.
    pub class: Class,
    /// What its `cls` says, if that is another one.
    pub written: Option<Class>,
    pub style: Style,
}

/// A mapping and a list are as long as their text, and nothing has none: point
/// at the key.
fn place(node: &Node, spot: &Spot) -> (usize, Range<usize>) {
    match node.value {
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => (spot.source, spot.span.clone()),
        _ => (node.source, node.span.clone()),
    }
}

/// As lenient as the rest of the configuration.
fn scalar(kind: &Kind, json: &Json) -> Result<Value, String> {
    match kind {
        Kind::Integer => lenient::integer(json).map(Value::Int),
        Kind::Boolean => lenient::boolean(json).map(Value::Bool),
        Kind::Quantity => Quantity::deserialize(json).map(|quantity| Value::Text(quantity.0)),
        _ => lenient::text(json).map(Value::Text),
    }
    .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::{Class, Kind, Style, normalise};
    use crate::config::problem::Problem;
    use crate::config::tree::{Entry, Node, Value, parse};
    use crate::diagnostic::Code;

    fn node(value: Value) -> Node {
        Node { value, source: 0, span: 0..0 }
    }

    fn entry(key: &str, node: Node) -> Entry {
        Entry { key: key.to_owned(), source: 0, span: 0..0, node }
    }

    fn normalised(tree: Node, class: Class) -> (Node, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut entry = entry("top", tree);
        normalise(&mut entry, class, &[], &mut problems);
        (entry.node, problems)
    }

    fn json_of(yaml: &str, class: Class) -> Json {
        let (tree, problems) = normalised(parse(yaml, 0).unwrap().0, class);
        assert_eq!(problems, [], "{yaml}");
        tree.to_json()
    }

    /// An object with all its fields, in a style; of a volume's sources only one.
    fn full(class: Class, style: Style, source: usize) -> Node {
        let exclusive = [Class::VOLUME, Class::VOLUME_PROJECTION].contains(&class);
        let sources = class.fields().iter().filter(|field| field.name != "name").count();
        let mut at = 0;
        let fields = class.fields().iter().filter(|field| {
            if !exclusive || field.name == "name" {
                return true;
            }
            at += 1;
            at - 1 == source % sources
        });
        let entries = fields
            .map(|field| entry(&style.name(field.name), value(&field.kind, style, source)))
            .collect();
        let arguments = node(Value::Mapping(entries));
        match style {
            Style::Api => arguments,
            Style::Python => {
                let class = node(Value::Text(format!("kubernetes.client.{}", class.python_name())));
                node(Value::Mapping(vec![entry("cls", class), entry("params", arguments)]))
            }
        }
    }

    fn value(kind: &Kind, style: Style, source: usize) -> Node {
        node(match kind {
            Kind::Text => Value::Text("some-text".to_owned()),
            Kind::Integer => Value::Int(-1),
            Kind::Boolean => Value::Bool(true),
            Kind::Quantity => Value::Text("1Gi".to_owned()),
            Kind::Any => Value::Mapping(vec![entry("any_thing", node(Value::Null))]),
            Kind::Object(class) => return full(*class, style, source),
            Kind::List(item) => {
                Value::Sequence(vec![value(item, style, source), value(item, style, source + 1)])
            }
            Kind::Map(kind) => {
                let value = |at| value(kind, style, at);
                Value::Mapping(vec![entry("my_key", value(0)), entry("cls", value(1))])
            }
        })
    }

    #[test]
    fn every_class_in_both_styles() {
        for class in Class::all().filter(|class| !class.fields().is_empty()) {
            for source in 0..class.fields().len() {
                let plain = full(class, Style::Api, source);
                let (same, problems) = normalised(plain.clone(), class);
                assert_eq!(problems, [], "{class:?}");
                assert_eq!(same, plain);
                let (made, problems) = normalised(full(class, Style::Python, source), class);
                assert_eq!(problems, [], "{class:?}");
                assert_eq!(made, plain);
            }
        }
    }

    #[test]
    fn values_are_taken_as_leniently_as_elsewhere() {
        assert_eq!(
            json_of(
                "{name: 1, secret: {default_mode: '256', optional: 'yes', items: [{key: 5, path: true, mode: 0400}]}}",
                Class::VOLUME
            ),
            json!({"name": "1", "secret": {
                "defaultMode": 256, "optional": true,
                "items": [{"key": "5", "path": "true", "mode": 256}],
            }})
        );
        assert_eq!(
            json_of("{name: a, emptyDir: {size_limit: 5, medium: }}", Class::VOLUME),
            json!({"name": "a", "emptyDir": {"sizeLimit": "5"}})
        );
    }

    #[test]
    fn a_call_may_have_no_arguments() {
        let made = json!({"name": "a", "emptyDir": {}});
        for source in
            ["{cls: V1EmptyDirVolumeSource}", "{cls: V1EmptyDirVolumeSource, params: }", "{}"]
        {
            assert_eq!(json_of(&format!("{{name: a, empty_dir: {source}}}"), Class::VOLUME), made);
        }
        let whole = "{cls: V1Volume, params: {name: a, empty_dir: {}}}";
        assert_eq!(json_of(whole, Class::VOLUME), made);
    }

    #[test]
    fn a_field_that_is_not_known_is_passed_on() {
        let yaml = "{name: a, new_source: {some_key: 1, within: [{cls: V1LabelSelector, params: {match_labels: {a_b: 1}}}, {cls: V1Container, params: {working_dir: x}}]}}";
        let (tree, problems) = normalised(parse(yaml, 0).unwrap().0, Class::VOLUME);
        assert_eq!(
            tree.to_json(),
            json!({"name": "a", "newSource": {"some_key": 1, "within": [
                {"matchLabels": {"a_b": "1"}}, {"workingDir": "x"},
            ]}})
        );
        let codes: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::UnknownKubernetesField], "it may be the volume's source");
    }

    /// Trees of the words that are looked for, and of others.
    fn trees() -> impl Strategy<Value = Node> {
        let words = || {
            prop::sample::select(vec![
                "cls",
                "params",
                "name",
                "empty_dir",
                "emptyDir",
                "secret",
                "items",
                "key",
                "path",
                "mode",
                "projected",
                "sources",
                "config_map",
                "labels",
                "metadata",
                "ephemeral",
                "volume_claim_template",
                "spec",
                "resources",
                "requests",
                "node_affinity",
                "node_selector_terms",
                "required_during_scheduling_ignored_during_execution",
                "size_limit",
                "new_thing",
                "_",
                "__",
                "_from",
                "é_é",
                "",
                "V1Volume",
                "V1EmptyDirVolumeSource",
                "kubernetes.client.V1ObjectMeta",
                "os.path",
                "V1Container",
                "1Gi",
                "yes",
                "0400",
                "-3",
            ])
        };
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Float),
            words().prop_map(|word| Value::Text(word.to_owned())),
            ".{0,5}".prop_map(Value::Text),
        ]
        .prop_map(node);
        leaf.prop_recursive(6, 60, 6, move |inner| {
            let keys = prop_oneof![9 => words().prop_map(str::to_owned), 1 => ".{0,5}"];
            let pairs = prop::collection::btree_map(keys, inner.clone(), 0..6);
            prop_oneof![
                1 => prop::collection::vec(inner, 0..4).prop_map(|items| node(Value::Sequence(items))),
                3 => pairs.prop_map(|pairs| {
                    let entries = pairs.into_iter().map(|(key, node)| entry(&key, node));
                    node(Value::Mapping(entries.collect()))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn what_comes_out_stays_as_it_is(tree in trees()) {
            for class in [Class::VOLUME, Class::AFFINITY] {
                let (once, _) = normalised(tree.clone(), class);
                let (twice, _) = normalised(once.clone(), class);
                prop_assert_eq!(&twice, &once);
            }
        }
    }
}
