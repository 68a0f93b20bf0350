//! The document as YAML, its keys in the order in which Alertmanager's own documentation has them.

use machinery::yaml::Ordered;
use serde_json::Value;

use super::sanitize::Fields;

/// Keys that come first, wherever they stand; the others follow in their own order.
const FIRST: [&str; 26] = [
    "global",
    "route",
    "inhibit_rules",
    "name",
    "receiver",
    "group_by",
    "match",
    "match_re",
    "matchers",
    "continue",
    "routes",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "target_match",
    "target_match_re",
    "target_matchers",
    "source_match",
    "source_match_re",
    "source_matchers",
    "equal",
    "receivers",
    "mute_time_intervals",
    "active_time_intervals",
    "time_intervals",
    "templates",
];

/// The YAML of a document.
pub(super) fn text(document: &Fields) -> String {
    mapping(document).to_yaml()
}

fn mapping(fields: &Fields) -> Ordered {
    let place = |key: &str| FIRST.iter().position(|first| *first == key);
    let mut entries: Vec<(String, Ordered)> = fields
        .iter()
        .map(|(key, value)| (key.clone(), node(value)))
        .collect();
    entries.sort_by_key(|(key, _)| place(key).unwrap_or(FIRST.len()));
    Ordered::Map(entries)
}

fn node(value: &Value) -> Ordered {
    match value {
        Value::Object(fields) => mapping(fields),
        Value::Array(items) => Ordered::List(items.iter().map(node).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Ordered::Scalar(value.clone())
        }
    }
}
