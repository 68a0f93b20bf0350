//! Bodies of replies: whole, a long list as it is written, or the endless stream of a watch.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::apiserver::{Following, Portions};
use crate::instrument::LongRunning;
use crate::request::WatchId;
use crate::wire::BoxError;
use crate::world::WorldHandle;

/// A future that must end before a frame may go out.
pub(crate) type Gate = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Makes the gate of a frame that was produced just now.
type MakeGate = Box<dyn Fn() -> Option<Gate> + Send>;

/// Body of a reply.
pub struct SimBody {
    inner: Inner,
}

enum Inner {
    Whole(Whole),
    List(Box<ListBody>),
    Watch(Box<WatchBody>),
    Log(Box<LogBody>),
}

/// A body that is there at once.
struct Whole {
    rest: Bytes,
    /// Who is to know when somebody takes more of it; it goes in portions then.
    taken: Option<Taken>,
    ended: bool,
}

/// Told of each portion that is taken, and dropped with the body.
type Taken = Box<dyn Fn() + Send>;

impl Whole {
    /// What goes out at once if somebody counts.
    const PORTION: usize = 64 * 1024;

    fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let Some(taken) = &self.taken else {
            self.ended = true;
            return Some(std::mem::take(&mut self.rest));
        };
        taken();
        let portion = self.rest.split_to(self.rest.len().min(Self::PORTION));
        self.ended = self.rest.is_empty();
        Some(portion)
    }
}

/// Turns in which portions of long lists are written.
pub(crate) type Turns = Arc<Semaphore>;
/// A portion that is being written, and what follows it.
type Written = Pin<Box<dyn Future<Output = Option<(Portions, Result<Bytes, BoxError>)>> + Send>>;

/// A long list that is written as it is taken: by other threads than those that serve, a few at a time, because a portion
/// may be dear.
struct ListBody {
    turns: Turns,
    weight: usize,
    /// Who is to know when somebody takes more of it.
    taken: Option<Taken>,
    /// `None` at the end.
    next: Option<Written>,
}

impl ListBody {
    fn new(portions: Portions, turns: Turns) -> Self {
        Self {
            weight: portions.weight(),
            taken: None,
            next: Some(Box::pin(next_of(portions, turns.clone()))),
            turns,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let Some((rest, portion)) = ready!(next.as_mut().poll(context)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = portion
            .is_ok()
            .then(|| -> Written { Box::pin(next_of(rest, self.turns.clone())) });
        if let Some(taken) = &self.taken {
            taken();
        }
        Poll::Ready(Some(portion))
    }
}

/// The next portion that holds something.
#[allow(
    clippy::disallowed_methods,
    reason = "of servers on the wall clock alone: in a simulation lists are written whole"
)]
async fn next_of(
    mut portions: Portions,
    turns: Turns,
) -> Option<(Portions, Result<Bytes, BoxError>)> {
    loop {
        let turn = turns.clone().acquire_owned().await;
        let write = move || {
            let _turn = turn;
            let portion = portions.next();
            (portions, portion)
        };
        let (rest, portion) = tokio::task::spawn_blocking(write).await.ok()?;
        match portion? {
            // The compressor kept it back.
            Ok(portion) if portion.is_empty() => portions = rest,
            portion => return Some((rest, portion.map_err(Into::into))),
        }
    }
}

/// A log that is read on from time to time.
struct LogBody {
    world: WorldHandle,
    following: Following,
    ended: bool,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    _running: LongRunning,
}

impl LogBody {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(timer) = &mut self.timer {
                match timer.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.timer = None,
                }
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let now = self.world.now();
            let poll = self.world.lock().api.follow(&mut self.following, now);
            self.ended = poll.ended;
            self.timer = poll
                .wake
                .filter(|_| !poll.ended)
                .map(|wake| Box::pin(tokio::time::sleep(self.world.clock().until(wake))));
            if let Some(frame) = poll.frames.into_iter().next() {
                return Poll::Ready(Some(frame));
            }
        }
    }
}

struct WatchBody {
    world: WorldHandle,
    id: WatchId,
    queue: VecDeque<Bytes>,
    ended: bool,
    /// It has read everything, and its waker is with the world since then.
    idle: bool,
    /// When to look again though nothing changed; kept as long as that time stays the same.
    timer: Option<(Timestamp, Pin<Box<tokio::time::Sleep>>)>,
    make_gate: Option<MakeGate>,
    gate: Option<Gate>,
    /// Ends when what the watch asked is answered.
    asking: Option<Gate>,
    _running: LongRunning,
}

impl SimBody {
    /// A whole body.
    pub(crate) fn whole(body: Bytes) -> Self {
        Self {
            inner: Inner::Whole(Whole {
                rest: body,
                taken: None,
                ended: false,
            }),
        }
    }

    /// A long list, written as it is taken.
    pub(crate) fn list(portions: Portions, turns: Turns) -> Self {
        Self {
            inner: Inner::List(Box::new(ListBody::new(portions, turns))),
        }
    }

