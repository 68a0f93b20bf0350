//! Acting as somebody else, with rights for it that chance gives an account, in the old way and in the constrained one.
use serde_json::{Value, json};

use super::cast::{BEARER, enters, some};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const AUTHENTICATION: &str = "authentication.k8s.io";
const USERS: [&str; 9] = [
    "${ns}-jane",
    "${ns}-lost",
    "other",
    "system:serviceaccount:${ns}:robot",
    "system:serviceaccount:${ns}:other",
    "system:serviceaccount:default",
    "system:node:n1",
    "system:node:N_1",
    "system:anonymous",
];
const MODES: [&str; 3] = ["user-info", "serviceaccount", "arbitrary-node"];

/// Requests of the account as others, and of the administrator as others.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let mut global: Vec<Value> = (0..2 + chance.below(5)).map(|_| right(chance)).collect();
    global.push(json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}));
    let mut steps = enters(Vec::new(), global, chance);
    for _ in 0..18 {
        let (method, target) = chance.pick(&[
            ("GET", "/api/v1/namespaces/${ns}/configmaps"),
            ("GET", "/api/v1/namespaces/${ns}/configmaps"),
            ("GET", "/api/v1/namespaces/${ns}/configmaps/a"),
            (
                "GET",
                "/apis/storage.k8s.io/v1/csinodes?watch=1&timeoutSeconds=1",
            ),
            ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
            ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
            ("GET", "/metrics/none"),
        ]);
        let mut step = Step::new(method, target);
        if method == "POST" {
            step = step.json(&json!({}));
        }
        if !chance.once_in(6) {
            step = step.header("authorization", BEARER);
        }
        steps.push(acting(step, chance));
    }
    steps
}

/// A right that acting as somebody needs, more or less.
fn right(chance: &mut Chance) -> Value {
    let mode = chance.pick(&MODES);
    let (groups, resources, verbs): (&[&str], &[&str], Vec<String>) = match chance.below(5) {
        0 => (
            &[""],
            &["users", "groups", "serviceaccounts"],
            vec!["impersonate".to_owned()],
        ),
        1 => (
            &[AUTHENTICATION],
            &["uids", "userextras/example.com/a", "userextras/*"],
            vec!["impersonate".to_owned()],
        ),
        2 => (
            &[AUTHENTICATION],
            &[
                "users",
                "groups",
                "serviceaccounts",
                "nodes",
                "uids",
                "userextras/*",
                "*",
            ],
            vec![format!("impersonate:{mode}")],
        ),
        3 => (
            &["", AUTHENTICATION, "storage.k8s.io"],
            &["configmaps", "csinodes", "selfsubjectreviews", "*"],
            some(&["list", "get", "create", "watch"], 2, chance)
                .iter()
                .map(|verb| format!("impersonate-on:{mode}:{verb}"))
                .collect(),
        ),
        _ => (
            &["*"],
            &["*"],
            vec![
                format!("impersonate-on:{mode}:create"),
                format!("impersonate:{mode}"),
            ],
        ),
    };
    let mut rule =
        json!({"apiGroups": groups, "resources": some(resources, 3, chance), "verbs": verbs});
    if chance.once_in(4) {
        rule["resourceNames"] = json!(some(
            &["${ns}-jane", "robot", "n1", "${ns}-staff", "1"],
            3,
            chance
        ));
    }
    rule
}

fn acting(mut step: Step, chance: &mut Chance) -> Step {
    if !chance.once_in(12) {
        step = step.header("impersonate-user", chance.pick(&USERS));
    }
    if chance.once_in(3) {
        for group in some(
            &[
                "${ns}-staff",
                "system:masters",
                "system:authenticated",
                "system:unauthenticated",
                "b",
            ],
            3,
            chance,
        ) {
            step = step.header("impersonate-group", &group);
        }
    }
    if chance.once_in(12) {
        for group in ["a", "b", "c", "${ns}-staff"] {
            step = step.header("impersonate-group", group);
        }
    }
    if chance.once_in(6) {
        step = step.header("impersonate-uid", chance.pick(&["1", "2"]));
    }
    if chance.once_in(5) {
        let key = chance.pick(&[
            "impersonate-extra-a",
            "impersonate-extra-example.com%2fa",
            "impersonate-extra-Scopes",
        ]);
        step = step.header(key, chance.pick(&["1", "two words"]));
        if chance.once_in(3) {
            step = step.header(key, "2");
        }
    }
    step
}

#[test]
fn most_requests_are_the_accounts_own() {
    let steps = steps(&mut Chance::of(1, 3));
    let own = steps
        .iter()
        .filter(|step| step.headers.iter().any(|(_, value)| value == BEARER));
    assert!(own.count() > 10);
}
