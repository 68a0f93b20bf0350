//! Watches: synthetic events, history, selector transitions, bookmarks, deadlines (`apiserver/pkg/storage/cacher`).

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use machinery::{go_json, meta};
use serde_json::{Value, json};

use super::ApiServer;
use super::list_options::{ListOptions, Match};
use super::negotiate::{Form, Transform};
use super::registry::Served;
use super::reply;
use super::selection::Selection;
use super::store::{Entry, Event};
use crate::request::{Reply, Request, WatchId, WatchPoll};
use crate::status_error::ApiError;

/// One open watch.
pub(crate) struct Watch {
    served: Arc<Served>,
    selection: Selection,
    request: Request,
    form: Form,
    /// Everything up to this revision was sent.
    cursor: u64,
    /// What to send before anything else.
    pending: Vec<Bytes>,
    /// Sent nothing yet: a Table carries its columns once.
    first: bool,
    /// Next bookmark, if wanted.
    bookmark: Option<Timestamp>,
    deadline: Timestamp,
    /// State of the custom resources when the watch began.
    registry_generation: Option<u64>,
    /// Marked for its reader.
    pub(crate) dirty: bool,
    ended: bool,
}

/// Seconds between bookmarks.
const BOOKMARK_SECONDS: i64 = 60;
const END_ANNOTATION: &str = "k8s.io/initial-events-end";

