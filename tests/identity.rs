//! One run has one identity: what it saves under its version is its own, a
//! retry makes that whole again, and what it loads stays the same to its end.

pub mod deaths;
mod store;

use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::support::{Kedro, NEW, Project, for_each_kedro, stderr, stdout};
use deaths::{Random, die_after_saving, rounds, run_and_kill, saving};
use store::{Store, Tree, assert_same, marker, paths, pickled};

const VERSION: &str = "2026-01-31T12.00.00Z-r1";
/// What a step of that version makes as `version_a`.
const OWN: &str = "a.pickle/2026-01-31T12.00.00Z-r1";
const OWN_FILE: &str = "a.pickle/2026-01-31T12.00.00Z-r1/a.pickle";

/// `kubedro step run` of one node, in the project's own folder.
fn step(project: &Project, node: &str, version: &str, more: &[&str]) -> Output {
    let spec = format!("{{\"env\":\"local\",\"pipeline\":\"__default__\",\"nodes\":[\"{node}\"]}}");
    step_of(project, &spec, version, more)
}

fn step_of(project: &Project, spec: &str, version: &str, more: &[&str]) -> Output {
    let version = format!("--save-version={version}");
    let arguments = [&["step", "run", spec, "--run-id=r1", &version], more].concat();
    project.kubedro(&arguments).output().unwrap()
}

/// An empty list of parameters.
const NO_PARAMETERS: &str = "--parameters=W10=";

fn succeed(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(output), stderr(output));
}

// ---- Retries ----

for_each_kedro!(
    a_step_killed_after_saving_ends_as_if_it_had_not_been,
    a_step_killed_after_saving_to_s3_ends_as_if_it_had_not_been,
);

fn a_step_killed_after_saving_ends_as_if_it_had_not_been(kedro: Kedro) {
    killed_after_saving(kedro, &Store::Volume);
}

fn a_step_killed_after_saving_to_s3_ends_as_if_it_had_not_been(kedro: Kedro) {
    killed_after_saving(kedro, &Store::bucket());
}

/// Killed between the save and the exit, as by the kernel that wants memory.
fn killed_after_saving(kedro: Kedro, store: &Store) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    return ['made of', text]

def use(value):
    return value

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'version_a', name='make'),
        node(use, 'version_a', 'out_b', name='use'),
    ])}
",
    );
    store.equip(&project);
    die_after_saving(&project, "version_a");
    same_as_without_a_death(&project, store);
}

for_each_kedro!(a_file_that_was_cut_off_is_written_again);

/// Killed in the middle of the one file of a version.
fn a_file_that_was_cut_off_is_written_again(kedro: Kedro) {
    let project = Project::tiny(
        kedro,
        "
import signal

class Deadly:
    # Pickling it is the end of the first process that does.
    def __reduce__(self):
        if not os.path.exists(MARKER):
            open(MARKER, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        return str, ('whole',)

def make(text):
    # More than any buffer holds: part of it is in the file already.
    return [b'x' * 10_000_000, Deadly()]

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'version_a', name='make'),
        node(lambda value: value[1], 'version_a', 'out_b', name='use'),
    ])}
",
    );
    Store::Volume.equip(&project);
    same_as_without_a_death(&project, &Store::Volume);
}

for_each_kedro!(
    of_a_half_written_folder_nothing_stays,
    of_a_half_written_folder_on_s3_nothing_stays,
);

fn of_a_half_written_folder_nothing_stays(kedro: Kedro) {
    half_written(kedro, &Store::Volume);
}

fn of_a_half_written_folder_on_s3_nothing_stays(kedro: Kedro) {
    half_written(kedro, &Store::bucket());
}

/// Killed between two files of a version. The retry writes files of other
/// names, so that any that is left is seen.
fn half_written(kedro: Kedro, store: &Store) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    if not os.path.exists(MARKER):
        open(MARKER, 'w').close()
        return {'first_1': 'x', 'first_2': 'die', 'first_3': 'x'}
    return {'second_1': 'x', 'second_2': 'y'}

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'parts_a', name='make'),
        node(lambda parts: parts, 'parts_a', 'out_b', name='use'),
    ])}
