//! Copies trees of files, completely, and sets their owner.
//!
//! Knows nothing of why. A file appears under its name only when it is whole; a
//! copy that was interrupted is taken up by the next one, and ends as a single
//! one would have. Nothing outside of the target is touched, whoever swaps what
//! meanwhile: see [`at`].
//!
//! The calls are those of rustix, which is there already below `tempfile`; it
//! has all of them without `unsafe` (nix has no listing of a folder in pieces,
//! and no extended attributes).

mod at;
mod attributes;
mod contents;
mod error;
mod folder;
mod hard_links;
mod job;
mod place;
mod roots;
mod status;
mod summary;
mod temporary;
mod workers;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use roots::{give, link_tree, tree};
pub use summary::Summary;

/// What is copied, to whom it is given, and how.
#[derive(Default)]
pub struct Options<'a> {
    /// Everything that is copied, and the target itself, is given to this
    /// numeric user; the group stays.
    pub owner: Option<u32>,
    /// Whether a path (below the source) is copied; folders that are not are
    /// not entered either, unless this is asked of what lies in them.
    pub filter: Option<&'a dyn Filter>,
    /// Whether files become further names of those of the source, where the
    /// file system can do so.
    pub hard_links: bool,
    /// Whether all is on the disk at the end. Where a volume is detached from
    /// one machine and attached to another, nothing else would be sure; and what
    /// goes wrong when the kernel writes later is told by nobody else. One call
    /// for the whole file system, since one for each file would take many times
    /// as long, and a copy that has not come to its end is done again anyway.
    pub durable: bool,
    /// How many threads copy; as many as may run at once where it is not set.
    pub threads: Option<usize>,
    /// Told now and then what was copied so far, by whichever thread.
    pub progress: Option<&'a (dyn Fn(&Summary) + Sync)>,
}

/// Chooses what is copied; asked by several threads.
pub trait Filter: Sync {
    /// Whether the file or folder is copied.
    fn takes(&self, below_source: &Path, is_folder: bool) -> bool;
    /// Whether a folder has to be looked into.
    fn enters(&self, below_source: &Path) -> bool;
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn copies_modes_times_links_and_empty_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a/empty")).unwrap();
        fs::write(from.join("a/file\nwith a new line"), "text").unwrap();
        fs::set_permissions(from.join("a/file\nwith a new line"), Permissions::from_mode(0o4751))
            .unwrap();
        symlink("nowhere", from.join("dangling")).unwrap();
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o555)).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::open(from.join("a")).unwrap().set_modified(old).unwrap();

        let expected = Summary { files: 1, bytes: 4, folders: 2, links: 1, ..Summary::default() };
        // Twice: the second time everything is there already.
        for kept in [0, 2] {
            let expected = Summary { kept, ..expected };
            assert_eq!(tree(&from, &to, &Options::default()).unwrap(), expected);
            let copied = fs::metadata(to.join("a/file\nwith a new line")).unwrap();
            assert_eq!(copied.mode() & 0o7777, 0o4751);
            assert_eq!(fs::metadata(to.join("a")).unwrap().mode() & 0o7777, 0o555);
            assert_eq!(fs::metadata(to.join("a")).unwrap().modified().unwrap(), old);
            assert_eq!(fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
            assert!(to.join("a/empty").is_dir());
            assert_eq!(fs::read_dir(to.join("a")).unwrap().count(), 2, "no temporary file stays");
        }
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(to.join("a"), Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn does_not_write_through_a_link_in_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("file"), "new").unwrap();
        fs::write(folder.path().join("outside"), "precious").unwrap();
        symlink(folder.path().join("outside"), to.join("file")).unwrap();
        tree(&from, &to, &Options::default()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "precious");
        assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "new");
    }

    #[test]
    fn a_missing_source_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = tree(&folder.path().join("no"), &folder.path().join("to"), &Options::default());
        assert!(error.unwrap_err().to_string().contains("/no: "));
    }
}
