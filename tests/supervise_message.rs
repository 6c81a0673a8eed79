//! The termination message.

use std::process::Command;

use serde_json::Value;

use crate::support::{NEW, kubedro};

/// The message after a command, and its exit code.
fn message_of(options: &[&str], command: &[&str]) -> (Value, Option<i32>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    // What was there is replaced, not only its beginning.
    std::fs::write(log.path(), "x".repeat(5000)).unwrap();
    let output = kubedro(&[&["exec"], options, &["--"], command].concat())
        .env("KUBEDRO_TERMINATION_LOG", log.path())
        .output()
        .unwrap();
    (read(log.path()), output.status.code())
}

fn read(path: &std::path::Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.len() <= 2048, "{} bytes", text.len());
    assert!(!text.contains('\n'));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn success_is_short() {
    let (message, _) = message_of(&[], &["sh", "-c", "echo noise >&2"]);
    assert_eq!(message.to_string(), r#"{"state":"succeeded","reason":"Completed","exit_code":0}"#);
}

#[test]
fn a_failure_has_its_reason() {
    let (message, code) = message_of(&[], &["sh", "-c", "echo first >&2; echo last >&2; exit 3"]);
    assert_eq!(code, Some(3));
    assert_eq!(
        message.to_string(),
        r#"{"state":"failed","reason":"Error","message":"`sh` ended with 3","exit_code":3,"stderr":"first\nlast\n"}"#
    );
}

#[test]
fn the_reasons_are_told_apart() {
    for (options, command, reason, code, signal) in [
        (&[][..], "kill -SEGV $$", "Signalled", 139, Some("SIGSEGV")),
        (&[], "kill -34 $$", "Signalled", 162, Some("SIGRTMIN")),
        (&[], "kill $PPID; sleep 100", "Terminated", 143, Some("SIGTERM")),
        (
            &["--grace=0"],
            "trap '' TERM; kill $PPID; sleep 100",
            "GracePeriodExceeded",
            137,
            Some("SIGKILL"),
        ),
        (&["--deadline=300ms"], "sleep 100", "DeadlineExceeded", 39, Some("SIGTERM")),
        (&["--deadline=2001-01-01T00:00:00Z"], "", "DeadlineExceeded", 39, None),
    ] {
        let (message, exit_code) = message_of(options, &["sh", "-c", command]);
        assert_eq!(message["reason"], reason, "{message}");
        assert_eq!(message["state"], "failed", "{message}");
        assert_eq!(message["exit_code"], code, "{message}");
        assert_eq!(message["signal"].as_str(), signal, "{message}");
        assert_eq!(exit_code, Some(code));
    }
    let (message, _) = message_of(&[], &["/no/such/program"]);
    assert_eq!(message["reason"], "NotFound", "{message}");
    assert!(message["message"].as_str().unwrap().contains("/no/such/program"), "{message}");
    let (message, _) = message_of(&[], &["/"]);
    assert_eq!(message["reason"], "CannotStart", "{message}");
    assert_eq!(message["exit_code"], 126, "{message}");
}

#[test]
fn the_last_words_of_who_was_killed_are_kept() {
    // Far more than a pipe holds: all of it has still to be read.
    let script = "trap '' TERM; kill $PPID; i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done; printf last >&2; sleep 100";
    for _ in 0..3 {
        let (message, _) = message_of(&["--grace=1s"], &["sh", "-c", script]);
        assert_eq!(message["reason"], "GracePeriodExceeded", "{message}");
        assert!(message["stderr"].as_str().unwrap().ends_with("line 1999\nlast"), "{message}");
    }
    let script = "trap '' TERM; head -c 60000 /dev/zero | tr '\\0' x >&2; printf last >&2; kill $PPID; sleep 100";
    for _ in 0..10 {
        let (message, _) = message_of(&["--grace=0"], &["sh", "-c", script]);
        assert!(message["stderr"].as_str().unwrap().ends_with("xlast"), "{message}");
    }
}

#[test]
fn the_exception_is_named_and_the_end_of_long_output_kept() {
    let program = "import sys
def fail(): raise ValueError('no \\udc80 such «column»')
try: fail()
except ValueError as error:
    try: raise KeyError('other') from error
    finally: sys.stderr.flush()";
    let (message, _) = message_of(&[], &[NEW.python().to_str().unwrap(), "-c", program]);
    assert_eq!(message["exception"], "KeyError: 'other'", "{message}");

    let program = "import os, sys
try: 1 / 0
except ZeroDivisionError: sys.excepthook(*sys.exc_info())
for i in range(300): os.write(2, b'line %d \\xff\\xfe \\x1b[0m \\xf0\\x9f\\x9a\\x80\\n' % i)
os.write(2, b'the end')
sys.exit(1)";
    let (message, _) = message_of(&[], &[NEW.python().to_str().unwrap(), "-c", program]);
    assert_eq!(message["exception"], "ZeroDivisionError: division by zero");
    let kept = message["stderr"].as_str().unwrap();
    assert!(kept.ends_with("line 299 \u{fffd}\u{fffd} \u{1b}[0m 🚀\nthe end"), "{kept}");
    assert!(message.to_string().len() > 1900, "{}", message.to_string().len());
}

#[test]
fn while_it_runs_the_message_says_so() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = kubedro(&["exec", "--", "cat"])
        .arg(log.path())
        .env("KUBEDRO_TERMINATION_LOG", log.path())
        .output()
        .unwrap();
    let message: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(message["state"], "running");
    // It is the same file afterwards: it is mounted by itself.
    assert_eq!(read(log.path())["state"], "succeeded");
}

