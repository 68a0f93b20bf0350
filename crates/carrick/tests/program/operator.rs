//! The operator as kube-prometheus-stack 14.0.1 starts it (S1 of the acceptance): with these arguments and no others.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use kube::config::Config;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::api::{Api, runtime};
use super::common::{Folder, PROGRAM, Up};
use super::local_monitoring::until;

/// What the chart says; the folder of the certificate and the port are this test's own.
const ARGUMENTS: [&str; 12] = [
    "--kubelet-service=kube-system/release-kube-prometheus-sta-kubelet",
    "--log-format=logfmt",
    "--log-level=info",
    "--localhost=127.0.0.1",
    "--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.46.0",
    "--config-reloader-cpu=100m",
    "--config-reloader-memory=50Mi",
    "--web.enable-tls=true",
    "--web.cert-file=/cert/cert",
    "--web.key-file=/cert/key",
    "--web.listen-address=:10250",
    "--web.tls-min-version=VersionTLS13",
];

/// Killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who trusts one certificate.
fn client(port: u16, certificate: &[u8]) -> kube::Client {
    let mut config = Config::new(format!("https://localhost:{port}").parse().unwrap());
    config.root_cert = Some(vec![certificate.to_vec()]);
    kube::Client::try_from(config).unwrap()
}

async fn page(client: &kube::Client, path: &str) -> kube::Result<String> {
    let request = http::Request::get(path).body(Vec::new());
    client.request_text(request.unwrap()).await
}

#[test]
fn it_starts_as_the_old_chart_has_it_and_serves_https() {
    let folder = Folder::new("operator");
    let certified = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = certified();
    std::fs::write(folder.join("cert"), cert.pem()).unwrap();
    std::fs::write(folder.join("key"), signing_key.serialize_pem()).unwrap();
    let link = folder.join("operator");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);

    let state = Folder::new("operator-platform");
    let _up = Up::start(&state.0).unwrap();
    let place = |argument: &&str| {
        let own = folder.0.display();
        argument
            .replace("/cert/", &format!("{own}/"))
            .replace(":10250", &format!(":{port}"))
    };
    let operator = Command::new(link)
        .args(ARGUMENTS.iter().map(place))
        .env("KUBECONFIG", state.join("kubeconfig"))
        .stdin(Stdio::null())
        .spawn();
    let mut operator = Running(operator.unwrap());
    runtime().block_on(async {
        let trusting = client(port, cert.der());
        let works = until("it says over HTTPS that it works", || async {
            let metrics = page(&trusting, "/metrics").await.ok()?;
            let ready = "prometheus_operator_ready{controller=\"prometheus\"} 1\n";
            metrics.contains(ready).then_some(())
        });
        works.await;
        let other = client(port, certified().cert.der());
        assert!(
            page(&other, "/metrics").await.is_err(),
            "any certificate will do"
        );

        // Nobody else in this platform keeps that Service.
        let api = Api::of(&state.0).await;
        let services = "/api/v1/namespaces/kube-system/services";
        let kubelets = api
            .until(services, |service| {
                service.is_some_and(|service| {
                    service["metadata"]["name"] == "release-kube-prometheus-sta-kubelet"
                })
            })
            .await
            .unwrap();
        assert_eq!(
            kubelets["metadata"]["labels"]["k8s-app"], "kubelet",
            "{kubelets}"
        );
    });
    assert!(operator.0.try_wait().unwrap().is_none(), "it ended");
}
