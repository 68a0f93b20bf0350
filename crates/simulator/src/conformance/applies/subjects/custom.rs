//! Fields of a custom resource that has every kind of list, map and scalar.

use serde_json::{Value, json};

use super::{Subject, THINGS, subject};

/// Scalars of the custom resource.
pub(super) fn scalars() -> Vec<Subject> {
    let one = |name, path, values| subject(name, THINGS, path, values);
    vec![
        one(
            "custom text",
            &["spec", "text"],
            [json!("a"), json!("b"), json!("a")],
        ),
        one(
            "custom count",
            &["spec", "count"],
            [json!(1), json!(2), json!(1)],
        ),
        one(
            "custom float",
            &["spec", "float"],
            [json!(1.5), json!(2), json!(1.5)],
        ),
        one(
            "custom flag",
            &["spec", "flag"],
            [json!(true), json!(false), json!(true)],
        ),
        one(
            "custom port",
            &["spec", "port"],
            [json!(1), json!("a"), json!(1)],
        ),
        one(
            "custom nullable",
            &["spec", "nullable"],
            [json!("a"), json!("b"), json!("a")],
        ),
        one(
            "custom defaulted",
            &["spec", "defaulted"],
            [json!("a"), json!("b"), json!("a")],
        ),
    ]
}

/// Maps of the custom resource.
pub(super) fn maps() -> Vec<Subject> {
    let one = |name, path, values| subject(name, THINGS, path, values);
    vec![
        one(
            "custom map",
            &["spec", "map"],
            [
                json!({"a": "1", "b": "1"}),
                json!({"a": "2"}),
                json!({"a": "1", "b": "1", "c": "1"}),
            ],
        ),
        one(
            "custom atomic map",
            &["spec", "atomicMap"],
            [
                json!({"a": "1"}),
                json!({"a": "2"}),
                json!({"a": "1", "b": "1"}),
            ],
        ),
        one(
            "custom struct",
            &["spec", "inner"],
            [
                json!({"x": "1", "deep": {"z": "1"}}),
                json!({"x": "2"}),
                json!({"x": "1", "y": "1", "deep": {"z": "1"}}),
            ],
        ),
        one(
            "custom atomic struct",
            &["spec", "atomicInner"],
            [
                json!({"x": "1"}),
                json!({"x": "2"}),
                json!({"x": "1", "y": "1"}),
            ],
        ),
        one(
            "custom free",
            &["spec", "free"],
            [
                json!({"a": {"b": [1, {"c": 2}]}, "d": "e"}),
                json!({"a": {"b": [2]}}),
                json!({"a": {"b": [1, {"c": 2}], "f": null}, "d": "e", "g": true}),
            ],
        ),
        one(
            "custom embedded",
            &["spec", "embedded"],
            [
                json!({"apiVersion": "v1", "kind": "E", "metadata": {"name": "e", "labels": {"a": "1"}}, "spec": {"a": "1"}}),
                json!({"apiVersion": "v1", "kind": "E", "metadata": {"name": "e", "labels": {"a": "2"}}}),
                json!({"apiVersion": "v1", "kind": "E", "metadata": {"name": "e", "labels": {"a": "1", "b": "1"}}, "spec": {"a": "1"}}),
            ],
        ),
    ]
}

/// Lists of the custom resource.
pub(super) fn lists() -> Vec<Subject> {
    let one = |name, path, values| subject(name, THINGS, path, values);
    vec![
        one(
            "custom set",
            &["spec", "set"],
            [json!(["a", "b"]), json!(["c"]), json!(["c", "a", "b"])],
        ),
        one(
            "custom number set",
            &["spec", "numberSet"],
            [json!([1, 2]), json!([3]), json!([3, 1, 2])],
        ),
        one(
            "custom atomic list",
            &["spec", "list"],
            [json!(["a", "b"]), json!(["c"]), json!(["a", "b", "c"])],
        ),
        one(
            "custom one key",
            &["spec", "byName"],
            [
                json!([{"name": "a", "value": "1"}, {"name": "b"}]),
                json!([{"name": "a", "value": "2"}]),
                json!([{"name": "c"}, {"name": "a", "value": "1"}, {"name": "b"}]),
            ],
        ),
        one(
            "custom two keys",
            &["spec", "byTwo"],
            [
                json!([{"name": "a", "kind": "K", "value": "1"}, {"name": "a", "kind": "L"}]),
                json!([{"name": "a", "kind": "K", "value": "2"}]),
                json!([{"name": "b", "kind": "K"}, {"name": "a", "kind": "K", "value": "1"}, {"name": "a", "kind": "L"}]),
            ],
        ),
        one(
            "custom defaulted key",
            &["spec", "byTwo"],
            [
                json!([{"name": "a", "value": "1"}]),
                json!([{"name": "a", "value": "2"}]),
                json!([{"name": "a", "value": "1"}, {"name": "a", "kind": "Z"}]),
            ],
        ),
        one(
            "custom keyless",
            &["spec", "byName"],
            [
                json!([{"value": "1"}]),
                json!([{"name": "a"}]),
                json!([{"name": "a", "value": "1"}]),
            ],
        ),
        one(
            "custom nested",
            &["spec", "byName"],
            [
                json!([{"name": "a", "parts": [{"id": 1, "tags": ["x"]}, {"id": 2}]}]),
                json!([{"name": "a", "parts": [{"id": 1, "tags": ["y"]}]}]),
                json!([{"name": "a", "parts": [{"id": 3}, {"id": 1, "tags": ["x"]}, {"id": 2}]}]),
            ],
        ),
        one(
            "custom status",
            &["status", "note"],
            [json!("a"), json!("b"), json!("a")],
        ),
    ]
}

/// A custom resource with every kind of list, map and scalar.
pub fn definition() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let inner =
        json!({"x": text, "y": text, "deep": {"type": "object", "properties": {"z": text}}});
    let parts = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
        "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text}}}});
    let mut properties = json!({
        "needed": text, "text": text, "count": {"type": "integer"}, "float": {"type": "number"},
        "flag": {"type": "boolean"}, "port": {"x-kubernetes-int-or-string": true},
        "nullable": {"type": "string", "nullable": true}, "defaulted": {"type": "string", "default": "d"},
        "map": texts,
        "inner": {"type": "object", "properties": inner},
        "atomicInner": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": inner},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "embedded": {"type": "object", "x-kubernetes-embedded-resource": true,
            "properties": {"spec": {"type": "object", "properties": {"a": text}}}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
        "numberSet": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
        "list": {"type": "array", "items": text},
        "byName": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": text, "value": text, "parts": parts}}},
        "byTwo": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "kind"],
            "items": {"type": "object", "required": ["name"],
                "properties": {"name": text, "kind": {"type": "string", "default": "D"}, "value": text}}},
    });
    if let Some(fields) = properties.as_object_mut() {
        let mut whole = texts.clone();
        if let Some(schema) = whole.as_object_mut() {
            schema.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
        fields.insert("atomicMap".to_owned(), whole);
    }
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": properties},
        "status": {"type": "object", "properties": {"note": text}}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "applied.apply.example.com"},
        "spec": {"group": "apply.example.com", "scope": "Namespaced",
            "names": {"plural": "applied", "kind": "Applied"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}
