//! Conversion webhooks: who is asked about what, and what becomes of the answers. Texts are those of kube-apiserver 1.36.3.

use serde_json::{Value, json};

use super::webhooks::Outcome;
use super::{Server, asking};
use crate::builtin::Builtin;
use crate::outside::{Answer, Question};
use crate::request::{Reply, Request, WatchId};
use crate::session::Session;

const GROUP: &str = "conv.example.com";
pub(super) const OLD: &str = "/apis/conv.example.com/v1/namespaces/default/foos";
pub(super) const NEW: &str = "/apis/conv.example.com/v2/namespaces/default/foos";

/// A definition of two versions: v1 has host and port, v2, which is stored, has both in one text.
fn definition() -> Value {
    let version = |name: &str, storage: bool, properties: Value| {
        json!({
            "name": name, "served": true, "storage": storage, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": properties},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            }}},
        })
    };
    let text = json!({"type": "string"});
    json!({
        "metadata": {"name": format!("foos.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
            "versions": [
                version("v1", false, json!({"host": text, "port": text, "one": {"type": "string", "default": "1"}})),
                version("v2", true, json!({"hostPort": text, "two": {"type": "string", "default": "2"}})),
            ],
            "conversion": {"strategy": "Webhook", "webhook": {
                "clientConfig": {"url": "https://hook.example.com/convert"}, "conversionReviewVersions": ["v1"],
            }},
        },
    })
}

/// What the webhook makes of an object.
fn converted(object: &Value, api_version: &str) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = json!(api_version);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return object;
    };
    let mut take = |key: &str| match spec.remove(key) {
        Some(value) => value.as_str().unwrap().to_owned(),
        None => String::new(),
    };
    if api_version.ends_with("/v1") {
        let both = take("hostPort");
        let (host, port) = both.split_once(':').unwrap();
        spec.insert("host".to_owned(), json!(host));
        spec.insert("port".to_owned(), json!(port));
    } else {
        let both = format!("{}:{}", take("host"), take("port"));
        spec.insert("hostPort".to_owned(), json!(both));
    }
    object
}

/// The right answer, after a change of the review.
pub(super) fn answer(question: &Question, change: impl FnOnce(&mut Value)) -> Answer {
    let request = &question.body["request"];
    let wanted = request["desiredAPIVersion"].as_str().unwrap();
    let objects = request["objects"].as_array().unwrap().iter();
    let objects: Vec<Value> = objects.map(|object| converted(object, wanted)).collect();
    let mut review = json!({
        "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
        "response": {"uid": question.uid, "result": {"status": "Success"}, "convertedObjects": objects},
    });
    change(&mut review);
    Answer::Reply {
        status: 200,
        body: review.to_string().into(),
    }
}

fn right(_: &mut Server, question: &Question) -> Answer {
    answer(question, |_| {})
}

/// A server with the definition in force.
pub(super) fn server() -> Server {
    let mut server = Server::new();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    server.ok("POST", path, &definition());
    establish(&mut server);
    server
}

/// Lets the server's own controller accept definitions.
fn establish(server: &mut Server) {
    let changes: Vec<_> = server.api.take_changes().into();
    let mut controller = crate::apiserver::Definitions::default();
    for _ in 0..3 {
        let mut session = Session {
            api: &mut server.api,
            entropy: &mut server.entropy,
            faults: None,
            recorder: &mut crate::recorder::Recorder::default(),
            actor: "customresourcedefinitions",
            now: server.now,
        };
        controller.step(&mut session, &changes);
    }
}

fn old(name: &str) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Foo", "metadata": {"name": name}, "spec": {"host": "h", "port": "1"}})
}

pub(super) fn new(name: &str) -> Value {
    json!({"apiVersion": format!("{GROUP}/v2"), "kind": "Foo", "metadata": {"name": name}, "spec": {"hostPort": "h:2"}})
}

/// What was asked for, question by question: names and wanted versions.
fn asked_for(outcome: &Outcome) -> Vec<String> {
    let questions = outcome.rounds.iter().flatten();
    questions
        .map(|question| {
            let request = &question.body["request"];
            let name = request["objects"][0]["metadata"]["name"].as_str().unwrap();
            let wanted = request["desiredAPIVersion"].as_str().unwrap();
            format!("{name} {}", wanted.rsplit('/').next().unwrap())
        })
        .collect()
}

/// The reply to a request whose questions are answered rightly.
fn settled(server: &mut Server, request: &Request) -> Reply {
    let mut reply = server.api.handle(request, server.now, &mut server.entropy);
    while let Reply::Ask {
        questions,
        mut pending,
    } = reply
    {
        for question in &questions {
            pending.answer(question, answer(question, |_| {}));
        }
        reply = server.api.resume(request, server.now, *pending);
    }
    reply
}

