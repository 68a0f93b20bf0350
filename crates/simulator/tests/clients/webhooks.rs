//! Webhooks under a real `kube::Client`: in this process on virtual time, and over real HTTPS in the served form.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Resource};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use simulator::outside::services::Trouble;
use simulator::serve::{ServeOptions, Server};
use simulator::wire::Wire;
use simulator::world::WorldHandle;

use super::virtual_time;

fn made<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn config_map(name: &str) -> ConfigMap {
    made(json!({"metadata": {"name": name}}))
}

type Hooks = k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
type Changing = k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;

fn configuration(client: &Value, resources: &[&str]) -> Value {
    json!({"metadata": {"name": "h"}, "webhooks": [{
        "name": "w.example.com", "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": resources}],
    }]})
}

async fn create<K>(client: &Client, value: Value) -> K
where
    K: Resource<DynamicType = ()>
        + serde::de::DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    api.create(&PostParams::default(), &made(value))
        .await
        .unwrap()
}

fn response(review: &Value, fields: &Value) -> Value {
    let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
    for (key, value) in fields.as_object().unwrap() {
        response[key] = value.clone();
    }
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response})
}

/// The same with a client.
fn simulate<F: Future>(run: impl FnOnce(WorldHandle, Client) -> F) -> F::Output {
    virtual_time::simulate(|world| {
        let client = Client::new(Wire::new(&world, "test"), "default");
        run(world, client)
    })
}

fn service() -> Value {
    json!({"metadata": {"name": "hook", "namespace": "default"}, "spec": {"ports": [{"port": 443}]}})
}

#[test]
fn a_service_of_this_process_is_asked_and_may_be_in_trouble() {
    simulate(|world, client| async move {
        let services: Api<Service> = Api::default_namespaced(client.clone());
        services
            .create(&PostParams::default(), &made(service()))
            .await
            .unwrap();
        let client_config =
            json!({"service": {"namespace": "default", "name": "hook", "path": "/p"}});
        create::<Hooks>(&client, configuration(&client_config, &["configmaps"])).await;
        world
            .services()
            .register("default/hook", |path: &str, review: &Value| {
                assert_eq!(path, "/p");
                response(review, &json!({}))
            });
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let post = |name: &'static str| {
            let maps = maps.clone();
            async move { maps.create(&PostParams::default(), &config_map(name)).await }
        };
        assert!(post("a").await.is_ok());
        let began = world.now();
        let cases = [
            (Trouble::Refuse, "connect: connection refused"),
            (Trouble::TimeOut, "?timeout=5s\": context deadline exceeded"),
            (
                Trouble::Deny("no".to_owned()),
                "admission webhook \"w.example.com\" denied the request: no",
            ),
            (Trouble::WrongUid, "got \"another\""),
            (
                Trouble::ExpiredCertificate,
                "x509: certificate has expired or is not yet valid: current time",
            ),
        ];
        for (trouble, text) in cases {
            world
                .services()
                .set_trouble("default/hook", Some(trouble.clone()));
            let error = post("b").await.unwrap_err().to_string();
            assert!(error.contains(text), "{trouble:?}: {error}");
        }
        // Only the silent one took time.
        assert_eq!(world.now().duration_since(began).as_secs(), 5);
    });
}

#[test]
fn a_write_ends_when_its_time_is_over_however_long_the_webhook_takes() {
    simulate(|world, client| async move {
        let client_config = json!({"url": "https://h.example.com/"});
        create::<Hooks>(&client, configuration(&client_config, &["configmaps"])).await;
        let services = world.services();
        services.register("h.example.com", |_: &str, review: &Value| {
            response(review, &json!({}))
        });
        services.set_trouble("h.example.com", Some(Trouble::TimeOut));
        let began = world.now();
        let request = http::Request::post("/api/v1/namespaces/default/configmaps?timeout=2s");
        let body = json!({"metadata": {"name": "a"}}).to_string();
        let request = request.header("content-type", "application/json");
        let result = client
            .request::<ConfigMap>(request.body(body.into()).unwrap())
            .await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains("context deadline exceeded"), "{error}");
        assert_eq!(world.now().duration_since(began).as_secs(), 2);
    });
}

#[test]
fn pods_of_a_deployment_pass_a_mutating_webhook() {
    simulate(|world, client| async move {
        let client_config = json!({"url": "https://h.example.com/"});
        create::<Changing>(&client, configuration(&client_config, &["pods"])).await;
        let patch = r#"[{"op":"add","path":"/metadata/labels/hook","value":"1"}]"#;
        let patch = STANDARD.encode(patch);
        world
            .services()
            .register("h.example.com", move |_: &str, review: &Value| {
                response(review, &json!({"patch": patch, "patchType": "JSONPatch"}))
            });
        let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
        let body = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3,
            "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
        deployments
            .create(&PostParams::default(), &made(body))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let labelled = pods
            .list(&ListParams::default().labels("hook=1"))
            .await
            .unwrap();
        assert_eq!(labelled.items.len(), 3);
        let deployment = deployments.get_status("web").await.unwrap();
        assert_eq!(deployment.status.unwrap().ready_replicas, Some(3));
    });
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(body).unwrap();
    writer.finish().unwrap()
}

