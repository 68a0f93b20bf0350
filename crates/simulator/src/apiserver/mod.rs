//! The API server: a pure state machine over a versioned store. No tasks, no clock, no sockets of its own.

pub mod custom;
pub mod discovery;
pub mod openapi;
pub mod registry;
pub mod resource;
pub mod table;

use jiff::Timestamp;
use machinery::entropy::Entropy;

use crate::request::{Reply, Request, WatchId, WatchPoll};
use registry::Registry;

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seconds of history kept per resource.
    pub history_seconds: i64,
    /// Leave out a revision now and then, so that nothing depends on density.
    pub skip_revisions: bool,
    /// Address clients reach the server at, as the `kubernetes` Service's endpoint.
    pub advertise: Option<std::net::SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_seconds: 300,
            skip_revisions: false,
            advertise: None,
        }
    }
}

/// The server's whole state.
pub struct ApiServer {
    registry: Registry,
    options: Options,
}

impl ApiServer {
    /// An empty server; [`crate::world::World::new`] adds the system namespaces.
    pub fn new(options: Options) -> Self {
        Self {
            registry: Registry::default(),
            options,
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

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        0
    }

    /// Handles one request.
    pub fn handle(&mut self, request: &Request, now: Timestamp, entropy: &mut Entropy) -> Reply {
        let _ = (request, now, entropy);
        todo!()
    }

    /// What a watch has to send now.
    pub fn watch_frames(&mut self, id: WatchId, now: Timestamp) -> WatchPoll {
        let _ = (id, now);
        todo!()
    }

    /// Forgets a watch whose client went away.
    pub fn watch_closed(&mut self, id: WatchId) {
        let _ = id;
    }
}
