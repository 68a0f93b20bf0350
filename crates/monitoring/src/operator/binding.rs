//! One entry of the `status.bindings` of an object, and the condition in it, as caches keep them: a tree of values of the same
//! takes five times as much, and there is one for every object that is selected.

use machinery::time::{Timestamp, rfc3339};
use runtime::ObjectKey;
use serde_json::{Value, json};

use crate::api::GROUP;

const KIND: &str = "Accepted";
const REFUSED: &str = "InvalidConfiguration";

/// The workload as entries name it.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// The plural of its kind.
    pub resource: &'a str,
    /// Which.
    pub key: &'a ObjectKey,
}

/// What an object says of one workload that uses it. Texts are empty where the object has none, or something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    group: Box<str>,
    resource: Box<str>,
    namespace: Box<str>,
    name: Box<str>,
    accepted: Option<Box<Accepted>>,
}

/// The first condition of an entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    kind: Option<Box<str>>,
    status: Option<Box<str>>,
    reason: Option<Box<str>>,
    message: Option<Box<str>>,
    observed_generation: Option<i64>,
    since: Option<Box<str>>,
}

impl From<&Value> for Binding {
    fn from(value: &Value) -> Self {
        let text = |field: &str| text(value, field).unwrap_or_default();
        let first = value.pointer("/conditions/0");
        Self {
            group: text("group"),
            resource: text("resource"),
            namespace: text("namespace"),
            name: text("name"),
            accepted: first.map(|first| Box::new(Accepted::from(first))),
        }
    }
}

impl From<&Value> for Accepted {
    fn from(value: &Value) -> Self {
        Self {
            kind: text(value, "type"),
            status: text(value, "status"),
            reason: text(value, "reason"),
            message: text(value, "message"),
            observed_generation: value.get("observedGeneration").and_then(Value::as_i64),
            since: text(value, "lastTransitionTime"),
        }
    }
}

fn text(value: &Value, field: &str) -> Option<Box<str>> {
    value.get(field)?.as_str().map(Box::from)
}

impl Binding {
    /// The entries of an object's status.
    pub fn all(object: &Value) -> Box<[Self]> {
        let entries = object.pointer("/status/bindings").and_then(Value::as_array);
        entries.into_iter().flatten().map(Self::from).collect()
    }

    /// Whether it is of any workload of this resource.
    fn is_one(&self, resource: &str) -> bool {
        *self.group == *GROUP && *self.resource == *resource
    }

    /// The workload, if it is one of this resource.
    pub fn user(&self, resource: &str) -> Option<ObjectKey> {
        let is_one = self.is_one(resource);
        is_one.then(|| ObjectKey::new(&*self.namespace, &*self.name))
    }

    /// Whether it is of this workload.
    pub fn is_of(&self, user: User<'_>) -> bool {
        self.is_one(user.resource)
            && *self.namespace == *user.key.namespace
            && *self.name == *user.key.name
    }

    /// The first condition.
    pub fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_deref()
    }

    /// The text by which an index finds the object that it stands in.
    pub fn index_key(&self) -> String {
        index_key(&self.resource, &self.namespace, &self.name)
    }
}

impl User<'_> {
    /// The text by which an index finds objects that name the workload.
    pub fn index_key(self) -> String {
        index_key(self.resource, &self.key.namespace, &self.key.name)
    }
}

fn index_key(resource: &str, namespace: &str, name: &str) -> String {
    format!("{resource}/{namespace}/{name}")
}

impl Accepted {
    /// Whether it says this already, of this generation.
    fn says(&self, status: &str, refused: Option<&str>, generation: i64) -> bool {
        let reason = refused.map(|_| REFUSED);
        self.kind.as_deref() == Some(KIND)
            && self.status.as_deref() == Some(status)
            && self.reason.as_deref() == reason
            && self.message.as_deref() == refused
            && self.observed_generation == Some(generation)
    }
}

/// The condition `Accepted`, if it says something else than before.
pub fn condition(
    before: Option<&Accepted>,
    generation: i64,
    refused: Option<&str>,
    now: Timestamp,
) -> Option<Value> {
    let status = if refused.is_none() { "True" } else { "False" };
    if before.is_some_and(|before| before.says(status, refused, generation)) {
        return None;
    }
    let before = before.filter(|before| before.status.as_deref() == Some(status));
    let since = before.and_then(|before| before.since.as_deref());
    let mut condition = json!({
        "type": KIND,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": since.map_or_else(|| rfc3339(now), str::to_owned),
    });
    if let (Some(why), Some(fields)) = (refused, condition.as_object_mut()) {
        fields.insert("reason".to_owned(), json!(REFUSED));
        fields.insert("message".to_owned(), json!(why));
    }
    Some(condition)
}
