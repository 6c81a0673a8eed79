//! `step export`: what is in the store afterwards, in each kind of store.

mod faults;
mod kubeflow_yaml;
mod sources;
mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{kubedro, stderr};

/// Something that is exported, in a folder that goes with the test.
pub struct Data(TempDir);

impl Data {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Files of these names and contents.
    pub fn with(self, files: &[(&str, &[u8])]) -> Self {
        for (name, contents) in files {
            self.write(name, contents);
        }
        self
    }

    pub fn write(&self, name: &str, contents: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    /// A folder that stands for a store.
    pub fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }
}

/// Bytes that are not the same twice.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// `kubedro step export` of `data` as the dataset `model`, in the run `run-1`.
pub fn export(data: &Data, url: &str, options: &Value) -> Command {
    export_all(data, url, options, &[("model", "data")])
}

/// The same of several datasets, each with its path.
pub fn export_all(data: &Data, url: &str, options: &Value, outputs: &[(&str, &str)]) -> Command {
    let outputs: Vec<Value> =
        outputs.iter().map(|(dataset, path)| json!({"dataset": dataset, "path": path})).collect();
    let spec = json!({"url": url, "options": options, "outputs": outputs}).to_string();
    let mut command = kubedro(&["step", "export", &spec, "--run-id=run-1", "--save-version=v"]);
    command.args(["--parameters", &BASE64.encode("[]")]).current_dir(data.0.path());
    command.env("KUBEDRO_TERMINATION_LOG", data.0.path().join("termination"));
    for (name, _) in std::env::vars() {
        if ["AWS_", "GOOGLE_", "AZURE_", "SSL_CERT"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

pub fn succeeds(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// What a step that could not store says.
pub fn fails(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(42), "{said}");
    said
}

/// All files below a folder, but those of the server itself, which may go while
/// this looks.
pub fn stored(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".sgwtmp")
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            Some((name, std::fs::read(entry.path()).ok()?))
        })
        .collect()
}

/// That the manifest tells of all that is there, and of nothing else.
pub fn is_whole(objects: &BTreeMap<String, Vec<u8>>, prefix: &str, dataset: &str) -> Value {
    let above = format!("{prefix}run-1/{dataset}");
    let manifest: Value =
        serde_json::from_slice(&objects[&format!("{above}.manifest.json")]).unwrap();
    let told: BTreeMap<String, (u64, String)> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap().to_owned();
            (format!("{above}/{}", text("key")), (file["size"].as_u64().unwrap(), text("sha256")))
        })
        .collect();
    let there: BTreeMap<String, (u64, String)> = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&format!("{above}/")))
        .map(|(key, contents)| (key.clone(), (contents.len() as u64, sha256(contents))))
        .collect();
    assert_eq!(told, there);
    assert_eq!(manifest["dataset"], dataset);
    assert_eq!(manifest["run_id"], "run-1");
    manifest
}

fn sha256(contents: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in ring::digest::digest(&ring::digest::SHA256, contents).as_ref() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
