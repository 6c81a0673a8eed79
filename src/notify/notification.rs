//! A notification as it is set: whom it tells, of which ends, how patiently.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// One message about the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// Where it goes.
    pub to: Channel,
    /// The ends that it tells of; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<RunStatus>,
    /// Milliseconds that one try may take.
    pub timeout: u64,
    /// Tries after the first.
    pub retries: u32,
}

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack {
        /// Where it is.
        url: Setting,
    },
    /// Any HTTP server.
    Webhook {
        /// Where it is.
        url: Setting,
        /// How it is called.
        method: Method,
        /// Headers besides `Content-Type: application/json`, which one of them
        /// may replace.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        headers: IndexMap<String, Setting>,
        /// A template; without one the report as JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
}

/// A text, or where it is found when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Setting {
    /// The text.
    Text(String),
    /// A key of a secret of the cluster, which comes in a variable.
    Variable {
        /// The variable.
        name: String,
        /// What it holds.
        #[serde(flatten)]
        of: SecretKey,
    },
}

/// A key of a secret of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKey {
    /// The secret's name.
    pub secret: String,
    /// The key in it.
    pub key: String,
}

/// What became of a run, in Argo's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum RunStatus {
    /// All well.
    Succeeded,
    /// A step failed.
    Failed,
    /// The orchestrator failed.
    Error,
}

impl FromStr for RunStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "Succeeded" => Ok(Self::Succeeded),
            "Failed" => Ok(Self::Failed),
            "Error" => Ok(Self::Error),
            _ => Err(()),
        }
    }
}

/// How a server is called.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // HTTP's own words
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
    Get,
}

impl Notification {
    /// Whether it tells of this end. An end that nobody knows is told of.
    pub fn tells_of(&self, status: &str) -> bool {
        self.on.is_empty()
            || status.parse().map_or(true, |status: RunStatus| self.on.contains(&status))
    }

    /// How the one at this place of the list is called.
    pub fn title(&self, at: usize) -> String {
        format!("notification {} ({})", at + 1, self.to)
    }

    /// What one try may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Slack { .. } => "slack",
            Self::Webhook { .. } => "webhook",
        })
    }
}
