//! What is asked of a server: objects of three kinds, and the requests of one client, as they come one after the other.
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

/// The namespace of everything.
pub const NAMESPACE: &str = "bench";
/// `ConfigMap`s and pods that are there before anything is measured.
pub const OBJECTS: usize = 1000;
/// Clients that read or write at the same time.
pub const CLIENTS: usize = 8;

/// A kind of request, measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// GET of a `ConfigMap` or a pod, in turn.
    Get,
    /// GET of a page of 50 pods.
    List,
    /// POST of a `ConfigMap`.
    Create,
    /// PUT of a `ConfigMap`.
    Update,
    /// Merge patch of a `ConfigMap`.
    Patch,
    /// Merge patch of a pod's status.
    Status,
    /// DELETE of a `ConfigMap`.
    Delete,
    /// POST, PUT, merge patch and DELETE of one `ConfigMap`, in turn.
    Writes,
}

impl Operation {
    /// All, in the order in which they are measured: what is deleted was created before.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::List,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Status,
        Self::Delete,
        Self::Writes,
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list 50 pods",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Status => "patch a pod's status",
            Self::Delete => "delete",
            Self::Writes => "create, update, patch, delete",
        }
    }

    /// Whether it changes something.
    pub fn writes(self) -> bool {
        match self {
            Self::Get | Self::List => false,
            Self::Create
            | Self::Update
            | Self::Patch
            | Self::Status
            | Self::Delete
            | Self::Writes => true,
        }
    }

    /// The `number`-th request of a client.
    pub fn request(self, client: usize, number: usize) -> Request<Bytes> {
        let any = (client * 131 + number * 7) % OBJECTS;
        let made = format!("made-{client}-{number}");
        match self {
            Self::Get if number.is_multiple_of(2) => get(&config_map_path(&format!("map-{any}"))),
            Self::Get => get(&pod_path(&format!("pod-{any}"))),
            Self::List => get(&format!("{}?limit=50", pod_path(""))),
            Self::Create => create(&config_map(&made, number)),
            Self::Update => send(
                Method::PUT,
                &config_map_path(&made),
                &config_map(&made, number + 1),
            ),
            Self::Patch => patch(&config_map_path(&made), &changed(number + 2)),
            Self::Status => {
                let path = format!("{}/status", pod_path(&format!("pod-{any}")));
                patch(
                    &path,
                    &json!({"status": {"message": format!("step {number}")}}),
                )
            }
            Self::Delete => request(Method::DELETE, &config_map_path(&made), Bytes::new()),
            Self::Writes => {
                let kinds = [Self::Create, Self::Update, Self::Patch, Self::Delete];
                let kind = kinds.get(number % 4).copied().unwrap_or(Self::Create);
                // Above the names of the operations that are measured alone.
                kind.request(client + CLIENTS, number / 4)
            }
        }
    }
}

fn changed(number: usize) -> Value {
    json!({"data": {"changed": number.to_string()}})
}

/// A `ConfigMap` as people have them: labels, an annotation, a few hundred bytes.
pub fn config_map(name: &str, number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/name": "shop", "app.kubernetes.io/part-of": "bench"},
            "annotations": {"bench.carrick.dev/purpose": "to be read and written many times"},
        },
        "data": {
            "config.yaml": "listen: 0.0.0.0:8080\nlog:\n  level: info\n  format: json\ncache:\n  size: 128Mi\n  ttl: 30s\n",
            "changed": number.to_string(),
        },
    })
}

/// A pod of two containers.
pub fn pod(name: &str) -> Value {
    let resources = json!({"requests": {"cpu": "10m", "memory": "16Mi"}});
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/name": "shop", "pod-template-hash": "74b4559598"},
        },
        "spec": {
            "automountServiceAccountToken": false,
            "containers": [
                {"name": "shop", "image": "registry.example/shop:1.0", "ports": [{"containerPort": 8080}],
                    "env": [{"name": "LEVEL", "value": "info"}], "resources": resources, "readinessProbe": probe},
                {"name": "proxy", "image": "registry.example/proxy:2.3", "resources": resources},
            ],
        },
    })
}

