//! Fills the volume with the image's data, and gives it to its owner.

use std::io::{IsTerminal, stderr};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Error, VolumeInitSpec};
use crate::copy::{self, Filter, Summary};
use crate::env_vars;
use crate::supervise::Outcome;
use crate::telemetry::say;

/// A copy that takes longer than this tells how far it is.
const LONG: Duration = Duration::from_secs(5);

pub(super) fn execute(spec: &VolumeInitSpec, project: &Path) -> Result<Outcome, Error> {
    let from = below(project, &spec.from)?;
    let to = below(project, &spec.to)?;
    let local = std::env::var_os(env_vars::KUBEDRO_LOCAL).is_some();
    let owner = spec.owner.filter(|_| !local);
    let chosen = Chosen::of(&spec.paths, &from)?;
    // An image without data is an empty volume, as with `cp -r data/*` … but no error.
    if !from.is_dir() {
        tracing::warn!("the image has no {}: the volume stays empty", from.display());
        if let Some(owner) = owner {
            copy::give(&to, owner)?;
        }
        return Ok(Outcome::SUCCESS);
    }
    let progress = Progress::new();
    let begin = Instant::now();
    let summary = copy::tree(
        &from,
        &to,
        &copy::Options {
            owner,
            filter: chosen.as_ref().map(|chosen| chosen as &dyn Filter),
            // A local run's volume is as lasting as the run.
            durable: !local,
            progress: Some(&|summary| progress.tell(summary)),
            ..copy::Options::default()
        },
    )?;
    say(&line(&summary, &spec.to, owner, begin.elapsed()));
    Ok(Outcome::SUCCESS)
}

fn line(summary: &Summary, to: &str, owner: Option<u32>, took: Duration) -> String {
    let Summary { files, bytes, folders, kept, .. } = summary;
    let kept = match kept {
        0 => String::new(),
        kept => format!(", {kept} of them were there already"),
    };
    let owner = owner.map(|owner| format!(", owner {owner}")).unwrap_or_default();
    let seconds = took.as_secs_f64();
    format!(
        "copied {files} files ({bytes} bytes) in {folders} folders to {to}{kept}{owner}, in {seconds:.1} s"
    )
}

/// Tells of a long copy: on a terminal often, in a log seldom.
struct Progress {
    begin: Instant,
    interval: Duration,
    told: Mutex<Option<Instant>>,
}

impl Progress {
    fn new() -> Self {
        let seconds = if stderr().is_terminal() { 2 } else { 30 };
        let interval = Duration::from_secs(seconds);
        Self { begin: Instant::now(), interval, told: Mutex::new(None) }
    }

    fn tell(&self, summary: &Summary) {
        // Another thread is telling.
        let Ok(mut told) = self.told.try_lock() else { return };
        if self.begin.elapsed() < LONG || told.is_some_and(|told| told.elapsed() < self.interval) {
            return;
        }
        *told = Some(Instant::now());
        say(&format!(
            "copying: {} files ({} bytes) in {:.0} s so far",
            summary.files,
            summary.bytes,
            self.begin.elapsed().as_secs_f64()
        ));
    }
}

/// Some of the data, with the folders on the way to them.
struct Chosen(Vec<PathBuf>);

impl Chosen {
    /// `None` is all. What is not there, or only behind a link, is an error.
    fn of(paths: &[String], from: &Path) -> Result<Option<Self>, Error> {
        let mut chosen = Vec::new();
        for path in paths {
            let in_image = below(from, path)?;
            let folders = in_image.ancestors().skip(1).take_while(|folder| *folder != from);
            let is_there = in_image.symlink_metadata().is_ok()
                && folders.into_iter().all(|folder| {
                    folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
                });
            if !is_there {
                return Err(Error::NotInImage(in_image));
            }
            let names = Path::new(path).components();
            chosen.push(names.filter(|name| *name != Component::CurDir).collect());
        }
        Ok((!chosen.is_empty()).then_some(Self(chosen)))
    }
}

impl Filter for Chosen {
    fn takes(&self, below: &Path, is_folder: bool) -> bool {
        self.0.iter().any(|path| below.starts_with(path) || (is_folder && path.starts_with(below)))
    }

    fn enters(&self, below: &Path) -> bool {
        self.takes(below, true)
    }
}

fn below(project: &Path, path: &str) -> Result<PathBuf, Error> {
    let inside = Path::new(path)
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if inside { Ok(project.join(path)) } else { Err(Error::Path { path: path.to_owned() }) }
}
