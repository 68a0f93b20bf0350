//! Completion indexes of Indexed Jobs, and their text form `0,2-4`.
//!
//! Mirrors `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::builtin::object::{self, annotation, items, text};

/// Annotation and label with a pod's completion index.
pub(crate) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The completion index of a pod, if it has a valid one.
pub(crate) fn index_of(pod: &Value, completions: i64) -> Option<i64> {
    annotation(pod, INDEX)?
        .parse()
        .ok()
        .filter(|i| (0..completions).contains(i))
}

/// Reads `0,2-4`; what can't be read or is beyond the completions is left out.
pub(crate) fn parse(text: &str, completions: i64) -> BTreeSet<i64> {
    let interval = |part: &str| -> Option<(i64, i64)> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let intervals = text.split(',').filter_map(interval);
    intervals
        .flat_map(|(first, last)| first..=last.min(completions - 1))
        .collect()
}

/// Writes `0,2-4`; two neighbours are listed, more are a range.
pub(crate) fn format(indexes: &BTreeSet<i64>) -> String {
    let mut intervals: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match intervals.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => intervals.push((*index, *index)),
        }
    }
    let mut out = String::new();
    for (first, last) in intervals {
        if !out.is_empty() {
            out.push(',');
        }
        // Writing into a String can't fail.
        let _ = match last - first {
            0 => write!(out, "{first}"),
            1 => write!(out, "{first},{last}"),
            _ => write!(out, "{first}-{last}"),
        };
    }
    out
}

/// Gives a pod of an Indexed Job its index: annotation, label, hostname, generated name, environment.
pub(crate) fn assign(pod: &mut Value, job: &str, index: i64) {
    let number = json!(index.to_string());
    object::set(pod, &["metadata", "annotations", INDEX], number.clone());
    object::set(pod, &["metadata", "labels", INDEX], number);
    object::set(
        pod,
        &["metadata", "generateName"],
        json!(format!("{job}-{index}-")),
    );
    object::set(pod, &["spec", "hostname"], json!(format!("{job}-{index}")));
    for list in ["initContainers", "containers"] {
        let mut containers: Vec<Value> = items(pod, &format!("/spec/{list}")).to_vec();
        for container in &mut containers {
            let mut env: Vec<Value> = items(container, "/env").to_vec();
            if env
                .iter()
                .all(|e| text(e, "/name") != "JOB_COMPLETION_INDEX")
            {
                let path = format!("metadata.labels['{INDEX}']");
                env.push(json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}}));
                object::set(container, &["env"], json!(env));
            }
        }
        if !containers.is_empty() {
            object::set(pod, &["spec", list], json!(containers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_intervals() {
        let indexes = BTreeSet::from([0, 2, 3, 5, 6, 7]);
        assert_eq!(format(&indexes), "0,2,3,5-7");
        assert_eq!(parse("0,2,3,5-7,x,90", 8), indexes);
        assert_eq!(parse("", 8), BTreeSet::new());
        assert_eq!(format(&BTreeSet::new()), "");
    }
}
