//! Names of steps: what Kedro calls a node, as a DNS label.

use super::{LOAD_VERSIONS, ON_EXIT, VOLUME_CREATE, VOLUME_DELETE, VOLUME_INIT};

/// Names that steps of ours have.
pub const RESERVED: [&str; 5] = [VOLUME_CREATE, VOLUME_INIT, LOAD_VERSIONS, VOLUME_DELETE, ON_EXIT];

/// A DNS label (RFC 1123), which is what Kubernetes takes in every place.
const LONGEST: usize = 63;

/// Words of the expression language in which Argo evaluates dependencies.
const WORDS: [&str; 14] = [
    "and",
    "or",
    "not",
    "in",
    "contains",
    "matches",
    "true",
    "false",
    "nil",
    "let",
    "if",
    "else",
    "startswith",
    "endswith",
];

/// The step's name for a node's or a pipeline's: lower case, runs of anything
/// but letters and digits as one `-` (as kedro-kubeflow and the KFP SDK do). A
/// name that is too long, or that has no letter or digit in it, ends in a
/// hash of the original, so that it stays unique and always the same. One that
/// begins with a digit, which Argo refuses where tasks depend on it, or that is
/// a word of Argo's expressions, gets `node-` in front.
pub fn step_name(name: &str) -> String {
    let mut clean = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            clean.push(character.to_ascii_lowercase());
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    let clean = clean.trim_matches('-');
    if clean.is_empty() {
        return format!("node-{}", hash(name));
    }
    // Argo reads a task's dependencies as an expression over names of tasks.
    let prefixed;
    let clean = if clean.starts_with(|first: char| first.is_ascii_digit()) || WORDS.contains(&clean)
    {
        prefixed = format!("node-{clean}");
        &prefixed
    } else {
        clean
    };
    if clean.len() <= LONGEST {
        return clean.to_owned();
    }
    let kept = clean[..LONGEST - 9].trim_end_matches('-');
    format!("{kept}-{}", hash(name))
}

/// FNV-1a, 32 bits: names need a short and stable mark, not a secret.
fn hash(name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::step_name;

    #[test]
    fn names_users_know() {
        assert_eq!(step_name("data_import_step"), "data-import-step");
        assert_eq!(step_name("active.train_model"), "active-train-model");
        assert_eq!(step_name("__default__"), "default");
        assert_eq!(step_name("use([a;b]) -> [out]"), "use-a-b-out");
        assert_eq!(step_name("1_load"), "node-1-load");
        assert_eq!(step_name("not"), "node-not");
    }

    proptest! {
        #[test]
        fn always_a_dns_label(name in "\\PC{0,200}") {
            let step = step_name(&name);
            prop_assert!(!step.is_empty() && step.len() <= 63);
            prop_assert!(step.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
            prop_assert!(step.starts_with(|first: char| first.is_ascii_lowercase()));
            prop_assert!(!step.ends_with('-'));
            prop_assert!(!step.contains("--"));
            prop_assert_eq!(step_name(&name), step);
        }
    }
}
