//! Recorder of Events, as client-go's `tools/record` writes them, or its `tools/events` (see [`EventApi`]).
//!
//! Recording never waits and never fails: a writer in the background sends the Events in order, with the injected
//! clock's time. Drafts beyond the queue's room are dropped, as upstream does.

mod correlate;
mod form;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use correlate::{Correlator, Draft, Verdict};
pub use form::EventApi;

use crate::client::{Client, retry};
use crate::clock::Clock;
use crate::effect::{EventType, ObjectReference};
use crate::error::Error;
use crate::patch::Patch;
use crate::resource::ObjectKey;

/// Drafts that may wait for the writer. client-go's `maxQueuedEvents`.
const ROOM: usize = 1000;
/// Attempts to write one Event while no answer comes or another write is in the way, and the time between them. client-go's
/// figures.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_secs(10);

/// So many drafts are written in a moment: worth waiting for, but no longer than the time next to it.
const FEW: usize = 16;
const MOMENT: Duration = Duration::from_millis(100);

type Observe = Box<dyn Fn(&ObjectReference, EventType, &str) + Send + Sync>;

enum Message {
    Draft(Box<Draft>),
    Flush(oneshot::Sender<()>),
}

/// Records Events. Clones share the writer.
#[derive(Clone)]
pub struct EventRecorder {
    clock: Clock,
    last: Arc<Mutex<i128>>,
    sender: mpsc::Sender<Message>,
    observers: Arc<RwLock<Vec<Observe>>>,
}

/// Writes what recorders record.
pub struct EventWriter {
    client: Client,
    component: String,
    /// `None` where none are written.
    api: Option<EventApi>,
    receiver: mpsc::Receiver<Message>,
    correlator: Correlator,
}

/// A recorder and its writer. `component` is what every Event says it comes from; without an API nothing is written.
pub fn channel(
    client: Client,
    component: impl Into<String>,
    api: impl Into<Option<EventApi>>,
) -> (EventRecorder, EventWriter) {
    let (sender, receiver) = mpsc::channel(ROOM);
    let recorder = EventRecorder {
        clock: client.clock(),
        last: Arc::default(),
        sender,
        observers: Arc::default(),
    };
    let writer = EventWriter {
        client,
        component: component.into(),
        api: api.into(),
        receiver,
        correlator: Correlator::default(),
    };
    (recorder, writer)
}

impl EventRecorder {
    /// Calls `observe` with object, type and reason of each Event that is recorded. It must be quick.
    pub fn on_record(
        &self,
        observe: impl Fn(&ObjectReference, EventType, &str) + Send + Sync + 'static,
    ) {
        self.observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(observe));
    }

    /// Records an Event; never fails and never waits.
    pub fn record(
        &self,
        regarding: &ObjectReference,
        kind: EventType,
        reason: &str,
        message: &str,
    ) {
        self.record_related((regarding, None), kind, reason, message);
    }

    /// The same of what an Event is about, and of what else had to do with it.
    pub fn record_related(
        &self,
        (regarding, related): (&ObjectReference, Option<&ObjectReference>),
        kind: EventType,
        reason: &str,
        message: &str,
    ) {
        self.observers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|observe| observe(regarding, kind, reason));
        let draft = Draft {
            regarding: regarding.clone(),
            related: related.cloned(),
            kind,
            reason: reason.to_owned(),
            message: message.to_owned(),
            nanoseconds: self.nanoseconds(),
        };
        if self
            .sender
            .try_send(Message::Draft(Box::new(draft)))
            .is_err()
        {
            tracing::warn!(reason, message, "event dropped");
        }
    }

    /// Waits until everything recorded so far has been written, or given up.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            // An error means that the writer is gone, and nothing can be waited for.
            let _ = flushed.await;
        }
    }

    /// Waits until everything recorded so far has been written, if that is a matter of a moment. Whoever sees a status
    /// then usually finds the Events that led to it; a slow server or many objects at once keep nobody waiting.
    pub async fn settle(&self) {
        let waiting = self.sender.max_capacity() - self.sender.capacity();
        if waiting <= FEW {
            // Too late is no failure: the writer goes on.
            let _ = tokio::time::timeout(MOMENT, self.flush()).await;
        }
    }

    /// The time, made unique: names of Events are derived from it, and virtual time stands still.
    fn nanoseconds(&self) -> i128 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = self.clock.now().as_nanosecond().max(*last + 1);
        *last
    }
}

impl EventWriter {
    /// Writes until every recorder is dropped.
    pub async fn run(mut self) {
        while let Some(message) = self.receiver.recv().await {
            match message {
                Message::Draft(draft) => {
                    if let Some(api) = self.api {
                        self.write(api, &draft).await;
                    }
                }
                Message::Flush(done) => {
                    // The waiting side may have given up.
                    let _ = done.send(());
                }
            }
        }
    }

    async fn write(&mut self, api: EventApi, draft: &Draft) {
        let verdict = self.correlator.judge(draft);
        for attempt in 1..=TRIES {
            match self.send(api, draft, &verdict).await {
                Ok(()) => return,
                // The name holds the time of the draft: an attempt whose answer was lost got through.
                Err(error) if error.is_already_exists() => return,
                Err(error) if attempt < TRIES && passes(&error) => {
                    tracing::warn!(%error, "event not written yet");
                    let pause = self
                        .client
                        .with_entropy(|entropy| retry::stretch(PAUSE, entropy));
                    tokio::time::sleep(pause).await;
                }
                Err(error) => {
                    tracing::warn!(%error, reason = draft.reason, "event not written");
                    return;
                }
            }
        }
    }

    async fn send(&mut self, api: EventApi, draft: &Draft, verdict: &Verdict) -> Result<(), Error> {
        let resource = api.resource();
        let (name, message, count, first) = match verdict {
            Verdict::Drop => return Ok(()),
            Verdict::Create { name, message } => (name, message, 1, draft.nanoseconds),
            Verdict::Raise {
                name,
                message,
                count,
                first,
            } => {
                let patch = Patch::Strategic(api.raise(draft, message, *count));
                let key = ObjectKey::new(namespace(&draft.regarding), name.clone());
                match self.client.patch(&resource, &key, None, &patch).await {
                    Err(error) if error.is_not_found() => (name, message, *count, *first),
                    patched => return patched.map(|_| ()),
                }
            }
        };
        let (named, seen) = ((name.as_str(), message.as_str()), (count, first));
        let event = api.event(draft, &self.component, named, seen);
        self.client.create(&resource, &event).await.map(|_| ())
    }
}

/// Whether the same request may succeed later. client-go gives up after a conflict, and the Event is lost.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Transport(_)) || error.is_conflict()
}

/// Events about cluster resources live in `default`.
fn namespace(regarding: &ObjectReference) -> &str {
    if regarding.namespace.is_empty() {
        "default"
    } else {
        &regarding.namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeApi;

    #[test]
    fn events_that_may_not_be_written_are_dropped_without_a_request() {
        let requests = |written: Option<EventApi>| {
            let fake = FakeApi::default();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (recorder, writer) = channel(fake.client(), "tests", written);
                recorder.record(
                    &ObjectReference::default(),
                    EventType::Warning,
                    "Bad",
                    "it is",
                );
                let recording = async {
                    recorder.flush().await;
                    drop(recorder);
                };
                // Both end: whoever waits for what was recorded waits for nothing.
                futures::join!(writer.run(), recording);
            });
            fake.state().writes.len()
        };
        assert_eq!(requests(Some(EventApi::Core)), 1);
        assert_eq!(requests(None), 0);
    }
}
