//! All fields of a value as a set, the set's fields out of a value, and sets after a change of the schema.
//!
//! Mirrors `structured-merge-diff/typed/{tofieldset,remove,reconcile_schema}.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::element::element_of;
use super::path::{Path, PathElement};
use super::set::FieldSet;
use super::types::{Form, ListForm, MapType, Relation, Type};

/// Every leaf and every list element of a value.
pub(super) fn members(value: &Value, ty: Type<'_>) -> FieldSet {
    let mut out = FieldSet::new();
    collect(value, ty, &mut Vec::new(), &mut out);
    out
}

fn collect(value: &Value, ty: Type<'_>, path: &mut Path, out: &mut FieldSet) {
    match ty.forms().of(Some(value)) {
        Form::Scalar(_) => out.insert(path),
        Form::Map(map) if map.atomic => out.insert(path),
        Form::List(list) if list.relation == Relation::Atomic => out.insert(path),
        Form::Map(map) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                collect_field(name, value, &map, path, out);
            }
        }
        Form::List(list) => {
            if let Value::Array(items) = value {
                collect_items(items, &list, path, out);
            }
        }
        Form::Invalid => {}
    }
}

/// A field counts itself where there is nothing below it, and where the schema doesn't name it.
fn collect_field(
    name: &str,
    value: &Value,
    map: &MapType<'_>,
    path: &mut Path,
    out: &mut FieldSet,
) {
    path.push(PathElement::field(name));
    if let Some(ty) = map.field(name) {
        collect(value, ty, path, out);
    }
    let nothing = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if nothing || map.declared(name).is_none() {
        out.insert(path);
    }
    path.pop();
}

/// Elements that occur more than once are owned whole.
fn collect_items(items: &[Value], list: &ListForm<'_>, path: &mut Path, out: &mut FieldSet) {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    let mut elements: Vec<(PathElement, &Value)> = items
        .iter()
        .filter_map(|item| Some((element_of(list, item).ok()?, item)))
        .collect();
    // A set is made quickest in its order.
    elements.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (element, _) in &elements {
        if !seen.insert(element) {
            repeated.insert(element);
        }
    }
    for (element, item) in &elements {
        path.push(element.clone());
        if !repeated.contains(element) {
            collect(item, list.element, path, out);
        }
        out.insert(path);
        path.pop();
    }
}

/// The set with the named fields above its members, which are usually not written down: with `a.b.c` also `a` and `a.b`
/// where the schema names them.
pub(super) fn with_named_parents(set: &FieldSet, ty: Option<Type<'_>>) -> FieldSet {
    let forms = ty.map(Type::forms);
    let mut out = FieldSet::new();
    for (element, member, below) in set.elements() {
        let (named, ty) = match (element, &forms) {
            (PathElement::Field(name), Some(forms)) => match &forms.map {
                Some(map) => (map.declared(name).is_some(), map.field(name)),
                None => (false, None),
            },
            (PathElement::Key(_), Some(forms)) => {
                (false, forms.list.as_ref().map(|list| list.element))
            }
            (PathElement::Value(_) | PathElement::Index(_), Some(_)) | (_, None) => (false, None),
        };
        let named = named && !below.is_empty();
        out.put(
            element.clone(),
            member || named,
            with_named_parents(below, ty),
        );
    }
    out
}

/// A value without the fields and elements of a set. Lists and maps of which nothing is left become null.
pub(super) fn without(value: &Value, set: &FieldSet, ty: Type<'_>) -> Value {
    match (ty.forms().of(Some(value)), value) {
        (Form::Scalar(_), value) => value.clone(),
        (Form::Map(map), Value::Object(fields)) if !map.atomic => {
            let mut out = Map::new();
            for (name, value) in fields {
                let element = PathElement::field(name);
                if set.has(&element) {
                    continue;
                }
                let value = match (set.below(&element), map.field(name)) {
                    (Some(below), Some(ty)) => without(value, below, ty),
                    _ => value.clone(),
                };
                out.insert(name.clone(), value);
            }
            if out.is_empty() {
                Value::Null
            } else {
                Value::Object(out)
            }
        }
        (Form::List(list), Value::Array(items)) if list.relation != Relation::Atomic => {
            let mut out = Vec::new();
            for item in items {
                let Ok(element) = element_of(&list, item) else {
                    out.push(item.clone());
                    continue;
                };
                if set.has(&element) {
                    continue;
                }
                out.push(match set.below(&element) {
                    Some(below) => without(item, below, list.element),
                    None => item.clone(),
                });
            }
            if out.is_empty() {
                Value::Null
            } else {
                Value::Array(out)
            }
        }
        (Form::Map(_) | Form::List(_) | Form::Invalid, _) => Value::Null,
    }
}

/// A set written when the schema was another: what has become atomic since is owned whole. Nothing if nothing has.
pub(super) fn reshaped(set: &FieldSet, ty: Type<'_>) -> Option<FieldSet> {
    let mut whole = FieldSet::new();
    find_whole(Some(set), false, ty, &mut Vec::new(), &mut whole);
    (!whole.is_empty()).then(|| set.recursive_difference(&whole).union(&whole))
}

fn find_whole(
    set: Option<&FieldSet>,
    leaf: bool,
    ty: Type<'_>,
    path: &mut Path,
    out: &mut FieldSet,
) {
    let below = || set.into_iter().flat_map(FieldSet::elements);
    match ty.forms().of(None) {
        Form::Scalar(_) | Form::Invalid => {}
        Form::Map(map) => {
            if map.is_free() {
                return;
            }
            if map.atomic {
                if !leaf && set.is_some_and(|set| !set.is_empty()) {
                    out.insert(path);
                }
                return;
            }
            for (element, member, below) in below() {
                let name = match element {
                    PathElement::Field(name) => name.as_str(),
                    PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => "",
                };
                if let Some(ty) = map.field(name) {
                    path.push(element.clone());
                    let below = Some(below).filter(|below| !below.is_empty());
                    find_whole(below, member && below.is_none(), ty, path, out);
                    path.pop();
                }
            }
        }
        Form::List(list) => {
            if list.relation == Relation::Atomic {
                if !leaf {
                    out.insert(path);
                }
                return;
            }
            for (element, member, below) in below() {
                path.push(element.clone());
                let below = Some(below).filter(|below| !below.is_empty());
                find_whole(below, member && below.is_none(), list.element, path, out);
                path.pop();
            }
        }
    }
}
