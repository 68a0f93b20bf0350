//! Lists: their element type, their order after a merge, duplicates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::meta::{self, bad_type, internal, no_merge_key};
use crate::ordered::ByValue;
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

/// Where the elements of a list are, by what identifies them: of equal ones the first.
struct Places<'v> {
    key: &'v str,
    elements: Elements,
    first: BTreeMap<ByValue<&'v Value>, usize>,
}

impl<'v> Places<'v> {
    fn of(list: &'v [Value], key: &'v str, elements: Elements) -> Self {
        let mut first = BTreeMap::new();
        for (at, item) in list.iter().enumerate() {
            first
                .entry(ByValue(identity(item, key, elements)))
                .or_insert(at);
        }
        Self {
            key,
            elements,
            first,
        }
    }

    fn find(&self, item: &Value) -> Option<usize> {
        let wanted = identity(item, self.key, self.elements);
        self.first.get(&ByValue(wanted)).copied()
    }
}

/// The elements of a list that a patch may name.
enum Named<'v> {
    /// Without a merge key: by themselves.
    Whole(BTreeSet<ByValue<&'v Value>>),
    /// By the values of their merge key.
    Keyed {
        key: &'v str,
        values: BTreeSet<ByValue<&'v Value>>,
        /// Where the first is that is no map: none behind it is found.
        odd: Option<usize>,
    },
}

impl<'v> Named<'v> {
    fn of(list: &'v [Value], key: &'v str) -> Self {
        if key.is_empty() {
            return Self::Whole(list.iter().map(ByValue).collect());
        }
        let odd = list.iter().position(|item| !item.is_object());
        let maps = list.iter().take(odd.unwrap_or(list.len()));
        let values = maps.filter_map(|item| item.get(key)).map(ByValue);
        Self::Keyed {
            key,
            values: values.collect(),
            odd,
        }
    }

    fn has(&self, item: &Value) -> Result<bool, PatchError> {
        match self {
            Self::Whole(items) => Ok(items.contains(&ByValue(item))),
            Self::Keyed { key, values, odd } => {
                let found = values.contains(&ByValue(key_value(item, key)?));
                match odd {
                    Some(at) if !found => Err(internal(format!("value for key {at} is not a map"))),
                    Some(_) | None => Ok(found),
                }
            }
        }
    }
}

/// The places of a list's elements by merge key, while the list grows and its elements change.
pub(super) struct Growing(BTreeMap<ByValue<Value>, BTreeSet<usize>>);

impl Growing {
    pub(super) fn of(list: &[Value], key: &str) -> Self {
        let mut all = Self(BTreeMap::new());
        for (at, item) in list.iter().enumerate() {
            all.put(item.get(key), at);
        }
        all
    }

    /// The first element with that merge key.
    pub(super) fn find(&self, value: &Value) -> Option<usize> {
        self.0.get(&ByValue(value.clone()))?.first().copied()
    }

    /// An element with a merge key stands at a place.
    pub(super) fn put(&mut self, value: Option<&Value>, at: usize) {
        if let Some(value) = value {
            let places = self.0.entry(ByValue(value.clone()));
            places.or_default().insert(at);
        }
    }

    /// None with that merge key stands there any more.
    pub(super) fn take(&mut self, value: &Value, at: usize) {
        if let Some(places) = self.0.get_mut(&ByValue(value.clone())) {
            places.remove(&at);
        }
    }
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
    let places = Places::of(order, key, elements);
    sorted.sort_by_cached_key(|item| places.find(item).unwrap_or(usize::MAX));
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
    let wanted = Named::of(order, key);
    for item in merged {
        if wanted.has(&item)? {
            named.push(item);
        } else {
            others.push(item);
        }
    }
    let named = sort_by_order(named, order, key, elements)?;
    let others = sort_by_order(others, live, key, elements)?;
    Ok(interleave(others, named, &Places::of(live, key, elements)))
}

/// Puts each of `left` before the first of `right` that comes later in the live list.
fn interleave(left: Vec<Value>, right: Vec<Value>, live: &Places<'_>) -> Vec<Value> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let left_first = match (left.peek(), right.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(l), Some(r)) => {
                matches!((live.find(l), live.find(r)), (Some(l), Some(r)) if l < r)
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
    // Equal elements have the same number: the place where the first of them was.
    let mut first = BTreeMap::new();
    let mut numbers: Vec<usize> = list
        .iter()
        .enumerate()
        .map(|(at, item)| *first.entry(ByValue(item)).or_insert(at))
        .collect();
    let mut places: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (at, number) in numbers.iter().enumerate() {
        places.entry(*number).or_default().insert(at);
    }
    let mut at = 0;
    while let Some(number) = numbers.get(at).copied() {
        while let Some(again) = next(&places, number, at) {
            list.swap_remove(again);
            let end = numbers.len() - 1;
            numbers.swap_remove(again);
            if let Some(places) = places.get_mut(&number) {
                places.remove(&again);
            }
            let moved = numbers.get(again).and_then(|moved| places.get_mut(moved));
            if let Some(places) = moved {
                places.remove(&end);
                places.insert(again);
            }
        }
        at += 1;
    }
    list
}

/// Where the next of equal elements stands behind one.
fn next(places: &BTreeMap<usize, BTreeSet<usize>>, number: usize, at: usize) -> Option<usize> {
    places.get(&number)?.range(at + 1..).next().copied()
}

/// [`is_deletion`] of an element that must be a map.
pub(super) fn is_deletion_of_map(item: &Value) -> Result<bool, PatchError> {
    map(item).map(|_| is_deletion(item))
}
