//! Server-side apply and who owns what, as a client sees it.

use machinery::apply::FieldSet;
use serde_json::{Value, json};

use super::*;

const APPLY: &str = "application/apply-patch+yaml";
const CONFIG_MAP: &str = "/api/v1/namespaces/default/configmaps/c";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn apply(server: &mut Server, path: &str, body: &Value) -> (u16, Value) {
    match server.raw("PATCH", path, &body.to_string(), APPLY) {
        Reply::Full(response) => (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        ),
        other => panic!("{other:?}"),
    }
}

fn applied(server: &mut Server, path: &str, body: &Value) -> Value {
    let (status, object) = apply(server, path, body);
    assert!(status < 300, "{path}: {object}");
    object
}

fn data(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

/// `manager operation [subresource] [version]: fields`, one line per entry.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let fields = FieldSet::from_value(&entry["fieldsV1"]).unwrap();
            let words = [
                text("manager"),
                text("operation"),
                text("subresource"),
                text("apiVersion"),
            ];
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let fields = fields.to_string().replace('\n', " ");
            format!("{}: {fields}", words.join(" "))
        })
        .collect()
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"a": "x"}}, "template": {"metadata": {"labels": {"a": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

#[test]
fn an_apply_creates_and_the_same_again_changes_nothing() {
    let mut server = Server::new();
    let path = format!("{CONFIG_MAP}?fieldManager=m");
    let (status, made) = apply(&mut server, &path, &data(&json!({"x": "1"})));
    assert_eq!(status, 201);
    assert_eq!(owners(&made), ["m Apply v1: .data.x"]);
    server.wait(5);
    let (status, again) = apply(&mut server, &path, &data(&json!({"x": "1"})));
    assert_eq!(status, 200);
    assert_eq!(again, made);
    server.wait(5);
    let mut linked = data(&json!({"x": "1"}));
    linked["metadata"]["selfLink"] = json!("x");
    let written = applied(&mut server, &path, &linked);
    let of = |object: &Value| {
        let metadata = &object["metadata"];
        let time = metadata["managedFields"][0]["time"].clone();
        (metadata["resourceVersion"].clone(), time)
    };
    assert_eq!(written["metadata"].get("selfLink"), None);
    assert!(of(&written).0 != of(&made).0 && of(&written).1 != of(&made).1);
    server.wait(5);
    let changed = applied(&mut server, &path, &data(&json!({"y": "1"})));
    assert_eq!(changed["data"], json!({"y": "1"}));
    assert_ne!(
        changed["metadata"]["managedFields"][0]["time"],
        made["metadata"]["managedFields"][0]["time"]
    );
}

#[test]
fn what_another_applied_is_a_conflict_until_it_is_forced() {
    let mut server = Server::new();
    let (one, two) = (
        format!("{CONFIG_MAP}?fieldManager=one"),
        format!("{CONFIG_MAP}?fieldManager=two"),
    );
    applied(&mut server, &one, &data(&json!({"x": "1", "y": "1"})));
    let (status, refused) = apply(&mut server, &two, &data(&json!({"x": "2"})));
    assert_eq!(status, 409);
    assert_eq!(
        refused,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409,
            "reason": "Conflict", "message": "Apply failed with 1 conflict: conflict with \"one\": .data.x",
            "details": {"causes": [{"reason": "FieldManagerConflict", "message": "conflict with \"one\"",
                "field": ".data.x"}]}})
    );
    let forced = applied(
        &mut server,
        &format!("{two}&force=true"),
        &data(&json!({"x": "2"})),
    );
    assert_eq!(forced["data"], json!({"x": "2", "y": "1"}));
    assert_eq!(
        owners(&forced),
        ["one Apply v1: .data.y", "two Apply v1: .data.x"]
    );
}

#[test]
fn other_writes_take_what_they_change() {
    let mut server = Server::new();
    server.ok(
        "POST",
        CONFIG_MAPS,
        &json!({"metadata": {"name": "c"}, "data": {"x": "1", "y": "1"}}),
    );
    server.wait(1);
    let patched = server.ok(
        "PATCH",
        &format!("{CONFIG_MAP}?fieldManager=p"),
        &json!({"data": {"x": "2", "y": null}}),
    );
    assert_eq!(
        owners(&patched),
        ["chk Update v1: .data", "p Update v1: .data.x"]
    );
    server.wait(1);
    let same = server.ok(
        "PATCH",
        &format!("{CONFIG_MAP}?fieldManager=q"),
        &json!({"data": {"x": "2"}}),
    );
    assert_eq!(same, patched);
    let reset = server.ok(
        "PATCH",
        CONFIG_MAP,
        &json!({"metadata": {"managedFields": [{}]}}),
    );
    assert_eq!(owners(&reset), [""; 0]);
    let untracked = server.ok("PATCH", CONFIG_MAP, &json!({"data": {"x": "3"}}));
    assert_eq!(owners(&untracked), [""; 0]);
    // Entries as the client wants them, and none of them again.
    let entry = json!({"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:x": {}}}});
    let given = json!({"metadata": {"managedFields": [entry]}});
    let given = server.ok("PATCH", CONFIG_MAP, &given);
    assert_eq!(owners(&given), ["x Update v1: .data.x"]);
    let none = json!({"metadata": {"managedFields": []}});
    let untracked = server.ok("PATCH", CONFIG_MAP, &none);
    assert_eq!(owners(&untracked), [""; 0]);
    let tracked = applied(
        &mut server,
        &format!("{CONFIG_MAP}?fieldManager=m"),
        &data(&json!({"z": "1"})),
    );
    assert_eq!(
        owners(&tracked),
        [
            "m Apply v1: .data.z",
            "before-first-apply Update v1: .data .data.x"
        ]
    );
}

