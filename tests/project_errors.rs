//! A project that cannot be asked: a clear message, with the user's own frame.

use std::process::Output;

use crate::support::{Kedro, NEW, OLD, Project, for_each_kedro, kubedro, stderr};

const ONE_NODE: &str = "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_size', name='measure')])}
";

fn compile(project: &Project, arguments: &[&str]) -> Output {
    let output = project.kubedro(&[&["compile", "-o", "-"], arguments].concat()).output().unwrap();
    assert!(output.stdout.is_empty(), "nothing half-made");
    let text = stderr(&output);
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    output
}

for_each_kedro!(an_exception_shows_the_users_own_line);

fn an_exception_shows_the_users_own_line(kedro: Kedro) {
    let project = Project::tiny(
        kedro,
        "
def make():
    import json
    return json.loads('{')

def register_pipelines():
    return make()
",
    );
    let output = compile(&project, &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(33));
    assert!(
        text.starts_with("error: the project raised an exception while importing the pipelines"),
        "{text}"
    );
    assert!(text.contains("JSONDecodeError: Expecting property name"), "{text}");
    assert!(text.contains("--> src/tiny/pipeline_registry.py:7 in make"), "{text}");
    assert!(text.contains("7 | return json.loads('{')"), "{text}");
    assert!(!text.contains("Traceback"), "{text}");
    assert!(stderr(&compile(&project, &["-v"])).contains("Traceback (most recent call last)"));
}

for_each_kedro!(an_import_that_kedro_swallows_is_an_error);

fn an_import_that_kedro_swallows_is_an_error(kedro: Kedro) {
    // Kedro's find_pipelines warns and goes on: the workflow would lack steps.
    let project = Project::tiny(
        kedro,
        "
from kedro.framework.project import find_pipelines

def register_pipelines():
    pipelines = find_pipelines()
    pipelines['__default__'] = sum(pipelines.values(), Pipeline([]))
    return pipelines
",
    );
    project.write("src/tiny/pipelines/__init__.py", "");
    let good = "from kedro.pipeline import node, pipeline\n\ndef create_pipeline():\n    return pipeline([node(len, 'start', 'out_a', name='a')])\n";
    project.write("src/tiny/pipelines/good/__init__.py", good);
    assert_eq!(project.compiled(&[]).tasks().len(), 2);
    project.write("src/tiny/pipelines/bad/__init__.py", "import json\nimport no_such_package\n");
    let output = compile(&project, &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(33), "{text}");
    assert!(text.contains("No module named 'no_such_package'"), "{text}");
    assert!(text.contains("--> src/tiny/pipelines/bad/__init__.py:2"), "{text}");
}

#[test]
fn a_syntax_error_shows_its_line() {
    let project = Project::tiny(NEW, "def register_pipelines(:\n    pass\n");
    let output = compile(&project, &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(33));
    assert!(text.contains("SyntaxError"), "{text}");
    assert!(text.contains("--> src/tiny/pipeline_registry.py:4"), "{text}");
}

#[test]
fn a_dataset_that_cannot_be_made_is_named() {
    let project = Project::tiny(NEW, ONE_NODE);
    project.write("conf/base/catalog.yml", "start: {type: text.NoSuchDataset, filepath: data/x}");
    let output = compile(&project, &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(33));
    assert!(text.contains("NoSuchDataset"), "{text}");
    assert!(text.contains("`start`"), "{text}");
    // For a pipeline that does not need it, it is none.
    let base = "other: {type: text.TextDataset, filepath: data/01_raw/start.txt}\n\"out_{x}\": {type: pickle.PickleDataset, filepath: 'data/{x}'}\n";
    project.write(
        "conf/base/catalog.yml",
        &format!("{base}start: {{type: text.NoSuchDataset, filepath: data/x}}"),
    );
    project.replace(
        "src/tiny/pipeline_registry.py",
        "return {",
        "return {'good': pipeline([node(len, 'other', 'out_b', name='b')]), ",
    );
    project.compile(&["-p", "good"]);
}

for_each_kedro!(a_missing_environment_is_kedros_own_message);

