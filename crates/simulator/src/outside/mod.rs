//! Answers from outside: what an admission or conversion webhook says. The server never calls anybody itself. A run that
//! needs an answer commits nothing and returns its questions as data; whoever drives the server asks and has the same
//! request handled again, with the answers so far. The repeated run starts from the newest objects, as upstream's
//! compare-and-swap loop does, and draws the same uids and generated names.

mod go;
mod pending;
pub mod services;
pub(crate) mod waiting;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

pub use go::GoDuration;
pub use pending::Pending;
pub(crate) use pending::{Answered, Asking};

/// Where a question goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An absolute `https` URL.
    Url(String),
    /// A Service of the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Path of the URL, with its leading slash; may be empty.
        path: String,
        /// Its port.
        port: u16,
    },
}

/// Why nothing came back in time.
pub(crate) const TIMED_OUT: &str = "context deadline exceeded";

/// Certificates that a `clientConfig` trusts, PEM.
pub(crate) fn ca_bundle(client: &Value) -> Bytes {
    let text = client.get("caBundle").and_then(Value::as_str);
    Bytes::from(
        STANDARD
            .decode(text.unwrap_or_default())
            .unwrap_or_default(),
    )
}

impl Place {
    /// Where a `clientConfig` points.
    pub(crate) fn of(client: &Value) -> Self {
        let text = |pointer: &str| {
            let found = client.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let url = text("/url");
        if !url.is_empty() {
            return Self::Url(url);
        }
        let port = client.pointer("/service/port").and_then(Value::as_u64);
        Self::Service {
            namespace: text("/service/namespace"),
            name: text("/service/name"),
            path: text("/service/path"),
            port: port
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(443),
        }
    }

    /// Namespace, name and port of the Service; `None` for a URL.
    pub(crate) fn service(&self) -> Option<(&str, &str, u16)> {
        match self {
            Self::Url(_) => None,
            Self::Service {
                namespace,
                name,
                port,
                ..
            } => Some((namespace, name, *port)),
        }
    }
}

/// A question: a POST of a JSON body, and who is to be trusted to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What makes two questions the same one: who asks, where, and the body without the review's uid.
    subject: String,
    /// The review's uid, which the answer must repeat.
    pub uid: String,
    /// Where it goes.
    pub place: Place,
    /// PEM certificates of the authorities that may vouch for the other side; empty for those of the system.
    pub ca_bundle: Bytes,
    /// How long to wait, at most.
    pub timeout: Duration,
    /// The review, the uid in it.
    pub body: Value,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP response.
    Reply {
        /// Its status code.
        status: u16,
        /// Its body.
        body: Bytes,
    },
    /// Nothing, and why, in the words of Go's HTTP client after `Post "URL": `.
    Failed(String),
    /// The same of another URL, to which the first one had sent the request on.
    FailedElsewhere {
        /// The URL.
        url: String,
        /// Why.
        text: String,
    },
    /// An HTTP response whose body can't be read, and why, in Go's words.
    Unreadable(String),
}

impl Place {
    /// The URL without a query, as kube-apiserver makes it.
    pub fn url(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Service {
                namespace,
                name,
                path,
                port,
            } => format!("https://{name}.{namespace}.svc:{port}{path}"),
        }
    }
}

impl Question {
    /// The URL with the timeout as its query.
    pub fn url(&self) -> String {
        Self::url_of(&self.place, self.timeout)
    }

    /// The URL of a question.
    pub(crate) fn url_of(place: &Place, timeout: Duration) -> String {
        let url = place.url();
        let mark = if url.contains('?') { '&' } else { '?' };
        let path = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let slash = if path.contains('/') { "" } else { "/" };
        format!("{url}{slash}{mark}timeout={}", GoDuration(timeout))
    }

    /// What makes two questions the same one.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_services_as_the_cluster_does_and_carry_the_timeout() {
        let question = |place: Place, seconds: u64| Question {
            subject: String::new(),
            uid: String::new(),
            place,
            ca_bundle: Bytes::new(),
            timeout: Duration::from_secs(seconds),
            body: Value::Null,
        };
        let service = Place::Service {
            namespace: "n".to_owned(),
            name: "s".to_owned(),
            path: "/p".to_owned(),
            port: 443,
        };
        assert_eq!(
            question(service, 10).url(),
            "https://s.n.svc:443/p?timeout=10s"
        );
        let url = |text: &str| Place::Url(text.to_owned());
        assert_eq!(
            question(url("https://a.b/c?d=e"), 1).url(),
            "https://a.b/c?d=e&timeout=1s"
        );
        assert_eq!(
            question(url("https://a.b"), 30).url(),
            "https://a.b/?timeout=30s"
        );
    }
}