",
    );
    store.equip(&project);
    same_as_without_a_death(&project, store);
}

/// A local run in which a process dies, which leaves the marker when it does,
/// ends like one in which none does.
fn same_as_without_a_death(project: &Project, store: &Store) {
    std::fs::write(marker(project), "").unwrap();
    let clean = project.run_local(&[]);
    let (expected, _) = store.result(&clean);
    assert!(!stderr(&clean.0).contains("tries"), "{}", stderr(&clean.0));
    assert!(expected.keys().any(|path| path.contains("/VERSION/")), "{:?}", paths(&expected));

    store.clear();
    std::fs::remove_file(marker(project)).unwrap();
    let run = project.run_local(&[]);
    assert!(marker(project).exists(), "nothing has died: {}", stderr(&run.0));
    let (found, _) = store.result(&run);
    assert!(stderr(&run.0).contains("2 tries"), "{}", stderr(&run.0));
    assert_same(&found, &expected, "a run with a death, and one without");
}

// ---- What is not the failed attempt's ----

for_each_kedro!(a_retry_removes_nothing_but_its_own_version);

fn a_retry_removes_nothing_but_its_own_version(kedro: Kedro) {
    removes_nothing_else(kedro, &Store::Volume);
}

#[test]
fn a_retry_removes_nothing_from_s3_but_its_own_version() {
    removes_nothing_else(NEW, &Store::bucket());
}

fn removes_nothing_else(kedro: Kedro, store: &Store) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    # What has no version is there until it is written again.
    assert os.path.exists('data/02/plain.pickle')
    return 'mine', 'mine'

def other(text):
    return 'of the same run'

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', ['version_a', 'out_plain'], name='make'),
        node(other, 'start', 'version_b', name='other'),
    ])}
",
    );
    store.equip(&project);
    die_after_saving(&project, "version_a");
    let root = project.path();
    succeed(&step(&project, "other", VERSION, &[NO_PARAMETERS]));
    for file in [
        // Older, newer, and versions that begin or end as this one does.
        "a.pickle/2020-01-01T00.00.00Z-old/a.pickle".to_owned(),
        "a.pickle/9999-01-01T00.00.00Z-new/a.pickle".to_owned(),
        format!("a.pickle/{VERSION}0/a.pickle"),
        format!("a.pickle/x{VERSION}/a.pickle"),
        // Beside the versions.
        "a.pickle/notes.txt".to_owned(),
        // Datasets whose names begin or end as this one's does.
        format!("a.pickle2/{VERSION}/a.pickle2"),
        format!("xa.pickle/{VERSION}/xa.pickle"),
    ] {
        store.put(&root, &file, &pickled("precious"));
    }
    project.write("data/02/plain.pickle", "Vbefore\n.");
    let before = store.tree(&root);
    assert!(before.keys().any(|path| path.ends_with(&format!("b.pickle/{VERSION}/b.pickle"))));

    let output = step(&project, "make", VERSION, &[NO_PARAMETERS]);
    assert_eq!(output.status.code(), Some(137), "{}", stderr(&output));
    succeed(&step(&project, "make", VERSION, &[NO_PARAMETERS]));

    assert_eq!(kedro.unpickled(&store.folder(&root).join(OWN_FILE)).trim(), "mine");
    assert_eq!(kedro.unpickled(&root.join("data/02/plain.pickle")).trim(), "mine");
    let others = |tree: Tree| -> Tree {
        let own = format!("03/{OWN}");
        let of_the_step = |path: &str| {
            let path = path.strip_prefix("s3/").unwrap_or(path);
            path == own || path.starts_with(&format!("{own}/")) || path == "02/plain.pickle"
        };
        tree.into_iter().filter(|(path, _)| !of_the_step(path)).collect()
    };
    let (after, before) = (others(store.tree(&root)), others(before));
    assert_same(&after, &before, "all that is not of the version of the failed attempt");
}

for_each_kedro!(of_a_run_whose_version_was_taken_on_nothing_is_removed);

