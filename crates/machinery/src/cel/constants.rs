//! What is computed of constants once an expression is made ready to run (`cel-go/interpreter/decorators.go`: conversions of
//! constants, and Kubernetes' own patterns of `apiserver/pkg/cel/library/regex.go`). What fails there is never run.

use super::error::EvalError;
use super::library;
use super::parse::{Kind, Node};
use super::value::Value;

/// Functions that make one value of another.
const CONVERSIONS: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// What a node always comes to, if that is known.
///
/// # Errors
/// The first constant that can't be converted, or is no pattern; the parts of a node come before it.
pub(super) fn fold(node: &Node) -> Result<Option<Value>, String> {
    match &node.kind {
        Kind::Literal(value) => Ok(Some(value.clone())),
        Kind::Call {
            function,
            target,
            args,
        } => {
            if let Some(target) = target {
                fold(target)?;
            }
            let args: Vec<Option<Value>> = args.iter().map(fold).collect::<Result<_, _>>()?;
            called(function, target.is_some(), &args)
        }
        Kind::Select { operand, .. } => all([operand.as_ref()]),
        Kind::List { elements, .. } => all(elements),
        Kind::Map(entries) => all(entries.iter().flat_map(|(key, value, _)| [key, value])),
        Kind::Comprehension(loops) => all([
            &loops.initial,
            &loops.range,
            &loops.condition,
            &loops.step,
            &loops.result,
        ]),
        Kind::Ident(_) | Kind::Struct(_) => Ok(None),
    }
}

fn all<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Result<Option<Value>, String> {
    nodes
        .into_iter()
        .try_for_each(|node| fold(node).map(drop))?;
    Ok(None)
}

fn called(function: &str, member: bool, args: &[Option<Value>]) -> Result<Option<Value>, String> {
    match (function, args) {
        ("find" | "findAll", [Some(pattern), ..]) if member => {
            let pattern = pattern.as_str().unwrap_or_default();
            crate::go_regex::compile(pattern).map(|_| None)
        }
        (_, [Some(value)]) if !member && CONVERSIONS.contains(&function) => {
            match library::call(function, std::slice::from_ref(value)) {
                Ok(value) => Ok(Some(value)),
                Err(EvalError::TooExpensive) => Ok(None),
                Err(EvalError::Failed(text)) => Err(text),
            }
        }
        _ => Ok(None),
    }
}
