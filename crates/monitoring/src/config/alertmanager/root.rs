//! What a whole configuration needs before anything is added to it (Alertmanager's own `config.Load`, as far as it looks
//! across parts).

use std::collections::BTreeSet;

use serde_json::Value;

use super::sanitize::{Fields, Refusal, is_set, is_true, text};

/// The root route takes every alert that no other takes.
pub(super) fn check(route: Option<&Value>) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(text.to_owned());
    let Some(route) = route.and_then(Value::as_object) else {
        return refuse("root route must exist");
    };
    if is_true(route, "continue") {
        return refuse("cannot have continue in root route");
    }
    if text(route, "receiver").is_empty() {
        return refuse("root route's receiver must exist");
    }
    if ["matchers", "match", "match_re"]
        .iter()
        .any(|key| has_entries(route, key))
    {
        return refuse("'matchers' not permitted on root route");
    }
    for key in ["mute_time_intervals", "active_time_intervals"] {
        if has_entries(route, key) {
            return Err(format!("'{key}' not permitted on root route"));
        }
    }
    Ok(())
}

fn has_entries(fields: &Fields, key: &str) -> bool {
    match fields.get(key) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(entries)) => !entries.is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    }
}

/// Everything that is referred to by name must be there, once.
pub(super) fn check_names(document: &Fields) -> Result<(), Refusal> {
    let mut receivers = BTreeSet::new();
    for receiver in objects(document, "receivers") {
        let name = text(receiver, "name");
        if name.is_empty() {
            return Err("missing name in receiver".to_owned());
        }
        if !receivers.insert(name) {
            return Err(format!("notification config name {name:?} is not unique"));
        }
        for (list, entries) in receiver {
            let Some(kind) = list.strip_suffix("_configs") else {
                continue;
            };
            let optional = ["slack", "opsgenie", "wechat", "rocketchat"].contains(&kind);
            let nothing = entries
                .as_array()
                .is_some_and(|entries| entries.iter().any(Value::is_null));
            if nothing && !optional {
                return Err(format!("missing {kind} config"));
            }
        }
    }
    let mut intervals = BTreeSet::new();
    for (list, kind) in [
        ("mute_time_intervals", "mute time interval"),
        ("time_intervals", "time interval"),
    ] {
        for interval in objects(document, list) {
            let name = text(interval, "name");
            if name.is_empty() {
                return Err(format!("missing name in {kind}"));
            }
            if !intervals.insert(name) {
                return Err(format!("{kind} {name:?} is not unique"));
            }
        }
    }
    let Some(route) = document.get("route").and_then(Value::as_object) else {
        return Err("no route provided in config".to_owned());
    };
    check_route(route, &receivers, &intervals)
}

fn check_route(
    route: &Fields,
    receivers: &BTreeSet<&str>,
    intervals: &BTreeSet<&str>,
) -> Result<(), Refusal> {
    for child in objects(route, "routes") {
        check_route(child, receivers, intervals)?;
    }
    let receiver = text(route, "receiver");
    if is_set(route, "receiver") && !receivers.contains(receiver) {
        return Err(format!("undefined receiver {receiver:?} used in route"));
    }
    for key in ["active_time_intervals", "mute_time_intervals"] {
        let names = route.get(key).and_then(Value::as_array);
        for name in names.into_iter().flatten().filter_map(Value::as_str) {
            if !intervals.contains(name) {
                return Err(format!("undefined time interval {name:?} used in route"));
            }
        }
    }
    let grouped = route.get("group_by").and_then(Value::as_array);
    let mut labels = BTreeSet::new();
    for label in grouped.into_iter().flatten().filter_map(Value::as_str) {
        if !labels.insert(label) {
            return Err(format!("duplicated label {label:?} in group_by"));
        }
    }
    if labels.len() > 1 && labels.contains("...") {
        return Err(
            "cannot have wildcard group_by (`...`) and other labels at the same time".to_owned(),
        );
    }
    Ok(())
}

fn objects<'a>(fields: &'a Fields, key: &str) -> impl Iterator<Item = &'a Fields> {
    let list = fields.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}
