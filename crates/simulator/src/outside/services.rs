//! Webhooks as services in this process, known by their Service or by the host of their URL, and what can go wrong with them.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use machinery::time;
use serde_json::{Value, json};

use super::{Answer, Place, Question};

/// The answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Somebody outside who can be asked.
pub trait Outside: Send + Sync {
    /// Asks. `address` is where the Service of the question is, if it is one that exists.
    fn ask(&self, question: Question, address: Option<std::net::SocketAddr>) -> Answering;
}

/// A service in this process: gets the path and the review, answers with a review.
pub trait Service: Send + Sync {
    /// Answers one review.
    fn call(&self, path: String, review: Value) -> Pin<Box<dyn Future<Output = Value> + Send>>;
}

impl<F> Service for F
where
    F: Fn(&str, &Value) -> Value + Send + Sync,
{
    fn call(&self, path: String, review: Value) -> Pin<Box<dyn Future<Output = Value> + Send>> {
        Box::pin(std::future::ready(self(&path, &review)))
    }
}

/// What is wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens.
    Refuse,
    /// Nothing comes back.
    TimeOut,
    /// Everything is denied, with this text.
    Deny(String),
    /// The answer is to another review.
    WrongUid,
    /// Its certificate expired an hour ago.
    ExpiredCertificate,
}

#[derive(Clone)]
struct Registered {
    service: Arc<dyn Service>,
    trouble: Option<Trouble>,
}

/// The services of this process. Clones share them.
#[derive(Clone, Default)]
pub struct Services {
    known: Arc<Mutex<BTreeMap<String, Registered>>>,
}

/// `NAMESPACE/NAME` of a Service, or the host of a URL (with its port if it has one).
fn key(place: &Place) -> String {
    match place {
        Place::Service {
            namespace, name, ..
        } => format!("{namespace}/{name}"),
        Place::Url(url) => {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default().to_owned()
        }
    }
}

fn path(place: &Place) -> String {
    match place {
        Place::Service { path, .. } => path.clone(),
        Place::Url(url) => {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let path = rest.find('/').and_then(|start| rest.get(start..));
            let path = path.unwrap_or("/");
            path.split('?').next().unwrap_or_default().to_owned()
        }
    }
}

impl Services {
    /// Registers a service under `NAMESPACE/NAME` of its Service or the host of its URL.
    pub fn register(&self, name: impl Into<String>, service: impl Service + 'static) {
        let registered = Registered {
            service: Arc::new(service),
            trouble: None,
        };
        self.lock().insert(name.into(), registered);
    }

    /// Says what is wrong with a service from now on; `None` for nothing.
    pub fn set_trouble(&self, name: &str, trouble: Option<Trouble>) {
        if let Some(registered) = self.lock().get_mut(name) {
            registered.trouble = trouble;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Registered>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a service of this process; `None` if there is none for this question.
    pub fn ask(
        &self,
        question: &Question,
        address: Option<std::net::SocketAddr>,
        now: Timestamp,
    ) -> Option<Answering> {
        let found = self.lock().get(&key(&question.place)).cloned()?;
        let trouble = found.trouble;
        let answer = found
            .service
            .call(path(&question.place), question.body.clone());
        let uid = question.uid.clone();
        let failed =
            |text: String| -> Answering { Box::pin(std::future::ready(Answer::Failed(text))) };
        Some(match trouble {
            Some(Trouble::Refuse) => {
                let address = address
                    .map_or_else(|| "127.0.0.1:443".to_owned(), |address| address.to_string());
                failed(format!("dial tcp {address}: connect: connection refused"))
            }
            Some(Trouble::TimeOut) => Box::pin(std::future::pending()),
            Some(Trouble::ExpiredCertificate) => {
                let end = now
                    .checked_sub(SignedDuration::from_hours(1))
                    .unwrap_or(Timestamp::MIN);
                failed(format!(
                    "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time {} \
                     is after {}",
                    time::rfc3339(now),
                    time::rfc3339(end)
                ))
            }
            Some(Trouble::Deny(text)) => {
                let review = denial(&question.body, &uid, &text);
                Box::pin(std::future::ready(reply(&review)))
            }
            Some(Trouble::WrongUid) => Box::pin(async move {
                let mut review = answer.await;
                if let Some(response) = review.get_mut("response").and_then(Value::as_object_mut) {
                    response.insert("uid".to_owned(), json!("another"));
                }
                reply(&review)
            }),
            None => Box::pin(async move { reply(&answer.await) }),
        })
    }
}

/// A review that says no: to an admission, or to a conversion.
fn denial(asked: &Value, uid: &str, text: &str) -> Value {
    let response = if asked.get("kind") == Some(&json!("ConversionReview")) {
        json!({"uid": uid, "result": {"status": "Failure", "message": text}})
    } else {
        json!({"uid": uid, "allowed": false, "status": {"message": text}})
    };
    let field = |name: &str| asked.get(name).cloned().unwrap_or_default();
    json!({"kind": field("kind"), "apiVersion": field("apiVersion"), "response": response})
}

fn reply(review: &Value) -> Answer {
    Answer::Reply {
        status: 200,
        body: Bytes::from(review.to_string()),
    }
}

/// How a question ends that nobody knows an answer to.
pub(crate) fn nobody(question: &Question) -> Answer {
    let host = key(&question.place);
    let host = host
        .rsplit_once(':')
        .map_or(host.as_str(), |(host, _)| host);
    Answer::Failed(format!("dial tcp: lookup {host}: no such host"))
}
