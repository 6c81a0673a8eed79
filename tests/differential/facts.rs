//! A workflow as a flat list of facts, the same list for whoever has made it.
//!
//! Nothing of a workflow is left out but what is said here: how values get from
//! one template to another (`inputs`, `arguments`, the templates of graphs), and
//! the names of volumes, which tie a mount to its source. A key that this module
//! does not know becomes a fact of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Who has made a workflow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    KedroKubeflow,
    Kubedro,
}

/// What a fact is about: a step, or with an empty name the workflow; and which
/// property of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub step: String,
    pub field: String,
}

pub type Facts = BTreeMap<Place, String>;

/// What a step is, in one fact. Where a step is missing, this alone differs.
pub const STEP: &str = "does";

const PIPELINE_SPEC: &str = "pipelines.kubeflow.org/pipeline_spec";

/// All facts of a workflow, as `integration/oracle/as_trees.py` has read it.
pub fn facts(workflow: &Value, maker: Maker) -> Facts {
    let mut facts = Collected { facts: Facts::new(), step: String::new() };
    facts.metadata(&workflow["metadata"]);
    for (key, value) in object(workflow) {
        if key != "metadata" && key != "spec" {
            facts.put(key, text(value));
        }
    }
    let spec = &workflow["spec"];
    facts.spec(spec);
    let mut tasks = graph(spec, spec["entrypoint"].as_str().unwrap(), "graph");
    if let Some(template) = spec["onExit"].as_str() {
        tasks.extend(graph(spec, template, "exit"));
    }
    let reader = Reader { spec, maker, names: parameter_names(spec) };
    for task in &tasks {
        reader.step(task, &tasks, &mut facts);
    }
    facts.facts
}

/// A step, wherever in nested graphs it stands.
struct Task<'w> {
    name: &'w str,
    template: &'w Value,
    needs: BTreeSet<&'w str>,
    stage: &'static str,
    rest: Vec<(&'w String, &'w Value)>,
}

fn template<'w>(spec: &'w Value, name: &str) -> &'w Value {
    let templates = spec["templates"].as_array().unwrap();
    templates.iter().find(|template| template["name"] == name).unwrap()
}

/// The steps of a template, with those of the templates that it calls.
fn graph<'w>(spec: &'w Value, name: &str, stage: &'static str) -> Vec<Task<'w>> {
    let graph = template(spec, name);
    let mut tasks = Vec::new();
    for task in array(&graph["dag"]["tasks"]) {
        let needs = array(&task["dependencies"]).map(|name| name.as_str().unwrap()).collect();
        tasks.extend(called(spec, task, needs, stage));
    }
    // Groups of steps, one after the other.
    for group in array(&graph["steps"]) {
        let before: BTreeSet<&str> = tasks.iter().map(|task| task.name).collect();
        let group = array(group).flat_map(|task| called(spec, task, before.clone(), stage));
        tasks.extend(group.collect::<Vec<_>>());
    }
    if tasks.is_empty() {
        let name = graph["name"].as_str().unwrap();
        tasks.push(Task { name, template: graph, needs: [].into(), stage, rest: Vec::new() });
    }
    tasks
}

fn called<'w>(
    spec: &'w Value,
    task: &'w Value,
    needs: BTreeSet<&'w str>,
    stage: &'static str,
) -> Vec<Task<'w>> {
    let name = task["template"].as_str().unwrap();
    let template = template(spec, name);
    if template.get("dag").or(template.get("steps")).is_some() {
        assert!(needs.is_empty(), "a graph that waits for a step is not understood");
        return graph(spec, name, stage);
    }
    let known = ["name", "template", "dependencies", "arguments"];
    let rest = object(task).filter(|(key, _)| !known.contains(&key.as_str())).collect();
    vec![Task { name: task["name"].as_str().unwrap(), template, needs, stage, rest }]
}

/// All that is over when a step starts.
fn ancestors<'w>(task: &Task<'w>, tasks: &[Task<'w>]) -> BTreeSet<&'w str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = task.needs.iter().copied().collect();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            let parent = tasks.iter().find(|task| task.name == name).unwrap();
            open.extend(&parent.needs);
        }
    }
    found
}

