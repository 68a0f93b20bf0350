//! The webhooks, served by the program that is called `admission-webhook`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api::runtime;
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
    started(Command::new(link).args(["-web.enable-tls=false", "--web.listen-address=127.0.0.1:0"]))
}

/// Starts a command that serves webhooks, and waits until it says where it listens.
fn started(command: &mut Command) -> (Running, String) {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
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

/// What an object holds in base64.
fn held(object: &Value, at: &str) -> Vec<u8> {
    let text = object.pointer(at).and_then(Value::as_str);
    STANDARD.decode(text.unwrap()).unwrap()
}

/// The certificate of a PEM text.
fn certificate(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

#[test]
fn what_is_installed_proves_to_the_api_server_who_it_is() {
    let args = ["install", "monitoring", "--webhooks", "-n", "team"];
    let printed = Command::new(PROGRAM).args(args).output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let objects = machinery::yaml::parse_documents(&text).unwrap();
    let named = |kind: &str, name: &str| {
        let mut found = objects.iter().filter(|object| {
            machinery::meta::kind(object) == kind && machinery::meta::name(object) == name
        });
        found.next().unwrap()
    };
    let folder = Folder::new("installed-webhooks");
    let secret = named("Secret", "admission-webhook-certs");
    for file in ["tls.crt", "tls.key"] {
        let content = held(secret, &format!("/data/{file}"));
        std::fs::write(folder.join(file), content).unwrap();
    }
    let name = "prometheus-operator-admission-webhook";
    let container = &named("Deployment", name)["spec"]["template"]["spec"]["containers"][0];
    let words = |field: &str| {
        let words = container[field].as_array().unwrap().iter();
        let words = words.map(|word| word.as_str().unwrap().to_owned());
        words.collect::<Vec<String>>()
    };
    let command = words("command");
    assert_eq!(command[0], "carrick");
    let own = folder.0.display().to_string();
    let args = words("args").into_iter();
    let args = args.map(|word| word.replace("/etc/tls/private", &own));
    let (_running, address) = started(
        Command::new(PROGRAM)
            .args(&command[1..])
            .args(args)
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    let called = named(
        "ValidatingWebhookConfiguration",
        "prometheus-operator-rulesvalidation",
    );
    let health = async |namespace: &str, authority: Vec<u8>| {
        let mut config = kube::Config::new(format!("https://{address}").parse().unwrap());
        config.root_cert = Some(vec![authority]);
        config.tls_server_name = Some(format!("{name}.{namespace}.svc"));
        let client = kube::Client::try_from(config).unwrap();
        let request = http::Request::get("/healthz").body(Vec::new());
        client.request_text(request.unwrap()).await
    };
    runtime().block_on(async {
        let bundle = held(called, "/webhooks/0/clientConfig/caBundle");
        let authority = certificate(&bundle);
        let answer = health("team", authority.clone()).await.unwrap();
        assert_eq!(answer, r#"{"status":"up"}"#);
        assert!(
            health("other", authority).await.is_err(),
            "it goes for any name"
        );
        let own = certificate(&held(secret, "/data/tls.crt"));
        assert!(health("team", own).await.is_err(), "nobody signed it");
    });
}
