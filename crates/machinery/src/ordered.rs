//! An order of JSON values that agrees with `==`, for sets and maps of them, and lists without what is in them twice. A
//! body may hold hundreds of thousands of elements: whoever compares each with all others is busy for minutes.
//!
//! [`Datum`](crate::apply::path::Datum) has the order of server-side apply, to which `1` and `1.0` are one value.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Number, Value};

/// A value, owned or borrowed, with an order: null, booleans, numbers (whole ones first), strings, lists, objects.
#[derive(Debug, Clone, Copy)]
pub struct ByValue<V>(pub V);

impl<V: Borrow<Value>> PartialEq for ByValue<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0.borrow() == other.0.borrow()
    }
}

impl<V: Borrow<Value>> Eq for ByValue<V> {}

impl<V: Borrow<Value>> PartialOrd for ByValue<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<V: Borrow<Value>> Ord for ByValue<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0.borrow(), other.0.borrow())
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => compare_numbers(one, other),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            one.iter().map(ByValue).cmp(other.iter().map(ByValue))
        }
        (Value::Object(one), Value::Object(other)) => {
            let one = one.iter().map(|(key, value)| (key, ByValue(value)));
            one.cmp(other.iter().map(|(key, value)| (key, ByValue(value))))
        }
        (one, other) => rank(one).cmp(&rank(other)),
    }
}

/// `1` and `1.0` differ, as they do for `==`.
fn compare_numbers(one: &Number, other: &Number) -> Ordering {
    let whole = |number: &Number| {
        let small = number.as_i64().map(i128::from);
        small.or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => {
            let order = one.as_f64().partial_cmp(&other.as_f64());
            order.unwrap_or(Ordering::Equal)
        }
    }
}

/// Which of some elements are the first ones like that.
pub fn are_first<T: Ord>(items: impl Iterator<Item = T>) -> Vec<bool> {
    let mut seen = BTreeSet::new();
    items.map(|item| seen.insert(item)).collect()
}

/// A list with each element once, where it comes first.
pub fn distinct<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    let mut first = are_first(items.iter()).into_iter();
    items.retain(|_| first.next().unwrap_or(true));
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_equal_is_equal_in_the_order_too_and_nothing_else() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1),
            json!(0),
            json!(1),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(0.0),
            json!(-0.0),
            json!(1.0),
            json!(-1.5),
            json!(""),
            json!("a"),
            json!("b"),
            json!([]),
            json!([1]),
            json!([1, 2]),
            json!([2]),
            json!({}),
            json!({"a": 1}),
            json!({"a": 1.0}),
            json!({"a": 1, "b": 1}),
            json!({"b": 1}),
        ];
        for one in &values {
            for other in &values {
                let order = ByValue(one).cmp(&ByValue(other));
                assert_eq!(order.is_eq(), one == other, "{one} {other}");
                assert_eq!(order.reverse(), ByValue(other).cmp(&ByValue(one)));
            }
        }
        let mut sorted: Vec<ByValue<&Value>> = values.iter().map(ByValue).collect();
        sorted.sort();
        assert!(sorted.is_sorted());
    }

    #[test]
    fn elements_stay_where_they_come_first() {
        assert_eq!(distinct(vec![3, 1, 3, 2, 1]), [3, 1, 2]);
        let many: Vec<usize> = (0..400_000).map(|number| number / 2).collect();
        assert_eq!(distinct(many).len(), 200_000);
    }
}
