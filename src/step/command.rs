//! The argv of every pod: [`StepCommand`], and its inverse `to_argv`.
//!
//! Argo and the kubelet rewrite argv (seen on Argo 3.7 and Kubernetes 1.33):
//! `{{…}}` is a tag wherever it stands, `$(X)` becomes a variable's value and
//! `$$` one `$`. So text that is known at compile time travels as one element
//! of JSON whose strings hold neither `{` nor `$`, and what only the run knows
//! travels as base64, but for ids, names of runs, times and versions, which need
//! no protection.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::artifact::Artifact;
use super::run_value::{RunText, RunValue, StepOutput};
use crate::notify::Notification;
use crate::store::Target;

/// One step of a workflow: what stands behind `kubedro step`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
#[allow(clippy::large_enum_variant)] // the large one is there once in a workflow
pub enum StepCommand {
    /// Fill the volume with the image's data and set the owner
    VolumeInit(VolumeInit),
    /// Find the versions that all steps of the run load
    LoadVersions(LoadVersions),
    /// Run nodes of a pipeline through Kedro
    Run(Run),
    /// Put outputs into an object store
    Export(Export),
    /// Send the notifications and run the on-exit pipeline, with the status of the workflow
    OnExit(OnExit),
}

/// `kubedro step volume-init`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct VolumeInit {
    /// Compile-time settings, as JSON
    #[arg(value_name = "JSON", value_parser = from_json::<VolumeInitSpec>)]
    pub spec: VolumeInitSpec,
}

/// What fills a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeInitSpec {
    /// The image's data, below the working directory.
    pub from: String,
    /// Where the volume is mounted, below the working directory.
    pub to: String,
    /// What of the data is copied, below `from`; empty is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The numeric user that everything is given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
}

/// `kubedro step load-versions`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct LoadVersions {
    /// Compile-time settings, as JSON
    #[arg(value_name = "JSON", value_parser = from_json::<LoadVersionsSpec>)]
    pub spec: LoadVersionsSpec,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub identity: Identity,
}

/// Which versions are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadVersionsSpec {
    /// Kedro's environment.
    pub env: String,
    /// The registered pipeline.
    pub pipeline: String,
    /// Versioned datasets that the run loads and does not make.
    pub datasets: Vec<String>,
}

/// `kubedro step run`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Run {
    /// Compile-time settings, as JSON
    #[arg(value_name = "JSON", value_parser = from_json::<RunSpec>)]
    pub spec: RunSpec,
    #[command(flatten)]
    #[allow(missing_docs)] // documented by its type; a comment would be help text
    pub identity: Identity,
    /// What `load-versions` has found, as a JSON object (base64)
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    pub load_versions: Option<RunText>,
    /// Start as Kedro itself does, without what spares time
    #[arg(long)]
    pub no_lean: bool,
}

/// Which part of a pipeline runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Kedro's environment.
    pub env: String,
    /// The registered pipeline.
    pub pipeline: String,
    /// The nodes, by name; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Of these, nodes with one of the tags; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Of these, nodes in one of the namespaces; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Versions that somebody has asked for, by dataset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub load_versions: BTreeMap<String, String>,
    /// Versioned datasets that this run makes and these nodes load: they are
    /// loaded at the run's own save version, not at the newest there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_at_save_version: Vec<String>,
    /// Outputs that become artifacts of the workflow. One that is not there
    /// afterwards makes the step fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Whether metrics, tables and plots are prepared for the pages of Kubeflow
    /// Pipelines.
    #[serde(default, skip_serializing_if = "is_false")]
    pub displays: bool,
    /// Where the outputs go besides, when the nodes have made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportTarget>,
}

/// A place in an object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportTarget {
    /// `s3://bucket/prefix`, `gs://…`, `az://…`, `abfs://…` or `file:///folder`.
    pub url: String,
    /// Settings of the store's client that are no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl ExportTarget {
    /// As the store takes it.
    pub(super) fn as_target(&self) -> Target<'_> {
        Target { url: &self.url, options: &self.options }
    }
}

/// `kubedro step export`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Example:\n  kubedro step export '{\"url\":\"s3://models/runs\",\"outputs\":[{\"dataset\":\"model\",\"path\":\"data/06_models/model.pickle\"}]}' --run-id=1 --save-version=2026-01-31T12.00.00Z --parameters=W10="
)]
pub struct Export {
    /// Compile-time settings, as JSON
    #[arg(value_name = "JSON", value_parser = from_json::<ExportSpec>)]
    pub spec: ExportSpec,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub identity: Identity,
}

/// What is put where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportSpec {
    /// As in [`ExportTarget`].
    pub url: String,
    /// As in [`ExportTarget`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Each becomes a folder of the run, with a manifest beside it.
    pub outputs: Vec<ExportOutput>,
}

/// An output that is exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportOutput {
    /// The dataset, transcoding included.
    pub dataset: String,
    /// Its file or folder; absolute, or below the project's root.
    pub path: String,
}

