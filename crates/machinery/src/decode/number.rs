//! Numbers in a notation of their own. `serde_json` has integers of 64 bits and floats, which print in one way; Go keeps the
//! text of a number in fields that it doesn't read (`RawExtension`), and shows a patched object with the numbers of the patch.
//! Such a number is a text here that begins with a character no text has (U+FDD0, which Unicode keeps for uses like this);
//! all others, which is nearly every one, are plain numbers.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::parse::Node;
use super::scalar;
use crate::go_json::format_float;

/// What such a text begins with.
const MARK: char = '\u{fdd0}';

/// A number whose notation counts.
pub(super) fn written(text: &str) -> Value {
    let integer = scalar::integer(text, 64);
    if let Some(integer) = integer.filter(|integer| *integer != 0 || text == "0") {
        return Value::from(integer);
    }
    match text.parse().map(|float| (float, Number::from_f64(float))) {
        // What reads as an integer isn't a float.
        Ok((float, Some(number))) if integer.is_none() && format_float(float) == text => {
            Value::Number(number)
        }
        Ok(_) | Err(_) => Value::String(format!("{MARK}{text}")),
    }
}

/// The text of a number that is written in a way of its own.
pub fn notation(value: &Value) -> Option<&str> {
    notation_in(value.as_str()?)
}

/// [`notation`] of a text.
pub(crate) fn notation_in(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)
}

/// Numbers as those that there are, whatever their notation.
pub fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix(MARK) {
            Some(number) => read(number),
            None => Value::String(text),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, plain(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Why `map[string]any` can't hold a value: a number that is too large for a float, in Go's words.
pub fn too_large(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => notation_in(text).and_then(beyond),
        Value::Array(items) => items.iter().find_map(too_large),
        Value::Object(map) => map.values().find_map(too_large),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// [`too_large`] of one number.
pub(super) fn beyond(text: &str) -> Option<String> {
    let fits = text.parse::<f64>().is_ok_and(f64::is_finite);
    (!fits).then(|| format!("json: cannot unmarshal number {text} into Go value of type float64"))
}

/// The number that `map[string]any` would hold: int64 where the text is one, else float64.
pub(super) fn read(text: &str) -> Value {
    match scalar::integer(text, 64) {
        Some(number) => Value::from(number),
        None => scalar::float(text).map_or(Value::Null, Value::Number),
    }
}

/// A client's text, which begins with no mark.
pub(super) fn unmarked(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.strip_prefix(MARK) {
        Some(rest) => Cow::Owned(format!("\u{fffd}{rest}")),
        None => text,
    }
}

/// Numbers as those read from JSON that they were written as: floats without a fraction are integers, and integers that
/// int64 can't hold are floats. Returns whether one is written in another way now: a zero that was negative.
pub fn settle(value: &mut Value) -> bool {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number
                .as_f64()
                .filter(|float| float.fract() == 0.0)
                .and_then(|float| Some((float, format_float(float).parse::<i64>().ok()?)));
            let Some((float, whole)) = whole else {
                return false;
            };
            *value = Value::from(whole);
            float.is_sign_negative() && whole == 0
        }
        Value::Number(number) if !number.is_i64() => {
            *value = number.as_f64().map_or(Value::Null, Value::from);
            false
        }
        Value::Array(items) => settle_all(items.iter_mut()),
        Value::Object(map) => settle_all(map.values_mut()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every one of them, the first that is written in another way now or not.
fn settle_all<'a>(values: impl Iterator<Item = &'a mut Value>) -> bool {
    let mut other = false;
    for value in values {
        other |= settle(value);
    }
    other
}

/// The text of a number in JSON.
pub(super) fn shown(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => format_float(float),
        Some(_) | None => number.to_string(),
    }
}

/// What `map[string]any` would hold, with numbers as they were written.
pub(super) fn raw(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(flag) => Value::Bool(*flag),
        Node::Number(text) => written(text),
        Node::String(text) => Value::String(text.clone().into_owned()),
        Node::Array(items) => Value::Array(items.iter().map(raw).collect()),
        Node::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, node)| (key.clone().into_owned(), raw(node)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::{decode, decode_kept, decode_untyped, decode_yaml_untyped};
    use crate::go_json;
    use crate::schema::TypeTable;

    #[test]
    fn only_odd_notations_are_kept() {
        let all = "[1,-0,-0.0,1e3,1.0,1.5,9223372036854775808,18446744073709551616,1e+21]";
        let kept = decode_kept(all.as_bytes()).expect("numbers").value;
        assert_eq!(go_json::to_string(&kept, None), all);
        assert_eq!(kept.pointer("/0"), Some(&json!(1)));
        assert_eq!(kept.pointer("/5"), Some(&json!(1.5)));
        assert_eq!(kept.pointer("/8"), Some(&json!(1e21)));
        assert_eq!(kept.pointer("/3").and_then(notation), Some("1e3"));
        assert_eq!(
            Ok(plain(kept)),
            decode_untyped(all.as_bytes()).map(|decoded| decoded.value)
        );
    }

    #[test]
    fn what_no_float_holds_is_kept_and_is_no_number_of_a_map() {
        let kept = decode_kept(b"[1e400]").expect("a text").value;
        assert_eq!(go_json::to_string(&kept, None), "[1e400]");
        let error = "json: cannot unmarshal number 1e400 into Go value of type float64";
        assert_eq!(too_large(&kept).as_deref(), Some(error));
        let read = decode_untyped(b"[1e400]").expect_err("too large");
        assert_eq!(read.to_string(), error);
    }

    #[test]
    fn data_that_nobody_reads_keeps_its_numbers() {
        let revision = TypeTable::builtin().type_of("apps", "v1", "ControllerRevision");
        let revision = revision.expect("revisions");
        let body = r#"{"metadata":{},"data":{"a":1e3,"b":"\ufdd01"},"revision":1}"#;
        let decoded = decode(TypeTable::builtin(), revision, body.as_bytes()).expect("a revision");
        assert_eq!(
            go_json::to_string(&decoded.value, Some(revision)),
            "{\"metadata\":{},\"data\":{\"a\":1e3,\"b\":\"\u{fffd}1\"},\"revision\":1}"
        );
    }

    #[test]
    fn a_negative_zero_is_written_in_another_way_once_it_is_read() {
        let mut value = json!({"a": [-0.0, 1.0], "b": 2.5});
        assert!(settle(&mut value));
        assert_eq!(value, json!({"a": [0, 1], "b": 2.5}));
        assert!(!settle(&mut value));
    }

    #[test]
    fn yaml_is_read_through_json() {
        let text = "a: 9223372036854775808\nb: 1.0\nc: 1e10\nd: 1.5\n";
        let decoded = decode_yaml_untyped(text.as_bytes()).expect("yaml").value;
        let wanted =
            json!({"a": 9_223_372_036_854_775_808.0, "b": 1, "c": 10_000_000_000_i64, "d": 1.5});
        assert_eq!(decoded, wanted);
    }
}
