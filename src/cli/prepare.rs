//! From the command line to a plan: what `compile` and `run-local` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::findings::FindingArguments;
use super::globals::Globals;
use super::places::Places;
use crate::config::{self, Answer, FromKedro, Loader, Raised, Rendered, Settings, Sources};
use crate::diagnostic::Diagnostic;
use crate::env_vars::{IAP_CLIENT_ID, KEDRO_CONFIG_PREFIX};
use crate::error::Error;
use crate::plan::{self, Finding, Inputs, Plan, RESERVED, step_name};
use crate::project::{
    self, Assignment, Interpolated, Interpolation, Interpreter, Request, Snapshot,
};

/// A project, what Kedro says of it, and its settings.
pub(super) struct Examined {
    pub root: PathBuf,
    pub interpreter: Interpreter,
    pub snapshot: Snapshot,
    /// What is doubtful or wrong.
    pub findings: Vec<Diagnostic>,
    /// None where the findings say why there is none.
    plan: Option<Plan>,
    settings: Settings,
    pipeline: String,
    env: String,
}

/// What a plan is wanted of.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// The registered pipeline.
    pub pipeline: &'a str,
    /// Instead of the configuration's image.
    pub image: Option<&'a str>,
    /// Parameters that are set for a run.
    pub assignments: &'a [Assignment],
    /// Versions that are to be loaded, by dataset.
    pub load_versions: BTreeMap<String, String>,
    /// Whether outputs become artifacts where nobody says so.
    pub keeps_artifacts: bool,
}

/// A plan and what it was made of.
pub(super) struct Prepared {
    pub examined: Examined,
    pub plan: Plan,
}

impl Examined {
    /// What a backend has found, with its places.
    pub fn shown(&self, findings: &[Finding]) -> Vec<Diagnostic> {
        let places =
            Places::new(&self.root, &self.snapshot, &self.pipeline, &self.env, &self.settings);
        findings.iter().map(|finding| places.show(finding)).collect()
    }

    /// The plan, if there could be one.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }
}

/// Makes a plan, and prints what is doubtful about it. With an error among the
/// findings there is no plan.
pub(super) fn prepare(
    globals: &Globals,
    wanted: &Wanted<'_>,
    arguments: &FindingArguments,
) -> Result<Prepared, Error> {
    let mut examined = examine(globals, wanted)?;
    arguments.settle(std::mem::take(&mut examined.findings), globals)?;
    match examined.plan.take() {
        Some(plan) => Ok(Prepared { examined, plan }),
        None => Err(Error::Refused(Vec::new())),
    }
}

/// Asks Kedro, reads `kubeflow.yaml`, and makes the plan.
pub(super) fn examine(globals: &Globals, wanted: &Wanted<'_>) -> Result<Examined, Error> {
    let Wanted { pipeline, image, assignments, ref load_versions, keeps_artifacts } = *wanted;
    let (root, interpreter) = globals.project()?;
    // Names and values that are not UTF-8 have no place in a YAML document.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut variables: BTreeMap<String, String> = environment
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix(KEDRO_CONFIG_PREFIX)?;
            Some((name.to_lowercase(), value.clone()))
        })
        .collect();
    variables.insert("pipeline_name".to_owned(), pipeline.to_owned());

    let request = Request {
        project: &root,
        env: globals.env(),
        parameters: assignments,
        interpolation: Interpolated {
            stem: config::STEM,
            resolvers: &config::RESOLVERS,
            variables: &variables,
        },
    };
    let mut snapshot = project::ask(&interpreter, &request)?;
    tracing::debug!("Kedro {} on Python {}", snapshot.kedro_version, snapshot.python_version);

    let for_pods = environment
        .iter()
        .filter(|(name, _)| name.starts_with(KEDRO_CONFIG_PREFIX) || *name == IAP_CLIENT_ID)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();

    let steps = known_names(&snapshot);
    let pipelines = with_steps(snapshot.pipelines.keys().map(String::as_str));
    let interpolation = std::mem::take(&mut snapshot.interpolation);
    let sources = Sources {
        root: &root,
        conf_source: &snapshot.conf_source,
        base_env: &snapshot.base_env,
        env: globals.env(),
        variables,
        environment,
        node_names: steps.iter().map(String::as_str).collect(),
        pipeline_names: pipelines.iter().map(String::as_str).collect(),
        kedro: from_kedro(interpolation),
    };
    let loaded = config::load(&sources)?;

    let made = plan::build(&Inputs {
        snapshot: &snapshot,
        config: &loaded.config.run_config,
        pipeline,
        env: globals.env(),
        image,
        load_versions,
        keeps_artifacts,
        environment: &for_pods,
    });
    let (plan, found) = match made {
        Ok((plan, found)) => (Some(plan), found),
        Err(plan::Error::Refused(found)) => (None, found),
        Err(error) => return Err(error.into()),
    };
    let mut examined = Examined {
        root,
        interpreter,
        snapshot,
        findings: loaded.warnings,
        plan,
        settings: loaded.settings,
        pipeline: pipeline.to_owned(),
        env: globals.env().to_owned(),
    };
    examined.findings.extend(examined.shown(&found));
    Ok(examined)
}

/// What Kedro has said about `${…}`, in the configuration's words.
fn from_kedro(said: Interpolation) -> FromKedro {
    let answer = |resolved: project::Resolved| Answer {
        layer: resolved.layer,
        path: resolved.path,
        value: match resolved.error {
            None => Ok(resolved.value),
            Some(project::Raised { message, place }) => Err(Raised { message, place }),
        },
    };
    FromKedro {
        loader: if said.loader == "omegaconf" { Loader::OmegaConf } else { Loader::Templated },
        soft_merge: said.soft_merge,
        globals: said.globals,
        runtime_parameters: said.runtime_parameters,
        resolvers: said.resolvers,
        answers: said.answers.into_iter().map(answer).collect(),
        rendered: said
            .rendered
            .into_iter()
            .map(|file| Rendered { layer: file.layer, path: file.path, text: file.text })
            .collect(),
    }
}

/// What per-node sections of `kubeflow.yaml` may name.
fn known_names(snapshot: &Snapshot) -> Vec<String> {
    let mut names = with_steps(snapshot.node_names().into_iter());
    names.extend(snapshot.tags().into_iter().map(str::to_owned));
    names.extend(RESERVED.map(str::to_owned));
    names
}

/// Names, and those of their steps.
fn with_steps<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    names.flat_map(|name| [name.to_owned(), step_name(name)]).collect()
}
