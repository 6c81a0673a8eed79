//! Names of files that are not whole yet.
//!
//! A copy that was killed leaves such files behind. Their names tell whose they
//! are, and the lock of the target tells that nobody is at work on them, so the
//! next copy removes them.

use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, unlinkat};

const PREFIX: &str = ".kubedro-copy-";
const DIGITS: usize = 8;

/// The temporary names of one copy: the prefix, eight hexadecimal digits of the
/// copy, and eight of the file.
#[derive(Debug)]
pub(super) struct Names {
    own: String,
    next: AtomicU32,
}

impl Names {
    /// Others than those of every other copy.
    pub fn new() -> Self {
        // The standard library's only source of randomness.
        let random = RandomState::new().build_hasher().finish();
        let own = format!("{PREFIX}{:0DIGITS$x}", random & 0xffff_ffff);
        Self { own, next: AtomicU32::new(0) }
    }

    /// A name that was not given before.
    pub fn next(&self) -> CString {
        let mut name = self.own.clone();
        let _ = write!(name, "{:0DIGITS$x}", self.next.fetch_add(1, Ordering::Relaxed));
        // There is no zero in it.
        CString::new(name).unwrap_or_default()
    }

    /// Whether another copy has made a file of this name.
    pub fn are_left_by_another(&self, name: &CStr) -> bool {
        is_temporary(name.to_bytes()) && !name.to_bytes().starts_with(self.own.as_bytes())
    }
}

fn is_temporary(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX.as_bytes()).is_some_and(|rest| {
        rest.len() == 2 * DIGITS
            && rest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Removes the file of this name, unless it got its own.
#[derive(Debug)]
pub(super) struct Temporary<'f> {
    folder: BorrowedFd<'f>,
    pub name: CString,
    has_moved: bool,
}

impl<'f> Temporary<'f> {
    /// For a file that is there from now on.
    pub fn new(folder: BorrowedFd<'f>, name: CString) -> Self {
        Self { folder, name, has_moved: false }
    }

    /// It has another name now.
    pub fn has_moved(mut self) {
        self.has_moved = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.has_moved {
            // What cannot be removed, the next copy removes.
            let _ = unlinkat(self.folder.as_fd(), &*self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_form_are_taken_for_temporary_ones() {
        let (one, other) = (Names::new(), Names::new());
        let name = one.next();
        assert!(is_temporary(name.to_bytes()), "{name:?}");
        assert!(!one.are_left_by_another(&name));
        assert!(other.are_left_by_another(&name));
        assert_ne!(one.next(), name);
        for foreign in [
            ".kubedro-copy-0123456789abcde",
            ".kubedro-copy-0123456789abcdef0",
            ".kubedro-copy-0123456789ABCDEF",
            "kubedro-copy-0123456789abcdef",
            ".kubedro-copy-",
            ".kubedro-run-local",
        ] {
            assert!(!is_temporary(foreign.as_bytes()), "{foreign}");
        }
    }
}
