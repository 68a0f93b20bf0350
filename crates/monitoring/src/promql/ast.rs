//! The tree of an expression.

use super::duration::Duration;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `sum by (job) (…)`.
    Aggregate(Box<Aggregate>),
    /// `a + b`.
    Binary(Box<Binary>),
    /// `rate(…)`.
    Call(Call),
    /// `name{label="value"}[5m]`.
    Matrix(Selector, Duration),
    /// A number of seconds, written as a duration if the flag is set.
    Number(f64, bool),
    /// `(…)`.
    Paren(Box<Expr>),
    /// A text.
    Text(String),
    /// `…[1h:5m]`.
    Subquery(Box<Subquery>),
    /// `-…`; true for minus.
    Unary(bool, Box<Expr>),
    /// `name{label="value"}`.
    Vector(Selector),
}

/// An aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// `sum`.
    pub op: &'static str,
    /// The first of two arguments.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// Labels that are kept or left out.
    pub grouping: Vec<String>,
    /// Whether they are left out.
    pub without: bool,
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// `+`.
    pub op: &'static str,
    /// Left side.
    pub left: Expr,
    /// Right side.
    pub right: Expr,
    /// Whether a comparison returns 0 or 1.
    pub bool: bool,
    /// How series of both sides find each other.
    pub matching: Matching,
}

/// How series of both sides find each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matching {
    /// Labels of `on` or `ignoring`; none given is not the same as an empty list.
    pub labels: Option<Vec<String>>,
    /// Whether it is `on`.
    pub on: bool,
    /// Labels of `group_left` or `group_right`, and whether it is left.
    pub group: Option<(bool, Vec<String>)>,
    /// Values for series that the left side lacks.
    pub fill_left: Option<f64>,
    /// Values for series that the right side lacks.
    pub fill_right: Option<f64>,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static super::functions::Function,
    /// Its arguments.
    pub args: Vec<Expr>,
}

/// A subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated at each step.
    pub expr: Expr,
    /// Over how long.
    pub range: Duration,
    /// At which distance.
    pub step: Option<Duration>,
    /// When.
    pub time: Time,
}

/// Series by name and labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    /// The name outside the braces, empty if there is none.
    pub name: String,
    /// Conditions.
    pub matchers: Vec<Matcher>,
    /// When.
    pub time: Time,
    /// `anchored` or `smoothed`.
    pub extended: Option<&'static str>,
}

/// A condition on a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    /// Label.
    pub name: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub op: &'static str,
    /// Value.
    pub value: String,
}

/// The modifiers `offset` and `@`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Time {
    /// `offset`.
    pub offset: Option<Duration>,
    /// `@`.
    pub at: Option<At>,
}

/// The moment of `@`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Milliseconds since 1970.
    Timestamp(f64),
    /// `start()`.
    Start,
    /// `end()`.
    End,
}

impl Time {
    /// Whether a modifier was given.
    pub fn is_set(&self) -> bool {
        self.offset.is_some() || self.at.is_some()
    }
}
