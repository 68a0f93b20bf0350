//! Validation of an object against its schema, with the texts of `kube-openapi/pkg/validation` as
//! `apiextensions-apiserver/pkg/apiserver/validation` turns them into field errors.
//!
//! On update all errors of a value that equals its old counterpart are dropped (ratcheting): the errors of what changed
//! stay, so an object that lacks a field needs it whatever is changed in it. Go visits properties in random order; here
//! from the last to the first.

mod numbers;

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::ordered::distinct;
use serde_json::{Map, Value};

use super::correlation::Correlated;
use super::formats;
use super::schema::{Additional, Schema};
use numbers::is_nearly_whole;

/// Errors of a value; `path` is how messages name it, empty for the root.
pub(super) fn validate(
    schema: &Schema,
    path: &str,
    new: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let old = old.map(|old| Correlated::new(schema, new, old));
    // Equal ones count once.
    distinct(node(schema, path, new, old).list)
}

/// The errors of a value.
#[derive(Default)]
struct Found {
    list: Vec<FieldError>,
    /// How many checks were made, as upstream counts them: of alternatives that fail the errors of the one with most are
    /// told.
    checks: usize,
}

/// Errors of a value, none if it is as it was.
fn node(schema: &Schema, path: &str, new: &Value, old: Option<Correlated<'_>>) -> Found {
    let mut found = Found::default();
    found.value(schema, path, new, old);
    if !found.list.is_empty() && old.is_some_and(Correlated::is_unchanged) {
        found.list.clear();
    }
    found
}

fn field_of(path: &str) -> &str {
    match path.strip_prefix('.').unwrap_or(path) {
        "" => "<nil>",
        field => field,
    }
}

impl Found {
    fn push(&mut self, error: FieldError) {
        self.list.push(error);
    }

    fn merge(&mut self, mut other: Self) {
        self.list.append(&mut other.list);
        self.checks += other.checks;
    }

    /// An error about the value at `path`.
    fn add(
        &mut self,
        kind: ErrorKind,
        path: &str,
        value: impl Into<BadValue>,
        detail: impl Into<String>,
    ) {
        self.push(FieldError::new(kind, field_of(path), value, detail));
    }

    fn invalid(&mut self, path: &str, value: &Value, complaint: &str) {
        let detail = format!("{path} in body {complaint}");
        self.add(ErrorKind::Invalid, path, value, detail);
    }

    fn type_error(&mut self, path: &str, expected: &str, actual: &str) {
        let detail = format!("{path} in body must be of type {expected}: {actual:?}");
        self.add(ErrorKind::TypeInvalid, path, actual, detail);
    }

    /// An error without a field.
    fn plain(&mut self, text: String) {
        self.push(FieldError::new(ErrorKind::Invalid, "<nil>", "", text));
    }

