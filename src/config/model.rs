//! The typed model of `kubeflow.yaml`: kedro-kubeflow 0.7.4's keys, with its
//! defaults and merging rules (read in its source, and run).

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use indexmap::IndexMap;
use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::artifact_store::{self, ArtifactStore};
use super::lenient;
use super::lookup::{DEFAULT, NodeKey};
use super::name_template::NameTemplate;
use super::notification::{self, Notification};
use super::schema::TextOrNumber;
use super::staleness::{self, Staleness};

/// How a Kedro project runs on Kubernetes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KubeflowConfig {
    /// Base URL of Kubeflow Pipelines.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub host: Option<String>,
    /// How the pipelines run.
    pub run_config: RunConfig,
}

/// How the pipelines run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RunConfig {
    /// The image of every step; `--image` overrides it.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub image: Option<String>,
    /// When a machine pulls the image.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// Shown to people.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// The experiment of the runs on a server; text as it is.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub experiment_name: Option<String>,
    /// The name of a run: a format string of Python over the run's parameters.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub run_name: Option<NameTemplate>,
    /// The name of a recurring run, likewise; by default the same.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub scheduled_run_name: Option<NameTemplate>,
    /// Seconds that the finished workflow is kept for; one week by default.
    #[serde(default = "one_week", deserialize_with = "lenient::unsigned")]
    pub ttl: u32,
    /// Where the project lies in the image; `/home/kedro` where it is not set.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub root: Option<String>,
    /// Whether outputs are kept as artifacts of the run, too. Nothing where
    /// nobody has asked.
    #[serde(default, deserialize_with = "lenient::optional_boolean")]
    pub store_kedro_outputs_as_kfp_artifacts: Option<bool>,
    /// The object store that outputs are put into besides. Not in kedro-kubeflow.
    #[serde(default)]
    pub artifacts: Option<ArtifactStore>,
    /// How old a result of Kubeflow Pipelines' cache may be, as an ISO 8601
    /// duration; P0D is never. Without it that is the server's choice.
    #[serde(default, deserialize_with = "staleness::optional")]
    pub max_cache_staleness: Option<Staleness>,
    /// The pipeline that runs last, whatever became of the others.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub on_exit_pipeline: Option<String>,
    /// Whether a failing part of the exit handler makes the run fail. Not in
    /// kedro-kubeflow, where it always does.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub on_exit_required: bool,
    /// Who is told how a run has ended. Not in kedro-kubeflow.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<Vec<Notification>>")]
    pub notifications: Vec<Notification>,
    /// How nodes become pods.
    #[serde(default)]
    pub node_merge_strategy: MergeStrategy,
    /// The volume that the steps share; without it they share nothing.
    #[serde(default)]
    pub volume: Option<Volume>,
    /// Requests, and limits too, by node: cpu, memory, nvidia.com/gpu, …
    /// Without `__default__` it is {cpu: 500m, memory: 1024Mi}.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<IndexMap<String, Option<IndexMap<String, Option<Quantity>>>>>")]
    resources: IndexMap<String, Option<IndexMap<String, Option<Quantity>>>>,
    /// Tolerations by node.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<IndexMap<String, Option<Vec<Toleration>>>>")]
    tolerations: IndexMap<String, Option<Vec<Toleration>>>,
    /// Retries by node.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<IndexMap<String, Option<PartialRetryPolicy>>>")]
    retry_policy: IndexMap<String, Option<PartialRetryPolicy>>,
    /// More volumes by node.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<IndexMap<String, Option<Vec<ExtraVolume>>>>")]
    extra_volumes: IndexMap<String, Option<Vec<ExtraVolume>>>,
    /// Where pods are placed, by node.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(with = "Option<IndexMap<String, Option<Value>>>")]
    affinity: IndexMap<String, Option<Value>>,

    /// Whether the command that starts a run waits for its end.
    #[serde(default, rename = "wait_for_completion")]
    _wait_for_completion: Option<Value>,
}

/// Sections by node, for the check of their keys.
pub(super) const BY_NODE: [&str; 5] =
    ["resources", "tolerations", "retry_policy", "extra_volumes", "affinity"];

/// The keys that the model knows below a path, for the nearest to a wrong one.
pub(super) fn keys_below(path: &str) -> &'static [&'static str] {
    let section = path.strip_prefix("run_config.").and_then(|rest| rest.split('.').next());
    match (path, section) {
        ("", _) => fields_of::<KubeflowConfig>(),
        ("run_config", _) => fields_of::<RunConfig>(),
        (_, Some(section)) if section.starts_with("notifications[") => {
            notification::keys_below(path)
        }
        (_, Some("artifacts")) => {
            artifact_store::keys_below(path.strip_prefix("run_config.").unwrap_or(path))
        }
        (_, Some("volume")) => fields_of::<Volume>(),
        (_, Some("tolerations")) => fields_of::<Toleration>(),
        (_, Some("extra_volumes")) => fields_of::<ExtraVolume>(),
        (_, Some("retry_policy")) => fields_of::<PartialRetryPolicy>(),
        _ => &[],
    }
}

