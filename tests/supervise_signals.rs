//! Signals: every one of them once, fresh ones for the child, and storms.

use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::exec::{rest, signal, start};
use crate::support::{NEW, repository, stderr, stdout};

pub fn program(name: &str) -> PathBuf {
    repository().join("tests/programs").join(name)
}

pub fn python(name: &str) -> Command {
    let mut command = Command::new(NEW.python());
    command.arg(program(name));
    command
}

#[test]
fn every_signal_reaches_the_child_once() {
    let output = python("every_signal.py").arg(env!("CARGO_BIN_EXE_kubedro")).output().unwrap();
    let mut expected: Vec<String> = (1..=64)
        .filter(|number| !matches!(number, 9 | 19))
        .map(|number: i32| number.to_string())
        .collect();
    expected.push("exit 0".to_owned());
    let got: Vec<_> = stdout(&output).lines().map(str::to_owned).collect();
    assert_eq!(got, expected, "{}", stderr(&output));
}

#[test]
fn the_child_has_fresh_signals() {
    // Python leaves what is ignored and blocked to whom it executes.
    let leave = "import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])";
    let output = Command::new(NEW.python())
        .args(["-c", leave, env!("CARGO_BIN_EXE_kubedro"), "exec", "--"])
        .args(["cat", "/proc/self/status"])
        .output()
        .unwrap();
    let status = stdout(&output);
    for field in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
        assert!(status.contains(&format!("{field}:\t0000000000000000\n")), "{status}");
    }
}

#[test]
fn a_parent_that_ignores_the_end_of_children_costs_no_exit_code() {
    let ignore = "import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])";
    let status = Command::new(NEW.python())
        .args(["-c", ignore, env!("CARGO_BIN_EXE_kubedro"), "exec", "--", "sh", "-c", "exit 9"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(9));
}

#[test]
fn what_comes_before_the_child_waits_for_it() {
    // A signal that waits, because it is blocked, still does after an exec.
    let early = "import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
other = os.fork()
if other == 0:
    os.kill(os.getppid(), signal.SIGTERM)
    os._exit(0)
os.waitpid(other, 0)
os.execv(sys.argv[1], sys.argv[1:])";
    let status = Command::new(NEW.python())
        .args(["-c", early, env!("CARGO_BIN_EXE_kubedro"), "exec", "--", "sleep", "100"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(143));
}

#[test]
fn a_storm_of_term_neither_prolongs_nor_shortens_the_grace_period() {
    let output = python("storm.py")
        .args([env!("CARGO_BIN_EXE_kubedro"), "exec", "--grace", "1.5s", "--"])
        .args(["sh", "-c", "trap '' TERM; echo ready; sleep 100"])
        .output()
        .unwrap();
    let text = stdout(&output);
    let fields: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(fields[0], "137", "{text}{}", stderr(&output));
    assert!(fields[1].parse::<u32>().unwrap() > 1000, "that was no storm: {text}");
    let seconds: f64 = fields[2].parse().unwrap();
    assert!((1.4..30.0).contains(&seconds), "{text}");
}

#[test]
fn signals_are_rewritten() {
    let script = "trap 'echo term' TERM; trap 'echo int; exit 3' INT; trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done";
    let arguments = ["--rewrite", "TERM:sigint", "--rewrite=HUP:10", "--", "sh", "-c", script];
    let (mut child, mut reader) = start(&arguments, &[]);
    signal(&child, Signal::SIGHUP);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    assert_eq!(line, "usr1\n");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(rest(reader), "int\n");
}

#[test]
fn a_rewritten_term_still_begins_the_grace_period_and_a_rewritten_hup_does_not() {
    let script = "trap '' USR1; echo ready; while :; do sleep 0.05; done";
    let arguments = ["--grace=0", "--rewrite=TERM:USR1", "--rewrite=HUP:USR1", "--", "sh", "-c"];
    let (mut child, reader) = start(&[&arguments[..], &[script]].concat(), &[]);
    signal(&child, Signal::SIGHUP);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "HUP has ended it");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    rest(reader);
}

#[test]
fn a_child_that_has_left_its_group_is_told_too_and_once() {
    // It leaves the group of its own for its parent's; what it has started stays.
    let program = "import os, signal, subprocess, sys
stays = subprocess.Popen(['sleep', '100'])
if sys.argv[1] == 'leave':
    os.setpgid(0, os.getpgid(os.getppid()))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGRTMIN])
print('ready', flush=True)
came = []
while signal.SIGTERM not in came:
    came.append(signal.sigwaitinfo([signal.SIGTERM, signal.SIGRTMIN]).si_signo)
while (more := signal.sigtimedwait([signal.SIGTERM, signal.SIGRTMIN], 0.3)):
    came.append(more.si_signo)
print(*(int(number) for number in came), flush=True)
sys.exit(7 if stays.wait() < 0 else 6)";
    for mode in ["stay", "leave"] {
        let python = NEW.python();
        let arguments = ["--", python.to_str().unwrap(), "-c", program, mode];
        let (mut child, reader) = start(&arguments, &[]);
        // Of real-time signals each one is delivered, also while one waits.
        signal_number(&child, nix::libc::SIGRTMIN());
        std::thread::sleep(std::time::Duration::from_millis(300));
        signal(&child, Signal::SIGTERM);
        let status = child.wait().unwrap();
        let text = rest(reader);
        assert_eq!(text, format!("{} 15\n", nix::libc::SIGRTMIN()), "{mode}");
        assert_eq!(status.code(), Some(7), "who has stayed was told, too: {mode}");
    }
}

/// A signal of any number, the real-time ones too.
fn signal_number(child: &std::process::Child, number: i32) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{number} {}", child.id())])
        .status()
        .unwrap();
    assert!(status.success());
}
