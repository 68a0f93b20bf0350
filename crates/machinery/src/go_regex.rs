//! Regular expressions as Go reads them (`regexp/syntax/parse.go`): what is wrong with one, in Go's words, and what it is for
//! the crate `regex`, whose `\d`, `\w` and `\s` know more than ASCII.
//!
//! # Use
//!
//! ```
//! use machinery::go_regex;
//!
//! assert!(go_regex::compile(r"^\d+$").unwrap().is_match("12"));
//! assert!(!go_regex::compile(r"^\d+$").unwrap().is_match("١٢"));
//! let error = go_regex::compile("a(b").unwrap_err();
//! assert_eq!(error, "error parsing regexp: missing closing ): `a(b`");
//! ```

mod class;
mod kept;
mod limits;

use std::fmt::Write as _;

use regex::Regex;

use kept::KEPT;
use limits::{Level, Part};

/// The largest count of a repetition, and of repetitions in repetitions.
const MOST: u64 = 1000;

/// Compiles an expression, or says in Go's words why it is none.
///
/// # Errors
/// If Go refuses it.
pub fn compile(expression: &str) -> Result<Regex, String> {
    KEPT.or_compiled(expression, anew)
}

fn anew(expression: &str) -> Result<Regex, String> {
    let translated = translate(expression, Names::BothWays)?;
    let too_large = |_| refused("expression too large", expression);
    Regex::new(&translated).map_err(too_large)
}

/// Whether Go takes an expression, at the cost of reading it alone: whether it becomes too large isn't looked at.
///
/// # Errors
/// Go's words, if it refuses it.
pub fn check(expression: &str) -> Result<(), String> {
    translate(expression, Names::BothWays).map(|_| ())
}

/// Whether Go took an expression before version 1.22, which is the first to read `(?<name>…)` as `(?P<name>…)`.
///
/// # Errors
/// Go's words, if it refused it.
pub fn check_before_1_22(expression: &str) -> Result<(), String> {
    translate(expression, Names::WithP).map(|_| ())
}

/// How groups may be given names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `(?P<name>…)` alone.
    WithP,
    /// `(?<name>…)` too.
    BothWays,
}

fn refused(code: &str, part: &str) -> String {
    format!("error parsing regexp: {code}: `{part}`")
}

/// What comes before the end of `whole` that is `rest`.
fn until<'a>(whole: &'a str, rest: &str) -> &'a str {
    whole
        .get(..whole.len().saturating_sub(rest.len()))
        .unwrap_or_default()
}

/// Writes a character that stands for itself.
fn literal(out: &mut String, c: char) {
    let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
}

struct Reader<'a> {
    whole: &'a str,
    names: Names,
    out: String,
    /// What a repetition would repeat.
    top: Option<Part>,
    level: Level,
    /// The brackets around it.
    open: Vec<Level>,
}

fn translate(whole: &str, names: Names) -> Result<String, String> {
    let mut reader = Reader {
        whole,
        names,
        out: String::with_capacity(whole.len() * 2),
        top: None,
        level: Level::default(),
        open: Vec::new(),
    };
    let (mut rest, mut previous) = (whole, "");
    while let Some(first) = rest.chars().next() {
        let before = rest;
        let mut repeat = "";
        match first {
            '*' | '+' | '?' => {
                reader.out.push(first);
                rest =
                    reader.repeat(before, before.get(1..).unwrap_or_default(), previous, None)?;
                repeat = before;
            }
            '{' => match counts(before) {
                Some((least, most, after)) => {
                    reader.count(before, after, least, most)?;
                    rest = reader.repeat(before, after, previous, Some((least, most)))?;
                    repeat = before;
                }
                None => rest = reader.one('{', before),
            },
            _ => rest = reader.other(first, before)?,
        }
        previous = repeat;
    }
    if !reader.open.is_empty() {
        return Err(refused("missing closing )", whole));
    }
    reader.settle();
    reader.level.part().check(whole)?;
    Ok(reader.out)
}

/// `{2}`, `{2,}` or `{2,3}`: the bounds (`None` for no upper one, -1 for a number that is too large), and what follows.
type Counts<'a> = (i64, Option<i64>, &'a str);

fn counts(text: &str) -> Option<Counts<'_>> {
    let (least, rest) = number(text.strip_prefix('{')?)?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((least, Some(least), after));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((least, None, after));
    }
    let (most, rest) = number(rest)?;
    let after = rest.strip_prefix('}')?;
    Some((if most < 0 { -1 } else { least }, Some(most), after))
}

fn number(text: &str) -> Option<(i64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    let value = digits.parse().ok().filter(|value| *value < 1_000_000_000);
    Some((value.unwrap_or(-1), rest))
}

impl<'a> Reader<'a> {
    /// What was the last part becomes one that nothing repeats.
    fn settle(&mut self) {
        if let Some(part) = self.top.take() {
            self.level.add(part);
        }
    }

