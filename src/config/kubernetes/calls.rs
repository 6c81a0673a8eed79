//! Objects as kedro-kubeflow writes them: the name of a class of the Python
//! client (`cls`), and the keyword arguments that it is called with (`params`).

use std::ops::Range;

use super::classes::Class;
use super::names::camel_case;
use super::normalise::{Spot, Walk};
use crate::config::tree::{Entry, Node, Segment, Value};
use crate::names::nearest;

/// The key of the class's name.
pub(super) const CLASS: &str = "cls";

/// The key of the arguments.
pub(super) const ARGUMENTS: &str = "params";

impl Walk<'_> {
    /// Takes one layer of `cls` and `params` off: the arguments take the place
    /// of the node.
    pub(super) fn unwrap(&mut self, node: &mut Node) -> Option<((usize, Range<usize>), Node)> {
        let Value::Mapping(entries) = &mut node.value else { return None };
        let at = entries.iter().position(|entry| entry.key == CLASS)?;
        let class = entries.remove(at);
        let mut arguments = None;
        for entry in std::mem::take(entries) {
            if entry.key == ARGUMENTS {
                arguments = Some(entry.node);
                continue;
            }
            let help = match nearest(&entry.key, [ARGUMENTS]) {
                Some(_) => format!("Did you mean `{ARGUMENTS}`?"),
                None => format!("put it below `{ARGUMENTS}`"),
            };
            let why = format!("beside `{CLASS}` there is only `{ARGUMENTS}`");
            let key = Segment::Key(entry.key);
            self.below(key, |walk| {
                walk.refuse_with_help(entry.source, entry.span, why, Some(help));
            });
        }
        match arguments {
            Some(Node { value: Value::Null, .. }) | None => {}
            Some(arguments) => *node = arguments,
        }
        Some(((class.source, class.span), class.node))
    }

    /// The class that a `cls` names. `wanted` is the one that belongs there.
    pub(super) fn class(
        &mut self,
        node: &Node,
        key: (usize, Range<usize>),
        wanted: Option<Class>,
    ) -> Option<Class> {
        let belongs = || wanted.map(|class| format!("a {} belongs here", class.python_name()));
        let path = Segment::Key(CLASS.to_owned());
        let Value::Text(text) = &node.value else {
            let (source, span) = if matches!(node.value, Value::Null) {
                key
            } else {
                (node.source, node.span.clone())
            };
            let why = "the name of a class is expected here";
            self.below(path, |walk| walk.refuse_with_help(source, span, why, belongs()));
            return None;
        };
        let name = match text.rsplit_once('.') {
            Some((module, name)) if module == "kubernetes" || module.starts_with("kubernetes.") => {
                name
            }
            Some(_) => {
                let why = "only classes of the Kubernetes client can be used here";
                self.below(path, |walk| {
                    walk.refuse_with_help(node.source, node.span.clone(), why, belongs());
                });
                return None;
            }
            None => text,
        };
        if let Some(known) = Class::all().find(|class| class.python_name() == name) {
            return Some(known);
        }
        let names: Vec<String> = Class::all().map(Class::python_name).collect();
        let help = nearest(name, names.iter().map(String::as_str))
            .map(|near| format!("Did you mean `{near}`?"))
            .or_else(belongs);
        let why = "the Kubernetes client has no such class for volumes and pods";
        self.below(path, |walk| {
            walk.refuse_with_help(node.source, node.span.clone(), why, help);
        });
        None
    }

    /// Below a field that is not known: `cls` and `params` tell what is there;
    /// other mappings may have keys of the user's own.
    pub(super) fn unwrap_all(&mut self, node: &mut Node, spot: &Spot) {
        let depth = self.path.len();
        while is_call(node) {
            let Some((key, name)) = self.unwrap(node) else { break };
            let class = self.class(&name, key, None);
            self.path.push(Segment::Key(ARGUMENTS.to_owned()));
            match class {
                Some(class) if !class.fields().is_empty() => {
                    self.object(node, class, spot);
                    self.path.truncate(depth);
                    return;
                }
                _ => {
                    if let Value::Mapping(entries) = &mut node.value {
                        for entry in entries {
                            entry.key = camel_case(&entry.key);
                        }
                    }
                }
            }
        }
        match &mut node.value {
            Value::Sequence(items) => {
                self.each(items, spot.style, Self::unwrap_all);
            }
            Value::Mapping(entries) => {
                for Entry { key, source, span, node } in entries {
                    let spot = Spot { source: *source, span: span.clone(), style: spot.style };
                    self.below(Segment::Key(key.clone()), |walk| walk.unwrap_all(node, &spot));
                }
            }
            _ => {}
        }
        self.path.truncate(depth);
    }
}

/// A mapping of `cls` and `params`, and nothing else.
fn is_call(node: &Node) -> bool {
    let Value::Mapping(entries) = &node.value else { return false };
    entries.len() == 2
        && node.entry(CLASS).is_some_and(|class| matches!(class.node.value, Value::Text(_)))
        && node.entry(ARGUMENTS).is_some_and(|given| matches!(given.node.value, Value::Mapping(_)))
}
