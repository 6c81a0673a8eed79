//! Runs the on-exit pipeline: the parameters of the run, and with them what
//! became of it, as text (kedro-kubeflow 0.7.4: `status` and `failures`).

use super::kedro::{self, Parameter, Request, Selection};
use super::{Error, OnExit, Surroundings};
use crate::supervise::Outcome;

pub(super) async fn execute(
    step: &OnExit,
    surroundings: Surroundings<'_>,
) -> Result<Outcome, Error> {
    let mut parameters = kedro::parameters(step.identity.parameters.text())?;
    let failures = plain_failures(step.failures.text());
    for (name, text) in [("status", step.status.text()), ("failures", failures.as_str())] {
        parameters.retain(|parameter| parameter.name != name);
        parameters.push(Parameter::text(name, text));
    }
    let request = Request::new(
        surroundings.project,
        Selection {
            env: &step.spec.env,
            pipeline: &step.spec.pipeline,
            nodes: &[],
            load_at_save_version: &[],
        },
        &step.identity,
        parameters,
    )?;
    kedro::run(&request, surroundings).await
}

/// Argo (seen on 3.7.12) encodes the list of failures as JSON twice, and
/// leaves the tag itself where nothing failed. The pipeline gets a JSON list.
fn plain_failures(text: &str) -> String {
    let once = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
    match serde_json::from_str::<Vec<serde_json::Value>>(&once) {
        Ok(_) => once,
        Err(_) => "[]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain_failures;

    #[test]
    fn failures_are_a_list_however_argo_wrote_them() {
        let list = r#"[{"displayName":"a","message":"exit code 1"}]"#;
        let twice = serde_json::to_string(list).unwrap();
        assert_eq!(plain_failures(&twice), list);
        assert_eq!(plain_failures(list), list);
        for nothing in ["", "null", "\"null\"", "{{workflow.failures}}"] {
            assert_eq!(plain_failures(nothing), "[]", "{nothing:?}");
        }
    }
}
