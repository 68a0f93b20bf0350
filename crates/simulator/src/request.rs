//! Requests and replies of the API server as plain data.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;

use crate::apiserver::{Following, Forward, Listing};
use crate::outside::{Pending, Question};

/// Who sends a request, as authentication found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// User name, such as `admin` or `system:serviceaccount:NS:NAME`.
    pub name: String,
    /// Uid, or empty.
    pub uid: String,
    /// Groups; members of `system:masters` may do everything.
    pub groups: Vec<String>,
    /// What else authentication found out, such as the pod a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A member of `system:masters`.
    pub fn admin(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            groups: vec![
                "system:masters".to_owned(),
                "system:authenticated".to_owned(),
            ],
            ..Self::default()
        }
    }

    /// Who shows nothing at all.
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
            ..Self::default()
        }
    }

    /// The identity of a ServiceAccount.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
            ..Self::default()
        }
    }

    /// Whether the user passes every authorisation.
    pub fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }
}

/// One HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path, percent-decoded, without the query.
    pub path: String,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The authenticated user; `None` is answered with 401.
    pub user: Option<User>,
}

impl Request {
    /// Whether it writes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// The first value of a query parameter.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header as text; `None` if absent or not ASCII.
    pub fn header(&self, name: http::header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// One whole HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// Number of an open watch within one API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(pub u64);

/// What [`crate::apiserver::ApiServer::handle`] answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A whole response.
    Full(Response),
    /// A long list, which is written outside of the world: portion by portion, or as [`Listing::whole`].
    List(Box<Listing>),
    /// A watch began: send these headers with status 200, then what `watch_frames` yields.
    Watch {
        /// The watch to poll.
        id: WatchId,
        /// Response headers.
        headers: HeaderMap,
    },
    /// The log of a container: send these headers with status 200, then what `follow` yields.
    Log {
        /// Response headers.
        headers: HeaderMap,
        /// What to read on.
        following: Following,
    },
    /// Ports of a pod: answer 101, and forward them.
    Forward(Forward),
    /// The same request must be handled again at (or after) that time, such as a list at a future revision.
    /// `last` is the answer if nothing changed until then.
    Later {
        /// When `last` is due.
        at: Timestamp,
        /// The answer at that time.
        last: Response,
    },
    /// Nothing happened yet: answers from outside are needed first. Ask all of these at once, add the answers to
    /// `pending` and hand the same request to [`crate::apiserver::ApiServer::resume`].
    Ask {
        /// The questions.
        questions: Vec<Question>,
        /// What the request takes along.
        pending: Box<Pending>,
    },
}

/// What a watch has to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchPoll {
    /// Frames in order; each holds whole lines.
    pub frames: Vec<Bytes>,
    /// The stream ends after these frames.
    pub ended: bool,
    /// Poll again then, even if nothing changes (bookmark, deadline).
    pub wake: Option<Timestamp>,
    /// What has to be answered before there is more: ask all of these and hand the answers to
    /// [`crate::apiserver::ApiServer::watch_answered`].
    pub questions: Vec<Question>,
}
