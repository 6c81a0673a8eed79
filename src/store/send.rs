//! Sends one file: a small one at once, a large one in parts, several of them
//! at the same time. What all of them hold in memory together is limited.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::error::described;
use super::source::{Reader, SourceFile, Sum};
use super::{Error, part};

/// What is read and not yet sent, in mebibytes. Parts of very large files are
/// larger than all of it: then one of them at a time.
const MEMORY: u32 = 64;

/// How long what was begun may take to be given up.
const TO_GIVE_UP: Duration = Duration::from_secs(5);

/// How long what is on its way then is waited for.
const TO_SETTLE: Duration = Duration::from_secs(1);

/// Sends files to a store.
#[derive(Clone)]
pub(super) struct Sender {
    pub store: Arc<dyn ObjectStore>,
    /// For messages.
    pub place: Arc<str>,
    memory: Arc<Semaphore>,
    /// True when nothing more shall be sent.
    stopped: watch::Receiver<bool>,
}

impl Sender {
    pub fn new(store: Arc<dyn ObjectStore>, place: &str, stopped: watch::Receiver<bool>) -> Self {
        let memory = Arc::new(Semaphore::new(MEMORY as usize));
        Self { store, place: place.into(), memory, stopped }
    }

    /// Sends the file; the sum of what was sent.
    pub async fn file(self, file: SourceFile, key: Key) -> Result<Sum, Error> {
        if file.size <= part::PART {
            let mut stopped = self.stopped.clone();
            tokio::select! {
                result = self.at_once(file, key) => result,
                _ = stopped.wait_for(|stopped| *stopped) => Err(Error::Stopped),
            }
        } else {
            self.in_parts(file, key).await
        }
    }

    /// An error with what the store has said.
    pub fn failed(&self, action: &'static str, key: &Key, error: &object_store::Error) -> Error {
        let reason = described(error);
        Error::Store { action, key: key.to_string(), store: self.place.to_string(), reason }
    }

    async fn at_once(self, file: SourceFile, key: Key) -> Result<Sum, Error> {
        let _held = self.room(file.size).await?;
        let (bytes, sum) = in_thread(move || {
            let mut reader = Reader::open(&file)?;
            let bytes = reader.next(usize::MAX)?;
            Ok((bytes, reader.finish()?))
        })
        .await?;
        self.store
            .put(&key, bytes.into())
            .await
            .map_err(|error| self.failed("store", &key, &error))?;
        Ok(sum)
    }

    async fn in_parts(self, file: SourceFile, key: Key) -> Result<Sum, Error> {
        let mut stopped = self.stopped.clone();
        let mut upload = self
            .store
            .put_multipart(&key)
            .await
            .map_err(|error| self.failed("store", &key, &error))?;
        let mut sending = JoinSet::new();
        let result = tokio::select! {
            result = self.parts(&mut *upload, &mut sending, file, &key) => result,
            _ = stopped.wait_for(|stopped| *stopped) => Err(Error::Stopped),
        };
        if result.is_err() {
            // A part that arrives after the upload was given up may stay.
            let settled = async { while sending.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(TO_SETTLE, settled).await;
            sending.shutdown().await;
            // Otherwise the store keeps, and bills, what has arrived.
            let given_up = tokio::time::timeout(TO_GIVE_UP, upload.abort()).await;
            if !matches!(given_up, Ok(Ok(()))) {
                tracing::warn!("the parts of {key} that have arrived could not be removed");
            }
        }
        result
    }

    async fn parts(
        &self,
        upload: &mut dyn MultipartUpload,
        sending: &mut JoinSet<object_store::Result<()>>,
        file: SourceFile,
        key: &Key,
    ) -> Result<Sum, Error> {
        let size = part::size(file.size);
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        let mut reader = in_thread(move || Reader::open(&file)).await?;
        loop {
            let held = self.room(size).await?;
            let bytes;
            (reader, bytes) = in_thread(move || {
                let bytes = reader.next(length)?;
                Ok((reader, bytes))
            })
            .await?;
            if bytes.is_empty() {
                break;
            }
            let sent = upload.put_part(bytes.into());
            sending.spawn(async move {
                let result = sent.await;
                drop(held);
                result
            });
            while let Some(sent) = sending.try_join_next() {
                self.part_sent(sent, key)?;
            }
        }
        let sum = in_thread(move || reader.finish()).await?;
        while let Some(sent) = sending.join_next().await {
            self.part_sent(sent, key)?;
        }
        upload.complete().await.map_err(|error| self.failed("store", key, &error))?;
        Ok(sum)
    }

    fn part_sent(
        &self,
        sent: Result<object_store::Result<()>, tokio::task::JoinError>,
        key: &Key,
    ) -> Result<(), Error> {
        match sent {
            Ok(result) => result.map_err(|error| self.failed("store", key, &error)),
            Err(error) => Err(Error::Runtime(error.to_string())),
        }
    }

    /// Room in memory for so many bytes, as long as it is held.
    async fn room(&self, bytes: u64) -> Result<tokio::sync::OwnedSemaphorePermit, Error> {
        let wanted = part::mebibytes(bytes).min(MEMORY);
        let room = self.memory.clone().acquire_many_owned(wanted).await;
        room.map_err(|error| Error::Runtime(error.to_string()))
    }
}

/// Disks are slow, and sums take time: other requests go on meanwhile.
pub(super) async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Runtime(error.to_string())),
    }
}
