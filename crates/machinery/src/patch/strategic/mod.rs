//! Strategic merge patch of the built-in types.
//!
//! Promises upstream's results and error texts for every directive: `$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`. Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch`.

mod diff;
mod meta;
mod order;
#[cfg(test)]
mod tests;

use std::mem;

use serde_json::{Map, Value};

use super::{PatchBody, PatchError, go_value, object};
use crate::schema::{TypeId, TypeRef, TypeTable};
use meta::{bad_directive, bad_type, go_type, internal};
use order::Elements;

pub use diff::two_way_diff;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_SCALARS: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

type Object = Map<String, Value>;

/// Decodes a patch body: an object, or the API server's 400.
pub fn parse(body: &[u8]) -> Result<PatchBody, PatchError> {
    object(body).map_err(|error| PatchError::Malformed(error.to_string()))
}

/// Applies a strategic merge patch to an object of a built-in type. The result is not normalised.
pub fn apply(document: &Value, patch: &Value, ty: TypeId) -> Result<Value, PatchError> {
    let merger = Merger {
        table: TypeTable::builtin(),
    };
    let document = document.as_object().cloned().unwrap_or_default();
    let patch = patch.as_object().cloned().unwrap_or_default();
    merger
        .merge_map(document, patch, &TypeRef::Struct(ty))
        .map(Value::Object)
}

struct Merger {
    table: &'static TypeTable,
}

impl Merger {
    fn merge_map(
        &self,
        mut live: Object,
        mut patch: Object,
        ty: &TypeRef,
    ) -> Result<Object, PatchError> {
        if let Some(directive) = patch.get(DIRECTIVE) {
            return match directive.as_str() {
                Some("replace") => {
                    patch.remove(DIRECTIVE);
                    Ok(patch)
                }
                Some("delete") => Ok(Object::new()),
                _ => Err(bad_directive(directive, &patch)),
            };
        }
        retain_keys(&mut live, &mut patch)?;
        self.ordered_lists(&mut live, &mut patch, ty)?;
        for (key, value) in patch {
            if key.starts_with(DELETE_SCALARS) {
                let field = list_of_directive(&key, DELETE_SCALARS)?;
                self.delete_scalars(&mut live, field, value, ty)?;
                continue;
            }
            if value.is_null() {
                live.remove(&key);
                continue;
            }
            let Some(current) = live.get_mut(&key) else {
                live.extend(taken_over(value).map(|value| (key, value)));
                continue;
            };
            if go_type(current) != go_type(&value) {
                live.remove(&key);
                live.extend(taken_over(value).map(|value| (key, value)));
                continue;
            }
            let current = mem::take(current);
            let merged = self.merge_value(&key, current, value, ty)?;
            live.insert(key, merged);
        }
        Ok(live)
    }

    /// Two values of the same JSON type under one key.
    fn merge_value(
        &self,
        key: &str,
        live: Value,
        patch: Value,
        ty: &TypeRef,
    ) -> Result<Value, PatchError> {
        match (live, patch) {
            (Value::Object(live), Value::Object(patch)) => {
                let field = meta::field(self.table, ty, key)?;
                if field.strategy == "replace" {
                    return Ok(Value::Object(patch));
                }
                self.merge_map(live, patch, field.ty).map(Value::Object)
            }
            (Value::Array(live), Value::Array(patch)) => {
                let field = meta::list_field(self.table, ty, key)?;
                if field.strategy != "merge" {
                    return Ok(Value::Array(patch));
                }
                self.merge_list(live, patch, field.ty, field.key)
                    .map(Value::Array)
            }
            (_, patch) => Ok(patch),
        }
    }

    fn delete_scalars(
        &self,
        live: &mut Object,
        field: &str,
        value: Value,
        ty: &TypeRef,
    ) -> Result<(), PatchError> {
        if value.is_null() {
            live.remove(field);
            return Ok(());
        }
        let (Some(Value::Array(current)), Value::Array(gone)) = (live.get_mut(field), value) else {
            return Ok(());
        };
        let found = meta::list_field(self.table, ty, field)?;
        if current.is_empty() && gone.is_empty() {
            return Ok(());
        }
        match order::element_type(&[current, &gone])? {
            Elements::Scalars => current.retain(|item| !gone.contains(item)),
            Elements::Maps => {
                *current = self.merge_list(mem::take(current), gone, found.ty, found.key)?;
            }
        }
        Ok(())
    }

    fn merge_list(
        &self,
        live: Vec<Value>,
        patch: Vec<Value>,
        element: &TypeRef,
        key: &str,
    ) -> Result<Vec<Value>, PatchError> {
        if live.is_empty() && patch.is_empty() {
            return Ok(live);
        }
        let elements = order::element_type(&[&live, &patch])?;
        if elements == Elements::Scalars {
            let both = live.iter().chain(&patch).cloned().collect();
            return order::arrange(order::deduplicate(both), &patch, &live, key, elements);
        }
        if key.is_empty() {
            let kind = meta::kind(element);
            return Err(internal(format!(
                "cannot merge lists without merge key for {kind}"
            )));
        }
        let (live, patch) = special_elements(live, patch, key)?;
        let mut merged = live.clone();
        for item in &patch {
            let value = order::key_value(item, key)?;
            let Some(at) = order::find(&merged, key, value)? else {
                merged.push(item.clone());
                continue;
            };
            let Some(slot) = merged.get_mut(at) else {
                continue;
            };
            if let (Value::Object(live), Value::Object(patch)) = (mem::take(slot), item.clone()) {
                *slot = Value::Object(self.merge_map(live, patch, element)?);
            }
        }
        order::arrange(merged, &patch, &live, key, elements)
    }