    /// What upstream's validators say, one after the other; each that applies counts.
    fn value(&mut self, schema: &Schema, path: &str, new: &Value, old: Option<Correlated<'_>>) {
        let has_type = schema.int_or_string || !schema.kind.is_empty() || !schema.format.is_empty();
        let before = self.list.len();
        self.type_of(schema, path, new);
        let fits = usize::from(self.list.len() == before);
        if new.is_null() {
            self.checks += fits;
            self.allowed(schema, path, new);
            return;
        }
        if has_type {
            self.checks += 1 + fits;
        }
        self.alternatives(schema, path, new);
        match new {
            Value::String(text) => {
                self.text(schema, path, text);
                self.checks += 1 + usize::from(formats::is_known("", &schema.format));
            }
            Value::Number(number) => {
                self.number(schema, path, number);
                self.checks += 2;
            }
            Value::Array(list) => {
                self.array(schema, path, list, old);
                self.checks += 2;
            }
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        self.allowed(schema, path, new);
        if let Value::Object(map) = new {
            self.object(schema, path, map, old);
            self.checks += 1;
        }
        // Alternatives, which count for themselves too, enumerations and the schema as a whole.
        self.checks += 4;
    }

    fn type_of(&mut self, schema: &Schema, path: &str, value: &Value) {
        let expected = if schema.int_or_string {
            "integer,string"
        } else {
            schema.kind.as_str()
        };
        let takes = |kind: &str| expected.split(',').any(|name| name == kind);
        let actual = type_name(value);
        if value.is_null() {
            if !expected.is_empty() && !schema.nullable {
                self.type_error(path, expected, actual);
            }
            return;
        }
        let fits = takes(actual)
            || match value {
                Value::Number(number) if number.is_f64() => {
                    takes("integer") && number.as_f64().is_some_and(is_nearly_whole)
                }
                Value::Number(_) => takes("number"),
                _ => false,
            };
        let format = match value {
            Value::Number(number) if number.is_f64() => "float64",
            Value::Number(_) => "int64",
            _ => "",
        };
        let numeric = takes("integer") || takes("number");
        match value {
            // Upstream takes any list where a text with a format is wanted.
            Value::String(_) | Value::Array(_) if !schema.format.is_empty() && !numeric => {}
            Value::String(_) | Value::Array(_) if !fits && !expected.is_empty() => {
                self.type_error(path, expected, actual);
            }
            Value::String(_) | Value::Array(_) => {}
            _ if fits => {}
            _ if !schema.format.is_empty() && format != schema.format => {
                self.type_error(path, &schema.format, format);
            }
            _ if !expected.is_empty() => self.type_error(path, expected, actual),
            _ => {}
        }
    }

    /// Alternatives know no old value.
    fn alternatives(&mut self, schema: &Schema, path: &str, new: &Value) {
        let results = |list: &[Schema]| -> Vec<Found> {
            list.iter()
                .map(|schema| node(schema, path, new, None))
                .collect()
        };
        if !schema.any_of.is_empty() {
            let any = results(&schema.any_of);
            if any.iter().all(|found| !found.list.is_empty()) {
                self.plain(format!(
                    "{path:?} must validate at least one schema (anyOf)"
                ));
            }
            self.best(any);
        }
        if !schema.one_of.is_empty() {
            let one = results(&schema.one_of);
            let valid = one.iter().filter(|found| found.list.is_empty()).count();
            if valid != 1 {
                let which = if valid == 0 {
                    "Found none valid".to_owned()
                } else {
                    format!("Found {valid} valid alternatives")
                };
                self.plain(format!(
                    "{path:?} must validate one and only one schema (oneOf). {which}"
                ));
            }
            if valid < 2 {
                self.best(one);
            }
        }
        if !schema.all_of.is_empty() {
            let all = results(&schema.all_of);
            let count = all.len();
            let valid = all.iter().filter(|found| found.list.is_empty()).count();
            for found in all {
                self.merge(found);
            }
            if valid != count {
                let none = if valid == 0 { ". None validated" } else { "" };
                self.plain(format!(
                    "{path:?} must validate all the schemas (allOf){none}"
                ));
            }
        }
        if let Some(not) = &schema.not
            && node(not, path, new, None).list.is_empty()
        {
            self.plain(format!("{path:?} must not validate the schema (not)"));
        }
    }

    /// Takes over the first alternative that fits, or of those that don't the first with most checks.
    fn best(&mut self, alternatives: Vec<Self>) {
        let mut best: Option<Self> = None;
        for found in alternatives {
            if found.list.is_empty() {
                self.merge(found);
                return;
            }
            if best.as_ref().is_none_or(|best| found.checks > best.checks) {
                best = Some(found);
            }
        }
        if let Some(best) = best {
            self.merge(best);
        }
    }

    fn text(&mut self, schema: &Schema, path: &str, text: &str) {
        let length = text.chars().count();
        let value = Value::from(text);
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            self.push(FieldError::too_long(field_of(path), most));
        } else if let Some(least) = schema.min_length.filter(|least| length < *least) {
            self.invalid(
                path,
                &value,
                &format!("should be at least {least} chars long"),
            );
        } else if let Some(pattern) = schema
            .pattern
            .as_ref()
            .filter(|pattern| !pattern.regex.is_match(text))
        {
            self.invalid(path, &value, &format!("should match '{}'", pattern.text));
        }
        if !formats::matches(&schema.format, text) {
            let detail = format!("{path} in body must be of type {}: {text:?}", schema.format);
            self.add(ErrorKind::TypeInvalid, path, text, detail);
        }
    }

