//! Checks of `x-kubernetes-list-type`, its keys, and `x-kubernetes-map-type`.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use machinery::builtin::validation::{Allowance, BadValue, ErrorKind, FieldError};
use serde_json::Value;

use super::{set, text};

/// A list or map type needs that type.
fn needs_type(schema: &Value, path: &str, wanted: &str, extension: &str) -> Option<FieldError> {
    let kind = text(schema, "type");
    let detail = format!("must be {wanted} if {extension} is specified");
    if kind.is_empty() {
        return Some(FieldError::required(format!("{path}.type"), detail));
    }
    (kind != wanted).then(|| FieldError::invalid(format!("{path}.type"), kind, detail))
}

pub(super) fn map_type(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if schema
        .get("x-kubernetes-map-type")
        .is_none_or(Value::is_null)
    {
        return;
    }
    errors.extend(needs_type(schema, path, "object", "x-kubernetes-map-type"));
    let kind = text(schema, "x-kubernetes-map-type");
    if !["atomic", "granular"].contains(&kind) {
        let field = format!("{path}.x-kubernetes-map-type");
        errors.push(FieldError::not_supported(
            field,
            kind,
            &["atomic", "granular"],
        ));
    }
}

pub(super) fn list_type(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let declared = schema
        .get("x-kubernetes-list-type")
        .is_some_and(|kind| !kind.is_null());
    let kind = text(schema, "x-kubernetes-list-type");
    let field = format!("{path}.x-kubernetes-list-type");
    if declared {
        match needs_type(schema, path, "array", "x-kubernetes-list-type") {
            Some(error) => errors.push(error),
            None if kind == "set" => errors.extend(atomic_items(schema, path)),
            None => {}
        }
        if !["atomic", "set", "map"].contains(&kind) {
            errors.push(FieldError::not_supported(
                field.clone(),
                kind,
                &["atomic", "set", "map"],
            ));
        }
    }
    let keys_field = format!("{path}.x-kubernetes-list-map-keys");
    let keys: Vec<&str> = schema
        .get("x-kubernetes-list-map-keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !keys.is_empty() && kind != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        errors.push(if declared {
            FieldError::invalid(field, kind, detail)
        } else {
            FieldError::required(field, detail)
        });
    }
    if kind == "map" {
        if keys.is_empty() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            errors.push(FieldError::required(keys_field.clone(), detail));
        }
        map_items(schema, path, &keys, &keys_field, errors);
    }
    if matches!(kind, "map" | "set")
        && schema
            .get("items")
            .is_some_and(|items| set(items, "nullable"))
    {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {kind}");
        errors.push(FieldError::forbidden(
            format!("{path}.items.nullable"),
            detail,
        ));
    }
    if kind == "map" {
        for key in keys {
            key_property(schema, path, key, errors);
        }
    }
}

/// What is in a set is compared as a whole.
fn atomic_items(schema: &Value, path: &str) -> Option<FieldError> {
    let items = schema.get("items").filter(|items| items.is_object())?;
    let of_list = items
        .get("x-kubernetes-list-type")
        .filter(|kind| !kind.is_null());
    let extension = match text(items, "type") {
        "array" if of_list.is_some_and(|kind| kind != "atomic") => "x-kubernetes-list-type",
        "object" if text(items, "x-kubernetes-map-type") != "atomic" => "x-kubernetes-map-type",
        _ => return None,
    };
    Some(FieldError::invalid(
        format!("{path}.items.{extension}"),
        of_list.unwrap_or(&Value::Null),
        "must be atomic as item of a list with x-kubernetes-list-type=set",
    ))
}

/// A property that is a key is always there.
fn key_property(schema: &Value, path: &str, key: &str, errors: &mut Vec<FieldError>) {
    let Some(items) = schema.get("items").filter(|items| items.is_object()) else {
        return;
    };
    let properties = items.get("properties");
    let Some(of_key) = properties.and_then(|properties| properties.get(key)) else {
        return;
    };
    let property = format!("{path}.items.properties[{key}]");
    let required = items.get("required").and_then(Value::as_array);
    let required = required.is_some_and(|list| list.iter().any(|name| name.as_str() == Some(key)));
    if !required && of_key.get("default").is_none_or(Value::is_null) {
        let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
        errors.push(FieldError::required(format!("{property}.default"), detail));
    }
    if set(of_key, "nullable") {
        let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
        errors.push(FieldError::forbidden(
            format!("{property}.nullable"),
            detail,
        ));
    }
}

fn map_items(
    schema: &Value,
    path: &str,
    keys: &[&str],
    keys_field: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(items) = schema.get("items").filter(|items| items.is_object()) else {
        let detail = "must have a schema if x-kubernetes-list-type is map";
        errors.push(FieldError::required(format!("{path}.items"), detail));
        return;
    };
    let kind = text(items, "type");
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(
            format!("{path}.items.type"),
            kind,
            detail,
        ));
        return;
    }
    let shown = LazyCell::new(|| Value::from(keys.to_vec()).to_string());
    let allowance = Allowance::default();
    let told = |errors: &mut Vec<FieldError>, detail: &str| {
        if allowance.takes(shown.len()) {
            let shown = BadValue::Json(shown.clone());
            errors.push(FieldError::new(
                ErrorKind::Invalid,
                keys_field,
                shown,
                detail,
            ));
        }
    };
    let mut seen = BTreeSet::new();
    for key in keys {
        let property = format!("{path}.items.properties[{key}]");
        match items
            .pointer("/properties")
            .and_then(|properties| properties.get(*key))
        {
            None => {
                let detail = "entries must all be names of item properties";
                told(errors, detail);
            }
            Some(schema) => {
                if matches!(text(schema, "type"), "array" | "object") {
                    let detail =
                        "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    errors.push(FieldError::invalid(
                        format!("{property}.type"),
                        kind,
                        detail,
                    ));
                }
            }
        }
        if !seen.insert(key) {
            let detail = "must not contain duplicate entries";
            told(errors, detail);
        }
    }
}
