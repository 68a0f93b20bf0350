//! The grammar of label selectors, with the lexer's quirks and the error texts of the Go parser.

use std::collections::BTreeSet;

use super::{Operator, Requirement, SelectorError};
use crate::decode::quote;
use crate::names;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Closed,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

/// Where a token stands: after a key `in` is an operator, elsewhere an identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    KeyAndOperator,
    Values,
}

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// Reads all requirements, in the order written.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    Parser {
        items: scan(text),
        position: 0,
    }
    .parse()
}

fn token_of(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Closed,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "in" => Token::In,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn scan(text: &str) -> Vec<(Token, String)> {
    let mut items = Vec::new();
    let mut rest = text.split('\0').next().unwrap_or_default();
    loop {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            items.push((Token::End, String::new()));
            return items;
        }
        let (item, after) = if rest.starts_with(is_special) {
            scan_symbol(rest)
        } else {
            scan_word(rest)
        };
        items.push(item);
        rest = after;
    }
}

fn scan_word(text: &str) -> ((Token, String), &str) {
    let end = text
        .find(|c| is_special(c) || is_space(c))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (
        (token_of(word).unwrap_or(Token::Identifier), word.to_owned()),
        rest,
    )
}

/// The longest run of symbols that is a token once one was found.
fn scan_symbol(text: &str) -> ((Token, String), &str) {
    let mut found: Option<(Token, usize)> = None;
    for (index, _) in text.char_indices().take_while(|(_, c)| is_special(*c)) {
        let length = index + 1;
        match text.get(..length).and_then(token_of) {
            Some(token) => found = Some((token, length)),
            None if found.is_some() => break,
            None => {}
        }
    }
    let (token, length) = found.unwrap_or((Token::Error, 1));
    let (literal, rest) = text.split_at(length);
    ((token, literal.to_owned()), rest)
}

struct Parser {
    items: Vec<(Token, String)>,
    position: usize,
}

impl Parser {
    fn parse(mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut requirements = Vec::new();
        loop {
            let (token, literal) = self.look(Context::Values);
            match token {
                Token::Identifier | Token::Not => {}
                Token::End => return Ok(requirements),
                _ => {
                    return Err(error(format!(
                        "found '{literal}', expected: !, identifier, or 'end of string'"
                    )));
                }
            }
            let requirement = self.requirement().map_err(|SelectorError(text)| {
                error(format!("unable to parse requirement: {text}"))
            })?;
            requirements.push(requirement);
            let (token, literal) = self.take(Context::Values);
            match token {
                Token::End => return Ok(requirements),
                Token::Comma => {
                    let (next, literal) = self.look(Context::Values);
                    if !matches!(next, Token::Identifier | Token::Not) {
                        return Err(error(format!(
                            "found '{literal}', expected: identifier after ','"
                        )));
                    }
                }
                _ => {
                    return Err(error(format!(
                        "found '{literal}', expected: ',' or 'end of string'"
                    )));
                }
            }
        }
    }

    fn look(&self, context: Context) -> (Token, String) {
        let (token, literal) = self
            .items
            .get(self.position)
            .cloned()
            .unwrap_or((Token::End, String::new()));
        if context == Context::Values && matches!(token, Token::In | Token::NotIn) {
            return (Token::Identifier, literal);
        }
        (token, literal)
    }