/// The fields that a type asks its deserializer for.
pub(super) fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &[&str] = &[];
    // It ends in an error: there is nothing to read.
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

struct Asked<'f>(&'f mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("only asked"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn one_week() -> u32 {
    604_800
}

/// When a machine pulls an image (Kubernetes' own words).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// Where the machine lacks it.
    #[default]
    IfNotPresent,
    /// Not at all.
    Never,
}

/// How nodes become pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeStrategy {
    /// A pod a node.
    #[default]
    None,
    /// One pod for all.
    Full,
}

/// The volume that the steps share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Volume {
    /// The storage class; the cluster's default where there is none.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub storageclass: Option<String>,
    /// How large.
    #[serde(default = "one_gibibyte")]
    pub size: Quantity,
    /// Who may mount it at once.
    #[serde(default = "read_write_once", deserialize_with = "access_modes")]
    pub access_modes: Vec<AccessMode>,
    /// Whether the volume starts empty, without the image's `data/`.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub skip_init: bool,
    /// Whether the volume outlives the run.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub keep: bool,
    /// What of the image's `data/` comes into the volume; all of it where there
    /// is nothing. Not in kedro-kubeflow.
    #[serde(default, deserialize_with = "init_paths")]
    #[schemars(with = "Option<Vec<String>>")]
    pub init_paths: Vec<String>,
    /// The numeric user that the steps run as, and that owns the data; null
    /// leaves it to the image.
    #[serde(default = "root_user", deserialize_with = "lenient::optional_unsigned")]
    pub owner: Option<u32>,
    /// Whether root fills the volume and gives it to another owner, for volumes
    /// that ignore `fsGroup` (NFS, host paths). Not in kedro-kubeflow.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub init_as_root: bool,
}

impl Volume {
    /// The owner that has to get into a volume of root's without being root.
    pub fn group(&self) -> Option<u32> {
        self.owner.filter(|owner| *owner != 0 && !self.init_as_root)
    }
}

/// Paths below `data/`, without `.` and doubled slashes.
fn init_paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let paths: Vec<String> = lenient::null_is_default(deserializer)?;
    paths
        .into_iter()
        .map(|path| {
            let mut names = Vec::new();
            for name in path.split('/') {
                match name {
                    ".." => return Err(D::Error::custom(not_below(&path))),
                    "" | "." => {}
                    name => names.push(name),
                }
            }
            if names.is_empty() || path.starts_with('/') || path.contains('\0') {
                return Err(D::Error::custom(not_below(&path)));
            }
            Ok(names.join("/"))
        })
        .collect()
}

fn not_below(path: &str) -> String {
    format!("`{path}` is not a path below data/, such as 01_raw")
}

fn one_gibibyte() -> Quantity {
    Quantity("1Gi".to_owned())
}

fn read_write_once() -> Vec<AccessMode> {
    vec![AccessMode::ReadWriteOnce]
}

/// An empty list is what the KFP SDK made of it.
fn access_modes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AccessMode>, D::Error> {
    let modes = Vec::deserialize(deserializer)?;
    Ok(if modes.is_empty() { vec![AccessMode::ReadWriteMany] } else { modes })
}

#[allow(clippy::unnecessary_wraps)] // the field's type
fn root_user() -> Option<u32> {
    Some(0)
}

impl AccessMode {
    /// Whether pods of several machines can write at once.
    pub fn many_machines_write(self) -> bool {
        self == Self::ReadWriteMany
    }
}

/// Who may mount a volume at once (Kubernetes' own words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AccessMode {
    /// The pods of one machine.
    ReadWriteOnce,
    /// All pods, to read.
    ReadOnlyMany,
    /// All pods.
    ReadWriteMany,
    /// One pod.
    ReadWriteOncePod,
}

/// An amount as Kubernetes writes it: `500m`, `1Gi`, `2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quantity(pub String);

/// The grammar of k8s.io/apimachinery/pkg/api/resource.
const QUANTITY: &str = r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$";

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount as Kubernetes writes it: 500m, 1Gi, 2",
            "type": ["string", "number"],
            "pattern": QUANTITY,
        })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = lenient::text(deserializer)?;
        match Regex::new(QUANTITY) {
            Ok(grammar) if !grammar.is_match(&text) => Err(D::Error::custom(format!(
                "`{text}` is not a Kubernetes quantity, such as 500m, 2 or 1Gi"
            ))),
            _ => Ok(Self(text)),
        }
    }
}

