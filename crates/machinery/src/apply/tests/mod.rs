//! What the rules of server-side apply say, case by case.

mod conflicts;
mod managers;
mod merging;
mod scales;
mod shapes;

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::decode;
use crate::schema::TypeTable;

pub(super) const NOW: &str = "2030-01-01T00:00:00Z";
pub(super) const LATER: &str = "2030-01-01T00:01:00Z";
pub(super) const VERSION: &str = "example.com/v1";

/// A resource with every kind of list, map and scalar.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "flag": {"type": "boolean"},
            "port": {"x-kubernetes-int-or-string": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "args": {"type": "array", "items": {"type": "string"}},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "items": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "kind"],
                "items": {"type": "object", "properties": {
                    "name": {"type": "string"},
                    "kind": {"type": "string", "default": "A"},
                    "value": {"type": "string"},
                    "inner": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "string"}}},
                }},
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {
                "spec": {"type": "object", "properties": {"a": {"type": "string"}}},
            }},
        }},
        "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
    }})
});

static EMPTY: LazyLock<Value> = LazyLock::new(|| json!({"apiVersion": VERSION, "kind": "Thing"}));

pub(super) fn versions() -> SingleVersion<'static> {
    SingleVersion {
        api_version: VERSION.to_owned(),
        ty: Type::custom(&SCHEMA, false),
        reset: [vec![PathElement::field("status")]].into_iter().collect(),
    }
}

pub(super) fn write<'a>(versions: &'a dyn Versions, manager: &'a str) -> Write<'a> {
    Write {
        versions,
        api_version: VERSION,
        kind: "Thing",
        empty: &EMPTY,
        manager,
        subresource: "",
        now: NOW,
    }
}

/// A configuration with that spec.
pub(super) fn thing(spec: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": "Thing", "metadata": {"name": "t", "namespace": "n"}, "spec": spec})
}

/// An object as it is stored after manager `m` made it with that spec.
pub(super) fn created(manager: &str, spec: &Value) -> Value {
    let versions = versions();
    let mut object = thing(spec);
    update(&write(&versions, manager), None, &mut object);
    object["metadata"]["uid"] = json!("u");
    object
}

/// Applies a spec; the object afterwards.
pub(super) fn applied(live: Option<&Value>, manager: &str, spec: &Value) -> Value {
    attempt(live, manager, spec, false).unwrap().object
}

pub(super) fn attempt(
    live: Option<&Value>,
    manager: &str,
    spec: &Value,
    force: bool,
) -> Result<Applied, ApplyError> {
    let versions = versions();
    let mut out = apply(&write(&versions, manager), live, &thing(spec), force)?;
    out.object["metadata"]["uid"] = json!("u");
    Ok(out)
}

/// The entries as `manager/operation: fields`.
pub(super) fn owners(object: &Value) -> Vec<String> {
    managed::entries(object)
        .iter()
        .map(|entry| {
            let fields = FieldSet::from_value(&entry["fieldsV1"]).unwrap();
            format!(
                "{}/{}: {}",
                entry["manager"].as_str().unwrap(),
                entry["operation"].as_str().unwrap(),
                fields.to_string().replace('\n', " ")
            )
        })
        .collect()
}

/// A built-in kind's single version.
pub(super) fn builtin(group: &str, version: &str, kind: &str) -> (SingleVersion<'static>, Value) {
    let table = TypeTable::builtin();
    let id = table.type_of(group, version, kind).unwrap();
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let versions = SingleVersion {
        api_version,
        ty: Type::builtin(table, id),
        reset: [vec![PathElement::field("status")]].into_iter().collect(),
    };
    (versions, decode::normalise(id, &json!({})).unwrap())
}
