//! The entries after writes: who, when, and in which order.

use super::*;

fn edited(old: &Value, manager: &str, now: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let versions = versions();
    let mut new = old.clone();
    edit(&mut new);
    let write = Write {
        now,
        ..write(&versions, manager)
    };
    update(&write, Some(old), &mut new);
    new
}

fn times(object: &Value) -> Vec<&str> {
    managed::entries(object)
        .iter()
        .map(|entry| entry["time"].as_str().unwrap_or_default())
        .collect()
}

#[test]
fn a_create_owns_what_it_set_with_the_parents_that_were_not_there() {
    let live = created(
        "m",
        &json!({"text": "a", "labels": {"a": "1"}, "set": ["x"]}),
    );
    assert_eq!(
        live["metadata"]["managedFields"],
        json!([{"manager": "m", "operation": "Update", "apiVersion": VERSION, "time": NOW, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {".": {}, "f:text": {}, "f:labels": {".": {}, "f:a": {}},
                "f:set": {".": {}, "v:\"x\"": {}}}}}])
    );
}

#[test]
fn an_update_takes_what_it_changes_and_moves_its_time_only_then() {
    let live = created("one", &json!({"text": "a", "count": 1}));
    let same = edited(&live, "one", LATER, |_| {});
    assert_eq!(same, live);
    let live = edited(&live, "two", LATER, |new| new["spec"]["count"] = json!(2));
    assert_eq!(
        owners(&live),
        ["one/Update: .spec .spec.text", "two/Update: .spec.count"]
    );
    assert_eq!(times(&live), [NOW, LATER]);
    let live = edited(&live, "one", LATER, |new| {
        new["spec"].as_object_mut().unwrap().remove("count");
    });
    assert_eq!(owners(&live), ["one/Update: .spec .spec.text"]);
    assert_eq!(times(&live), [NOW]);
}

#[test]
fn an_updater_keeps_what_it_changed_before() {
    let live = created("one", &json!({"text": "a", "count": 1}));
    let live = edited(&live, "two", NOW, |new| new["spec"]["count"] = json!(2));
    let live = edited(&live, "two", LATER, |new| new["spec"]["text"] = json!("b"));
    assert_eq!(
        owners(&live),
        ["one/Update: .spec", "two/Update: .spec.count .spec.text"]
    );
    assert_eq!(times(&live), [NOW, LATER]);
}

#[test]
fn a_manager_that_applies_and_updates_has_two_entries() {
    let live = applied(None, "m", &json!({"text": "a", "count": 1}));
    let live = edited(&live, "m", NOW, |new| new["spec"]["text"] = json!("b"));
    assert_eq!(
        owners(&live),
        ["m/Apply: .spec.count", "m/Update: .spec.text"]
    );
    let error = attempt(Some(&live), "m", &json!({"text": "a"}), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"m\" using example.com/v1: .spec.text"
    );
}

#[test]
fn a_second_apply_of_the_same_changes_nothing() {
    let config = json!({"text": "a", "items": [{"name": "x"}], "labels": {}});
    let live = applied(None, "m", &config);
    let versions = versions();
    let write = Write {
        now: LATER,
        ..write(&versions, "m")
    };
    let again = apply(&write, Some(&live), &thing(&config), false).unwrap();
    assert!(!again.changed);
    assert_eq!(again.object, live);
}

#[test]
fn an_entry_of_a_write_that_changed_nothing_has_no_time_and_comes_first() {
    let live = applied(None, "one", &json!({"text": "a"}));
    let live = applied(Some(&live), "two", &json!({"text": "a"}));
    assert_eq!(times(&live), ["", NOW]);
    assert!(owners(&live)[0].starts_with("two/"));
}

#[test]
fn an_object_without_entries_gets_them_at_its_first_apply() {
    let live = created("m", &json!({"text": "a", "count": 1}));
    let reset = edited(&live, "two", NOW, |new| {
        new["metadata"]["managedFields"] = json!([{}]);
        new["spec"]["count"] = json!(2);
    });
    assert_eq!(reset["metadata"].get("managedFields"), None);
    let untouched = edited(&reset, "two", NOW, |new| new["spec"]["count"] = json!(3));
    assert_eq!(untouched["metadata"].get("managedFields"), None);
    let live = applied(Some(&untouched), "m", &json!({"text": "a"}));
    assert_eq!(
        owners(&live),
        [
            "m/Apply: .spec.text",
            "before-first-apply/Update: .spec .spec.count .spec.text"
        ]
    );
    let error = attempt(Some(&untouched), "m", &json!({"text": "b"}), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using example.com/v1: .spec.text"
    );
}

