//! Names: the nearest of those that exist to one that people mistyped, and those that
//! Kubernetes takes.

/// The candidate that the user most likely meant, if any is close enough to
/// be worth offering. Case and the difference of `_`, `-` and blanks weigh
/// nothing.
pub fn nearest<'a, I>(name: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wanted = folded(name);
    let allowed = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let folded = folded(candidate);
            if folded.is_empty() || wanted.is_empty() {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&wanted, &folded);
            // A name of which every letter is replaced is another name.
            let near = distance <= allowed && distance < wanted.chars().count();
            // A long name that begins or ends with what was typed is near too:
            // namespaces are often left out.
            let part =
                wanted.len() >= 4 && (folded.ends_with(&wanted) || folded.starts_with(&wanted));
            match (near, part) {
                (true, _) => Some((distance, candidate)),
                (false, true) => Some((allowed + 1, candidate)),
                (false, false) => None,
            }
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean …?` with a blank before it, or nothing.
pub fn did_you_mean<'a, I>(name: &str, candidates: I) -> String
where
    I: IntoIterator<Item = &'a str>,
{
    nearest(name, candidates).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"))
}

fn folded(name: &str) -> String {
    let folded: String = name
        .to_lowercase()
        .chars()
        .map(|character| if matches!(character, '_' | ' ' | '.') { '-' } else { character })
        .collect();
    folded.trim_matches('-').to_owned()
}

/// Whether Kubernetes takes it for the name of a claim, a secret and most of its
/// objects: a DNS subdomain (RFC 1123), as its API server checks it.
pub fn is_dns_subdomain(name: &str) -> bool {
    let inside = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::{is_dns_subdomain, nearest};

    #[test]
    fn offers_what_is_near_and_nothing_else() {
        let known = ["data_processing", "data_science", "__default__"];
        assert_eq!(nearest("data_procesing", known), Some("data_processing"));
        assert_eq!(nearest("DATA-SCIENCE", known), Some("data_science"));
        assert_eq!(nearest("default", known), Some("__default__"));
        assert_eq!(nearest("visualisation", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("a", ["_", "b", "__"]), None);
    }

    #[test]
    fn finds_a_node_whose_namespace_was_left_out() {
        let known = ["active_modelling_pipeline.train_model", "split"];
        assert_eq!(nearest("train_model", known), Some("active_modelling_pipeline.train_model"));
    }

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for name in ["a", "a.b-c", "0", "data-2.volume", &"a".repeat(253)] {
            assert!(is_dns_subdomain(name), "{name}");
        }
        for name in ["", "A", "a_b", "-a", "a-", ".a", "a.", "a..b", "a.-b", &"a".repeat(254)] {
            assert!(!is_dns_subdomain(name), "{name}");
        }
    }
}
