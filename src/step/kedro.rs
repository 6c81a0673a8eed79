//! Calls Kedro: a small Python package, embedded here, and its request in a
//! file that only this user can read. Nothing of it stands on a command line,
//! where everybody on the machine could read it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::output::local_folder;
use super::save_version::normalised;
use super::{Error, Identity, RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER, Surroundings};
use crate::env_vars;
use crate::project::{Interpreter, find_root};
use crate::supervise::{self, Report, Rewrite, Signal};

/// The Python package, and what starts it.
const START: &str = "start.py";
const PACKAGE: &str = "kubedro_launcher";
const FILES: [(&str, &str); 12] = [
    ("__init__.py", include_str!("launcher/__init__.py")),
    ("command.py", include_str!("launcher/command.py")),
    ("displays.py", include_str!("launcher/displays.py")),
    ("ending.py", include_str!("launcher/ending.py")),
    ("hooks.py", include_str!("launcher/hooks.py")),
    ("identity.py", include_str!("launcher/identity.py")),
    ("lean.py", include_str!("launcher/lean.py")),
    ("main.py", include_str!("launcher/main.py")),
    ("outputs.py", include_str!("launcher/outputs.py")),
    ("parameters.py", include_str!("launcher/parameters.py")),
    ("refusal.py", include_str!("launcher/refusal.py")),
    ("selection.py", include_str!("launcher/selection.py")),
];

/// A parameter for Kedro.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub name: String,
    /// YAML, unless `verbatim`.
    pub value: String,
    /// Whether the value is the text itself.
    #[serde(default, skip_deserializing)]
    pub verbatim: bool,
}

impl Parameter {
    pub fn text(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), verbatim: true }
    }
}

/// Which part of which pipeline.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Selection<'a> {
    pub env: &'a str,
    pub pipeline: &'a str,
    /// No nodes, tags or namespaces: all.
    pub nodes: &'a [String],
    pub tags: &'a [String],
    pub namespaces: &'a [String],
    /// By dataset.
    pub load_versions: BTreeMap<String, String>,
    pub load_at_save_version: &'a [String],
    /// Another pipeline of the run, whose outputs are not this step's.
    pub made_by: Option<&'a str>,
    /// Datasets whose newest versions are asked for. Where there are any, nothing
    /// is run.
    pub datasets: &'a [String],
    /// Whether the answer shall be what the nodes have made, and where it is.
    pub made: bool,
}

/// What the program is asked to do.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    project: &'a Path,
    #[serde(flatten)]
    selection: Selection<'a>,
    /// The run's own, or that of the run whose identity it takes on.
    pub run_id: String,
    save_version: String,
    /// Whether nobody else has this version: then what is there of it already
    /// is an earlier attempt's.
    own_version: bool,
    parameters: Vec<Parameter>,
    /// Whether the start is spared what no run needs.
    pub lean: bool,
    /// The folder for what Kubeflow Pipelines shows of the outputs.
    pub displays: Option<PathBuf>,
    /// Where the answer to a question goes.
    answer: PathBuf,
    /// A file for the last words: an exception, or a message.
    last_words: PathBuf,
    /// A file that is there when all has been done.
    done: PathBuf,
    /// Variables that the program gets besides.
    #[serde(skip)]
    pub env: Vec<(&'static str, PathBuf)>,
}

impl Selection<'_> {
    /// For the termination message.
    fn in_words(&self) -> Map<String, Value> {
        let mut words = Map::new();
        words.insert("pipeline".to_owned(), self.pipeline.into());
        for (name, list) in
            [("nodes", self.nodes), ("tags", self.tags), ("namespaces", self.namespaces)]
        {
            if !list.is_empty() {
                words.insert(name.to_owned(), list.into());
            }
        }
        words
    }
}

impl<'a> Request<'a> {
    pub fn new(
        project: &'a Path,
        selection: Selection<'a>,
        identity: &Identity,
        mut parameters: Vec<Parameter>,
    ) -> Result<Self, Error> {
        let run_id = run_id(identity, &parameters)?;
        let (save_version, own_version) =
            taken_on(&parameters, SAVE_VERSION_PARAMETER, identity.save_version.text());
        let save_version = normalised(&save_version);
        let own = [RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER];
        parameters.retain(|parameter| !own.contains(&parameter.name.as_str()));
        Ok(Self {
            project,
            selection,
            run_id,
            save_version: checked("save version", save_version)?,
            own_version,
            parameters,
            lean: std::env::var_os(env_vars::KUBEDRO_LEAN).is_none_or(|value| value != "0"),
            displays: None,
            answer: PathBuf::new(),
            last_words: PathBuf::new(),
            done: PathBuf::new(),
            env: Vec::new(),
        })
    }
}

