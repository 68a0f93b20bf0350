//! Bodies of requests as they come, and how much is kept of those that aren't whole yet.
//!
//! Kubernetes bounds the number of requests alone, and each body by 3 MiB; 200 slow clients may then hold 600 MiB.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;

use super::room::UnderWay;

/// Bodies above this are not even read to their end.
pub(super) const READ_LIMIT: usize = 4 * 1024 * 1024;
/// As much of each body is always kept: nearly all of them are shorter.
const SHORT: usize = 64 * 1024;

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// All of it.
    Whole(Bytes),
    /// It is too long for any request.
    TooLong,
    /// As much is kept for others as allowed already.
    NoRoom,
}

/// Reads a body to its end. `most` bounds the bytes that are kept of all bodies together until they are whole; one alone
/// is read, however much it is.
pub(super) async fn receive<B>(
    mut body: B,
    all: &Arc<UnderWay>,
    most: Option<usize>,
) -> Result<Received, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = Kept {
        all: Arc::clone(all),
        bytes: 0,
    };
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
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
        if !kept.keep(whole.capacity(), most) {
            return Ok(Received::NoRoom);
        }
    }
    Ok(Received::Whole(whole.into()))
}

/// Bytes of one unfinished body, counted until it is whole or given up.
struct Kept {
    all: Arc<UnderWay>,
    bytes: usize,
}

impl Kept {
    /// So many bytes are held now, never fewer than before; `false` if that is too much.
    fn keep(&mut self, held: usize, most: Option<usize>) -> bool {
        let more = held.saturating_sub(SHORT).saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let before = self.all.unfinished.fetch_add(more, Ordering::SeqCst);
        let others = before.saturating_sub(self.bytes);
        self.bytes += more;
        most.is_none_or(|most| others == 0 || before.saturating_add(more) <= most)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.all.unfinished.fetch_sub(self.bytes, Ordering::SeqCst);
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

    /// What becomes of a body that has come as far as it will.
    async fn at_once<B>(body: B, all: &Arc<UnderWay>, most: usize) -> Option<Received>
    where
        B: Body<Data = Bytes, Error = std::convert::Infallible> + Unpin,
    {
        let received = std::pin::pin!(receive(body, all, Some(most)));
        match futures::poll!(received) {
            std::task::Poll::Ready(Ok(received)) => Some(received),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn unfinished_bodies_share_their_room() {
        const MOST: usize = 1_000_000;
        let all = Arc::new(UnderWay::default());
        let count = || all.unfinished.load(Ordering::SeqCst);
        let mut first = Box::pin(receive(endless(2 * MOST), &all, Some(MOST)));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(count() > MOST, "one alone is read");
        assert_eq!(
            at_once(endless(MOST), &all, MOST).await,
            Some(Received::NoRoom)
        );
        assert_eq!(at_once(endless(SHORT), &all, MOST).await, None);
        let whole = Bytes::from(vec![b'x'; MOST]);
        let received = at_once(Full::new(whole.clone()), &all, MOST).await;
        assert_eq!(received, Some(Received::Whole(whole)));
        drop(first);
        assert_eq!(count(), 0);
        assert_eq!(at_once(endless(MOST), &all, MOST).await, None);
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_given_up() {
        let all = Arc::new(UnderWay::default());
        let long = at_once(endless(READ_LIMIT + 1), &all, usize::MAX).await;
        assert_eq!(long, Some(Received::TooLong));
    }
}