/// The name that [`Volume`] has within a workflow; no other volume can have it.
pub const DATA_VOLUME_NAME: &str = "data-volume";

/// A volume that is mounted in some steps besides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ExtraVolume {
    /// Absolute.
    #[serde(deserialize_with = "mount_path")]
    pub mount_path: String,
    /// A Kubernetes `Volume`, as the API takes it.
    pub volume: Map<String, Value>,
}

impl ExtraVolume {
    /// Whether what a pod writes to it is there for other pods.
    pub fn outlives_the_pod(&self) -> bool {
        const NOT: [&str; 8] = [
            "emptyDir",
            "ephemeral",
            // Nothing can be written to these.
            "configMap",
            "secret",
            "projected",
            "downwardAPI",
            "image",
            "gitRepo",
        ];
        // Without a source it is an empty directory.
        self.volume.len() > 1 && !NOT.iter().any(|source| self.volume.contains_key(*source))
    }

    /// Whether both are one storage at one path, however each is called and
    /// whether or not it may be written to.
    pub fn is_the_place_of(&self, other: &Self) -> bool {
        let source = |extra: &Self| {
            let mut volume = extra.volume.clone();
            volume.shift_remove("name");
            for source in volume.values_mut().filter_map(Value::as_object_mut) {
                source.shift_remove("readOnly");
            }
            volume
        };
        Path::new(&self.mount_path) == Path::new(&other.mount_path) && source(self) == source(other)
    }

    /// The volume's name.
    pub fn name(&self) -> &str {
        self.volume.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

fn mount_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = lenient::text(deserializer)?;
    if !path.starts_with('/') {
        return Err(D::Error::custom(format!(
            "`{path}` is not an absolute path, such as /dev/shm"
        )));
    }
    if path.contains(':') {
        return Err(D::Error::custom(format!("`{path}` has `:`, which Kubernetes refuses")));
    }
    Ok(path)
}

/// A taint that the pods of a step put up with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "WrittenToleration", rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; `None` is every key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How the value is compared.
    pub operator: TolerationOperator,
    /// Needed for `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the taint does.
    pub effect: TolerationEffect,
    /// How long a pod stays on a machine that has got the taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
struct WrittenToleration {
    #[serde(default, deserialize_with = "lenient::optional_text")]
    key: Option<String>,
    operator: TolerationOperator,
    #[serde(default, deserialize_with = "lenient::optional_text")]
    value: Option<String>,
    effect: TolerationEffect,
    #[serde(default, alias = "tolerationSeconds", deserialize_with = "lenient::optional_integer")]
    toleration_seconds: Option<i64>,
}

impl TryFrom<WrittenToleration> for Toleration {
    type Error = &'static str;

    fn try_from(written: WrittenToleration) -> Result<Self, Self::Error> {
        let WrittenToleration { key, operator, value, effect, toleration_seconds } = written;
        if key.is_none() && operator != TolerationOperator::Exists {
            return Err("missing field `key`: only operator: Exists can do without");
        }
        if toleration_seconds.is_some() && effect != TolerationEffect::NoExecute {
            return Err("`toleration_seconds` is only for effect: NoExecute");
        }
        Ok(Self { key, operator, value, effect, toleration_seconds })
    }
}

/// How a toleration's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[allow(missing_docs)] // Kubernetes' own words
pub enum TolerationOperator {
    Equal,
    Exists,
}

/// What a taint does to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[allow(missing_docs)] // Kubernetes' own words
pub enum TolerationEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

/// How often a failed step is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub num_retries: u32,
    /// The first pause, as Argo writes it: `60s`, `5m`, or a number of seconds.
    pub backoff_duration: String,
    /// What each pause is longer by than the one before.
    pub backoff_factor: u32,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct PartialRetryPolicy {
    #[serde(default, deserialize_with = "lenient::optional_unsigned")]
    num_retries: Option<u32>,
    #[serde(default, deserialize_with = "pause")]
    #[schemars(with = "Option<TextOrNumber>")]
    backoff_duration: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional_unsigned")]
    backoff_factor: Option<u32>,
}

/// Argo's pauses: a number of seconds, or Go's notation without spaces.
fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = lenient::optional_text(deserializer)?;
    match &text {
        Some(text) if crate::duration::parse(text).is_none() => {
            Err(D::Error::custom(format!("`{text}` is not a duration, such as 60s, 5m or 1h30m")))
        }
        _ => Ok(text),
    }
}

impl RunConfig {
    /// The name of a recurring run, made of its parameters: its own, else the
    /// one of a single run.
    pub fn schedule_name(&self) -> Option<&NameTemplate> {
        self.scheduled_run_name.as_ref().or(self.run_name.as_ref())
    }

