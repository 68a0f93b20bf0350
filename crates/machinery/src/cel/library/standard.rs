//! Equality, order, membership, sizes, types and optionals.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::value::{Key, Value, find};
use super::{Answer, fail, give};

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("!_", [Value::Bool(value)]) => give(!value),
        ("_==_", [a, b]) => equality(a, b, true),
        ("_!=_", [a, b]) => equality(a, b, false),
        ("_<_", [a, b]) => ordered(a, b, Ordering::is_lt),
        ("_<=_", [a, b]) => ordered(a, b, Ordering::is_le),
        ("_>_", [a, b]) => ordered(a, b, Ordering::is_gt),
        ("_>=_", [a, b]) => ordered(a, b, Ordering::is_ge),
        ("@in", [item, Value::List(list)]) => give(list.items.iter().any(|one| one.equals(item))),
        ("@in", [key, Value::Map(map)]) => {
            let found = key.key().and_then(|key| find(map, &key));
            match found {
                Some(Value::Broken(text)) => fail(text.to_string()),
                found => give(found.is_some()),
            }
        }
        (
            "size",
            [value @ (Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_))],
        ) => give(i64::try_from(value.size()).unwrap_or(i64::MAX)),
        ("type", [value]) => give(Value::Type(value.type_of())),
        ("dyn", [value]) => give(value.clone()),
        ("cel.@mapInsert", [Value::Map(map), key, value]) => {
            insert(map, key.key().map(|key| vec![(key, value.clone())]))
        }
        ("cel.@mapInsert", [Value::Map(map), Value::Map(more)]) => {
            let more = more.iter().map(|(key, value)| (key.clone(), value.clone()));
            insert(map, Some(more.collect()))
        }
        _ => optional(function, args),
    }
}

fn ordered(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Answer {
    let is_number =
        |value: &Value| matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    match a.compare(b) {
        Some(order) => give(holds(order)),
        None if is_number(a) && is_number(b) => give(false),
        None => None,
    }
}

type Entries = std::collections::BTreeMap<Key, Value>;

fn insert(map: &Arc<Entries>, more: Option<Vec<(Key, Value)>>) -> Answer {
    let mut map = map.as_ref().clone();
    for (key, value) in more? {
        if map.insert(key.clone(), value).is_some() {
            return fail(format!(
                "insert failed: key {} already exists",
                Value::from(key)
            ));
        }
    }
    give(Value::Map(Arc::new(map)))
}

fn optional(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("optional.of", [value]) => give(Value::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) => {
            let zero = match value {
                Value::Null => true,
                Value::Bool(value) => !value,
                Value::Int(value) | Value::Duration(value) => *value == 0,
                Value::Uint(value) => *value == 0,
                Value::Double(value) => *value == 0.0,
                other => {
                    matches!(
                        other,
                        Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_)
                    ) && other.size() == 0
                }
            };
            give(if zero {
                Value::Optional(None)
            } else {
                Value::some(value.clone())
            })
        }
        ("optional.none", []) => give(Value::Optional(None)),
        ("value", [Value::Optional(inner)]) => match inner {
            Some(inner) => give(inner.as_ref().clone()),
            None => fail("optional.none() dereference"),
        },
        ("hasValue", [Value::Optional(inner)]) => give(inner.is_some()),
        ("first", [Value::List(list)]) => {
            give(Value::Optional(list.items.first().cloned().map(Arc::new)))
        }
        ("last", [Value::List(list)]) => {
            give(Value::Optional(list.items.last().cloned().map(Arc::new)))
        }
        ("optional.unwrap" | "unwrapOpt", [Value::List(list)]) => {
            let items = list.items.iter().filter_map(|item| match item {
                Value::Optional(inner) => inner.as_deref().cloned(),
                other => Some(other.clone()),
            });
            give(Value::list(items))
        }
        _ => None,
    }
}

/// Whether it is as `wanted` that two values are equal.
fn equality(a: &Value, b: &Value, wanted: bool) -> Answer {
    match a.equality(b) {
        Ok(equal) => give(equal == wanted),
        Err(text) => fail(text.to_string()),
    }
}