    /// Whether it is the stream of a watch.
    pub(crate) fn is_watch(&self) -> bool {
        matches!(self.inner, Inner::Watch(_))
    }

    /// Whether it ends, and is more than goes out at once.
    pub(crate) fn is_long(&self) -> bool {
        match &self.inner {
            Inner::Whole(whole) => whole.rest.len() > Whole::PORTION,
            Inner::List(_) => true,
            Inner::Watch(_) | Inner::Log(_) => false,
        }
    }

    /// About how many bytes are kept for a long body alone, until it is taken. What others have as well doesn't count.
    pub(crate) fn weight(&self) -> usize {
        match &self.inner {
            Inner::Whole(whole) if self.is_long() && whole.rest.is_unique() => whole.rest.len(),
            Inner::List(list) => list.weight,
            Inner::Whole(_) | Inner::Watch(_) | Inner::Log(_) => 0,
        }
    }

    /// Tells of each portion of a body that ends when it is taken.
    #[must_use]
    pub(crate) fn counted(mut self, taken: impl Fn() + Send + 'static) -> Self {
        match &mut self.inner {
            Inner::Whole(whole) => whole.taken = Some(Box::new(taken)),
            Inner::List(list) => list.taken = Some(Box::new(taken)),
            Inner::Watch(_) | Inner::Log(_) => {}
        }
        self
    }

    /// The stream of a watch.
    pub(crate) fn watch(world: WorldHandle, id: WatchId, running: LongRunning) -> Self {
        let body = WatchBody {
            world,
            id,
            queue: VecDeque::new(),
            ended: false,
            idle: false,
            timer: None,
            make_gate: None,
            gate: None,
            asking: None,
            _running: running,
        };
        Self {
            inner: Inner::Watch(Box::new(body)),
        }
    }

    /// A log as it grows.
    pub(crate) fn log(world: WorldHandle, following: Following, running: LongRunning) -> Self {
        let body = LogBody {
            world,
            following,
            ended: false,
            timer: None,
            _running: running,
        };
        Self {
            inner: Inner::Log(Box::new(body)),
        }
    }

    /// Holds frames of a watch back until a gate opens.
    #[must_use]
    pub(crate) fn gated(mut self, make_gate: impl Fn() -> Option<Gate> + Send + 'static) -> Self {
        if let Inner::Watch(body) = &mut self.inner {
            body.make_gate = Some(Box::new(make_gate));
        }
        self
    }
}

impl WatchBody {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(gate) = &mut self.gate {
                match gate.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.gate = None,
                }
            }
            if let Some(frame) = self.queue.pop_front() {
                return Poll::Ready(Some(frame));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(asking) = &mut self.asking {
                match asking.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.asking = None,
                }
            }
            if self.idle && self.world.is_registered(self.id, context.waker()) {
                // Whoever changes something takes the waker away.
                match self
                    .timer
                    .as_mut()
                    .map(|(_, timer)| timer.as_mut().poll(context))
                {
                    Some(Poll::Ready(())) => self.timer = None,
                    Some(Poll::Pending) | None => return Poll::Pending,
                }
            }
            self.world.register(self.id, context.waker());
            let now = self.world.now();
            let poll = self.world.lock().api.watch_chunks(self.id, now);
            self.ended = poll.ended;
            self.queue.extend(poll.frames);
            if !poll.questions.is_empty() {
                let asking = self.world.clone().ask_for_watch(self.id, poll.questions);
                self.asking = Some(Box::pin(asking));
            }
            self.idle = !self.ended && self.asking.is_none() && poll.wake != Some(now);
            let waits = self.idle || self.queue.is_empty();
            if waits && self.timer.as_ref().map(|(at, _)| *at) != poll.wake {
                let until = |wake| tokio::time::sleep(self.world.clock().until(wake));
                self.timer = poll.wake.map(|wake| (wake, Box::pin(until(wake))));
            }
            if !self.queue.is_empty() {
                self.gate = self.make_gate.as_ref().and_then(|make| make());
                continue;
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if self.asking.is_some() {
                continue;
            }
            let timer = self.timer.as_mut();
            match timer.map(|(_, timer)| timer.as_mut().poll(context)) {
                Some(Poll::Ready(())) => self.timer = None,
                Some(Poll::Pending) | None => return Poll::Pending,
            }
        }
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.inner {
            Inner::Whole(whole) => Poll::Ready(whole.next().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::List(body) => body
                .poll(context)
                .map(|frame| frame.map(|portion| portion.map(Frame::data))),
            Inner::Watch(body) => body
                .poll(context)
                .map(|frame| frame.map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Log(body) => body
                .poll(context)
                .map(|frame| frame.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Whole(whole) => whole.ended,
            Inner::List(list) => list.next.is_none(),
            Inner::Watch(_) | Inner::Log(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Whole(whole) => SizeHint::with_exact(whole.rest.len() as u64),
            Inner::List(_) | Inner::Watch(_) | Inner::Log(_) => SizeHint::default(),
        }
    }
}

impl Drop for WatchBody {
    fn drop(&mut self) {
        self.world.close_watch(self.id);
    }
}
