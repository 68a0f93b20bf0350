//! Validation of an object against its schema, with the texts of `kube-openapi/pkg/validation` as
//! `apiextensions-apiserver/pkg/apiserver/validation` turns them into field errors.
//!
//! On update an error on a value that equals its old counterpart is dropped (ratcheting). Go visits properties in
//! random order; here from the last to the first.

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::jsonpath;
use serde_json::{Map, Number, Value};

use super::formats;
use super::schema::{Additional, Schema};

/// Errors of a value; `path` is how messages name it, empty for the root.
pub(super) fn validate(
    schema: &Schema,
    path: &str,
    new: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let mut errors = Errors::default();
    errors.node(schema, path, new, old);
    errors.list
}

/// The errors so far; equal ones count once.
#[derive(Default)]
struct Errors {
    list: Vec<FieldError>,
}

impl Errors {
    fn push(&mut self, error: FieldError) {
        if !self.list.contains(&error) {
            self.list.push(error);
        }
    }

    fn extend(&mut self, errors: Vec<FieldError>) {
        for error in errors {
            self.push(error);
        }
    }

    /// An error about the value at `path`.
    fn add(
        &mut self,
        kind: ErrorKind,
        path: &str,
        value: impl Into<BadValue>,
        detail: impl Into<String>,
    ) {
        let field = path.strip_prefix('.').unwrap_or(path);
        let field = if field.is_empty() { "<nil>" } else { field };
        self.push(FieldError::new(kind, field, value, detail));
    }

    fn invalid(&mut self, path: &str, value: &Value, complaint: &str) {
        self.add(
            ErrorKind::Invalid,
            path,
            value,
            format!("{path} in body {complaint}"),
        );
    }

    fn type_error(&mut self, path: &str, expected: &str, actual: &str) {
        let detail = format!("{path} in body must be of type {expected}: {actual:?}");
        self.add(ErrorKind::TypeInvalid, path, actual, detail);
    }

    /// An error without a field.
    fn plain(&mut self, text: String) {
        self.push(FieldError::new(ErrorKind::Invalid, "<nil>", "", text));
    }

    fn node(&mut self, schema: &Schema, path: &str, new: &Value, old: Option<&Value>) {
        if old == Some(new) {
            return;
        }
        self.type_of(schema, path, new);
        if new.is_null() {
            self.allowed(schema, path, new);
            return;
        }
        self.junctors(schema, path, new, old);
        if let Value::String(text) = new {
            self.text(schema, path, text);
        }
        if let Value::Number(number) = new {
            self.number(schema, path, number);
        }
        if let Value::Array(list) = new {
            self.array(schema, path, list, old);
        }
        self.allowed(schema, path, new);
        if let Value::Object(map) = new {
            self.object(schema, path, map, old);
        }
    }

    fn type_of(&mut self, schema: &Schema, path: &str, value: &Value) {
        let expected = if schema.int_or_string {
            "integer,string"
        } else {
            schema.kind.as_str()
        };
        if expected.is_empty() || (value.is_null() && schema.nullable) {
            return;
        }
        let actual = type_name(value);
        let is_whole = matches!(value, Value::Number(number) if is_integer(number));
        let fits = expected.split(',').any(|name| match name {
            "integer" => is_whole,
            "number" => value.is_number(),
            name => name == actual,
        });
        let numeric = expected.contains("integer") || expected.contains("number");
        match value {
            // Upstream takes any list where a text with a format is wanted.
            Value::String(_) | Value::Array(_) if !schema.format.is_empty() && !numeric => {}
            Value::Null | Value::String(_) | Value::Array(_) if !fits => {
                self.type_error(path, expected, actual);
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) if !fits => {
                let format = match value {
                    Value::Number(number) if number.is_f64() => "float64",
                    Value::Number(_) => "int64",
                    _ => "",
                };
                if schema.format.is_empty() || format == schema.format {
                    self.type_error(path, expected, actual);
                } else {
                    self.type_error(path, &schema.format, format);
                }
            }
            _ => {}
        }
    }