    fn push(&mut self, part: Part) {
        self.settle();
        self.top = Some(part);
    }

    /// A literal of one character; what follows it.
    fn one(&mut self, c: char, text: &'a str) -> &'a str {
        literal(&mut self.out, c);
        self.push(Part::LITERAL);
        text.get(c.len_utf8()..).unwrap_or_default()
    }

    fn count(
        &mut self,
        before: &str,
        after: &str,
        least: i64,
        most: Option<i64>,
    ) -> Result<(), String> {
        let large = i64::try_from(MOST).unwrap_or(i64::MAX);
        let bad = least < 0
            || least > large
            || most.is_some_and(|most| most > large || (most >= 0 && least > most));
        if bad {
            return Err(refused("invalid repeat count", until(before, after)));
        }
        match most {
            Some(most) => {
                let _ = write!(self.out, "{{{least},{most}}}");
            }
            None => {
                let _ = write!(self.out, "{{{least},}}");
            }
        }
        Ok(())
    }

    /// What follows a repetition.
    fn repeat(
        &mut self,
        before: &'a str,
        after: &'a str,
        previous: &str,
        counted: Option<(i64, Option<i64>)>,
    ) -> Result<&'a str, String> {
        let mut after = after;
        if let Some(rest) = after.strip_prefix('?') {
            self.out.push('?');
            after = rest;
        }
        if !previous.is_empty() {
            let part = until(previous, after);
            return Err(refused("invalid nested repetition operator", part));
        }
        let Some(part) = &mut self.top else {
            let part = until(before, after);
            return Err(refused("missing argument to repetition operator", part));
        };
        part.repeat(before.starts_with('*'), counted);
        if let Some((least, most)) = counted {
            let matters = least >= 2 || most.is_some_and(|most| most >= 2);
            if matters && part.times > MOST {
                let part = until(before, after);
                return Err(refused("invalid repeat count", part));
            }
        }
        part.check(self.whole)?;
        Ok(after)
    }

    /// Everything but repetitions; what follows it.
    fn other(&mut self, first: char, text: &'a str) -> Result<&'a str, String> {
        let after = text.get(first.len_utf8()..).unwrap_or_default();
        match first {
            '(' if after.starts_with('?') => return self.flags(text),
            '(' => self.opened("(", true),
            '|' => {
                self.out.push('|');
                self.settle();
                self.level.bar();
            }
            ')' => {
                let Some(outside) = self.open.pop() else {
                    return Err(refused("unexpected )", self.whole));
                };
                self.out.push(')');
                self.settle();
                let part = std::mem::replace(&mut self.level, outside).part();
                part.check(self.whole)?;
                self.top = Some(part);
            }
            '^' | '$' | '.' => {
                self.out.push(first);
                self.push(Part::SIGN);
            }
            '[' => {
                let rest = class::brackets(text, &mut self.out)?;
                self.push(Part::SIGN);
                return Ok(rest);
            }
            '\\' => return self.escape(text),
            _ => return Ok(self.one(first, text)),
        }
        Ok(after)
    }

    fn opened(&mut self, bracket: &str, captures: bool) {
        self.out.push_str(bracket);
        self.settle();
        let inner = Level::new(captures);
        self.open.push(std::mem::replace(&mut self.level, inner));
    }

    /// `(?i)`, `(?i:…)` and groups with names.
    fn flags(&mut self, text: &'a str) -> Result<&'a str, String> {
        let bare = || text.strip_prefix("(?<");
        let bare = || bare().filter(|_| self.names == Names::BothWays);
        let named = text.strip_prefix("(?P<").or_else(bare);
        if let Some(named) = named.filter(|rest| !rest.is_empty()) {
            let Some((name, rest)) = named.split_once('>') else {
                return Err(refused("invalid named capture", text));
            };
            let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(word) {
                return Err(refused("invalid named capture", until(text, rest)));
            }
            self.opened("(", true);
            return Ok(rest);
        }
        let mut rest = text.get(2..).unwrap_or_default();
        let (mut negated, mut seen) = (false, false);
        let mut written = String::from("(?");
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                'i' | 'm' | 's' | 'U' => seen = true,
                '-' if !negated => (negated, seen) = (true, false),
                ':' | ')' if !negated || seen => {
                    written.push(c);
                    if c == ':' {
                        self.opened(&written, false);
                    } else if written.len() > "(?)".len() {
                        self.out.push_str(&written);
                    }
                    return Ok(rest);
                }
                _ => break,
            }
            if !written.contains(c) {
                written.push(c);
            }
        }
        let part = until(text, rest);
        Err(refused("invalid or unsupported Perl syntax", part))
    }

