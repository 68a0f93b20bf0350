//! Evaluation of `JSONPath` templates, ranges included.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::{
    JsonPathError,
    parse::{Bound, Node},
};
use crate::patch::go_type;

type Values<'a> = Vec<Cow<'a, Value>>;
type Result<T> = std::result::Result<T, JsonPathError>;

pub(super) fn find<'a>(
    nodes: &[Node],
    allow_missing_keys: bool,
    data: &'a Value,
) -> Result<Vec<Values<'a>>> {
    let mut state = Evaluation {
        nodes,
        allow_missing_keys,
        begin_range: 0,
        in_range: 0,
        end_range: 0,
        last_end: None,
    };
    state.run(0, &[Cow::Borrowed(data)])
}

/// Where an evaluation stands between `{range}` and `{end}`.
struct Evaluation<'n> {
    nodes: &'n [Node],
    allow_missing_keys: bool,
    begin_range: usize,
    in_range: usize,
    end_range: usize,
    /// Index of the `{end}` that closed the innermost range.
    last_end: Option<usize>,
}

impl Evaluation<'_> {
    /// Evaluates the template from the node at `start` on; within a range up to its `{end}`.
    fn run<'a>(&mut self, start: usize, current: &[Cow<'a, Value>]) -> Result<Vec<Values<'a>>> {
        let mut found = Vec::new();
        let mut index = start;
        let nodes = self.nodes;
        while let Some(node) = nodes.get(index) {
            let results = self.walk(current.to_vec(), node)?;
            if self.end_range > 0 && self.end_range <= self.in_range {
                self.end_range -= 1;
                self.last_end = Some(index);
                break;
            }
            if self.begin_range > 0 {
                self.begin_range -= 1;
                self.in_range += 1;
                if results.is_empty() {
                    self.run(index + 1, &[Cow::Owned(Value::Null)])?;
                }
                for value in results {
                    found.extend(self.run(index + 1, &[value])?);
                }
                self.in_range -= 1;
                index = self.last_end.filter(|end| *end > index).unwrap_or(index) + 1;
                continue;
            }
            found.push(results);
            index += 1;
        }
        Ok(found)
    }

    fn list<'a>(&mut self, nodes: &[Node], input: Values<'a>) -> Result<Values<'a>> {
        nodes
            .iter()
            .try_fold(input, |current, node| self.walk(current, node))
    }

    fn walk<'a>(&mut self, input: Values<'a>, node: &Node) -> Result<Values<'a>> {
        let literal = |value: Value| Ok(input.iter().map(|_| Cow::Owned(value.clone())).collect());
        match node {
            Node::List(nodes) => self.list(nodes, input),
            Node::Text(text) => Ok(vec![Cow::Owned(Value::from(text.as_str()))]),
            Node::Int(int) => literal(Value::from(*int)),
            Node::Float(float) => literal(Value::from(*float)),
            Node::Bool(bool) => literal(Value::from(*bool)),
            Node::Field(name) => self.field(input, name),
            Node::Array(bounds) => slice(input, *bounds),
            Node::Filter {
                left,
                operator,
                right,
            } => self.filter(input, left, operator, right),
            Node::Wildcard => Ok(input.into_iter().flat_map(children).collect()),
            Node::Recursive => Ok(descend(input)),
            Node::Union(parts) => {
                let mut results = Vec::new();
                for part in parts {
                    results.extend(self.list(part, input.clone())?);
                }
                Ok(results)
            }
            Node::Identifier(name) => self.identifier(input, name),
        }
    }

    fn identifier<'a>(&mut self, input: Values<'a>, name: &str) -> Result<Values<'a>> {
        match name {
            "range" => {
                self.begin_range += 1;
                Ok(input)
            }
            "end" if self.in_range > 0 => {
                self.end_range += 1;
                Ok(Vec::new())
            }
            "end" => Err(error("not in range, nothing to end")),
            other => Err(error(format!("unrecognized identifier {other}"))),
        }
    }

    fn field<'a>(&self, input: Values<'a>, name: &str) -> Result<Values<'a>> {
        if input.is_empty() {
            return Ok(input);
        }
        let results: Values<'a> = input
            .into_iter()
            .filter_map(|value| member(value, name))
            .collect();
        if results.is_empty() && !self.allow_missing_keys {
            return Err(error(format!("{name} is not found")));
        }
        Ok(results)
    }

    fn filter<'a>(
        &mut self,
        input: Values<'a>,
        left: &[Node],
        operator: &str,
        right: &[Node],
    ) -> Result<Values<'a>> {
        let mut results = Vec::new();
        for value in input {
            let is_list = value.is_array();
            if !is_list {
                let text = super::print_value(&value);
                return Err(error(format!(
                    "{text} is not array or slice and cannot be filtered"
                )));
            }
            for item in children(value) {
                let lefts = self.list(left, vec![item.clone()]);
                if operator == "exists" {
                    if lefts.is_ok_and(|lefts| !lefts.is_empty()) {
                        results.push(item);
                    }
                    continue;
                }
                let Some(left) = single(lefts?)? else {
                    continue;
                };
                let Some(right) = single(self.list(right, vec![item.clone()])?)? else {
                    continue;
                };
                if compare(&left, operator, &right)? {
                    results.push(item);
                }
            }
        }
        Ok(results)
    }
}

