//! Asking webhooks over HTTPS, with the words of Go's client for what goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::gzip;
use crate::outside::services::{Answering, Outside};
use crate::outside::{Answer, Question};

/// Largest response, in bytes.
const LIMIT: usize = 3 * 1024 * 1024;

/// How often a request is sent on, as Go's client takes it.
const MOST_REDIRECTS: usize = 10;

/// The network of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Network;

impl Outside for Network {
    fn ask(&self, question: Question, address: Option<SocketAddr>) -> Answering {
        Box::pin(async move { post(&question, address).await })
    }
}

/// Sends a question, and goes where it is sent on to, as Go's client does.
async fn post(question: &Question, address: Option<SocketAddr>) -> Answer {
    let mut request = Outgoing {
        url: question.url(),
        method: http::Method::POST,
        body: Bytes::from(question.body.to_string()),
    };
    let mut address = address;
    for _ in 0..MOST_REDIRECTS {
        let elsewhere = request.url != question.url();
        let response = match exchange(&request, address, &question.ca_bundle).await {
            Ok(response) => response,
            Err(text) if elsewhere => {
                let url = request.url;
                return Answer::FailedElsewhere { url, text };
            }
            Err(text) => return Answer::Failed(text),
        };
        let Some(next) = request.sent_on(&response) else {
            let status = response.status;
            return match response.body {
                Ok(body) => Answer::Reply { status, body },
                Err(text) => Answer::Unreadable(text),
            };
        };
        (request, address) = (next, None);
    }
    Answer::FailedElsewhere {
        url: request.url,
        text: format!("stopped after {MOST_REDIRECTS} redirects"),
    }
}

/// A request on its way to a webhook.
struct Outgoing {
    url: String,
    method: http::Method,
    body: Bytes,
}

/// What came back.
struct Incoming {
    status: u16,
    location: Option<String>,
    /// The body, unpacked, or why it can't be read.
    body: Result<Bytes, String>,
}

impl Outgoing {
    /// The request that follows a response which says that something is elsewhere (`redirectBehavior` of `net/http`).
    fn sent_on(&self, response: &Incoming) -> Option<Self> {
        let location = response.location.as_deref()?;
        let (method, body) = match response.status {
            301..=303 => (http::Method::GET, Bytes::new()),
            307 | 308 => (self.method.clone(), self.body.clone()),
            _ => return None,
        };
        let url = match location.strip_prefix('/') {
            Some(path) => {
                let host = self
                    .url
                    .splitn(4, '/')
                    .take(3)
                    .collect::<Vec<_>>()
                    .join("/");
                format!("{host}/{path}")
            }
            None => location.to_owned(),
        };
        Some(Self { url, method, body })
    }
}

async fn exchange(
    outgoing: &Outgoing,
    address: Option<SocketAddr>,
    ca_bundle: &[u8],
) -> Result<Incoming, String> {
    let url: http::Uri = outgoing
        .url
        .parse()
        .map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let host = url.host().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let address = match address {
        Some(address) => address,
        None => look_up(&host, url.port_u16().unwrap_or(443)).await?,
    };
    let stream = TcpStream::connect(address).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::ConnectionRefused {
            format!("dial tcp {address}: connect: connection refused")
        } else {
            format!("dial tcp {address}: connect: {error}")
        }
    })?;
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(trusting(ca_bundle)?));
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| handshake_failure(&error, &host))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request_to(&url, outgoing)?).await;
    let response = response.map_err(|_| "EOF".to_owned())?;
    let status = response.status().as_u16();
    let location = response.headers().get(http::header::LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let location = location.map(str::to_owned);
    let packed = gzip::is_packed(response.headers());
    let body = Limited::new(response.into_body(), LIMIT).collect().await;
    connection.abort();
    let body = body.map_err(|error| error.to_string());
    let body = body.and_then(|body| match body.to_bytes() {
        body if packed => gzip::unpacked(&body, LIMIT),
        body => Ok(body),
    });
    Ok(Incoming {
        status,
        location,
        body,
    })
}

fn request_to(url: &http::Uri, outgoing: &Outgoing) -> Result<http::Request<Full<Bytes>>, String> {
    let target = url
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    http::Request::builder()
        .method(outgoing.method.clone())
        .uri(target)
        .header(http::header::HOST, authority)
        .header(http::header::USER_AGENT, "kube-apiserver-admission")
        .header(http::header::ACCEPT, "application/json, */*")
        .header(http::header::ACCEPT_ENCODING, "gzip")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(outgoing.body.clone()))
        .map_err(|error| error.to_string())
}

async fn look_up(host: &str, port: u16) -> Result<SocketAddr, String> {
    let absent = || format!("dial tcp: lookup {host}: no such host");
    let mut found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|_| absent())?;
    found.next().ok_or_else(absent)
}

/// TLS that trusts the given certificates (PEM) and no others.
fn trusting(bundle: &[u8]) -> Result<rustls::ClientConfig, String> {
    let own: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(bundle)
        .filter_map(Result::ok)
        .collect();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(own.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if roots.is_empty() {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let verifier = Arc::new(Verifier { chains, own });
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Verifies chains, and takes a certificate that is in the bundle itself, as Go does: webhooks often have one that
/// they signed themselves.
#[derive(Debug)]
struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chained = self
            .chains
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match chained {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.own.iter().any(|own| own == certificate) =>
            {
                let parsed = ParsedCertificate::try_from(certificate)?;
                rustls::client::verify_server_name(&parsed, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Go's words for a failed handshake.
fn handshake_failure(error: &std::io::Error, host: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let unverified = |text: String| format!("tls: failed to verify certificate: x509: {text}");
    match inner {
        Some(rustls::Error::InvalidCertificate(cause)) => unverified(complaint(cause, host)),
        Some(rustls::Error::InvalidMessage(_)) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        Some(other) => format!("tls: {other}"),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        None => error.to_string(),
    }
}

fn complaint(cause: &CertificateError, host: &str) -> String {
    let stamp = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds)
            .map_or_else(|_| String::new(), machinery::time::rfc3339)
    };
    match cause {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "certificate has expired or is not yet valid: current time {} is after {}",
            stamp(*time),
            stamp(*not_after)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "certificate has expired or is not yet valid: current time {} is before {}",
            stamp(*time),
            stamp(*not_before)
        ),
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName
            if host.parse::<std::net::IpAddr>().is_ok() =>
        {
            format!("cannot validate certificate for {host} because it doesn't contain any IP SANs")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().map(|name| {
                let name = name.split_once('"').map_or(name.as_str(), |(_, name)| name);
                name.split('"').next().unwrap_or_default()
            });
            let names: Vec<&str> = names.collect();
            format!("certificate is valid for {}, not {host}", names.join(", "))
        }
        _ => "certificate signed by unknown authority".to_owned(),
    }
}
