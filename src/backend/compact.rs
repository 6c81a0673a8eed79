//! A workflow that would be too large, written shorter: what most containers
//! have in common stands once, in `templateDefaults`.
//!
//! Argo (3.6 to 4.x, `mergedTemplateDefaultsInto`) merges the defaults of a
//! container into container templates alone, as Kubernetes' strategic merge
//! does: mappings by key, lists of objects by name, other lists as a whole. So a value
//! becomes the default only where no template would get more by it than it had.

use serde_json::{Map, Value, json};

use super::Target;

/// Fields of a container that templates often have in common. Not its mounts:
/// they are merged by path, and steps without the volume would get it.
const SHARED: [&str; 6] =
    ["imagePullPolicy", "command", "workingDir", "env", "resources", "securityContext"];

/// The one field that the Argo of old Kubeflow Pipelines (3.3, in KFP 2.0) wants
/// in each template.
const IMAGE: &str = "image";

/// The same workflow, shorter.
pub(super) fn compact(mut workflow: Value, target: Target) -> Value {
    let mut defaults = Map::new();
    let containers: Vec<&Value> = containers(&workflow).collect();
    let image = (target == Target::Argo).then_some(IMAGE);
    for field in image.into_iter().chain(SHARED) {
        if let Some(value) = most_common(&containers, field) {
            defaults.insert(field.to_owned(), value.clone());
        }
    }
    if defaults.is_empty() {
        return workflow;
    }
    if let Some(templates) = workflow["spec"]["templates"].as_array_mut() {
        for container in templates.iter_mut().filter_map(|template| template.get_mut("container")) {
            if let Value::Object(container) = container {
                container.retain(|field, value| defaults.get(field) != Some(value));
            }
        }
    }
    if let Value::Object(spec) = &mut workflow["spec"] {
        let templates = spec.shift_remove("templates").unwrap_or_default();
        spec.insert("templateDefaults".to_owned(), json!({"container": defaults}));
        spec.insert("templates".to_owned(), templates);
    }
    workflow
}

fn containers(workflow: &Value) -> impl Iterator<Item = &Value> {
    let templates = workflow["spec"]["templates"].as_array();
    templates.into_iter().flatten().filter_map(|template| template.get("container"))
}

/// The value that most containers have, the first of them where several are as
/// common; none where some template would get what it does not have.
fn most_common<'w>(containers: &[&'w Value], field: &str) -> Option<&'w Value> {
    let mut counts: Vec<(&Value, usize)> = Vec::new();
    for container in containers {
        let value = container.get(field)?;
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    let (common, _) = counts.iter().find(|(_, count)| *count == most)?;
    counts.iter().all(|(value, _)| replaces(value, common)).then_some(*common)
}

/// Whether merging the value over the default gives the value alone.
fn replaces(value: &Value, default: &Value) -> bool {
    match (value, default) {
        (Value::Object(value), Value::Object(default)) => default
            .iter()
            .all(|(key, inner)| value.get(key).is_some_and(|value| replaces(value, inner))),
        // Lists of objects are merged by name, in ways of their own; all is well
        // where the list has every object of the default as it is.
        (Value::Array(items), Value::Array(default)) => {
            !default.iter().any(Value::is_object) || default.iter().all(|item| items.contains(item))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Target, compact as compacted_for};

    fn compact(workflow: Value) -> Value {
        compacted_for(workflow, Target::Argo)
    }

    fn workflow(containers: &[Value]) -> Value {
        let templates: Vec<Value> = containers
            .iter()
            .map(|container| json!({"name": "x", "container": container}))
            .collect();
        json!({"spec": {"entrypoint": "x", "templates": templates}})
    }

    #[test]
    fn what_most_have_in_common_stands_once() {
        let common = json!({"image": "a", "args": ["1"], "resources": {"limits": {"cpu": 1}}});
        let other =
            json!({"image": "b", "args": ["1"], "resources": {"limits": {"cpu": 2, "gpu": 1}}});
        let compacted = compact(workflow(&[common.clone(), other.clone(), common.clone()]));
        assert_eq!(
            compacted["spec"]["templateDefaults"]["container"],
            json!({"image": "a", "resources": {"limits": {"cpu": 1}}})
        );
        let templates = &compacted["spec"]["templates"];
        assert_eq!(templates[0]["container"], json!({"args": ["1"]}));
        assert_eq!(templates[1]["container"], other);
        let for_kfp = compacted_for(workflow(&[common.clone(), common]), Target::Kfp);
        assert_eq!(for_kfp["spec"]["templates"][0]["container"]["image"], "a");
    }

    #[test]
    fn a_template_may_have_variables_of_its_own() {
        let common = json!({"env": [{"name": "A", "value": "1"}]});
        let more = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}]});
        let compacted = compact(workflow(&[common.clone(), common, more.clone()]));
        let templates = &compacted["spec"]["templates"];
        assert_eq!(templates[0]["container"], json!({}));
        assert_eq!(templates[2]["container"], more);
    }

    #[test]
    fn no_template_gets_what_it_did_not_have() {
        let more = json!({"resources": {"limits": {"cpu": 1, "gpu": 1}}, "env": [{"name": "A"}]});
        let less = json!({"resources": {"limits": {"cpu": 1}}, "env": [{"name": "B"}]});
        let unchanged = workflow(&[more.clone(), more.clone(), less]);
        assert_eq!(compact(unchanged.clone()), unchanged);
        let without = workflow(&[
            json!({"image": "a", "securityContext": {"runAsUser": 1}}),
            json!({"image": "a"}),
        ]);
        let compacted = compact(without);
        assert_eq!(compacted["spec"]["templateDefaults"]["container"], json!({"image": "a"}));
    }
}
