//! Policies of validating admission. Texts are those of kube-apiserver 1.36.3.

use serde_json::{Value, json};

use super::admission::BASE;
use super::webhooks::{HOOK, Outcome, allow};
use super::{CONFIG_MAPS, Server, config_map};

fn merged(mut base: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

/// A server with a policy for `ConfigMaps` that are new, and its binding.
fn server(spec: &Value, binding: &Value) -> Server {
    let mut server = Server::new();
    let body = json!({"metadata": {"name": "par", "labels": {"l": "1"}}, "data": {"x": "2"}});
    server.ok("POST", CONFIG_MAPS, &body);
    let rules = json!([{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]);
    let spec = merged(json!({"matchConstraints": {"resourceRules": rules}}), spec);
    let policy = json!({"metadata": {"name": "p"}, "spec": spec});
    server.ok(
        "POST",
        &format!("{BASE}/validatingadmissionpolicies"),
        &policy,
    );
    let spec = merged(
        json!({"policyName": "p", "validationActions": ["Deny"]}),
        binding,
    );
    let binding = json!({"metadata": {"name": "b"}, "spec": spec});
    server.ok(
        "POST",
        &format!("{BASE}/validatingadmissionpolicybindings"),
        &binding,
    );
    server
}

fn create(spec: &Value, binding: &Value) -> Outcome {
    let body = json!({"metadata": {"name": "a"}, "data": {"a": "b"}});
    server(spec, binding).asked(("POST", CONFIG_MAPS), &body, |_, _| panic!("asked"))
}

fn validation(fields: &Value) -> Value {
    json!({"validations": [merged(json!({"expression": "false"}), fields)]})
}

const DENIED: &str = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ";

#[test]
fn a_denial_is_invalid_and_names_policy_and_binding() {
    let outcome = create(&validation(&json!({})), &json!({}));
    let cause = format!("{DENIED}failed expression: false");
    assert_eq!(
        outcome.body,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
            "message": format!("configmaps \"a\" is forbidden: {cause}"),
            "details": {"name": "a", "kind": "configmaps", "causes": [{"message": cause}]}})
    );
    let outcome = create(
        &validation(&json!({"reason": "RequestEntityTooLarge"})),
        &json!({}),
    );
    assert_eq!(
        (outcome.status, &outcome.body["reason"]),
        (413, &json!("RequestEntityTooLarge"))
    );
}

#[test]
fn messages_come_from_an_expression_a_text_or_the_validation_itself() {
    let cases = [
        (validation(&json!({"message": "no good"})), "no good"),
        (
            validation(&json!({"messageExpression": "'name is ' + object.metadata.name"})),
            "name is a",
        ),
        (
            validation(&json!({"messageExpression": "'a\\nb'"})),
            "failed expression: false",
        ),
        (
            validation(&json!({"messageExpression": "' '", "message": "m"})),
            "m",
        ),
        (
            validation(&json!({"messageExpression": "string(object.data.zz)", "message": "m"})),
            "m",
        ),
        (
            validation(&json!({"expression": "object.data.zz == \"x\""})),
            "expression 'object.data.zz == \"x\"' resulted in error: no such key: zz",
        ),
        (
            json!({"validations": [{"expression": "false", "message": "one"}, {"expression": "false", "message": "two"}]}),
            "one",
        ),
        (
            json!({"variables": [{"name": "x", "expression": "object.data.a"}],
                "validations": [{"expression": "variables.x == 'c'", "messageExpression": "'x is ' + variables.x"}]}),
            "x is b",
        ),
        (
            json!({"variables": [{"name": "x", "expression": "object.data.qq"}],
                "validations": [{"expression": "variables.x == 'c'"}]}),
            "expression 'variables.x == 'c'' resulted in error: composited variable \"x\" fails to evaluate: no such key: qq",
        ),
        (
            json!({"validations": [{"expression": "namespaceObject.metadata.name != 'default' || request.operation != 'CREATE'",
                "messageExpression": "request.kind.kind + ' ' + request.resource.resource + ' ' + string(request.dryRun)"}]}),
            "ConfigMap configmaps false",
        ),
        (
            json!({"matchConditions": [{"name": "m", "expression": "object.data.zz == 'x'"}],
                "validations": [{"expression": "false"}]}),
            "expression 'object.data.zz == 'x'' resulted in error: no such key: zz",
        ),
        (
            json!({"matchConditions": [{"name": "m", "expression": "object.data.zz == 'x'"},
                    {"name": "n", "expression": "object.data.zz == 'x'"}, {"name": "o", "expression": "object.yy == 1"}],
                "validations": [{"expression": "false"}]}),
            "[expression 'object.data.zz == 'x'' resulted in error: no such key: zz, \
             expression 'object.yy == 1' resulted in error: no such key: yy]",
        ),
    ];
    for (spec, text) in cases {
        let outcome = create(&spec, &json!({}));
        let expected = format!("configmaps \"a\" is forbidden: {DENIED}{text}");
        assert_eq!(
            (outcome.status, outcome.message()),
            (422, expected.as_str())
        );
    }
}

