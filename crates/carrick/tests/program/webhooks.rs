//! The webhooks, served by the program that is called `admission-webhook`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::common::{Folder, PROGRAM};

/// Killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program without TLS on a free port, and waits until it says where it listens.
fn start(folder: &Folder) -> (Running, String) {
    let link = folder.join("admission-webhook");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let mut child = Command::new(link)
        .args(["-web.enable-tls=false", "--web.listen-address=127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let said = errors.lines().map_while(Result::ok);
    let address = said.filter_map(|line| {
        let (_, rest) = line.split_once("address=")?;
        rest.split(' ').next().map(str::to_owned)
    });
    let address = address.into_iter().next().unwrap();
    (running, address)
}

fn ask(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_bad_rule_is_refused_over_http() {
    let folder = Folder::new("webhooks");
    let (_running, address) = start(&folder);
    let rule =
        json!({"spec": {"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "sum("}]}]}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "object": rule,
        "resource": {"group": "monitoring.coreos.com", "version": "v1", "resource": "prometheusrules"}}});
    let answer = ask(
        &address,
        "/admission-prometheusrules/validate",
        &review.to_string(),
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["response"]["status"]["message"], "Rules are not valid");
    assert!(ask(&address, "/healthz", "").ends_with(r#"{"status":"up"}"#));
    let metrics = ask(&address, "/metrics", "");
    assert!(
        metrics.contains("prometheus_operator_admission_webhook_build_info{"),
        "{metrics}"
    );
}

#[test]
fn without_a_certificate_it_says_what_is_missing() {
    let started = Command::new(PROGRAM)
        .args(["admission-webhook", "--web.cert-file=/nowhere/tls.crt"])
        .output()
        .unwrap();
    let text = String::from_utf8(started.stderr).unwrap();
    assert_eq!(started.status.code(), Some(1), "{text}");
    for part in [
        "Error: failed to create TLS configuration",
        "/nowhere/tls.crt: No such file",
        "\nhint: ",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}
