//! The in-process form: a tower service that `kube::Client::new` takes, on the world's own clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::request::User;
use crate::world::WorldHandle;

/// Error of a call that got no reply, and of a broken watch.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One simulated process talking to one API server. `Client::new(Wire::new(…), "default")`.
#[derive(Clone)]
pub struct Wire {
    world: WorldHandle,
    actor: String,
    user: User,
}

impl Wire {
    /// A process named `actor` (faults and counters know it by that), acting as an administrator.
    pub fn new(world: &WorldHandle, actor: impl Into<String>) -> Self {
        let actor = actor.into();
        Self {
            world: world.clone(),
            user: User::admin(actor.clone()),
            actor,
        }
    }

    /// The same process with another identity.
    #[must_use]
    pub fn as_user(mut self, user: User) -> Self {
        self.user = user;
        self
    }
}

/// Body of a reply: whole, or the endless stream of a watch.
pub struct SimBody {
    whole: Option<Bytes>,
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.whole.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl<B> tower::Service<http::Request<B>> for Wire
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<SimBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: http::Request<B>) -> Self::Future {
        let _ = (&self.world, &self.actor, &self.user);
        todo!()
    }
}
