//! Rules of a schema, evaluated on objects (`apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`).
//!
//! A rule sees the value as `self` and on update its old counterpart as `oldSelf`: found by key in objects and maps, by
//! the keys of elements in lists of type map, not at all in other lists. Errors on values that did not change are
//! warnings. Go visits properties in random order; here they come by name.

mod message;

use std::collections::BTreeMap;

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::cel::{Env, EvalError, PER_OBJECT, Program, Shape, Type, Value as Cel, Variables};
use serde_json::{Map, Value};

use self::message::Message;
use super::correlation::{Correlation, Counterparts};
use super::field_path::normalized;
use super::schema::Schema;

/// The name the type of `self` has in complaints.
pub(super) const SELF_TYPE: &str = "selfType";

/// A schema's rules and those below it.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    kind: String,
    shape: Shape,
    own: Vec<Rule>,
    all_of: Vec<Rules>,
    properties: BTreeMap<String, Rules>,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
    list_type: String,
    keys: Vec<String>,
}

/// One rule, ready to run.
#[derive(Debug, Clone)]
struct Rule {
    text: String,
    program: Result<Program, String>,
    message: String,
    message_program: Option<Program>,
    message_source: String,
    reason: Option<String>,
    field_path: String,
    optional_old: bool,
}

/// What rules say of an object.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Why it is refused.
    pub errors: Vec<FieldError>,
    /// What is wrong and was before.
    pub warnings: Vec<String>,
}

