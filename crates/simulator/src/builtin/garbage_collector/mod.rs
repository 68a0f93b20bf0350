//! The garbage collector: deletes what has lost its owners, and serves the finalizers `foregroundDeletion` and `orphan`.
//!
//! Mirrors `pkg/controller/garbagecollector`. The rules are in [`graph`]; here they are carried out.

mod graph;

use std::collections::{BTreeMap, BTreeSet};

use graph::{FOREGROUND, Graph, ORPHAN, Verdict};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Builtin;
use super::event::{Note, Recorder};
use super::object::{self, items, text};
use super::write::is_not_found;
use crate::apiserver::resource::{Resource, known};
use crate::session::{Change, DeleteOptions, Propagation, Session};
use crate::status_error::ApiError;

/// Milliseconds until a failed write is tried again.
const RETRY_AFTER: i64 = 1000;

/// The garbage collector.
pub(crate) struct GarbageCollector {
    graph: Graph,
    due: BTreeMap<String, Timestamp>,
    recorder: Recorder,
    started: bool,
}

impl GarbageCollector {
    /// A collector that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            graph: Graph::default(),
            due: BTreeMap::new(),
            recorder: Recorder::new(NAME),
            started: false,
        }
    }

    fn note(&mut self, affected: BTreeSet<String>, now: Timestamp) {
        self.due.extend(affected.into_iter().map(|uid| (uid, now)));
    }

    fn observe(
        &mut self,
        resource: &Resource,
        before: Option<&Value>,
        after: Option<&Value>,
        now: Timestamp,
    ) {
        if *resource == known::EVENTS {
            return;
        }
        if let Some(gone) =
            before.filter(|b| after.is_none_or(|a| object::uid(a) != object::uid(b)))
        {
            let affected = self.graph.forget(object::uid(gone));
            self.note(affected, now);
        }
        if let Some(object) = after {
            let affected = self.graph.observe(resource, object);
            self.note(affected, now);
        }
    }

    fn carry_out(&mut self, session: &mut Session<'_>, uid: &str) -> Result<(), ApiError> {
        self.report_misplaced(session, uid);
        let kinds = |api_version: &str, kind: &str| session.resource_of(api_version, kind);
        let verdict = self.graph.verdict(uid, &kinds);
        match verdict {
            Verdict::Keep => Ok(()),
            Verdict::Release(references) => {
                self.patch(session, uid, &references_body(uid, &references))
            }
            Verdict::Delete {
                propagation,
                unblock,
            } => {
                if let Some(references) = unblock {
                    self.patch(session, uid, &references_body(uid, &references))?;
                }
                self.delete(session, uid, propagation)
            }
            Verdict::Orphan(dependents) => {
                for dependent in dependents {
                    let left = self.references_without(&dependent, uid);
                    self.patch(session, &dependent, &references_body(&dependent, &left))?;
                }
                self.drop_finalizer(session, uid, ORPHAN)
            }
            Verdict::Finish => self.drop_finalizer(session, uid, FOREGROUND),
        }
    }

    fn references_without(&self, dependent: &str, owner: &str) -> Vec<Value> {
        let references = self
            .graph
            .node(dependent)
            .map(|n| n.owners.clone())
            .unwrap_or_default();
        references
            .into_iter()
            .filter(|r| text(r, "/uid") != owner)
            .collect()
    }

    fn patch(&self, session: &mut Session<'_>, uid: &str, body: &Value) -> Result<(), ApiError> {
        let Some(node) = self.graph.node(uid) else {
            return Ok(());
        };
        gone_is_fine(
            session
                .patch_merge(&node.resource, &node.namespace, &node.name, "", body)
                .map(drop),
        )
    }

    fn delete(
        &self,
        session: &mut Session<'_>,
        uid: &str,
        propagation: Propagation,
    ) -> Result<(), ApiError> {
        let Some(node) = self.graph.node(uid) else {
            return Ok(());
        };
        let options = DeleteOptions {
            propagation: Some(propagation),
            uid: Some(uid.to_owned()),
            ..DeleteOptions::default()
        };
        gone_is_fine(
            session
                .delete(&node.resource, &node.namespace, &node.name, &options)
                .map(drop),
        )
    }

    fn drop_finalizer(
        &self,
        session: &mut Session<'_>,
        uid: &str,
        finalizer: &str,
    ) -> Result<(), ApiError> {
        let Some(live) = self
            .graph
            .node(uid)
            .and_then(|n| session.get(&n.resource, &n.namespace, &n.name))
        else {
            return Ok(());
        };
        let left: Vec<&Value> = items(&live, "/metadata/finalizers")
            .iter()
            .filter(|f| f.as_str() != Some(finalizer))
            .collect();
        let left = if left.is_empty() {
            Value::Null
        } else {
            json!(left)
        };
        let version = text(&live, "/metadata/resourceVersion");
        self.patch(
            session,
            uid,
            &json!({"metadata": {"uid": uid, "resourceVersion": version, "finalizers": left}}),
        )
    }

    fn report_misplaced(&mut self, session: &mut Session<'_>, uid: &str) {
        let Some(node) = self.graph.node(uid) else {
            return;
        };
        let about = json!({
            "apiVersion": node.resource.api_version(), "kind": node.resource.kind,
            "metadata": {"namespace": node.namespace, "name": node.name, "uid": uid},
        });
        for reference in self.graph.misplaced(uid) {
            let owner = format!(
                "[{}/{}, namespace: {}, name: {}, uid: {}]",
                text(reference, "/apiVersion"),
                text(reference, "/kind"),
                node.namespace,
                text(reference, "/name"),
                text(reference, "/uid"),
            );
            let message = format!(
                "ownerRef {owner} does not exist in namespace \"{}\"",
                node.namespace
            );
            let event = Note::new(&about, true, "OwnerRefInvalidNamespace", message);
            self.recorder.record_once(session, &event);
        }
    }
}

const NAME: &str = "garbage-collector-controller";

fn references_body(uid: &str, references: &[Value]) -> Value {
    let references = if references.is_empty() {
        Value::Null
    } else {
        json!(references)
    };
    json!({"metadata": {"uid": uid, "ownerReferences": references}})
}

fn gone_is_fine(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if is_not_found(&error) => Ok(()),
        // A uid that differs: another object has taken the name, and the change that says so is on its way.
        Err(error) if error.reason == "Conflict" => Ok(()),
        other => other,
    }
}

impl Builtin for GarbageCollector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp> {
        let now = session.now();
        if !self.started {
            self.started = true;
            for resource in session.resources() {
                for object in session.list(&resource, None) {
                    self.observe(&resource, None, Some(&object), now);
                }
            }
        }
        for change in changes {
            self.observe(
                &change.resource,
                change.before.as_deref(),
                change.after.as_deref(),
                now,
            );
        }
        let due: Vec<String> = self
            .due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in due {
            self.due.remove(&uid);
            if self.carry_out(session, &uid).is_err() {
                self.due
                    .insert(uid, object::milliseconds_after(now, RETRY_AFTER));
            }
        }
        self.due.values().min().copied()
    }
}
