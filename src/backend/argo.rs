//! Plan → Argo `Workflow` (Argo Workflows 3.6 and newer, 4.x), for a plain
//! Argo cluster and for Kubeflow Pipelines; what only the latter wants is in
//! [`super::kfp_v1`].
//!
//! One template a step, named after the step: the user interface shows names
//! of templates before anything is substituted in them.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Error, Target, kfp_v1};
use crate::config::{AccessMode, DATA_VOLUME_NAME, PullPolicy, Quantity, RetryPolicy, Toleration};
use crate::plan::{self, ON_EXIT, Plan, Step, VOLUME_CREATE, VOLUME_DELETE, step_name};
use crate::step::{
    Form, OUTPUTS, RUN_ID_PARAMETER, RunText, RunValue, SAVE_VERSION_PARAMETER, StepOutput,
};

/// The template that holds the graph. Names of steps have no two hyphens in a
/// row, so none of them is like it.
const ENTRYPOINT: &str = "pipeline--graph";

/// The template of what happens at the end, where that is more than one step. A
/// list of steps, because Argo (3.4 to 4.0) fails a graph here at once when the
/// workflow is stopped.
const EXIT_ENTRYPOINT: &str = "on-exit--steps";

/// The volume's name within the workflow.
const VOLUME: &str = DATA_VOLUME_NAME;

/// The run's save version: when the workflow was made (RFC 3339, whole seconds,
/// in the controller's time zone; the step turns it into UTC), so that versions
/// sort, and its uid, so that two of one second differ.
const SAVE_VERSION: &str = "{{workflow.creationTimestamp}}-{{workflow.uid}}";

