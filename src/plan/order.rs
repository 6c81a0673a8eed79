//! One topological order, always the same for the same steps.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, Step};

/// Sorts the steps so that each comes after all that it needs; among those
/// that could come next, by name.
pub(super) fn sorted(steps: Vec<Step>) -> Result<Vec<Step>, Error> {
    let mut waiting: BTreeMap<String, (Step, BTreeSet<String>)> = steps
        .into_iter()
        .map(|step| {
            let needs = step.needs.iter().cloned().collect();
            (step.name.clone(), (step, needs))
        })
        .collect();
    let mut ready: BTreeSet<String> = waiting
        .iter()
        .filter(|(_, (_, needs))| needs.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let mut needed_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, (_, needs)) in &waiting {
        for need in needs {
            needed_by.entry(need.clone()).or_default().push(name.clone());
        }
    }
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(name) = ready.pop_first() {
        let Some((step, _)) = waiting.remove(&name) else { continue };
        for other in needed_by.remove(&name).unwrap_or_default() {
            if let Some((_, needs)) = waiting.get_mut(&other)
                && needs.remove(&name)
                && needs.is_empty()
            {
                ready.insert(other);
            }
        }
        order.push(step);
    }
    if waiting.is_empty() { Ok(order) } else { Err(Error::Cycle(circle(&waiting))) }
}

fn circle(waiting: &BTreeMap<String, (Step, BTreeSet<String>)>) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut next = waiting.keys().next().cloned();
    while let Some(name) = next {
        if let Some(start) = path.iter().position(|passed| *passed == name) {
            path.drain(..start);
            path.push(name);
            break;
        }
        next = waiting
            .get(&name)
            .and_then(|(_, needs)| needs.iter().find(|need| waiting.contains_key(*need)).cloned());
        path.push(name);
    }
    path
}
