//! What a request is for, as far as it is counted.

use crate::api::GROUP;

/// What a request is for. Given is the plural of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To list.
    List(String),
    /// To watch.
    Watch(String),
    /// To write a status of this group's.
    Status(String),
    /// Anything else.
    Other,
}

impl Purpose {
    /// The purpose of a request to this path and query.
    pub(super) fn of(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts = path.trim_matches('/').split('/');
        let group = match (parts.next(), parts.next()) {
            (Some("api"), Some("v1")) => "",
            (Some("apis"), Some(group)) if parts.next().is_some() => group,
            _ => return Self::Other,
        };
        let rest: Vec<&str> = parts.collect();
        let (plural, rest) = match rest.as_slice() {
            // A Namespace itself has two parts, and its status three.
            ["namespaces", _, plural, rest @ ..] if *plural != "status" => (*plural, rest),
            [plural, rest @ ..] => (*plural, rest),
            [] => return Self::Other,
        };
        let plural = plural.to_owned();
        let watches = |pair: &str| matches!(pair, "watch=true" | "watch=1");
        match (method, rest) {
            ("GET", []) if query.split('&').any(watches) => Self::Watch(plural),
            ("GET", []) => Self::List(plural),
            ("PATCH" | "PUT", [_, "status"]) if group == GROUP => Self::Status(plural),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_watches_and_statuses_are_told_apart() {
        let list = |plural: &str| Purpose::List(plural.to_owned());
        let watch = |plural: &str| Purpose::Watch(plural.to_owned());
        let status = |plural: &str| Purpose::Status(plural.to_owned());
        for (method, target, purpose) in [
            ("GET", "/api/v1/namespaces", list("namespaces")),
            ("GET", "/api/v1/namespaces/a", Purpose::Other),
            (
                "GET",
                "/api/v1/namespaces/a/secrets?limit=250",
                list("secrets"),
            ),
            (
                "GET",
                "/api/v1/secrets?watch=true&resourceVersion=1",
                watch("secrets"),
            ),
            ("GET", "/api/v1/namespaces/a/secrets/b", Purpose::Other),
            (
                "GET",
                "/apis/monitoring.coreos.com/v1/prometheuses",
                list("prometheuses"),
            ),
            ("GET", "/apis/monitoring.coreos.com/v1", Purpose::Other),
            (
                "PATCH",
                "/apis/monitoring.coreos.com/v1/namespaces/a/prometheuses/p/status?fieldManager=x",
                status("prometheuses"),
            ),
            (
                "PATCH",
                "/apis/monitoring.coreos.com/v1/namespaces/a/prometheuses/p",
                Purpose::Other,
            ),
            (
                "PUT",
                "/apis/apps/v1/namespaces/a/statefulsets/p/status",
                Purpose::Other,
            ),
            ("GET", "/version", Purpose::Other),
        ] {
            assert_eq!(Purpose::of(method, target), purpose, "{method} {target}");
        }
    }
}
