//! Escapes in quoted texts, as Go's `strconv.UnquoteChar` and PromQL's lexer read them.

/// What an escape stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escaped {
    /// A character.
    Char(char),
    /// A byte, which may be a part of one.
    Byte(u8),
}

impl Escaped {
    /// Adds it to a text in UTF-8.
    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Char(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            Self::Byte(byte) => bytes.push(byte),
        }
    }
}

/// Reads what follows a `\` in a text within such quotes.
///
/// # Errors
/// In the words of Prometheus' lexer: `unknown escape sequence 'z'`.
pub(crate) fn escape(
    chars: &mut impl Iterator<Item = (usize, char)>,
    quote: char,
) -> Result<Escaped, String> {
    let not_terminated = || "escape sequence not terminated".to_owned();
    let (_, c) = chars.next().ok_or_else(not_terminated)?;
    let (count, radix, mut number) = match c {
        'a' => return Ok(Escaped::Byte(7)),
        'b' => return Ok(Escaped::Byte(8)),
        'f' => return Ok(Escaped::Byte(12)),
        'n' => return Ok(Escaped::Byte(b'\n')),
        'r' => return Ok(Escaped::Byte(b'\r')),
        't' => return Ok(Escaped::Byte(b'\t')),
        'v' => return Ok(Escaped::Byte(11)),
        '\\' => return Ok(Escaped::Byte(b'\\')),
        c if c == quote => return Ok(Escaped::Char(c)),
        '0'..='7' => (2, 8, c.to_digit(8).unwrap_or_default()),
        'x' => (2, 16, 0),
        'u' => (4, 16, 0),
        'U' => (8, 16, 0),
        c => return Err(format!("unknown escape sequence {c:?}")),
    };
    for _ in 0..count {
        let (_, c) = chars.next().ok_or_else(not_terminated)?;
        let digit = c.to_digit(radix);
        let digit = digit.ok_or_else(|| format!("illegal character {c:?} in escape sequence"))?;
        number = number.wrapping_mul(radix).wrapping_add(digit);
    }
    let read = if count == 2 {
        u8::try_from(number).ok().map(Escaped::Byte)
    } else {
        char::from_u32(number).map(Escaped::Char)
    };
    read.ok_or_else(|| "escape sequence is an invalid Unicode code point".to_owned())
}

#[test]
fn escapes_are_read_as_in_go() {
    let unknown = |c| Err(format!("unknown escape sequence {c:?}"));
    let invalid = || Err("escape sequence is an invalid Unicode code point".to_owned());
    for (text, wanted) in [
        ("n", Ok(Escaped::Byte(b'\n'))),
        ("\"", Ok(Escaped::Char('"'))),
        ("'", unknown('\'')),
        ("z", unknown('z')),
        ("377", Ok(Escaped::Byte(255))),
        ("400", invalid()),
        ("777", invalid()),
        (
            "08",
            Err("illegal character '8' in escape sequence".to_owned()),
        ),
        ("xfF", Ok(Escaped::Byte(255))),
        ("xf", Err("escape sequence not terminated".to_owned())),
        ("u00e9", Ok(Escaped::Char('é'))),
        ("ud800", invalid()),
        ("U0010ffff", Ok(Escaped::Char('\u{10ffff}'))),
        ("U00110000", invalid()),
        ("Uffffffff", invalid()),
    ] {
        assert_eq!(escape(&mut text.char_indices(), '"'), wanted, "{text}");
    }
}
