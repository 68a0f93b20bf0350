//! A token that tells every task to finish.

use std::future::Future;

use tokio::sync::watch;

/// The waiting side. Clones wait for the same trigger.
#[derive(Clone, Debug)]
pub struct Shutdown {
    triggered: watch::Receiver<bool>,
}

/// The triggering side. Dropping it triggers too.
#[derive(Debug)]
pub struct Trigger {
    sender: watch::Sender<bool>,
}

/// A trigger and what waits for it.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, triggered) = watch::channel(false);
    (Trigger { sender }, Shutdown { triggered })
}

impl Trigger {
    /// Everything should finish.
    pub fn trigger(&self) {
        self.sender.send_replace(true);
    }
}

impl Shutdown {
    /// Waits for the trigger.
    pub async fn triggered(&self) {
        let mut triggered = self.triggered.clone();
        // An error means that the trigger was dropped, which counts.
        let _ = triggered.wait_for(|triggered| *triggered).await;
    }

    /// Runs a future until it ends or the trigger comes, which wins; `None` then.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        crate::select! {
            () = self.triggered() => None,
            output = future => Some(output),
        }
    }
}

/// Triggered by the first SIGINT, SIGTERM or SIGHUP (the terminal was closed).
pub fn on_signals() -> std::io::Result<Shutdown> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (trigger, shutdown) = channel();
    tokio::spawn(async move {
        crate::select! {
            _ = interrupt.recv() => {},
            _ = terminate.recv() => {},
            _ = hang_up.recv() => {},
        }
        trigger.trigger();
        trigger.sender.closed().await;
    });
    Ok(shutdown)
}
