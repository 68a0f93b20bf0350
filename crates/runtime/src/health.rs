//! The HTTP server of `/healthz`, `/readyz` and `/metrics`.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::metrics::Registry;

/// What a server answers; the same on every port.
#[derive(Clone)]
pub struct Health {
    /// Metrics to print.
    pub registry: Registry,
    /// Whether the process is ready.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Health {
    /// Answers one path: status and body.
    pub fn answer(&self, path: &str) -> (StatusCode, String) {
        match path {
            "/healthz" | "/livez" => (StatusCode::OK, "ok".to_owned()),
            "/readyz" if (self.ready)() => (StatusCode::OK, "ok".to_owned()),
            "/readyz" => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "caches are not filled yet".to_owned(),
            ),
            "/metrics" => (StatusCode::OK, self.registry.encode()),
            _ => (StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
        }
    }

    /// Answers until dropped.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    continue;
                }
            };
            let health = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = health.answer(request.uri().path());
                    async move { Ok::<_, Infallible>(response(answer)) }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "connection ended");
                }
            });
        }
    }
}

fn response((status, body): (StatusCode, String)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let text = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_the_caches_and_liveness_does_not() {
        let health = Health {
            registry: Registry::new(),
            ready: Arc::new(|| false),
        };
        let statuses =
            ["/healthz", "/readyz", "/metrics", "/x"].map(|path| health.answer(path).0.as_u16());
        assert_eq!(statuses, [200, 500, 200, 404]);
    }

    #[test]
    fn metrics_are_served_as_prometheus_text() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let registry = Registry::new();
        registry.counter("seen_total", "Seen", &[]).with(&[]).inc();
        let health = Health {
            registry,
            ready: Arc::new(|| true),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(health.serve(listener));
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"),
            "{answer}"
        );
        assert!(answer.ends_with("seen_total 1\n"), "{answer}");
    }
}