/// `kubedro step on-exit`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct OnExit {
    /// Compile-time settings, as JSON
    #[arg(value_name = "JSON", value_parser = from_json::<OnExitSpec>)]
    pub spec: OnExitSpec,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub identity: Identity,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub end: End,
}

/// What happens at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnExitSpec {
    /// Kedro's environment.
    pub env: String,
    /// The project's name.
    pub project: String,
    /// The registered pipeline that the run was of.
    pub run_pipeline: String,
    /// The registered pipeline that runs last, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Versioned datasets that the run or that pipeline makes, and the latter
    /// loads: at the run's own save version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_at_save_version: Vec<String>,
    /// Versions that somebody has asked for, by dataset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub load_versions: BTreeMap<String, String>,
    /// Whether the step fails where a part of it fails.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Who is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde hands it
fn is_false(value: &bool) -> bool {
    !*value
}

/// How the run has ended, as the orchestrator says.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct End {
    /// The name of the run
    #[arg(long, value_name = "NAME")]
    pub run_name: RunText,
    /// When the run was made
    #[arg(long, value_name = "TIME")]
    pub started: RunText,
    /// How long the run took
    #[arg(long, value_name = "SECONDS")]
    pub duration: RunText,
    /// What became of the workflow (base64)
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    pub status: RunText,
    /// The steps that failed, as a JSON list (base64)
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    pub failures: RunText,
}

impl End {
    /// All of it known only to the run.
    pub fn of_the_run() -> Self {
        Self {
            run_name: RunText::Value(RunValue::RunName),
            started: RunText::Value(RunValue::Started),
            duration: RunText::Value(RunValue::Duration),
            status: RunText::Value(RunValue::Status),
            failures: RunText::Value(RunValue::Failures),
        }
    }

    fn resolved(&self, value: &dyn Fn(&RunValue) -> String) -> Self {
        Self {
            run_name: self.run_name.resolved(value),
            started: self.started.resolved(value),
            duration: self.duration.resolved(value),
            status: self.status.resolved(value),
            failures: self.failures.resolved(value),
        }
    }

    fn append(&self, argv: &mut Vec<String>, placeholder: &dyn Fn(&RunValue, Form) -> String) {
        argv.push(plain_option("--run-name", &self.run_name, placeholder));
        argv.push(plain_option("--started", &self.started, placeholder));
        argv.push(plain_option("--duration", &self.duration, placeholder));
        argv.extend(base64_option("--status", &self.status, placeholder));
        argv.extend(base64_option("--failures", &self.failures, placeholder));
    }
}

/// What all pods of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Identity {
    /// The run's id, unless a parameter of the workflow gives it another's
    #[arg(long, value_name = "ID")]
    pub run_id: RunText,
    /// The save version of all versioned datasets of the run, unless a
    /// parameter of the workflow gives it another's
    #[arg(long, value_name = "VERSION")]
    pub save_version: RunText,
    /// The workflow's parameters, as a JSON list of names and values (base64)
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    pub parameters: RunText,
}

impl Identity {
    /// All of it known only to the run.
    pub fn of_the_run() -> Self {
        Self {
            run_id: RunText::Value(RunValue::RunId),
            save_version: RunText::Value(RunValue::SaveVersion),
            parameters: RunText::Value(RunValue::Parameters),
        }
    }

    fn resolved(&self, value: &dyn Fn(&RunValue) -> String) -> Self {
        Self {
            run_id: self.run_id.resolved(value),
            save_version: self.save_version.resolved(value),
            parameters: self.parameters.resolved(value),
        }
    }

    fn append(&self, argv: &mut Vec<String>, placeholder: &dyn Fn(&RunValue, Form) -> String) {
        argv.push(plain_option("--run-id", &self.run_id, placeholder));
        argv.push(plain_option("--save-version", &self.save_version, placeholder));
        argv.extend(base64_option("--parameters", &self.parameters, placeholder));
    }
}

/// How a run's value stands in argv.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// As base64.
    Base64,
}

impl StepCommand {
    /// The arguments behind the program's name, `step` first. `placeholder`
    /// writes the values that are not known yet, in the form that is asked for.
    ///
    /// Parsing what this returns gives the same command again.
    pub fn to_argv(&self, placeholder: &dyn Fn(&RunValue, Form) -> String) -> Vec<String> {
        let mut argv = vec!["step".to_owned()];
        match self {
            Self::VolumeInit(step) => {
                argv.extend(["volume-init".to_owned(), to_json(&step.spec)]);
            }
            Self::LoadVersions(step) => {
                argv.extend(["load-versions".to_owned(), to_json(&step.spec)]);
                step.identity.append(&mut argv, placeholder);
            }
            Self::Run(step) => {
                argv.extend(["run".to_owned(), to_json(&step.spec)]);
                step.identity.append(&mut argv, placeholder);
                if let Some(versions) = &step.load_versions {
                    argv.extend(base64_option("--load-versions", versions, placeholder));
                }
                argv.extend(step.no_lean.then(|| "--no-lean".to_owned()));
            }
            Self::Export(step) => {
                argv.extend(["export".to_owned(), to_json(&step.spec)]);
                step.identity.append(&mut argv, placeholder);
            }
            Self::OnExit(step) => {
                argv.extend(["on-exit".to_owned(), to_json(&step.spec)]);
                step.identity.append(&mut argv, placeholder);
                step.end.append(&mut argv, placeholder);
            }
        }
        argv
    }

