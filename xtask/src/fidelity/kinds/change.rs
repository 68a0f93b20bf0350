//! Changes to a body: one of those written down for its kind, or one that any field can suffer.
use serde_json::{Map, Value, json};

use super::catalogue::Kind;
use crate::fidelity::area::Chance;

/// A field to set: its pointer and its value, or that it goes.
pub struct Change {
    /// Where.
    pub pointer: String,
    /// What; `None` takes it away.
    pub value: Option<Value>,
}

/// A change to an object of a kind.
pub fn change(chance: &mut Chance, kind: &Kind, object: &Value) -> Change {
    if !kind.fields.is_empty() && chance.once_in(2) {
        let text = chance.pick(kind.fields);
        let (pointer, value) = text.split_once(' ').unwrap_or((text, "null"));
        return Change {
            pointer: pointer.to_owned(),
            value: Some(serde_json::from_str(value).unwrap_or_default()),
        };
    }
    let mut all = Vec::new();
    pointers(object, "", &mut all);
    all.retain(|pointer| {
        let root = pointer.split('/').nth(1).unwrap_or_default();
        !matches!(root, "metadata" | "kind" | "apiVersion")
    });
    if all.is_empty() {
        return Change {
            pointer: "/metadata/labels".to_owned(),
            value: Some(json!({"more": "1"})),
        };
    }
    let pointer = chance.pick(&all);
    let old = object.pointer(&pointer).cloned().unwrap_or_default();
    let value = match &old {
        _ if chance.once_in(3) => None,
        Value::String(text) => Some(text_for(chance, text)),
        Value::Number(number) => Some(number_for(chance, number.as_i64().unwrap_or_default())),
        Value::Bool(value) => Some(Value::Bool(!value)),
        Value::Array(items) => Some(list_for(chance, items)),
        Value::Object(_) => Some(json!({})),
        Value::Null => Some(json!("x")),
    };
    Change { pointer, value }
}

fn text_for(chance: &mut Chance, old: &str) -> Value {
    let texts = [
        "",
        "Other",
        "other",
        "other.example",
        "Not Allowed!",
        "a/b/c",
        "-x",
        "*",
        "x.example/y",
        "..",
        "10.0.0.0/8",
        "5",
    ];
    match chance.below(16) {
        0 => json!("x".repeat(64)),
        1 => json!("y".repeat(300)),
        2 => json!(format!("{old}s")),
        3 => json!(old.to_uppercase()),
        _ => json!(chance.pick(&texts)),
    }
}

fn number_for(chance: &mut Chance, old: i64) -> Value {
    let numbers = [
        0,
        1,
        -1,
        5,
        101,
        599,
        70_000,
        i64::from(i32::MAX),
        old + 1,
        -old,
    ];
    json!(chance.pick(&numbers))
}

fn list_for(chance: &mut Chance, old: &[Value]) -> Value {
    let first = old.first().cloned().unwrap_or_default();
    match chance.below(4) {
        0 => json!([]),
        1 => Value::Array(vec![first; 70]),
        2 => Value::Array(vec![first; 2]),
        _ => Value::Array(old.iter().chain(old).cloned().collect()),
    }
}

/// Makes a change.
pub fn apply(object: &mut Value, change: Change) {
    match change.value {
        Some(value) => set(object, &change.pointer, value),
        None => remove(object, &change.pointer),
    }
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&unescaped(last));
        }
        Some(Value::Array(items)) => {
            let index = last.parse::<usize>().unwrap_or(usize::MAX);
            if index < items.len() {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Sets what a pointer names, making maps on the way; a list may grow by one.
pub fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for part in pointer.split('/').skip(1) {
        let part = unescaped(part);
        if !place.is_object() && !place.is_array() {
            *place = Value::Object(Map::new());
        }
        place = if let Value::Array(items) = place {
            let index = part.parse::<usize>().unwrap_or_default().min(items.len());
            if index == items.len() {
                items.push(Value::Null);
            }
            &mut items[index]
        } else {
            &mut place[part.as_str()]
        };
    }
    *place = value;
}

/// All pointers of a value, the root left out.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, inner)| (key.replace('~', "~0").replace('/', "~1"), inner))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, inner)| (index.to_string(), inner))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (key, inner) in children {
        let at = format!("{at}/{key}");
        into.push(at.clone());
        pointers(inner, &at, into);
    }
}

#[test]
fn fields_are_set_and_taken_away_where_pointers_say() {
    let mut object = json!({"a": [{"b": 1}]});
    set(&mut object, "/a/0/c~1d", json!(2));
    set(&mut object, "/a/7/e", json!(3));
    remove(&mut object, "/a/0/b");
    assert_eq!(object, json!({"a": [{"c/d": 2}, {"e": 3}]}));
    let mut all = Vec::new();
    pointers(&object, "", &mut all);
    assert_eq!(all, ["/a", "/a/0", "/a/0/c~1d", "/a/1", "/a/1/e"]);
}
