//! The way from client-side to server-side apply, which is for the manager `kubectl` alone.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/internal/{lastappliedmanager,lastappliedupdater,lastapplied}.go`.

use serde_json::{Map, Value};

use super::compare::compare;
use super::conflict::{Conflict, Conflicts};
use super::members::members;
use super::update::{Write, untracked};
use super::validate::validate;
use crate::go_json;
use crate::meta;

/// The manager that is meant.
pub(super) const MANAGER: &str = "kubectl";
/// Where client-side apply keeps what it applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn last_applied(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(ANNOTATION)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// The conflicts without those on fields that client-side apply set to what they are; nothing if that isn't known.
pub(super) fn remaining(
    write: &Write<'_>,
    live: &Value,
    conflicts: &Conflicts,
) -> Option<Conflicts> {
    let applied: Value = serde_json::from_str(last_applied(live)?).ok()?;
    if meta::api_version(&applied) != write.api_version {
        return None;
    }
    let ty = write.versions.type_in(write.api_version)?;
    let live = untracked(live);
    validate(&live, ty, false).ok()?;
    validate(&applied, ty, false).ok()?;
    let comparison = compare(&applied, &live, ty);
    let allowed = members(&applied, ty)
        .difference(&comparison.set())
        .difference(&comparison.removed);
    let left: Vec<Conflict> = conflicts
        .0
        .iter()
        .filter(|conflict| !allowed.contains(&conflict.path))
        .cloned()
        .collect();
    Some(Conflicts(left))
}

/// Writes the configuration into the annotation, if the object has it.
pub(super) fn keep_annotation(object: &mut Value, config: &Value) {
    if last_applied(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = annotations_mut(&mut config) {
        annotations.remove(ANNOTATION);
    }
    let text = format!("{}\n", go_json::to_string(&config, None));
    if let Some(annotations) = annotations_mut(object) {
        annotations.insert(ANNOTATION.to_owned(), Value::from(text));
    }
}

fn annotations_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}
