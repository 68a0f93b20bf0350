//! Escapes in parts of URLs (`%20`), as Go's `net/url` reads and writes them.

use std::fmt::Write as _;

use crate::decode::quote;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    User,
    Host,
    /// The zone of an address, with the `%25` before it.
    Zone,
    /// A key or a value of a query, where `+` is a space.
    Query,
}

/// Takes escapes away; what is no UTF-8 then is replaced.
///
/// # Errors
/// `invalid URL escape "%zz"`, `invalid character " " in host name`.
pub(super) fn unescape(text: &str, part: Part) -> Result<String, String> {
    let of_host = matches!(part, Part::Host | Part::Zone);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c == '%' {
            bytes.push(escaped(rest, part)?);
            3
        } else if c == '+' && part == Part::Query {
            bytes.push(b' ');
            1
        } else if of_host && c.is_ascii() && !stays_in_host(c) {
            let shown = quote(&c.to_string());
            return Err(format!("invalid character {shown} in host name"));
        } else {
            bytes.extend(rest.bytes().take(c.len_utf8()));
            c.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The byte that the escape at the beginning of a text stands for.
fn escaped(text: &str, part: Part) -> Result<u8, String> {
    let three = text.as_bytes();
    let three = three.get(..3).unwrap_or(three);
    let bad = || Err(format!("invalid URL escape {}", quote_bytes(three)));
    let digits = std::str::from_utf8(three).ok();
    let digits = digits.and_then(|three| three.strip_prefix('%'));
    let digits =
        digits.filter(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
        return bad();
    };
    let fits = match part {
        Part::Path | Part::User | Part::Query => true,
        Part::Host => byte >= 0x80 || byte == b'%',
        Part::Zone => matches!(byte, b'%' | b' ') || stays_in_host(char::from(byte)),
    };
    if fits { Ok(byte) } else { bad() }
}

/// [`quote`] of bytes that may end within a character.
fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        let quoted = quote(chunk.valid());
        let inner = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        out.push_str(inner.unwrap_or_default());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    format!("\"{out}\"")
}

fn stays_in_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!\"$&'()*+,-.:;<=>[]_~".contains(c)
}

fn stays_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$&+,-./:;=@_~".contains(&byte)
}

/// Whether nothing in a path needs an escape that has none (`validEncoded`).
pub(super) fn is_escaped_path(path: &str) -> bool {
    path.bytes()
        .all(|byte| stays_in_path(byte) || b"!'()*[]%".contains(&byte))
}

/// A path with escapes for all that needs them, those that it has read first.
pub(super) fn escape_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let read = if byte == b'%' {
            let digits = [bytes.next(), bytes.next()];
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let [high, low] = digits.map(|byte| digit(byte).unwrap_or_default());
            u8::try_from(high * 16 + low).unwrap_or_default()
        } else {
            byte
        };
        if stays_in_path(read) {
            out.push(char::from(read));
        } else {
            let _ = write!(out, "%{read:02X}");
        }
    }
    out
}
