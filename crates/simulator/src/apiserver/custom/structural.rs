//! Checks of a schema: what OpenAPI features are allowed, that it is structural, that defaults fit. Mirrors
//! `apiextensions-apiserver/pkg/apiserver/schema/validation.go` and `ValidateCustomResourceDefinitionOpenAPISchema`.

mod complete;
mod cost;
mod defaults;
mod list_types;
mod root;
mod rules;
mod unsupported;

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::go_regex;
use serde_json::Value;

use list_types::{list_type, map_type};
use unsupported::{UNSUPPORTED, has_unsupported, is_unsupported};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Fields that describe structure and therefore may not stand inside `allOf`, `anyOf`, `oneOf` and `not`.
const STRUCTURE: [(&str, &str); 13] = [
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-embedded-resource",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-int-or-string",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-list-map-keys",
        "must be empty to be structural",
    ),
    (
        "x-kubernetes-list-type",
        "must be undefined to be structural",
    ),
    (
        "x-kubernetes-map-type",
        "must be undefined to be structural",
    ),
    ("x-kubernetes-validations", "must be empty to be structural"),
];

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// All errors of a version's schema; `unchanged` if the definition had it before, `status` if its status has an endpoint.
pub(super) fn errors(schema: &Value, path: &str, unchanged: bool, status: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if status {
        errors.extend(root::error(schema, path));
    }
    if set(schema, "nullable") {
        errors.push(FieldError::forbidden(
            format!("{path}.nullable"),
            "nullable cannot be true at the root",
        ));
    }
    // What no structural schema has anything for isn't looked at as one; it is forbidden anyway.
    let is_structural = !has_unsupported(schema);
    let mut structural = Vec::new();
    if is_structural {
        invariants(schema, path, Level::Root, &mut structural);
        complete::errors(schema, path, &mut structural);
        structural.sort_by_key(ToString::to_string);
        if structural.is_empty() {
            defaults::errors(schema, path, true, &mut structural);
        }
    }
    let mut form = Form::default();
    open_api(schema, path, true, Inside::default(), &mut form);
    let mut of_rules = Vec::new();
    if is_structural && structural.is_empty() {
        rules::compile(schema, path, &form.owners, unchanged, &mut of_rules);
    }
    errors.extend(structural);
    errors.extend(form.errors);
    errors.extend(of_rules);
    errors
}

/// Whether a default stands anywhere in it.
pub(super) fn has_default(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "default" && !value.is_null() && map.contains_key("type")) || has_default(value)
        }),
        Value::Array(list) => list.iter().any(has_default),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a field is there and neither null, false nor empty.
fn set(schema: &Value, key: &str) -> bool {
    match schema.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Bool(true) | Value::Number(_) | Value::Object(_)) => true,
    }
}

/// The schemas right below one, with their paths.
fn children<'a>(schema: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    let map = schema.get("properties").and_then(Value::as_object);
    found.extend(
        map.into_iter()
            .flatten()
            .map(|(key, child)| (format!("{path}.properties[{key}]"), child)),
    );
    for key in ["items", "additionalProperties", "not"] {
        if let Some(child) = schema.get(key).filter(|child| child.is_object()) {
            found.push((format!("{path}.{key}"), child));
        }
    }
    for key in ["definitions", "dependencies"] {
        let map = schema.get(key).and_then(Value::as_object);
        let schemas = map
            .into_iter()
            .flatten()
            .filter(|(_, child)| child.is_object());
        found.extend(schemas.map(|(name, child)| (format!("{path}.{key}[{name}]"), child)));
    }
    for key in ["allOf", "anyOf", "oneOf", "items"] {
        let list = schema.get(key).and_then(Value::as_array);
        found.extend(
            list.into_iter()
                .flatten()
                .enumerate()
                .map(|(index, child)| (format!("{path}.{key}[{index}]"), child)),
        );
    }
    found
}

/// Where a schema stands, for what may not be there.
#[derive(Clone, Copy, Default)]
struct Inside<'a> {
    /// Why there are no defaults.
    no_defaults: Option<&'a str>,
    /// In the metadata of a resource.
    metadata: bool,
}

/// What is wrong with the form of schemas, and which of them says so: a list complains about its items too.
#[derive(Default)]
struct Form {
    errors: Vec<FieldError>,
    owners: Vec<String>,
}