#[test]
fn what_cannot_be_computed_may_be_ignored_and_conditions_leave_requests_out() {
    let cases = [
        merged(
            validation(&json!({"expression": "object.data.zz == 'x'"})),
            &json!({"failurePolicy": "Ignore"}),
        ),
        merged(
            validation(&json!({})),
            &json!({"matchConditions": [{"name": "m", "expression": "false"}]}),
        ),
        validation(&json!({"expression": "object.data.a == 'b'"})),
    ];
    for spec in cases {
        assert_eq!(create(&spec, &json!({})).status, 201, "{spec}");
    }
    let elsewhere = json!({"matchResources": {"namespaceSelector": {"matchLabels": {"x": "y"}}}});
    assert_eq!(create(&validation(&json!({})), &elsewhere).status, 201);
    let excluded = json!({"matchConstraints": {
        "resourceRules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["*"]}],
        "excludeResourceRules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"],
            "resources": ["configmaps"], "resourceNames": ["a"]}],
    }});
    assert_eq!(
        create(&merged(validation(&json!({})), &excluded), &json!({})).status,
        201
    );
}

#[test]
fn a_binding_may_warn_or_be_silent() {
    let spec = validation(&json!({"message": "w"}));
    let warned = create(&spec, &json!({"validationActions": ["Warn", "Audit"]}));
    let text = "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': w\"";
    assert_eq!(
        (warned.status, warned.warnings),
        (201, vec![text.to_owned()])
    );
    let audited = create(&spec, &json!({"validationActions": ["Audit"]}));
    assert_eq!((audited.status, audited.warnings.len()), (201, 0));
}

#[test]
fn parameters_are_found_by_name_or_labels_or_are_missing() {
    let spec = json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "validations": [{"expression": "params.data.x == '1'", "messageExpression": "'x is ' + params.data.x"}]});
    let missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    let reference = |fields: Value| json!({"paramRef": fields});
    let cases = [
        (
            reference(json!({"name": "par", "parameterNotFoundAction": "Deny"})),
            "x is 2",
        ),
        (
            reference(
                json!({"selector": {"matchLabels": {"l": "1"}}, "parameterNotFoundAction": "Deny"}),
            ),
            "x is 2",
        ),
        (
            reference(json!({"name": "nope", "parameterNotFoundAction": "Deny"})),
            missing,
        ),
        (
            json!({}),
            "expression 'params.data.x == '1'' resulted in error: no such key: data",
        ),
    ];
    for (binding, text) in cases {
        let outcome = create(&spec, &binding);
        let expected = format!("configmaps \"a\" is forbidden: {DENIED}{text}");
        assert_eq!(outcome.message(), expected);
    }
    let nothing = merged(
        spec.clone(),
        &json!({"validations": [{"expression": "params == null"}]}),
    );
    assert_eq!(create(&nothing, &json!({})).status, 201);
    // That is no failure of a validation, and not for the binding to decide.
    let mut warning = reference(json!({"name": "nope", "parameterNotFoundAction": "Deny"}));
    warning["validationActions"] = json!(["Warn"]);
    let outcome = create(&spec, &warning);
    assert_eq!((outcome.status, outcome.warnings.len()), (422, 0));
    let allowed = reference(json!({"name": "nope", "parameterNotFoundAction": "Allow"}));
    assert_eq!(create(&spec, &allowed).status, 201);
    let unknown = merged(
        spec,
        &json!({"paramKind": {"apiVersion": "foo.io/v1", "kind": "Foo"}}),
    );
    let outcome = create(
        &unknown,
        &reference(json!({"name": "n", "parameterNotFoundAction": "Deny"})),
    );
    let text = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: \
                failed to find resource referenced by paramKind: 'foo.io/v1, Kind=Foo'";
    assert_eq!(outcome.message(), text);
}

#[test]
fn deletions_are_judged_by_the_old_object_and_collections_have_no_name() {
    let spec = validation(
        &json!({"expression": "oldObject == null || oldObject.metadata.name != 'par'", "message": "no"}),
    );
    let mut server = server(&spec, &json!({}));
    let (status, one) = server.call("DELETE", &format!("{CONFIG_MAPS}/par"), &Value::Null);
    assert_eq!(
        (status, one["details"]["name"].as_str()),
        (422, Some("par"))
    );
    let (_, all) = server.call("DELETE", CONFIG_MAPS, &Value::Null);
    let text = format!("configmaps \"Unknown\" is forbidden: {DENIED}no");
    assert_eq!(all["message"], text);
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.ok("DELETE", &format!("{CONFIG_MAPS}/a"), &Value::Null);
}

