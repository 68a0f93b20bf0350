//! Mutating webhooks: order, patches, what is done again after them. Texts are those of kube-apiserver 1.36.3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::definitions::{THINGS, server as things};
use super::webhooks::{HOOK, Outcome, allow, answer};
use super::{CONFIG_MAPS, PODS, Server, config_map, pod};
use crate::outside::{Answer, Question};

fn patch(question: &Question, operations: &Value) -> Answer {
    let text = STANDARD.encode(operations.to_string());
    answer(question, &json!({"patch": text, "patchType": "JSONPatch"}))
}

fn create(server: &mut Server, answer: impl FnMut(&mut Server, &Question) -> Answer) -> Outcome {
    server.asked(("POST", CONFIG_MAPS), &config_map("a"), answer)
}

#[test]
fn a_new_object_has_no_uid_and_no_generated_name_yet() {
    let mut server = Server::new();
    server.hook("mutating", "h", &json!({}));
    let body = json!({"metadata": {"generateName": "g-"}});
    let outcome = server.asked(("POST", CONFIG_MAPS), &body, |_, question| {
        patch(
            question,
            &json!([{"op": "add", "path": "/data", "value": {"a": "b"}}]),
        )
    });
    let asked = outcome.request();
    assert_eq!(asked["name"], Value::Null);
    for field in ["name", "uid", "creationTimestamp"] {
        assert_eq!(asked["object"]["metadata"][field], Value::Null, "{field}");
        assert!(outcome.body["metadata"][field].is_string(), "{field}");
    }
    assert_eq!(outcome.body["data"], json!({"a": "b"}));
}

#[test]
fn a_webhook_may_give_another_name_which_later_ones_see_in_the_object_alone() {
    let mut server = Server::new();
    server.hook("mutating", "h", &json!({}));
    server.hook("validating", "v", &json!({}));
    let outcome = create(&mut server, |_, question| {
        if question.url().contains("//v.") {
            return allow(question);
        }
        patch(
            question,
            &json!([{"op": "replace", "path": "/metadata/name", "value": "renamed"}]),
        )
    });
    assert_eq!(outcome.status, 201);
    server.get(&format!("{CONFIG_MAPS}/renamed"));
    let last = &outcome.rounds[1][0].body["request"];
    assert_eq!(
        (&last["name"], &last["object"]["metadata"]["name"]),
        (&json!("a"), &json!("renamed"))
    );
}

