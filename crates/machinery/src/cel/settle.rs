//! Types of nodes, once all type variables are bound.

use super::parse::{Kind, Node};
use super::types::Bindings;

/// Types of all nodes are known at the end.
pub(super) fn settle(node: &mut Node, bindings: &Bindings) {
    node.of = bindings.substitute(&node.of, true);
    match &mut node.kind {
        Kind::Literal(_) | Kind::Ident(_) | Kind::Struct(_) => {}
        Kind::Select { operand, .. } => settle(operand, bindings),
        Kind::Call { target, args, .. } => {
            for inner in target.as_deref_mut().into_iter().chain(args) {
                settle(inner, bindings);
            }
        }
        Kind::List { elements, .. } => {
            for inner in elements {
                settle(inner, bindings);
            }
        }
        Kind::Map(entries) => {
            for (key, value, _) in entries {
                settle(key, bindings);
                settle(value, bindings);
            }
        }
        Kind::Comprehension(loops) => {
            for inner in [
                &mut loops.range,
                &mut loops.initial,
                &mut loops.condition,
                &mut loops.step,
                &mut loops.result,
            ] {
                settle(inner, bindings);
            }
        }
    }
}
