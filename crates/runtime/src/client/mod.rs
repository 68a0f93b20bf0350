//! Requests to one API server: reads that are retried, writes whose answers enter the caches.
//!
//! Built on `kube::Client` as a transport only. kube's own retry layer repeats any method, so a create whose answer
//! was lost would be sent twice; it is switched off, and [`retry`] repeats reads (and writes that the server refused
//! with 429, which it did not carry out).

pub mod connect;
mod exchange;
pub mod limiter;
mod list;
pub mod retry;
mod wire;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::access::{self, Right};
use crate::cache::Sink;
use crate::clock::Clock;
use crate::effect::DeleteOptions;
use crate::error::Error;
use crate::metrics::{Counter, Family, Registry};
use crate::patch::Patch;
use crate::resource::{ObjectKey, POD, ResourceRef};
pub use exchange::Exchange;
use exchange::Observers;
use limiter::Limiters;
use machinery::entropy::Entropy;
pub(crate) use wire::{JSON, query, to_bytes};
use wire::{Media, collect, encode, failure, is_object};

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the time comes from.
    pub clock: Clock,
    /// Seed of all chance: jitter, identities, names.
    pub seed: u64,
    /// `fieldManager` of writes; the server derives one from the user agent if empty.
    pub field_manager: String,
    /// Requests a second; no limit if absent. Watches are not counted. Kubernetes' own kinds and custom resources are
    /// counted apart, as by the two clients of a Go controller.
    pub qps: Option<f64>,
    /// Requests that may exceed `qps` at once.
    pub burst: u32,
    /// Requests under way at the same time, which bounds the connections. Watches are not counted.
    pub concurrency: usize,
    /// Give up on an answer after this long. Watches are not counted.
    pub timeout: Duration,
    /// All it may ask for; anything if absent. What isn't in here is not sent.
    pub rights: Option<Arc<[Right]>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            seed: retry::process_seed(),
            field_manager: String::new(),
            qps: None,
            burst: 0,
            concurrency: 16,
            timeout: Duration::from_mins(1),
            rights: None,
        }
    }
}

struct Inner {
    kube: kube::Client,
    options: ClientOptions,
    entropy: Mutex<Entropy>,
    limiters: Option<Limiters>,
    slots: Semaphore,
    sinks: RwLock<Vec<Arc<dyn Sink>>>,
    registry: Registry,
    requests: Family<Counter>,
    observers: Observers,
}

/// A client. Clones share connections, limits and metrics.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What the server answered to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    bytes: Bytes,
}

impl Answer {
    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The object.
    pub fn value(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.bytes).map_err(|source| Error::Decode {
            what: "an answer".to_owned(),
            source,
        })
    }
}

impl Client {
    /// A client over a kube client, which should have its own retries switched off (`Config::default_retry`).
    pub fn new(kube: kube::Client, options: ClientOptions) -> Self {
        let registry = Registry::new();
        let requests = registry.counter(
            "rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code and method",
            &["code", "method"],
        );
        let entropy = Mutex::new(Entropy::seeded(options.seed));
        let limiters = options.qps.map(|qps| Limiters::new(qps, options.burst));
        let slots = Semaphore::new(options.concurrency.max(1));
        let sinks = RwLock::default();
        Self {
            inner: Arc::new(Inner {
                kube,
                options,
                entropy,
                limiters,
                slots,
                sinks,
                registry,
                requests,
                observers: Observers::default(),
            }),
        }
    }

    /// Where the time comes from.
    pub fn clock(&self) -> Clock {
        self.inner.options.clock
    }

