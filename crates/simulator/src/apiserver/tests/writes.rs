use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, config_map, pod, version};

const SERVICES: &str = "/api/v1/namespaces/default/services";

#[test]
fn a_write_that_changes_nothing_keeps_the_version() {
    let mut server = Server::new();
    let made = server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let path = format!("{CONFIG_MAPS}/a");
    let again = server.ok("PUT", &path, &config_map("a"));
    assert_eq!(again, made);
    let patched = server.ok("PATCH", &path, &json!({"metadata": {"labels": {}}}));
    assert_eq!(version(&patched), version(&made));
}

#[test]
fn an_old_version_conflicts_and_none_overwrites() {
    let mut server = Server::new();
    let made = server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let path = format!("{CONFIG_MAPS}/a");
    server.ok(
        "PUT",
        &path,
        &json!({"metadata": {"name": "a"}, "data": {"x": "1"}}),
    );
    let (status, reply) = server.call(
        "PUT",
        &path,
        &json!({"metadata": made["metadata"], "data": {"x": "2"}}),
    );
    assert_eq!((status, reply["reason"].as_str()), (409, Some("Conflict")));
    let overwritten = server.ok(
        "PUT",
        &path,
        &json!({"metadata": {"name": "a"}, "data": {"x": "3"}}),
    );
    assert_eq!(overwritten["data"], json!({"x": "3"}));
    assert_eq!(overwritten["metadata"]["uid"], made["metadata"]["uid"]);
}

#[test]
fn leases_need_a_version_and_may_be_created_by_put() {
    let mut server = Server::new();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let (status, made) = server.call("PUT", path, &config_map("l"));
    assert_eq!(status, 201, "{made}");
    let (status, reply) = server.call("PUT", path, &config_map("l"));
    assert_eq!(status, 422);
    assert_eq!(
        reply["details"]["causes"][0]["field"],
        "metadata.resourceVersion"
    );
}

#[test]
fn generation_follows_the_spec_and_clients_cannot_set_it() {
    let mut server = Server::new();
    let made = server.ok("POST", PODS, &pod("p"));
    assert_eq!(made["metadata"]["generation"], 1);
    let path = format!("{PODS}/p");
    let labelled = server.ok(
        "PATCH",
        &path,
        &json!({"metadata": {"labels": {"a": "b"}, "generation": 9}}),
    );
    assert_eq!(labelled["metadata"]["generation"], 1);
    let changed = server.ok(
        "PATCH",
        &path,
        &json!({"spec": {"activeDeadlineSeconds": 5}}),
    );
    assert_eq!(changed["metadata"]["generation"], 2);
}

#[test]
fn the_main_endpoint_keeps_the_status_and_the_status_endpoint_the_spec() {
    let mut server = Server::new();
    server.ok("POST", PODS, &pod("p"));
    let path = format!("{PODS}/p");
    let main = server.ok("PATCH", &path, &json!({"status": {"phase": "Running"}}));
    assert_eq!(main["status"]["phase"], "Pending");
    let status = json!({"status": {"phase": "Running"}, "spec": {"activeDeadlineSeconds": 5}});
    let status = server.ok("PATCH", &format!("{path}/status"), &status);
    assert_eq!(status["status"]["phase"], "Running");
    assert_eq!(status["spec"]["activeDeadlineSeconds"], Value::Null);
}

#[test]
fn a_dry_run_stores_nothing() {
    let mut server = Server::new();
    let before = server.api.revision();
    server.ok(
        "POST",
        &format!("{CONFIG_MAPS}?dryRun=All"),
        &config_map("a"),
    );
    assert_eq!(server.api.revision(), before);
    assert_eq!(
        server
            .call("GET", &format!("{CONFIG_MAPS}/a"), &Value::Null)
            .0,
        404
    );
}

#[test]
fn names_are_generated_and_namespaces_must_exist() {
    let mut server = Server::new();
    let made = server.ok(
        "POST",
        CONFIG_MAPS,
        &json!({"metadata": {"generateName": "x-"}}),
    );
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("x-") && name.len() == 7, "{name}");
    let (status, reply) = server.call(
        "POST",
        "/api/v1/namespaces/nope/configmaps",
        &config_map("a"),
    );
    assert_eq!(
        (status, reply["message"].as_str()),
        (404, Some("namespaces \"nope\" not found"))
    );
}

