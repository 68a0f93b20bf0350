//! Raw requests to a `carrick up`, and to what runs in its pods.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_mins(1);
pub const PODS: &str = "/api/v1/namespaces/default/pods";

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Raw requests to one server.
pub struct Api(kube::Client);

impl Api {
    pub async fn of(state: &Path) -> Self {
        let kubeconfig = Kubeconfig::read_from(state.join("kubeconfig")).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Self(kube::Client::try_from(config.unwrap()).unwrap())
    }

    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let media = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media)
            .body(body.to_string().into_bytes());
        self.0.request(request.unwrap()).await.unwrap()
    }

    pub async fn text(&self, path: &str) -> String {
        let request = http::Request::get(path).body(Vec::new());
        self.0.request_text(request.unwrap()).await.unwrap()
    }

    /// Watches a list until something about an object holds; `None` is one that was deleted, or that there is none.
    pub async fn until(&self, list: &str, holds: impl Fn(Option<&Value>) -> bool) -> Option<Value> {
        let seeing = async {
            let request = http::Request::get(list).body(Vec::new());
            let found: Value = self.0.request(request.unwrap()).await.unwrap();
            let items = found["items"].as_array().unwrap();
            if items.is_empty() && holds(None) {
                return None;
            }
            if let Some(item) = items.iter().find(|item| holds(Some(item))) {
                return Some(item.clone());
            }
            let joint = if list.contains('?') { '&' } else { '?' };
            let since = found["metadata"]["resourceVersion"].as_str().unwrap();
            let watch = format!("{list}{joint}watch=true&resourceVersion={since}");
            let request = http::Request::get(watch).body(Vec::new());
            let events = self.0.request_events::<Value>(request.unwrap()).await;
            let mut events = pin!(events.unwrap());
            while let Some(event) = events.try_next().await.unwrap() {
                let object = match event {
                    kube::core::WatchEvent::Added(object)
                    | kube::core::WatchEvent::Modified(object) => Some(object),
                    kube::core::WatchEvent::Deleted(_) => None,
                    other => panic!("{other:?}"),
                };
                if holds(object.as_ref()) {
                    return object;
                }
            }
            panic!("the watch of {list} ended");
        };
        let seen = tokio::time::timeout(PATIENCE, seeing).await;
        seen.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {list}"))
    }

    /// Waits for a pod to be ready after so many restarts.
    pub async fn ready(&self, name: &str, restarts: i64) -> Value {
        let list = format!("{PODS}?fieldSelector=metadata.name={name}");
        let is_ready = |pod: Option<&Value>| {
            let status = pod.and_then(|pod| pod.pointer("/status/containerStatuses/0"));
            status
                .is_some_and(|status| status["ready"] == true && status["restartCount"] == restarts)
        };
        self.until(&list, is_ready).await.unwrap()
    }
}

/// Sends a request over HTTP and returns the body of the response.
pub async fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_owned())
}