    /// Draws from the client's chance.
    pub fn with_entropy<T>(&self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        draw(
            &mut self
                .inner
                .entropy
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The transport, for requests that have no method here.
    pub fn kube(&self) -> &kube::Client {
        &self.inner.kube
    }

    /// Metrics of this process.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Calls `observe` after each request, whatever became of it. It must be quick.
    pub fn on_exchange(&self, observe: impl Fn(&Exchange<'_>) + Send + Sync + 'static) {
        self.inner.observers.add(observe);
    }

    /// Reads one object; `None` when it does not exist.
    pub async fn get(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
    ) -> Result<Option<Value>, Error> {
        match self.get_bytes(resource, key).await {
            Ok(bytes) => Answer { bytes }.value().map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object in the collection of its namespace.
    pub async fn create(&self, resource: &ResourceRef, object: &Value) -> Result<Answer, Error> {
        let path = resource.collection_path(&ObjectKey::of(object).namespace);
        self.write(resource, Method::POST, &path, JSON, to_bytes(object)?)
            .await
    }

    /// Replaces an object, or one of its subresources, under its own resource version.
    pub async fn update(
        &self,
        resource: &ResourceRef,
        object: &Value,
        subresource: Option<&str>,
    ) -> Result<Answer, Error> {
        let path = resource.object_path(&ObjectKey::of(object), subresource);
        self.write(resource, Method::PUT, &path, JSON, to_bytes(object)?)
            .await
    }

    /// Creates an object that is JSON text already, or replaces it under its own resource version.
    pub(crate) async fn put(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
        is_update: bool,
        object: Bytes,
    ) -> Result<Answer, Error> {
        let (method, path) = if is_update {
            (Method::PUT, resource.object_path(key, None))
        } else {
            (Method::POST, resource.collection_path(&key.namespace))
        };
        self.write(resource, method, &path, JSON, object).await
    }

    /// Patches an object, or one of its subresources.
    pub async fn patch(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
        subresource: Option<&str>,
        patch: &Patch,
    ) -> Result<Answer, Error> {
        let mut target = resource.object_path(key, subresource);
        if let Patch::Apply { force: true, .. } = patch {
            target.push_str("?force=true");
        }
        self.write(
            resource,
            Method::PATCH,
            &target,
            patch.dialect().media_type(),
            patch.bytes()?,
        )
        .await
    }

    /// Deletes an object. The answer is the object if it lingers (finalizers, graceful deletion), else a `Status`.
    pub async fn delete(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Answer, Error> {
        let path = resource.object_path(key, None);
        let body = match options.body() {
            Some(body) => to_bytes(&body)?,
            None => Bytes::new(),
        };
        let bytes = self
            .send(Method::DELETE, &path, Media::body(JSON), body, true)
            .await?;
        let lingers = is_object(resource, &bytes);
        for sink in self.sinks(resource) {
            if lingers {
                sink.wrote(&bytes);
            } else {
                sink.deleted(key, options.uid.as_deref());
            }
        }
        Ok(Answer { bytes })
    }

    /// Evicts a pod. Refused with 429 while a disruption budget does not allow it; not retried here.
    pub async fn evict(&self, key: &ObjectKey, uid: Option<&str>) -> Result<Answer, Error> {
        let mut body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": key.name, "namespace": key.namespace},
        });
        if let (Some(uid), Some(fields)) = (uid, body.as_object_mut()) {
            fields.insert(
                "deleteOptions".to_owned(),
                json!({"preconditions": {"uid": uid}}),
            );
        }
        let path = POD.object_path(key, Some("eviction"));
        let (media, body) = (Media::body(JSON), to_bytes(&body)?);
        let sent = self.send(Method::POST, &path, media, body, false);
        sent.await.map(|bytes| Answer { bytes })
    }

    /// Registers a cache that wants to see the answers to our own writes.
    pub(crate) fn register(&self, sink: Arc<dyn Sink>) {
        self.inner
            .sinks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sink);
    }

    /// Caches that hold objects of a resource.
    pub(crate) fn sinks(&self, resource: &ResourceRef) -> Vec<Arc<dyn Sink>> {
        let sinks = self
            .inner
            .sinks
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        sinks
            .iter()
            .filter(|sink| sink.concerns(resource))
            .cloned()
            .collect()
    }

    /// Reads one object and lets the caches see it.
    pub(crate) async fn refresh(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
    ) -> Result<Option<Value>, Error> {
        match self.get_bytes(resource, key).await {
            Ok(bytes) => {
                self.sinks(resource)
                    .iter()
                    .for_each(|sink| sink.wrote(&bytes));
                Answer { bytes }.value().map(Some)
            }
            Err(error) if error.is_not_found() => {
                self.sinks(resource)
                    .iter()
                    .for_each(|sink| sink.deleted(key, None));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads one object as it comes.
    pub async fn get_bytes(&self, resource: &ResourceRef, key: &ObjectKey) -> Result<Bytes, Error> {
        self.read(&resource.object_path(key, None)).await
    }

    /// GET of a path with its query.
    pub async fn read(&self, path: &str) -> Result<Bytes, Error> {
        self.read_as(path, JSON).await
    }

    /// The same, answered in that form.
    pub(crate) async fn read_as(&self, path: &str, accept: &str) -> Result<Bytes, Error> {
        let media = Media::answer(accept);
        self.send(Method::GET, path, media, Bytes::new(), true)
            .await
    }

    /// Opens a stream of the body of a GET, for watches. Not limited, retried or timed.
    pub(crate) async fn open(&self, path: &str, accept: &str) -> Result<Response<Body>, Error> {
        access::check(self.inner.options.rights.as_deref(), &Method::GET, path)?;
        let request = Self::request(Method::GET, path, accept)?
            .header(http::header::ACCEPT_ENCODING, "identity")
            .body(Body::empty())?;
        let response = self.exchange(&[], request, None).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Error::Api(failure(response).await?))
    }

    async fn write(
        &self,
        resource: &ResourceRef,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let mut path = path.to_owned();
        if !self.inner.options.field_manager.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str("fieldManager=");
            path.push_str(&encode(&self.inner.options.field_manager));
        }
        let bytes = self
            .send(method, &path, Media::body(content_type), body, true)
            .await?;
        self.sinks(resource)
            .iter()
            .for_each(|sink| sink.wrote(&bytes));
        Ok(Answer { bytes })
    }

    /// Sends a request, again if that is safe, and collects the answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        media: Media<'_>,
        body: Bytes,
        repeat_refused: bool,
    ) -> Result<Bytes, Error> {
        access::check(self.inner.options.rights.as_deref(), &method, path)?;
        let mut attempt = 0;
        loop {
            let error = match self.send_once(&method, path, media, body.clone()).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let may_repeat =
                method == Method::GET || (repeat_refused && retry::was_refused(&error));
            let delay = self.with_entropy(|entropy| retry::delay(&error, attempt, entropy));
            match delay {
                Some(delay) if may_repeat => tokio::time::sleep(delay).await,
                _ => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        path: &str,
        media: Media<'_>,
        body: Bytes,
    ) -> Result<Bytes, Error> {
        let asked = Instant::now();
        let waited = match &self.inner.limiters {
            Some(limiters) => {
                limiters.of(path).acquire().await;
                Some(asked.elapsed())
            }
            None => None,
        };
        let mut request = Self::request(method.clone(), path, media.accept)?;
        if let Some(content_type) = media.content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body.clone()))?;
        // The semaphore is never closed: a slot always comes.
        let _slot = self.inner.slots.acquire().await.ok();
        let exchange = async {
            let response = self.exchange(&body, request, waited).await?;
            if !response.status().is_success() {
                return Err(Error::Api(failure(response).await?));
            }
            collect(response).await
        };
        match tokio::time::timeout(self.inner.options.timeout, exchange).await {
            Ok(result) => result,
            Err(elapsed) => Err(Error::Transport(Box::new(elapsed))),
        }
    }

    fn request(method: Method, path: &str, accept: &str) -> Result<http::request::Builder, Error> {
        let uri: http::Uri = path
            .parse()
            .map_err(|error: http::uri::InvalidUri| Error::Request(error.into()))?;
        Ok(Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::ACCEPT, accept))
    }

    async fn exchange(
        &self,
        body: &[u8],
        request: Request<Body>,
        waited: Option<Duration>,
    ) -> Result<Response<Body>, Error> {
        let sent = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let result = self.inner.kube.send(request).await;
        let status = result
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16());
        let text = status.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        self.inner.requests.with(&[&text, method.as_str()]).inc();
        self.inner.observers.tell(&Exchange {
            method: method.as_str(),
            target: uri.path_and_query().map_or("", |target| target.as_str()),
            body,
            status,
            waited,
            took: sent.elapsed(),
        });
        result.map_err(|error| Error::Transport(Box::new(error)))
    }
}
