//! What is refused, and what before what.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, asking, config_map, pod};
use crate::request::Reply;

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn sent(server: &mut Server, method: &str, path: &str, body: &str, media: &str) -> (u16, Value) {
    match server.raw(method, path, body, media) {
        Reply::Full(response) => (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        ),
        other => panic!("{other:?}"),
    }
}

fn message(reply: &Value) -> &str {
    reply["message"].as_str().unwrap_or_default()
}

#[test]
fn whether_a_body_can_be_read_is_asked_before_the_options_of_a_create() {
    let mut server = Server::new();
    for path in [
        CONFIG_MAPS.to_owned(),
        "/api/v1/namespaces/default/serviceaccounts/default/token".to_owned(),
        format!("{PODS}/p/eviction"),
    ] {
        let (status, _) = sent(
            &mut server,
            "POST",
            &format!("{path}?dryRun=x"),
            "{}",
            "text/plain",
        );
        assert_eq!(status, 415, "{path}");
    }
    let path = format!("{CONFIG_MAPS}/a?dryRun=x");
    assert_eq!(
        sent(&mut server, "PUT", &path, "{}", "text/plain").0,
        422,
        "an update asks for its options first"
    );
}

#[test]
fn what_a_patched_object_says_it_is_counts_in_json_alone() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let path = format!("{CONFIG_MAPS}/a");
    let mut patched = |body: &Value, media: &str| {
        let (status, reply) = sent(&mut server, "PATCH", &path, &body.to_string(), media);
        (status, message(&reply).to_owned())
    };
    let merge = "application/merge-patch+json";
    for kind in [json!(null), json!("Other"), json!("Pod")] {
        assert_eq!(patched(&json!({"kind": kind}), STRATEGIC).0, 200, "{kind}");
    }
    for key in ["kind", "apiVersion"] {
        let told = format!(
            " \"\" is invalid: patch: Invalid value: \"map[{key}:1]\": cannot convert int64 to string"
        );
        assert_eq!(patched(&json!({key: 1}), STRATEGIC), (422, told));
    }
    assert_eq!(patched(&json!({"kind": null}), merge).0, 200);
    for (body, words) in [
        (
            json!({"kind": "Pod"}),
            "converting (v1.Pod) to (core.ConfigMap): unknown conversion",
        ),
        (
            json!({"kind": "Other"}),
            "no kind \"Other\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"",
        ),
        (
            json!({"kind": "Other", "apiVersion": null}),
            "for the internal version of group \"\" in scheme \"pkg/runtime/scheme.go:111\"",
        ),
        (
            json!({"kind": 1}),
            "cannot unmarshal number into Go struct field .kind of type string",
        ),
    ] {
        let (status, message) = patched(&body, merge);
        assert_eq!(status, 422);
        assert!(message.ends_with(words), "{message}");
    }
    let (status, text) = patched(&json!({"apiVersion": null}), merge);
    assert_eq!(status, 400);
    assert!(text.contains("name must be provided"), "{text}");
}

#[test]
fn of_a_repeated_kind_the_last_one_counts_that_is_not_null() {
    let mut server = Server::new();
    let body = r#"{"kind":"Other","apiVersion":"v1","kind":null,"metadata":{"name":1}}"#;
    let (status, reply) = sent(&mut server, "POST", CONFIG_MAPS, body, "application/json");
    let told = "Other in version \"v1\" cannot be handled as a ConfigMap: no kind \"Other\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"";
    assert_eq!((status, message(&reply)), (400, told));
}

#[test]
fn a_uid_is_a_precondition_of_an_update_that_would_create() {
    let mut server = Server::new();
    let body = json!({
        "metadata": {"name": "s", "uid": "wrong", "resourceVersion": "abc"},
        "spec": {"ports": [{"port": 80}]},
    });
    let (status, reply) = server.call("PUT", &format!("{SERVICES}/s"), &body);
    assert_eq!(status, 409);
    assert!(message(&reply).contains("UID in precondition: wrong"));
}

#[test]
fn who_creates_through_the_status_owns_no_spec() {
    let mut server = Server::new();
    let body =
        json!({"metadata": {"name": "s", "labels": {"a": "b"}}, "spec": {"ports": [{"port": 80}]}});
    let made = server.ok("PUT", &format!("{SERVICES}/s/status"), &body);
    let entry = &made["metadata"]["managedFields"][0];
    assert_eq!(entry["subresource"], "status");
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}})
    );
    assert_eq!(made["spec"]["clusterIP"], Value::Null);
}

