//! Absolute URIs and paths, read as Go's `net/url` reads them, and why it does not take one.

use super::escapes::{Part, escape_path, is_escaped_path, unescape};
use super::split_scheme;
use crate::decode::quote;
use crate::go_netip::parse_address;

/// A URL in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoUrl {
    /// In small letters; empty if there is none.
    pub scheme: String,
    /// What follows the scheme if no `/` does: `x:y` of `urn:x:y`.
    pub opaque: String,
    /// What stands before the `@`, as it was written.
    pub user: String,
    /// Host and port, without escapes.
    pub host: String,
    /// The path, with escapes.
    pub path: String,
    /// What follows the `?`, as it was written.
    pub query: Option<String>,
}

impl GoUrl {
    /// Host without brackets and port; the port, empty if there is none.
    pub fn host_and_port(&self) -> (&str, &str) {
        let colon = self.host.rfind(':').unwrap_or(self.host.len());
        let (host, port) = match self.host.split_at_checked(colon) {
            Some((host, port)) if is_optional_port(port) => (host, port),
            Some(_) | None => (self.host.as_str(), ""),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        (bare.unwrap_or(host), port.trim_start_matches(':'))
    }

    /// Keys and values of the query, in order, without escapes; pairs that can't be read are left out.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        query_pairs(self.query.as_deref().unwrap_or_default())
    }
}

/// Keys and values of a query, in order, without escapes; pairs that can't be read are left out (`url.ParseQuery`).
pub fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let parts = query.split('&');
    let parts = parts.filter(|part| !part.is_empty() && !part.contains(';'));
    parts.filter_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let read = |text| unescape(text, Part::Query).ok();
        Some((read(key)?, read(value)?))
    })
}

/// Reads any URL, a relative one too (`url.Parse`).
///
/// # Errors
/// Go's text, `parse "http://u ser@h": net/url: invalid userinfo`; the URL is told without its fragment.
pub fn parse_url(text: &str) -> Result<GoUrl, String> {
    let (bare, fragment) = text.split_once('#').unwrap_or((text, ""));
    let url = parse(bare, false)?;
    unescape(fragment, Part::Path).map_err(|why| complaint(text, &why))?;
    Ok(url)
}

/// Whether a text is one, as the format `uri` asks (`url.ParseRequestURI`).
///
/// # Errors
/// `parse "a b": invalid URI for request`.
pub fn check_request_uri(text: &str) -> Result<(), String> {
    parse(text, true).map(|_| ())
}

/// Reads a text that [`check_request_uri`] takes (`url.Parse`).
///
/// # Errors
/// `parse "http://a%zz": invalid URL escape "%zz"`.
pub fn parse_request_uri(text: &str) -> Result<GoUrl, String> {
    check_request_uri(text)?;
    parse_url(text)
}

fn complaint(text: &str, why: &str) -> String {
    format!("parse {}: {why}", quote(text))
}

fn parse(text: &str, request: bool) -> Result<GoUrl, String> {
    read(text, request).map_err(|why| complaint(text, &why))
}

fn read(text: &str, request: bool) -> Result<GoUrl, String> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text.is_empty() && request {
        return Err("empty url".to_owned());
    }
    let mut url = GoUrl::default();
    if text == "*" {
        "*".clone_into(&mut url.path);
        return Ok(url);
    }
    let (scheme, rest) = split_scheme(text)?;
    url.scheme = scheme;
    let (mut rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    url.query = query.map(str::to_owned);
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if request {
            return Err("invalid URI for request".to_owned());
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let may_have_host = !url.scheme.is_empty() || !request && !rest.starts_with("///");
    if let Some(after) = rest.strip_prefix("//").filter(|_| may_have_host) {
        let (authority, path) = after
            .find('/')
            .and_then(|at| after.split_at_checked(at))
            .unwrap_or((after, ""));
        (url.user, url.host) = read_authority(&url.scheme, authority)?;
        rest = path;
    }
    url.path = escaped(rest)?;
    Ok(url)
}

/// A path as `EscapedPath` gives it.
fn escaped(path: &str) -> Result<String, String> {
    unescape(path, Part::Path)?;
    if is_escaped_path(path) {
        return Ok(path.to_owned());
    }
    Ok(escape_path(path))
}

fn read_authority(scheme: &str, authority: &str) -> Result<(String, String), String> {
    let Some((user, host)) = authority.rsplit_once('@') else {
        return Ok((String::new(), read_host(scheme, authority)?));
    };
    let host = read_host(scheme, host)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(fits) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescape(user, Part::User)?;
    Ok((user.to_owned(), host))
}

fn read_host(scheme: &str, host: &str) -> Result<String, String> {
    match host.rfind('[') {
        Some(0) => return read_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    // Some databases have several hosts with ports; those of the web have one.
    let of_the_web = matches!(scheme, "http" | "https");
    let colon = if of_the_web {
        host.find(':')
    } else {
        host.rfind(':')
    };
    if let Some((_, port)) = colon.and_then(|at| host.split_at_checked(at)) {
        check_port(port)?;
    }
    unescape(host, Part::Host)
}

/// An address in brackets.
fn read_literal(host: &str) -> Result<String, String> {
    let closed = host
        .rfind(']')
        .and_then(|at| Some((host.get(1..at)?, host.get(at + 1..)?)));
    let Some((name, port)) = closed else {
        return Err("missing ']' in host".to_owned());
    };
    check_port(port)?;
    let zone = name.find("%25").unwrap_or(name.len());
    let (address, zone) = name.split_at_checked(zone).unwrap_or((name, ""));
    let name = unescape(address, Part::Host)? + &unescape(zone, Part::Zone)?;
    let address = parse_address(&name).map_err(|why| format!("invalid host: {why}"))?;
    if address.ip.is_ipv4() {
        return Err("invalid IP-literal".to_owned());
    }
    Ok(format!("[{name}]{port}"))
}

fn check_port(port: &str) -> Result<(), String> {
    if is_optional_port(port) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quote(port)))
}

