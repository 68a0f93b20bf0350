use std::collections::BTreeMap;

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

/// A file of recorded answers, line by line; empty with a note where it is not there.
fn recorded(file: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../../shared/conformance/kubernetes/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    match std::fs::read_to_string(&path) {
        Ok(text) => text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        Err(error) => {
            eprintln!("skipped: {path}: {error}");
            Vec::new()
        }
    }
}

fn leaked(value: &Value) -> &'static str {
    Box::leak(value.as_str().unwrap().to_owned().into_boxed_str())
}

#[test]
fn columns_of_every_kind_are_those_of_the_reference() {
    for line in recorded("tables.ndjson") {
        let served = served(
            leaked(&line["group"]),
            leaked(&line["version"]),
            leaked(&line["resource"]),
        );
        let table = table(
            &served,
            &[],
            &json!({"resourceVersion": "7"}),
            &options(""),
            now(),
        )
        .unwrap();
        let mut columns = table["columnDefinitions"].clone();
        for column in columns.as_array_mut().unwrap() {
            column.as_object_mut().unwrap().remove("description");
        }
        assert_eq!(columns, line["columnDefinitions"], "{}", line["resource"]);
        assert_eq!(table["metadata"], json!({"resourceVersion": "7"}));
    }
}

/// Rows of objects nobody touched after they were made, against the rows recorded for them.
#[test]
fn rows_of_recorded_objects_are_those_of_the_reference() {
    let moving = [
        "pods",
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "replicationcontrollers",
        "nodes",
    ];
    let objects = recorded("defaults.ndjson");
    let mut compared = BTreeMap::new();
    for line in recorded("tables.ndjson") {
        if moving.contains(&line["resource"].as_str().unwrap()) {
            continue;
        }
        let served = served(
            leaked(&line["group"]),
            leaked(&line["version"]),
            leaked(&line["resource"]),
        );
        for row in line["rows"].as_array().unwrap() {
            let same = |object: &&Value| {
                object["resource"] == line["resource"]
                    && object["group"] == line["group"]
                    && object["version"] == line["version"]
                    && object["name"] == row["name"]
            };
            let Some(object) = objects.iter().find(same) else {
                continue;
            };
            let found = cells(&served, object["returned"].clone());
            let expected = row["cells"].as_array().unwrap();
            assert_eq!(
                found.len(),
                expected.len(),
                "{} {}",
                line["resource"],
                row["name"]
            );
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                let column = line["columnDefinitions"][index]["name"].as_str().unwrap();
                if !volatile(&served, column) {
                    assert_eq!(
                        found, expected,
                        "{} {} {column}",
                        line["resource"], row["name"]
                    );
                }
            }
            *compared.entry(line["resource"].to_string()).or_insert(0) += 1;
        }
    }
    assert!(compared.is_empty() || compared.len() > 25, "{compared:?}");
}

/// Cells that say something about the moment, or that a controller wrote later.
fn volatile(served: &Served, column: &str) -> bool {
    let later = match served.resource.plural.as_ref() {
        "namespaces" | "persistentvolumes" | "persistentvolumeclaims" => &["Status"][..],
        "poddisruptionbudgets" => &["Allowed Disruptions"],
        "resourcequotas" => &["Request", "Limit"],
        "services" => &["Cluster-IP", "Port(s)"],
        "events" => &["Last Seen", "First Seen"],
        "flowschemas" => &["MissingPL"],
        "certificatesigningrequests" => &["Requestor"],
        _ => &[],
    };
    column == "Age" || column == "Created At" || later.contains(&column)
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
