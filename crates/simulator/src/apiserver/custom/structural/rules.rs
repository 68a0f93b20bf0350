//! Rules of a schema when the definition is written: form, then compilation against the schema
//! (`apis/apiextensions/validation/validation.go`, `schema/cel/compilation.go`).

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::cel::{Env, Shape, Type};
use serde_json::{Value, json};

use super::super::field_path::normalized;
use super::super::rules::{environment, text};
use super::children;
use super::cost::{COST, Total, too_expensive};

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

/// Errors of all rules in a schema that is structural. `flawed` are the schemas in it whose form is wrong: rules of those and
/// around them are not looked at. `unchanged` schemas may have rules that cost too much each, but not all together.
pub(super) fn compile(
    schema: &Value,
    path: &str,
    flawed: &[String],
    unchanged: bool,
    errors: &mut Vec<FieldError>,
) {
    let mut compiler = Compiler {
        flawed,
        unchanged,
        errors,
        total: Total::default(),
    };
    let root = Place {
        path,
        root: true,
        uncorrelated: None,
        most: Some(1),
        ruled: false,
        hidden: false,
    };
    compiler.below(schema, root);
    let total = compiler.total;
    total.errors(path, errors);
}

/// Where a schema stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    /// Of a whole resource.
    root: bool,
    /// Where old values stop being found.
    uncorrelated: Option<&'a str>,
    /// How many values of it there may be, if the schemas around it say.
    most: Option<u64>,
    /// A schema around it has rules.
    ruled: bool,
    /// Nothing is known of data around it, and so of its own.
    hidden: bool,
}

struct Compiler<'a> {
    flawed: &'a [String],
    unchanged: bool,
    errors: &'a mut Vec<FieldError>,
    total: Total,
}

