//! `kubedro compile`: the workflow is Kedro's pipeline, and Argo takes it.

use std::collections::BTreeMap;

use crate::support::{Kedro, NEW, Project, for_each_kedro, stderr, stdout};

for_each_kedro!(has_exactly_kedros_edges);

fn has_exactly_kedros_edges(kedro: Kedro) {
    let project = Project::spaceflights(kedro);
    for pipeline in ["__default__", "data_science"] {
        let edges = kedro.python_output(
            &project.path(),
            "import json, sys
from pathlib import Path
answer = sys.stdout
sys.stdout = sys.stderr
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import pipelines
graph = pipelines[sys.argv[1]].node_dependencies
edges = {node.name: sorted(parent.name for parent in parents) for node, parents in graph.items()}
print(json.dumps(edges), file=answer)",
            &[pipeline],
        );
        let edges: BTreeMap<String, Vec<String>> =
            serde_json::from_str(edges.lines().last().unwrap()).unwrap();
        assert!(edges.len() >= 6);
        let step = |node: &str| node.replace(['.', '_'], "-");
        let mut expected: Vec<(String, Vec<String>)> = edges
            .iter()
            .map(|(node, parents)| {
                let mut needs: Vec<String> = parents.iter().map(|name| step(name)).collect();
                if needs.is_empty() {
                    needs.push("data-volume-init".to_owned());
                }
                needs.sort();
                (step(node), needs)
            })
            .chain([("data-volume-init".to_owned(), Vec::new())])
            .collect();
        expected.sort();
        let mut tasks = project.compiled(&["-p", pipeline]).tasks();
        // Each step comes after all that it needs.
        for (at, (name, needs)) in tasks.iter().enumerate() {
            for need in needs {
                assert!(tasks[..at].iter().any(|(before, _)| before == need), "{name} {need}");
            }
        }
        tasks.sort();
        assert_eq!(tasks, expected);
    }
}

for_each_kedro!(is_valid_for_argo_and_always_the_same);

