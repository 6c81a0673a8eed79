//! Settings by node: which entry of a section is a node's own.

use indexmap::IndexMap;

/// The entry for all that have none of their own.
pub(super) const DEFAULT: &str = "__default__";

/// The names that a node's entry may be filed under.
#[derive(Debug, Clone, Copy)]
pub struct NodeKey<'a> {
    /// As Kedro has it.
    pub name: &'a str,
    /// The workflow's step.
    pub step: &'a str,
    /// Sorted.
    pub tags: &'a [String],
}

impl NodeKey<'_> {
    /// The node's own entry: by its name, by its sanitized name (what
    /// kedro-kubeflow 0.7.4 compares with), by a tag. Not the default.
    pub(super) fn own<'s, T>(&self, section: &'s IndexMap<String, T>) -> Option<&'s T> {
        Some(self.name)
            // A pipeline of that name, when all its nodes are one step, has no
            // entry of its own under it.
            .filter(|name| *name != DEFAULT)
            .and_then(|name| section.get(name))
            .or_else(|| section.get(self.step))
            .or_else(|| {
                let clean = clean_name(self.name);
                section.iter().find(|(key, _)| **key == clean).map(|(_, value)| value)
            })
            .or_else(|| self.tags.iter().find_map(|tag| section.get(tag)))
    }
}

/// kedro-kubeflow's own clean-up of names (0.7.4, `clean_name`): runs of
/// anything but letters and digits become one `-`; case stays.
pub(super) fn clean_name(name: &str) -> String {
    let mut clean = String::new();
    for character in name.chars() {
        if character.is_alphanumeric() {
            clean.push(character);
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    clean.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::NodeKey;

    #[test]
    fn own_name_wins_over_sanitized_over_tag() {
        let tags = ["gpu".to_owned()];
        let key = NodeKey { name: "ns.Train_Model", step: "ns-train-model", tags: &tags };
        let mut section: IndexMap<String, u8> = [("gpu".to_owned(), 4)].into();
        assert_eq!(key.own(&section), Some(&4));
        section.insert("ns-Train-Model".to_owned(), 3);
        assert_eq!(key.own(&section), Some(&3));
        section.insert("ns-train-model".to_owned(), 2);
        assert_eq!(key.own(&section), Some(&2));
        section.insert("ns.Train_Model".to_owned(), 1);
        assert_eq!(key.own(&section), Some(&1));
    }

    #[test]
    fn one_step_for_all_nodes_has_the_sanitized_name_of_the_pipeline() {
        let key = NodeKey { name: "__default__", step: "default", tags: &[] };
        let mut section: IndexMap<String, u8> = [("__default__".to_owned(), 1)].into();
        assert_eq!(key.own(&section), None, "that is the default, not its own");
        section.insert("default".to_owned(), 2);
        assert_eq!(key.own(&section), Some(&2));
    }
}
