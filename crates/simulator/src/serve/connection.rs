//! One connection: TLS, HTTP/1.1 or HTTP/2, authentication, requests, and what a client may not keep waiting for ever
//! (`apiserver/pkg/server/secure_serving.go`, `apiserver/pkg/server/filters/timeout.go`).

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::clients::{Certified, ClientCertificates};
use super::durable::Durable;
use super::forward;
use super::receive::{READ_LIMIT, Received, Unfinished, head_weight, receive};
use super::room::{Stuck, UnderWay};
use super::socket;
use crate::apiserver::{Forward, Shown, refusal, too_many_in_flight};
use crate::request::{Request, Response, User};
use crate::sim_body::{Gate, SimBody, Turns};
use crate::status_error::{ApiError, Details};
use crate::wire::{BoxError, Lists, answer, http_response, request_of};
use crate::world::WorldHandle;

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(32);
/// How long a client may take for the head of a request, the pause before it included (`IdleTimeout`).
const HEAD: Duration = Duration::from_secs(90);
/// Largest head of a request, in bytes, and what a connection holds for a client that doesn't read. Go takes heads of
/// 1 MiB; here a thousand such clients would then cost as many MiB.
const HEAD_LIMIT: usize = 128 * 1024;
/// Portions of long lists that are written at the same time.
pub(super) const WRITTEN_AT_ONCE: usize = 2;
/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 100;

/// What every connection needs.
pub(crate) struct Shared {
    /// The world.
    pub world: WorldHandle,
    /// What is on disk.
    pub durable: Durable,
    /// TLS.
    pub acceptor: TlsAcceptor,
    /// Whose certificates of clients count.
    pub clients: Arc<ClientCertificates>,
    /// What clients may ask for.
    pub limits: Limits,
    /// Requests under way now.
    pub under_way: Arc<UnderWay>,
    /// Requests whose bodies aren't whole yet.
    pub unfinished: Arc<Unfinished>,
    /// In which long lists are written.
    pub turns: Turns,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, shared.acceptor.accept(stream)).await
    else {
        return;
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let certified = certificates.map_or(Certified::None, |chain| {
        shared.clients.certified(chain, shared.world.now())
    });
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stuck = Stuck::default();
    let on = stuck.clone();
    let service =
        service_fn(move |request| handle(shared.clone(), certified.clone(), request, on.clone()));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_LIMIT).unwrap_or(u32::MAX));
    // As the client agreed to: a guess by the first bytes would wait for them without end.
    let builder = if http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let unread = std::pin::pin!(stuck.wait());
    match select(std::pin::pin!(connection), unread).await {
        Either::Left((Ok(()), _)) => {}
        Either::Left((Err(error), _)) => tracing::debug!(%error, "connection ended"),
        Either::Right(_) => tracing::debug!("connection ended: the client reads nothing"),
    }
}

async fn handle(
    shared: Arc<Shared>,
    certified: Certified,
    request: http::Request<Incoming>,
    stuck: Stuck,
) -> Result<http::Response<SimBody>, BoxError> {
    let (mut parts, body) = request.into_parts();
    let mut upgrade = parts.extensions.remove::<OnUpgrade>();
    let mut request = request_of(parts, None);
    request.user = authenticate(&shared, certified, &request);
    let reads = request.only_reads();
    // A read has no body to spare: it is refused where it is answered.
    if !reads && let Some(response) = whole(&shared, &mut request, body).await? {
        return Ok(http_response(response));
    }
    let Some(room) = UnderWay::enter(&shared.under_way, &request, &shared.limits) else {
        return Ok(http_response(turned_away(&shared, &request)));
    };
    let (mut response, _) = answer(
        &shared.world,
        &request,
        Lists::AsTaken(shared.turns.clone()),
    )
    .await;
    if let Some(forward) = response.extensions_mut().remove::<Forward>()
        && let Some(upgrade) = upgrade.take()
    {
        tokio::spawn(forward::serve(forward, upgrade));
    }
    shared.durable.settled().await;
    drop(room);
    let durable = shared.durable.clone();
    let settled = move || -> Option<Gate> {
        let durable = durable.clone();
        Some(Box::pin(async move { durable.settled().await }))
    };
    if response.body().is_watch() && socket::is_wanted(&request) {
        let agreed = socket::handshake(&request);
        if let (101, Some(upgrade)) = (agreed.status().as_u16(), upgrade) {
            let (watch, patience) = (response.into_body().gated(settled), shared.limits.patience);
            tokio::spawn(async move {
                socket::serve(watch, upgrade, patience).await;
            });
        }
        return Ok(agreed);
    }
    if request.method == http::Method::HEAD {
        // HTTP/1.1 leaves the body out by itself, HTTP/2 doesn't.
        return Ok(response.map(|_| SimBody::whole(bytes::Bytes::new())));
    }
    let kept = |body| stuck.watching(body, &shared.under_way, &shared.limits);
    Ok(response.map(|body| kept(body).gated(settled)))
}

/// Adds its body to a request that writes; or the reply to one that is refused whatever its body says, or whose body doesn't
/// become whole.
async fn whole(
    shared: &Shared,
    request: &mut Request,
    body: Incoming,
) -> Result<Option<Response>, BoxError> {
    let refused = shared.world.lock().api.refused(request);
    if refused.is_some() {
        return Ok(refused);
    }
    let limits = &shared.limits;
    let head = head_weight(request);
    let read = receive(body, head, &shared.unfinished, limits.max_unfinished);
    request.body = match tokio::time::timeout(limits.request_timeout, read).await {
        Ok(Ok(Received::Whole(body))) => body,
        Ok(Ok(Received::TooLong)) => bytes::Bytes::from(vec![b' '; READ_LIMIT]),
        Ok(Ok(Received::GivenUp)) => return Ok(Some(turned_away(shared, request))),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Ok(Some(refusal(request, &timed_out()))),
    };
    Ok(None)
}

/// 429: there are too many.
fn turned_away(shared: &Shared, request: &Request) -> Response {
    let route = shared.world.lock().api.route_of(request);
    if let Some(route) = route {
        shared.world.instruments().dropped(&route);
    }
    too_many_in_flight(request)
}

/// 504: the client did not send its body in time.
fn timed_out() -> ApiError {
    ApiError::new(
        504,
        "Timeout",
        "Timeout: request did not complete within the allotted timeout",
        Some(Details::default()),
    )
}

/// A certificate counts before a token; who shows neither is anonymous, who shows a wrong one is nobody.
fn authenticate(shared: &Shared, certified: Certified, request: &Request) -> Option<User> {
    let stranger = match certified {
        Certified::User(user) => return Some(user),
        Certified::Stranger => true,
        Certified::None => false,
    };
    let now = shared.world.now();
    match shared.world.lock().api.shown_token(request, now) {
        Shown::User(user) => Some(user),
        Shown::Wrong => None,
        Shown::Nothing | Shown::Unread => (!stranger).then(User::anonymous),
    }
}
