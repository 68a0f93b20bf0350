//! Deletion: preconditions, grace, finalizers, propagation, collections
//! (`apiserver/pkg/registry/rest/delete.go`, `registry/generic/registry/store.go`).

mod grace;
mod preconditions;

use std::sync::Arc;

use jiff::Timestamp;
use machinery::{meta, time};
use serde_json::{Value, json};

use super::ApiServer;
use super::admission::Versions;
use super::admit::IMMORTAL;
use super::conversion::with_metadata_of;
use super::custom::{Termination, set_terminating};
use super::definitions::CLEANUP;
use super::facts;
use super::registry::Served;
use super::resource::known;
use super::store::{Entry, Version, key};
use super::write::Writer;
use crate::session::{DeleteOptions, Propagation};
use crate::status_error::ApiError;
use grace::{Grace, mark_deleting, pod_grace};
use preconditions::check_preconditions;

/// What a DELETE left.
pub(crate) enum Deleted {
    /// The object lives on, marked.
    Remains(Arc<Entry>),
    /// It is gone; this was its last state.
    Gone(Arc<Entry>),
}

/// The server's own classes, which pods of the cluster itself have.
const SYSTEM_PRIORITIES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
const JOB_WARNING: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background \
to remove them or set propagationPolicy=Orphan to suppress this warning";

/// The finalizers the collector needs for this deletion, if they differ from what is there.
fn collector_finalizers(
    served: &Served,
    object: &Value,
    options: &DeleteOptions,
) -> Option<Vec<String>> {
    if !facts::is_collected(served) {
        return None;
    }
    let old = meta::finalizers(object);
    let has = |name: &str| old.iter().any(|finalizer| finalizer == name);
    let (orphan, foreground) = match (options.orphan_dependents, options.propagation) {
        (Some(orphan), _) => (orphan, false),
        (None, Some(Propagation::Orphan)) => (true, false),
        (None, Some(Propagation::Foreground)) => (false, true),
        (None, Some(Propagation::Background)) => (false, false),
        (None, None) if has(ORPHAN) => (true, has(FOREGROUND)),
        (None, None) => {
            let foreground = has(FOREGROUND);
            (facts::orphans_by_default(served) && !foreground, foreground)
        }
    };
    let mut new: Vec<String> = old
        .iter()
        .filter(|name| *name != ORPHAN && *name != FOREGROUND)
        .cloned()
        .collect();
    if orphan {
        new.push(ORPHAN.to_owned());
    }
    if foreground {
        new.push(FOREGROUND.to_owned());
    }
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    (sorted(&new) != sorted(&old)).then_some(new)
}

