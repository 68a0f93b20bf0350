//! URLs in fields: plain ones, and those that may be Go templates.

use super::{Fields, Refusal, text};
use crate::url;

/// A field with a URL must hold one.
pub(super) fn check_url(fields: &Fields, key: &str, place: &str) -> Result<(), Refusal> {
    let value = text(fields, key);
    if value.is_empty() {
        return Ok(());
    }
    check_url_text(value).map_err(|why| format!("invalid {place}: {why}"))
}

/// A text must be a URL.
pub(crate) fn check_url_text(value: &str) -> Result<(), Refusal> {
    check_http_url(value)
        .map_err(|why| format!("validate url from string failed for {value}: {why}"))
}

/// A field with a URL or a template of one must hold it.
pub(super) fn check_template(fields: &Fields, key: &str, place: &str) -> Result<(), Refusal> {
    let value = text(fields, key);
    if value.is_empty() {
        return Ok(());
    }
    check_template_url(value).map_err(|why| format!("invalid {place}: {why}"))
}

/// A URL or a template of one. The text of a URL may be a secret and is not told.
pub fn check_template_url(value: &str) -> Result<(), Refusal> {
    if value.contains("{{") {
        return check_actions(value).map_err(|why| format!("template: :1: {why}"));
    }
    check_secret_url(value)
}

/// A text must be a URL; as it may be a secret, it isn't told.
pub(crate) fn check_secret_url(value: &str) -> Result<(), Refusal> {
    check_http_url(value).map_err(|why| {
        let why = why.replace(&format!("{value:?}"), "[REDACTED]");
        format!("validate url from string failed with error: {why}")
    })
}

/// A URL of a web page.
pub(crate) fn check_http_url(value: &str) -> Result<(), String> {
    let url = url::parse(value)?;
    if url.scheme != "http" && url.scheme != "https" {
        return Err(format!("unsupported scheme {:?} for URL", url.scheme));
    }
    if url.host.is_empty() {
        return Err("missing host for URL".to_owned());
    }
    Ok(())
}

/// The lexical rules of template actions.
fn check_actions(template: &str) -> Result<(), String> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let (action, after) = after
            .split_once("}}")
            .ok_or_else(|| "unclosed action".to_owned())?;
        let action = action.strip_prefix("- ").unwrap_or(action);
        let action = action.strip_suffix(" -").unwrap_or(action);
        if !action.trim().starts_with("/*") {
            check_action(action)?;
        }
        rest = after;
    }
    Ok(())
}

fn check_action(action: &str) -> Result<(), String> {
    let mut chars = action.chars().peekable();
    let mut quote = None;
    let mut empty = true;
    while let Some(c) = chars.next() {
        match quote {
            Some(open) => {
                if c == '\\' && open == '"' {
                    chars.next();
                } else if c == open {
                    quote = None;
                }
                continue;
            }
            None => empty &= c.is_whitespace(),
        }
        let number = matches!(c, '-' | '+')
            && chars
                .peek()
                .is_some_and(|next| next.is_ascii_digit() || *next == '.');
        match c {
            '"' | '`' => quote = Some(c),
            '_' | '.' | '$' | '|' | '(' | ')' | ',' | ':' | '=' => {}
            c if c.is_alphanumeric() || c.is_whitespace() || number => {}
            c => return Err(format!("bad character U+{:04X} '{c}'", u32::from(c))),
        }
    }
    match (quote, empty) {
        (Some('"'), _) => Err("unterminated quoted string".to_owned()),
        (Some(_), _) => Err("unterminated raw quoted string".to_owned()),
        (None, true) => Err("missing value for command".to_owned()),
        (None, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_by_their_actions() {
        for value in [
            "https://example.com",
            "https://example.com/{{ .Labels.x }}",
            "{{- $x := -1 | printf \"%d-\" -}}",
            "{{/* a - b */}}x",
        ] {
            assert_eq!(check_template_url(value), Ok(()), "{value}");
        }
        for value in [
            "example.com",
            "ftp://x",
            "https://",
            "{{ a-b }}",
            "{{ x",
            "{{ \"a }}",
            "{{ }}",
        ] {
            assert!(check_template_url(value).is_err(), "{value}");
        }
    }
}
