//! Durations, and the experimental expressions of them.

use std::fmt;

use crate::duration::printed;

/// A duration, or an expression that is one when it is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum Duration {
    /// Seconds.
    Seconds(f64),
    /// An expression.
    Expr(Term),
}

/// A part of an expression of durations.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A number of seconds, written as a duration if the flag is set.
    Number(f64, bool),
    /// `step()` or `range()`.
    Of(&'static str),
    /// `min_of(…, …)` or `max_of(…, …)`.
    Least(&'static str, Box<Term>, Box<Term>),
    /// `-…`.
    Minus(Box<Term>),
    /// `… + …`.
    Binary(&'static str, Box<Term>, Box<Term>),
    /// `(…)`.
    Paren(Box<Term>),
}

/// Seconds as Prometheus prints a duration.
pub(super) fn seconds(seconds: f64) -> String {
    // Beyond what a duration can hold there is nothing to print; the parser refuses it.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the amount is within the range of a duration, its sign is printed apart"
    )]
    let milliseconds = ((seconds.abs() * 1e9).round() / 1e6).trunc() as u64;
    let sign = if seconds < 0.0 { "-" } else { "" };
    format!("{sign}{}", printed(milliseconds))
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(amount) => f.write_str(&seconds(*amount)),
            Self::Expr(term) => term.fmt(f),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value, true) => f.write_str(&seconds(*value)),
            Self::Number(value, false) => f.write_str(&super::print::number(*value)),
            Self::Of(name) => write!(f, "{name}()"),
            Self::Least(name, left, right) => write!(f, "{name}({left}, {right})"),
            Self::Minus(term) => write!(f, "-{term}"),
            Self::Binary(op, left, right) => write!(f, "{left} {op} {right}"),
            Self::Paren(term) => write!(f, "({term})"),
        }
    }
}
