//! Reading and building API objects as JSON values: what every built-in controller needs, without a typed copy of the API.
//!
//! Readers answer Go's zero value where a field is absent, as upstream's structs would.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) use machinery::pointer::{at, count, flag, integer, items, text};

/// Whether an object carries all of these labels.
pub(crate) fn has_labels(object: &Value, wanted: &BTreeMap<String, String>) -> bool {
    let labels = at(object, "/metadata/labels");
    wanted
        .iter()
        .all(|(key, value)| labels.and_then(|l| l.get(key)).and_then(Value::as_str) == Some(value))
}

/// The time at a JSON pointer.
pub(crate) fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// A map of strings at a JSON pointer, such as labels or a node selector.
pub(crate) fn string_map(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let Some(map) = at(object, pointer).and_then(Value::as_object) else {
        return BTreeMap::new();
    };
    map.iter()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect()
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`, `""` for cluster-scoped objects.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// `metadata.labels`.
pub(crate) fn labels(object: &Value) -> BTreeMap<String, String> {
    string_map(object, "/metadata/labels")
}

/// One annotation.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    at(object, "/metadata/annotations")?.get(key)?.as_str()
}

/// Whether deletion has been asked for.
pub(crate) fn is_terminating(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|v| !v.is_null())
}

/// The owner reference with `controller: true`.
pub(crate) fn controller_of(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences")
        .iter()
        .find(|r| flag(r, "/controller"))
}

/// Whether `owner` is the controller of `object`, by uid.
pub(crate) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller_of(object).is_some_and(|r| text(r, "/uid") == uid(owner))
}

/// The reference an owner writes into what it controls.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"), "kind": text(owner, "/kind"),
        "name": name(owner), "uid": uid(owner), "controller": true, "blockOwnerDeletion": true,
    })
}

/// A time as API objects carry it: whole seconds, UTC.
pub(crate) fn stamp(now: Timestamp) -> String {
    machinery::time::rfc3339(now)
}

/// A time with microseconds, for Leases and events.
pub(crate) fn stamp_micro(now: Timestamp) -> String {
    machinery::time::rfc3339_micro(now)
}

/// `now` plus a number of seconds; saturates at the end of time.
pub(crate) fn seconds_after(now: Timestamp, seconds: i64) -> Timestamp {
    milliseconds_after(now, seconds.saturating_mul(1000))
}

/// `now` plus a number of milliseconds; saturates at the end of time.
pub(crate) fn milliseconds_after(now: Timestamp, milliseconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_millis(milliseconds))
        .unwrap_or(Timestamp::MAX)
}

/// Sets a value below an object, making the objects on the way.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut at = object;
    for key in parents {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(map) = at.as_object_mut() else {
            return;
        };
        at = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    if let Some(map) = at.as_object_mut() {
        map.insert((*last).to_owned(), value);
    }
}

/// Removes a value below an object; nothing happens where it is absent.
pub(crate) fn remove(object: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut at = object;
    for key in parents {
        let Some(next) = at.get_mut(*key) else { return };
        at = next;
    }
    if let Some(map) = at.as_object_mut() {
        map.remove(*last);
    }
}

/// The condition of a type in `status.conditions`.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == kind)
}

/// Whether the condition of a type is `True`.
pub(crate) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| text(c, "/status") == "True")
}

/// A map of counters as a status prints them: zeros are left out.
pub(crate) fn without_zeros(counters: &[(&str, i64)]) -> Map<String, Value> {
    counters
        .iter()
        .filter(|(_, n)| *n != 0)
        .map(|(k, n)| ((*k).to_owned(), json!(n)))
        .collect()
}

/// By creation time, then name: the order in which upstream looks at ReplicaSets.
pub(crate) fn by_age(a: &Value, b: &Value) -> std::cmp::Ordering {
    let key = |o: &Value| (time(o, "/metadata/creationTimestamp"), name(o).to_owned());
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_a_path_makes_the_objects_on_the_way() {
        let mut object = json!({"a": 1});
        set(&mut object, &["b", "c.d/e"], json!(2));
        assert_eq!(object, json!({"a": 1, "b": {"c.d/e": 2}}));
        remove(&mut object, &["b", "c.d/e"]);
        remove(&mut object, &["x", "y"]);
        assert_eq!(object, json!({"a": 1, "b": {}}));
    }

    #[test]
    fn times_are_printed_in_whole_seconds() {
        let now: Timestamp = "2030-01-01T00:00:01.987654321Z".parse().unwrap();
        assert_eq!(stamp(now), "2030-01-01T00:00:01Z");
        assert_eq!(stamp_micro(now), "2030-01-01T00:00:01.987654Z");
    }
}
