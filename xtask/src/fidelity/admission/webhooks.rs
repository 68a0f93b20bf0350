//! Webhooks of admission: two that may change objects, two that may refuse them.
use serde_json::{Value, json};

use super::{here, judged, marker, policies, register, say, sayings, unregister, until_refused};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;
use crate::fidelity::webhook::Saying;

const MUTATING: (&str, &str) = (
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
);
const VALIDATING: (&str, &str) = (
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
);

/// How many writes there are.
const ROUNDS: usize = 14;

/// Webhooks, and what they make of writes.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let mut steps = configured(chance);
    for round in 0..ROUNDS {
        asked(&mut steps, chance, round);
    }
    steps.extend(taken_away());
    steps
}

/// The same beside policies.
pub fn with_policies(chance: &mut Chance) -> Vec<Step> {
    let mut steps = policies::bound(chance);
    steps.extend(configured(chance));
    for round in 0..ROUNDS {
        asked(&mut steps, chance, round);
    }
    steps.extend(taken_away());
    steps.extend(policies::taken_away());
    steps
}

/// Configurations, in force.
fn configured(chance: &mut Chance) -> Vec<Step> {
    let mut steps = vec![
        say("m-probe", &refusal()),
        say("v-probe", &refusal()),
        configuration(
            MUTATING,
            "${ns}-m",
            &json!([webhook("m-a", chance), webhook("m-b", chance)]),
        ),
        configuration(
            VALIDATING,
            "${ns}-v",
            &json!([webhook("v-a", chance), webhook("v-b", chance)]),
        ),
    ];
    for (of, name, code) in [(MUTATING, "m-probe", 418), (VALIDATING, "v-probe", 418)] {
        let mut probe = webhook(name, chance);
        probe["rules"] = json!([marker()]);
        for field in [
            "matchConditions",
            "objectSelector",
            "reinvocationPolicy",
            "matchPolicy",
        ] {
            probe[field] = Value::Null;
        }
        probe["namespaceSelector"] = here();
        probe["admissionReviewVersions"] = json!(["v1"]);
        steps.push(configuration(of, &format!("${{ns}}-{name}"), &json!([probe])).prepare());
        steps.push(until_refused(code));
        steps.push(unregister(of.0, &format!("${{ns}}-{name}")));
    }
    steps.push(Step::new("DELETE", "webhook:/${ns}").prepare());
    steps
}

fn taken_away() -> Vec<Step> {
    vec![
        unregister(MUTATING.0, "${ns}-m"),
        unregister(VALIDATING.0, "${ns}-v"),
    ]
}

fn configuration((plural, kind): (&str, &str), name: &str, webhooks: &Value) -> Step {
    register(plural, kind, name, json!({ "webhooks": webhooks }))
}

fn refusal() -> Saying {
    Saying::review(&json!({"allowed": false, "status": {"code": 418, "message": "in force"}}))
}

/// What two mutating and two validating webhooks say, of whom one may say anything; a write; and what they were asked.
fn asked(steps: &mut Vec<Step>, chance: &mut Chance, round: usize) {
    // Which one of several failures is told is chance's.
    let wild = chance.pick(&["v-a", "v-b"]);
    for name in ["m-a", "m-b", "v-a", "v-b"] {
        let mutating = name.starts_with('m');
        let saying = if !mutating && name != wild {
            // In which order several of them warn is chance's too.
            sayings::silent(chance)
        } else if chance.once_in(3) {
            sayings::friendly(chance)
        } else {
            sayings::any(chance, mutating)
        };
        steps.push(say(name, &saying));
    }
    steps.push(judged::write(chance, round));
    steps.push(Step::get("webhook:/${ns}"));
}

fn webhook(name: &str, chance: &mut Chance) -> Value {
    let mut webhook = json!({
        "name": format!("{name}.example.com"),
        "clientConfig": {"url": format!("${{hook}}/{name}"), "caBundle": "${ca}"},
        "admissionReviewVersions": chance.pick(&[json!(["v1"]), json!(["v1", "v1beta1"]), json!(["v1beta1", "v1"]), json!(["v9", "v1"])]),
        "sideEffects": chance.pick(&["None", "NoneOnDryRun"]),
        "timeoutSeconds": chance.pick(&[1, 1, 2]),
        "rules": judged::rules(chance),
        "namespaceSelector": here(),
    });
    if chance.once_in(3) {
        webhook["failurePolicy"] = json!(chance.pick(&["Ignore", "Fail"]));
    }
    if chance.once_in(3) {
        webhook["matchPolicy"] = json!(chance.pick(&["Exact", "Equivalent"]));
    }
    if chance.once_in(4) {
        webhook["objectSelector"] = chance.pick(&[
            json!({"matchLabels": {"tier": "a"}}),
            json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["b"]}]}),
            json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        ]);
    }
    if chance.once_in(6) {
        webhook["namespaceSelector"]["matchExpressions"] =
            json!([{"key": "absent", "operator": chance.pick(&["Exists", "DoesNotExist"])}]);
    }
    if chance.once_in(3) {
        webhook["matchConditions"] = conditions(chance);
    }
    if name.starts_with('m') && chance.once_in(2) {
        webhook["reinvocationPolicy"] = json!(chance.pick(&["IfNeeded", "IfNeeded", "Never"]));
    }
    webhook
}

/// Conditions that decide whether somebody is asked.
pub fn conditions(chance: &mut Chance) -> Value {
    let mut conditions = Vec::new();
    for number in 0..=chance.below(2) {
        let expression = chance.pick(&[
            "object.metadata.name != 'two'",
            "request.operation != 'DELETE'",
            "request.operation != 'DELETE' && has(object.metadata.labels)",
            "object == null || !has(object.metadata.labels) || object.metadata.labels['tier'] == 'a'",
            "oldObject == null || oldObject.metadata.name.startsWith('o')",
            "request.userInfo.username == 'admin'",
            "'system:masters' in request.userInfo.groups",
            "request.dryRun == false",
            "!(request.resource.resource in ['pods', 'toys'])",
            "request.subResource == ''",
            "request.name.size() > 3",
            "request.options.fieldManager == 'applier'",
            "has(request.options.kind) && request.options.kind.endsWith('Options')",
            "object.spec.replicas > 1",
            "authorizer.group('').resource('configmaps').namespace('default').check('get').allowed()",
            "authorizer.requestResource.check('create').reason() == ''",
            "object.metadata.creationTimestamp.getFullYear() > 2000",
        ]);
        conditions.push(json!({"name": format!("c{number}"), "expression": expression}));
    }
    json!(conditions)
}
