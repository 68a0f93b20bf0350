//! Texts with a form of their own: sizes, URLs, addresses.

use std::collections::BTreeSet;

use crate::{redact, url};

/// `alecthomas/units`: numbers with units, all of base 2 with `iB`, or all with `B`.
pub(super) fn check_size(text: &str) -> Result<(), String> {
    let refuse = || Err(format!("{text:?} is no size; write it as 10MB or 512KiB"));
    if text == "0" {
        return Ok(());
    }
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut kinds = BTreeSet::new();
    if rest.is_empty() {
        return refuse();
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !c.is_ascii_digit() && c != '.');
        let digits = number.chars().any(|c| c.is_ascii_digit());
        if !digits || number.matches('.').count() > 1 {
            return refuse();
        }
        match unit {
            "B" => {}
            "KB" | "MB" | "GB" | "TB" | "PB" | "EB" => {
                kinds.insert(false);
            }
            "KiB" | "MiB" | "GiB" | "TiB" | "PiB" | "EiB" => {
                kinds.insert(true);
            }
            _ => return refuse(),
        }
        rest = after;
    }
    if kinds.len() > 1 { refuse() } else { Ok(()) }
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
