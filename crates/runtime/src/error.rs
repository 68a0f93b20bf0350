//! What can go wrong between a controller and the API server, and what to do about it.

use std::time::Duration;

use serde_json::Value;

/// How a failed pass is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Trying again cannot help until the object changes.
    Terminal,
    /// Try again with the object's backoff.
    Retry,
    /// Try again after this long.
    Wait(Duration),
}

/// The `Status` that an API server answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiStatus {
    /// HTTP status code.
    pub code: u16,
    /// `reason`, such as `NotFound` or `Conflict`.
    pub reason: String,
    /// `message` as the server wrote it.
    pub message: String,
    /// `details.retryAfterSeconds`, or the `Retry-After` header.
    pub retry_after: Option<Duration>,
}

impl ApiStatus {
    /// Reads a failure body; a body that is no `Status` becomes the message.
    pub fn parse(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let message = String::from_utf8_lossy(body).trim().to_owned();
            return Self {
                code,
                reason: String::new(),
                message,
                retry_after,
            };
        };
        let text = |field: &str| {
            value
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let in_details = value
            .get("details")
            .and_then(|details| details.get("retryAfterSeconds"))
            .and_then(Value::as_u64)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs);
        Self {
            code,
            reason: text("reason"),
            message: text("message"),
            retry_after: retry_after.or(in_details),
        }
    }
}

/// Failure of a read, a write or a pass.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a failure; its message is the text, as client-go prints it.
    #[error("{}", .0.message)]
    Api(ApiStatus),
    /// No answer was received: the request may or may not have been carried out.
    #[error("{0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An answer or a stored object could not be read.
    #[error("decoding {what}: {source}")]
    Decode {
        /// What was being read.
        what: String,
        /// Why it failed.
        #[source]
        source: serde_json::Error,
    },
    /// A request could not be built.
    #[error("building a request: {0}")]
    Request(#[from] http::Error),
    /// The address of health or metrics can't be listened on.
    #[error(
        "cannot listen on {address}: {error}\nhint: another program may have the port; choose another one"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        error: std::io::Error,
    },
    /// The kubeconfig or in-cluster configuration is unusable.
    #[error("client configuration: {0}")]
    Config(String),
    /// A controller's own failure, with its class.
    #[error("{message}")]
    Other {
        /// What happened.
        message: String,
        /// What to do about it.
        class: Class,
    },
}

impl Error {
    /// A controller's own failure that is worth trying again.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            class: Class::Retry,
        }
    }

    /// A controller's own failure that only a change of the object can cure.
    pub fn terminal(message: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            class: Class::Terminal,
        }
    }

    /// The server's status, if the server answered.
    pub fn status(&self) -> Option<&ApiStatus> {
        match self {
            Self::Api(status) => Some(status),
            Self::Transport(_)
            | Self::Decode { .. }
            | Self::Request(_)
            | Self::Config(_)
            | Self::Listen { .. }
            | Self::Other { .. } => None,
        }
    }

    /// Whether the server answered with this code and reason.
    fn is(&self, code: u16, reason: &str) -> bool {
        self.status().is_some_and(|status| {
            status.code == code && (status.reason.is_empty() || status.reason == reason)
        })
    }

    /// The object, or its collection, does not exist.
    pub fn is_not_found(&self) -> bool {
        self.is(404, "NotFound")
    }

    /// An optimistic lock or precondition failed.
    pub fn is_conflict(&self) -> bool {
        self.is(409, "Conflict")
    }

    /// A create found an object of that name.
    pub fn is_already_exists(&self) -> bool {
        self.is(409, "AlreadyExists")
    }

    /// The caller has no right to ask this.
    pub fn is_forbidden(&self) -> bool {
        self.is(403, "Forbidden")
    }

    /// The resource version asked for is no longer kept.
    pub fn is_gone(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }

    /// Reason of the server's status, or a word for the other cases; usable as a metric label.
    pub fn reason(&self) -> &str {
        match self {
            Self::Api(status) => &status.reason,
            Self::Transport(_) => "Transport",
            Self::Decode { .. } => "Decode",
            Self::Request(_) => "Request",
            Self::Config(_) => "Config",
            Self::Listen { .. } => "Listen",
            Self::Other { .. } => "Other",
        }
    }

    /// What to do about it. A conflict is retried: the next pass reads a newer world.
    pub fn class(&self) -> Class {
        match self {
            Self::Api(status) => match status.retry_after {
                Some(delay) => Class::Wait(delay),
                None => Class::Retry,
            },
            Self::Transport(_) | Self::Decode { .. } => Class::Retry,
            Self::Request(_) | Self::Config(_) | Self::Listen { .. } => Class::Terminal,
            Self::Other { class, .. } => *class,
        }
    }
}
