//! Writes of the controllers as scenarios speak of them: "the second ReplicaSet", not "write 23".

use std::fmt;

use http::Method;
use serde_json::Value;

/// A write that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its body as JSON; null if it is none.
    pub body: Value,
}

impl Write {
    /// A write by its parts.
    pub fn new(method: &Method, path: &str, body: &[u8]) -> Self {
        Self {
            method: method.clone(),
            path: path.to_owned(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// Whether an object of a kind is created: `replicasets`.
    pub fn creates(&self, plural: &str) -> bool {
        self.method == Method::POST && self.path.ends_with(&format!("/{plural}"))
    }

    /// Whether an object is changed whose path ends so: `rollouts/web/status`, or holds it in between: `replicasets/`.
    pub fn changes(&self, path: &str) -> bool {
        let at = |path: &str| {
            if path.ends_with('/') {
                self.path.contains(path)
            } else {
                self.path.ends_with(path)
            }
        };
        [Method::PUT, Method::PATCH].contains(&self.method) && at(&format!("/{path}"))
    }

    /// Whether the body says something at a place, even if that is null.
    pub fn says(&self, pointer: &str) -> bool {
        self.body.pointer(pointer).is_some()
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A point in a story: right after the n-th write of a kind.
pub struct Moment {
    /// What was written, in words.
    pub name: &'static str,
    /// Which of them, from 1.
    pub nth: usize,
    /// Whether a write is one of them.
    pub is: fn(&Write) -> bool,
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
