//! Bodies of requests as they come, and how much is kept of those that aren't whole yet.
//!
//! Kubernetes bounds the number of requests alone, and each body by 3 MiB: slow clients then hold all of its room for a
//! minute. Here a request counts as under way from its whole body on; until then only memory is short, and whoever has
//! been at it longest makes place for the others.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{Either, select};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

use crate::request::Request;

/// Bodies above this are not even read to their end.
pub(super) const READ_LIMIT: usize = 4 * 1024 * 1024;

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// All of it.
    Whole(Bytes),
    /// It is too long for any request.
    TooLong,
    /// What was kept of it had to go for the sake of others.
    GivenUp,
}

/// Requests whose bodies aren't whole yet, of all connections.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// What is kept of all, in bytes.
    bytes: usize,
    last: u64,
    /// In the order in which they came.
    bodies: BTreeMap<u64, Kept>,
}

/// What is kept of one body. Taking it away tells whoever reads the body.
#[derive(Debug)]
struct Kept {
    bytes: usize,
    _still_there: oneshot::Sender<()>,
}

impl Unfinished {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a body in; the receiver hears when it is given up.
    fn enter(self: &Arc<Self>) -> (Entered, oneshot::Receiver<()>) {
        let (still_there, given_up) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.last += 1;
        let id = waiting.last;
        let kept = Kept {
            bytes: 0,
            _still_there: still_there,
        };
        waiting.bodies.insert(id, kept);
        let all = Arc::clone(self);
        (Entered { all, id }, given_up)
    }
}

/// A body that is counted until this is dropped.
struct Entered {
    all: Arc<Unfinished>,
    id: u64,
}

impl Entered {
    /// So many bytes are held now. If that is too much of all together, the oldest others are given up; this one alone may
    /// be as large as it is. `false` if it was given up itself.
    fn keep(&self, held: usize, most: Option<usize>) -> bool {
        let mut waiting = self.all.lock();
        let Some(kept) = waiting.bodies.get_mut(&self.id) else {
            return false;
        };
        let before = std::mem::replace(&mut kept.bytes, held);
        waiting.bytes = waiting.bytes.saturating_sub(before).saturating_add(held);
        while most.is_some_and(|most| waiting.bytes > most) {
            let mut ids = waiting.bodies.keys().copied();
            let Some(oldest) = ids.find(|id| *id != self.id) else {
                return true;
            };
            waiting.forget(oldest);
        }
        true
    }
}

impl Waiting {
    fn forget(&mut self, id: u64) {
        if let Some(kept) = self.bodies.remove(&id) {
            self.bytes = self.bytes.saturating_sub(kept.bytes);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all.lock().forget(self.id);
    }
}

/// About how many bytes are kept of a request without a body.
pub(super) fn head_weight(request: &Request) -> usize {
    /// The task, the stream, and the parts of the head.
    const EACH: usize = 4 * 1024;
    let query = request.query.iter();
    let query = query.map(|(key, value)| key.len() + value.len());
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    EACH + request.path.len() + query.chain(headers).sum::<usize>()
}

/// Reads a body to its end, where `head` bytes are kept already. `most` bounds what is kept of all requests together until
/// their bodies are whole; one alone is read, however much it is.
pub(super) async fn receive<B>(
    mut body: B,
    head: usize,
    all: &Arc<Unfinished>,
    most: Option<usize>,
) -> Result<Received, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(Received::Whole(Bytes::new()));
    }
    let (entered, mut given_up) = all.enter();
    if !entered.keep(head, most) {
        return Ok(Received::GivenUp);
    }
    let mut whole = Vec::new();
    loop {
        let frame = match select(&mut given_up, body.frame()).await {
            Either::Left(_) => return Ok(Received::GivenUp),
            Either::Right((frame, _)) => frame,
        };
        let Some(frame) = frame else {
            return Ok(Received::Whole(whole.into()));
        };
        // Trailers say nothing here.
        let Ok(part) = frame?.into_data() else {
            continue;
        };
        if whole.len() + part.len() > READ_LIMIT {
            return Ok(Received::TooLong);
        }
        if whole.is_empty() && Pin::new(&body).is_end_stream() {
            return Ok(Received::Whole(part));
        }
        whole.extend_from_slice(&part);
        if !entered.keep(head + whole.capacity(), most) {
            return Ok(Received::GivenUp);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    /// A body that is never whole.
    struct Endless(Option<Bytes>);

    impl Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            match self.0.take() {
                Some(bytes) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
                None => std::task::Poll::Pending,
            }
        }
    }

    fn endless(size: usize) -> Endless {
        Endless(Some(vec![b'x'; size].into()))
    }

    /// Of a request's head.
    const HEAD: usize = 1000;
    const MOST: usize = 1_000_000;

    type Reading<'a> = futures::future::LocalBoxFuture<'a, Option<Received>>;

    fn read<'a, B>(body: B, all: &'a Arc<Unfinished>) -> Reading<'a>
    where
        B: Body<Data = Bytes, Error = std::convert::Infallible> + Unpin + 'a,
    {
        Box::pin(async move { receive(body, HEAD, all, Some(MOST)).await.ok() })
    }

    /// What became of a body that has come as far as it will.
    async fn at_once(reading: &mut Reading<'_>) -> Option<Received> {
        match futures::poll!(reading) {
            std::task::Poll::Ready(received) => received,
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn of_unfinished_bodies_the_oldest_make_room() {
        let all = Arc::new(Unfinished::default());
        let mut first = read(endless(2 * MOST), &all);
        assert_eq!(at_once(&mut first).await, None, "one alone is read");
        let mut second = read(endless(MOST / 2), &all);
        assert_eq!(at_once(&mut second).await, None);
        assert_eq!(at_once(&mut first).await, Some(Received::GivenUp));
        let mut third = read(endless(MOST / 4), &all);
        assert_eq!(at_once(&mut third).await, None);
        assert_eq!(at_once(&mut second).await, None, "there is room for both");
        let whole = Bytes::from(vec![b'x'; MOST]);
        let received = at_once(&mut read(Full::new(whole.clone()), &all)).await;
        assert_eq!(received, Some(Received::Whole(whole)));
        drop((first, second, third));
        assert_eq!(all.lock().bytes, 0);
        assert!(all.lock().bodies.is_empty());
    }

    #[tokio::test]
    async fn heads_whose_bodies_never_begin_are_counted() {
        let all = Arc::new(Unfinished::default());
        let mut reading: Vec<_> = (0..=MOST / HEAD)
            .map(|_| read(Endless(None), &all))
            .collect();
        for body in &mut reading {
            assert_eq!(at_once(body).await, None);
        }
        let mut received = Vec::new();
        for body in &mut reading {
            received.extend(at_once(body).await);
        }
        assert_eq!(received, [Received::GivenUp]);
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_given_up() {
        let all = Arc::new(Unfinished::default());
        let long = at_once(&mut read(endless(READ_LIMIT + 1), &all)).await;
        assert_eq!(long, Some(Received::TooLong));
    }
}