impl Compiler<'_> {
    fn below(&mut self, schema: &Value, place: Place<'_>) {
        let most = place
            .most
            .zip(most_elements(schema))
            .map(|(around, own)| around.saturating_mul(own));
        // A schema of no type that there is hides everything below it, if it is looked at for the sake of rules of its own or
        // around it (`TypeInfo` of `validation/cel_validation.go`).
        let ruled = place.ruled || !list(schema).is_empty();
        let hidden = place.hidden || (ruled && Shape::hides(schema));
        for (path, child) in children(schema, place.path) {
            let step = path.strip_prefix(place.path).unwrap_or_default();
            // Rules in junctors are not looked at.
            if [".not", ".anyOf", ".oneOf", ".allOf"]
                .iter()
                .any(|junctor| step.starts_with(junctor))
            {
                continue;
            }
            let lost = (step == ".items" && text(schema, "x-kubernetes-list-type") != "map")
                || (step.starts_with(".properties[") && !is_correlatable_map(schema));
            let below = Place {
                path: &path,
                root: child.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)),
                uncorrelated: place.uncorrelated.or(lost.then_some(place.path)),
                most,
                ruled,
                hidden,
            };
            self.below(child, below);
        }
        self.own(schema, place);
    }

    /// Whether the form of a schema and of everything below it is fine.
    fn is_fine(&self, path: &str) -> bool {
        !self.flawed.iter().any(|owner| {
            let rest = owner.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    fn own(&mut self, schema: &Value, place: Place<'_>) {
        if list(schema).is_empty() || !self.is_fine(place.path) {
            return;
        }
        if place.hidden || Shape::hides(schema) {
            let detail = "internal error: failed to construct type information for x-kubernetes-validations rules: unable \
                          to convert structural schema to CEL declarations";
            let field = format!("{}.x-kubernetes-validations", place.path);
            self.errors.push(FieldError::new(
                ErrorKind::Internal,
                field,
                BadValue::Omitted,
                detail,
            ));
            return;
        }
        let shape = Shape::of(schema, place.root);
        for (index, rule) in list(schema).iter().enumerate() {
            self.rule(rule, index, &shape, place);
        }
    }

    fn rule(&mut self, rule: &Value, index: usize, shape: &Shape, place: Place<'_>) {
        let path = place.path;
        let at = |field: &str| format!("{path}.x-kubernetes-validations[{index}].{field}");
        let optional = rule.get("optionalOldSelf").and_then(Value::as_bool);
        let env = environment(shape, optional.unwrap_or_default());
        let mut uses_old = false;
        let (cost, complaint) = match env.compile(text(rule, "rule")) {
            Err(error) => (0, Some(format!("compilation failed: {error}"))),
            Ok(program) if *program.output() != Type::Bool => {
                (0, Some("cel expression must evaluate to a bool".to_owned()))
            }
            Ok(program) => {
                uses_old = program.uses("oldSelf");
                let times = place.most.unwrap_or_else(|| shape.max_cardinality());
                match program.instantiate() {
                    Ok(()) => (program.estimate(shape).saturating_mul(times), None),
                    Err(text) => (0, Some(format!("program instantiation failed: {text}"))),
                }
            }
        };
        self.charge(at("rule"), "estimated rule cost", cost);
        let failed = complaint.is_some();
        if let Some(complaint) = complaint {
            let error = FieldError::invalid(at("rule"), go_rule(rule), complaint);
            self.errors.push(error);
        }
        if !failed {
            self.message(rule, at("messageExpression"), &env, shape);
        }
        match (uses_old, place.uncorrelated, optional) {
            (true, Some(place), _) => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {place}"
                );
                let error = FieldError::invalid(at("rule"), text(rule, "rule"), detail);
                self.errors.push(error);
            }
            (false, _, Some(value)) => self.errors.push(FieldError::invalid(
                at("optionalOldSelf"),
                &Value::Bool(value),
                "may not be set if oldSelf is not used in rule",
            )),
            (true, None, _) | (false, _, None) => {}
        }
    }

    /// The expression of a rule's message.
    fn message(&mut self, rule: &Value, field: String, env: &Env, shape: &Shape) {
        let message = text(rule, "messageExpression");
        if message.is_empty() {
            return;
        }
        let complaint = match env.compile(message) {
            Err(error) => format!("messageExpression compilation failed: {error}"),
            Ok(program) if *program.output() != Type::String => {
                "messageExpression must evaluate to a string".to_owned()
            }
            Ok(program) => match program.instantiate() {
                Ok(()) => {
                    let cost = program.estimate(shape);
                    self.charge(field, "estimated messageExpression cost", cost);
                    return;
                }
                Err(text) => format!("messageExpression instantiation failed: {text}"),
            },
        };
        let error = FieldError::invalid(field, go_rule(rule), complaint);
        self.errors.push(error);
    }

    /// Takes a cost into account; one that is too much by itself is an error.
    fn charge(&mut self, field: String, what: &str, cost: u64) {
        if cost > COST && !self.unchanged {
            let detail = too_expensive(what, cost, COST);
            let error = FieldError::forbidden(field.clone(), detail);
            self.errors.push(error);
        }
        self.total.add(field, cost);
    }
}

/// Old values of a map's fields are found, unless it is of a sort that nobody knows (`schema/cel/validation.go`).
fn is_correlatable_map(schema: &Value) -> bool {
    let kind = schema.get("x-kubernetes-map-type");
    let kind = kind.filter(|kind| !kind.is_null());
    kind.is_none_or(|kind| kind == "granular" || kind == "atomic")
}

/// How many values of the schemas below there may be for one of this schema, if it says.
fn most_elements(schema: &Value) -> Option<u64> {
    let most = |key: &str| {
        let declared = schema.get(key)?.as_i64()?;
        Some(u64::try_from(declared).unwrap_or_default())
    };
    match text(schema, "type") {
        "object"
            if schema
                .get("additionalProperties")
                .is_some_and(|additional| !additional.is_null()) =>
        {
            most("maxProperties")
        }
        "array" => most("maxItems"),
        _ => Some(1),
    }
}

fn go_rule(rule: &Value) -> BadValue {
    BadValue::Json(go_rule_text(rule))
}

/// A rule in the server's internal form.
pub(super) fn go_rule_text(rule: &Value) -> String {
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
    format!("{{{}}}", fields.join(","))
}

/// As Go's `json.Marshal` writes it.
pub(super) fn escaped(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
