//! What follows a committed change: watches wake, definitions begin or cease to be served.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::apply::Known;
use machinery::meta;
use serde_json::Value;

use super::ApiServer;
use super::custom;
use super::registry::Served;
use super::resource::known;
use super::store::{Entry, Event};
use super::write::Writer;
use crate::session::Change;
use crate::status_error::ApiError;

impl ApiServer {
    /// Stores an object.
    pub(crate) fn commit_put(
        &mut self,
        served: &Served,
        key: &str,
        value: Value,
        now: Timestamp,
    ) -> Arc<Entry> {
        self.commit_known(served, key, (value, None), now)
    }

    /// The same for an object whose `managedFields` are known.
    fn commit_known(
        &mut self,
        served: &Served,
        key: &str,
        (value, known): (Value, Option<Known>),
        now: Timestamp,
    ) -> Arc<Entry> {
        debug_assert!(known.as_ref().is_none_or(|known| known.is_of(&value)));
        let before = (served.resource == known::SERVICES).then(|| {
            // An address is taken before who has it is there.
            self.hold_addresses(&value, now);
            self.store.get(&served.table, key)
        });
        self.skip_revisions();
        let event = self
            .store
            .put_read(&served.table, key, (value, known), now, |value| {
                reread(served, value)
            });
        let entry = event.after.entry();
        self.after_commit(served, &event);
        if let Some(before) = before.flatten() {
            self.release_addresses(Some(&before.value), Some(&entry.value), now);
        }
        entry
    }

    /// Stores what was written.
    ///
    /// # Errors
    /// If there is no room for it, in etcd's words. What is removed, and marked to be, makes room.
    pub(crate) fn commit(
        &mut self,
        served: &Served,
        key: &str,
        written: (Value, Option<Known>),
        writer: &Writer<'_>,
    ) -> Result<Arc<Entry>, ApiError> {
        if self.store.is_full() {
            return Err(ApiError::internal(
                "etcdserver: mvcc: database space exceeded",
            ));
        }
        let entry = self.commit_known(served, key, written, writer.now);
        if writer.hollow {
            let place = (served.table.clone(), key.to_owned());
            self.hollow.insert(place, entry.revision);
        }
        Ok(entry)
    }

    /// Whether an object was stored with more than is read of it: the next write changes that, if nothing else.
    pub(crate) fn is_hollow(&self, served: &Served, key: &str, revision: u64) -> bool {
        if self.hollow.is_empty() {
            return false;
        }
        let place = (served.table.clone(), key.to_owned());
        self.hollow.get(&place) == Some(&revision)
    }

    /// Removes an object.
    pub(crate) fn commit_remove(
        &mut self,
        served: &Served,
        key: &str,
        now: Timestamp,
    ) -> Option<Arc<Entry>> {
        self.skip_revisions();
        let event = self.store.remove(&served.table, key, now)?;
        let entry = event.after.entry();
        self.converted.borrow_mut().forget(&served.table, key);
        if !self.hollow.is_empty() {
            self.hollow.remove(&(served.table.clone(), key.to_owned()));
        }
        self.after_commit(served, &event);
        if served.resource == known::SERVICES {
            self.release_addresses(Some(&entry.value), None, now);
        }
        Some(entry)
    }

    /// Leaves out revisions now and then: a multiplicative hash of the revision decides, so a seed decides.
    fn skip_revisions(&mut self) {
        if self.options.skip_revisions {
            let mixed = (self.store.revision() ^ self.options.skip_seed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if mixed >> 61 == 0 {
                self.store.skip(1 + ((mixed >> 32) & 3));
            }
        }
    }

    fn after_commit(&mut self, served: &Served, event: &Event) {
        let table = served.table.clone();
        self.mark_watches(&table);
        let (namespace, name) = event.key.rsplit_once('/').unwrap_or(("", &event.key));
        let resource = self
            .registry
            .storage(&table)
            .map_or(&served.resource, |storage| &storage.resource);
        let before = event.before.as_ref();
        let before = before.map(|version| version.entry().value.clone());
        let after = (!event.deleted).then(|| event.after.entry().value.clone());
        self.changes.push_back(Change::new(
            event.revision,
            resource.clone(),
            (namespace, name),
            (before, after),
        ));
        if served.resource.group == super::rbac::GROUP {
            let object = (!event.deleted).then(|| event.after.entry());
            let object = object.as_ref().map(|entry| entry.value.as_ref());
            self.rbac
                .note(&served.resource.plural, namespace, name, object);
        }
        if served.resource == known::CUSTOM_RESOURCE_DEFINITIONS {
            let definition = (!event.deleted).then(|| event.after.entry().value.clone());
            self.serve_definition(&event.key, definition.as_deref());
        }
    }

    /// The changes committed since the last call, in order.
    pub(crate) fn take_changes(&mut self) -> VecDeque<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Serves what a definition (`PLURAL.GROUP`) says, or withdraws it.
    pub(crate) fn serve_definition(&mut self, name: &str, definition: Option<&Value>) {
        let state = definition.map(|definition| {
            let established = definition
                .pointer("/status/conditions")
                .map(ToString::to_string);
            let generation = meta::generation(definition);
            format!(
                "{} {generation} {}",
                meta::uid(definition),
                established.unwrap_or_default()
            )
        });
        let Some((plural, group)) = name
            .split_once('.')
            .filter(|_| self.registry.note_definition(name, state))
        else {
            return;
        };
        let versions = definition.map(custom::served_versions).unwrap_or_default();
        let conversion = versions.first().map(|version| version.conversion.clone());
        self.registry.set_custom(group, plural, versions);
        let table = format!("{group}/{plural}");
        self.converted.borrow_mut().forget_all(&table);
        self.store.serve_anew(&table, |value| {
            conversion
                .as_ref()
                .and_then(|conversion| conversion.reread(value))
        });
        self.mark_watches(&table);
    }
}

/// What a stored object is read as, if that is something else.
pub(crate) fn reread(served: &Served, stored: &Value) -> Option<Value> {
    served.custom()?.conversion.reread(stored)
}