    /// `$setElementOrder/…` and the lists they speak of; both leave the patch.
    fn ordered_lists(
        &self,
        live: &mut Object,
        patch: &mut Object,
        ty: &TypeRef,
    ) -> Result<(), PatchError> {
        let directives: Vec<String> = patch
            .keys()
            .filter(|key| key.starts_with(SET_ORDER))
            .cloned()
            .collect();
        for directive in directives {
            let wanted = match patch.remove(&directive) {
                Some(Value::Array(wanted)) => wanted,
                other => return Err(bad_type(meta::LIST, &other.unwrap_or_default())),
            };
            let field = list_of_directive(&directive, SET_ORDER)?;
            let current = list_in(live, field)?;
            let change = list_in(patch, field)?;
            let found = meta::list_field(self.table, ty, field)?;
            check_order(change.unwrap_or_default(), &wanted, found.key)?;
            let merged = match (current, change) {
                (None, None) => continue,
                (Some(current), None) => current.to_vec(),
                (None, Some(change)) => change
                    .iter()
                    .cloned()
                    .filter_map(without_directives)
                    .collect(),
                (Some(current), Some(change)) if found.strategy == "merge" => {
                    self.merge_list(current.to_vec(), change.to_vec(), found.ty, found.key)?
                }
                (Some(_), Some(change)) => change.to_vec(),
            };
            let elements =
                order::element_type(&[current.unwrap_or_default(), change.unwrap_or_default()])?;
            let arranged = order::arrange(
                merged,
                &wanted,
                current.unwrap_or_default(),
                found.key,
                elements,
            )?;
            live.insert(field.to_owned(), Value::Array(arranged));
            patch.remove(field);
        }
        Ok(())
    }
}

/// The list under a key, if there is anything under it.
fn list_in<'m>(map: &'m Object, key: &str) -> Result<Option<&'m [Value]>, PatchError> {
    match map.get(key) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(bad_type(meta::LIST, other)),
    }
}

/// The field a directive like `$setElementOrder/containers` speaks of.
fn list_of_directive<'k>(key: &'k str, prefix: &str) -> Result<&'k str, PatchError> {
    match key.split_once('/') {
        Some((found, field)) if found == prefix => Ok(field),
        _ if prefix == SET_ORDER => Err(bad_order()),
        _ => Err(PatchError::Malformed(
            "invalid patch format of primitive list".to_owned(),
        )),
    }
}

fn bad_order() -> PatchError {
    PatchError::Malformed("invalid patch format of setElementOrder list".to_owned())
}

/// A patch value where nothing comparable is live: nulls and directives mean nothing there.
fn taken_over(mut value: Value) -> Option<Value> {
    drop_nulls(&mut value);
    without_directives(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value without maps that carry a directive; `None` if it is one.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}

/// `$retainKeys`: live keys not listed go; patched keys must be listed.
fn retain_keys(live: &mut Object, patch: &mut Object) -> Result<(), PatchError> {
    let bad = || PatchError::Malformed("invalid patch format of retainKeys".to_owned());
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(keys) = keys else {
        return Err(bad());
    };
    let listed = |name: &String| keys.iter().any(|key| key.as_str() == Some(name));
    for (key, value) in &*patch {
        let directive = key.starts_with(DELETE_SCALARS) || key.starts_with(SET_ORDER);
        if !value.is_null() && !directive && !listed(key) {
            return Err(bad());
        }
    }
    live.retain(|key, _| listed(key));
    Ok(())
}

/// `{$patch: delete, key: v}` and `{$patch: replace}` as list elements.
fn special_elements(
    mut live: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let directive = order::map(&item)?.get(DIRECTIVE);
        match directive.map(|directive| (directive, directive.as_str())) {
            None => plain.push(item),
            Some((_, Some("replace"))) => replace = true,
            Some((_, Some("delete"))) => {
                let value = order::key_value(&item, key)?;
                while let Some(at) = order::find(&live, key, value)? {
                    live.remove(at);
                }
            }
            Some((_, Some("merge"))) => {
                return Err(internal(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            Some((directive, _)) => return Err(bad_directive(directive, order::map(&item)?)),
        }
    }
    Ok(if replace {
        (plain, Vec::new())
    } else {
        (live, plain)
    })
}

/// The patch's elements must appear in the directive, in its order.
fn check_order(patch: &[Value], wanted: &[Value], key: &str) -> Result<(), PatchError> {
    if patch.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::with_capacity(patch.len());
    for item in patch {
        if key.is_empty() || !order::is_deletion_of_map(item)? {
            kept.push(item);
        }
    }
    let mut at = 0;
    let mut order = wanted.iter();
    while let Some(item) = kept.get(at) {
        if item.get(DIRECTIVE).is_some() {
            at += 1;
            continue;
        }
        let Some(next) = order.next() else {
            let patch = go_value(&Value::Array(patch.to_vec()));
            let wanted = go_value(&Value::Array(wanted.to_vec()));
            return Err(internal(format!(
                "The order in patch list:\n{patch}\n doesn't match {SET_ORDER} list:\n{wanted}\n"
            )));
        };
        if order::same_key(item, next, key)? {
            at += 1;
        }
    }
    Ok(())
}
