//! What a namespace on its way out tells about the content it still has.
//!
//! Mirrors `pkg/controller/namespace/deletion/status_condition_utils.go`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builtin::object::{self, items, text};
use crate::status_error::ApiError;

/// Content that has not gone yet.
#[derive(Debug, Default)]
pub(crate) struct Remaining {
    /// `plural.group` with the number of objects.
    pub(crate) resources: BTreeMap<String, usize>,
    /// Finalizers with the number of objects that carry them.
    pub(crate) finalizers: BTreeMap<String, usize>,
}

/// Type, reason and message of each condition while there is nothing to tell.
const FINE: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    (
        "NamespaceContentRemaining",
        "ContentRemoved",
        "All content successfully removed",
    ),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

/// The conditions to show, transition times kept where a status stands.
pub(crate) fn told(
    namespace: &Value,
    remaining: &Remaining,
    errors: &[ApiError],
    now: Timestamp,
) -> Vec<Value> {
    let mut conditions: Vec<Value> = items(namespace, "/status/conditions").to_vec();
    for (kind, reason, message) in FINE {
        let trouble = trouble(kind, remaining, errors);
        let (status, reason, message) = trouble.map_or_else(
            || ("False", reason, message.to_owned()),
            |(reason, message)| ("True", reason, message),
        );
        let since = object::condition(namespace, kind)
            .filter(|c| text(c, "/status") == status)
            .map_or_else(
                || object::stamp(now),
                |c| text(c, "/lastTransitionTime").to_owned(),
            );
        let made = json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since});
        match conditions.iter_mut().find(|c| text(c, "/type") == kind) {
            Some(old) => *old = made,
            None => conditions.push(made),
        }
    }
    conditions
}

fn trouble(
    kind: &str,
    remaining: &Remaining,
    errors: &[ApiError],
) -> Option<(&'static str, String)> {
    let joined = |counts: &BTreeMap<String, usize>, infix: &str| {
        counts
            .iter()
            .map(|(what, n)| format!("{what} {infix} {n} resource instances"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match kind {
        "NamespaceDeletionContentFailure" if !errors.is_empty() => {
            let mut messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
            messages.sort();
            let message = format!(
                "Failed to delete all resource types, {} remaining: {}",
                errors.len(),
                messages.join(", ")
            );
            Some(("ContentDeletionFailed", message))
        }
        "NamespaceContentRemaining" if !remaining.resources.is_empty() => Some((
            "SomeResourcesRemain",
            format!(
                "Some resources are remaining: {}",
                joined(&remaining.resources, "has")
            ),
        )),
        "NamespaceFinalizersRemaining" if !remaining.finalizers.is_empty() => Some((
            "SomeFinalizersRemain",
            format!(
                "Some content in the namespace has finalizers remaining: {}",
                joined(&remaining.finalizers, "in")
            ),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_told_by_resource_and_finalizer() {
        let remaining = Remaining {
            resources: BTreeMap::from([("pods.".to_owned(), 2), ("jobs.batch".to_owned(), 1)]),
            finalizers: BTreeMap::from([("x/y".to_owned(), 1)]),
        };
        let told = told(
            &json!({}),
            &remaining,
            &[],
            "2030-01-01T00:00:00Z".parse().unwrap(),
        );
        let shown: Vec<(&str, &str, &str)> = told
            .iter()
            .map(|c| (text(c, "/status"), text(c, "/reason"), text(c, "/message")))
            .collect();
        assert_eq!(
            shown[2],
            (
                "False",
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization"
            )
        );
        assert_eq!(
            shown[3],
            (
                "True",
                "SomeResourcesRemain",
                "Some resources are remaining: jobs.batch has 1 resource instances, pods. has 2 resource instances"
            )
        );
        assert_eq!(
            shown[4],
            (
                "True",
                "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: x/y in 1 resource instances"
            )
        );
    }

    #[test]
    fn unchanged_conditions_keep_their_times() {
        let at = |s: &str| s.parse().unwrap();
        let first = told(
            &json!({}),
            &Remaining::default(),
            &[],
            at("2030-01-01T00:00:00Z"),
        );
        let namespace = json!({"status": {"conditions": first}});
        assert_eq!(
            told(
                &namespace,
                &Remaining::default(),
                &[],
                at("2030-01-01T00:00:09Z")
            ),
            first
        );
    }
}
