//! Policies of validating admission, and what binds them.
use serde_json::{Value, json};

use super::webhooks::conditions;
use super::{REGISTRATION, here, judged, marker, register, unregister, until_refused};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const POLICIES: (&str, &str) = ("validatingadmissionpolicies", "ValidatingAdmissionPolicy");
const BINDINGS: (&str, &str) = (
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
);
const TOYS: &str = "/apis/judged.example.com/v1/namespaces/${ns}/toys";

/// How many writes there are.
const ROUNDS: usize = 18;

/// Policies, and what they make of writes.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let mut steps = bound(chance);
    steps.push(Step::get(format!(
        "{REGISTRATION}/{}/${{ns}}-p",
        POLICIES.0
    )));
    for round in 0..ROUNDS {
        steps.push(judged::write(chance, round));
    }
    steps.extend(taken_away());
    steps
}

/// Two policies and three bindings, in force, of which one may deny: which of several denials is told is chance's, for a real
/// server keeps policies and bindings in maps.
pub fn bound(chance: &mut Chance) -> Vec<Step> {
    let mut steps: Vec<Step> = ["small", "large"]
        .into_iter()
        .enumerate()
        .map(parameter)
        .collect();
    let params = chance.once_in(2);
    let denier = chance.pick(&["b", "b", "b", "c", "d"]);
    // What can't be told to the audit log denies, whatever the binding says.
    let told = |policy: &str| (denier == "d") == (policy == "q");
    let mut told_by_both = false;
    for name in ["p", "q"] {
        let audited = told(name) && chance.once_in(3);
        told_by_both |= audited && name == "p";
        let name = format!("${{ns}}-{name}");
        steps.push(policy(&name, (params, audited), chance));
    }
    for (name, policy) in [("b", "p"), ("c", "p"), ("d", "q")] {
        if told_by_both && policy == "p" && name != denier {
            continue;
        }
        let when_denied = chance.pick(&[
            json!(["Deny"]),
            json!(["Deny"]),
            json!(["Deny", "Audit"]),
            json!(["Warn"]),
        ]);
        let tells = chance.pick(&[json!(["Warn"]), json!(["Warn", "Audit"]), json!(["Audit"])]);
        let (missing, actions) = if name == denier {
            (chance.pick(&["Deny", "Allow"]), when_denied)
        } else {
            ("Allow", tells)
        };
        let missing = params.then_some(missing);
        let place = (format!("${{ns}}-{name}"), format!("${{ns}}-{policy}"));
        steps.push(binding((&place.0, &place.1), &actions, missing, chance));
    }
    let probe = json!({"spec": {"matchConstraints": {"resourceRules": [marker()], "namespaceSelector": here()},
        "validations": [{"expression": "false", "reason": "RequestEntityTooLarge", "message": "in force"}]}});
    steps.push(register(POLICIES.0, POLICIES.1, "${ns}-probe", probe).prepare());
    let probe = json!({"spec": {"policyName": "${ns}-probe", "validationActions": ["Deny"]}});
    steps.push(register(BINDINGS.0, BINDINGS.1, "${ns}-probe", probe).prepare());
    steps.push(until_refused(413));
    steps.push(unregister(BINDINGS.0, "${ns}-probe"));
    steps.push(unregister(POLICIES.0, "${ns}-probe"));
    steps
}

/// Takes all of them away.
pub fn taken_away() -> Vec<Step> {
    let bindings = ["b", "c", "d"].map(|name| unregister(BINDINGS.0, &format!("${{ns}}-{name}")));
    let policies = ["p", "q"].map(|name| unregister(POLICIES.0, &format!("${{ns}}-{name}")));
    bindings.into_iter().chain(policies).collect()
}

fn parameter((size, name): (usize, &str)) -> Step {
    Step::new("POST", TOYS).json(&json!({"apiVersion": "judged.example.com/v1", "kind": "Toy",
        "metadata": {"name": name, "labels": {"of": name}}, "spec": {"size": 3 * size, "colour": "red"}}))
}

fn policy(name: &str, (params, audited): (bool, bool), chance: &mut Chance) -> Step {
    let mut spec = json!({
        "matchConstraints": {"resourceRules": judged::rules(chance), "namespaceSelector": here()},
        "validations": validations(params, chance),
    });
    let constraints = &mut spec["matchConstraints"];
    if chance.once_in(4) {
        constraints["objectSelector"] = json!({"matchLabels": {"tier": "a"}});
    }
    if chance.once_in(4) {
        constraints["matchPolicy"] = json!(chance.pick(&["Exact", "Equivalent"]));
    }
    if chance.once_in(4) {
        let mut rule = judged::rules(chance)[0].clone();
        if chance.once_in(2) {
            rule["resourceNames"] = json!(["one", "ball"]);
        }
        constraints["excludeResourceRules"] = json!([rule]);
    }
    if params {
        spec["paramKind"] = json!({"apiVersion": "judged.example.com/v1", "kind": "Toy"});
    }
    if chance.once_in(3) {
        spec["failurePolicy"] = json!(chance.pick(&["Ignore", "Fail"]));
    }
    if chance.once_in(4) {
        spec["matchConditions"] = conditions(chance);
    }
    spec["variables"] = json!([
        {"name": "labels", "expression": "has(object.metadata.labels) ? object.metadata.labels : {}"},
        {"name": "tier", "expression": "'tier' in variables.labels ? variables.labels['tier'] : 'none'"},
        {"name": "broken", "expression": "object.spec.nothing.at.all"},
    ]);
    if audited {
        spec["auditAnnotations"] = json!([{"key": "told", "valueExpression": chance.pick(&[
            "'by ' + request.userInfo.username", "object.metadata.name", "string(object.spec.replicas)", "null"])}]);
    }
    register(POLICIES.0, POLICIES.1, name, json!({ "spec": spec }))
}

