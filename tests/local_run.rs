//! `kubedro run-local`: the outputs are those of a plain `kedro run`.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Kedro, NEW, OLD, OLDEST, Project, files, for_each_kedro, stderr, stdout};

for_each_kedro!(makes_what_kedro_run_makes);

fn makes_what_kedro_run_makes(kedro: Kedro) {
    let plain = Project::spaceflights(kedro);
    let output = kedro.run(&plain.path(), &["run"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let (expected, _) = unversioned(files(&plain.path().join("data")));

    let project = Project::spaceflights(kedro);
    let before = files(&project.path());
    let (output, work) = project.run_local(&[]);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert_eq!(stdout(&output), "", "progress is for standard error");
    let (made, versions) = unversioned(files(&work.join("project/data")));

    assert_eq!(made.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, contents) in &expected {
        assert_eq!(&made[name], contents, "{name}");
    }
    assert_eq!(versions.len(), 1, "one version for all: {versions:?}");
    let version = versions.iter().next().unwrap();
    assert!(text.contains(&format!("version  {version}")), "{text}");

    // The summary names each step, and where things lie.
    for step in ["data-volume-init", "active-modelling-pipeline-train-model", "on-exit"] {
        assert!(text.contains(step), "{text}");
    }
    assert!(text.contains("The run succeeded in"), "{text}");
    assert!(text.contains(&format!("outputs  {}", work.join("project/data").display())), "{text}");
    let log = std::fs::read_to_string(work.join("logs/on-exit.log")).unwrap();
    assert!(log.contains("the run has succeeded"), "{log}");
    // Code and configuration went; the project itself is as it was, but for byte code.
    assert!(!work.join("project/src").exists() && !work.join("image").exists());
    let without_byte_code = |files: BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
        files.into_iter().filter(|(name, _)| !name.contains("__pycache__/")).collect()
    };
    assert_eq!(without_byte_code(files(&project.path())), without_byte_code(before));
}

/// Paths with the versions' folders named alike, and the versions; each
/// versioned dataset must have just one.
fn unversioned(files: BTreeMap<String, Vec<u8>>) -> (BTreeMap<String, Vec<u8>>, BTreeSet<String>) {
    let mut versions = BTreeSet::new();
    let mut result = BTreeMap::new();
    for (name, contents) in files {
        let parts: Vec<&str> = name.split('/').collect();
        let name = match parts.as_slice() {
            [before @ .., dataset, version, file] if dataset == file => {
                versions.insert((*version).to_owned());
                [before, &[*dataset, "VERSION", *file]].concat().join("/")
            }
            _ => name,
        };
        assert!(result.insert(name.clone(), contents).is_none(), "{name} has two versions");
    }
    (result, versions)
}

for_each_kedro!(nodes_of_any_name);

fn nodes_of_any_name(kedro: Kedro) {
    // Unnamed nodes: Kedro makes names of brackets, commas and arrows of them.
    let project = Project::tiny(
        kedro,
        "
def pick(a, b):
    return a + b

def register_pipelines():
    return {'__default__': pipeline([
        node(len, 'start', 'out_a'), node(len, 'start', 'version_b'),
        node(pick, ['out_a', 'version_b'], 'out_c'),
    ])}
",
    );
    let (output, work) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let sum = kedro.unpickled(&work.join("project/data/02/c.pickle"));
    assert_eq!(sum.trim(), "10");
}

for_each_kedro!(loads_the_version_of_its_own_run);

fn loads_the_version_of_its_own_run(kedro: Kedro) {
    // Another run's version, newer than any that this one can make, lies there
    // before the node that loads it starts.
    let project = Project::tiny(
        kedro,
        "
import pickle

def make(text):
    return 'mine'

def use(value):
    return value

def disturb(text):
    folder = 'data/03/a.pickle/9999-01-01T00.00.00.000Z'
    os.makedirs(folder)
    with open(folder + '/a.pickle', 'wb') as file:
        pickle.dump('another', file)
    return text

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'version_a', name='make'),
        node(disturb, 'version_a', 'out_b', name='disturb'),
        node(lambda value, b: value, ['version_a', 'out_b'], 'out_c', name='use'),
    ])}
