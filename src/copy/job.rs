//! One copy: what all its threads share, and what is done with each entry.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FileType;

use super::contents::Contents;
use super::error::Failed;
use super::folder::{Folder, joined};
use super::hard_links::HardLinks;
use super::place::{Done, Place};
use super::summary::Counters;
use super::temporary::Names;
use super::workers::{Entry, Task};
use super::{Error, Filter, Options, at};

/// One copy, from the one root to the other.
pub(super) struct Job<'a> {
    pub from: &'a Path,
    pub to: &'a Path,
    /// Whom everything is given to.
    pub owner: Option<u32>,
    /// Whose process this is.
    pub user: u32,
    pub filter: Option<&'a dyn Filter>,
    /// Whether files become further names of those of the source.
    pub links_files: bool,
    /// Which folder the target is, so that it is not copied into itself.
    pub target: (u64, u64),
    pub names: Names,
    pub counters: Counters<'a>,
    pub hard_links: HardLinks,
    /// Whether a thread has failed.
    pub stopped: AtomicBool,
}

impl<'a> Job<'a> {
    pub fn new(from: &'a Path, to: &'a Path, target: (u64, u64), options: &Options<'a>) -> Self {
        Self {
            from,
            to,
            owner: options.owner,
            user: rustix::process::geteuid().as_raw(),
            filter: options.filter,
            links_files: options.hard_links,
            target,
            names: Names::new(),
            counters: Counters::new(options.progress),
            hard_links: HardLinks::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Copies one entry of a folder, or says what is to be done for it.
    pub fn entry(
        &self,
        folder: &Arc<Folder>,
        Entry { name, kind }: Entry,
        contents: &mut Contents,
    ) -> Result<Option<Task>, Error> {
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let kind = match kind {
            FileType::Unknown => {
                at::kind(&folder.source, &name).failed("read", || self.source(folder, &name))?
            }
            kind => kind,
        };
        let is_folder = kind == FileType::Directory;
        let (mut is_taken, mut is_entered) = (true, is_folder);
        if let Some(filter) = self.filter {
            let below = joined(&folder.below, &name);
            is_taken = filter.takes(&below, is_folder);
            is_entered = is_folder && (is_taken || filter.enters(&below));
        }
        match kind {
            FileType::Directory => {
                let parent = Arc::clone(folder);
                return Ok(is_entered.then_some(Task::Enter { parent, name, is_taken }));
            }
            _ if !is_taken => {}
            FileType::RegularFile => self.file(folder, &name, contents)?,
            FileType::Symlink => {
                let done = self.place(folder, &name)?.link()?;
                self.counters.link();
                self.count(done);
            }
            _ => {
                let path = self.source(folder, &name);
                tracing::warn!("{} is no file, folder or link: left out", path.display());
                self.counters.skipped();
            }
        }
        Ok(None)
    }

    fn file(
        &self,
        folder: &Arc<Folder>,
        name: &CString,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        let is_first = |identity| self.hard_links.is_first(identity, &folder.below, name);
        let done = self.place(folder, name)?.file(contents, &is_first)?;
        if done != Done::Later {
            self.counters.file();
            self.count(done);
        }
        Ok(())
    }

    fn count(&self, done: Done) {
        if done == Done::Kept {
            self.counters.kept();
        }
    }

    fn place<'p>(&'p self, folder: &'p Folder, name: &'p CString) -> Result<Place<'p>, Error> {
        let target = folder.target(self)?;
        Ok(Place {
            job: self,
            below: &folder.below,
            source: &folder.source,
            target: &target.folder,
            is_new: target.is_new,
            name,
        })
    }

    fn source(&self, folder: &Folder, name: &CString) -> std::path::PathBuf {
        self.from.join(joined(&folder.below, name))
    }
}
