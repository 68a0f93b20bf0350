//! What validating webhooks are shown of Scales, deletions and Bindings, and answers whose fields are of a wrong type.
//! Texts are those of kube-apiserver 1.36.3.

use serde_json::{Value, json};

use super::webhooks::{Outcome, allow, answer, fail_with};
use super::{CONFIG_MAPS, PODS, Server, config_map, pod};
use crate::outside::Answer;

/// Rules for everything about pods and what is below them, and about Scales.
fn rules() -> Value {
    json!({"rules": [
        {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/*"]},
        {"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*/scale"]},
    ]})
}

fn allowed(server: &mut Server, call: (&str, &str), body: &Value) -> Outcome {
    server.asked(call, body, |_, question| allow(question))
}

#[test]
fn a_scale_is_made_of_the_changed_object() {
    let mut server = Server::new();
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod("p")["spec"]});
    let body = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    server.ok("POST", deployments, &body);
    server.hook("validating", "h", &rules());
    let path = format!("{deployments}/d/scale");
    let change = json!({"spec": {"replicas": 3}});
    let outcome = allowed(&mut server, ("PATCH", &path), &change);
    let asked = outcome.request();
    for (object, replicas) in [("object", 3), ("oldObject", 1)] {
        let scale = &asked[object];
        assert_eq!(scale["spec"]["replicas"], replicas);
        assert_eq!(scale["status"]["selector"], "a=b");
        assert!(scale["metadata"]["uid"].is_string());
        assert_eq!(scale["metadata"].get("managedFields"), None);
    }
}

#[test]
fn the_deletion_of_a_pod_has_the_period_that_it_gets_and_is_asked_about_twice() {
    let mut server = Server::new();
    server.ok("POST", PODS, &pod("p"));
    server.hook("validating", "h", &rules());
    let path = format!("{PODS}/p");
    let options = json!({"gracePeriodSeconds": 7});
    // The second one, about the marked pod, is refused.
    let outcome = server.asked(("DELETE", &path), &options, |_, question| {
        let marked = question
            .body
            .pointer("/request/oldObject/metadata/deletionTimestamp");
        answer(question, &json!({"allowed": marked.is_none()}))
    });
    assert_eq!((outcome.status, outcome.rounds.len()), (400, 2));
    for question in outcome.rounds.iter().flatten() {
        // Nobody runs it yet.
        let options = &question.body["request"]["options"];
        assert_eq!(options["gracePeriodSeconds"], 0);
    }
    let left = server.get(&path);
    assert_eq!(left["metadata"]["deletionGracePeriodSeconds"], 0);
    let outcome = allowed(&mut server, ("DELETE", &path), &options);
    assert_eq!((outcome.status, outcome.rounds.len()), (200, 1));
}

#[test]
fn all_who_are_asked_about_a_marked_pod_see_one_revision_whatever_others_write_meanwhile() {
    let mut server = Server::new();
    server.ok("POST", PODS, &pod("p"));
    server.hook("mutating", "m", &rules());
    server.hook("validating", "v", &rules());
    let mut written = 0;
    let path = format!("{PODS}/p");
    let outcome = server.asked(("DELETE", &path), &Value::Null, |server, question| {
        written += 1;
        server.ok("POST", CONFIG_MAPS, &config_map(&format!("c{written}")));
        allow(question)
    });
    assert_eq!((outcome.status, outcome.rounds.len()), (200, 4));
    let questions = outcome.rounds.iter().flatten();
    let metadata = questions.map(|question| &question.body["request"]["oldObject"]["metadata"]);
    let marked = metadata.filter(|metadata| metadata.get("deletionTimestamp").is_some());
    let revisions: Vec<_> = marked
        .map(|metadata| &metadata["resourceVersion"])
        .collect();
    assert_eq!(revisions.len(), 2);
    assert_eq!(revisions[0], revisions[1]);
}

#[test]
fn a_collection_is_asked_about_in_the_version_that_was_named() {
    let mut server = Server::new();
    let scalers = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
    let spec = json!({"maxReplicas": 2, "scaleTargetRef": target});
    server.ok(
        "POST",
        scalers,
        &json!({"metadata": {"name": "h"}, "spec": spec}),
    );
    let rules = json!({"rules": [{"operations": ["*"], "apiGroups": ["autoscaling"], "apiVersions": ["v1"],
        "resources": ["horizontalpodautoscalers"]}]});
    server.hook("validating", "h", &rules);
    let outcome = allowed(&mut server, ("DELETE", scalers), &Value::Null);
    let asked = outcome.request();
    assert_eq!(asked["oldObject"]["apiVersion"], "autoscaling/v1");
}

#[test]
fn a_binding_is_owned_and_waits_for_scheduling_gates() {
    let mut server = Server::new();
    let mut gated = pod("p");
    gated["spec"]["schedulingGates"] = json!([{"name": "g.example.com/g"}]);
    server.ok("POST", PODS, &gated);
    server.hook("validating", "h", &rules());
    let path = format!("{PODS}/p/binding");
    let body = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    let outcome = allowed(&mut server, ("POST", &path), &body);
    let owner = &outcome.request()["object"]["metadata"]["managedFields"][0];
    assert_eq!(owner["fieldsV1"], json!({"f:target": {}}));
    assert_eq!(
        (outcome.status, outcome.message()),
        (
            409,
            "Operation cannot be fulfilled on pods/binding \"p\": pod p has non-empty .spec.schedulingGates"
        )
    );
}

#[test]
fn a_denial_keeps_the_revision_of_its_status() {
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("a"), |_, question| {
        let status = json!({"code": 418, "metadata": {"resourceVersion": "7"}});
        super::webhooks::answer(question, &json!({"allowed": false, "status": status}))
    });
    assert_eq!(outcome.status, 418);
    assert_eq!(outcome.body["metadata"], json!({"resourceVersion": "7"}));
}

#[test]
fn answers_are_read_with_their_types() {
    let reply = |status: u16, body: Value| Answer::Reply {
        status,
        body: body.to_string().into(),
    };
    let review = |response: Value| {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        reply(200, review)
    };
    let call = "failed to call webhook: ";
    let cases = [
        (
            reply(503, json!("busy")),
            format!("{call}the server is currently unable to handle the request"),
        ),
        (
            reply(409, json!("busy")),
            format!("{call}the server reported a conflict"),
        ),
        (
            reply(200, Value::Null),
            "received invalid webhook response: webhook response was absent".to_owned(),
        ),
        (
            review(json!({"allowed": "yes"})),
            format!(
                "{call}json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool"
            ),
        ),
        (
            review(json!({"allowed": false, "status": {"code": "x"}})),
            format!(
                "{call}json: cannot unmarshal string into Go struct field Status.response.status.code of type int32"
            ),
        ),
    ];
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    fail_with(&mut server, cases);
}
