//! Lists: their element type, their order after a merge, duplicates.

use serde_json::{Map, Value};

use super::meta::{self, bad_type, internal, no_merge_key};
use crate::patch::{PatchError, go_value};

type Object = Map<String, Value>;

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    Maps,
    Scalars,
}

/// The element type of lists that must agree.
pub(super) fn element_type(lists: &[&[Value]]) -> Result<Elements, PatchError> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    let first = all
        .next()
        .ok_or_else(|| internal("no elements in any of the given slices".to_owned()))?;
    if first.is_array() {
        return Err(PatchError::CannotApply(
            "lists of lists are not supported".to_owned(),
        ));
    }
    if all.any(|value| meta::go_type(value) != meta::go_type(first)) {
        let lists: Vec<String> = lists
            .iter()
            .map(|list| go_value(&Value::Array(list.to_vec())))
            .collect();
        let lists = lists.join(" ");
        return Err(internal(format!(
            "list element types are not identical: [{lists}]"
        )));
    }
    Ok(if first.is_object() {
        Elements::Maps
    } else {
        Elements::Scalars
    })
}

/// What identifies an element: its merge key's value, or itself.
fn identity<'v>(item: &'v Value, key: &str, elements: Elements) -> &'v Value {
    match elements {
        Elements::Maps => item.get(key).unwrap_or(&Value::Null),
        Elements::Scalars => item,
    }
}

fn index(list: &[Value], item: &Value, key: &str, elements: Elements) -> Option<usize> {
    let wanted = identity(item, key, elements);
    list.iter()
        .position(|other| identity(other, key, elements) == wanted)
}

/// An element that must be a map.
pub(super) fn map(item: &Value) -> Result<&Object, PatchError> {
    item.as_object().ok_or_else(|| bad_type(meta::MAP, item))
}

/// The merge key's value of an element that must have one.
pub(super) fn key_value<'v>(item: &'v Value, key: &str) -> Result<&'v Value, PatchError> {
    let map = map(item)?;
    map.get(key).ok_or_else(|| no_merge_key(map, key))
}

/// The element with that merge key.
pub(super) fn find(list: &[Value], key: &str, value: &Value) -> Result<Option<usize>, PatchError> {
    for (at, item) in list.iter().enumerate() {
        let Some(map) = item.as_object() else {
            return Err(internal(format!("value for key {at} is not a map")));
        };
        if map.get(key) == Some(value) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Whether two elements have the same merge key (or, without a key, are equal).
pub(super) fn same_key(left: &Value, right: &Value, key: &str) -> Result<bool, PatchError> {
    if key.is_empty() {
        return Ok(left == right);
    }
    let (left_map, right_map) = (map(left)?, map(right)?);
    let left = left_map
        .get(key)
        .ok_or_else(|| no_merge_key(left_map, key))?;
    let right = right_map
        .get(key)
        .ok_or_else(|| no_merge_key(right_map, key))?;
    Ok(left == right)
}

/// Sorts by the order of another list; deletions go to the end.
pub(super) fn sort_by_order(
    list: Vec<Value>,
    order: &[Value],
    key: &str,
    elements: Elements,
) -> Result<Vec<Value>, PatchError> {
    let mut deletions = Vec::new();
    let mut sorted = list;
    if elements == Elements::Maps {
        for item in sorted.iter().chain(order) {
            key_value(item, key)?;
        }
        (deletions, sorted) = sorted.into_iter().partition(is_deletion);
    }
    sorted.sort_by_cached_key(|item| index(order, item, key, elements).unwrap_or(usize::MAX));
    sorted.append(&mut deletions);
    Ok(sorted)
}

/// `{"$patch": "delete", …}`.
pub(super) fn is_deletion(item: &Value) -> bool {
    item.get("$patch").and_then(Value::as_str) == Some("delete")
}

/// Puts a merged list in order: elements that the patch (or its directive) names by `order`, the others as they were.
pub(super) fn arrange(
    merged: Vec<Value>,
    order: &[Value],
    live: &[Value],
    key: &str,
    elements: Elements,
) -> Result<Vec<Value>, PatchError> {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for item in merged {
        let is_named = if key.is_empty() {
            order.contains(&item)
        } else {
            find(order, key, key_value(&item, key)?)?.is_some()
        };
        if is_named {
            named.push(item);
        } else {
            others.push(item);
        }
    }
    let named = sort_by_order(named, order, key, elements)?;
    let others = sort_by_order(others, live, key, elements)?;
    Ok(interleave(others, named, live, key, elements))
}

/// Puts each of `left` before the first of `right` that comes later in the live list.
fn interleave(
    left: Vec<Value>,
    right: Vec<Value>,
    live: &[Value],
    key: &str,
    elements: Elements,
) -> Vec<Value> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let left_first = match (left.peek(), right.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(l), Some(r)) => {
                let places = (index(live, l, key, elements), index(live, r, key, elements));
                matches!(places, (Some(l), Some(r)) if l < r)
            }
        };
        out.extend(if left_first {
            left.next()
        } else {
            right.next()
        });
    }
}

/// Removes duplicates as Go does: the last element takes the place of one that goes.
pub(super) fn deduplicate(mut list: Vec<Value>) -> Vec<Value> {
    let mut at = 0;
    while at < list.len() {
        let mut other = at + 1;
        while other < list.len() {
            if list.get(at) == list.get(other) {
                list.swap_remove(other);
            } else {
                other += 1;
            }
        }
        at += 1;
    }
    list
}

/// [`is_deletion`] of an element that must be a map.
pub(super) fn is_deletion_of_map(item: &Value) -> Result<bool, PatchError> {
    map(item).map(|_| is_deletion(item))
}
