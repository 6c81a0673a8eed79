//! `kubedro step`: what the pods call.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::support::{Kedro, NEW, Project, files, for_each_kedro, kubedro, stderr, stdout};

fn volume_init(folder: &Path, spec: &str) -> Output {
    kubedro(&["step", "volume-init", spec]).current_dir(folder).output().unwrap()
}

#[test]
fn volume_init_copies_all_data_and_sets_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("01_raw/deep")).unwrap();
    std::fs::create_dir_all(data.join("02_empty")).unwrap();
    std::fs::write(data.join("01_raw/deep/a b\u{e9}.csv"), "1,2").unwrap();
    std::fs::write(data.join(".hidden"), "x").unwrap();
    let volume = folder.path().join("datavolume");
    std::fs::create_dir(&volume).unwrap();

    // Only root can give files away; anybody can keep them.
    let root = nix::unistd::geteuid().is_root();
    let owner = if root { 1234 } else { nix::unistd::geteuid().as_raw() };
    let spec = format!("{{\"from\":\"data\",\"to\":\"datavolume\",\"owner\":{owner}}}");
    // Twice, as after a retry.
    for _ in 0..2 {
        let output = volume_init(folder.path(), &spec);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("copied 2 files (4 bytes) in 3 folders"),
            "{}",
            stderr(&output)
        );
        assert_eq!(files(&volume), files(&data));
        assert!(volume.join("02_empty").is_dir());
        for entry in walkdir::WalkDir::new(&volume) {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().uid(), owner, "{}", entry.path().display());
        }
    }
}

#[test]
fn volume_init_of_an_image_without_data_is_an_empty_volume() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("datavolume")).unwrap();
    let output = volume_init(folder.path(), "{\"from\":\"data\",\"to\":\"datavolume\"}");
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("the volume stays empty"), "{}", stderr(&output));
}

#[test]
fn what_nobody_reads_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::create_dir(folder.path().join("datavolume")).unwrap();
    let unread = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let spec = r#"{"from":"data","to":"datavolume"}"#;
    let status = kubedro(&["step", "volume-init", spec])
        .current_dir(folder.path())
        .stderr(unread())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    // There is no project, so the pipeline fails, which is said twice.
    let spec = r#"{"env":"local","project":"a","run_pipeline":"a","pipeline":"b"}"#;
    let status = kubedro(&["step", "on-exit", spec, "--run-id=r", "--save-version=v"])
        .args(["--parameters=W10=", "--run-name=r", "--started=", "--duration=1"])
        .args(["--status=RmFpbGVk", "--failures="])
        .env("KUBEDRO_TERMINATION_LOG", "")
        .current_dir(folder.path())
        .stderr(unread())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn volume_init_stays_below_the_project() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for to in ["../outside", "/tmp", "a/../../b"] {
        let output = volume_init(folder.path(), &format!("{{\"from\":\"data\",\"to\":\"{to}\"}}"));
        assert_eq!(output.status.code(), Some(38), "{to}");
    }
}

const SPEC: &str = "{\"env\":\"local\",\"pipeline\":\"__default__\",\"nodes\":[\"measure\"]}";

fn run(project: &Project, identity: [&str; 3]) -> Output {
    project.kubedro(&[&["step", "run", SPEC][..], &identity].concat()).output().unwrap()
}

const ONE_NODE: &str = "
def measure(text):
    print('ID', os.environ['KUBEDRO_RUN_ID'], os.environ['KUBEDRO_SAVE_VERSION'], flush=True)
    print('ARGV', sys.argv, flush=True)
    return len(text)

def register_pipelines():
    return {'__default__': pipeline([
        node(measure, 'start', 'version_size', name='measure'),
        node(len, 'start', 'out_never', name='other'),
    ])}
";

for_each_kedro!(a_step_runs_its_nodes_under_the_runs_identity);

