//! Texts with a form of their own: sizes, URLs, addresses.

use std::collections::BTreeSet;

use crate::{redact, url};

/// `alecthomas/units`: numbers with units, all of base 2 with `iB`, or all with `B`, each of them a power of 1024; all in all
/// bytes that a signed number of 64 bits holds.
pub(super) fn check_size(text: &str) -> Result<(), String> {
    let refused = || format!("{text:?} is no size; write it as 10MB or 512KiB");
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return Err(refused());
    }
    let (mut kinds, mut bytes) = (BTreeSet::new(), 0.0);
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !c.is_ascii_digit() && c != '.');
        let of_bytes = unit.strip_suffix('B').ok_or_else(refused)?;
        let prefix = of_bytes.strip_suffix('i').unwrap_or(of_bytes);
        let scale = SCALES.iter().find(|(known, _)| *known == prefix);
        let (_, scale) = scale.filter(|_| of_bytes != "i").ok_or_else(refused)?;
        if unit != "B" {
            kinds.insert(of_bytes.ends_with('i'));
        }
        bytes += amount(number).ok_or_else(refused)? * scale;
        rest = after;
    }
    if kinds.len() > 1 {
        return Err(refused());
    }
    if bytes > MOST {
        return Err(format!("{text:?} is more than 8EiB; write less"));
    }
    Ok(())
}

const K: f64 = 1024.0;
const SCALES: [(&str, f64); 7] = [
    ("", 1.0),
    ("K", K),
    ("M", K * K),
    ("G", K * K * K),
    ("T", K * K * K * K),
    ("P", K * K * K * K * K),
    ("E", MOST / 8.0),
];

/// The largest number of 64 bits with a sign, as Go compares it with a fraction.
const MOST: f64 = 9_223_372_036_854_775_808.0;

/// A number with at most one point.
fn amount(text: &str) -> Option<f64> {
    /// What Go still reads digit by digit.
    const LARGEST: u64 = 9_223_372_036_854_775_789;
    let part = |digits: &str| -> Option<f64> {
        if digits.is_empty() {
            return Some(0.0);
        }
        digits
            .parse()
            .ok()
            .filter(|number: &u64| *number <= LARGEST)?;
        digits.parse().ok()
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = i32::try_from(fraction.len()).ok()?;
    Some(part(whole)? + part(fraction)? / 10_f64.powi(digits))
}

/// A duration as Go reads it.
pub(super) fn check_go_duration(text: &str) -> Result<(), String> {
    let refuse =
        |why| format!("{why}; write hours, minutes and seconds, as in 1h30m (days aren't known)");
    let read = machinery::duration::GoDuration::parse(text);
    read.map(|_| ()).map_err(refuse)
}

fn split(text: &str, takes: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !takes(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Reads a URL. The refusal repeats nothing of it: it may hold credentials, or be a secret itself; the field is told anyway.
pub(super) fn parse_url(text: &str) -> Result<url::Url, String> {
    url::parse(text).map_err(|why| redact::without_url(&why, text))
}

/// A URL whose scheme is `http` or `https`, with a host.
pub(super) fn check_http_url(text: &str) -> Result<(), String> {
    url::check_http(text).map_err(|why| redact::without_url(&why, text))
}

/// `host:port`, or nothing at all.
pub(super) fn check_address(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let (_, port) = url::split_host_port(text)?;
    if port.is_empty() {
        return Err(format!("address {text:?}: port cannot be empty"));
    }
    Ok(())
}

/// Whether Go's `filepath.Match` takes a pattern: classes are closed and not empty, and nothing is escaped at the end.
pub(super) fn is_pattern(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' => {
                chars.next_if_eq(&'^');
                let mut some = false;
                loop {
                    match chars.next() {
                        Some(']') if some => break,
                        Some('-' | ']') | None => return false,
                        Some('\\') if chars.next().is_none() => return false,
                        Some(_) => {}
                    }
                    some = true;
                    let to = chars.next_if_eq(&'-').map(|_| chars.next());
                    match to {
                        Some(None | Some('-' | ']')) => return false,
                        Some(Some('\\')) if chars.next().is_none() => return false,
                        None | Some(Some(_)) => {}
                    }
                }
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_that_64_bits_hold() {
        for text in [
            "0", "+0", "10MB", "512KiB", "1.5GiB", "1GB512MB", ".5KB", "7EB", "8EiB",
        ] {
            assert_eq!(check_size(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "-",
            "10",
            "10iB",
            "10XB",
            "B",
            ".B",
            "1.2.3B",
            "1KB1KiB",
            "10EiB",
            "9000PB",
            "20EB",
            "9223372036854775807B",
            "99999999999999999999B",
        ] {
            assert!(check_size(text).is_err(), "{text}");
        }
    }
}
