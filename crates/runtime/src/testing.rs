//! A very small API server in memory, for the tests of this crate: it stores, lists and watches objects of any kind
//! and answers with real statuses. Behaviour that matters to products is tested against the simulator instead.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use machinery::patch::merge;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::{Client, ClientOptions};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the server does with a request, for tests of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Carried out, but the answer is lost.
    LostReply,
    /// Answered with 409 without being carried out.
    Conflict,
}

struct Watch {
    collection: String,
    sender: mpsc::UnboundedSender<Bytes>,
}

#[derive(Default)]
pub(crate) struct State {
    /// By collection path without namespace (`/api/v1/pods`), then namespace and name.
    pub(crate) objects: BTreeMap<String, BTreeMap<(String, String), Value>>,
    version: u64,
    watches: Vec<Watch>,
    /// `METHOD path` of every write, in order.
    pub(crate) writes: Vec<String>,
    /// Fates of coming writes: `METHOD path` to what happens, once.
    pub(crate) fates: BTreeMap<String, Fate>,
    lists: usize,
    /// `collection accept` of lists and watches, in order.
    pub(crate) asked: Vec<String>,
}

/// A handle to the server; a clone is the same server.
#[derive(Clone, Default)]
pub(crate) struct FakeApi {
    state: Arc<Mutex<State>>,
}

struct Target {
    collection: String,
    namespace: String,
    name: Option<String>,
    subresource: Option<String>,
}

fn target(path: &str) -> Target {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let root = if parts[0] == "api" { 2 } else { 3 };
    let (prefix, rest) = parts.split_at(root);
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    Target {
        collection: format!("/{}/{}", prefix.join("/"), rest[0]),
        namespace: namespace.to_owned(),
        name: rest.get(1).map(|&name| name.to_owned()),
        subresource: rest.get(2).map(|&name| name.to_owned()),
    }
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}),
    )
}

impl FakeApi {
    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        let kube = kube::Client::new(self.clone(), "default");
        Client::new(
            kube,
            ClientOptions {
                seed: 1,
                field_manager: "test".to_owned(),
                ..ClientOptions::default()
            },
        )
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Stores an object as a user would.
    pub(crate) fn put(&self, collection: &str, object: Value) {
        self.state().store(collection, object);
    }

    /// Ends all watches with `410 Gone`, after changes that no watch has shown.
    pub(crate) fn expire(&self, unseen: impl FnOnce(&mut State)) {
        let mut state = self.state();
        let watches = std::mem::take(&mut state.watches);
        unseen(&mut state);
        let status = failure(410, "Expired", "too old resource version").1;
        for watch in watches {
            let _ = watch.sender.send(frame("ERROR", &status));
        }
    }

    /// Number of lists so far.
    pub(crate) fn lists(&self) -> usize {
        self.state().lists
    }

    async fn answer(
        self,
        request: Request<Body>,
    ) -> Result<Response<BoxBody<Bytes, Infallible>>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let target = target(head.uri.path());
        let query = head.uri.query().unwrap_or_default().to_owned();
        let mut state = self.state();
        if head.method == Method::GET && target.name.is_none() {
            let accept = head.headers.get(http::header::ACCEPT).unwrap();
            let asked = format!("{} {}", target.collection, accept.to_str().unwrap());
            state.asked.push(asked);
        }
        if head.method == Method::GET && query.contains("watch=true") {
            return Ok(state.watch(&target, &query));
        }
        let label = format!("{} {}", head.method, head.uri.path());
        let fate = if head.method == Method::GET {
            None
        } else {
            state.fates.remove(&label)
        };
        let (code, value) = match fate {
            Some(Fate::Conflict) => failure(409, "Conflict", "the object has been modified"),
            Some(Fate::LostReply) | None => state.handle(&head.method, &target, &body),
        };
        if head.method != Method::GET {
            state.writes.push(format!("{label} {code}"));
        }
        if fate == Some(Fate::LostReply) {
            return Err("connection reset".into());
        }
        let body = Full::new(Bytes::from(value.to_string()));
        Ok(Response::builder()
            .status(StatusCode::from_u16(code)?)
            .body(body.boxed())?)
    }
}

