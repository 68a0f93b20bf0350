//! Evaluation with costs (`cel-go/interpreter`, `interpreter/runtimecost.go`, `apiserver/pkg/cel/library/cost.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::EvalError;
use super::library;
use super::parse::{Comprehension, Kind, Node};
use super::value::{Key, List, ListKind, Value, find};
use super::{Host, Variables};

/// What building a list or map costs.
const LIST: u64 = 10;
const MAP: u64 = 30;

type Outcome = Result<Value, EvalError>;

/// One run of an expression.
pub(super) struct Run<'a> {
    pub variables: &'a Variables,
    pub host: Option<&'a dyn Host>,
    pub limit: u64,
    pub cost: u64,
    pub scopes: Vec<(String, Value)>,
}

impl Run<'_> {
    fn spend(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            return Err(EvalError::TooExpensive);
        }
        Ok(())
    }

    pub(super) fn node(&mut self, node: &Node) -> Outcome {
        match &node.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Ident(name) => self.ident(name),
            Kind::Select {
                operand,
                field,
                test,
            } => self.select(operand, field, *test),
            Kind::Call {
                function,
                target,
                args,
            } => self.call(function, target.as_deref(), args),
            Kind::List { elements, optional } => self.list(elements, optional),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct(name) => Err(EvalError::failed(format!("unknown type: {name}"))),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn ident(&mut self, name: &str) -> Outcome {
        if let Some((_, value)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            let value = value.clone();
            self.spend(1)?;
            return sound(value);
        }
        self.spend(1)?;
        if let Some(value) = self.variables.get(name) {
            return sound(value.clone());
        }
        match super::declarations::named_type(name) {
            Some(of) => Ok(Value::Type(of)),
            None => Err(EvalError::failed(format!("no such attribute(s): {name}"))),
        }
    }

    fn select(&mut self, operand: &Node, field: &str, test: bool) -> Outcome {
        let operand = self.node(operand)?;
        let key = Key::String(field.into());
        if test {
            let found = match &operand {
                Value::Optional(Some(inner)) => member(inner, &key)?,
                Value::Optional(None) => None,
                other => member(other, &key)?,
            };
            // What does not fit its type is looked at, and is an error.
            let there = found.map(sound).transpose()?.is_some();
            return Ok(Value::Bool(there));
        }
        self.spend(1)?;
        match &operand {
            Value::Optional(None) => Ok(operand),
            Value::Optional(Some(inner)) => optional(member(inner, &key)?),
            other => match member(other, &key)? {
                Some(found) => sound(found),
                None => Err(EvalError::failed(format!("no such key: {field}"))),
            },
        }
    }

    fn call(&mut self, function: &str, target: Option<&Node>, args: &[Node]) -> Outcome {
        match (function, args) {
            ("_&&_", [first, second]) => return self.logical(first, second, false),
            ("_||_", [first, second]) => return self.logical(first, second, true),
            ("_?_:_", [condition, yes, no]) => {
                return match self.node(condition)? {
                    Value::Bool(true) => self.node(yes),
                    Value::Bool(false) => self.node(no),
                    _ => Err(EvalError::no_overload()),
                };
            }
            ("@not_strictly_false", [inner]) => {
                self.spend(1)?;
                return match self.node(inner) {
                    Err(EvalError::TooExpensive) => Err(EvalError::TooExpensive),
                    Ok(Value::Bool(value)) => Ok(Value::Bool(value)),
                    Ok(_) | Err(EvalError::Failed(_)) => Ok(Value::Bool(true)),
                };
            }
            ("or" | "orValue", [other]) if target.is_some() => {
                return self.alternative(function, target, other);
            }
            ("_[_]" | "_[?_]" | "_?._", [operand, key]) => {
                let operand = self.node(operand)?;
                let key = self.node(key)?;
                self.spend(1)?;
                return index(&operand, &key, function != "_[_]");
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(args.len() + 1);
        for node in target.into_iter().chain(args) {
            values.push(self.node(node)?);
        }
        let constant = matches!(args, [_, Node { kind: Kind::List { elements, .. }, .. }]
            if function == "@in" && elements.iter().all(is_literal));
        let result = match self.host.and_then(|host| host.call(function, &values)) {
            Some(result) => result,
            None => library::call(function, &values),
        };
        if !constant {
            let own = self.host.and_then(|host| host.cost(function, &values));
            let empty = Value::Null;
            let outcome = result.as_ref().unwrap_or(&empty);
            let cost = own.unwrap_or_else(|| library::cost::of(function, &values, outcome));
            self.spend(cost)?;
        }
        result.and_then(sound)
    }

    /// `&&` and `||`: one side that decides is enough, whatever happens to the other.
    fn logical(&mut self, first: &Node, second: &Node, decisive: bool) -> Outcome {
        let left = self.node(first);
        match left {
            Err(EvalError::TooExpensive) => return left,
            Ok(Value::Bool(value)) if value == decisive => return left,
            _ => {}
        }
        let right = self.node(second);
        match (left, right) {
            (_, Err(EvalError::TooExpensive)) => Err(EvalError::TooExpensive),
            (_, Ok(Value::Bool(value))) if value == decisive => Ok(Value::Bool(decisive)),
            (Err(error), _) | (Ok(Value::Bool(_)), Err(error)) => Err(error),
            (Ok(Value::Bool(_)), Ok(Value::Bool(_))) => Ok(Value::Bool(!decisive)),
            _ => Err(EvalError::no_overload()),
        }
    }

    fn alternative(&mut self, function: &str, target: Option<&Node>, other: &Node) -> Outcome {
        let first = match target {
            Some(target) => self.node(target)?,
            None => Value::Null,
        };
        match first {
            Value::Optional(Some(inner)) if function == "orValue" => Ok(inner.as_ref().clone()),
            Value::Optional(Some(_)) => Ok(first),
            Value::Optional(None) => self.node(other),
            _ => Err(EvalError::no_overload()),
        }
    }

    fn list(&mut self, elements: &[Node], optional: &[usize]) -> Outcome {
        let mut items = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let value = self.node(element)?;
            match value {
                Value::Optional(inner) if optional.contains(&index) => {
                    items.extend(inner.map(|inner| inner.as_ref().clone()));
                }
                value => items.push(value),
            }
        }
        if elements.is_empty() || !elements.iter().all(is_literal) {
            self.spend(LIST)?;
        }
        Ok(Value::list(items))
    }

    fn map(&mut self, entries: &[(Node, Node, bool)]) -> Outcome {
        let mut map = BTreeMap::new();
        for (key, value, optional) in entries {
            let key = self.node(key)?;
            let value = self.node(value)?;
            let Some(key) = key.key() else {
                return Err(EvalError::failed("unsupported key type"));
            };
            match value {
                Value::Optional(inner) if *optional => {
                    if let Some(inner) = inner {
                        map.insert(key, inner.as_ref().clone());
                    }
                }
                value => {
                    if map.insert(key.clone(), value).is_some() {
                        let text = format!("Failed with repeated key: {}", Value::from(key));
                        return Err(EvalError::failed(text));
                    }
                }
            }
        }
        self.spend(MAP)?;
        Ok(Value::Map(Arc::new(map)))
    }

    fn comprehension(&mut self, loops: &Comprehension) -> Outcome {
        let range = self.node(&loops.range)?;
        let initial = self.node(&loops.initial)?;
        let depth = self.scopes.len();
        self.scopes.push((loops.accumulator.clone(), initial));
        let result = self.iterate(loops, &range, depth);
        let result = result.and_then(|()| self.node(&loops.result));
        self.scopes.truncate(depth);
        result
    }

    fn iterate(
        &mut self,
        loops: &Comprehension,
        range: &Value,
        depth: usize,
    ) -> Result<(), EvalError> {
        let two = loops.second.is_some();
        let steps: Box<dyn Iterator<Item = (Value, Value)> + '_> = match range {
            Value::List(list) if two => Box::new(
                list.items
                    .iter()
                    .zip(0_i64..)
                    .map(|(item, index)| (Value::Int(index), item.clone())),
            ),
            Value::List(list) => {
                Box::new(list.items.iter().map(|item| (item.clone(), Value::Null)))
            }
            Value::Map(map) => Box::new(
                map.iter()
                    .map(|(key, value)| (Value::from(key.clone()), value.clone())),
            ),
            _ => return Err(EvalError::no_overload()),
        };
        // An error in the accumulator is kept: later elements may still decide.
        let mut failed: Option<EvalError> = None;
        for (first, second) in steps {
            self.scopes.truncate(depth + 1);
            self.scopes.push((loops.variable.clone(), first));
            if let Some(name) = &loops.second {
                self.scopes.push((name.clone(), second));
            }
            match self.node(&loops.condition)? {
                Value::Bool(true) => {}
                _ => break,
            }
            let step = self.node(&loops.step);
            let next = match step {
                Err(EvalError::TooExpensive) => return Err(EvalError::TooExpensive),
                Err(EvalError::Failed(text)) => {
                    failed.get_or_insert_with(|| EvalError::Failed(text.clone()));
                    Value::Broken(text.into())
                }
                Ok(value) => {
                    failed = None;
                    value
                }
            };
            if let Some(slot) = self.scopes.get_mut(depth) {
                slot.1 = next;
            }
        }
        self.scopes.truncate(depth + 1);
        failed.map_or(Ok(()), Err)
    }
}