#[test]
fn match_conditions_of_webhooks_keep_requests_from_them() {
    let condition = |name: &str, expression: &str| json!({"name": name, "expression": expression});
    let broken = "object.data.zz == \"x\"";
    let cases = [
        (json!([condition("a", "false")]), "Fail", 201, 0),
        (
            json!([condition("a", "request.operation == 'CREATE'")]),
            "Fail",
            201,
            1,
        ),
        (json!([condition("a", broken)]), "Ignore", 201, 0),
        (
            json!([condition("a", broken), condition("b", "false")]),
            "Fail",
            201,
            0,
        ),
        (json!([condition("a", broken)]), "Fail", 403, 0),
    ];
    for (conditions, policy, code, rounds) in cases {
        let mut server = Server::new();
        let changes = json!({"matchConditions": conditions, "failurePolicy": policy, "name": HOOK});
        server.hook("validating", "h", &changes);
        let body = json!({"metadata": {"name": "a"}, "data": {"a": "b"}});
        let outcome = server.asked(("POST", CONFIG_MAPS), &body, |_, question| allow(question));
        assert_eq!(
            (outcome.status, outcome.rounds.len()),
            (code, rounds),
            "{conditions}"
        );
        if code == 403 {
            let text = format!(
                "configmaps \"a\" is forbidden: expression '{broken}' resulted in error: no such key: zz"
            );
            assert_eq!(
                (outcome.message(), &outcome.body["details"]["causes"]),
                (text.as_str(), &Value::Null)
            );
        }
    }
}

/// What creating a `ConfigMap` is refused with.
fn refusal(spec: &Value) -> String {
    let outcome = create(spec, &json!({}));
    let text = outcome.message();
    let text = text.strip_prefix("configmaps \"a\" is forbidden: ");
    let text = text.and_then(|text| text.strip_prefix(DENIED));
    text.unwrap_or_default().to_owned()
}

#[test]
fn expressions_ask_who_may_do_what() {
    let said = |expression: &str| {
        refusal(&validation(
            &json!({"expression": expression, "message": "no"}),
        ))
    };
    assert_eq!(
        said("authorizer.group('').resource('pods').namespace('default').check('get').allowed()"),
        ""
    );
    assert_eq!(
        said("!authorizer.requestResource.check('frobnicate').allowed()"),
        "no"
    );
    assert_eq!(
        said(
            "authorizer.serviceAccount('default', 'x').group('').resource('pods').check('get').allowed()"
        ),
        "no"
    );
    assert_eq!(
        said(
            "authorizer.serviceAccount('default', 'x').path('/healthz').check('get').reason().startsWith('RBAC: allowed by')"
        ),
        ""
    );
    assert_eq!(
        said("authorizer.path('').check('get').allowed()"),
        "expression 'authorizer.path('').check('get').allowed()' resulted in error: path must not be empty"
    );
    assert_eq!(
        said("authorizer.serviceAccount('default', 'X_').path('/').check('get').allowed()"),
        "expression 'authorizer.serviceAccount('default', 'X_').path('/').check('get').allowed()' resulted in error: \
         Invalid service account name"
    );
    let variable = json!({
        "variables": [{"name": "ok", "expression": "authorizer.requestResource.check('create').allowed()"}],
        "validations": [{"expression": "!variables.ok", "message": "no"}],
    });
    assert_eq!(refusal(&variable), "no");
}

#[test]
fn a_check_of_rights_is_expensive() {
    let expression = "[1, 2, 3, 4].all(x, authorizer.group('').resource('pods').name(string(x)).check('get').allowed())";
    assert_eq!(
        refusal(&validation(&json!({"expression": expression}))),
        format!(
            "expression '{expression}' resulted in error: operation cancelled: actual cost limit exceeded"
        )
    );
}

#[test]
fn an_audit_annotation_that_cannot_be_computed_denies_whatever_the_binding_says() {
    let spec =
        json!({"auditAnnotations": [{"key": "a", "valueExpression": "object.foo.bar + 'x'"}]});
    let outcome = create(&spec, &json!({"validationActions": ["Audit"]}));
    let text = "expression 'object.foo.bar + 'x'' resulted in error: no such key: foo";
    assert_eq!(
        outcome.message(),
        format!("configmaps \"a\" is forbidden: {DENIED}{text}")
    );
    let ignored = merged(spec, &json!({"failurePolicy": "Ignore"}));
    assert_eq!(create(&ignored, &json!({})).status, 201);
}
