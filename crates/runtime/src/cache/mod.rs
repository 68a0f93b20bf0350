//! Watched objects, kept as projections in key order.
//!
//! A controller declares what it reads of a kind as a type that implements [`Projection`]; everything else is
//! skipped while decoding. Our own writes enter the cache with their answer, so that the next pass reads them
//! without waiting for the watch. Mirrors the role of client-go's `tools/cache` (shared informers, indexers).

mod fields;
mod meta;
mod store;
mod whole;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use machinery::labels::Selector;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Notify;

pub use meta::{Meta, Owner, WireMeta, WireOwner};
pub use store::{IndexFn, Store};
pub use whole::Whole;

use crate::error::Error;
use crate::resource::{ObjectKey, ResourceRef};
use meta::MetaOnly;

/// What is kept of an object. Decoding must skip what is not kept and tolerate what is missing.
///
/// The usual way: a wire struct that derives `Deserialize`, holds [`WireMeta`] as `metadata` and the fields that are
/// read, and `#[serde(from = "…")]` on the compact struct.
pub trait Projection: DeserializeOwned + Send + Sync + 'static {
    /// Whether it keeps nothing but metadata: the server is asked for no more then.
    const METADATA_ONLY: bool = false;

    /// Metadata of the object.
    fn meta(&self) -> &Meta;

    /// Called once after decoding, with the resource it was read from.
    fn complete(&mut self, _resource: &Arc<ResourceRef>) {}
}

/// Which objects of a resource are watched. The server does the filtering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these namespaces, each watched by itself; none means all, watched at once.
    pub namespaces: BTreeSet<String>,
    /// Label selector in its text form; empty means everything.
    pub label_selector: String,
    /// Field selector in its text form; empty means everything.
    pub field_selector: String,
}

impl Scope {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// One namespace; empty means all.
    pub fn namespace(namespace: impl Into<String>) -> Self {
        let namespace = Some(namespace.into());
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        Self::namespaces(namespace.into_iter().collect())
    }

    /// Several namespaces, each watched by itself, so that rights in each suffice; none means all.
    pub fn namespaces(namespaces: BTreeSet<String>) -> Self {
        Self {
            namespaces,
            ..Self::default()
        }
    }

    /// What is watched by itself: namespaces, or everything, which is empty.
    pub(crate) fn parts(&self) -> Vec<String> {
        if self.namespaces.is_empty() {
            return vec![String::new()];
        }
        self.namespaces.iter().cloned().collect()
    }

    /// The same scope, narrowed by labels.
    #[must_use]
    pub fn labelled(mut self, selector: impl Into<String>) -> Self {
        self.label_selector = selector.into();
        self
    }
}

/// One object changed. Both sides present: modified, or replaced by another of the same name.
#[derive(Debug)]
pub struct Change<P> {
    /// The state held before; `None` when it was added.
    pub old: Option<Arc<P>>,
    /// The state held now; `None` when it was deleted.
    pub new: Option<Arc<P>>,
    /// Whether it comes from the first list.
    pub initial: bool,
}

impl<P: Projection> Change<P> {
    /// Metadata of the newer side.
    pub fn meta(&self) -> Option<&Meta> {
        self.new
            .as_ref()
            .or(self.old.as_ref())
            .map(|object| object.meta())
    }

    /// Both sides, the old one first.
    pub fn sides(&self) -> impl Iterator<Item = &Arc<P>> {
        self.old.iter().chain(self.new.iter())
    }
}

type Handler<P> = Box<dyn Fn(&Change<P>) + Send + Sync>;

struct Inner<P> {
    resource: Arc<ResourceRef>,
    scope: Scope,
    selector: Selector,
    store: RwLock<Store<P>>,
    handlers: RwLock<Vec<Handler<P>>>,
    /// Parts of which there is no list yet.
    unlisted: RwLock<BTreeSet<String>>,
    synced: AtomicBool,
    sync_notify: Notify,
    on_demand: bool,
    wanted: AtomicBool,
    want_notify: Notify,
}

/// A handle to the objects of one watch. Clones share the objects.
pub struct Cache<P> {
    inner: Arc<Inner<P>>,
}

