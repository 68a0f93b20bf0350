//! A server over real sockets, and a client that sends what it is told to, byte by byte.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use simulator::serve::{Limits, ServeOptions, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub const JSON: &str = "application/json";
pub const MERGE: &str = "application/merge-patch+json";

pub struct Client {
    pub server: Server,
    connector: TlsConnector,
    pub token: String,
}

impl Client {
    pub async fn start(limits: Limits) -> Self {
        let server = Server::start(ServeOptions {
            addr: ([127, 0, 0, 1], 0).into(),
            state_dir: None,
            settings: simulator::builtin::Settings::default(),
            limits,
        })
        .await
        .unwrap();
        let field = |name: &str| {
            let lines = server.kubeconfig.lines();
            let mut found = lines.filter_map(|line| line.trim().strip_prefix(name));
            found.next().unwrap().trim().to_owned()
        };
        let ca = base64::engine::general_purpose::STANDARD
            .decode(field("certificate-authority-data:"))
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let token = field("token:");
        Self {
            server,
            connector: TlsConnector::from(Arc::new(config)),
            token,
        }
    }

    pub async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        self.connector.connect(name, stream).await.unwrap()
    }

    pub fn head(&self, method: &str, path: &str, media: &str, length: usize) -> String {
        let token = &self.token;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: {media}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )
    }

    /// The reply to bytes as they are, as text, up to the end of the connection.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may close before everything is written.
        let _ = stream.write_all(bytes).await;
        let mut reply = Vec::new();
        let read = stream.read_to_end(&mut reply);
        let _ = tokio::time::timeout(Duration::from_secs(30), read)
            .await
            .expect("a reply in time");
        String::from_utf8_lossy(&reply).into_owned()
    }

    pub async fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> String {
        let head = self.head(method, path, media, body.len());
        self.raw(&[head.as_bytes(), body].concat()).await
    }
}

pub fn status(reply: &str) -> u16 {
    let word = reply.split(' ').nth(1).unwrap_or_default();
    word.parse().unwrap_or_default()
}
