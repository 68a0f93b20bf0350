//! Macros that Kubernetes' environment has beside the standard ones: with two variables, of optionals, and `sortBy`
//! (`cel-go/ext/{comprehensions,lists}.go`, `cel/library.go`).

use super::error::Issue;
use super::parse::{Comprehension, Kind, Node};
use super::value::Value;

/// Name of the accumulator, which no user can write.
const RESULT: &str = "@result";

/// A call, or what the macro of that name and number of arguments makes of it.
pub(super) fn expand(
    id: u64,
    function: String,
    target: Option<Box<Node>>,
    mut args: Vec<Node>,
    issues: &mut Vec<Issue>,
) -> Node {
    let Some(receiver) = target else {
        return Node::call(id, &function, args);
    };
    let arity = args.len();
    match (function.as_str(), arity) {
        ("all" | "exists" | "exists_one" | "existsOne", 3)
        | ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
            let last = args.pop();
            let filter = if args.len() == 3 { args.pop() } else { None };
            let variables = two_variables(&args, issues);
            match (variables, last) {
                (Some(variables), Some(last)) => {
                    two(id, &function, *receiver, variables, filter, last)
                }
                _ => Node::literal(id, Value::Null),
            }
        }
        ("optMap" | "optFlatMap", 2) => {
            let body = args.pop();
            match (args.pop(), body) {
                (Some(variable), Some(body)) => {
                    optional(id, &function, *receiver, &variable, body, issues)
                }
                _ => Node::literal(id, Value::Null),
            }
        }
        ("sortBy", 2) => {
            let body = args.pop();
            match (args.pop(), body) {
                (Some(variable), Some(body)) => sort_by(id, *receiver, &variable, body, issues),
                _ => Node::literal(id, Value::Null),
            }
        }
        _ => Node::new(
            id,
            Kind::Call {
                function,
                target: Some(receiver),
                args,
            },
        ),
    }
}

fn simple_name(node: &Node, complaint: &str, issues: &mut Vec<Issue>) -> Option<String> {
    if let Kind::Ident(name) = &node.kind {
        return Some(name.clone());
    }
    issues.push(Issue::new(node.id, complaint));
    None
}

fn two_variables(args: &[Node], issues: &mut Vec<Issue>) -> Option<(String, String)> {
    let complaint = "argument must be a simple name";
    let (first, second) = args.first().zip(args.get(1))?;
    let name = simple_name(first, complaint, issues)?;
    let other = simple_name(second, complaint, issues)?;
    if name == other {
        issues.push(Issue::new(
            second.id,
            &format!("duplicate variable name: {name}"),
        ));
        return None;
    }
    Some((name, other))
}

fn two(
    id: u64,
    function: &str,
    range: Node,
    (variable, second): (String, String),
    filter: Option<Node>,
    last: Node,
) -> Node {
    let accumulator = || Node::ident(id, RESULT);
    let truth = |value| Node::literal(id, Value::Bool(value));
    let call = |function: &str, args| Node::call(id, function, args);
    let made = |elements| {
        let optional = Vec::new();
        Node::new(id, Kind::List { elements, optional })
    };
    let mut result = accumulator();
    let (initial, condition, step) = match function {
        "all" => (
            truth(true),
            call("@not_strictly_false", vec![accumulator()]),
            call("_&&_", vec![accumulator(), last]),
        ),
        "exists" => (
            truth(false),
            call("@not_strictly_false", vec![call("!_", vec![accumulator()])]),
            call("_||_", vec![accumulator(), last]),
        ),
        "exists_one" | "existsOne" => {
            let one = || Node::literal(id, Value::Int(1));
            let more = call("_+_", vec![accumulator(), one()]);
            result = call("_==_", vec![accumulator(), one()]);
            (
                Node::literal(id, Value::Int(0)),
                truth(true),
                call("_?_:_", vec![last, more, accumulator()]),
            )
        }
        "transformList" => {
            let step = call("_+_", vec![accumulator(), made(vec![last])]);
            (made(Vec::new()), truth(true), step)
        }
        "transformMap" => {
            let key = Node::ident(id, &variable);
            let step = call("cel.@mapInsert", vec![accumulator(), key, last]);
            (Node::new(id, Kind::Map(Vec::new())), truth(true), step)
        }
        _ => {
            let step = call("cel.@mapInsert", vec![accumulator(), last]);
            (Node::new(id, Kind::Map(Vec::new())), truth(true), step)
        }
    };
    let step = match filter {
        Some(filter) => call("_?_:_", vec![filter, step, accumulator()]),
        None => step,
    };
    let comprehension = Comprehension {
        range,
        variable,
        second: Some(second),
        accumulator: RESULT.to_owned(),
        initial,
        condition,
        step,
        result,
    };
    Node::new(id, Kind::Comprehension(Box::new(comprehension)))
}

/// A name for a value: a loop over nothing.
fn bind(id: u64, name: &str, value: Node, body: Node) -> Node {
    let range = Kind::List {
        elements: Vec::new(),
        optional: Vec::new(),
    };
    let comprehension = Comprehension {
        range: Node::new(id, range),
        variable: "#unused".to_owned(),
        second: None,
        accumulator: name.to_owned(),
        initial: value,
        condition: Node::literal(id, Value::Bool(false)),
        step: Node::ident(id, name),
        result: body,
    };
    Node::new(id, Kind::Comprehension(Box::new(comprehension)))
}

fn member(id: u64, function: &str, target: Node, args: Vec<Node>) -> Node {
    Node::new(
        id,
        Kind::Call {
            function: function.to_owned(),
            target: Some(Box::new(target)),
            args,
        },
    )
}

fn optional(
    id: u64,
    function: &str,
    target: Node,
    variable: &Node,
    body: Node,
    issues: &mut Vec<Issue>,
) -> Node {
    let complaint = format!("{function}() variable name must be a simple identifier");
    let Some(name) = simple_name(variable, &complaint, issues) else {
        return Node::literal(id, Value::Null);
    };
    let value = member(id, "value", target.clone(), Vec::new());
    let mut mapped = bind(id, &name, value, body);
    if function == "optMap" {
        mapped = Node::call(id, "optional.of", vec![mapped]);
    }
    let has = member(id, "hasValue", target, Vec::new());
    let none = Node::call(id, "optional.none", Vec::new());
    Node::call(id, "_?_:_", vec![has, mapped, none])
}

/// `list.sortBy(x, key)`: the list is named once, its keys are listed, and both are handed to the function.
fn sort_by(id: u64, target: Node, variable: &Node, key: Node, issues: &mut Vec<Issue>) -> Node {
    const INPUT: &str = "@__sortBy_input__";
    let Some(name) = simple_name(variable, "argument must be a simple name", issues) else {
        return Node::literal(id, Value::Null);
    };
    let made = |elements| {
        let optional = Vec::new();
        Node::new(id, Kind::List { elements, optional })
    };
    let accumulator = || Node::ident(id, RESULT);
    let keys = Comprehension {
        range: Node::ident(id, INPUT),
        variable: name,
        second: None,
        accumulator: RESULT.to_owned(),
        initial: made(Vec::new()),
        condition: Node::literal(id, Value::Bool(true)),
        step: Node::call(id, "_+_", vec![accumulator(), made(vec![key])]),
        result: accumulator(),
    };
    let keys = Node::new(id, Kind::Comprehension(Box::new(keys)));
    let input = Node::ident(id, INPUT);
    let sorted = member(id, "@sortByAssociatedKeys", input, vec![keys]);
    bind(id, INPUT, target, sorted)
}
