//! From tokens to a tree: operators by precedence, modifiers after what they modify.

mod matching;
mod term;

use super::ast::{Aggregate, At, Binary, Call, Expr, Subquery, Time};
use super::functions::{aggregation, function};
use super::lex::{Kind, Token, tokens};
use super::{Options, Wrong};

/// How far an expression may be nested: everything that walks a tree calls itself, and the stack is finite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Brackets, signs and right sides in each other.
    pub(super) depth: usize,
    /// Left sides: operations one after the other.
    pub(super) links: usize,
}

/// Why an expression is refused that has not enough room.
pub(super) const TOO_DEEP: &str = "expression is nested too deeply";

/// The longest duration in seconds: 64 bits of nanoseconds.
const LONGEST: f64 = 9_223_372_036.854_775;

/// An expression and nothing after it.
pub(super) fn expression(text: &str, options: Options, room: Room) -> Result<Expr, Wrong> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        room,
        options,
    };
    if *parser.peek() == Kind::End {
        return Err(parser.wrong("no expression found in input"));
    }
    let expr = parser.binary(0)?;
    match parser.peek() {
        Kind::End => Ok(expr),
        _ => Err(parser.unexpected("")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// What is left.
    room: Room,
    options: Options,
}

/// Operators with their precedence; `^` alone binds to the right.
const OPERATORS: [(&str, u8); 19] = [
    ("or", 1),
    ("and", 2),
    ("unless", 2),
    ("==", 3),
    ("!=", 3),
    (">=", 3),
    ("<=", 3),
    (">", 3),
    ("<", 3),
    ("</", 3),
    (">/", 3),
    ("+", 4),
    ("-", 4),
    ("*", 5),
    ("/", 5),
    ("%", 5),
    ("atan2", 5),
    ("^", 6),
    ("", 7),
];
/// Precedence of `^`; a sign binds less than it and more than `*`.
const POWER: u8 = 6;

/// Words that can't be the name of a series.
const RESERVED: [&str; 6] = [
    "atan2",
    "bool",
    "group_left",
    "group_right",
    "ignoring",
    "on",
];

impl Parser {
    fn peek(&self) -> &Kind {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Kind {
        let token = self.tokens.get(self.next + count);
        token.map_or(&Kind::End, |token| &token.kind)
    }

    fn wrong(&self, text: impl Into<String>) -> Wrong {
        let token = self.tokens.get(self.next).or(self.tokens.last());
        Wrong {
            at: token.map(|token| token.at),
            text: text.into(),
        }
    }

    fn unexpected(&self, place: &str) -> Wrong {
        let token = match self.peek() {
            Kind::Word(word) => format!("{word:?}"),
            Kind::Number(value) => format!("number {value}"),
            Kind::Duration(seconds) => format!("duration {seconds}s"),
            Kind::Text(text) => format!("string {text:?}"),
            Kind::Sign(sign) => format!("{sign:?}"),
            Kind::End => "end of input".to_owned(),
        };
        match place {
            "" => self.wrong(format!("unexpected {token}")),
            place => self.wrong(format!("unexpected {token} in {place}")),
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(found) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str, place: &str) -> Result<(), Wrong> {
        if self.take(sign) {
            return Ok(());
        }
        let wrong = self.unexpected(place);
        Err(Wrong {
            text: format!("{}, expected {sign:?}", wrong.text),
            ..wrong
        })
    }

    /// The next token in lower case, if it is a word.
    fn word(&self) -> Option<String> {
        match self.peek() {
            Kind::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().is_some_and(|found| found == word);
        self.next += usize::from(found);
        found
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        let name = match self.peek() {
            Kind::Sign(sign) => (*sign).to_owned(),
            Kind::Word(_) => self.word()?,
            _ => return None,
        };
        let found = OPERATORS.iter().find(|(operator, _)| *operator == name);
        found.copied()
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let Some(inner) = self.room.depth.checked_sub(1) else {
            return Err(self.wrong(TOO_DEEP));
        };
        self.room.depth = inner;
        let outcome = parse(self);
        self.room.depth += 1;
        outcome
    }

    /// What was read becomes the left side of something.
    fn link(&mut self) -> Result<(), Wrong> {
        let left = self.room.links.checked_sub(1);
        self.room.links = left.ok_or_else(|| self.wrong(TOO_DEEP))?;
        Ok(())
    }

    /// Operations of at least that precedence.
    fn binary(&mut self, least: u8) -> Result<Expr, Wrong> {
        self.deeper(|parser| {
            let mut left = parser.unary()?;
            while let Some((op, precedence)) = parser.operator().filter(|(_, own)| *own >= least) {
                parser.next += 1;
                parser.link()?;
                let (bool, matching) = parser.matching()?;
                let right = parser.binary(if precedence == POWER {
                    POWER
                } else {
                    precedence + 1
                })?;
                left = Expr::Binary(Box::new(Binary {
                    op,
                    left,
                    right,
                    bool,
                    matching,
                }));
            }
            Ok(left)
        })
    }

    fn unary(&mut self) -> Result<Expr, Wrong> {
        let minus = self.is("-");
        if !minus && !self.is("+") {
            return self.postfix();
        }
        self.next += 1;
        match self.binary(POWER)? {
            Expr::Number(value, duration) => {
                Ok(Expr::Number(if minus { -value } else { value }, duration))
            }
            expr => Ok(Expr::Unary(minus, Box::new(expr))),
        }
    }

    fn postfix(&mut self) -> Result<Expr, Wrong> {
        let mut expr = self.primary()?;
        loop {
            if self.is("[") {
                expr = self.range(expr)?;
            } else if self.take("@") {
                let at = self.moment()?;
                let time = self.time_of(&mut expr, "@ modifier")?;
                if time.at.replace(at).is_some() {
                    return Err(self.wrong("@ <timestamp> may not be set multiple times"));
                }
            } else if self.take_word("offset") {
                let offset = self.offset()?;
                let time = self.time_of(&mut expr, "offset modifier")?;
                if time.offset.replace(offset).is_some() {
                    return Err(self.wrong("offset may not be set multiple times"));
                }
            } else if self.take_word("anchored") {
                self.extend(&mut expr, "anchored")?;
            } else if self.take_word("smoothed") {
                self.extend(&mut expr, "smoothed")?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn time_of<'a>(&self, expr: &'a mut Expr, what: &str) -> Result<&'a mut Time, Wrong> {
        match expr {
            Expr::Vector(selector) | Expr::Matrix(selector, _) => Ok(&mut selector.time),
            Expr::Subquery(subquery) => Ok(&mut subquery.time),
            Expr::Aggregate(_)
            | Expr::Binary(_)
            | Expr::Call(_)
            | Expr::Number(..)
            | Expr::Paren(_)
            | Expr::Text(_)
            | Expr::Unary(..) => Err(self.wrong(format!(
                "{what} must be preceded by an instant vector selector or range vector selector or a subquery"
            ))),
        }
    }

    fn extend(&self, expr: &mut Expr, how: &'static str) -> Result<(), Wrong> {
        if !self.options.extended_range_selectors {
            return Err(self.wrong(format!("{how} modifier is experimental and not enabled")));
        }
        match expr {
            Expr::Vector(selector) | Expr::Matrix(selector, _) => {
                match selector.extended.replace(how) {
                    Some(other) if other != how => {
                        Err(self.wrong("anchored and smoothed modifiers cannot be used together"))
                    }
                    _ => Ok(()),
                }
            }
            Expr::Subquery(_) => {
                Err(self.wrong(format!("{how} modifier is not supported for subqueries")))
            }
            Expr::Aggregate(_)
            | Expr::Binary(_)
            | Expr::Call(_)
            | Expr::Number(..)
            | Expr::Paren(_)
            | Expr::Text(_)
            | Expr::Unary(..) => Err(self.wrong(format!("{how} modifier not implemented"))),
        }
    }

    fn range(&mut self, expr: Expr) -> Result<Expr, Wrong> {
        self.next += 1;
        let range = self.positive()?;
        if self.take(":") {
            self.link()?;
            let step = if self.is("]") {
                None
            } else {
                Some(self.positive()?)
            };
            self.expect("]", "subquery selector")?;
            return Ok(Expr::Subquery(Box::new(Subquery {
                expr,
                range,
                step,
                time: Time::default(),
            })));
        }
        self.expect("]", "subquery or range")?;
        match expr {
            Expr::Vector(selector) if selector.time.offset.is_some() => {
                Err(self.wrong("no offset modifiers allowed before range"))
            }
            Expr::Vector(selector) if selector.time.is_set() => {
                Err(self.wrong("no @ modifiers allowed before range"))
            }
            Expr::Vector(selector) => Ok(Expr::Matrix(selector, range)),
            _ => Err(self.wrong("ranges only allowed for vector selectors")),
        }
    }

    fn moment(&mut self) -> Result<At, Wrong> {
        let at = match self.word().as_deref() {
            Some("start") => Some(At::Start),
            Some("end") => Some(At::End),
            _ => None,
        };
        if let Some(at) = at {
            self.next += 1;
            self.expect("(", "@")?;
            self.expect(")", "@")?;
            return Ok(at);
        }
        let minus = self.take("-");
        if !minus {
            self.take("+");
        }
        let (Kind::Number(seconds) | Kind::Duration(seconds)) = *self.peek() else {
            return Err(self.unexpected("@"));
        };
        let seconds = if minus { -seconds } else { seconds };
        if !seconds.is_finite() || seconds.abs() >= LONGEST * 1e9 {
            return Err(self.wrong(format!(
                "timestamp out of bounds for @ modifier: {seconds:.6}"
            )));
        }
        self.next += 1;
        Ok(At::Timestamp((seconds * 1000.0).round()))
    }

    fn primary(&mut self) -> Result<Expr, Wrong> {
        match self.peek().clone() {
            Kind::Number(value) => {
                self.next += 1;
                Ok(Expr::Number(value, false))
            }
            Kind::Duration(seconds) => {
                self.next += 1;
                Ok(Expr::Number(seconds, true))
            }
            Kind::Text(text) => {
                self.next += 1;
                Ok(Expr::Text(text))
            }
            Kind::Sign("(") => {
                self.next += 1;
                let expr = self.binary(0)?;
                self.expect(")", "parentheses")?;
                Ok(Expr::Paren(Box::new(expr)))
            }
            Kind::Sign("{") => Ok(Expr::Vector(self.selector(String::new())?)),
            Kind::Word(word) => self.named(word),
            Kind::Sign(_) | Kind::End => Err(self.unexpected("")),
        }
    }

    fn named(&mut self, word: String) -> Result<Expr, Wrong> {
        let lower = word.to_ascii_lowercase();
        let called = matches!(self.ahead(1), Kind::Sign("("));
        let grouped = matches!(self.ahead(1), Kind::Word(next)
            if next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without"));
        if let Some(op) = aggregation(&lower).filter(|_| called || grouped) {
            self.next += 1;
            return self.aggregate(op);
        }
        if called {
            let function = function(&word)
                .ok_or_else(|| self.wrong(format!("unknown function with name {word:?}")))?;
            if function.experimental && !self.options.experimental_functions {
                return Err(self.wrong(format!("function {word:?} is not enabled")));
            }
            self.next += 1;
            let args = self.args()?;
            return Ok(Expr::Call(Call { function, args }));
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(self.unexpected(""));
        }
        self.next += 1;
        Ok(Expr::Vector(self.selector(word)?))
    }

    fn aggregate(&mut self, op: &'static str) -> Result<Expr, Wrong> {
        let experimental = matches!(op, "limitk" | "limit_ratio");
        if experimental && !self.options.experimental_functions {
            return Err(self.wrong(format!(
                "{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            )));
        }
        let mut modifier = self.modifier()?;
        let mut args = self.args()?;
        if modifier.is_none() {
            modifier = self.modifier()?;
        }
        let with_param = matches!(
            op,
            "topk" | "bottomk" | "count_values" | "quantile" | "limitk" | "limit_ratio"
        );
        let wanted = 1 + usize::from(with_param);
        if args.is_empty() {
            return Err(self.wrong("no arguments for aggregate expression provided"));
        }
        if args.len() != wanted {
            return Err(self.wrong(format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            )));
        }
        let Some(expr) = args.pop() else {
            return Err(self.unexpected("aggregation"));
        };
        let (without, grouping) = modifier.unwrap_or_default();
        Ok(Expr::Aggregate(Box::new(Aggregate {
            op,
            param: args.pop(),
            expr,
            grouping,
            without,
        })))
    }

    fn modifier(&mut self) -> Result<Option<(bool, Vec<String>)>, Wrong> {
        let without = self.take_word("without");
        if without || self.take_word("by") {
            return Ok(Some((without, self.labels()?)));
        }
        Ok(None)
    }

    fn args(&mut self) -> Result<Vec<Expr>, Wrong> {
        self.expect("(", "function call")?;
        let mut args = Vec::new();
        if self.take(")") {
            return Ok(args);
        }
        loop {
            args.push(self.binary(0)?);
            if self.take(",") {
                if self.is(")") {
                    return Err(self.wrong("trailing commas not allowed in function call args"));
                }
                continue;
            }
            self.expect(")", "function call")?;
            return Ok(args);
        }
    }
}
