//! Events of built-in controllers: core/v1 Events as client-go's recorder writes them. A repeated one counts up.
//!
//! Mirrors `k8s.io/client-go/tools/record`, without its aggregation of events that differ only in their message.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::object::{self, text};
use super::write::Write;
use crate::apiserver::resource::known;
use crate::session::Session;

/// How many events a recorder remembers in order to count repetitions.
const REMEMBERED: usize = 4096;

/// An event to record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    /// The object the event is about, as far as events tell of it.
    pub(crate) about: Value,
    /// Whether it is a `Warning`; `Normal` otherwise.
    pub(crate) warning: bool,
    /// Reason, one word.
    pub(crate) reason: String,
    /// Message for people.
    pub(crate) message: String,
}

impl Note {
    /// An event of type `Normal`.
    pub(crate) fn normal(about: &Value, reason: &str, message: String) -> Write {
        Write::Event(Self {
            about: reference(about),
            warning: false,
            reason: reason.to_owned(),
            message,
        })
    }

    /// An event of type `Warning`.
    pub(crate) fn warning(about: &Value, reason: &str, message: String) -> Write {
        Write::Event(Self {
            about: reference(about),
            warning: true,
            reason: reason.to_owned(),
            message,
        })
    }

    fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}

/// Kind and metadata of an object that tell it from others; all of a pod would be much to copy.
fn reference(object: &Value) -> Value {
    let of = |key: &str| {
        object
            .get("metadata")
            .and_then(|metadata| metadata.get(key))
    };
    let keys = ["namespace", "name", "uid", "resourceVersion"];
    let metadata: Map<String, Value> = keys
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), of(key)?.clone())))
        .collect();
    json!({
        "apiVersion": text(object, "/apiVersion"), "kind": text(object, "/kind"), "metadata": metadata,
    })
}

/// What makes two events the same one: uid, type, reason, message.
type Key = (String, &'static str, String, String);

fn key(note: &Note) -> Key {
    (
        object::uid(&note.about).to_owned(),
        note.kind(),
        note.reason.clone(),
        note.message.clone(),
    )
}

/// Records the events of one component.
#[derive(Debug)]
pub(crate) struct Recorder {
    component: &'static str,
    seen: BTreeMap<Key, (String, String, i64)>,
    last_number: i128,
}

impl Recorder {
    /// A recorder for a component, such as `replicaset-controller`.
    pub(crate) fn new(component: &'static str) -> Self {
        Self {
            component,
            seen: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// Writes the event, or counts up the one already there. A failure is of no consequence, as with upstream.
    pub(crate) fn record(&mut self, session: &mut Session<'_>, note: &Note) {
        let key = key(note);
        if let Some((namespace, name, count)) = self.seen.get_mut(&key) {
            let body = json!({"count": *count + 1, "lastTimestamp": object::stamp(session.now())});
            if session
                .patch_merge(&known::EVENTS, namespace, name, "", &body)
                .is_ok()
            {
                *count += 1;
                return;
            }
        }
        let event = self.event(session, note);
        if let Ok(stored) = session.create(&known::EVENTS, event) {
            if self.seen.len() >= REMEMBERED {
                self.seen.clear();
            }
            self.seen.insert(
                key,
                (
                    object::namespace(&stored).to_owned(),
                    object::name(&stored).to_owned(),
                    1,
                ),
            );
        }
    }

    /// Writes the event unless it was recorded before.
    pub(crate) fn record_once(&mut self, session: &mut Session<'_>, note: &Note) {
        if !self.seen.contains_key(&key(note)) {
            self.record(session, note);
        }
    }

    /// `OBJECT.HEX` with the time in nanoseconds; several events of one moment count on from it.
    fn unused_name(&mut self, session: &Session<'_>, namespace: &str, about: &str) -> String {
        self.last_number = session.now().as_nanosecond().max(self.last_number + 1);
        loop {
            let name = format!("{about}.{:016x}", self.last_number);
            if session.get(&known::EVENTS, namespace, &name).is_none() {
                return name;
            }
            self.last_number += 1;
        }
    }

    fn event(&mut self, session: &Session<'_>, note: &Note) -> Value {
        let about = &note.about;
        let namespace = match object::namespace(about) {
            "" => "default",
            namespace => namespace,
        };
        let mut involved = json!({
            "apiVersion": text(about, "/apiVersion"), "kind": text(about, "/kind"), "name": object::name(about), "uid": object::uid(about),
            "resourceVersion": text(about, "/metadata/resourceVersion"),
        });
        if !object::namespace(about).is_empty() {
            object::set(&mut involved, &["namespace"], json!(namespace));
        }
        let name = self.unused_name(session, namespace, object::name(about));
        let now = object::stamp(session.now());
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved, "reason": note.reason.clone(), "message": note.message, "type": note.kind(), "count": 1,
            "source": {"component": self.component}, "reportingComponent": self.component, "reportingInstance": "",
            "firstTimestamp": now, "lastTimestamp": now,
        })
    }
}
