//! The bytes of one file.
//!
//! The kernel copies where it can: `copy_file_range` shares the bytes on btrfs
//! and XFS and spares them the way through this process elsewhere, `sendfile`
//! does the latter between file systems of different kinds. What works is
//! remembered for each pair of devices. The rest, and every small file, goes
//! through one buffer. Holes stay holes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, SeekFrom, copy_file_range, fadvise, ftruncate, seek, sendfile};
use rustix::io::Errno;

use super::status::Status;

/// The buffer of a thread: 256 KiB.
const BUFFER: usize = 256 << 10;

/// How much is asked of the kernel at once, so that a copy that is given up, or
/// tells of its progress, does not wait for long.
const PIECE: u64 = 32 << 20;

/// Why bytes were not copied.
#[derive(Debug)]
pub(super) enum Failure {
    Read(io::Error),
    Write(io::Error),
    /// Another thread has failed.
    Stopped,
}

/// From the best to the one that always works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Range,
    Send,
    Buffer,
}

/// Two devices, and how files are copied from the one to the other.
type Known = ((u64, u64), Method);

/// Copies bytes; one a thread.
#[derive(Debug)]
pub(super) struct Contents {
    buffer: Vec<u8>,
    known: Vec<Known>,
}

/// What is watched while a large file is copied.
pub(super) struct Watch<'w> {
    /// Whether it is given up.
    pub stopped: &'w AtomicBool,
    /// Told of the bytes that were copied.
    pub copied: &'w dyn Fn(u64),
}

impl Contents {
    pub fn new() -> Self {
        Self { buffer: vec![0; BUFFER], known: Vec::new() }
    }

    /// Copies as many bytes as the source had when it was opened.
    pub fn copy(
        &mut self,
        source: (&File, &Status),
        target: (&File, &Status),
        watch: &Watch<'_>,
    ) -> Result<(), Failure> {
        let (from, status) = source;
        let bytes = status.bytes;
        let devices = (status.identity.0, target.1.identity.0);
        let whole = usize::try_from(bytes).ok().filter(|bytes| *bytes < BUFFER);
        if let Some(length) = whole
            && !status.is_sparse()
        {
            self.copy_small(from, target.0, length)?;
            (watch.copied)(bytes);
            return Ok(());
        }
        // Only a hint.
        let _ = fadvise(from, 0, None, Advice::Sequential);
        let mut at = 0;
        while at < bytes {
            let (begin, end) = data(from, at, bytes).map_err(Failure::Read)?;
            self.copy_range((from, target.0), begin..end, devices, watch)?;
            (watch.copied)(begin - at);
            at = end;
            if begin == bytes {
                // It ends with a hole. The size comes last: a file of the whole
                // size has all its bytes.
                ftruncate(target.0, bytes).map_err(|error| Failure::Write(error.into()))?;
            }
        }
        Ok(())
    }

    fn copy_small(&mut self, from: &File, to: &File, length: usize) -> Result<(), Failure> {
        let mut have = 0;
        while have < length {
            match from.read_at(&mut self.buffer[have..length], have as u64) {
                Ok(0) => return Err(Failure::Read(shorter())),
                Ok(read) => have += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Read(error)),
            }
        }
        to.write_all_at(&self.buffer[..length], 0).map_err(Failure::Write)
    }

    fn copy_range(
        &mut self,
        (from, to): (&File, &File),
        range: std::ops::Range<u64>,
        devices: (u64, u64),
        watch: &Watch<'_>,
    ) -> Result<(), Failure> {
        let known = self.known.iter().find(|(pair, _)| *pair == devices);
        let mut method = known.map_or(Method::Range, |(_, method)| *method);
        let mut at = range.start;
        while at < range.end {
            if watch.stopped.load(Ordering::Relaxed) {
                return Err(Failure::Stopped);
            }
            let length = (range.end - at).min(PIECE);
            // It fits: a piece is small.
            let wanted = usize::try_from(length).unwrap_or(BUFFER);
            let (mut read_at, mut write_at) = (at, at);
            let copied = match method {
                Method::Range => {
                    copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), wanted)
                }
                Method::Send => seek(to, SeekFrom::Start(at))
                    .and_then(|_| sendfile(to, from, Some(&mut read_at), wanted)),
                Method::Buffer => Ok(self.through_buffer(from, to, at, wanted)?),
            };
            match copied {
                Err(Errno::INTR) => {}
                // Whatever it is, the buffer does it or says which side it is.
                Ok(0) | Err(_) => {
                    let next = if method == Method::Range { Method::Send } else { Method::Buffer };
                    if copied.is_err_and(is_lack_of_support) {
                        self.known.retain(|(pair, _)| *pair != devices);
                        self.known.push((devices, next));
                    }
                    method = next;
                }
                Ok(copied) => {
                    at += copied as u64;
                    (watch.copied)(copied as u64);
                }
            }
        }
        Ok(())
    }

    fn through_buffer(
        &mut self,
        from: &File,
        to: &File,
        at: u64,
        wanted: usize,
    ) -> Result<usize, Failure> {
        let buffer = &mut self.buffer[..wanted.min(BUFFER)];
        let read = loop {
            match from.read_at(buffer, at) {
                Ok(0) => return Err(Failure::Read(shorter())),
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Read(error)),
            }
        };
        to.write_all_at(&buffer[..read], at).map_err(Failure::Write)?;
        Ok(read)
    }
}

/// The source has fewer bytes than it had.
fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read")
}

/// Where the next bytes that are no hole begin and end; the file's end where
/// there are none.
fn data(file: &File, at: u64, bytes: u64) -> io::Result<(u64, u64)> {
    let begin = match seek(file, SeekFrom::Data(at)) {
        Ok(begin) => begin.min(bytes),
        Err(Errno::NXIO) => return Ok((bytes, bytes)),
        // This file system knows no holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok((at, bytes)),
        Err(error) => return Err(error.into()),
    };
    let end = match seek(file, SeekFrom::Hole(begin)) {
        Ok(end) => end.min(bytes),
        Err(Errno::NXIO) => bytes,
        Err(error) => return Err(error.into()),
    };
    Ok((begin, end))
}

fn is_lack_of_support(error: Errno) -> bool {
    matches!(
        error,
        Errno::XDEV
            | Errno::INVAL
            | Errno::NOSYS
            | Errno::OPNOTSUPP
            | Errno::PERM
            | Errno::ACCESS
            | Errno::BADF
    )
}
