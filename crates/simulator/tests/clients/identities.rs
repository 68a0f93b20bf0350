//! Who a client is, over real sockets: nobody in particular, somebody with a wrong token, somebody certified by another CA.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use simulator::serve::{Limits, ServeOptions, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The server isn't what is looked at here.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A certificate of nobody's CA.
fn stranger() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "admin");
    name.push(DnType::OrganizationName, "system:masters");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (vec![certificate.der().clone()], key)
}

async fn get(server: &Server, path: &str, token: Option<&str>, certified: bool) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    let config = if certified {
        let (chain, key) = stranger();
        config.with_client_auth_cert(chain, key).unwrap()
    } else {
        config.with_no_client_auth()
    };
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let token = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_nothing_may_see_how_the_server_is_and_who_shows_a_wrong_thing_may_not() {
    let server = Server::start(ServeOptions {
        addr: ([127, 0, 0, 1], 0).into(),
        state_dir: None,
        settings: simulator::builtin::Settings::default(),
        limits: Limits::default(),
    })
    .await
    .unwrap();
    for path in ["/livez", "/readyz?verbose", "/healthz", "/version"] {
        let reply = get(&server, path, None, false).await;
        assert!(reply.starts_with("HTTP/1.1 200 "), "{path}: {reply}");
    }
    let denied = get(&server, "/api", None, false).await;
    assert!(denied.starts_with("HTTP/1.1 403 "), "{denied}");
    assert!(
        denied.contains(r#"forbidden: User \"system:anonymous\" cannot get path \"/api\""#),
        "{denied}"
    );
    for (token, certified) in [(Some("wrong"), false), (Some("wrong"), true), (None, true)] {
        let reply = get(&server, "/livez", token, certified).await;
        assert!(reply.starts_with("HTTP/1.1 401 "), "{reply}");
    }
    server.shutdown().await.unwrap();
}
