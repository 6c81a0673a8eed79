//! `kubedro run-local` when something goes wrong.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Kedro, NEW, OLD, Project, for_each_kedro, stderr};

const NOTIFY: &str = "
def tell(status, failures):
    print('NOTIFIED', status, failures)
";

for_each_kedro!(a_failed_node_fails_the_run_and_on_exit_still_runs);

fn a_failed_node_fails_the_run_and_on_exit_still_runs(kedro: Kedro) {
    let project = Project::tiny(
        kedro,
        &format!(
            "{NOTIFY}
def fail(text):
    print('just before')
    raise ValueError('no more shuttles')

def register_pipelines():
    return {{
        '__default__': pipeline([
            node(len, 'start', 'out_a', name='good'),
            node(fail, 'out_a', 'out_b', name='bad_node'),
            node(len, 'out_b', 'out_c', name='never'),
        ]),
        'notify': pipeline([node(tell, ['params:status', 'params:failures'], None, name='tell')]),
    }}
"
        ),
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, on_exit_pipeline: notify}",
    );
    let (output, work) = project.run_local(&[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("bad-node: Error (exit code 1); its last lines:"), "{text}");
    assert!(text.contains("no more shuttles"), "{text}");
    assert!(text.contains("The run failed in"), "{text}");
    let state = |step: &str| {
        let line = text.lines().rfind(|line| line.trim_start().starts_with(step)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert!(state("good").starts_with("succeeded"), "{text}");
    assert!(state("bad-node").starts_with("failed"), "{text}");
    assert_eq!(state("never"), "not run");
    assert!(state("on-exit").starts_with("succeeded"), "{text}");
    let log = std::fs::read_to_string(work.join("logs/on-exit.log")).unwrap();
    assert!(
        log.contains(
            "NOTIFIED Failed [{\"displayName\":\"bad-node\",\"message\":\"Error (exit code 1)\""
        ),
        "{log}"
    );
    assert!(work.join("project/src").exists(), "after a failure everything stays, to be looked at");
}

#[test]
fn a_step_is_tried_again_as_often_as_its_policy_says() {
    let project = Project::tiny(
        OLD,
        "
def flaky(text):
    with open('data/tries', 'a') as file:
        file.write('x')
    if len(open('data/tries').read()) < 3:
        raise ValueError('not yet')
    return 1

def register_pipelines():
    return {'__default__': pipeline([node(flaky, 'start', 'out_a', name='flaky')])}
",
    );
    let policy = |retries: u32| {
        format!(
            "run_config:\n  image: x\n  volume: {{}}\n  retry_policy:\n    flaky: {{num_retries: {retries}, backoff_duration: 50ms, backoff_factor: 2}}\n"
        )
    };
    project.write("conf/base/kubeflow.yaml", &policy(2));
    let output = project.kubedro(&["run-local"]).output().unwrap();
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("3 tries"), "{text}");
    assert!(text.contains("again in 0.1s"), "{text}");
    project.write("conf/base/kubeflow.yaml", &policy(1));
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("2 tries"), "{}", stderr(&output));
}

