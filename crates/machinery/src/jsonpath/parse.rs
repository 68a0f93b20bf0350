//! The grammar of `JSONPath` templates, with the leniency and the error texts of client-go's parser.

use super::JsonPathError;

/// One step of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Text as it is.
    Text(String),
    /// An action in braces: steps applied one after another.
    List(Vec<Node>),
    /// `.name`
    Field(String),
    /// `[start:end:step]`, a single index included.
    Array([Bound; 3]),
    /// `[a,b]`
    Union(Vec<Vec<Node>>),
    /// `[?(left operator right)]`
    Filter {
        left: Vec<Node>,
        operator: String,
        right: Vec<Node>,
    },
    /// `*`
    Wildcard,
    /// `..`
    Recursive,
    /// `range` or `end`
    Identifier(String),
    /// A literal in a filter.
    Int(i64),
    /// A literal in a filter.
    Float(f64),
    /// A literal in a filter.
    Bool(bool),
}

/// One of the three numbers of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Bound {
    pub known: bool,
    pub value: i64,
    /// An end that follows from a single index.
    pub derived: bool,
}

type Result<T> = std::result::Result<T, JsonPathError>;

pub(super) fn parse(template: &str) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while let Some((text, action)) = rest.split_once('{') {
        if !text.is_empty() {
            nodes.push(Node::Text(text.to_owned()));
        }
        let mut parser = Action {
            rest: action,
            nodes: Vec::new(),
        };
        parser.read()?;
        nodes.push(Node::List(parser.nodes));
        rest = parser.rest;
    }
    if !rest.is_empty() {
        nodes.push(Node::Text(rest.to_owned()));
    }
    Ok(nodes)
}

/// Parses the inside of an action that stands alone.
fn action(text: &str) -> Result<Vec<Node>> {
    match parse(&format!("{{{text}}}"))?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Ok(Vec::new()),
    }
}

