//! The listener of `/metrics` and `/healthz`.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::web::{self, Guard, WebError};

/// How long a client may take for its greeting or its headers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when connections can't be accepted, as there are too many.
const BREATH: Duration = Duration::from_millis(100);

/// A listener, open.
pub(crate) struct Server {
    listener: TcpListener,
    site: Arc<Site>,
}

/// What all connections share.
struct Site {
    web_config: Option<PathBuf>,
    metrics: Arc<Metrics>,
    log: Log,
    guard: Guard,
}

impl Server {
    /// Listens; `:8080` means every address.
    pub(crate) async fn bind(
        address: &str,
        web_config: Option<PathBuf>,
        metrics: Arc<Metrics>,
        log: Log,
    ) -> Result<Self, Error> {
        let listener = listen(address).await.map_err(|source| Error::Listen {
            address: address.to_owned(),
            source,
        })?;
        let shown = listener
            .local_addr()
            .map_or_else(|_| address.to_owned(), |bound| bound.to_string());
        log.info("Starting web server for metrics", &[("listen", &address)]);
        log.info("Listening on", &[("address", &shown)]);
        let site = Arc::new(Site {
            web_config,
            metrics,
            log,
            guard: Guard::default(),
        });
        Ok(Self { listener, site })
    }

    /// Answers until dropped.
    pub(crate) async fn serve(self) -> Infallible {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(Arc::clone(&self.site).greet(stream));
                }
                Err(error) => {
                    self.site
                        .log
                        .warn("connection not accepted", &[("err", &error)]);
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await;
    };
    // The first takes both families, where there are two.
    match TcpListener::bind(format!("[::]:{port}")).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
    }
}

impl Site {
    /// Finds out whether a connection is to be encrypted: the file is read each time, so that certificates can be renewed.
    async fn greet(self: Arc<Self>, stream: TcpStream) {
        let tls = match &self.web_config {
            None => Ok(None),
            Some(file) => web::load(file).and_then(|config| config.tls()),
        };
        let log = self.log.clone();
        match tls {
            Ok(None) => self.converse(stream).await,
            Ok(Some(tls)) => {
                let accepted = TlsAcceptor::from(Arc::new(tls)).accept(stream);
                match tokio::time::timeout(PATIENCE, accepted).await {
                    Ok(Ok(stream)) => self.converse(stream).await,
                    Ok(Err(error)) => log.debug("TLS handshake failed", &[("err", &error)]),
                    Err(_) => log.debug("TLS handshake timed out", &[]),
                }
            }
            Err(error) => log.error("Unable to parse configuration", &[("err", &error)]),
        }
    }

    async fn converse(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let log = self.log.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let response = self.respond(request.uri().path(), request.headers());
            async move { Ok::<_, Infallible>(response) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            log.debug("connection ended", &[("err", &error)]);
        }
    }

    fn respond(&self, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let mut extra = HeaderMap::new();
        if let Some(file) = &self.web_config {
            let admitted = web::load(file).and_then(|config| {
                extra = config.headers()?;
                self.guard
                    .admits(config.users(), headers.get(header::AUTHORIZATION))
            });
            match admitted {
                Ok(true) => {}
                Ok(false) => {
                    extra.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                    return answer(StatusCode::UNAUTHORIZED, extra, "Unauthorized\n".to_owned());
                }
                Err(error) => return self.broken(&error),
            }
        }
        match path {
            "/metrics" => {
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                extra.insert(header::CONTENT_TYPE, kind);
                answer(StatusCode::OK, extra, self.metrics.text())
            }
            "/healthz" => answer(StatusCode::OK, extra, r#"{"status":"up"}"#.to_owned()),
            _ => answer(
                StatusCode::NOT_FOUND,
                extra,
                "404 page not found\n".to_owned(),
            ),
        }
    }

    fn broken(&self, error: &WebError) -> Response<Full<Bytes>> {
        self.log
            .error("Unable to parse configuration", &[("err", error)]);
        let text = "Internal Server Error\n".to_owned();
        answer(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), text)
    }
}

/// Text, unless the headers say otherwise.
fn answer(status: StatusCode, mut headers: HeaderMap, body: String) -> Response<Full<Bytes>> {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.entry(header::CONTENT_TYPE).or_insert(text);
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
