//! A webhook that servers ask: it answers as a sequence tells it to, and tells what it was asked.
//!
//! It listens at `${hook}` (a certificate for it is `${ca}`); below that, the first part of a path is the sequence's namespace.
//! Steps whose target begins with [`SCHEME`] go to it instead of a server:
//!
//! | step | what it does |
//! |---|---|
//! | `PUT webhook:/NAMESPACE/NAME` | from now on that path answers as the body says, a [`Saying`] |
//! | `GET webhook:/NAMESPACE` | what was asked below it since the last time |
//! | `DELETE webhook:/NAMESPACE` | that is forgotten: how often a probe was asked about is chance |
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::ground::Reply;
use super::sequence::Step;

/// How targets of steps begin that are for the webhook.
pub const SCHEME: &str = "webhook:/";

/// Longer than the webhooks that are told to be slow may take.
const SLOW: Duration = Duration::from_secs(3);

/// What a webhook says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saying {
    /// HTTP status.
    pub status: u16,
    /// The body. `$UID` and `$VERSION` are the review's, `$OBJECTS` those of a conversion in the version they are wanted in.
    pub body: String,
    /// How it comes.
    #[serde(default)]
    pub manner: Manner,
    /// Values put into each of `$OBJECTS`, by pointers to where they go.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Value>,
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manner {
    /// At once.
    #[default]
    Prompt,
    /// When nobody waits for it any more.
    Slow,
    /// Not at all: the connection ends.
    Closed,
}

impl Saying {
    /// This body.
    pub fn body(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            manner: Manner::Prompt,
            changed: BTreeMap::new(),
        }
    }

    /// A review with these fields in its response.
    pub fn review(fields: &Value) -> Self {
        let mut response = json!({"uid": "$UID"});
        for (key, value) in fields.as_object().into_iter().flatten() {
            response[key] = value.clone();
        }
        let review =
            json!({"kind": "AdmissionReview", "apiVersion": "$VERSION", "response": response});
        Self::body(review.to_string())
    }
}

#[derive(Default)]
struct State {
    sayings: BTreeMap<String, Saying>,
    asked: BTreeMap<String, Vec<Value>>,
}

/// The webhook of one ground. Clones are the same one; it listens as long as the runtime does.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    certificate: String,
    state: Arc<Mutex<State>>,
}

impl Webhook {
    /// Listens at a free port of this machine.
    ///
    /// # Errors
    /// If there is no port, or no certificate can be made.
    pub fn start() -> Result<Self> {
        let key = rcgen::KeyPair::generate()?;
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let certificate = params.self_signed(&key)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let webhook = Self {
            url: format!("https://{}", listener.local_addr()?),
            certificate: STANDARD.encode(certificate.pem()),
            state: Arc::default(),
        };
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(webhook.clone().serve(listener, acceptor));
        Ok(webhook)
    }

    /// Where it is for a sequence.
    pub fn url(&self, namespace: &str) -> String {
        format!("{}/{namespace}", self.url)
    }

    /// What vouches for it, as a `caBundle`.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Does what a step says.
    pub fn told(&self, step: &Step) -> Reply {
        let path = step.target.strip_prefix(SCHEME).unwrap_or_default();
        let done = match step.method.as_str() {
            "PUT" => self.say(path, &step.body).map(|()| json!({})),
            "DELETE" => {
                self.heard(path);
                Ok(json!({}))
            }
            _ => Ok(self.heard(path)),
        };
        match done {
            Ok(body) => Reply {
                status: 200,
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            },
            Err(error) => Reply {
                status: 0,
                headers: Vec::new(),
                body: format!("{error:#}").into_bytes(),
            },
        }
    }

    fn say(&self, path: &str, body: &str) -> Result<()> {
        let saying = serde_json::from_str(body).context("what the webhook is to say")?;
        self.lock().sayings.insert(path.to_owned(), saying);
        Ok(())
    }

