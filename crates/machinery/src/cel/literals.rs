//! Constants Kubernetes looks at before an expression runs (`cel-go/cel/validator.go`).

use super::error::Issue;
use super::library;
use super::parse::{Kind, Node};

/// Constants that can be seen to be no duration, point in time or pattern.
pub(super) fn check(node: &Node, issues: &mut Vec<Issue>) {
    match &node.kind {
        Kind::Call {
            function,
            target,
            args,
        } => {
            let constant = args.first().and_then(|arg| match &arg.kind {
                Kind::Literal(value) => Some((arg.id, value)),
                _ => None,
            });
            if let Some((id, value)) = constant {
                let fine = match function.as_str() {
                    "duration" | "timestamp" => {
                        library::call(function, std::slice::from_ref(value)).is_ok()
                    }
                    "matches" => value
                        .as_str()
                        .is_none_or(|pattern| crate::go_regex::compile(pattern).is_ok()),
                    _ => true,
                };
                if !fine {
                    issues.push(Issue::new(id, &format!("invalid {function} argument")));
                }
            }
            for inner in target.iter().map(AsRef::as_ref).chain(args) {
                check(inner, issues);
            }
        }
        Kind::Select { operand, .. } => check(operand, issues),
        Kind::List { elements, .. } => elements.iter().for_each(|inner| check(inner, issues)),
        Kind::Map(entries) => entries.iter().for_each(|(key, value, _)| {
            check(key, issues);
            check(value, issues);
        }),
        Kind::Comprehension(loops) => {
            for inner in [
                &loops.range,
                &loops.initial,
                &loops.condition,
                &loops.step,
                &loops.result,
            ] {
                check(inner, issues);
            }
        }
        Kind::Literal(_) | Kind::Ident(_) | Kind::Struct(_) => {}
    }
}
