//! Threads that share the folders among them.
//!
//! A folder is read a piece at a time, and the rest of it goes back to the
//! others before the piece is copied: so one large folder keeps all threads
//! busy, and no more names are held than a piece for each folder on the way.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::FileType;

use super::contents::Contents;
use super::error::Failed;
use super::folder::Folder;
use super::job::Job;
use super::{Error, at};

/// A name in a folder.
pub(super) struct Entry {
    pub name: CString,
    /// As the folder has it; some file systems do not tell.
    pub kind: FileType,
}

/// Something for whichever thread is free.
pub(super) enum Task {
    /// A folder in a folder. It is opened only when its turn comes, so that not
    /// all of a large folder's are open at once.
    Enter { parent: Arc<Folder>, name: CString, is_taken: bool },
    /// What was not yet read of a folder.
    Read(Arc<Folder>),
    /// Entries that another thread had too many of.
    Entries(Arc<Folder>, Vec<Entry>),
}

#[derive(Default)]
struct State {
    /// The last ones first: depth before breadth holds less.
    tasks: Vec<Task>,
    /// Threads that may still add tasks.
    working: usize,
    error: Option<Error>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Threads without a task.
    idle: AtomicUsize,
}

/// How many threads copy: as many as may run at once. The standard library
/// counts the processors that this process may use, and honours the quota of
/// its control group (versions 1 and 2), which is a pod's CPU limit.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(16)
}

/// Copies all that is in the root, with this thread and others.
pub(super) fn copy(job: &Job<'_>, root: Arc<Folder>, threads: usize) -> Result<(), Error> {
    let queue = Queue::default();
    queue.lock().tasks.push(Task::Read(root));
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where no more threads are allowed, fewer do it.
            let started =
                thread::Builder::new().spawn_scoped(scope, || Worker::new(job, &queue).run());
            if started.is_err() {
                break;
            }
        }
        Worker::new(job, &queue).run();
    });
    let state = queue.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.error.map_or(Ok(()), Err)
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, tasks: impl IntoIterator<Item = Task>) {
        self.lock().tasks.extend(tasks);
        if self.idle.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    /// The next task, for which [`Self::done`] has to be called; none when all
    /// is copied, or nothing more is to be.
    fn next(&self, job: &Job<'_>) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if job.stopped.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(task) = state.tasks.pop() {
                state.working += 1;
                return Some(task);
            }
            if state.working == 0 {
                return None;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn done(&self, result: Result<(), Error>, job: &Job<'_>) {
        let mut state = self.lock();
        state.working -= 1;
        if let Err(error) = result {
            job.stopped.store(true, Ordering::Relaxed);
            // What others say after the first is often its consequence.
            state.error.get_or_insert(error);
        }
        if state.working == 0 || job.stopped.load(Ordering::Relaxed) {
            self.changed.notify_all();
        }
    }
}

struct Worker<'w> {
    job: &'w Job<'w>,
    queue: &'w Queue,
    contents: Contents,
    listing: Vec<MaybeUninit<u8>>,
}

impl<'w> Worker<'w> {
    fn new(job: &'w Job<'w>, queue: &'w Queue) -> Self {
        let listing = vec![MaybeUninit::uninit(); at::LISTING];
        Self { job, queue, contents: Contents::new(), listing }
    }

    fn run(&mut self) {
        while let Some(task) = self.queue.next(self.job) {
            let result = self.work(task);
            self.queue.done(result, self.job);
        }
    }

    fn work(&mut self, task: Task) -> Result<(), Error> {
        match task {
            Task::Enter { parent, name, is_taken } => {
                let folder = Arc::new(Folder::enter(parent, name, is_taken, self.job)?);
                if is_taken {
                    folder.target(self.job)?;
                    self.job.counters.folder();
                }
                self.read(folder)
            }
            Task::Read(folder) => self.read(folder),
            Task::Entries(folder, entries) => self.entries(folder, entries),
        }
    }

    fn read(&mut self, folder: Arc<Folder>) -> Result<(), Error> {
        let listed = at::list(&folder.source, &mut self.listing)
            .failed("read", || self.job.from.join(&folder.below))?;
        if listed.is_empty() {
            return Folder::release(folder, self.job);
        }
        self.queue.push([Task::Read(Arc::clone(&folder))]);
        let entries = listed.into_iter().map(|(name, kind)| Entry { name, kind }).collect();
        self.entries(folder, entries)
    }

    fn entries(&mut self, folder: Arc<Folder>, mut entries: Vec<Entry>) -> Result<(), Error> {
        let mut tasks = Vec::new();
        while let Some(entry) = entries.pop() {
            tasks.extend(self.job.entry(&folder, entry, &mut self.contents)?);
            // Large files may make a piece long.
            if entries.len() > 1 && self.queue.idle.load(Ordering::Relaxed) > 0 {
                let half = entries.split_off(entries.len() / 2);
                self.queue.push([Task::Entries(Arc::clone(&folder), half)]);
            }
        }
        self.queue.push(tasks);
        Folder::release(folder, self.job)
    }
}
