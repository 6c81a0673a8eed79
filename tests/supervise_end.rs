//! What is left of a child: orphans, held pipes; and what it is given.

use std::process::{Command, Stdio};

use crate::supervise_signals::program;
use crate::support::{NEW, kubedro, repository, stderr, stdout};

#[test]
fn ten_thousand_orphans_are_reaped_and_the_exit_code_is_the_childs() {
    reaps_ten_thousand_orphans(kubedro(&["exec", "--"]));
}

/// Runs their parent below this command.
pub fn reaps_ten_thousand_orphans(mut exec: Command) {
    let output = exec.arg(NEW.python()).arg(program("orphans.py")).arg("10000").output().unwrap();
    assert_eq!(output.status.code(), Some(42), "{}", stderr(&output));
}

/// With and without a thread that listens to standard error.
fn with_and_without_a_log(check: impl Fn(&mut dyn FnMut(&[&str]) -> Command)) {
    let log = tempfile::NamedTempFile::new().unwrap();
    for path in ["", log.path().to_str().unwrap()] {
        check(&mut |arguments: &[&str]| {
            let mut command = kubedro(&[&["exec", "--"], arguments].concat());
            command.env("KUBEDRO_TERMINATION_LOG", path);
            command
        });
    }
}

#[test]
fn held_pipes_do_not_hold_anybody() {
    with_and_without_a_log(|exec| {
        // All of them keep standard output and standard error open.
        for script in [
            "sleep 1000 & exit 5",
            "setsid sleep 1000 & exit 5",
            "(setsid sh -c 'trap \"\" HUP TERM; sleep 1000; sleep 1000' &) & sleep 0.1; exit 5",
        ] {
            let output = exec(&["sh", "-c", script]).output().unwrap();
            assert_eq!(output.status.code(), Some(5), "{script}");
        }
    });
}

#[test]
fn standard_error_passes_unchanged() {
    with_and_without_a_log(|exec| {
        let program = "import os; [os.write(2, bytes(range(256)) * 16) for _ in range(500)]";
        let output = exec(&[NEW.python().to_str().unwrap(), "-c", program]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stderr, (0..=255).collect::<Vec<u8>>().repeat(16 * 500));
    });
}

#[test]
fn a_reader_of_standard_error_that_has_stopped_does_not_stop_signals() {
    with_and_without_a_log(|exec| {
        // After KILL there is something to be said, too.
        for (script, code) in [("yes >&2", 143), ("trap '' TERM; yes >&2", 137)] {
            let mut child = exec(&["sh", "-c", script])
                .env("KUBEDRO_GRACE_PERIOD", "1")
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // Nobody reads, so the pipes become full.
            std::thread::sleep(std::time::Duration::from_millis(500));
            crate::exec::signal(&child, nix::sys::signal::Signal::SIGTERM);
            assert_eq!(child.wait().unwrap().code(), Some(code));
        }
    });
}

#[test]
fn a_reader_of_standard_error_that_has_gone_is_told_to_the_child() {
    with_and_without_a_log(|exec| {
        let mut child =
            exec(&["yes"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        crate::exec::signal(&child, nix::sys::signal::Signal::SIGTERM);
        child.wait().unwrap();
        let mut child = exec(&["sh", "-c", "exec yes >&2"]).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        // SIGPIPE, as without anybody between.
        assert_eq!(child.wait().unwrap().code(), Some(141));
    });
}

#[test]
fn a_broken_pipe_of_its_own_is_not_passed_on() {
    let script = "trap 'echo pipe' PIPE; trap 'sleep 0.3; echo end; exit 0' TERM; echo ready; sleep 100 & wait";
    let mut child = kubedro(&["exec", "--deadline=500ms", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It will say that the deadline has passed, to nobody.
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "ready\nend\n");
}

#[test]
fn a_umask_of_0_becomes_022_and_others_stay() {
    for (given, expected) in [("0000", "0022"), ("0077", "0077"), ("0002", "0002")] {
        let output = Command::new("sh")
            .args(["-c", &format!("umask {given}; exec \"$0\" exec -- sh -c umask")])
            .arg(env!("CARGO_BIN_EXE_kubedro"))
            .output()
            .unwrap();
        assert_eq!(stdout(&output).trim(), expected);
    }
}

#[test]
fn the_exit_codes_are_the_same_in_all_tables() {
    let table = |file: &str, prefix: &str| -> Vec<String> {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        text.lines()
            .map(|line| line.strip_prefix(prefix).unwrap_or(line))
            .skip_while(|line| *line != "| code | meaning |")
            .take_while(|line| line.starts_with('|'))
            .map(str::to_owned)
            .collect()
    };
    let code = table("src/exit.rs", "//! ");
    assert!(code.len() > 10, "{code:?}");
    assert_eq!(table("docs/pod.md", ""), code);
    let readme = table("README.md", "");
    let numbers = |rows: &[String]| -> Vec<String> {
        rows.iter().map(|row| row.split('|').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(&readme), numbers(&code));
}

#[test]
fn filling_the_volume_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("data");
    std::fs::create_dir(&from).unwrap();
    for number in 0..20_000 {
        std::fs::write(from.join(number.to_string()), "").unwrap();
    }
    let mut child = kubedro(&["step", "volume-init"])
        .arg(r#"{"from":"data","to":"volume","owner":null}"#)
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let to = folder.path().join("volume");
    while std::fs::read_dir(&to).map_or(0, Iterator::count) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it has ended too early");
    }
    crate::exec::signal(&child, nix::sys::signal::Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let copied = std::fs::read_dir(&to).unwrap().count();
    assert!(copied < 20_000, "all {copied} were copied");
}