/// Nothing, or a colon and digits, which may be none.
fn is_optional_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn urls_are_read_as_in_go() {
    let read = |text| {
        parse_request_uri(text).map(|url| {
            let (host, port) = url.host_and_port();
            let pairs: Vec<String> = url.query_pairs().map(|(k, v)| format!("{k}={v}")).collect();
            let pairs = pairs.join(" ");
            [url.scheme.as_str(), host, port, &url.path, &pairs].join("|")
        })
    };
    for (text, wanted) in [
        (
            "HTTPS://u:p@a.b:80/x%20y z?k=v+w&k&a;b&c=%zz#f",
            Ok("https|a.b|80|/x%20y%20z|k=v w k="),
        ),
        ("http://[::1]:8080/", Ok("http|::1|8080|/|")),
        ("http://[fe80::1%25e0]", Ok("http|fe80::1%e0|||")),
        ("urn:x:y", Ok("urn||||")),
        ("http:@/a b", Ok("http||||")),
        ("/a/b?x=1", Ok("|||/a/b|x=1")),
        ("//a/b", Ok("|a||/b|")),
        ("*", Ok("|||*|")),
        ("db://a:1,b:2", Ok("db|a:1,b|2||")),
        ("http://a/é", Ok("http|a||/%C3%A9|")),
        ("", Err("empty url")),
        (":a", Err("missing protocol scheme")),
        ("a b", Err("invalid URI for request")),
        ("http://a:1:2", Err("invalid port \":1:2\" after host")),
        ("http://a b/", Err("invalid character \" \" in host name")),
        ("http://[::1", Err("missing ']' in host")),
        ("http://[::1]x", Err("invalid port \"x\" after host")),
        ("http://a[::1]", Err("invalid IP-literal")),
        ("http://[1.2.3.4]", Err("invalid IP-literal")),
        (
            "http://[x]",
            Err("invalid host: ParseAddr(\"x\"): unable to parse IP"),
        ),
        ("http://a%41", Err("invalid URL escape \"%41\"")),
        ("/a%4", Err("invalid URL escape \"%4\"")),
        ("/a%é20", Err("invalid URL escape \"%é\"")),
        ("/a%1\"", Err("invalid URL escape \"%1\\\"\"")),
        ("/a%1é", Err("invalid URL escape \"%1\\xc3\"")),
        ("http://\"@a/", Err("net/url: invalid userinfo")),
        ("/a\n", Err("net/url: invalid control character in URL")),
    ] {
        let wanted = wanted
            .map(str::to_owned)
            .map_err(|why| complaint(text, why));
        assert_eq!(read(text), wanted, "{text}");
    }
}

#[test]
fn relative_urls_are_urls_too() {
    let colon = "first path segment in URL cannot contain colon";
    for (text, wanted) in [
        ("", Ok("||")),
        ("a/b?c=d:e#f", Ok("||a/b")),
        ("localhost:4646", Ok("localhost||")),
        ("https:://a", Ok("https||")),
        ("//a/b", Ok("|a|/b")),
        ("1:2", Err(colon)),
        ("a b:c", Err(colon)),
        ("a%zz", Err("invalid URL escape \"%zz\"")),
        ("http://u ser@h", Err("net/url: invalid userinfo")),
        ("http://h%41/b", Err("invalid URL escape \"%41\"")),
        ("http://u%zz@h", Err("invalid URL escape \"%zz\"")),
        ("http://h<>/b", Ok("http|h<>|/b")),
        ("http://h^/b", Err("invalid character \"^\" in host name")),
        ("http://h]/b", Ok("http|h]|/b")),
        ("a#%zz", Err("invalid URL escape \"%zz\"")),
    ] {
        let found = parse_url(text).map(|url| [url.scheme, url.host, url.path].join("|"));
        let wanted = wanted
            .map(str::to_owned)
            .map_err(|why| complaint(text, why));
        assert_eq!(found, wanted, "{text}");
    }
}
