//! URLs as Go's `net/url` takes them, as far as they must be checked, and addresses of hosts.

use std::net::IpAddr;

use machinery::go_url::split_scheme;

/// The parts that checks look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// Scheme in lower case, empty if there is none.
    pub scheme: String,
    /// Host and port, empty if there are none.
    pub host: String,
}

/// Reads a URL; the error is Go's text.
pub fn parse(text: &str) -> Result<Url, String> {
    let refuse = |why: String| Err(format!("parse {text:?}: {why}"));
    if text.chars().any(|c| c.is_ascii_control()) {
        return refuse("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = match split_scheme(text) {
        Ok(parts) => parts,
        Err(why) => return refuse(why.to_owned()),
    };
    let before_fragment = rest.split('#').next().unwrap_or_default();
    if let Some(escape) = bad_escape(before_fragment) {
        return refuse(format!("invalid URL escape {escape:?}"));
    }
    let Some(after) = rest.strip_prefix("//") else {
        let first = before_fragment.split(['/', '?']).next().unwrap_or_default();
        if scheme.is_empty() && first.contains(':') {
            return refuse("first path segment in URL cannot contain colon".to_owned());
        }
        return Ok(Url {
            scheme,
            host: String::new(),
        });
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match check_host(host) {
        Ok(()) => Ok(Url {
            scheme,
            host: host.to_owned(),
        }),
        Err(why) => refuse(why),
    }
}

fn bad_escape(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let digits: String = after.chars().take(2).collect();
        if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Some(format!("%{digits}"));
        }
        rest = after;
    }
    None
}

fn check_host(host: &str) -> Result<(), String> {
    if host.starts_with('[') && !host.contains(']') {
        return Err("missing ']' in host".to_owned());
    }
    if let Some(c) = host.chars().find(|c| "{}<>\"\\^`| ".contains(*c)) {
        return Err(format!(
            "invalid character {:?} in host name",
            c.to_string()
        ));
    }
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    match after.rsplit_once(':') {
        Some((_, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("invalid port {:?} after host", format!(":{port}")))
        }
        _ => Ok(()),
    }
}

/// `host` or `host:port`, an IPv6 address with a port in brackets; the error says which part is wrong.
pub fn check_address(text: &str) -> Result<(), String> {
    let split = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':').filter(|(_, port)| !port.contains(':')),
    };
    let (host, port) = match split {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if !is_host(host) {
        return Err(format!("invalid host: {host:?}"));
    }
    match port {
        Some(port) if !port.parse::<u16>().is_ok_and(|number| number > 0) => {
            Err(format!("invalid port: {port:?}"))
        }
        _ => Ok(()),
    }
}

/// Host and port of an address, as Go splits them.
pub fn split_host_port(address: &str) -> Result<(&str, &str), String> {
    let refuse = |why: &str| Err(format!("address {address}: {why}"));
    let Some((host, port)) = address.rsplit_once(':') else {
        return refuse("missing port in address");
    };
    if let Some(rest) = host.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, "")) => Ok((host, port)),
            Some(_) => refuse("too many colons in address"),
            None => refuse("missing ']' in address"),
        };
    }
    if address.starts_with('[') {
        return refuse("missing port in address");
    }
    if host.contains(':') {
        return refuse("too many colons in address");
    }
    if host.contains(['[', ']']) {
        return refuse("unexpected '[' in address");
    }
    Ok((host, port))
}

/// An address of a host and a port; an IPv6 address gets brackets.
pub fn join_host_port(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = text.strip_suffix(['.', '_']).unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    text.len() <= 255 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_as_go_splits_them() {
        let url = parse("HTTP://user@example.com:80/path?x=%20").unwrap();
        assert_eq!(
            (url.scheme.as_str(), url.host.as_str()),
            ("http", "example.com:80")
        );
        assert_eq!(parse("localhost:4646").unwrap().host, "");
        assert_eq!(
            parse("http://xxx-${dev}.svc:80").unwrap_err(),
            r#"parse "http://xxx-${dev}.svc:80": invalid character "{" in host name"#
        );
        for text in [":x", "http://a:b", "http://[::1", "/%zz", "1:2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_rest_after_a_scheme_keeps_its_colons() {
        assert_eq!(parse("https:://example.com").unwrap().host, "");
    }

    #[test]
    fn a_host_is_split_from_its_port() {
        assert_eq!(split_host_port("example.com:25"), Ok(("example.com", "25")));
        assert_eq!(split_host_port("[::1]:25"), Ok(("::1", "25")));
        for text in ["example.com", "::1:25", "[::1]", "[::1:25"] {
            assert!(split_host_port(text).is_err(), "{text}");
        }
        assert_eq!(join_host_port("::1", "25"), "[::1]:25");
    }

    #[test]
    fn addresses_are_a_host_and_perhaps_a_port() {
        for text in [
            "example.com",
            "example.com:9115",
            "10.0.0.1",
            "::1",
            "[::1]:80",
            "a_b",
        ] {
            assert!(check_address(text).is_ok(), "{text}");
        }
        for text in ["", "http://x", "x:0", "x:70000", "x y", "a:b:c"] {
            assert!(check_address(text).is_err(), "{text}");
        }
    }
}
