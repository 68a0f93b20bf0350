//! URLs as Go's `net/url` reads them.

mod escapes;
mod parse;

pub use parse::{GoUrl, check_request_uri, parse_request_uri, parse_url, query_pairs};

/// The scheme in small letters, empty if there is none, and what follows it (`getScheme`).
///
/// # Errors
/// Go's text, if nothing stands before the colon.
pub fn split_scheme(text: &str) -> Result<(String, &str), &'static str> {
    match text.split_once(':') {
        Some(("", _)) => Err("missing protocol scheme"),
        Some((scheme, rest)) if is_scheme(scheme) => Ok((scheme.to_ascii_lowercase(), rest)),
        Some(_) | None => Ok((String::new(), text)),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[test]
fn schemes_are_found_as_in_go() {
    for (text, found) in [
        ("HTTPS://a", Ok(("https", "//a"))),
        ("a+b-1.c:d", Ok(("a+b-1.c", "d"))),
        ("1a:b", Ok(("", "1a:b"))),
        ("a_b:c", Ok(("", "a_b:c"))),
        ("/a:b", Ok(("", "/a:b"))),
        ("a", Ok(("", "a"))),
        (":a", Err("missing protocol scheme")),
    ] {
        let found = found.map(|(scheme, rest)| (scheme.to_owned(), rest));
        assert_eq!(split_scheme(text), found, "{text}");
    }
}
