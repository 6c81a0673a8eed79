//! Projects, interpreters and the program itself, for all tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// One of the Kedro versions that are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kedro(pub &'static str);

pub const OLD: Kedro = Kedro("0.18.14");
pub const MIDDLE: Kedro = Kedro("0.19.15");
/// The oldest that is taken; its environment has only a few datasets.
pub const OLDEST: Kedro = Kedro("0.18.2");
pub const NEW: Kedro = Kedro("1.7.0");

/// Makes a test for each version of Kedro of a function that takes one.
macro_rules! for_each_kedro {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            $(#[$attribute])*
            fn kedro_0_18() {
                super::$name(crate::support::OLD);
            }
            #[test]
            $(#[$attribute])*
            fn kedro_0_19() {
                super::$name(crate::support::MIDDLE);
            }
            #[test]
            $(#[$attribute])*
            fn kedro_1() {
                super::$name(crate::support::NEW);
            }
        })+
    };
}
pub(crate) use for_each_kedro;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Kedro {
    fn home(self) -> PathBuf {
        let home = repository().join(".venvs").join(format!("kedro-{}", self.0));
        assert!(
            home.join(".complete").is_file(),
            "the environment of Kedro {} is missing: run scripts/test",
            self.0
        );
        home
    }

    pub fn python(self) -> PathBuf {
        self.home().join("bin/python")
    }

    /// `kedro ARGUMENTS` in a folder, as a user would call it.
    pub fn run(self, folder: &Path, arguments: &[&str]) -> Output {
        Command::new(self.home().join("bin/kedro"))
            .args(arguments)
            .current_dir(folder)
            .env("DO_NOT_TRACK", "1")
            .output()
            .unwrap()
    }

    /// The standard output of a Python program in a folder.
    pub fn python_output(self, folder: &Path, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(self.python())
            .arg("-c")
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .env("DO_NOT_TRACK", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Kedro {
    /// What a pickle holds, as Python prints it.
    pub fn unpickled(self, file: &Path) -> String {
        self.python_output(
            Path::new("/"),
            "import pickle, sys; sys.stdout.reconfigure(encoding='utf-8'); print(pickle.load(open(sys.argv[1], 'rb')))",
            &[file.to_str().unwrap()],
        )
    }
}

/// A project in a temporary folder.
pub struct Project {
    pub kedro: Kedro,
    folder: TempDir,
}

impl Project {
    /// A copy of the example project.
    pub fn spaceflights(kedro: Kedro) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new(repository().join("integration/projects/as_for_kedro"))
            .args(["spaceflights", kedro.0])
            .arg(folder.path().join("project"))
            .status()
            .unwrap();
        assert!(status.success());
        Self { kedro, folder }
    }

    /// A project of one file of pipelines, without pandas: quick.
    ///
    /// `registry` is the body of `pipeline_registry.py`, below the usual imports.
    pub fn tiny(kedro: Kedro, registry: &str) -> Self {
        let project = Self { kedro, folder: tempfile::tempdir().unwrap() };
        project.write(
            "pyproject.toml",
            &format!(
                "[tool.kedro]\npackage_name = \"tiny\"\nproject_name = \"Tiny\"\nkedro_init_version = \"{}\"\n",
                kedro.0
            ),
        );
        project.write("src/tiny/__init__.py", "");
        project.write(
            "src/tiny/settings.py",
            "from kedro.config import OmegaConfigLoader\n\nCONFIG_LOADER_CLASS = OmegaConfigLoader\nCONFIG_LOADER_ARGS = {\"base_env\": \"base\", \"default_run_env\": \"local\"}\n",
        );
        project.write(
            "src/tiny/pipeline_registry.py",
            &format!("import os, sys, time\nfrom kedro.pipeline import Pipeline, node, pipeline\n\n{registry}"),
        );
        project.write("conf/local/.gitkeep", "");
        project.write("conf/base/parameters.yml", "{}\n");
        project.write("conf/base/catalog.yml", CATALOG);
        project.write("conf/base/kubeflow.yaml", "run_config:\n  image: tiny:1\n  volume: {}\n");
        project.write("data/01_raw/start.txt", "start");
        project
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap()
    }

    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replace(from, to));
    }

    /// The program in the project's folder, with the project's Python.
    pub fn kubedro(&self, arguments: &[&str]) -> Command {
        let mut command = kubedro(arguments);
        command.current_dir(self.path()).arg("--python").arg(self.kedro.python());
        command
    }

    /// `kubedro run-local` with more arguments, and its work folder.
    pub fn run_local(&self, arguments: &[&str]) -> (Output, PathBuf) {
        let work = self.scratch("work");
        let given = ["run-local", "--workdir", work.to_str().unwrap()];
        (self.kubedro(&[&given, arguments].concat()).output().unwrap(), work)
    }

    /// `kubedro compile` with more arguments; the workflow's YAML.
    pub fn compile(&self, arguments: &[&str]) -> String {
        let output = self.kubedro(&[&["compile", "-o", "-"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same as a tree, read by PyYAML.
    pub fn compiled(&self, arguments: &[&str]) -> Workflow {
        self.as_tree(&self.compile(arguments))
    }

    pub fn as_tree(&self, yaml: &str) -> Workflow {
        let file = self.scratch("compiled.yml");
        std::fs::write(&file, yaml).unwrap();
        let json = self.kedro.python_output(
            &self.path(),
            "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))",
            &[file.to_str().unwrap()],
        );
        Workflow(serde_json::from_str(&json).unwrap())
    }
}

const CATALOG: &str = r#"
start:
  type: text.TextDataset
  filepath: data/01_raw/start.txt

"out_{name}":
  type: pickle.PickleDataset
  filepath: data/02/{name}.pickle

"version_{name}":
  type: pickle.PickleDataset
  filepath: data/03/{name}.pickle
  versioned: true
"#;

/// A compiled workflow.
pub struct Workflow(pub serde_json::Value);

impl Workflow {
    pub fn spec(&self) -> &serde_json::Value {
        &self.0["spec"]
    }

    pub fn template(&self, name: &str) -> &serde_json::Value {
        self.spec()["templates"]
            .as_array()
            .unwrap()
            .iter()
            .find(|template| template["name"] == name)
            .unwrap_or_else(|| panic!("no template {name}"))
    }

    pub fn container(&self, name: &str) -> &serde_json::Value {
        &self.template(name)["container"]
    }

    pub fn tasks(&self) -> Vec<(String, Vec<String>)> {
        let entrypoint = self.spec()["entrypoint"].as_str().unwrap();
        self.template(entrypoint)["dag"]["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| {
                let dependencies = task["dependencies"].as_array().cloned().unwrap_or_default();
                let mut dependencies: Vec<String> =
                    dependencies.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
                dependencies.sort();
                (task["name"].as_str().unwrap().to_owned(), dependencies)
            })
            .collect()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.spec()["arguments"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|parameter| parameter["name"] == name)
            .map(|parameter| parameter["value"].as_str().unwrap())
    }
}

/// The program, with nothing of this machine's environment that it would read.
pub fn kubedro(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubedro"));
    command.args(arguments);
    for name in ["KEDRO_ENV", "KUBEDRO_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "IAP_CLIENT_ID"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars() {
        if name.starts_with("KEDRO_CONFIG_") {
            command.env_remove(name);
        }
    }
    command
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file below a folder, with its contents.
pub fn files(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}
