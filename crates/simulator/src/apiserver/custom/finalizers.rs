//! Warnings about finalizers whose names may meet those of others
//! (`apiextensions-apiserver/pkg/registry/customresource/validator.go`).

use std::collections::BTreeSet;

use machinery::{meta, names};
use serde_json::Value;

/// Finalizers of Kubernetes itself.
const STANDARD: [&str; 2] = ["foregroundDeletion", "orphan"];

/// Warnings about the finalizers an object got.
pub fn finalizer_warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let before: BTreeSet<String> = old.map(meta::finalizers).into_iter().flatten().collect();
    let added: BTreeSet<String> = meta::finalizers(new)
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    let mut warnings = Vec::new();
    for name in added {
        let about = |text: &str| format!("metadata.finalizers: {name:?}: {text}");
        warnings.extend(names::label_key(&name).iter().map(|text| about(text)));
        if name.contains('/') || STANDARD.contains(&name.as_str()) {
            continue;
        }
        let path = if name.contains('.') {
            " including a path (/)"
        } else {
            ""
        };
        warnings.push(about(&format!(
            "prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        )));
    }
    warnings
}
