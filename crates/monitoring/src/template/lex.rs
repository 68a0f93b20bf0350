//! Items of a template (`text/template/parse/lex.go`).

/// What trims and separates.
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What stands outside of actions.
    Plain,
    /// `{{`.
    Open,
    /// `}}`.
    Close,
    /// Spaces and newlines in an action.
    Space,
    /// `=`.
    Assign,
    /// `:=`.
    Declare,
    /// `|`.
    Pipe,
    /// `(`.
    Left,
    /// `)`.
    Right,
    /// Any other sign, such as a comma.
    Sign,
    /// `"…"`, with quotes and escapes.
    Quoted,
    /// A text in back quotes.
    Raw,
    /// `'…'`.
    Constant,
    /// `12`, `0x1p-2`, `3i`.
    Number,
    /// `1+2i`.
    Complex,
    /// `$`, `$name`.
    Variable,
    /// `.`.
    Dot,
    /// `.name`.
    Field,
    /// `true`, `false`.
    Bool,
    /// `nil`.
    Nil,
    /// A word of the language, such as `range`.
    Keyword,
    /// The name of a function.
    Word,
    /// The end of the text.
    End,
}

/// An item and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// Reads items one by one.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    inside: bool,
    /// Open brackets in the action.
    depth: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            inside: false,
            depth: 0,
        }
    }

    /// The next item.
    pub(super) fn next(&mut self) -> Result<Item<'a>, String> {
        if self.inside {
            self.in_action()
        } else {
            self.outside()
        }
    }

    /// Takes so many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn item(&mut self, kind: Kind, length: usize) -> Item<'a> {
        let text = self.take(length);
        Item { kind, text }
    }

    fn outside(&mut self) -> Result<Item<'a>, String> {
        loop {
            let Some(at) = self.rest.find("{{") else {
                let kind = match self.rest {
                    "" => Kind::End,
                    _ => Kind::Plain,
                };
                return Ok(self.item(kind, self.rest.len()));
            };
            let plain = self.take(at);
            let after = self.rest.get(2..).unwrap_or_default();
            let trims = after.starts_with('-') && after.get(1..).is_some_and(starts_with_space);
            let plain = if trims {
                plain.trim_end_matches(SPACES)
            } else {
                plain
            };
            if !plain.is_empty() {
                return Ok(Item {
                    kind: Kind::Plain,
                    text: plain,
                });
            }
            let length = if trims { 4 } else { 2 };
            if let Some(comment) = self
                .rest
                .get(length..)
                .and_then(|rest| rest.strip_prefix("/*"))
            {
                self.comment(comment)?;
                continue;
            }
            (self.inside, self.depth) = (true, 0);
            return Ok(self.item(Kind::Open, length));
        }
    }

    fn comment(&mut self, comment: &'a str) -> Result<(), String> {
        let (_, rest) = comment.split_once("*/").ok_or("unclosed comment")?;
        self.rest = rest;
        if !self.at_close() {
            return Err("comment ends before closing delimiter".to_owned());
        }
        self.close();
        Ok(())
    }

    /// Whether a spaced trim marker and `}}` come next.
    fn at_trimming_close(text: &str) -> bool {
        starts_with_space(text) && text.get(1..).is_some_and(|rest| rest.starts_with("-}}"))
    }

    fn at_close(&self) -> bool {
        self.rest.starts_with("}}") || Self::at_trimming_close(self.rest)
    }

    fn close(&mut self) -> Item<'a> {
        let trims = Self::at_trimming_close(self.rest);
        let item = self.item(Kind::Close, if trims { 4 } else { 2 });
        if trims {
            self.rest = self.rest.trim_start_matches(SPACES);
        }
        self.inside = false;
        item
    }

    fn in_action(&mut self) -> Result<Item<'a>, String> {
        if self.at_close() {
            if self.depth > 0 {
                return Err("unclosed left paren".to_owned());
            }
            return Ok(self.close());
        }
        let mut chars = self.rest.chars();
        let first = chars.next().ok_or("unclosed action")?;
        let second = chars.next();
        match first {
            c if SPACES.contains(&c) => Ok(self.space()),
            '=' => Ok(self.item(Kind::Assign, 1)),
            ':' if second == Some('=') => Ok(self.item(Kind::Declare, 2)),
            ':' => Err("expected :=".to_owned()),
            '|' => Ok(self.item(Kind::Pipe, 1)),
            '"' => self.quoted(Kind::Quoted, "unterminated quoted string"),
            '\'' => self.quoted(Kind::Constant, "unterminated character constant"),
            '`' => {
                let end = self.rest.get(1..).and_then(|rest| rest.find('`'));
                let end = end.ok_or("unterminated raw quoted string")?;
                Ok(self.item(Kind::Raw, end + 2))
            }
            '$' => self.named(Kind::Variable, Kind::Variable),
            '.' if second.is_some_and(|c| !c.is_ascii_digit()) => {
                self.named(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            c if is_word(c) => self.word(),
            '(' => {
                self.depth += 1;
                Ok(self.item(Kind::Left, 1))
            }
            ')' => {
                let outer = self.depth.checked_sub(1);
                self.depth = outer.ok_or("unexpected right paren")?;
                Ok(self.item(Kind::Right, 1))
            }
            ' '..='~' => Ok(self.item(Kind::Sign, 1)),
            c => Err(format!("unrecognized character in action: {}", shown(c))),
        }
    }

    fn space(&mut self) -> Item<'a> {
        let end = self.rest.find(|c| !SPACES.contains(&c));
        let length = end.unwrap_or(self.rest.len());
        // The last space may belong to a trim marker.
        let last = length.saturating_sub(1);
        if self.rest.get(last..).is_some_and(Self::at_trimming_close) {
            return match last {
                0 => self.close(),
                length => self.item(Kind::Space, length),
            };
        }
        self.item(Kind::Space, length)
    }

    fn quoted(&mut self, kind: Kind, unterminated: &str) -> Result<Item<'a>, String> {
        let quote = self.rest.chars().next();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.next().is_none_or(|(_, next)| next == '\n') => break,
                '\n' => break,
                c if Some(c) == quote => return Ok(self.item(kind, at + 1)),
                _ => {}
            }
        }
        Err(unterminated.to_owned())
    }

    /// The length of a word after so many bytes, and an error if something stands right after it that may not.
    fn word_end(&self, from: usize) -> Result<usize, String> {
        let rest = self.rest.get(from..).unwrap_or_default();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or_default();
        match after.chars().next() {
            Some(c) if SPACES.contains(&c) || ".,|:)(".contains(c) || after.starts_with("}}") => {}
            None => {}
            Some(c) => return Err(format!("bad character {}", shown(c))),
        }
        Ok(from + length)
    }

    fn named(&mut self, kind: Kind, alone: Kind) -> Result<Item<'a>, String> {
        let end = self.word_end(1)?;
        Ok(self.item(if end == 1 { alone } else { kind }, end))
    }

    fn word(&mut self) -> Result<Item<'a>, String> {
        let end = self.word_end(0)?;
        let kind = match self.rest.get(..end).unwrap_or_default() {
            "block" | "break" | "continue" | "define" | "else" | "end" | "if" | "range"
            | "template" | "with" => Kind::Keyword,
            "nil" => Kind::Nil,
            "true" | "false" => Kind::Bool,
            _ => Kind::Word,
        };
        Ok(self.item(kind, end))
    }

    fn number(&mut self) -> Result<Item<'a>, String> {
        let bad = |length: usize| {
            let text = self.rest.get(..length).unwrap_or(self.rest);
            Err(format!("bad number syntax: {text:?}"))
        };
        let after = |length: usize| self.rest.get(length..).unwrap_or_default();
        let (length, whole) = scan_number(self.rest);
        if !whole {
            return bad(length);
        }
        if !after(length).starts_with(['+', '-']) {
            return Ok(self.item(Kind::Number, length));
        }
        let (more, whole) = scan_number(after(length));
        let length = length + more;
        if !whole
            || !self
                .rest
                .get(..length)
                .is_some_and(|text| text.ends_with('i'))
        {
            return bad(length);
        }
        Ok(self.item(Kind::Complex, length))
    }
}

