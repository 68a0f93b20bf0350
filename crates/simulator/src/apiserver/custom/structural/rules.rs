//! Rules of a schema when the definition is written: form, then compilation against the schema
//! (`apis/apiextensions/validation/validation.go`, `schema/cel/compilation.go`).

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::cel::{Shape, Type};
use serde_json::{Value, json};

use super::super::field_path::normalized;
use super::super::rules::{environment, text};
use super::children;

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

fn list(schema: &Value) -> &[Value] {
    schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Errors in the form of a schema's own rules.
pub(super) fn form(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (index, rule) in list(schema).iter().enumerate() {
        let at = |field: &str| format!("{path}.x-kubernetes-validations[{index}].{field}");
        let (source, message) = (text(rule, "rule"), text(rule, "message"));
        if source.trim().is_empty() {
            errors.push(FieldError::required(at("rule"), "rule is not specified"));
        } else if !message.is_empty() && message.trim().is_empty() {
            let detail = "must be non-empty if specified";
            errors.push(FieldError::invalid(at("message"), message, detail));
        } else if message.trim().contains('\n') {
            let detail = "must not contain line breaks";
            errors.push(FieldError::invalid(at("message"), message, detail));
        } else if source.trim().contains('\n') && message.trim().is_empty() {
            let detail = "message must be specified if rule contains line breaks";
            errors.push(FieldError::required(at("message"), detail));
        }
        let expression = text(rule, "messageExpression");
        if !expression.is_empty() && expression.trim().is_empty() {
            let detail = "messageExpression must be non-empty if specified";
            errors.push(FieldError::required(at("messageExpression"), detail));
        }
        if let Some(reason) = rule.get("reason").and_then(Value::as_str)
            && !REASONS.contains(&reason)
        {
            errors.push(FieldError::not_supported(at("reason"), reason, &REASONS));
        }
        let field = text(rule, "fieldPath");
        if field.is_empty() {
            continue;
        }
        for (holds, detail) in [
            (field.trim().is_empty(), "must be non-empty if specified"),
            (field.contains('\n'), "must not contain line breaks"),
            (
                normalized(field, schema).map_or(true, |path| path.is_empty()),
                "must be a valid path",
            ),
        ] {
            if holds {
                errors.push(FieldError::invalid(at("fieldPath"), field, detail));
            }
        }
    }
}

/// Errors of all rules in a schema whose form is fine.
pub(super) fn compile(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    below(schema, path, true, None, errors);
}

/// `uncorrelated` is where old values stop being found.
fn below(
    schema: &Value,
    path: &str,
    root: bool,
    uncorrelated: Option<&str>,
    errors: &mut Vec<FieldError>,
) {
    for (child_path, child) in children(schema, path) {
        let step = child_path.strip_prefix(path).unwrap_or_default();
        // Rules in junctors other than allOf are never run.
        if step.starts_with(".not") || step.starts_with(".anyOf") || step.starts_with(".oneOf") {
            continue;
        }
        if step.starts_with(".allOf") {
            compile_own(child, schema, &child_path, root, uncorrelated, errors);
            continue;
        }
        let lost = step == ".items" && text(schema, "x-kubernetes-list-type") != "map";
        let uncorrelated = uncorrelated.or(lost.then_some(path));
        let embedded = child.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        below(child, &child_path, embedded, uncorrelated, errors);
    }
    compile_own(schema, schema, path, root, uncorrelated, errors);
}

fn compile_own(
    schema: &Value,
    structure: &Value,
    path: &str,
    root: bool,
    uncorrelated: Option<&str>,
    errors: &mut Vec<FieldError>,
) {
    if list(schema).is_empty() {
        return;
    }
    let shape = Shape::of(structure, root);
    if shape.is_hidden() {
        let detail = "internal error: failed to construct type information for x-kubernetes-validations rules: unable to \
                      convert structural schema to CEL declarations";
        let field = format!("{path}.x-kubernetes-validations");
        errors.push(FieldError::new(
            ErrorKind::Internal,
            field,
            BadValue::Omitted,
            detail,
        ));
        return;
    }
    for (index, rule) in list(schema).iter().enumerate() {
        let at = |field: &str| format!("{path}.x-kubernetes-validations[{index}].{field}");
        let optional = rule.get("optionalOldSelf").and_then(Value::as_bool);
        let env = environment(&shape, optional.unwrap_or_default());
        let mut uses_old = false;
        let complaint = match env.compile(text(rule, "rule")) {
            Err(error) => Some(format!("compilation failed: {error}")),
            Ok(program) if *program.output() != Type::Bool => {
                Some("cel expression must evaluate to a bool".to_owned())
            }
            Ok(program) => {
                uses_old = program.uses("oldSelf");
                None
            }
        };
        let failed = complaint.is_some();
        if let Some(complaint) = complaint {
            errors.push(FieldError::invalid(at("rule"), go_rule(rule), complaint));
        }
        let message = text(rule, "messageExpression");
        if !failed && !message.is_empty() {
            let complaint = match env.compile(message) {
                Err(error) => Some(format!("messageExpression compilation failed: {error}")),
                Ok(program) if *program.output() != Type::String => {
                    Some("messageExpression must evaluate to a string".to_owned())
                }
                Ok(_) => None,
            };
            if let Some(complaint) = complaint {
                let field = at("messageExpression");
                errors.push(FieldError::invalid(field, go_rule(rule), complaint));
            }
        }
        match (uses_old, uncorrelated, optional) {
            (true, Some(place), _) => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {place}"
                );
                errors.push(FieldError::invalid(at("rule"), text(rule, "rule"), detail));
            }
            (false, _, Some(value)) => errors.push(FieldError::invalid(
                at("optionalOldSelf"),
                &Value::Bool(value),
                "may not be set if oldSelf is not used in rule",
            )),
            (true, None, _) | (false, _, None) => {}
        }
    }
}

/// A rule in the server's internal form.
fn go_rule(rule: &Value) -> BadValue {
    let or_null = |key: &str| rule.get(key).cloned().unwrap_or_default();
    let fields = [
        ("Rule", json!(text(rule, "rule"))),
        ("Message", json!(text(rule, "message"))),
        ("MessageExpression", json!(text(rule, "messageExpression"))),
        ("Reason", or_null("reason")),
        ("FieldPath", json!(text(rule, "fieldPath"))),
        ("OptionalOldSelf", or_null("optionalOldSelf")),
    ];
    let fields = fields.map(|(key, value)| format!("{key:?}:{}", escaped(&value)));
    BadValue::Json(format!("{{{}}}", fields.join(",")))
}

/// As Go's `json.Marshal` writes it.
fn escaped(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
