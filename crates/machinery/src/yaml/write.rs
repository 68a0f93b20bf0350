//! The emitter: block style as go-yaml v2 writes it, long texts folded at 80 columns.

use std::cmp::Ordering;

use serde_json::Value;

use super::Ordered;
use super::scalar::resolves_to_text;

/// Column after which a blank of a long text becomes a line break.
const WIDTH: usize = 80;

pub(super) fn document(value: &Ordered) -> String {
    let mut emitter = Emitter { out: String::new() };
    match value {
        Ordered::Map(map) if !map.is_empty() => emitter.map(map, 0),
        Ordered::List(list) if !list.is_empty() => emitter.list(list, 0),
        other => {
            emitter.leaf(other, 0);
            emitter.line();
        }
    }
    emitter.out
}

/// Keys in go-yaml's order.
pub(super) fn sorted(value: &Value) -> Ordered {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Ordered)> = map
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            entries.sort_by(|(a, _), (b, _)| natural(a, b));
            Ordered::Map(entries)
        }
        Value::Array(list) => Ordered::List(list.iter().map(sorted).collect()),
        scalar => Ordered::Scalar(scalar.clone()),
    }
}

struct Emitter {
    out: String,
}

impl Emitter {
    fn line(&mut self) {
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        if self.out.is_empty() || self.out.ends_with('\n') {
            self.out.extend(std::iter::repeat_n(' ', indent));
        }
    }

    fn map(&mut self, map: &[(String, Ordered)], indent: usize) {
        for (key, value) in map {
            self.indent(indent);
            let simple = key.len() <= 128 && !key.contains(is_break);
            if !simple {
                self.out.push_str("? ");
            }
            self.text(key, indent, simple);
            if !simple {
                self.line();
                self.indent(indent);
            }
            self.out.push(':');
            match value {
                Ordered::Map(inner) if !inner.is_empty() => {
                    self.line();
                    self.map(inner, indent + 2);
                }
                Ordered::List(inner) if !inner.is_empty() => {
                    self.line();
                    self.list(inner, indent);
                }
                other => {
                    self.out.push(' ');
                    self.leaf(other, indent + 2);
                    self.line();
                }
            }
        }
    }

    fn list(&mut self, list: &[Ordered], indent: usize) {
        for item in list {
            self.indent(indent);
            self.out.push_str("- ");
            match item {
                Ordered::Map(inner) if !inner.is_empty() => self.map(inner, indent + 2),
                Ordered::List(inner) if !inner.is_empty() => self.list(inner, indent + 2),
                other => {
                    self.leaf(other, indent + 2);
                    self.line();
                }
            }
        }
    }

    /// A scalar or an empty collection.
    fn leaf(&mut self, value: &Ordered, indent: usize) {
        match value {
            Ordered::Scalar(value) => self.scalar(value, indent, false),
            Ordered::List(_) => self.out.push_str("[]"),
            Ordered::Map(_) => self.out.push_str("{}"),
        }
    }

    /// Anything without children; `indent` is where a folded line goes on.
    fn scalar(&mut self, value: &Value, indent: usize, key: bool) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if *bool { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number_text(number)),
            Value::String(text) => self.text(text, indent, key),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, key: bool) {
        let allowed = Allowed::analyze(text);
        let multiline = text.contains(is_break);
        if text.contains('\n') && allowed.block && !key {
            return self.literal(text, indent);
        }
        let plain = !text.contains('\n') && resolves_to_text(text) && !is_base_60(text);
        if plain && allowed.plain {
            return self.folded(text, indent, key);
        }
        if plain && allowed.single && !(key && multiline) {
            self.out.push('\'');
            self.folded(&text.replace('\'', "''"), indent, key);
            self.out.push('\'');
            return;
        }
        self.double(text, indent, key);
    }

    fn column(&self) -> usize {
        self.out
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
    }

    /// Writes a text, going to the next line at a single blank beyond the width.
    fn folded(&mut self, text: &str, indent: usize, key: bool) {
        let mut chars = text.chars().peekable();
        let mut after_blank = false;
        let mut first = true;
        while let Some(c) = chars.next() {
            let blank = c == ' ';
            let next_blank = chars.peek().is_none_or(|next| *next == ' ');
            if blank && !after_blank && !first && !key && !next_blank && self.column() > WIDTH {
                self.out.push('\n');
                self.indent(indent);
            } else {
                self.out.push(c);
            }
            after_blank = blank;
            first = false;
        }
    }

    fn double(&mut self, text: &str, indent: usize, key: bool) {
        self.out.push('"');
        let mut chars = text.chars().peekable();
        let mut after_blank = false;
        let mut first = true;
        while let Some(c) = chars.next() {
            if c == ' ' {
                let last = chars.peek().is_none();
                if !after_blank && !first && !last && !key && self.column() > WIDTH {
                    self.out.push('\n');
                    self.indent(indent);
                    if chars.peek() == Some(&' ') {
                        self.out.push('\\');
                    }
                } else {
                    self.out.push(' ');
                }
            } else {
                self.out.push_str(&escaped(c));
            }
            after_blank = c == ' ';
            first = false;
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        if !text.ends_with('\n') {
            self.out.push('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.out.push('+');
        }
        self.out.push('\n');
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.out.extend(std::iter::repeat_n(' ', indent));
            }
            self.out.push_str(line);
        }
    }
}

