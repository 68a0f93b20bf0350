//! Conflicts, what force does, and configurations that do not fit.

use super::*;

fn refused(live: Option<&Value>, manager: &str, spec: &Value) -> String {
    attempt(live, manager, spec, false).unwrap_err().to_string()
}

#[test]
fn an_equal_value_is_shared_and_another_is_a_conflict() {
    let live = applied(None, "one", &json!({"text": "a", "count": 1}));
    let live = applied(Some(&live), "two", &json!({"text": "a"}));
    assert_eq!(
        owners(&live),
        ["two/Apply: .spec.text", "one/Apply: .spec.count .spec.text"]
    );
    assert_eq!(
        refused(Some(&live), "three", &json!({"text": "b"})),
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.text\nconflicts with \"two\":\n- .spec.text"
    );
    assert_eq!(
        refused(Some(&live), "two", &json!({"text": "b"})),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.text"
    );
}

#[test]
fn owners_by_update_are_named_with_version_and_subresource() {
    let live = created("one", &json!({"text": "a"}));
    let versions = versions();
    let mut new = live.clone();
    new["spec"]["labels"] = json!({"a": "1"});
    let status = Write {
        subresource: "status",
        ..write(&versions, "two")
    };
    update(&status, Some(&live), &mut new);
    let error = attempt(
        Some(&new),
        "m",
        &json!({"text": "b", "labels": {"a": "2"}}),
        false,
    );
    let Err(ApplyError::Conflicts(conflicts)) = error else {
        panic!("{error:?}");
    };
    let causes: Vec<(String, String)> = conflicts
        .0
        .iter()
        .map(|conflict| (conflict.message(), conflict.field()))
        .collect();
    assert_eq!(
        causes,
        [
            (
                "conflict with \"one\" using example.com/v1".to_owned(),
                ".spec.text".to_owned()
            ),
            (
                "conflict with \"two\" with subresource \"status\" using example.com/v1".to_owned(),
                ".spec.labels.a".to_owned()
            ),
        ]
    );
}

#[test]
fn force_takes_fields_over_and_leaves_the_rest() {
    let live = applied(
        None,
        "one",
        &json!({"text": "a", "items": [{"name": "x", "value": "1"}]}),
    );
    let config = json!({"text": "b", "items": [{"name": "x", "value": "2"}]});
    let out = attempt(Some(&live), "two", &config, true).unwrap();
    assert!(out.changed);
    assert_eq!(out.object["spec"]["text"], json!("b"));
    assert_eq!(
        owners(&out.object),
        [
            "one/Apply: .spec.items[kind=\"A\",name=\"x\"] .spec.items[kind=\"A\",name=\"x\"].name",
            "two/Apply: .spec.text .spec.items[kind=\"A\",name=\"x\"] .spec.items[kind=\"A\",name=\"x\"].name \
             .spec.items[kind=\"A\",name=\"x\"].value",
        ]
    );
    let live = applied(None, "one", &json!({"text": "a"}));
    let out = attempt(Some(&live), "two", &json!({"text": "b"}), true).unwrap();
    assert_eq!(owners(&out.object), ["two/Apply: .spec.text"]);
}

