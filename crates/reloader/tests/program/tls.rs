//! TLS on both sides: to the program that is reloaded, and on the reloader's own listener.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{Folder, Running, flag, get, soon};

/// A certificate that nobody vouches for, and its key.
fn pair() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(Result::unwrap)
        .collect()
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[tokio::test]
async fn the_certificate_of_the_program_is_not_looked_at_and_credentials_are_sent() {
    let (certificate, key) = pair();
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain(&certificate),
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = Folder::new();
    let arguments = [
        format!("--reload-url=https://me:secret@127.0.0.1:{port}/-/reload"),
        flag("config-file", &folder.write("a.yaml", "a")),
    ];
    let mut reloader = Running::start(&arguments, &[]);
    let (stream, _) = soon("a connection", listener.accept()).await.unwrap();
    let mut stream = soon("a handshake", acceptor.accept(stream)).await.unwrap();
    let mut head = vec![0; 4096];
    let count = soon("a request", stream.read(&mut head)).await.unwrap();
    let head = String::from_utf8_lossy(&head[..count]).to_lowercase();
    assert!(head.starts_with("post /-/reload http/1.1\r\n"), "{head}");
    assert!(
        head.contains("authorization: basic bwu6c2vjcmv0\r\n"),
        "{head}"
    );
    assert!(head.contains("connection: close\r\n"), "{head}");
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    reloader.logged("Reload triggered").await;
}

/// What the listener answers to one who trusts that certificate.
async fn get_securely(address: &str, certificate: &str) -> Result<String, std::io::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(chain(certificate));
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    // How a connection ends isn't what is asked here.
    let _ = stream.read_to_string(&mut answer).await;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_listener_speaks_tls_and_takes_up_renewed_certificates() {
    let folder = Folder::new();
    let (first, key) = pair();
    folder.write("tls.crt", &first);
    folder.write("tls.key", &key);
    let text = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";
    let web = folder.write("web.yaml", text);
    let arguments = [
        "--listen-address=127.0.0.1:0".to_owned(),
        flag("web-config-file", &web),
    ];
    let mut reloader = Running::start(&arguments, &[]);
    let address = reloader.address().await;
    let answer = soon("an answer", get_securely(&address, &first))
        .await
        .unwrap();
    assert_eq!(answer, "HTTP/1.1 200 OK");

    let (second, key) = pair();
    folder.write("tls.crt", &second);
    folder.write("tls.key", &key);
    assert!(
        soon("a refusal", get_securely(&address, &first))
            .await
            .is_err()
    );
    let answer = soon("an answer", get_securely(&address, &second))
        .await
        .unwrap();
    assert_eq!(answer, "HTTP/1.1 200 OK");

    let demanding = format!(
        "{text}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: tls.crt\n"
    );
    folder.write("web.yaml", demanding);
    let refused = soon("a refusal", get_securely(&address, &second)).await;
    assert!(refused.is_err() || refused.unwrap().is_empty());
    // Back to plain text.
    folder.write("web.yaml", "");
    assert_eq!(get(&address, "/healthz").await.0, "HTTP/1.1 200 OK");
}
