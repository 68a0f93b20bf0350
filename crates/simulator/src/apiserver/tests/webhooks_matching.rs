//! Whom a request concerns: rules, selectors, equivalent versions; and where a Service leads.

use serde_json::{Value, json};

use super::admission::BASE;
use super::webhooks::{allow, configuration};
use super::{CONFIG_MAPS, PODS, Server, pod};
use crate::outside::Place;

#[test]
fn rules_and_selectors_say_who_is_asked() {
    let rule = |fields: Value| {
        let mut rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]});
        for (key, value) in fields.as_object().unwrap() {
            rule[key] = value.clone();
        }
        json!({"rules": [rule]})
    };
    let cases = [
        (rule(json!({})), true),
        (rule(json!({"operations": ["UPDATE", "DELETE"]})), false),
        (rule(json!({"operations": ["*"]})), true),
        (rule(json!({"apiGroups": ["apps"]})), false),
        (
            rule(json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]})),
            true,
        ),
        (rule(json!({"apiVersions": ["v2"]})), false),
        (rule(json!({"resources": ["*/*"]})), true),
        (rule(json!({"resources": ["configmaps/*"]})), true),
        (
            rule(json!({"resources": ["configmaps/status", "pods"]})),
            false,
        ),
        (rule(json!({"scope": "Namespaced"})), true),
        (rule(json!({"scope": "Cluster"})), false),
        (
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}),
            true,
        ),
        (
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}),
            false,
        ),
        (json!({"objectSelector": {"matchLabels": {"l": "1"}}}), true),
        (
            json!({"objectSelector": {"matchLabels": {"l": "2"}}}),
            false,
        ),
    ];
    for (changes, asked) in cases {
        let mut server = Server::new();
        server.hook("validating", "h", &changes);
        let body = json!({"metadata": {"name": "a", "labels": {"l": "1"}}});
        let outcome = server.asked(("POST", CONFIG_MAPS), &body, |_, question| allow(question));
        assert_eq!(outcome.rounds.len() == 1, asked, "{changes}");
        assert_eq!(outcome.status, 201);
    }
}

#[test]
fn an_object_that_loses_the_label_is_still_selected() {
    let mut server = Server::new();
    let body = json!({"metadata": {"name": "a", "labels": {"l": "1"}}});
    server.ok("POST", CONFIG_MAPS, &body);
    server.hook(
        "validating",
        "h",
        &json!({"objectSelector": {"matchLabels": {"l": "1"}}}),
    );
    let path = format!("{CONFIG_MAPS}/a");
    let change = json!({"metadata": {"labels": {"l": null}}});
    let first = server.asked(("PATCH", &path), &change, |_, question| allow(question));
    let second = server.asked(("PATCH", &path), &json!({"data": {}}), |_, question| {
        allow(question)
    });
    assert_eq!((first.rounds.len(), second.rounds.len()), (1, 0));
}

#[test]
fn another_version_of_the_resource_is_converted_for_a_webhook_that_knows_one_only() {
    let path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
    let body = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 2, "scaleTargetRef": target,
        "targetCPUUtilizationPercentage": 70}});
    let rules = json!([{"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v2"],
        "resources": ["horizontalpodautoscalers"]}]);
    for (policy, rounds) in [("Equivalent", 1), ("Exact", 0)] {
        let mut server = Server::new();
        server.hook(
            "validating",
            "h",
            &json!({"rules": rules, "matchPolicy": policy}),
        );
        let outcome = server.asked(("POST", path), &body, |_, question| allow(question));
        assert_eq!((outcome.status, outcome.rounds.len()), (201, rounds));
        if rounds == 1 {
            let asked = outcome.request();
            assert_eq!(asked["kind"]["version"], "v2");
            assert_eq!(asked["requestKind"]["version"], "v1");
            assert_eq!(asked["object"]["apiVersion"], "autoscaling/v2");
            assert_eq!(
                asked["object"]["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
                70
            );
        }
    }
}

#[test]
fn webhooks_are_never_asked_about_webhooks() {
    let mut server = Server::new();
    let rules = json!([{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]);
    server.hook("validating", "h", &json!({"rules": rules}));
    let path = format!("{BASE}/validatingwebhookconfigurations");
    let other = configuration("other", &json!({}));
    let outcome = server.asked(("POST", &path), &other, |_, _| panic!("asked"));
    assert_eq!(outcome.status, 201);
}

#[test]
fn connections_are_asked_about_before_they_are_made() {
    let mut server = Server::new();
    let rules = json!([{"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"]}]);
    server.hook("validating", "h", &json!({"rules": rules}));
    let exec = format!("{PODS}/none/exec?command=ls&command=-l&stdin=1&container=c");
    let outcome = server.asked(("POST", &exec), &Value::Null, |_, question| allow(question));
    let asked = outcome.request();
    assert_eq!(asked["operation"], "CONNECT");
    assert_eq!(
        (&asked["name"], &asked["subResource"]),
        (&json!("none"), &json!("exec"))
    );
    assert_eq!(
        asked["object"],
        json!({"kind": "PodExecOptions", "apiVersion": "v1", "stdin": true, "container": "c", "command": ["ls", "-l"]})
    );
    assert_eq!(outcome.status, 404, "only then the pod is looked for");
    let log = server.asked(
        ("GET", &format!("{PODS}/none/log")),
        &Value::Null,
        |_, _| panic!("a log is no connection"),
    );
    assert_eq!(log.status, 404);
}

#[test]
fn nobody_is_called_at_the_address_of_a_simulated_pod() {
    let mut server = Server::new();
    let service = json!({"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443}]}});
    server.ok("POST", "/api/v1/namespaces/default/services", &service);
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let target = json!({"kind": "Pod", "namespace": "default", "name": "p"});
    let slice = json!({"metadata": {"name": "hook", "labels": {"kubernetes.io/service-name": "hook"}}, "addressType": "IPv4",
        "ports": [{"port": 8443}], "endpoints": [{"addresses": ["10.244.0.9"], "targetRef": target}]});
    server.ok("POST", slices, &slice);
    let place = Place::Service {
        namespace: "default".to_owned(),
        name: "hook".to_owned(),
        path: String::new(),
        port: 443,
    };
    // Endpoints that somebody wrote by hand lead where they say.
    let found = server.api.endpoint_of(&place);
    assert_eq!(found, Ok(Some("10.244.0.9:8443".parse().unwrap())));
    server.ok("POST", PODS, &pod("p"));
    let refusal = server.api.endpoint_of(&place).unwrap_err();
    let text =
        "dial tcp 10.244.0.9:8443: pod \"p\" is simulated: no process runs in it that could answer";
    assert!(refusal.starts_with(text), "{refusal}");
}