fn plus(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

impl ApiServer {
    /// Begins a watch.
    pub(crate) fn start_watch(
        &mut self,
        served: &Arc<Served>,
        selection: Selection,
        options: &ListOptions,
        (request, form): (&Request, Form),
        (now, entropy): (Timestamp, &mut Entropy),
    ) -> Result<Reply, ApiError> {
        let timeout = options
            .timeout
            .unwrap_or_else(|| 1800 + i64::try_from(entropy.below(1800)).unwrap_or_default());
        let streaming = options.initial_events == Some(true)
            && options.version_match == Match::NotOlderThan
            && options.bookmarks;
        let mut watch = Watch {
            served: served.clone(),
            selection,
            request: Request {
                body: Bytes::new(),
                ..request.clone()
            },
            form,
            cursor: self.revision(),
            pending: Vec::new(),
            first: true,
            bookmark: options.bookmarks.then(|| plus(now, BOOKMARK_SECONDS)),
            deadline: plus(now, timeout),
            registry_generation: served.custom().map(|_| self.registry.generation()),
            dirty: false,
            ended: false,
        };
        let from = options.resource_version.unwrap_or(0);
        if streaming || (from == 0 && options.initial_events != Some(false)) {
            for (_, entry) in self.selected(served, &watch.selection) {
                watch.push("ADDED", &entry, now)?;
            }
            if streaming {
                watch.push_bookmark(now, true)?;
            } else if options.bookmarks {
                watch.push_bookmark(now, false)?;
            }
        } else if from > 0 {
            let compacted = self
                .store
                .table(&served.table)
                .map_or(0, super::store::Table::compacted);
            if from < compacted {
                watch.push_error(&ApiError::expired(format!(
                    "too old resource version: {from} ({compacted})"
                )));
                watch.ended = true;
            }
            watch.cursor = from;
        }
        self.last_watch += 1;
        let id = WatchId(self.last_watch);
        self.watches.insert(id, watch);
        self.watchers
            .entry(served.table.clone())
            .or_default()
            .push(id);
        Ok(Reply::Watch {
            id,
            headers: reply::headers("application/json", &[]),
        })
    }

    /// What a watch has to send now.
    pub fn watch_frames(&mut self, id: WatchId, now: Timestamp) -> WatchPoll {
        let Some(watch) = self.watches.get_mut(&id) else {
            return WatchPoll {
                ended: true,
                ..WatchPoll::default()
            };
        };
        watch.dirty = false;
        if let Some(table) = self.store.table(&watch.served.table) {
            if watch.cursor < table.compacted() && !watch.ended {
                let text = format!(
                    "too old resource version: {} ({})",
                    watch.cursor,
                    table.compacted()
                );
                watch.push_error(&ApiError::expired(text));
                watch.ended = true;
            }
            if !watch.ended && table.newest() > watch.cursor {
                let mut failed = None;
                for event in table.since(watch.cursor) {
                    failed = watch.deliver(event, now).err().or(failed);
                    watch.cursor = event.revision;
                }
                if let Some(error) = failed {
                    watch.push_error(&error);
                    watch.ended = true;
                }
            }
        }
        watch.cursor = watch.cursor.max(self.store.revision());
        let changed = watch
            .registry_generation
            .is_some_and(|generation| generation != self.registry.generation());
        let moved = changed
            && !self
                .registry
                .get(
                    &watch.served.resource.group,
                    &watch.served.resource.version,
                    &watch.served.resource.plural,
                )
                .is_some_and(|served| Arc::ptr_eq(served, &watch.served));
        if moved || now >= watch.deadline {
            watch.ended = true;
        }
        watch.due_bookmark(now);
        let poll = WatchPoll {
            frames: std::mem::take(&mut watch.pending),
            ended: watch.ended,
            wake: Some(
                watch
                    .bookmark
                    .map_or(watch.deadline, |bookmark| bookmark.min(watch.deadline)),
            ),
        };
        if poll.ended {
            self.watch_closed(id);
        }
        poll
    }

    /// Forgets a watch whose client went away.
    pub fn watch_closed(&mut self, id: WatchId) {
        if let Some(watch) = self.watches.remove(&id)
            && let Some(ids) = self.watchers.get_mut(&watch.served.table)
        {
            ids.retain(|known| *known != id);
        }
    }

    /// Watches that have something to send since the last call.
    pub fn take_dirty_watches(&mut self) -> Vec<WatchId> {
        std::mem::take(&mut self.dirty_watches)
    }

    /// Marks the watches of a table.
    pub(crate) fn mark_watches(&mut self, table: &str) {
        for id in self.watchers.get(table).into_iter().flatten() {
            if let Some(watch) = self.watches.get_mut(id).filter(|watch| !watch.dirty) {
                watch.dirty = true;
                self.dirty_watches.push(*id);
            }
        }
    }
}

impl Watch {
    fn deliver(&mut self, event: &Event, now: Timestamp) -> Result<(), ApiError> {
        if !event.key.starts_with(&self.selection.prefix) {
            return Ok(());
        }
        let selected = |entry: &Arc<Entry>| self.selection.matches(&event.key, &entry.value);
        let before = event
            .before
            .as_ref()
            .filter(|entry| selected(entry))
            .cloned();
        let after = !event.deleted && selected(&event.after);
        match (before, after) {
            (None, true) => self.push("ADDED", &event.after, now),
            (Some(_), true) => self.push("MODIFIED", &event.after, now),
            (Some(_), false) if event.deleted => self.push("DELETED", &event.after, now),
            (Some(before), false) => {
                let mut last = Value::clone(&before.value);
                meta::set_resource_version(&mut last, &event.revision.to_string());
                self.push("DELETED", &Entry::new(Arc::new(last), event.revision), now)
            }
            (None, false) => Ok(()),
        }
    }

    fn push(&mut self, kind: &str, entry: &Entry, now: Timestamp) -> Result<(), ApiError> {
        let object = reply::event_object(
            &self.served,
            entry,
            &self.request,
            &self.form,
            self.first,
            now,
        )?;
        self.first = false;
        self.push_line(kind, &object);
        Ok(())
    }

    fn push_line(&mut self, kind: &str, object: &[u8]) {
        let mut line = Vec::with_capacity(object.len() + 32);
        line.extend_from_slice(b"{\"type\":\"");
        line.extend_from_slice(kind.as_bytes());
        line.extend_from_slice(b"\",\"object\":");
        line.extend_from_slice(object);
        line.extend_from_slice(b"}\n");
        self.pending.push(line.into());
    }

    fn push_error(&mut self, error: &ApiError) {
        let type_id = machinery::schema::TypeTable::builtin().type_of("", "v1", "Status");
        let status = go_json::to_vec(&error.to_status(), type_id);
        self.push_line("ERROR", &status);
    }

    fn push_bookmark(&mut self, now: Timestamp, end_of_list: bool) -> Result<(), ApiError> {
        let resource = &self.served.resource;
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if let (true, Some(fields)) = (end_of_list, metadata.as_object_mut()) {
            fields.insert("annotations".to_owned(), json!({END_ANNOTATION: "true"}));
        }
        let bare = json!({
            "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata,
        });
        let object = match self.served.type_id() {
            Some(type_id) if self.form.transform == Transform::Plain => {
                let zero = machinery::decode::normalise(type_id, &bare).unwrap_or(bare);
                go_json::to_vec(&zero, Some(type_id)).into()
            }
            Some(_) | None if self.form.transform == Transform::Plain => {
                go_json::to_vec(&bare, None).into()
            }
            Some(_) | None => {
                let entry = Entry::new(Arc::new(bare), self.cursor);
                reply::event_object(
                    &self.served,
                    &entry,
                    &self.request,
                    &self.form,
                    self.first,
                    now,
                )?
            }
        };
        self.first = false;
        self.push_line("BOOKMARK", &object);
        Ok(())
    }

    /// Sends a bookmark about every minute, and 2 s and 1 s before the end.
    fn due_bookmark(&mut self, now: Timestamp) {
        if self.ended || self.bookmark.is_none_or(|due| now < due) {
            return;
        }
        if self.push_bookmark(now, false).is_err() {
            self.ended = true;
        }
        let (two, one) = (plus(self.deadline, -2), plus(self.deadline, -1));
        let next = plus(now, BOOKMARK_SECONDS);
        self.bookmark = Some(if now < two {
            next.min(two)
        } else if now < one {
            one
        } else {
            Timestamp::MAX
        });
    }
}
