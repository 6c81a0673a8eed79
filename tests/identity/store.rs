//! Where the versioned datasets of a test lie: on the volume, or in a bucket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::servers::S3Server;
use crate::support::{Project, stderr};

/// The place of all `version_NAME` (a pickle) and `parts_NAME` (a folder of
/// files, written one after the other) of a project.
pub enum Store {
    /// `data/03`
    Volume,
    /// `s3://bucket/03`
    Bucket(S3Server),
}

/// What lies in some folders: contents by path; folders have none.
pub type Tree = BTreeMap<String, Option<Vec<u8>>>;

impl Store {
    pub fn bucket() -> Self {
        Self::Bucket(S3Server::start())
    }

    /// Gives a project its datasets here, and the texts `STORE`, this place as
    /// a folder for its nodes, and `MARKER`, a file outside of all data.
    pub fn equip(&self, project: &Project) {
        let (place, credentials, folder) = match self {
            Self::Volume => ("data/03", "", "data/03".to_owned()),
            Self::Bucket(server) => {
                server.give_credentials(project);
                ("s3://bucket/03", ", credentials: store", self.text_of_folder(project))
            }
        };
        project.write(
            "conf/base/catalog.yml",
            &format!(
                r#"
start: {{type: text.TextDataset, filepath: data/01_raw/start.txt}}
"out_{{name}}": {{type: pickle.PickleDataset, filepath: "data/02/{{name}}.pickle"}}
"version_{{name}}": {{type: pickle.PickleDataset, filepath: "{place}/{{name}}.pickle", versioned: true{credentials}}}
"parts_{{name}}": {{type: tiny.parts.PartsDataset, filepath: "{place}/{{name}}", versioned: true{credentials}}}
"#
            ),
        );
        project.write("src/tiny/parts.py", PARTS);
        project.replace(
            "src/tiny/pipeline_registry.py",
            "import os,",
            &format!(
                "STORE = {folder:?}\nMARKER = {:?}\n\nimport os,",
                marker(project).to_str().unwrap()
            ),
        );
        project.write("conf/base/kubeflow.yaml", "run_config: {image: x, volume: {}, retry_policy: {__default__: {num_retries: 3, backoff_duration: 0, backoff_factor: 1}}}\n");
    }

    fn text_of_folder(&self, project: &Project) -> String {
        self.folder(&project.path()).to_str().unwrap().to_owned()
    }

    /// The place as a folder of this machine, for the project that runs in `root`.
    pub fn folder(&self, root: &Path) -> PathBuf {
        match self {
            Self::Volume => root.join("data/03"),
            Self::Bucket(server) => server.bucket().join("03"),
        }
    }

    /// Puts a file there by hand.
    pub fn put(&self, root: &Path, file: &str, contents: &[u8]) {
        let path = self.folder(root).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    /// All data of the project that runs in `root`, those of the bucket too.
    pub fn tree(&self, root: &Path) -> Tree {
        let mut tree = tree(&root.join("data"));
        if let Self::Bucket(server) = self {
            let objects = self::tree(&server.bucket()).into_iter();
            // The server's own place for what is being uploaded.
            let objects = objects.filter(|(path, _)| !path.starts_with(".sgwtmp"));
            tree.extend(objects.map(|(path, contents)| (format!("s3/{path}"), contents)));
        }
        tree
    }

    /// The data that a run has left which must have succeeded, its own version
    /// named alike for all runs, and the version.
    pub fn result(&self, run: &(Output, PathBuf)) -> (Tree, String) {
        let (output, work) = run;
        let text = stderr(output);
        assert!(output.status.success(), "{text}");
        let version = text.lines().find_map(|line| line.strip_prefix("  version  ")).unwrap();
        let tree = self.tree(&work.join("project"));
        let tree =
            tree.into_iter().map(|(path, contents)| (path.replace(version, "VERSION"), contents));
        (tree.collect(), version.to_owned())
    }

    /// Empties the bucket; a volume is new in every local run.
    pub fn clear(&self) {
        if let Self::Bucket(server) = self {
            std::fs::remove_dir_all(server.bucket()).unwrap();
            std::fs::create_dir(server.bucket()).unwrap();
        }
    }
}

/// A file outside of all data that nodes and hooks leave to say that they have died.
pub fn marker(project: &Project) -> PathBuf {
    project.scratch("marker")
}

/// Paths alone, for messages.
pub fn paths(tree: &Tree) -> Vec<&String> {
    tree.iter().filter(|(_, contents)| contents.is_some()).map(|(path, _)| path).collect()
}

/// That two trees are the same, in words that can be read.
pub fn assert_same(found: &Tree, expected: &Tree, context: &str) {
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "other files: {context}"
    );
    for (path, contents) in expected {
        assert!(&found[path] == contents, "{path} has other contents: {context}");
    }
}

fn tree(folder: &Path) -> Tree {
    walkdir::WalkDir::new(folder)
        .min_depth(1)
        .into_iter()
        .map(Result::unwrap)
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let contents =
                entry.file_type().is_file().then(|| std::fs::read(entry.path()).unwrap());
            (name, contents)
        })
        .collect()
}

/// A text as a pickle.
pub fn pickled(text: &str) -> Vec<u8> {
    format!("V{text}\n.").into_bytes()
}

/// A versioned dataset of several files: a mapping of their names to texts.
/// Names are written in their order; after each one `PAUSE` seconds go by, and
/// the process dies after one whose text is `die`. The file `SAVING` grows when
/// it begins.
const PARTS: &str = r#"
import os, signal, time
from pathlib import PurePosixPath

import fsspec
from kedro.io.core import AbstractVersionedDataset, get_filepath_str, get_protocol_and_path

PAUSE = 0
SAVING = None


class PartsDataset(AbstractVersionedDataset):
    def __init__(self, filepath, version=None, credentials=None, metadata=None):
        self._protocol, path = get_protocol_and_path(filepath, version)
        self._fs = fsspec.filesystem(self._protocol, **(credentials or {}))
        super().__init__(
            filepath=PurePosixPath(path),
            version=version,
            exists_function=self._fs.exists,
            glob_function=self._fs.glob,
        )

    def _load(self):
        folder = get_filepath_str(self._get_load_path(), self._protocol)
        names = sorted(path.split("/")[-1] for path in self._fs.ls(folder, detail=False))
        return {name: self._fs.cat(folder + "/" + name).decode() for name in names}

    def _save(self, data):
        folder = get_filepath_str(self._get_save_path(), self._protocol)
        if SAVING:
            open(SAVING, "a").write("x")
        if self._protocol == "file":
            self._fs.makedirs(folder, exist_ok=True)
        for name, text in data.items():
            with self._fs.open(folder + "/" + name, "wb") as file:
                file.write(text.encode())
            time.sleep(PAUSE)
            if text == "die":
                os.kill(os.getpid(), signal.SIGKILL)
        self._fs.invalidate_cache()

    def _exists(self):
        return self._fs.exists(get_filepath_str(self._get_load_path(), self._protocol))

    def _describe(self):
        return {"filepath": self._filepath, "version": self._version}
"#;