#[test]
fn the_eleventh_updater_joins_the_ancient_changes() {
    let mut server = Server::new();
    let first = json!({"metadata": {"name": "c"}, "data": {"k": "v"}});
    server.ok("POST", CONFIG_MAPS, &first);
    let mut last = Value::Null;
    for number in 0..12 {
        server.wait(1);
        let path = format!("{CONFIG_MAP}?fieldManager=m{number:02}");
        let key = format!("k{number:02}");
        last = server.ok("PATCH", &path, &json!({"data": {key: "v"}}));
    }
    let found = owners(&last);
    assert_eq!(found.len(), 10, "{found:?}");
    assert_eq!(
        found[0],
        "ancient-changes Update v1: .data .data.k .data.k00 .data.k01 .data.k02"
    );
}

#[test]
fn a_status_is_owned_through_its_endpoint_alone() {
    let mut server = Server::new();
    let mut pod = pod("p");
    pod["status"] = json!({"phase": "Running"});
    let made = server.ok("POST", PODS, &pod);
    assert!(!owners(&made)[0].contains(".status"), "{:?}", owners(&made));
    server.wait(1);
    let path = format!("{PODS}/p");
    let changed = server.ok(
        "PATCH",
        &format!("{path}/status?fieldManager=s"),
        &json!({"status": {"phase": "Running"}, "spec": {"activeDeadlineSeconds": 5}}),
    );
    assert_eq!(owners(&changed)[1], "s Update status v1: .status.phase");
    let config = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "status": {"reason": "Because"}});
    let applied = applied(
        &mut server,
        &format!("{path}/status?fieldManager=t"),
        &config,
    );
    assert_eq!(applied["status"]["reason"], "Because");
    assert_eq!(owners(&applied)[0], "t Apply status v1: .status.reason");
    let absent = format!("{PODS}/q/status?fieldManager=t");
    let mut config = config;
    config["metadata"]["name"] = json!("q");
    assert_eq!(apply(&mut server, &absent, &config).0, 404);
}

#[test]
fn a_binding_is_owned_by_nobody() {
    let mut server = Server::new();
    let made = server.ok("POST", PODS, &pod("p"));
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    server.ok("POST", &format!("{PODS}/p/binding"), &binding);
    let bound = server.get(&format!("{PODS}/p"));
    assert_eq!(bound["spec"]["nodeName"], "n");
    assert_eq!(owners(&bound), owners(&made));
}

#[test]
fn replicas_are_owned_through_the_scale_as_well() {
    let mut server = Server::new();
    let path = format!("{DEPLOYMENTS}/d");
    applied(
        &mut server,
        &format!("{path}?fieldManager=m"),
        &deployment(),
    );
    let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"},
        "spec": {"replicas": 3}});
    let scale_path = format!("{path}/scale?fieldManager=s");
    let (status, refused) = apply(&mut server, &scale_path, &scale);
    assert_eq!(
        (status, refused["message"].as_str().unwrap()),
        (
            409,
            "Apply failed with 1 conflict: conflict with \"m\": .spec.replicas"
        )
    );
    server.ok("PUT", &scale_path, &scale);
    let scaled = server.get(&path);
    assert_eq!(
        owners(&scaled).last().unwrap(),
        "s Update scale apps/v1: .spec.replicas"
    );
    assert!(!owners(&scaled)[0].contains("replicas"));
    let entries = scaled["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.last().unwrap()["time"], Value::Null);
    let forced = applied(&mut server, &format!("{scale_path}&force=true"), &scale);
    assert_eq!(forced["kind"], "Scale");
    let found = owners(&server.get(&path));
    assert!(
        found.contains(&"s Apply scale apps/v1: .spec.replicas".to_owned()),
        "{found:?}"
    );
}

