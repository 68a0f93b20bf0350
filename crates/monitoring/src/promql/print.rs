//! Expressions as Prometheus prints them.

use std::fmt::{self, Write};

use super::ast::{Aggregate, At, Binary, Expr, Matcher, Matching, Selector, Subquery, Time};
use super::duration::{Duration, seconds};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(aggregate) => aggregate.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::Call(call) => {
                let args: Vec<String> = call.args.iter().map(Self::to_string).collect();
                write!(f, "{}({})", call.function.name, args.join(", "))
            }
            Self::Matrix(selector, range) => {
                print_series(f, selector)?;
                write!(f, "[{range}]")?;
                print_extended(f, selector)?;
                selector.time.fmt(f)
            }
            Self::Number(value, true) => f.write_str(&seconds(*value)),
            Self::Number(value, false) => f.write_str(&number(*value)),
            Self::Paren(inner) => write!(f, "({inner})"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Subquery(subquery) => subquery.fmt(f),
            Self::Unary(minus, inner) => write!(f, "{}{inner}", if *minus { "-" } else { "+" }),
            Self::Vector(selector) => {
                print_series(f, selector)?;
                let Time { offset, at } = &selector.time;
                print_at(f, *at)?;
                print_extended(f, selector)?;
                print_offset(f, offset.as_ref())
            }
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op)?;
        if self.without {
            write!(f, " without ({}) ", labels(&self.grouping))?;
        } else if !self.grouping.is_empty() {
            write!(f, " by ({}) ", labels(&self.grouping))?;
        }
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bool = if self.bool { " bool" } else { "" };
        write!(
            f,
            "{} {}{bool}{} {}",
            self.left, self.op, self.matching, self.right
        )
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.labels.as_deref().unwrap_or_default();
        if !given.is_empty() || self.on || self.group.is_some() {
            let how = if self.on { "on" } else { "ignoring" };
            write!(f, " {how} ({})", labels(given))?;
        }
        if let Some((left, include)) = &self.group {
            let side = if *left { "left" } else { "right" };
            write!(f, " group_{side} ({})", labels(include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
                write!(f, " fill ({})", number(left))
            }
            (left, right) => {
                if let Some(left) = left {
                    write!(f, " fill_left ({})", number(left))?;
                }
                if let Some(right) = right {
                    write!(f, " fill_right ({})", number(right))?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}:", self.expr, self.range)?;
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        write!(f, "]{}", self.time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_at(f, self.at)?;
        print_offset(f, self.offset.as_ref())
    }
}

fn print_at(f: &mut fmt::Formatter<'_>, at: Option<At>) -> fmt::Result {
    match at {
        Some(At::Timestamp(milliseconds)) => write!(f, " @ {:.3}", milliseconds / 1000.0),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        None => Ok(()),
    }
}

fn print_offset(f: &mut fmt::Formatter<'_>, offset: Option<&Duration>) -> fmt::Result {
    match offset {
        // Prometheus doesn't print what changes nothing.
        Some(Duration::Seconds(0.0)) | None => Ok(()),
        Some(offset) => write!(f, " offset {offset}"),
    }
}

fn print_extended(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    match selector.extended {
        Some(how) => write!(f, " {how}"),
        None => Ok(()),
    }
}

fn print_series(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    f.write_str(&selector.name)?;
    let mut matchers: Vec<String> = selector.matchers.iter().map(Matcher::to_string).collect();
    matchers.sort();
    if matchers.is_empty() {
        return Ok(());
    }
    write!(f, "{{{}}}", matchers.join(","))
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = label(&self.name);
        write!(f, "{name}{}{}", self.op, quoted(&self.value))
    }
}

fn labels(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| label(name)).collect();
    names.join(", ")
}

/// A label name; one beyond ASCII is quoted.
fn label(name: &str) -> String {
    let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let legacy = !name.is_empty()
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if legacy {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A number without an exponent.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// A text in quotes, escaped as Go does.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str(r"\\"),
            '\u{7}' => quoted.push_str(r"\a"),
            '\u{8}' => quoted.push_str(r"\b"),
            '\u{c}' => quoted.push_str(r"\f"),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            '\t' => quoted.push_str(r"\t"),
            '\u{b}' => quoted.push_str(r"\v"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(quoted, r"\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(quoted, r"\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
