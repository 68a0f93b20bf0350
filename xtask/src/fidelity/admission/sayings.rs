//! What webhooks of admission are told to say, good and bad.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fidelity::area::Chance;
use crate::fidelity::webhook::{Manner, Saying};

/// Anything; `mutating` ones mostly change something.
pub fn any(chance: &mut Chance, mutating: bool) -> Saying {
    match chance.below(12) {
        0 | 1 => friendly(chance),
        2..=4 if mutating => patch(chance),
        4 => patch(chance),
        5 if mutating => broken_patch(chance),
        2 | 3 | 5 | 6 => denial(chance),
        7 => broken(chance),
        8 => unlike_a_review(chance),
        _ if mutating => patch(chance),
        _ => friendly(chance),
    }
}

/// It agrees.
pub fn friendly(chance: &mut Chance) -> Saying {
    Saying::review(&chance.pick(&[
        json!({"allowed": true}),
        json!({"allowed": true, "warnings": ["mind this"]}),
        json!({"allowed": true, "warnings": ["mind \"that\"", "and <this>\nline", "mind \"that\""]}),
        json!({"allowed": true, "warnings": ["ä".repeat(200), ""]}),
        json!({"allowed": true, "status": {"message": "not looked at", "code": 500}}),
        json!({"allowed": true, "auditAnnotations": {"seen": "yes"}}),
    ]))
}

/// It agrees, and that is all.
pub fn silent(chance: &mut Chance) -> Saying {
    Saying::review(&chance.pick(&[
        json!({"allowed": true}),
        json!({"allowed": true, "status": {"message": "not looked at", "code": 500}}),
        json!({"allowed": true, "auditAnnotations": {"seen": "yes"}}),
    ]))
}

fn denial(chance: &mut Chance) -> Saying {
    let status = chance.pick(&[
        Value::Null,
        json!({}),
        json!({"message": "no such luck"}),
        json!({"reason": "Forbidden"}),
        json!({"code": 403, "reason": "Forbidden", "message": "not here"}),
        json!({"code": 200, "message": "fine"}),
        json!({"code": 302, "message": "elsewhere", "status": "Success"}),
        // Of 429 our client would make another attempt.
        json!({"code": 409, "reason": "Conflict", "message": "later", "details": {"retryAfterSeconds": 3}}),
        json!({"code": 418, "message": "a teapot", "metadata": {"resourceVersion": "7"}}),
        json!({"code": 422, "reason": "Invalid", "message": "wrong", "details": {"name": "n", "group": "g", "kind": "k",
            "causes": [{"reason": "FieldValueInvalid", "message": "m", "field": "f"}, {"message": "alone"}]}}),
        json!({"code": 500, "reason": "InternalError"}),
    ]);
    let mut fields = json!({"allowed": false});
    if !status.is_null() {
        fields["status"] = status;
    }
    if chance.once_in(4) {
        fields["warnings"] = json!(["and a warning"]);
    }
    Saying::review(&fields)
}

fn patched(operations: &Value) -> Saying {
    let patch = STANDARD.encode(operations.to_string());
    Saying::review(&json!({"allowed": true, "patchType": "JSONPatch", "patch": patch}))
}

/// A patch that most objects take.
fn patch(chance: &mut Chance) -> Saying {
    patched(&chance.pick(&[
        json!([{"op": "add", "path": "/metadata/annotations", "value": {"seen": "1"}}]),
        json!([{"op": "add", "path": "/metadata/labels", "value": {"tier": "a", "seen": "1"}}]),
        json!([{"op": "add", "path": "/metadata/labels/seen", "value": "2"}]),
        json!([{"op": "add", "path": "/data", "value": {"all": "new"}}]),
        json!([{"op": "add", "path": "/data/more", "value": "x"}, {"op": "remove", "path": "/data/round"}]),
        json!([{"op": "add", "path": "/spec/replicas", "value": 7}]),
        json!([{"op": "replace", "path": "/spec/size", "value": 3}]),
        json!([{"op": "remove", "path": "/spec/colour"}]),
        json!([{"op": "add", "path": "/spec/terminationGracePeriodSeconds", "value": 1}]),
        json!([{"op": "test", "path": "/metadata/name", "value": "one"}, {"op": "add", "path": "/metadata/annotations", "value": {"is": "one"}}]),
        json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/held"]}]),
        json!([{"op": "copy", "from": "/metadata/name", "path": "/metadata/generateName"}]),
        json!([{"op": "move", "from": "/data/round", "path": "/data/moved"}]),
        json!([]),
        json!([{"op": "add", "path": "/metadata/managedFields", "value": []}]),
        json!([{"op": "add", "path": "/metadata/annotations", "value": {"seen": "1"}}]),
    ]))
}

