//! Types: what can be added to what, and which arguments functions take.

use machinery::go_regex;

use super::Wrong;
use super::ast::{Aggregate, Binary, Call, Expr, Matcher, Selector};
use super::functions::Type;

/// Checks an expression and all its parts; its type.
pub(super) fn expression(expr: &Expr) -> Result<Type, Wrong> {
    match expr {
        Expr::Aggregate(aggregate) => check_aggregate(aggregate),
        Expr::Binary(binary) => check_binary(binary),
        Expr::Call(call) => check_call(call),
        Expr::Matrix(selector, _) => {
            check_selector(selector, false)?;
            Ok(Type::Matrix)
        }
        Expr::Number(..) => Ok(Type::Scalar),
        Expr::Paren(inner) => expression(inner),
        Expr::Text(_) => Ok(Type::Text),
        Expr::Subquery(subquery) => match expression(&subquery.expr)? {
            Type::Vector => Ok(Type::Matrix),
            other => refuse(format!(
                "subquery is only allowed on instant vector, got {} instead",
                other.name()
            )),
        },
        Expr::Unary(_, inner) => match expression(inner)? {
            kind @ (Type::Scalar | Type::Vector) => Ok(kind),
            other => refuse(format!(
                "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                other.name()
            )),
        },
        Expr::Vector(selector) => {
            check_selector(selector, false)?;
            Ok(Type::Vector)
        }
    }
}

fn refuse<T>(text: String) -> Result<T, Wrong> {
    Err(Wrong::from(text))
}

fn expect(expr: &Expr, wanted: Type, place: &str) -> Result<(), Wrong> {
    let found = expression(expr)?;
    if found == wanted {
        return Ok(());
    }
    refuse(format!(
        "expected type {} in {place}, got {}",
        wanted.name(),
        found.name()
    ))
}

fn check_aggregate(aggregate: &Aggregate) -> Result<Type, Wrong> {
    expect(&aggregate.expr, Type::Vector, "aggregation expression")?;
    if let Some(param) = &aggregate.param {
        let wanted = if aggregate.op == "count_values" {
            Type::Text
        } else {
            Type::Scalar
        };
        expect(param, wanted, "aggregation parameter")?;
    }
    Ok(Type::Vector)
}

fn check_binary(binary: &Binary) -> Result<Type, Wrong> {
    let op = binary.op;
    let comparison = matches!(op, "==" | "!=" | ">" | "<" | ">=" | "<=");
    let set = matches!(op, "and" | "or" | "unless");
    let (left, right) = (expression(&binary.left)?, expression(&binary.right)?);
    let scalars = left == Type::Scalar && right == Type::Scalar;
    let matching = &binary.matching;
    if binary.bool && !comparison {
        return refuse("bool modifier can only be used on comparison operators".to_owned());
    }
    if comparison && !binary.bool && scalars {
        return refuse("comparisons between scalars must use BOOL modifier".to_owned());
    }
    let labels = matching.labels.as_deref().unwrap_or_default();
    if let (true, Some((_, include))) = (matching.on, &matching.group)
        && let Some(label) = labels.iter().find(|label| include.contains(label))
    {
        return refuse(format!(
            "label {label:?} must not occur in ON and GROUP clause at once"
        ));
    }
    for side in [left, right] {
        if !matches!(side, Type::Scalar | Type::Vector) {
            return refuse(
                "binary expression must contain only scalar and instant vector types".to_owned(),
            );
        }
    }
    let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
    if left == Type::Vector && right == Type::Vector {
        if set && matching.group.is_some() {
            return refuse(format!("no grouping allowed for {op:?} operation"));
        }
        if set && filled {
            return refuse("filling in missing series not allowed for set operators".to_owned());
        }
        return Ok(Type::Vector);
    }
    if !labels.is_empty() {
        return refuse("vector matching only allowed between instant vectors".to_owned());
    }
    if filled {
        return refuse("filling in missing series only allowed between instant vectors".to_owned());
    }
    if set {
        return refuse(format!(
            "set operator {op:?} not allowed in binary scalar expression"
        ));
    }
    Ok(if scalars { Type::Scalar } else { Type::Vector })
}

fn check_call(call: &Call) -> Result<Type, Wrong> {
    let (function, count) = (call.function, call.args.len());
    let (name, most) = (function.name, function.args.len());
    let beyond = usize::try_from(function.variadic).ok();
    if function.variadic == 0 && most != count {
        return refuse(format!(
            "expected {most} argument(s) in call to {name:?}, got {count}"
        ));
    }
    if function.variadic != 0 {
        let least = most.saturating_sub(1);
        if least > count {
            return refuse(format!(
                "expected at least {least} argument(s) in call to {name:?}, got {count}"
            ));
        }
        if let Some(most) = beyond
            .map(|beyond| least + beyond)
            .filter(|most| *most < count)
        {
            return refuse(format!(
                "expected at most {most} argument(s) in call to {name:?}, got {count}"
            ));
        }
    }
    for (index, arg) in call.args.iter().enumerate() {
        if name == "info" && index == 1 {
            match arg {
                Expr::Vector(selector) if selector.name.is_empty() => {
                    check_selector(selector, true)?;
                    continue;
                }
                _ => {
                    return refuse(
                        "expected label selectors only, got vector selector instead".to_owned(),
                    );
                }
            }
        }
        let wanted = function.args.get(index).or(function.args.last());
        if let Some(wanted) = wanted {
            expect(arg, *wanted, &format!("call to function {name:?}"))?;
        }
    }
    Ok(function.returns)
}

fn check_selector(selector: &Selector, may_be_empty: bool) -> Result<(), Wrong> {
    if !selector.name.is_empty() {
        let twice = selector
            .matchers
            .iter()
            .find(|matcher| matcher.name == "__name__");
        return match twice {
            Some(matcher) => refuse(format!(
                "metric name must not be set twice: {:?} or {:?}",
                selector.name, matcher.value
            )),
            None => Ok(()),
        };
    }
    if may_be_empty || selector.matchers.iter().any(|one| !takes_nothing(one)) {
        return Ok(());
    }
    refuse("vector selector must contain at least one non-empty matcher".to_owned())
}

/// Whether series without the label are taken. Of a pattern that Go compiles and we don't nobody knows; it isn't held against it.
fn takes_nothing(matcher: &Matcher) -> bool {
    let takes = || {
        let pattern = go_regex::compile(&anchored(&matcher.value));
        pattern.map(|pattern| pattern.is_match(""))
    };
    match matcher.op {
        "=" => matcher.value.is_empty(),
        "!=" => !matcher.value.is_empty(),
        "=~" => takes().unwrap_or(false),
        _ => !takes().unwrap_or(true),
    }
}

/// Whether a pattern of a matcher is one.
pub(super) fn check_pattern(value: &str) -> Result<(), String> {
    go_regex::check(&anchored(value))
}

/// A pattern of a matcher must take the whole value.
fn anchored(value: &str) -> String {
    format!("^(?s:{value})$")
}