/// Everything a watch has to say, its questions answered.
fn followed(server: &mut Server, id: WatchId) -> (Vec<Value>, bool) {
    let mut events = Vec::new();
    loop {
        let poll = server.api.watch_frames(id, server.now);
        let frames = poll.frames.iter();
        events.extend(frames.map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
        if poll.questions.is_empty() {
            return (events, poll.ended);
        }
        let answers = poll.questions.into_iter().map(|question| {
            let answer = answer(&question, |_| {});
            (question, answer)
        });
        server.api.watch_answered(id, answers.collect());
    }
}

#[test]
fn a_write_in_another_version_is_stored_converted_and_answered_as_it_is_read_again() {
    let mut server = server();
    let outcome = server.asked(("POST", OLD), &old("a"), right);
    assert_eq!(outcome.status, 201, "{}", outcome.body);
    assert_eq!(asked_for(&outcome), ["a v2", "a v1"]);
    // The default of v1 is not in v2, and what is read again has no defaults of v1.
    assert_eq!(outcome.body["spec"], json!({"host": "h", "port": "1"}));
    let stored = server.ok("GET", &format!("{NEW}/a"), &Value::Null);
    // A default of the stored version comes with each read.
    assert_eq!(stored["spec"], json!({"hostPort": "h:1", "two": "2"}));
    assert_eq!(
        stored["metadata"]["resourceVersion"],
        outcome.body["metadata"]["resourceVersion"]
    );
    let sent = &outcome.rounds[0][0].body;
    assert_eq!(
        sent["request"]["objects"][0]["metadata"].get("resourceVersion"),
        None
    );
}

#[test]
fn a_patch_sees_the_object_in_its_own_version() {
    let mut server = server();
    server.ok("POST", NEW, &new("a"));
    let patch = json!({"spec": {"port": "7"}});
    let outcome = server.asked(("PATCH", &format!("{OLD}/a")), &patch, right);
    assert_eq!(
        (outcome.status, &outcome.body["spec"]["port"]),
        (200, &json!("7"))
    );
    let stored = server.ok("GET", &format!("{NEW}/a"), &Value::Null);
    assert_eq!(stored["spec"]["hostPort"], "h:7");
}

#[test]
fn a_list_asks_about_what_it_has_not_seen_yet() {
    let mut server = server();
    server.ok("POST", NEW, &new("a"));
    server.ok("POST", NEW, &new("b"));
    let outcome = server.asked(("GET", OLD), &Value::Null, right);
    assert_eq!(
        (outcome.rounds.len(), asked_for(&outcome)),
        (1, vec!["a v1".to_owned(), "b v1".to_owned()])
    );
    let hosts: Vec<_> = outcome.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["spec"]["host"].clone())
        .collect();
    assert_eq!(hosts, ["h", "h"]);
    assert_eq!(
        server.asked(("GET", OLD), &Value::Null, right).rounds.len(),
        0
    );
    let mut b = server.get(&format!("{NEW}/b"));
    b["spec"]["hostPort"] = json!("other:1");
    server.ok("PUT", &format!("{NEW}/b"), &b);
    assert_eq!(
        asked_for(&server.asked(("GET", OLD), &Value::Null, right)),
        ["b v1"]
    );
    // One object is asked about each time.
    let one = server.asked(("GET", &format!("{OLD}/a")), &Value::Null, right);
    assert_eq!(asked_for(&one), ["a v1"]);
    assert_eq!(
        server.asked(("GET", NEW), &Value::Null, right).rounds.len(),
        0
    );
}