impl<P> Clone for Cache<P> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<P: Projection> Cache<P> {
    /// An empty cache that nothing fills yet; [`Manager::cache`](crate::manager::Manager::cache) makes watched ones.
    pub fn new(resource: ResourceRef, scope: Scope) -> Self {
        Self::with(resource, scope, false)
    }

    /// An empty cache; `on_demand` means that it is filled once somebody waits for that.
    pub(crate) fn with(resource: ResourceRef, scope: Scope, on_demand: bool) -> Self {
        let selector =
            Selector::parse(&scope.label_selector).unwrap_or_else(|_| Selector::nothing());
        let inner = Inner {
            selector,
            resource: Arc::new(resource),
            unlisted: RwLock::new(scope.parts().into_iter().collect()),
            scope,
            store: RwLock::new(Store::default()),
            handlers: RwLock::new(Vec::new()),
            synced: AtomicBool::new(false),
            sync_notify: Notify::new(),
            on_demand,
            wanted: AtomicBool::new(false),
            want_notify: Notify::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What is watched.
    pub fn resource(&self) -> &ResourceRef {
        &self.inner.resource
    }

    /// Which of it is watched.
    pub fn scope(&self) -> &Scope {
        &self.inner.scope
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<P>> {
        self.read().get(key).cloned()
    }

    /// All objects, in key order.
    pub fn list(&self) -> Vec<Arc<P>> {
        self.read().iter().cloned().collect()
    }

    /// The objects of one namespace, in name order.
    pub fn list_in(&self, namespace: &str) -> Vec<Arc<P>> {
        self.read().in_namespace(namespace).cloned().collect()
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Adds an index by the values that `values` computes. Objects are found under each of them.
    pub fn index(&self, values: impl Fn(&P) -> Vec<String> + Send + Sync + 'static) -> Index<P> {
        let number = self.write().add_index(Box::new(values));
        Index {
            cache: self.clone(),
            number,
        }
    }

    /// Adds an index by the uid of the managing controller.
    pub fn index_by_controller(&self) -> Index<P> {
        self.index(|object| {
            object
                .meta()
                .controller()
                .map(|owner| owner.uid.to_string())
                .into_iter()
                .collect()
        })
    }

    /// Calls `handler` after each change, our own writes included. It must be quick and must not write.
    pub fn on_change(&self, handler: impl Fn(&Change<P>) + Send + Sync + 'static) {
        self.inner
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(handler));
    }

    /// Whether the first list has been taken in, of each namespace.
    pub fn is_synced(&self) -> bool {
        self.inner.synced.load(Ordering::Acquire)
    }

    /// Waits for the first list, of each namespace.
    pub async fn synced(&self) {
        self.until(|| self.is_synced()).await;
    }

    /// Waits for the first list of one part.
    pub(crate) async fn listed(&self, part: &str) {
        let unlisted = || self.inner.unlisted.read();
        self.until(|| {
            let unlisted = unlisted().unwrap_or_else(PoisonError::into_inner);
            !unlisted.contains(part)
        })
        .await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        loop {
            let notified = self.inner.sync_notify.notified();
            if holds() {
                return;
            }
            notified.await;
        }
    }

    /// Fills a cache that is filled on demand, and waits for that; any other is full when controllers work.
    pub async fn filled(&self) {
        if self.inner.on_demand {
            self.inner.wanted.store(true, Ordering::Release);
            self.inner.want_notify.notify_waiters();
            self.synced().await;
        }
    }

    /// Whether there is nothing to wait for before controllers work.
    pub(crate) fn is_synced_or_unwanted(&self) -> bool {
        self.is_synced() || (self.inner.on_demand && !self.inner.wanted.load(Ordering::Acquire))
    }

    /// Waits until the cache is asked to fill: not at all unless it is filled on demand.
    pub(crate) async fn wanted(&self) {
        if !self.inner.on_demand {
            return;
        }
        loop {
            let notified = self.inner.want_notify.notified();
            if self.inner.wanted.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }

    /// Takes in an object as if the watch had shown it: for tests and simulations.
    pub fn put(&self, object: &Value) -> Result<(), Error> {
        let decoded = P::deserialize(object).map_err(|source| Error::Decode {
            what: ObjectKey::of(object).to_string(),
            source,
        })?;
        self.upsert(decoded);
        Ok(())
    }

    pub(crate) fn upsert(&self, mut object: P) {
        object.complete(&self.inner.resource);
        let change = self.write().upsert(object);
        self.tell(change);
    }

    pub(crate) fn remove(&self, key: &ObjectKey, uid: &str) {
        let change = self.write().remove(key, uid);
        self.tell(change);
    }

    pub(crate) fn begin_relist(&self, part: &str) {
        self.write().begin_relist(part);
    }

    pub(crate) fn finish_relist(&self, part: &str, version: u64) {
        let gone = self.write().finish_relist(part, version);
        for change in gone {
            self.tell(Some(change));
        }
        let unlisted = self.inner.unlisted.write();
        let mut unlisted = unlisted.unwrap_or_else(PoisonError::into_inner);
        unlisted.remove(part);
        if unlisted.is_empty() {
            self.inner.synced.store(true, Ordering::Release);
        }
        drop(unlisted);
        self.inner.sync_notify.notify_waiters();
    }

    fn tell(&self, change: Option<Change<P>>) {
        let Some(mut change) = change else { return };
        change.initial = !self.is_synced();
        for handler in self
            .inner
            .handlers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            handler(&change);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Store<P>> {
        self.inner
            .store
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store<P>> {
        self.inner
            .store
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A secondary index of a cache. Clones share it.
pub struct Index<P> {
    cache: Cache<P>,
    number: usize,
}

impl<P> Clone for Index<P> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            number: self.number,
        }
    }
}

impl<P: Projection> Index<P> {
    /// See [`Cache::filled`].
    pub async fn filled(&self) {
        self.cache.filled().await;
    }

    /// The objects found under a value, in key order.
    pub fn get(&self, value: &str) -> Vec<Arc<P>> {
        self.cache.read().indexed(self.number, value).to_vec()
    }
}

/// What the client tells about its own writes; caches of the same resource take the answers in.
pub(crate) trait Sink: Send + Sync {
    /// Whether this cache holds objects of the resource.
    fn concerns(&self, resource: &ResourceRef) -> bool;
    /// The server answered a write with this object.
    fn wrote(&self, body: &[u8]);
    /// The server deleted the object.
    fn deleted(&self, key: &ObjectKey, uid: Option<&str>);
    /// Resource version held; `None` when the object is not held.
    fn version(&self, key: &ObjectKey) -> Option<u64>;
}

impl<P: Projection> Sink for Cache<P> {
    fn concerns(&self, resource: &ResourceRef) -> bool {
        self.inner.resource.group == resource.group && self.inner.resource.plural == resource.plural
    }

    fn wrote(&self, body: &[u8]) {
        if self.inner.on_demand && !self.inner.wanted.load(Ordering::Acquire) {
            // Nothing would ever take it out again.
            return;
        }
        let Ok(MetaOnly { metadata }) = serde_json::from_slice(body) else {
            return;
        };
        if metadata.resource_version.is_empty() {
            return;
        }
        let meta = Meta::from(metadata);
        if !self.covers(&meta) {
            return;
        }
        if let Ok(mut object) = serde_json::from_slice::<P>(body) {
            object.complete(&self.inner.resource);
            let change = self.write().upsert_own(object);
            self.tell(change);
        }
    }

    fn deleted(&self, key: &ObjectKey, uid: Option<&str>) {
        let change = self.write().bury(key, uid);
        self.tell(change);
    }

    fn version(&self, key: &ObjectKey) -> Option<u64> {
        self.read().get(key).map(|object| object.meta().version)
    }
}

impl<P: Projection> Cache<P> {
    /// Whether the watch would show an object. With a selector of other fields than names only what is already held surely
    /// matches.
    fn covers(&self, meta: &Meta) -> bool {
        let Scope {
            namespaces,
            label_selector: _,
            field_selector,
        } = &self.inner.scope;
        if !namespaces.is_empty() && !namespaces.contains(&meta.key.namespace) {
            return false;
        }
        if !self.inner.selector.is_empty() {
            let labels = meta
                .labels
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            if !self.inner.selector.matches(&labels) {
                return false;
            }
        }
        fields::selects(field_selector, &meta.key).unwrap_or_else(|| self.get(&meta.key).is_some())
    }
}
