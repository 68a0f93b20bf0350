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

pub use ast::Expr;
pub use enforce::enforce;
pub use since::too_new;

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
pub fn parse(text: &str, options: Options) -> Result<Expr, ParseError> {
    let outcome = parse::expression(text, options).and_then(|expr| {
        check::expression(&expr)?;
        Ok(expr)
    });
    outcome.map_err(|error| located(text, error))
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
