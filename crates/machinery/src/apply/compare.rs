//! What changed between two values, as sets of fields.
//!
//! Mirrors `structured-merge-diff/typed/compare.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::element::element_of;
use super::merge::{fields, is_none_or_empty, items, names};
use super::path::{Path, PathElement, equal};
use super::set::FieldSet;
use super::types::{Form, ListForm, MapType, Relation, Type};

/// The difference of two values; a field is in one of the sets at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Fields only the old value has.
    pub removed: FieldSet,
    /// Fields of both values that differ.
    pub modified: FieldSet,
    /// Fields only the new value has.
    pub added: FieldSet,
}

impl Comparison {
    /// Fields the new value sets otherwise than the old one.
    pub fn set(&self) -> FieldSet {
        self.modified.union(&self.added)
    }

    /// The comparison without some fields and all below them.
    pub fn without(&self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// Compares two values of a type.
pub(super) fn compare(old: &Value, new: &Value, ty: Type<'_>) -> Comparison {
    let mut out = Comparison::default();
    visit(Some(old), Some(new), ty, &mut Vec::new(), &mut out);
    out
}

type Side<'v> = Option<&'v Value>;

fn visit(old: Side<'_>, new: Side<'_>, ty: Type<'_>, path: &mut Path, out: &mut Comparison) {
    // Most of an object stays as it is.
    if old.is_some() && old == new {
        return;
    }
    let forms = ty.forms();
    if let (Some(old), Some(new)) = (old, new)
        && !forms.alike(old, new)
    {
        visit_as(forms.clone().of(Some(old)), Some(old), Some(new), path, out);
    }
    let leaf = visit_as(forms.of(new.or(old)), old, new, path, out);
    match (leaf, old, new) {
        (false, None, Some(_)) => out.added.insert(path),
        (false, Some(_), None) => out.removed.insert(path),
        (true, _, _) | (false, Some(_), Some(_)) | (false, None, None) => {}
    }
}

/// Goes through two values of that form; true where they count as one.
fn visit_as(
    form: Form<'_>,
    old: Side<'_>,
    new: Side<'_>,
    path: &mut Path,
    out: &mut Comparison,
) -> bool {
    match form {
        Form::Scalar(_) => {
            leaf(old, new, path, out);
            true
        }
        Form::Map(map) => {
            let (one, other) = (fields(old), fields(new));
            let whole = map.atomic || (is_none_or_empty(one) && is_none_or_empty(other));
            if whole {
                leaf(old, new, path, out);
            } else {
                visit_fields(one, other, &map, path, out);
            }
            whole
        }
        Form::List(list) => {
            let (one, other) = (items(old), items(new));
            let whole = list.relation == Relation::Atomic || (one.is_empty() && other.is_empty());
            if whole {
                leaf(old, new, path, out);
            } else {
                visit_items(one, other, &list, path, out);
            }
            whole
        }
        Form::Invalid => false,
    }
}

fn leaf(old: Side<'_>, new: Side<'_>, path: &Path, out: &mut Comparison) {
    match (old, new) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        (Some(old), Some(new)) if !equal(old, new) => out.modified.insert(path),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn visit_fields(
    old: Option<&Map<String, Value>>,
    new: Option<&Map<String, Value>>,
    map: &MapType<'_>,
    path: &mut Path,
    out: &mut Comparison,
) {
    for name in names(old, new) {
        let Some(ty) = map.field(name) else { continue };
        path.push(PathElement::field(name));
        let before = old.and_then(|fields| fields.get(name));
        let after = new.and_then(|fields| fields.get(name));
        visit(before, after, ty, path, out);
        path.pop();
    }
}

fn visit_items(
    old: &[Value],
    new: &[Value],
    list: &ListForm<'_>,
    path: &mut Path,
    out: &mut Comparison,
) {
    let mut by_element: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for item in old {
        if let Ok(element) = element_of(list, item) {
            by_element.entry(element).or_default().0.push(item);
        }
    }
    for item in new {
        if let Ok(element) = element_of(list, item) {
            by_element.entry(element).or_default().1.push(item);
        }
    }
    for (element, (old, new)) in by_element {
        path.push(element);
        match (old.as_slice(), new.as_slice()) {
            ([] | [_], [] | [_]) => {
                let (old, new) = (old.first().copied(), new.first().copied());
                visit(old, new, list.element, path, out);
            }
            // Repeated elements are one thing, whole.
            ([_, _, ..], [_, _, ..]) => {
                let same = old.len() == new.len()
                    && old.iter().zip(&new).all(|(one, other)| equal(one, other));
                if !same {
                    out.modified.insert(path);
                }
            }
            ([_, _, ..], single) => {
                if let [new] = single {
                    visit(None, Some(new), list.element, path, out);
                }
                out.removed.insert(path);
            }
            (single, [_, _, ..]) => {
                if let [old] = single {
                    visit(Some(old), None, list.element, path, out);
                }
                out.added.insert(path);
            }
        }
        path.pop();
    }
}