#[test]
fn what_an_apply_leaves_out_goes_and_defaults_come_back() {
    let mut server = Server::new();
    let path = format!("{DEPLOYMENTS}/d?fieldManager=m");
    applied(&mut server, &path, &deployment());
    let mut less = deployment();
    less["spec"].as_object_mut().unwrap().remove("replicas");
    less["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "e", "value": "v"}]);
    let changed = applied(&mut server, &path, &less);
    assert_eq!(changed["spec"]["replicas"], 1);
    less["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("env");
    let changed = applied(&mut server, &path, &less);
    assert_eq!(
        changed["spec"]["template"]["spec"]["containers"][0]["env"],
        Value::Null
    );
}

pub(super) fn definition(map_type: &str) -> Value {
    json!({"metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"}, "versions": [{"name": "v1", "served": true, "storage": true,
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {
                    "size": {"type": "integer"},
                    "labels": {"type": "object", "x-kubernetes-map-type": map_type,
                        "additionalProperties": {"type": "string"}},
                    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}}},
                "status": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
}

pub(super) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THING: &str = "/apis/example.com/v1/namespaces/default/things/t";

/// The controllers' part: names accepted, established.
pub(super) fn establish(server: &mut Server) {
    let path = format!("{DEFINITIONS}/things.example.com/status");
    let status = json!({"status": {"acceptedNames": {"plural": "things", "kind": "Thing", "singular": "thing",
        "listKind": "ThingList"}, "conditions": [
            {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "",
                "lastTransitionTime": "2030-01-01T00:00:00Z"},
            {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": "",
                "lastTransitionTime": "2030-01-01T00:00:00Z"}]}});
    server.ok("PATCH", &path, &status);
}

fn thing(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec})
}

#[test]
fn an_object_of_another_kind_has_its_lists_looked_at_and_not_its_types() {
    let mut server = Server::new();
    server.ok("POST", DEFINITIONS, &definition("granular"));
    establish(&mut server);
    let things = THING.trim_end_matches("/t");
    let mut other = thing(&json!({"size": "text", "set": ["x", "x"]}));
    other["kind"] = json!("Twice");
    let told = "Twice.example.com \"t\" is invalid: [kind: Invalid value: \"Twice\": must be Thing, \
        spec.set[1]: Duplicate value: \"x\"]";
    let (status, reply) = server.call("POST", things, &other);
    assert_eq!((status, &reply["message"]), (422, &json!(told)));
    let made = server.ok("POST", things, &thing(&json!({"size": 1})));
    other["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    let (status, reply) = server.call("PUT", THING, &other);
    assert_eq!((status, &reply["message"]), (422, &json!(told)));
}

#[test]
fn custom_resources_are_merged_by_their_own_schema() {
    let mut server = Server::new();
    server.ok("POST", DEFINITIONS, &definition("granular"));
    establish(&mut server);
    let (one, two) = (
        format!("{THING}?fieldManager=one"),
        format!("{THING}?fieldManager=two"),
    );
    let spec = json!({"size": 1, "labels": {"a": "1"}, "set": ["x"]});
    assert_eq!(apply(&mut server, &one, &thing(&spec)).0, 201);
    let spec = json!({"labels": {"b": "1"}, "set": ["y"]});
    let both = applied(&mut server, &two, &thing(&spec));
    assert_eq!(both["spec"]["labels"], json!({"a": "1", "b": "1"}));
    assert_eq!(both["spec"]["set"], json!(["x", "y"]));
    assert_eq!(
        owners(&both)[1],
        "two Apply example.com/v1: .spec.labels.b .spec.set[=\"y\"]"
    );
    // Through /status only the status, whose owners are kept.
    let status = json!({"status": {"size": 1}, "metadata": {"labels": {"l": "v"}}});
    let status = server.ok("PATCH", &format!("{THING}/status?fieldManager=s"), &status);
    assert_eq!(
        owners(&status)[2],
        "s Update status example.com/v1: .status .status.size"
    );
    // One owner's part goes with it, the other's stays.
    let less = applied(&mut server, &one, &thing(&json!({"size": 1})));
    assert_eq!(less["spec"]["labels"], json!({"b": "1"}));
    let none = applied(&mut server, &two, &thing(&json!({})));
    assert_eq!(none["spec"], json!({"size": 1}));
    // Scaled, through the path the definition gives; not by an apply.
    let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "t"},
        "spec": {"replicas": 2}});
    let path = format!("{THING}/scale?fieldManager=h&force=true");
    let (status, refused) = apply(&mut server, &path, &scale);
    assert_eq!(status, 500, "{refused}");
    let scale = json!({"spec": {"replicas": 4}});
    server.ok("PATCH", &format!("{THING}/scale?fieldManager=h"), &scale);
    let scaled = server.get(THING);
    assert_eq!(scaled["spec"]["size"], 4);
    assert!(
        owners(&scaled).contains(&"h Update scale example.com/v1: .spec.size".to_owned()),
        "{:?}",
        owners(&scaled)
    );
}

