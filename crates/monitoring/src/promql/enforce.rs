//! An expression kept to one value of a label, in all its selectors.

use super::ast::{Expr, Matcher, Selector};

/// Adds `label="value"` to every selector of an expression; conditions on that label that stood there are replaced.
pub fn enforce(expr: &mut Expr, label: &str, value: &str) {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                enforce(param, label, value);
            }
            enforce(&mut aggregate.expr, label, value);
        }
        Expr::Binary(binary) => {
            enforce(&mut binary.left, label, value);
            enforce(&mut binary.right, label, value);
        }
        Expr::Call(call) => {
            for arg in &mut call.args {
                enforce(arg, label, value);
            }
        }
        Expr::Vector(selector) | Expr::Matrix(selector, _) => select(selector, label, value),
        Expr::Paren(inner) | Expr::Unary(_, inner) => enforce(inner, label, value),
        Expr::Subquery(subquery) => enforce(&mut subquery.expr, label, value),
        Expr::Number(..) | Expr::Text(_) => {}
    }
}

fn select(selector: &mut Selector, label: &str, value: &str) {
    selector.matchers.retain(|matcher| matcher.name != label);
    selector.matchers.push(Matcher {
        name: label.to_owned(),
        op: "=",
        value: value.to_owned(),
    });
}