struct Collected {
    facts: Facts,
    step: String,
}

impl Collected {
    fn put(&mut self, field: impl Into<String>, value: String) {
        let place = Place { step: self.step.clone(), field: field.into() };
        let before = self.facts.insert(place.clone(), value);
        assert!(before.is_none(), "{place:?} twice");
    }

    fn put_rest(&mut self, kind: &str, value: &Value, known: &[&str]) {
        for (key, value) in object(value).filter(|(key, _)| !known.contains(&key.as_str())) {
            self.put(format!("{kind} {key}"), text(value));
        }
    }

    fn metadata(&mut self, metadata: &Value) {
        for (key, value) in object(&metadata["annotations"]) {
            if key == PIPELINE_SPEC {
                for given in array(&value["inputs"]) {
                    let name = format!("pipeline input {}", given["name"].as_str().unwrap());
                    self.put(name.clone(), sorted(&given["read"]).to_string());
                    self.put_rest(&name, given, &["name", "default", "read"]);
                }
                self.put_rest("pipeline", value, &["inputs"]);
            } else {
                self.put(format!("annotation {key}"), text(value));
            }
        }
        for (key, value) in object(&metadata["labels"]) {
            self.put(format!("label {key}"), text(value));
        }
        self.put_rest("metadata", metadata, &["annotations", "labels"]);
    }

    fn spec(&mut self, spec: &Value) {
        for parameter in array(&spec["arguments"]["parameters"]) {
            let name = format!("parameter {}", parameter["name"].as_str().unwrap());
            self.put(name.clone(), sorted(&parameter["read"]).to_string());
            self.put_rest(&name, parameter, &["name", "value", "read"]);
        }
        self.put_rest("arguments", &spec["arguments"], &["parameters"]);
        self.put_rest("ttl", &spec["ttlStrategy"], &[]);
        let known = ["entrypoint", "onExit", "templates", "arguments", "ttlStrategy", "volumes"];
        self.put_rest("spec", spec, &known);
    }
}

fn parameter_names(spec: &Value) -> Vec<&str> {
    array(&spec["arguments"]["parameters"])
        .map(|parameter| parameter["name"].as_str().unwrap())
        .filter(|name| !name.starts_with("kubedro-"))
        .collect()
}

struct Reader<'w> {
    spec: &'w Value,
    maker: Maker,
    names: Vec<&'w str>,
}