#[test]
fn a_message_that_cannot_be_written_is_a_warning() {
    let output = kubedro(&["exec", "--", "sh", "-c", "exit 4"])
        .env("KUBEDRO_TERMINATION_LOG", "/no/such/folder/log")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = crate::support::stderr(&output);
    assert!(said.contains("cannot write the termination message /no/such/folder/log"), "{said}");
    // A pipe that nobody reads does not hold anybody.
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let status = kubedro(&["exec", "--", "sh", "-c", "exit 4"])
        .env("KUBEDRO_TERMINATION_LOG", &pipe)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4));
}

#[test]
fn a_step_that_cannot_run_tells_why() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = kubedro(&["step", "volume-init", r#"{"from":"../x","to":"y","owner":null}"#])
        .current_dir(folder.path())
        .env("KUBEDRO_TERMINATION_LOG", log.path())
        .output()
        .unwrap();
    let message = read(log.path());
    assert_eq!(message["state"], "failed", "{message}");
    assert_eq!(message["exit_code"].as_i64(), output.status.code().map(i64::from));
    assert!(message["message"].as_str().unwrap().contains("../x"), "{message}");
}

#[test]
fn wrong_arguments_are_told_without_their_values() {
    let spec = r#"{"env":"local","pipeline":"a","nodes":[]}"#;
    let tag = "--parameters={{=toBase64(workflow.parameters.json+'hunter2')}}";
    let typed = r#"{"env":"local","pipeline":"a","nodes":"hunter2 \" hunter2"}"#;
    let channel = r#"{"env":"local","project":"a","run_pipeline":"a","notifications":[{"to":{"slack":{"url":{"hunter2":1}}},"timeout":1,"retries":0}]}"#;
    for (arguments, said) in [
        (&["step", "run", spec, tag][..], "'--parameters <BASE64>': Argo has not evaluated"),
        (&["step", "run", spec, "--parameters=%hunter2"], "--parameters <BASE64>': not base64"),
        (&["step", "run", "hunter2"], "'<JSON>': expected value at line 1"),
        (&["step", "run", typed], "'<JSON>': invalid type: string …, expected a sequence"),
        (&["step", "on-exit", channel], "'<JSON>': unknown variant `…`, expected `text`"),
        (&["step", "run", r#"{"envv":"hunter2"}"#], "'<JSON>': unknown field `envv`"),
        (&["step", "run", spec, "hunter2"], "unexpected argument '…'"),
        (&["step", "run", spec, "--run-ids=hunter2"], "unexpected argument '--run-ids'"),
        (&["step", "run", spec, "--no-lean=hunter2"], "unexpected value '…' for '--no-lean'"),
        (&["step", r#"{"env":"hunter2"}"#], "unrecognized subcommand '…'"),
        (&["step", "rum", "hunter2"], "unrecognized subcommand 'rum'"),
        (&["step", "run", spec], "not provided:\n  --run-id <ID>\n"),
        (&["step"], "a subcommand is missing"),
        (&["-e", "exec", "step", "run", "--run-id"], "a value is required for '--run-id <ID>'"),
        (&["exec", "--grace=hunter2", "--", "true"], "'--grace <DURATION>': this is no duration"),
        (&["exec"], "not provided:\n  <CMD>..."),
    ] {
        let log = tempfile::NamedTempFile::new().unwrap();
        let output =
            kubedro(arguments).env("KUBEDRO_TERMINATION_LOG", log.path()).output().unwrap();
        let printed = crate::support::stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {printed}");
        let told = read(log.path());
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(said), "{arguments:?}: {message}");
        assert_eq!((&told["state"], &told["exit_code"]), (&"failed".into(), &2.into()));
        if arguments != ["step"] {
            assert!(printed.starts_with(&format!("error: {message}")), "{arguments:?}: {printed}");
            assert!(printed.contains("try '--help'"), "{arguments:?}: {printed}");
        }
        assert!(!format!("{message}{printed}").contains("hunter2"), "{arguments:?}: {printed}");
    }
}

#[test]
fn what_is_no_failure_of_a_pod_leaves_the_message_alone() {
    for (arguments, code) in [
        (&["step", "run", "--help"][..], 0),
        (&["exec", "--help"], 0),
        (&["--version"], 0),
        (&["compile", "--no-such-option"], 2),
        (&["compile", "step"], 2),
        (&[], 2),
    ] {
        let log = tempfile::NamedTempFile::new().unwrap();
        let output =
            kubedro(arguments).env("KUBEDRO_TERMINATION_LOG", log.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments:?}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{arguments:?}");
        assert_eq!(std::fs::read(log.path()).unwrap(), b"", "{arguments:?}");
    }
}
