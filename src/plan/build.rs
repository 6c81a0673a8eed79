//! Snapshot and configuration → plan.

use std::collections::{BTreeMap, BTreeSet};

use super::artifact_store;
use super::artifacts::Artifacts;
use super::data_flow::DataFlow;
use super::finding::{Finding, Subject};
use super::load_versions::LoadVersions;
use super::preflight;
use super::{
    DATA, DATA_VOLUME, Error, LOAD_VERSIONS, ON_EXIT, PROJECT_ROOT, Parameter, Plan, Step,
    VOLUME_INIT, Volume, mounts, notifications, order, step_name,
};
use crate::config::{self, MergeStrategy, NodeKey, RunConfig};
use crate::diagnostic::Code;
use crate::env_vars;
use crate::names::did_you_mean;
use crate::project::{Node, Snapshot};
use crate::step::{
    self, End, LoadVersionsSpec, OnExit, OnExitSpec, RUN_ID_PARAMETER, Run, RunSpec, RunText,
    RunValue, SAVE_VERSION_PARAMETER, StepCommand, StepOutput, VolumeInit, VolumeInitSpec,
};

/// What a plan is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// What Kedro says.
    pub snapshot: &'a Snapshot,
    /// What `kubeflow.yaml` says.
    pub config: &'a RunConfig,
    /// The registered pipeline.
    pub pipeline: &'a str,
    /// Kedro's environment, in the pods too.
    pub env: &'a str,
    /// Instead of the configuration's image.
    pub image: Option<&'a str>,
    /// Versions that somebody wants to be loaded, by dataset.
    pub load_versions: &'a BTreeMap<String, String>,
    /// Whether outputs become artifacts where nobody says so, and their numbers,
    /// tables and plots are shown: the workflow is for a system that keeps them.
    pub keeps_artifacts: bool,
    /// `KEDRO_CONFIG_*` and `IAP_CLIENT_ID` of the compiling machine.
    pub environment: &'a BTreeMap<String, String>,
}