    fn junctors(&mut self, schema: &Schema, path: &str, new: &Value, old: Option<&Value>) {
        let results = |list: &[Schema]| -> Vec<Vec<FieldError>> {
            list.iter()
                .map(|schema| validate(schema, path, new, old))
                .collect()
        };
        let any = results(&schema.any_of);
        if !any.is_empty() && any.iter().all(|errors| !errors.is_empty()) {
            self.plain(format!(
                "{path:?} must validate at least one schema (anyOf)"
            ));
            self.extend(any.into_iter().next().unwrap_or_default());
        }
        let one = results(&schema.one_of);
        let valid = one.iter().filter(|errors| errors.is_empty()).count();
        if !one.is_empty() && valid != 1 {
            let found = if valid == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {valid} valid alternatives")
            };
            self.plain(format!(
                "{path:?} must validate one and only one schema (oneOf). {found}"
            ));
            if valid == 0 {
                self.extend(one.into_iter().next().unwrap_or_default());
            }
        }
        let all = results(&schema.all_of);
        let valid = all.iter().filter(|errors| errors.is_empty()).count();
        let count = all.len();
        for errors in all {
            self.extend(errors);
        }
        if valid != count {
            let none = if valid == 0 { ". None validated" } else { "" };
            self.plain(format!(
                "{path:?} must validate all the schemas (allOf){none}"
            ));
        }
        if schema
            .not
            .as_ref()
            .is_some_and(|schema| validate(schema, path, new, None).is_empty())
        {
            self.plain(format!("{path:?} must not validate the schema (not)"));
        }
    }

    fn text(&mut self, schema: &Schema, path: &str, text: &str) {
        let length = text.chars().count();
        let value = Value::from(text);
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            let field = path.strip_prefix('.').unwrap_or(path);
            self.push(FieldError::too_long(field, most));
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

    fn number(&mut self, schema: &Schema, path: &str, number: &Number) {
        let value = Value::Number(number.clone());
        if schema.kind == "integer" && !in_range(number, &schema.format) {
            let format = match schema.format.as_str() {
                format @ ("int32" | "int64") => format!("with format {format}"),
                _ => "(default format)".to_owned(),
            };
            let shown = path.strip_prefix('.').unwrap_or(path);
            self.plain(format!(
                "Checked value must be of type integer {format} in {shown}"
            ));
        }
        if let Some(factor) = schema
            .multiple_of
            .as_ref()
            .filter(|factor| !is_multiple(number, factor))
        {
            self.invalid(
                path,
                &value,
                &format!("should be a multiple of {}", shown(factor)),
            );
        }
        let order = |bound: &Number| compare(number, bound);
        if let Some(bound) = &schema.minimum {
            if schema.exclusive_minimum && !order(bound).is_gt() {
                self.invalid(
                    path,
                    &value,
                    &format!("should be greater than {}", shown(bound)),
                );
            } else if order(bound).is_lt() {
                self.invalid(
                    path,
                    &value,
                    &format!("should be greater than or equal to {}", shown(bound)),
                );
            }
        }
        if let Some(bound) = &schema.maximum {
            if schema.exclusive_maximum && !order(bound).is_lt() {
                self.invalid(
                    path,
                    &value,
                    &format!("should be less than {}", shown(bound)),
                );
            } else if order(bound).is_gt() {
                self.invalid(
                    path,
                    &value,
                    &format!("should be less than or equal to {}", shown(bound)),
                );
            }
        }
    }

    fn array(&mut self, schema: &Schema, path: &str, list: &[Value], old: Option<&Value>) {
        if let Some(items) = &schema.items {
            for (index, item) in list.iter().enumerate() {
                let before = old
                    .and_then(Value::as_array)
                    .and_then(|old| counterpart(schema, item, old));
                self.node(items, &format!("{path}[{index}]"), item, before);
            }
        }
        let value = Value::from(list.len());
        if let Some(least) = schema.min_items.filter(|least| list.len() < *least) {
            self.invalid(path, &value, &format!("should have at least {least} items"));
        }
        if let Some(most) = schema.max_items.filter(|most| list.len() > *most) {
            self.push(FieldError::too_many(
                path.strip_prefix('.').unwrap_or(path),
                list.len(),
                most,
            ));
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
        self.push(FieldError::not_supported(
            path.strip_prefix('.').unwrap_or(path),
            value,
            &texts,
        ));
    }

    fn object(
        &mut self,
        schema: &Schema,
        path: &str,
        map: &Map<String, Value>,
        old: Option<&Value>,
    ) {
        let size = Value::from(map.len());
        if let Some(least) = schema.min_properties.filter(|least| map.len() < *least) {
            self.invalid(
                path,
                &size,
                &format!("should have at least {least} properties"),
            );
        }
        if let Some(most) = schema.max_properties.filter(|most| map.len() > *most) {
            self.push(FieldError::too_many(
                path.strip_prefix('.').unwrap_or(path),
                map.len(),
                most,
            ));
        }
        let before = |key: &str| old.and_then(|old| old.get(key));
        for (key, value) in map
            .iter()
            .rev()
            .filter(|(key, _)| !schema.properties.contains_key(*key))
        {
            match &schema.additional_properties {
                Some(Additional::Allowed(false)) => {
                    self.plain(format!("{path}.{key} in body is a forbidden property"));
                }
                Some(Additional::Schema(additional)) => {
                    self.node(additional, &format!("{path}.{key}"), value, before(key));
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
                self.node(property, &child, value, before(key));
            }
        }
        for key in schema.required.iter().filter(|key| !map.contains_key(*key)) {
            let child = format!("{path}.{key}");
            self.push(FieldError::required(
                child.strip_prefix('.').unwrap_or(&child),
                "",
            ));
        }
    }
}

/// The old element with the same keys, in lists of type map.
fn counterpart<'a>(schema: &Schema, item: &Value, old: &'a [Value]) -> Option<&'a Value> {
    if schema.list_type != "map" {
        return None;
    }
    old.iter().find(|old| {
        schema
            .list_map_keys
            .iter()
            .all(|key| old.get(key) == item.get(key))
    })
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

fn is_integer(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn in_range(number: &Number, format: &str) -> bool {
    match (number.as_i64(), format) {
        (Some(int), "int32") => i32::try_from(int).is_ok(),
        (Some(_), _) => true,
        (None, _) => is_integer(number),
    }
}

fn compare(a: &Number, b: &Number) -> std::cmp::Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    let floats = a.as_f64().zip(b.as_f64());
    floats
        .and_then(|(a, b)| a.partial_cmp(&b))
        .unwrap_or(std::cmp::Ordering::Equal)
}

fn is_multiple(number: &Number, factor: &Number) -> bool {
    if let (Some(number), Some(factor)) = (
        number.as_i64(),
        factor.as_i64().filter(|factor| *factor != 0),
    ) {
        return number % factor == 0;
    }
    number
        .as_f64()
        .zip(factor.as_f64())
        .is_some_and(|(number, factor)| (number / factor).fract() == 0.0)
}

/// Numbers that are equal whatever their notation; everything else as it is.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b).is_eq(),
        (a, b) => a == b,
    }
}

/// Go's `%v` of a number.
fn shown(number: &Number) -> String {
    match number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15)
    {
        Some(float) => format!("{float:.0}"),
        None => jsonpath::print_value(&Value::Number(number.clone())),
    }
}
