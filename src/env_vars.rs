//! Every environment variable that Kubedro reads or sets, in one place.
//!
//! A variable that is not here has no meaning to Kubedro.

/// The Kedro environment where `--env` is not given (Kedro's own variable).
pub const KEDRO_ENV: &str = "KEDRO_ENV";

/// Prefix of the variables that `${name}` in `kubeflow.yaml` stands for:
/// `KEDRO_CONFIG_COMMIT_ID` is `${commit_id}`. Each of them is passed on to
/// every pod, as kedro-kubeflow 0.7.4 does, because the project's own
/// configuration may need it there.
pub const KEDRO_CONFIG_PREFIX: &str = "KEDRO_CONFIG_";

/// OAuth client id of the Identity-Aware Proxy, passed on to every pod
/// (kedro-kubeflow 0.7.4: empty where the compiling machine has none).
pub const IAP_CLIENT_ID: &str = "IAP_CLIENT_ID";

/// The workflow's uid (Kubeflow Pipelines: the run's id), set in every pod
/// (kedro-kubeflow 0.7.4).
pub const KUBEFLOW_RUN_ID: &str = "KUBEFLOW_RUN_ID";

/// The run's id, set for the project's code by `kubedro step`.
pub const KUBEDRO_RUN_ID: &str = "KUBEDRO_RUN_ID";

/// The save version of all versioned datasets of the run, set for the
/// project's code by `kubedro step`.
pub const KUBEDRO_SAVE_VERSION: &str = "KUBEDRO_SAVE_VERSION";

/// Where a step writes what it hands to the steps after it. Set by
/// `kubedro run-local`; a pod of a workflow has its own place for them.
pub const KUBEDRO_OUTPUTS: &str = "KUBEDRO_OUTPUTS";

/// How far a step is, in a file that Argo's executor reads (Argo Workflows 3.1
/// and newer): the number of nodes that have run, `/`, and of all.
pub const ARGO_PROGRESS_FILE: &str = "ARGO_PROGRESS_FILE";

/// The Python interpreter of the project; the same as `--python`.
pub const KUBEDRO_PYTHON: &str = "KUBEDRO_PYTHON";

/// Set (to `1`) for the steps of `kubedro run-local`. The steps then leave
/// owners alone: every process of a local run is the caller's.
pub const KUBEDRO_LOCAL: &str = "KUBEDRO_LOCAL";

/// Seconds between the first signal to end and KILL. Set by `kubedro run-local`
/// for its steps.
pub const KUBEDRO_GRACE_PERIOD: &str = "KUBEDRO_GRACE_PERIOD";

/// The pod's own grace period, as Argo's executor tells it in the pods of a
/// workflow (Argo Workflows 3.5 and newer, in seconds); default 30, which is
/// Kubernetes' own. A fifth of it, at most 5 seconds, is kept back for what
/// comes after the child.
pub const ARGO_GRACE_PERIOD: &str = "ARGO_TERMINATION_GRACE_PERIOD_SECONDS";

/// When the child has to end at the latest, as Argo's executor tells it in the
/// pods of a workflow (RFC 3339; `0001-01-01T00:00:00Z` is none).
pub const ARGO_DEADLINE: &str = "ARGO_DEADLINE";

/// The file of the termination message; default `/dev/termination-log`, where
/// there is one. Empty: none is written.
pub const KUBEDRO_TERMINATION_LOG: &str = "KUBEDRO_TERMINATION_LOG";

/// The active virtual environment, the first place to look for Python.
pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// The active Conda environment, the second place to look for Python.
pub const CONDA_PREFIX: &str = "CONDA_PREFIX";

/// Set for every Python process that Kubedro starts: Kedro's telemetry, which
/// waits up to ten seconds for a server, stays silent (Kedro 0.19.7 and newer).
pub const DO_NOT_TRACK: &str = "DO_NOT_TRACK";

/// Set for the steps' Python: lines reach the pod's log when they are printed.
pub const PYTHONUNBUFFERED: &str = "PYTHONUNBUFFERED";

/// `0`: a step starts as Kedro itself does, without what spares time; the same
/// as `--no-lean` of `kubedro step run`.
pub const KUBEDRO_LEAN: &str = "KUBEDRO_LEAN";

/// The working directory as a shell has it, set for the steps of a local run.
pub const PWD: &str = "PWD";

/// Where to look for programs.
pub const PATH: &str = "PATH";

/// The JSON file that tells how the run has ended, set for the on-exit pipeline.
pub const KUBEDRO_STATUS_FILE: &str = "KUBEDRO_STATUS_FILE";

/// Where the exit handler writes what became of each of its parts (JSON), set
/// by `kubedro run-local`.
pub const KUBEDRO_ON_EXIT_RESULTS: &str = "KUBEDRO_ON_EXIT_RESULTS";

/// Prefix of the variables by which secrets of the cluster come to the exit
/// handler: `KUBEDRO_NOTIFICATION_1_URL`, or
/// `KUBEDRO_NOTIFICATION_2_HEADER_AUTHORIZATION` for that header of the second.
pub const KUBEDRO_NOTIFICATION_PREFIX: &str = "KUBEDRO_NOTIFICATION_";

/// A file of certificate authorities (PEM) that are trusted instead of those
/// in the binary. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are
/// read by the HTTP client itself.
pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";

/// The cluster's API server, as Kubernetes sets it in every pod.
pub const KUBERNETES_SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";

/// Its port.
pub const KUBERNETES_SERVICE_PORT: &str = "KUBERNETES_SERVICE_PORT";

/// The folder of the pod's service account, where it is not where Kubernetes
/// puts it.
pub const KUBEDRO_SERVICE_ACCOUNT: &str = "KUBEDRO_SERVICE_ACCOUNT";
