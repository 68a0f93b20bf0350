//! An AlertmanagerConfig of one version as one of the other (upstream's `pkg/apis/monitoring/v1beta1/conversion_{from,to}.go`).
//!
//! `v1alpha1` is stored. What `v1beta1` has no field for stays in an annotation, so that a client that reads and writes
//! `v1beta1` loses nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::GROUP;
use super::v1beta1::STRICT;

/// The kind.
pub const KIND: &str = "AlertmanagerConfig";

/// Holds what `v1beta1` has no field for: a map from a receiver's name to one from the place within the receiver to the value.
pub const KEPT: &str = "carrick.dev/v1alpha1-fields";

/// Fields by their place within a receiver, a JSON pointer.
type Fields = BTreeMap<String, Value>;

/// Versions of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The stored one.
    V1alpha1,
    /// The other one.
    V1beta1,
}

impl Version {
    /// The version by its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "v1alpha1" => Some(Self::V1alpha1),
            "v1beta1" => Some(Self::V1beta1),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1alpha1 => "v1alpha1",
            Self::V1beta1 => "v1beta1",
        }
    }

    /// The version that an `apiVersion` of the group names.
    pub fn of(api_version: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/')?;
        Self::named(version).filter(|_| group == GROUP)
    }
}

/// An object of the other version as one of this version.
pub fn convert(mut object: Value, to: Version) -> Value {
    match to {
        Version::V1alpha1 => to_v1alpha1(&mut object),
        Version::V1beta1 => to_v1beta1(&mut object),
    }
    if let Some(fields) = object.as_object_mut() {
        let api_version = format!("{GROUP}/{}", to.name());
        fields.insert("apiVersion".to_owned(), json!(api_version));
    }
    object
}

fn to_v1beta1(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    rename(spec, "muteTimeIntervals", "timeIntervals");
    if let Some(route) = spec.get_mut("route") {
        each_matcher_of_route(route, &state_match_type);
    }
    for rule in items(spec.get_mut("inhibitRules")) {
        for side in ["sourceMatch", "targetMatch"] {
            items(rule.get_mut(side)).for_each(state_match_type);
        }
    }
    let mut kept: BTreeMap<String, Fields> = BTreeMap::new();
    for receiver in items(spec.get_mut("receivers")) {
        let name = receiver.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let fields = take_unknown(receiver);
        if !fields.is_empty() {
            kept.entry(name).or_default().extend(fields);
        }
    }
    if !kept.is_empty() {
        annotate(object, &kept);
    }
}