    fn escape(&mut self, text: &'a str) -> Result<&'a str, String> {
        let after = text.get(2..);
        match (text.chars().nth(1), after) {
            (Some(c @ ('A' | 'z' | 'B')), Some(after)) => {
                self.out.push('\\');
                self.out.push(c);
                self.push(Part::SIGN);
                return Ok(after);
            }
            (Some('b'), Some(after)) => {
                self.out.push_str(r"(?-u:\b)");
                self.push(Part::SIGN);
                return Ok(after);
            }
            (Some('C'), _) => {
                let part = text.get(..2).unwrap_or(text);
                return Err(refused("invalid escape sequence", part));
            }
            (Some('Q'), Some(after)) => {
                let (quoted, rest) = after.split_once("\\E").unwrap_or((after, ""));
                for c in quoted.chars() {
                    self.one(c, "");
                }
                return Ok(rest);
            }
            _ => {}
        }
        if let Some(rest) = class::unicode(text, &mut self.out)? {
            self.push(Part::SIGN);
            return Ok(rest);
        }
        if let Some((class, rest)) = class::perl(text) {
            self.out.push_str(class);
            self.push(Part::SIGN);
            return Ok(rest);
        }
        let (c, rest) = class::escaped(text)?;
        literal(&mut self.out, c);
        self.push(Part::LITERAL);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (expression, error) in [
            ("a(b", "missing closing ): `a(b`"),
            ("a)b", "unexpected ): `a)b`"),
            ("a[b", "missing closing ]: `[b`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            (r"\pX", r"invalid character class range: `\pX`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(|*)", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("(a{100}){11}", "invalid repeat count: `{11}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?<!a)", "invalid named capture: `(?<!a)`"),
            ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
            ("(?:a{1000}b){2}", "invalid repeat count: `{2}`"),
            (r"\8", r"invalid escape sequence: `\8`"),
            (r"a\", "trailing backslash at end of expression: ``"),
        ] {
            let found = compile(expression).err();
            let wanted = format!("error parsing regexp: {error}");
            assert_eq!(found.as_deref(), Some(wanted.as_str()), "{expression}");
        }
    }

    #[test]
    fn names_without_a_p_came_with_go_1_22() {
        for expression in ["(?<n>x)", "^(?s:(?<n>x))$"] {
            assert_eq!(check(expression), Ok(()), "{expression}");
            let refused = "error parsing regexp: invalid or unsupported Perl syntax: `(?<`";
            let found = check_before_1_22(expression);
            assert_eq!(found, Err(refused.to_owned()), "{expression}");
        }
        for expression in ["(?P<n>x)", r"\(?<n>", "[(?<n>]", r"\Q(?<n>\E"] {
            assert_eq!(check_before_1_22(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn what_nests_too_deeply_or_becomes_too_large_is_refused() {
        let nested = |open: &str, count: usize, close: &str| {
            format!("^(?s:{}a{})$", open.repeat(count), close.repeat(count))
        };
        let deep = "expression nests too deeply";
        let large = "expression too large";
        for (expression, wanted) in [
            (nested("(", 998, ")"), None),
            (nested("(", 999, ")"), Some(deep)),
            (nested("(?:", 5000, ")"), None),
            (nested("(?:b", 2000, ")"), None),
            (nested("(?:b|", 5000, ")"), None),
            (nested("(?:b|", 499, "c)"), None),
            (nested("(?:b|", 500, "c)"), Some(deep)),
            (nested("(", 499, ")*"), None),
            (nested("(", 500, ")*"), Some(deep)),
            (format!("(?:{}){{1000}}", "a".repeat(3355)), None),
            (format!("(?:{}){{1000}}", "a".repeat(3356)), Some(large)),
        ] {
            let found = check(&expression).err();
            let wanted = wanted.map(|code| refused(code, &expression));
            assert_eq!(found, wanted, "{}", expression.len());
        }
    }

    #[test]
    fn what_go_takes_means_the_same() {
        for (expression, yes, no) in [
            (r"^\w{2,}$", "ab", "é_"),
            (r"^[\d_-]+$", "1-_", "x"),
            (r"^[^\s]$", "\u{a0}", " "),
            ("^a{,2}$", "a{,2}", "aa"),
            (r"^\Q.*\E$", ".*", "ab"),
            ("^(?i:ab)c$", "ABc", "ABC"),
            (r"^\x41\x{42}\103$", "ABC", "abc"),
            ("^[[:upper:]]$", "A", "a"),
            ("^(?P<n>x)(?<m>y)$", "xy", "x"),
            ("^[]a]$", "]", "b"),
            ("^x&&y[a&&b]$", "x&&y&", "x&&yc"),
            (r"^\pL\P{Greek}$", "ab", "aα"),
        ] {
            let found = compile(expression).unwrap();
            assert!(found.is_match(yes), "{expression} {yes}");
            assert!(!found.is_match(no), "{expression} {no}");
        }
    }
}
