//! Strategic merge patch of the built-in types.
//!
//! Promises upstream's results and error texts for every directive: `$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`. Mirrors `k8s.io/apimachinery/pkg/util/strategicpatch`.

mod diff;
mod meta;
mod order;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::mem;

use serde_json::{Map, Value};

use super::{PatchBody, PatchError, go_value, object};
use crate::ordered::ByValue;
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
    apply_leaving(document, &mut patch.clone(), ty)
}

/// The same, leaving of the patch what the Go library leaves of it: directives are taken away once they were obeyed, as
/// are nulls and deletions where there was nothing to delete. Messages about a patched object show what is left.
pub fn apply_leaving(document: &Value, patch: &mut Value, ty: TypeId) -> Result<Value, PatchError> {
    let merger = Merger {
        table: TypeTable::builtin(),
    };
    let document = document.as_object().cloned().unwrap_or_default();
    let mut nothing = Object::new();
    let patch = patch.as_object_mut().unwrap_or(&mut nothing);
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
        patch: &mut Object,
        ty: &TypeRef,
    ) -> Result<Object, PatchError> {
        if let Some(directive) = patch.get(DIRECTIVE) {
            return match directive.as_str() {
                Some("replace") => {
                    patch.remove(DIRECTIVE);
                    Ok(patch.clone())
                }
                Some("delete") => Ok(Object::new()),
                _ => Err(bad_directive(directive, patch)),
            };
        }
        retain_keys(&mut live, patch)?;
        self.ordered_lists(&mut live, patch, ty)?;
        for (key, value) in &mut *patch {
            if key.starts_with(DELETE_SCALARS) {
                let field = list_of_directive(key, DELETE_SCALARS)?;
                self.delete_scalars(&mut live, field, value, ty)?;
                continue;
            }
            if value.is_null() {
                live.remove(key);
                continue;
            }
            match live.get_mut(key) {
                Some(current) if go_type(current) == go_type(value) => {
                    let current = mem::take(current);
                    let merged = self.merge_value(key, current, value, ty)?;
                    live.insert(key.clone(), merged);
                }
                Some(_) | None => {
                    live.remove(key);
                    live.extend(taken_over(value).map(|value| (key.clone(), value)));
                }
            }
        }
        Ok(live)
    }

    /// Two values of the same JSON type under one key.
    fn merge_value(
        &self,
        key: &str,
        live: Value,
        patch: &mut Value,
        ty: &TypeRef,
    ) -> Result<Value, PatchError> {
        match (live, patch) {
            (Value::Object(live), Value::Object(patch)) => {
                let field = meta::field(self.table, ty, key)?;
                if field.strategy == "replace" {
                    return Ok(Value::Object(patch.clone()));
                }
                self.merge_map(live, patch, field.ty).map(Value::Object)
            }
            (Value::Array(live), Value::Array(patch)) => {
                let field = meta::list_field(self.table, ty, key)?;
                if field.strategy != "merge" {
                    return Ok(Value::Array(patch.clone()));
                }
                self.merge_list(live, patch, field.ty, field.key)
                    .map(Value::Array)
            }
            (_, patch) => Ok(patch.clone()),
        }
    }

    fn delete_scalars(
        &self,
        live: &mut Object,
        field: &str,
        value: &mut Value,
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
        match order::element_type(&[current, gone])? {
            Elements::Scalars => {
                let gone: BTreeSet<_> = gone.iter().map(ByValue).collect();
                current.retain(|item| !gone.contains(&ByValue(item)));
            }
            Elements::Maps => {
                *current = self.merge_list(mem::take(current), gone, found.ty, found.key)?;
            }
        }
        Ok(())
    }

    fn merge_list(
        &self,
        live: Vec<Value>,
        patch: &mut [Value],
        element: &TypeRef,
        key: &str,
    ) -> Result<Vec<Value>, PatchError> {
        if live.is_empty() && patch.is_empty() {
            return Ok(live);
        }
        let elements = order::element_type(&[&live, patch])?;
        if elements == Elements::Scalars {
            let both = live.iter().chain(&*patch).cloned().collect();
            return order::arrange(order::deduplicate(both), patch, &live, key, elements);
        }
        if key.is_empty() {
            let kind = meta::kind(element);
            return Err(internal(format!(
                "cannot merge lists without merge key for {kind}"
            )));
        }
        let Special { live, plain } = special_elements(live, patch, key)?;
        let merged = self.merge_elements(live.clone(), patch, &plain, (element, key))?;
        let patch: Vec<Value> = plain
            .iter()
            .filter_map(|at| patch.get(*at).cloned())
            .collect();
        order::arrange(merged, &patch, &live, key, elements)
    }

    /// The elements of a patch at `plain`, merged into those with the same key or put behind all.
    fn merge_elements(
        &self,
        mut merged: Vec<Value>,
        patch: &mut [Value],
        plain: &[usize],
        (element, key): (&TypeRef, &str),
    ) -> Result<Vec<Value>, PatchError> {
        let own = merged.len();
        let mut places = order::Growing::of(&merged, key);
        // Elements that are new are those of the patch: what is merged into them later is seen in it.
        let mut added = Vec::new();
        for at in plain {
            let Some(item) = patch.get_mut(*at) else {
                continue;
            };
            let value = order::key_value(item, key)?.clone();
            let Some(place) = places.find(&value) else {
                places.put(Some(&value), merged.len());
                merged.push(item.clone());
                added.push(*at);
                continue;
            };
            if let (Some(slot), Value::Object(item)) = (merged.get_mut(place), item)
                && let Value::Object(live) = mem::take(slot)
            {
                let now = self.merge_map(live, item, element)?;
                // A null takes even the merge key away.
                if now.get(key) != Some(&value) {
                    places.take(&value, place);
                    places.put(now.get(key), place);
                }
                *slot = Value::Object(now);
            }
        }
        for (at, item) in added.into_iter().zip(merged.iter().skip(own)) {
            if let Some(seen) = patch.get_mut(at) {
                seen.clone_from(item);
            }
        }
        Ok(merged)
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
                (None, Some(change)) => plain_elements(change),
                (Some(current), Some(change)) if found.strategy == "merge" => {
                    let mut change = change.to_vec();
                    self.merge_list(current.to_vec(), &mut change, found.ty, found.key)?
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

/// A patch value where nothing comparable is live: nulls and directives mean nothing there, and leave the patch too.
fn taken_over(value: &mut Value) -> Option<Value> {
    drop_nulls(value);
    if let Value::Array(items) = value {
        let plain = plain_elements(items);
        // A list is made anew; what is in it is not.
        for item in items {
            strip_directives(item);
        }
        return Some(Value::Array(plain));
    }
    strip_directives(value).then(|| value.clone())
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

/// Takes away maps that carry a directive; false if the value is one, which stays as it is.
fn strip_directives(value: &mut Value) -> bool {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => return false,
        Value::Object(map) => map.retain(|_, value| strip_directives(value)),
        Value::Array(items) => items.retain_mut(strip_directives),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    true
}

/// The elements that are no directives, without those in them.
fn plain_elements(items: &[Value]) -> Vec<Value> {
    let mut plain = items.to_vec();
    plain.retain_mut(strip_directives);
    plain
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
    let keys: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let listed = |name: &String| keys.contains(name.as_str());
    for (key, value) in &*patch {
        let directive = key.starts_with(DELETE_SCALARS) || key.starts_with(SET_ORDER);
        if !value.is_null() && !directive && !listed(key) {
            return Err(bad());
        }
    }
    live.retain(|key, _| listed(key));
    Ok(())
}

/// A list once the elements that are directives were obeyed.
struct Special {
    /// What is left of the live list.
    live: Vec<Value>,
    /// Where the patch has the elements that are to be merged.
    plain: Vec<usize>,
}

/// `{$patch: delete, key: v}` and `{$patch: replace}` as list elements.
fn special_elements(
    mut live: Vec<Value>,
    patch: &[Value],
    key: &str,
) -> Result<Special, PatchError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    let mut gone = BTreeSet::new();
    for (at, item) in patch.iter().enumerate() {
        let directive = order::map(item)?.get(DIRECTIVE);
        match directive.map(|directive| (directive, directive.as_str())) {
            None => plain.push(at),
            Some((_, Some("replace"))) => replace = true,
            Some((_, Some("delete"))) => {
                gone.insert(ByValue(order::key_value(item, key)?));
            }
            Some((_, Some("merge"))) => {
                return Err(internal(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            Some((directive, _)) => return Err(bad_directive(directive, order::map(item)?)),
        }
    }
    live.retain(|item| {
        !item
            .get(key)
            .is_some_and(|value| gone.contains(&ByValue(value)))
    });
    if replace {
        live = plain
            .drain(..)
            .filter_map(|at| patch.get(at).cloned())
            .collect();
    }
    Ok(Special { live, plain })
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