/// Which styles can hold a text (`yaml_emitter_analyze_scalar`, in block context).
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
}

impl Allowed {
    fn analyze(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                plain: false,
                single: true,
                block: false,
            };
        }
        let chars: Vec<char> = text.chars().collect();
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut break_space, mut space_break) = (false, false, false);
        let mut before: Option<char> = None;
        for (index, c) in chars.iter().enumerate() {
            let next_blank = chars
                .get(index + 1)
                .is_none_or(|next| matches!(next, ' ' | '\t'));
            let before_blank =
                before.is_none_or(|before| before == '\t' || before == ' ' || is_break(before));
            indicators |= match c {
                '#' => before_blank,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => index == 0,
                '?' | '-' => index == 0 && next_blank,
                ':' => next_blank,
                _ => false,
            };
            special |= !is_printable(*c);
            break_space |= *c == ' ' && before.is_some_and(is_break);
            space_break |= is_break(*c) && before == Some(' ');
            before = Some(*c);
        }
        let edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
        let edges = edge(chars.first()) || edge(chars.last());
        let hard = space_break || special;
        Self {
            plain: !(indicators || edges || break_space || hard || text.contains(is_break)),
            single: !(break_space || hard),
            block: !(hard || chars.last() == Some(&' ')),
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn escaped(c: char) -> String {
    let code = u32::from(c);
    match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c if is_printable(c) => c.to_string(),
        _ if code <= 0xff => format!("\\x{code:02X}"),
        _ if code <= 0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}

/// Texts older readers take for sexagesimal numbers, such as `1:30`.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = text.split(':');
    let whole = parts.next().unwrap_or_default();
    let starts = whole.starts_with(|c: char| c.is_ascii_digit());
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let sixty = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    starts
        && whole
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_digit())
        && middle.iter().all(|part| sixty(part))
        && sixty(last)
        && fraction
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// Integers as they are; floating point numbers as Go's `FormatFloat(…, 'g', -1, 64)`.
fn number_text(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let float = number.as_f64().unwrap_or_default();
    if float.fract() == 0.0 && float.abs() < 9.0e18 {
        return format!("{float:.0}");
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    if exponent
        .parse()
        .is_ok_and(|exponent: i32| (-4..6).contains(&exponent))
    {
        return float.to_string();
    }
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// go-yaml's order of keys: letters after everything else, runs of digits by their number.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(index) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (Some(x), Some(y)) = (a.get(index), b.get(index)) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let leading = u64::from((*x == '0' || *y == '0') && after_nonzero_digit(&a, index));
    let (first, first_end) = digits(&a, index, leading);
    let (second, second_end) = digits(&b, index, leading);
    first
        .cmp(&second)
        .then(first_end.cmp(&second_end))
        .then(x.cmp(y))
}

fn after_nonzero_digit(text: &[char], index: usize) -> bool {
    let before = text.get(..index).unwrap_or_default();
    before
        .iter()
        .rev()
        .take_while(|c| c.is_ascii_digit())
        .any(|c| *c != '0')
}

fn digits(text: &[char], index: usize, start: u64) -> (u64, usize) {
    let run = text.iter().skip(index).map_while(|c| c.to_digit(10));
    run.fold((start, index), |(number, end), digit| {
        (
            number.wrapping_mul(10).wrapping_add(u64::from(digit)),
            end + 1,
        )
    })
}