fn of_a_run_whose_version_was_taken_on_nothing_is_removed(kedro: Kedro) {
    taken_on(kedro, &Store::Volume);
}

#[test]
fn of_a_run_whose_version_was_taken_on_nothing_is_removed_from_s3() {
    taken_on(NEW, &Store::bucket());
}

/// A run that takes on the version of another one may load what that one has
/// made; it has no right to remove it, so it fails as Kedro does.
fn taken_on(kedro: Kedro, store: &Store) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    return os.environ['KUBEDRO_RUN_ID']

def register_pipelines():
    return {'__default__': pipeline([node(make, 'start', 'version_a', name='make')])}
",
    );
    store.equip(&project);
    succeed(&step(&project, "make", VERSION, &[NO_PARAMETERS]));
    let before = store.tree(&project.path());
    let list = format!("[{{\"name\":\"kubedro-save-version\",\"value\":\"{VERSION}\"}}]");
    let parameters = format!("--parameters={}", BASE64.encode(list));
    // The second time is a retry of the first.
    for _ in 0..2 {
        let output = step(&project, "make", "2026-02-01T00.00.00Z-r2", &[&parameters]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let text = stdout(&output) + &stderr(&output);
        // Kedro wraps its lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("must not exist"), "{text}");
        assert_same(&store.tree(&project.path()), &before, "what the other run has made");
    }
}

// ---- Overlapping runs ----

for_each_kedro!(overlapping_runs_on_one_volume_load_what_they_made);

/// The steps of two runs one between the other, and one of each dies: each
/// loads its own, whichever is newer.
fn overlapping_runs_on_one_volume_load_what_they_made(kedro: Kedro) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    return os.environ['KUBEDRO_SAVE_VERSION']

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'version_a', name='make'),
        node(lambda value: value, 'version_a', 'version_b', name='use'),
    ])}
",
    );
    Store::Volume.equip(&project);
    die_after_saving(&project, "version_a");
    let runs = ["2026-01-31T12.00.00Z-r1", "2026-01-31T12.00.00Z-r2"];
    for run in runs {
        let _ = std::fs::remove_file(marker(&project));
        let output = step(&project, "make", run, &[NO_PARAMETERS]);
        assert_eq!(output.status.code(), Some(137), "{}", stderr(&output));
    }
    for run in runs {
        succeed(&step(&project, "make", run, &[NO_PARAMETERS]));
    }
    let spec = r#"{"env":"local","pipeline":"__default__","nodes":["use"],"load_at_save_version":["version_a"]}"#;
    for run in runs {
        succeed(&step_of(&project, spec, run, &[NO_PARAMETERS]));
    }
    for name in ["a", "b"] {
        let folder = project.path().join(format!("data/03/{name}.pickle"));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        for run in runs {
            let file = folder.join(run).join(format!("{name}.pickle"));
            assert_eq!(kedro.unpickled(&file).trim(), run, "{name}");
        }
    }
}

/// Two local runs at once. Each dies once after it has saved, and waits then
/// until the other has saved too, so that both versions are there for both.
#[test]
fn overlapping_runs_on_one_bucket_load_what_they_made() {
    let store = Store::bucket();
    let project = Project::tiny(
        NEW,
        "
def make(text):
    return os.environ['KUBEDRO_SAVE_VERSION']

def meet(mine):
    until = time.time() + 100
    while time.time() < until:
        # A run that has died and not yet begun again has one, too.
        folder = STORE + '/a.pickle'
        if sum(os.path.exists(folder + '/' + name + '/a.pickle') for name in os.listdir(folder)) == 2:
            return mine
        time.sleep(0.05)
    raise TimeoutError('the other run did not come')

def use(mine, met):
    return mine

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', 'version_a', name='make'),
        node(meet, 'version_a', 'out_met', name='meet'),
        node(use, ['version_a', 'out_met'], 'version_b', name='use'),
    ])}
