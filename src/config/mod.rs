//! `kubeflow.yaml`: found in its layers, interpolated, typed, and complained
//! about with file, line and column.
//!
//! The contract is kedro-kubeflow's (0.7.4 and 0.11.0): a file that works there
//! works here. Knows nothing of Kedro's nodes; it checks names against a list
//! that it is handed.

mod artifact_store;
mod files;
mod interpolate;
mod kubernetes;
mod lenient;
mod load;
mod lookup;
mod model;
mod name_template;
mod notification;
mod problem;
mod python_text;
mod scalar;
mod schema;
mod staleness;
mod tree;

pub use artifact_store::ArtifactStore;
pub use files::STEM;
pub use files::configuration_files;
pub use interpolate::{Answer, FromKedro, Loader, RESOLVERS, Raised, Rendered};
pub use load::{Error, Loaded, Settings, Sources, load, resolved};
pub use lookup::NodeKey;
pub use model::{
    AccessMode, DATA_VOLUME_NAME, ExtraVolume, KubeflowConfig, MergeStrategy, PullPolicy, Quantity,
    RetryPolicy, RunConfig, Toleration, TolerationEffect, TolerationOperator, Volume,
};
pub use name_template::NameTemplate;
pub use notification::{Channel, Notification, Setting, Slack, Webhook, in_variable};
pub use schema::schema;
pub use staleness::Staleness;
pub use tree::top_level_keys;
