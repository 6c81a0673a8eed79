//! A step starts lean, and nobody but the clock sees it: hooks, plugins, logs,
//! exit handlers and finalizers are those of a start that is not lean.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::{Kedro, OLD, Project, for_each_kedro, stderr, stdout};

const SPEC: &str = "{\"env\":\"local\",\"pipeline\":\"__default__\",\"nodes\":[\"tell\"]}";
const IDENTITY: [&str; 3] =
    ["--run-id=r1", "--save-version=2026-01-31T12.00.00Z-r1", "--parameters=W10="];

/// All that this module, the hooks and the plugins see goes into one file.
const REGISTRY: &str = r"
import atexit, gc, logging
from tiny.journal import write

class Later:
    'Part of a cycle, so only the collector can find it; imports at the end.'
    def __init__(self, name):
        self.own, self.name = self, name
    def __del__(self):
        import this_module_is_only_needed_at_the_end as late
        late.write('finalizer of ' + self.name)

class Kept:
    'All that its finalizer needs is its own: at the end nothing else is sure.'
    def __init__(self):
        self.file = os.open('kept.txt', os.O_WRONLY | os.O_CREAT)
        self.write = os.write
    def __del__(self):
        self.write(self.file, b'finalizer of what was kept')

handle = open('unflushed.txt', 'w')
handle.write('never closed')
kept = Kept()
atexit.register(write, 'exit handler of the registry')

def tell(text):
    write('node sees the collector %s %s' % (gc.isenabled(), gc.get_threshold()))
    logging.getLogger('tiny').info('a line of the node')
    atexit.register(write, 'exit handler of the node')
    Later('the node')
    print('TELEMETRY', 'kedro_telemetry.plugin' in sys.modules, flush=True)
    return text + '!'

def register_pipelines():
    write('pipelines are made')
    return {'__default__': pipeline([node(tell, 'start', 'out_told', name='tell')])}
";

const JOURNAL: &str = r"
import os
def write(line):
    fd = os.open('journal.txt', os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (line + '\n').encode())
    os.close(fd)
";

/// Every hook of Kedro's, each of which writes its name.
const HOOKS: &str = r"
from kedro.framework.hooks import hook_impl
from tiny.journal import write

def told(name, hook):
    def implementation(self):
        write('%s: %s' % (name, hook))
    implementation.__name__ = hook
    return hook_impl(implementation)

HOOKS = ['after_context_created', 'after_catalog_created', 'before_pipeline_run',
         'before_node_run', 'before_dataset_loaded', 'after_dataset_loaded',
         'before_dataset_saved', 'after_dataset_saved', 'after_node_run',
         'after_pipeline_run', 'on_node_error', 'on_pipeline_error']

def make(name):
    return type(name, (), {hook: told(name, hook) for hook in HOOKS})()
";

const LOGGING: &str = r"
version: 1
disable_existing_loggers: false
formatters:
  own: {format: '%(name)s %(levelname)s %(message)s'}
handlers:
  file: {class: logging.FileHandler, filename: own.log, formatter: own, delay: true}
loggers:
  kedro: {level: INFO}
  tiny: {level: INFO}
root: {handlers: [file]}
";

fn project(kedro: Kedro) -> Project {
    let project = Project::tiny(kedro, REGISTRY);
    project.write("src/tiny/journal.py", JOURNAL);
    project.write("src/tiny/hooks.py", HOOKS);
    project.write("src/this_module_is_only_needed_at_the_end.py", JOURNAL);
    project.write("conf/logging.yml", LOGGING);
    let settings = project.read("src/tiny/settings.py");
    project.write(
        "src/tiny/settings.py",
        &(settings
            + "from tiny.hooks import make\nHOOKS = (make('settings'),)\nDISABLE_HOOKS_FOR_PLUGINS = ('unwanted',)\n"),
    );
    plugin(
        &project,
        "wanted",
        "wanted_plugin",
        "wanted",
        "import atexit\nfrom tiny.hooks import make\nfrom tiny.journal import write\nwrite('plugin is loaded')\natexit.register(write, 'exit handler of the plugin')\nhooks = make('plugin')\n",
    );
    plugin(
        &project,
        "unwanted",
        "unwanted_plugin",
        "unwanted",
        "from tiny.hooks import make\nhooks = make('unwanted')\n",
    );
    project
}

fn plugins(project: &Project) -> PathBuf {
    project.scratch("plugins")
}

/// Installs a plugin with an entry point, in a folder of `PYTHONPATH`.
fn plugin(project: &Project, distribution: &str, module: &str, name: &str, code: &str) {
    let folder = plugins(project);
    let info = folder.join(format!("{distribution}-1.0.dist-info"));
    std::fs::create_dir_all(&info).unwrap();
    let metadata = format!("Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n");
    std::fs::write(info.join("METADATA"), metadata).unwrap();
    let entry = format!("[kedro.hooks]\n{name} = {module}:hooks\n");
    std::fs::write(info.join("entry_points.txt"), entry).unwrap();
    let file = folder.join(module.replace('.', "/") + ".py");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, code).unwrap();
}

fn step(project: &Project, more: &[&str]) -> Command {
    let mut command = project.kubedro(&[&["step", "run", SPEC][..], &IDENTITY, more].concat());
    command
        .env("PYTHONPATH", plugins(project))
        .env("KEDRO_LOGGING_CONFIG", project.path().join("conf/logging.yml"))
        .env_remove("KUBEDRO_LEAN");
    command
}

