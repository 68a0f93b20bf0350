//! The API server: a pure state machine over a versioned store. No tasks, no clock, no sockets of its own.
//!
//! `handle` is the pipeline; [`store`] keeps objects and history; `write`, `delete`, `list` and `watch` are the verbs.

mod access_review;
mod admission;
mod admit;
mod allocate;
mod ask;
mod authorize;
pub(crate) mod body;
mod boot;
pub(crate) mod certificates;
mod commit;
mod conversion;
mod convert;
pub mod custom;
mod definitions;
pub(crate) mod delete;
mod device_access;
pub mod discovery;
pub(crate) mod elsewhere;
mod eviction;
mod expiry;
mod exposition;
mod facts;
mod forward;
pub(crate) mod handle;
pub(crate) mod impersonate;
mod list;
mod list_options;
mod listing;
mod log;
mod negotiate;
pub mod openapi;
pub(crate) mod options;
pub(crate) mod own;
pub(crate) mod owners;
mod patch;
mod prepare;
pub(crate) mod ranges;
pub mod rbac;
pub mod registry;
mod reply;
pub mod resource;
mod review;
mod route;
mod runtime_class;
pub(crate) mod scale;
mod selection;
pub mod store;
mod subresource;
pub mod table;
mod target;
#[cfg(test)]
mod tests;
mod token_request;
pub(crate) mod tokens;
mod unasked;
mod warning;
mod watch;
mod webhook_reply;
pub(crate) mod write;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::instrument::{Instruments, Route};
use crate::nodes::containers::ContainerRuntime;
use crate::outside::Asking;
use crate::outside::waiting::Waiting;
use crate::request::{User, WatchId};
use crate::session::Change;
pub(crate) use access_review::user_info;
pub use definitions::Definitions;
pub use expiry::EventExpiry;
pub use forward::{Carrier, Forward};
pub(crate) use forward::{accepted_key, is_upgrade};
pub use listing::{Listing, Portions};
pub use log::Following;
use registry::Registry;
pub(crate) use reply::{error_response_without_warnings as refusal, too_many_in_flight};
use store::{Bounds, Store};
pub(crate) use tokens::Shown;
use watch::{Together, Watch};

const RBAC_RESOURCES: [resource::Resource; 4] = [
    resource::known::ROLES,
    resource::known::CLUSTER_ROLES,
    resource::known::ROLE_BINDINGS,
    resource::known::CLUSTER_ROLE_BINDINGS,
];

/// How a server is set up.
#[derive(Clone)]
pub struct Options {
    /// Seconds of history kept per resource.
    pub history_seconds: i64,
    /// About how many bytes of history are kept in all.
    pub history_bytes: usize,
    /// About how many bytes of objects are kept as whole values, which are quick to use and ten times as large as bytes.
    pub whole_bytes: usize,
    /// About how many bytes of JSON are stored before whoever writes is told that there is no more room. etcd's quota.
    pub object_bytes: usize,
    /// Leave out a revision now and then, so that nothing depends on density.
    pub skip_revisions: bool,
    /// Decides which revisions are left out.
    pub skip_seed: u64,
    /// Address clients reach the server at, as the `kubernetes` Service's endpoint.
    pub advertise: Option<std::net::SocketAddr>,
    /// Key that tokens of `ServiceAccounts` are signed with; with another one they don't hold any more.
    pub token_key: [u8; 32],
    /// Users by the token they always have.
    pub static_tokens: BTreeMap<String, User>,
    /// Whether admission plugin `OwnerReferencesPermissionEnforcement` is on.
    pub enforce_owner_permissions: bool,
    /// What really runs some containers: their output is their log.
    pub containers: Option<ContainerRuntime>,
    /// Whether metrics tell of the process too, which no simulation repeats.
    pub process_figures: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_seconds: 300,
            history_bytes: 128 << 20,
            whole_bytes: 256 << 20,
            object_bytes: 2 << 30,
            skip_revisions: false,
            skip_seed: 0,
            advertise: None,
            token_key: [0x5a; 32],
            static_tokens: BTreeMap::new(),
            enforce_owner_permissions: false,
            containers: None,
            process_figures: false,
        }
    }
}

