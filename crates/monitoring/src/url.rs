//! URLs as Go's `net/url` takes them, as far as they must be checked, and addresses of hosts.

use std::net::IpAddr;

use machinery::decode::quote;
use machinery::go_url;

/// The parts that checks look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// Scheme in lower case, empty if there is none.
    pub scheme: String,
    /// Host and port, empty if there are none.
    pub host: String,
}

/// Reads a URL; the error is Go's text, which repeats the URL without its fragment.
pub fn parse(text: &str) -> Result<Url, String> {
    let url = go_url::parse_url(text)?;
    Ok(Url {
        scheme: url.scheme,
        host: url.host,
    })
}

/// A URL of a web page.
pub fn check_http(text: &str) -> Result<(), String> {
    let url = parse(text)?;
    if url.scheme != "http" && url.scheme != "https" {
        return Err(unsupported_scheme(&url.scheme));
    }
    if url.host.is_empty() {
        return Err("missing host for URL".to_owned());
    }
    Ok(())
}

/// What is said of a URL of something else.
pub fn unsupported_scheme(scheme: &str) -> String {
    format!("unsupported scheme {scheme:?} for URL")
}

/// The text of an error of [`parse`] without the URL, which may be a secret.
pub fn redacted(error: &str, url: &str) -> String {
    let bare = url.split('#').next().unwrap_or_default();
    let redact = |text: String, url: &str| text.replace(&quote(url), "[REDACTED]");
    redact(redact(error.to_owned(), url), bare)
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
        for text in [
            ":x",
            "http://a:b",
            "http://[::1",
            "/%zz",
            "1:2",
            "http://u ser@h",
            "http://u%zz@h",
            "http://h%41/b",
            "http://h/#%zz",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(text.split('#').next().unwrap()), "{text}");
            let told = redacted(&error, text);
            assert!(
                !told.contains(text) && told.contains("parse [REDACTED]: "),
                "{told}"
            );
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