#[test]
fn a_watch_waits_for_conversions_without_holding_up_others() {
    let mut server = server();
    server.ok("POST", NEW, &new("a"));
    let request = asking("GET", &format!("{OLD}?watch=1"), &Value::Null);
    let reply = settled(&mut server, &request);
    let Reply::Watch { id, .. } = reply else {
        panic!("{reply:?}");
    };
    server.ok("POST", NEW, &new("b"));
    let poll = server.api.watch_frames(id, server.now);
    assert_eq!((poll.frames.len(), poll.questions.len()), (1, 1));
    server.ok("DELETE", &format!("{NEW}/b"), &Value::Null);
    let answers = poll.questions.into_iter().map(|question| {
        let answer = answer(&question, |_| {});
        (question, answer)
    });
    server.api.watch_answered(id, answers.collect());
    let (events, ended) = followed(&mut server, id);
    let seen: Vec<_> = events
        .iter()
        .map(|event| format!("{} {}", event["type"], event["object"]["spec"]["port"]))
        .collect();
    assert_eq!(
        (seen, ended),
        (
            vec![r#""ADDED" "2""#.to_owned(), r#""DELETED" "2""#.to_owned()],
            false
        )
    );
}

#[test]
fn a_watch_ends_with_the_failure_of_a_conversion() {
    let mut server = server();
    let id = server.watch(&format!("{OLD}?watch=1"));
    server.ok("POST", NEW, &new("a"));
    let poll = server.api.watch_frames(id, server.now);
    let failed = |question: Question| (question, Answer::Failed("dial tcp: refused".to_owned()));
    server
        .api
        .watch_answered(id, poll.questions.into_iter().map(failed).collect());
    let poll = server.api.watch_frames(id, server.now);
    let event: Value = serde_json::from_slice(&poll.frames[0]).unwrap();
    assert_eq!((event["type"].as_str(), poll.ended), (Some("ERROR"), true));
    assert_eq!(
        event["object"]["message"],
        "conversion webhook for conv.example.com/v2, Kind=Foo failed: Post \"https://hook.example.com/convert?timeout=30s\": \
         dial tcp: refused"
    );
}

/// What a read says if the answer is changed that way.
fn complaint(change: impl Fn(&mut Value)) -> String {
    let mut server = server();
    let mut object = new("a");
    object["metadata"]["labels"] = json!({"x": "y"});
    server.ok("POST", NEW, &object);
    let outcome = server.asked(("GET", &format!("{OLD}/a")), &Value::Null, |_, question| {
        answer(question, &change)
    });
    if outcome.status == 200 {
        return outcome.body["metadata"]["labels"].to_string();
    }
    assert_eq!((outcome.status, outcome.body.get("reason")), (500, None));
    let text = outcome.message();
    let prefix = "conversion webhook for conv.example.com/v2, Kind=Foo ";
    text.strip_prefix(prefix).unwrap_or(text).to_owned()
}

/// The same of a change of the converted object.
fn object_complaint(change: impl Fn(&mut Value)) -> String {
    complaint(|review| change(&mut review["response"]["convertedObjects"][0]))
}

#[test]
fn answers_are_checked_as_the_real_server_checks_them() {
    let said = complaint(|review| review["response"]["uid"] = json!("x"));
    assert!(
        said.starts_with("failed: expected response.uid=\"") && said.ends_with("\", got \"x\""),
        "{said}"
    );
    assert_eq!(
        complaint(|review| review["response"]["result"] =
            json!({"status": "Failure", "message": "cannot do that"})),
        "failed: cannot do that"
    );
    assert_eq!(
        complaint(|review| review["response"]["result"] = json!({})),
        "failed: response.result.status was '', not 'Success'"
    );
    assert_eq!(
        complaint(|review| review["response"]["convertedObjects"] = json!([])),
        "returned 0 objects, expected 1"
    );
    assert_eq!(
        complaint(|review| review["apiVersion"] = json!("apiextensions.k8s.io/v1beta1")),
        "failed: converting (v1beta1.ConversionReview) to (v1.ConversionReview): unknown conversion"
    );
    assert_eq!(
        complaint(|review| review["kind"] = json!("Foo")),
        "failed: no kind \"Foo\" is registered for version \"apiextensions.k8s.io/v1\" in scheme \"pkg/runtime/scheme.go:111\""
    );
    assert_eq!(
        complaint(|review| drop(review.as_object_mut().unwrap().remove("response"))),
        "failed: no response provided"
    );
}

#[test]
fn converted_objects_must_stay_what_they_are() {
    assert_eq!(
        object_complaint(|object| object["kind"] = json!("Other")),
        "returned invalid object at index 0: invalid kind (expected Foo, received Other)"
    );
    assert_eq!(
        object_complaint(|object| object["apiVersion"] = json!("conv.example.com/v9")),
        "returned invalid object at index 0: invalid groupVersion (expected conv.example.com/v1, received conv.example.com/v9)"
    );
    assert_eq!(
        object_complaint(|object| object["metadata"]["name"] = json!("other")),
        "returned invalid object: must have the same name: a != other"
    );
    assert_eq!(
        object_complaint(|object| object["metadata"] = json!("x")),
        "returned invalid object: must have the same name: a != "
    );
    assert_eq!(
        object_complaint(|object| object["metadata"]["labels"] = json!({"a": 5})),
        "returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object"
    );
    assert_eq!(
        object_complaint(|object| object["metadata"]["labels"] = json!("x")),
        "returned invalid metadata: invalid metadata.labels of type string in converted object"
    );
    assert!(
        object_complaint(|object| object["metadata"]["annotations"] = json!({"a b": "c"}))
            .starts_with("returned invalid metadata: metadata.annotation: Invalid value: \"a b\": name part must consist of")
    );
    assert_eq!(
        complaint(|review| review["response"]["convertedObjects"] = json!(["x"])),
        "json: cannot unmarshal string into Go value of type map[string]interface {}"
    );
    // Labels are the webhook's; the rest of metadata is not.
    assert_eq!(
        object_complaint(|object| {
            object["metadata"]["labels"] = json!({"a": "b"});
            object["metadata"]["finalizers"] = json!(["x/y"]);
        }),
        r#"{"a":"b"}"#
    );
}

#[test]
fn a_deletion_reads_and_answers_in_its_own_version() {
    let mut server = server();
    let mut object = new("a");
    object["metadata"]["finalizers"] = json!(["x.example.com/y"]);
    server.ok("POST", NEW, &object);
    let path = format!("{OLD}/a");
    let refused = server.asked(("DELETE", &path), &Value::Null, |_, question| {
        answer(question, |review| review["response"]["uid"] = json!("x"))
    });
    assert_eq!(refused.status, 500);
    let outcome = server.asked(("DELETE", &path), &Value::Null, right);
    assert_eq!(
        (outcome.status, &outcome.body["spec"]["host"]),
        (200, &json!("h"))
    );
    assert!(outcome.body["metadata"]["deletionTimestamp"].is_string());
    let free = json!({"metadata": {"finalizers": null}});
    let gone = server.asked(("PATCH", &path), &free, right);
    assert_eq!(
        (gone.status, &gone.body["apiVersion"]),
        (200, &json!("conv.example.com/v1"))
    );
    server.ok("POST", NEW, &new("b"));
    server.ok("POST", NEW, &new("c"));
    let all = server.asked(("DELETE", OLD), &Value::Null, right);
    assert_eq!(
        (all.status, all.body["items"].as_array().unwrap().len()),
        (200, 2)
    );
    assert_eq!(server.get(NEW)["items"], json!([]));
}

#[test]
fn a_write_converts_what_it_found_back_and_a_failing_one_looks_at_what_is_stored() {
    let mut server = server();
    server.ok("POST", NEW, &new("a"));
    server.asked(("GET", OLD), &Value::Null, right);
    let path = format!("{OLD}/a");
    let mut stale = old("a");
    stale["metadata"]["resourceVersion"] = json!("1");
    // The webhook fails at what is wanted in one version only.
    let put = |server: &mut Server, path: &str, fails: &'static str| {
        let outcome = server.asked(("PUT", path), &stale, |_, question| {
            let wanted = question.body["request"]["desiredAPIVersion"].to_string();
            answer(question, |review| {
                if wanted.contains(fails) {
                    review["response"]["result"] = json!({"status": "Failure", "message": "no"});
                }
            })
        });
        let asked = asked_for(&outcome).join(", ");
        (outcome.status, asked, outcome.message().to_owned())
    };
    let failure = |version: &str| {
        format!("conversion webhook for conv.example.com/{version}, Kind=Foo failed: no")
    };
    let (status, asked, text) = put(&mut server, &path, "v2");
    assert_eq!((status, asked.as_str(), text), (500, "a v2", failure("v1")));
    // Between the two, who owned what is seen in the other version.
    let all = "a v2, a v2, a v1";
    let (status, asked, text) = put(&mut server, &path, "v1");
    assert_eq!((status, asked.as_str(), text), (500, all, failure("v2")));
    let (status, asked, _) = put(&mut server, &path, "v9");
    assert_eq!((status, asked.as_str()), (409, all));
    // A dry run has no cache.
    let (status, asked, text) = put(&mut server, &format!("{path}?dryRun=All"), "v1");
    assert_eq!((status, asked.as_str(), text), (500, "a v1", failure("v2")));
}

#[test]
fn an_apply_in_one_version_knows_what_was_owned_in_another() {
    let mut server = server();
    let apply = |server: &mut Server, path: &str, object: &Value, manager: &str| {
        let path = format!("{path}/a?fieldManager={manager}");
        let body = object.to_string();
        let request = crate::conformance::request(
            "PATCH",
            &path,
            body.as_bytes(),
            Some("application/apply-patch+yaml"),
        );
        let reply = settled(server, &request);
        let Reply::Full(response) = reply else {
            panic!("{reply:?}");
        };
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        (response.status, body)
    };
    assert_eq!(apply(&mut server, NEW, &new("a"), "one").0, 201);
    let mut other = old("a");
    other["spec"]["port"] = json!("9");
    let (status, body) = apply(&mut server, OLD, &other, "two");
    assert_eq!(status, 409, "{body}");
    assert_eq!(
        body["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .spec.hostPort"
    );
}