",
    );
    let (output, work) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let loaded = kedro.unpickled(&work.join("project/data/02/c.pickle"));
    assert_eq!(loaded.trim(), "mine");
}

#[test]
fn the_oldest_kedro_runs_too() {
    // It has neither dataset factories nor OmegaConfigLoader yet, and its datasets are its own.
    let project = Project::tiny(
        OLDEST,
        "
def register_pipelines():
    return {'__default__': pipeline([
        node(len, 'start', 'size', name='measure'), node(abs, 'size', 'result', name='use'),
    ])}
",
    );
    project.write(
        "conf/base/catalog.yml",
        "
start: {type: text.TextDataSet, filepath: data/01_raw/start.txt}
size: {type: pickle.PickleDataSet, filepath: data/size.pickle, versioned: true}
result: {type: pickle.PickleDataSet, filepath: data/result.pickle}
",
    );
    project.write("src/tiny/settings.py", "");
    project.replace("pyproject.toml", "kedro_init_version", "project_version");
    project.write("conf/base/parameters.yml", "number: 0.5\n");
    let (output, work) = project.run_local(&["--param", "number=2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let result = OLDEST.unpickled(&work.join("project/data/result.pickle"));
    assert_eq!(result.trim(), "5");
}

#[test]
fn full_runs_in_one_process() {
    let project = Project::tiny(
        OLD,
        "
def register_pipelines():
    return {'__default__': pipeline([
        node(lambda text: os.getpid(), 'start', 'here', name='a'),
        node(lambda pid: pid == os.getpid(), 'here', 'out_same', name='b'),
    ])}
",
    );
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {}, node_merge_strategy: full}",
    );
    let (output, work) = project.run_local(&[]);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    let data = work.join("pods/default/data");
    assert!(text.contains(&format!("outputs  {}", data.display())), "{text}");
    let same = OLD.unpickled(&data.join("02/same.pickle"));
    assert_eq!(same.trim(), "True");
}

#[test]
fn the_view_is_the_image() {
    // What .dockerignore keeps out of the image is not there for the steps.
    let project = Project::tiny(
        NEW,
        "
def seen(text):
    root = os.getcwd()
    found = [os.path.relpath(os.path.join(folder, name), root)
             for folder, _, names in os.walk(root) for name in names]
    return sorted(name for name in found if 'pycache' not in name)

def register_pipelines():
    return {'__default__': pipeline([node(seen, 'start', 'files', name='look')])}
",
    );
    let base = project.read("conf/base/catalog.yml");
    project.write(
        "conf/base/catalog.yml",
        &format!("{base}\nfiles: {{type: pickle.PickleDataset, filepath: data/files.pickle}}"),
    );
    project.write("data/02/old.pickle", "left by a run of the laptop");
    project.write("secret.txt", "not for the image");
    project.write(".dockerignore", "data/*\n!data/01_raw\n*.txt\n");
    project.write("big/pyvenv.cfg", "");
    project.write("big/lib/python", "");
    let (output, work) = project.run_local(&["--keep"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let seen = NEW.python_output(
        &work,
        "import pickle; print('\\n'.join(pickle.load(open('project/data/files.pickle', 'rb'))))",
        &[],
    );
    let seen: Vec<&str> = seen.lines().collect();
    assert!(
        seen.contains(&"data/01_raw/start.txt") && seen.contains(&"pyproject.toml"),
        "{seen:?}"
    );
    assert!(!seen.iter().any(|name| name.contains("old.pickle")), "{seen:?}");
    assert!(!seen.contains(&"secret.txt") && !seen.contains(&"big/lib/python"), "{seen:?}");
    assert!(work.join("project/src").exists() && work.join("image").exists(), "--keep");
}

#[test]
fn a_link_out_of_the_project_leads_to_nothing_as_in_an_image() {
    let project = Project::tiny(NEW, ONE_NODE);
    let real = project.scratch("real");
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("size.pickle"), "precious").unwrap();
    std::os::unix::fs::symlink(&real, project.path().join("data/02")).unwrap();
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(real.join("size.pickle")).unwrap(), "precious");
    assert!(stderr(&output).contains("left out: data/02 is a link"), "{}", stderr(&output));
}