    fn array(&mut self, schema: &Schema, path: &str, list: &[Value], old: Option<Correlated<'_>>) {
        if let Some(items) = &schema.items {
            let olds = old.map(Correlated::items);
            for (index, item) in list.iter().enumerate() {
                let before = olds.as_ref().and_then(|olds| olds.index(index));
                self.merge(node(items, &format!("{path}[{index}]"), item, before));
            }
        }
        let value = Value::from(list.len());
        if let Some(least) = schema.min_items.filter(|least| list.len() < *least) {
            self.invalid(path, &value, &format!("should have at least {least} items"));
        }
        if let Some(most) = schema.max_items.filter(|most| list.len() > *most) {
            self.push(FieldError::too_many(field_of(path), list.len(), most));
        }
    }

    fn allowed(&mut self, schema: &Schema, path: &str, value: &Value) {
        if schema.allowed.is_empty() || schema.allowed.iter().any(|allowed| same(allowed, value)) {
            return;
        }
        let texts: Vec<String> = schema
            .allowed
            .iter()
            .map(|allowed| {
                allowed
                    .as_str()
                    .map_or_else(|| allowed.to_string(), str::to_owned)
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.push(FieldError::not_supported(field_of(path), value, &texts));
    }

    fn object(
        &mut self,
        schema: &Schema,
        path: &str,
        map: &Map<String, Value>,
        old: Option<Correlated<'_>>,
    ) {
        let size = Value::from(map.len());
        if let Some(least) = schema.min_properties.filter(|least| map.len() < *least) {
            let complaint = format!("should have at least {least} properties");
            self.invalid(path, &size, &complaint);
        }
        if let Some(most) = schema.max_properties.filter(|most| map.len() > *most) {
            self.push(FieldError::too_many(field_of(path), map.len(), most));
        }
        // Both objects were converted to the same kind and version.
        let before = |key: &str| match key {
            "apiVersion" | "kind" if path.is_empty() => None,
            key => old.and_then(|old| old.key(key)),
        };
        for (key, value) in map
            .iter()
            .rev()
            .filter(|(key, _)| !schema.properties.contains_key(*key))
        {
            match &schema.additional_properties {
                Some(Additional::Allowed(false)) => {
                    let detail = format!("{path}.{key} in body is a forbidden property");
                    self.add(ErrorKind::Invalid, path, key.as_str(), detail);
                }
                Some(Additional::Schema(additional)) => {
                    let child = format!("{path}.{key}");
                    self.merge(node(additional, &child, value, before(key)));
                }
                Some(Additional::Allowed(true)) | None => {}
            }
        }
        for (key, property) in schema.properties.iter().rev() {
            if let Some(value) = map.get(key) {
                let child = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                self.merge(node(property, &child, value, before(key)));
            }
        }
        for key in schema.required.iter().filter(|key| !map.contains_key(*key)) {
            let child = format!("{path}.{key}");
            self.push(FieldError::required(field_of(&child), ""));
        }
    }
}

/// JSON schema's name of a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a value is one of an enumeration. Go converts it to the other's type first: a float loses its fraction, an
/// integer becomes the character of that number; null is equal to nothing.
#[expect(clippy::cast_possible_truncation, reason = "as Go converts")]
fn same(allowed: &Value, value: &Value) -> bool {
    match (allowed, value) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(allowed), Value::Number(value)) => match allowed.as_i64() {
            Some(allowed) => {
                let float = value.as_f64().map(|float| float as i64);
                value.as_i64().or(float) == Some(allowed)
            }
            None => allowed.as_f64() == value.as_f64(),
        },
        (Value::String(allowed), Value::Number(value)) if !value.is_f64() => {
            let code = value.as_u64().and_then(|code| u32::try_from(code).ok());
            let letter = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
            allowed.chars().eq([letter])
        }
        (allowed, value) => allowed == value,
    }
}
