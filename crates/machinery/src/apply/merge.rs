//! An applied configuration merged into a live object.
//!
//! Mirrors `structured-merge-diff/typed/merge.go`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::element::element_of;
use super::path::PathElement;
use super::types::{Form, ListForm, MapType, Relation, Type};

/// The live value with the applied one on top. Both fit the type; nothing is removed.
pub(super) fn merge(live: Option<&Value>, applied: Option<&Value>, ty: Type<'_>) -> Option<Value> {
    let leaf = || applied.or(live).cloned();
    match ty.forms().of(applied.or(live)) {
        Form::Scalar(_) | Form::Invalid => leaf(),
        Form::Map(map) => {
            let (old, new) = (fields(live), fields(applied));
            if map.atomic || (is_none_or_empty(old) && is_none_or_empty(new)) {
                return leaf();
            }
            let out = merge_fields(old, new, &map);
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Form::List(list) => {
            let (old, new) = (items(live), items(applied));
            if list.relation == Relation::Atomic || (old.is_empty() && new.is_empty()) {
                return leaf();
            }
            let out = Merging::new(old, new, &list).run();
            (!out.is_empty()).then_some(Value::Array(out))
        }
    }
}

pub(super) fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn is_none_or_empty(fields: Option<&Map<String, Value>>) -> bool {
    fields.is_none_or(Map::is_empty)
}

/// The names of two objects' fields, each once.
pub(super) fn names<'v>(
    one: Option<&'v Map<String, Value>>,
    other: Option<&'v Map<String, Value>>,
) -> BTreeSet<&'v str> {
    one.into_iter()
        .chain(other)
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect()
}

fn merge_fields(
    live: Option<&Map<String, Value>>,
    applied: Option<&Map<String, Value>>,
    map: &MapType<'_>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for name in names(live, applied) {
        let old = live.and_then(|fields| fields.get(name));
        let new = applied.and_then(|fields| fields.get(name));
        let merged = match map.field(name) {
            Some(ty) => merge(old, new, ty),
            None => new.or(old).cloned(),
        };
        if let Some(value) = merged {
            out.insert(name.to_owned(), value);
        }
    }
    out
}

/// Two lists on their way into one.
struct Merging<'a, 's> {
    list: &'a ListForm<'s>,
    live: Vec<(PathElement, &'a Value)>,
    applied: Vec<(PathElement, &'a Value)>,
    /// Live elements; nothing for those that occur more than once, which are not merged.
    by_element: BTreeMap<PathElement, Option<&'a Value>>,
    is_applied: BTreeSet<PathElement>,
    /// Elements of both lists in the applied order, which are still to come.
    shared: VecDeque<PathElement>,
    done: BTreeSet<PathElement>,
    out: Vec<Value>,
}

impl<'a, 's> Merging<'a, 's> {
    fn new(live: &'a [Value], applied: &'a [Value], list: &'a ListForm<'s>) -> Self {
        let index = |items: &'a [Value]| -> Vec<(PathElement, &'a Value)> {
            items
                .iter()
                .filter_map(|item| Some((element_of(list, item).ok()?, item)))
                .collect()
        };
        let (live, applied) = (index(live), index(applied));
        let mut by_element = BTreeMap::new();
        for (element, item) in &live {
            by_element
                .entry(element.clone())
                .and_modify(|found| *found = None)
                .or_insert(Some(*item));
        }
        let is_applied = applied.iter().map(|(element, _)| element.clone()).collect();
        let shared = applied
            .iter()
            .map(|(element, _)| element.clone())
            .filter(|element| by_element.contains_key(element))
            .collect();
        Self {
            list,
            live,
            applied,
            by_element,
            is_applied,
            shared,
            done: BTreeSet::new(),
            out: Vec::new(),
        }
    }

    /// Live-only elements keep their place in front of the next shared one, applied ones keep their order.
    fn run(mut self) -> Vec<Value> {
        let (mut live, mut applied) = (0, 0);
        loop {
            let old = self
                .live
                .get(live)
                .map(|(element, item)| (element.clone(), *item));
            let new = self.applied.get(applied).cloned();
            match (old, new) {
                (None, None) => return self.out,
                (None, Some((element, item))) => {
                    self.take_applied(&element, item);
                    applied += 1;
                }
                (Some((element, item)), None) => {
                    if !self.is_applied.contains(&element) {
                        self.emit(Some(item), None);
                    }
                    live += 1;
                }
                (Some((element, item)), Some((wanted, new))) => {
                    if !self.is_applied.contains(&element) {
                        self.emit(Some(item), None);
                        live += 1;
                        continue;
                    }
                    let out_of_turn = element != wanted
                        && self.shared.front().is_some_and(|next| *next != element);
                    if out_of_turn {
                        live += 1;
                        continue;
                    }
                    if element == wanted || self.done.contains(&element) {
                        live += 1;
                    }
                    self.take_applied(&wanted, new);
                    applied += 1;
                }
            }
        }
    }

    fn take_applied(&mut self, element: &PathElement, item: &Value) {
        let live = self.by_element.get(element).copied().flatten();
        self.emit(live, Some(item));
        self.done.insert(element.clone());
        if self.shared.front() == Some(element) {
            self.shared.pop_front();
        }
    }

    fn emit(&mut self, live: Option<&Value>, applied: Option<&Value>) {
        self.out.extend(merge(live, applied, self.list.element));
    }
}
