//! The whole of an upload: what is old is made invisible, all is sent, looked
//! at again, and then made visible by its manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connect::connect;
use super::manifest::{self, Manifest};
use super::send::{Sender, in_thread};
use super::source::{Sum, Tree};
use super::{Error, Item, Location, Scheme, Source, Summary, Target, leftovers, name};

/// Files that are sent at the same time, where they are small.
const FILES: usize = 16;

/// How often to look whether this process was told to end.
const POLL: Duration = Duration::from_millis(50);

/// After the word to end, what is left to give up what was begun.
const TO_END: Duration = Duration::from_secs(6);

/// One item on its way.
struct Sent<'a> {
    item: &'a Item<'a>,
    tree: Arc<Tree>,
    /// Its folder, and its manifest beside it.
    folder: Key,
    manifest: Key,
    /// By the place of the file in the tree.
    sums: Vec<Option<Sum>>,
}

/// Puts all items there, in the folder of that name (which has to be one that a
/// key can have as a part). `told_to_end` is asked often; when it says so, what
/// was begun is given up.
///
/// After an error there is no manifest of what is not complete.
pub fn upload(
    target: &Target<'_>,
    folder: &str,
    items: &[Item<'_>],
    told_to_end: &(dyn Fn() -> bool + Sync),
) -> Result<Summary, Error> {
    let location = Location::parse(target.url)?;
    let mut sent = Vec::with_capacity(items.len());
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(item.name) {
            return Err(Error::Twice(item.name.to_owned()));
        }
        let tree = match item.source {
            Source::Path(path) => Tree::of_path(path)?,
            Source::Text { name, text } => Tree::of_text(name, text),
        };
        let above = Key::from(folder);
        sent.push(Sent {
            item,
            sums: vec![None; tree.files.len()],
            tree: Arc::new(tree),
            folder: name::join(&above, &name::folder(item.name)),
            manifest: name::join(&above, &name::manifest(item.name)),
        });
    }
    // A thread of its own: the caller's may be another runtime's.
    std::thread::scope(|scope| {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::Runtime(error.to_string()))?;
            let result = runtime.block_on(all(&location, target, &mut sent, told_to_end));
            // A file that is still being read holds nothing up.
            runtime.shutdown_background();
            result
        };
        let unexpected = |_| Err(Error::Runtime("it ended unexpectedly".to_owned()));
        scope.spawn(work).join().unwrap_or_else(unexpected)
    })
}

async fn all(
    location: &Location,
    target: &Target<'_>,
    sent: &mut [Sent<'_>],
    told_to_end: &(dyn Fn() -> bool + Sync),
) -> Result<Summary, Error> {
    let store = connect(location, target.options)?;
    let (stop, stopped) = watch::channel(false);
    let sender = Sender::new(store, &location.to_string(), stopped);
    let work = work(location, &sender, sent, &stop);
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        () = asked(told_to_end) => {}
    }
    stop.send_replace(true);
    // What was begun is given up; what does not end is left. All may have been
    // done just now, too.
    match tokio::time::timeout(TO_END, work).await {
        Ok(Ok(summary)) => Ok(summary),
        _ => Err(Error::Stopped),
    }
}

async fn asked(told_to_end: &(dyn Fn() -> bool + Sync)) {
    while !told_to_end() {
        tokio::time::sleep(POLL).await;
    }
}

async fn work(
    location: &Location,
    sender: &Sender,
    sent: &mut [Sent<'_>],
    stop: &watch::Sender<bool>,
) -> Result<Summary, Error> {
    // From here on nothing describes what is about to change.
    for one in &*sent {
        remove_manifest(sender, &one.manifest).await?;
        if location.scheme == Scheme::File {
            leftovers::remove(&location.folder.join(one.folder.as_ref()))?;
        }
    }
    send_all(sender, sent, stop).await?;
    let mut summary = Summary::default();
    for one in &*sent {
        let tree = one.tree.clone();
        in_thread(move || tree.check_unchanged()).await?;
        compare(sender, one).await?;
        summary.files += one.tree.files.len() as u64;
        summary.bytes += one.tree.files.iter().map(|file| file.size).sum::<u64>();
    }
    for one in &*sent {
        write_manifest(sender, one).await?;
    }
    Ok(summary)
}

async fn remove_manifest(sender: &Sender, key: &Key) -> Result<(), Error> {
    // Many may write to a store, and few may delete: only where it is needed.
    match sender.store.head(key).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(sender.failed("look for", key, &error)),
        Ok(_) => {}
    }
    match sender.store.delete(key).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(sender.failed("remove", key, &error)),
    }
}