impl Form {
    /// What was added since the last time is that schema's.
    fn are_of(&mut self, path: &str) {
        self.owners.resize(self.errors.len(), path.to_owned());
    }
}

/// What this API takes of OpenAPI, in the order of the real server.
fn open_api(schema: &Value, path: &str, root: bool, inside: Inside<'_>, form: &mut Form) {
    own_form(schema, path, inside, &mut form.errors);
    form.are_of(path);
    let embedded = set(schema, "x-kubernetes-embedded-resource");
    let mut below = children(schema, path);
    // Lists come last.
    below.sort_by_key(|(child, _)| {
        let step = child.strip_prefix(path).unwrap_or_default();
        step.starts_with(".items")
    });
    for (child_path, child) in below {
        let step = child_path.strip_prefix(path).unwrap_or_default();
        let property = step
            .strip_prefix(".properties[")
            .and_then(|rest| rest.strip_suffix(']'));
        let reason = property.map(|property| format!("in top-level {property}"));
        let mut within = inside;
        if step == ".additionalProperties" && inside.metadata {
            within.no_defaults = Some("inside additionalProperties applying to object metadata");
        }
        if property.is_some_and(|property| ["metadata", "kind", "apiVersion"].contains(&property))
            && (root || embedded)
        {
            within.metadata = true;
            if root {
                within.no_defaults = reason.as_deref();
            }
        }
        open_api(child, &child_path, false, within, form);
    }
    let errors = &mut form.errors;
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let field = format!("{path}.x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid(
            field,
            BadValue::Json("false".to_owned()),
            "must be true or undefined",
        ));
    }
    map_type(schema, path, errors);
    list_type(schema, path, errors);
    rules::form(schema, path, errors);
    form.are_of(path);
}

fn own_form(schema: &Value, path: &str, inside: Inside<'_>, errors: &mut Vec<FieldError>) {
    let kind = text(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(
            format!("{path}.type"),
            kind,
            &TYPES,
        ));
    }
    if let Some(reason) = inside.no_defaults
        && schema.get("default").is_some_and(|value| !value.is_null())
    {
        errors.push(FieldError::forbidden(
            format!("{path}.default"),
            format!("must not be set {reason}"),
        ));
    }
    for (key, detail) in UNSUPPORTED
        .iter()
        .filter(|(key, _)| is_unsupported(schema, key))
    {
        errors.push(FieldError::forbidden(format!("{path}.{key}"), *detail));
    }
    if kind == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        errors.push(FieldError::forbidden(format!("{path}.type"), detail));
    }
    if schema
        .get("items")
        .and_then(Value::as_array)
        .is_some_and(|items| !items.is_empty())
    {
        let detail = "items must be a schema object and not an array";
        errors.push(FieldError::forbidden(format!("{path}.items"), detail));
    }
    if inside.metadata && set(schema, "x-kubernetes-embedded-resource") {
        errors.push(FieldError::forbidden(
            format!("{path}.x-kubernetes-embedded-resource"),
            "must not be used inside of resource meta",
        ));
    }
    if set(schema, "uniqueItems") {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(format!("{path}.uniqueItems"), detail));
    }
    let additional = schema
        .get("additionalProperties")
        .filter(|value| value.is_object() || *value == &Value::Bool(false));
    if additional.is_some() && set(schema, "properties") {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            detail,
        ));
    }
}

fn invariants(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    let kind = text(schema, "type");
    if kind == "array" && !schema.get("items").is_some_and(Value::is_object) {
        errors.push(FieldError::required(
            format!("{path}.items"),
            "must be specified",
        ));
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        invariants(items, &format!("{path}.items"), Level::Item, errors);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        invariants(
            property,
            &format!("{path}.properties[{key}]"),
            Level::Field,
            errors,
        );
    }
    if let Some(additional) = schema
        .get("additionalProperties")
        .filter(|value| !value.is_null())
    {
        let field = format!("{path}.additionalProperties");
        if level == Level::Root {
            errors.push(FieldError::forbidden(
                field.clone(),
                "must not be used at the root",
            ));
        }
        if additional.is_object() {
            invariants(additional, &field, Level::Field, errors);
        }
    }
    extensions(schema, path, level, errors);
    pattern(schema, path, errors);
    junctors(schema, path, errors);
}

/// `anyOf` of the two types of an int-or-string.
fn is_int_or_string(any_of: Option<&Value>) -> bool {
    any_of == Some(&serde_json::json!([{"type": "integer"}, {"type": "string"}]))
}

