//! `url()` and its parts (`apiserver/pkg/cel/library/urls.go`): absolute URIs and absolute paths.

use std::collections::BTreeMap;
use std::fmt;

use super::super::value::Value;
use super::{Answer, fail, give};
use crate::go_url::{GoUrl, check_request_uri, parse_request_uri};

/// A URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(GoUrl);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GoUrl {
            scheme,
            opaque,
            user,
            host,
            path,
            query,
        } = &self.0;
        if !scheme.is_empty() {
            write!(f, "{scheme}:")?;
        }
        if !user.is_empty() {
            write!(f, "//{user}@{host}")?;
        } else if !host.is_empty() {
            write!(f, "//{host}")?;
        }
        write!(f, "{opaque}{path}")?;
        match query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("url", [Value::String(text)]) => match parse_request_uri(text) {
            Ok(url) => give(Value::Url(Url(url).into())),
            Err(reason) => fail(format!(
                "URL parse error during conversion from string: {reason}"
            )),
        },
        ("isURL", [Value::String(text)]) => give(check_request_uri(text).is_ok()),
        (function, [Value::Url(url)]) => part(function, &url.0),
        _ => None,
    }
}

fn part(function: &str, url: &GoUrl) -> Answer {
    match function {
        "getScheme" => give(url.scheme.as_str()),
        "getHost" => give(url.host.as_str()),
        "getHostname" => give(url.host_and_port().0),
        "getPort" => give(url.host_and_port().1),
        "getEscapedPath" => give(url.path.as_str()),
        "getQuery" => give(query(url)),
        _ => None,
    }
}

fn query(url: &GoUrl) -> Value {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, value) in url.query_pairs() {
        found.entry(key).or_default().push(Value::from(value));
    }
    let found = found.into_iter();
    Value::map(found.map(|(key, values)| (key, Value::list(values))))
}
