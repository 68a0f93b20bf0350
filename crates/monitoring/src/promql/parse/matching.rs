//! Labels: how series of two sides find each other, and which series are selected.

use super::super::ast::{Matcher, Matching, Selector};
use super::super::check;
use super::super::lex::Kind;
use super::{Parser, Wrong};

impl Parser {
    pub(super) fn matching(&mut self) -> Result<(bool, Matching), Wrong> {
        let bool = self.take_word("bool");
        let mut matching = Matching::default();
        let on = self.take_word("on");
        if on || self.take_word("ignoring") {
            matching.on = on;
            matching.labels = Some(self.labels()?);
            let left = self.take_word("group_left");
            if left || self.take_word("group_right") {
                let include = if self.is("(") {
                    self.labels()?
                } else {
                    Vec::new()
                };
                matching.group = Some((left, include));
            }
        }
        self.fills(&mut matching)?;
        Ok((bool, matching))
    }

    pub(super) fn fills(&mut self, matching: &mut Matching) -> Result<(), Wrong> {
        while let (Some(word), Kind::Sign("(")) = (self.word(), self.ahead(1)) {
            let (left, right) = match word.as_str() {
                "fill" => (true, true),
                "fill_left" => (true, false),
                "fill_right" => (false, true),
                _ => return Ok(()),
            };
            let taken =
                (left && matching.fill_left.is_some()) || (right && matching.fill_right.is_some());
            if taken {
                return Err(self.unexpected("fill modifier"));
            }
            if !self.options.fill_modifiers {
                return Err(self.wrong("binop fill modifiers are experimental and not enabled"));
            }
            self.next += 2;
            let minus = self.take("-");
            let value = match (minus || self.take("+"), self.peek()) {
                (_, Kind::Number(value) | Kind::Duration(value)) => *value,
                (_, _) => return Err(self.unexpected("fill value")),
            };
            self.next += 1;
            self.expect(")", "fill value")?;
            let value = if minus { -value } else { value };
            if left {
                matching.fill_left = Some(value);
            }
            if right {
                matching.fill_right = Some(value);
            }
        }
        Ok(())
    }

    /// `(a, b)`.
    pub(super) fn labels(&mut self) -> Result<Vec<String>, Wrong> {
        self.expect("(", "grouping opts")?;
        let mut labels = Vec::new();
        while !self.take(")") {
            let label = match self.peek() {
                Kind::Word(word) => word.clone(),
                Kind::Text(text) if !text.is_empty() => text.clone(),
                _ => return Err(self.unexpected("grouping opts")),
            };
            labels.push(label);
            self.next += 1;
            if !self.take(",") && !self.is(")") {
                return Err(self.unexpected("grouping opts"));
            }
        }
        Ok(labels)
    }

    pub(super) fn selector(&mut self, name: String) -> Result<Selector, Wrong> {
        let mut selector = Selector {
            name,
            ..Selector::default()
        };
        if !self.take("{") {
            return Ok(selector);
        }
        while !self.take("}") {
            selector.matchers.push(self.matcher()?);
            if !self.take(",") && !self.is("}") {
                return Err(self.unexpected("label matching"));
            }
        }
        Ok(selector)
    }

    pub(super) fn matcher(&mut self) -> Result<Matcher, Wrong> {
        let (name, quoted) = match self.peek() {
            Kind::Word(word) => (word.clone(), false),
            Kind::Text(text) => (text.clone(), true),
            _ => return Err(self.unexpected("label matching")),
        };
        self.next += 1;
        let op = match self.peek() {
            Kind::Sign(sign @ ("=" | "!=" | "=~" | "!~")) => *sign,
            _ if quoted => {
                return Ok(Matcher {
                    name: "__name__".to_owned(),
                    op: "=",
                    value: name,
                });
            }
            _ => return Err(self.unexpected("label matching")),
        };
        self.next += 1;
        let Kind::Text(value) = self.peek().clone() else {
            return Err(self.unexpected("label matching"));
        };
        if matches!(op, "=~" | "!~") {
            check::check_pattern(&value).map_err(|why| self.wrong(why))?;
        }
        self.next += 1;
        Ok(Matcher { name, op, value })
    }
}
