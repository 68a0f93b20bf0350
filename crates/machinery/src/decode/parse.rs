//! A JSON reader that keeps what Go's decoder looks at: key order, duplicate keys and the text of numbers.
//!
//! Mirrors the error texts of `encoding/json` `scanner.go`.

use std::borrow::Cow;

use serde_json::Value;

use super::number;

/// Deepest nesting that is read: lists and objects within each other. Go stops at 10,000; nothing in the API comes
/// near either, and whatever walks a value here does so on the stack.
pub const MAX_DEPTH: usize = 400;

/// A JSON value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// The literal text.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// The same value as a tree, keys in the map's order.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(Cow::Owned(number::shown(number))),
            Value::String(text) => match number::notation_in(text) {
                Some(number) => Self::Number(Cow::Borrowed(number)),
                None => Self::String(Cow::Borrowed(text)),
            },
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Value::Object(map) => Self::Object(
                map.iter()
                    .map(|(key, value)| (Cow::Borrowed(key.as_str()), Self::of(value)))
                    .collect(),
            ),
        }
    }
}

/// Reads one JSON value; the error is Go's text.
pub(super) fn parse(body: &[u8]) -> Result<Node<'_>, String> {
    let mut parser = Parser { body, at: 0 };
    let node = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(node),
        Some(byte) => Err(invalid(byte, "after top-level value")),
    }
}

const END: &str = "unexpected end of JSON input";

fn invalid(byte: u8, context: &str) -> String {
    let shown = match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        7 => "'\\a'".to_owned(),
        8 => "'\\b'".to_owned(),
        11 => "'\\v'".to_owned(),
        12 => "'\\f'".to_owned(),
        0..=31 | 127 => format!("'\\x{byte:02x}'"),
        128..=160 | 173 => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    };
    format!("invalid character {shown} {context}")
        .trim_end()
        .to_owned()
}

struct Parser<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or(END)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte where a value is not whole yet; the end of the body is a space there (`scanner.eof` of `encoding/json`).
    fn within(&mut self) -> u8 {
        let byte = self.peek();
        self.at += 1;
        byte.unwrap_or(b' ')
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, String> {
        self.space();
        let byte = self.peek().ok_or(END)?;
        match byte {
            b'{' | b'[' if depth >= MAX_DEPTH => Err(invalid(byte, "exceeded max depth")),
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self
                .string()
                .map(|text| Node::String(number::unmarked(text))),
            b't' => self.word("true").map(|()| Node::Bool(true)),
            b'f' => self.word("false").map(|()| Node::Bool(false)),
            b'n' => self.word("null").map(|()| Node::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(invalid(byte, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, String> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(entries));
        }
        loop {
            self.space();
            match self.peek().ok_or(END)? {
                b'"' => {}
                byte => return Err(invalid(byte, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            self.space();
            match self.next()? {
                b':' => {}
                byte => return Err(invalid(byte, "after object key")),
            }
            let value = self.value(depth)?;
            entries.push((key, value));
            self.space();
            match self.next()? {
                b',' => {}
                b'}' => return Ok(Node::Object(entries)),
                byte => return Err(invalid(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            match self.next()? {
                b',' => {}
                b']' => return Ok(Node::Array(items)),
                byte => return Err(invalid(byte, "after array element")),
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            let byte = self.within();
            if byte != expected {
                let expected = char::from(expected);
                return Err(invalid(
                    byte,
                    &format!("in literal {word} (expecting '{expected}')"),
                ));
            }
        }
        Ok(())
    }

    fn digits(&mut self, context: &str) -> Result<(), String> {
        match self.peek().unwrap_or(b' ') {
            b'0'..=b'9' => {}
            byte => return Err(invalid(byte, context)),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Node<'a>, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(Node::Number(self.text(start, self.at)))
    }

    fn text(&self, start: usize, end: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(self.body.get(start..end).unwrap_or_default())
    }

    /// A string, from its opening quote to behind its closing one.
    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        self.at += 1;
        let start = self.at;
        self.plain();
        match self.next()? {
            b'"' => return Ok(self.text(start, self.at - 1)),
            b'\\' => {}
            byte => return Err(invalid(byte, "in string literal")),
        }
        self.at -= 1;
        let mut out = self.text(start, self.at).into_owned();
        loop {
            let plain = self.at;
            self.plain();
            match self.next()? {
                b'"' => {
                    out.push_str(&self.text(plain, self.at - 1));
                    return Ok(Cow::Owned(out));
                }
                b'\\' => {
                    out.push_str(&self.text(plain, self.at - 1));
                    out.push(self.escape()?);
                }
                byte => return Err(invalid(byte, "in string literal")),
            }
        }
    }

    /// Goes to the next byte of a string that is more than itself, or to the end of the body.
    fn plain(&mut self) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=31);
        self.at += rest.iter().position(special).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Result<char, String> {
        Ok(match self.within() {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            byte => return Err(invalid(byte, "in string escape code")),
        })
    }

    /// The character of `\uXXXX`; half a surrogate pair becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let back = self.at;
        if self.body.get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.within();
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or_else(|| invalid(byte, "in \\u hexadecimal character escape"))?;
            code = code * 16 + digit;
        }
        Ok(code)
    }
}
