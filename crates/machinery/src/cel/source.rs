//! The text of an expression before it is parsed: what of it is code, how deep it goes, and repeated signs, which cel-go's
//! grammar takes for one or none (`unary` of `CEL.g4`, `VisitLogicalNot` and `VisitNegate` of `parser.go`).

/// The text with letters in place of what is quoted and blanks in place of comments; as long as before.
pub(super) fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let (length, instead) = match character {
            '"' | '\'' => (text_length(rest, character, is_raw(&out)), 'x'),
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), ' '),
            _ => {
                out.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
                continue;
            }
        };
        let (hidden, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        out.extend(hidden.bytes().map(|_| instead));
        rest = after;
    }
    out
}

/// Whether a text that follows has no escapes: `r` or `R` is before it, on its own or with a `b`.
fn is_raw(before: &str) -> bool {
    let letters = before.chars().rev();
    let letters: Vec<char> = letters.take_while(char::is_ascii_alphanumeric).collect();
    letters.len() <= 2 && letters.iter().any(|letter| matches!(letter, 'r' | 'R'))
}

/// How long the text at the beginning is, quotes included; all of it if it has no end.
fn text_length(rest: &str, quote: char, raw: bool) -> usize {
    let three = quote.to_string().repeat(3);
    let close = if rest.starts_with(&three) {
        three
    } else {
        quote.to_string()
    };
    let mut at = close.len();
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with(&close) {
            return at + close.len();
        }
        let mut characters = left.chars();
        let first = characters.next().map_or(1, char::len_utf8);
        at += match left.as_bytes().first() {
            Some(b'\\') if !raw => first + characters.next().map_or(0, char::len_utf8),
            _ => first,
        };
    }
    rest.len()
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
            ("\"é(", "xxxx"),
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
