//! `kubedro exec`: the child's end is reported exactly.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{kubedro, stderr};

fn exec(arguments: &[&str]) -> std::process::Output {
    kubedro(&[&["exec", "--"], arguments].concat()).output().unwrap()
}

#[test]
fn all_exit_codes_are_the_childs() {
    for code in 0..=255 {
        let output = exec(&["sh", "-c", &format!("exit {code}")]);
        assert_eq!(output.status.code(), Some(code));
    }
}

#[test]
fn a_signal_is_128_more() {
    for (name, code) in [("TERM", 143), ("KILL", 137), ("SEGV", 139), ("INT", 130)] {
        let output = exec(&["sh", "-c", &format!("kill -{name} $$")]);
        assert_eq!(output.status.code(), Some(code), "{name}");
    }
}

#[test]
fn what_cannot_be_started_is_126_or_127() {
    let output = exec(&["/no/such/program"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(stderr(&output).contains("cannot start `/no/such/program`"), "{}", stderr(&output));
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = exec(&[file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(126), "{}", stderr(&output));
    let output = exec(&["/"]);
    assert_eq!(output.status.code(), Some(126), "{}", stderr(&output));
}

#[test]
fn arguments_and_output_pass_unchanged() {
    let output = exec(&["printf", "%s|", "a b", "-v", "--help", "$x", ""]);
    assert_eq!(output.stdout, b"a b|-v|--help|$x||");
}

fn start(script: &str, grace: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = kubedro(&["exec", "--", "sh", "-c", script])
        .env("KUBEDRO_GRACE_PERIOD", grace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, reader)
}

fn signal(child: &Child, number: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), number).unwrap();
}

#[test]
fn signals_are_passed_on_once() {
    for (number, name) in [
        (Signal::SIGTERM, "TERM"),
        (Signal::SIGINT, "INT"),
        (Signal::SIGHUP, "HUP"),
        (Signal::SIGUSR1, "USR1"),
        (Signal::SIGUSR2, "USR2"),
    ] {
        let script = format!(
            "trap 'echo got {name}' {name}; echo ready; i=0; while [ $i -lt 40 ]; do sleep 0.05; i=$((i+1)); done; exit 7"
        );
        let (mut child, mut reader) = start(&script, "30");
        signal(&child, number);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("got {name}\n"));
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }
}

#[test]
fn a_child_that_does_not_end_is_killed_with_its_group() {
    // The grandchild holds the pipe open: it has to go too, or the read hangs.
    let (mut child, mut reader) =
        start("trap '' TERM; (trap '' TERM; sleep 100) & echo ready; sleep 100", "1");
    let begin = Instant::now();
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(900), "it had its second");
}

#[test]
fn the_child_does_not_outlive_it() {
    let (mut child, mut reader) = start("echo ready; echo $$; exec sleep 100", "30");
    let mut pid = String::new();
    reader.read_line(&mut pid).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap());
    let begin = Instant::now();
    while kill(pid, None).is_ok() {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.contains(") Z ") {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{pid} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}
