//! Constants Kubernetes looks at before an expression runs (`cel-go/cel/validator.go`, `cel-go/ext/formatting.go`).

use super::error::Issue;
use super::library;
use super::library::format;
use super::parse::{Kind, Node};
use super::types::{Bindings, Type};
use super::value::Value;

/// Constants that can be seen to be no duration, point in time or pattern, and clauses that cannot write what they are for.
pub(super) fn check(node: &Node, bindings: &Bindings, issues: &mut Vec<Issue>) {
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
            let text = target.as_ref().map(|target| &target.kind);
            if let ("format", Some(Kind::Literal(Value::String(text)))) = (function.as_str(), text)
                && let [
                    Node {
                        kind: Kind::List { elements, .. },
                        ..
                    },
                ] = args.as_slice()
            {
                issues.extend(clauses(node.id, text, elements, bindings).err());
            }
            for inner in target.iter().map(AsRef::as_ref).chain(args) {
                check(inner, bindings, issues);
            }
        }
        Kind::Select { operand, .. } => check(operand, bindings, issues),
        Kind::List { elements, .. } => elements
            .iter()
            .for_each(|inner| check(inner, bindings, issues)),
        Kind::Map(entries) => entries.iter().for_each(|(key, value, _)| {
            check(key, bindings, issues);
            check(value, bindings, issues);
        }),
        Kind::Comprehension(loops) => {
            for inner in [
                &loops.range,
                &loops.initial,
                &loops.condition,
                &loops.step,
                &loops.result,
            ] {
                check(inner, bindings, issues);
            }
        }
        Kind::Literal(_) | Kind::Ident(_) | Kind::Struct(_) => {}
    }
}

/// An error about the call, or about one of its arguments.
struct Complaint(Option<u64>, String);

impl From<String> for Complaint {
    fn from(text: String) -> Self {
        Self(None, text)
    }
}

/// Compares the clauses of a text with what they are to write.
fn clauses(call: u64, text: &str, items: &[Node], bindings: &Bindings) -> Result<(), Issue> {
    let mut used = 0;
    let checked = format::fill(text, items.len(), |clause, _, index| {
        used += 1;
        let unfit = items
            .get(index)
            .and_then(|item| unfit(clause, item, bindings));
        match unfit {
            None => Ok(String::new()),
            Some((id, found)) => {
                let wanted = format::wanted(clause);
                let text = format!("error during formatting: {wanted}, was given {found}");
                Err(Complaint(Some(id), text))
            }
        }
    });
    if let Err(Complaint(id, text)) = checked {
        return Err(Issue::new(id.unwrap_or(call), &text));
    }
    if items.len() > used {
        let text = format!(
            "too many arguments supplied to string.format (expected {used}, got {})",
            items.len()
        );
        return Err(Issue::new(call, &text));
    }
    Ok(())
}

/// The part that a clause cannot write, and its type's name.
fn unfit(clause: char, item: &Node, bindings: &Bindings) -> Option<(u64, String)> {
    let of = bindings.substitute(&item.of, true);
    let fits = match (clause, &of) {
        (_, Type::Dyn | Type::Error | Type::Param(_))
        | ('d' | 'o' | 'b' | 'x' | 'X', Type::Int | Type::Uint)
        | ('b', Type::Bool)
        | ('f' | 'e', Type::Double | Type::String)
        | ('x' | 'X', Type::String | Type::Bytes) => true,
        ('s', Type::Opaque(_) | Type::Object(_) | Type::Optional(_)) => false,
        (clause, _) => clause == 's',
    };
    if !fits {
        return Some((item.id, of.runtime_name().to_owned()));
    }
    let inner: Vec<&Node> = match &item.kind {
        Kind::List { elements, .. } if clause == 's' => elements.iter().collect(),
        Kind::Map(entries) if clause == 's' => entries
            .iter()
            .flat_map(|(key, value, _)| [key, value])
            .collect(),
        _ => Vec::new(),
    };
    inner
        .into_iter()
        .find_map(|inner| unfit(clause, inner, bindings))
}
