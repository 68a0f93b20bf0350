//! The most an expression may cost, before it runs (`cel-go/checker/cost.go`): sizes come from a schema, where a chain of
//! fields leads to it, and from the expression itself.

mod calls;
mod path;
mod range;

use super::parse::{Comprehension, Kind, Node};
use super::shape::Shape;
use super::types::Type;
use super::value::Value;
use path::Path;
use range::Range;

/// What making a list or a map costs.
const LIST: u64 = 10;
const MAP: u64 = 30;

/// The most an expression costs on data of that shape.
pub(super) fn most(tree: &Node, data: &Shape) -> u64 {
    let mut estimator = Estimator {
        data,
        locals: Vec::new(),
    };
    estimator.node(tree).cost.max
}

/// Sizes of the parts of a list or map.
#[derive(Debug, Clone, Copy)]
struct Parts {
    list: bool,
    key: Range,
    value: Range,
}

impl Parts {
    fn or(self, other: Self) -> Self {
        Self {
            list: self.list,
            key: self.key.or(other.key),
            value: self.value.or(other.value),
        }
    }
}

/// What was found out about a node.
#[derive(Debug, Clone)]
struct Found {
    cost: Range,
    path: Path,
    size: Option<Range>,
    parts: Option<Parts>,
}

impl Found {
    fn costs(cost: Range) -> Self {
        Self {
            cost,
            path: Path::default(),
            size: None,
            parts: None,
        }
    }
}

/// A variable of a macro.
struct Local {
    name: String,
    path: Path,
    size: Option<Range>,
    parts: Option<Parts>,
}

struct Estimator<'a> {
    data: &'a Shape,
    locals: Vec<Local>,
}

