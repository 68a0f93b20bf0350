//! `url()` and its parts (`apiserver/pkg/cel/library/urls.go`): absolute URIs and absolute paths, read as Go's `url.ParseRequestURI` does.

use std::fmt;

use super::super::value::Value;
use super::{Answer, fail, give};
use crate::go_url::split_scheme;

/// A URL in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    user: String,
    host: String,
    path: String,
    query: Option<String>,
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if !self.host.is_empty() || !self.user.is_empty() {
            write!(f, "//{}{}", self.user, self.host)?;
        }
        f.write_str(&self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("url", [Value::String(text)]) => match parse(text) {
            Ok(url) => give(Value::Url(url.into())),
            Err(reason) => fail(format!(
                "URL parse error during conversion from string: parse {text:?}: {reason}"
            )),
        },
        ("isURL", [Value::String(text)]) => give(parse(text).is_ok()),
        ("getScheme", [Value::Url(url)]) => give(url.scheme.as_str()),
        ("getHost", [Value::Url(url)]) => give(url.host.as_str()),
        ("getHostname", [Value::Url(url)]) => give(host_and_port(&url.host).0),
        ("getPort", [Value::Url(url)]) => give(host_and_port(&url.host).1),
        ("getEscapedPath", [Value::Url(url)]) => give(url.path.as_str()),
        ("getQuery", [Value::Url(url)]) => give(query(url.query.as_deref().unwrap_or_default())),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    if text.is_empty() {
        return Err("empty url");
    }
    if text.chars().any(|c| c.is_ascii_control()) {
        return Err("net/url: invalid control character in URL");
    }
    let (scheme, rest) = split_scheme(text)?;
    if !rest.starts_with('/') {
        return Err("invalid URI for request");
    }
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query.to_owned())),
        None => (rest, None),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) if !scheme.is_empty() => {
            let at = rest.find('/').unwrap_or(rest.len());
            rest.split_at_checked(at).unwrap_or((rest, ""))
        }
        _ => ("", rest),
    };
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    check_host(host)?;
    if !escapes_are_whole(path) {
        return Err("invalid URL escape");
    }
    Ok(Url {
        scheme,
        user,
        host: host.to_owned(),
        path: path.replace(' ', "%20"),
        query,
    })
}

fn check_host(host: &str) -> Result<(), &'static str> {
    if host.contains([' ', '<', '>', '"', '\\', '^', '{', '}', '|', '`']) {
        return Err("invalid character in host name");
    }
    let port = match host.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':').unwrap_or(rest),
        None if host.starts_with('[') => return Err("missing ']' in host"),
        None => host.rsplit_once(':').map_or("", |(_, port)| port),
    };
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err("invalid port after host")
    }
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.bytes().take(2);
        digits.clone().count() == 2 && digits.into_iter().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn host_and_port(host: &str) -> (&str, &str) {
    if let Some((name, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return (name, rest.strip_prefix(':').unwrap_or_default());
    }
    host.rsplit_once(':').unwrap_or((host, ""))
}

fn query(text: &str) -> Value {
    let mut found: std::collections::BTreeMap<String, Vec<Value>> =
        std::collections::BTreeMap::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        found
            .entry(unescape(key))
            .or_default()
            .push(Value::from(unescape(value)));
    }
    Value::map(
        found
            .into_iter()
            .map(|(key, values)| (key, Value::list(values))),
    )
}

fn unescape(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes: Vec<u8> = parts.next().unwrap_or_default().bytes().collect();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            bytes.extend(part.bytes().skip(2));
        } else {
            bytes.push(b'%');
            bytes.extend(part.bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
