//! Every finding that Kubedro has, in one table: its code, by which people look
//! it up and allow it, and how bad it is. `docs/findings.md` has a section for
//! each.

use std::fmt;
use std::str::FromStr;

use super::Level;
use crate::names::did_you_mean;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $level:ident;)+) => {
        /// What kind of finding it is. Codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is shown, allowed and looked up.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// How bad it is.
            pub fn level(self) -> Level {
                match self {
                    $(Self::$variant => Level::$level,)+
                }
            }
        }
    };
}

codes! {
    /// The file is no YAML, or no mapping.
    InvalidYaml = "invalid-yaml", Error;
    /// A value that its key cannot have.
    InvalidValue = "invalid-value", Error;
    /// `${…}` stands for nothing.
    UndefinedVariable = "undefined-variable", Error;
    /// Neither a node's entry nor `__default__` has the value.
    IncompleteRetryPolicy = "incomplete-retry-policy", Error;
    /// Two files of one layer have the same key.
    ConflictingFiles = "conflicting-files", Error;
    /// Nothing reads the key.
    UnknownKey = "unknown-key", Warning;
    /// A node's entry that is no node's.
    UnknownNode = "unknown-node", Warning;
    /// The key stands twice in one mapping.
    RepeatedKey = "repeated-key", Warning;
    /// Kubernetes has no such field.
    UnknownKubernetesField = "unknown-kubernetes-field", Warning;
    /// The setting is read, and changes nothing here.
    SettingWithoutEffect = "setting-without-effect", Warning;
    /// The on-exit pipeline is not registered, or has no nodes.
    OnExitPipelineUnknown = "on-exit-pipeline-unknown", Error;
    /// Pods share no memory.
    MemoryDatasetBetweenPods = "memory-dataset-between-pods", Error;
    /// A file between two pods, and no volume.
    NoVolume = "no-volume", Error;
    /// A file between two pods where the volume is not mounted.
    PathOutsideVolume = "path-outside-volume", Error;
    /// Two nodes would be one step.
    StepNameCollision = "step-name-collision", Error;
    /// A node would be one of Kubedro's own steps.
    StepNameReserved = "step-name-reserved", Error;
    /// The node's name is another one in each process.
    NodeNameUnstable = "node-name-unstable", Error;
    /// Kubernetes would not store the workflow.
    WorkflowTooLarge = "workflow-too-large", Error;
    /// Argo's full custom resources would not take the workflow.
    ManySteps = "many-steps", Warning;
    /// Kubeflow Pipelines would not take the parameters.
    ParametersTooLarge = "parameters-too-large", Error;
    /// A file that is gone with its pod.
    OutputNotKept = "output-not-kept", Warning;
    /// Nobody makes what a node reads.
    InputMissing = "input-missing", Warning;
    /// A file that a node reads is not here.
    RawInputMissing = "raw-input-missing", Warning;
    /// Two datasets are one file.
    TwoWriters = "two-writers", Warning;
    /// A volume for one machine, and steps side by side.
    VolumeOnOneMachine = "volume-on-one-machine", Warning;
    /// The exit handler does not have the volume.
    OnExitReadsVolume = "on-exit-reads-volume", Warning;
    /// The exit handler reads what only a run that succeeds makes.
    OnExitReadsResult = "on-exit-reads-result", Warning;
    /// What the exit handler writes is gone with it.
    OnExitOutputNotKept = "on-exit-output-not-kept", Warning;
    /// A cached step does not fill the volume.
    CacheWithVolume = "cache-with-volume", Warning;
    /// An output that has no file.
    ArtifactImpossible = "artifact-impossible", Warning;
    /// A path that only this machine has.
    AbsolutePathIntoProject = "absolute-path-into-project", Warning;
    /// A parameter that a run cannot set.
    ParameterNotOverridable = "parameter-not-overridable", Warning;
    /// A name in a template that no parameter has.
    UnknownParameterInName = "unknown-parameter-in-name", Warning;
    /// A secret that everybody who sees the workflow can read.
    SecretInPlainText = "secret-in-plain-text", Warning;
}

impl Code {
    /// The section of the documentation that explains it.
    pub fn url(self) -> String {
        format!("{}/blob/main/docs/findings.md#{}", env!("CARGO_PKG_REPOSITORY"), self.name())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|code| code.name() == text).ok_or_else(|| {
            let names = Self::ALL.iter().map(|code| code.name());
            format!("there is no finding `{text}`.{}", did_you_mean(text, names))
        })
    }
}
