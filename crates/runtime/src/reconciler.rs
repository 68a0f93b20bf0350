//! The shape of every controller: observe, decide, (perform,) status.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::client::Client;
use crate::effect::{Event, ObjectReference};
use crate::error::{Class, Error};
use crate::plan::{Performed, Plan};
use crate::resource::{ObjectKey, ResourceRef};

/// One controller. Its caches are fields of its own, see [`Cache`](crate::cache::Cache).
pub trait Reconciler: Send + Sync + 'static {
    /// Everything a decision may look at, the current time included.
    type Observed: Send + Sync;

    /// The kind this controller is about.
    fn resource(&self) -> ResourceRef;

    /// Reads the world: caches first, then the API. `None` when the object is gone; the pass then ends.
    fn observe(
        &self,
        key: &ObjectKey,
        reader: &Reader,
    ) -> impl Future<Output = Result<Option<Self::Observed>, Error>> + Send;

    /// Pure and total: what to do. No client, clock or chance.
    fn decide(&self, observed: &Self::Observed) -> Result<Plan, Rejection>;

    /// Pure: the status that follows. Called after the effects were tried, also when one failed
    /// ([`Plan::failure`](crate::plan::Plan::failure)); may then answer [`StatusWrite::Unchanged`].
    fn status(&self, observed: &Self::Observed, plan: &Plan<Performed>) -> StatusWrite;

    /// Pure: Events that only the outcome of the effects gives rise to. They are recorded before the status is written.
    fn aftermath(&self, _observed: &Self::Observed, _plan: &Plan<Performed>) -> Vec<Event> {
        Vec::new()
    }

    /// Called once a pass has ended and its status is written, also when it failed: for metrics.
    fn settled(&self, _key: &ObjectKey, _pass: &Pass<'_, Self::Observed>) {}

    /// What to do about a failed pass, where upstream differs from [`Error::class`].
    fn class(&self, error: &Error) -> Class {
        error.class()
    }
}

/// A pass that has ended.
pub struct Pass<'a, O> {
    /// What was seen; `None` when observing failed.
    pub observed: Option<&'a O>,
    /// What was done; `None` when nothing was decided.
    pub plan: Option<&'a Plan<Performed>>,
    /// Why it failed, if it did.
    pub error: Option<&'a Error>,
    /// How long it took.
    pub took: Duration,
}

/// Why nothing can be decided for an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// `PascalCase` word: the reason of the Warning event.
    pub reason: Cow<'static, str>,
    /// The sentence.
    pub message: String,
    /// What to do about it.
    pub class: Class,
    /// The object of the Warning event; no event if absent.
    pub regarding: Option<Box<ObjectReference>>,
    /// Status to write nevertheless.
    pub status: Box<StatusWrite>,
}

impl Rejection {
    /// A rejection that only a change of the object can cure.
    pub fn terminal(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            class: Class::Terminal,
            regarding: None,
            status: Box::default(),
        }
    }

    /// A rejection that is tried again with backoff.
    pub fn retry(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            class: Class::Retry,
            ..Self::terminal(reason, message)
        }
    }
}

/// How the status gets to the server. An equal status is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum StatusWrite {
    /// Nothing is written.
    #[default]
    Unchanged,
    /// JSON merge patch `{"status": …}` of the difference between two statuses; nothing when there is none.
    MergePatch {
        /// `true` for `/status`, `false` for kinds without the subresource.
        subresource: bool,
        /// The status as observed.
        old: Value,
        /// The status as it shall be.
        new: Value,
        /// Refused unless the object is still at this resource version: for fields that others write too.
        resource_version: Option<String>,
    },
    /// PUT of the whole object, which carries the new status and the observed resource version.
    Update {
        /// `true` for `/status`.
        subresource: bool,
        /// The whole object.
        object: Value,
    },
}

/// What `observe` reads with, beside its caches.
#[derive(Clone)]
pub struct Reader {
    client: Client,
    now: Timestamp,
}

impl Reader {
    /// A reader for one pass.
    pub fn new(client: Client) -> Self {
        let now = client.clock().now();
        Self { client, now }
    }

    /// The time of this pass. The same for the whole pass.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Reads one object from the server; `None` when it does not exist.
    pub async fn get(
        &self,
        resource: &ResourceRef,
        key: &ObjectKey,
    ) -> Result<Option<Value>, Error> {
        self.client.get(resource, key).await
    }

    /// Lists objects from the server. An empty namespace means all, empty selectors mean everything.
    pub async fn list(
        &self,
        resource: &ResourceRef,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Vec<Value>, Error> {
        self.client.list(resource, namespace, label_selector).await
    }

    /// The client, for reads that are neither. Never for writes.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// What a controller would do about an object now: its plan, and the status that would follow if all went well.
/// Nothing is written. `None` when the object does not exist.
pub async fn preview<R: Reconciler>(
    reconciler: &R,
    key: &ObjectKey,
    client: &Client,
) -> Result<Option<(Plan, StatusWrite)>, Error> {
    let reader = Reader::new(client.clone());
    let Some(observed) = reconciler.observe(key, &reader).await? else {
        return Ok(None);
    };
    let decided = reconciler.decide(&observed);
    let plan =
        decided.map_err(|Rejection { message, class, .. }| Error::Other { message, class })?;
    let status = reconciler.status(&observed, &plan.clone().as_if_performed());
    Ok(Some((plan, status)))
}