/// Makes the plan, and looks at it: with an error among the findings, no
/// workflow should be made of it.
pub fn build(inputs: &Inputs<'_>) -> Result<(Plan, Vec<Finding>), Error> {
    let Inputs { snapshot, config, .. } = inputs;
    let nodes = pipeline(snapshot, inputs.pipeline)?;
    let on_exit = config.last_pipeline();
    let on_exit_nodes = on_exit.map(|name| on_exit_pipeline(snapshot, name)).transpose()?;
    let image = inputs
        .image
        .or(config.image.as_deref())
        .filter(|image| !image.is_empty())
        .ok_or(Error::NoImage)?;
    let at_the_end = on_exit_nodes.unwrap_or_default();
    let versions = LoadVersions::new(snapshot, nodes, at_the_end, inputs.load_versions)?;
    let full = config.node_merge_strategy == MergeStrategy::Full;
    let stored = config.store_kedro_outputs_as_kfp_artifacts.unwrap_or(inputs.keeps_artifacts);
    let artifacts = stored.then(|| Artifacts::new(snapshot, nodes));
    let env = environment(inputs.environment);
    let maker = StepMaker { inputs, image, env, versions, artifacts };

    refuse(if full {
        preflight::collisions([inputs.pipeline])
    } else {
        preflight::collisions(nodes.iter().map(|node| node.name.as_str()))
    })?;

    // One pod shares its files with nobody: as in kedro-kubeflow 0.7.4 it gets
    // no volume, unless the volume is there for what remains of the run.
    let volume = config.volume.as_ref().filter(|volume| !full || volume.keep);
    let mut steps = Vec::new();
    if let Some(volume) = volume.filter(|volume| !volume.skip_init) {
        steps.push(maker.volume_init(volume));
    }
    let mut first: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
    let mount = volume.map(|_| DATA);
    if full {
        steps.push(maker.node_step(&step_name(inputs.pipeline), nodes, true, mount, first));
    } else {
        let newest = maker.versions.newest(nodes);
        // A step that is alone finds them itself.
        let found = !newest.is_empty() && nodes.len() > 1;
        if found {
            steps.push(maker.load_versions(newest, mount, first));
            first = vec![LOAD_VERSIONS.to_owned()];
        }
        for node in nodes {
            let needs = if node.needs.is_empty() {
                first.clone()
            } else {
                let needs: BTreeSet<String> =
                    node.needs.iter().map(|name| step_name(name)).collect();
                needs.into_iter().collect()
            };
            let own = std::slice::from_ref(node);
            let step = maker.node_step(&step_name(&node.name), own, false, mount, needs);
            steps.push(if found { maker.with_found_versions(step, own) } else { step });
        }
    }

    let (parameters, mut findings) = parameters(snapshot);
    let plan = Plan {
        project: snapshot.project_name.clone(),
        pipeline: inputs.pipeline.to_owned(),
        description: config.description.clone(),
        root: preflight::usable_root(config).unwrap_or(PROJECT_ROOT).to_owned(),
        parameters,
        volume: volume.map(|volume| Volume {
            storage_class: volume.storageclass.clone(),
            size: volume.size.clone(),
            access_modes: volume.access_modes.clone(),
            keep: volume.keep,
            group: volume.group(),
        }),
        steps: order::sorted(steps)?,
        on_exit: config.has_exit_handler().then(|| maker.on_exit(on_exit)),
        ttl: config.ttl,
        max_cache_staleness: config.max_cache_staleness.clone(),
    };
    let data = DataFlow::new(&plan, snapshot, nodes);
    findings.extend(preflight::unstable_names(nodes));
    findings.extend(mounts::in_place_of_the_data(&plan));
    findings.extend(data.lost_between_pods());
    findings.extend(data.doubts(on_exit_nodes));
    let asked_for = config.store_kedro_outputs_as_kfp_artifacts == Some(true);
    if asked_for || config.artifacts.is_some() {
        findings.extend(data.artifacts_impossible());
    }
    findings.extend(preflight::without_effect(config));
    findings.extend(preflight::names_of_runs(config, snapshot));
    findings.extend(preflight::absolute_paths(snapshot));
    findings.extend(preflight::volume_on_one_machine(&plan));
    if full {
        findings.extend(preflight::settings_of_merged_nodes(&plan, config, nodes));
    }
    findings.extend(preflight::secrets(&plan, inputs.environment));
    findings.extend(notifications::secrets(&config.notifications));
    findings.extend(config.artifacts.as_ref().and_then(artifact_store::secret));
    Ok((plan, findings))
}

fn refuse(findings: Vec<Finding>) -> Result<(), Error> {
    if findings.is_empty() { Ok(()) } else { Err(Error::Refused(findings)) }
}

fn on_exit_pipeline<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s [Node], Error> {
    pipeline(snapshot, name).map_err(|error| {
        let (message, help) = match error {
            Error::UnknownPipeline { name, known } => (
                format!(
                    "the project has no pipeline `{name}`.{}",
                    did_you_mean(&name, known.iter().map(String::as_str))
                ),
                format!("registered are {}", known.join(", ")),
            ),
            Error::EmptyPipeline { name } => (
                format!("the pipeline `{name}` has no nodes"),
                "look at what register_pipelines() returns".to_owned(),
            ),
            other => return other,
        };
        let finding = Finding::new(Code::OnExitPipelineUnknown, message, help);
        Error::Refused(vec![finding.about(Subject::Setting("run_config.on_exit_pipeline"))])
    })
}

fn pipeline<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s [Node], Error> {
    match snapshot.pipelines.get(name) {
        Some(nodes) if nodes.is_empty() => Err(Error::EmptyPipeline { name: name.to_owned() }),
        Some(nodes) => {
            let used = nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs));
            for dataset in used {
                let reason =
                    snapshot.datasets.get(dataset).and_then(|dataset| dataset.unusable.as_ref());
                if let Some(reason) = reason {
                    return Err(Error::UnusableDataset {
                        name: dataset.clone(),
                        pipeline: name.to_owned(),
                        reason: reason.clone(),
                    });
                }
            }
            Ok(nodes)
        }
        None => Err(Error::UnknownPipeline {
            name: name.to_owned(),
            known: snapshot.pipelines.keys().cloned().collect(),
        }),
    }
}

