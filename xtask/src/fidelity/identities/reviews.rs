//! Reviews of access, of rules and of who somebody is.
use serde_json::{Map, Value, json};

use super::cast::{Actor, GROUPS, NAMES, PATHS, RESOURCES, TOKEN, VERBS, enters, rules};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const ACCESS: &str = "/apis/authorization.k8s.io/v1";
const IDENTITY: &str = "/apis/authentication.k8s.io/v1";

/// Reviews of what somebody may do.
pub fn access(chance: &mut Chance) -> Vec<Step> {
    let mut steps = enters(rules(3, false, chance), rules(3, true, chance), chance);
    for _ in 0..18 {
        let step = match chance.below(8) {
            0..3 => review(
                "SelfSubjectAccessReview",
                "selfsubjectaccessreviews",
                false,
                chance,
            ),
            3..5 => review("SubjectAccessReview", "subjectaccessreviews", true, chance),
            5..7 => review(
                "LocalSubjectAccessReview",
                "localsubjectaccessreviews",
                true,
                chance,
            ),
            _ => rules_review(chance),
        };
        steps.push(actor(chance).sends(step));
    }
    steps
}

/// Reviews are asked by whoever may.
fn actor(chance: &mut Chance) -> Actor {
    if chance.once_in(3) {
        Actor::Admin
    } else {
        Actor::any(chance)
    }
}

fn review(kind: &str, plural: &str, somebody: bool, chance: &mut Chance) -> Step {
    let local = kind == "LocalSubjectAccessReview";
    let mut spec = Map::new();
    match chance.below(12) {
        0 => {}
        1 => {
            spec.insert("nonResourceAttributes".to_owned(), path_asked(chance));
            spec.insert(
                "resourceAttributes".to_owned(),
                resource_asked(local, chance),
            );
        }
        2..5 => {
            spec.insert("nonResourceAttributes".to_owned(), path_asked(chance));
        }
        _ => {
            spec.insert(
                "resourceAttributes".to_owned(),
                resource_asked(local, chance),
            );
        }
    }
    if somebody {
        whom(&mut spec, chance);
    }
    let mut body = type_meta("authorization.k8s.io/v1", kind, chance);
    metadata(&mut body, chance);
    body.insert("spec".to_owned(), spec.into());
    if chance.once_in(12) {
        body.insert(
            "status".to_owned(),
            json!({"allowed": true, "reason": "mine"}),
        );
    }
    let place = if local {
        format!("{ACCESS}/namespaces/${{ns}}/{plural}")
    } else {
        format!("{ACCESS}/{plural}")
    };
    request(&place, body, chance)
}

fn rules_review(chance: &mut Chance) -> Step {
    let mut body = type_meta("authorization.k8s.io/v1", "SelfSubjectRulesReview", chance);
    let namespace = chance.pick(&["${ns}", "${ns}", "${ns}", "default", "none", ""]);
    if !chance.once_in(10) {
        body.insert("spec".to_owned(), json!({"namespace": namespace}));
    }
    let place = format!("{ACCESS}/selfsubjectrulesreviews");
    // Rules are listed in whatever order Go's maps have the bindings in.
    Step::new("POST", place).json(&body.into()).show(&[
        "/status/resourceRules/*",
        "/status/nonResourceRules/*",
        "/status/incomplete",
        "/status/evaluationError",
        "/message",
        "/spec",
        "/metadata",
    ])
}

/// Reviews of who somebody is.
pub fn identity(chance: &mut Chance) -> Vec<Step> {
    let mut steps = enters(rules(2, false, chance), rules(2, true, chance), chance);
    for _ in 0..14 {
        let step = match chance.below(3) {
            0 => {
                let step = token_review(chance);
                actor(chance).sends(step)
            }
            1 => {
                let step = Step::get("/api/v1/namespaces/${ns}/configmaps");
                step.header("authorization", &format!("Bearer {}", shown(chance)))
            }
            _ => {
                let mut body = type_meta("authentication.k8s.io/v1", "SelfSubjectReview", chance);
                metadata(&mut body, chance);
                let step = request(&format!("{IDENTITY}/selfsubjectreviews"), body, chance);
                Actor::any(chance).sends(step)
            }
        };
        steps.push(step);
    }
    steps
}

/// A token, right or wrong.
fn shown(chance: &mut Chance) -> String {
    let end = TOKEN.replace("/token}", "/none}");
    match chance.below(9) {
        0..4 => TOKEN.to_owned(),
        4 => format!("{TOKEN}x"),
        5 => "eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.".to_owned(),
        6 => chance
            .pick(&["a", "a.b", "a.b.c", "abcdef.0123456789abcdef"])
            .to_owned(),
        7 => end,
        _ => "admin-tokens".to_owned(),
    }
}

fn token_review(chance: &mut Chance) -> Step {
    let mut body = type_meta("authentication.k8s.io/v1", "TokenReview", chance);
    metadata(&mut body, chance);
    let mut spec = Map::new();
    if !chance.once_in(8) {
        spec.insert("token".to_owned(), json!(shown(chance)));
    }
    let audiences = [
        Value::Null,
        Value::Null,
        json!([]),
        json!(["a"]),
        json!(["a", "https://kubernetes.default.svc.cluster.local"]),
        json!(["https://kubernetes.default.svc.cluster.local"]),
    ];
    let audiences = chance.pick(&audiences);
    if !audiences.is_null() {
        spec.insert("audiences".to_owned(), audiences);
    }
    body.insert("spec".to_owned(), spec.into());
    if chance.once_in(10) {
        body.insert("status".to_owned(), json!({"authenticated": true}));
    }
    request(&format!("{IDENTITY}/tokenreviews"), body, chance)
}