fn ran(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    output
}

/// What is left of a run: the journal, the log, and what was written last of all.
fn traces(project: &Project, command: Command) -> (String, String, [String; 2]) {
    let output = ran(command);
    // What Python says of a finalizer that has failed.
    assert!(!stderr(&output).contains("Exception ignored"), "{}", stderr(&output));
    let taken = |file: &str| {
        let text = project.read(file);
        std::fs::remove_file(project.path().join(file)).unwrap();
        text
    };
    // Kedro writes how long it took.
    let log = taken("own.log");
    let log: Vec<_> = log.lines().filter(|line| !line.contains("successfully in")).collect();
    (taken("journal.txt"), log.join("\n"), [taken("unflushed.txt"), taken("kept.txt")])
}

for_each_kedro!(
    hooks_logs_and_finalizers_are_those_of_a_start_that_is_not_lean,
    telemetry_is_left_out_only_where_it_would_do_nothing,
    byte_code_of_the_image_is_used,
);

fn hooks_logs_and_finalizers_are_those_of_a_start_that_is_not_lean(kedro: Kedro) {
    let project = project(kedro);
    let lean = traces(&project, step(&project, &[]));
    for line in [
        "plugin is loaded",
        "settings: after_context_created",
        "settings: after_node_run",
        "plugin: after_context_created",
        "plugin: before_pipeline_run",
        "plugin: after_dataset_saved",
        "node sees the collector True (",
        "exit handler of the registry",
        "exit handler of the node",
        "exit handler of the plugin",
        "finalizer of the node",
    ] {
        assert!(lean.0.contains(line), "{line} is missing:\n{}", lean.0);
    }
    assert!(!lean.0.contains("unwanted"), "{}", lean.0);
    assert!(lean.1.contains("tiny INFO a line of the node"), "{}", lean.1);
    assert_eq!(lean.2, ["never closed", "finalizer of what was kept"]);
    assert_eq!(project.kedro.unpickled(&project.path().join("data/02/told.pickle")), "start!\n");
    assert_eq!(lean, traces(&project, step(&project, &["--no-lean"])));
}

fn telemetry_is_left_out_only_where_it_would_do_nothing(kedro: Kedro) {
    let project = project(kedro);
    let loaded = |command| stdout(&ran(command)).contains("TELEMETRY True");
    // Kedro 0.18 does not bring it.
    assert!(!loaded(step(&project, &[])));
    let mut by_variable = step(&project, &[]);
    by_variable.env("KUBEDRO_LEAN", "0");
    assert_eq!(loaded(by_variable), kedro != OLD);
    assert_eq!(loaded(step(&project, &["--no-lean"])), kedro != OLD);
    // A release that does not know the variable keeps its hooks.
    let code = "from tiny.hooks import make\nhooks = make('telemetry')\n";
    plugin(&project, "kedro_telemetry", "kedro_telemetry.plugin", "kedro-telemetry", code);
    std::fs::write(plugins(&project).join("kedro_telemetry/__init__.py"), "").unwrap();
    std::fs::remove_file(project.path().join("journal.txt")).unwrap();
    assert!(loaded(step(&project, &[])));
    assert!(project.read("journal.txt").contains("telemetry: after_catalog_created"));
}

fn byte_code_of_the_image_is_used(kedro: Kedro) {
    let project = project(kedro);
    let source = project.path().join("src/tiny/pipeline_registry.py");
    kedro.python_output(
        &project.path(),
        "import sys, py_compile; py_compile.compile(sys.argv[1], invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)",
        &[source.to_str().unwrap()],
    );
    // Were it compiled again, the node would say something else.
    project.replace("src/tiny/pipeline_registry.py", "'TELEMETRY'", "'RECOMPILED'");
    let output = ran(step(&project, &[]));
    assert!(!stdout(&output).contains("RECOMPILED"), "{}", stdout(&output));
    assert!(stdout(&output).contains("TELEMETRY"), "{}", stdout(&output));
}

const STORE: &str = "
from kedro.framework.session.store import BaseSessionStore

class Told(BaseSessionStore):
    def save(self):
        print('GIT', 'git' in self, flush=True)

SESSION_STORE_CLASS = Told
";

for_each_kedro!(the_session_knows_the_projects_commit_where_there_is_one);

fn the_session_knows_the_projects_commit_where_there_is_one(kedro: Kedro) {
    let registry = "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_told', name='tell')])}
";
    let project = Project::tiny(kedro, registry);
    let settings = project.read("src/tiny/settings.py");
    project.write("src/tiny/settings.py", &(settings + STORE));
    let told = |lean: &str| {
        let mut step = project.kubedro(&[&["step", "run", SPEC][..], &IDENTITY].concat());
        let output = step.env("KUBEDRO_LEAN", lean).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output).lines().find_map(|line| line.strip_prefix("GIT ")).unwrap().to_owned()
    };
    assert_eq!([told("1"), told("0")], ["False", "False"]);
    for arguments in [
        &["init", "--quiet"][..],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "x",
        ],
    ] {
        let status =
            Command::new("git").args(arguments).current_dir(project.path()).status().unwrap();
        assert!(status.success());
    }
    assert_eq!([told("1"), told("0")], ["True", "True"]);
}
