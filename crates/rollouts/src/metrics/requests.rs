//! A request as `controller_clientset_k8s_request_total` counts it.
//!
//! Mirrors `kubeclientmetrics` of `argoproj/pkg` and upstream's `controller/metrics/client.go`, but for subresources: those
//! count as their object, where upstream takes the object's name for a kind.

use runtime::client::Exchange;
use serde::Deserialize;

const UNKNOWN: &str = "Unknown";
/// Names of which there are too many.
const UNNAMED: &str = "N/A";

/// The labels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) verb: &'static str,
    pub(super) status_code: String,
}

impl Request {
    /// Labels of one exchange; no answer is the status code 0.
    pub(super) fn of(exchange: &Exchange<'_>) -> Self {
        let (path, query) = exchange
            .target
            .split_once('?')
            .unwrap_or((exchange.target, ""));
        let status_code = exchange.status.unwrap_or(0).to_string();
        let Some((namespace, resource)) = resource(path) else {
            return Self {
                kind: UNKNOWN.to_owned(),
                namespace: UNKNOWN.to_owned(),
                name: UNKNOWN.to_owned(),
                verb: UNKNOWN,
                status_code,
            };
        };
        let (kind, in_path) = match resource.as_slice() {
            [_, _, "eviction", ..] => ("eviction", None),
            [kind, name, ..] => (*kind, Some(*name)),
            [kind] => (*kind, None),
            [] => (UNKNOWN, None),
        };
        let watches = query.split('&').any(|pair| pair == "watch=true");
        let verb = verb(exchange.method, in_path.is_some(), watches);
        let name = match (verb, kind) {
            ("List", _) | (_, "events" | "replicasets" | "eviction") => UNNAMED.to_owned(),
            ("Create", _) => name_in(exchange.body),
            _ => in_path.unwrap_or_default().to_owned(),
        };
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name,
            verb,
            status_code,
        }
    }
}

/// The namespace, and kind, name and subresource as far as given.
fn resource(path: &str) -> Option<(&str, Vec<&str>)> {
    let mut parts = path.trim_matches('/').split('/');
    match parts.next()? {
        "api" => parts.next()?,
        "apis" => parts.nth(1)?,
        _ => return None,
    };
    let rest: Vec<&str> = parts.collect();
    match rest.as_slice() {
        [] => None,
        ["namespaces", namespace, object @ ..] if !object.is_empty() => {
            Some((*namespace, object.to_vec()))
        }
        _ => Some(("", rest)),
    }
}

fn verb(method: &str, named: bool, watches: bool) -> &'static str {
    match method {
        "POST" => "Create",
        "PUT" => "Update",
        "PATCH" => "Patch",
        "DELETE" => "Delete",
        "GET" if named => "Get",
        "GET" if watches => "Watch",
        "GET" => "List",
        _ => UNKNOWN,
    }
}

fn name_in(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named {
        name: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Object {
        metadata: Named,
    }
    let object: Object = serde_json::from_slice(body).unwrap_or_default();
    object.metadata.name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(method: &str, target: &str, body: &str) -> [String; 4] {
        let exchange = Exchange {
            method,
            target,
            body: body.as_bytes(),
            status: Some(200),
            waited: None,
            took: std::time::Duration::ZERO,
        };
        let request = Request::of(&exchange);
        assert_eq!(request.status_code, "200");
        [
            request.kind,
            request.namespace,
            request.name,
            request.verb.to_owned(),
        ]
    }

    #[test]
    fn requests_are_counted_by_what_they_are_about() {
        let rollouts = "/apis/argoproj.io/v1alpha1/namespaces/ns/rollouts";
        let cases = [
            (
                "PATCH",
                format!("{rollouts}/web/status?fieldManager=x"),
                "",
                ["rollouts", "ns", "web", "Patch"],
            ),
            (
                "GET",
                "/apis/argoproj.io/v1alpha1/rollouts?limit=50".to_owned(),
                "",
                ["rollouts", "", "N/A", "List"],
            ),
            (
                "GET",
                "/api/v1/services?watch=true&resourceVersion=1".to_owned(),
                "",
                ["services", "", "", "Watch"],
            ),
            (
                "GET",
                format!("{rollouts}/web"),
                "",
                ["rollouts", "ns", "web", "Get"],
            ),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/ns/replicasets/web-1".to_owned(),
                "",
                ["replicasets", "ns", "N/A", "Patch"],
            ),
            (
                "POST",
                "/apis/coordination.k8s.io/v1/namespaces/ns/leases".to_owned(),
                r#"{"metadata": {"name": "lock"}}"#,
                ["leases", "ns", "lock", "Create"],
            ),
            (
                "POST",
                "/api/v1/namespaces/ns/pods/web-1-x/eviction".to_owned(),
                r#"{"metadata": {"name": "web-1-x"}}"#,
                ["eviction", "ns", "N/A", "Create"],
            ),
            (
                "GET",
                "/api/v1/namespaces/ns".to_owned(),
                "",
                ["namespaces", "", "ns", "Get"],
            ),
            (
                "GET",
                "/version".to_owned(),
                "",
                ["Unknown", "Unknown", "Unknown", "Unknown"],
            ),
        ];
        for (method, target, body, wanted) in cases {
            assert_eq!(labels(method, &target, body), wanted, "{method} {target}");
        }
    }
}
