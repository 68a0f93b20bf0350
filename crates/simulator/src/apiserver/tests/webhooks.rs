//! Validating webhooks: who is asked what, and what becomes of the answers. Texts are those of kube-apiserver 1.36.3.

use serde_json::{Value, json};

use super::admission::BASE;
use super::{CONFIG_MAPS, PODS, Server, asking, config_map, pod};
use crate::outside::{Answer, Question};
use crate::request::Reply;

pub(super) const HOOK: &str = "w.example.com";

/// A configuration of one webhook for everything that happens to `ConfigMaps`, with some fields replaced.
pub(super) fn configuration(name: &str, changes: &Value) -> Value {
    let mut webhook = json!({
        "name": HOOK,
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
        "clientConfig": {"url": format!("https://{name}.example.com/hook")},
        "sideEffects": "None", "admissionReviewVersions": ["v1"],
    });
    for (key, value) in changes.as_object().unwrap() {
        webhook[key] = value.clone();
    }
    json!({"metadata": {"name": name}, "webhooks": [webhook]})
}

/// What a webhook answers: an `AdmissionReview` with these fields in its response.
pub(super) fn answer(question: &Question, fields: &Value) -> Answer {
    let mut response = json!({"uid": question.uid, "allowed": true});
    for (key, value) in fields.as_object().unwrap() {
        response[key] = value.clone();
    }
    let review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
    Answer::Reply {
        status: 200,
        body: review.to_string().into(),
    }
}

pub(super) fn allow(question: &Question) -> Answer {
    answer(question, &json!({}))
}

/// Each of these answers of the webhook fails a create, with that text.
pub(super) fn fail_with(server: &mut Server, cases: impl IntoIterator<Item = (Answer, String)>) {
    for (given, text) in cases {
        let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("a"), |_, _| {
            given.clone()
        });
        let expected = format!("Internal error occurred: failed calling webhook {HOOK:?}: {text}");
        assert_eq!(
            (outcome.status, outcome.message()),
            (500, expected.as_str())
        );
    }
}

/// What came of a request: status, body, Warnings, and what was asked on the way, round by round.
pub(super) struct Outcome {
    pub status: u16,
    pub body: Value,
    pub warnings: Vec<String>,
    pub rounds: Vec<Vec<Question>>,
}

impl Outcome {
    pub(super) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The only request that was asked about.
    pub(super) fn request(&self) -> &Value {
        let [round] = self.rounds.as_slice() else {
            panic!("{} rounds", self.rounds.len());
        };
        let [question] = round.as_slice() else {
            panic!("{} questions", round.len());
        };
        &question.body["request"]
    }
}

impl Server {
    pub(super) fn hook(&mut self, kind: &str, name: &str, changes: &Value) {
        let path = format!("{BASE}/{kind}webhookconfigurations");
        self.ok("POST", &path, &configuration(name, changes));
    }