",
    );
    store.equip(&project);
    die_after_saving(&project, "version_a");
    // Each run has a marker of its own.
    let text = project.read("src/tiny/hooks.py");
    project.write(
        "src/tiny/hooks.py",
        &text.replace(
            "\n\n\nclass",
            " + '-' + os.environ.get('KUBEDRO_SAVE_VERSION', '')\n\n\nclass",
        ),
    );
    let start = |name: &str| {
        let work = project.scratch(name);
        let arguments = ["run-local", "--workdir", work.to_str().unwrap()];
        let mut command = project.kubedro(&arguments);
        let child =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        (child.spawn().unwrap(), work)
    };
    let runs =
        [start("one"), start("two")].map(|(child, work)| (child.wait_with_output().unwrap(), work));
    let mut versions = Vec::new();
    for run in &runs {
        let (_, version) = store.result(run);
        assert!(stderr(&run.0).contains("2 tries"), "{}", stderr(&run.0));
        for name in ["a", "b"] {
            let file = format!("{name}.pickle/{version}/{name}.pickle");
            let file = store.folder(&run.1).join(file);
            assert_eq!(NEW.unpickled(&file).trim(), version, "{name}");
        }
        versions.push(version);
    }
    for name in ["a", "b"] {
        let folder = store.folder(&project.path()).join(format!("{name}.pickle"));
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2, "{versions:?}");
    }
}

// ---- Deaths at any point ----

for_each_kedro!(runs_killed_at_random_points_end_like_one_that_was_not);

fn runs_killed_at_random_points_end_like_one_that_was_not(kedro: Kedro) {
    // Each round takes some seconds.
    let rounds = if kedro == NEW { 6 } else { 2 };
    killed_at_random(kedro, &Store::Volume, "runs_killed_at_random_points", rounds);
}

#[test]
fn runs_on_s3_killed_at_random_points_end_like_one_that_was_not() {
    killed_at_random(NEW, &Store::bucket(), "runs_on_s3_killed_at_random_points", 4);
}

/// Every step saves slowly, so that most of its life is time in which some of
/// its data are there and others are not.
fn killed_at_random(kedro: Kedro, store: &Store, test: &str, default_rounds: u64) {
    let project = Project::tiny(
        kedro,
        "
def make(text):
    return {str(number): text * number for number in range(5)}, 'one'

def use(parts, one):
    return dict(parts, more=one), sorted(parts)

def register_pipelines():
    return {'__default__': pipeline([
        node(make, 'start', ['parts_a', 'version_a'], name='make'),
        node(use, ['parts_a', 'version_a'], ['parts_b', 'out_c'], name='use'),
        node(lambda parts: parts, 'parts_b', 'version_d', name='again'),
    ])}
",
    );
    store.equip(&project);
    project.replace("src/tiny/parts.py", "PAUSE = 0\n", "PAUSE = 0.1\n");
    let saving = format!("SAVING = {:?}", saving(&project).to_str().unwrap());
    project.replace("src/tiny/parts.py", "SAVING = None", &saving);
    let (expected, _) = store.result(&project.run_local(&[]));
    let mut random = Random::new(test);
    let mut deaths = 0;
    for round in 0..rounds(default_rounds) {
        store.clear();
        let (output, work, killed) = run_and_kill(&project, &mut random, 3);
        deaths += killed;
        let (found, _) = store.result(&(output, work));
        assert_same(&found, &expected, &format!("round {round}, {killed} were killed"));
    }
    assert!(deaths > 0, "nothing was killed");
}

// ---- What a run loads and has not made ----

/// Two nodes load a dataset that no node makes; between them a newer version
/// appears.
const PARTIAL: &str = "
def newer(first):
    folder = STORE + '/a.pickle/9999-01-01T00.00.00.000Z'
    os.makedirs(folder)
    with open(folder + '/a.pickle', 'w') as file:
        file.write('Vnewer\\n.')
    return first

def register_pipelines():
    return {'__default__': pipeline([
        node(lambda value: value, 'version_a', 'out_first', name='first'),
        node(newer, 'out_first', 'out_between', name='between'),
        node(lambda value, first: [first, value], ['version_a', 'out_between'], 'out_second', name='second'),
    ])}
