//! How many requests may be under way, how much may be kept for clients, and for how long they may leave it unread
//! (`apiserver/pkg/server/filters/maxinflight.go`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::Limits;
use crate::sim_body::SimBody;

/// Requests under way.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    reading: AtomicUsize,
    writing: AtomicUsize,
    /// Bytes of answers that wait for their clients.
    unread: AtomicUsize,
}

impl UnderWay {
    /// Counts a request that is there whole in; `None` if there are as many as allowed already. It counts until it has its reply: watches and
    /// logs that are followed hold no room, a reply that is there at once does until the client has taken it.
    pub(super) fn enter(all: &Arc<Self>, reads: bool, limits: &Limits) -> Option<Room> {
        let most = if reads {
            limits.max_reading
        } else {
            limits.max_writing
        };
        let all = Arc::clone(all);
        let before = all.count(reads).fetch_add(1, Ordering::SeqCst);
        let room = Room {
            all,
            reads,
            kept: 0,
        };
        most.is_none_or(|most| before < most).then_some(room)
    }

    fn count(&self, reads: bool) -> &AtomicUsize {
        if reads { &self.reading } else { &self.writing }
    }
}

/// The room of a request; dropping it makes room for the next.
#[derive(Debug)]
pub(super) struct Room {
    all: Arc<UnderWay>,
    reads: bool,
    /// Bytes of its answer.
    kept: usize,
}

impl Room {
    /// Counts the bytes of the answer in, as long as the room lasts; `false` if there are as many as allowed already. An
    /// answer of no weight is never too much.
    pub(super) fn keep(&mut self, bytes: usize, most: Option<usize>) -> bool {
        if bytes == 0 {
            return true;
        }
        self.kept += bytes;
        let before = self.all.unread.fetch_add(bytes, Ordering::SeqCst);
        // One alone is answered, however much it is.
        most.is_none_or(|most| before == 0 || before.saturating_add(bytes) <= most)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.all.unread.fetch_sub(self.kept, Ordering::SeqCst);
        self.all.count(self.reads).fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether the client of a connection leaves a reply unread; the connection ends then, and what was kept for it goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Stuck(Arc<Notify>);

impl Stuck {
    /// Until a reply of the connection was left unread for too long.
    pub(super) async fn wait(&self) {
        self.0.notified().await;
    }

    /// Keeps the room of a request until its reply is taken; a long one that nobody goes on taking ends the connection.
    pub(super) fn watching(&self, body: SimBody, room: Room, patience: Duration) -> SimBody {
        if !body.is_long() {
            return body;
        }
        let portions = Arc::new(AtomicUsize::new(0));
        let (stuck, watched) = (self.clone(), Arc::downgrade(&portions));
        tokio::spawn(async move {
            let mut before = None;
            loop {
                tokio::time::sleep(patience).await;
                let Some(taken) = watched.upgrade() else {
                    return;
                };
                let now = Some(taken.load(Ordering::Relaxed));
                if now == before {
                    stuck.0.notify_one();
                    return;
                }
                before = now;
            }
        });
        body.counted(move || {
            let _under_way = &room;
            portions.fetch_add(1, Ordering::Relaxed);
        })
    }
}
