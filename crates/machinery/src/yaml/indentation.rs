//! Where go-yaml v2 wants spaces and no tabs, and escapes that it doesn't know (`scannerc.go`): the parser here lets more
//! through. What stands between two tokens is looked at, and quoted and indented texts as they were written.

use granit_parser::{Event, ScalarStyle, Span};

use super::YamlError;
use super::words::{NO_CHARACTER, NO_INDENT, NO_TOKEN, told_line};

const NO_SPACE: &str = "found a tab character where an indentation space is expected";
const NO_ESCAPE: &str = "found unknown escape character";

/// What the last token was, as far as the text after it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// A line begins.
    Line,
    /// A text without quotes, which could go on in lines that are indented by so much.
    Plain(usize),
    /// Anything else.
    Token,
}

/// Follows the tokens of a text.
pub(super) struct Indentation<'t> {
    text: &'t str,
    /// End of the last token, in bytes.
    at: usize,
    after: After,
    /// Collections that are open: the column of each one that has no brackets.
    open: Vec<Option<usize>>,
}

impl<'t> Indentation<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            after: After::Line,
            open: Vec::new(),
        }
    }

    /// Looks at what stands before an event and at the event itself.
    pub(super) fn event(&mut self, event: &Event<'_>, span: &Span) -> Result<(), YamlError> {
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else {
            return Ok(());
        };
        let start = match event {
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, _, _) => self.head(start),
            _ => start,
        };
        self.between(start)?;
        match event {
            Event::Scalar(_, style, _, _) => self.scalar(*style, start, end)?,
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let bracket = self.text.get(start..).and_then(|rest| rest.chars().next());
                let brackets = end > start && matches!(bracket, Some('[' | '{'));
                self.open.push((!brackets).then(|| span.start.col()));
                if brackets {
                    self.passed(end, After::Token);
                }
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let had_brackets = self.open.pop() == Some(None);
                if had_brackets {
                    self.passed(end, After::Token);
                }
            }
            Event::Alias(_) => self.passed(end, After::Token),
            _ => {}
        }
        Ok(())
    }

    /// Where the indicator of an indented text stands; its span may begin later.
    fn head(&self, start: usize) -> usize {
        let gap = self.text.get(self.at..start).unwrap_or_default();
        let mut comment = false;
        let found = gap.char_indices().find(|(_, character)| {
            comment = *character == '#' || comment && *character != '\n';
            !comment && matches!(character, '|' | '>')
        });
        found.map_or(start, |(offset, _)| self.at + offset)
    }

    fn passed(&mut self, end: usize, after: After) {
        self.at = self.at.max(end);
        self.after = after;
    }

    fn in_brackets(&self) -> bool {
        self.open.last() == Some(&None)
    }

    /// The least column of what belongs to the innermost collection without brackets.
    fn indent(&self) -> usize {
        let column = self.open.iter().rev().flatten().next();
        column.map_or(0, |column| column + 1)
    }

    fn error(&self, at: usize, message: &str) -> YamlError {
        let before = self.text.get(..at).unwrap_or_default();
        YamlError::at(told_line(before.matches('\n').count() + 1), message)
    }

    /// What stands before the next token: blanks, comments and indicators.
    fn between(&mut self, start: usize) -> Result<(), YamlError> {
        let Some(gap) = self.text.get(self.at..start).filter(|gap| !gap.is_empty()) else {
            return Ok(());
        };
        let from = self.at;
        let after = std::mem::replace(&mut self.after, After::Token);
        self.at = start;
        if self.in_brackets() {
            return Ok(());
        }
        let mut plain = match after {
            After::Plain(indent) => Some(indent),
            After::Line | After::Token => None,
        };
        // Whether a tab here would stand where a key could.
        let mut leads = after == After::Line;
        let (mut column, mut comment, mut last) = (usize::MAX, false, ' ');
        for (offset, character) in gap.char_indices() {
            let next = gap.get(offset + 1..).and_then(|rest| rest.chars().next());
            match character {
                '\n' => (leads, column, comment) = (true, 0, false),
                _ if comment => {}
                '\t' if plain.is_some_and(|indent| leads && column < indent) => {
                    return Err(self.error(from + offset, NO_INDENT));
                }
                '\t' if plain.is_none() && leads => {
                    return Err(self.error(from + offset, NO_TOKEN));
                }
                ' ' | '\t' | '\r' => column = column.saturating_add(1),
                '#' => (comment, plain) = (true, None),
                // An entry begins, where keys may follow.
                '-' | '?' if last != '-' && next.is_none_or(char::is_whitespace) => {
                    (leads, plain) = (true, None);
                }
                _ => (leads, plain) = (false, None),
            }
            last = character;
        }
        Ok(())
    }

    fn scalar(&mut self, style: ScalarStyle, start: usize, end: usize) -> Result<(), YamlError> {
        match style {
            ScalarStyle::Plain => self.passed(end, After::Plain(self.indent())),
            ScalarStyle::SingleQuoted => self.passed(end, After::Token),
            ScalarStyle::DoubleQuoted => {
                self.escapes(start, end)?;
                self.passed(end, After::Token);
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let end = self.indented(start)?;
                self.passed(end, After::Line);
            }
        }
        Ok(())
    }

    /// Escapes of a text in double quotes. Halves of characters are none, not even two of them.
    fn escapes(&self, start: usize, end: usize) -> Result<(), YamlError> {
        let raw = self.text.get(start..end).unwrap_or_default();
        let mut characters = raw.char_indices();
        while let Some((_, character)) = characters.next() {
            if character != '\\' {
                continue;
            }
            let Some((offset, escape)) = characters.next() else {
                return Ok(());
            };
            if escape == '/' {
                return Err(self.error(start + offset, NO_ESCAPE));
            }
            let half = escape == 'u'
                && raw
                    .get(offset + 1..offset + 5)
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                    .is_some_and(|code| (0xd800..=0xdfff).contains(&code));
            if half {
                return Err(self.error(start + offset, NO_CHARACTER));
            }
        }
        Ok(())
    }

    /// The lines of a text that is told by its indentation; where they end.
    fn indented(&self, start: usize) -> Result<usize, YamlError> {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut lines = rest.split_inclusive('\n');
        let head = lines.next().unwrap_or_default();
        let least = self.indent().max(1);
        let digit = head.chars().take(3).find_map(|c| c.to_digit(10));
        let told = digit.and_then(|digit| usize::try_from(digit).ok());
        let mut indent = told.map(|told| self.indent().saturating_sub(1) + told);
        let mut at = start + head.len();
        for line in lines {
            let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
            let next = line.as_bytes().get(spaces);
            match (next, indent) {
                (_, Some(indent)) if spaces >= indent => {}
                (Some(b'\t'), _) => return Err(self.error(at, NO_SPACE)),
                (None | Some(b'\n' | b'\r'), _) => {}
                (Some(_), None) if spaces >= least => indent = Some(spaces),
                (Some(_), _) => return Ok(at),
            }
            at += line.len();
        }
        Ok(at)
    }
}