fn to_v1alpha1(object: &mut Value) {
    let kept = take_annotation(object);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    rename(spec, "timeIntervals", "muteTimeIntervals");
    for receiver in items(spec.get_mut("receivers")) {
        let name = receiver.get("name").and_then(Value::as_str);
        if let Some(fields) = kept.get(name.unwrap_or_default()) {
            put_back(receiver, fields);
        }
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

fn each_matcher_of_route(route: &mut Value, change: &impl Fn(&mut Value)) {
    items(route.get_mut("matchers")).for_each(change);
    for child in items(route.get_mut("routes")) {
        each_matcher_of_route(child, change);
    }
}

/// `v1beta1` knows no `regex`: how a value is compared is said by the type alone, which wins in `v1alpha1` too.
fn state_match_type(matcher: &mut Value) {
    let Some(fields) = matcher.as_object_mut() else {
        return;
    };
    let is_regex = fields.remove("regex") == Some(Value::Bool(true));
    let stated = fields.get("matchType").and_then(Value::as_str);
    if stated.unwrap_or_default().is_empty() {
        let match_type = if is_regex { "=~" } else { "=" };
        fields.insert("matchType".to_owned(), json!(match_type));
    }
}

/// Takes out of a receiver what `v1beta1` has no field for: whether OpsGenie's alerts are updated, and whether a Secret may be
/// missing.
fn take_unknown(receiver: &mut Value) -> Fields {
    let mut taken = Fields::new();
    for (kind, list) in receiver.as_object_mut().into_iter().flatten() {
        for (index, config) in items(Some(list)).enumerate() {
            let Some(config) = config.as_object_mut() else {
                continue;
            };
            if kind == "opsgenieConfigs" {
                let value = config.remove("updateAlerts");
                taken.extend(value.map(|value| (format!("/{kind}/{index}/updateAlerts"), value)));
            }
            for (name, field) in config.iter_mut() {
                if STRICT.contains(&(kind.as_str(), name.as_str())) {
                    continue;
                }
                let (field, inner) = match name.as_str() {
                    "httpConfig" => (field.get_mut("bearerTokenSecret"), "/bearerTokenSecret"),
                    _ => (Some(field), ""),
                };
                let value = field.and_then(take_optional);
                let place = format!("/{kind}/{index}/{name}{inner}/optional");
                taken.extend(value.map(|value| (place, value)));
            }
        }
    }
    taken
}

/// Takes `optional` out of a reference to a Secret.
fn take_optional(reference: &mut Value) -> Option<Value> {
    let fields = reference.as_object_mut()?;
    let is_reference = fields.get("key").is_some_and(Value::is_string);
    is_reference.then(|| fields.remove("optional")).flatten()
}

/// Puts fields back where what held them is still there.
fn put_back(receiver: &mut Value, kept: &Fields) {
    for (place, value) in kept {
        let Some((parent, field)) = place.rsplit_once('/') else {
            continue;
        };
        if let Some(fields) = receiver.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
}

fn annotate(object: &mut Value, kept: &BTreeMap<String, Fields>) {
    let metadata = object.as_object_mut().map(|fields| {
        let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
        metadata.as_object_mut()
    });
    if let Some(metadata) = metadata.flatten() {
        let annotations = metadata.entry("annotations").or_insert(Value::Null);
        if annotations.is_null() {
            *annotations = json!({});
        }
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(KEPT.to_owned(), json!(json!(kept).to_string()));
        }
    }
}

/// What was kept, which is taken from the object; nothing if it can't be read.
fn take_annotation(object: &mut Value) -> BTreeMap<String, Fields> {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(metadata) = metadata else {
        return BTreeMap::new();
    };
    let annotations = metadata.get_mut("annotations");
    let Some(annotations) = annotations.and_then(Value::as_object_mut) else {
        return BTreeMap::new();
    };
    let Some(kept) = annotations.remove(KEPT) else {
        return BTreeMap::new();
    };
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    serde_json::from_str(kept.as_str().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Value {
        json!({
            "apiVersion": "monitoring.coreos.com/v1alpha1", "kind": KIND,
            "metadata": {"name": "a", "uid": "1"},
            "spec": {
                "route": {
                    "receiver": "team", "matchers": [{"name": "a", "value": "b", "matchType": "!="}],
                    "routes": [{"matchers": [{"name": "c", "value": "d.*", "regex": true}, {"name": "e"}], "muteTimeIntervals": ["night"]}],
                },
                "inhibitRules": [{"sourceMatch": [{"name": "x", "regex": false}], "targetMatch": [{"name": "y", "regex": true, "matchType": "!~"}]}],
                "muteTimeIntervals": [{"name": "night", "timeIntervals": [{"times": [{"startTime": "00:00", "endTime": "06:00"}]}]}],
                "receivers": [{
                    "name": "team",
                    "opsgenieConfigs": [
                        {"apiKey": {"name": "s", "key": "k", "optional": true}, "updateAlerts": true},
                        {"apiKey": {"name": "s", "key": "k"}, "httpConfig": {"bearerTokenSecret": {"name": "b", "key": "k", "optional": false},
                            "basicAuth": {"password": {"name": "p", "key": "k", "optional": true}}}},
                    ],
                    "discordConfigs": [{"apiURL": {"name": "d", "key": "k", "optional": true}}],
                }],
            },
        })
    }

    #[test]
    fn a_stored_object_is_shown_as_v1beta1_has_it() {
        let kept = r#"{"team":{"/opsgenieConfigs/0/apiKey/optional":true,"/opsgenieConfigs/0/updateAlerts":true,"/opsgenieConfigs/1/httpConfig/bearerTokenSecret/optional":false}}"#;
        let expected = json!({
            "apiVersion": "monitoring.coreos.com/v1beta1", "kind": KIND,
            "metadata": {"name": "a", "uid": "1", "annotations": {KEPT: kept}},
            "spec": {
                "route": {
                    "receiver": "team", "matchers": [{"name": "a", "value": "b", "matchType": "!="}],
                    "routes": [{"matchers": [{"name": "c", "value": "d.*", "matchType": "=~"}, {"name": "e", "matchType": "="}], "muteTimeIntervals": ["night"]}],
                },
                "inhibitRules": [{"sourceMatch": [{"name": "x", "matchType": "="}], "targetMatch": [{"name": "y", "matchType": "!~"}]}],
                "timeIntervals": [{"name": "night", "timeIntervals": [{"times": [{"startTime": "00:00", "endTime": "06:00"}]}]}],
                "receivers": [{
                    "name": "team",
                    "opsgenieConfigs": [
                        {"apiKey": {"name": "s", "key": "k"}},
                        {"apiKey": {"name": "s", "key": "k"}, "httpConfig": {"bearerTokenSecret": {"name": "b", "key": "k"},
                            "basicAuth": {"password": {"name": "p", "key": "k", "optional": true}}}},
                    ],
                    "discordConfigs": [{"apiURL": {"name": "d", "key": "k", "optional": true}}],
                }],
            },
        });
        assert_eq!(convert(stored(), Version::V1beta1), expected);
    }

    #[test]
    fn nothing_is_lost_on_the_way_there_and_back() {
        let back = convert(convert(stored(), Version::V1beta1), Version::V1alpha1);
        let mut expected = stored();
        let spec = &mut expected["spec"];
        spec["route"]["routes"][0]["matchers"] = json!([{"name": "c", "value": "d.*", "matchType": "=~"}, {"name": "e", "matchType": "="}]);
        spec["inhibitRules"] = json!([{"sourceMatch": [{"name": "x", "matchType": "="}], "targetMatch": [{"name": "y", "matchType": "!~"}]}]);
        assert_eq!(back, expected);
    }

    #[test]
    fn what_was_kept_goes_where_its_holder_still_is() {
        let mut shown = convert(stored(), Version::V1beta1);
        shown["metadata"]["annotations"]["mine"] = json!("1");
        let receiver = &mut shown["spec"]["receivers"][0];
        receiver["opsgenieConfigs"] = json!([{"apiURL": "http://x"}]);
        let back = convert(shown, Version::V1alpha1);
        assert_eq!(back["metadata"]["annotations"], json!({"mine": "1"}));
        let config = json!([{"apiURL": "http://x", "updateAlerts": true}]);
        assert_eq!(back["spec"]["receivers"][0]["opsgenieConfigs"], config);
    }

    #[test]
    fn what_is_no_object_comes_back_as_it_is() {
        for odd in [json!(null), json!([1]), json!("a")] {
            assert_eq!(convert(odd.clone(), Version::V1beta1), odd);
            assert_eq!(convert(odd.clone(), Version::V1alpha1), odd);
        }
        let odd = json!({"metadata": {"annotations": {KEPT: "{"}}, "spec": {"receivers": [1, {"a": [1]}], "route": [], "inhibitRules": {}}});
        let back = convert(odd, Version::V1alpha1);
        assert_eq!(back["metadata"], json!({}));
        assert_eq!(Version::of("monitoring.coreos.com/v1"), None);
        assert_eq!(Version::of("other/v1beta1"), None);
    }
}
