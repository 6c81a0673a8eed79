//! The project as its image would have it, in the work folder.
//!
//! | folder | stands for |
//! |---|---|
//! | `image/` | the image: what `.dockerignore` lets through |
//! | `project/` | a pod with the volume: the image, its `data/` being the volume |
//! | `pods/STEP/` | a pod without the volume: a copy of the image of its own |
//! | `logs/` | what the steps print |
//! | `artifacts/` | the object store, if the workflow has one |

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::dockerignore::Dockerignore;
use super::{Error, Options, io_error};
use crate::copy::{self, Filter};
use crate::plan::{DATA, DATA_VOLUME, Plan, Step};
use crate::store::Location;

/// The file that makes a folder a local run's own; locked while one goes on.
pub(super) const MARKER: &str = ".kubedro-run-local";
const FOLDERS: [&str; 5] = ["image", "project", "pods", "logs", "artifacts"];

/// The folders of one run.
#[derive(Debug)]
pub(super) struct Views {
    root: PathBuf,
    /// Holds the lock of the folder until the run is over.
    _lock: File,
    by_step: BTreeMap<String, PathBuf>,
    has_volume: bool,
}

/// A part of the image.
struct Without(&'static [&'static str]);

impl Filter for Without {
    fn takes(&self, below: &Path, _is_folder: bool) -> bool {
        !self.0.iter().any(|left_out| below.starts_with(left_out))
    }
    fn enters(&self, below: &Path) -> bool {
        self.takes(below, true)
    }
}

impl Views {
    pub fn make(plan: &Plan, options: &Options<'_>) -> Result<Self, Error> {
        let (root, lock) = work_folder(plan, options)?;
        let image = root.join("image");
        let ignore = Dockerignore::read(options.project, &root)?;
        let filter = copy::Options { filter: Some(&ignore), ..copy::Options::default() };
        copy::tree(options.project, &image, &filter)?;
        if plan.volume.is_some() {
            if !image.join(DATA).is_dir() {
                tracing::warn!("the image has no {DATA}/: the volume stays empty");
            }
            let project = root.join("project");
            copy_image(&image, &project, &[DATA, DATA_VOLUME])?;
            let data = project.join(DATA);
            fs::create_dir(&data).map_err(io_error("make the folder", &data))?;
            let mount = image.join(DATA_VOLUME);
            // What the image has there, the mount would hide.
            remove(&mount)?;
            symlink(&data, &mount).map_err(io_error("make the link", &mount))?;
        }
        let mut by_step = BTreeMap::new();
        for step in plan.steps.iter().chain(&plan.on_exit) {
            by_step.insert(step.name.clone(), view_of(step, &root, &image)?);
        }
        let logs = root.join("logs");
        fs::create_dir_all(&logs).map_err(io_error("make the folder", &logs))?;
        Ok(Self { root, _lock: lock, by_step, has_volume: plan.volume.is_some() })
    }

    /// Where steps write what they hand to others.
    pub fn step_outputs(&self) -> PathBuf {
        self.root.join("step-outputs")
    }

    /// The URL of what stands for the object store: a local run leaves the real
    /// one alone.
    pub fn store(&self) -> String {
        let folder = self.root.join("artifacts");
        Location::of_folder(&folder).unwrap_or_else(|| format!("file://{}", folder.display()))
    }

    /// The working directory of a step.
    pub fn of(&self, step: &Step) -> PathBuf {
        self.by_step.get(&step.name).cloned().unwrap_or_else(|| self.root.clone())
    }

    /// Where what a step prints is kept.
    pub fn log_of(&self, step: &Step) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", step.name))
    }

    /// Where the logs are.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Where the outputs are: the volume, or each pod's own data.
    pub fn outputs(&self, plan: &Plan) -> Vec<PathBuf> {
        if self.has_volume {
            return vec![self.root.join("project").join(DATA)];
        }
        plan.steps.iter().map(|step| self.of(step).join(DATA)).collect()
    }

    /// Removes code and configuration. Data and logs stay, and whatever else
    /// the steps have made.
    pub fn reduce_to_outputs(&self) -> Result<(), Error> {
        let image = self.root.join("image");
        let pods = self.root.join("pods");
        let mut views = vec![self.root.join("project")];
        if let Ok(pods) = fs::read_dir(&pods) {
            views.extend(pods.flatten().map(|entry| entry.path()));
        }
        for view in views.iter().filter(|view| view.is_dir()) {
            // A pod without the volume has its own copy of the image's data.
            let keeps_data = !self.has_volume || !view.starts_with(&pods);
            remove_copies(&image, view, keeps_data)?;
        }
        remove(&image)?;
        remove(&self.step_outputs())?;
        // Only what is empty goes.
        let _ = fs::remove_dir(pods);
        Ok(())
    }
}

