//! AlertmanagerConfig `v1beta1`, as what it does differently from `v1alpha1`.
//!
//! References to Secrets demand both name and key, `muteTimeIntervals` is called `timeIntervals`, matchers have no `regex`,
//! `OpsGenie`'s `updateAlerts` is gone, and lists have no merge semantics of their own.

use serde_json::{Map, Value, json};

/// A `v1beta1` object, or its spec alone, as `v1alpha1` has it; nothing is lost.
pub fn to_v1alpha1(mut value: Value) -> Value {
    let at = if value.get("spec").is_some() {
        "/spec"
    } else {
        ""
    };
    if let Some(spec) = value.pointer_mut(at).and_then(Value::as_object_mut)
        && let Some(intervals) = spec.remove("timeIntervals")
    {
        spec.insert("muteTimeIntervals".to_owned(), intervals);
    }
    value
}

/// The schema of a whole `v1beta1` object from that of a `v1alpha1` one.
pub(super) fn schema(mut v1alpha1: Value) -> Value {
    let Some(spec) = v1alpha1
        .pointer_mut("/properties/spec/properties")
        .and_then(Value::as_object_mut)
    else {
        return v1alpha1;
    };
    for part in ["inhibitRules", "route", "receivers"] {
        if let Some(schema) = spec.get_mut(part) {
            forget_list_types(schema, part == "receivers");
        }
    }
    if let Some(mut intervals) = spec.remove("muteTimeIntervals") {
        forget_list_types(&mut intervals, false);
        spec.insert("timeIntervals".to_owned(), intervals);
    }
    if let Some(receivers) = spec
        .get_mut("receivers")
        .and_then(|list| list.pointer_mut("/items/properties"))
    {
        change_receivers(receivers);
    }
    v1alpha1
}

/// Drops list types where `v1beta1` declares none: of lists of receivers and matchers, not of those inside shared types.
fn forget_list_types(schema: &mut Value, receivers: bool) {
    forget_within("", schema, receivers);
}

fn forget_within(owner: &str, schema: &mut Value, receivers: bool) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("x-kubernetes-list-type");
    fields.remove("x-kubernetes-list-map-keys");
    for key in ["items", "properties"] {
        match fields.get_mut(key) {
            Some(Value::Object(inner)) if key == "properties" => {
                inner.remove("regex");
                for (name, property) in inner.iter_mut() {
                    // The HTTP client is the same type in both versions.
                    let path = format!("{owner}/{name}");
                    let kept = KEPT.iter().any(|kept| kept == name || *kept == path);
                    if !(receivers && kept) {
                        forget_within(name, property, receivers);
                    }
                }
            }
            Some(items) => forget_within(owner, items, receivers),
            None => {}
        }
    }
}

/// Lists and types of receivers that are the same in both versions.
const KEPT: [&str; 10] = [
    "httpConfig",
    "tlsConfig",
    "sigv4",
    "mrkdwnIn",
    "customFields",
    "pagerDutyImageConfigs",
    "pagerDutyLinkConfigs",
    "pagerdutyConfigs/details",
    "slackConfigs/actions",
    "slackConfigs/fields",
];

fn change_receivers(receivers: &mut Value) {
    for (kind, list) in receivers.as_object_mut().into_iter().flatten() {
        let Some(fields) = list
            .pointer_mut("/items/properties")
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        if kind == "opsgenieConfigs" {
            fields.remove("updateAlerts");
        }
        if kind == "pushoverConfigs" {
            for file in ["tokenFile", "userKeyFile"] {
                if let Some(file) = fields.get_mut(file).and_then(Value::as_object_mut) {
                    file.remove("minLength");
                }
            }
        }
        for (name, field) in fields.iter_mut() {
            if name == "httpConfig" {
                if let Some(token) = field.pointer_mut("/properties/bearerTokenSecret") {
                    demand_name(token);
                }
            } else if !STRICT.contains(&(kind.as_str(), name.as_str())) {
                demand_name(field);
            }
        }
    }
}

/// References that are Kubernetes' own type in `v1beta1` too.
pub(super) const STRICT: [(&str, &str); 5] = [
    ("discordConfigs", "apiURL"),
    ("msteamsConfigs", "webhookUrl"),
    ("msteamsv2Configs", "webhookURL"),
    ("rocketchatConfigs", "token"),
    ("rocketchatConfigs", "tokenID"),
];

/// Makes a reference to a Secret one of `v1beta1`: {name, key}, both demanded.
fn demand_name(schema: &mut Value) {
    let is_reference = schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|properties| properties.len() == 3 && properties.contains_key("optional"));
    let Some(fields) = schema.as_object_mut().filter(|_| is_reference) else {
        return;
    };
    let mut reference = Map::new();
    reference.extend(
        fields
            .remove("description")
            .map(|text| ("description".to_owned(), text)),
    );
    let text = json!({"type": "string", "minLength": 1});
    reference.insert("type".to_owned(), json!("object"));
    reference.insert("required".to_owned(), json!(["key", "name"]));
    reference.insert(
        "properties".to_owned(),
        json!({"key": text.clone(), "name": text}),
    );
    *fields = reference;
}
