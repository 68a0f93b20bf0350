//! Bodies: valid ones, slightly wrong ones, and patches of each type.
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::fidelity::area::Chance;

const METADATA: &[&str] = &[
    r#"/metadata/labels/x "y""#,
    // One label at a time: a real server tells of several in any order.
    r#"/metadata/labels {"x":"a b"}"#,
    r#"/metadata/labels {"-x":"y"}"#,
    r"/metadata/labels null",
    r#"/metadata/labels {"a.example/b":""}"#,
    r#"/metadata/annotations {"a":"b"}"#,
    r#"/metadata/annotations {"A b":"b"}"#,
    r#"/metadata/annotations {"a":1}"#,
    r#"/metadata/finalizers ["a.example/f"]"#,
    r#"/metadata/finalizers ["a.example/f","b.example/g"]"#,
    r#"/metadata/finalizers ["plain"]"#,
    r"/metadata/finalizers []",
    r"/metadata/finalizers null",
    r#"/metadata/finalizers ["orphan","foregroundDeletion"]"#,
    r#"/metadata/ownerReferences [{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u"}]"#,
    r#"/metadata/ownerReferences [{"apiVersion":"v1","kind":"ConfigMap","name":"o"}]"#,
    r#"/metadata/ownerReferences [{"apiVersion":"v1","kind":"Pod","name":"o","uid":"u","controller":true},{"apiVersion":"v1","kind":"Pod","name":"p","uid":"v","controller":true}]"#,
    r#"/metadata/ownerReferences [{"apiVersion":"v1","kind":"Event","name":"o","uid":"u"}]"#,
    r#"/metadata/name "other""#,
    r#"/metadata/name "Upper""#,
    r#"/metadata/name """#,
    r"/metadata/name null",
    r"/metadata/name 5",
    r#"/metadata/namespace "elsewhere""#,
    r#"/metadata/uid "u""#,
    r"/metadata/generation 7",
    r#"/metadata/selfLink "x""#,
    r#"/metadata/deletionTimestamp "2019-01-01T00:00:00Z""#,
    r#"/metadata/creationTimestamp "2019-01-01T00:00:00Z""#,
    r#"/metadata/creationTimestamp "x""#,
    r"/metadata/unknown 1",
    r"/metadata null",
    r"/metadata []",
    r#"/unknown {"a":1}"#,
    r#"/kind "Other""#,
    r"/kind null",
    r#"/apiVersion "other/v1""#,
    r"/apiVersion null",
    r"/spec null",
    r#"/spec "x""#,
    r"/status null",
];

const ODD: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[null]",
    "{\"a\":1}",
    "9223372036854775808",
    "1e400",
];

/// `POINTER VALUE` for a kind: mostly its own fields.
fn field(chance: &mut Chance, kind: &Kind) -> (String, Value) {
    let text = if !kind.fields.is_empty() && !chance.once_in(3) {
        chance.pick(kind.fields)
    } else {
        chance.pick(METADATA)
    };
    let (pointer, value) = text.split_once(' ').unwrap_or((text, "null"));
    (
        pointer.to_owned(),
        serde_json::from_str(value).unwrap_or_default(),
    )
}

/// Sets what a pointer names, making maps on the way; a list may grow by one.
pub fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !place.is_object() && !place.is_array() {
            *place = Value::Object(Map::new());
        }
        if place.is_array() {
            let index = part.parse::<usize>().unwrap_or_default();
            let Some(items) = place.as_array_mut() else {
                return;
            };
            if index >= items.len() {
                items.push(Value::Null);
            }
            let last = items.len() - 1;
            place = &mut items[index.min(last)];
        } else {
            place = &mut place[part.as_str()];
        }
    }
    *place = value;
}

