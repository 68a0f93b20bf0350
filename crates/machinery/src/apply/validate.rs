//! Whether a value fits its type, in the server's words.
//!
//! Mirrors `structured-merge-diff/typed/validate.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::element::{element_fault, element_of};
use super::path::PathElement;
use super::types::{Form, ListForm, MapType, Relation, Scalar, Type};
use crate::decode::quote;
use crate::go_json;
use crate::patch::{go_type, go_value};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    path: String,
    text: String,
}

/// Checks a value; the error is what the server says behind `failed to create typed … object (…): `.
pub(super) fn validate(value: &Value, ty: Type<'_>, duplicates: bool) -> Result<(), String> {
    let mut faults = Vec::new();
    check(value, ty, duplicates, &mut faults);
    told(faults)
}

/// The same for a value, duplicates allowed, beside another one that fits: what both have fits.
pub(super) fn validate_beside(value: &Value, fits: &Value, ty: Type<'_>) -> Result<(), String> {
    let mut faults = Vec::new();
    check_beside(value, Some(fits), ty, &mut faults);
    told(faults)
}

fn told(faults: Vec<Fault>) -> Result<(), String> {
    let texts: Vec<String> = faults
        .into_iter()
        .map(|Fault { path, text }| {
            if path.is_empty() {
                text
            } else {
                format!("{path}: {text}")
            }
        })
        .collect();
    match texts.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("errors:\n  {}", several.join("\n  "))),
    }
}

fn fault(text: String, faults: &mut Vec<Fault>) {
    let path = String::new();
    faults.push(Fault { path, text });
}

fn check(value: &Value, ty: Type<'_>, duplicates: bool, faults: &mut Vec<Fault>) {
    match ty.forms().of(Some(value)) {
        Form::Scalar(scalar) => {
            if let Some(text) = scalar_fault(scalar, value) {
                fault(text, faults);
            }
        }
        Form::Map(map) => match value {
            Value::Object(fields) => check_map(fields, &map, duplicates, faults),
            Value::Null => {}
            other => fault(format!("expected map, got {}", printed(other)), faults),
        },
        Form::List(list) => match value {
            Value::Array(items) => check_list(items, &list, duplicates, faults),
            Value::Null => {}
            other => fault(format!("expected list, got {}", printed(other)), faults),
        },
        Form::Invalid => fault("schema error: invalid atom: inlined".to_owned(), faults),
    }
}

fn check_beside(value: &Value, fits: Option<&Value>, ty: Type<'_>, faults: &mut Vec<Fault>) {
    if Some(value) == fits {
        return;
    }
    match (ty.forms().of(Some(value)), value, fits) {
        (Form::Map(map), Value::Object(fields), Some(Value::Object(others))) => {
            check_fields(fields, &map, faults, |name, value, ty, faults| {
                check_beside(value, others.get(name), ty, faults);
            });
        }
        (Form::List(list), Value::Array(items), Some(Value::Array(others))) => {
            check_items(items, &list, true, faults, |index, item, faults| {
                check_beside(item, others.get(index), list.element, faults);
            });
        }
        _ => check(value, ty, true, faults),
    }
}

/// Checks a part, whose faults get its path element in front.
fn descend(
    element: impl Fn() -> PathElement,
    faults: &mut Vec<Fault>,
    check: impl FnOnce(&mut Vec<Fault>),
) {
    let before = faults.len();
    check(faults);
    if faults.len() == before {
        return;
    }
    let element = element();
    for fault in faults.iter_mut().skip(before) {
        fault.path = format!("{element}{}", fault.path);
    }
}

fn check_map(
    fields: &Map<String, Value>,
    map: &MapType<'_>,
    duplicates: bool,
    faults: &mut Vec<Fault>,
) {
    check_fields(fields, map, faults, |_, value, ty, faults| {
        check(value, ty, duplicates, faults);
    });
}

fn check_fields<'s>(
    fields: &Map<String, Value>,
    map: &MapType<'s>,
    faults: &mut Vec<Fault>,
    check: impl Fn(&str, &Value, Type<'s>, &mut Vec<Fault>),
) {
    for (name, value) in fields {
        let Some(ty) = map.field(name) else {
            faults.push(Fault {
                path: PathElement::field(name).to_string(),
                text: "field not declared in schema".to_owned(),
            });
            return;
        };
        let element = || PathElement::field(name);
        descend(element, faults, |faults| check(name, value, ty, faults));
    }
}

fn check_list(items: &[Value], list: &ListForm<'_>, duplicates: bool, faults: &mut Vec<Fault>) {
    check_items(items, list, duplicates, faults, |_, item, faults| {
        check(item, list.element, duplicates, faults);
    });
}

fn check_items(
    items: &[Value],
    list: &ListForm<'_>,
    duplicates: bool,
    faults: &mut Vec<Fault>,
    check: impl Fn(usize, &Value, &mut Vec<Fault>),
) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let at_index = || PathElement::Index(i64::try_from(index).unwrap_or(i64::MAX));
        if list.relation == Relation::Atomic {
            descend(at_index, faults, |faults| check(index, item, faults));
            continue;
        }
        if let Some(text) = element_fault(list, item) {
            fault(format!("element {index}: {text}"), faults);
            return;
        }
        let element = || element_of(list, item).unwrap_or_else(|_| at_index());
        if !duplicates && !seen.insert(element()) {
            let element = element();
            fault(format!("duplicate entries for key {element}"), faults);
        }
        descend(element, faults, |faults| check(index, item, faults));
    }
}

/// What is wrong with a value where a scalar belongs.
fn scalar_fault(scalar: Scalar, value: &Value) -> Option<String> {
    match (scalar, value) {
        (_, Value::Null)
        | (Scalar::Numeric, Value::Number(_))
        | (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Untyped, Value::Number(_) | Value::String(_) | Value::Bool(_)) => None,
        (Scalar::Numeric, _) => {
            let ty = go_type(value);
            Some(format!("expected numeric (int or float), got {ty}"))
        }
        (Scalar::String, _) => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            go_syntax(value)
        )),
        (Scalar::Boolean, _) => Some(format!("expected boolean, got {}", printed(value))),
        (Scalar::Untyped, _) => Some(format!("expected any scalar, got {}", printed(value))),
    }
}

/// Go's `%v` of the value in its wrapper.
fn printed(value: &Value) -> String {
    format!("&{{{}}}", go_value(value))
}

/// Go's `%#v`.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => go_json::show_float(float),
            _ => number.to_string(),
        },
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", quote(key), go_syntax(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
    }
}
