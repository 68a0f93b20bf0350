//! The HTTP server of a process: health and metrics, and whatever a product serves beside them; with TLS if it has a
//! certificate.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serving::Certificates;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::health::Health;

/// Bytes of a request's body, at most: an API server sends an object of up to 3 MiB twice, in JSON within JSON.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How long a client may take for its greeting, for its headers, and for its body. Upstream's figure (`pkg/server/server.go`).
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait when connections can't be accepted, as there are too many.
const BREATH: Duration = Duration::from_millis(100);

/// Answers requests of a product; `None` for paths that aren't its own.
pub type Pages = Arc<dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync>;

/// What a product has served beside health and metrics, and how.
#[derive(Clone, Default)]
pub struct Site {
    /// Its own pages, which win over ours.
    pub pages: Option<Pages>,
    /// Connections are encrypted with these, if with any.
    pub tls: Option<Tls>,
}

/// How connections are encrypted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, and what clients must show.
    pub certificates: Arc<Certificates>,
    /// How often the files are read again.
    pub interval: Duration,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("pages", &self.pages.is_some())
            .field("tls", &self.tls)
            .finish()
    }
}

/// Listens on an address; on `[::]` for both families, or for the older one where there is no other.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let old = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
    let bound = match TcpListener::bind(address).await {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            TcpListener::bind(old).await
        }
        bound => bound,
    };
    bound.map_err(|error| Error::Listen { address, error })
}

/// A server that answers until dropped.
#[derive(Clone)]
pub struct Server {
    /// Health and metrics.
    pub health: Health,
    /// What is served beside them.
    pub site: Site,
}

impl Server {
    /// Answers, and follows changes of its certificate.
    pub async fn serve(self, listener: TcpListener) {
        match self.site.tls.clone() {
            None => self.accept(listener).await,
            Some(tls) => {
                futures::join!(self.accept(listener), tls.renew());
            }
        }
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(self.clone().greet(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    async fn greet(self, stream: TcpStream) {
        let Some(tls) = &self.site.tls else {
            return self.converse(stream).await;
        };
        let accepted = TlsAcceptor::from(tls.certificates.current()).accept(stream);
        match tokio::time::timeout(PATIENCE, accepted).await {
            Ok(Ok(stream)) => self.converse(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake timed out"),
        }
    }

    /// HTTP/2 is spoken where TLS agreed on it; without TLS, as with Go, it isn't.
    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let speaks_http2 = self.site.tls.as_ref().is_some_and(Tls::offers_http2);
        let service = service_fn(move |request: Request<Incoming>| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.respond(request).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE);
        builder.http2().timer(TokioTimer::new());
        let builder = if speaks_http2 {
            builder
        } else {
            builder.http1_only()
        };
        if let Err(error) = builder
            .serve_connection(TokioIo::new(stream), service)
            .await
        {
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(pages) = &self.site.pages else {
            return text(self.health.answer(request.uri().path()));
        };
        let (parts, body) = request.into_parts();
        let too_large = || text((StatusCode::PAYLOAD_TOO_LARGE, "too large\n".to_owned()));
        // Who says beforehand what is coming needn't send it.
        if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > MOST_BYTES) {
            return too_large();
        }
        let body = Limited::new(body, MOST_BYTES).collect();
        let body = match tokio::time::timeout(PATIENCE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return too_large();
            }
            Ok(Err(_)) => return text((StatusCode::BAD_REQUEST, "bad request\n".to_owned())),
            Err(_) => return text((StatusCode::REQUEST_TIMEOUT, "too slow\n".to_owned())),
        };
        let request = Request::from_parts(parts, body);
        match pages(&request) {
            Some(response) => response.map(Full::new),
            None => text(self.health.answer(request.uri().path())),
        }
    }
}

impl Tls {
    fn offers_http2(&self) -> bool {
        let config = self.certificates.current();
        config
            .alpn_protocols
            .iter()
            .any(|protocol| protocol == b"h2")
    }

    /// Reads the files again and again.
    async fn renew(self) {
        loop {
            tokio::time::sleep(self.interval).await;
            match self.certificates.renew() {
                Ok(true) => tracing::info!("certificate renewed"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "certificate can't be renewed, the one before stays in use");
                }
            }
        }
    }
}

fn text((status, body): (StatusCode, String)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
