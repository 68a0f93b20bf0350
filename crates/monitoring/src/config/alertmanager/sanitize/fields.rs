//! URLs in fields: plain ones, and those that may be Go templates. What the document holds may come out of a Secret, whatever
//! the field, so that no value is told.

use super::{Fields, Refusal, text};
use crate::redact;
use crate::template::{self, Of};
use crate::url;

/// A field with a URL must hold one.
pub(super) fn check_url(fields: &Fields, key: &str, place: &str) -> Result<(), Refusal> {
    let value = text(fields, key);
    if value.is_empty() {
        return Ok(());
    }
    check_secret_url(value).map_err(|why| format!("invalid {place}: {why}"))
}

/// A text must be a URL; it is told, as it is no secret.
pub(crate) fn check_url_text(value: &str) -> Result<(), Refusal> {
    url::check_http(value)
        .map_err(|why| format!("validate url from string failed for {value}: {why}"))
}

/// A field with a URL or a template of one must hold it.
pub(super) fn check_template(fields: &Fields, key: &str, place: &str) -> Result<(), Refusal> {
    let value = text(fields, key);
    if value.is_empty() {
        return Ok(());
    }
    check_secret_template_url(value).map_err(|why| format!("invalid {place}: {why}"))
}

/// A URL or a template of one, of which nothing is told.
pub(crate) fn check_secret_template_url(value: &str) -> Result<(), Refusal> {
    let checked = check_template_url(value);
    checked.map_err(|why| {
        if value.contains("{{") {
            redact::without_quoted(&why)
        } else {
            why
        }
    })
}

/// A URL or a template of one. The text of a URL may be a secret and is not told.
pub fn check_template_url(value: &str) -> Result<(), Refusal> {
    if value.contains("{{") {
        return template::check(value, Of::Receiver).map_err(|why| format!("template: :1: {why}"));
    }
    check_secret_url(value)
}

/// A text must be a URL; as it may be a secret, it isn't told.
pub(crate) fn check_secret_url(value: &str) -> Result<(), Refusal> {
    url::check_http(value).map_err(|why| {
        let why = redact::without_url(&why, value);
        format!("validate url from string failed with error: {why}")
    })
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
            "https://example.com/{{ .Labels.x | toLower }}",
            "{{/* a - b */}}x",
        ] {
            assert_eq!(check_template_url(value), Ok(()), "{value}");
        }
        for value in [
            "example.com",
            "http://u ser@h",
            "http://h%41/b",
            "ftp://x",
            "https://",
            "{{ a-b }}",
            "{{ x",
            "{{ nosuch .Labels.x }}",
            "https://example.com/{{ if .Labels.x }}y",
            "{{ \"a }}",
            "{{ }}",
        ] {
            assert!(check_template_url(value).is_err(), "{value}");
        }
    }
}
