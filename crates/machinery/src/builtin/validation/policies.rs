//! Validation of the policies of validating admission, and of match conditions
//! (`pkg/apis/admissionregistration/validation/validation.go`).

use std::collections::BTreeSet;

use super::admission::rule_with_operations;
use super::meta;
use super::names::path_segment;
use super::read::{At, Errors};
use super::{BadValue, ErrorKind, FieldError};
use crate::cel::admission::{Seen, check, composed, environment};
use crate::cel::{Env, Object, RESERVED, Type};
use crate::names;

const MOST_CONDITIONS: usize = 64;
const MOST_AUDIT_ANNOTATIONS: usize = 20;
const LONGEST_VALUE_EXPRESSION: usize = 5 * 1024;

/// A policy.
pub(super) fn policy(object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    let scope = subject(&spec, |_, _| {}, errors);
    let (validations, annotations) = (spec.child("validations"), spec.child("auditAnnotations"));
    if validations.items().is_empty() && annotations.items().is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.push(validations.required(detail));
        errors.push(annotations.required(detail));
    }
    for one in validations.items() {
        scope.validation(&one, errors);
    }
    let name = object.child("metadata").child("name");
    scope.audit_annotations(&annotations, name.text(), errors);
}

/// What policies of both kinds say of what they are about; gives the scope of their expressions. `resources` looks at the
/// resources that are matched, after all else about these.
pub(super) fn subject(
    spec: &At<'_>,
    resources: impl FnOnce(&At<'_>, &mut Errors),
    errors: &mut Errors,
) -> Scope {
    let failure = spec.child("failurePolicy");
    if failure.is_set() {
        failure.known(&["Fail", "Ignore"], errors);
    } else {
        errors.push(failure.required(""));
    }
    let kind = spec.child("paramKind");
    let params = kind.is_set();
    if params {
        param_kind(&kind, errors);
    }
    let constraints = spec.child("matchConstraints");
    if constraints.is_set() {
        match_resources(&constraints, errors);
        let rules = constraints.child("resourceRules");
        if rules.items().is_empty() {
            errors.push(rules.required(""));
        }
        resources(&constraints, errors);
    } else {
        errors.push(constraints.required(""));
    }
    match_conditions(&spec.child("matchConditions"), params, errors);
    let mut scope = Scope::new(params);
    let variables = spec.child("variables").items();
    scope.composes = !variables.is_empty();
    for one in variables {
        scope.variable(&one, errors);
    }
    scope
}

/// An update of a policy through `/status`.
pub(super) fn status_update(new: &At<'_>, errors: &mut Errors) {
    let status = new.child("status");
    let warnings = status.child("typeChecking").child("expressionWarnings");
    for one in warnings.items() {
        for key in ["warning", "fieldRef"] {
            let field = one.child(key);
            let text = if key == "fieldRef" {
                field.text().trim()
            } else {
                field.text()
            };
            if text.is_empty() {
                errors.push(field.required(""));
            }
        }
    }
    meta::conditions(&status.child("conditions"), errors);
}

/// Of which kind a policy's parameters are.
fn param_kind(kind: &At<'_>, errors: &mut Errors) {
    let api_version = kind.child("apiVersion");
    let text = api_version.text();
    let (group, version) = crate::meta::group_version(text);
    if text.is_empty() {
        errors.push(api_version.required(""));
    } else if version.contains('/') {
        errors.push(api_version.invalid(format!("unexpected GroupVersion string: {text}")));
    } else {
        let mut complain = |value: &str, complaints: Vec<String>| {
            if !complaints.is_empty() {
                errors.push(api_version.invalid_as(value, complaints.join(",")));
            }
        };
        if !group.is_empty() {
            complain(group, names::dns1123_subdomain(group));
        }
        if version.is_empty() {
            complain(text, vec!["version must be specified".to_owned()]);
        } else {
            complain(version, names::dns1035_label(version));
        }
    }
    let name = kind.child("kind");
    if name.text().is_empty() {
        errors.push(name.required(""));
        return;
    }
    let complaints = names::dns1035_label(&name.text().to_lowercase());
    if !complaints.is_empty() {
        errors.push(name.invalid(format!(
            "may have mixed case, but should otherwise match: {}",
            complaints.join(",")
        )));
    }
}

/// What a policy, or what binds it, is about.
pub(super) fn match_resources(resources: &At<'_>, errors: &mut Errors) {
    let policy = resources.child("matchPolicy");
    if policy.is_set() {
        policy.known(&["Equivalent", "Exact"], errors);
    } else {
        errors.push(policy.required(""));
    }
    for key in ["namespaceSelector", "objectSelector"] {
        let selector = resources.child(key);
        if selector.is_set() {
            meta::label_selector(&selector, errors);
        } else {
            errors.push(selector.required(""));
        }
    }
    for key in ["resourceRules", "excludeResourceRules"] {
        for rule in resources.child(key).items() {
            let mut seen = BTreeSet::new();
            for name in rule.child("resourceNames").items() {
                name.complain(path_segment(name.text(), false), errors);
                if !seen.insert(name.text()) {
                    errors.push(name.duplicate());
                }
            }
            rule_with_operations(&rule, errors);
        }
    }
}

/// Conditions of a policy or a webhook; with `params`, they may look at the parameter.
pub(super) fn match_conditions(conditions: &At<'_>, params: bool, errors: &mut Errors) {
    let items = conditions.items();
    if items.len() > MOST_CONDITIONS {
        errors.push(FieldError::new(
            ErrorKind::TooMany,
            conditions.path(),
            BadValue::Json(items.len().to_string()),
            format!("must have at most {MOST_CONDITIONS} items"),
        ));
    }
    if items.is_empty() {
        return;
    }
    let env = environment(Seen {
        params,
        authorizer: true,
    });
    let mut seen = BTreeSet::new();
    for item in items {
        let (expression, name) = (item.child("expression"), item.child("name"));
        let trimmed = expression.text().trim();
        if trimmed.is_empty() {
            errors.push(expression.required(""));
        } else if let Err(why) = check(&env, trimmed, &[Type::Bool]) {
            errors.push(expression.unusable(trimmed, why));
        }
        if name.text().is_empty() {
            errors.push(name.required(""));
            continue;
        }
        name.complain(names::label_key(name.text()), errors);
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}

/// What the expressions of one policy see; variables come one after another.
pub(super) struct Scope {
    params: bool,
    /// The policy has variables.
    composes: bool,
    variables: std::collections::BTreeMap<String, Type>,
}

impl Scope {
    /// Nothing declared yet.
    fn new(params: bool) -> Self {
        Self {
            params,
            composes: false,
            variables: std::collections::BTreeMap::new(),
        }
    }

    /// What is declared so far.
    pub(super) fn env(&self, authorizer: bool) -> Env {
        let env = environment(Seen {
            params: self.params,
            authorizer,
        });
        if !self.composes {
            return env;
        }
        let all = Object::new("kubernetes.variables", self.variables.clone());
        env.variable("variables", Type::Object(all))
    }

    /// One more variable.
    fn variable(&mut self, variable: &At<'_>, errors: &mut Errors) {
        let (name, expression) = (variable.child("name"), variable.child("expression"));
        if name.text().trim().is_empty() {
            errors.push(name.required("name is not specified"));
        } else if !is_identifier(name.text()) {
            errors.push(name.invalid("must be a valid CEL identifier"));
        }
        if expression.text().trim().is_empty() {
            errors.push(expression.required("expression is not specified"));
            return;
        }
        // One that is wrong has any type.
        let found = match check(&self.env(true), expression.text(), &[]) {
            Ok(found) => composed(&found),
            Err(why) => {
                errors.push(expression.unusable(expression.text(), why));
                Type::Dyn
            }
        };
        self.variables.insert(name.text().to_owned(), found);
    }

    fn validation(&self, validation: &At<'_>, errors: &mut Errors) {
        let (expression, message) = (validation.child("expression"), validation.child("message"));
        if expression.text().trim().is_empty() {
            errors.push(expression.required("expression is not specified"));
        } else if let Err(why) = check(&self.env(true), expression.text(), &[Type::Bool]) {
            errors.push(expression.unusable(expression.text(), why));
        }
        let made = validation.child("messageExpression");
        if !made.text().is_empty() && made.text().trim().is_empty() {
            errors.push(made.invalid("must be non-empty if specified"));
        } else if !made.text().is_empty()
            && let Err(why) = check(&self.env(false), made.text(), &[Type::String])
        {
            errors.push(made.unusable(made.text(), why));
        }
        let trimmed = message.text().trim();
        if !message.text().is_empty() && trimmed.is_empty() {
            errors.push(message.invalid("must be non-empty if specified"));
        } else if trimmed.contains(['\n', '\r']) {
            errors.push(message.invalid("must not contain line breaks"));
        }
        let reason = validation.child("reason");
        let known = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
        if reason.is_set() && !known.contains(&reason.text()) {
            errors.push(reason.not_supported(&known));
        }
    }

    fn audit_annotations(&self, annotations: &At<'_>, policy: &str, errors: &mut Errors) {
        let items = annotations.items();
        if items.len() > MOST_AUDIT_ANNOTATIONS {
            let detail =
                format!("must not have more than {MOST_AUDIT_ANNOTATIONS} auditAnnotations");
            errors.push(
                annotations.invalid_struct("[]admissionregistration.AuditAnnotation", detail),
            );
        }
        let mut seen = BTreeSet::new();
        for item in items {
            let (key, value) = (item.child("key"), item.child("valueExpression"));
            if policy.is_empty() {
                errors.push(key.invalid("requires metadata.name be non-empty"));
            } else {
                let full = format!("{policy}/{}", key.text());
                for complaint in names::label_key(&full) {
                    errors.push(key.invalid_as(full.as_str(), complaint));
                }
            }
            let trimmed = value.text().trim();
            if trimmed.is_empty() {
                errors.push(value.required("valueExpression is not specified"));
            } else if trimmed.len() > LONGEST_VALUE_EXPRESSION {
                let detail = format!("must not exceed {LONGEST_VALUE_EXPRESSION} bytes in length");
                errors.push(value.required(&detail));
            } else if let Err(why) = check(&self.env(true), trimmed, &[Type::String, Type::Null]) {
                errors.push(value.unusable(value.text(), why));
            }
            if !seen.insert(key.text()) {
                errors.push(key.duplicate());
            }
        }
    }
}

/// Whether a variable may be called that.
fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next();
    first.is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && characters.all(|one| one == '_' || one.is_ascii_alphanumeric())
        && !RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Errors of a policy of one good rule with some fields of its spec replaced.
    fn said(changes: &Value) -> Vec<String> {
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        let mut spec = json!({
            "failurePolicy": "Fail", "matchConstraints": {
                "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [rule],
            },
        });
        for (key, value) in changes.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let object = json!({"metadata": {"name": "p"}, "spec": spec});
        let mut errors = Errors::new();
        policy(&At::new("", &object), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    fn of(expression: &str) -> Vec<String> {
        let errors = said(&json!({"validations": [{"expression": expression}]}));
        let prefix = format!("spec.validations[0].expression: Invalid value: {expression:?}: ");
        let strip = |text: &String| text.strip_prefix(&prefix).unwrap_or(text).to_owned();
        errors.iter().map(strip).collect()
    }

    #[test]
    fn expressions_are_compiled_when_a_policy_is_stored() {
        for good in [
            "namespaceObject.metadata.name == \"x\"",
            "request.options.x == 1",
            "authorizer.group(\"\").resource(\"pods\").check(\"get\").allowed()",
        ] {
            assert_eq!(of(good), Vec::<String>::new(), "{good}");
        }
        let undeclared = "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n \
                          | params.x == 1\n | ^";
        for (bad, text) in [
            ("object.x", "must evaluate to bool but got dyn"),
            (
                "authorizer.requestResource.check(\"get\")",
                "must evaluate to bool but got kubernetes.authorization.Decision",
            ),
            ("params.x == 1", undeclared),
            (
                "request.userInfo.name == \"a\"",
                "compilation failed: ERROR: <input>:1:17: undefined field 'name'\n | request.userInfo.name == \"a\"\n \
                 | ................^",
            ),
        ] {
            assert_eq!(of(bad), [text], "{bad}");
        }
    }

    #[test]
    fn constants_that_are_no_patterns_or_numbers_are_the_servers_own_fault() {
        for (bad, text) in [
            (
                "'a'.find('(') == ''",
                "error parsing regexp: missing closing ): `(`",
            ),
            (
                "int(string('a')) == 1",
                "type conversion error from 'string' to 'int'",
            ),
        ] {
            let at = "spec.validations[0].expression: Internal error: program instantiation failed";
            assert_eq!(of(bad), [format!("{at}: {text}")], "{bad}");
        }
    }

    #[test]
    fn variables_messages_and_annotations_have_types() {
        let variables =
            json!([{"name": "a", "expression": "1"}, {"name": "if", "expression": "2"}]);
        let validations = json!([{"expression": "variables.a == 1", "messageExpression": "1"}]);
        assert_eq!(
            said(&json!({"variables": variables, "validations": validations})),
            [
                "spec.variables[1].name: Invalid value: \"if\": must be a valid CEL identifier",
                "spec.validations[0].messageExpression: Invalid value: \"1\": must evaluate to string but got int",
            ]
        );
        let annotations =
            json!([{"key": "a", "valueExpression": "1"}, {"key": "a", "valueExpression": "null"}]);
        assert_eq!(
            said(&json!({"auditAnnotations": annotations})),
            [
                "spec.auditAnnotations[0].valueExpression: Invalid value: \"1\": must evaluate to one of [string null_type] \
                 but got int",
                "spec.auditAnnotations[1].key: Duplicate value: \"a\"",
            ]
        );
        assert_eq!(
            said(&json!({"validations": [{"expression": "true", "reason": "Unauthorized"}]})),
            [
                "spec.validations[0].reason: Unsupported value: \"Unauthorized\": supported values: \"Forbidden\", \"Invalid\", \
                 \"RequestEntityTooLarge\""
            ]
        );
    }

    #[test]
    fn a_binding_denies_or_warns_and_says_what_to_do_without_parameters() {
        let object = json!({"spec": {
            "policyName": "p", "validationActions": ["Deny", "Warn"], "paramRef": {"parameterNotFoundAction": "X"},
        }});
        let mut errors = Errors::new();
        super::super::bindings::binding(&At::new("", &object), &mut errors);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.paramRef: Required value: one of name or selector must be specified",
                "spec.paramRef.parameterNotFoundAction: Unsupported value: \"X\": supported values: \"Deny\", \"Allow\"",
                "spec.validationActions: Invalid value: [\"Deny\",\"Warn\"]: must not contain both Deny and Warn (repeating the \
                 same validation failure information in the API response and headers serves no purpose)",
            ]
        );
    }
}
