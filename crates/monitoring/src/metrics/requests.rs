//! What a request is for, as far as it is counted.

use crate::api::GROUP;
use crate::operator::resources::{ALERTMANAGER, PROMETHEUS, PROMETHEUS_AGENT, THANOS_RULER};

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
            ("PATCH" | "PUT", [_, "status"]) if group == GROUP && is_workload(&plural) => {
                Self::Status(plural)
            }
            _ => Self::Other,
        }
    }
}

/// Bindings, which are in the status of selected objects, are counted nowhere by upstream.
fn is_workload(plural: &str) -> bool {
    let workloads = [PROMETHEUS, PROMETHEUS_AGENT, ALERTMANAGER, THANOS_RULER];
    workloads.iter().any(|workload| workload.plural == plural)
}

/// The path of a request with what it names left out, as client-go counts it: there are as many as there are kinds.
pub(super) fn endpoint(target: &str) -> String {
    let (path, _) = target.split_once('?').unwrap_or((target, ""));
    let mut parts: Vec<&str> = path.split('/').collect();
    let mut plural = match parts.get(1) {
        Some(&"api") => 3,
        Some(&"apis") => 4,
        Some(_) | None => return path.to_owned(),
    };
    let within = |part: &&str| !matches!(*part, "status" | "finalize");
    if parts.get(plural) == Some(&"namespaces") && parts.get(plural + 2).is_some_and(within) {
        if let Some(namespace) = parts.get_mut(plural + 1) {
            *namespace = "%7Bnamespace%7D";
        }
        plural += 2;
    }
    if let Some(name) = parts.get_mut(plural + 1) {
        *name = "%7Bname%7D";
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_name_no_object() {
        for (target, wanted) in [
            ("/api/v1/secrets?limit=250", "/api/v1/secrets"),
            (
                "/api/v1/namespaces/a/secrets/b",
                "/api/v1/namespaces/%7Bnamespace%7D/secrets/%7Bname%7D",
            ),
            (
                "/apis/apps/v1/namespaces/a/statefulsets",
                "/apis/apps/v1/namespaces/%7Bnamespace%7D/statefulsets",
            ),
            (
                "/apis/monitoring.coreos.com/v1/namespaces/a/prometheuses/p/status?x",
                "/apis/monitoring.coreos.com/v1/namespaces/%7Bnamespace%7D/prometheuses/%7Bname%7D/status",
            ),
            ("/api/v1/nodes/n", "/api/v1/nodes/%7Bname%7D"),
            ("/api/v1/namespaces", "/api/v1/namespaces"),
            ("/api/v1/namespaces/a", "/api/v1/namespaces/%7Bname%7D"),
            (
                "/api/v1/namespaces/a/status",
                "/api/v1/namespaces/%7Bname%7D/status",
            ),
            ("/apis", "/apis"),
            ("/version", "/version"),
        ] {
            assert_eq!(endpoint(target), wanted, "{target}");
        }
    }

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
            (
                "PATCH",
                "/apis/monitoring.coreos.com/v1/namespaces/a/servicemonitors/m/status",
                Purpose::Other,
            ),
            ("GET", "/version", Purpose::Other),
        ] {
            assert_eq!(Purpose::of(method, target), purpose, "{method} {target}");
        }
    }
}
