//! Reading and writing `metadata` of API objects held as JSON. Absent and empty read the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::time::{self, Timestamp};

/// One entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnerReference {
    /// `group/version`, or `v1`.
    pub api_version: String,
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid; what really identifies it.
    pub uid: String,
    /// Whether this owner is the managing controller.
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for this object.
    pub block_owner_deletion: bool,
}

impl OwnerReference {
    /// The reference as JSON, with `controller` and `blockOwnerDeletion` only where true.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid,
        });
        if let Value::Object(map) = &mut value {
            if self.controller {
                map.insert("controller".to_owned(), Value::Bool(true));
            }
            if self.block_owner_deletion {
                map.insert("blockOwnerDeletion".to_owned(), Value::Bool(true));
            }
        }
        value
    }

    /// Reads one entry; absent fields are empty.
    pub fn from_value(value: &Value) -> Self {
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or_default();
        Self {
            api_version: text("apiVersion"),
            kind: text("kind"),
            name: text("name"),
            uid: text("uid"),
            controller: flag("controller"),
            block_owner_deletion: flag("blockOwnerDeletion"),
        }
    }
}

fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get(key))
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    field(object, key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Group and version of an `apiVersion`; the core group is empty.
pub fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// `apiVersion`, empty if unset.
pub fn api_version(object: &Value) -> &str {
    object
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `kind`, empty if unset.
pub fn kind(object: &Value) -> &str {
    object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `metadata.name`, empty if unset.
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.generateName`, empty if unset.
pub fn generate_name(object: &Value) -> &str {
    text(object, "generateName")
}

/// `metadata.namespace`, empty if unset.
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.uid`, empty if unset.
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// `metadata.resourceVersion`, empty if unset.
pub fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

/// `metadata.generation`, 0 if unset.
pub fn generation(object: &Value) -> i64 {
    field(object, "generation")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// `metadata.creationTimestamp`.
pub fn creation_timestamp(object: &Value) -> Option<Timestamp> {
    time::parse(text(object, "creationTimestamp")).ok()
}

/// `metadata.deletionTimestamp`.
pub fn deletion_timestamp(object: &Value) -> Option<Timestamp> {
    time::parse(text(object, "deletionTimestamp")).ok()
}

/// `metadata.deletionGracePeriodSeconds`.
pub fn deletion_grace_period_seconds(object: &Value) -> Option<i64> {
    field(object, "deletionGracePeriodSeconds").and_then(Value::as_i64)
}

/// `metadata.labels`; values that are not strings are skipped.
pub fn labels(object: &Value) -> BTreeMap<String, String> {
    string_map(field(object, "labels"))
}

/// One label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    field(object, "labels")
        .and_then(|labels| labels.get(key))
        .and_then(Value::as_str)
}

/// `metadata.annotations`; values that are not strings are skipped.
pub fn annotations(object: &Value) -> BTreeMap<String, String> {
    string_map(field(object, "annotations"))
}

/// One annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    field(object, "annotations")
        .and_then(|annotations| annotations.get(key))
        .and_then(Value::as_str)
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> Vec<String> {
    let entries = field(object, "finalizers").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// `metadata.ownerReferences`.
pub fn owner_references(object: &Value) -> Vec<OwnerReference> {
    let entries = field(object, "ownerReferences").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .map(OwnerReference::from_value)
        .collect()
}

/// The owner with `controller: true` (`metav1.GetControllerOf`).
pub fn controller_of(object: &Value) -> Option<OwnerReference> {
    owner_references(object)
        .into_iter()
        .find(|owner| owner.controller)
}

/// An object of strings as a map; anything else in it is skipped.
pub fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// `metadata` for writing; made if absent. An `object` that is no JSON object becomes one.
pub fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    entry_mut(object_mut(object), "metadata")
}

/// Sets one field of `metadata`; `Value::Null` removes it.
pub fn set(object: &mut Value, key: &str, value: Value) {
    let metadata = metadata_mut(object);
    if value.is_null() {
        metadata.remove(key);
    } else if let Some(known) = metadata.get_mut(key) {
        *known = value;
    } else {
        metadata.insert(key.to_owned(), value);
    }
}

/// Sets `metadata.name`.
pub fn set_name(object: &mut Value, name: &str) {
    set(object, "name", Value::from(name));
}

/// Sets `metadata.namespace`; empty removes it.
pub fn set_namespace(object: &mut Value, namespace: &str) {
    set(
        object,
        "namespace",
        if namespace.is_empty() {
            Value::Null
        } else {
            Value::from(namespace)
        },
    );
}

/// Sets `metadata.resourceVersion`; empty removes it.
pub fn set_resource_version(object: &mut Value, version: &str) {
    set(
        object,
        "resourceVersion",
        if version.is_empty() {
            Value::Null
        } else {
            Value::from(version)
        },
    );
}

/// Sets `metadata.generation`; 0 removes it.
pub fn set_generation(object: &mut Value, generation: i64) {
    set(
        object,
        "generation",
        if generation == 0 {
            Value::Null
        } else {
            Value::from(generation)
        },
    );
}

/// Sets one label.
pub fn set_label(object: &mut Value, key: &str, value: &str) {
    entry_mut(metadata_mut(object), "labels").insert(key.to_owned(), Value::from(value));
}

/// Sets one annotation.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) {
    entry_mut(metadata_mut(object), "annotations").insert(key.to_owned(), Value::from(value));
}

/// Removes one annotation, and the map with its last entry.
pub fn remove_annotation(object: &mut Value, key: &str) {
    remove_entry(object, "annotations", key);
}

/// Removes one label, and the map with its last entry.
pub fn remove_label(object: &mut Value, key: &str) {
    remove_entry(object, "labels", key);
}

/// Sets `metadata.finalizers`; none removes the field.
pub fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    set(
        object,
        "finalizers",
        if finalizers.is_empty() {
            Value::Null
        } else {
            Value::from(finalizers)
        },
    );
}

/// Sets `metadata.ownerReferences`; none removes the field.
pub fn set_owner_references(object: &mut Value, owners: &[OwnerReference]) {
    let list: Vec<Value> = owners.iter().map(OwnerReference::to_value).collect();
    set(
        object,
        "ownerReferences",
        if list.is_empty() {
            Value::Null
        } else {
            Value::Array(list)
        },
    );
}

fn remove_entry(object: &mut Value, field: &str, key: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(entries) = metadata.get_mut(field).and_then(Value::as_object_mut) else {
        return;
    };
    entries.remove(key);
    if entries.is_empty() {
        metadata.remove(field);
    }
}

fn entry_mut<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    // An entry would take a text of its own even for a key that is there.
    if !map.contains_key(key) {
        map.insert(key.to_owned(), Value::Object(Map::new()));
    }
    match map.get_mut(key) {
        Some(entry) => object_mut(entry),
        None => unreachable!("put there above"),
    }
}