fn is_literal(node: &Node) -> bool {
    matches!(node.kind, Kind::Literal(_))
}

/// A value, or the error that is kept in its place.
fn sound(value: Value) -> Outcome {
    match value {
        Value::Broken(text) => Err(EvalError::Failed(text.to_string())),
        value => Ok(value),
    }
}

/// What is no map has no members: null, where a variable is, for one (`cel-go/interpreter/attributes.go`, `refQualify`).
fn member(of: &Value, key: &Key) -> Result<Option<Value>, EvalError> {
    match of {
        Value::Map(map) => Ok(find(map, key).cloned()),
        Value::Broken(text) => Err(EvalError::Failed(text.to_string())),
        _ => Ok(None),
    }
}

fn optional(found: Option<Value>) -> Outcome {
    match found {
        Some(value) => Ok(Value::some(sound(value)?)),
        None => Ok(Value::Optional(None)),
    }
}

/// `a[b]`, and with `lenient` `a[?b]` and `a.?b`.
fn index(of: &Value, key: &Value, lenient: bool) -> Outcome {
    let (of, lenient) = match of {
        Value::Optional(None) => return Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => (inner.as_ref(), true),
        other => (other, lenient),
    };
    let found = match of {
        Value::List(List { items, .. }) => {
            let place = match key.key() {
                Some(Key::Int(at)) => usize::try_from(at).ok(),
                Some(Key::Uint(at)) => usize::try_from(at).ok(),
                _ => return Err(EvalError::failed(format!("unsupported index: {key}"))),
            };
            place.and_then(|at| items.get(at)).cloned()
        }
        other => {
            let Some(key) = key.key() else {
                return Err(EvalError::failed(format!("no such key: {key}")));
            };
            member(other, &key)?
        }
    };
    match found {
        found if lenient => optional(found),
        Some(value) => sound(value),
        None if matches!(of, Value::List(_)) => {
            Err(EvalError::failed(format!("index out of bounds: {key}")))
        }
        None => Err(EvalError::failed(format!("no such key: {key}"))),
    }
}

/// A list without elements.
pub(super) fn empty() -> List {
    List {
        items: Arc::new([]),
        kind: ListKind::Atomic,
    }
}