#[test]
fn what_does_not_fit_is_refused_in_the_servers_words() {
    let prefix = "failed to create typed patch object (n/t; example.com/v1, Kind=Thing): ";
    let cases = [
        (json!({"foo": 1}), ".spec.foo: field not declared in schema"),
        (
            json!({"text": 5}),
            ".spec.text: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (
            json!({"text": ["a"]}),
            ".spec.text: expected string, got &value.valueUnstructured{Value:[]interface {}{\"a\"}}",
        ),
        (
            json!({"count": "x"}),
            ".spec.count: expected numeric (int or float), got string",
        ),
        (json!({"flag": 1}), ".spec.flag: expected boolean, got &{1}"),
        (
            json!({"labels": "x"}),
            ".spec.labels: expected map, got &{x}",
        ),
        (
            json!({"set": {"a": 1}}),
            ".spec.set: expected list, got &{map[a:1]}",
        ),
        (
            json!({"set": ["a", "a"]}),
            ".spec.set: duplicate entries for key [=\"a\"]",
        ),
        (
            json!({"items": [{"name": "x"}, {"name": "x", "kind": "A"}]}),
            ".spec.items: duplicate entries for key [kind=\"A\",name=\"x\"]",
        ),
        (
            json!({"items": [null]}),
            ".spec.items: element 0: associative list with keys may not have a null element",
        ),
        (
            json!({"set": [null]}),
            ".spec.set: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            json!({"items": [{"name": "x", "value": 1}]}),
            ".spec.items[kind=\"A\",name=\"x\"].value: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            json!({"args": ["a", 1]}),
            ".spec.args[1]: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            json!({"text": 1, "count": "x"}),
            "errors:\n  .spec.count: expected numeric (int or float), got string\n  \
             .spec.text: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ];
    for (spec, text) in cases {
        assert_eq!(refused(None, "m", &spec), format!("{prefix}{text}"));
    }
}

#[test]
fn free_form_and_embedded_parts_take_what_they_should() {
    let spec = json!({
        "port": "http",
        "free": {"a": [1, {"b": null}], "c": {"d": true}},
        "embedded": {"apiVersion": "v1", "kind": "X", "metadata": {"labels": {"a": "1"}}, "spec": {"a": "1"}},
    });
    let live = applied(None, "m", &spec);
    assert_eq!(
        owners(&live),
        [
            "m/Apply: .spec.port .spec.embedded.apiVersion .spec.embedded.kind .spec.embedded.metadata.labels.a \
             .spec.embedded.spec.a .spec.free.a .spec.free.c .spec.free.c.d"
        ]
    );
    assert!(
        refused(None, "m", &json!({"embedded": {"foo": 1}}))
            .contains(".spec.embedded.foo: field not declared")
    );
}

#[test]
fn another_kind_and_entries_in_the_configuration_are_refused() {
    let versions = versions();
    let write = write(&versions, "m");
    let refused = |config: Value| apply(&write, None, &config, false).unwrap_err();
    assert_eq!(
        refused(json!({"apiVersion": "v1", "kind": "Secret"})),
        ApplyError::BadRequest("invalid object type: /v1, Kind=Secret".to_owned())
    );
    assert_eq!(
        refused(json!({})),
        ApplyError::BadRequest("invalid object type: /, Kind=".to_owned())
    );
    let mut config = thing(&json!({}));
    config["metadata"]["managedFields"] = json!([]);
    assert_eq!(
        refused(config),
        ApplyError::BadRequest("metadata.managedFields must be nil".to_owned())
    );
}

#[test]
fn kubectl_takes_over_what_it_applied_on_the_client_side() {
    let text = json!({"apiVersion": VERSION, "kind": "Thing", "metadata": {"name": "t"}, "spec": {"text": "a", "count": 1}});
    let mut live = thing(&json!({"text": "a", "count": 2}));
    live["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": text.to_string()});
    let versions = versions();
    update(
        &write(&versions, "kubectl-client-side-apply"),
        None,
        &mut live,
    );
    live["metadata"]["uid"] = json!("u");
    let taken = applied(Some(&live), "kubectl", &json!({"text": "b"}));
    assert_eq!(taken["spec"]["text"], json!("b"));
    let annotations = &taken["metadata"]["annotations"];
    assert_eq!(
        annotations["kubectl.kubernetes.io/last-applied-configuration"],
        json!(format!("{}\n", thing(&json!({"text": "b"}))))
    );
    assert_eq!(
        refused(Some(&live), "kubectl", &json!({"text": "b", "count": 3})),
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using example.com/v1: .spec.count"
    );
    assert!(refused(Some(&live), "other", &json!({"text": "b"})).contains("1 conflict"));
}
