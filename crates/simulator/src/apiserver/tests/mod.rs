//! Behaviour of the server as a client sees it, without controllers and without a network.

mod admission;
mod applies;
mod bounds;
mod certificates;
mod classes;
mod compared;
mod conversions;
mod conversions_compared;
mod definitions;
mod deletes;
mod listings;
mod packed;
mod policies;
mod reads;
mod refusals;
mod scales;
mod watches;
mod webhooks;
mod webhooks_matching;
mod webhooks_mutating;
mod webhooks_shown;
mod writes;

use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::{ApiServer, Options};
use crate::clock::WorldClock;
use crate::conformance::request;
use crate::request::{Reply, Request, WatchId};

/// A request with a JSON body, or without one if it is null; patches are merged, or applied if they are forced.
pub(super) fn asking(method: &str, path: &str, body: &Value) -> Request {
    let media = match method {
        "PATCH" if path.contains("force=true") => "application/apply-patch+yaml",
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    request(method, path, text.as_bytes(), Some(media))
}

/// A server whose time moves only when told.
pub(super) struct Server {
    pub(super) api: ApiServer,
    pub(super) now: Timestamp,
    pub(super) entropy: Entropy,
}

impl Server {
    pub(super) fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let now = Timestamp::from_second(WorldClock::EPOCH_SECONDS).unwrap();
        let mut entropy = Entropy::seeded(7);
        let mut api = ApiServer::new(options);
        api.boot(now, &mut entropy);
        let mut server = Self { api, now, entropy };
        server.ok(
            "POST",
            "/api/v1/namespaces/default/serviceaccounts",
            &json!({"metadata": {"name": "default"}}),
        );
        server
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now = self
            .now
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap();
    }

    fn raw(&mut self, method: &str, path: &str, body: &str, media: &str) -> Reply {
        let request = request(method, path, body.as_bytes(), Some(media));
        self.api.handle(&request, self.now, &mut self.entropy)
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = asking(method, path, body);
        match self.api.handle(&request, self.now, &mut self.entropy) {
            Reply::Full(response) | Reply::Later { last: response, .. } => (
                response.status,
                serde_json::from_slice(&response.body).unwrap_or_default(),
            ),
            Reply::List(list) => (
                200,
                serde_json::from_slice(&list.whole().body).unwrap_or_default(),
            ),
            Reply::Watch { .. } | Reply::Log { .. } | Reply::Forward(_) => panic!("a stream"),
            Reply::Ask { .. } => panic!("a question"),
        }
    }

    /// A call that must succeed.
    pub(super) fn ok(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, reply) = self.call(method, path, body);
        assert!(status < 300, "{method} {path}: {status} {reply}");
        reply
    }

    fn get(&mut self, path: &str) -> Value {
        self.ok("GET", path, &Value::Null)
    }

    /// A watch whose objects come as a media type says.
    fn watch_as(&mut self, path: &str, accept: &'static str) -> WatchId {
        let mut request = request("GET", path, b"", None);
        let accept = http::HeaderValue::from_static(accept);
        request.headers.insert(http::header::ACCEPT, accept);
        match self.api.handle(&request, self.now, &mut self.entropy) {
            Reply::Watch { id, .. } => id,
            other => panic!("no watch: {other:?}"),
        }
    }

    fn watch(&mut self, path: &str) -> WatchId {
        match self.raw("GET", path, "", "application/json") {
            Reply::Watch { id, .. } => id,
            other => panic!("no watch: {other:?}"),
        }
    }

    /// What a watch has sent since the last call: type, name and resourceVersion of each event.
    fn events(&mut self, id: WatchId) -> Vec<(String, String, String)> {
        let frames = self.api.watch_frames(id, self.now).frames;
        let lines = frames
            .iter()
            .map(|frame| serde_json::from_slice::<Value>(frame).unwrap());
        lines
            .map(|event| {
                let text = |pointer: &str| {
                    event
                        .pointer(pointer)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                (
                    text("/type"),
                    text("/object/metadata/name"),
                    text("/object/metadata/resourceVersion"),
                )
            })
            .collect()
    }

    /// Types and names only.
    fn event_names(&mut self, id: WatchId) -> Vec<String> {
        self.events(id)
            .into_iter()
            .map(|(kind, name, _)| format!("{kind} {name}"))
            .collect()
    }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// Names of the items of a list.
fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

fn version(object: &Value) -> &str {
    machinery::meta::resource_version(object)
}