/// The variables of every pod, as kedro-kubeflow 0.7.4 has them.
fn environment(of_this_machine: &BTreeMap<String, String>) -> Vec<(String, RunText)> {
    let mut env = vec![
        (
            env_vars::IAP_CLIENT_ID.to_owned(),
            RunText::Text(
                of_this_machine.get(env_vars::IAP_CLIENT_ID).cloned().unwrap_or_default(),
            ),
        ),
        (env_vars::KUBEFLOW_RUN_ID.to_owned(), RunText::Value(RunValue::RunId)),
    ];
    env.extend(
        of_this_machine
            .iter()
            .filter(|(name, _)| name.starts_with(env_vars::KEDRO_CONFIG_PREFIX))
            .map(|(name, value)| (name.clone(), RunText::Text(value.clone()))),
    );
    env
}

/// Parameters whose key and value survive the trip, and a word on the others.
fn parameters(snapshot: &Snapshot) -> (Vec<Parameter>, Vec<Finding>) {
    let mut kept = Vec::new();
    let mut left_out = Vec::new();
    for parameter in &snapshot.parameters {
        let name = &parameter.name;
        let valid = !name.is_empty()
            && name.chars().all(|character| {
                character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
            });
        // `workflow.parameters.json` is Argo's name for all of them.
        let taken = [RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER, "json"].contains(&name.as_str());
        let reason = match (&parameter.text, valid, taken) {
            (Some(text), true, false) => {
                kept.push(Parameter { name: name.clone(), value: text.clone() });
                continue;
            }
            (None, ..) => parameter
                .reason
                .clone()
                .unwrap_or_else(|| "its value does not survive as JSON".to_owned()),
            (_, false, _) => "its name has more than letters, digits, `-` and `_`".to_owned(),
            (_, _, true) => "its name has a meaning of its own in a workflow".to_owned(),
        };
        let message = format!("`{name}` is no parameter of the workflow: {reason}");
        let help = "the pods read it from the image's own conf/; it cannot be set for a single run";
        left_out.push(
            Finding::new(Code::ParameterNotOverridable, message, help)
                .about(Subject::Parameter(name.clone())),
        );
    }
    (kept, left_out)
}

struct StepMaker<'a> {
    inputs: &'a Inputs<'a>,
    image: &'a str,
    env: Vec<(String, RunText)>,
    versions: LoadVersions<'a>,
    /// None where outputs do not become artifacts.
    artifacts: Option<Artifacts<'a>>,
}

