//! The strategic merge patch between two objects.

use serde_json::{Map, Value, json};

use super::meta::{self, Meta};
use super::order::{self, Elements};
use super::{DELETE_SCALARS, DIRECTIVE, RETAIN_KEYS, SET_ORDER};
use crate::patch::{PatchError, go_value};
use crate::schema::{TypeId, TypeRef, TypeTable};

type Object = Map<String, Value>;

/// The patch from `old` to `new`, with `$setElementOrder` and `$retainKeys` as Go writes them.
pub fn two_way_diff(old: &Value, new: &Value, ty: TypeId) -> Result<Value, PatchError> {
    let nothing = Object::new();
    let differ = Differ {
        table: TypeTable::builtin(),
    };
    let (old, new) = (
        old.as_object().unwrap_or(&nothing),
        new.as_object().unwrap_or(&nothing),
    );
    differ
        .maps(old, new, &TypeRef::Struct(ty), false)
        .map(Value::Object)
}

struct Differ {
    table: &'static TypeTable,
}

impl Differ {
    fn maps(
        &self,
        old: &Object,
        new: &Object,
        ty: &TypeRef,
        retain_keys: bool,
    ) -> Result<Object, PatchError> {
        let mut patch = Object::new();
        for (key, after) in new {
            let Some(before) = old.get(key) else {
                patch.insert(key.clone(), after.clone());
                continue;
            };
            match (before, after) {
                (Value::Object(before), Value::Object(after)) => {
                    self.map_field(key, before, after, ty, &mut patch)?;
                }
                (Value::Array(before), Value::Array(after)) => {
                    self.list_field(key, before, after, ty, &mut patch)?;
                }
                _ if before != after => {
                    patch.insert(key.clone(), after.clone());
                }
                _ => {}
            }
        }
        for key in old.keys() {
            if !new.contains_key(key) {
                patch.insert(key.clone(), Value::Null);
            }
        }
        let kept: Vec<&String> = new
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, _)| key)
            .collect();
        let cleared = old
            .iter()
            .any(|(key, value)| !value.is_null() && !new.contains_key(key));
        if retain_keys && !kept.is_empty() && (!patch.is_empty() || cleared) {
            patch.insert(RETAIN_KEYS.to_owned(), json!(kept));
        }
        Ok(patch)
    }

    fn map_field(
        &self,
        key: &str,
        before: &Object,
        after: &Object,
        ty: &TypeRef,
        patch: &mut Object,
    ) -> Result<(), PatchError> {
        let field = match meta::field(self.table, ty, key) {
            Ok(field) => field,
            Err(_) if before == after => return Ok(()),
            Err(error) => return Err(error),
        };
        if field.strategy == "replace" {
            patch.insert(key.to_owned(), Value::Object(after.clone()));
            return Ok(());
        }
        let inner = self.maps(before, after, field.ty, field.retain_keys)?;
        if !inner.is_empty() {
            patch.insert(key.to_owned(), Value::Object(inner));
        }
        Ok(())
    }

    fn list_field(
        &self,
        key: &str,
        before: &[Value],
        after: &[Value],
        ty: &TypeRef,
        patch: &mut Object,
    ) -> Result<(), PatchError> {
        let field = match meta::list_field(self.table, ty, key) {
            Ok(field) => field,
            Err(_) if before == after => return Ok(()),
            Err(error) => return Err(error),
        };
        if field.strategy != "merge" {
            if before != after {
                patch.insert(key.to_owned(), Value::Array(after.to_vec()));
            }
            return Ok(());
        }
        let lists = self.lists(before, after, field)?;
        let mut put = |key: String, list: Vec<Value>| {
            if !list.is_empty() {
                patch.insert(key, Value::Array(list));
            }
        };
        put(key.to_owned(), lists.changes);
        put(format!("{DELETE_SCALARS}/{key}"), lists.deletions);
        put(format!("{SET_ORDER}/{key}"), lists.order);
        Ok(())
    }

    fn lists(&self, old: &[Value], new: &[Value], field: Meta<'_>) -> Result<Lists, PatchError> {
        if old.is_empty() {
            return Ok(Lists {
                changes: new.to_vec(),
                ..Lists::default()
            });
        }
        match order::element_type(&[old, new])? {
            Elements::Maps => self.lists_of_maps(old, new, field),
            Elements::Scalars => scalars(old, new, field.key),
        }
    }

    fn lists_of_maps(
        &self,
        old: &[Value],
        new: &[Value],
        field: Meta<'_>,
    ) -> Result<Lists, PatchError> {
        let key = field.key;
        let (mut changes, mut deletions) = (Vec::new(), Vec::new());
        let old_sorted = sorted_by_key(old, key)?;
        let new_sorted = sorted_by_key(new, key)?;
        let (mut olds, mut news) = (old_sorted.iter().peekable(), new_sorted.iter().peekable());
        loop {
            match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some((left, before)), Some((right, after))) if left == right => {
                    let (before, after) = (order::map(before)?, order::map(after)?);
                    let mut patch = self.maps(before, after, field.ty, field.retain_keys)?;
                    if !patch.is_empty() {
                        patch.extend(after.get(key).map(|value| (key.to_owned(), value.clone())));
                        changes.push(Value::Object(patch));
                    }
                    olds.next();
                    news.next();
                }
                (Some((left, before)), right) if right.is_none_or(|(right, _)| left < right) => {
                    let value = order::key_value(before, key)?;
                    deletions.push(json!({ key: value, DIRECTIVE: "delete" }));
                    olds.next();
                }
                _ => changes.extend(news.next().map(|(_, after)| (*after).clone())),
            }
        }
        let mut changes = order::sort_by_order(changes, new, key, Elements::Maps)?;
        let same_order = same_order(old, new, key)?;
        changes.append(&mut deletions);
        let mut order = Vec::new();
        if !changes.is_empty() || !same_order {
            for item in new {
                order.push(json!({ key: order::map(item)?.get(key) }));
            }
        }
        Ok(Lists {
            changes,
            deletions: Vec::new(),
            order,
        })
    }
}