#[test]
fn services_get_an_address_and_ports() {
    let mut server = Server::new();
    let spec =
        json!({"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let made = server.ok("POST", SERVICES, &spec);
    let address = made["spec"]["clusterIP"].as_str().unwrap().to_owned();
    assert!(address.starts_with("10.96."), "{address}");
    let port = made["spec"]["ports"][0]["nodePort"].as_i64().unwrap();
    assert!((30_086..=32_767).contains(&port), "{port}");
    // What was given back isn't handed out again at once.
    server.ok("DELETE", &format!("{SERVICES}/s"), &Value::Null);
    let again = server.ok("POST", SERVICES, &spec);
    assert_ne!(again["spec"]["clusterIP"], address);
    assert_ne!(again["spec"]["ports"][0]["nodePort"], port);
}

#[test]
fn what_a_service_asks_for_is_looked_at_before_the_rest_of_it() {
    let mut server = Server::new();
    let service = |spec: Value| json!({"metadata": {"name": "s"}, "spec": spec});
    let ports = json!([{"port": 80}]);
    server.ok("POST", SERVICES, &service(json!({"ports": ports})));
    for (spec, words) in [
        (
            json!({"ports": ports, "clusterIP": "10.1.1.1"}),
            "the provided network does not match the current range",
        ),
        (
            json!({"ports": ports, "clusterIP": "10.96.0.0"}),
            "The range of valid IPs is 10.96.0.0/16",
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (json!({"ports": ports}), "already exists"),
    ] {
        let (_, reply) = server.call("POST", SERVICES, &service(spec));
        let message = reply["message"].as_str().unwrap();
        assert!(message.ends_with(words), "{message}");
    }
    let dry = format!("{SERVICES}?dryRun=All");
    let made = server.ok(
        "POST",
        &dry,
        &json!({"metadata": {"name": "t"}, "spec": {"ports": ports}}),
    );
    assert_eq!(made["spec"]["clusterIP"], "10.96.0.0");
}

#[test]
fn bodies_above_three_mebibytes_are_refused() {
    let mut server = Server::new();
    let big = json!({"metadata": {"name": "a"}, "data": {"x": "y".repeat(3_145_728)}});
    let (status, reply) = server.call("POST", CONFIG_MAPS, &big);
    assert_eq!(
        (status, reply["message"].as_str()),
        (413, Some("Request entity too large: limit is 3145728"))
    );
}

#[test]
fn a_pod_that_is_refused_has_no_generated_name_yet() {
    let mut server = Server::new();
    let pod = json!({"metadata": {"generateName": "web-"}, "spec": {"serviceAccountName": "nobody", "containers": [{"name": "c", "image": "i"}]}});
    let (_, refused) = server.call("POST", PODS, &pod);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.starts_with("pods \"web-\" is forbidden: "),
        "{message}"
    );
}

#[test]
fn empty_lists_of_a_slice_are_as_good_as_none() {
    let mut server = Server::new();
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let slice = |more: &Value| {
        let mut slice = json!({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": []});
        slice
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        slice
    };
    server.ok("POST", slices, &slice(&json!({})));
    let item = format!("{slices}/e");
    let mut generation =
        |more: &Value| server.ok("PUT", &item, &slice(more))["metadata"]["generation"].clone();
    assert_eq!(generation(&json!({"endpoints": null})), 1);
    assert_eq!(generation(&json!({"ports": []})), 1);
    assert_eq!(generation(&json!({"ports": [{"port": 1}]})), 2);
}

#[test]
fn another_name_has_no_policy_for_traffic() {
    let mut server = Server::new();
    let services = "/api/v1/namespaces/default/services";
    let body = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    assert_eq!(
        server.ok("POST", services, &body)["spec"]["internalTrafficPolicy"],
        "Cluster"
    );
    let item = format!("{services}/s");
    let patch = json!({"spec": {"type": "ExternalName", "externalName": "e.example"}});
    assert_eq!(
        server.ok("PATCH", &item, &patch)["spec"]["internalTrafficPolicy"],
        Value::Null
    );
    let patch = json!({"spec": {"type": "ClusterIP", "externalName": null}});
    assert_eq!(
        server.ok("PATCH", &item, &patch)["spec"]["internalTrafficPolicy"],
        "Cluster"
    );
}

#[test]
fn a_dry_run_shows_what_was_given_and_nobody_stores() {
    let mut server = Server::new();
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let role = json!({"metadata": {"name": "r", "resourceVersion": "5"}, "rules": []});
    let shown = server.ok("PUT", &format!("{roles}/r?dryRun=All"), &role);
    assert_eq!(version(&shown), "5");
    let made = server.ok("PUT", &format!("{roles}/r"), &role);
    assert_ne!(version(&made), "5");
    let patch = json!({"metadata": {"selfLink": "x"}});
    let shown = server.ok("PATCH", &format!("{roles}/r?dryRun=All"), &patch);
    assert_eq!(shown["metadata"]["selfLink"], "x");
    let patched = server.ok("PATCH", &format!("{roles}/r"), &patch);
    assert_eq!(patched["metadata"].get("selfLink"), None);
}

#[test]
fn an_update_that_ends_an_object_shows_what_was_given() {
    let mut server = Server::new();
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"metadata": {"name": "s", "finalizers": ["a.example/f"]}});
    server.ok("POST", secrets, &secret);
    server.ok("DELETE", &format!("{secrets}/s"), &json!({}));
    let last = json!({"metadata": {"name": "s", "finalizers": null, "selfLink": "x"}});
    let shown = server.ok("PUT", &format!("{secrets}/s"), &last);
    assert_eq!(shown["metadata"]["selfLink"], "x");
}

#[test]
fn the_status_of_a_service_warns_of_its_own_addresses_alone() {
    let mut server = Server::new();
    let service = json!({"metadata": {"name": "s"},
        "spec": {"ports": [{"port": 80}], "externalIPs": ["10.0.0.1"], "type": "LoadBalancer"}});
    server.ok("POST", SERVICES, &service);
    let mut warnings = |status: &Value| {
        let path = format!("{SERVICES}/s/status");
        let merge = "application/merge-patch+json";
        match server.raw("PATCH", &path, &status.to_string(), merge) {
            crate::request::Reply::Full(reply) => reply.headers.get_all("warning").iter().count(),
            other => panic!("{other:?}"),
        }
    };
    let ingress = |ip: &str| json!({"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}});
    assert_eq!(warnings(&ingress("10.0.0.1")), 0);
    assert_eq!(warnings(&ingress("2001:0db8::1")), 1);
}

#[test]
fn a_job_without_labels_shares_those_of_its_template() {
    let path = "/apis/batch/v1/namespaces/default/jobs";
    let job = |name: &str, labels: &Value| {
        json!({"metadata": {"name": name, "labels": labels}, "spec": {"template": {"metadata": {"labels": {"app": "x"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}})
    };
    let mut server = Server::new();
    let shared = server.ok("POST", path, &job("a", &Value::Null));
    let labels = &shared["metadata"]["labels"];
    assert_eq!(labels, &shared["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(labels["job-name"], "a");
    let own = json!({"app": "x"});
    let apart = server.ok("POST", path, &job("b", &own));
    assert_eq!(apart["metadata"]["labels"], own);
}

#[test]
fn bytes_that_are_null_are_stored_as_such_and_written_by_the_next_update() {
    let mut server = Server::new();
    let path = "/api/v1/namespaces/default/secrets";
    let secret =
        |bytes: Value| json!({"metadata": {"name": "s"}, "data": {"a": "MQ==", "b": bytes}});
    server.ok("POST", path, &secret(json!("")));
    let item = format!("{path}/s");
    let mut put = |bytes: Value| {
        let object = server.ok("PUT", &item, &secret(bytes));
        assert_eq!(object["data"]["b"], json!(""));
        version(&object).to_owned()
    };
    let empty = put(json!(""));
    let null = put(Value::Null);
    assert_ne!(null, empty);
    assert_eq!(put(Value::Null), null);
    let again = put(json!(""));
    assert_ne!(again, null);
    assert_eq!(put(json!("")), again);
}
