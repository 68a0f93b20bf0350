//! A world: one API server, its built-in controllers, entropy, faults and trace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use machinery::entropy::Entropy;

use crate::apiserver::{ApiServer, Options};
use crate::builtin::Builtin;
use crate::clock::WorldClock;
use crate::faults::Faults;
use crate::recorder::Recorder;
use crate::request::{Reply, Request};

/// Everything that is simulated, as one value. Pure: time and randomness are data.
pub struct World {
    /// The API server.
    pub api: ApiServer,
    /// Seeded randomness.
    pub entropy: Entropy,
    /// Decides over calls, if faults are wanted.
    pub faults: Option<Box<dyn Faults>>,
    /// The trace.
    pub recorder: Recorder,
    controllers: Vec<Runner>,
}

struct Runner {
    controller: Box<dyn Builtin>,
    cursor: u64,
    wake: Option<Timestamp>,
}

impl World {
    /// A world with a fresh API server at `now` (system namespaces exist), and the given controllers.
    pub fn new(
        options: Options,
        entropy: Entropy,
        controllers: Vec<Box<dyn Builtin>>,
        now: Timestamp,
    ) -> Self {
        let _ = (options, entropy, controllers, now);
        todo!()
    }

    /// Handles a request of an actor. Faults don't apply here; see [`crate::wire::Wire`].
    pub fn handle(&mut self, request: &Request, now: Timestamp) -> Reply {
        let _ = (request, now);
        todo!()
    }

    /// Runs the built-in controllers until they are quiet. Returns when one of them wants to run again.
    pub fn poll(&mut self, now: Timestamp) -> Option<Timestamp> {
        let _ = (
            now,
            &self
                .controllers
                .iter()
                .map(|r| (&r.controller, r.cursor, r.wake))
                .count(),
        );
        todo!()
    }
}

/// A shared world with a clock: what wires, servers and pumps hold.
#[derive(Clone)]
pub struct WorldHandle {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    clock: WorldClock,
}

impl WorldHandle {
    /// Shares a world.
    pub fn new(world: World, clock: WorldClock) -> Self {
        Self {
            shared: Arc::new(Shared {
                world: Mutex::new(world),
                clock,
            }),
        }
    }

    /// Exclusive access, never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.shared
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of this world.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Runs the built-in controllers for ever: after each request and at their wake times. Spawn it once per world.
    pub async fn pump(self) {
        std::future::pending::<()>().await;
    }
}