    /// What was asked. Validating webhooks are asked at the same time: those next to each other are in an order of their own.
    fn heard(&self, namespace: &str) -> Value {
        let asked = self.lock().asked.remove(namespace).unwrap_or_default();
        let mut asked = without_repeats(asked);
        let validates = |one: &Value| {
            one["webhook"]
                .as_str()
                .is_some_and(|name| name.starts_with('v'))
        };
        for run in asked.chunk_by_mut(|a, b| validates(a) && validates(b)) {
            run.sort_by_key(|one| {
                let request = &one["review"]["request"];
                let of = |object: &str| request[object]["metadata"]["name"].to_string();
                let name = [request["name"].to_string(), of("object"), of("oldObject")];
                (name, one["webhook"].to_string())
            });
        }
        json!({ "asked": asked })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, listener: tokio::net::TcpListener, acceptor: TlsAcceptor) {
        while let Ok((stream, _)) = listener.accept().await {
            let (webhook, acceptor) = (self.clone(), acceptor.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(|request| webhook.answer(request));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                // A client that hangs up has what it wanted.
                let _ = serving.await;
            });
        }
    }

    async fn answer(
        &self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Full<Bytes>>> {
        let uri = request.uri().clone();
        let body = request.into_body().collect().await?.to_bytes();
        let asked: Value = serde_json::from_slice(&body)?;
        let path = uri.path().trim_start_matches('/');
        let saying = self.asked(path, uri.query().unwrap_or_default(), &asked);
        match saying.manner {
            Manner::Prompt => {}
            Manner::Slow => tokio::time::sleep(SLOW).await,
            Manner::Closed => anyhow::bail!("closed"),
        }
        let response = http::Response::builder()
            .status(saying.status)
            .header("content-type", "application/json");
        Ok(response.body(Full::new(Bytes::from(said(&saying, &asked))))?)
    }

    /// Remembers a question; tells what is to be said. A server that is hung up on may ask again, so that isn't counted.
    fn asked(&self, path: &str, query: &str, asked: &Value) -> Saying {
        let mut state = self.lock();
        let saying = state.sayings.get(path).cloned();
        let saying = saying.unwrap_or_else(|| Saying::review(&json!({"allowed": true})));
        if saying.manner != Manner::Closed
            && let Some((namespace, name)) = path.split_once('/')
        {
            let entry = json!({"webhook": name, "query": query, "review": asked});
            let all = state.asked.entry(namespace.to_owned()).or_default();
            all.push(entry);
        }
        saying
    }
}

/// A pod that goes at once is marked first, and whether its end is then tried with what a real server's cache still holds is
/// chance: it asks about that again, and once more about the marked pod.
fn without_repeats(asked: Vec<Value>) -> Vec<Value> {
    let ends_a_pod = |one: &Value| {
        let request = &one["review"]["request"];
        request["operation"] == "DELETE" && request["resource"]["resource"] == "pods"
    };
    let mut kept: Vec<Value> = Vec::new();
    let mut known = BTreeSet::new();
    for one in asked {
        if ends_a_pod(&one) {
            let mut alike = one.clone();
            alike["review"]["request"]["uid"] = Value::Null;
            if !known.insert(alike.to_string()) {
                continue;
            }
        }
        kept.push(one);
    }
    kept
}

/// What is said about a review.
fn said(saying: &Saying, asked: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let request = &asked["request"];
    let mut objects = request["objects"].as_array().cloned().unwrap_or_default();
    for object in &mut objects {
        object["apiVersion"] = request["desiredAPIVersion"].clone();
        for (pointer, value) in &saying.changed {
            put(object, pointer, value);
        }
    }
    saying
        .body
        .replace("$UID", &text(&request["uid"]))
        .replace("$VERSION", &text(&asked["apiVersion"]))
        .replace("\"$OBJECTS\"", &Value::from(objects).to_string())
}

/// Puts a value where a pointer says; what is on the way there is made.
fn put(object: &mut Value, pointer: &str, value: &Value) {
    let mut place = object;
    for part in pointer.split('/').skip(1) {
        place = &mut place[part];
    }
    *place = value.clone();
}

#[test]
fn a_question_about_the_end_of_a_pod_is_heard_once() {
    let asked = |uid: &str, operation: &str, version: u64| {
        let object = json!({"metadata": {"resourceVersion": version.to_string()}});
        json!({"webhook": "v", "review": {"request": {"uid": uid, "operation": operation,
            "resource": {"resource": "pods"}, "oldObject": object}}})
    };
    let repeated = [("a", 1), ("b", 1), ("c", 2)].map(|(uid, at)| asked(uid, "DELETE", at));
    let [first, _, last] = &repeated;
    assert_eq!(
        without_repeats(repeated.to_vec()),
        [first.clone(), last.clone()]
    );
    let updates = ["a", "b"].map(|uid| asked(uid, "UPDATE", 1));
    assert_eq!(without_repeats(updates.to_vec()), updates);
}

#[test]
fn what_is_said_is_about_what_was_asked() {
    let asked = json!({"apiVersion": "v", "request": {"uid": "u", "desiredAPIVersion": "g/v2",
        "objects": [{"apiVersion": "g/v1", "metadata": {"name": "a"}}]}});
    let mut saying = Saying::body(r#"["$UID","$VERSION","$OBJECTS"]"#);
    saying
        .changed
        .insert("/metadata/labels/b".to_owned(), json!("c"));
    assert_eq!(
        said(&saying, &asked),
        r#"["u","v",[{"apiVersion":"g/v2","metadata":{"labels":{"b":"c"},"name":"a"}}]]"#
    );
}