    /// A request whose questions are answered.
    pub(super) fn asked(
        &mut self,
        (method, path): (&str, &str),
        body: &Value,
        mut answers: impl FnMut(&mut Self, &Question) -> Answer,
    ) -> Outcome {
        let request = asking(method, path, body);
        let mut reply = self.api.handle(&request, self.now, &mut self.entropy);
        let mut rounds = Vec::new();
        loop {
            match reply {
                Reply::Ask {
                    questions,
                    mut pending,
                } => {
                    for question in &questions {
                        let answer = answers(self, question);
                        pending.answer(question, answer);
                    }
                    rounds.push(questions);
                    reply = self.api.resume(&request, self.now, *pending);
                }
                Reply::Full(response) => {
                    let warnings = response.headers.get_all("warning").iter();
                    return Outcome {
                        status: response.status,
                        body: serde_json::from_slice(&response.body).unwrap_or_default(),
                        warnings: warnings
                            .map(|text| text.to_str().unwrap().to_owned())
                            .collect(),
                        rounds,
                    };
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn nothing_is_stored_before_the_answer_and_the_repeated_run_is_the_same() {
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    let body = json!({"metadata": {"generateName": "g-"}});
    let revision = server.api.revision();
    let outcome = server.asked(("POST", CONFIG_MAPS), &body, |server, question| {
        assert_eq!(server.api.revision(), revision);
        // Others draw uids and names meanwhile.
        server.entropy.uid();
        allow(question)
    });
    assert_eq!(outcome.status, 201);
    let asked = outcome.request();
    for field in ["name", "uid", "creationTimestamp", "generateName"] {
        assert_eq!(
            asked["object"]["metadata"][field], outcome.body["metadata"][field],
            "{field}"
        );
    }
    assert_eq!(asked["name"], outcome.body["metadata"]["name"]);
}

#[test]
fn the_newest_object_decides_and_an_answer_counts_for_its_question_alone() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.hook("validating", "h", &json!({}));
    let change = json!({"data": {"x": "1"}});
    let path = format!("{CONFIG_MAPS}/a");
    let mut seen = 0;
    let outcome = server.asked(("PATCH", &path), &change, |server, question| {
        seen += 1;
        if seen == 1 {
            let other = server.api.store().get("/configmaps", "default/a").unwrap();
            let mut other = (*other.value).clone();
            other["data"] = json!({"y": "2"});
            let now = server.now;
            server
                .api
                .store_mut()
                .put("/configmaps", "default/a", other, now);
        }
        allow(question)
    });
    assert_eq!((outcome.status, outcome.rounds.len()), (200, 2));
    assert_eq!(outcome.body["data"], json!({"x": "1", "y": "2"}));
    assert_eq!(
        outcome.rounds[1][0].body["request"]["oldObject"]["data"],
        json!({"y": "2"})
    );
}

#[test]
fn a_review_says_what_is_asked() {
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    let created = server.asked(
        (
            "POST",
            &format!("{CONFIG_MAPS}?fieldManager=m&fieldValidation=Strict"),
        ),
        &config_map("a"),
        |_, question| allow(question),
    );
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    let mut expected = json!({
        "uid": created.rounds[0][0].uid, "kind": kind, "resource": resource, "requestKind": kind,
        "requestResource": resource, "name": "a", "namespace": "default", "operation": "CREATE",
        "userInfo": created.request()["userInfo"], "object": created.request()["object"], "oldObject": null,
        "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "m", "fieldValidation": "Strict"},
    });
    assert_eq!(created.request(), &expected);
    assert_eq!(created.request()["userInfo"]["groups"][0], "system:masters");
    let path = format!("{CONFIG_MAPS}/a");
    let change = json!({"data": {"x": "1"}});
    let patched = server.asked(("PATCH", &path), &change, |_, question| allow(question));
    assert_eq!(patched.request()["operation"], "UPDATE");
    assert_eq!(patched.request()["options"]["kind"], "UpdateOptions");
    assert_eq!(patched.request()["object"]["data"], json!({"x": "1"}));
    assert_eq!(patched.request()["oldObject"]["data"], Value::Null);
    let options = json!({"propagationPolicy": "Background", "gracePeriodSeconds": 0});
    let deleted = server.asked(("DELETE", &path), &options, |_, question| allow(question));
    expected = json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Background",
        "gracePeriodSeconds": 0});
    assert_eq!(deleted.request()["options"], expected);
    assert_eq!(deleted.request()["object"], Value::Null);
    assert_eq!(deleted.request()["oldObject"]["data"], json!({"x": "1"}));
    assert_eq!(deleted.status, 200);
}

#[test]
fn denials_keep_what_the_webhook_says() {
    let denied = format!("admission webhook {HOOK:?} denied the request");
    let cases = [
        (
            Value::Null,
            400,
            format!("{denied} without explanation"),
            Value::Null,
        ),
        (
            json!({"message": "no way", "code": 403, "reason": "Forbidden", "details": {"name": "x", "retryAfterSeconds": 3}}),
            403,
            format!("{denied}: no way"),
            json!("Forbidden"),
        ),
        (
            json!({"reason": "Odd", "code": 200, "status": "Success"}),
            400,
            format!("{denied}: Odd"),
            json!("Odd"),
        ),
    ];
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    for (status, code, message, reason) in cases {
        let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("a"), |_, question| {
            answer(question, &json!({"allowed": false, "status": status}))
        });
        assert_eq!(
            (outcome.status, outcome.message()),
            (code, message.as_str())
        );
        assert_eq!(outcome.body["status"], "Failure");
        assert_eq!(outcome.body["reason"], reason);
        assert_eq!(outcome.body["details"], status["details"]);
    }
}

#[test]
fn a_webhook_out_of_reach_fails_the_request_unless_it_may_be_ignored() {
    let cause = format!(
        "failed calling webhook {HOOK:?}: failed to call webhook: Post \"https://h.example.com/hook?timeout=10s\": \
         context deadline exceeded"
    );
    for (policy, code) in [("Fail", 500), ("Ignore", 201)] {
        let mut server = Server::new();
        server.hook("validating", "h", &json!({"failurePolicy": policy}));
        let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("a"), |_, _| {
            Answer::Failed("context deadline exceeded".to_owned())
        });
        assert_eq!(outcome.status, code);
        if code == 500 {
            assert_eq!(
                outcome.body,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 500,
                    "reason": "InternalError", "message": format!("Internal error occurred: {cause}"),
                    "details": {"causes": [{"message": cause}]}})
            );
        }
    }
}

