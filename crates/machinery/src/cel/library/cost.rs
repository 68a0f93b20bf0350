//! What calls cost while they run (`cel-go/interpreter/runtimecost.go`, `apiserver/pkg/cel/library/cost.go`).

use super::super::value::Value;

fn tenth(size: u64) -> u64 {
    size.div_ceil(10)
}

/// A pattern's length over four, times a tenth of the text's.
fn pattern(text: &Value, pattern: &Value) -> u64 {
    tenth(text.size() + 1).saturating_mul(pattern.size().div_ceil(4))
}

/// What walking through a value costs: all of its elements.
fn traversal(value: &Value) -> u64 {
    match value {
        Value::List(list) => list.items.iter().map(traversal).sum(),
        Value::Map(map) => map.values().map(|value| 1 + traversal(value)).sum(),
        Value::String(_) | Value::Bytes(_) => tenth(value.size()),
        _ => 1,
    }
}

/// The cost of a call.
pub(in crate::cel) fn of(function: &str, args: &[Value], result: &Value) -> u64 {
    let size = |index: usize| args.get(index).map_or(1, Value::size);
    match (function, args) {
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", [first, ..]) => {
            traversal(first)
        }
        ("ip", [Value::Cidr(_)]) => 1,
        ("bytes", [Value::String(_)])
        | ("string", [Value::Bytes(_)])
        | (
            "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR"
            | "quantity" | "isQuantity" | "semver" | "isSemver" | "startsWith" | "endsWith"
            | "strings.quote" | "format" | "ip",
            _,
        ) => tenth(size(0)),

        ("replace" | "split" | "ip.isCanonical", _) => (size(0) * 2).div_ceil(10),
        ("join", _) => (result.size() * 2).div_ceil(10),
        ("find" | "findAll" | "matches", [text, wanted, ..]) => pattern(text, wanted),
        ("validate", [_, text]) => tenth(text.size() + 1).saturating_mul(32),
        ("contains", [text, part]) => tenth(text.size()).saturating_mul(tenth(part.size())),
        ("@in", [_, Value::List(list)]) => list.items.len() as u64,
        ("containsIP" | "containsCIDR", _) => 4,
        ("_==_" | "_!=_", [first, second])
        | (
            "_<_" | "_<=_" | "_>_" | "_>=_",
            [first @ (Value::String(_) | Value::Bytes(_)), second],
        ) => tenth(first.size().min(second.size())),
        ("_+_", [first @ (Value::String(_) | Value::Bytes(_)), second]) => {
            tenth(first.size() + second.size())
        }
        ("slice" | "flatten" | "reverse" | "lists.range", _) => 10 + result.size(),
        ("distinct" | "sort" | "@sortByAssociatedKeys", _) => {
            let size = size(0);
            10 + size.saturating_mul(size)
        }
        ("sets.contains" | "sets.intersects", _) => 1 + size(0).saturating_mul(size(1)),
        ("sets.equivalent", _) => 1 + size(0).saturating_mul(size(1)).saturating_mul(2),
        _ => 1,
    }
}
