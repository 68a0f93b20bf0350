//! What is stored outlives the schema it was stored under.

use serde_json::{Value, json};

use super::Server;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
pub(super) const THINGS: &str = "/apis/x.example.com/v1/namespaces/default/things";

/// A server with a definition of that schema, established.
pub(super) fn server(schema: &Value) -> Server {
    server_of(schema, &json!({}))
}

fn server_of(schema: &Value, subresources: &Value) -> Server {
    let mut server = Server::new();
    let definition = json!({"metadata": {"name": "things.x.example.com"}, "spec": {
        "group": "x.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "subresources": subresources}]}});
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

#[test]
fn what_a_custom_object_says_it_is_is_looked_at_after_it_was_read() {
    let mut server = server(&spec(&json!({})));
    let said = |server: &mut Server, mode: &str, body: Value| {
        let (_, reply) = server.call("POST", &format!("{THINGS}?fieldValidation={mode}"), &body);
        reply["message"].as_str().unwrap_or_default().to_owned()
    };
    let without = json!({"kind": null, "metadata": {"name": "a"}});
    let missing = "Object 'Kind' is missing in '{\"kind\":null,\"metadata\":{\"name\":\"a\"}}'";
    let text = said(&mut server, "Ignore", without.clone());
    let words = "Thing in version \"v1\" cannot be handled as a Thing: ";
    assert_eq!(text, format!("{words}{missing}"));
    let text = said(&mut server, "Warn", without);
    let words = "the object provided is unrecognized (must be of type Thing): ";
    assert!(text.starts_with(&format!("{words}{missing}")), "{text}");
    for (body, words) in [
        (
            json!({"kind": "Thing", "metadata": {"name": "a"}}),
            "the API version in the data () does not match the expected API version (x.example.com/v1)",
        ),
        (
            json!({"kind": "Other", "apiVersion": "other/v2", "metadata": {"name": 7}}),
            "Other in version \"v2\" cannot be handled as a Thing: json: cannot unmarshal number into Go struct field ObjectMeta.name of type string",
        ),
        (
            json!({"kind": "Other", "apiVersion": "other/v2", "metadata": {"x": 7}, "y": 1}),
            "Other in version \"v2\" cannot be handled as a Other: strict decoding error: unknown field \"metadata.x\"",
        ),
        (
            json!({"kind": "Thing", "apiVersion": "a/b/c", "metadata": {}}),
            "the object provided is unrecognized (must be of type Thing): unexpected GroupVersion string: a/b/c ({\"apiVersion\":\"a/b/c\",\"kind\":\" ...)",
        ),
    ] {
        assert_eq!(said(&mut server, "Strict", body), words);
    }
}

#[test]
fn a_patch_leaves_a_custom_object_its_kind_and_version() {
    let mut server = server(&spec(&json!({})));
    let thing =
        json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}});
    server.ok("POST", THINGS, &thing);
    let path = format!("{THINGS}/a");
    let (status, reply) = server.call("PATCH", &path, &json!({"kind": null}));
    assert_eq!(status, 422);
    let text = reply["message"].as_str().unwrap();
    assert!(
        text.contains(": Object 'Kind' is missing in '{\"apiVersion\""),
        "{text}"
    );
    let (status, reply) = server.call("PATCH", &path, &json!({"apiVersion": null}));
    assert_eq!(status, 500);
    let words = "Internal error occurred: Object 'apiVersion' is missing in 'object has no apiVersion field'";
    assert_eq!(reply["message"], words);
    let old = json!({"apiVersion": null, "metadata": {"resourceVersion": "1"}});
    assert_eq!(server.call("PATCH", &path, &old).0, 409);
    let (_, reply) = server.call("PATCH", &path, &json!({"apiVersion": "other/v2"}));
    let words = "Thing.other \"a\" is invalid: apiVersion: Invalid value: \"other/v2\": must be x.example.com/v1";
    assert_eq!(reply["message"], words);
    let (_, reply) = server.call("PATCH", &path, &json!({"apiVersion": "v2"}));
    let words =
        "Thing \"a\" is invalid: apiVersion: Invalid value: \"v2\": must be x.example.com/v1";
    assert_eq!(reply["message"], words);
    let both = json!({"kind": "Other", "metadata": {"labels": {"a": "b c"}}});
    let (_, reply) = server.call("PATCH", &path, &both);
    let causes = reply["details"]["causes"].as_array().unwrap().iter();
    let fields: Vec<_> = causes.map(|cause| &cause["field"]).collect();
    assert_eq!(fields, ["metadata.labels", "metadata.labels", "kind"]);
}

#[test]
fn a_status_that_comes_as_of_another_kind_forgets_who_owns_what() {
    let schema = spec(&json!({"size": {"type": "integer"}}));
    let mut server = server_of(&schema, &json!({"status": {}}));
    let thing = json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"size": 1}});
    let made = server.ok("POST", THINGS, &thing);
    assert!(made["metadata"]["managedFields"].is_array());
    let mut other = made.clone();
    other["kind"] = json!("Other");
    let path = format!("{THINGS}/a/status");
    let written = server.ok("PUT", &path, &other);
    assert_eq!(written["kind"], json!("Thing"));
    assert_eq!(written["metadata"].get("managedFields"), None);
}
