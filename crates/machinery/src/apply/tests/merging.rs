//! Objects merged, and what goes with its last owner.

use super::*;

fn letters(text: &str) -> Value {
    text.chars()
        .map(|letter| Value::from(letter.to_string()))
        .collect()
}

fn order(live: &str, config: &str) -> String {
    let object = created("other", &json!({"set": letters(live)}));
    let config = json!({"set": letters(config)});
    let merged = attempt(Some(&object), "m", &config, true).unwrap().object;
    let items = merged["spec"]["set"].as_array().unwrap().iter();
    items.map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn live_only_elements_keep_their_place_before_the_next_shared_one() {
    assert_eq!(order("abc", "cxa"), "bcxa");
    assert_eq!(order("abcd", "db"), "acdb");
    assert_eq!(order("acdb", "yadz"), "yacdbz");
    assert_eq!(order("", "ba"), "ba");
    assert_eq!(order("ab", ""), "ab");
    assert_eq!(order("abc", "abc"), "abc");
    // An element that occurs more than once is one that was merged when its first occurrence was.
    assert_eq!(order("aab", "ba"), "ba");
    assert_eq!(order("aaq", "ayz"), "ayqz");
}

#[test]
fn elements_of_a_list_map_merge_by_their_keys_defaults_included() {
    let live = created(
        "other",
        &json!({"items": [{"name": "a", "kind": "A", "value": "1"}, {"name": "a", "kind": "B"}]}),
    );
    let merged = applied(
        Some(&live),
        "m",
        &json!({"items": [{"name": "a", "inner": {"x": "2"}}, {"name": "b"}]}),
    );
    assert_eq!(
        merged["spec"]["items"],
        json!([
            {"name": "a", "kind": "A", "value": "1", "inner": {"x": "2"}},
            {"name": "a", "kind": "B"},
            {"name": "b"},
        ])
    );
}

#[test]
fn whole_values_are_replaced_and_maps_joined() {
    let live = created(
        "other",
        &json!({"labels": {"a": "1"}, "free": {"a": {"b": 1}, "l": [1]}}),
    );
    let config =
        json!({"labels": {"b": "2"}, "whole": {"b": "2"}, "args": ["z"], "free": {"a": {"c": 2}}});
    let merged = applied(Some(&live), "m", &config);
    assert_eq!(
        merged["spec"],
        json!({"labels": {"a": "1", "b": "2"}, "whole": {"b": "2"}, "args": ["z"],
            "free": {"a": {"b": 1, "c": 2}, "l": [1]}})
    );
    let again = applied(
        Some(&merged),
        "m",
        &json!({"whole": {"c": "3"}, "args": []}),
    );
    assert_eq!(again["spec"]["whole"], json!({"c": "3"}));
    assert_eq!(again["spec"]["args"], json!([]));
    assert_eq!(again["spec"]["labels"], json!({"a": "1"}));
}

#[test]
fn what_a_manager_no_longer_applies_goes_unless_somebody_owns_it() {
    let live = applied(
        None,
        "m",
        &json!({"text": "t", "labels": {"a": "1", "b": "2"}, "set": ["x", "y"], "items": [{"name": "a", "value": "v"}]}),
    );
    let live = applied(
        Some(&live),
        "other",
        &json!({"labels": {"b": "2"}, "set": ["y"]}),
    );
    let live = applied(Some(&live), "m", &json!({"count": 1}));
    assert_eq!(
        live["spec"],
        json!({"count": 1, "labels": {"b": "2"}, "set": ["y"]})
    );
    let live = applied(Some(&live), "other", &json!({}));
    assert_eq!(live["spec"], json!({"count": 1}));
    assert_eq!(
        owners(&live),
        ["m/Apply: .spec.count", "other/Apply: .spec"]
    );
}

#[test]
fn an_element_goes_with_its_owner_whatever_others_put_into_it() {
    let live = applied(None, "m", &json!({"items": [{"name": "a", "value": "v"}]}));
    let versions = versions();
    let mut new = live.clone();
    new["spec"]["items"][0]["inner"] = json!({"y": "1"});
    update(&write(&versions, "editor"), Some(&live), &mut new);
    let live = applied(Some(&new), "m", &json!({}));
    assert_eq!(live["spec"], json!({"items": null}));
    assert_eq!(owners(&live), ["m/Apply: .spec"]);
}

#[test]
fn an_unowned_field_stays() {
    let mut live = created("other", &json!({"labels": {"a": "1"}}));
    live["metadata"]["managedFields"] = json!([{"manager": "m", "operation": "Apply", "apiVersion": VERSION,
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:text": {}}}}]);
    let merged = applied(Some(&live), "m", &json!({"count": 1}));
    assert_eq!(merged["spec"], json!({"labels": {"a": "1"}, "count": 1}));
}

#[test]
fn built_in_lists_merge_by_the_keys_of_apply_not_of_patches() {
    let (versions, empty) = builtin("apps", "v1", "Deployment");
    let write = Write {
        versions: &versions,
        api_version: "apps/v1",
        kind: "Deployment",
        empty: &empty,
        manager: "m",
        subresource: "",
        now: NOW,
    };
    let config = |ports: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": {
            "containers": [{"name": "c", "ports": ports}]}}}})
    };
    let tcp = json!([{"containerPort": 53}]);
    let udp = json!([{"containerPort": 53, "protocol": "UDP"}]);
    let live = apply(&write, None, &config(tcp), false).unwrap().object;
    let write = Write {
        manager: "other",
        ..write
    };
    let merged = apply(&write, Some(&live), &config(udp), false)
        .unwrap()
        .object;
    assert_eq!(
        merged
            .pointer("/spec/template/spec/containers/0/ports")
            .unwrap(),
        &json!([{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}])
    );
    assert_eq!(
        owners(&merged)[0],
        "m/Apply: .spec.template.spec.containers[name=\"c\"] .spec.template.spec.containers[name=\"c\"].name \
         .spec.template.spec.containers[name=\"c\"].ports[containerPort=53,protocol=\"TCP\"] \
         .spec.template.spec.containers[name=\"c\"].ports[containerPort=53,protocol=\"TCP\"].containerPort"
    );
}
