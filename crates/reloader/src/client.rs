//! Requests to the program beside us: one connection each, certificates not looked at, as they are rarely made for the
//! loopback address. Redirects are not followed, proxies not used.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::url::Url;

/// Largest answer that is read.
const LIMIT: usize = 1 << 20;

/// A client of HTTP.
#[derive(Clone)]
pub(crate) struct Client {
    tls: TlsConnector,
    timeout: Duration,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// The status as it was written, such as `200 OK`.
    pub(crate) line: String,
    /// What came with it.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("no answer within {}s", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("{0}")]
    Connection(#[from] std::io::Error),
    #[error("{0}")]
    Name(#[from] InvalidDnsNameError),
    #[error("{0}")]
    Request(#[from] http::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("answer: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

impl Client {
    /// Waits this long for an answer, connecting included.
    pub(crate) fn new(timeout: Duration) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let anyone = Arc::new(Anyone(Arc::clone(&provider)));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(anyone)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            timeout,
        })
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: Method, url: &Url) -> Result<Answer, ClientError> {
        let answer = tokio::time::timeout(self.timeout, self.connect_and_send(method, url));
        answer
            .await
            .unwrap_or(Err(ClientError::Timeout(self.timeout)))
    }

    async fn connect_and_send(&self, method: Method, url: &Url) -> Result<Answer, ClientError> {
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
        if url.secure {
            let name = ServerName::try_from(url.host.clone())?;
            exchange(self.tls.connect(name, stream).await?, method, url).await
        } else {
            exchange(stream, method, url).await
        }
    }
}

async fn exchange<S>(stream: S, method: Method, url: &Url) -> Result<Answer, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::builder()
        .method(method)
        .uri(&url.path)
        .header(header::HOST, &url.authority)
        .header(header::USER_AGENT, "prometheus-config-reloader")
        .header(header::CONTENT_LENGTH, "0")
        .header(header::CONNECTION, "close");
    if let Some(authorization) = &url.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let reason = match head.extensions.get::<hyper::ext::ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => head
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
        };
        let body = Limited::new(body, LIMIT)
            .collect()
            .await
            .map_err(ClientError::Body)?;
        Ok(Answer {
            status: head.status,
            line: format!("{} {reason}", head.status.as_u16())
                .trim_end()
                .to_owned(),
            body: body.to_bytes(),
        })
    };
    let answer = answered.await;
    driver.abort();
    answer
}

/// Every certificate will do; that the other side has its key is checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
