//! Files with several names stay one file.
//!
//! The first name that is met is copied; the others are made when all is
//! copied, since only then the first is sure to be there. Only files with
//! several names are remembered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A name of a file, below the roots.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub folder: PathBuf,
    pub name: CString,
}

/// A name that is to be made of another one.
#[derive(Debug)]
pub(super) struct Later {
    pub first: Name,
    pub other: Name,
}

#[derive(Debug, Default)]
struct Met {
    /// By device and number of the source.
    first: HashMap<(u64, u64), Name>,
    others: Vec<((u64, u64), Name)>,
}

/// The files with several names that were met.
#[derive(Debug, Default)]
pub(super) struct HardLinks(Mutex<Met>);

impl HardLinks {
    /// Whether this is the first name of the file, which is to be copied. The
    /// others are kept for later.
    pub fn is_first(&self, identity: (u64, u64), folder: &Path, name: &CString) -> bool {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = Name { folder: folder.to_path_buf(), name: name.clone() };
        match met.first.entry(identity) {
            Entry::Vacant(vacant) => {
                vacant.insert(here);
                true
            }
            Entry::Occupied(_) => {
                met.others.push((identity, here));
                false
            }
        }
    }

    /// The names that are to be made, those of one folder together.
    pub fn later(self) -> Vec<Later> {
        let Met { first, others } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut later: Vec<Later> = others
            .into_iter()
            .filter_map(|(identity, other)| {
                first.get(&identity).map(|first| Later { first: first.clone(), other })
            })
            .collect();
        later.sort_by(|one, two| one.other.folder.cmp(&two.other.folder));
        later
    }
}
