//! Supervision where only root can test it; `scripts/test-root` runs these.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::exec::rest;
use crate::supervise_end::reaps_ten_thousand_orphans;
use crate::support::{NEW, stderr};

/// The program as the first process of a namespace.
fn first_process(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_kubedro"), "exec"])
        .args(arguments);
    command
}

#[test]
#[ignore = "needs root"]
fn root_namespace_first_process_reaps_orphans() {
    reaps_ten_thousand_orphans(first_process(&["--"]));
}

#[test]
#[ignore = "needs root"]
fn root_namespace_first_process_passes_signals_on() {
    // Nobody has installed handlers for these, and the kernel throws them
    // away for a first process that does not ask for them.
    for (signal, name) in
        [(Signal::SIGTERM, "TERM"), (Signal::SIGINT, "INT"), (Signal::SIGUSR1, "USR1")]
    {
        let script = format!(
            "trap 'echo got {name}; exit 7' {name}; echo ready; while :; do sleep 0.05; done"
        );
        let mut unshare =
            first_process(&["--", "sh", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(unshare.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill(only_child(unshare.id()), signal).unwrap();
        assert_eq!(unshare.wait().unwrap().code(), Some(7), "{name}");
        assert_eq!(rest(reader), format!("got {name}\n"));
    }
}

#[test]
#[ignore = "needs root"]
fn root_namespace_first_process_ends_all_after_the_grace_period() {
    let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM HUP; sleep 1000' & echo ready; sleep 1000; sleep 1000";
    let mut unshare = first_process(&["--grace=300ms", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(unshare.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    kill(only_child(unshare.id()), Signal::SIGTERM).unwrap();
    assert_eq!(unshare.wait().unwrap().code(), Some(137));
    rest(reader);
}

fn only_child(pid: u32) -> Pid {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    Pid::from_raw(list.trim().parse().unwrap())
}

/// A control group with a limit of memory, removed at the end.
struct Group(PathBuf);

impl Group {
    fn of(mebibytes: u64) -> Self {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.split_once(":memory:")).unwrap().1;
        let name = format!("kubedro-test-{}-{mebibytes}", std::process::id());
        let group = Path::new("/sys/fs/cgroup/memory").join(own.trim_start_matches('/')).join(name);
        std::fs::create_dir(&group).unwrap();
        std::fs::write(group.join("memory.limit_in_bytes"), format!("{mebibytes}M")).unwrap();
        // Only where memory and swap are counted together.
        let _ = std::fs::write(group.join("memory.memsw.limit_in_bytes"), format!("{mebibytes}M"));
        Self(group)
    }

    /// A Python program below `kubedro exec`, all of it in the group.
    fn run(&self, log: &Path, python: &str) -> std::process::Output {
        Command::new("sh")
            .args(["-c", "echo $$ > \"$0/cgroup.procs\"; exec \"$@\""])
            .arg(&self.0)
            .args([env!("CARGO_BIN_EXE_kubedro"), "exec", "--"])
            .arg(NEW.python())
            .args(["-c", python])
            .env("KUBEDRO_TERMINATION_LOG", log)
            .output()
            .unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let begin = Instant::now();
        while std::fs::remove_dir(&self.0).is_err() && begin.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
#[ignore = "needs root"]
fn root_out_of_memory_is_told_from_other_kills() {
    let group = Group::of(64);
    let log = tempfile::NamedTempFile::new().unwrap();
    let reason = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(log.path()).unwrap()).unwrap()
    };

    let output = group.run(log.path(), "x = bytearray(500 << 20)");
    assert_eq!(output.status.code(), Some(137), "{}", stderr(&output));
    assert_eq!(reason()["reason"], "OOMKilled", "{}", reason());

    // A worker is killed, and its parent fails for that.
    let worker = "import subprocess, sys
code = subprocess.call([sys.executable, '-c', 'x = bytearray(500 << 20)'])
assert code == 0, code";
    let output = group.run(log.path(), worker);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(reason()["reason"], "OOMKilled", "{}", reason());
    assert_eq!(reason()["exception"], "AssertionError: -9", "{}", reason());

    // The group has had kills for memory by now, but this is none.
    let output = group.run(log.path(), "import os, signal; os.kill(os.getpid(), signal.SIGKILL)");
    assert_eq!(output.status.code(), Some(137), "{}", stderr(&output));
    assert_eq!(reason()["reason"], "Signalled", "{}", reason());
}