pub(super) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(of: &Value, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// The environment of a schema's rules; with `optional`, `oldSelf` is an optional.
pub(super) fn environment(shape: &Shape, optional: bool) -> Env {
    let of = shape.type_named(SELF_TYPE);
    let old = if optional {
        Type::optional(of.clone())
    } else {
        of.clone()
    };
    Env::new().variable("self", of).variable("oldSelf", old)
}

/// Whether there are rules in a schema or below it, but for alternatives.
fn has_rules(schema: &Value) -> bool {
    let own = schema.get("x-kubernetes-validations");
    let properties = schema.get("properties").and_then(Value::as_object);
    let inner = ["items", "additionalProperties"].into_iter();
    let inner = inner.filter_map(|key| schema.get(key));
    own.and_then(Value::as_array)
        .is_some_and(|rules| !rules.is_empty())
        || properties.is_some_and(|properties| properties.values().any(has_rules))
        || inner.into_iter().any(has_rules)
}

impl Rules {
    /// The rules of a version's schema, or `None` if there is none in it.
    pub(super) fn compile(schema: &Value) -> Option<Self> {
        // Upstream doesn't look for them inside `allOf`.
        has_rules(schema).then(|| Self::below(schema, schema, true))?
    }

    /// `validation` has the rules, `node` the structure; they differ inside `allOf`.
    fn below(validation: &Value, node: &Value, root: bool) -> Option<Self> {
        let shape = Shape::of(node, root);
        let list = validation
            .get("x-kubernetes-validations")
            .and_then(Value::as_array);
        let own: Vec<Rule> = list
            .into_iter()
            .flatten()
            .filter(|rule| !text(rule, "rule").trim().is_empty())
            .map(|rule| Rule::compile(rule, &shape, node))
            .collect();
        let embedded = |schema: &Value| flag(schema, "x-kubernetes-embedded-resource");
        let child = |key: &str| {
            let (inner, structure) = (validation.get(key)?, node.get(key)?);
            let both = inner.is_object() && structure.is_object();
            both.then(|| Self::below(inner, structure, embedded(structure)))?
                .map(Box::new)
        };
        let mut properties = BTreeMap::new();
        let inner = validation.get("properties").and_then(Value::as_object);
        for (name, inner) in inner.into_iter().flatten() {
            let structure = node
                .get("properties")
                .and_then(|properties| properties.get(name));
            if let Some(structure) = structure
                && let Some(below) = Self::below(inner, structure, embedded(structure))
            {
                properties.insert(name.clone(), below);
            }
        }
        let all_of = validation.get("allOf").and_then(Value::as_array);
        let all_of: Vec<Rules> = all_of
            .into_iter()
            .flatten()
            .filter_map(|inner| Self::below(inner, node, root))
            .collect();
        let found = Self {
            kind: text(node, "type").to_owned(),
            shape,
            own,
            all_of,
            properties,
            additional: child("additionalProperties"),
            items: child("items"),
            list_type: text(node, "x-kubernetes-list-type").to_owned(),
            keys: node
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        let some = !found.own.is_empty()
            || !found.all_of.is_empty()
            || !found.properties.is_empty()
            || found.additional.is_some()
            || found.items.is_some();
        some.then_some(found)
    }

    /// Runs the rules on an object of that schema.
    pub(super) fn check(&self, schema: &Schema, new: &Value, old: Option<&Value>) -> Findings {
        self.run(new, old, &Correlation::of(schema, new, old))
    }

    /// Runs the rules on a default: as a value that stays as it is, which excuses nothing, then as one that wasn't there.
    pub(super) fn check_default(&self, schema: &Schema, default: &Value) -> Vec<FieldError> {
        let uncorrelated = Correlation::of(schema, default, None);
        let mut found = self.run(default, Some(default), &uncorrelated);
        if found.errors.is_empty() {
            found = self.run(default, None, &uncorrelated);
        }
        found.errors
    }

    fn run(&self, new: &Value, old: Option<&Value>, correlation: &Correlation<'_>) -> Findings {
        let mut run = Run {
            budget: i64::try_from(PER_OBJECT).unwrap_or(i64::MAX),
            findings: Findings::default(),
        };
        run.node(self, "", new, old, correlation);
        run.findings
    }
}

impl Rule {
    fn compile(rule: &Value, shape: &Shape, schema: &Value) -> Self {
        let optional_old = flag(rule, "optionalOldSelf");
        let env = environment(shape, optional_old);
        let message_source = text(rule, "messageExpression").to_owned();
        let message_program = if message_source.is_empty() {
            None
        } else {
            let program = env.compile(&message_source).ok();
            program.filter(|program| program.instantiate().is_ok())
        };
        let program = env.compile(text(rule, "rule"));
        Self {
            text: text(rule, "rule").trim().to_owned(),
            program: match program {
                Ok(program) if *program.output() == Type::Bool => match program.instantiate() {
                    Ok(()) => Ok(program),
                    Err(text) => Err(format!("program instantiation failed: {text}")),
                },
                Ok(_) => Err("cel expression must evaluate to a bool".to_owned()),
                Err(error) => Err(format!("compilation failed: {error}")),
            },
            message: text(rule, "message").trim().to_owned(),
            message_program,
            message_source,
            reason: rule
                .get("reason")
                .and_then(Value::as_str)
                .map(str::to_owned),
            field_path: normalized(text(rule, "fieldPath"), schema).unwrap_or_default(),
            optional_old,
        }
    }

    /// How messages call it.
    fn shown(&self) -> &str {
        if self.message.is_empty() {
            &self.text
        } else {
            &self.message
        }
    }

    fn complaint(&self) -> String {
        if self.message.is_empty() {
            format!("failed rule: {}", self.text)
        } else {
            self.message.clone()
        }
    }
}

struct Run {
    budget: i64,
    findings: Findings,
}

fn field_of(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}

impl Run {
    fn invalid(&mut self, path: &str, kind: &str, detail: String) {
        let error = FieldError::invalid(field_of(path), kind, detail);
        self.findings.errors.push(error);
    }

    /// Whether to go on.
    fn node(
        &mut self,
        rules: &Rules,
        path: &str,
        new: &Value,
        old: Option<&Value>,
        correlation: &Correlation<'_>,
    ) -> bool {
        if new.is_null() {
            return true;
        }
        if !self.own(rules, path, new, old, correlation) {
            return false;
        }
        let inner = correlation.inside_all_of();
        for one in &rules.all_of {
            if !self.node(one, path, new, old, &inner) {
                return false;
            }
        }
        match new {
            Value::Array(list) => self.array(rules, path, list, old, correlation),
            Value::Object(map) => self.map(rules, path, map, old, correlation),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }

    fn map(
        &mut self,
        rules: &Rules,
        path: &str,
        map: &Map<String, Value>,
        old: Option<&Value>,
        correlation: &Correlation<'_>,
    ) -> bool {
        let parts = correlation.below();
        for (key, value) in map {
            let before = old.and_then(|old| old.get(key));
            let (below, child) = if let Some(additional) = &rules.additional {
                (additional.as_ref(), format!("{path}[{key}]"))
            } else if let Some(property) = rules.properties.get(key) {
                let child = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                (property, child)
            } else {
                continue;
            };
            if !self.node(below, &child, value, before, &parts.key(key)) {
                return false;
            }
        }
        true
    }

    fn array(
        &mut self,
        rules: &Rules,
        path: &str,
        list: &[Value],
        old: Option<&Value>,
        correlation: &Correlation<'_>,
    ) -> bool {
        let Some(items) = &rules.items else {
            return true;
        };
        let old = old.and_then(Value::as_array);
        let old = old.and_then(|old| Counterparts::of(&rules.list_type, &rules.keys, old));
        let parts = correlation.below();
        for (index, item) in list.iter().enumerate() {
            let before = old.as_ref().and_then(|old| old.of_item(item));
            let child = format!("{path}[{index}]");
            if !self.node(items, &child, item, before, &parts.item(index)) {
                return false;
            }
        }
        true
    }

    fn own(
        &mut self,
        rules: &Rules,
        path: &str,
        new: &Value,
        old: Option<&Value>,
        correlation: &Correlation<'_>,
    ) -> bool {
        const SPENT: &str = "validation failed due to running out of cost budget, no further validation rules will be run";
        if rules.own.is_empty() {
            return true;
        }
        let old = old.filter(|old| !old.is_null());
        if self.budget <= 0 {
            self.invalid(path, &rules.kind, SPENT.to_owned());
            return false;
        }
        let value = rules.shape.value(new);
        let before = old.map(|old| rules.shape.value(old));
        for rule in &rules.own {
            let program = match &rule.program {
                Ok(program) => program,
                Err(error) => {
                    self.invalid(path, &rules.kind, format!("rule compile error: {error}"));
                    continue;
                }
            };
            let transition = program.uses("oldSelf");
            if transition && before.is_none() && !rule.optional_old {
                continue;
            }
            let variables = variables(&value, before.as_ref(), rule.optional_old);
            let run = program.run(&variables);
            self.budget -= i64::try_from(run.cost).unwrap_or(i64::MAX);
            if self.budget < 0 {
                self.invalid(path, &rules.kind, SPENT.to_owned());
                return false;
            }
            match run.result {
                Ok(Cel::Bool(true)) => {}
                Ok(_) => {
                    let ratchet = !transition && correlation.is_unchanged();
                    if !self.broken(rules, rule, path, new, &variables, ratchet) {
                        return false;
                    }
                }
                Err(error) => {
                    self.invalid(path, &rules.kind, explained(&error, rule));
                    if error == EvalError::TooExpensive {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// A rule that does not hold. Whether to go on.
    fn broken(
        &mut self,
        rules: &Rules,
        rule: &Rule,
        path: &str,
        new: &Value,
        variables: &Variables,
        ratchet: bool,
    ) -> bool {
        let mut path = path.to_owned();
        if !rule.field_path.is_empty() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&rule.field_path);
        }
        let (detail, go_on) = match self.message(rule, variables) {
            Message::Own => (rule.complaint(), true),
            Message::Text(text) => (text, true),
            Message::Fatal(text) => {
                let error = FieldError::invalid(field_of(&path), rules.kind.as_str(), text);
                self.report(error, ratchet);
                return false;
            }
        };
        let value = match rules.kind.as_str() {
            "object" | "array" => BadValue::Omitted,
            _ => BadValue::from(new),
        };
        let field = field_of(&path);
        let error = match rule.reason.as_deref() {
            Some("FieldValueForbidden") => FieldError::forbidden(field, detail),
            Some("FieldValueRequired") => FieldError::required(field, detail),
            Some("FieldValueDuplicate") => FieldError::new(ErrorKind::Duplicate, field, value, ""),
            _ => FieldError::new(ErrorKind::Invalid, field, value, detail),
        };
        self.report(error, ratchet);
        go_on
    }

    fn report(&mut self, error: FieldError, ratchet: bool) {
        if ratchet {
            self.findings.warnings.push(error.to_string());
        } else {
            self.findings.errors.push(error);
        }
    }
}

fn variables(new: &Cel, old: Option<&Cel>, optional: bool) -> Variables {
    let mut variables = Variables::new();
    variables.set("self", new.clone());
    match (old, optional) {
        (Some(old), true) => variables.set("oldSelf", Cel::some(old.clone())),
        (None, true) => variables.set("oldSelf", Cel::Optional(None)),
        (Some(old), false) => variables.set("oldSelf", old.clone()),
        (None, false) => {}
    }
    variables
}

fn explained(error: &EvalError, rule: &Rule) -> String {
    let shown = rule.shown();
    match error {
        EvalError::TooExpensive => format!(
            "'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {shown}"
        ),
        EvalError::Failed(text) if text.starts_with("no such overload") => format!(
            "'{text}': call arguments did not match a supported operator, function or macro signature for rule: {shown}"
        ),
        EvalError::Failed(text) => format!("{text} evaluating rule: {shown}"),
    }
}
