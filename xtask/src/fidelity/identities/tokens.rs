//! Tokens of `ServiceAccounts`: what can be asked of them, and whom they make.
use serde_json::{Map, Value, json};

use super::cast::{Actor, enters, rules};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const CORE: &str = "/api/v1/namespaces/${ns}";

/// Requests for tokens, and each shown afterwards.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let mut local = rules(2, false, chance);
    local.push(json!({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"], "resourceNames": ["robot"]}));
    let mut steps = enters(local, rules(1, true, chance), chance);
    for (target, object) in props() {
        steps.push(Step::new("POST", target).json(&object).prepare());
    }
    for _ in 0..7 {
        let account = chance.pick(&["robot", "robot", "robot", "robot", "default", "none"]);
        let query = chance.pick(&[
            "",
            "",
            "",
            "?dryRun=All",
            "?fieldManager=me",
            "?fieldValidation=Strict",
        ]);
        let target = format!("{CORE}/serviceaccounts/{account}/token{query}");
        let step = Step::new("POST", target).json(&body(account, chance));
        let actor = if chance.once_in(3) {
            Actor::any(chance)
        } else {
            Actor::Admin
        };
        let number = steps.len();
        steps.push(actor.sends(step));
        let token = format!("${{{number}:/status/token}}");
        let review = json!({"spec": {"token": token, "audiences": audiences(chance)}});
        let post = Step::new("POST", "/apis/authentication.k8s.io/v1/tokenreviews");
        steps.push(post.json(&review));
        let bearer = format!("Bearer {token}");
        let target = chance.pick(&[format!("{CORE}/pods"), format!("{CORE}/secrets/a")]);
        steps.push(Step::get(target).header("authorization", &bearer));
    }
    steps
}

/// What tokens can end with.
fn props() -> Vec<(String, Value)> {
    let pod = |name: &str, account: &str, node: Option<&str>| {
        json!({"metadata": {"name": name}, "spec": {"serviceAccountName": account, "nodeName": node,
            "containers": [{"name": "c", "image": "i"}]}})
    };
    vec![
        (
            "/api/v1/nodes".to_owned(),
            json!({"metadata": {"name": "${ns}-node"}}),
        ),
        (format!("{CORE}/pods"), pod("a", "robot", None)),
        (format!("{CORE}/pods"), pod("b", "default", None)),
        (
            format!("{CORE}/pods"),
            pod("c", "robot", Some("${ns}-node")),
        ),
        (
            format!("{CORE}/pods"),
            pod("d", "robot", Some("${ns}-gone")),
        ),
        (
            format!("{CORE}/secrets"),
            json!({"metadata": {"name": "a"}}),
        ),
    ]
}

fn audiences(chance: &mut Chance) -> Value {
    chance.pick(&[
        Value::Null,
        Value::Null,
        json!([]),
        json!(["a"]),
        json!(["a", "b"]),
        json!(["b", "https://kubernetes.default.svc.cluster.local"]),
        json!([""]),
    ])
}

fn body(account: &str, chance: &mut Chance) -> Value {
    let mut body = Map::new();
    match chance.below(10) {
        0 => drop(body.insert("kind".to_owned(), json!("TokenReview"))),
        1..5 => {
            body.insert("kind".to_owned(), json!("TokenRequest"));
            body.insert("apiVersion".to_owned(), json!("authentication.k8s.io/v1"));
        }
        _ => {}
    }
    let metadata = match chance.below(14) {
        0 => json!({"name": account}),
        1 => json!({"name": "other"}),
        2 => json!({"namespace": "${ns}"}),
        3 => json!({"namespace": "default"}),
        4 => json!({"uid": format!("${{uid:{account}}}")}),
        5 => json!({"uid": "00000000-0000-4000-8000-000000000000"}),
        6 => json!({"labels": {"a": "b"}, "annotations": {"c": "d"}}),
        7 => {
            json!({"creationTimestamp": "2001-01-01T00:00:00Z", "generateName": "g-", "finalizers": ["a/b"]})
        }
        _ => Value::Null,
    };
    if !metadata.is_null() {
        body.insert("metadata".to_owned(), metadata);
    }
    let mut spec = Map::new();
    let audiences = audiences(chance);
    if !audiences.is_null() {
        spec.insert("audiences".to_owned(), audiences);
    }
    let seconds: [Value; 11] = [
        Value::Null,
        Value::Null,
        json!(600),
        json!(599),
        json!(0),
        json!(-1),
        json!(3607),
        json!(86_400),
        json!(4_294_967_297_u64),
        json!("600"),
        json!(700),
    ];
    let seconds = chance.pick(&seconds);
    if !seconds.is_null() {
        spec.insert("expirationSeconds".to_owned(), seconds);
    }
    if chance.once_in(2) {
        spec.insert("boundObjectRef".to_owned(), reference(chance));
    }
    if chance.once_in(16) {
        spec.insert("unknown".to_owned(), json!(1));
    }
    if !chance.once_in(10) {
        body.insert("spec".to_owned(), spec.into());
    }
    if chance.once_in(10) {
        body.insert(
            "status".to_owned(),
            json!({"token": "mine", "expirationTimestamp": null}),
        );
    }
    body.into()
}

fn reference(chance: &mut Chance) -> Value {
    let (api_version, kind, name) = chance.pick(&[
        ("v1", "Pod", "a"),
        ("v1", "Pod", "a"),
        ("v1", "Pod", "b"),
        ("v1", "Pod", "c"),
        ("v1", "Pod", "c"),
        ("v1", "Pod", "d"),
        ("v1", "Pod", "none"),
        ("v1", "Secret", "a"),
        ("v1", "Secret", "none"),
        ("v1", "Node", "${ns}-node"),
        ("v1", "Node", "${ns}-none"),
        ("v1", "ConfigMap", "a"),
        ("apps/v1", "Pod", "a"),
        ("apps/v1", "Deployment", "a"),
        ("", "Pod", "a"),
        ("v2", "Secret", "a"),
        ("", "", ""),
    ]);
    let mut reference = Map::new();
    for (field, text) in [("kind", kind), ("apiVersion", api_version), ("name", name)] {
        if !text.is_empty() {
            reference.insert(field.to_owned(), json!(text));
        }
    }
    match chance.below(4) {
        0 => {
            let known = name.strip_prefix("${ns}-").unwrap_or(name);
            reference.insert("uid".to_owned(), json!(format!("${{uid:{known}}}")));
        }
        1 => drop(reference.insert(
            "uid".to_owned(),
            json!("00000000-0000-4000-8000-000000000000"),
        )),
        _ => {}
    }
    reference.into()
}
