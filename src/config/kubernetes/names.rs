//! The two spellings of a field: the API's (`emptyDir`, `targetWWNs`) and the
//! Python client's (`empty_dir`, `target_ww_ns`).
//!
//! The client's names are made of the API's by its generator, so the way back
//! is to look which of a class's fields would be written so.

use super::classes::Class;

/// How a user writes the names of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As the keyword arguments of the Python client.
    Python,
    /// As Kubernetes itself.
    Api,
}

/// How many small letters behind a capital begin a new word within a row of
/// capitals: the generator of the client took one up to release 35
/// (`target_ww_ns`), and takes two since 36 (`target_wwns`).
const TAILS: [usize; 2] = [1, 2];

impl Style {
    /// The style that keys are written in, if they show one.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k str>) -> Option<Self> {
        keys.into_iter().find_map(|key| {
            if key.contains('_') {
                Some(Self::Python)
            } else if key.contains(|character: char| character.is_ascii_uppercase()) {
                Some(Self::Api)
            } else {
                None
            }
        })
    }

    /// A field's name in this style.
    pub fn name(self, field: &str) -> String {
        match self {
            Self::Python => python_name(field, TAILS[0]),
            Self::Api => field.to_owned(),
        }
    }

    /// A class's name in this style.
    pub fn class_name(self, class: Class) -> String {
        match self {
            Self::Python => class.python_name(),
            Self::Api => class.name().to_owned(),
        }
    }
}

/// Whether a key stands for a field of the API, in either spelling.
pub(super) fn stands_for(key: &str, field: &str) -> bool {
    // The client puts `_` before a name that is a word of Python's (`_from`).
    let bare = key.strip_prefix('_').unwrap_or(key);
    key == field || TAILS.iter().any(|tail| python_name(field, *tail) == bare)
}

fn python_name(field: &str, tail: usize) -> String {
    let letters: Vec<char> = field.trim_start_matches('$').chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let word_before =
            before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        let in_capitals = before.is_some_and(char::is_ascii_uppercase);
        let begins_word = letters
            .get(at + 1..=at + tail)
            .is_some_and(|behind| behind.iter().all(char::is_ascii_lowercase));
        if letter.is_ascii_uppercase() && (word_before || in_capitals && begins_word) {
            name.push('_');
        }
        name.push(if *letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    name
}

/// `some_field` as `someField`: the API's name of a field that is not in the
/// table. Anything else stays as it is.
pub(super) fn camel_case(key: &str) -> String {
    let python = key.contains('_')
        && key
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    let mut words = key.split('_').filter(|word| !word.is_empty());
    let Some(first) = words.next().filter(|_| python) else {
        return key.to_owned();
    };
    words.fold(first.to_owned(), |mut name, word| {
        let (head, rest) = word.split_at(1);
        name.push_str(&head.to_ascii_uppercase());
        name.push_str(rest);
        name
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Style, camel_case, stands_for};

    /// Releases of the Python client, and those of their names that are more
    /// than `some_field` for `someField`: name in Python → name in the API,
    /// read from `attribute_map` of all models.
    const CLIENT_NAMES: &str = include_str!("../../../tests/fixtures/kubernetes-client-names.json");

    #[test]
    fn names_are_those_of_the_python_client() {
        let releases: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(CLIENT_NAMES).unwrap();
        assert_eq!(releases.keys().collect::<Vec<_>>(), ["35.0.0", "37.0.2"]);
        for (release, names) in &releases {
            assert!(names.len() > 40, "{release}");
            for (python, api) in names {
                let found: Vec<&String> =
                    names.values().filter(|field| stands_for(python, field)).collect();
                assert_eq!(found, [api], "{python} of {release}");
                assert_ne!(camel_case(python), *api, "{python} is no exception");
            }
        }
    }

    #[test]
    fn plain_names() {
        for (python, api) in
            [("empty_dir", "emptyDir"), ("name", "name"), ("se_linux_options", "seLinuxOptions")]
        {
            assert!(stands_for(python, api) && stands_for(api, api));
            assert_eq!(camel_case(python), api);
            assert_eq!(Style::Python.name(api), python);
        }
        assert!(!stands_for("emptydir", "emptyDir"));
        assert_eq!(camel_case("targetWWNs"), "targetWWNs");
        assert_eq!(camel_case("nvidia.com/my_gpu"), "nvidia.com/my_gpu");
        assert_eq!(camel_case("__"), "__");
        assert_eq!(camel_case("é_a"), "é_a");
    }

    #[test]
    fn keys_show_their_style() {
        assert_eq!(Style::of(["name", "empty_dir"]), Some(Style::Python));
        assert_eq!(Style::of(["name", "emptyDir"]), Some(Style::Api));
        assert_eq!(Style::of(["name", "secret"]), None);
    }
}