impl Estimator<'_> {
    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| local.name == name)
    }

    fn local_of(&self, node: &Node) -> Option<&Local> {
        match &node.kind {
            Kind::Ident(name) => self.local(name),
            _ => None,
        }
    }

    fn path_of(&self, node: &Node, found: &Found) -> Path {
        let local = self.local_of(node);
        local.map_or_else(|| found.path.clone(), |local| local.path.clone())
    }

    fn size_at(&self, path: &Path) -> Option<Range> {
        let names = path.names();
        let (_, below) = names.split_first()?;
        self.data.most_at(below).map(|most| Range::new(0, most))
    }

    fn size_of(&self, node: &Node, found: &Found) -> Option<Range> {
        found
            .size
            .or_else(|| written(node).map(Range::fixed))
            .or_else(|| self.size_at(&self.path_of(node, found)))
            .or_else(|| is_scalar(&node.of).then_some(Range::fixed(1)))
            .or_else(|| self.local_of(node)?.size)
    }

    fn size_or_unknown(&self, node: &Node, found: &Found) -> Range {
        self.size_of(node, found).unwrap_or(Range::UNKNOWN)
    }

    fn parts_of(&self, node: &Node, found: &Found) -> Option<Parts> {
        found.parts.or_else(|| self.local_of(node)?.parts)
    }

    fn node(&mut self, node: &Node) -> Found {
        match &node.kind {
            Kind::Literal(_) | Kind::Struct(_) => Found::costs(Range::fixed(0)),
            Kind::Ident(name) => {
                let path = self.local(name).map(|local| local.path.clone());
                Found {
                    path: path.unwrap_or_else(|| Path::of(name)),
                    ..Found::costs(Range::fixed(1))
                }
            }
            Kind::Select {
                operand,
                field,
                test,
            } => self.select(operand, field, *test),
            Kind::Call {
                function,
                target,
                args,
            } => self.call(node, function, target.as_deref(), args),
            Kind::List { elements, .. } => self.list(elements),
            Kind::Map(entries) => self.map(entries),
            Kind::Comprehension(loops) if is_binding(loops) => self.binding(loops),
            Kind::Comprehension(loops) => self.comprehension(loops),
        }
    }

    fn select(&mut self, operand: &Node, field: &str, test: bool) -> Found {
        let found = self.node(operand);
        if test {
            return Found::costs(found.cost);
        }
        let counts = match &operand.of {
            Type::Map(..) | Type::Object(_) | Type::Param(_) => 1,
            _ => 0,
        };
        Found {
            path: self.path_of(operand, &found).append(field),
            ..Found::costs(found.cost.add(Range::fixed(counts)))
        }
    }

    fn list(&mut self, elements: &[Node]) -> Found {
        let (mut cost, mut items) = (Range::fixed(LIST), Range::NONE);
        for element in elements {
            let found = self.node(element);
            cost = cost.add(found.cost);
            items = items.or(self.size_or_unknown(element, &found));
        }
        if elements.is_empty() {
            items.min = 0;
        }
        let parts = Parts {
            list: true,
            key: Range::fixed(1),
            value: items,
        };
        Found {
            parts: Some(parts),
            ..Found::costs(cost)
        }
    }

    fn map(&mut self, entries: &[(Node, Node, bool)]) -> Found {
        let mut cost = Range::fixed(MAP);
        let mut parts = Parts {
            list: false,
            key: Range::NONE,
            value: Range::NONE,
        };
        for (key, value, _) in entries {
            let (found_key, found) = (self.node(key), self.node(value));
            cost = cost.add(found_key.cost).add(found.cost);
            parts.key = parts.key.or(self.size_or_unknown(key, &found_key));
            parts.value = parts.value.or(self.size_or_unknown(value, &found));
        }
        if entries.is_empty() {
            (parts.key.min, parts.value.min) = (0, 0);
        }
        Found {
            parts: Some(parts),
            ..Found::costs(cost)
        }
    }

    fn hold(&mut self, name: &str, path: Path, size: Option<Range>, parts: Option<Parts>) {
        self.locals.push(Local {
            name: name.to_owned(),
            path,
            size,
            parts,
        });
    }

    /// A name for a value, in what follows.
    fn hold_value(&mut self, name: &str, node: &Node, found: &Found) {
        let (path, parts) = (self.path_of(node, found), self.parts_of(node, found));
        let size = self.size_of(node, found);
        self.hold(name, path, size, parts);
    }

    /// The variables of a loop.
    fn hold_parts(&mut self, loops: &Comprehension, range: &Found) {
        let parts = self.parts_of(&loops.range, range);
        let path = self.path_of(&loops.range, range);
        let by_type = matches!(loops.range.of, Type::List(_));
        let list = parts.map_or(by_type, |parts| parts.list);
        let (key, value) = (parts.map(|parts| parts.key), parts.map(|parts| parts.value));
        let items = if list { "@items" } else { "@values" };
        match &loops.second {
            Some(second) => {
                let keys = if list { "@indices" } else { "@keys" };
                self.hold(&loops.variable, path.append(keys), key, None);
                self.hold(second, path.append(items), value, None);
            }
            None if list => self.hold(&loops.variable, path.append(items), value, None),
            None => self.hold(&loops.variable, path.append("@keys"), key, None),
        }
    }

    fn comprehension(&mut self, loops: &Comprehension) -> Found {
        let depth = self.locals.len();
        let range = self.node(&loops.range);
        let initial = self.node(&loops.initial);
        self.hold_value(&loops.accumulator, &loops.initial, &initial);
        self.hold_parts(loops, &range);
        let condition = self.node(&loops.condition);
        let step = self.node(&loops.step);
        self.locals.truncate(depth + 1);
        let result = self.node(&loops.result);
        self.locals.truncate(depth);
        let count = self.size_or_unknown(&loops.range, &range);
        let turns = count.times(step.cost.add(condition.cost));
        let cost = range.cost.add(initial.cost).add(result.cost).add(turns);
        let mut found = Found::costs(cost);
        match &loops.initial.kind {
            Kind::Literal(_) => found.size = self.size_of(&loops.initial, &initial),
            Kind::List { .. } | Kind::Map(_) => {
                found.size = Some(count);
                found.parts = self.parts_of(&loops.step, &step);
            }
            Kind::Ident(_)
            | Kind::Select { .. }
            | Kind::Call { .. }
            | Kind::Struct(_)
            | Kind::Comprehension(_) => {}
        }
        found
    }

    fn binding(&mut self, loops: &Comprehension) -> Found {
        let range = self.node(&loops.range);
        let initial = self.node(&loops.initial);
        self.hold_value(&loops.accumulator, &loops.initial, &initial);
        let result = self.node(&loops.result);
        self.locals.pop();
        let cost = range.cost.add(initial.cost).add(result.cost);
        Found {
            size: self.size_of(&loops.result, &result),
            parts: self.parts_of(&loops.result, &result),
            ..Found::costs(cost)
        }
    }
}

/// A loop over nothing gives a name to a value.
fn is_binding(loops: &Comprehension) -> bool {
    let nothing = matches!(&loops.range.kind, Kind::List { elements, .. } if elements.is_empty());
    nothing && matches!(loops.condition.kind, Kind::Literal(Value::Bool(false)))
}

/// The size of what is written out in the expression.
fn written(node: &Node) -> Option<u64> {
    Some(match &node.kind {
        Kind::Literal(value) => value.size(),
        Kind::List { elements, .. } => elements.len() as u64,
        Kind::Map(entries) => entries.len() as u64,
        Kind::Ident(_)
        | Kind::Select { .. }
        | Kind::Call { .. }
        | Kind::Struct(_)
        | Kind::Comprehension(_) => return None,
    })
}

/// Values of that type have one size.
fn is_scalar(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => {
            true
        }
        Type::Optional(inner) => is_scalar(inner),
        _ => false,
    }
}