#[test]
fn a_runtime_class_must_be_there_and_decides_over_the_overhead() {
    let mut server = Server::new();
    let with = |name: &str, more: Value| {
        let mut pod = pod(name);
        let spec = pod["spec"].as_object_mut().unwrap();
        spec.extend(more.as_object().unwrap().clone());
        pod
    };
    let class = |overhead: Value| {
        json!({"metadata": {"name": "small"}, "handler": "h", "overhead": overhead, "scheduling": {
            "nodeSelector": {"a": "b"}, "tolerations": [{"key": "k", "operator": "Exists"}]}})
    };
    let absent = with("a", json!({"runtimeClassName": "small"}));
    let (status, reply) = server.call("POST", PODS, &absent);
    let words = "pods \"a\" is forbidden: pod rejected: RuntimeClass \"small\" not found";
    assert_eq!((status, message(&reply)), (403, words));
    let own = with("a", json!({"overhead": {"cpu": "1"}}));
    assert_eq!(server.call("POST", PODS, &own).0, 403);
    server.ok(
        "POST",
        "/apis/node.k8s.io/v1/runtimeclasses",
        &class(json!({"podFixed": {"cpu": "250m"}})),
    );
    let made = server.ok("POST", PODS, &absent);
    assert_eq!(made["spec"]["overhead"], json!({"cpu": "250m"}));
    assert_eq!(made["spec"]["nodeSelector"], json!({"a": "b"}));
    let tolerations = made["spec"]["tolerations"].as_array().unwrap();
    assert!(tolerations.contains(&json!({"key": "k", "operator": "Exists"})));
    let other = json!({"runtimeClassName": "small", "overhead": {"cpu": "1"}});
    let (status, reply) = server.call("POST", PODS, &with("b", other));
    assert_eq!(status, 403);
    assert!(message(&reply).ends_with("doesn't match RuntimeClass's defined Overhead"));
}

