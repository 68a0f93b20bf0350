//! Group commit: replies wait until the store's changes before them are on disk.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::persist::State;
use crate::world::WorldHandle;

/// Tells what is on disk already.
#[derive(Clone)]
pub(crate) struct Durable {
    world: WorldHandle,
    state: Option<Arc<State>>,
    wanted: Arc<Notify>,
    done: watch::Sender<u64>,
}

impl Durable {
    /// Without a state nothing is waited for.
    pub fn new(world: WorldHandle, state: Option<Arc<State>>) -> Self {
        Self {
            world,
            state,
            wanted: Arc::new(Notify::new()),
            done: watch::Sender::new(0),
        }
    }

    /// Returns when everything that is in the store now is on disk.
    pub async fn settled(&self) {
        if self.state.is_none() {
            return;
        }
        let revision = self.world.lock().api.revision();
        let mut done = self.done.subscribe();
        if *done.borrow() >= revision {
            return;
        }
        self.wanted.notify_one();
        // An error means that the server is going down: the client gets no reply then.
        if done.wait_for(|done| *done >= revision).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Writes what was committed, for ever, whenever somebody waits and at least every tenth of a second.
    pub async fn run(self) {
        let Some(state) = self.state.clone() else {
            return;
        };
        loop {
            let _ = tokio::time::timeout(
                std::time::Duration::from_millis(100),
                self.wanted.notified(),
            )
            .await;
            if let Err(error) = self.flush(&state) {
                tracing::error!(%error, "cannot keep the state; the server stops answering");
                return;
            }
        }
    }

    /// Writes what was committed since the last call.
    pub fn flush(&self, state: &State) -> Result<(), crate::persist::PersistError> {
        let (log, revision) = {
            let mut world = self.world.lock();
            (world.api.store_mut().take_log(), world.api.revision())
        };
        if !log.is_empty() {
            let log: Vec<_> = log.into_iter().collect();
            let threads = tokio::runtime::Handle::try_current().is_ok_and(|handle| {
                handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
            });
            if threads {
                tokio::task::block_in_place(|| state.commit(&log))?;
            } else {
                state.commit(&log)?;
            }
        }
        self.done.send_replace(revision);
        Ok(())
    }
}