/// Serves a webhook that denies, over TLS with a certificate for 127.0.0.1; returns its port and the certificate.
async fn serve_hook() -> (u16, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service =
                hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    let path = request.uri().to_string();
                    if let Some(to) = path.strip_prefix("/to/") {
                        let to = to.split('?').next().unwrap_or_default();
                        let location = match to {
                            "nobody" => "https://127.0.0.1:1/x",
                            "itself" => "/to/itself",
                            _ => "/deny",
                        };
                        let response = http::Response::builder()
                            .status(if to == "deny" { 307 } else { 302 })
                            .header(http::header::LOCATION, location);
                        return Ok(response.body(Full::new(Bytes::new())).unwrap());
                    }
                    let taken = request.headers().get(http::header::ACCEPT_ENCODING);
                    let taken = taken.cloned();
                    let body = request.into_body().collect().await?.to_bytes();
                    let review: Value = serde_json::from_slice(&body).unwrap();
                    let text = format!("{path} {}", review["request"]["name"]);
                    let denied = response(
                        &review,
                        &json!({"allowed": false, "status": {"message": text}}),
                    );
                    let mut body = denied.to_string().into_bytes();
                    let mut response = http::Response::builder();
                    if path.starts_with("/packed") {
                        assert_eq!(taken.unwrap(), "gzip");
                        body = packed(&body);
                    }
                    if path.starts_with("/packed") || path.starts_with("/unpacked") {
                        response = response.header(http::header::CONTENT_ENCODING, "gzip");
                    }
                    Ok::<_, hyper::Error>(response.body(Full::new(Bytes::from(body))).unwrap())
                });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (port, certificate.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_served_form_asks_over_https() {
    let (port, certificate) = serve_hook().await;
    let server = Server::start(ServeOptions {
        addr: "127.0.0.1:0".parse().unwrap(),
        state_dir: None,
        settings: simulator::builtin::Settings::default(),
        limits: simulator::serve::Limits::default(),
    })
    .await
    .unwrap();
    // The same world, without a second TLS client.
    let client = Client::new(Wire::new(&server.world, "test"), "default");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let hooks: Api<Hooks> = Api::all(client.clone());
    let url = format!("https://127.0.0.1:{port}/deny");
    let sent_on = |to: &str| json!({"url": format!("https://127.0.0.1:{port}/to/{to}"), "caBundle": STANDARD.encode(&certificate)});
    let trusted = STANDARD.encode(&certificate);
    let cases = [
        (
            json!({"url": url, "caBundle": trusted}),
            "admission webhook \"w.example.com\" denied the request: /deny?timeout=5s \"a\""
                .to_owned(),
        ),
        (
            json!({"url": url}),
            "tls: failed to verify certificate: x509: certificate signed by unknown authority"
                .to_owned(),
        ),
        (
            sent_on("deny"),
            "admission webhook \"w.example.com\" denied the request: /deny \"a\"".to_owned(),
        ),
        (
            sent_on("nobody"),
            "failed to call webhook: Post \"https://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: connect: connection refused"
                .to_owned(),
        ),
        (
            sent_on("itself"),
            format!("Post \"https://127.0.0.1:{port}/to/itself\": stopped after 10 redirects"),
        ),
        (
            json!({"url": format!("https://127.0.0.1:{port}/packed"), "caBundle": STANDARD.encode(&certificate)}),
            "denied the request: /packed?timeout=5s \"a\"".to_owned(),
        ),
        (
            json!({"url": format!("https://127.0.0.1:{port}/unpacked"), "caBundle": STANDARD.encode(&certificate)}),
            "failed to call webhook: unexpected error when reading response body. Please retry. Original error: gzip: invalid header"
                .to_owned(),
        ),
        (
            json!({"url": "https://127.0.0.1:1/deny"}),
            "dial tcp 127.0.0.1:1: connect: connection refused".to_owned(),
        ),
    ];
    for (client_config, text) in cases {
        create::<Hooks>(&client, configuration(&client_config, &["configmaps"])).await;
        let error = maps.create(&PostParams::default(), &config_map("a")).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(&text), "{error}");
        hooks
            .delete("h", &kube::api::DeleteParams::default())
            .await
            .unwrap();
    }
    server.shutdown().await.unwrap();
}