    /// What other steps write and this one takes.
    pub fn inputs(&self) -> Vec<&StepOutput> {
        match self {
            Self::Run(Run {
                load_versions: Some(RunText::Value(RunValue::StepOutput(output))),
                ..
            }) => {
                vec![output]
            }
            _ => Vec::new(),
        }
    }

    /// What of a step's outputs becomes an artifact of the workflow.
    pub fn artifacts(&self) -> &[Artifact] {
        match self {
            Self::Run(run) => &run.spec.artifacts,
            _ => &[],
        }
    }

    /// Whether the step writes what the pages of Kubeflow Pipelines show.
    pub fn has_displays(&self) -> bool {
        matches!(self, Self::Run(run) if run.spec.displays)
    }

    /// Whether what the nodes make is put into a store.
    pub fn exports(&self) -> bool {
        matches!(self, Self::Run(run) if run.spec.export.is_some())
    }

    /// The same command, exporting to this place if it exports anything.
    #[must_use]
    pub fn with_store(mut self, url: &str) -> Self {
        let (to, options) = match &mut self {
            Self::Run(Run { spec: RunSpec { export: Some(target), .. }, .. }) => {
                (&mut target.url, &mut target.options)
            }
            Self::Export(step) => (&mut step.spec.url, &mut step.spec.options),
            _ => return self,
        };
        url.clone_into(to);
        // They are of the other store's client.
        options.clear();
        self
    }

    /// The same command with the run's values put in.
    #[must_use]
    pub fn resolved(&self, value: &dyn Fn(&RunValue) -> String) -> Self {
        match self {
            Self::VolumeInit(step) => Self::VolumeInit(step.clone()),
            Self::LoadVersions(step) => Self::LoadVersions(LoadVersions {
                spec: step.spec.clone(),
                identity: step.identity.resolved(value),
            }),
            Self::Run(step) => Self::Run(Run {
                spec: step.spec.clone(),
                identity: step.identity.resolved(value),
                load_versions: step.load_versions.as_ref().map(|text| text.resolved(value)),
                no_lean: step.no_lean,
            }),
            Self::Export(step) => Self::Export(Export {
                spec: step.spec.clone(),
                identity: step.identity.resolved(value),
            }),
            Self::OnExit(step) => Self::OnExit(OnExit {
                spec: step.spec.clone(),
                identity: step.identity.resolved(value),
                end: step.end.resolved(value),
            }),
        }
    }
}

/// `--name=value` in one element, so that a value may begin with `-`.
fn plain_option(
    name: &str,
    text: &RunText,
    placeholder: &dyn Fn(&RunValue, Form) -> String,
) -> String {
    match text {
        RunText::Text(text) => format!("{name}={text}"),
        RunText::Value(value) => format!("{name}={}", placeholder(value, Form::Plain)),
    }
}

/// Name and value apart: Argo puts an element that is too long for the kernel
/// into a file, and the file's name in the element's place.
fn base64_option(
    name: &str,
    text: &RunText,
    placeholder: &dyn Fn(&RunValue, Form) -> String,
) -> [String; 2] {
    let value = match text {
        RunText::Text(text) => BASE64.encode(text),
        RunText::Value(value) => placeholder(value, Form::Base64),
    };
    [name.to_owned(), value]
}

fn from_base64(text: &str) -> Result<RunText, String> {
    if text.starts_with("{{") {
        return Err("Argo has not evaluated this expression (is EXPRESSION_TEMPLATES=false set for its controller?)".to_owned());
    }
    let bytes = BASE64
        .decode(unpacked(text)?.trim_end())
        .map_err(|error| format!("not base64: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8 within base64".to_owned())?;
    Ok(RunText::Text(text))
}

/// An element of argv; of one that was too long, what is in the file.
fn unpacked(text: &str) -> Result<Cow<'_, str>, String> {
    match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map(Cow::Owned)
            .map_err(|error| format!("cannot read {file}: {error}")),
        None => Ok(Cow::Borrowed(text)),
    }
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(&unpacked(text)?).map_err(|error| error.to_string())
}

fn to_json<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Unexpandable);
    // A plain structure of texts and numbers always has a JSON.
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// JSON whose strings hold nothing that Argo or the kubelet would expand. The
/// braces of its structure are always followed by a quote, never by a brace.
struct Unexpandable;

impl serde_json::ser::Formatter for Unexpandable {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some(at) = rest.find(['{', '$']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let escape: &[u8] = if rest.as_bytes()[at] == b'{' { b"\\u007b" } else { b"\\u0024" };
            writer.write_all(escape)?;
            rest = &rest[at + 1..];
        }
        writer.write_all(rest.as_bytes())
    }
}
