//! What was copied, counted while it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the target has of the source.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Regular files, every name of a file with several counted.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders, the root not among them.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Sockets, pipes and devices, which were left out.
    pub skipped: u64,
    /// Those of the files and symbolic links that were there already.
    pub kept: u64,
}

/// How often whoever watches is told.
const INTERVAL: Duration = Duration::from_millis(200);

/// Counts for all threads, and tells of it now and then.
pub(super) struct Counters<'a> {
    files: AtomicU64,
    bytes: AtomicU64,
    folders: AtomicU64,
    links: AtomicU64,
    skipped: AtomicU64,
    kept: AtomicU64,
    begin: Instant,
    /// Milliseconds after the begin.
    told: AtomicU64,
    progress: Option<&'a (dyn Fn(&Summary) + Sync)>,
}

impl<'a> Counters<'a> {
    pub fn new(progress: Option<&'a (dyn Fn(&Summary) + Sync)>) -> Self {
        Self {
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            folders: AtomicU64::new(0),
            links: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            begin: Instant::now(),
            told: AtomicU64::new(0),
            progress,
        }
    }

    pub fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    pub fn bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    pub fn folder(&self) {
        self.folders.fetch_add(1, Ordering::Relaxed);
    }

    pub fn link(&self) {
        self.links.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    pub fn skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub fn kept(&self) {
        self.kept.fetch_add(1, Ordering::Relaxed);
    }

    pub fn summary(&self) -> Summary {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            files: of(&self.files),
            bytes: of(&self.bytes),
            folders: of(&self.folders),
            links: of(&self.links),
            skipped: of(&self.skipped),
            kept: of(&self.kept),
        }
    }

    fn tell(&self) {
        let Some(progress) = self.progress else { return };
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        let is_due = u128::from(now.saturating_sub(told)) >= INTERVAL.as_millis();
        // One thread tells; the others have seen it do so.
        if is_due
            && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            progress(&self.summary());
        }
    }
}
