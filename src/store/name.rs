//! Names as parts of keys. What the stores' own guides advise against in keys
//! (`%`, `#`, `[`, control characters, …) is percent-encoded, `/` too, so that
//! different names stay different; all else stays as it is.

use object_store::path::{Path as Key, PathPart};

/// What Amazon and Google advise against in keys, besides control characters.
const ADVISED_AGAINST: &str = "/\\{}^%`[]\"<>~#|*?";

/// How the key of a manifest ends.
pub(super) const MANIFEST: &str = ".manifest.json";

/// The folder of an item. None ends as a manifest does.
pub(super) fn folder(name: &str) -> String {
    let part = part(name);
    match part.strip_suffix(MANIFEST) {
        Some(rest) => format!("{rest}%2E{}", &MANIFEST[1..]),
        None => part,
    }
}

/// The name of an item's manifest, beside its folder.
pub(super) fn manifest(name: &str) -> String {
    format!("{}{MANIFEST}", folder(name))
}

/// The key of a path below a folder, `/` being between its parts.
pub(super) fn below(path: &str) -> String {
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The key of something below another.
pub(super) fn join(above: &Key, below: &str) -> Key {
    below.split('/').fold(above.clone(), |key, name| {
        // It is encoded already, so this changes nothing but its type.
        PathPart::parse(name).map_or(key.clone(), |part| key.join(part))
    })
}

/// Encoded as a name that is one part of a key. Unlike the crate's own encoding
/// it leaves letters of all scripts as they are.
fn part(name: &str) -> String {
    use std::fmt::Write as _;
    if matches!(name, "." | "..") {
        return name.replace('.', "%2E");
    }
    let mut part = String::with_capacity(name.len());
    for letter in name.chars() {
        if !letter.is_control() && !ADVISED_AGAINST.contains(letter) {
            part.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(part, "%{byte:02X}");
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use object_store::path::Path as Key;

    use super::{below, folder, join, manifest};

    #[test]
    fn different_names_stay_different() {
        let names = [
            "a",
            "a.b",
            "a@b",
            "a:b",
            "a/b",
            "a%2Fb",
            "a b",
            "a#b",
            "a%23b",
            "{a}",
            "é",
            "..",
            ".",
            "a.manifest.json",
            "a%2Emanifest.json",
            "manifest.json",
            ".manifest.json",
        ];
        let keys: BTreeSet<String> =
            names.iter().flat_map(|name| [folder(name), manifest(name)]).collect();
        assert_eq!(keys.len(), 2 * names.len(), "{keys:?}");
        for name in names {
            assert!(!folder(name).ends_with(".manifest.json"), "{name}");
            assert!(!folder(name).contains('/'), "{name}");
            let key = join(&Key::from("top"), &folder(name));
            assert_eq!(key.as_ref(), format!("top/{}", folder(name)));
        }
        assert_eq!(folder("ns.data@pandas"), "ns.data@pandas");
        assert_eq!(below("a b/c#1/é"), "a b/c%231/é");
    }
}
