//! Durations: of ranges, steps and offsets.

use super::super::duration::{Duration, Term};
use super::super::lex::Kind;
use super::{LONGEST, POWER, Parser, Wrong};

impl Parser {
    pub(super) fn positive(&mut self) -> Result<Duration, Wrong> {
        let term = self.term(0)?;
        match self.evaluated(term)? {
            Duration::Seconds(seconds) if seconds <= 0.0 => {
                Err(self.wrong("duration must be greater than 0"))
            }
            duration => Ok(duration),
        }
    }

    /// A literal as what it is, anything else as an expression.
    pub(super) fn evaluated(&self, term: Term) -> Result<Duration, Wrong> {
        match term {
            Term::Number(seconds, _) if seconds.is_nan() || seconds.abs() > LONGEST => {
                Err(self.wrong("duration out of range"))
            }
            Term::Number(seconds, _) => Ok(Duration::Seconds(seconds)),
            _ if !self.options.duration_expressions => {
                Err(self.wrong("experimental duration expression is not enabled"))
            }
            term => Ok(Duration::Expr(term)),
        }
    }

    pub(super) fn offset(&mut self) -> Result<Duration, Wrong> {
        let term = self.signed_term()?;
        self.evaluated(term)
    }

    pub(super) fn signed_term(&mut self) -> Result<Term, Wrong> {
        let minus = self.take("-");
        if !minus {
            self.take("+");
        }
        let term = self.term_primary()?;
        Ok(match term {
            term if !minus => term,
            Term::Number(value, duration) => Term::Number(-value, duration),
            term => Term::Minus(Box::new(term)),
        })
    }

    /// Operations of durations of at least that precedence.
    pub(super) fn term(&mut self, least: u8) -> Result<Term, Wrong> {
        self.deeper(|parser| {
            let mut left = if parser.is("-") || parser.is("+") {
                let minus = parser.is("-");
                parser.next += 1;
                match parser.term(POWER)? {
                    term if !minus => term,
                    Term::Number(value, duration) => Term::Number(-value, duration),
                    term => Term::Minus(Box::new(term)),
                }
            } else {
                parser.term_primary()?
            };
            while let Some((op, precedence)) = parser
                .operator()
                .filter(|(op, own)| *own >= least.max(4) && *op != "atan2")
            {
                parser.next += 1;
                parser.link()?;
                let right = parser.term(if precedence == POWER {
                    POWER
                } else {
                    precedence + 1
                })?;
                if matches!(op, "/" | "%")
                    && matches!(right, Term::Number(value, _) if value == 0.0)
                {
                    let what = if op == "/" { "division" } else { "modulo" };
                    return Err(parser.wrong(format!("{what} by zero")));
                }
                left = Term::Binary(op, Box::new(left), Box::new(right));
            }
            Ok(left)
        })
    }

    pub(super) fn term_primary(&mut self) -> Result<Term, Wrong> {
        match self.peek().clone() {
            Kind::Number(value) => {
                self.next += 1;
                Ok(Term::Number(value, false))
            }
            Kind::Duration(seconds) => {
                self.next += 1;
                Ok(Term::Number(seconds, true))
            }
            Kind::Sign("(") => {
                self.next += 1;
                let term = self.term(0)?;
                self.expect(")", "duration expression")?;
                Ok(Term::Paren(Box::new(term)))
            }
            Kind::Word(word) => {
                let name = match word.to_ascii_lowercase().as_str() {
                    "step" => "step",
                    "range" => "range",
                    "min_of" => "min_of",
                    "max_of" => "max_of",
                    _ => return Err(self.unexpected("duration expression")),
                };
                self.next += 1;
                self.expect("(", "duration expression")?;
                if matches!(name, "step" | "range") {
                    self.expect(")", "duration expression")?;
                    return Ok(Term::Of(name));
                }
                let left = self.term(0)?;
                self.expect(",", "duration expression")?;
                let right = self.term(0)?;
                self.expect(")", "duration expression")?;
                Ok(Term::Least(name, Box::new(left), Box::new(right)))
            }
            Kind::Text(_) | Kind::Sign(_) | Kind::End => {
                Err(self.unexpected("subquery or range selector"))
            }
        }
    }
}
