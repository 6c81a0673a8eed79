//! The project as its image would have it, in the work folder.
//!
//! | folder | stands for |
//! |---|---|
//! | `image/` | the image: what `.dockerignore` lets through |
//! | `project/` | a pod with the volume: the image, its `data/` being the volume |
//! | `pods/STEP/` | a pod without the volume: a copy of the image of its own |
//! | `logs/` | what the steps print |

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::dockerignore::Dockerignore;
use super::{Error, Options, io_error};
use crate::copy::{self, Filter};
use crate::plan::{DATA, DATA_VOLUME, Plan, Step};

const MARKER: &str = ".kubedro-run-local";
const FOLDERS: [&str; 4] = ["image", "project", "pods", "logs"];

/// The folders of one run.
#[derive(Debug)]
pub(super) struct Views {
    root: PathBuf,
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
        let root = work_folder(plan, options)?;
        let image = root.join("image");
        let ignore = Dockerignore::read(options.project, &root)?;
        let filter = copy::Options { filter: Some(&ignore), ..copy::Options::default() };
        copy::tree(options.project, &image, &filter)?;

        if plan.volume.is_some() {
            let project = root.join("project");
            copy_image(&image, &project, &[DATA, DATA_VOLUME])?;
            let data = project.join(DATA);
            fs::create_dir(&data).map_err(io_error("make the folder", &data))?;
            let mount = image.join(DATA_VOLUME);
            symlink(&data, &mount).map_err(io_error("make the link", &mount))?;
        }
        let mut by_step = BTreeMap::new();
        for step in plan.steps.iter().chain(&plan.on_exit) {
            by_step.insert(step.name.clone(), view_of(step, &root, &image)?);
        }
        let logs = root.join("logs");
        fs::create_dir_all(&logs).map_err(io_error("make the folder", &logs))?;
        Ok(Self { root, by_step, has_volume: plan.volume.is_some() })
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

    /// Removes code and configuration; the data and the logs stay.
    pub fn reduce_to_outputs(&self) -> Result<(), Error> {
        let image = self.root.join("image");
        fs::remove_dir_all(&image).map_err(io_error("remove", &image))?;
        let mut views = vec![self.root.join("project")];
        let pods = self.root.join("pods");
        if self.has_volume && pods.is_dir() {
            fs::remove_dir_all(&pods).map_err(io_error("remove", &pods))?;
        } else if let Ok(pods) = fs::read_dir(&pods) {
            views.extend(pods.flatten().map(|entry| entry.path()));
        }
        for view in views.iter().filter(|view| view.is_dir()) {
            for entry in fs::read_dir(view).map_err(io_error("read", view))? {
                let path = entry.map_err(io_error("read", view))?.path();
                if path.file_name().is_some_and(|name| name == DATA) {
                    continue;
                }
                let removed = if path.is_dir() && !path.is_symlink() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.map_err(io_error("remove", &path))?;
            }
        }
        Ok(())
    }
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
fn work_folder(plan: &Plan, options: &Options<'_>) -> Result<PathBuf, Error> {
    let Some(wanted) = options.workdir else {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix(&format!("kubedro-{}-", crate::plan::step_name(&plan.project)))
            .tempdir_in(&temporary)
            .map_err(io_error("make a folder in", &temporary))?
            .keep();
        return mark(folder);
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
    for name in FOLDERS {
        let old = folder.join(name);
        if old.is_dir() {
            fs::remove_dir_all(&old).map_err(io_error("remove", &old))?;
        }
    }
    mark(folder)
}

fn mark(folder: PathBuf) -> Result<PathBuf, Error> {
    let marker = folder.join(MARKER);
    fs::write(&marker, "Made by kubedro run-local, which empties this folder at its next run.\n")
        .map_err(io_error("write", &marker))?;
    Ok(folder)
}