#[test]
fn answers_that_make_no_sense_are_no_answers() {
    let reply = |status: u16, body: &str| Answer::Reply {
        status,
        body: body.to_owned().into(),
    };
    let kind = "AdmissionReview";
    let body = |api_version: &str, kind: &str, response: Value| {
        json!({"apiVersion": api_version, "kind": kind, "response": response}).to_string()
    };
    let call = "failed to call webhook: ";
    let invalid = "received invalid webhook response: ";
    let v1 = "admission.k8s.io/v1";
    let cases = [
        (
            reply(404, "nope"),
            format!("{call}the server could not find the requested resource"),
        ),
        (
            reply(500, "boom"),
            format!(
                "{call}an error on the server (\"unknown\") has prevented the request from succeeding"
            ),
        ),
        (
            reply(
                403,
                &json!({"kind": "Status", "message": "stat"}).to_string(),
            ),
            format!("{call}stat"),
        ),
        (
            reply(200, ""),
            format!(
                "{call}0-length response with status code: 200 and content type: application/json"
            ),
        ),
        (
            reply(200, &json!({"apiVersion": v1, "kind": kind}).to_string()),
            format!("{invalid}webhook response was absent"),
        ),
        (
            reply(200, &body(v1, "Foo", json!({}))),
            format!(
                "{call}no kind \"Foo\" is registered for version \"{v1}\" in scheme \"pkg/runtime/scheme.go:111\""
            ),
        ),
        (
            reply(200, &body("admission.k8s.io/v1beta1", kind, json!({}))),
            format!(
                "{call}converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion"
            ),
        ),
    ];
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    fail_with(&mut server, cases);
    let cases = [
        (json!({"uid": "nope"}), "got \"nope\""),
        (
            json!({"patch": "e30="}),
            "validating webhook may not return response.patch",
        ),
        (
            json!({"patchType": "JSONPatch"}),
            "validating webhook may not return response.patchType",
        ),
    ];
    for (fields, end) in cases {
        let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("a"), |_, question| {
            answer(question, &fields)
        });
        assert_eq!(outcome.status, 500);
        assert!(outcome.message().ends_with(end), "{}", outcome.message());
        assert!(outcome.message().contains(invalid), "{}", outcome.message());
    }
}

#[test]
fn validating_webhooks_are_asked_at_once_and_all_warnings_reach_the_client() {
    let mut server = Server::new();
    for name in ["b", "a"] {
        server.hook("validating", name, &json!({}));
    }
    let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("x"), |_, question| {
        let text = format!("from {}", question.url());
        answer(
            question,
            &json!({"warnings": [text, "same"], "auditAnnotations": {"k": "v"}}),
        )
    });
    assert_eq!(
        (
            outcome.status,
            outcome.rounds.len(),
            outcome.rounds[0].len()
        ),
        (201, 1, 2)
    );
    assert_eq!(
        outcome.warnings,
        [
            "299 - \"from https://a.example.com/hook?timeout=10s\"",
            "299 - \"same\"",
            "299 - \"from https://b.example.com/hook?timeout=10s\"",
        ]
    );
}

