//! What Kubernetes wants of a volume that its schema does not tell.

use super::classes::Class;
use super::normalise::{Object, Spot, Walk};
use crate::config::problem::Problem;
use crate::config::tree::{Entry, Segment, Value, shown_path};
use crate::diagnostic::Code;

impl Walk<'_> {
    /// A volume is one thing.
    pub(super) fn check_source(&mut self, entries: &[Entry], object: &Object, spot: &Spot) {
        let (known, unknown): (Vec<&Entry>, Vec<&Entry>) = entries
            .iter()
            .filter(|entry| entry.key != "name")
            .partition(|entry| object.class.fields().iter().any(|field| field.name == entry.key));
        match known[..] {
            [first, second, ..] => {
                let name = |entry: &Entry| object.style.name(&entry.key);
                let why = format!("it is `{}` already, and can be only one thing", name(first));
                let (source, span) = (second.source, second.span.clone());
                self.below(Segment::Key(name(second)), |walk| walk.refuse(source, span, why));
            }
            [] if unknown.is_empty() && object.class == Class::VOLUME => {
                let message = format!("`{}` is not complete", shown_path(&self.path));
                let empty = object.style.name("emptyDir");
                self.problems.push(
                    Problem::new(Code::InvalidValue, message, spot.source, spot.span.clone())
                        .label("what is mounted is missing")
                        .help(format!("for an empty directory write `{empty}: {{}}`")),
                );
            }
            _ => {}
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