/// When the workflow was made, in the same form.
const CREATED: &str = "{{workflow.creationTimestamp}}";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Workflow {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    generate_name: String,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    annotations: IndexMap<&'static str, String>,
    labels: IndexMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    entrypoint: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_exit: Option<String>,
    arguments: Arguments,
    /// Of every pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<PodSecurityContext>,
    ttl_strategy: TtlStrategy,
    #[serde(rename = "podGC", skip_serializing_if = "Option::is_none")]
    pod_gc: Option<Strategy>,
    #[serde(rename = "volumeClaimGC", skip_serializing_if = "Option::is_none")]
    volume_claim_gc: Option<Strategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_claim_templates: Option<[Claim; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volumes: Option<[Value; 1]>,
    templates: Vec<Template>,
}

#[derive(Serialize)]
struct Arguments {
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
}

/// All three: Kubeflow's defaults set each of them, and the two special ones
/// win over completion.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // Argo's own names
struct TtlStrategy {
    seconds_after_completion: u32,
    seconds_after_success: u32,
    seconds_after_failure: u32,
}

#[derive(Serialize)]
struct Strategy {
    strategy: &'static str,
}

#[derive(Serialize)]
struct Claim {
    metadata: Named,
    spec: ClaimSpec,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClaimSpec {
    access_modes: Vec<AccessMode>,
    resources: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class_name: Option<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<TemplateMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Inputs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Outputs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dag: Option<Dag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<[Vec<Task>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Container>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_strategy: Option<RetryStrategy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affinity: Option<Value>,
    /// The step's own; those of the workflow are there besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<Map<String, Value>>,
}

/// What other steps have written, as parameters of a template.
#[derive(Serialize)]
struct Inputs {
    parameters: Vec<InputParameter>,
}

#[derive(Serialize)]
struct InputParameter {
    name: String,
}

#[derive(Serialize)]
struct Outputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<OutputParameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<OutputArtifact>,
}

/// Goes to the artifact repository of the namespace or the controller.
#[derive(Serialize)]
pub(super) struct OutputArtifact {
    pub name: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputParameter {
    name: &'static str,
    value_from: ValueFrom,
}

#[derive(Serialize)]
struct ValueFrom {
    path: String,
}

/// Annotations and labels of a step's pod.
#[derive(Serialize)]
pub(super) struct TemplateMetadata {
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<&'static str, String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<&'static str, &'static str>,
}

#[derive(Serialize)]
struct Dag {
    tasks: Vec<Task>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    name: String,
    template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Arguments>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continue_on: Option<ContinueOn>,
}

#[derive(Serialize)]
struct ContinueOn {
    error: bool,
    failed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_owner_reference: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    manifest: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    image: String,
    image_pull_policy: PullPolicy,
    command: [&'static str; 1],
    args: Vec<String>,
    working_dir: String,
    env: Vec<Variable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env_from: Option<[Value; 1]>,
    resources: Resources,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_context: Option<SecurityContext>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volume_mounts: Vec<Mount>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_from: Option<Value>,
}

#[derive(Serialize)]
struct Resources {
    limits: IndexMap<String, Quantity>,
    requests: IndexMap<String, Quantity>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityContext {
    run_as_user: u32,
}

/// The kubelet gives a volume to this group, once, and lets the group write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSecurityContext {
    fs_group: u32,
    fs_group_change_policy: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mount {
    name: String,
    mount_path: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryStrategy {
    /// Argo's schema takes `IntOrString`s; strings are what its own tools write.
    limit: String,
    retry_policy: &'static str,
    backoff: Backoff,
}

#[derive(Serialize)]
struct Backoff {
    duration: String,
    factor: String,
}

/// The workflow; the same plan gives the same.
pub(super) fn workflow(plan: &Plan, target: Target) -> Result<Workflow, Error> {
    Ok(Workflow {
        api_version: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: metadata(plan, target),
        spec: spec(plan, target)?,
    })
}

fn metadata(plan: &Plan, target: Target) -> Metadata {
    // Argo puts names of steps and a hash behind it; pods' names end at 63.
    let mut name = step_name(&format!("{} {}", plan.project, plan.pipeline));
    name.truncate(40);
    let mut annotations: IndexMap<&'static str, String> = plan
        .description
        .iter()
        .map(|text| ("workflows.argoproj.io/description", text.clone()))
        .collect();
    if target == Target::Kfp {
        annotations.extend(kfp_v1::annotations(plan));
    }
    Metadata {
        generate_name: format!("{}-", name.trim_end_matches('-')),
        annotations,
        labels: [("app.kubernetes.io/managed-by", "kubedro".to_owned())].into(),
    }
}

/// Who makes the volume, and who deletes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VolumeLife {
    /// Argo makes it before the first step and deletes it after the last.
    Workflow,
    /// A step makes it; it goes with the workflow object at the latest, and a
    /// step at the end deletes it. Kubeflow Pipelines' users know these steps.
    StepAndOwner,
    /// A step makes it, and nobody deletes it.
    Step,
}

fn volume_life(volume: &plan::Volume, target: Target) -> VolumeLife {
    match (volume.keep, target) {
        (true, _) => VolumeLife::Step,
        (false, Target::Argo) => VolumeLife::Workflow,
        (false, Target::Kfp) => VolumeLife::StepAndOwner,
    }
}

fn spec(plan: &Plan, target: Target) -> Result<Spec, Error> {
    let claim_name = format!("{{{{workflow.name}}}}-{}-data-volume", step_name(&plan.pipeline));
    let life = plan.volume.as_ref().map(|volume| volume_life(volume, target));
    let passing = plan.volume.as_ref().filter(|volume| !volume.keep);
    let by_workflow = passing.filter(|_| life == Some(VolumeLife::Workflow));
    let created = plan.volume.as_ref().filter(|_| life != Some(VolumeLife::Workflow));

    let mut graph = Vec::new();
    let mut templates = Vec::new();
    if let Some(volume) = created {
        graph.push(task(VOLUME_CREATE, Vec::new()));
        let owned = life == Some(VolumeLife::StepAndOwner);
        templates.push(create_volume(volume, &claim_name, owned, target));
    }
    for step in &plan.steps {
        let dependencies = if step.needs.is_empty() && created.is_some() {
            vec![VOLUME_CREATE.to_owned()]
        } else {
            step.needs.clone()
        };
        graph.push(Task { arguments: arguments(step), ..task(&step.name, dependencies) });
        templates.push(template(step, plan, target)?);
    }
    let mut at_the_end = Vec::new();
    if life == Some(VolumeLife::StepAndOwner) {
        // A volume that cannot be deleted now goes with the workflow: that is
        // no reason to call the run failed.
        at_the_end.push(Task {
            continue_on: Some(ContinueOn { error: true, failed: true }),
            ..task(VOLUME_DELETE, Vec::new())
        });
        templates.push(delete_volume(&claim_name, target));
    }
    if let Some(step) = &plan.on_exit {
        at_the_end.push(task(ON_EXIT, Vec::new()));
        templates.push(template(step, plan, target)?);
    }
    let on_exit = match &at_the_end[..] {
        [] => None,
        // A handler of one step has nothing that its failure could hide.
        [only] if only.continue_on.is_none() => Some(only.name.clone()),
        _ => {
            templates.insert(
                0,
                Template {
                    name: EXIT_ENTRYPOINT.to_owned(),
                    steps: Some([at_the_end]),
                    ..Template::default()
                },
            );
            Some(EXIT_ENTRYPOINT.to_owned())
        }
    };
    templates.insert(
        0,
        Template {
            name: ENTRYPOINT.to_owned(),
            dag: Some(Dag { tasks: graph }),
            ..Template::default()
        },
    );

    let on_completion = || Strategy { strategy: "OnWorkflowCompletion" };
    Ok(Spec {
        entrypoint: ENTRYPOINT,
        service_account_name: (target == Target::Kfp).then_some(kfp_v1::SERVICE_ACCOUNT),
        on_exit,
        arguments: Arguments { parameters: parameters(plan) },
        // Without the policy, each pod's start would change all of the volume's
        // files.
        security_context: plan.volume.as_ref().and_then(|volume| volume.group).map(|fs_group| {
            PodSecurityContext { fs_group, fs_group_change_policy: "OnRootMismatch" }
        }),
        ttl_strategy: TtlStrategy {
            seconds_after_completion: plan.ttl,
            seconds_after_success: plan.ttl,
            seconds_after_failure: plan.ttl,
        },
        // A finished pod still holds the claim: both have to go.
        pod_gc: passing.map(|_| on_completion()),
        volume_claim_gc: by_workflow.map(|_| on_completion()),
        volume_claim_templates: by_workflow.map(|volume| {
            [Claim { metadata: Named { name: VOLUME.to_owned() }, spec: claim_spec(volume) }]
        }),
        volumes: created
            .map(|_| [json!({"name": VOLUME, "persistentVolumeClaim": {"claimName": claim_name}})]),
        templates,
    })
}

fn task(name: &str, dependencies: Vec<String>) -> Task {
    Task {
        name: name.to_owned(),
        template: name.to_owned(),
        arguments: None,
        dependencies,
        continue_on: None,
    }
}

/// What a step takes from others: a template sees only its own inputs, so the
/// graph hands them over.
fn arguments(step: &Step) -> Option<Arguments> {
    let parameters: Vec<Parameter> = step
        .command
        .inputs()
        .into_iter()
        .map(|StepOutput { step, name }| Parameter {
            name: name.clone(),
            value: format!("{{{{tasks.{step}.outputs.parameters.{name}}}}}"),
            description: None,
        })
        .collect();
    (!parameters.is_empty()).then_some(Arguments { parameters })
}

fn inputs(step: &Step) -> Option<Inputs> {
    let parameters: Vec<InputParameter> = step
        .command
        .inputs()
        .into_iter()
        .map(|output| InputParameter { name: output.name.clone() })
        .collect();
    (!parameters.is_empty()).then_some(Inputs { parameters })
}

fn outputs(step: &Step, root: &str, target: Target) -> Option<Outputs> {
    let parameters: Vec<OutputParameter> = step
        .outputs
        .iter()
        .map(|name| OutputParameter {
            name,
            value_from: ValueFrom { path: format!("{OUTPUTS}/{name}") },
        })
        .collect();
    let mut artifacts: Vec<OutputArtifact> = step
        .command
        .artifacts()
        .iter()
        .map(|artifact| OutputArtifact {
            name: match target {
                Target::Argo => artifact.name.clone(),
                Target::Kfp => kfp_v1::artifact_name(step, &artifact.name),
            },
            path: artifact.path(root),
            optional: None,
        })
        .collect();
    if target == Target::Kfp && step.command.has_displays() {
        artifacts.extend(kfp_v1::displays());
    }
    let any = !parameters.is_empty() || !artifacts.is_empty();
    any.then_some(Outputs { parameters, artifacts })
}

fn claim_spec(volume: &plan::Volume) -> ClaimSpec {
    ClaimSpec {
        access_modes: volume.access_modes.clone(),
        resources: json!({"requests": {"storage": volume.size}}),
        storage_class_name: volume.storage_class.clone(),
    }
}

/// The claim of a volume that a step makes. With an owner it goes with the
/// workflow.
fn create_volume(volume: &plan::Volume, name: &str, owned: bool, target: Target) -> Template {
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": claim_spec(volume),
    });
    Template {
        name: VOLUME_CREATE.to_owned(),
        metadata: (target == Target::Kfp).then(kfp_v1::never_cached),
        resource: Some(Resource {
            action: "create",
            set_owner_reference: Some(owned),
            flags: Vec::new(),
            manifest: manifest.to_string(),
        }),
        ..Template::default()
    }
}

fn delete_volume(name: &str, target: Target) -> Template {
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
    });
    Template {
        name: VOLUME_DELETE.to_owned(),
        metadata: (target == Target::Kfp).then(kfp_v1::never_cached),
        resource: Some(Resource {
            action: "delete",
            set_owner_reference: None,
            // The claim is in use until the run's pods are gone, which is later.
            flags: vec!["--wait=false"],
            manifest: manifest.to_string(),
        }),
        ..Template::default()
    }
}

/// The project's parameters, and the two by which a run takes on the identity
/// of another one.
///
/// These are empty by default, and the run's own id and version stand in argv:
/// Argo stores the values of parameters with their tags replaced (seen in the
/// controllers of 3.6.15, 3.7.12 and 4.0.2), so that `argo resubmit` would hand
/// on what it should not.
fn parameters(plan: &Plan) -> Vec<Parameter> {
    let own = [
        (RUN_ID_PARAMETER, "Id of another run to take on; empty: a new one"),
        (SAVE_VERSION_PARAMETER, "Save version of another run to take on; empty: a new one"),
    ];
    let project = plan.parameters.iter().map(|parameter| Parameter {
        name: parameter.name.clone(),
        value: parameter_value(parameter),
        description: None,
    });
    project
        .chain(own.into_iter().map(|(name, description)| Parameter {
            name: name.to_owned(),
            value: String::new(),
            description: Some(description),
        }))
        .collect()
}

/// The value's JSON without anything that Argo would take for a tag. In JSON
/// two braces in a row stand only within a string.
pub(super) fn parameter_value(parameter: &plan::Parameter) -> String {
    parameter.value.replace("{{", "{\\u007b")
}

fn template(step: &Step, plan: &Plan, target: Target) -> Result<Template, Error> {
    let root = &plan.root;
    let env = step
        .env
        .iter()
        .map(|(name, text)| {
            let value = Some(environment_value(name, text)?);
            Ok(Variable { name: name.clone(), value, value_from: None })
        })
        .chain(step.secret_env.iter().map(|(name, of)| {
            // Where it is missing, the step says so; the pod would never start.
            let key = json!({"name": of.secret, "key": of.key, "optional": true});
            let value_from = Some(json!({"secretKeyRef": key}));
            Ok(Variable { name: name.clone(), value: None, value_from })
        }))
        .collect::<Result<_, Error>>()?;
    Ok(Template {
        name: step.name.clone(),
        metadata: (target == Target::Kfp).then(|| kfp_v1::step_metadata(step, plan)),
        inputs: inputs(step),
        outputs: outputs(step, root, target),
        container: Some(Container {
            image: step.image.clone(),
            image_pull_policy: step.pull_policy,
            command: ["kubedro"],
            args: step.command.to_argv(&placeholder),
            working_dir: root.clone(),
            env,
            // Without it the pod does not start: better than a step whose
            // outputs could not be stored when they are made.
            env_from: step
                .env_from_secret
                .as_ref()
                .map(|name| [json!({"secretRef": {"name": name}})]),
            resources: Resources {
                limits: step.resources.clone(),
                requests: step.resources.clone(),
            },
            security_context: step.user.map(|run_as_user| SecurityContext { run_as_user }),
            volume_mounts: volume_mounts(step, root),
        }),
        retry_strategy: step.retry.as_ref().map(retry_strategy),
        tolerations: step.tolerations.clone(),
        affinity: step.affinity.clone(),
        volumes: step.extra_volumes.iter().map(|extra| extra.volume.clone()).collect(),
        ..Template::default()
    })
}

fn volume_mounts(step: &Step, root: &str) -> Vec<Mount> {
    let data = step
        .mount
        .map(|path| Mount { name: VOLUME.to_owned(), mount_path: format!("{root}/{path}") });
    let extra = step
        .extra_volumes
        .iter()
        .map(|extra| Mount { name: extra.name().to_owned(), mount_path: extra.mount_path.clone() });
    data.into_iter().chain(extra).collect()
}

fn retry_strategy(policy: &RetryPolicy) -> RetryStrategy {
    RetryStrategy {
        limit: policy.num_retries.to_string(),
        retry_policy: "Always",
        backoff: Backoff {
            duration: policy.backoff_duration.clone(),
            factor: policy.backoff_factor.to_string(),
        },
    }
}

/// The kubelet makes one `$` of `$$`, and a variable's value of `$(NAME)`:
/// doubled, every `$` arrives as it was. Argo's tags cannot be escaped.
fn environment_value(name: &str, text: &RunText) -> Result<String, Error> {
    match text {
        RunText::Value(value) => Ok(placeholder(value, Form::Plain)),
        RunText::Text(text) if text.contains("{{") => {
            Err(Error::EnvironmentNotPortable { name: name.to_owned() })
        }
        RunText::Text(text) => Ok(text.replace('$', "$$")),
    }
}

/// The tag that Argo replaces by the value. Kubeflow Pipelines replaces
/// `{{workflow.uid}}` itself, as text, so it stays a plain tag.
fn placeholder(value: &RunValue, form: Form) -> String {
    let (plain, expression) = match value {
        RunValue::RunId => ("{{workflow.uid}}".to_owned(), "workflow.uid".to_owned()),
        // Only ever asked for as it is: an expression cannot hold these tags.
        RunValue::SaveVersion => (SAVE_VERSION.to_owned(), "workflow.uid".to_owned()),
        RunValue::RunName => ("{{workflow.name}}".to_owned(), "workflow.name".to_owned()),
        // Only ever asked for as it is.
        RunValue::Started => (CREATED.to_owned(), "workflow.uid".to_owned()),
        RunValue::Duration => ("{{workflow.duration}}".to_owned(), "workflow.duration".to_owned()),
        RunValue::Parameter(name) => parameter_tag(name),
        RunValue::Parameters => {
            ("{{workflow.parameters.json}}".to_owned(), "workflow.parameters.json".to_owned())
        }
        RunValue::Status => ("{{workflow.status}}".to_owned(), "workflow.status".to_owned()),
        RunValue::Failures => ("{{workflow.failures}}".to_owned(), "workflow.failures".to_owned()),
        // Steps write their outputs as base64 already.
        RunValue::StepOutput(output) => {
            return format!("{{{{inputs.parameters.{}}}}}", output.name);
        }
    };
    match form {
        Form::Plain => plain,
        Form::Base64 => format!("{{{{=toBase64({expression})}}}}"),
    }
}

fn parameter_tag(name: &str) -> (String, String) {
    (format!("{{{{workflow.parameters.{name}}}}}"), format!("workflow.parameters['{name}']"))
}