/// Sends all files; after the first failure nothing new is begun, and what was
/// begun is given up.
async fn send_all(
    sender: &Sender,
    sent: &mut [Sent<'_>],
    stop: &watch::Sender<bool>,
) -> Result<(), Error> {
    let files: Vec<(usize, usize)> = sent
        .iter()
        .enumerate()
        .flat_map(|(item, one)| (0..one.tree.files.len()).map(move |file| (item, file)))
        .collect();
    let mut waiting = files.into_iter();
    let mut running = JoinSet::new();
    let mut failure = None;
    loop {
        while failure.is_none() && !*stop.borrow() && running.len() < FILES {
            let Some((item, at)) = waiting.next() else { break };
            let file = sent[item].tree.files[at].clone();
            let key = name::join(&sent[item].folder, &file.key);
            let sender = sender.clone();
            running.spawn(async move { (item, at, sender.file(file, key).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        match ended {
            Ok((item, at, Ok(sum))) => sent[item].sums[at] = Some(sum),
            Ok((_, _, Err(error))) => {
                failure.get_or_insert(error);
                stop.send_replace(true);
            }
            Err(error) => {
                failure.get_or_insert(Error::Runtime(error.to_string()));
                stop.send_replace(true);
            }
        }
    }
    match failure {
        Some(error) => Err(error),
        None if *stop.borrow() => Err(Error::Stopped),
        None => Ok(()),
    }
}

/// That the store has all of the item in these sizes; what it has besides in
/// the item's folder is an earlier attempt's, and goes.
async fn compare(sender: &Sender, one: &Sent<'_>) -> Result<(), Error> {
    let listing = sender.store.list(Some(&one.folder));
    let found: BTreeMap<Key, u64> = listing
        .map_ok(|object| (object.location, object.size))
        .try_collect()
        .await
        .map_err(|error| sender.failed("list", &one.folder, &error))?;
    let mut stale = found.clone();
    for file in &one.tree.files {
        let key = name::join(&one.folder, &file.key);
        stale.remove(&key);
        let found = match found.get(&key) {
            Some(size) if *size == file.size => continue,
            Some(size) => format!("the store has {size} bytes"),
            None => "the store does not have it".to_owned(),
        };
        let store = sender.place.to_string();
        return Err(Error::Different { key: key.to_string(), store, found, expected: file.size });
    }
    let keys: Vec<object_store::Result<Key>> = stale.into_keys().map(Ok).collect();
    let removed = sender.store.delete_stream(futures_util::stream::iter(keys).boxed());
    removed
        .map(|removed| match removed {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(sender.failed("remove what is old below", &one.folder, &error)),
        })
        .try_collect()
        .await
}

async fn write_manifest(sender: &Sender, one: &Sent<'_>) -> Result<(), Error> {
    let files = one
        .tree
        .files
        .iter()
        .zip(&one.sums)
        .map(|(file, sum)| {
            let sum = sum.ok_or_else(|| Error::Runtime(format!("{} has no sum", file.path)))?;
            let (path, key) = (file.path.as_str(), file.key.as_str());
            Ok(manifest::File { path, key, size: file.size, sha256: hexadecimal(&sum) })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let manifest = Manifest {
        about: &one.item.about,
        kind: if one.tree.is_folder { "folder" } else { "file" },
        bytes: files.iter().map(|file| file.size).sum(),
        files,
        empty_folders: &one.tree.empty_folders,
    };
    let json = manifest.to_json()?;
    let written = sender.store.put(&one.manifest, json.into()).await;
    written.map(|_| ()).map_err(|error| sender.failed("store", &one.manifest, &error))
}

fn hexadecimal(sum: &Sum) -> String {
    use std::fmt::Write as _;
    sum.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
