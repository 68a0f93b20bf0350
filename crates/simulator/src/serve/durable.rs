//! Group commit: replies wait until the store's changes before them are on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

use crate::persist::{PersistError, State};
use crate::world::WorldHandle;

/// Tells what is on disk already.
#[derive(Clone)]
pub(crate) struct Durable {
    world: WorldHandle,
    state: Option<Arc<State>>,
    wanted: Arc<Notify>,
    done: watch::Sender<u64>,
    /// Something could not be written. Nothing is written after that: it would leave a gap.
    failed: Arc<AtomicBool>,
}

impl Durable {
    /// Without a state nothing is waited for.
    pub fn new(world: WorldHandle, state: Option<Arc<State>>) -> Self {
        Self {
            world,
            state,
            wanted: Arc::new(Notify::new()),
            done: watch::Sender::new(0),
            failed: Arc::new(AtomicBool::new(false)),
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
        // After a failure the client gets no reply: the server is going down.
        if done.wait_for(|done| *done >= revision).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Writes what was committed, whenever somebody waits and at least every tenth of a second; ends with a failure.
    pub async fn run(self) -> PersistError {
        let Some(state) = self.state.clone() else {
            return std::future::pending().await;
        };
        loop {
            let _ = tokio::time::timeout(
                std::time::Duration::from_millis(100),
                self.wanted.notified(),
            )
            .await;
            if let Err(error) = self.flush(&state) {
                return error;
            }
        }
    }

    /// Writes what was committed since the last call; nothing after a failure.
    pub fn flush(&self, state: &State) -> Result<(), PersistError> {
        if self.failed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (log, revision) = {
            let mut world = self.world.lock();
            (world.api.store_mut().take_log(), world.api.revision())
        };
        if !log.is_empty() {
            let log: Vec<_> = log.into_iter().collect();
            let threads = tokio::runtime::Handle::try_current().is_ok_and(|handle| {
                handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
            });
            let written = if threads {
                tokio::task::block_in_place(|| state.commit(&log))
            } else {
                state.commit(&log)
            };
            if let Err(error) = written {
                self.failed.store(true, Ordering::SeqCst);
                return Err(error);
            }
        }
        self.done.send_replace(revision);
        Ok(())
    }
}