impl ApiServer {
    /// Deletes one object. It is read in the requested version first, and answered in it.
    pub(crate) fn delete(
        &mut self,
        served: &Arc<Served>,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<Deleted, ApiError> {
        let place = (namespace, name);
        let stored = match served.asks() {
            Some(_) => self.store.get(&served.table, &key(namespace, name)),
            None => None,
        };
        let Some(stored) = stored else {
            return self.delete_stored(served, place, None, options, writer);
        };
        let shown = self.read_entry(served, &stored)?;
        let deleted = self.delete_stored(served, place, Some(&shown.value), options, writer)?;
        let marked = |entry: Arc<Entry>| {
            let value = with_metadata_of(&shown.value, &entry.value);
            Arc::new(Entry::new(Arc::new(value), entry.revision))
        };
        Ok(match deleted {
            Deleted::Remains(entry) => Deleted::Remains(marked(entry)),
            Deleted::Gone(entry) => Deleted::Gone(marked(entry)),
        })
    }

    /// Deletes one object; `shown` is it in the requested version, if that is not the stored one.
    fn delete_stored(
        &mut self,
        served: &Arc<Served>,
        (namespace, name): (&str, &str),
        shown: Option<&Value>,
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<Deleted, ApiError> {
        let requested = served;
        let served = self
            .registry
            .storage(&served.table)
            .unwrap_or(served)
            .clone();
        self.check_admission("DELETE", &served)?;
        let namespace = Some(namespace).filter(|_| served.resource.namespaced);
        let key = key(namespace.unwrap_or_default(), name);
        if let Some(text) = stays(&served, name, writer.collection) {
            return Err(ApiError::forbidden(&served.resource, name, text));
        }
        let Some(stored) = self.store.get(&served.table, &key) else {
            return Err(ApiError::not_found(&requested.resource, name));
        };
        check_preconditions(&served, &stored.value, options)?;
        let versions = (requested, &served);
        // A pod's comes once it is known whether this deletion changes anything.
        if let Some(shown) = shown {
            self.admit_deleted((requested, requested), shown, (options, None), writer)?;
        } else if served.resource != known::PODS && !is_held_namespace(&served, &stored.value) {
            self.admit_deleted(versions, &stored.value, (options, None), writer)?;
        }
        if served.resource == known::NAMESPACES
            && let Some(remains) = self.delete_namespace(&served, &key, &stored, options, writer)
        {
            return Ok(Deleted::Remains(remains));
        }
        if served.resource == known::CUSTOM_RESOURCE_DEFINITIONS
            && meta::deletion_timestamp(&stored.value).is_none()
        {
            let object = terminating_definition(&stored.value, writer.now);
            return Ok(Deleted::Remains(
                self.store_marked(&served, &key, &stored, object, writer),
            ));
        }
        if served.resource == known::PODS {
            return self.delete_pod(versions, (&key, stored), options, writer);
        }
        let mut object = Value::clone(&stored.value);
        if let Some(finalizers) = collector_finalizers(&served, &object, options) {
            meta::set_finalizers(&mut object, finalizers);
        }
        Ok(self.take_away(&served, &key, (stored, object), writer))
    }

    /// Deletes a pod. It is marked, and then goes at once if it has no grace and nothing holds it.
    fn delete_pod(
        &mut self,
        versions: Versions<'_>,
        (key, stored): (&str, Arc<Entry>),
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<Deleted, ApiError> {
        let (_, served) = versions;
        let mut object = Value::clone(&stored.value);
        let grace = pod_grace(&mut object, options, writer.now);
        if let Grace::Pending = grace {
            return Ok(Deleted::Remains(stored));
        }
        let period = grace.first_period(&stored.value);
        self.admit_deleted(versions, &stored.value, (options, period), writer)?;
        if let Some(finalizers) = collector_finalizers(served, &object, options) {
            meta::set_finalizers(&mut object, finalizers);
        }
        let Grace::Marked(period) = grace else {
            return Ok(self.take_away(served, key, (stored, object), writer));
        };
        let remains = period > 0 || !meta::finalizers(&object).is_empty();
        let admitted = if remains || writer.dry_run {
            Ok(())
        } else {
            self.admit_marked(versions, &object, (options, Some(period)), writer)
        };
        self.has_its_answers()?;
        let marked = self.store_marked(served, key, &stored, object, writer);
        if remains {
            return Ok(Deleted::Remains(marked));
        }
        if writer.dry_run {
            return Ok(Deleted::Gone(marked));
        }
        // It stays marked.
        admitted?;
        let removed = self.commit_remove(served, key, writer.now);
        Ok(Deleted::Gone(removed.unwrap_or(stored)))
    }

    /// The end of an object that has no grace, or had it: it is marked as long as something holds it.
    fn take_away(
        &mut self,
        served: &Arc<Served>,
        key: &str,
        (stored, mut object): (Arc<Entry>, Value),
        writer: &Writer<'_>,
    ) -> Deleted {
        if !meta::finalizers(&object).is_empty() {
            mark_deleting(&mut object, writer.now);
            return Deleted::Remains(self.store_marked(served, key, &stored, object, writer));
        }
        if writer.dry_run {
            return Deleted::Gone(stored);
        }
        let removed = self.commit_remove(served, key, writer.now);
        Deleted::Gone(removed.unwrap_or(stored))
    }

    fn store_marked(
        &mut self,
        served: &Served,
        key: &str,
        stored: &Arc<Entry>,
        object: Value,
        writer: &Writer<'_>,
    ) -> Arc<Entry> {
        if object == *stored.value {
            return stored.clone();
        }
        if writer.dry_run {
            return Arc::new(Entry::new(Arc::new(object), stored.revision));
        }
        self.commit_put(served, key, object, writer.now)
    }

    /// A namespace goes on in phase Terminating until its `spec.finalizers` are gone.
    fn delete_namespace(
        &mut self,
        served: &Served,
        key: &str,
        stored: &Arc<Entry>,
        options: &DeleteOptions,
        writer: &Writer<'_>,
    ) -> Option<Arc<Entry>> {
        let mut object = Value::clone(&stored.value);
        if meta::deletion_timestamp(&object).is_none() {
            meta::set(
                &mut object,
                "deletionTimestamp",
                json!(time::rfc3339(writer.now)),
            );
            if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
                status.insert("phase".to_owned(), json!("Terminating"));
            }
            if let Some(finalizers) = collector_finalizers(served, &object, options) {
                meta::set_finalizers(&mut object, finalizers);
            }
            return Some(self.store_marked(served, key, stored, object, writer));
        }
        is_held_namespace(served, &object).then(|| stored.clone())
    }

    /// Asks what the deletion of a pod without grace asks once more.
    fn admit_ended(
        &self,
        versions: Versions<'_>,
        stored: &Value,
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let (_, served) = versions;
        if served.resource != known::PODS || writer.dry_run {
            return Ok(());
        }
        let mut object = stored.clone();
        let Grace::Marked(0) = pod_grace(&mut object, options, writer.now) else {
            return Ok(());
        };
        if let Some(finalizers) = collector_finalizers(served, &object, options) {
            meta::set_finalizers(&mut object, finalizers);
        }
        if !meta::finalizers(&object).is_empty() {
            return Ok(());
        }
        self.admit_marked(versions, &object, (options, Some(0)), writer)
    }

    /// Deletes listed objects, one after another, and returns them as they were before. Objects that vanish meanwhile
    /// don't matter.
    pub(crate) fn delete_collection(
        &mut self,
        served: &Arc<Served>,
        listed: &[Arc<Version>],
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<Vec<Arc<Version>>, ApiError> {
        writer.collection = true;
        let storage = self.registry.storage(&served.table);
        let storage = storage.filter(|_| served.asks().is_none());
        let storage = storage.unwrap_or(served).clone();
        let versions = (served, &storage);
        // All answers first: once an object is deleted, this run cannot be repeated.
        for version in listed {
            let entry = version.entry();
            let asked = self.admit_deleted(versions, &entry.value, (options, None), writer);
            let asked =
                asked.and_then(|()| self.admit_ended(versions, &entry.value, options, writer));
            match asked {
                Ok(()) => {}
                Err(error) if self.asking.has_asked() => return Err(error),
                Err(_) => break,
            }
            // What a deletion reads it asks in any case.
            self.ask_for_stored(served, &entry);
        }
        self.has_its_answers()?;
        let mut deleted = Vec::new();
        for version in listed {
            let entry = version.entry();
            let (namespace, name) = (meta::namespace(&entry.value), meta::name(&entry.value));
            match self.delete(served, namespace, name, options, writer) {
                Ok(_) => deleted.push(version.clone()),
                Err(error) if error.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }
}

/// Whether it is a terminating namespace that is kept until its `spec.finalizers` are gone.
fn is_held_namespace(served: &Served, object: &Value) -> bool {
    let finalizers = object.pointer("/spec/finalizers").and_then(Value::as_array);
    served.resource == known::NAMESPACES
        && meta::deletion_timestamp(object).is_some()
        && finalizers.is_some_and(|list| !list.is_empty())
}

/// A definition as its first DELETE leaves it: kept until its instances are gone.
fn terminating_definition(definition: &Value, now: Timestamp) -> Value {
    let mut object = definition.clone();
    mark_deleting(&mut object, now);
    meta::set(&mut object, "deletionGracePeriodSeconds", Value::Null);
    meta::set_generation(&mut object, meta::generation(definition));
    let mut finalizers = meta::finalizers(&object);
    if !finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
        finalizers.push(CLEANUP.to_owned());
    }
    meta::set_finalizers(&mut object, finalizers);
    set_terminating(&mut object, Termination::Pending, now);
    object
}

/// Jobs leave their pods behind, which is told before the Job is looked for.
pub(crate) fn warn_of_orphans(
    served: &Served,
    options: &DeleteOptions,
    warnings: &mut Vec<String>,
) {
    if served.resource == known::JOBS
        && options.propagation.is_none()
        && options.orphan_dependents.is_none()
    {
        warnings.push(JOB_WARNING.to_owned());
    }
}

/// The Status that answers a DELETE of an object that is gone.
pub(crate) fn success(served: &Served, object: &Value) -> Value {
    let resource = &served.resource;
    let mut details =
        json!({"name": meta::name(object), "kind": resource.plural, "uid": meta::uid(object)});
    if let (false, Some(fields)) = (resource.group.is_empty(), details.as_object_mut()) {
        fields.insert("group".to_owned(), json!(resource.group));
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Why an object can't be deleted at all: what the system needs. A collection with a priority in it may be.
fn stays(served: &Served, name: &str, collection: bool) -> Option<&'static str> {
    if served.resource == known::NAMESPACES && IMMORTAL.contains(&name) {
        return Some("this namespace may not be deleted");
    }
    let priorities = served.resource.group == "scheduling.k8s.io";
    (!collection && priorities && SYSTEM_PRIORITIES.contains(&name))
        .then_some("this is a system priority class and cannot be deleted")
}
