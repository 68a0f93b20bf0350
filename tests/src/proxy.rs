//! A server on loopback that passes requests on to a `kube::Client`: how a process of its own gets behind [`Line`].
//!
//! [`Line`]: crate::faults::Line

use std::net::{Ipv4Addr, SocketAddr};

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::faults::BoxError;

/// A listener that doesn't accept yet.
pub struct Proxy {
    listener: TcpListener,
    addr: SocketAddr,
    client: kube::Client,
}

impl Proxy {
    /// Listens on a free port of loopback.
    pub async fn listen(client: kube::Client) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        Ok(Self {
            listener,
            addr,
            client,
        })
    }

    /// A kubeconfig that leads here. JSON is YAML.
    pub fn kubeconfig(&self, namespace: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{}", self.addr)}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy", "namespace": namespace}}],
        })
    }

    /// Passes requests on until it is dropped, which breaks all connections; ends only with an error.
    pub async fn serve(self) -> std::io::Error {
        let mut connections = JoinSet::new();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => connections.spawn(connection(self.client.clone(), stream)),
                Err(error) => return error,
            };
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn connection(client: kube::Client, stream: TcpStream) {
    let service = service_fn(move |request| pass_on(client.clone(), request));
    // The process at the other end may be dead.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn pass_on(
    client: kube::Client,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (mut parts, body) = request.into_parts();
    for header in [HOST, CONNECTION, CONTENT_LENGTH, AUTHORIZATION] {
        parts.headers.remove(header);
    }
    let body = body.collect().await?.to_bytes();
    Ok(client
        .send(Request::from_parts(parts, Body::from(body)))
        .await?)
}
