//! `kubedro step run`: Kedro is called as `kedro run` would be called, and ends
//! as it should.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Kedro, MIDDLE, NEW, OLD, Project, for_each_kedro, stderr, stdout};

const IDENTITY: [&str; 2] = ["--run-id=r1", "--save-version=2026-01-31T12.00.00Z-r1"];

fn step(project: &Project, spec: &str, parameters: &[(&str, &str)]) -> std::process::Command {
    let list: Vec<_> = parameters
        .iter()
        .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
        .collect();
    let parameters = BASE64.encode(serde_json::Value::from(list).to_string());
    let parameters = format!("--parameters={parameters}");
    project.kubedro(&[&["step", "run", spec][..], &IDENTITY, &[&parameters]].concat())
}

fn run(project: &Project, spec: &str) -> Output {
    step(project, spec, &[]).output().unwrap()
}

/// The names that nodes have printed, sorted.
fn ran(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(output), stderr(output));
    let mut names: Vec<String> = stdout(output)
        .lines()
        .filter_map(|line| line.strip_prefix("RAN "))
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

const SELECTION: &str = "
def say(name):
    def function(text):
        print('RAN', name, flush=True)
        return name
    return function

def make(name, **more):
    return node(say(name), 'start', 'out_' + name, name=name, **more)

def register_pipelines():
    return {'__default__': pipeline([
        make('plain'),
        make('tagged', tags=['x', 'y']),
        make('one', namespace='a', tags=['x']),
        make('two', namespace='a.b'),
        make('three', namespace='c'),
        make('four', namespace='ab'),
    ])}
";

for_each_kedro!(nodes_are_chosen_by_name_tag_and_namespace);