/// Removes from a view what it has of the image, folders that are empty then,
/// and Python's byte code.
fn remove_copies(image: &Path, view: &Path, keeps_data: bool) -> Result<(), Error> {
    for top in fs::read_dir(view).map_err(io_error("read", view))?.flatten() {
        if keeps_data && top.file_name() == DATA {
            continue;
        }
        for entry in WalkDir::new(top.path()).contents_first(true).into_iter().flatten() {
            let Ok(below) = entry.path().strip_prefix(view) else { continue };
            let byte_code = below.components().any(|part| part.as_os_str() == "__pycache__");
            if entry.file_type().is_dir() {
                // Fails where something is left in it, which is then to stay.
                let _ = fs::remove_dir(entry.path());
            } else if byte_code || fs::symlink_metadata(image.join(below)).is_ok() {
                fs::remove_file(entry.path()).map_err(io_error("remove", entry.path()))?;
            }
        }
    }
    let _ = fs::remove_dir(view);
    Ok(())
}

/// Removes a file or a tree; folders that may not be written too.
fn remove(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.is_dir() {
        return fs::remove_file(path).map_err(io_error("remove", path));
    }
    for entry in WalkDir::new(path).into_iter().flatten() {
        if entry.file_type().is_dir() {
            // What cannot be changed, the removal itself will tell.
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700));
        }
    }
    fs::remove_dir_all(path).map_err(io_error("remove", path))
}

fn view_of(step: &Step, root: &Path, image: &Path) -> Result<PathBuf, Error> {
    match step.mount {
        Some(DATA) => Ok(root.join("project")),
        Some(_) => Ok(image.to_path_buf()),
        None => {
            let pod = root.join("pods").join(&step.name);
            copy_image(image, &pod, &[DATA_VOLUME])?;
            Ok(pod)
        }
    }
}

fn copy_image(image: &Path, to: &Path, left_out: &'static [&'static str]) -> Result<(), Error> {
    let filter = Without(left_out);
    let options = copy::Options { filter: Some(&filter), ..copy::Options::default() };
    copy::tree(image, to, &options)?;
    Ok(())
}

/// A new folder, or the one that was named: new, empty, or left by a run before.
fn work_folder(plan: &Plan, options: &Options<'_>) -> Result<(PathBuf, File), Error> {
    let Some(wanted) = options.workdir else {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix(&format!("kubedro-{}-", crate::plan::step_name(&plan.project)))
            .tempdir_in(&temporary)
            .map_err(io_error("make a folder in", &temporary))?
            .keep();
        let lock = locked(&folder)?;
        return Ok((folder, lock));
    };
    fs::create_dir_all(wanted).map_err(io_error("make the folder", wanted))?;
    let folder = fs::canonicalize(wanted).map_err(io_error("enter", wanted))?;
    if options.project.starts_with(&folder) {
        return Err(Error::WorkdirAroundProject(folder));
    }
    let ours = folder.join(MARKER).is_file();
    let mut entries = fs::read_dir(&folder).map_err(io_error("read", &folder))?;
    if !ours && entries.next().is_some() {
        return Err(Error::WorkdirTaken(folder));
    }
    let lock = locked(&folder)?;
    for name in FOLDERS {
        remove(&folder.join(name))?;
    }
    Ok((folder, lock))
}

/// Marks the folder as a local run's, and keeps others out of it.
fn locked(folder: &Path) -> Result<File, Error> {
    let marker = folder.join(MARKER);
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&marker)
        .map_err(io_error("write", &marker))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::WorkdirBusy(folder.to_path_buf())),
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &marker)(source)),
    }
    file.write_all(b"Made by kubedro run-local, which empties this folder at its next run.\n")
        .map_err(io_error("write", &marker))?;
    Ok(file)
}