/// The request with a body, and with what clients add to it.
fn request(place: &str, mut body: Map<String, Value>, chance: &mut Chance) -> Step {
    if chance.once_in(14) {
        body.insert("unknown".to_owned(), json!(1));
    }
    let query = chance.pick(&[
        "",
        "",
        "",
        "",
        "?dryRun=All",
        "?fieldManager=me",
        "?fieldValidation=Strict",
        "?fieldValidation=Ignore",
        "?dryRun=Some",
        "?pretty=true",
        "?fieldValidation=Odd",
    ]);
    if chance.once_in(24) {
        let method = chance.pick(&["GET", "PUT", "DELETE", "PATCH"]);
        let step = Step::new(method, place);
        return if method == "GET" {
            step
        } else {
            step.json(&body.into())
        };
    }
    if chance.once_in(24) {
        return Step::new("POST", format!("{place}/x")).json(&body.into());
    }
    let step = Step::new("POST", format!("{place}{query}"));
    let text = Value::Object(body).to_string();
    let step = match chance.below(12) {
        // JSON is YAML too.
        0 => step.body("application/yaml", text),
        1 => step.body("text/plain", text),
        2 => step.body(
            "application/json",
            chance.pick(&["", "{}", "[]", "{\"spec\": 1}", "null"]),
        ),
        _ => step.body("application/json", text),
    };
    match chance.below(10) {
        0 => step.header("accept", "application/yaml"),
        1 => step.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),
        _ => step,
    }
}

fn type_meta(api_version: &str, kind: &str, chance: &mut Chance) -> Map<String, Value> {
    let mut body = Map::new();
    let (api_version, kind) = match chance.below(16) {
        0..3 => return body,
        3 => (api_version, "Pod"),
        4 => ("v1", kind),
        5 => ("example.com/v1", kind),
        _ => (api_version, kind),
    };
    body.insert("apiVersion".to_owned(), json!(api_version));
    body.insert("kind".to_owned(), json!(kind));
    body
}

fn metadata(body: &mut Map<String, Value>, chance: &mut Chance) {
    let metadata = match chance.below(16) {
        0 => json!({"name": "mine"}),
        1 => json!({"namespace": "${ns}"}),
        2 => json!({"labels": {"a": "b"}}),
        3 => json!({"creationTimestamp": null}),
        4 => json!({"namespace": "default"}),
        5 => json!({"annotations": {"a": "b"}, "uid": "u", "generateName": "g-"}),
        _ => return,
    };
    body.insert("metadata".to_owned(), metadata);
}

fn whom(spec: &mut Map<String, Value>, chance: &mut Chance) {
    match chance.below(8) {
        0 => {}
        1 => drop(spec.insert("user".to_owned(), json!(""))),
        _ => drop(spec.insert("user".to_owned(), json!(Actor::any(chance).user()))),
    }
    let groups = [
        Value::Null,
        Value::Null,
        Value::Null,
        json!([]),
        json!(["${ns}-staff"]),
        json!(["${ns}-none", "${ns}-staff"]),
        json!(["system:masters"]),
        json!([""]),
    ];
    let groups = chance.pick(&groups);
    if !groups.is_null() {
        spec.insert("groups".to_owned(), groups);
    }
    if chance.once_in(6) {
        spec.insert(
            "extra".to_owned(),
            json!({"example.com/a": ["1", "2"], "B": []}),
        );
        spec.insert("uid".to_owned(), json!("u"));
    }
}

fn resource_asked(local: bool, chance: &mut Chance) -> Value {
    let mut asked = Map::new();
    let mut put = |field: &str, value: Value| drop(asked.insert(field.to_owned(), value));
    if local && !chance.once_in(6) || chance.once_in(2) {
        put("namespace", json!("${ns}"));
    } else if chance.once_in(3) {
        put("namespace", json!(chance.pick(&["default", "none", ""])));
    }
    if !chance.once_in(8) {
        put("verb", json!(chance.pick(&VERBS)));
    }
    if !chance.once_in(8) {
        put("group", json!(chance.pick(&GROUPS)));
    }
    if chance.once_in(3) {
        put("version", json!(chance.pick(&["v1", "*", "v9"])));
    }
    let resource = chance.pick(&RESOURCES);
    match resource.split_once('/') {
        Some((resource, below)) => {
            put("resource", json!(resource));
            put("subresource", json!(below));
        }
        None => put("resource", json!(resource)),
    }
    if chance.once_in(3) {
        put("name", json!(chance.pick(&NAMES)));
    }
    if chance.once_in(10) {
        let selectors = [
            json!({"rawSelector": "metadata.name=a"}),
            json!({"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}),
            json!({}),
            json!({"requirements": [{"key": "", "operator": "In", "values": []}]}),
            json!({"requirements": [{"key": "a", "operator": "Exists", "values": ["b"]}, {"key": "b", "operator": "Odd"}]}),
            json!({"requirements": [{"key": "a", "operator": "NotIn", "values": ["b", "c"]}]}),
            json!({"rawSelector": "a in (b"}),
        ];
        let field = chance.pick(&["fieldSelector", "labelSelector"]);
        put(field, chance.pick(&selectors));
    }
    asked.into()
}

fn path_asked(chance: &mut Chance) -> Value {
    let path = chance.pick(&PATHS);
    match chance.below(6) {
        0 => json!({}),
        1 => json!({"path": path}),
        2 => json!({"verb": "get"}),
        _ => json!({"path": path, "verb": chance.pick(&["get", "post", "*", "put"])}),
    }
}