impl Reader<'_> {
    fn step(&self, task: &Task<'_>, tasks: &[Task<'_>], facts: &mut Collected) {
        task.name.clone_into(&mut facts.step);
        facts.put("stage", task.stage.to_owned());
        let after: Vec<&str> = ancestors(task, tasks).into_iter().collect();
        facts.put("after", after.join(" "));
        for (key, value) in &task.rest {
            facts.put(format!("task {key}"), text(value));
        }
        let template = task.template;
        facts.metadata(&template["metadata"]);
        for artifact in array(&template["outputs"]["artifacts"]) {
            facts.put(
                format!("artifact {}", artifact["name"].as_str().unwrap()),
                text(&artifact["path"]),
            );
        }
        for output in array(&template["outputs"]["parameters"]) {
            facts.put(format!("output {}", output["name"].as_str().unwrap()), text(output));
        }
        for key in ["tolerations", "affinity"] {
            if let Some(value) = template.get(key) {
                facts.put(key, text(value));
            }
        }
        if let Some(retry) = template.get("retryStrategy") {
            facts.put_rest("retry", retry, &["backoff"]);
            facts.put_rest("retry backoff", &retry["backoff"], &[]);
        }
        if let Some(resource) = template.get("resource") {
            let manifest = &resource["manifest"];
            let name = manifest["metadata"]["name"].as_str().unwrap();
            facts.put(STEP, format!("{}s {name}", resource["action"].as_str().unwrap()));
            let mut known = vec!["action", "manifest"];
            if resource["setOwnerReference"] == false {
                known.push("setOwnerReference"); // Argo's own default
            }
            facts.put_rest("resource", resource, &known);
            facts.put_rest("claim metadata", &manifest["metadata"], &[]);
            facts.put_rest("claim", manifest, &["metadata"]);
        }
        if let Some(container) = template.get("container") {
            self.container(container, template, facts);
        }
        let known = [
            "name",
            "inputs",
            "outputs",
            "metadata",
            "tolerations",
            "affinity",
            "retryStrategy",
            "resource",
            "container",
            "volumes",
        ];
        facts.put_rest("template", template, &known);
        let place = Place { step: task.name.to_owned(), field: STEP.to_owned() };
        assert!(facts.facts.contains_key(&place), "{} is not understood", task.name);
        facts.step.clear();
    }

    fn container(&self, container: &Value, template: &Value, facts: &mut Collected) {
        for (key, field) in [
            ("image", "image"),
            ("imagePullPolicy", "pull policy"),
            ("workingDir", "working directory"),
        ] {
            if let Some(value) = container.get(key) {
                facts.put(field, text(value));
            }
        }
        for variable in array(&container["env"]) {
            let name = format!("env {}", variable["name"].as_str().unwrap());
            facts.put(name.clone(), text(&variable["value"]));
            facts.put_rest(&name, variable, &["name", "value"]);
        }
        for kind in ["limits", "requests"] {
            facts.put_rest(kind, &container["resources"][kind], &[]);
        }
        facts.put_rest("resources", &container["resources"], &["limits", "requests"]);
        facts.put_rest("security", &container["securityContext"], &[]);
        self.mounts(container, template, facts);
        match self.maker {
            Maker::KedroKubeflow => Self::kedro_kubeflow_command(container, facts),
            Maker::Kubedro => self.kubedro_command(container, facts),
        }
        let known = [
            "name",
            "image",
            "imagePullPolicy",
            "workingDir",
            "env",
            "resources",
            "securityContext",
            "volumeMounts",
            "command",
            "args",
        ];
        facts.put_rest("container", container, &known);
    }

    /// What is found at each path, whatever the volume is called.
    fn mounts(&self, container: &Value, template: &Value, facts: &mut Collected) {
        let volumes: Vec<&Value> =
            array(&template["volumes"]).chain(array(&self.spec["volumes"])).collect();
        for mount in array(&container["volumeMounts"]) {
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
            let mut source: Map<String, Value> = object(volume)
                .filter(|(key, _)| *key != "name")
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let claim = source
                .get("persistentVolumeClaim")
                .and_then(|source| source["claimName"].as_str())
                .unwrap_or_default();
            // kedro-kubeflow hands the created claim's name on; Kubedro knows it.
            if claim == "{{inputs.parameters.data-volume-create-name}}" {
                let created = template_of_claim(self.spec);
                source.insert("persistentVolumeClaim".to_owned(), json!({"claimName": created}));
            }
            let name = format!("mount {}", mount["mountPath"].as_str().unwrap());
            facts.put(name.clone(), text(&Value::Object(source)));
            facts.put_rest(&name, mount, &["name", "mountPath"]);
        }
        let mut seen = BTreeSet::new();
        let refused: Vec<&str> = array(&template["volumes"])
            .map(|volume| volume["name"].as_str().unwrap())
            .filter(|name| !seen.insert(*name) || !is_label(name))
            .collect();
        if !refused.is_empty() {
            facts.put("names of volumes that Kubernetes refuses", refused.join(" "));
        }
    }

    fn kedro_kubeflow_command(container: &Value, facts: &mut Collected) {
        let command: Vec<&str> =
            array(&container["command"]).map(|word| word.as_str().unwrap()).collect();
        let args: Vec<&str> =
            array(&container["args"]).map(|word| word.as_str().unwrap()).collect();
        facts.put("program", command[0].to_owned());
        if command == ["sh", "-c"] {
            let words: Vec<&str> = args[0].split(' ').collect();
            let ["cp", "--verbose", "-r", from, to] = words[..] else { panic!("{args:?}") };
            facts.put(STEP, format!("fills {to} from {}", from.strip_suffix("/*").unwrap()));
            return;
        }
        let ["bash", "-c", script] = command[..] else { panic!("{command:?}") };
        let (dumper, script) = script.split_once(r#""$@" &&"#).unwrap();
        assert!(dumper.starts_with("python -c 'import yaml, sys;"), "{dumper}");
        let mut does = Vec::new();
        for command in script.split(';') {
            if let Some(claim) = command.strip_prefix("kedro kubeflow delete-pipeline-volume ") {
                does.push(format!("deletes {claim}"));
                continue;
            }
            let words = command.strip_prefix("kedro run ").unwrap();
            let words: Vec<&str> = words.split(' ').collect();
            let mut options: BTreeMap<&str, &str> =
                words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            assert_eq!(options.remove("--config"), Some("config.yaml"), "{command}");
            let node = options.remove("--node").or(options.remove("--nodes"));
            let env = options.remove("--env").unwrap();
            let pipeline = options.remove("--pipeline").unwrap();
            assert!(options.is_empty(), "{command}");
            does.push(runs(env, pipeline, node));
        }
        facts.put(STEP, does.join(", "));
        assert_eq!(args[0], "_");
        let mut names = Vec::new();
        for pair in args[1..].chunks(2) {
            if pair[1] == format!("{{{{inputs.parameters.{}}}}}", pair[0]) {
                names.push(pair[0]);
            } else {
                assert_eq!(pair[1], format!("{{{{workflow.{}}}}}", pair[0]));
                facts.put(format!("told the {}", pair[0]), pair[1].to_owned());
            }
        }
        names.sort_unstable();
        facts.put("parameters", names.join(" "));
    }

    fn kubedro_command(&self, container: &Value, facts: &mut Collected) {
        assert_eq!(container["command"], json!(["kubedro"]));
        let args: Vec<&str> =
            array(&container["args"]).map(|word| word.as_str().unwrap()).collect();
        facts.put("program", "kubedro".to_owned());
        let ["step", kind, spec, options @ ..] = &args[..] else { panic!("{args:?}") };
        let spec: Value = serde_json::from_str(spec).unwrap();
        let word = |key: &str| spec[key].as_str().unwrap();
        match *kind {
            "volume-init" => {
                let root = container["workingDir"].as_str().unwrap();
                facts
                    .put(STEP, format!("fills {root}/{} from {root}/{}", word("to"), word("from")));
                facts.put_rest("setting", &spec, &["from", "to"]);
                assert!(options.is_empty());
                return;
            }
            "run" => {
                let nodes: Vec<&str> =
                    array(&spec["nodes"]).map(|node| node.as_str().unwrap()).collect();
                assert!(nodes.len() < 2);
                facts.put(STEP, runs(word("env"), word("pipeline"), nodes.first().copied()));
            }
            "on-exit" => facts.put(STEP, runs(word("env"), word("pipeline"), None)),
            _ => panic!("{args:?}"),
        }
        // Artifacts are the template's outputs once more.
        let known = ["env", "pipeline", "nodes", "artifacts", "displays"];
        facts.put_rest("setting", &spec, &known);
        let mut options = options.iter();
        while let Some(option) = options.next() {
            if let Some((name, value)) = option.split_once('=') {
                facts.put(format!("option {name}"), value.to_owned());
                continue;
            }
            let value = options.next().unwrap();
            if *option == "--parameters" {
                assert_eq!(*value, "{{=toBase64(workflow.parameters.json)}}");
                let mut names = self.names.clone();
                names.sort_unstable();
                facts.put("parameters", names.join(" "));
            } else {
                let name = option.strip_prefix("--").unwrap();
                assert_eq!(*value, format!("{{{{=toBase64(workflow.{name})}}}}"));
                facts.put(format!("told the {name}"), format!("{{{{workflow.{name}}}}}"));
            }
        }
    }
}

fn runs(env: &str, pipeline: &str, node: Option<&str>) -> String {
    match node {
        Some(node) => format!("runs {node} of {pipeline} in {env}"),
        None => format!("runs {pipeline} in {env}"),
    }
}

fn template_of_claim(spec: &Value) -> &Value {
    &template(spec, "data-volume-create")["resource"]["manifest"]["metadata"]["name"]
}

/// A DNS label (RFC 1123).
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..64).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A value in the one way in which it is compared: JSON with sorted keys, but texts
/// bare, as Kubernetes takes numbers for quantities and counts. (Not so the values
/// of parameters, whose types matter.)
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => sorted(other).to_string(),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            map.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