/// A pod of one container that only asks for room, as pods of density tests are.
pub fn paused_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"group": "density"}},
        "spec": {
            "automountServiceAccountToken": false,
            "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10",
                "resources": {"requests": {"cpu": "5m", "memory": "20M"}}}],
        },
    })
}

/// A custom resource of the definition [`definition`].
pub fn custom(name: &str) -> Value {
    json!({
        "apiVersion": "bench.carrick.dev/v1", "kind": "Gadget",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/name": "shop"}},
        "spec": {"size": 3, "colour": "green", "parts": [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]},
    })
}

/// The definition of the custom resources.
pub fn definition() -> Value {
    let part = json!({"type": "object", "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.bench.carrick.dev"},
        "spec": {
            "group": "bench.carrick.dev", "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer"}, "colour": {"type": "string"},
                    "parts": {"type": "array", "items": part},
                }}},
            }}}],
        },
    })
}

/// What there is before anything is measured: the namespace, the definition, `ConfigMap`s and pods.
pub fn beginning() -> Vec<Request<Bytes>> {
    let mut all = vec![
        send(
            Method::POST,
            "/api/v1/namespaces",
            &json!({"metadata": {"name": NAMESPACE}}),
        ),
        send(
            Method::POST,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            &definition(),
        ),
        // On a server without controllers nobody makes it, and pods need it.
        send(
            Method::POST,
            &format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts"),
            &json!({"metadata": {"name": "default"}}),
        ),
    ];
    for number in 0..OBJECTS {
        all.push(create(&config_map(&format!("map-{number}"), number)));
        all.push(create(&pod(&format!("pod-{number}"))));
    }
    all
}

/// The request that creates an object of one of the three kinds.
pub fn create(object: &Value) -> Request<Bytes> {
    let path = match object.get("kind").and_then(Value::as_str) {
        Some("Pod") => pod_path(""),
        Some("Gadget") => format!("/apis/bench.carrick.dev/v1/namespaces/{NAMESPACE}/gadgets"),
        _ => config_map_path(""),
    };
    send(Method::POST, &path, object)
}

/// A watch of all `ConfigMap`s from now on.
pub fn watch() -> Request<Bytes> {
    get(
        "/api/v1/configmaps?watch=1&resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=3000",
    )
}

fn config_map_path(name: &str) -> String {
    path("configmaps", name)
}

fn pod_path(name: &str) -> String {
    path("pods", name)
}

fn path(plural: &str, name: &str) -> String {
    let slash = if name.is_empty() { "" } else { "/" };
    format!("/api/v1/namespaces/{NAMESPACE}/{plural}{slash}{name}")
}

/// A GET.
pub fn get(path: &str) -> Request<Bytes> {
    request(Method::GET, path, Bytes::new())
}

fn send(method: Method, path: &str, body: &Value) -> Request<Bytes> {
    request(method, path, body.to_string().into())
}

fn patch(path: &str, body: &Value) -> Request<Bytes> {
    let mut request = send(Method::PATCH, path, body);
    let kind = http::HeaderValue::from_static("application/merge-patch+json");
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    request
}

fn request(method: Method, path: &str, body: Bytes) -> Request<Bytes> {
    let json = http::HeaderValue::from_static("application/json");
    let agent = http::HeaderValue::from_static("bench/1.0");
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(http::header::ACCEPT, json.clone());
    headers.insert(http::header::CONTENT_TYPE, json);
    headers.insert(http::header::USER_AGENT, agent);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_creates_what_it_changes_and_deletes() {
        let made: Vec<String> = (0..8)
            .map(|number| {
                let request = Operation::Writes.request(1, number);
                format!("{} {}", request.method(), request.uri().path())
            })
            .collect();
        let of = |number: usize| {
            let maps = "/api/v1/namespaces/bench/configmaps";
            let own = format!("{maps}/made-9-{number}");
            vec![
                format!("POST {maps}"),
                format!("PUT {own}"),
                format!("PATCH {own}"),
                format!("DELETE {own}"),
            ]
        };
        assert_eq!(made, [of(0), of(1)].concat());
    }
}
