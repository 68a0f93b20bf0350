//! What is stored outlives the schema it was stored under.

use serde_json::{Value, json};

use super::Server;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/x.example.com/v1/namespaces/default/things";

/// A server with a definition of that schema, established.
fn server(schema: &Value) -> Server {
    let mut server = Server::new();
    let definition = json!({"metadata": {"name": "things.x.example.com"}, "spec": {
        "group": "x.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    server.ok("POST", DEFINITIONS, &definition);
    let status = json!({"status": {
    "acceptedNames": {"plural": "things", "kind": "Thing", "listKind": "ThingList", "singular": "thing"},
    "conditions": [
        {"type": "NamesAccepted", "status": "True", "lastTransitionTime": null, "reason": "a", "message": "b"},
        {"type": "Established", "status": "True", "lastTransitionTime": null, "reason": "a", "message": "b"},
    ]}});
    let path = format!("{DEFINITIONS}/things.x.example.com/status");
    server.ok("PATCH", &path, &status);
    server
}

fn spec(properties: &Value) -> Value {
    json!({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}})
}

fn change_schema(server: &mut Server, schema: &Value) {
    let change = json!({"spec": {"versions": [
        {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    let path = format!("{DEFINITIONS}/things.x.example.com");
    server.ok("PATCH", &path, &change);
}

#[test]
fn what_was_stored_is_read_with_the_schema_of_today() {
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut server = server(&anything);
    let thing = json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "a"},
        "spec": {"gone": {"a": 1}, "n": null, "kept": 1}});
    server.ok("POST", THINGS, &thing);
    let name = format!("{THINGS}/a");
    let before = server.get(&name);
    assert_eq!(before["spec"], thing["spec"]);
    let strict = spec(&json!({
        "kept": {"type": "integer"}, "n": {"type": "string"}, "new": {"type": "string", "default": "d"}}));
    change_schema(&mut server, &strict);
    let read = server.get(&name);
    assert_eq!(read["spec"], json!({"kept": 1, "new": "d"}));
    assert_eq!(
        read["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    let listed = server.get(THINGS);
    assert_eq!(listed["items"][0]["spec"], read["spec"]);
    // What was stored comes back with its schema, as long as nothing is written.
    change_schema(&mut server, &anything);
    assert_eq!(server.get(&name)["spec"], thing["spec"]);
    change_schema(&mut server, &strict);
    // A patch that changes nothing stores what was read.
    let written = server.ok("PATCH", &name, &json!({}));
    assert_ne!(
        written["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    change_schema(&mut server, &anything);
    assert_eq!(server.get(&name)["spec"], json!({"kept": 1, "new": "d"}));
}

#[test]
fn metadata_of_embedded_resources_is_what_its_type_says() {
    let schema = spec(
        &json!({"tpl": {"type": "object", "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true}}),
    );
    let mut server = server(&schema);
    let thing = |name: &str, metadata: &Value| {
        json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": {
            "tpl": {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "more": true}}})
    };
    let fine = thing(
        "a",
        &json!({"labels": {"a": "b"}, "nobody": 1, "finalizers": []}),
    );
    let stored = server.ok("POST", THINGS, &fine);
    assert_eq!(
        stored["spec"]["tpl"],
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}, "more": true})
    );
    let (status, reply) = server.call("POST", THINGS, &thing("b", &json!({"labels": 7})));
    assert_eq!(status, 400, "{reply}");
    let (status, reply) = server.call("POST", THINGS, &thing("b", &json!({"name": "a/b"})));
    assert_eq!(status, 422, "{reply}");
    assert_eq!(
        reply["details"]["causes"][0]["field"],
        "spec.tpl.metadata.name"
    );
}
