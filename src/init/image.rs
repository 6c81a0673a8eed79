//! The name of the project's image.
//!
//! Nothing in a project says it for certain. The folder's name is what
//! kedro-docker builds and what kedro-kubeflow writes, so it is the best guess.

/// Where neither name has a letter or a digit that Docker takes.
const LAST_RESORT: &str = "kedro-project";

/// The first of the names that Docker could take, in the form that it takes:
/// lower case, and between letters and digits one `.`, one or two `_`, or `-`.
pub(super) fn name<'a>(candidates: impl IntoIterator<Item = Option<&'a str>>) -> String {
    candidates
        .into_iter()
        .flatten()
        .map(cleaned)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| LAST_RESORT.to_owned())
}

fn cleaned(name: &str) -> String {
    let mut clean = String::new();
    let mut between = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if !character.is_ascii_alphanumeric() {
            between.push(character);
            continue;
        }
        if !clean.is_empty() && !between.is_empty() {
            let allowed = matches!(between.as_str(), "." | "_" | "__");
            clean.push_str(if allowed { &between } else { "-" });
        }
        between.clear();
        clean.push(character);
    }
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::{cleaned, name};

    #[test]
    fn stays_as_it_is_where_docker_takes_it() {
        for good in ["spaceflights", "new-kedro-project", "my_project", "a.b__c", "v2"] {
            assert_eq!(cleaned(good), good);
        }
    }

    #[test]
    fn becomes_what_docker_takes() {
        assert_eq!(cleaned("Kubeflow Plugin Demo"), "kubeflow-plugin-demo");
        assert_eq!(cleaned("_a--b..c___d_"), "a-b-c-d");
        assert_eq!(cleaned("Prävision"), "pr-vision");
        assert_eq!(cleaned("データ"), "");
    }

    #[test]
    fn the_package_is_the_next_best() {
        assert_eq!(name([Some("データ"), Some("data_flow")]), "data_flow");
        assert_eq!(name([None, None]), "kedro-project");
    }

    proptest! {
        #[test]
        fn is_always_a_docker_name(folder in "\\PC{0,40}") {
            let grammar = Regex::new(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$").unwrap();
            prop_assert!(grammar.is_match(&name([Some(folder.as_str())])));
        }
    }
}