fn nodes_are_chosen_by_name_tag_and_namespace(kedro: Kedro) {
    let project = Project::tiny(kedro, SELECTION);
    for (selection, names) in [
        (r#""nodes":["plain","a.one"]"#, &["one", "plain"][..]),
        (r#""tags":["x"]"#, &["one", "tagged"]),
        (r#""namespaces":["a"]"#, &["one", "two"]),
        (r#""namespaces":["a.b","c"]"#, &["three", "two"]),
        (r#""namespaces":["a","c"],"tags":["x"]"#, &["one"]),
        (r#""namespaces":["a","c"],"nodes":["a.one"]"#, &["one"]),
    ] {
        let spec = format!("{{\"env\":\"local\",\"pipeline\":\"__default__\",{selection}}}");
        assert_eq!(ran(&run(&project, &spec)), names, "{selection}");
    }
}

for_each_kedro!(a_node_that_the_image_does_not_have_is_said);

fn a_node_that_the_image_does_not_have_is_said(kedro: Kedro) {
    let project = Project::tiny(kedro, SELECTION);
    for (pipeline, selection, said) in [
        ("__default__", r#""nodes":["gone"]"#, "gone"),
        ("no_such", r#""nodes":["plain"]"#, "no_such"),
        ("__default__", r#""tags":["gone"]"#, "gone"),
    ] {
        let spec = format!("{{\"env\":\"local\",\"pipeline\":\"{pipeline}\",{selection}}}");
        let output = run(&project, &spec);
        assert_eq!(output.status.code(), Some(35), "{}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("is not the one that the workflow was compiled from"), "{text}");
        assert!(text.contains(said) && !text.contains("Traceback"), "{text}");
    }
}

/// A project's own `run` command, as Kedro's templates have it: it has options
/// of its own, and splits what it is given at commas.
const COMMAND: &str = r#"
import click
from itertools import chain
from kedro.framework.cli.utils import CONTEXT_SETTINGS, split_string
from kedro.framework.session import KedroSession
from kedro import runner as runners

@click.group(context_settings=CONTEXT_SETTINGS, name=__file__)
def cli():
    pass

def values(given):
    return tuple(chain.from_iterable(value.split(",") for value in given))

@cli.command()
@click.option("--env", "-e", type=str, default=None)
@click.option("--nodes", "-n", "node_names", type=str, multiple=True)
@click.option("--tags", type=str, multiple=True)
@click.option("--pipeline", "-p", type=str, default=None)
@click.option("--load-versions", "-lv", type=str, default="", callback=lambda c, p, v: v or {})
@click.option("--params", type=str, default="", callback=lambda c, p, v: v or {})
@click.option("--runner", type=str, default="SequentialRunner")
@click.option("--greeting", type=str, default="hello")
@click.pass_obj
def run(metadata, env, node_names, tags, pipeline, load_versions, params, runner, greeting):
    """Ours."""
    print("OWN", greeting, metadata.package_name, env, pipeline, params, flush=True)
    with KedroSession.create(env=env, PARAMS=params) as session:
        session.run(
            tags=values(tags),
            node_names=values(node_names),
            runner=getattr(runners, runner)(),
            load_versions=load_versions,
            pipeline_name=pipeline,
        )
"#;

fn with_command(kedro: Kedro, registry: &str, from: &str, to: &str) -> Project {
    let project = Project::tiny(kedro, registry);
    let parameters = if kedro.0 == NEW.0 { "runtime_params" } else { "extra_params" };
    assert!(COMMAND.contains(from));
    project.write("src/tiny/cli.py", &COMMAND.replace(from, to).replace("PARAMS", parameters));
    project
}

const NAMES: &str = "
def measure(text, size):
    print('RAN', text, size, type(size).__name__, flush=True)
    return len(text)

def register_pipelines():
    return {'other': pipeline([
        node(measure, ['start', 'params:size'], 'version_a'),
        node(measure, ['start', 'params:size'], 'version_c', name='c'),
    ]), '__default__': pipeline([])}
";

for_each_kedro!(a_projects_own_run_command_is_honoured);

fn a_projects_own_run_command_is_honoured(kedro: Kedro) {
    let project = with_command(kedro, NAMES, "hello", "hello");
    project.write("conf/base/parameters.yml", "size: 1\n");
    // Nodes without a name have commas in what Kedro 0.18 calls them.
    let node = if kedro.0 == OLD.0 { "measure([start,params:size]) -> [version_a]" } else { "c" };
    let spec = format!("{{\"env\":\"local\",\"pipeline\":\"other\",\"nodes\":[\"{node}\"]}}");
    let output = step(&project, &spec, &[("size", "1.0e-05")]).output().unwrap();
    assert_eq!(ran(&output), ["start 1e-05 float"]);
    let text = stdout(&output);
    assert!(text.contains("OWN hello tiny local other {'size': 1e-05}"), "{text}");
    // Its session has the run's identity too.
    let name = if kedro.0 == OLD.0 { "a" } else { "c" };
    let version = format!("data/03/{name}.pickle/2026-01-31T12.00.00Z-r1/{name}.pickle");
    assert!(project.path().join(version).is_file(), "{text}");
}

#[test]
fn a_run_command_that_cannot_take_what_a_step_needs_is_refused() {
    let spec = r#"{"env":"local","pipeline":"other","nodes":["c"]}"#;
    let project = with_command(MIDDLE, NAMES, "\"--nodes\", \"-n\", ", "");
    project.replace("src/tiny/cli.py", "\"node_names\", type", "\"--names\", \"node_names\", type");
    let output = run(&project, spec);
    assert_eq!(output.status.code(), Some(38), "{}", stderr(&output));
    assert!(stderr(&output).contains("has no option --nodes"), "{}", stderr(&output));

    let project = with_command(
        MIDDLE,
        NAMES,
        "\"--greeting\", type=str, default=\"hello\"",
        "\"--greeting\", type=str, required=True",
    );
    let output = run(&project, spec);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("--greeting") && !text.contains("Traceback"), "{text}");
}

#[test]
fn a_cli_without_a_run_command_changes_nothing() {
    let project = Project::tiny(NEW, SELECTION);
    project.write(
        "src/tiny/cli.py",
        "import click\n\n@click.group()\ndef cli():\n    pass\n\n@cli.command()\ndef other():\n    pass\n",
    );
    let spec = r#"{"env":"local","pipeline":"__default__","nodes":["plain"]}"#;
    assert_eq!(ran(&run(&project, spec)), ["plain"]);
}

const HOOKS: &str = r#"
import time
from pathlib import Path
from kedro.framework.hooks import hook_impl

class Hooks:
    @hook_impl
    def on_node_error(self, error, node):
        Path("seen-node-error").write_text(type(error).__name__ + " " + node.name)

    @hook_impl
    def on_pipeline_error(self, error):
        time.sleep(0.5)
        Path("seen-pipeline-error").write_text(type(error).__name__)

    @hook_impl
    def after_pipeline_run(self):
        Path("seen-end").write_text("")

HOOKS = (Hooks(),)
"#;

/// A step that has begun, up to the line `ready`.
struct Running {
    child: std::process::Child,
    output: BufReader<std::process::ChildStdout>,
    log: PathBuf,
}

impl Running {
    fn start(project: &Project, nodes: &str, grace: &str) -> Self {
        let settings = project.read("src/tiny/settings.py");
        if !settings.contains("HOOKS") {
            project.write("src/tiny/settings.py", &(settings + HOOKS));
        }
        let spec =
            format!("{{\"env\":\"local\",\"pipeline\":\"__default__\",\"nodes\":[{nodes}]}}");
        let log = project.scratch("stderr");
        let mut child = step(project, &spec, &[])
            .env("KUBEDRO_GRACE_PERIOD", grace)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            let read = output.read_line(&mut line).unwrap();
            assert!(read > 0, "{}", std::fs::read_to_string(&log).unwrap());
        }
        Self { child, output, log }
    }

    fn signal(&self, number: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), number).unwrap();
    }

    /// The exit code, and what was printed from now on.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (code, rest + &std::fs::read_to_string(&self.log).unwrap())
    }
}

const SLOW: &str = "
def slow(text):
    print('ready', flush=True)
    time.sleep(60)

def stubborn(text):
    try:
        print('ready', flush=True)
        time.sleep(60)
    except Exception:
        print('swallowed', flush=True)
    return text

def after(text):
    print('it went on', flush=True)

def deaf(text):
    import signal
    print('ready', flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    time.sleep(60)

def register_pipelines():
    return {'__default__': pipeline([
        node(slow, 'start', None, name='slow'),
        node(stubborn, 'start', 'out_a', name='stubborn'),
        node(after, 'out_a', None, name='after'),
        node(deaf, 'start', None, name='deaf'),
    ])}
";

for_each_kedro!(sigterm_lets_the_error_hooks_run);

fn sigterm_lets_the_error_hooks_run(kedro: Kedro) {
    let project = Project::tiny(kedro, SLOW);
    let running = Running::start(&project, "\"slow\"", "30");
    let begin = Instant::now();
    // Again and again: only the first counts, or the hooks would be cut short.
    for _ in 0..3 {
        running.signal(Signal::SIGTERM);
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, text) = running.end();
    assert_eq!(code, Some(143), "{text}");
    assert_eq!(project.read("seen-node-error"), "Terminated slow");
    assert_eq!(project.read("seen-pipeline-error"), "Terminated");
    assert!(!project.path().join("seen-end").exists());
    assert!(text.contains("told to end (SIGTERM)"), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(25), "not by the grace period: {text}");
}

for_each_kedro!(a_node_that_swallows_the_end_is_the_last);

fn a_node_that_swallows_the_end_is_the_last(kedro: Kedro) {
    let project = Project::tiny(kedro, SLOW);
    // Alone in its pod it is the last anyhow: what it makes is not saved.
    for nodes in ["\"stubborn\"", "\"stubborn\",\"after\""] {
        let running = Running::start(&project, nodes, "30");
        running.signal(Signal::SIGTERM);
        let (code, text) = running.end();
        assert_eq!(code, Some(143), "{text}");
        assert!(text.contains("swallowed"), "{text}");
        assert!(!text.contains("it went on"), "{text}");
        assert_eq!(project.read("seen-pipeline-error"), "Terminated");
        assert!(!project.path().join("data/02/a.pickle").exists());
        std::fs::remove_file(project.path().join("seen-pipeline-error")).unwrap();
    }
}

#[test]
fn a_run_command_that_swallows_the_end_has_not_succeeded() {
    let project =
        with_command(NEW, SLOW, "        session.run(", "      try:\n        session.run(");
    let cli = project.read("src/tiny/cli.py")
        + "      except Exception as error:\n        print(error)\n";
    project.write("src/tiny/cli.py", &cli);
    let running = Running::start(&project, "\"slow\"", "30");
    running.signal(Signal::SIGTERM);
    let (code, text) = running.end();
    assert_eq!(code, Some(143), "{text}");
}

#[test]
fn other_signals_that_stop_a_container_do_so_too() {
    let project = Project::tiny(NEW, SLOW);
    for number in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
        let running = Running::start(&project, "\"slow\"", "30");
        running.signal(number);
        let (code, text) = running.end();
        assert_eq!(code, Some(143), "{number}: {text}");
        assert_eq!(project.read("seen-pipeline-error"), "Terminated");
        std::fs::remove_file(project.path().join("seen-pipeline-error")).unwrap();
    }
}

#[test]
fn a_step_ends_within_the_grace_period_whatever_the_runner() {
    for (runner, node) in
        [("SequentialRunner", "deaf"), ("ThreadRunner", "slow"), ("ParallelRunner", "slow")]
    {
        let project = with_command(NEW, SLOW, "SequentialRunner", runner);
        let begin = Instant::now();
        let running = Running::start(&project, &format!("\"{node}\""), "2");
        running.signal(Signal::SIGTERM);
        let (code, text) = running.end();
        assert!(matches!(code, Some(137 | 143)), "{runner}: {code:?} {text}");
        assert!(begin.elapsed() < Duration::from_secs(40), "{runner}: the node slept on: {text}");
        assert!(!project.path().join("seen-end").exists(), "{runner}");
    }
}

for_each_kedro!(a_projects_own_answer_to_sigterm_is_left_alone);

fn a_projects_own_answer_to_sigterm_is_left_alone(kedro: Kedro) {
    let project = Project::tiny(kedro, SLOW);
    let settings = project.read("src/tiny/settings.py") + HOOKS;
    let own = "
import os, signal

def own(number, frame):
    Path('seen-own').write_text('')
    os._exit(7)

signal.signal(signal.SIGTERM, own)
";
    project.write("src/tiny/settings.py", &(settings + own));
    let running = Running::start(&project, "\"slow\"", "30");
    running.signal(Signal::SIGTERM);
    let (code, text) = running.end();
    assert_eq!(code, Some(7), "{text}");
    assert!(project.path().join("seen-own").exists());
}

for_each_kedro!(progress_is_written_for_argo);

fn progress_is_written_for_argo(kedro: Kedro) {
    let registry = "
def look(text):
    file = os.environ['ARGO_PROGRESS_FILE']
    print('RAN', open(file).read().strip() if os.path.exists(file) else 'none', flush=True)
    return text

def register_pipelines():
    return {'__default__': pipeline([
        node(look, 'start', 'out_a', name='a'),
        node(look, 'out_a', 'out_b', name='b'),
    ])}
";
    let project = Project::tiny(kedro, registry);
    let file = project.scratch("progress");
    let spec = r#"{"env":"local","pipeline":"__default__"}"#;
    let output = step(&project, spec, &[]).env("ARGO_PROGRESS_FILE", &file).output().unwrap();
    assert_eq!(ran(&output), ["0/2", "1/2"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "2/2\n");
    // Nobody shows it where it cannot be written: no reason to fail.
    let output = step(&project, spec, &[])
        .env("ARGO_PROGRESS_FILE", project.scratch("no/such/folder"))
        .output()
        .unwrap();
    assert_eq!(ran(&output), ["none", "none"]);
}

#[test]
fn nothing_of_the_run_is_on_pythons_command_line() {
    let registry = "
def look(text, secret):
    print('RAN', open('/proc/self/cmdline').read().replace('\\0', ' '), flush=True)

def register_pipelines():
    return {'__default__': pipeline([node(look, ['start', 'params:secret'], None, name='a')])}
";
    let project = Project::tiny(NEW, registry);
    project.write("conf/base/parameters.yml", "secret: none\n");
    let spec = r#"{"env":"local","pipeline":"__default__"}"#;
    let output = step(&project, spec, &[("secret", "hunter2")]).arg("-v").output().unwrap();
    let [line] = &ran(&output)[..] else { panic!("{}", stdout(&output)) };
    for hidden in ["hunter2", &BASE64.encode("hunter2"), "2026-01-31"] {
        assert!(!line.contains(hidden), "{line}");
    }
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    assert!(!stdout(&output).contains("hunter2"), "{}", stdout(&output));
}

#[test]
fn a_projects_own_session_is_called_as_kedros() {
    let project = Project::tiny(NEW, NAMES);
    project.write("conf/base/parameters.yml", "size: 1\n");
    let settings = project.read("src/tiny/settings.py");
    let session = "
from kedro.framework.session import KedroSession

class Own(KedroSession):
    @classmethod
    def create(cls, *arguments, **named):
        print('RAN own create', flush=True)
        return super().create(*arguments, **named)

    def run(self, **named):
        return super().run(**named)

SESSION_CLASS = Own
";
    project.write("src/tiny/settings.py", &(settings + session));
    let spec = r#"{"env":"local","pipeline":"other","nodes":["c"]}"#;
    let output = step(&project, spec, &[("size", "2")]).output().unwrap();
    assert_eq!(ran(&output), ["own create", "start 2 int"]);
}

#[test]
fn a_session_of_many_runs_has_the_runs_identity_too() {
    let project = Project::tiny(NEW, NAMES);
    project.write("conf/base/parameters.yml", "size: 1\n");
    let settings = project.read("src/tiny/settings.py");
    let session = "from kedro.framework.session import KedroServiceSession\n\nSESSION_CLASS = KedroServiceSession\n";
    project.write("src/tiny/settings.py", &(settings + session));
    let spec = r#"{"env":"local","pipeline":"other","nodes":["c"]}"#;
    let output = step(&project, spec, &[("size", "[1.0e-05]")]).output().unwrap();
    assert_eq!(ran(&output), ["start [1e-05] list"]);
    let version = "data/03/c.pickle/2026-01-31T12.00.00Z-r1/c.pickle";
    assert!(project.path().join(version).is_file(), "{}", stderr(&output));
}

const PLAIN: &str = "
def register_pipelines():
    return {'__default__': pipeline([node(print, 'start', None, name='say')])}
";
const SAY: &str = r#"{"env":"local","pipeline":"__default__","nodes":["say"]}"#;

fn message(project: &Project, command: &mut std::process::Command) -> serde_json::Value {
    let log = project.scratch("message");
    command.env("KUBEDRO_TERMINATION_LOG", &log).output().unwrap();
    serde_json::from_str(&std::fs::read_to_string(log).unwrap()).unwrap()
}

for_each_kedro!(the_termination_message_has_the_exception);

fn the_termination_message_has_the_exception(kedro: Kedro) {
    let registry = "
def fail(text):
    raise ValueError('the data\\nare \"bad\"')

def register_pipelines():
    return {'__default__': pipeline([node(fail, 'start', None, name='say')])}
";
    let project = Project::tiny(kedro, registry);
    let told = message(&project, &mut step(&project, SAY, &[]));
    assert_eq!(told["exception"], "ValueError: the data are \"bad\"", "{told}");
    assert_eq!(told["nodes"][0], "say", "{told}");
    // What is ours is said in our words.
    let told = message(&project, &mut step(&project, &SAY.replace("say", "gone"), &[]));
    assert_eq!(told["exit_code"], 35, "{told}");
    assert!(told["message"].as_str().unwrap().contains("is not the one"), "{told}");
}

#[test]
fn a_process_that_ends_by_itself_has_not_succeeded() {
    let registry = "
def leave(text):
    os._exit(0)

def register_pipelines():
    return {'__default__': pipeline([node(leave, 'start', 'out_a', name='say')])}
";
    let project = Project::tiny(NEW, registry);
    let output = run(&project, SAY);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("before Kedro had ended the run"), "{}", stderr(&output));
    let told = message(&project, &mut step(&project, SAY, &[]));
    assert_eq!(
        (&told["state"], &told["reason"]),
        (&"failed".into(), &"Incomplete".into()),
        "{told}"
    );
}

for_each_kedro!(a_run_command_may_end_the_program_when_it_is_done);

fn a_run_command_may_end_the_program_when_it_is_done(kedro: Kedro) {
    for end in ["    import sys\n    sys.exit(0)\n", "    click.get_current_context().exit()\n"] {
        let project = with_command(kedro, PLAIN, "hello", "hello");
        let cli = project.read("src/tiny/cli.py") + end;
        project.write("src/tiny/cli.py", &cli);
        let output = run(&project, SAY);
        assert_eq!(output.status.code(), Some(0), "{end}: {}", stderr(&output));
    }
}

#[test]
fn the_run_command_is_found_as_kedro_finds_it() {
    // Commands that are made when they are asked for.
    let lazy = "
import click

class Lazy(click.Group):
    def get_command(self, context, name):
        return run if name == 'run' else None

cli = Lazy('cli')

@click.command()
def run():
    print('RAN lazy', flush=True)
";
    let project = Project::tiny(NEW, PLAIN);
    project.write("src/tiny/cli.py", lazy);
    // It needs neither an environment nor a pipeline, but nodes it cannot choose.
    let spec = r#"{"env":"local","pipeline":"__default__"}"#;
    assert_eq!(ran(&run(&project, spec)), ["lazy"]);
    assert_eq!(run(&project, SAY).status.code(), Some(38));
    let spec = r#"{"env":"local","pipeline":"other"}"#;
    assert_eq!(run(&project, spec).status.code(), Some(38));

    // One that needs what is not there is none, as with `kedro run`.
    project.write("src/tiny/cli.py", "import no_such_module\n");
    let output = run(&project, SAY);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = NEW.run(&project.path(), &["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

for_each_kedro!(hooks_are_told_of_a_run_as_by_kedro_run);

fn hooks_are_told_of_a_run_as_by_kedro_run(kedro: Kedro) {
    let project = Project::tiny(kedro, PLAIN);
    let hooks = r#"
import json, os
from kedro.framework.hooks import hook_impl

class Hooks:
    @hook_impl
    def before_pipeline_run(self, run_params):
        told = dict(run_params, runner=type(run_params["runner"]).__name__)
        # These are a run's own.
        for name in ("run_id", "session_id", "project_path", "env", "pipeline_name"):
            told.pop(name, None)
        print("RAN", json.dumps(told, sort_keys=True), flush=True)

HOOKS = (Hooks(),)
"#;
    let settings = project.read("src/tiny/settings.py");
    project.write("src/tiny/settings.py", &(settings + hooks));
    let ours = ran(&run(&project, SAY));
    let pipeline = if kedro.0 == NEW.0 { "--pipelines" } else { "--pipeline" };
    let theirs = ran(&kedro.run(
        &project.path(),
        &["run", "--env", "local", pipeline, "__default__", "--nodes", "say"],
    ));
    assert_eq!(ours, theirs);
}

for_each_kedro!(a_hook_may_register_what_the_configuration_needs);

fn a_hook_may_register_what_the_configuration_needs(kedro: Kedro) {
    let registry = "
def say(number):
    print('RAN', number, flush=True)

def register_pipelines():
    return {'__default__': pipeline([node(say, 'params:number', None, name='say')])}
";
    let project = Project::tiny(kedro, registry);
    project.write("conf/base/parameters.yml", "number: ${twice:4}\nother: 1\n");
    let hooks = "
from kedro.framework.hooks import hook_impl
from omegaconf import OmegaConf

class Hooks:
    @hook_impl
    def after_context_created(self, context):
        OmegaConf.register_new_resolver('twice', lambda number: 2 * int(number), replace=True)

HOOKS = (Hooks(),)
";
    let settings = project.read("src/tiny/settings.py");
    project.write("src/tiny/settings.py", &(settings + hooks));
    let output = step(&project, SAY, &[("number", "8"), ("other", "2")]).output().unwrap();
    assert_eq!(ran(&output), ["8"]);
}

#[test]
fn what_python_is_told_by_its_environment_is_borne() {
    let project = Project::tiny(NEW, PLAIN);
    let output = step(&project, SAY, &[]).env("PYTHONSAFEPATH", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // A project that sets the collector by what it finds.
    let settings = project.read("src/tiny/settings.py");
    let own = "\nimport gc\n\ngc.set_threshold(gc.get_threshold()[0] * 10)\n";
    project.write("src/tiny/settings.py", &(settings + own));
    let output = run(&project, SAY);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_python_without_kedro_is_said() {
    let project = Project::tiny(NEW, PLAIN);
    let python = crate::support::repository().join(".venvs/uv/bin/python");
    let output = crate::support::kubedro(&["step", "run", SAY, "--parameters=W10="])
        .args(IDENTITY)
        .arg("--python")
        .arg(python)
        .current_dir(project.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(34), "{}", stderr(&output));
    assert!(stderr(&output).contains("Kedro is not installed for"), "{}", stderr(&output));
    // A stand-in for an old package: only its version is looked at.
    project.write("old/kedro/__init__.py", "__version__ = '0.17.7'\n");
    let output =
        step(&project, SAY, &[]).env("PYTHONPATH", project.path().join("old")).output().unwrap();
    assert_eq!(output.status.code(), Some(34), "{}", stderr(&output));
    assert!(stderr(&output).contains("Kedro 0.17.7 is too old"), "{}", stderr(&output));
}

const ALIAS: &str = "
def make(text):
    return text

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'alias_a', name='a'),
        node(make, 'alias_a', 'alias_b', name='b'),
        node(make, 'start', 'weird', name='c'),
    ])}
";

for_each_kedro!(what_another_step_has_saved_in_the_same_place_stays);

fn what_another_step_has_saved_in_the_same_place_stays(kedro: Kedro) {
    let node = |name: &str| SAY.replace("say", name);
    for other in ["data/03/../03/x.pickle", "data/link/x.pickle"] {
        let project = Project::tiny(kedro, ALIAS);
        project.write("data/03/.keep", "");
        std::os::unix::fs::symlink("03", project.path().join("data/link")).unwrap();
        project.write(
            "conf/base/catalog.yml",
            &format!(
                "start: {{type: text.TextDataset, filepath: data/01_raw/start.txt}}
alias_a: {{type: pickle.PickleDataset, filepath: data/03/x.pickle, versioned: true}}
alias_b: {{type: pickle.PickleDataset, filepath: {other}, versioned: true}}
weird: {{type: pickle.PickleDataset, filepath: data/w.pickle, versioned: true}}
"
            ),
        );
        assert_eq!(run(&project, &node("a")).status.code(), Some(0));
        let output = run(&project, &node("b"));
        assert_eq!(output.status.code(), Some(1), "as Kedro has it: {}", stderr(&output));
        let saved = project.path().join("data/03/x.pickle/2026-01-31T12.00.00Z-r1/x.pickle");
        assert_eq!(kedro.unpickled(&saved), "start\n");
    }
}

#[test]
fn a_second_try_needs_no_more_than_the_first() {
    let project = Project::tiny(NEW, ALIAS);
    project.write(
        "conf/base/catalog.yml",
        "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}
alias_a: {type: pickle.PickleDataset, filepath: data/03/x.pickle, versioned: true}
alias_b: {type: pickle.PickleDataset, filepath: data/03/y.pickle, versioned: true}
# It can be made in its own pod only.
weird: {type: pickle.PickleDataset, filepath: data/w.pickle, versioned: true, no_such: 1}
",
    );
    for _ in 0..2 {
        let output = run(&project, &SAY.replace("say", "a"));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

#[test]
fn what_the_same_process_has_saved_stays() {
    let project =
        with_command(NEW, ALIAS, "with KedroSession", "for _ in '12':\n      with KedroSession");
    let indented =
        project.read("src/tiny/cli.py").replace("        session.run(", "          session.run(");
    project.write("src/tiny/cli.py", &indented);
    project.write(
        "conf/base/catalog.yml",
        "start: {type: text.TextDataset, filepath: data/01_raw/start.txt}
alias_a: {type: pickle.PickleDataset, filepath: data/03/x.pickle, versioned: true}
",
    );
    let output = run(&project, &SAY.replace("say", "a"));
    // The run has one version, which Kedro does not write twice.
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(!stderr(&output).contains("removed"), "{}", stderr(&output));
    let saved = project.path().join("data/03/x.pickle/2026-01-31T12.00.00Z-r1/x.pickle");
    assert_eq!(NEW.unpickled(&saved), "start\n");
}
