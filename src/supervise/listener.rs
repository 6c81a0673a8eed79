//! Listens to the child's standard error: every byte goes on at once and
//! unchanged, and the last of them are kept.
//!
//! A thread of its own does it, so that a slow reader behind this process
//! holds up the child, as it would without us, but never a signal.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ChildStderr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Bytes that are kept: enough for a long traceback and the log after it.
const KEPT: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Shared {
    last: Mutex<Vec<u8>>,
    /// All bytes that have gone on.
    passed: AtomicU64,
    /// Held while something is written to standard error.
    writing: Mutex<()>,
}

/// The thread that listens.
#[derive(Debug)]
pub(super) struct Listener {
    shared: Arc<Shared>,
    /// Closed to say that the child has ended.
    end: Option<PipeWriter>,
    /// Closed by the thread when all is written.
    done: PipeReader,
}

impl Listener {
    pub fn start(from: ChildStderr) -> io::Result<Self> {
        let to = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let shared = Arc::new(Shared::default());
        let (ended, end) = io::pipe()?;
        let (done, finished) = io::pipe()?;
        let of_thread = shared.clone();
        std::thread::Builder::new().name("stderr".to_owned()).stack_size(256 * 1024).spawn(
            move || {
                copy(from, to, &ended, &of_thread);
                drop(finished);
            },
        )?;
        Ok(Self { shared, end: Some(end), done })
    }

    /// Nothing new is waited for from now on; what is there is still written.
    pub fn end(&mut self) {
        self.end = None;
    }

    /// Can be read when all is written.
    pub fn done(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }

    /// How many bytes have gone on.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::Relaxed)
    }

    /// The last of what was said.
    pub fn last(&self) -> Vec<u8> {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with standard error, unless somebody is writing to it
    /// just now: that might take for ever.
    fn unless_busy(&self, action: impl FnOnce()) {
        if let Ok(_writing) = self.shared.writing.try_lock() {
            action();
        }
    }
}

/// Says something, if standard error takes it at once: whoever reads there may
/// have stopped reading, and signals must not wait for him.
pub(super) fn say_if_possible(listener: Option<&Listener>, say: impl FnOnce()) {
    let say = || {
        if is_ready(io::stderr().as_fd(), PollFlags::POLLOUT, PollTimeout::ZERO) {
            say();
        }
    };
    match listener {
        Some(listener) => listener.unless_busy(say),
        None => say(),
    }
}

fn is_ready(file: BorrowedFd<'_>, what: PollFlags, timeout: PollTimeout) -> bool {
    let mut files = [PollFd::new(file, what)];
    poll(&mut files, timeout).is_ok_and(|ready| ready > 0)
}

fn copy(mut from: ChildStderr, mut to: File, ended: &PipeReader, shared: &Shared) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let mut files = [
            PollFd::new(from.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut files, PollTimeout::NONE);
        let is_there = |file: &PollFd<'_>| file.any().unwrap_or_default();
        let [something, end] = [is_there(&files[0]), is_there(&files[1])];
        if something {
            match from.read(&mut buffer) {
                Ok(length) if length > 0 => {
                    keep(shared, &buffer[..length]);
                    if !pass_on(&mut to, &buffer[..length], shared) {
                        // As without us, the child is told that nobody reads.
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return,
            }
        } else if end {
            return;
        }
    }
}

fn keep(shared: &Shared, bytes: &[u8]) {
    let mut last = shared.last.lock().unwrap_or_else(PoisonError::into_inner);
    last.extend_from_slice(bytes);
    // Not at every write: moving what is kept costs as much as copying it.
    if last.len() > 2 * KEPT {
        let too_many = last.len() - KEPT;
        last.drain(..too_many);
    }
}

/// Whether anybody can still read.
fn pass_on(to: &mut File, mut bytes: &[u8], shared: &Shared) -> bool {
    let _writing = shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(length) => {
                bytes = &bytes[length..];
                shared.passed.fetch_add(length as u64, Ordering::Relaxed);
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                // Somebody who shares it has made it so.
                io::ErrorKind::WouldBlock => {
                    is_ready(to.as_fd(), PollFlags::POLLOUT, PollTimeout::NONE);
                }
                io::ErrorKind::BrokenPipe => return false,
                // A full disk loses lines of the log, not the run.
                _ => return true,
            },
        }
    }
    true
}