/// One that can't be applied, or whose result isn't the object any more.
fn broken_patch(chance: &mut Chance) -> Saying {
    match chance.below(4) {
        0 => {
            let text = chance.pick(&["{\"op\":\"add\"}", "[{\"op\":\"add\"}]", "[{\"op\":\"jump\",\"path\":\"/a\"}]", "[1]", "nothing", "null", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]"]);
            let patch = STANDARD.encode(text);
            Saying::review(&json!({"allowed": true, "patchType": "JSONPatch", "patch": patch}))
        }
        1 => Saying::review(&chance.pick(&[
            json!({"allowed": true, "patchType": "JSONPatch"}),
            json!({"allowed": true, "patchType": "JSONPatch", "patch": "no base64!"}),
            json!({"allowed": true, "patchType": "JSONPatch", "patch": ""}),
            json!({"allowed": true, "patch": "W10="}),
            json!({"allowed": true, "patchType": "", "patch": "W10="}),
            json!({"allowed": true, "patchType": "MergePatch", "patch": STANDARD.encode("[{\"op\":\"remove\",\"path\":\"/metadata/labels\"}]")}),
            json!({"allowed": false, "patchType": "JSONPatch", "patch": "W10="}),
        ])),
        _ => patched(&chance.pick(&[
            json!([{"op": "remove", "path": "/nothing"}]),
            json!([{"op": "add", "path": "/no/where", "value": 1}]),
            json!([{"op": "test", "path": "/metadata/name", "value": "nobody"}]),
            json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
            json!([{"op": "replace", "path": "/metadata/namespace", "value": "default"}]),
            json!([{"op": "replace", "path": "/metadata/uid", "value": "0"}]),
            json!([{"op": "add", "path": "/metadata/labels", "value": {"bad key!": "x"}}]),
            json!([{"op": "add", "path": "/metadata/labels", "value": "text"}]),
            json!([{"op": "add", "path": "/data", "value": {"a/b": "c"}}]),
            json!([{"op": "add", "path": "/data", "value": 7}]),
            json!([{"op": "add", "path": "/unknown", "value": {"a": 1}}]),
            json!([{"op": "add", "path": "/spec", "value": {"size": "large"}}]),
            json!([{"op": "replace", "path": "/kind", "value": "Secret"}]),
            json!([{"op": "replace", "path": "/kind", "value": "Nothing"}]),
            json!([{"op": "replace", "path": "/apiVersion", "value": "v9"}]),
            json!([{"op": "replace", "path": "", "value": {}}]),
            json!([{"op": "replace", "path": "", "value": 1}]),
        ])),
    }
}

/// A review that isn't what was wanted.
fn broken(chance: &mut Chance) -> Saying {
    let review = |review: Value| Saying::body(review.to_string());
    let good = json!({"uid": "$UID", "allowed": true});
    review(chance.pick(&[
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"uid": "another", "allowed": true}}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"allowed": true}}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION"}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": null}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": "yes"}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"uid": "$UID", "allowed": "yes"}}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"uid": "$UID", "allowed": true, "warnings": "one"}}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": {"uid": "$UID", "allowed": false, "status": {"code": "x"}}}),
        json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": good, "extra": 1}),
        json!({"kind": "AdmissionReview", "response": good}),
        json!({"apiVersion": "$VERSION", "response": good}),
        json!({"response": good}),
        json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": good}),
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1", "response": good}),
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v9", "response": good}),
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "a status", "code": 400}),
        json!({"kind": "ConfigMap", "apiVersion": "v1"}),
    ]))
}

/// No review at all.
fn unlike_a_review(chance: &mut Chance) -> Saying {
    let status = |status: u16, body: &str| Saying {
        status,
        ..Saying::body(body)
    };
    let failure = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "it says", "reason": "Forbidden", "code": 403});
    let manner = |manner: Manner| Saying {
        manner,
        ..Saying::body("")
    };
    if chance.once_in(8) {
        return manner(Manner::Slow);
    }
    chance.pick(&[
        status(200, ""),
        status(200, "nonsense"),
        status(200, "[1]"),
        status(200, "{\"a\":"),
        status(200, "{}"),
        status(200, "null"),
        status(201, "<html>"),
        status(400, "bad"),
        status(401, ""),
        status(403, &failure.to_string()),
        status(403, "no"),
        status(404, "nothing here"),
        status(409, "conflict"),
        status(422, "wrong"),
        status(429, "slow down"),
        status(500, "broken"),
        status(503, ""),
        manner(Manner::Closed),
        manner(Manner::Closed),
    ])
}
