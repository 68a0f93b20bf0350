//! The text of an expression before it is parsed: what of it is code, how deep it goes, and repeated signs, which cel-go's
//! grammar takes for one or none (`unary` of `CEL.g4`, `VisitLogicalNot` and `VisitNegate` of `parser.go`).

/// The text with letters in place of what is quoted and blanks in place of comments; as long as before. Where a quotation
/// has no end, the parsers go on behind its first sign, so all of it is code.
pub(super) fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    // Where the name or number begins that `out` ends with.
    let mut word = 0;
    while let Some(character) = rest.chars().next() {
        let hidden = match character {
            '"' | '\'' => text_length(rest, character, is_raw(out.get(word..).unwrap_or_default()))
                .map(|length| (length, 'x')),
            '/' if rest.starts_with("//") => Some((rest.find('\n').unwrap_or(rest.len()), ' ')),
            _ => None,
        };
        let Some((length, instead)) = hidden else {
            out.push(character);
            if !character.is_ascii_alphanumeric() && character != '_' {
                word = out.len();
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (hidden, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        out.extend(hidden.bytes().map(|_| instead));
        word = out.len();
        rest = after;
    }
    out
}

/// Whether a text that follows this word has no escapes: it is `r` or `R`, on its own, with a `b` or behind a number.
fn is_raw(word: &str) -> bool {
    let Some(ahead) = word.strip_suffix(['r', 'R']) else {
        return false;
    };
    let ahead = ahead.strip_suffix(['b', 'B']).unwrap_or(ahead);
    ahead.is_empty() || ahead.starts_with(|c: char| c.is_ascii_digit())
}

/// How long the text at the beginning is, quotes included; `None` if it has no end, or an escape that isn't one.
fn text_length(rest: &str, quote: char, raw: bool) -> Option<usize> {
    let three = quote.to_string().repeat(3);
    let (close, lines) = if rest.starts_with(&three) {
        (three, true)
    } else {
        (quote.to_string(), false)
    };
    let mut at = close.len();
    loop {
        let left = rest.get(at..)?;
        if left.starts_with(&close) {
            return Some(at + close.len());
        }
        at += match left.chars().next()? {
            '\\' if !raw => escape_length(left)?,
            '\n' | '\r' if !lines => return None,
            first => first.len_utf8(),
        };
    }
}

/// How long the escape at the beginning is, backslash included (`ESC_SEQ` of `CEL.g4`).
fn escape_length(text: &str) -> Option<usize> {
    let (letter, digits) = text.get(1..)?.split_at_checked(1)?;
    let all = |count: usize, base: u32| {
        let digits = digits.get(..count)?;
        let known = digits.chars().all(|digit| digit.is_digit(base));
        known.then_some(2 + count)
    };
    match letter {
        "a" | "b" | "f" | "n" | "r" | "t" | "v" | "\"" | "'" | "\\" | "?" | "`" => Some(2),
        "x" | "X" => all(2, 16),
        "u" => all(4, 16),
        "U" => all(8, 16),
        "0" | "1" | "2" | "3" => all(2, 8),
        _ => None,
    }
}

/// Brackets inside brackets, of code.
pub(super) fn brackets(code: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for character in code.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The expression with blanks in place of pairs of signs in a row, so that two or one are left of each row.
pub(super) fn without_pairs(source: &str, code: &str) -> String {
    let mut out = source.as_bytes().to_vec();
    for sign in [b'!', b'-'] {
        let mut row: Vec<usize> = Vec::new();
        for (at, byte) in code.bytes().chain([b'x']).enumerate() {
            match byte {
                _ if byte == sign => row.push(at),
                b' ' | b'\t' | b'\n' | b'\r' => {}
                // The sign before an equals sign is another one's.
                _ => {
                    let own = if byte == b'=' {
                        row.len().saturating_sub(1)
                    } else {
                        row.len()
                    };
                    let spare = own.saturating_sub(1) / 2 * 2;
                    for at in row.drain(..).take(spare) {
                        if let Some(byte) = out.get_mut(at) {
                            *byte = b' ';
                        }
                    }
                }
            }
        }
    }
    // Single bytes of ASCII were replaced.
    String::from_utf8(out).unwrap_or_else(|_| source.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_is_no_code() {
        for (source, expected) in [
            (r#"a == "(\"(" + b"#, "a == xxxxxx + b"),
            (r#"r"\" + '('"#, "rxxx + xxx"),
            ("'''(''(''' // (\n(", "xxxxxxxxxx     \n("),
            ("'é('", "xxxxx"),
            // What has no end, or no right escape, is code.
            ("\"é(", "\"é("),
            ("'(\n('", "'(\n('"),
            (r"'\q(' + '\x41('", r"'\q(xxxxx\x41('"),
            (r"'\t\'\377\u00e9(' + '('", "xxxxxxxxxxxxxxxxx + xxx"),
            (r"_r'\'(' + 1r'\'(", r"_rxxxxx + 1rxxx("),
        ] {
            let code = code(source);
            assert_eq!(code, expected, "{source}");
            assert_eq!(code.len(), source.len(), "{source}");
        }
    }

    #[test]
    fn signs_in_a_row_are_one_or_two() {
        for (source, expected) in [
            ("!!!!!a", "    !a"),
            ("!!!!a", "  !!a"),
            ("! ! !a", "    !a"),
            ("a---1", "a  -1"),
            ("a != !!!b", "a !=   !b"),
            ("'!!!' + \"---\"", "'!!!' + \"---\""),
            ("1 - 'a' - 'b' - 2", "1 - 'a' - 'b' - 2"),
        ] {
            assert_eq!(without_pairs(source, &code(source)), expected, "{source}");
        }
    }
}