/// The value that another run has given this one by a parameter, else its own;
/// and whether it is its own.
fn taken_on(parameters: &[Parameter], name: &str, own: &str) -> (String, bool) {
    let given = parameters.iter().find(|parameter| parameter.name == name);
    match given.filter(|parameter| !parameter.value.is_empty()) {
        Some(parameter) => (parameter.value.clone(), false),
        None => (own.to_owned(), true),
    }
}

/// The run's id, or that of the run whose identity it takes on.
pub(super) fn run_id(identity: &Identity, parameters: &[Parameter]) -> Result<String, Error> {
    checked("run id", taken_on(parameters, RUN_ID_PARAMETER, identity.run_id.text()).0)
}

/// The workflow's parameters from their JSON.
pub(super) fn parameters(json: &str) -> Result<Vec<Parameter>, Error> {
    serde_json::from_str(json).map_err(|error| Error::Parameters(error.to_string()))
}

/// Ids and versions become names of folders, and come in plain text: a tag
/// that nobody replaced, or a path, must not get through.
fn checked(what: &'static str, value: String) -> Result<String, Error> {
    let valid = !value.is_empty()
        && value.len() <= 200
        && !value.starts_with(['.', '-'])
        && value.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | ':' | '-')
        });
    if valid { Ok(value) } else { Err(Error::Identity { what, value }) }
}

/// Runs Kedro to its end. Its exit code is the outcome.
pub(super) fn run(request: Request<'_>, surroundings: Surroundings<'_>) -> Result<Report, Error> {
    Ok(ask(request, surroundings)?.0)
}

/// The same for a question: with its answer, which is empty where there is none.
pub(super) fn ask(
    mut request: Request<'_>,
    surroundings: Surroundings<'_>,
) -> Result<(Report, Vec<u8>), Error> {
    find_root(surroundings.project, true)?;
    let interpreter = Interpreter::choose(surroundings.project, surroundings.python)?;
    let place = temporary_place();
    let folder = tempfile::Builder::new()
        .prefix("kubedro-step-")
        .tempdir_in(&place)
        .map_err(|source| Error::Write { path: place.clone(), source })?;
    let program = folder.path().join(START);
    write_private(&program, include_bytes!("launcher/start.py"))?;
    let package = folder.path().join(PACKAGE);
    std::fs::create_dir(&package)
        .map_err(|source| Error::Write { path: package.clone(), source })?;
    for (name, text) in FILES {
        write_private(&package.join(name), text.as_bytes())?;
    }
    let request_file = folder.path().join("request.json");
    request.answer = folder.path().join("answer.json");
    request.last_words = folder.path().join("last-words.json");
    request.done = folder.path().join("done");
    let json = serde_json::to_vec(&request)
        .map_err(|error| Error::Write { path: request_file.clone(), source: error.into() })?;
    write_private(&request_file, &json)?;

    let mut command = Command::new(&interpreter.path);
    command
        .arg(&program)
        .arg(&request_file)
        .current_dir(surroundings.project)
        .env(env_vars::DO_NOT_TRACK, "1")
        .env(env_vars::PYTHONUNBUFFERED, "1")
        .envs(request.env.iter().map(|(name, path)| (name, path)))
        .env(env_vars::KUBEDRO_RUN_ID, &request.run_id)
        .env(env_vars::KUBEDRO_SAVE_VERSION, &request.save_version);
    let mut options = supervise::Options::from_environment();
    options.fields = request.selection.in_words();
    options.last_words = Some(request.last_words.clone());
    options.proof = Some(request.done.clone());
    // Images have other signals to stop them (STOPSIGNAL): error hooks run at TERM.
    options.rewrite = [Signal::INT, Signal::HUP, Signal::QUIT]
        .map(|from| Rewrite { from, to: Signal::TERM })
        .to_vec();
    let report = supervise::run(command, &options)?;
    if report.unproven {
        tracing::error!("Python ended with 0 before Kedro had ended the run: it counts as failed");
    }
    let answer = match std::fs::read(&request.answer) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|source| Error::Read { path: request.answer, source })?,
    };
    // The folder is dropped here; one that cannot be removed harms nothing.
    Ok((report, answer))
}

/// A step of a local run that is killed leaves its files in the run's own folder.
fn temporary_place() -> PathBuf {
    local_folder()
        .filter(|outputs| std::fs::create_dir_all(outputs).is_ok())
        .unwrap_or_else(std::env::temp_dir)
}

fn write_private(path: &Path, contents: &[u8]) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let write = || {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(contents)
    };
    write().map_err(|source| Error::Write { path: path.to_path_buf(), source })
}