/// `value` as an object, replaced by an empty one if it is something else.
fn object_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("made an object above")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_metadata_reads_as_empty() {
        let object = json!({});
        assert_eq!(
            (name(&object), namespace(&object), generation(&object)),
            ("", "", 0)
        );
        assert_eq!(labels(&object), BTreeMap::new());
        assert_eq!(controller_of(&object), None);
        assert_eq!(deletion_timestamp(&object), None);
    }

    #[test]
    fn the_controller_is_the_owner_that_says_so() {
        let owners = json!([
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "b", "uid": "2", "controller": true},
        ]);
        let object = json!({"metadata": {"ownerReferences": owners}});
        let expected = OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: "b".to_owned(),
            uid: "2".to_owned(),
            controller: true,
            block_owner_deletion: false,
        };
        assert_eq!(controller_of(&object), Some(expected));
        let mut copy = json!({});
        set_owner_references(&mut copy, &owner_references(&object));
        assert_eq!(copy, object);
    }

    #[test]
    fn the_last_annotation_takes_its_map_with_it() {
        let mut object = json!({"metadata": {"annotations": {"a": "1"}}});
        set_annotation(&mut object, "b", "2");
        assert_eq!(annotation(&object, "b"), Some("2"));
        remove_annotation(&mut object, "a");
        remove_annotation(&mut object, "b");
        assert_eq!(object, json!({"metadata": {}}));
    }
}