/// The length of what looks like a number, and whether it ends there; if not, the character after it is counted too.
pub(super) fn scan_number(text: &str) -> (usize, bool) {
    let next = |at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    let one = |at: usize, set: &str| at + usize::from(next(at).is_some_and(|c| set.contains(c)));
    let run = |at: usize, set: &str| {
        let rest = text.get(at..).unwrap_or_default();
        at + rest.find(|c| !set.contains(c)).unwrap_or(rest.len())
    };
    let mut at = one(0, "+-");
    let (mut digits, mut exponent) = ("0123456789_", "eE");
    if next(at) == Some('0') {
        at += 1;
        (digits, exponent) = match next(at) {
            Some('x' | 'X') => ("0123456789abcdefABCDEF_", "pP"),
            Some('o' | 'O') => ("01234567_", ""),
            Some('b' | 'B') => ("01_", ""),
            _ => (digits, exponent),
        };
        at = one(at, "xXoObB");
    }
    at = run(at, digits);
    if next(at) == Some('.') {
        at = run(at + 1, digits);
    }
    if next(at).is_some_and(|c| exponent.contains(c)) {
        at = run(one(at + 1, "+-"), "0123456789_");
    }
    at = one(at, "i");
    match next(at).filter(|c| is_word(*c)) {
        Some(c) => (at + c.len_utf8(), false),
        None => (at, true),
    }
}

fn starts_with_space(text: &str) -> bool {
    text.starts_with(SPACES)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// `U+0021 '!'`.
fn shown(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}