    /// The pipeline that runs last. Empty is none, as kedro-kubeflow takes it.
    pub fn last_pipeline(&self) -> Option<&str> {
        self.on_exit_pipeline.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether something of ours happens at the end of a run.
    pub fn has_exit_handler(&self) -> bool {
        self.last_pipeline().is_some() || !self.notifications.is_empty()
    }

    /// What a step asks for, and is limited to: `__default__` (0.5 CPU and
    /// 1024 MiB where the file has none), the node's own values over it.
    pub fn resources_for(&self, node: NodeKey<'_>) -> IndexMap<String, Quantity> {
        let mut resources: IndexMap<String, Quantity> = IndexMap::new();
        let built_in = || {
            [("cpu", "500m"), ("memory", "1024Mi")]
                .map(|(name, amount)| (name.to_owned(), Some(Quantity(amount.to_owned()))))
                .into()
        };
        let default: IndexMap<String, Option<Quantity>> = match self.resources.get(DEFAULT) {
            Some(section) => section.clone().unwrap_or_default(),
            None => built_in(),
        };
        let own = node.own(&self.resources).cloned().flatten().unwrap_or_default();
        for (name, amount) in default.into_iter().chain(own) {
            match amount {
                Some(amount) => {
                    resources.insert(name, amount);
                }
                None => {
                    resources.shift_remove(&name);
                }
            }
        }
        resources
    }

    /// What a step puts up with: its own list, else `__default__`'s.
    pub fn tolerations_for(&self, node: NodeKey<'_>) -> Vec<Toleration> {
        node.own(&self.tolerations)
            .or_else(|| self.tolerations.get(DEFAULT))
            .cloned()
            .flatten()
            .unwrap_or_default()
    }

    /// How often a step is tried again: its own values over `__default__`'s.
    /// An error names the values that neither has.
    pub fn retry_policy_for(
        &self,
        node: NodeKey<'_>,
    ) -> Result<Option<RetryPolicy>, Vec<&'static str>> {
        let default = self.retry_policy.get(DEFAULT).cloned().flatten();
        let own = node.own(&self.retry_policy).cloned().flatten();
        if default.is_none() && own.is_none() {
            return Ok(None);
        }
        let (default, own) = (default.unwrap_or_default(), own.unwrap_or_default());
        let num_retries = own.num_retries.or(default.num_retries);
        let backoff_duration = own.backoff_duration.or(default.backoff_duration);
        let backoff_factor = own.backoff_factor.or(default.backoff_factor);
        match (num_retries, backoff_duration, backoff_factor) {
            (Some(num_retries), Some(backoff_duration), Some(backoff_factor)) => {
                Ok(Some(RetryPolicy { num_retries, backoff_duration, backoff_factor }))
            }
            (retries, duration, factor) => Err([
                retries.is_none().then_some("num_retries"),
                duration.is_none().then_some("backoff_duration"),
                factor.is_none().then_some("backoff_factor"),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    /// What a step mounts besides: its own list, else `__default__`'s.
    pub fn extra_volumes_for(&self, node: NodeKey<'_>) -> Vec<ExtraVolume> {
        node.own(&self.extra_volumes)
            .or_else(|| self.extra_volumes.get(DEFAULT))
            .cloned()
            .flatten()
            .unwrap_or_default()
    }

    /// Where a step's pods are placed, as a Kubernetes `Affinity`: its own
    /// value, else `__default__`'s. As in kedro-kubeflow 0.11.0 an empty mapping
    /// is none, and nothing (`null`) leaves it to `__default__`.
    pub fn affinity_for(&self, node: NodeKey<'_>) -> Option<Value> {
        let own = node.own(&self.affinity).and_then(Option::as_ref);
        let default = || self.affinity.get(DEFAULT).and_then(Option::as_ref);
        own.or_else(default)
            .filter(|value| value.as_object().is_some_and(|map| !map.is_empty()))
            .cloned()
    }

    /// The sections by node, each with its keys.
    pub fn keys_by_node(&self) -> [(&'static str, Vec<&str>); 5] {
        fn keys<T>(section: &IndexMap<String, T>) -> Vec<&str> {
            section.keys().map(String::as_str).collect()
        }
        [
            ("resources", keys(&self.resources)),
            ("tolerations", keys(&self.tolerations)),
            ("retry_policy", keys(&self.retry_policy)),
            ("extra_volumes", keys(&self.extra_volumes)),
            ("affinity", keys(&self.affinity)),
        ]
    }

    /// The keys of `retry_policy`, to check each entry whether or not a node
    /// of this pipeline uses it.
    pub(super) fn retry_policy_keys(&self) -> impl Iterator<Item = &str> {
        self.retry_policy.keys().map(String::as_str)
    }
}
