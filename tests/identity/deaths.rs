//! Processes that are killed, as a node of a cluster or the kernel would.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::store::marker;
use crate::support::Project;

/// Lets the process that has saved a dataset die right then, with KILL, unless
/// the project's marker says that one has.
pub fn die_after_saving(project: &Project, dataset: &str) {
    project.write(
        "src/tiny/hooks.py",
        &format!(
            "import os, signal
from kedro.framework.hooks import hook_impl

MARKER = {:?}


class Die:
    @hook_impl
    def after_dataset_saved(self, dataset_name):
        if dataset_name == {dataset:?} and not os.path.exists(MARKER):
            open(MARKER, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
",
            marker(project).to_str().unwrap()
        ),
    );
    let settings = project.read("src/tiny/settings.py");
    project.write(
        "src/tiny/settings.py",
        &format!("{settings}\nfrom tiny.hooks import Die\n\nHOOKS = (Die(),)\n"),
    );
}

/// Random numbers that can be had again: `SplitMix64`.
pub struct Random(u64);

impl Random {
    /// From `KUBEDRO_TEST_SEED`, else the time. Printed, so that a failure can
    /// be looked into.
    pub fn new(test: &str) -> Self {
        let seed = std::env::var("KUBEDRO_TEST_SEED").map_or_else(
            |_| {
                let time = std::time::SystemTime::now();
                let time = time.duration_since(std::time::UNIX_EPOCH).unwrap();
                time.as_secs() ^ u64::from(time.subsec_nanos())
            },
            |text| text.parse().unwrap(),
        );
        eprintln!("{test}: KUBEDRO_TEST_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// How often tests with random points repeat: `KUBEDRO_TEST_ROUNDS`, else few.
pub fn rounds(default: u64) -> u64 {
    std::env::var("KUBEDRO_TEST_ROUNDS").map_or(default, |text| text.parse().unwrap())
}

/// A local run whose steps are killed at random points, `most` times; how it
/// ended, where, and how often something was killed.
pub fn run_and_kill(project: &Project, random: &mut Random, most: u64) -> (Output, PathBuf, u64) {
    let work = project.scratch("work");
    let child = project
        .kubedro(&["run-local", "--workdir", work.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, killed) = kill_steps_of(child, random, most, &saving(project));
    (output, work, killed)
}

/// A file that grows whenever a step begins to save.
pub fn saving(project: &Project) -> PathBuf {
    project.scratch("saving")
}

fn kill_steps_of(mut child: Child, random: &mut Random, most: u64, saving: &Path) -> (Output, u64) {
    let run = i32::try_from(child.id()).unwrap();
    let mut killed = 0;
    let size = || std::fs::metadata(saving).map_or(0, |data| data.len());
    let begin = Instant::now();
    while killed < most && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed().as_secs() < 300, "the run hangs");
        // First a step that runs; then a moment of its life.
        if steps_of(run).is_empty() {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        if random.below(2) == 0 {
            std::thread::sleep(Duration::from_millis(random.below(1_500)));
        } else {
            // While it saves, which is short beside all the rest of its life.
            let before = size();
            while size() == before && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(random.below(500)));
        }
        let steps = steps_of(run);
        if let Some(step) =
            steps.get(usize::try_from(random.below(1_000)).unwrap() % steps.len().max(1))
        {
            // ESRCH: it has just ended by itself.
            killed += u64::from(kill(Pid::from_raw(*step), Signal::SIGKILL).is_ok());
        }
    }
    (child.wait_with_output().unwrap(), killed)
}

/// The processes of all `step run` below a local run, and their own children.
fn steps_of(run: i32) -> Vec<i32> {
    let processes: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // Behind the name, which may hold anything: state, parent, …
            let mut fields = stat.rsplit_once(") ")?.1.split(' ');
            if fields.next()? == "Z" {
                return None;
            }
            Some((pid, fields.next()?.parse().ok()?))
        })
        .collect();
    let children = |parent: i32| -> Vec<i32> {
        processes.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid).collect()
    };
    let is_step = |pid: i32| {
        let arguments = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline"));
        let arguments = arguments.unwrap_or_default();
        arguments.windows(10).any(|window| window == b"\0step\0run\0")
    };
    let steps: Vec<i32> = children(run).into_iter().filter(|pid| is_step(*pid)).collect();
    steps.iter().copied().flat_map(|step| [vec![step], children(step)].concat()).collect()
}