struct Action<'a> {
    rest: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Action<'a> {
    /// Reads up to and including the closing brace.
    fn read(&mut self) -> Result<()> {
        loop {
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok(());
            }
            if let Some(rest) = self.rest.strip_prefix("[?(") {
                self.rest = rest;
                self.filter()?;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("..") {
                self.rest = rest;
                self.recursive()?;
                continue;
            }
            let Some(next) = self.rest.chars().next().filter(|c| !is_line_end(*c)) else {
                return Err(error("unclosed action"));
            };
            match next {
                ' ' | '@' | '$' => self.skip(1),
                '[' => self.array()?,
                '"' | '\'' => self.quote(next)?,
                '.' => {
                    self.skip(1);
                    self.field();
                }
                '+' | '-' => self.number()?,
                digit if digit.is_numeric() => self.number()?,
                letter if is_word(letter) => self.identifier(),
                other => {
                    return Err(error(format!(
                        "unrecognized character in action: U+{:04X} '{other}'",
                        u32::from(other)
                    )));
                }
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn recursive(&mut self) -> Result<()> {
        if self.nodes.last() == Some(&Node::Recursive) {
            return Err(error("invalid multiple recursive descent"));
        }
        self.nodes.push(Node::Recursive);
        if self.rest.starts_with(is_word) {
            self.field();
        }
        Ok(())
    }

    fn field(&mut self) {
        let mut end = self.rest.len();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                chars.next();
            } else if is_terminator(c) {
                end = at;
                break;
            }
        }
        let name = self.take(end);
        self.nodes.push(if name == "*" {
            Node::Wildcard
        } else {
            Node::Field(name.replace('\\', ""))
        });
    }

    fn identifier(&mut self) {
        let word = self.take(self.rest.find(is_terminator).unwrap_or(self.rest.len()));
        self.nodes.push(match word {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            other => Node::Identifier(other.to_owned()),
        });
    }

    fn number(&mut self) -> Result<()> {
        let signed = usize::from(self.rest.starts_with(['+', '-']));
        let digits = self.rest.get(signed..).unwrap_or_default();
        let end = digits
            .find(|c: char| c != '.' && !c.is_numeric())
            .unwrap_or(digits.len());
        let text = self.take(signed + end);
        let node = text
            .parse()
            .map(Node::Int)
            .ok()
            .or_else(|| text.parse().map(Node::Float).ok());
        self.nodes
            .push(node.ok_or_else(|| error(format!("cannot parse number {text}")))?);
        Ok(())
    }

    fn quote(&mut self, quote: char) -> Result<()> {
        let mut end = None;
        let mut before = quote;
        for (at, c) in self.rest.char_indices().skip(1) {
            if c == '\n' {
                break;
            }
            if c == quote && before != '\\' {
                end = Some(at);
                break;
            }
            before = c;
        }
        let end = end.ok_or_else(|| error("unterminated quoted string"))?;
        let text = self.take(end + 1);
        let inner = text.get(1..end).unwrap_or_default();
        let unquoted = unquote(inner, quote)
            .ok_or_else(|| error(format!("unquote string {text} error invalid syntax")))?;
        self.nodes.push(Node::Text(unquoted));
        Ok(())
    }

    fn array(&mut self) -> Result<()> {
        let end = self.rest.find([']', '\n']).filter(|at| {
            self.rest
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(']'))
        });
        let end = end.ok_or_else(|| error("unterminated array"))?;
        let text = self.take(end + 1).get(1..end).unwrap_or_default();
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text
                .split(',')
                .map(|part| action(&format!("[{}]", part.trim_matches(' '))));
            self.nodes.push(Node::Union(parts.collect::<Result<_>>()?));
            return Ok(());
        }
        let key = text
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            self.nodes.extend(action(&format!(".{key}"))?);
            return Ok(());
        }
        self.nodes.push(Node::Array(bounds(text)?));
        Ok(())
    }

    fn filter(&mut self) -> Result<()> {
        let end = self.filter_end()?;
        let text = self.take(end);
        self.skip(1);
        if !self.rest.starts_with(']') {
            return Err(error("unclosed array expect ]"));
        }
        self.skip(1);
        let node = match split_comparison(text) {
            None => Node::Filter {
                left: action(text)?,
                operator: "exists".to_owned(),
                right: Vec::new(),
            },
            Some((left, operator, right)) => Node::Filter {
                left: action(left)?,
                operator: operator.to_owned(),
                right: action(right)?,
            },
        };
        self.nodes.push(node);
        Ok(())
    }

    /// Where the parenthesis of a filter closes, quoted texts skipped.
    fn filter_end(&self) -> Result<usize> {
        let mut quote: Option<char> = None;
        let mut closed = false;
        let mut before = ' ';
        for (at, c) in self.rest.char_indices() {
            match c {
                '\n' => break,
                '"' | '\'' if quote.is_none() => quote = Some(c),
                '"' | '\'' if quote == Some(c) && before != '\\' => closed = true,
                ')' if quote.is_some() == closed => return Ok(at),
                _ => {}
            }
            before = c;
        }
        Err(error("unterminated filter"))
    }
}

/// `^([^!<>=]+)([!<>=]+)(.+?)$`
fn split_comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
    let start = text.find(is_operator).filter(|at| *at > 0)?;
    let (left, rest) = text.split_at_checked(start)?;
    let length = rest.find(|c| !is_operator(c))?;
    let (operator, right) = rest.split_at_checked(length)?;
    Some((left, operator, right))
}

/// `^(-?[\d]*)(:-?[\d]*)?(:-?[\d]*)?$`
fn bounds(text: &str) -> Result<[Bound; 3]> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &&str| {
        part.strip_prefix('-')
            .unwrap_or(part)
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return Err(error(format!("invalid array index {text}")));
    }
    let mut bounds = [Bound::default(); 3];
    for (bound, part) in bounds.iter_mut().zip(&parts) {
        if !part.is_empty() {
            let value = part
                .parse()
                .map_err(|_| error(format!("array index {part} is not a number")))?;
            *bound = Bound {
                known: true,
                value,
                derived: false,
            };
        }
    }
    if parts.len() == 1 {
        let [start, end, _] = &mut bounds;
        *end = Bound {
            known: true,
            value: start.value + 1,
            derived: true,
        };
    }
    Ok(bounds)
}

/// `strconv.UnquoteChar` over a whole text.
fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '\\' => out.push('\\'),
            'x' => out.push(code(&mut chars, 2)?),
            'u' => out.push(code(&mut chars, 4)?),
            'U' => out.push(code(&mut chars, 8)?),
            other if other == quote => out.push(quote),
            _ => return None,
        }
    }
    Some(out)
}

fn code(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(value)
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn is_terminator(c: char) -> bool {
    is_line_end(c)
        || matches!(
            c,
            ' ' | '\t' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
        )
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn error(text: impl Into<String>) -> JsonPathError {
    JsonPathError(text.into())
}