fn a_step_runs_its_nodes_under_the_runs_identity(kedro: Kedro) {
    let project = Project::tiny(kedro, ONE_NODE);
    // W10= is the base64 of an empty list.
    let output = run(
        &project,
        ["--run-id=r1", "--save-version=2026-01-31T12.00.00Z-r1", "--parameters=W10="],
    );
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("ID r1 2026-01-31T12.00.00Z-r1"), "{text}");
    assert!(text.contains("ARGV ['kedro', 'run']"), "nothing of ours is seen: {text}");
    let data: Vec<String> = files(&project.path().join("data")).into_keys().collect();
    assert_eq!(
        data,
        ["01_raw/start.txt", "03/size.pickle/2026-01-31T12.00.00Z-r1/size.pickle"],
        "the other node did not run"
    );
    // Taken on from another run the version is not ours to remove: the failure
    // is Kedro's, and so is the exit code.
    let list = r#"[{"name":"kubedro-save-version","value":"2026-01-31T12.00.00Z-r1"}]"#;
    let parameters = format!("--parameters={}", BASE64.encode(list));
    let output = run(&project, ["--run-id=r2", "--save-version=own", &parameters]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn a_step_refuses_what_no_workflow_gives() {
    let project = Project::tiny(NEW, ONE_NODE);
    let good = ["--run-id=r", "--save-version=v", "--parameters=W10="];
    let tag = "--parameters={{=toBase64(workflow.parameters.json)}}";
    for (at, wrong, code, said) in [
        // A tag that nobody replaced, and a way out of the dataset's folder.
        (1, "--save-version={{workflow.uid}}", 38, "`{{workflow.uid}}` cannot be a save version"),
        (1, "--save-version=../../x", 38, "cannot be a save version"),
        (0, "--run-id=", 38, "`` cannot be a run id"),
        (2, "--parameters=e30=", 38, "not a JSON list"),
        (2, "--parameters=%", 2, "not base64"),
        (2, "--parameters=@no/such/file", 2, "cannot read no/such/file"),
        (2, tag, 2, "EXPRESSION_TEMPLATES=false"),
    ] {
        let mut identity = good;
        identity[at] = wrong;
        let output = run(&project, identity);
        assert_eq!(output.status.code(), Some(code), "{wrong}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{wrong}: {}", stderr(&output));
    }
    let output = project.kubedro(&["step", "run", "{\"envv\":1}"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unknown field `envv`"), "{}", stderr(&output));
}

#[test]
fn a_step_outside_of_a_project_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let identity = ["--run-id=r", "--save-version=v", "--parameters=W10="];
    let output = kubedro(&[&["step", "run", SPEC][..], &identity].concat())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(33));
    assert!(stderr(&output).contains("is not a Kedro project"), "{}", stderr(&output));
}

#[test]
fn a_run_takes_on_the_identity_of_another() {
    let project = Project::tiny(NEW, ONE_NODE);
    // What is too long for argv comes in a file.
    let list = r#"[{"name":"kubedro-run-id","value":"other"},{"name":"kubedro-save-version","value":"2020-01-31T00.00.00Z-other"}]"#;
    std::fs::write(project.scratch("list"), BASE64.encode(list) + "\n").unwrap();
    let parameters = format!("--parameters=@{}", project.scratch("list").display());
    let output = run(&project, ["--run-id=own", "--save-version=own", &parameters]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("ID other 2020-01-31T00.00.00Z-other"), "{}", stdout(&output));
}

#[test]
fn a_parameter_that_is_no_yaml_is_named() {
    let project = Project::tiny(NEW, ONE_NODE);
    // [{"name":"a","value":"[1"}]
    let output = run(
        &project,
        ["--run-id=r", "--save-version=v", "--parameters=W3sibmFtZSI6ImEiLCJ2YWx1ZSI6IlsxIn1d"],
    );
    assert_eq!(output.status.code(), Some(38));
    assert!(
        stderr(&output).contains("the value of parameter `a` is not YAML"),
        "{}",
        stderr(&output)
    );
}
