//! A listener, and clients that ask it.

use std::path::{Path, PathBuf};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serving::{Files, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::*;
use crate::metrics::Registry;

/// A certificate with its key, PEM.
struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Pair {
        certificate: cert.pem(),
        key: signing_key.serialize_pem(),
    }
}

/// A folder of this process and of this test, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carrick-web-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, pair: &Pair) -> Files {
        let file = |name: &str, text: &str| {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Files {
            certificate: file("tls.crt", &pair.certificate),
            key: file("tls.key", &pair.key),
            client_authorities: None,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn site(tls: Option<Tls>) -> Site {
    let pages: Pages = Arc::new(|request| {
        let echo = || Bytes::from([b"read ", &request.body()[..]].concat());
        (request.uri().path() == "/echo").then(|| Response::new(echo()))
    });
    Site {
        pages: Some(pages),
        tls,
    }
}

async fn serving(site: Site) -> SocketAddr {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let registry = Registry::new();
    registry.counter("seen_total", "Seen", &[]).with(&[]).inc();
    let health = Health {
        registry,
        ready: Arc::new(|| true),
    };
    tokio::spawn(Server { health, site }.serve(listener));
    address
}

/// The whole answer to one request on a connection of its own.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, body: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // An end without a farewell is one too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// A client that trusts a certificate, and shows one of its own or none.
fn connector(trusted: &Pair, own: Option<&Pair>) -> TlsConnector {
    let certificate =
        |pair: &Pair| CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate(trusted)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![certificate(own)], key)
                .unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

async fn ask_encrypted(
    address: SocketAddr,
    connector: &TlsConnector,
    path: &str,
    body: &str,
) -> Result<String, std::io::Error> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, stream).await?;
    Ok(ask(stream, path, body).await)
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn pages_of_the_product_are_served_beside_health_and_metrics() {
    run(async {
        let address = serving(site(None)).await;
        for (path, status, end) in [
            ("/echo", "200 OK", "read hello"),
            ("/metrics", "200 OK", "seen_total 1\n"),
            ("/readyz", "200 OK", "ok"),
            ("/other", "404 Not Found", "404 page not found\n"),
        ] {
            let stream = TcpStream::connect(address).await.unwrap();
            let answer = ask(stream, path, "hello").await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{answer}"
            );
            assert!(answer.ends_with(end), "{answer}");
        }
    });
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    run(async {
        let address = serving(site(None)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            MOST_BYTES + 1
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 413");
    });
}

#[test]
fn a_renewed_certificate_is_shown_to_the_next_client() {
    run(async {
        let folder = Folder::new("renewed");
        let (old, new) = (pair(), pair());
        let certificates = Certificates::load(folder.put(&old), Settings::default()).unwrap();
        let tls = Tls {
            certificates: Arc::new(certificates),
            interval: Duration::from_hours(1),
        };
        let address = serving(site(Some(tls.clone()))).await;
        let (trusts_old, trusts_new) = (connector(&old, None), connector(&new, None));
        let answer = ask_encrypted(address, &trusts_old, "/echo", "secret")
            .await
            .unwrap();
        assert!(answer.ends_with("read secret"), "{answer}");
        assert!(
            ask_encrypted(address, &trusts_new, "/echo", "")
                .await
                .is_err()
        );

        folder.put(&new);
        assert!(tls.certificates.renew().unwrap());
        let answer = ask_encrypted(address, &trusts_new, "/metrics", "")
            .await
            .unwrap();
        assert!(answer.ends_with("seen_total 1\n"), "{answer}");
        assert!(
            ask_encrypted(address, &trusts_old, "/echo", "")
                .await
                .is_err()
        );
    });
}

#[test]
fn clients_must_show_a_certificate_if_authorities_are_named() {
    run(async {
        let folder = Folder::new("clients");
        let (own, client) = (pair(), pair());
        let authorities = folder.0.join("ca.crt");
        std::fs::write(&authorities, &client.certificate).unwrap();
        let files = Files {
            client_authorities: Some(authorities),
            ..folder.put(&own)
        };
        let tls = Tls {
            certificates: Arc::new(Certificates::load(files, Settings::default()).unwrap()),
            interval: Duration::from_hours(1),
        };
        let address = serving(site(Some(tls))).await;
        let known = connector(&own, Some(&client));
        let answer = ask_encrypted(address, &known, "/echo", "x").await.unwrap();
        assert!(answer.ends_with("read x"), "{answer}");
        // With TLS 1.3 a client learns of its refusal when it reads.
        let unknown = ask_encrypted(address, &connector(&own, None), "/echo", "x").await;
        assert_eq!(unknown.unwrap_or_default(), "");
    });
}