#[test]
fn a_dry_run_reaches_only_webhooks_without_side_effects() {
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    for (effects, code) in [("None", 201), ("NoneOnDryRun", 201), ("Some", 400)] {
        let mut server = Server::new();
        server.hook("validating", "h", &json!({"sideEffects": "None"}));
        // Configurations with other effects are from before v1.
        let table = "admissionregistration.k8s.io/validatingwebhookconfigurations";
        let mut stored = (*server.api.store().get(table, "h").unwrap().value).clone();
        stored["webhooks"][0]["sideEffects"] = json!(effects);
        let now = server.now;
        server.api.store_mut().put(table, "h", stored, now);
        let outcome = server.asked(("POST", &path), &config_map("a"), |_, question| {
            allow(question)
        });
        assert_eq!(outcome.status, code);
        if code == 400 {
            let text = format!("admission webhook {HOOK:?} does not support dry run");
            assert_eq!(
                (outcome.message(), outcome.rounds.len()),
                (text.as_str(), 0)
            );
        } else {
            assert_eq!(outcome.request()["dryRun"], true);
        }
    }
}

#[test]
fn a_collection_is_asked_about_object_by_object_without_names() {
    let mut server = Server::new();
    for name in ["a", "b", "c"] {
        server.ok("POST", CONFIG_MAPS, &config_map(name));
    }
    server.hook("validating", "h", &json!({}));
    let outcome = server.asked(("DELETE", CONFIG_MAPS), &Value::Null, |_, question| {
        let request = &question.body["request"];
        assert_eq!(request["name"], Value::Null);
        let allowed = request["oldObject"]["metadata"]["name"] != "b";
        answer(question, &json!({"allowed": allowed}))
    });
    assert_eq!((outcome.status, outcome.rounds.len()), (400, 2));
    let left = server.get(CONFIG_MAPS);
    let names = left["items"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn subresources_are_asked_about_as_what_is_posted_to_them() {
    let mut server = Server::new();
    let mut running = pod("p");
    running["spec"]["nodeName"] = json!("n");
    server.ok("POST", PODS, &running);
    let rules = json!([{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"]}]);
    server.hook("validating", "h", &json!({"rules": rules}));
    let path = format!("{PODS}/p/eviction");
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    let outcome = server.asked(("POST", &path), &body, |_, question| allow(question));
    // Neither the condition that eviction sets nor the deletion is asked about again.
    let asked = outcome.request();
    assert_eq!(
        asked["kind"],
        json!({"group": "policy", "version": "v1", "kind": "Eviction"})
    );
    assert_eq!(asked["subResource"], "eviction");
    assert_eq!(asked["requestSubResource"], "eviction");
    assert_eq!(asked["resource"]["resource"], "pods");
    assert_eq!(outcome.status, 201);
}

#[test]
fn what_is_invalid_never_reaches_a_validating_webhook() {
    let mut server = Server::new();
    server.hook("validating", "h", &json!({}));
    let outcome = server.asked(("POST", CONFIG_MAPS), &config_map("A"), |_, _| {
        panic!("asked")
    });
    assert_eq!(outcome.status, 422);
}

#[test]
fn a_request_does_not_wait_for_ever() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.hook("validating", "h", &json!({}));
    let path = format!("{CONFIG_MAPS}/a");
    let text =
        "Timeout: request did not complete within requested timeout - context deadline exceeded";
    for (query, seconds) in [("", 34), ("?timeout=2s", 2), ("?timeout=10m", 34)] {
        let path = format!("{path}{query}");
        let mut write = |seconds| {
            let body =
                json!({"data": {"x": "1"}, "metadata": {"labels": {"l": query.len().to_string()}}});
            server.asked(("PATCH", &path), &body, |server, question| {
                server.wait(seconds);
                allow(question)
            })
        };
        let late = write(seconds);
        assert_eq!((late.status, late.message()), (504, text), "{query}");
        assert_eq!(write(seconds - 1).status, 200, "{query}");
    }
}
