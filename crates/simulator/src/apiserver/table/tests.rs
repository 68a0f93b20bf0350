use machinery::schema::TypeTable;
use serde_json::json;

use super::*;
use crate::apiserver::resource::Resource;

fn served(group: &'static str, version: &'static str, plural: &'static str) -> Served {
    let table = TypeTable::builtin();
    let entry = table
        .resources()
        .iter()
        .find(|entry| entry.group == group && entry.version == version && entry.plural == plural)
        .unwrap_or_else(|| panic!("no resource {group}/{version} {plural}"));
    Served {
        resource: Resource {
            group: group.into(),
            version: version.into(),
            kind: entry.kind.clone().into(),
            plural: plural.into(),
            namespaced: entry.namespaced,
        },
        table: format!("{group}/{plural}").into(),
        storage_version: version.into(),
        backing: Backing::Builtin {
            type_id: table.type_of(group, version, &entry.kind).unwrap(),
            entry,
        },
    }
}

fn options(include_object: &str) -> TableOptions {
    TableOptions {
        version: "v1".to_owned(),
        include_object: include_object.to_owned(),
        headers: true,
    }
}

#[test]
fn no_rows_are_none_where_a_kind_has_no_columns_of_its_own() {
    let rows = |served: &Served| {
        let table = table(served, &[], &json!({}), &options("Metadata"), now()).unwrap();
        table["rows"].clone()
    };
    let roles = served("rbac.authorization.k8s.io", "v1", "roles");
    assert_eq!(rows(&roles), Value::Null);
    assert_eq!(rows(&served("", "v1", "configmaps")), json!([]));
}

fn now() -> Timestamp {
    "2030-01-01T00:10:00Z".parse().unwrap()
}

fn cells(served: &Served, object: Value) -> Vec<Value> {
    let table = table(
        served,
        &[Arc::new(object)],
        &json!({}),
        &options("None"),
        now(),
    )
    .unwrap();
    table["rows"][0]["cells"].as_array().unwrap().clone()
}

fn pod(status: &Value) -> Value {
    json!({
        "metadata": {"name": "p", "creationTimestamp": "2030-01-01T00:00:00Z"},
        "spec": {"nodeName": "n", "containers": [{"name": "a"}, {"name": "b"}],
                 "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]},
        "status": status,
    })
}

#[test]
fn the_status_of_a_pod_sums_up_its_containers() {
    let running = json!({"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}});
    let ended = |code: i64, reason: &str| json!({"name": "b", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason}}});
    let init = |state: Value| json!([{"name": "i", "restartCount": 2, "state": state}]);
    let cases = [
        (json!({"phase": "Pending"}), "0/3", "Pending", "0"),
        (
            json!({"phase": "Failed", "reason": "Evicted"}),
            "0/3",
            "Evicted",
            "0",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": init(json!({"running": {}}))}),
            "0/3",
            "Init:0/2",
            "2",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": init(json!({"waiting": {"reason": "CrashLoopBackOff"}}))}),
            "0/3",
            "Init:CrashLoopBackOff",
            "2",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": init(json!({"terminated": {"exitCode": 3}}))}),
            "0/3",
            "Init:ExitCode:3",
            "2",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, ended(0, "Completed")]}),
            "1/3",
            "NotReady",
            "0",
        ),
        (
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [running, ended(0, "Completed")]}),
            "1/3",
            "Completed",
            "0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, ended(137, "OOMKilled")]}),
            "1/3",
            "OOMKilled",
            "0",
        ),
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            "0/3",
            "SchedulingGated",
            "0",
        ),
    ];
    let pods = served("", "v1", "pods");
    for (status, ready, text, restarts) in cases {
        let expected = json!([
            "p", ready, text, restarts, "10m", "<none>", "n", "<none>", "<none>"
        ]);
        let mut expected = expected;
        if text == "Completed" {
            expected[2] = json!("Running");
        }
        assert_eq!(
            Value::Array(cells(&pods, pod(&status))),
            expected,
            "{status}"
        );
    }
}

#[test]
fn restarts_say_when_the_last_one_was() {
    let status = json!({"phase": "Running", "containerStatuses": [
        {"name": "a", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
         "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2029-12-27T00:00:00Z"}}},
    ]});
    let cells = cells(&served("", "v1", "pods"), pod(&status));
    assert_eq!(
        (&cells[2], &cells[3]),
        (&json!("CrashLoopBackOff"), &json!("3 (5d ago)"))
    );
}

