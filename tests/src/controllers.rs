//! The controllers under test: started, crashed and restarted in this process.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::select::{Either, race};
use tokio::task::JoinHandle;

use crate::faults::{Faults, Line};

/// A run of all controllers over one client; it ends when they do, with what they say about it.
pub type Running = Pin<Box<dyn Future<Output = String> + Send>>;

/// Starts the controllers over a client.
pub type Start = Box<dyn Fn(kube::Client) -> Running + Send + Sync>;

/// A set of controllers that lives as long as this value, with as many restarts as its faults ask for.
pub struct Controllers {
    /// What stands between them and the server.
    pub faults: Arc<Faults>,
    ended: Arc<Mutex<Vec<String>>>,
    lives: JoinHandle<()>,
}

impl Controllers {
    /// Starts controllers that reach the server through `transport`.
    pub fn start(transport: kube::Client, faults: Arc<Faults>, start: Start) -> Self {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let lives = tokio::spawn(live(transport, faults.clone(), start, ended.clone()));
        Self {
            faults,
            ended,
            lives,
        }
    }

    /// What runs said that ended without being asked to.
    pub fn ended(&self) -> Vec<String> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.lives.abort();
    }
}

/// One life after another, until dropped. A life's tasks hang on its future, so dropping that drops them all.
async fn live(
    transport: kube::Client,
    faults: Arc<Faults>,
    start: Start,
    ended: Arc<Mutex<Vec<String>>>,
) {
    loop {
        let life = faults.next_life();
        let line = Line::new(transport.clone(), faults.clone(), life);
        let run = start(kube::Client::new(line, "default"));
        match race(faults.crashed(), run).await {
            Either::Left(()) => {}
            Either::Right(said) => {
                ended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(said);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
