//! Lists and sets (`apiserver/pkg/cel/library/lists.go`, `cel-go/ext/{lists,sets}.go`).

use std::cmp::Ordering;

use super::super::error::EvalError;
use super::super::eval;
use super::super::value::{List, Value};
use super::{Answer, fail, give};

/// Elements of the longest list a function makes.
const LONGEST: i64 = 1_000_000;

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    if let ("lists.range", [Value::Int(count)]) = (function, args) {
        return give(Value::list((0..(*count).min(LONGEST)).map(Value::Int)));
    }
    let Some(Value::List(list)) = args.first() else {
        return None;
    };
    let items = &list.items;
    match (function, args.get(1..).unwrap_or_default()) {
        ("_+_", [Value::List(other)]) => give(Value::List(list.plus(other))),
        ("isSorted", []) => sorted(items),
        ("sum", []) => sum(items),
        ("max", []) => extreme(items, "max", Ordering::Less),
        ("min", []) => extreme(items, "min", Ordering::Greater),
        ("indexOf", [item]) => place(items.iter().position(|one| one.equals(item))),
        ("lastIndexOf", [item]) => place(items.iter().rposition(|one| one.equals(item))),
        ("slice", [Value::Int(from), Value::Int(to)]) => slice(items, *from, *to),
        ("flatten", []) => give(Value::list(flatten(items, 1))),
        ("flatten", [Value::Int(depth)]) if *depth < 0 => fail("level must be non-negative"),
        ("flatten", [Value::Int(depth)]) => give(Value::list(flatten(items, *depth))),
        ("reverse", []) => give(Value::list(items.iter().rev().cloned())),
        ("distinct", []) => {
            let mut kept: Vec<Value> = Vec::new();
            for item in items.iter() {
                if !kept.iter().any(|known| known.equals(item)) {
                    kept.push(item.clone());
                }
            }
            give(Value::list(kept))
        }
        ("sort", []) => sort(items, items),
        ("@sortByAssociatedKeys", [Value::List(keys)]) => sort(items, &keys.items),
        ("sets.contains", [Value::List(other)]) => give(contains(items, &other.items)),
        ("sets.equivalent", [Value::List(other)]) => {
            give(contains(items, &other.items) && contains(&other.items, items))
        }
        ("sets.intersects", [Value::List(other)]) => give(
            items
                .iter()
                .any(|one| other.items.iter().any(|two| one.equals(two))),
        ),
        _ => None,
    }
}

fn place(at: Option<usize>) -> Answer {
    at.map_or_else(|| give(-1_i64), give)
}

fn contains(all: &[Value], some: &[Value]) -> bool {
    some.iter()
        .all(|one| all.iter().any(|other| one.equals(other)))
}

fn sorted(items: &[Value]) -> Answer {
    for (first, second) in items.iter().zip(items.iter().skip(1)) {
        if first.compare(second)? == Ordering::Greater {
            return give(false);
        }
    }
    give(true)
}

fn sum(items: &[Value]) -> Answer {
    let mut total = match items.first() {
        Some(Value::Uint(_)) => Value::Uint(0),
        Some(Value::Double(_)) => Value::Double(0.0),
        Some(Value::Duration(_)) => Value::Duration(0),
        _ => Value::Int(0),
    };
    for item in items {
        match super::call("_+_", &[total, item.clone()]) {
            Ok(next) => total = next,
            Err(error) => return Some(Err(error)),
        }
    }
    give(total)
}

/// The element no other is beyond; `worse` is how a worse one compares to a better.
fn extreme(items: &[Value], name: &str, worse: Ordering) -> Answer {
    let mut items = items.iter();
    let Some(mut best) = items.next() else {
        return fail(format!("{name} called on empty list"));
    };
    for item in items {
        if best.compare(item)? == worse {
            best = item;
        }
    }
    give(best.clone())
}

fn slice(items: &[Value], from: i64, to: i64) -> Answer {
    if from < 0 || to < 0 {
        return fail(format!(
            "cannot slice({from}, {to}), negative indexes not supported"
        ));
    }
    if from > to {
        return fail(format!(
            "cannot slice({from}, {to}), start index must be less than or equal to end index"
        ));
    }
    let range = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
    match items.get(range) {
        Some(part) => give(Value::list(part.iter().cloned())),
        None => fail(format!(
            "cannot slice({from}, {to}), list is length {}",
            items.len()
        )),
    }
}

fn flatten(items: &[Value], depth: i64) -> Vec<Value> {
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(List { items, .. }) if depth > 0 => flat.extend(flatten(items, depth - 1)),
            other => flat.push(other.clone()),
        }
    }
    flat
}

fn sort(items: &[Value], keys: &[Value]) -> Answer {
    if items.len() != keys.len() {
        let text = format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} \
             elements respectively",
            items.len(),
            keys.len()
        );
        return fail(text);
    }
    if items.is_empty() {
        return give(Value::List(eval::empty()));
    }
    let mut pairs: Vec<(&Value, &Value)> = keys.iter().zip(items).collect();
    let mut comparable = true;
    pairs.sort_by(|(a, _), (b, _)| {
        a.compare(b).unwrap_or_else(|| {
            comparable = false;
            Ordering::Equal
        })
    });
    if !comparable {
        return Some(Err(EvalError::failed(
            "list elements must have the same type",
        )));
    }
    give(Value::list(pairs.into_iter().map(|(_, item)| item.clone())))
}
