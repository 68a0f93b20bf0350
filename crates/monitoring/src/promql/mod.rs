//! PromQL: expressions are parsed, checked for types, printed as Prometheus prints them, and kept to a namespace.
//!
//! Written by hand after Prometheus' grammar (`promql/parser`) because no published parser knows its experimental parts, which
//! users switch on one by one, and because a rule that is printed again must be the same text that upstream would write.

mod ast;
mod check;
mod duration;
mod enforce;
mod functions;
mod lex;
mod parse;
mod print;
mod since;
#[cfg(test)]
mod tests;

use ast::Expr;
use parse::{Room, TOO_DEEP};
pub use since::too_new;

/// What the stack of any thread has room for.
const ANYWHERE: Room = Room {
    depth: 120,
    links: 500,
};
/// What [`STACK`] has room for; expressions that need more are nobody's.
const APART: Room = Room {
    depth: 2_000,
    links: 20_000,
};
/// Bytes; a debug build needs about a fifth of them.
const STACK: usize = 256 << 20;

/// Parts of the language that are switched on by feature flags of Prometheus.
#[allow(clippy::struct_excessive_bools, reason = "switches, each of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `promql-experimental-functions`.
    pub experimental_functions: bool,
    /// `promql-duration-expr`.
    pub duration_expressions: bool,
    /// `promql-extended-range-selectors`.
    pub extended_range_selectors: bool,
    /// `promql-binop-fill-modifiers`.
    pub fill_modifiers: bool,
}

impl Options {
    /// What the features of a Prometheus switch on.
    pub fn of_features<'a>(features: impl IntoIterator<Item = &'a str>) -> Self {
        let mut options = Self::default();
        for feature in features {
            match feature {
                "promql-experimental-functions" => options.experimental_functions = true,
                "promql-duration-expr" => options.duration_expressions = true,
                "promql-extended-range-selectors" => options.extended_range_selectors = true,
                "promql-binop-fill-modifiers" => options.fill_modifiers = true,
                _ => {}
            }
        }
        options
    }
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: parse error: {text}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub text: String,
}

/// Parses an expression and checks its types.
///
/// # Errors
/// What Prometheus would refuse, and where it is.
pub fn check(text: &str, options: Options) -> Result<(), ParseError> {
    with_room(text, |room| parse(text, options, room).map(|_| ()))
}

/// An expression kept to one value of a label in all its selectors, printed as Prometheus prints it.
///
/// # Errors
/// As [`check`].
pub fn enforced(
    text: &str,
    options: Options,
    label: &str,
    value: &str,
) -> Result<String, ParseError> {
    with_room(text, |room| {
        let mut expr = parse(text, options, room)?;
        enforce::enforce(&mut expr, label, value);
        Ok(expr.to_string())
    })
}

fn parse(text: &str, options: Options, room: Room) -> Result<Expr, Wrong> {
    let expr = parse::expression(text, options, room)?;
    check::expression(&expr)?;
    Ok(expr)
}

/// Does something with an expression that calls itself for its parts: here if there is room, otherwise on a stack of its own. The
/// caller waits for it, so that nothing happens at once.
fn with_room<T: Send>(
    text: &str,
    work: impl Fn(Room) -> Result<T, Wrong> + Sync,
) -> Result<T, ParseError> {
    let done = match work(ANYWHERE) {
        Err(wrong) if wrong.text == TOO_DEEP => std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().stack_size(STACK);
            let apart = builder.spawn_scoped(scope, || work(APART));
            let joined = apart.ok().and_then(|thread| thread.join().ok());
            joined.unwrap_or(Err(wrong))
        }),
        done => done,
    };
    done.map_err(|wrong| located(text, wrong))
}

/// What is wrong, and at which byte if that is known.
struct Wrong {
    at: Option<usize>,
    text: String,
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self { at: None, text }
    }
}

fn located(text: &str, wrong: Wrong) -> ParseError {
    let before = text.get(..wrong.at.unwrap_or_default()).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    ParseError {
        line,
        column: column.chars().count() + 1,
        text: wrong.text,
    }
}
