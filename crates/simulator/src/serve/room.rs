//! How many requests may be under way, how much may be kept for clients, and for how long they may leave it unread
//! (`apiserver/pkg/server/filters/maxinflight.go`).
//!
//! A request is under way until it has its answer, not until its client has read that: who reads nothing keeps nobody else
//! from asking. Members of `system:masters` have room of their own, and who asks for the server's health needs none: a user of
//! few rights can't keep them out. (A real server lets as many of these in as come; here the memory is bounded for all.) What is kept for such clients is bounded by bytes, and whoever took nothing for longest goes first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Limits;
use crate::apiserver::discovery::health;
use crate::apiserver::impersonate;
use crate::request::{Request, User};
use crate::sim_body::SimBody;

/// About what an answer that nobody reads costs beside its own bytes: a portion of it, and the connection.
const EACH: usize = 128 * 1024;

/// Requests under way, and answers that wait for their clients.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    reading: Counts,
    writing: Counts,
    unread: Mutex<Unread>,
}

/// Requests of one sort under way.
#[derive(Debug, Default)]
struct Counts {
    of_masters: AtomicUsize,
    of_others: AtomicUsize,
}

/// Whose and what a request is.
#[derive(Debug, Clone, Copy)]
struct Sort {
    reads: bool,
    of_master: bool,
}

impl Sort {
    /// Who speaks for somebody else counts as one of the others.
    fn of(request: &Request) -> Self {
        let user = request.user.as_ref();
        Self {
            reads: request.only_reads(),
            of_master: user.is_some_and(User::is_admin)
                && !request.headers.contains_key(&impersonate::USER),
        }
    }
}

#[derive(Debug, Default)]
struct Unread {
    /// What is kept of all, in bytes.
    bytes: usize,
    last: u64,
    /// Those first of which nobody took anything for longest.
    answers: BTreeMap<u64, (usize, Stuck)>,
}

impl Unread {
    fn add(&mut self, bytes: usize, stuck: Stuck) -> u64 {
        self.last += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.answers.insert(self.last, (bytes, stuck));
        self.last
    }

    fn forget(&mut self, id: u64) -> Option<(usize, Stuck)> {
        let answer = self.answers.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(answer.0);
        Some(answer)
    }
}

impl UnderWay {
    /// Counts a request that is there whole in, until it has its answer; `None` if there are as many as allowed already.
    pub(super) fn enter(all: &Arc<Self>, request: &Request, limits: &Limits) -> Option<Room> {
        let sort = Sort::of(request);
        let most = if sort.reads {
            limits.max_reading
        } else {
            limits.max_writing
        };
        let asks_for_health = health::PATHS.contains(&request.path.as_str());
        let all = Arc::clone(all);
        let before = all.count(sort).fetch_add(1, Ordering::SeqCst);
        let room = Room { all, sort };
        (asks_for_health || most.is_none_or(|most| before < most)).then_some(room)
    }

    fn count(&self, sort: Sort) -> &AtomicUsize {
        let counts = if sort.reads {
            &self.reading
        } else {
            &self.writing
        };
        if sort.of_master {
            &counts.of_masters
        } else {
            &counts.of_others
        }
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer in until it is taken. Where it is too much, the connections of others end; one alone may be as large
    /// as it is.
    fn wait(all: &Arc<Self>, bytes: usize, stuck: &Stuck, most: Option<usize>) -> Waiting {
        let mut unread = all.unread();
        let id = unread.add(bytes.saturating_add(EACH), stuck.clone());
        while most.is_some_and(|most| unread.bytes > most) {
            let oldest = unread.answers.keys().next().copied();
            let Some((_, stuck)) = oldest
                .filter(|oldest| *oldest != id)
                .and_then(|oldest| unread.forget(oldest))
            else {
                break;
            };
            stuck.0.notify_one();
        }
        drop(unread);
        Waiting {
            all: Arc::clone(all),
            id: AtomicU64::new(id),
        }
    }
}

/// The room of a request; dropping it makes room for the next.
#[derive(Debug)]
pub(super) struct Room {
    all: Arc<UnderWay>,
    sort: Sort,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.all.count(self.sort).fetch_sub(1, Ordering::SeqCst);
    }
}

/// An answer that waits for its client.
struct Waiting {
    all: Arc<UnderWay>,
    id: AtomicU64,
}

impl Waiting {
    /// The client took something of it.
    fn taken(&self) {
        let mut unread = self.all.unread();
        if let Some((bytes, stuck)) = unread.forget(self.id.load(Ordering::Relaxed)) {
            self.id.store(unread.add(bytes, stuck), Ordering::Relaxed);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.unread().forget(self.id.load(Ordering::Relaxed));
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

    /// Counts a long reply until it is taken; one that nobody goes on taking ends the connection.
    pub(super) fn watching(
        &self,
        body: SimBody,
        under_way: &Arc<UnderWay>,
        limits: &Limits,
    ) -> SimBody {
        if !body.is_long() {
            return body;
        }
        let patience = limits.patience;
        let waiting = UnderWay::wait(under_way, body.weight(), self, limits.max_unread);
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
            waiting.taken();
            portions.fetch_add(1, Ordering::Relaxed);
        })
    }
}
