//! Kubernetes objects in `kubeflow.yaml`: as kedro-kubeflow takes them, as
//! Kubernetes does, and what is wrong with them.

use serde_json::{Value, json};

use crate::config::{error, load, warnings};
use crate::support::{NEW, Project, Workflow, stderr, stdout};

const NODES: &str = "
def register_pipelines():
    make = node(len, 'start', 'out_size', name='make')
    use = node(abs, 'out_size', 'out_abs', name='use')
    tell = node(print, 'params:status', None, name='tell')
    return {'__default__': pipeline([make, use]), 'notify': pipeline([tell])}
";

/// A project whose `run_config` has this besides.
fn project(settings: &str) -> Project {
    let project = Project::tiny(NEW, NODES);
    let config = format!("run_config:\n  image: tiny:1\n  volume: {{}}\n{settings}");
    project.write("conf/base/kubeflow.yaml", &config);
    project
}

/// The workflow, which nothing is doubtful about, and which Argo takes.
fn compiled(settings: &str, target: &str) -> Workflow {
    let project = project(settings);
    let arguments = ["compile", "-o", "-", "--target", target];
    let output = project.kubedro(&arguments).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{settings}");
    let workflow = project.as_tree(&String::from_utf8(output.stdout).unwrap());
    let schema = serde_json::from_str(include_str!("fixtures/argo-v4.1.2.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&workflow.0).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    workflow
}

/// The volumes of `use` in the workflow, each written as an item of
/// `extra_volumes`.
fn volumes(items: &[&str]) -> Value {
    let items: Vec<String> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let volume = item.trim_start().replace('\n', "\n        ");
            format!("    - mount_path: /mnt/{at}\n      volume:\n        {volume}\n")
        })
        .collect();
    let settings = format!("  extra_volumes:\n    use:\n{}", items.concat());
    compiled(&settings, "argo").template("use")["volumes"].clone()
}

#[test]
fn the_manuals_sample() {
    let sample = "
  extra_volumes:
    use:
    - mount_path: /dev/shm
      volume:
        name: shared_memory
        empty_dir:
          cls: V1EmptyDirVolumeSource
          params:
            medium: Memory
";
    for target in ["argo", "kfp"] {
        let workflow = compiled(sample, target);
        let shared = json!([{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}]);
        assert_eq!(workflow.template("use")["volumes"], shared);
        let mounts = json!([
            {"name": "data-volume", "mountPath": "/home/kedro/data"},
            {"name": "shared-memory", "mountPath": "/dev/shm"},
        ]);
        assert_eq!(workflow.container("use")["volumeMounts"], mounts);
        for other in ["make", "data-volume-init"] {
            assert_eq!(workflow.template(other)["volumes"], Value::Null);
            assert_eq!(workflow.container(other)["volumeMounts"].as_array().unwrap().len(), 1);
        }
    }
}