    fn take(&mut self, context: Context) -> (Token, String) {
        let item = self.look(context);
        self.position += 1;
        item
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let (mut token, mut key) = self.take(Context::Values);
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.take(Context::Values);
        }
        if token != Token::Identifier {
            return Err(error(format!("found '{key}', expected: identifier")));
        }
        let complaints = names::label_key(&key);
        if !complaints.is_empty() {
            return Err(error(format!(
                "<nil>: Invalid value: {}: {}",
                quote(&key),
                complaints.join("; ")
            )));
        }
        if negated {
            return Requirement::new(&key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.look(Context::Values).0, Token::End | Token::Comma) {
            return Requirement::new(&key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            Operator::Equals
            | Operator::DoubleEquals
            | Operator::NotEquals
            | Operator::GreaterThan
            | Operator::LessThan
            | Operator::Exists
            | Operator::DoesNotExist => BTreeSet::from([self.exact_value()?]),
        };
        Requirement::new(&key, operator, values.into_iter().collect())
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        let (token, literal) = self.take(Context::KeyAndOperator);
        Ok(match token {
            Token::In => Operator::In,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::Greater => Operator::GreaterThan,
            Token::Less => Operator::LessThan,
            Token::NotIn => Operator::NotIn,
            Token::NotEquals => Operator::NotEquals,
            Token::Error
            | Token::End
            | Token::Closed
            | Token::Comma
            | Token::Not
            | Token::Identifier
            | Token::Open => {
                return Err(error(format!("found '{literal}', expected: {OPERATORS}")));
            }
        })
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        if matches!(self.look(Context::Values).0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        let (token, literal) = self.take(Context::Values);
        if token == Token::Identifier {
            return Ok(literal);
        }
        Err(error(format!("found '{literal}', expected: identifier")))
    }

    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let (token, literal) = self.take(Context::Values);
        if token != Token::Open {
            return Err(error(format!("found '{literal}' expected: '('")));
        }
        let (token, literal) = self.look(Context::Values);
        match token {
            Token::Identifier | Token::Comma => {
                let values = self.list()?;
                if self.take(Context::Values).0 != Token::Closed {
                    return Err(error(format!("found '{literal}', expected: ')'")));
                }
                Ok(values)
            }
            Token::Closed => {
                self.take(Context::Values);
                Ok(BTreeSet::from([String::new()]))
            }
            _ => Err(error(format!(
                "found '{literal}', expected: ',', ')' or identifier"
            ))),
        }
    }

    fn list(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let mut values = BTreeSet::new();
        loop {
            let (token, literal) = self.take(Context::Values);
            let (next, next_literal) = self.look(Context::Values);
            match (token, next) {
                (Token::Identifier, Token::Comma) => {
                    values.insert(literal);
                }
                (Token::Identifier, Token::Closed) => {
                    values.insert(literal);
                    return Ok(values);
                }
                (Token::Identifier, _) => {
                    return Err(error(format!(
                        "found '{next_literal}', expected: ',' or ')'"
                    )));
                }
                (Token::Comma, next) => {
                    if values.is_empty() || matches!(next, Token::Closed | Token::Comma) {
                        values.insert(String::new());
                    }
                    if next == Token::Closed {
                        return Ok(values);
                    }
                }
                (_, _) => {
                    return Err(error(format!(
                        "found '{literal}', expected: ',', or identifier"
                    )));
                }
            }
        }
    }
}

fn error(text: String) -> SelectorError {
    SelectorError(text)
}

#[cfg(test)]
mod tests {
    use super::super::Selector;

    #[test]
    fn refusals_have_the_words_of_the_go_parser() {
        let cases = [
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            ),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            (
                "a in (b",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            ("a=b,", "found '', expected: identifier after ','"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            (
                "=a",
                "found '=', expected: !, identifier, or 'end of string'",
            ),
            (
                "a=-",
                "unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid label must be an empty \
                 string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                 alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation \
                 is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ),
            (
                "a>x",
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Selector::parse(text).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn keywords_are_keys_and_values_where_an_operator_cannot_stand() {
        assert_eq!(
            Selector::parse("in in (notin)").unwrap().to_string(),
            "in in (notin)"
        );
        assert_eq!(
            Selector::parse("a in (,b)").unwrap().to_string(),
            "a in (,b)"
        );
        assert_eq!(Selector::parse("a in ()").unwrap().to_string(), "a in ()");
        assert_eq!(Selector::parse("a=,b").unwrap().to_string(), "a=,b");
    }
}