/// Schemas inside junctors restrict values only; the two types of an int-or-string are let through.
fn junctors(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let any_of = is_int_or_string(schema.get("anyOf"));
    let in_all_of = is_int_or_string(schema.pointer("/allOf/0/anyOf"));
    for (child_path, child) in children(schema, path) {
        let step = child_path.strip_prefix(path).unwrap_or_default();
        let junctor = [".not", ".allOf", ".anyOf", ".oneOf"]
            .iter()
            .any(|junctor| step.starts_with(junctor));
        if junctor && !(any_of && step.starts_with(".anyOf")) {
            nested(child, &child_path, in_all_of && step == ".allOf[0]", errors);
        }
    }
}

fn extensions(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    let kind = text(schema, "type");
    let field = format!("{path}.type");
    let (embedded, any) = (
        set(schema, "x-kubernetes-embedded-resource"),
        set(schema, "x-kubernetes-preserve-unknown-fields"),
    );
    let int_or_string = set(schema, "x-kubernetes-int-or-string");
    for (holds, name) in [
        (any, "preserve-unknown-fields"),
        (embedded, "embedded-resource"),
    ] {
        if int_or_string && holds {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            let value = BadValue::Json("true".to_owned());
            errors.push(FieldError::new(
                ErrorKind::Invalid,
                format!("{path}.x-kubernetes-{name}"),
                value,
                detail,
            ));
        }
    }
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if kind.is_empty() {
            FieldError::required(field, detail)
        } else {
            FieldError::invalid(field, kind, detail)
        });
    } else if kind.is_empty() && !int_or_string && !any {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(field, detail));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid(
            format!("{path}.type"),
            kind,
            "must be object at the root",
        ));
    }
    if embedded && set(schema, "additionalProperties") {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            detail,
        ));
    }
    if embedded && !any && !set(schema, "properties") {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(format!("{path}.properties"), detail));
    }
    if embedded || level == Level::Root {
        meta_fields(schema, path, level, errors);
    }
}

/// Whether a schema of metadata says anything but its type and what names are.
fn says_more_than_names(metadata: &Value) -> bool {
    let map = metadata.as_object().into_iter().flatten();
    map.filter(|(key, _)| !["type", "default"].contains(&key.as_str()) && set(metadata, key))
        .any(|(key, value)| {
            let names = |map: &serde_json::Map<String, Value>| {
                map.keys().all(|key| key == "name" || key == "generateName")
            };
            key != "properties" || !value.as_object().is_some_and(names)
        })
}

fn meta_fields(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>) {
    for (key, wanted) in [
        ("kind", "string"),
        ("apiVersion", "string"),
        ("metadata", "object"),
    ] {
        let Some(property) = schema
            .get("properties")
            .and_then(|properties| properties.get(key))
        else {
            continue;
        };
        let kind = text(property, "type");
        let field = format!("{path}.properties[{key}]");
        if kind != wanted {
            errors.push(FieldError::invalid(
                format!("{field}.type"),
                kind,
                format!("must be {wanted}"),
            ));
        }
        if key == "metadata" && level == Level::Root && says_more_than_names(property) {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            errors.push(FieldError::forbidden(field, detail));
        }
    }
}

/// A schema inside a junctor.
fn nested(schema: &Value, path: &str, lets_any_of: bool, errors: &mut Vec<FieldError>) {
    for (key, detail) in STRUCTURE {
        if set(schema, key) {
            errors.push(FieldError::forbidden(format!("{path}.{key}"), detail));
        }
    }
    if schema
        .get("properties")
        .is_some_and(|properties| properties.get("metadata").is_some())
    {
        let field = format!("{path}.properties[metadata]");
        errors.push(FieldError::forbidden(
            field,
            "must not be specified in a nested context",
        ));
    }
    pattern(schema, path, errors);
    for (child_path, child) in children(schema, path) {
        let step = child_path.strip_prefix(path).unwrap_or_default();
        if step != ".additionalProperties" && !(lets_any_of && step.starts_with(".anyOf")) {
            nested(child, &child_path, false, errors);
        }
    }
}

fn pattern(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if set(schema, "pattern")
        && let Err(error) = go_regex::compile(text(schema, "pattern"))
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid(
            format!("{path}.pattern"),
            text(schema, "pattern"),
            detail,
        ));
    }
}
