//! One connection: TLS, HTTP/1.1 or HTTP/2, authentication, requests.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::durable::Durable;
use crate::request::{Request, User};
use crate::sim_body::SimBody;
use crate::wire::{BoxError, answer, request_of};
use crate::world::WorldHandle;

/// Bodies above this are not even read to their end.
const READ_LIMIT: usize = 4 * 1024 * 1024;

/// What every connection needs.
pub(crate) struct Shared {
    /// The world.
    pub world: WorldHandle,
    /// What is on disk.
    pub durable: Durable,
    /// The administrator's token.
    pub token: String,
    /// TLS.
    pub acceptor: TlsAcceptor,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = shared.acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| handle(shared.clone(), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    if let Err(error) = builder
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "connection ended");
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> Result<http::Response<SimBody>, BoxError> {
    let (parts, body) = request.into_parts();
    let mut request = request_of(&parts, None);
    request.user = authenticate(&shared, &request);
    request.body = match Limited::new(body, READ_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            bytes::Bytes::from(vec![b' '; READ_LIMIT])
        }
        Err(error) => return Err(error),
    };
    let (response, _) = answer(&shared.world, &request).await;
    shared.durable.settled().await;
    if parts.method == http::Method::HEAD {
        // HTTP/1.1 leaves the body out by itself, HTTP/2 doesn't.
        return Ok(response.map(|_| SimBody::whole(bytes::Bytes::new())));
    }
    let durable = shared.durable.clone();
    Ok(response.map(|body| {
        body.gated(move || {
            let durable = durable.clone();
            Some(Box::pin(async move { durable.settled().await }))
        })
    }))
}

fn authenticate(shared: &Shared, request: &Request) -> Option<User> {
    let token = request
        .header(AUTHORIZATION)?
        .strip_prefix("Bearer ")?
        .trim();
    if same(token.as_bytes(), shared.token.as_bytes()) {
        return Some(User::admin("admin"));
    }
    let now = shared.world.now();
    shared.world.lock().api.token_user(token, now)
}

/// Compares without telling where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}
