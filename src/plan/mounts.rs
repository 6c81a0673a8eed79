//! Where a step's own volumes are mounted, beside the volume that all share.

use std::collections::BTreeMap;
use std::path::Path;

use super::Plan;
use super::finding::{Finding, Subject};
use crate::diagnostic::Code;

/// So many steps are named.
const SHOWN: usize = 3;

/// Extra volumes in the very place of the data: Kubernetes starts no such pod.
pub(super) fn in_place_of_the_data(plan: &Plan) -> Vec<Finding> {
    let mut steps_by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in &plan.steps {
        let Some(mount) = step.mount else { continue };
        let data = format!("{}/{mount}", plan.root);
        let taken = |path: &str| Path::new(path) == Path::new(&data);
        for extra in step.extra_volumes.iter().filter(|extra| taken(&extra.mount_path)) {
            steps_by_path.entry(&extra.mount_path).or_default().push(&step.name);
        }
    }
    steps_by_path
        .into_iter()
        .map(|(path, steps)| {
            let others = match steps.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let steps: Vec<&str> = steps.into_iter().take(SHOWN).collect();
            let message = format!(
                "an extra volume is mounted at {path}, where run_config.volume is (in {}{others})",
                steps.join(", ")
            );
            let help = "give it another mount_path, or leave out run_config.volume";
            Finding::new(Code::InvalidValue, message, help)
                .about(Subject::Setting("run_config.extra_volumes"))
        })
        .collect()
}