/// What a list contributes to a patch.
#[derive(Default)]
struct Lists {
    changes: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

/// Elements with the text of their merge key, sorted by it.
fn sorted_by_key<'v>(list: &'v [Value], key: &str) -> Result<Vec<(String, &'v Value)>, PatchError> {
    let mut keyed = Vec::with_capacity(list.len());
    for item in list {
        keyed.push((go_value(order::key_value(item, key)?), item));
    }
    keyed.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(keyed)
}

fn same_order(old: &[Value], new: &[Value], key: &str) -> Result<bool, PatchError> {
    if old.len() != new.len() {
        return Ok(false);
    }
    for (before, after) in old.iter().zip(new) {
        if !order::same_key(before, after, key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn scalars(old: &[Value], new: &[Value], key: &str) -> Result<Lists, PatchError> {
    let sorted = |list: &[Value]| {
        let mut list: Vec<(String, Value)> = list
            .iter()
            .map(|item| (go_value(item), item.clone()))
            .collect();
        list.sort_by(|left, right| left.0.cmp(&right.0));
        list
    };
    let (old_sorted, new_sorted) = (sorted(old), sorted(new));
    let (mut changes, mut deletions) = (Vec::new(), Vec::new());
    let (mut olds, mut news) = (old_sorted.iter().peekable(), new_sorted.iter().peekable());
    loop {
        match (olds.peek(), news.peek()) {
            (None, None) => break,
            (Some((left, _)), Some((right, _))) if left == right => {
                olds.next();
                news.next();
            }
            (Some((left, _)), right) if right.is_none_or(|(right, _)| left < right) => {
                deletions.extend(olds.next().map(|(_, item)| item.clone()));
            }
            _ => changes.extend(news.next().map(|(_, item)| item.clone())),
        }
    }
    let changes = order::sort_by_order(changes, new, key, Elements::Scalars)?;
    let deletions = order::deduplicate(deletions);
    // Go has sorted the old list in place by now, and compares that.
    let unsorted = old_sorted.iter().map(|(_, item)| item).ne(new);
    let order = if !deletions.is_empty() || unsorted {
        new.to_vec()
    } else {
        Vec::new()
    };
    Ok(Lists {
        changes,
        deletions,
        order,
    })
}