/// All pointers of a value, the root left out.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                into.push(at.clone());
                pointers(inner, &at, into);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                into.push(at.clone());
                pointers(inner, &at, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An object, with up to three fields set, and sometimes one of a type that doesn't fit.
pub fn object(chance: &mut Chance, kind: &Kind, short: &str) -> Value {
    let mut object = kind.object(short);
    let changes = [0, 0, 1, 1, 1, 2, 3];
    for _ in 0..chance.pick(&changes) {
        let (pointer, value) = field(chance, kind);
        set(&mut object, &pointer, value);
    }
    if chance.once_in(12) {
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        let pointer = chance.pick(&all);
        let value = serde_json::from_str(chance.pick(ODD)).unwrap_or_default();
        set(&mut object, &pointer, value);
    }
    object
}

/// What somebody applies: as a rule a part of the object, and what it is about.
pub fn applied(chance: &mut Chance, kind: &Kind, short: &str, subresource: &str) -> Value {
    let mut whole = kind.object(short);
    let about = subresource.trim_start_matches('/');
    if !about.is_empty() || chance.once_in(2) {
        whole = json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {"name": kind.name(short)}});
    }
    let changes = [0, 1, 1, 2, 2, 3];
    let changes = 0..chance.pick(&changes);
    let mut fields: Vec<_> = changes.map(|_| field(chance, kind)).collect();
    // A real server goes through the fields in any order and tells of none after one that the schema hasn't got.
    let unknown = ["/unknown", "/metadata/unknown", "/spec", "/status"];
    let strange = |(pointer, _): &(String, Value)| unknown.contains(&pointer.as_str());
    if let Some(at) = fields.iter().position(strange) {
        fields = vec![fields.swap_remove(at)];
    }
    for (pointer, value) in fields {
        set(&mut whole, &pointer, value);
    }
    let own: Vec<_> = kind
        .fields
        .iter()
        .filter(|field| !about.is_empty() && field.starts_with("/status"))
        .collect();
    if !own.is_empty()
        && let Some((pointer, value)) = chance.pick(&own).split_once(' ')
    {
        set(
            &mut whole,
            pointer,
            serde_json::from_str(value).unwrap_or_default(),
        );
    }
    whole
}

/// A body as text; now and then one that is no object at all.
pub fn text(chance: &mut Chance, object: &Value) -> (String, String) {
    let json = "application/json".to_owned();
    let text = object.to_string();
    if !chance.once_in(25) {
        return (json, text);
    }
    match chance.below(10) {
        0 => (json, String::new()),
        1 => (
            json,
            text.get(..text.len() / 2).unwrap_or_default().to_owned(),
        ),
        2 => (json, format!("[{text}]")),
        3 => (json, "null".to_owned()),
        4 => (json, format!("{text}{text}")),
        5 => (json, text.replacen('{', "{\"kind\":\"ConfigMap\",", 1)),
        6 => (
            "application/yaml".to_owned(),
            machinery::yaml::to_string(object),
        ),
        7 => ("text/plain".to_owned(), text),
        8 => (
            "application/yaml".to_owned(),
            format!("{}kind: Twice\n", machinery::yaml::to_string(object)),
        ),
        _ => ("application/json;charset=utf-8".to_owned(), text),
    }
}

/// A patch: media type and body.
pub fn patch(chance: &mut Chance, kind: &Kind, status: bool) -> (&'static str, String) {
    let (mut pointer, value) = field(chance, kind);
    if status && chance.once_in(2) {
        let fields: Vec<_> = kind
            .fields
            .iter()
            .filter(|field| field.starts_with("/status"))
            .collect();
        if !fields.is_empty()
            && let Some((at, _)) = chance.pick(&fields).split_once(' ')
        {
            at.clone_into(&mut pointer);
        }
    }
    match chance.below(9) {
        0..=2 => (
            "application/merge-patch+json",
            merge(&pointer, value).to_string(),
        ),
        3..=5 => (
            "application/strategic-merge-patch+json",
            strategic(chance, kind, &pointer, value),
        ),
        6 | 7 => (
            "application/json-patch+json",
            operations(chance, &pointer, &value),
        ),
        _ => odd_patch(chance, &pointer, value),
    }
}