fn validations(params: bool, chance: &mut Chance) -> Value {
    let mut all = vec![
        "variables.tier != 'b'",
        "variables.tier == 'a'",
        "variables.broken == 1",
        "object.metadata.name.size() < 5",
        "has(object.data) && object.data.size() > 0",
        "!has(object.spec) || !has(object.spec.replicas) || object.spec.replicas < 3",
        "object.spec.replicas < 3",
        "request.operation == 'CREATE' || object.metadata.generation == oldObject.metadata.generation",
        "oldObject == null",
        "object == null || oldObject == null || object != oldObject",
        "request.operation in ['CREATE', 'UPDATE']",
        "namespaceObject.metadata.name == 'default'",
        "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == request.namespace",
        "authorizer.group('apps').resource('deployments').namespace('default').name('x').check('delete').allowed()",
        "authorizer.path('/healthz').check('get').allowed() && false",
        "request.requestResource.version == request.resource.version && request.requestKind.kind == 'Toy'",
        "dyn(object).metadata.uid.matches('^x')",
        "object.metadata.managedFields.all(entry, entry.manager == 'fidelity')",
        "request.userInfo.groups.exists(group, group == 'nobody')",
        "[1, 2, 3].map(n, n * 2).exists(n, n == 5)",
        "quantity('1Ki').isGreaterThan(quantity('1k')) && url('https://a.b/c').getHost() == 'x'",
        "string(request.uid) == ''",
        "1 / (object.metadata.name.size() - 3) > 5",
        "has(request.dryRun) && request.dryRun",
        "type(object) == string",
        "object.kind",
        "object.metadata.name == 'one' ? true : error",
    ];
    if params {
        all.extend([
            "object.spec.size <= params.spec.size",
            "params.spec.colour == 'red' && params.spec.size > 1",
            "params == null",
            "params.metadata.name == 'large'",
        ]);
    }
    let mut validations = Vec::new();
    for _ in 0..=chance.below(2) {
        let mut validation = json!({"expression": chance.pick(&all)});
        if chance.once_in(2) {
            validation["message"] =
                json!(chance.pick(&["not so", " trimmed ", "a \"quoted\" <text>"]));
        }
        if chance.once_in(3) {
            validation["messageExpression"] = json!(chance.pick(&[
                "'it is ' + object.metadata.name",
                "'of ' + request.namespace + ' by ' + request.userInfo.username",
                "variables.tier",
                "object.metadata.labels['none']",
                "'two\\nlines'",
                "' '",
            ]));
        }
        if chance.once_in(3) {
            validation["reason"] = json!(chance.pick(&[
                "Unauthorized",
                "Forbidden",
                "Invalid",
                "RequestEntityTooLarge"
            ]));
        }
        validations.push(validation);
    }
    json!(validations)
}

fn binding(
    (name, policy): (&str, &str),
    actions: &Value,
    missing: Option<&str>,
    chance: &mut Chance,
) -> Step {
    let mut spec = json!({"policyName": policy, "validationActions": actions});
    if let Some(missing) = missing.filter(|_| !chance.once_in(8)) {
        // Several parameters are judged with in no order.
        let mut reference = chance.pick(&[
            json!({"name": "small"}),
            json!({"name": "large"}),
            json!({"name": "large", "namespace": "${ns}"}),
            json!({"name": "none"}),
            json!({"selector": {"matchLabels": {"of": "small"}}}),
            json!({"selector": {"matchLabels": {"of": "nobody"}}, "namespace": "${ns}"}),
        ]);
        reference["parameterNotFoundAction"] = json!(missing);
        spec["paramRef"] = reference;
    }
    if chance.once_in(3) {
        let rules = judged::rules(chance);
        spec["matchResources"] = chance.pick(&[
            json!({"namespaceSelector": here()}),
            json!({"objectSelector": {"matchLabels": {"tier": "b"}}}),
            json!({"resourceRules": rules}),
            json!({"resourceRules": rules, "matchPolicy": "Exact"}),
            json!({"excludeResourceRules": [rules[0]]}),
            json!({"namespaceSelector": {"matchLabels": {"absent": "x"}}}),
        ]);
    }
    register(BINDINGS.0, BINDINGS.1, name, json!({ "spec": spec }))
}