fn a_missing_environment_is_kedros_own_message(kedro: Kedro) {
    let project = Project::tiny(kedro, ONE_NODE);
    let output = compile(&project, &["-e", "prod"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(33));
    assert!(text.contains("conf/prod"), "{text}");
    assert!(!text.contains("-->"), "no line of the project is at fault: {text}");
}

#[test]
fn sys_exit_and_a_killed_interpreter_are_no_answers() {
    let project = Project::tiny(NEW, "sys.exit(3)\n");
    let output = compile(&project, &[]);
    assert_eq!(output.status.code(), Some(33), "{}", stderr(&output));
    assert!(stderr(&output).contains("SystemExit: 3"), "{}", stderr(&output));
    let project =
        Project::tiny(NEW, "print('last words', file=sys.stderr, flush=True)\nos._exit(9)\n");
    let output = compile(&project, &[]);
    assert_eq!(output.status.code(), Some(34));
    let text = stderr(&output);
    assert!(text.contains("ended without an answer (exit status: 9)"), "{text}");
    assert!(text.contains("last words"), "{text}");
}

#[test]
fn a_process_that_the_project_leaves_behind_holds_nothing_up() {
    let project = Project::tiny(
        NEW,
        &format!(
            "import subprocess\nopen('pid', 'w').write(str(subprocess.Popen(['sleep', '100']).pid))\n{ONE_NODE}"
        ),
    );
    left_behind_by(&project);
    // A fork holds every descriptor, the answer's too.
    let project = Project::tiny(
        NEW,
        &format!(
            "pid = os.fork()\nif pid == 0:\n    time.sleep(100)\n    os._exit(0)\nopen('pid', 'w').write(str(pid))\n{ONE_NODE}"
        ),
    );
    left_behind_by(&project);
}

fn left_behind_by(project: &Project) {
    let output = project.kubedro(&["compile", "-o", "result.yml"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let pid = nix::unistd::Pid::from_raw(project.read("pid").parse().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL)
        .expect("the process still ran when the answer was there");
}

#[test]
fn what_a_project_prints_stays_out_of_the_result() {
    let project = Project::tiny(
        NEW,
        &format!(
            "print('noise')\nos.system('echo noise from a child')\nos.write(1, b'more noise')\n{ONE_NODE}"
        ),
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"apiVersion: "));
    assert!(!stderr(&output).contains("noise"));
    let output = project.kubedro(&["-v", "compile", "-o", "-"]).output().unwrap();
    assert!(stderr(&output).contains("noise from a child"), "{}", stderr(&output));
}

for_each_kedro!(a_wrong_pipeline_name_gets_the_nearest);

fn a_wrong_pipeline_name_gets_the_nearest(kedro: Kedro) {
    let project = Project::spaceflights(kedro);
    let output = compile(&project, &["-p", "data_procesing"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(35));
    assert!(
        text.contains("no pipeline `data_procesing`. Did you mean `data_processing`?"),
        "{text}"
    );
    assert!(text.contains("registered are __default__, data_processing, data_science"), "{text}");
}

#[test]
fn an_empty_or_missing_exit_pipeline_is_said() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_a', name='a')]), 'empty': pipeline([])}
",
    );
    let output = compile(&project, &["-p", "empty"]);
    assert!(stderr(&output).contains("the pipeline `empty` has no nodes"), "{}", stderr(&output));
    project.write("conf/base/kubeflow.yaml", "run_config: {image: x, on_exit_pipeline: notfy}");
    let output = compile(&project, &[]);
    assert_eq!(output.status.code(), Some(36));
    let text = stderr(&output);
    assert!(text.contains("no pipeline `notfy`"), "{text}");
    assert!(text.contains("conf/base/kubeflow.yaml:1:24"), "{text}");
}

#[test]
fn a_folder_that_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        kubedro(&[&["compile"], arguments].concat()).current_dir(folder.path()).output().unwrap()
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(33));
    let text = stderr(&output);
    assert!(text.contains("is not a Kedro project, nor is any folder above it"), "{text}");
    assert!(text.contains("--project DIR"), "{text}");
    std::fs::write(folder.path().join("pyproject.toml"), "[tool.ruff]\n").unwrap();
    assert!(stderr(&run(&[])).contains("has no [tool.kedro] table"), "{}", stderr(&run(&[])));
    let output = run(&["--project", "no/such"]);
    assert!(stderr(&output).contains("cannot enter the folder no/such"), "{}", stderr(&output));
}