fn merge(pointer: &str, value: Value) -> Value {
    let mut patch = json!({});
    // A list can't be entered by a merge patch: what is in it is set as a whole.
    let pointer = pointer.split("/0").next().unwrap_or(pointer);
    set(&mut patch, pointer, value);
    patch
}

/// Elements are named by their merge key.
fn strategic(chance: &mut Chance, kind: &Kind, pointer: &str, value: Value) -> String {
    let containers = if kind.kind == "Pod" {
        "/spec/containers"
    } else {
        "/spec/template/spec/containers"
    };
    let directives = [
        json!({"$patch": "replace", "data": {"z": "1"}}),
        json!({"$patch": "delete"}),
        json!({"metadata": {"labels": {"$patch": "replace", "n": "1"}}}),
        json!({"metadata": {"labels": {"$patch": "what", "n": "1"}}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/f"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["b.example/g", "a.example/f"], "finalizers": ["b.example/g"]}}),
        json!({"metadata": {"finalizers": ["c.example/h"]}}),
        json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "u"}]}}),
        json!({"spec": {"$retainKeys": ["strategy"], "strategy": {"type": "Recreate"}}}),
        json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
    ];
    if chance.once_in(4) {
        return chance.pick(&directives).to_string();
    }
    if let Some(rest) = pointer.strip_prefix(&format!("{containers}/0/")) {
        let mut element = json!({"name": "c"});
        set(&mut element, &format!("/{rest}"), value);
        let mut elements = vec![element];
        match chance.below(5) {
            0 => elements.push(json!({"name": "n", "image": "new"})),
            1 => elements.push(json!({"image": "nameless"})),
            2 => elements.push(json!({"$patch": "delete", "name": "c"})),
            _ => {}
        }
        let mut patch = json!({});
        set(&mut patch, containers, Value::Array(elements));
        if chance.once_in(4) {
            let order = json!([{"name": "n"}, {"name": "c"}]);
            let at = containers.replace("/containers", "/$setElementOrder~1containers");
            set(&mut patch, &at, order);
        }
        return patch.to_string();
    }
    merge(pointer, value).to_string()
}

fn operations(chance: &mut Chance, pointer: &str, value: &Value) -> String {
    let first = match chance.below(8) {
        0..=2 => json!({"op": "add", "path": pointer, "value": value}),
        3 => json!({"op": "replace", "path": pointer, "value": value}),
        4 => json!({"op": "remove", "path": pointer}),
        5 => json!({"op": "test", "path": pointer, "value": value}),
        6 => json!({"op": "copy", "from": "/metadata/labels", "path": "/metadata/annotations"}),
        _ => {
            json!({"op": "move", "from": "/metadata/labels/letter", "path": "/metadata/labels/moved"})
        }
    };
    let mut all = vec![first];
    match chance.below(8) {
        0 => all.push(json!({"op": "add", "path": "/metadata/labels/more", "value": "1"})),
        1 => all.push(json!({"op": "test", "path": "/metadata/labels/letter", "value": "a"})),
        2 => all.push(json!({"op": "what", "path": "/a"})),
        3 => all.push(json!({"path": "/a"})),
        4 => all.clear(),
        _ => {}
    }
    Value::Array(all).to_string()
}

fn odd_patch(chance: &mut Chance, pointer: &str, value: Value) -> (&'static str, String) {
    let patch = merge(pointer, value);
    match chance.below(8) {
        0 => ("application/merge-patch+json", String::new()),
        1 => ("application/merge-patch+json", "[]".to_owned()),
        2 => ("application/strategic-merge-patch+json", "{".to_owned()),
        3 => ("application/json-patch+json", patch.to_string()),
        4 => ("application/json", patch.to_string()),
        5 => ("text/plain", patch.to_string()),
        6 => (
            "application/merge-patch+json",
            r#"{"metadata":{"labels":{"a":"1","a":"2"}}}"#.to_owned(),
        ),
        _ => ("application/merge-patch+json", "{}".to_owned()),
    }
}
