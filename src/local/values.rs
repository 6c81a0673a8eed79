//! What only the run knows, for a run on this machine.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;

use super::{Error, io_error};
use crate::plan::{Plan, step_name};
use crate::step::{RUN_ID_PARAMETER, RunValue, SAVE_VERSION_PARAMETER, decoded_output};

/// The run's values.
#[derive(Debug)]
pub(super) struct Values {
    uid: String,
    save_version: String,
    parameters: Vec<NamedValue>,
    /// Where each step's outputs are, in a folder of its name.
    pub outputs: PathBuf,
    /// Known when the steps have ended.
    pub status: String,
    /// As Argo has them: JSON within JSON.
    pub failures: String,
    /// Of the steps, in seconds.
    pub duration: String,
    run_name: String,
    started: String,
}

#[derive(Debug, Serialize)]
struct NamedValue {
    name: String,
    value: String,
}

impl Values {
    pub fn new(plan: &Plan, overrides: &IndexMap<String, String>) -> Result<Self, Error> {
        let uid = random_uid()?;
        let now = jiff::Timestamp::now();
        let save_version = format!("{}-{uid}", now.strftime("%Y-%m-%dT%H.%M.%SZ"));
        let run_name =
            format!("{}-{}", step_name(&format!("{} {}", plan.project, plan.pipeline)), &uid[..5]);
        let started = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut parameters: Vec<NamedValue> = plan
            .parameters
            .iter()
            .map(|parameter| NamedValue {
                name: parameter.name.clone(),
                value: parameter.value.clone(),
            })
            .collect();
        for (name, value) in overrides {
            let parameter = parameters
                .iter_mut()
                .find(|parameter| parameter.name == *name)
                .ok_or_else(|| Error::NotAParameter(name.clone()))?;
            parameter.value.clone_from(value);
        }
        for name in [RUN_ID_PARAMETER, SAVE_VERSION_PARAMETER] {
            parameters.push(NamedValue { name: name.to_owned(), value: String::new() });
        }
        let [status, failures, duration] = [const { String::new() }; 3];
        let outputs = PathBuf::new();
        Ok(Self {
            uid,
            save_version,
            parameters,
            outputs,
            status,
            failures,
            duration,
            run_name,
            started,
        })
    }

    /// The text of one of them.
    pub fn text(&self, value: &RunValue) -> String {
        match value {
            RunValue::RunId => self.uid.clone(),
            RunValue::SaveVersion => self.save_version.clone(),
            RunValue::Parameter(name) => self
                .parameters
                .iter()
                .find(|parameter| parameter.name == *name)
                .map(|parameter| parameter.value.clone())
                .unwrap_or_default(),
            RunValue::Parameters => serde_json::to_string(&self.parameters).unwrap_or_default(),
            RunValue::Status => self.status.clone(),
            RunValue::RunName => self.run_name.clone(),
            RunValue::Started => self.started.clone(),
            RunValue::Duration => self.duration.clone(),
            RunValue::Failures => self.failures.clone(),
            // Where it is not there, the step that takes it says so.
            RunValue::StepOutput(output) => {
                let file = self.outputs.join(&output.step).join(&output.name);
                let text = std::fs::read_to_string(file).unwrap_or_default();
                decoded_output(&text).unwrap_or_default()
            }
        }
    }

    pub fn save_version(&self) -> &str {
        &self.save_version
    }
}

/// A random UUID (RFC 9562, version 4), as Kubernetes gives its objects.
fn random_uid() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(io_error("read", source))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut uid = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            uid.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            uid.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    Ok(uid)
}