#[test]
fn keyword_arguments_of_the_python_client() {
    let volumes = volumes(&[
        "
name: my_secret
secret:
  cls: V1SecretVolumeSource
  params:
    secret_name: credentials
    default_mode: 0400
    items:
    - {cls: V1KeyToPath, params: {key: a_b, path: key.json, mode: 256}}",
        "
name: all
projected:
  cls: kubernetes.client.V1ProjectedVolumeSource
  params:
    sources:
    - cls: kubernetes.client.models.V1VolumeProjection
      params:
        config_map:
          cls: V1ConfigMapProjection
          params: {name: settings, optional: yes}
    - cls: V1VolumeProjection
      params:
        service_account_token:
          cls: V1ServiceAccountTokenProjection
          params: {audience: pipelines.kubeflow.org, expiration_seconds: 7200, path: token}
    - cls: V1VolumeProjection
      params:
        downward_api:
          cls: V1DownwardAPIProjection
          params:
            items:
            - cls: V1DownwardAPIVolumeFile
              params:
                path: labels
                field_ref: {cls: V1ObjectFieldSelector, params: {field_path: metadata.labels}}",
        "
name: scratch
ephemeral:
  cls: V1EphemeralVolumeSource
  params:
    volume_claim_template:
      cls: V1PersistentVolumeClaimTemplate
      params:
        metadata: {cls: V1ObjectMeta, params: {labels: {my_label: 1, cls: x}}}
        spec:
          cls: V1PersistentVolumeClaimSpec
          params:
            access_modes: [ReadWriteOnce]
            storage_class_name: fast
            resources: {cls: V1ResourceRequirements, params: {requests: {storage: 10Gi}}}",
        "
name: disk
fc: {cls: V1FCVolumeSource, params: {target_ww_ns: ['50060e801049cfd1'], lun: 0}}",
        "
name: other-disk
fc: {cls: V1FCVolumeSource, params: {target_wwns: [50060], lun: '2'}}",
    ]);
    assert_eq!(
        volumes,
        json!([
            {"name": "my-secret", "secret": {
                "secretName": "credentials",
                "defaultMode": 256,
                "items": [{"key": "a_b", "path": "key.json", "mode": 256}],
            }},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "settings", "optional": true}},
                {"serviceAccountToken": {
                    "audience": "pipelines.kubeflow.org", "expirationSeconds": 7200, "path": "token",
                }},
                {"downwardAPI": {"items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                ]}},
            ]}},
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {
                "metadata": {"labels": {"my_label": "1", "cls": "x"}},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "fast",
                    "resources": {"requests": {"storage": "10Gi"}},
                },
            }}},
            {"name": "disk", "fc": {"targetWWNs": ["50060e801049cfd1"], "lun": 0}},
            {"name": "other-disk", "fc": {"targetWWNs": ["50060"], "lun": 2}},
        ])
    );
}

#[test]
fn plain_kubernetes_yaml_and_mixtures() {
    let volumes = volumes(&[
        "{name: shm, emptyDir: {medium: Memory, sizeLimit: 1Gi}}",
        "{name: settings, configMap: {name: settings, items: [{key: a, path: b}]}}",
        "{name: host, host_path: {path: /data, type: Directory}}",
        "{name: claim, persistentVolumeClaim: {cls: V1PersistentVolumeClaimVolumeSource, params: {claim_name: x, readOnly: True}}}",
        "{name: csi, csi: {driver: x, volume_attributes: {some_key: 'y', n: 1}, nodePublishSecretRef: {name: z}}}",
        "{name: nothing-more, emptyDir: {}, secret: }",
    ]);
    assert_eq!(
        volumes,
        json!([
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
            {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "a", "path": "b"}]}},
            {"name": "host", "hostPath": {"path": "/data", "type": "Directory"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "x", "readOnly": true}},
            {"name": "csi", "csi": {
                "driver": "x", "volumeAttributes": {"some_key": "y", "n": "1"},
                "nodePublishSecretRef": {"name": "z"},
            }},
            {"name": "nothing-more", "emptyDir": {}},
        ])
    );
}

#[test]
fn a_nodes_own_volumes_replace_the_default() {
    let workflow = compiled(
        "
  on_exit_pipeline: notify
  extra_volumes:
    __default__:
    - {mount_path: /cache, volume: {name: cache, host_path: {path: /cache}}}
    use:
    - {mount_path: /cache, volume: {name: cache, empty_dir: {}}}
    data-volume-init: []
",
        "kfp",
    );
    let cache = json!([{"name": "cache", "hostPath": {"path": "/cache"}}]);
    assert_eq!(workflow.template("make")["volumes"], cache);
    assert_eq!(workflow.template("on-exit")["volumes"], cache);
    assert_eq!(workflow.template("use")["volumes"], json!([{"name": "cache", "emptyDir": {}}]));
    assert_eq!(workflow.template("data-volume-init")["volumes"], Value::Null);
    let mounts = &workflow.container("on-exit")["volumeMounts"];
    assert_eq!(*mounts, json!([{"name": "cache", "mountPath": "/cache"}]));
}