/// The server's whole state.
pub struct ApiServer {
    registry: Registry,
    options: Options,
    store: Store,
    /// The one that is asked what it has to send is taken out meanwhile.
    watches: BTreeMap<WatchId, Option<Box<Watch>>>,
    /// By table, the watches that know of everything: a change concerns them, and those that are behind know already.
    settled: BTreeMap<Arc<str>, Vec<WatchId>>,
    dirty_watches: Vec<WatchId>,
    /// What watches that see the same were sent last.
    together: Together,
    last_watch: u64,
    changes: VecDeque<Change>,
    /// Answers for the run under way, and what it asks.
    asking: Asking,
    /// Writes of built-in controllers that wait for answers.
    pub(crate) waiting: Waiting,
    /// What conversion webhooks made of objects.
    converted: RefCell<conversion::Converted>,
    /// Custom objects whose metadata was stored with empty parts, which nobody reads: their revision by table and key.
    hollow: BTreeMap<(Arc<str>, String), u64>,
    rbac: rbac::index::Index,
    /// How somebody was able to act as somebody else the last time, by user name: that way is tried first.
    impersonations: RefCell<BTreeMap<String, impersonate::Mode>>,
    /// What `options.token_key` is as a pair, once somebody needs it.
    token_keys: OnceCell<tokens::keys::KeyPair>,
    /// Documents about the API that somebody asked for.
    open_api: openapi::Kept,
    /// When it began.
    started: Timestamp,
    /// What it counts.
    instruments: Arc<Instruments>,
    /// What the request that was handled last is counted as, if it is.
    counted: Option<Route>,
}

impl ApiServer {
    /// An empty server; call [`ApiServer::boot`] for the system namespaces.
    pub fn new(options: Options) -> Self {
        Self {
            registry: Registry::builtin(),
            store: Store::new(Bounds {
                history_seconds: options.history_seconds,
                history_bytes: options.history_bytes,
                whole_bytes: options.whole_bytes,
                object_bytes: options.object_bytes,
            }),
            options,
            watches: BTreeMap::new(),
            settled: BTreeMap::new(),
            dirty_watches: Vec::new(),
            together: Together::default(),
            last_watch: 0,
            changes: VecDeque::new(),
            asking: Asking::default(),
            waiting: Waiting::default(),
            converted: RefCell::default(),
            hollow: BTreeMap::new(),
            rbac: rbac::index::Index::default(),
            impersonations: RefCell::default(),
            token_keys: OnceCell::new(),
            open_api: openapi::Kept::default(),
            started: Timestamp::UNIX_EPOCH,
            instruments: Arc::default(),
            counted: None,
        }
    }

    /// What it serves.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How it was set up.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// When it began.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// What it counts.
    pub(crate) fn instruments(&self) -> &Arc<Instruments> {
        &self.instruments
    }

    /// What the request that was handled last is counted as, if it is.
    pub(crate) fn take_route(&mut self) -> Option<Route> {
        self.counted.take()
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.store.revision()
    }

    /// The objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The objects, for the log of changes, restoring and compaction.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Takes in what was restored into the store: definitions are served, roles and bindings are in force.
    pub fn restored(&mut self) {
        for resource in RBAC_RESOURCES {
            let table = format!("{}/{}", resource.group, resource.plural);
            let objects = self.store.table(&table).into_iter();
            for (key, entry) in objects.flat_map(|table| table.range("", "")) {
                let (namespace, name) = key.rsplit_once('/').unwrap_or(("", key));
                self.rbac
                    .note(&resource.plural, namespace, name, Some(&entry.value));
            }
        }
        self.serve_definitions();
    }

    fn serve_definitions(&mut self) {
        let found: Vec<_> = self
            .store
            .table("apiextensions.k8s.io/customresourcedefinitions")
            .into_iter()
            .flat_map(|table| table.range("", ""))
            .map(|(name, entry)| (name.clone(), entry.value.clone()))
            .collect();
        for (name, definition) in found {
            self.serve_definition(&name, Some(&definition));
        }
    }
}