fn is_valid_for_argo_and_always_the_same(kedro: Kedro) {
    let project = Project::spaceflights(kedro);
    let schema = serde_json::from_str(include_str!("fixtures/argo-v4.1.2.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let config = project.read("conf/base/kubeflow.yaml");
    let variations = [
        config.clone(),
        config.replace("keep: False", "keep: True"),
        config.replace("node_merge_strategy: none", "node_merge_strategy: full"),
        config.replace("  volume:", "  volume: {skip_init: yes, owner: null}\n  unused:"),
    ];
    for (at, variation) in variations.iter().enumerate() {
        project.write("conf/base/kubeflow.yaml", variation);
        let first = project.compile(&[]);
        // Python's hashes are others at each start, and so is the order of its sets.
        for _ in 0..if at == 0 { 3 } else { 1 } {
            let again = project.compile(&[]);
            let differs = first.lines().zip(again.lines()).find(|(old, new)| old != new);
            assert_eq!(differs, None, "the same input gives the same bytes");
            assert_eq!(first.len(), again.len());
        }
        let workflow = project.as_tree(&first);
        let problems: Vec<String> =
            validator.iter_errors(&workflow.0).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

#[test]
fn the_schema_check_can_fail() {
    let schema = serde_json::from_str(include_str!("fixtures/argo-v4.1.2.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let project = Project::tiny(NEW, ONE_NODE);
    let mut workflow = project.compiled(&[]).0;
    workflow["spec"]["ttlStrategy"] = "a week".into();
    assert!(!validator.is_valid(&workflow));
}

const ONE_NODE: &str = "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_size', name='measure')])}
";

#[test]
fn a_step_is_what_the_configuration_says() {
    let project = Project::spaceflights(NEW);
    project.write(
        "conf/base/kubeflow.yaml",
        "
host: https://example.com
run_config:
  image: registry/image:${commit_id|dirty}
  image_pull_policy: Always
  description: \"it's: {{workflow.name}}\"
  ttl: 60
  on_exit_pipeline: notify
  volume:
    storageclass: fast
    size: 2Gi
    access_modes: [ReadWriteMany]
    owner: 1000
  resources:
    __default__: {cpu: 1, memory: 1Gi}
    evaluation: {cpu: 250m}
    preprocess-shuttles: {memory: 2Gi}
    active_modelling_pipeline.train_model: {nvidia.com/gpu: 1}
  retry_policy:
    __default__: {num_retries: 4, backoff_duration: 60s, backoff_factor: 2}
    preprocess_shuttles: {num_retries: 90}
  tolerations:
    __default__:
      - {key: dedicated, operator: Equal, value: ml-ops, effect: NoSchedule}
    preprocess_companies: []
",
    );
    let workflow = project.compiled(&[]);
    let spec = workflow.spec();
    assert_eq!(
        spec["ttlStrategy"],
        serde_json::json!({
            "secondsAfterCompletion": 60, "secondsAfterSuccess": 60, "secondsAfterFailure": 60,
        })
    );
    let claim = &spec["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["storageClassName"], "fast");
    assert_eq!(claim["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(claim["accessModes"], serde_json::json!(["ReadWriteMany"]));
    assert_eq!(spec["volumeClaimGC"]["strategy"], "OnWorkflowCompletion");
    assert_eq!(spec["podGC"]["strategy"], "OnWorkflowCompletion");
    assert_eq!(spec["onExit"], "on-exit");

    let resources = |step: &str| workflow.container(step)["resources"].clone();
    let both =
        |amounts: serde_json::Value| serde_json::json!({"limits": amounts, "requests": amounts});
    assert_eq!(
        resources("preprocess-companies"),
        both(serde_json::json!({"cpu": "1", "memory": "1Gi"}))
    );
    assert_eq!(
        resources("preprocess-shuttles"),
        both(serde_json::json!({"cpu": "1", "memory": "2Gi"})),
        "the sanitized name, which is what kedro-kubeflow 0.7.4 compares with"
    );
    assert_eq!(
        resources("active-modelling-pipeline-train-model"),
        both(serde_json::json!({"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}))
    );
    assert_eq!(
        resources("active-modelling-pipeline-evaluate-model"),
        both(serde_json::json!({"cpu": "250m", "memory": "1Gi"})),
        "a tag"
    );
    for step in ["data-volume-init", "on-exit"] {
        assert_eq!(resources(step), both(serde_json::json!({"cpu": "1", "memory": "1Gi"})));
    }

    let retry = |step: &str| workflow.template(step)["retryStrategy"].clone();
    assert_eq!(
        retry("preprocess-shuttles"),
        serde_json::json!({
            "limit": "90", "retryPolicy": "Always", "backoff": {"duration": "60s", "factor": "2"},
        })
    );
    assert_eq!(retry("data-volume-init")["limit"], "4");

    assert_eq!(workflow.template("preprocess-companies")["tolerations"], serde_json::Value::Null);
    assert_eq!(workflow.template("on-exit")["tolerations"][0]["value"], "ml-ops");

    let node = workflow.container("preprocess-companies");
    assert_eq!(node["image"], "registry/image:dirty");
    assert_eq!(node["imagePullPolicy"], "Always");
    assert_eq!(node["securityContext"]["runAsUser"], 1000);
    assert_eq!(node["workingDir"], "/home/kedro");
    assert_eq!(node["command"], serde_json::json!(["kubedro"]));
    assert_eq!(node["volumeMounts"][0]["mountPath"], "/home/kedro/data");
    let init = workflow.container("data-volume-init");
    assert_eq!(init["volumeMounts"][0]["mountPath"], "/home/kedro/datavolume");
    assert_eq!(init["securityContext"]["runAsUser"], 1000, "its group lets it in");
    assert_eq!(
        spec["securityContext"],
        serde_json::json!({"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"})
    );
    assert!(init["args"][2].as_str().unwrap().contains("\"owner\":1000"));
    assert_eq!(workflow.container("on-exit")["volumeMounts"], serde_json::Value::Null);
    let names: Vec<_> = spec["templates"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names.len(), 14, "one template a step, and the graph");
}

#[test]
fn root_fills_a_volume_that_knows_no_groups_where_somebody_says_so() {
    let project = Project::tiny(NEW, ONE_NODE);
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config: {image: x, volume: {owner: 1000, init_as_root: True, init_paths: [01_raw/, ./02]}}\n",
    );
    let workflow = project.compiled(&[]);
    assert_eq!(workflow.spec()["securityContext"], serde_json::Value::Null);
    let init = workflow.container("data-volume-init");
    assert_eq!(init["securityContext"]["runAsUser"], 0, "only root can give files away");
    let spec: serde_json::Value = serde_json::from_str(init["args"][2].as_str().unwrap()).unwrap();
    assert_eq!(spec["owner"], 1000);
    assert_eq!(spec["paths"], serde_json::json!(["01_raw", "02"]));
    assert_eq!(workflow.container("measure")["securityContext"]["runAsUser"], 1000);

    for path in ["../secrets", "/etc", ".", "''"] {
        project.write(
            "conf/base/kubeflow.yaml",
            &format!("run_config: {{image: x, volume: {{init_paths: [{path}]}}}}\n"),
        );
        let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
        assert_eq!(output.status.code(), Some(32), "{}", stderr(&output));
        assert!(stderr(&output).contains("is not a path below data/"), "{}", stderr(&output));
    }
}

#[test]
fn defaults_are_those_of_kedro_kubeflow() {
    let project = Project::tiny(NEW, ONE_NODE);
    let workflow = project.compiled(&[]);
    let node = workflow.container("measure");
    assert_eq!(node["resources"]["limits"], serde_json::json!({"cpu": "500m", "memory": "1024Mi"}));
    assert_eq!(node["imagePullPolicy"], "IfNotPresent");
    assert_eq!(node["securityContext"]["runAsUser"], 0);
    assert_eq!(workflow.template("measure")["retryStrategy"], serde_json::Value::Null);
    let spec = workflow.spec();
    assert_eq!(spec["ttlStrategy"]["secondsAfterCompletion"], 604_800);
    assert_eq!(spec["onExit"], serde_json::Value::Null, "there is nothing to do at the end");
    let claim = &spec["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(claim["accessModes"], serde_json::json!(["ReadWriteOnce"]));
    assert_eq!(claim.get("storageClassName"), None, "the cluster's default");
}

#[test]
fn a_kept_volume_has_no_owner() {
    let project = Project::tiny(NEW, ONE_NODE);
    project
        .write("conf/base/kubeflow.yaml", "run_config:\n  image: tiny:1\n  volume: {keep: True}\n");
    let workflow = project.compiled(&[]);
    let create = &workflow.template("data-volume-create")["resource"];
    assert_eq!(create["action"], "create");
    assert_eq!(create["setOwnerReference"], false);
    let manifest: serde_json::Value =
        serde_json::from_str(create["manifest"].as_str().unwrap()).unwrap();
    let name = "{{workflow.name}}-default-data-volume";
    assert_eq!(manifest["metadata"]["name"], name);
    let spec = workflow.spec();
    assert_eq!(spec["volumes"][0]["persistentVolumeClaim"]["claimName"], name);
    assert_eq!(spec["podGC"], serde_json::Value::Null, "logs stay, with the volume");
    assert_eq!(spec["volumeClaimTemplates"], serde_json::Value::Null);
    assert_eq!(
        workflow.tasks(),
        [
            ("data-volume-create".to_owned(), vec![]),
            ("data-volume-init".to_owned(), vec!["data-volume-create".to_owned()]),
            ("measure".to_owned(), vec!["data-volume-init".to_owned()]),
        ]
    );
}

#[test]
fn full_is_one_pod() {
    let project = Project::spaceflights(NEW);
    project.replace(
        "conf/base/kubeflow.yaml",
        "node_merge_strategy: none",
        "node_merge_strategy: full",
    );
    let workflow = project.compiled(&[]);
    assert_eq!(workflow.tasks(), [("default".to_owned(), vec![])]);
    let spec = workflow.container("default")["args"][2].as_str().unwrap();
    assert!(!spec.contains("\"nodes\""), "{spec}");
    assert_eq!(workflow.spec()["volumeClaimTemplates"], serde_json::Value::Null);
    // A volume that is there for what remains is made all the same.
    project.replace("conf/base/kubeflow.yaml", "keep: False", "keep: True");
    let names: Vec<String> =
        project.compiled(&[]).tasks().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["data-volume-create", "data-volume-init", "default"]);
}

#[test]
fn the_machines_kedro_config_reaches_the_pods() {
    let project = Project::tiny(NEW, ONE_NODE);
    let compiled = |name: &str, value: &str| {
        project
            .kubedro(&["compile", "-o", "-"])
            .env("IAP_CLIENT_ID", "client")
            .env(name, value)
            .output()
            .unwrap()
    };
    let hostile = "a$$b $(HOME) \"it's\"\n#: é";
    let output = compiled("KEDRO_CONFIG_X", hostile);
    assert!(output.status.success(), "{}", stderr(&output));
    let workflow = project.as_tree(&stdout(&output));
    let env = workflow.container("measure")["env"].clone();
    // As the kubelet will read it: `$$` is one `$`, `$(NAME)` a variable.
    let escaped = hostile.replace('$', "$$");
    assert_eq!(
        env,
        serde_json::json!([
            {"name": "IAP_CLIENT_ID", "value": "client"},
            {"name": "KUBEFLOW_RUN_ID", "value": "{{workflow.uid}}"},
            {"name": "KEDRO_CONFIG_X", "value": escaped},
        ])
    );
    // Argo has no escape for its tags: said, rather than changed in silence.
    let output = compiled("KEDRO_CONFIG_X", "a {{workflow.name}}");
    assert_eq!(output.status.code(), Some(36));
    assert!(stderr(&output).contains("KEDRO_CONFIG_X has `{{`"), "{}", stderr(&output));
}

#[test]
fn only_what_this_plan_makes_is_pinned() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    make = node(len, 'start', 'version_a', name='make')
    use = node(abs, 'version_a', 'out_b', name='use')
    return {'__default__': pipeline([make, use]), 'second': pipeline([use])}
",
    );
    let spec = |pipeline: &str| {
        let workflow = project.compiled(&["-p", pipeline]);
        workflow.container("use")["args"][2].as_str().unwrap().to_owned()
    };
    assert!(spec("__default__").contains("\"load_at_save_version\":[\"version_a\"]"));
    assert!(!spec("second").contains("load_at_save_version"), "another run made it");
}

#[test]
fn writes_where_it_is_told_and_nothing_half() {
    let project = Project::tiny(NEW, ONE_NODE);
    let output = project.kubedro(&["compile"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(stdout(&output), "", "results alone go to standard output");
    assert_eq!(project.read("pipeline.yml"), project.compile(&[]));

    project.write("conf/base/kubeflow.yaml", "run_config: {image: [}");
    assert!(!project.kubedro(&["compile"]).output().unwrap().status.success());
    assert!(project.read("pipeline.yml").starts_with("apiVersion"), "the old file stays whole");

    project.write("conf/base/kubeflow.yaml", "run_config:\n  image: tiny:1\n  volume: {}\n");
    let output =
        project.kubedro(&["compile", "--output", "no/such/folder/x.yml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(37));
    assert!(stderr(&output).contains("cannot write no/such/folder/x.yml"), "{}", stderr(&output));
}

#[test]
fn image_and_old_option_names() {
    let project = Project::tiny(NEW, ONE_NODE);
    for arguments in [
        ["-i", "other:2", "-p", "__default__"],
        ["--image", "other:2", "--pipeline", "__default__"],
    ] {
        let workflow = project.compiled(&arguments);
        assert_eq!(workflow.container("measure")["image"], "other:2");
    }
    project.write("conf/base/kubeflow.yaml", "run_config: {volume: {}}");
    let output = project.kubedro(&["compile"]).output().unwrap();
    assert_eq!(output.status.code(), Some(32));
    assert!(stderr(&output).contains("no image is named"));
    assert_eq!(project.compiled(&["-i", "x"]).container("measure")["image"], "x");
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert!(output.status.success(), "a run on this machine needs none: {}", stderr(&output));
}

#[test]
fn env_is_an_option_before_and_behind_the_command() {
    let project = Project::tiny(NEW, ONE_NODE);
    project.write("conf/prod/parameters.yml", "size: 3\n");
    project.write("conf/prod/kubeflow.yaml", "run_config: {image: 'prod:1', volume: {}}");
    let mut before = project.kubedro(&["--env", "prod", "compile", "-o", "-"]);
    let workflow = project.as_tree(&stdout(&before.output().unwrap()));
    assert_eq!(workflow.container("measure")["image"], "prod:1");
    assert_eq!(workflow.parameter("size"), Some("3"));
    assert!(
        workflow.container("measure")["args"][2].as_str().unwrap().contains("\"env\":\"prod\"")
    );
    assert_eq!(project.compiled(&["-e", "prod"]).0, workflow.0);
    let mut empty = project.kubedro(&["compile", "-o", "-"]);
    let output = empty.env("KEDRO_ENV", "").env("KUBEDRO_PYTHON", "").output().unwrap();
    assert_eq!(project.as_tree(&stdout(&output)).0, project.compiled(&[]).0);
    let mut variable = project.kubedro(&["compile", "-o", "-"]);
    let output = variable.env("KEDRO_ENV", "prod").output().unwrap();
    assert_eq!(project.as_tree(&stdout(&output)).0, workflow.0);
}

#[test]
fn refuses_what_would_lose_data() {
    let between = |catalog: &str, config: &str| {
        let project = Project::tiny(
            NEW,
            "
def register_pipelines():
    return {'__default__': pipeline([
        node(len, 'start', 'size', name='make'), node(abs, 'size', 'out_b', name='use'),
    ])}
",
        );
        let base = project.read("conf/base/catalog.yml");
        project.write("conf/base/catalog.yml", &format!("{base}\n{catalog}"));
        project.write("conf/base/kubeflow.yaml", config);
        let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
        (output.status.code().unwrap(), stderr(&output))
    };
    let volume = "run_config: {image: x, volume: {}}";
    let file = "size: {type: pickle.PickleDataset, filepath: data/size.pickle}";

    let (code, text) = between("", volume);
    assert!(code == 36 && text.contains("[memory-dataset-between-pods]"), "{text}");
    assert!(text.contains("`size`, which `make` makes and `use` reads"), "{text}");
    let (code, text) = between(file, "run_config: {image: x}");
    assert!(code == 36 && text.contains("[no-volume]"), "{text}");
    let (code, text) =
        between("size: {type: pickle.PickleDataset, filepath: models/size.pickle}", volume);
    assert!(code == 36 && text.contains("[path-outside-volume]"), "{text}");
    let (code, text) = between(file, volume);
    assert_eq!(code, 0, "{text}");
    let (code, text) = between("", "run_config: {image: x, node_merge_strategy: full}");
    assert_eq!(code, 0, "{text}");
}

#[test]
fn refuses_names_that_become_one() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([
        node(len, 'start', 'out_a', name='a.b'), node(len, 'start', 'out_b', name='a_b'),
        node(len, 'start', 'out_c', name='on_exit'),
    ])}
",
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(36));
    assert!(text.contains("`a.b` and `a_b` would all be the step `a-b`"), "{text}");
    assert!(text.contains("the node `on_exit` would be the step `on-exit`"), "{text}");
}

#[test]
fn what_is_gone_with_its_pod_is_said() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {
        '__default__': pipeline([
            node(len, 'start', 'outside', name='a'), node(len, 'start', 'out_kept', name='b'),
        ]),
        'bye': pipeline([node(abs, 'out_kept', 'out_bye', name='c')]),
    }
",
    );
    let base = project.read("conf/base/catalog.yml");
    let entry = "outside: {type: pickle.PickleDataset, filepath: reports/x.pickle}";
    project.write("conf/base/catalog.yml", &format!("{base}\n{entry}"));
    let said = |config: &str| {
        project.write("conf/base/kubeflow.yaml", config);
        let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let text = said("run_config: {image: x, volume: {}, on_exit_pipeline: bye}");
    let outside = "[output-not-kept]: `outside` is gone with the pod that writes it";
    assert!(text.contains(outside), "{text}");
    assert!(
        text.contains("[on-exit-reads-volume]: the on-exit pipeline does not see what this run makes of `out_kept`"),
        "{text}"
    );
    assert!(text.contains("`out_bye` is gone with the pod of the on-exit pipeline"), "{text}");
    let text = said("run_config: {image: x, node_merge_strategy: full}");
    assert!(text.contains(outside) && text.contains("`out_kept` is gone"), "{text}");
    project.write("conf/base/catalog.yml", &base.replace("data/02", "/home/kedro/data/02"));
    project.replace("src/tiny/pipeline_registry.py", "'outside'", "'version_x'");
    let many = "run_config: {image: x, volume: {access_modes: [ReadWriteMany]}}";
    assert_eq!(said(many), "", "the pod's own path is good too");

    // What a local run has made outside of data/ is not thrown away here.
    project.write("conf/base/catalog.yml", &format!("{base}\n{entry}"));
    project.replace("src/tiny/pipeline_registry.py", "'version_x'", "'outside'");
    let (output, work) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(work.join("project/reports/x.pickle").is_file());
    assert!(!work.join("project/conf").exists());
}

#[test]
fn an_input_that_a_hook_adds_is_no_error() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([node(abs, 'from_hook', 'out_a', name='a')])}
",
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("[input-missing]: `from_hook` is neither"),
        "{}",
        stderr(&output)
    );
    project.write(
        "src/tiny/hooks.py",
        "from kedro.framework.hooks import hook_impl
from kedro.io import MemoryDataset

class Hooks:
    @hook_impl
    def after_catalog_created(self, catalog):
        catalog['from_hook'] = MemoryDataset(-4)
",
    );
    let settings = project.read("src/tiny/settings.py");
    project.write(
        "src/tiny/settings.py",
        &format!("{settings}from tiny.hooks import Hooks\nHOOKS = (Hooks(),)\n"),
    );
    let output = project.kubedro(&["run-local"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("input-missing"), "{}", stderr(&output));
}

#[test]
fn an_absolute_path_into_the_project_is_said() {
    let project = Project::tiny(NEW, ONE_NODE);
    let path = project.path().canonicalize().unwrap();
    let base = project.read("conf/base/catalog.yml");
    let entry = format!("far: {{type: text.TextDataset, filepath: {}/data/x.txt}}", path.display());
    project.write("conf/base/catalog.yml", &format!("{base}\n{entry}"));
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert!(output.status.success());
    assert!(stderr(&output).contains("the path of `far` is absolute"), "{}", stderr(&output));
    assert!(stderr(&output).contains("[absolute-path-into-project]"));
}
