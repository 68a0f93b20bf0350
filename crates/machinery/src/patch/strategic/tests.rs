use serde_json::{Value, json};

use super::*;

fn ty(group: &str, kind: &str) -> TypeId {
    TypeTable::builtin().type_of(group, "v1", kind).unwrap()
}

fn pod_spec(live: impl Into<Value>, patch: impl Into<Value>) -> Result<Value, PatchError> {
    let (live, patch) = (
        json!({ "spec": live.into() }),
        json!({ "spec": patch.into() }),
    );
    apply(&live, &patch, ty("", "Pod")).map(|mut pod| pod["spec"].take())
}

fn metadata(live: impl Into<Value>, patch: impl Into<Value>) -> Result<Value, PatchError> {
    let (live, patch) = (
        json!({ "metadata": live.into() }),
        json!({ "metadata": patch.into() }),
    );
    apply(&live, &patch, ty("", "ConfigMap")).map(|mut object| object["metadata"].take())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

#[test]
fn maps_merge_and_null_deletes() {
    let result = metadata(
        json!({"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}}),
        json!({"labels": {"b": null, "c": "3"}, "annotations": null}),
    );
    assert_eq!(result, Ok(json!({"labels": {"a": "1", "c": "3"}})));
}

#[test]
fn lists_merge_by_key_with_the_patch_first() {
    let result = pod_spec(
        json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
        json!({"containers": [{"name": "n", "image": "3"}, {"name": "b", "image": "4"}]}),
    );
    assert_eq!(
        result,
        Ok(json!({"containers": [
            {"name": "n", "image": "3"}, {"name": "a", "image": "1"}, {"name": "b", "image": "4"}]}))
    );
}

#[test]
fn scalars_of_a_merging_list_are_united() {
    let result = metadata(json!({"finalizers": ["q"]}), json!({"finalizers": ["r"]}));
    assert_eq!(result, Ok(json!({"finalizers": ["r", "q"]})));
    let result = metadata(
        json!({"finalizers": ["q", "r", "s"]}),
        json!({"$deleteFromPrimitiveList/finalizers": ["r", "t"]}),
    );
    assert_eq!(result, Ok(json!({"finalizers": ["q", "s"]})));
}

#[test]
fn other_lists_are_replaced() {
    let result = pod_spec(
        json!({"tolerations": [{"key": "a"}], "containers": [{"name": "c", "args": ["1"]}]}),
        json!({"tolerations": [{"key": "b"}], "containers": [{"name": "c", "args": ["2"]}]}),
    );
    assert_eq!(
        result,
        Ok(json!({"tolerations": [{"key": "b"}], "containers": [{"name": "c", "args": ["2"]}]}))
    );
}

#[test]
fn merge_keys_are_those_of_the_types() {
    let merged = |field: &str, live: Value, patch: Value, kind: &str, group: &str| {
        let (live, patch) = (
            json!({"spec": {field: live}}),
            json!({"spec": {field: patch}}),
        );
        apply(&live, &patch, ty(group, kind)).unwrap()["spec"][field]
            .as_array()
            .unwrap()
            .len()
    };
    let cases = [
        (
            "ports",
            json!([{"port": 80, "name": "a"}]),
            json!([{"port": 80, "name": "b"}]),
            "Service",
            "",
        ),
        (
            "volumes",
            json!([{"name": "v"}]),
            json!([{"name": "v", "emptyDir": {}}]),
            "Pod",
            "",
        ),
        (
            "imagePullSecrets",
            json!([{"name": "v"}]),
            json!([{"name": "v"}]),
            "Pod",
            "",
        ),
        (
            "hostAliases",
            json!([{"ip": "1"}]),
            json!([{"ip": "1", "hostnames": ["h"]}]),
            "Pod",
            "",
        ),
        (
            "topologySpreadConstraints",
            json!([{"topologyKey": "k", "maxSkew": 1}]),
            json!([{"topologyKey": "k", "maxSkew": 2}]),
            "Pod",
            "",
        ),
    ];
    for (field, live, patch, kind, group) in cases {
        assert_eq!(merged(field, live, patch, kind, group), 1, "{field}");
    }
}

#[test]
fn directives_in_maps_replace_or_empty() {
    let result = pod_spec(
        json!({"securityContext": {"runAsUser": 1, "fsGroup": 2}}),
        json!({"securityContext": {"$patch": "replace", "runAsUser": 3}}),
    );
    assert_eq!(result, Ok(json!({"securityContext": {"runAsUser": 3}})));
    let result = pod_spec(
        json!({"securityContext": {"runAsUser": 1}}),
        json!({"securityContext": {"$patch": "delete"}}),
    );
    assert_eq!(result, Ok(json!({"securityContext": {}})));
    let result = pod_spec(json!({}), json!({"securityContext": {"$patch": "merge"}}));
    assert_eq!(result, Ok(json!({})));
    let error = apply(
        &json!({"metadata": {}}),
        &json!({"metadata": {"$patch": "foo"}}),
        ty("apps", "Deployment"),
    );
    assert_eq!(
        error.unwrap_err(),
        PatchError::Internal("unknown patch type: foo in map: map[$patch:foo]".into())
    );
}

#[test]
fn directives_in_lists_delete_or_replace() {
    let live = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let result = pod_spec(
        live.clone(),
        json!({"containers": [{"$patch": "delete", "name": "a"}]}),
    );
    assert_eq!(result, Ok(json!({"containers": [{"name": "b"}]})));
    let result = pod_spec(
        live,
        json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
    );
    assert_eq!(result, Ok(json!({"containers": [{"name": "c"}]})));
}

#[test]
fn an_element_needs_its_merge_key() {
    let error = pod_spec(
        json!({"containers": [{"name": "a"}]}),
        json!({"containers": [{"image": "x"}]}),
    );
    assert_eq!(
        error.unwrap_err(),
        PatchError::Internal("map: map[image:x] does not contain declared merge key: name".into())
    );
}

#[test]
fn set_element_order_puts_the_list_in_order() {
    let live = json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
    let patch = json!({
        "$setElementOrder/containers": [{"name": "c"}, {"name": "n"}, {"name": "a"}],
        "containers": [{"name": "n"}],
    });
    let result = pod_spec(live.clone(), patch).unwrap();
    assert_eq!(names(&result["containers"]), ["b", "c", "n", "a"]);
    let patch = json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]});
    let result = pod_spec(live.clone(), patch).unwrap();
    assert_eq!(names(&result["containers"]), ["b", "a", "c"]);
    let patch = json!({
        "$setElementOrder/containers": [{"name": "n"}],
        "containers": [{"name": "c", "image": "q"}],
    });
    assert_eq!(
        pod_spec(live, patch).unwrap_err(),
        PatchError::Internal(
            "The order in patch list:\n[map[image:q name:c]]\n doesn't match $setElementOrder list:\n[map[name:n]]\n".into()
        )
    );
}