#[test]
fn addresses_of_a_pod_are_addresses() {
    let mut server = Server::new();
    server.ok("POST", PODS, &pod("a"));
    let path = format!("{PODS}/a/status");
    let (_, reply) = server.call("PATCH", &path, &json!({"status": {"podIP": "x"}}));
    let words = "Pod \"a\" is invalid: status.podIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    assert_eq!(message(&reply), words);
    let two = json!({"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}});
    let (_, reply) = server.call("PATCH", &path, &two);
    let words = "status.podIPs: Invalid value: [{\"IP\":\"10.0.0.1\"},{\"IP\":\"10.0.0.2\"}]: may specify no more than one IP for each IP family";
    assert!(message(&reply).ends_with(words), "{reply}");
    server.ok("PATCH", &path, &json!({"status": {"podIP": "10.0.0.1"}}));
    let moved = server.ok("PATCH", &path, &json!({"status": {"podIP": "10.0.0.9"}}));
    assert_eq!(moved["status"]["podIPs"], json!([{"ip": "10.0.0.9"}]));
}

#[test]
fn a_method_is_refused_before_a_media_type_and_that_before_a_form() {
    let mut server = Server::new();
    let pod = format!("{PODS}/p");
    for (method, path, media, accept, code) in [
        ("PATCH", pod.clone(), "text/plain", "text/html", 415),
        ("PATCH", pod.clone(), STRATEGIC, "text/html", 406),
        (
            "PATCH",
            format!("{pod}/status"),
            "application/json",
            "text/html",
            415,
        ),
        (
            "PATCH",
            format!("{pod}/log"),
            "text/plain",
            "text/html",
            405,
        ),
        ("PUT", PODS.to_owned(), "text/plain", "text/html", 405),
        ("HEAD", pod.clone(), "text/plain", "text/html", 405),
        ("PUT", pod.clone(), "text/plain", "text/html", 406),
    ] {
        let mut request = crate::conformance::request(method, &path, b"{}", Some(media));
        let accept = http::HeaderValue::from_static(accept);
        request.headers.insert(http::header::ACCEPT, accept);
        match server.api.handle(&request, server.now, &mut server.entropy) {
            Reply::Full(response) => assert_eq!(response.status, code, "{method} {path} {media}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_never_listed_is_not_there_across_namespaces() {
    let mut server = Server::new();
    for (path, status) in [
        ("/api/v1/bindings", 404),
        ("/api/v1/namespaces/default/bindings", 405),
        (
            "/apis/authorization.k8s.io/v1/localsubjectaccessreviews",
            404,
        ),
        ("/apis/authorization.k8s.io/v1/subjectaccessreviews", 405),
    ] {
        assert_eq!(server.call("GET", path, &Value::Null).0, status, "{path}");
    }
    assert_eq!(server.call("POST", "/api/v1/configmaps", &json!({})).0, 405);
}

#[test]
fn the_namespace_of_a_body_is_looked_at_before_its_name() {
    let mut server = Server::new();
    for name in ["", "other"] {
        let body = json!({"metadata": {"name": name, "namespace": "elsewhere"}});
        let (status, reply) = server.call("PUT", &format!("{CONFIG_MAPS}/a"), &body);
        assert_eq!(status, 400);
        assert!(
            message(&reply).starts_with("the namespace of the provided object"),
            "{reply}"
        );
    }
}

#[test]
fn a_merge_patch_nobody_validates_is_read_by_its_library() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let merge = "application/merge-patch+json";
    let mut patched = |body: &str, mode: &str| {
        let path = format!("{CONFIG_MAPS}/a?fieldValidation={mode}");
        let (status, reply) = sent(&mut server, "PATCH", &path, body, merge);
        (status, message(&reply).to_owned())
    };
    let bad = (400, "Invalid JSON Patch".to_owned());
    for body in ["", "{", "1", "null"] {
        assert_eq!(patched(body, "Ignore"), bad, "{body}");
    }
    assert_eq!(patched("null", "Warn"), bad);
    let (status, text) = patched("", "Warn");
    assert_eq!(
        (status, text.as_str()),
        (400, "error decoding patch: unexpected end of JSON input")
    );
    let (status, text) = patched("[{\"a\": null, \"b\": 1}]", "Ignore");
    assert_eq!(status, 422);
    assert!(
        text.contains("Invalid value: \"[{\\\"b\\\":1}]\": couldn't get version/kind"),
        "{text}"
    );
    assert_eq!(patched("[]", "Strict").0, 400);
}

#[test]
fn what_is_left_of_a_strategic_patch_is_shown() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let strict = format!("{CONFIG_MAPS}/a?fieldValidation=Strict");
    let body = r#"{"$patch":"replace","metadata":{"name":"a"},"x":1.5}"#;
    let (status, reply) = sent(&mut server, "PATCH", &strict, body, STRATEGIC);
    assert_eq!(status, 422);
    let expected = "Invalid value: \"map[metadata:map[name:a] x:1.5]\": strict decoding error: unknown field \"x\"";
    assert!(message(&reply).ends_with(expected), "{reply}");
    let path = format!("{CONFIG_MAPS}/a");
    assert_eq!(sent(&mut server, "PATCH", &path, "null", STRATEGIC).0, 200);
}

#[test]
fn what_is_wrong_with_a_stream_is_told_before_anybody_is_connected() {
    let mut server = Server::new();
    let made = |name: &str, node: &str, containers: &[&str]| {
        let containers: Vec<Value> = containers
            .iter()
            .map(|name| json!({"name": name, "image": "i"}))
            .collect();
        json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": containers}})
    };
    let addresses = json!([{"type": "InternalIP", "address": "10.0.0.1"}]);
    for (name, status) in [("n", json!({"addresses": addresses})), ("mute", json!({}))] {
        let node = json!({"metadata": {"name": name}, "status": status});
        server.ok("POST", "/api/v1/nodes", &node);
    }
    for (name, node, containers) in [
        ("quiet", "mute", &["a"][..]),
        ("one", "n", &["a"]),
        ("two", "n", &["a", "b"]),
        ("free", "", &["a"]),
        ("lost", "gone", &["a"]),
    ] {
        server.ok("POST", PODS, &made(name, node, containers));
    }
    for (path, code, wanted) in [
        ("none/exec", 404, "pods \"none\" not found"),
        (
            "two/attach",
            400,
            "a container name must be specified for pod two, choose one of: [a b]",
        ),
        (
            "one/exec?container=b",
            400,
            "container b is not valid for pod one",
        ),
        ("free/exec", 400, "pod free does not have a host assigned"),
        ("lost/portforward", 404, "pods \"gone\" not found"),
        (
            "quiet/exec",
            500,
            "no preferred addresses found; known addresses: []",
        ),
        ("one/exec", 400, "Upgrade request required"),
        ("two/attach?container=b", 400, "Upgrade request required"),
        ("two/portforward", 400, "Upgrade request required"),
    ] {
        for method in ["GET", "POST"] {
            let (status, told) = server.call(method, &format!("{PODS}/{path}"), &Value::Null);
            assert_eq!(
                (status, told["message"].as_str()),
                (code, Some(wanted)),
                "{method} {path}"
            );
        }
    }
    let mut request = asking("POST", &format!("{PODS}/one/exec"), &Value::Null);
    let upgrade = http::HeaderValue::from_static("keep-alive, Upgrade");
    request.headers.insert(http::header::CONNECTION, upgrade);
    let answer = server.api.handle(&request, server.now, &mut server.entropy);
    assert!(matches!(answer, Reply::Full(answer) if answer.status == 501));
}

#[test]
fn who_may_only_look_at_streams_opens_none() {
    const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let mut server = Server::new();
    let role = |verbs: Value| json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}]});
    server.ok("POST", &format!("{ROLES}/roles"), &role(json!(["get"])));
    let binding = json!({"metadata": {"name": "b"}, "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}});
    server.ok("POST", &format!("{ROLES}/rolebindings"), &binding);
    let exec = |server: &mut Server| {
        let mut request = asking("GET", &format!("{PODS}/none/exec"), &Value::Null);
        request.user = Some(crate::request::User {
            name: "u".to_owned(),
            ..Default::default()
        });
        match server.api.handle(&request, server.now, &mut server.entropy) {
            Reply::Full(answer) => {
                let told: Value = serde_json::from_slice(&answer.body).unwrap();
                (answer.status, told["message"].as_str().unwrap().to_owned())
            }
            other => panic!("{other:?}"),
        }
    };
    let refused = "pods \"none\" is forbidden: ";
    assert_eq!(exec(&mut server), (403, refused.to_owned()));
    server.ok(
        "PUT",
        &format!("{ROLES}/roles/r"),
        &role(json!(["get", "create"])),
    );
    assert_eq!(exec(&mut server).0, 404);
}