#[test]
fn finished_pods_have_a_row_condition() {
    let pods = served("", "v1", "pods");
    let object = Arc::new(pod(&json!({"phase": "Succeeded"})));
    let table = table(&pods, &[object], &json!({}), &options("Metadata"), now()).unwrap();
    let row = &table["rows"][0];
    let condition = json!({"type": "Completed", "status": "True", "reason": "Succeeded", "message": "The pod has completed successfully."});
    assert_eq!(row["conditions"], json!([condition]));
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"].get("spec"), None);
}

#[test]
fn an_unknown_way_to_include_objects_is_refused() {
    let error = table(
        &served("", "v1", "pods"),
        &[Arc::new(json!({}))],
        &json!({}),
        &options("All"),
        now(),
    )
    .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (400, r#"unrecognized includeObject value: "All""#)
    );
}

#[test]
fn columns_of_custom_resources_follow_their_json_paths() {
    let columns = [
        json!({"name": "R", "type": "integer", "jsonPath": ".spec.replicas", "description": "the r"}),
        json!({"name": "S", "type": "string", "jsonPath": ".spec.tpl", "priority": 1}),
        json!({"name": "F", "type": "string", "jsonPath": ".spec.items[*].name"}),
        json!({"name": "B", "type": "boolean", "jsonPath": ".spec.name"}),
        json!({"name": "D", "type": "date", "jsonPath": ".status.at"}),
        json!({"name": "N", "type": "number", "jsonPath": ".spec.replicas"}),
        json!({"name": "X", "type": "string", "jsonPath": ".spec.missing"}),
    ];
    let columns: Vec<PrinterColumn> = columns.iter().map(PrinterColumn::from_value).collect();
    let object = json!({
        "metadata": {"name": "f"},
        "spec": {"replicas": 3, "tpl": {"a": 1}, "items": [{"name": "one"}, {"name": "two"}], "name": "n"},
        "status": {"at": "2030-01-01T00:00:00Z"},
    });
    let cells = custom::cells(&columns, View::new(&object, now()));
    assert_eq!(
        Value::Array(cells),
        json!(["f", 3, r#"{"a":1}"#, "one", null, "10m", 3, null])
    );
    let definitions = custom::definitions(&columns);
    assert_eq!(
        definitions[1],
        json!({"name": "R", "type": "integer", "format": "", "description": "the r", "priority": 0})
    );
    assert_eq!(
        definitions[2]["description"],
        "Custom resource definition column (in JSONPath format): .spec.tpl"
    );
}

#[test]
fn events_show_when_they_came_whichever_way_they_were_written() {
    let events = served("", "v1", "events");
    let event = |times: Value| {
        let mut event = json!({
            "metadata": {"name": "p.1"}, "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Warning", "reason": "R", "message": "m",
            "reportingComponent": "default-scheduler", "reportingInstance": "default-scheduler-h",
        });
        let fields = event.as_object_mut().unwrap();
        fields.extend(times.as_object().unwrap().clone());
        event
    };
    let row = |last: &str, source: &str, first: &str, count: i64| {
        let row = json!([
            last, "Warning", "R", "pod/p", "", source, "m", first, count, "p.1"
        ]);
        row.as_array().unwrap().clone()
    };
    let older = event(json!({
        "source": {"component": "c"}, "reportingInstance": "", "eventTime": null,
        "firstTimestamp": "2030-01-01T00:00:00Z", "lastTimestamp": "2030-01-01T00:08:00Z", "count": 3,
    }));
    assert_eq!(cells(&events, older), row("2m", "c", "10m", 3));
    let scheduler = "default-scheduler, default-scheduler-h";
    let times = json!({"source": {}, "eventTime": "2030-01-01T00:00:00.000001Z", "firstTimestamp": null, "lastTimestamp": null});
    let newer = event(times.clone());
    assert_eq!(cells(&events, newer), row("9m59s", scheduler, "9m59s", 1));
    let mut series = event(times);
    series["series"] = json!({"count": 2, "lastObservedTime": "2030-01-01T00:05:00.000000Z"});
    assert_eq!(cells(&events, series), row("5m", scheduler, "9m59s", 2));
}