#[test]
fn retain_keys_clears_the_other_members_of_a_union() {
    let deployment = ty("apps", "Deployment");
    let live =
        json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    assert_eq!(
        apply(&live, &patch, deployment),
        Ok(json!({"spec": {"strategy": {"type": "Recreate"}}}))
    );
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": {}}}});
    assert_eq!(
        apply(&live, &patch, deployment),
        Err(PatchError::Malformed(
            "invalid patch format of retainKeys".into()
        ))
    );
}

#[test]
fn a_diff_applied_to_the_old_gives_the_new() {
    let old = json!({
        "metadata": {"labels": {"a": "1"}, "finalizers": ["x", "y"]},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            "template": {"spec": {"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}]}},
        },
    });
    let new = json!({
        "metadata": {"labels": {"b": "2"}, "finalizers": ["z", "y"]},
        "spec": {
            "strategy": {"type": "Recreate"},
            "template": {"spec": {"containers": [{"name": "c"}, {"name": "a", "image": "2", "args": ["y"]}]}},
        },
    });
    let deployment = ty("apps", "Deployment");
    let patch = two_way_diff(&old, &new, deployment).unwrap();
    assert_eq!(
        patch,
        json!({
            "metadata": {
                "labels": {"a": null, "b": "2"},
                "finalizers": ["z"],
                "$deleteFromPrimitiveList/finalizers": ["x"],
                "$setElementOrder/finalizers": ["z", "y"],
            },
            "spec": {
                "replicas": null,
                "strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": null},
                "template": {"spec": {
                    "containers": [
                        {"name": "c"},
                        {"name": "a", "image": "2", "args": ["y"]},
                        {"name": "b", "$patch": "delete"},
                    ],
                    "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
                }},
            },
        })
    );
    assert_eq!(apply(&old, &patch, deployment), Ok(new.clone()));
    assert_eq!(two_way_diff(&old, &old, deployment), Ok(json!({})));
}

/// What is left of a patch of a Deployment.
fn left(live: impl Into<Value>, patch: impl Into<Value>) -> Value {
    let mut patch = patch.into();
    apply_leaving(&live.into(), &mut patch, ty("apps", "Deployment")).unwrap();
    patch
}

