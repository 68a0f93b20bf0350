//! What upstream's end-to-end suite asks of a Prometheus and an Alertmanager that speak TLS (`test/e2e/prometheus_test.go`,
//! `alertmanager_test.go`), by the names of its tests: without Thanos' sidecar, which isn't here.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::local_monitoring::{on_a_platform, until};
use super::place::Place;
use super::site::{Authority, Identity};

/// Whom the certificates are for.
const HOST: &str = "web.example";

/// A connection to whoever shows a certificate of this authority.
async fn connect(
    authority: &Authority,
    address: &str,
    alpn: &[&str],
) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(authority.certificate.as_bytes());
    roots.add(own.unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.ok()?;
    let host = ServerName::try_from(HOST).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(host, stream).await.ok()
}

/// A whole response, head and body, if the certificate is of this authority.
async fn page(authority: &Authority, address: &str, path: &str) -> Option<String> {
    let mut stream = connect(authority, address, &[]).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut response = Vec::new();
    // Go closes connections of HTTP 1.0 without a word.
    let _ = stream.read_to_end(&mut response).await;
    Some(String::from_utf8_lossy(&response).into_owned())
}

fn data(identity: &Identity) -> Value {
    json!({"stringData": {"tls.crt": identity.certificate, "tls.key": identity.key}})
}

/// How upstream's tests have it.
fn web() -> Value {
    let of = |key: &str| json!({"name": "web-tls", "key": key});
    json!({
        "tlsConfig": {"keySecret": of("tls.key"), "cert": {"secret": of("tls.crt")}},
        "httpConfig": {"http2": true, "headers": {
            "contentSecurityPolicy": "default-src 'self'", "xFrameOptions": "Deny", "xContentTypeOptions": "NoSniff",
            "xXSSProtection": "1; mode=block", "strictTransportSecurity": "max-age=31536000; includeSubDomains",
        }},
    })
}

/// The server at a port of a pod, and the reloader beside it, speak TLS with the certificate and say what they were told to say.
async fn speaks_tls(authority: &Authority, ip: &str, port: u16) {
    let address = format!("{ip}:{port}");
    let offered = ["h2", "http/1.1"];
    let stream = until("a connection", || connect(authority, &address, &offered));
    let stream = stream.await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let response = page(authority, &address, "/-/ready").await.unwrap();
    for field in [
        "Content-Security-Policy: default-src 'self'",
        "X-Frame-Options: deny",
        "X-Content-Type-Options: nosniff",
        "X-Xss-Protection: 1; mode=block",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    ] {
        assert!(response.contains(field), "no {field} in {response}");
    }
    let told = until("a reload over TLS", || async {
        let metrics = page(authority, &format!("{ip}:8080"), "/metrics").await?;
        let mut lines = metrics.lines();
        let when = lines
            .find_map(|line| line.strip_prefix("reloader_last_reload_success_timestamp_seconds "));
        (when? != "0").then_some(())
    });
    told.await;
}

/// The pod of a label, with how often it was started.
async fn started(place: &Place<'_>, name: &str) -> (Value, Vec<Value>) {
    let pod = place.named("Pod", name).await.unwrap();
    let statuses = pod["status"]["containerStatuses"].as_array().unwrap();
    let restarts = statuses.iter().map(|one| one["restartCount"].clone());
    (pod["metadata"]["uid"].clone(), restarts.collect())
}

#[test]
fn servers_speak_tls_and_take_a_new_certificate_without_a_restart() {
    on_a_platform("local-web", async |_, api| {
        let place = Place::new(api, "web", json!({})).await;
        let (first, second) = (Authority::new("first"), Authority::new("second"));
        let mut secret = data(&first.identity("web", HOST));
        secret["apiVersion"] = json!("v1");
        secret["kind"] = json!("Secret");
        secret["metadata"] = json!({"name": "web-tls"});
        place.create(&secret).await;
        let spec = json!({"version": "v0.25.0", "replicas": 1, "web": web()});
        let manager = super::local_upstream::monitoring("Alertmanager", "test", &spec);
        place.create(&manager).await;
        place
            .begin_server("test", &json!({}), &json!({"web": web()}))
            .await;
        let mut all = Vec::new();
        for (label, pod, port) in [
            ("prometheus=test", "prometheus-test-0", 9090),
            ("alertmanager=test", "alertmanager-test-0", 9093),
        ] {
            let ip = place.ready(label).await;
            speaks_tls(&first, &ip, port).await;
            all.push((ip, pod, port, started(&place, pod).await));
        }
        let renewed = data(&second.identity("web", HOST));
        place.change("Secret", "web-tls", &renewed).await;
        for (ip, pod, port, before) in all {
            let address = format!("{ip}:{port}");
            until("the new certificate", || {
                page(&second, &address, "/-/ready")
            })
            .await;
            assert!(page(&first, &address, "/-/ready").await.is_none(), "{pod}");
            assert_eq!(started(&place, pod).await, before, "{pod}");
        }
    });
}