#[test]
fn ownership_follows_a_definition_that_becomes_atomic() {
    let mut server = Server::new();
    server.ok("POST", DEFINITIONS, &definition("granular"));
    establish(&mut server);
    let (one, two) = (
        format!("{THING}?fieldManager=one"),
        format!("{THING}?fieldManager=two"),
    );
    applied(&mut server, &one, &thing(&json!({"labels": {"a": "1"}})));
    server.ok(
        "PATCH",
        &format!("{DEFINITIONS}/things.example.com"),
        &json!({"spec": {"versions": definition("atomic")["spec"]["versions"]}}),
    );
    let (status, refused) = apply(&mut server, &two, &thing(&json!({"labels": {"b": "1"}})));
    assert_eq!(
        (status, refused["message"].as_str().unwrap()),
        (
            409,
            "Apply failed with 1 conflict: conflict with \"one\": .spec.labels"
        )
    );
}

#[test]
fn keys_given_twice_are_warned_about_and_applied() {
    let mut server = Server::new();
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: \"1\"}\ndata: {b: \"1\"}\n";
    let path = format!("{CONFIG_MAP}?fieldManager=m");
    let Reply::Full(reply) = server.raw("PATCH", &path, body, APPLY) else {
        panic!("no reply");
    };
    assert_eq!(reply.status, 201);
    let warning = reply.headers.get("warning").unwrap().to_str().unwrap();
    assert!(
        warning.contains(r#"line 5: key \"data\" already set in map"#),
        "{warning}"
    );
    assert_eq!(server.get(CONFIG_MAP)["data"], json!({"b": "1"}));
}

#[test]
fn empty_parts_of_applied_metadata_are_stored_and_not_read() {
    let mut server = Server::new();
    server.ok("POST", DEFINITIONS, &definition("granular"));
    establish(&mut server);
    let path = format!("{THING}?fieldManager=m");
    let mut labelled = |labels: Value| {
        let mut thing = thing(&json!({"size": 1}));
        thing["metadata"]["labels"] = labels;
        if thing["metadata"]["labels"].is_null() {
            thing["metadata"] = json!({"name": "t"});
        }
        let object = applied(&mut server, &path, &thing);
        assert_eq!(object["metadata"]["labels"], Value::Null);
        version(&object).to_owned()
    };
    let plain = labelled(Value::Null);
    assert_eq!(labelled(Value::Null), plain);
    let hollow = labelled(json!({}));
    assert_ne!(hollow, plain);
    let again = labelled(Value::Null);
    assert_ne!(again, hollow);
    assert_eq!(labelled(Value::Null), again);
}

#[test]
fn whole_numbers_of_a_definition_are_the_same_however_they_came() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "integer", "minimum": 0, "maximum": 10.0}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.zz.io"}, "spec": {"group": "zz.io", "scope": "Namespaced",
            "names": {"kind": "Foo", "plural": "foos", "singular": "foo", "listKind": "FooList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    for applied in [true, false] {
        let mut server = Server::new();
        let path = format!("{DEFINITIONS}/foos.zz.io");
        if applied {
            apply(&mut server, &format!("{path}?fieldManager=m"), &definition);
        } else {
            server.ok("POST", DEFINITIONS, &definition);
        }
        let annotation = json!({"metadata": {"annotations": {"a": "b"}}});
        let patched = server.ok("PATCH", &path, &annotation);
        assert_eq!(patched["metadata"]["generation"], 1, "{applied}");
        let bound =
            &patched["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(bound["maximum"].to_string(), "10");
        let put = server.ok("PUT", &path, &patched);
        assert_eq!(
            put["metadata"]["resourceVersion"], patched["metadata"]["resourceVersion"],
            "{applied}"
        );
    }
}