#[test]
fn directives_that_were_obeyed_leave_the_patch() {
    let metadata = json!({"metadata": {"finalizers": ["q"], "labels": {"a": "1"}}});
    for (live, patch, expected) in [
        (
            json!({}),
            json!({"$patch": "replace", "data": {}}),
            json!({"data": {}}),
        ),
        (
            json!({"spec": {"strategy": {"type": "x"}}}),
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        ),
        // An ordered list leaves with its order.
        (
            metadata.clone(),
            json!({"metadata": {"$setElementOrder/finalizers": ["p", "q"], "finalizers": ["p"]}}),
            json!({"metadata": {}}),
        ),
        // Where nothing is live, nulls and directives mean nothing; elsewhere they stay.
        (
            metadata.clone(),
            json!({"metadata": {"annotations": {"a": null, "b": {"$patch": "delete"}, "c": "d"}, "labels": {"a": null}}}),
            json!({"metadata": {"annotations": {"c": "d"}, "labels": {"a": null}}}),
        ),
        (
            metadata,
            json!({"metadata": {"labels": {"$patch": "delete"}, "$deleteFromPrimitiveList/finalizers": ["q"]}}),
            json!({"metadata": {"labels": {"$patch": "delete"}, "$deleteFromPrimitiveList/finalizers": ["q"]}}),
        ),
    ] {
        assert_eq!(left(live, patch.clone()), expected, "{patch}");
    }
}

#[test]
fn elements_of_a_patch_are_seen_as_they_were_merged() {
    let live = json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}});
    let patch =
        |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    assert_eq!(
        left(
            live,
            patch(json!([
                {"name": "a", "$retainKeys": ["name", "image"], "image": "1"},
                {"$patch": "delete", "name": "gone"},
                {"name": "b", "image": "2"},
                {"name": "b", "tty": true},
            ]))
        ),
        patch(json!([
            {"name": "a", "image": "1"},
            {"$patch": "delete", "name": "gone"},
            // Two elements with one key are one.
            {"name": "b", "image": "2", "tty": true},
            {"name": "b", "tty": true},
        ]))
    );
}

/// As Go does it: each element is compared with all behind it, and the last takes the place of one that goes.
fn compared_with_all(mut list: Vec<Value>) -> Vec<Value> {
    let mut at = 0;
    while at < list.len() {
        let mut other = at + 1;
        while other < list.len() {
            if list[at] == list[other] {
                list.swap_remove(other);
            } else {
                other += 1;
            }
        }
        at += 1;
    }
    list
}

#[test]
fn duplicates_go_in_the_order_in_which_go_takes_them_away() {
    for length in 0..=8 {
        for number in 0..3_usize.pow(length) {
            let digits = (0..length).map(|digit| number / 3_usize.pow(digit) % 3);
            let list: Vec<Value> = digits.map(|digit| json!(digit)).collect();
            assert_eq!(
                order::deduplicate(list.clone()),
                compared_with_all(list.clone()),
                "{list:?}"
            );
        }
    }
    let many: Vec<Value> = (0..300_000).map(|n| json!(n % 100_000)).collect();
    assert_eq!(order::deduplicate(many).len(), 100_000);
}

#[test]
fn a_hundred_thousand_elements_are_merged_without_comparing_all_with_all() {
    let named = |numbers: std::ops::Range<usize>, key: &str, value: &str| -> Vec<Value> {
        numbers
            .map(|n| json!({"name": format!("c{n}"), key: value}))
            .collect()
    };
    let live = json!({"containers": named(0..60_000, "image", "a")});
    let mut patch = named(30_000..90_000, "image", "b");
    patch.reverse();
    patch.extend(named(0..20_000, "$patch", "delete"));
    let mut order = named(20_000..90_000, "x", "y");
    order.reverse();
    let merged = |patch: Value| pod_spec(live.clone(), patch).unwrap()["containers"].take();
    let plain = merged(json!({"containers": patch}));
    assert_eq!(names(&plain).len(), 70_000);
    let ordered = merged(json!({"containers": patch, "$setElementOrder/containers": order}));
    let ordered = names(&ordered);
    assert_eq!(
        (ordered.len(), ordered[0], ordered[69_999]),
        (70_000, "c89999", "c20000")
    );
    let texts = |numbers: std::ops::Range<usize>| -> Vec<String> {
        numbers.map(|n| format!("f{n}")).collect()
    };
    let live = json!({"finalizers": texts(0..100_000)});
    let united = metadata(live.clone(), json!({"finalizers": texts(50_000..150_000)}));
    assert_eq!(
        united.unwrap()["finalizers"].as_array().unwrap().len(),
        150_000
    );
    let gone = json!({"$deleteFromPrimitiveList/finalizers": texts(1..100_000)});
    assert_eq!(metadata(live, gone), Ok(json!({"finalizers": ["f0"]})));
}