fn frame(kind: &str, object: &Value) -> Bytes {
    // The server writes `type` first.
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}

impl State {
    fn handle(&mut self, method: &Method, target: &Target, body: &Bytes) -> (u16, Value) {
        let Target {
            collection,
            namespace,
            name,
            subresource,
        } = target;
        let objects = self.objects.entry(collection.clone()).or_default();
        let Some(name) = name else {
            if *method == Method::POST {
                let object: Value = serde_json::from_slice(body).unwrap();
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                if objects.contains_key(&(namespace.clone(), name.clone())) {
                    return failure(409, "AlreadyExists", &format!("\"{name}\" already exists"));
                }
                return (201, self.store(collection, object));
            }
            let items: Vec<&Value> = objects.values().collect();
            self.lists += 1;
            return (
                200,
                json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
            );
        };
        let key = (namespace.clone(), name.clone());
        let Some(held) = objects.get(&key).cloned() else {
            return failure(404, "NotFound", &format!("\"{name}\" not found"));
        };
        match method.as_str() {
            "GET" => (200, held),
            "PUT" => {
                let object: Value = serde_json::from_slice(body).unwrap();
                if object["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"] {
                    return failure(409, "Conflict", "the object has been modified");
                }
                (200, self.store(collection, object))
            }
            "PATCH" => {
                let patched = merge::apply(&held, &serde_json::from_slice(body).unwrap());
                (200, self.store(collection, patched))
            }
            "DELETE" => {
                self.delete(collection, &key);
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            _ => {
                assert_eq!(subresource.as_deref(), Some("eviction"));
                self.delete(collection, &key);
                (201, json!({"kind": "Status", "status": "Success"}))
            }
        }
    }

    pub(crate) fn store(&mut self, collection: &str, mut object: Value) -> Value {
        self.version += 1;
        let text = |field: &str| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let key = (text("namespace"), text("name"));
        let objects = self.objects.entry(collection.to_owned()).or_default();
        let kind = if objects.contains_key(&key) {
            "MODIFIED"
        } else {
            "ADDED"
        };
        if text("uid").is_empty() {
            object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        }
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        objects.insert(key, object.clone());
        self.tell(collection, kind, &object);
        object
    }

    pub(crate) fn delete(&mut self, collection: &str, key: &(String, String)) {
        let Some(mut object) = self
            .objects
            .get_mut(collection)
            .and_then(|objects| objects.remove(key))
        else {
            return;
        };
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.tell(collection, "DELETED", &object);
    }

    fn tell(&mut self, collection: &str, kind: &str, object: &Value) {
        let line = frame(kind, object);
        self.watches.retain(|watch| {
            watch.collection != collection || watch.sender.send(line.clone()).is_ok()
        });
    }

    /// A watch from the given version: what is newer is sent at once, as the objects are now.
    fn watch(&mut self, target: &Target, query: &str) -> Response<BoxBody<Bytes, Infallible>> {
        let from: u64 = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="))
            .and_then(|version| version.parse().ok())
            .unwrap();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let objects = self.objects.entry(target.collection.clone()).or_default();
        for object in objects.values() {
            let version: u64 = object["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            if version > from {
                sender.send(frame("MODIFIED", object)).unwrap();
            }
        }
        self.watches.push(Watch {
            collection: target.collection.clone(),
            sender,
        });
        let stream = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
        let body = StreamBody::new(stream.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))));
        Response::new(BodyExt::boxed(SyncBody(Box::pin(body))))
    }
}

type FrameStream = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Infallible> + Send + Sync>>;

struct SyncBody(FrameStream);

impl hyper::body::Body for SyncBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.as_mut().poll_frame(context)
    }
}

impl tower::Service<Request<Body>> for FakeApi {
    type Response = Response<BoxBody<Bytes, Infallible>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().answer(request).boxed()
    }
}
