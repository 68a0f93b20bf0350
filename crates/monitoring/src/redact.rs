//! Texts about what is wrong with a secret, without the secret: statuses, Events and logs are read by more people than it.

use crate::url;

/// What stands for what isn't told.
const REDACTED: &str = "[REDACTED]";

/// What is quoted and as short as this is a character or an escape: it says what is wrong, and nothing of a secret.
const SHORT: usize = 3;

/// A text without what it quotes.
pub fn without_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        // Within a word it is an apostrophe.
        let opens = matches!(c, '"' | '`') || c == '\'' && !out.ends_with(char::is_alphanumeric);
        if !opens {
            out.push(c);
            rest = after;
            continue;
        }
        let (inner, behind) = quoted(after, c);
        if inner.chars().count() > SHORT {
            out.push_str(REDACTED);
        } else {
            out.extend([c]);
            out.push_str(inner);
            out.extend([c]);
        }
        rest = behind;
    }
    out
}

/// What stands before the quote that closes, and what behind it; everything, if none closes.
fn quoted(text: &str, quote: char) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            let (inner, rest) = text.split_at(at);
            return (inner, rest.get(c.len_utf8()..).unwrap_or_default());
        }
    }
    (text, "")
}

/// What is wrong with a URL, without the URL and its parts. Of one with a scheme that nobody speaks the scheme is told.
pub fn without_url(why: &str, secret: &str) -> String {
    let scheme = secret.split_once("://").map(|(scheme, _)| scheme);
    let told = scheme.map(|scheme| url::unsupported_scheme(&scheme.to_lowercase()));
    if told.as_deref() == Some(why) {
        return why.to_owned();
    }
    without_quoted(&url::redacted(why, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_parts_are_dropped_and_the_rest_stays() {
        for (text, told) in [
            (
                r#"parse "http://a/\"b\n": net/url: invalid control character in URL"#,
                "parse [REDACTED]: net/url: invalid control character in URL",
            ),
            (r#"invalid URL escape "%zz""#, r#"invalid URL escape "%zz""#),
            (
                r#"invalid port ":hunter2" after host"#,
                "invalid port [REDACTED] after host",
            ),
            (
                "cannot decode !!str `hunter2` as a !!int",
                "cannot decode !!str [REDACTED] as a !!int",
            ),
            (
                "unknown anchor 'hunter2' referenced",
                "unknown anchor [REDACTED] referenced",
            ),
            (
                "it can't be: did not find expected ',' or ']'",
                "it can't be: did not find expected ',' or ']'",
            ),
            (
                "malformed character constant: 'hunter2",
                "malformed character constant: [REDACTED]",
            ),
            ("ä \"ö\" `üüüü`", "ä \"ö\" [REDACTED]"),
        ] {
            assert_eq!(without_quoted(text), told, "{text}");
        }
    }

    #[test]
    fn of_a_url_no_part_is_told_but_a_scheme() {
        let told = |secret: &str| {
            let checked = url::check_http(secret);
            without_url(&checked.unwrap_err(), secret)
        };
        for (secret, wanted) in [
            ("ftps://hunter2", "unsupported scheme \"ftps\" for URL"),
            ("hunter2:x", "unsupported scheme [REDACTED] for URL"),
            ("hunter2", "unsupported scheme \"\" for URL"),
            (
                "http://hunter2:secret/x@y",
                "parse [REDACTED]: invalid port [REDACTED] after host",
            ),
            ("a:b", "unsupported scheme \"a\" for URL"),
            (
                "1:b",
                "parse [REDACTED]: first path segment in URL cannot contain colon",
            ),
            (
                "https://hooks/hunter2\n",
                "parse [REDACTED]: net/url: invalid control character in URL",
            ),
            (
                "https://hooks/hunter2%zz",
                "parse [REDACTED]: invalid URL escape \"%zz\"",
            ),
        ] {
            assert_eq!(told(secret), wanted, "{secret:?}");
        }
    }
}