#[test]
fn independent_steps_run_side_by_side_but_no_more_than_jobs() {
    // Each of three nodes waits until it sees the two others begin.
    let project = Project::tiny(
        NEW,
        "
def meet(text, name, most):
    open('data/began_' + name, 'w').close()
    until = time.time() + 60
    while time.time() < until:
        if sum(entry.startswith('began_') for entry in os.listdir('data')) >= most:
            return name
        time.sleep(0.02)
    raise TimeoutError('nobody came')

def a(text): return meet(text, 'a', 3)
def b(text): return meet(text, 'b', 3)
def c(text): return meet(text, 'c', 3)

def register_pipelines():
    return {'__default__': pipeline([
        node(a, 'start', 'out_a', name='a'), node(b, 'start', 'out_b', name='b'),
        node(c, 'start', 'out_c', name='c'),
    ])}
",
    );
    let output = project.kubedro(&["run-local", "--jobs", "3"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    // One at a time nobody comes; the time-out is shortened so as not to wait for it.
    project.replace("src/tiny/pipeline_registry.py", "time.time() + 60", "time.time() + 0.2");
    let output = project.kubedro(&["run-local", "--jobs", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("nobody came"));
}

/// Starts a run whose first node sleeps, and waits until it does.
fn start_sleeper(
    project: &Project,
    grace: &str,
    node: &str,
) -> (std::process::Child, std::path::PathBuf) {
    project.write(
        "src/tiny/pipeline_registry.py",
        &format!(
            "import os, signal, sys, time
from kedro.pipeline import Pipeline, node, pipeline
{NOTIFY}
def rest(text):
    {node}
    open('data/pid', 'w').write(str(os.getpid()))
    time.sleep(100)

def register_pipelines():
    return {{
        '__default__': pipeline([node(rest, 'start', 'out_a', name='rest')]),
        'notify': pipeline([node(tell, ['params:status', 'params:failures'], None, name='tell')]),
    }}
"
        ),
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, on_exit_pipeline: notify, retry_policy: {rest: {num_retries: 5, backoff_duration: 0, backoff_factor: 1}}}",
    );
    let work = project.scratch("work");
    let child = project
        .kubedro(&["run-local", "--grace", grace, "--workdir", work.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = work.join("project/data/pid");
    let begin = std::time::Instant::now();
    while std::fs::read_to_string(&pid).unwrap_or_default().is_empty() {
        assert!(begin.elapsed().as_secs() < 100, "the node did not begin");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (child, work)
}

fn is_gone(work: &std::path::Path) -> bool {
    let pid = std::fs::read_to_string(work.join("project/data/pid")).unwrap();
    // A process that nobody has reaped is gone all the same.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_or(true, |state| state.contains(") Z "))
}

#[test]
fn ctrl_c_ends_the_steps_and_on_exit_still_runs() {
    for (number, code, node) in [
        (Signal::SIGINT, 130, "pass"),
        // A node that does not listen is killed when its time is over.
        (Signal::SIGTERM, 143, "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
        // Nor do its children get away.
        (
            Signal::SIGINT,
            130,
            "os.system('(trap \"\" TERM INT; sleep 100) & echo $! > data/child')",
        ),
    ] {
        let project = Project::tiny(NEW, "");
        let (child, work) = start_sleeper(&project, "1", node);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), number).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(is_gone(&work), "{text}");
        if let Ok(child) = std::fs::read_to_string(work.join("project/data/child")) {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
            assert!(state.map_or(true, |state| state.contains(") Z ")), "{text}");
        }
        let log = std::fs::read_to_string(work.join("logs/on-exit.log")).unwrap();
        assert!(
            log.contains("NOTIFIED Failed [{\"displayName\":\"rest\",\"message\":\"stopped\""),
            "{log}"
        );
        assert!(text.contains("The run was stopped"), "{text}");
        assert!(!text.contains("2 tries"), "a step that was stopped is not tried again: {text}");
    }
}

#[test]
fn nothing_outlives_a_run_that_is_killed() {
    let project = Project::tiny(NEW, "");
    let (mut child, work) = start_sleeper(&project, "1", "pass");
    child.kill().unwrap();
    child.wait().unwrap();
    let begin = std::time::Instant::now();
    while !is_gone(&work) {
        assert!(begin.elapsed().as_secs() < 20, "the node still runs");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_failing_exit_handler_that_is_required_fails_the_run() {
    // As on a cluster, where it turns a run that had succeeded into a failed one.
    let project = Project::tiny(
        NEW,
        "
def fail(status):
    raise ValueError('nobody to tell')

def register_pipelines():
    return {
        '__default__': pipeline([node(len, 'start', 'out_a', name='good')]),
        'notify': pipeline([node(fail, 'params:status', None, name='tell')]),
    }
",
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, on_exit_pipeline: notify, on_exit_required: True}",
    );
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nobody to tell"), "{}", stderr(&output));
}

#[test]
fn what_the_steps_print_is_shown_when_asked_for() {
    let project = Project::tiny(
        NEW,
        "
def speak(text):
    print('one', file=sys.stderr)
    return 1

def register_pipelines():
    return {'__default__': pipeline([node(speak, 'start', 'out_a', name='speak')])}
",
    );
    let mut child = project.kubedro(&["-v", "run-local"]).stderr(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    assert!(lines.iter().any(|line| line == "[speak] one"), "{lines:#?}");
    let quiet = || project.kubedro(&["-q", "run-local"]).output().unwrap();
    assert!(quiet().status.success());
    assert_eq!(stderr(&quiet()), "");
    project.replace("src/tiny/pipeline_registry.py", "return 1", "sys.exit(0)");
    let text = stderr(&quiet());
    assert!(text.contains("a node has called sys.exit"), "{text}");
    assert!(text.contains("the run failed; its logs are in /"), "{text}");
}