#[test]
fn affinity_in_both_spellings() {
    let api = json!({
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [
                {"key": "gpu_type", "operator": "In", "values": ["a100", "1"]},
            ]}],
        }},
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 5,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"my_label": "true"}},
            },
        }]},
    });
    let workflow = compiled(
        &format!(
            "
  affinity:
    __default__: {api}
    use:
      node_affinity:
        required_during_scheduling_ignored_during_execution:
          node_selector_terms:
          - match_expressions:
            - {{key: gpu_type, operator: In, values: [a100, 1]}}
      pod_anti_affinity:
        preferred_during_scheduling_ignored_during_execution:
        - weight: 5
          pod_affinity_term:
            topology_key: kubernetes.io/hostname
            label_selector: {{match_labels: {{my_label: True}}}}
    data-volume-init: {{}}
"
        ),
        "argo",
    );
    assert_eq!(workflow.template("make")["affinity"], api);
    assert_eq!(workflow.template("use")["affinity"], api);
    assert_eq!(workflow.template("data-volume-init")["affinity"], Value::Null);
    // As in kedro-kubeflow: `null` is no value of its own.
    let workflow = compiled(
        "  affinity:\n    __default__: {node_affinity: {}}\n    use:\n    make: {podAffinity: {}}\n",
        "argo",
    );
    assert_eq!(workflow.template("use")["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(workflow.template("make")["affinity"], json!({"podAffinity": {}}));
}

#[test]
fn tolerations_in_both_spellings() {
    let workflow = compiled(
        "
  tolerations:
    __default__:
    - {operator: Exists, effect: NoExecute, toleration_seconds: -1}
    - {key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: '300'}
",
        "argo",
    );
    assert_eq!(
        workflow.template("use")["tolerations"],
        json!([
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": -1},
            {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ])
    );
    let of = |toleration: &str| {
        format!("run_config:\n  tolerations:\n    train_model:\n      - {{{toleration}}}\n")
    };
    let text = error(&of("operator: Equal, value: x, effect: NoSchedule"));
    assert!(text.contains("`run_config.tolerations.train_model[0]`"), "{text}");
    assert!(text.contains("missing field `key`: only operator: Exists can do without"), "{text}");
    let text = error(&of("key: a, operator: Exists, effect: NoSchedule, toleration_seconds: 5"));
    assert!(text.contains("only for effect: NoExecute"), "{text}");
    let text = error(&of("key: a, operator: Exists, effect: NoExecute, toleration_seconds: 5s"));
    assert!(text.contains("`run_config.tolerations.train_model[0].toleration_seconds`"), "{text}");
    assert!(text.contains(":4:75") && text.contains("a whole number"), "{text}");
    let text = warnings(&of("key: a, operator: Exists, effect: NoExecute, tolerationSecond: 5"));
    assert!(text[0].contains("`tolerationSeconds`?"), "{}", text[0]);
}

#[test]
fn a_run_on_this_machine_has_none_of_them() {
    let project = project(
        "  extra_volumes: {use: [{mount_path: /dev/shm, volume: {name: a, empty_dir: {}}}]}\n  affinity: {use: {node_affinity: {}}}\n",
    );
    let (output, _) = project.run_local(&[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
}

/// A file with one extra volume; the volume's fields begin in column 11 of line 7.
fn with_volume(fields: &str) -> String {
    format!(
        "run_config:
  image: x
  extra_volumes:
    train_model:
    - mount_path: /x
      volume:
          {fields}
"
    )
}

/// All complaints about a volume.
fn complaints(fields: &str) -> String {
    match load(with_volume(fields).as_bytes(), None) {
        Ok(loaded) => loaded.warnings.iter().map(ToString::to_string).collect(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

const VOLUME: &str = "run_config.extra_volumes.train_model[0].volume";

#[test]
fn an_unknown_field_is_a_warning_in_the_users_spelling() {
    let text = complaints("{name: a, persistent_volume_claim: {claim_name: b, readonly: true}}");
    assert_has(
        &text,
        &[
            "warning[unknown-kubernetes-field]: Kubernetes has no field",
            &format!("`{VOLUME}.persistent_volume_claim.readonly`"),
            ":7:62",
            "V1PersistentVolumeClaimVolumeSource has no such field",
            "Did you mean `read_only`?",
        ],
    );
    let text = complaints("{name: a, persistentVolumeClaim: {claimName: b, readonly: true}}");
    assert_has(
        &text,
        &[" PersistentVolumeClaimVolumeSource has no such", "Did you mean `readOnly`?"],
    );
    // A class that is not the place's says why a field is not known.
    let text = complaints("{name: a, secret: {cls: V1ConfigMapVolumeSource, params: {name: b}}}");
    assert_has(
        &text,
        &[
            &format!("`{VOLUME}.secret.params.name`"),
            "`cls` says V1ConfigMapVolumeSource, another class",
            "Did you mean `secret_name`?",
        ],
    );
    // Where no name is near, all are said.
    let text = complaints("{name: a, config_map: {items: [{key: a, path: b, x: c}]}}");
    assert_has(&text, &["it has key, mode, path"]);
    // Newer Kubernetes may have it: passed on, and perhaps what the volume is.
    let text = complaints("{name: a, new_source: {some_key: 1}}");
    assert_has(&text, &["it is passed on as `newSource`"]);
    let loaded = load(with_volume("{name: a, new_source: {b_c: 1}}").as_bytes(), None).unwrap();
    let run_config = loaded.config.run_config;
    let node = kubedro::config::NodeKey { name: "train_model", step: "train-model", tags: &[] };
    let volume = &run_config.extra_volumes_for(node)[0].volume;
    assert_eq!(Value::from(volume.clone()), json!({"name": "a", "newSource": {"b_c": 1}}));
}

#[test]
fn a_wrong_value_is_an_error_at_its_place() {
    for (fields, path, place, expected) in [
        (
            "{name: a, secret: b}",
            "secret",
            ":7:29",
            "a mapping (V1SecretVolumeSource) is expected here, not text",
        ),
        (
            "{name: a, secret: {items: {key: a}}}",
            "secret.items",
            ":7:30",
            "a list is expected here, not a mapping",
        ),
        (
            "{name: a, csi: {driver: a, volume_attributes: [a]}}",
            "csi.volume_attributes",
            ":7:38",
            "a mapping is expected here, not a list",
        ),
        (
            "{name: a, secret: {items: [a]}}",
            "secret.items[0]",
            ":7:38",
            "a mapping (V1KeyToPath) is expected here, not text",
        ),
        ("{name: a, fc: {lun: [1]}}", "fc.lun", ":7:26", "expected a whole number"),
        (
            "{name: a, secret: {default_mode: rw}}",
            "secret.default_mode",
            ":7:44",
            "expected a whole number",
        ),
        (
            "{name: a, secret: {default_mode: 1.5}}",
            "secret.default_mode",
            ":7:44",
            "expected a whole number",
        ),
        (
            "{name: a, secret: {default_mode: '0400'}}",
            "secret.default_mode",
            ":7:44",
            "could be octal or decimal",
        ),
        (
            "{name: a, secret: {optional: perhaps}}",
            "secret.optional",
            ":7:40",
            "expected true or false",
        ),
        (
            "{name: a, secret: {secret_name: {b: c}}}",
            "secret.secret_name",
            ":7:30",
            "expected text",
        ),
        (
            "{name: a, empty_dir: {size_limit: 1Gib}}",
            "empty_dir.size_limit",
            ":7:45",
            "is not a Kubernetes quantity",
        ),
        (
            "{name: a, csi: {driver: a, volume_attributes: {k: }}}",
            "csi.volume_attributes.k",
            ":7:58",
            "expected text",
        ),
        (
            "{name: a, secret: {items: }, secret: {items: [~]}}",
            "secret.items[0]",
            ":7:57",
            "a mapping (V1KeyToPath) is expected here, not nothing",
        ),
        (
            "{name: a, empty_dir: {}, emptyDir: {}}",
            "emptyDir",
            ":7:36",
            "`emptyDir` stands here twice",
        ),
    ] {
        let text = complaints(fields);
        let title = format!("error[invalid-value]: `{VOLUME}.{path}` cannot be used");
        assert_has(&text, &[&title, place, expected]);
        assert_eq!(text.matches("error[").count(), 1, "{text}");
    }
}

#[test]
fn what_is_missing_is_an_error_at_the_key() {
    let text = complaints("{name: a, persistent_volume_claim: {clam_name: b}}");
    assert_has(
        &text,
        &[
            &format!("error[invalid-value]: `{VOLUME}.persistent_volume_claim` is not complete"),
            ":7:21",
            "`claim_name` is missing",
            // What was meant is said too.
            "Did you mean `claim_name`?",
        ],
    );
    let text = complaints("{name: a, iscsi: {cls: V1ISCSIVolumeSource}}");
    assert_has(&text, &["`iqn`, `lun`, `target_portal` are missing"]);
    let text = complaints("{name: a, configMap: {items: [{key: a}]}}");
    assert_has(&text, &[&format!("`{VOLUME}.configMap.items[0]` is not complete"), ":7:41"]);
    let text = complaints("{empty_dir: {}}");
    assert_has(&text, &[&format!("`{VOLUME}` is not complete"), ":6:7", "`name` is missing"]);
    let text = error(
        "run_config:\n  affinity:\n    __default__:\n      pod_affinity: {required_during_scheduling_ignored_during_execution: [{}]}\n",
    );
    assert_has(&text, &["`topology_key` is missing", ":4:76"]);
}

#[test]
fn a_claim_of_ones_own_can_hold_the_data() {
    let claim = "[{mount_path: /home/kedro/data, volume: {name: mine, persistentVolumeClaim: {claimName: mine}}}]";
    let lint = |volumes: &str| {
        let project = project("");
        let settings = format!("run_config:\n  image: x\n  extra_volumes: {volumes}\n");
        project.write("conf/base/kubeflow.yaml", &settings);
        let output = project.kubedro(&["lint"]).output().unwrap();
        (output.status.code(), stdout(&output))
    };
    assert_eq!(lint(&format!("{{__default__: {claim}}}")), (Some(0), String::new()));
    // Only where both have it, and where it outlives the pod.
    let (code, text) = lint(&format!("{{make: {claim}}}"));
    assert!(code == Some(36) && text.contains("[path-outside-volume]"), "{text}");
    let empty = claim.replace("persistentVolumeClaim: {claimName: mine}", "emptyDir: {}");
    let (code, text) = lint(&format!("{{__default__: {empty}}}"));
    assert!(code == Some(36) && text.contains("[no-volume]"), "{text}");
}

#[test]
fn a_volume_is_one_thing() {
    // Kubernetes makes an empty directory of what is nothing.
    assert_eq!(volumes(&["{name: a}"]), json!([{"name": "a"}]));
    let text = complaints("{name: a, emptyDir: {}, hostPath: {path: /a}}");
    assert_has(
        &text,
        &[&format!("`{VOLUME}.hostPath` cannot be used"), ":7:35", "`emptyDir` already"],
    );
    let text = complaints("{name: a, projected: {sources: [{secret: {}, config_map: {}}]}}");
    assert_has(&text, &[&format!("`{VOLUME}.projected.sources[0].config_map` cannot be used")]);
}

#[test]
fn only_classes_of_the_kubernetes_client() {
    let text = complaints("{name: a, empty_dir: {cls: V1EmtyDirVolumeSource, params: {}}}");
    assert_has(
        &text,
        &[
            &format!("error[invalid-value]: `{VOLUME}.empty_dir.cls` cannot be used"),
            ":7:38",
            "Did you mean `V1EmptyDirVolumeSource`?",
        ],
    );
    let text = complaints("{name: a, empty_dir: {cls: kubernetes.client.Wrong, params: {}}}");
    assert_has(&text, &["has no such class", "a V1EmptyDirVolumeSource belongs here"]);
    for elsewhere in ["my_package.Volume", "kubernetes_of_mine.V1Volume"] {
        let text =
            complaints(&format!("{{name: a, empty_dir: {{cls: {elsewhere}, params: {{}}}}}}"));
        assert_has(&text, &["only classes of the Kubernetes client can be used here", ":7:38"]);
    }
    let text =
        complaints("{name: a, empty_dir: {cls: V1EmptyDirVolumeSource, param: {medium: x}}}");
    assert_has(&text, &["beside `cls` there is only `params`", ":7:62", "Did you mean `params`?"]);
    let text = complaints("{name: a, empty_dir: {class: V1EmptyDirVolumeSource, params: {}}}");
    assert_has(&text, &["it needs `cls` beside it"]);
    let text = complaints("{name: a, empty_dir: {cls: [a]}}");
    assert_has(&text, &["the name of a class is expected here"]);
}

#[test]
fn names_that_kubernetes_takes() {
    for wrong in ["a b", "a.b", "_a", "'{{x}}'", "é", &"a".repeat(64)] {
        let text = complaints(&format!("{{name: {wrong}, empty_dir: {{}}}}"));
        assert_has(&text, &[&format!("`{VOLUME}.name` cannot be used"), ":7:18", "no name that"]);
    }
    assert_eq!(complaints("{name: A_b_1, empty_dir: {}}"), "");
    let text = complaints("{name: data_volume, empty_dir: {}}");
    assert_has(
        &text,
        &["`data-volume` is the volume of run_config.volume", "give it another name"],
    );
}

#[test]
fn volumes_of_one_step_do_not_collide() {
    let of = |first: &str, second: &str| {
        format!("run_config:\n  extra_volumes:\n    train_model:\n    - {first}\n    - {second}\n")
    };
    let text = error(&of(
        "{mount_path: /a, volume: {name: a_b, empty_dir: {}}}",
        "{mount_path: /b, volume: {name: a-b, host_path: {path: /x}}}",
    ));
    assert_has(&text, &["train_model[1].volume.name`", ":5:39", "an extra volume `a-b` already"]);
    let text = error(&of(
        "{mount_path: /a, volume: {name: a, empty_dir: {}}}",
        "{mount_path: /a/, volume: {name: b, empty_dir: {}}}",
    ));
    assert_has(&text, &["train_model[1].mount_path`", ":5:20", "an extra volume there already"]);
}

#[test]
fn where_an_extra_volume_is_mounted() {
    let of =
        |item: &str| format!("run_config:\n  extra_volumes:\n    train_model:\n    - {item}\n");
    let text = error(&of("{mount_path: a, volume: {name: a, empty_dir: {}}}"));
    assert_has(&text, &["train_model[0].mount_path`", ":4:20", "`a` is not an absolute path"]);
    let text = error(&of("{mount_path: '/a:b', volume: {name: a, empty_dir: {}}}"));
    assert_has(&text, &["`/a:b` has `:`"]);
    assert_has(&error(&of("{mount_path: /a}")), &["missing field `volume`"]);
    assert_has(&error(&of("{mount_path: /a, volume: b}")), &["train_model[0].volume`", ":4:32"]);
    let text = warnings(&of("{mount_path: /a, sub_path: b, volume: {name: a, empty_dir: {}}}"));
    assert_has(
        &text[0],
        &["the key `run_config.extra_volumes.train_model[0].sub_path` is not known"],
    );

    let project = project(
        "  extra_volumes:\n    __default__: [{mount_path: /home/kedro/data/, volume: {name: a, empty_dir: {}}}]\n",
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(36));
    assert_has(
        &stderr(&output),
        &[
            "error[invalid-value]: an extra volume is mounted at /home/kedro/data/, where run_config.volume is (in make, use)",
            "--> conf/base/kubeflow.yaml:4:3",
        ],
    );
    // Without the volume there is nothing in its place.
    project.replace("conf/base/kubeflow.yaml", "volume: {}", "node_merge_strategy: full");
    let workflow = project.compiled(&[]);
    assert_eq!(
        workflow.container("default")["volumeMounts"],
        json!([{"name": "a", "mountPath": "/home/kedro/data/"}])
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let project = project(
        "  ttl: soon\n  affinity: {use: {nodeAfinity: {}}}\n  extra_volumes:\n    use: [{mount_path: /a, volume: {name: a, secret: {optional: 5}}}]\n",
    );
    let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(32));
    let text = stderr(&output);
    assert_has(
        &text,
        &[
            "Did you mean `nodeAffinity`?",
            "`run_config.extra_volumes.use[0].volume.secret.optional` cannot be used",
            "`run_config.ttl` cannot be used",
        ],
    );
    // In the order of the file.
    let text = error(
        "run_config:\n  extra_volumes:\n    train_model: [{mount_path: /a, volume: {name: a, secret: 5}}]\n  affinity: {train_model: 5}\n",
    );
    assert!(
        text.find("volume.secret").unwrap() < text.find("affinity.train_model").unwrap(),
        "{text}"
    );
}
