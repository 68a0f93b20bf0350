//! Admission of connections: what is asked about `exec`, `attach`, `portforward` and proxies before anybody connects
//! (`ConnectResource` of `apiserver/pkg/endpoints/handlers/rest.go`).

use serde_json::{Map, Value, json};

use super::{Attributes, Gvk, Operation, Round};
use crate::apiserver::ApiServer;
use crate::apiserver::handle::Call;
use crate::apiserver::options::boolean;
use crate::request::Request;
use crate::status_error::ApiError;

impl ApiServer {
    /// Asks whoever is asked about connections to that subresource.
    pub(crate) fn admit_connect(&self, call: &mut Call<'_>) -> Result<(), ApiError> {
        let (served, target) = (call.served.clone(), call.target.clone());
        let mut parts = target.subresource.splitn(2, '/');
        let subresource = parts.next().unwrap_or_default();
        let Some(kind) = options_kind(&served.resource.kind, subresource) else {
            return Ok(());
        };
        let mut options = options_of(call.request, subresource, kind, parts.next());
        let attributes = Attributes {
            operation: Operation::Connect,
            requested: &served,
            served: &served,
            subresource,
            kind: Some(kind),
            namespace: &target.namespace,
            name: &target.name,
            old: None,
            options: Map::new(),
            dry_run: false,
            foreseen: false,
            round: Round::First,
            user: call.user,
        };
        self.admit_body(&attributes, &mut options, &mut call.warnings)
    }
}

fn options_kind(kind: &str, subresource: &str) -> Option<Gvk> {
    let kind = match (kind, subresource) {
        ("Pod", "exec") => "PodExecOptions",
        ("Pod", "attach") => "PodAttachOptions",
        ("Pod", "portforward") => "PodPortForwardOptions",
        ("Pod", "proxy") => "PodProxyOptions",
        ("Service", "proxy") => "ServiceProxyOptions",
        ("Node", "proxy") => "NodeProxyOptions",
        _ => return None,
    };
    Some(("", "v1", kind))
}

/// The query as the object that is admitted; `path` is what a proxy's path has after its own.
fn options_of(
    request: &Request,
    subresource: &str,
    (_, version, kind): Gvk,
    path: Option<&str>,
) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(kind));
    object.insert("apiVersion".to_owned(), json!(version));
    let values = |name: &str| -> Vec<&str> {
        let all = request.query.iter();
        let all = all.filter(|(key, _)| key == name);
        all.map(|(_, value)| value.as_str()).collect()
    };
    match subresource {
        "exec" | "attach" => {
            for name in ["stdin", "stdout", "stderr", "tty"] {
                if boolean(request, name) == Some(true) {
                    object.insert(name.to_owned(), json!(true));
                }
            }
            if let Some(container) = request.query_value("container") {
                object.insert("container".to_owned(), json!(container));
            }
            if subresource == "exec" {
                let command = Some(values("command")).filter(|command| !command.is_empty());
                object.insert("command".to_owned(), json!(command));
            }
        }
        "portforward" => {
            let ports: Vec<i64> = values("ports")
                .iter()
                .flat_map(|ports| ports.split(','))
                .filter_map(|port| port.parse().ok())
                .collect();
            if !ports.is_empty() {
                object.insert("ports".to_owned(), json!(ports));
            }
        }
        _ => {
            if let Some(path) = path {
                object.insert("path".to_owned(), json!(format!("/{path}")));
            }
        }
    }
    object.into()
}
