//! `kubedro schema`: what editors take for right is right, and the other way
//! round.

use serde_json::{Value, json};

use crate::support::{NEW, kubedro, repository, stdout};

fn schema() -> Value {
    serde_json::from_str(&stdout(&kubedro(&["schema"]).output().unwrap())).unwrap()
}

/// YAML as PyYAML reads it, with its truth values of YAML 1.1.
fn read(yaml: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.yaml");
    std::fs::write(&file, yaml).unwrap();
    let json = NEW.python_output(
        folder.path(),
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))",
        &[file.to_str().unwrap()],
    );
    serde_json::from_str(&json).unwrap()
}

#[test]
fn the_published_schema_is_this_one() {
    // After a change: kubedro schema --output docs/kubeflow.schema.json
    let published = include_str!("../docs/kubeflow.schema.json");
    let schema = stdout(&kubedro(&["schema"]).output().unwrap());
    assert!(published == schema, "docs/kubeflow.schema.json is not what `kubedro schema` prints");
}

#[test]
fn the_examples_are_right() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let example = "integration/projects/spaceflights/conf/base/kubeflow.yaml";
    let mut files = vec![repository().join(example)];
    for entry in std::fs::read_dir(repository().join("integration/oracle/variations")).unwrap() {
        files.push(entry.unwrap().path());
    }
    assert!(files.len() > 20);
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "yaml")) {
        let value = read(&std::fs::read_to_string(file).unwrap());
        let problems: Vec<String> =
            validator.iter_errors(&value).map(|error| error.to_string()).collect();
        // What the old plugin took for a truth value or a number, in text.
        let wordy = file.ends_with("words-and-times.yaml");
        assert!(problems.is_empty() || wordy, "{}: {problems:#?}", file.display());
    }
}

#[test]
fn what_is_wrong_is_wrong() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let with = |run_config: Value| json!({"run_config": run_config});
    for right in [
        with(json!({"volume": null, "resources": {"train": {"nvidia.com/gpu": 1}}})),
        with(json!({"ttl": "${oc.env:TTL, 60}", "volume": "${shared}"})),
        with(json!({"notifications": [
            {"slack": {"url": {"secret": "a", "key": "b"}}, "on": ["Failed"], "timeout": "5s"},
            {"webhook": {"url": "https://a", "method": "PUT", "headers": {"A": "b"}}, "retries": 0},
        ]})),
        json!({"_shared": {"size": "1Gi"}, "run_config": {}}),
    ] {
        assert!(validator.is_valid(&right), "{right}");
    }
    for wrong in [
        json!({}),
        json!({"run_confg": {}}),
        with(json!({"imge": "x"})),
        with(json!({"image_pull_policy": "always"})),
        with(json!({"ttl": -1})),
        with(json!({"volume": {"size": "1Gib"}})),
        with(json!({"volume": {"access_modes": ["ReadWriteSome"]}})),
        with(json!({"tolerations": {"a": [{"operator": "Exists"}]}})),
        with(json!({"retry_policy": {"a": {"num_retries": "many"}}})),
        with(json!({"extra_volumes": {"a": [{"mount_path": "/x"}]}})),
        with(json!({"max_cache_staleness": "30 days"})),
        with(json!({"notifications": [{}]})),
        with(json!({"notifications": [{"slack": {"url": "a"}, "webhook": {"url": "a"}}]})),
        with(json!({"notifications": [{"slack": {"url": "a"}, "on": ["failed"]}]})),
        with(json!({"notifications": [{"slack": {"url": {"secret": "a"}}}]})),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    // It says what each key is for.
    let properties = &schema["properties"]["run_config"]["anyOf"][0]["properties"];
    for (key, property) in properties.as_object().unwrap() {
        let text = property["description"].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{key} has no description");
    }
}