#[test]
fn clients_may_edit_the_entries_but_not_lose_them_by_accident() {
    let live = created("m", &json!({"text": "a"}));
    let lost = edited(&live, "two", NOW, |new| {
        new["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
    });
    assert_eq!(owners(&lost), owners(&live));
    let wrong = edited(&live, "two", NOW, |new| {
        new["metadata"]["managedFields"][0]["operation"] = json!("Create");
    });
    assert_eq!(owners(&wrong), owners(&live));
    let renamed = edited(&live, "two", NOW, |new| {
        new["metadata"]["managedFields"][0]["manager"] = json!("you");
    });
    assert_eq!(owners(&renamed), ["you/Update: .spec .spec.text"]);
    let versions = versions();
    let status = Write {
        subresource: "status",
        ..write(&versions, "two")
    };
    let mut new = live.clone();
    new["metadata"]["managedFields"] = json!([{}]);
    update(&status, Some(&live), &mut new);
    assert_eq!(owners(&new), owners(&live));
}

#[test]
fn what_an_endpoint_cannot_set_it_does_not_own() {
    let versions = versions();
    let mut config = thing(&json!({"text": "a"}));
    config["status"] = json!({"ready": 1});
    let live = apply(&write(&versions, "m"), None, &config, false)
        .unwrap()
        .object;
    assert_eq!(owners(&live), ["m/Apply: .spec.text"]);
    let mut status = versions.clone();
    status.reset = ["spec", "metadata"]
        .map(|name| vec![PathElement::field(name)])
        .into_iter()
        .collect();
    let write = Write {
        subresource: "status",
        ..write(&status, "ctl")
    };
    let mut new = live.clone();
    new["status"] = json!({"ready": 2});
    new["spec"]["text"] = json!("b");
    update(&write, Some(&live), &mut new);
    assert_eq!(
        owners(&new),
        ["m/Apply: .spec.text", "ctl/Update: .status.ready"]
    );
    assert_eq!(managed::entries(&new)[1]["subresource"], json!("status"));
}

#[test]
fn more_than_ten_updaters_are_merged_from_the_oldest_on() {
    let mut live = created("m00", &json!({"labels": {"k00": ""}}));
    for index in 1..13 {
        let key = format!("k{index:02}");
        let now = format!("2030-01-01T00:00:{index:02}Z");
        let manager = format!("m{index:02}");
        live = edited(&live, &manager, &now, |new| {
            new["spec"]["labels"][key.as_str()] = json!("");
        });
    }
    let owners = owners(&live);
    assert_eq!(owners.len(), 10);
    assert_eq!(
        owners[0],
        "ancient-changes/Update: .spec .spec.labels .spec.labels.k00 .spec.labels.k01 .spec.labels.k02 .spec.labels.k03"
    );
    assert_eq!(times(&live)[0], "2030-01-01T00:00:03Z");
    assert_eq!(owners[9], "m12/Update: .spec.labels.k12");
}

#[test]
fn entries_are_sorted_by_operation_time_manager_version_and_subresource() {
    let entry = |manager: &str, operation: &str, time: &str, version: &str, subresource: &str| {
        json!({"manager": manager, "operation": operation, "apiVersion": version, "time": time,
            "subresource": subresource, "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}}})
    };
    let sorted = [
        entry("b", "Apply", NOW, "v1", "x"),
        entry("a", "Apply", LATER, "v1", "x"),
        entry("b", "Update", NOW, "v1", "x"),
        entry("a", "Update", LATER, "v1", "y"),
        entry("a", "Update", LATER, "v2", "x"),
        entry("c", "Update", LATER, "v1", "x"),
    ];
    let mut mixed = sorted.to_vec();
    mixed.reverse();
    let read = managed::decode(&mixed).unwrap();
    assert_eq!(managed::encode(&read), sorted);
}

#[test]
fn entries_that_cannot_be_read_say_why() {
    let entry = json!({"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"});
    let error = |key: &str, value: Value| {
        let mut entry = entry.clone();
        entry[key] = value;
        managed::decode(&[entry]).unwrap_err().to_string()
    };
    assert!(managed::decode(std::slice::from_ref(&entry)).is_ok());
    assert_eq!(
        error("operation", json!("Patch")),
        "operation must be `Apply` or `Update`"
    );
    assert_eq!(
        error("apiVersion", json!("")),
        "apiVersion must not be empty"
    );
    assert_eq!(
        error("fieldsType", json!("")),
        "missing fieldsType in managed fields entry 0"
    );
    assert_eq!(
        error("fieldsType", json!("V2")),
        "invalid fieldsType \"V2\" in managed fields entry 0"
    );
    assert!(error("fieldsV1", json!({"x": {}})).starts_with("error decoding set: "));
}

#[test]
fn times_alone_are_no_change() {
    let live = created("m", &json!({"text": "a"}));
    let mut new = live.clone();
    new["metadata"]["managedFields"][0]["time"] = json!(LATER);
    keep_times(&live, &mut new);
    assert_eq!(new, live);
    new["metadata"]["managedFields"][0]["time"] = json!(LATER);
    new["spec"]["text"] = json!("b");
    keep_times(&live, &mut new);
    assert_eq!(times(&new), [LATER]);
}