#[test]
fn a_read_only_folder_in_the_project_is_no_trouble() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::tiny(NEW, ONE_NODE);
    let mode = |bits| {
        let raw = project.path().join("data/01_raw");
        std::fs::set_permissions(raw, std::fs::Permissions::from_mode(bits)).unwrap();
    };
    mode(0o555);
    for _ in 0..2 {
        let output = project.kubedro(&["run-local", "--workdir", "build"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(!stderr(&output).contains("not tidy"), "{}", stderr(&output));
    }
    mode(0o755);
}

#[test]
fn a_work_folder_of_somebody_else_is_left_alone() {
    let project = Project::tiny(NEW, ONE_NODE);
    let work = project.scratch("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(work.join("precious"), "x").unwrap();
    let arguments = ["run-local", "--workdir", work.to_str().unwrap()];
    let output = project.kubedro(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no local run made it"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 1);

    // While another run goes on there, it is that run's.
    let busy = std::fs::File::create(work.join(".kubedro-run-local")).unwrap();
    busy.lock().unwrap();
    std::fs::remove_file(work.join("precious")).unwrap();
    let output = project.kubedro(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("another run goes on in"), "{}", stderr(&output));
    drop(busy);

    // Its own it uses again, and starts afresh.
    for _ in 0..2 {
        assert!(project.kubedro(&arguments).output().unwrap().status.success());
        std::fs::write(work.join("project/data/left_over"), "x").unwrap();
    }
    assert!(project.kubedro(&arguments).output().unwrap().status.success());
    assert!(!work.join("project/data/left_over").exists());

    let around = project.path();
    let output = project
        .kubedro(&["run-local", "--workdir", around.parent().unwrap().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(project.path().join("pyproject.toml").is_file());
}

#[test]
fn without_a_work_folder_it_makes_one() {
    let project = Project::tiny(NEW, ONE_NODE);
    let temporary = project.scratch("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let output = project.kubedro(&["run-local"]).env("TMPDIR", &temporary).output().unwrap();
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left.len(), 1, "the steps' own temporary files are gone: {left:?}");
    assert!(left[0].join("project/data/02/size.pickle").is_file(), "{left:?}");
    assert!(text.contains(left[0].to_str().unwrap()), "{text}");
}

const ONE_NODE: &str = "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_size', name='measure')])}
";

#[test]
fn a_work_folder_within_the_project_is_not_copied_into_itself() {
    let project = Project::tiny(NEW, ONE_NODE);
    for _ in 0..2 {
        let output =
            project.kubedro(&["run-local", "--keep", "--workdir", "build/run"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert!(project.path().join("build/run/project/data/02/size.pickle").is_file());
    assert!(!project.path().join("build/run/image/build/run").exists());
    // Nor are other runs' folders.
    let output =
        project.kubedro(&["run-local", "--keep", "--workdir", "build/next"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!project.path().join("build/next/image/build/run").exists());
}

#[test]
fn a_local_run_minds_nothing_that_is_meant_for_a_pod() {
    let project = Project::tiny(
        NEW,
        "
def look(text):
    # What a step that is killed leaves behind lies in the work folder.
    print('SEEN', sorted(name[:13] for name in os.listdir(os.environ['KUBEDRO_OUTPUTS'])), flush=True)
    print('SEEN', 'ARGO_PROGRESS_FILE' in os.environ, flush=True)
    return text

def register_pipelines():
    return {'__default__': pipeline([node(look, 'start', 'out_a', name='look')])}
",
    );
    let message = project.scratch("message");
    let work = project.scratch("work");
    let output = project
        .kubedro(&["run-local", "--workdir", work.to_str().unwrap()])
        .env("ARGO_DEADLINE", "2001-01-01T00:00:00Z")
        .env("ARGO_PROGRESS_FILE", project.scratch("progress"))
        .env("KUBEDRO_TERMINATION_LOG", &message)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!message.exists());
    let log = std::fs::read_to_string(work.join("logs/look.log")).unwrap();
    assert!(log.contains("SEEN ['kubedro-step-']") && log.contains("SEEN False"), "{log}");
}
