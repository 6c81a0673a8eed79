//! `kubedro exec`: the child's end is reported exactly.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{kubedro, stderr};

fn exec(arguments: &[&str]) -> Output {
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
    for (name, code) in
        [("TERM", 143), ("KILL", 137), ("SEGV", 139), ("INT", 130), ("34", 162), ("64", 192)]
    {
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

#[test]
fn options_of_the_command_are_its_own() {
    let output = kubedro(&["exec", "--grace", "5", "echo", "--grace", "x", "--deadline=1s"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"--grace x --deadline=1s\n", "{}", stderr(&output));
}

#[test]
fn wrong_options_are_told_with_what_is_right() {
    for (option, value, said) in [
        ("--rewrite", "TREM:INT", "there is no signal `TREM`. Did you mean `TERM`?"),
        ("--rewrite", "TERM", "this is not FROM:TO, such as TERM:INT"),
        ("--rewrite", "KILL:INT", "SIGKILL cannot be caught, so it cannot be rewritten"),
        ("--rewrite", "TERM:65", "65 is no signal: they have the numbers 1 to 64"),
        ("--deadline", "tomorrow", "this is neither a duration, such as 90s"),
        ("--grace", "long", "this is no duration, such as 30"),
    ] {
        let output = kubedro(&["exec", option, value, "--", "true"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

/// Starts it and waits for the line `ready`.
pub fn start(arguments: &[&str], env: &[(&str, &str)]) -> (Child, BufReader<ChildStdout>) {
    let mut child = kubedro(&[&["exec"], arguments].concat())
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Not that of the terminal where the tests may have been called.
        .process_group(0)
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, reader)
}

pub fn signal(child: &Child, number: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), number).unwrap();
}

pub fn rest(mut reader: BufReader<ChildStdout>) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_child_that_does_not_end_is_killed_with_its_group() {
    // The grandchild holds the pipe open: it has to go too, or the read hangs.
    let script = "trap '' TERM; (trap '' TERM; sleep 100) & echo ready; sleep 100";
    let (mut child, reader) = start(&["--grace", "1s", "--", "sh", "-c", script], &[]);
    let begin = Instant::now();
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    rest(reader);
    assert!(begin.elapsed() >= Duration::from_millis(900), "it had its second");
}

#[test]
fn the_grace_period_is_the_flags_or_the_variables() {
    let ignoring = "trap '' TERM; echo ready; sleep 100";
    for (arguments, env) in [
        (&["--grace", "0"][..], &[("KUBEDRO_GRACE_PERIOD", "1000")][..]),
        (&[], &[("KUBEDRO_GRACE_PERIOD", "0"), ("ARGO_TERMINATION_GRACE_PERIOD_SECONDS", "1000")]),
        (&[], &[("ARGO_TERMINATION_GRACE_PERIOD_SECONDS", "0")]),
    ] {
        let arguments = [arguments, &["--", "sh", "-c", ignoring]].concat();
        let (mut child, reader) = start(&arguments, env);
        signal(&child, Signal::SIGTERM);
        assert_eq!(child.wait().unwrap().code(), Some(137));
        rest(reader);
    }
}

#[test]
fn a_grandchild_in_a_session_of_its_own_is_killed_too() {
    let script =
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo ready; sleep 100' & wait; sleep 100";
    let (mut child, reader) = start(&["--grace", "0.2s", "--", "sh", "-c", script], &[]);
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    rest(reader);
}

#[test]
fn the_child_does_not_outlive_it() {
    let (mut child, mut reader) =
        start(&["--", "sh", "-c", "echo ready; echo $$; exec sleep 100"], &[]);
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

#[test]
fn at_the_deadline_it_is_told_to_end_and_39_says_so() {
    for deadline in ["500ms", "1s"] {
        let script = "trap 'echo told; exit 0' TERM; sleep 100 & wait";
        let output =
            kubedro(&["exec", "--deadline", deadline, "--", "sh", "-c", script]).output().unwrap();
        assert_eq!(output.status.code(), Some(39), "{}", stderr(&output));
        assert_eq!(output.stdout, b"told\n");
        assert!(stderr(&output).contains("the deadline of `sh` has passed"), "{}", stderr(&output));
    }
}

#[test]
fn who_ignores_the_deadline_is_killed() {
    let arguments = ["exec", "--deadline=100ms", "--grace=100ms", "--", "sh", "-c"];
    let output =
        kubedro(&[&arguments[..], &["trap '' TERM; sleep 100"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(39), "{}", stderr(&output));
    assert!(stderr(&output).contains("`sh` did not end within 0.1 seconds"), "{}", stderr(&output));
}

#[test]
fn argos_deadline_counts_and_the_earlier_one_of_two() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    let run = |arguments: &[&str], argo: &str| {
        let output = kubedro(&[&["exec"], arguments, &["--", "sleep", "0.3"]].concat())
            .env("ARGO_DEADLINE", argo)
            .output()
            .unwrap();
        (output.status.code(), stderr(&output))
    };
    let long = kubedro(&["exec", "--", "sleep", "100"])
        .env("ARGO_DEADLINE", soon.to_string())
        .status()
        .unwrap();
    assert_eq!(long.code(), Some(39));
    let (code, said) = run(&[], "2001-01-01T00:00:00Z");
    assert_eq!(code, Some(39));
    assert!(said.contains("`sleep` was not started: its deadline has passed"), "{said}");
    assert_eq!(run(&[], "0001-01-01T00:00:00Z"), (Some(0), String::new()));
    let (code, said) = run(&[], "soon");
    assert_eq!(code, Some(0));
    assert!(said.contains("ARGO_DEADLINE=soon is no time: it is ignored"), "{said}");
    assert_eq!(run(&["--deadline", "100ms"], "2200-01-01T00:00:00Z").0, Some(39));
    assert_eq!(run(&["--deadline", "10m"], "2001-01-01T00:00:00Z").0, Some(39));
}
