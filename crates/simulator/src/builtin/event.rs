//! Events of built-in controllers: core/v1 Events as client-go's recorder writes them, where a repeated one counts up. Those that say
//! what was being done, which are the scheduler's, go the newer way.
//!
//! Mirrors `k8s.io/client-go/tools/record`, without its aggregation of events that differ only in their message.

mod series;

use std::collections::BTreeMap;

use jiff::Timestamp;
use machinery::names;
use serde_json::{Map, Value, json};

use self::series::Broadcaster;
use super::object::{self, text};
use super::write::{Write, is_not_found};
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
    /// What was being done, one word. With one the event is written through events.k8s.io/v1; `""` for the older way.
    pub(crate) action: &'static str,
    /// Who writes it, where that isn't the component of the recorder.
    pub(crate) component: Option<&'static str>,
    /// The node it comes from; `""` for those of the control plane.
    host: String,
    /// The part of the object that it is about, as `spec.containers{web}`; `""` for the whole.
    part: String,
}

impl Note {
    /// An event, of type `Warning` or `Normal`.
    pub(crate) fn new(about: &Value, warning: bool, reason: &str, message: String) -> Self {
        Self {
            about: reference(about),
            warning,
            reason: reason.to_owned(),
            message,
            action: "",
            component: None,
            host: String::new(),
            part: String::new(),
        }
    }

    /// The event as one of the kubelet of a pod's node, about one of its containers or, with `""`, about all of it.
    pub(crate) fn of_kubelet(self, pod: &Value, container: &str) -> Self {
        let lists = ["initContainers", "ephemeralContainers", "containers"];
        let holds = |list: &&str| {
            let containers = object::items(pod, &format!("/spec/{list}"));
            containers.iter().any(|c| text(c, "/name") == container)
        };
        let list = lists.into_iter().find(holds);
        Self {
            host: text(pod, "/spec/nodeName").to_owned(),
            part: list.map_or_else(String::new, |list| format!("spec.{list}{{{container}}}")),
            ..self
        }
    }

    /// An event of type `Normal`.
    pub(crate) fn normal(about: &Value, reason: &str, message: String) -> Write {
        Write::Event(Self::new(about, false, reason, message))
    }

    /// An event of type `Warning`.
    pub(crate) fn warning(about: &Value, reason: &str, message: String) -> Write {
        Write::Event(Self::new(about, true, reason, message))
    }

    /// The event as one of another component than the recorder's.
    pub(crate) fn of(self, component: &'static str) -> Self {
        Self {
            component: Some(component),
            ..self
        }
    }

    /// The event with what was being done.
    pub(crate) fn doing(self, action: &'static str) -> Self {
        Self { action, ..self }
    }

    fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }

    /// The namespace of the event: its object's, or `default`.
    fn namespace(&self) -> &str {
        match object::namespace(&self.about) {
            "" => "default",
            namespace => namespace,
        }
    }

    /// The reference to the object, without what isn't known of it.
    fn involved(&self) -> Value {
        let about = &self.about;
        let fields = [
            ("apiVersion", text(about, "/apiVersion")),
            ("kind", text(about, "/kind")),
            ("namespace", object::namespace(about)),
            ("name", object::name(about)),
            ("uid", object::uid(about)),
            ("resourceVersion", text(about, "/metadata/resourceVersion")),
            ("fieldPath", &self.part),
        ];
        let known = fields.into_iter().filter(|(_, text)| !text.is_empty());
        known
            .map(|(key, text)| (key.to_owned(), json!(text)))
            .collect::<Map<String, Value>>()
            .into()
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

/// What makes two events the same one: uid, part, type, reason, message.
type Key = (String, String, &'static str, String, String);

fn key(note: &Note) -> Key {
    (
        object::uid(&note.about).to_owned(),
        note.part.clone(),
        note.kind(),
        note.reason.clone(),
        note.message.clone(),
    )
}

/// An event that was recorded.
#[derive(Debug, Clone)]
struct Seen {
    namespace: String,
    name: String,
    count: i64,
    first: Value,
}

/// Records the events of one component.
#[derive(Debug)]
pub(crate) struct Recorder {
    component: &'static str,
    seen: BTreeMap<Key, Seen>,
    last_number: i128,
    broadcaster: Broadcaster,
}

impl Recorder {
    /// A recorder for a component, such as `replicaset-controller`.
    pub(crate) fn new(component: &'static str) -> Self {
        Self {
            component,
            seen: BTreeMap::new(),
            last_number: 0,
            broadcaster: Broadcaster::default(),
        }
    }

    /// Writes the event, or counts up the one already there. A failure is of no consequence, as with upstream.
    pub(crate) fn record(&mut self, session: &mut Session<'_>, note: &Note) {
        if !note.action.is_empty() {
            if !self.broadcaster.count(session, self.component, note) {
                let name = self.unused_name(session, note);
                self.broadcaster
                    .begin(session, (self.component, name), note);
            }
            return;
        }
        let key = key(note);
        let mut gone = None;
        if let Some(seen) = self.seen.get_mut(&key) {
            let body =
                json!({"count": seen.count + 1, "lastTimestamp": object::stamp(session.now())});
            match session.patch_merge(&known::EVENTS, &seen.namespace, &seen.name, "", &body) {
                Ok(_) => {
                    seen.count += 1;
                    return;
                }
                Err(error) if is_not_found(&error) => gone = Some(seen.clone()),
                Err(_) => {}
            }
        }
        let mut event = self.event(session, note);
        let mut count = 1;
        if let Some(seen) = gone {
            // Its time was over: it comes back as it would be now.
            count = seen.count + 1;
            object::set(&mut event, &["metadata", "name"], json!(seen.name));
            object::set(&mut event, &["count"], json!(count));
            object::set(&mut event, &["firstTimestamp"], seen.first);
        }
        if let Ok(stored) = session.create(&known::EVENTS, event) {
            if self.seen.len() >= REMEMBERED {
                self.seen.clear();
            }
            let seen = Seen {
                namespace: object::namespace(&stored).to_owned(),
                name: object::name(&stored).to_owned(),
                count,
                first: stored.get("firstTimestamp").cloned().unwrap_or_default(),
            };
            self.seen.insert(key, seen);
        }
    }

    /// Writes the event unless it was recorded before.
    pub(crate) fn record_once(&mut self, session: &mut Session<'_>, note: &Note) {
        if !self.seen.contains_key(&key(note)) {
            self.record(session, note);
        }
    }

    /// Writes what is only counted until some time has passed. Returns when to do so again.
    pub(crate) fn tend(&mut self, session: &mut Session<'_>) -> Option<Timestamp> {
        self.broadcaster.tend(session, self.component)
    }

    /// `OBJECT.HEX` with the time in nanoseconds, or a uid where that is no name (`GenerateEventName` of
    /// `tools/record/util/util.go`); several events of one moment count on from it.
    fn unused_name(&mut self, session: &mut Session<'_>, note: &Note) -> String {
        let (namespace, about) = (note.namespace(), object::name(&note.about));
        self.last_number = session.now().as_nanosecond().max(self.last_number + 1);
        loop {
            let name = format!("{about}.{:x}", self.last_number);
            if !names::dns1123_subdomain(&name).is_empty() {
                return session.entropy().uid();
            }
            if session.get(&known::EVENTS, namespace, &name).is_none() {
                return name;
            }
            self.last_number += 1;
        }
    }

    fn event(&mut self, session: &mut Session<'_>, note: &Note) -> Value {
        let name = self.unused_name(session, note);
        let component = note.component.unwrap_or(self.component);
        let now = object::stamp(session.now());
        let mut source = json!({"component": component});
        if !note.host.is_empty() {
            object::set(&mut source, &["host"], json!(note.host));
        }
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": note.namespace()},
            "involvedObject": note.involved(), "reason": note.reason.clone(), "message": note.message, "type": note.kind(), "count": 1,
            "source": source, "reportingComponent": component, "reportingInstance": note.host,
            "firstTimestamp": now, "lastTimestamp": now,
        })
    }
}