#[test]
fn what_an_apply_creates_stays_where_its_path_said_under_whatever_name_a_webhook_gives() {
    let mut server = Server::new();
    let rules = json!([{"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}]);
    server.hook("mutating", "h", &json!({ "rules": rules }));
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let (asked, given) = (
        format!("{deployments}/asked"),
        format!("{deployments}/given"),
    );
    let apply = format!("{asked}?fieldManager=m&force=true");
    let labels = json!({"app": "a"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "asked"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}});
    let outcome = server.asked(("PATCH", &apply), &body, |_, question| {
        let rename = json!([{"op": "replace", "path": "/metadata/name", "value": "given"}]);
        patch(question, &rename)
    });
    assert_eq!(outcome.status, 201);
    assert_eq!(server.get(&asked)["metadata"]["name"], "given");
    assert_eq!(server.call("GET", &given, &Value::Null).0, 404);
    let (code, refusal) = server.call("PATCH", &apply, &body);
    let cause = &refusal["details"]["causes"][0];
    assert_eq!((code, &cause["field"]), (422, &json!("metadata.name")));
    let scale = json!({"spec": {"replicas": 3}});
    let (code, refusal) = server.call("PATCH", &format!("{asked}/scale"), &scale);
    assert_eq!(
        (code, refusal["message"].as_str().unwrap_or_default()),
        (
            400,
            "the name of the object (given) does not match the name on the URL (asked)"
        )
    );
    server.ok("DELETE", &asked, &Value::Null);
    assert_eq!(server.call("GET", &asked, &Value::Null).0, 404);
}

#[test]
fn each_webhook_sees_what_those_before_it_made_and_defaults_are_set_again() {
    let mut server = Server::new();
    let rules = json!([{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]);
    for name in ["b", "a"] {
        server.hook("mutating", name, &json!({"rules": rules}));
    }
    let sidecar = json!([{"op": "add", "path": "/spec/containers/-", "value": {"name": "s", "image": "side"}}]);
    let outcome = server.asked(("POST", PODS), &pod("p"), |_, question| {
        if question.url().contains("//a.") {
            patch(question, &sidecar)
        } else {
            allow(question)
        }
    });
    assert_eq!((outcome.status, outcome.rounds.len()), (201, 2));
    let second = &outcome.rounds[1][0];
    assert!(second.url().contains("//b."));
    let seen = &second.body["request"]["object"]["spec"]["containers"][1];
    assert_eq!(seen["imagePullPolicy"], "Always");
    // The server's own admission comes again too: the new container gets the account's token.
    let mounts = &outcome.body["spec"]["containers"][1]["volumeMounts"];
    assert_eq!(
        mounts[0]["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    assert_eq!(outcome.body["spec"]["volumes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_webhook_that_wants_to_sees_the_object_again_once_others_changed_it() {
    for (policy, times) in [("IfNeeded", 2), ("Never", 1)] {
        let mut server = Server::new();
        server.hook("mutating", "a", &json!({"reinvocationPolicy": policy}));
        server.hook("mutating", "b", &json!({"reinvocationPolicy": policy}));
        let mut asked = Vec::new();
        let outcome = create(&mut server, |_, question| {
            let who = question.place.url();
            asked.push(who.clone());
            if who.contains("//b.") {
                patch(
                    question,
                    &json!([{"op": "add", "path": "/data", "value": {"b": "1"}}]),
                )
            } else {
                allow(question)
            }
        });
        assert_eq!(outcome.status, 201);
        let of_a = asked.iter().filter(|who| who.contains("//a.")).count();
        let of_b = asked.iter().filter(|who| who.contains("//b.")).count();
        assert_eq!((of_a, of_b), (times, 1), "{policy}");
    }
}

#[test]
fn webhooks_that_undo_each_other_are_both_asked_again_about_the_same_object() {
    let mut server = Server::new();
    for name in ["a", "b"] {
        server.hook("mutating", name, &json!({"reinvocationPolicy": "IfNeeded"}));
    }
    let mut asked = Vec::new();
    let outcome = create(&mut server, |_, question| {
        let who = question.place.url();
        let operation = if who.contains("//a.") {
            json!({"op": "add", "path": "/data", "value": {"by": "a"}})
        } else {
            json!({"op": "replace", "path": "/data/by", "value": "b"})
        };
        asked.push(question.body["request"]["object"]["data"]["by"].clone());
        patch(question, &json!([operation]))
    });
    assert_eq!(
        (outcome.status, &outcome.body["data"]["by"], asked),
        (
            201,
            &json!("b"),
            vec![Value::Null, json!("a"), json!("b"), json!("a")]
        )
    );
}

#[test]
fn an_object_that_a_webhook_left_without_its_kind_is_shown_like_that_to_the_next_one() {
    let mut server = Server::new();
    for name in ["a", "b"] {
        server.hook("mutating", name, &json!({}));
    }
    let outcome = create(&mut server, |_, question| {
        if question.url().contains("//b.") {
            return allow(question);
        }
        let object = json!({"metadata": {"name": "a", "namespace": "default"}});
        patch(
            question,
            &json!([{"op": "replace", "path": "", "value": object}]),
        )
    });
    let seen = &outcome.rounds[1][0].body["request"]["object"];
    assert_eq!(
        (outcome.status, seen.get("kind"), seen.get("apiVersion")),
        (201, None, None)
    );
    let stored = server.get(&format!("{CONFIG_MAPS}/a"));
    assert_eq!(
        (&stored["kind"], &stored["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
}

#[test]
fn patches_that_cannot_be_applied_fail_the_request() {
    let failed = format!("failed calling webhook {HOOK:?}: ");
    let cases = [
        (
            json!([{"op": "replace", "path": "/nope/x", "value": 1}]),
            "replace operation does not apply: doc is missing path: /nope/x: missing value",
        ),
        (
            json!([{"op": "remove", "path": "/metadata/zz"}]),
            "error in remove for path: '/metadata/zz': Unable to remove nonexistent key: zz: missing value",
        ),
        (
            json!([{"op": "test", "path": "/metadata/name", "value": "zz"}]),
            "testing value /metadata/name failed: test failed",
        ),
        (
            json!([{"op": "foo", "path": "/metadata/name", "value": "zz"}]),
            "Unexpected kind: foo",
        ),
        (
            json!([{"op": "add", "path": "/data", "value": 5}]),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string",
        ),
    ];
    for policy in ["Fail", "Ignore"] {
        let mut server = Server::new();
        server.hook("mutating", "h", &json!({"failurePolicy": policy}));
        for (operations, text) in &cases {
            let outcome = create(&mut server, |_, question| patch(question, operations));
            let expected = format!("Internal error occurred: {text}");
            assert_eq!(
                (outcome.status, outcome.message()),
                (500, expected.as_str())
            );
        }
    }
    let mut server = Server::new();
    server.hook("mutating", "h", &json!({}));
    let patched = STANDARD.encode(r#"[{"op":"add","path":"/data","value":{}}]"#);
    let cases = [
        (
            json!({"patch": patched}),
            "received invalid webhook response: webhook returned response.patch but not response.patchType",
        ),
        (
            json!({"patchType": "JSONPatch"}),
            "received invalid webhook response: webhook returned response.patchType but not response.patch",
        ),
        (
            json!({"patch": patched, "patchType": ""}),
            "received invalid webhook response: webhook returned invalid response.patchType of \"\"",
        ),
        (
            json!({"patch": patched, "patchType": "Merge"}),
            "unsupported patch type \"Merge\"",
        ),
        (
            json!({"patch": "***", "patchType": "JSONPatch"}),
            "failed to call webhook: illegal base64 data at input byte 0",
        ),
        (
            json!({"patch": STANDARD.encode("{x"), "patchType": "JSONPatch"}),
            "received undecodable patch in webhook response: invalid character 'x' looking for beginning of object key \
             string",
        ),
    ];
    for (fields, text) in cases {
        let outcome = create(&mut server, |_, question| answer(question, &fields));
        let expected = format!("Internal error occurred: {failed}{text}");
        assert_eq!(
            (outcome.status, outcome.message()),
            (500, expected.as_str())
        );
    }
}

#[test]
fn what_webhooks_made_is_validated_as_if_the_client_had_sent_it() {
    let mut server = Server::new();
    server.hook("mutating", "h", &json!({}));
    let outcome = create(&mut server, |_, question| {
        patch(
            question,
            &json!([{"op": "add", "path": "/metadata/labels", "value": {"a b": "c"}}]),
        )
    });
    assert_eq!(outcome.status, 422);
    let outcome = create(&mut server, |_, question| {
        patch(
            question,
            &json!([{"op": "replace", "path": "/metadata/namespace", "value": "kube-system"}]),
        )
    });
    let text =
        "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!((outcome.status, outcome.message()), (400, text));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u1"});
    let outcome = create(&mut server, |_, question| {
        patch(
            question,
            &json!([{"op": "add", "path": "/metadata/ownerReferences", "value": [owner, owner]}]),
        )
    });
    assert_eq!(outcome.status, 201);
    assert!(
        outcome.warnings[0]
            .contains("duplicate entries after mutating admission happens; API server")
    );
    assert_eq!(outcome.body["metadata"]["ownerReferences"], json!([owner]));
}

#[test]
fn deletions_cannot_be_changed() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.hook("mutating", "h", &json!({}));
    let path = format!("{CONFIG_MAPS}/a");
    let outcome = server.asked(("DELETE", &path), &Value::Null, |_, question| {
        patch(
            question,
            &json!([{"op": "add", "path": "/data", "value": {}}]),
        )
    });
    let text = format!(
        "Internal error occurred: admission webhook {HOOK:?} attempted to modify the object, which is not supported for \
         this operation"
    );
    assert_eq!((outcome.status, outcome.message()), (500, text.as_str()));
    server.get(&path);
}

#[test]
fn a_scale_is_asked_about_as_a_scale() {
    let mut server = Server::new();
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod("p")["spec"]});
    let body = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    server.ok("POST", deployments, &body);
    let rules = json!([{"operations": ["*"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*/*"]}]);
    server.hook("mutating", "h", &json!({"rules": rules}));
    let path = format!("{deployments}/d/scale");
    let outcome = server.asked(
        ("PATCH", &path),
        &json!({"spec": {"replicas": 3}}),
        |_, question| {
            patch(
                question,
                &json!([{"op": "replace", "path": "/spec/replicas", "value": 2}]),
            )
        },
    );
    let asked = outcome.request();
    assert_eq!(
        asked["kind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
    assert_eq!(
        (
            &asked["object"]["spec"]["replicas"],
            &asked["oldObject"]["spec"]["replicas"]
        ),
        (&json!(3), &json!(1))
    );
    assert_eq!(outcome.body["spec"]["replicas"], 2);
    assert_eq!(
        server.get(&format!("{deployments}/d"))["spec"]["replicas"],
        2
    );
    let scale = json!({"spec": {"replicas": 3}});
    let labels = json!([{"op": "add", "path": "/metadata/labels", "value": {"bad key!": "x"}}]);
    let outcome = server.asked(("PATCH", &path), &scale, |_, question| {
        patch(question, &labels)
    });
    let text = "Scale.autoscaling \"d\" is invalid: metadata.labels: Invalid value: \"bad key!\": ";
    assert!(outcome.status == 422 && outcome.message().starts_with(text));
    let other = json!([{"op": "replace", "path": "/kind", "value": "Nothing"}]);
    let outcome = server.asked(("PATCH", &path), &scale, |_, question| {
        patch(question, &other)
    });
    let text = "Internal error occurred: no kind \"Nothing\" is registered for version \"autoscaling/v1\" in scheme \"pkg/runtime/scheme.go:111\"";
    assert_eq!((outcome.status, outcome.message()), (500, text));
}

#[test]
fn a_webhook_cannot_make_another_kind_of_an_object() {
    let mut server = Server::new();
    server.hook("mutating", "h", &json!({}));
    let outcome = create(&mut server, |_, question| {
        patch(
            question,
            &json!([{"op": "replace", "path": "/kind", "value": "Secret"}]),
        )
    });
    assert_eq!(
        (outcome.status, outcome.message()),
        (
            500,
            "converting (v1.Secret) to (core.ConfigMap): unknown conversion"
        )
    );
}

/// What becomes of a new Thing that two webhooks are asked about, of which `again` says when they want it once more.
fn thing_made(again: [&str; 2], mut answer: impl FnMut(&str, &Question) -> Answer) -> Outcome {
    let mut server =
        things(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    let rules = json!([{"operations": ["*"], "apiGroups": ["x.example.com"], "apiVersions": ["*"], "resources": ["things"]}]);
    for (name, policy) in ["a", "b"].into_iter().zip(again) {
        let changes = json!({"rules": rules, "reinvocationPolicy": policy});
        server.hook("mutating", name, &changes);
    }
    let thing = json!({"apiVersion": "x.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": 0});
    server.asked(("POST", THINGS), &thing, |_, question| {
        let url = question.place.url();
        answer(if url.contains("//a.") { "a" } else { "b" }, question)
    })
}

#[test]
fn the_kind_of_a_custom_object_is_put_right_for_a_webhook_and_stays_so_if_that_changes_something() {
    let other = json!([{"op": "replace", "path": "/kind", "value": "Nothing"}]);
    let counted = json!([{"op": "replace", "path": "/spec", "value": 1}]);
    let nothing = json!([{"op": "test", "path": "/kind", "value": "Thing"}]);
    // What the first webhook patches, what it wants, and what becomes of it once the second one has changed the kind.
    for (patches, policy, status) in [
        (Some(&counted), "IfNeeded", 201),
        (Some(&nothing), "IfNeeded", 201),
        (None, "IfNeeded", 422),
        (Some(&counted), "Never", 422),
    ] {
        let mut kinds = Vec::new();
        let outcome = thing_made([policy, "Never"], |who, question| {
            let kind = &question.body["request"]["object"]["kind"];
            kinds.push(format!("{who} {}", kind.as_str().unwrap_or_default()));
            match (who, patches) {
                ("b", _) => patch(question, &other),
                (_, Some(operations)) => patch(question, operations),
                (_, None) => allow(question),
            }
        });
        let told = ["a Thing", "b Thing", "a Thing"];
        let told = told.get(..if policy == "Never" { 2 } else { 3 });
        assert_eq!(
            Some(
                kinds
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            told
        );
        assert_eq!(
            (outcome.status, &outcome.body["kind"]),
            (
                status,
                &json!(if status == 201 { "Thing" } else { "Status" })
            ),
            "{patches:?} {policy}"
        );
    }
}

#[test]
fn within_a_round_a_custom_object_goes_on_as_what_a_webhook_made_of_it() {
    let other = json!([{"op": "replace", "path": "/kind", "value": "Nothing"}]);
    let mut kinds = Vec::new();
    let outcome = thing_made(["Never", "Never"], |who, question| {
        kinds.push(question.body["request"]["object"]["kind"].clone());
        if who == "a" {
            patch(question, &other)
        } else {
            allow(question)
        }
    });
    assert_eq!(
        (outcome.status, kinds),
        (422, vec![json!("Thing"), json!("Nothing")])
    );
    assert_eq!(
        outcome.message(),
        "Nothing.x.example.com \"t\" is invalid: kind: Invalid value: \"Nothing\": must be Thing"
    );
}
