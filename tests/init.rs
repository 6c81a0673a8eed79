//! `kubedro init`: a first kubeflow.yaml that is right as it is, and with all
//! that is commented out in it.

use std::process::{Command, Output};

use regex_lite::Regex;

use crate::support::{Kedro, NEW, Project, for_each_kedro, kubedro, stderr, stdout};

const ONE_NODE: &str = "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_a', name='measure')])}
";

const HOST: &str = "https://kubeflow.example.com/pipeline";

fn without_a_file(kedro: Kedro, registry: &str) -> Project {
    let project = Project::tiny(kedro, registry);
    std::fs::remove_file(project.path().join("conf/base/kubeflow.yaml")).unwrap();
    project
}

/// `kubedro init` where there is no Python at all.
fn init(project: &Project, arguments: &[&str]) -> Command {
    let mut command = kubedro(&[&["init"], arguments].concat());
    command.current_dir(project.path()).env("PATH", "/nowhere");
    command
}

fn initialized(project: &Project, arguments: &[&str]) -> Output {
    let output = init(project, arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

for_each_kedro!(what_it_writes_compiles_and_runs);

fn what_it_writes_compiles_and_runs(kedro: Kedro) {
    let project = without_a_file(kedro, ONE_NODE);
    let output = initialized(&project, &[&format!("{HOST}/")]);
    assert_eq!(stdout(&output), "");
    let file = project.path().canonicalize().unwrap().join("conf/base/kubeflow.yaml");
    let said = format!("Configuration generated in {}\n", file.display());
    assert!(stderr(&output).starts_with(&said), "{}", stderr(&output));

    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "", "no warning");
    let workflow = project.as_tree(&stdout(&output));
    assert_eq!(workflow.container("measure")["image"], "project", "the folder's name");
    assert_eq!(
        workflow.container("measure")["resources"]["limits"],
        serde_json::json!({"cpu": "500m", "memory": "1Gi"})
    );
    assert_eq!(workflow.spec()["ttlStrategy"]["secondsAfterCompletion"], 604_800);
    assert!(workflow.spec()["volumeClaimTemplates"].is_array());

    let (output, work) = project.run_local(&["--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    assert_eq!(kedro.unpickled(&work.join("project/data/02/a.pickle")).trim(), "5");
}

#[test]
fn what_is_commented_out_is_good_too() {
    let project = without_a_file(
        NEW,
        "
def register_pipelines():
    return {
        '__default__': pipeline([
            node(len, 'start', 'out_a', name='import_data'),
            node(abs, 'out_a', 'out_b', name='train_model'),
        ]),
        'notify': pipeline([node(print, 'params:status', None, name='tell')]),
    }
",
    );
    initialized(&project, &[HOST]);
    let setting = Regex::new(r"(?m)^( +)# ( *(?:- )?[A-Za-z_./]+:(?: |$))").unwrap();
    let text = project.read("conf/base/kubeflow.yaml");
    assert!(setting.find_iter(&text).count() > 30);
    project.write("conf/base/kubeflow.yaml", &setting.replace_all(&text, "$1$2"));

    let written = project.as_tree(&project.read("conf/base/kubeflow.yaml")).0;
    assert_eq!(written["host"], HOST);
    let run_config = written["run_config"].as_object().unwrap();
    for key in [
        "image",
        "image_pull_policy",
        "root",
        "experiment_name",
        "run_name",
        "scheduled_run_name",
        "description",
        "wait_for_completion",
        "ttl",
        "on_exit_pipeline",
        "on_exit_required",
        "notifications",
        "max_cache_staleness",
        "store_kedro_outputs_as_kfp_artifacts",
        "node_merge_strategy",
        "volume",
        "tolerations",
        "extra_volumes",
        "resources",
        "retry_policy",
    ] {
        assert!(run_config.contains_key(key), "{key} is not in the file");
    }
    for key in ["storageclass", "size", "access_modes", "skip_init", "owner", "keep"] {
        assert!(run_config["volume"].as_object().unwrap().contains_key(key), "volume.{key}");
    }

    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    for warning in said.lines().filter(|line| line.starts_with("warning")) {
        assert!(warning.contains("[setting-without-effect]"), "{said}");
    }
    let workflow = project.as_tree(&stdout(&output));
    let claim = &workflow.spec()["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["storageClassName"], "standard");
    assert_eq!(claim["accessModes"], serde_json::json!(["ReadWriteMany"]));
    assert_eq!(workflow.template("import-data")["retryStrategy"]["limit"], "24");
    assert_eq!(workflow.template("train-model")["retryStrategy"]["limit"], "2");
    assert_eq!(workflow.template("train-model")["tolerations"][0]["operator"], "Exists");
    assert_eq!(workflow.template("import-data")["tolerations"][0]["value"], "pipelines");
    let limits = &workflow.container("train-model")["resources"]["limits"];
    assert_eq!(limits, &serde_json::json!({"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "1"}));
    assert_eq!(workflow.spec()["onExit"], "on-exit");
}

#[test]
fn a_file_that_is_there_stays_unless_forced() {
    for name in ["kubeflow.yaml", "kubeflow.yml"] {
        let project = without_a_file(NEW, ONE_NODE);
        let file = format!("conf/base/{name}");
        project.write(&file, "run_config: {image: mine}\n");
        let output = init(&project, &[HOST]).output().unwrap();
        assert_eq!(output.status.code(), Some(37));
        assert!(stderr(&output).contains(&format!("{file} is there already")));
        assert!(stderr(&output).contains("--force replaces it"));
        assert_eq!(project.read(&file), "run_config: {image: mine}\n");
        let count = || std::fs::read_dir(project.path().join("conf/base")).unwrap().count();
        let before = count();

        let output = initialized(&project, &[HOST, "--force"]);
        assert!(stderr(&output).contains(&file), "{}", stderr(&output));
        assert!(project.read(&file).contains("image: project\n"));
        assert_eq!(count(), before, "one file, not two of which one is ignored");
        assert_eq!(project.compiled(&[]).container("measure")["image"], "project");
    }
}

#[test]
fn where_the_project_lies_in_the_image_is_read_from_the_dockerfile() {
    let project = without_a_file(NEW, ONE_NODE);
    let root = || {
        let output = initialized(&project, &[HOST, "--force"]);
        let text = project.read("conf/base/kubeflow.yaml");
        let tree = project.as_tree(&text).0["run_config"]["root"].clone();
        assert_eq!(tree.is_null(), text.contains("\n  # root: /home/kedro\n"));
        (tree, stderr(&output))
    };
    let (value, said) = root();
    assert!(value.is_null() && said.contains("root   /home/kedro (where nothing"), "{said}");
    project.write("Dockerfile", "FROM python:3.8\nWORKDIR /home/kedro\nCOPY . .\n");
    let (value, said) = root();
    assert!(value.is_null() && said.contains("root   /home/kedro (the WORKDIR of"), "{said}");
    project.write(
        "Dockerfile",
        "ARG BASE_IMAGE=python:3.11
FROM $BASE_IMAGE as runtime-environment
ARG KEDRO_UID=999
ENV PROJECT_HOME=/home/kedro_docker
WORKDIR ${PROJECT_HOME}
FROM runtime-environment
COPY --chown=${KEDRO_UID} . .
",
    );
    let (value, said) = root();
    assert_eq!(value, "/home/kedro_docker");
    assert!(said.contains("root   /home/kedro_docker (the WORKDIR of"), "{said}");
    project.write("Dockerfile", "FROM python:3.11\nWORKDIR $HOME\n");
    let (value, said) = root();
    assert!(value.is_null() && said.contains("(a guess: the Dockerfile"), "{said}");
}

#[test]
fn any_name_is_written_so_that_yaml_reads_it_back() {
    let project = without_a_file(NEW, ONE_NODE);
    let pyproject = project.read("pyproject.toml");
    let named = |name: &str| {
        let name = serde_json::to_string(name).unwrap();
        let line = format!("project_name = {name}");
        project.write("pyproject.toml", &pyproject.replace("project_name = \"Tiny\"", &line));
        initialized(&project, &[HOST, "--force"]);
        let text = project.read("conf/base/kubeflow.yaml");
        let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
        assert!(output.status.success(), "{text}{}", stderr(&output));
        let experiment = project.as_tree(&text).0["run_config"]["experiment_name"].clone();
        let experiment = experiment.as_str().unwrap();
        experiment
            .strip_suffix(" [${oc.env:KEDRO_CONFIG_BRANCH_NAME, local}]")
            .unwrap_or_else(|| panic!("{experiment}"))
            .to_owned()
    };
    for name in [
        "Kubeflow Plugin Demo",
        "a: b #c",
        "\"quoted\" \\ 'x'",
        "- é \u{2028} \u{85} 名",
        "<<host>>",
    ] {
        assert_eq!(named(name), name);
    }
    assert_eq!(named("a ${b} {c}"), "a $b c", "no variable, and no parameter of the run");
    assert_eq!(named(" "), "tiny", "else the package's name");
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let project = without_a_file(NEW, ONE_NODE);
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let output = init(&project, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(!project.path().join("conf/base/kubeflow.yaml").exists());
    };
    refused(&[], 2, "<HOST>");
    refused(&["kubeflow.example.com"], 2, "it has no scheme: write https://kubeflow.example.com");
    refused(&["https://h/#/runs"], 2, "`#/runs` is a page");
    refused(&["https://me:secret@h"], 2, "password");
    refused(&[HOST, "--project", "src"], 33, "src is not a Kedro project");

    let pyproject = project.read("pyproject.toml");
    project.write("pyproject.toml", &format!("{pyproject}x = [\n"));
    refused(&[HOST], 33, "pyproject.toml cannot be used: TOML parse error at line 5");
    project.write("pyproject.toml", &pyproject.replace("\"tiny\"", "7"));
    refused(&[HOST], 33, "at line 2, column 16");
    project.write("pyproject.toml", &pyproject);

    std::fs::rename(project.path().join("conf/base"), project.path().join("conf/first")).unwrap();
    refused(&[HOST], 37, "there is no folder");
}

#[test]
fn quiet_says_nothing() {
    let project = without_a_file(NEW, ONE_NODE);
    assert_eq!(stderr(&initialized(&project, &[HOST, "--quiet"])), "");
    assert!(
        project.read("conf/base/kubeflow.yaml").starts_with("# yaml-language-server: $schema=")
    );
}