fn single(values: Values<'_>) -> Result<Option<Cow<'_, Value>>> {
    if values.len() > 1 {
        return Err(error("can only compare one element at a time"));
    }
    Ok(values.into_iter().next())
}

fn member<'a>(value: Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.get(name).cloned().map(Cow::Owned),
    }
}

fn children(value: Cow<'_, Value>) -> Values<'_> {
    match value {
        Cow::Borrowed(Value::Array(list)) => list.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => map.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(list)) => list.into_iter().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(map)) => map
            .into_iter()
            .map(|(_, value)| Cow::Owned(value))
            .collect(),
        Cow::Borrowed(_) | Cow::Owned(_) => Vec::new(),
    }
}

fn descend(input: Values<'_>) -> Values<'_> {
    let mut results = Vec::new();
    for value in input {
        let below = children(value.clone());
        if !below.is_empty() {
            results.push(value);
            results.extend(descend(below));
        }
    }
    results
}

fn slice(input: Values<'_>, bounds: [Bound; 3]) -> Result<Values<'_>> {
    let mut results = Vec::new();
    for value in input {
        if value.is_null() {
            continue;
        }
        if !value.is_array() {
            return Err(error(format!("{} is not array or slice", go_type(&value))));
        }
        let items = children(value);
        let Some((start, end)) = limits(bounds, i64::try_from(items.len()).unwrap_or(i64::MAX))?
        else {
            return Ok(results);
        };
        let [_, _, step] = bounds;
        if step.known && step.value <= 0 {
            return Err(error("step must be > 0"));
        }
        let step = if step.known {
            usize::try_from(step.value).unwrap_or(1)
        } else {
            1
        };
        results.extend(items.into_iter().take(end).skip(start).step_by(step));
    }
    Ok(results)
}

/// First and last-but-one index of a slice of a list; `None` if no element is asked for.
fn limits([start, end, _]: [Bound; 3], length: i64) -> Result<Option<(usize, usize)>> {
    let mut first = if start.known { start.value } else { 0 };
    if first < 0 {
        first += length;
    }
    let mut last = if end.known { end.value } else { length };
    if last < 0 || (last == 0 && end.derived) {
        last += length;
    }
    if first == last {
        return Ok(None);
    }
    if !(0..length).contains(&first) {
        return Err(error(format!(
            "array index out of bounds: index {first}, length {length}"
        )));
    }
    if last < 0 || last > length {
        return Err(error(format!(
            "array index out of bounds: index {}, length {length}",
            last - 1
        )));
    }
    if first > last {
        return Err(error(format!(
            "starting index {first} is greater than ending index {last}"
        )));
    }
    Ok(usize::try_from(first).ok().zip(usize::try_from(last).ok()))
}

/// Compares as the forked `text/template` does: equal kinds only.
fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool> {
    let equal = || match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => order(left, right).map(Ordering::is_eq),
    };
    match operator {
        "==" => equal(),
        "!=" => equal().map(|equal| !equal),
        "<" => order(left, right).map(Ordering::is_lt),
        ">" => order(left, right).map(Ordering::is_gt),
        "<=" => order(left, right).map(Ordering::is_le),
        ">=" => order(left, right).map(Ordering::is_ge),
        other => Err(error(format!("unrecognized filter operator {other}"))),
    }
}

fn order(left: &Value, right: &Value) -> Result<Ordering> {
    let basic = |value: &Value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
    if !basic(left) || !basic(right) {
        return Err(error("invalid type for comparison"));
    }
    match (left, right) {
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let order = a
                .as_f64()
                .zip(b.as_f64())
                .and_then(|(a, b)| a.partial_cmp(&b));
            order.ok_or_else(|| error("invalid type for comparison"))
        }
        (Value::Number(a), Value::Number(b)) if !a.is_f64() && !b.is_f64() => Ok(a
            .as_i128()
            .unwrap_or_default()
            .cmp(&b.as_i128().unwrap_or_default())),
        (Value::Bool(_), Value::Bool(_)) => Err(error("invalid type for comparison")),
        _ => Err(error("incompatible types for comparison")),
    }
}

fn error(text: impl Into<String>) -> JsonPathError {
    JsonPathError(text.into())
}