impl StepMaker<'_> {
    fn volume_init(&self, volume: &config::Volume) -> Step {
        let command = StepCommand::VolumeInit(VolumeInit {
            spec: VolumeInitSpec {
                from: DATA.to_owned(),
                to: DATA_VOLUME.to_owned(),
                paths: volume.init_paths.clone(),
                owner: volume.owner,
            },
        });
        let step = self.step(VOLUME_INIT, VOLUME_INIT, &[], command);
        // A fresh volume belongs to root: its group lets the owner in, or else
        // only root can give it to the owner.
        let user = volume.group().or(volume.owner.map(|_| 0));
        Step { mount: Some(DATA_VOLUME), user, ..step }
    }

    fn node_step(
        &self,
        name: &str,
        nodes: &[Node],
        whole: bool,
        mount: Option<&'static str>,
        needs: Vec<String>,
    ) -> Step {
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let artifacts = self.artifacts.as_ref().map(|all| all.of(nodes)).unwrap_or_default();
        let store = self.inputs.config.artifacts.as_ref();
        let command = StepCommand::Run(Run {
            spec: RunSpec {
                env: self.inputs.env.to_owned(),
                pipeline: self.inputs.pipeline.to_owned(),
                nodes: if whole { Vec::new() } else { names.clone() },
                tags: Vec::new(),
                namespaces: Vec::new(),
                load_versions: self.versions.asked_for(nodes),
                load_at_save_version: self.versions.own(nodes),
                displays: !artifacts.is_empty() && self.inputs.keeps_artifacts,
                artifacts,
                export: store.map(artifact_store::target),
            },
            identity: crate::step::Identity::of_the_run(),
            load_versions: None,
            no_lean: false,
        });
        let (key, tags) = match (whole, nodes) {
            (false, [node]) => (node.name.as_str(), node.tags.as_slice()),
            _ => (self.inputs.pipeline, &[][..]),
        };
        let step = self.step(name, key, tags, command);
        let env_from_secret = store.and_then(|store| store.secret.clone());
        Step { mount, needs, nodes: names, env_from_secret, ..step }
    }

    /// Finds what is newest now, for all steps of the run.
    fn load_versions(
        &self,
        datasets: Vec<String>,
        mount: Option<&'static str>,
        needs: Vec<String>,
    ) -> Step {
        let command = StepCommand::LoadVersions(step::LoadVersions {
            spec: LoadVersionsSpec {
                env: self.inputs.env.to_owned(),
                pipeline: self.inputs.pipeline.to_owned(),
                datasets,
            },
            identity: crate::step::Identity::of_the_run(),
        });
        let step = self.step(LOAD_VERSIONS, LOAD_VERSIONS, &[], command);
        Step { mount, needs, outputs: vec![step::LOAD_VERSIONS], ..step }
    }

    /// The same step, loading what was found at the start of the run.
    fn with_found_versions(&self, mut step: Step, nodes: &[Node]) -> Step {
        if self.versions.newest(nodes).is_empty() {
            return step;
        }
        if let StepCommand::Run(run) = &mut step.command {
            run.load_versions = Some(RunText::Value(RunValue::StepOutput(StepOutput {
                step: LOAD_VERSIONS.to_owned(),
                name: step::LOAD_VERSIONS.to_owned(),
            })));
        }
        step
    }

    fn on_exit(&self, pipeline: Option<&str>) -> Step {
        let Inputs { snapshot, config, .. } = self.inputs;
        let (notifications, secret_env) = notifications::of(&config.notifications);
        let command = StepCommand::OnExit(OnExit {
            spec: OnExitSpec {
                env: self.inputs.env.to_owned(),
                project: snapshot.project_name.clone(),
                run_pipeline: self.inputs.pipeline.to_owned(),
                pipeline: pipeline.map(str::to_owned),
                load_at_save_version: self.versions.own_at_the_end(),
                load_versions: self.versions.asked_for_at_the_end(),
                required: config.on_exit_required,
                notifications,
            },
            identity: crate::step::Identity::of_the_run(),
            end: End::of_the_run(),
        });
        Step { secret_env, ..self.step(ON_EXIT, ON_EXIT, &[], command) }
    }

    fn step(&self, name: &str, key: &str, tags: &[String], command: StepCommand) -> Step {
        let config = self.inputs.config;
        let key = NodeKey { name: key, step: name, tags };
        Step {
            name: name.to_owned(),
            command,
            image: self.image.to_owned(),
            pull_policy: config.image_pull_policy,
            resources: config.resources_for(key),
            tolerations: config.tolerations_for(key),
            extra_volumes: config.extra_volumes_for(key),
            affinity: config.affinity_for(key),
            // Each entry was found complete when the configuration was read.
            retry: config.retry_policy_for(key).unwrap_or_default(),
            mount: None,
            env: self.env.clone(),
            secret_env: Vec::new(),
            env_from_secret: None,
            user: config.volume.as_ref().and_then(|volume| volume.owner),
            needs: Vec::new(),
            outputs: Vec::new(),
            nodes: Vec::new(),
        }
    }
}
