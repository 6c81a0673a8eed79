//! What Kubernetes wants of a volume that its schema does not tell.

use super::normalise::{Object, Walk};
use crate::config::tree::{Entry, Segment, Value};

impl Walk<'_> {
    /// A volume is one thing.
    pub(super) fn check_source(&mut self, entries: &[Entry], object: &Object) {
        let known: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.key != "name")
            .filter(|entry| object.class.fields().iter().any(|field| field.name == entry.key))
            .collect();
        // Without any, Kubernetes makes it an empty directory.
        if let [first, second, ..] = known[..] {
            let name = |entry: &Entry| object.style.name(&entry.key);
            let why = format!("it is `{}` already, and can be only one thing", name(first));
            let (source, span) = (second.source, second.span.clone());
            self.below(Segment::Key(name(second)), |walk| walk.refuse(source, span, why));
        }
    }

    /// The old plugin's own manual has `shared_memory`, which Kubernetes refuses.
    pub(super) fn volume_name(&mut self, entry: &mut Entry) {
        let Value::Text(name) = &mut entry.node.value else { return };
        let label = name.to_ascii_lowercase().replace('_', "-");
        if is_dns_label(&label) {
            *name = label;
        } else {
            let (source, span) = (entry.node.source, entry.node.span.clone());
            let why = format!(
                "`{name}` is no name that Kubernetes takes: up to 63 small letters, digits and `-`, a letter or digit at both ends"
            );
            self.below(Segment::Key(entry.key.clone()), |walk| walk.refuse(source, span, why));
        }
    }
}

fn is_dns_label(name: &str) -> bool {
    let at_an_end = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|letter| at_an_end(*letter) || *letter == b'-')
        && bytes.first().is_some_and(|letter| at_an_end(*letter))
        && bytes.last().is_some_and(|letter| at_an_end(*letter))
}
