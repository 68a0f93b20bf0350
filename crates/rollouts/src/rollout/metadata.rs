//! Ephemeral metadata: labels and annotations that pods carry only while they are canary, preview, stable or active.
//!
//! Mirrors upstream's `utils/replicaset/canary.go` (`SyncEphemeralPodMetadata`). What was injected is remembered in
//! an annotation of the ReplicaSet; keys that others set are left alone.

use serde_json::{Value, json};

use crate::views::{Strings, strings};

/// Labels and annotations to inject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodMetadata {
    /// Labels by key.
    pub labels: Strings,
    /// Annotations by key.
    pub annotations: Strings,
}

/// What has to change in one object's metadata: `None` removes a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Label changes by key.
    pub labels: Vec<(String, Option<String>)>,
    /// Annotation changes by key.
    pub annotations: Vec<(String, Option<String>)>,
}

/// Reads the remembering annotation; `None` if empty or malformed.
pub fn parse(text: &str) -> Option<PodMetadata> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.is_object().then(|| PodMetadata {
        labels: strings(value.get("labels")),
        annotations: strings(value.get("annotations")),
    })
}

impl PodMetadata {
    /// The text of the remembering annotation, as Go prints it: labels first, empty maps left out.
    pub fn text(&self) -> String {
        let part = |key: &str, map: &Strings| {
            (!map.is_empty()).then(|| format!("\"{key}\":{}", json!(map)))
        };
        let parts: Vec<String> = [
            part("labels", &self.labels),
            part("annotations", &self.annotations),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("{{{}}}", parts.join(","))
    }
}

impl Changes {
    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    /// The changes as the `metadata` of a JSON merge patch; an empty part is left out.
    pub fn as_patch(&self) -> Value {
        let part = |changes: &[(String, Option<String>)]| -> Option<Value> {
            let entries = changes
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)));
            (!changes.is_empty()).then(|| entries.collect())
        };
        let parts = [
            ("labels", part(&self.labels)),
            ("annotations", part(&self.annotations)),
        ];
        parts
            .into_iter()
            .filter_map(|(key, part)| Some((key, part?)))
            .collect()
    }
}

/// The changes that turn metadata with `injected` keys into metadata with `desired` keys.
pub fn changes(
    labels: &Strings,
    annotations: &Strings,
    injected: Option<&PodMetadata>,
    desired: Option<&PodMetadata>,
) -> Changes {
    let empty = PodMetadata::default();
    let (injected, desired) = (injected.unwrap_or(&empty), desired.unwrap_or(&empty));
    Changes {
        labels: difference(labels, &injected.labels, &desired.labels),
        annotations: difference(annotations, &injected.annotations, &desired.annotations),
    }
}

fn difference(
    live: &Strings,
    injected: &Strings,
    desired: &Strings,
) -> Vec<(String, Option<String>)> {
    let set = desired
        .iter()
        .filter(|(key, value)| live.get(*key) != Some(value));
    let unset = injected
        .keys()
        .filter(|key| !desired.contains_key(*key) && live.contains_key(*key));
    set.map(|(k, v)| (k.clone(), Some(v.clone())))
        .chain(unset.map(|k| (k.clone(), None)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Strings {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn injected_keys_that_are_no_longer_wanted_go_and_foreign_keys_stay() {
        let live = map(&[("role", "canary"), ("extra", "x"), ("foreign", "y")]);
        let injected = PodMetadata {
            labels: map(&[("role", "canary"), ("extra", "x")]),
            ..PodMetadata::default()
        };
        let desired = PodMetadata {
            labels: map(&[("role", "stable")]),
            ..PodMetadata::default()
        };
        let found = changes(&live, &Strings::new(), Some(&injected), Some(&desired));
        let expected = vec![
            ("role".to_owned(), Some("stable".to_owned())),
            ("extra".to_owned(), None),
        ];
        assert_eq!(
            found,
            Changes {
                labels: expected,
                annotations: Vec::new()
            }
        );
    }

    #[test]
    fn the_remembering_annotation_reads_like_go_json() {
        let value = PodMetadata {
            labels: map(&[("b", "2"), ("a", "1")]),
            annotations: Strings::new(),
        };
        assert_eq!(value.text(), r#"{"labels":{"a":"1","b":"2"}}"#);
        assert_eq!(parse(&value.text()), Some(value));
    }
}
