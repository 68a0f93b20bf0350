//! What changed between two values, as sets of fields.
//!
//! Mirrors `structured-merge-diff/typed/compare.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::element::element_of;
use super::merge::{fields, is_none_or_empty, items};
use super::path::{PathElement, equal};
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
    let mut out = Difference::default();
    visit(Some(old), Some(new), ty, &mut out);
    // Nothing is said of the whole.
    Comparison {
        removed: out.removed.below,
        modified: out.modified.below,
        added: out.added.below,
    }
}

/// What changed of one field, and below it.
#[derive(Debug, Default)]
struct Difference {
    removed: Part,
    modified: Part,
    added: Part,
}

/// Whether a field belongs to a set, and what does of that below it.
#[derive(Debug, Default)]
struct Part {
    member: bool,
    below: FieldSet,
}

impl Part {
    fn is_something(&self) -> bool {
        self.member || !self.below.is_empty()
    }
}

impl Difference {
    fn join(&mut self, element: impl FnOnce() -> PathElement, difference: Difference) {
        let parts = [
            (&mut self.removed, difference.removed),
            (&mut self.modified, difference.modified),
            (&mut self.added, difference.added),
        ];
        let mut parts = parts.into_iter().filter(|(_, part)| part.is_something());
        let Some((into, part)) = parts.next() else {
            return;
        };
        let element = element();
        for (into, part) in parts {
            into.below.join(element.clone(), part.member, part.below);
        }
        into.below.join(element, part.member, part.below);
    }
}

type Side<'v> = Option<&'v Value>;

fn visit(old: Side<'_>, new: Side<'_>, ty: Type<'_>, out: &mut Difference) {
    // Most of an object stays as it is.
    if old.is_some() && old == new {
        return;
    }
    let forms = ty.forms();
    if let (Some(old), Some(new)) = (old, new)
        && !forms.alike(old, new)
    {
        visit_as(forms.clone().of(Some(old)), Some(old), Some(new), out);
    }
    let leaf = visit_as(forms.of(new.or(old)), old, new, out);
    match (leaf, old, new) {
        (false, None, Some(_)) => out.added.member = true,
        (false, Some(_), None) => out.removed.member = true,
        (true, _, _) | (false, Some(_), Some(_)) | (false, None, None) => {}
    }
}

/// Goes through two values of that form; true where they count as one.
fn visit_as(form: Form<'_>, old: Side<'_>, new: Side<'_>, out: &mut Difference) -> bool {
    match form {
        Form::Scalar(_) => {
            leaf(old, new, out);
            true
        }
        Form::Map(map) => {
            let (one, other) = (fields(old), fields(new));
            let whole = map.atomic || (is_none_or_empty(one) && is_none_or_empty(other));
            if whole {
                leaf(old, new, out);
            } else {
                visit_fields(one, other, &map, out);
            }
            whole
        }
        Form::List(list) => {
            let (one, other) = (items(old), items(new));
            let whole = list.relation == Relation::Atomic || (one.is_empty() && other.is_empty());
            if whole {
                leaf(old, new, out);
            } else {
                visit_items(one, other, &list, out);
            }
            whole
        }
        Form::Invalid => false,
    }
}

fn leaf(old: Side<'_>, new: Side<'_>, out: &mut Difference) {
    match (old, new) {
        (None, Some(_)) => out.added.member = true,
        (Some(_), None) => out.removed.member = true,
        (Some(old), Some(new)) if !equal(old, new) => out.modified.member = true,
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn visit_fields(
    old: Option<&Map<String, Value>>,
    new: Option<&Map<String, Value>>,
    map: &MapType<'_>,
    out: &mut Difference,
) {
    let mut field = |name: &str, before: Side<'_>, after: Side<'_>| {
        // As in `visit`, before anything is made for it.
        if before.is_some() && before == after {
            return;
        }
        if let Some(ty) = map.field(name) {
            let mut difference = Difference::default();
            visit(before, after, ty, &mut difference);
            out.join(|| PathElement::field(name), difference);
        }
    };
    for (name, after) in new.into_iter().flatten() {
        let before = old.and_then(|fields| fields.get(name));
        field(name, before, Some(after));
    }
    for (name, before) in old.into_iter().flatten() {
        if new.is_none_or(|fields| !fields.contains_key(name)) {
            field(name, Some(before), None);
        }
    }
}

fn visit_items(old: &[Value], new: &[Value], list: &ListForm<'_>, out: &mut Difference) {
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
        let mut item = Difference::default();
        match (old.as_slice(), new.as_slice()) {
            ([] | [_], [] | [_]) => {
                let (old, new) = (old.first().copied(), new.first().copied());
                visit(old, new, list.element, &mut item);
            }
            // Repeated elements are one thing, whole.
            ([_, _, ..], [_, _, ..]) => {
                let same = old.len() == new.len()
                    && old.iter().zip(&new).all(|(one, other)| equal(one, other));
                item.modified.member |= !same;
            }
            ([_, _, ..], single) => {
                if let [new] = single {
                    visit(None, Some(new), list.element, &mut item);
                }
                item.removed.member = true;
            }
            (single, [_, _, ..]) => {
                if let [old] = single {
                    visit(Some(old), None, list.element, &mut item);
                }
                item.added.member = true;
            }
        }
        out.join(|| element, item);
    }
}
