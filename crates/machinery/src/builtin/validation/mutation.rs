//! Validation of the policies of mutating admission and of what binds them
//! (`pkg/apis/admissionregistration/validation/validation.go`). Of expressions that build an `Object` or a `JSONPatch` only the
//! syntax is looked at: those types don't exist here.

use super::bindings::bound;
use super::policies::{Scope, subject};
use super::read::{At, Errors};
use crate::cel::Type;
use crate::cel::admission::{check, parses};

const OPERATIONS: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];

/// A policy.
pub(super) fn policy(object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    let scope = subject(&spec, changes_only, errors);
    let mutations = spec.child("mutations");
    if mutations.is_empty() {
        errors.push(mutations.required("mutations must contain at least one item"));
    }
    for one in mutations.items() {
        mutation(&scope, &one, errors);
    }
    spec.child("reinvocationPolicy")
        .one_of(&["IfNeeded", "Never"], errors);
}

/// What binds a policy.
pub(super) fn binding(object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    bound(&spec, changes_only, errors);
}

/// What is deleted can't be mutated.
fn changes_only(resources: &At<'_>, errors: &mut Errors) {
    let rules = resources.child("resourceRules");
    for rule in rules.items() {
        for operation in rule.child("operations").items() {
            let at = operation.moved(rules.path_of("operations"));
            at.known(&OPERATIONS, errors);
        }
    }
}

fn mutation(scope: &Scope, mutation: &At<'_>, errors: &mut Errors) {
    let kind = mutation.child("patchType");
    let named = |name: &str| Type::Opaque(name.into());
    let (own, other, wanted) = match kind.text() {
        "JSONPatch" => (
            "jsonPatch",
            "applyConfiguration",
            Type::list(named("JSONPatch")),
        ),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", named("Object")),
        _ => {
            kind.one_of(&["ApplyConfiguration", "JSONPatch"], errors);
            return;
        }
    };
    let (own, unused) = (mutation.child(own), mutation.child(other));
    if own.is_set() {
        let expression = own.child("expression");
        let trimmed = expression.text().trim();
        let builds = ["Object", "JSONPatch"]
            .iter()
            .any(|name| trimmed.contains(name));
        if trimmed.is_empty() {
            errors.push(expression.required(""));
        } else {
            let checked = if builds {
                parses(trimmed)
            } else {
                check(&scope.env(true), trimmed, &[wanted]).map(drop)
            };
            if let Err(why) = checked {
                errors.push(expression.unusable(trimmed, why));
            }
        }
    } else {
        let detail = format!("must be specified when patchType is {}", kind.text());
        errors.push(own.required(&detail));
    }
    if unused.is_set() {
        let detail = format!("must not be specified when patchType is {}", kind.text());
        errors.push(unused.invalid_as(format!("{{{other}}}"), detail));
    }
}

#[test]
fn a_mutation_is_of_one_type_and_of_what_changes() {
    let rule = serde_json::json!({"operations": ["CREATE", "DELETE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
    let object = serde_json::json!({"spec": {
        "failurePolicy": "", "reinvocationPolicy": "Never",
        "matchConstraints": {"matchPolicy": "Exact", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [rule]},
        "mutations": [{"patchType": "JSONPatch", "applyConfiguration": {"expression": "x"}}],
    }});
    let mut errors = Errors::new();
    policy(&At::new("", &object), &mut errors);
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "spec.failurePolicy: Unsupported value: \"\": supported values: \"Fail\", \"Ignore\"",
            "spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": supported values: \"*\", \"CONNECT\", \"CREATE\", \"UPDATE\"",
            "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
            "spec.mutations[0].applyConfiguration: Invalid value: \"{applyConfiguration}\": must not be specified when patchType is \
             JSONPatch",
        ]
    );
}

#[test]
fn what_builds_an_object_is_read_too() {
    let errors_of = |expression: &str| {
        let object = serde_json::json!({"spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {"matchPolicy": "Exact", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [
                {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        }});
        let mut errors = Errors::new();
        policy(&At::new("", &object), &mut errors);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let builds =
        "[JSONPatch{op: \"add\", path: \"/x\", value: Object{spec: Object.spec{replicas: 1}}}]";
    assert_eq!(errors_of(builds), [""; 0]);
    assert_eq!(
        errors_of("[JSONPatch{op: \"add\"}]s"),
        [
            "spec.mutations[0].jsonPatch.expression: Invalid value: \"[JSONPatch{op: \\\"add\\\"}]s\": compilation failed: ERROR: \
          <input>:1:23: Syntax error: extraneous input 's' expecting <EOF>\n | [JSONPatch{op: \"add\"}]s\n | ......................^"
        ]
    );
}