#[test]
fn the_project_is_found_from_below_and_by_name() {
    let project = Project::tiny(NEW, ONE_NODE);
    let here = project.compile(&[]);
    let mut below = project.kubedro(&["compile", "-o", "-"]);
    below.current_dir(project.path().join("src/tiny"));
    assert_eq!(String::from_utf8(below.output().unwrap().stdout).unwrap(), here);
    let path = project.path();
    let mut named = project.kubedro(&["compile", "-o", "-", "--project", path.to_str().unwrap()]);
    named.current_dir("/");
    assert_eq!(String::from_utf8(named.output().unwrap().stdout).unwrap(), here);
}

#[test]
fn the_interpreter_is_the_projects_own() {
    let project = Project::tiny(NEW, ONE_NODE);
    let compile = |set: &dyn Fn(&mut std::process::Command)| {
        let mut command = kubedro(&["compile", "-o", "-"]);
        command.current_dir(project.path());
        set(&mut command);
        command.output().unwrap()
    };
    let home = NEW.python().parent().unwrap().parent().unwrap().to_path_buf();
    let other = OLD.python().parent().unwrap().parent().unwrap().to_path_buf();

    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "KUBEDRO_PYTHON"] {
        let value = if variable == "KUBEDRO_PYTHON" { NEW.python() } else { home.clone() };
        let output = compile(&|command| {
            command.env(variable, &value);
        });
        assert!(output.status.success(), "{variable}: {}", stderr(&output));
    }
    // The option wins over the active environment, and that over .venv.
    let output = compile(&|command| {
        command.env("VIRTUAL_ENV", &other).arg("--python").arg(NEW.python());
    });
    assert!(output.status.success(), "{}", stderr(&output));
    std::os::unix::fs::symlink(&home, project.path().join(".venv")).unwrap();
    assert!(compile(&|_| {}).status.success());
    let output = compile(&|command| {
        command.env("VIRTUAL_ENV", &other);
    });
    assert!(!output.status.success(), "Kedro 0.18 refuses a project of 1.7");

    let output = compile(&|command| {
        command.args(["--python", "/no/such/python"]);
    });
    assert_eq!(output.status.code(), Some(34));
    assert!(
        stderr(&output).contains("/no/such/python is not an executable"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_python_without_kedro_says_which_and_why() {
    let project = Project::tiny(NEW, ONE_NODE);
    let bare = project.scratch("bare");
    let made = std::process::Command::new(NEW.python())
        .args(["-m", "venv", "--without-pip"])
        .arg(&bare)
        .status()
        .unwrap();
    assert!(made.success());
    let output = kubedro(&["compile"])
        .current_dir(project.path())
        .env("VIRTUAL_ENV", &bare)
        .output()
        .unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(34), "{text}");
    assert!(text.contains("Kedro is not installed for"), "{text}");
    assert!(text.contains("of the active virtual environment"), "{text}");
    assert!(text.contains("--python"), "{text}");
}

#[test]
fn a_kedro_that_is_too_old_is_refused() {
    // A stand-in for the package: only its version is looked at before the refusal.
    let project = Project::tiny(OLD, ONE_NODE);
    for (version, refused) in [("0.17.7", true), ("0.18.1", true), ("0.18.2", false)] {
        project.write("old/kedro/__init__.py", &format!("__version__ = '{version}'\n"));
        let output = project
            .kubedro(&["compile", "-o", "-"])
            .env("PYTHONPATH", project.path().join("old"))
            .output()
            .unwrap();
        let text = stderr(&output);
        let said = text.contains(&format!("Kedro {version} is too old: 0.18.2 or newer is needed"));
        assert_eq!(said, refused, "{version}: {text}");
        if refused {
            assert_eq!(output.status.code(), Some(34));
        }
    }
}

#[test]
fn the_old_config_loader_of_0_18_works() {
    // TemplatedConfigLoader, as the projects of kedro-kubeflow have it.
    let project = Project::tiny(OLD, ONE_NODE);
    project.write(
        "src/tiny/settings.py",
        "from kedro.config import TemplatedConfigLoader\nCONFIG_LOADER_CLASS = TemplatedConfigLoader\nCONFIG_LOADER_ARGS = {'globals_dict': {'folder': 'data/01_raw'}}\n",
    );
    let catalog = project.read("conf/base/catalog.yml");
    project
        .write("conf/base/catalog.yml", &catalog.replace("data/01_raw/start", "${folder}/start"));
    project.write("conf/base/parameters.yml", "size: 3\n");
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(project.compiled(&[]).parameter("size"), Some("3"));
}