";

const OLDER: &str = "2020-01-01T00.00.00.000Z";
const PRESENT: &str = "2021-01-01T00.00.00.000Z";

fn partial(kedro: Kedro, store: &Store) -> Project {
    let project = Project::tiny(kedro, PARTIAL);
    store.equip(&project);
    for (version, text) in [(OLDER, "older"), (PRESENT, "present")] {
        store.put(&project.path(), &format!("a.pickle/{version}/a.pickle"), &pickled(text));
    }
    project
}

/// What the two nodes have loaded in a local run.
fn loaded(project: &Project, arguments: &[&str]) -> String {
    let (output, work) = project.run_local(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    project.kedro.unpickled(&work.join("project/data/02/second.pickle")).trim().to_owned()
}

for_each_kedro!(all_steps_load_the_version_that_was_newest_at_the_start);

fn all_steps_load_the_version_that_was_newest_at_the_start(kedro: Kedro) {
    newest_at_the_start(kedro, &Store::Volume);
}

#[test]
fn all_steps_load_the_version_from_s3_that_was_newest_at_the_start() {
    newest_at_the_start(NEW, &Store::bucket());
}

fn newest_at_the_start(kedro: Kedro, store: &Store) {
    let project = partial(kedro, store);
    assert_eq!(loaded(&project, &[]), "['present', 'present']");
}

for_each_kedro!(a_load_version_that_is_asked_for_is_loaded_by_all_steps);

fn a_load_version_that_is_asked_for_is_loaded_by_all_steps(kedro: Kedro) {
    let project = partial(kedro, &Store::Volume);
    let asked = format!("version_a:{OLDER}");
    assert_eq!(loaded(&project, &["--load-version", &asked]), "['older', 'older']");
}

#[test]
fn versions_are_looked_up_once_before_the_first_node_and_by_no_run_that_has_all_its_own() {
    let project = partial(NEW, &Store::Volume);
    let (output, _) = project.run_local(&[]);
    let text = stderr(&output);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text}"));
    assert!(at("load-versions: succeeded") < at("first: started"), "{text}");

    // What the plan makes itself has the run's own version.
    project.replace(
        "src/tiny/pipeline_registry.py",
        "pipeline([",
        "pipeline([\n        node(lambda text: text, 'start', 'version_a', name='make'),",
    );
    let (output, _) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("load-versions"), "{}", stderr(&output));
}

#[test]
fn a_load_version_is_known_to_compile_and_lint() {
    let project = partial(NEW, &Store::Volume);
    let asked = format!("version_a:{OLDER}");
    let yaml = project.compile(&["--load-version", &asked]);
    assert!(yaml.contains(OLDER), "{yaml}");
    let output = project.kubedro(&["lint", "--load-version", &asked]).output().unwrap();
    succeed(&output);
}

#[test]
fn a_load_version_of_a_dataset_that_is_not_there_is_refused() {
    let project = partial(NEW, &Store::Volume);
    for command in ["compile", "run-local", "lint"] {
        let arguments = [command, "--load-version", "version_b:2020-01-01T00.00.00.000Z"];
        let output = project.kubedro(&arguments).output().unwrap();
        let text = stderr(&output);
        // Not an option that nobody knows, and not an exception.
        assert!(!output.status.success() && !text.contains("unexpected argument"), "{text}");
        assert!(text.contains("version_b") && text.contains("version_a"), "{command}: {text}");
        assert!(!text.contains("Traceback"), "{command}: {text}");
    }
}

#[test]
fn a_load_version_that_was_never_saved_stops_the_run_before_its_first_node() {
    let project = partial(NEW, &Store::Volume);
    let (output, work) =
        project.run_local(&["--load-version", "version_a:1999-01-01T00.00.00.000Z"]);
    let text = stderr(&output);
    assert!(!output.status.success() && !text.contains("unexpected argument"), "{text}");
    assert!(text.contains("version_a") && text.contains("1999-01-01T00.00.00.000Z"), "{text}");
    assert!(!work.join("project/data/02").exists(), "no node has run: {text}");
}
