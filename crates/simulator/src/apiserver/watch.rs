//! Watches: synthetic events, history, selector transitions, bookmarks, deadlines (`apiserver/pkg/storage/cacher`).

mod bookmarks;
mod concerned;
mod together;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use machinery::{go_json, meta};
use serde_json::Value;

use super::ApiServer;
use super::convert;
use super::list_options::{ListOptions, Match};
use super::negotiate::{Form, Transform};
use super::registry::Served;
use super::reply;
use super::selection::Selection;
use super::store::{Entry, Event, Table, Version, line};
use crate::outside::{Answer, Asking, Question};
use crate::request::{Request, WatchId, WatchPoll};
use crate::status_error::ApiError;
pub(crate) use together::Together;
use together::{Frames, joined};

/// One open watch.
#[allow(clippy::struct_excessive_bools, reason = "independent properties")]
pub(crate) struct Watch {
    served: Arc<Served>,
    selection: Selection,
    request: Request,
    form: Form,
    /// Shows every version whole as it is stored, and so as others do.
    shares: bool,
    /// Everything up to this revision was sent.
    cursor: u64,
    /// What to send before anything else. Objects are written out when somebody reads, not before: a thousand watches
    /// that nobody reads hold a thousand lists of pointers.
    pending: VecDeque<Pending>,
    /// Sent nothing yet: a Table carries its columns once.
    first: bool,
    /// Next bookmark, if wanted.
    bookmark: Option<Timestamp>,
    deadline: Timestamp,
    /// Answers about events that a webhook converts.
    answers: Option<Box<Answers>>,
    /// State of the custom resources when the watch began.
    registry_generation: Option<u64>,
    /// Marked for its reader.
    pub(crate) dirty: bool,
    ended: bool,
}

/// What a watch takes along from poll to poll.
struct Answers {
    pending: crate::outside::Pending,
}

impl Answers {
    fn new(now: Timestamp, entropy: &mut Entropy) -> Self {
        Self {
            pending: crate::outside::Pending::new(now, entropy),
        }
    }
}

/// Something to be sent.
enum Pending {
    /// A whole line.
    Line(Bytes),
    /// An object that was there when the watch began.
    Added(Arc<Version>),
    /// A bookmark; whether it ends the initial events.
    Bookmark(bool),
}

/// A poll yields about as much at most, in bytes; the rest comes with the next one.
const POLL_SIZE: usize = 64 * 1024;

/// Events that a webhook is asked about at once.
const ASKED_AT_ONCE: usize = 100;
/// Seconds between bookmarks.
const BOOKMARK_SECONDS: i64 = 60;

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
    ) -> Result<WatchId, ApiError> {
        let timeout = options
            .timeout
            .unwrap_or_else(|| 1800 + i64::try_from(entropy.below(1800)).unwrap_or_default());
        let initial_events =
            options.initial_events == Some(true) && options.version_match == Match::NotOlderThan;
        let mut watch = Watch {
            served: served.clone(),
            selection,
            request: Request {
                body: Bytes::new(),
                ..request.clone()
            },
            shares: form.transform == Transform::Plain
                && served.type_id().is_some()
                && served.is_storage_version(),
            form,
            cursor: self.revision(),
            pending: VecDeque::new(),
            first: true,
            // A watch of 2 s and less has no time for one.
            bookmark: (options.bookmarks && timeout > 2)
                .then(|| plus(now, BOOKMARK_SECONDS.min(timeout - 2))),
            deadline: plus(now, timeout),
            answers: served.asks().map(|_| Box::new(Answers::new(now, entropy))),
            registry_generation: served.custom().map(|_| self.registry.generation()),
            dirty: false,
            ended: false,
        };
        let from = options.resource_version.unwrap_or(0);
        if initial_events {
            let selected = self.selected(served, &watch.selection)?;
            let added = selected
                .into_iter()
                .map(|(_, version)| Pending::Added(version));
            watch.pending.extend(added);
            if options.bookmarks {
                watch.pending.push_back(Pending::Bookmark(true));
            }
        } else if from > 0 {
            let compacted = self
                .store
                .table(&served.table)
                .map_or(self.store.forgotten(), super::store::Table::watchable);
            if from < compacted {
                let error =
                    ApiError::expired(format!("too old resource version: {from} ({compacted})"));
                watch.pending.push_back(Pending::Line(error_line(&error)));
                watch.ended = true;
            }
            watch.cursor = from;
        }
        self.last_watch += 1;
        let id = WatchId(self.last_watch);
        self.watches.insert(id, Some(Box::new(watch)));
        self.settle(&served.table, id);
        Ok(id)
    }

    /// What a watch has to send now, a frame for each line.
    pub fn watch_frames(&mut self, id: WatchId, now: Timestamp) -> WatchPoll {
        self.watch_poll(id, now, Frames::Lines)
    }

    /// The same with small lines joined to larger frames.
    pub fn watch_chunks(&mut self, id: WatchId, now: Timestamp) -> WatchPoll {
        let mut poll = self.watch_poll(id, now, Frames::Joined);
        poll.frames = joined(poll.frames);
        poll
    }

    fn watch_poll(&mut self, id: WatchId, now: Timestamp, form: Frames) -> WatchPoll {
        // It follows the server, so it is not part of it meanwhile.
        let place = self.watches.get_mut(&id);
        let Some(mut watch) = place.and_then(Option::take) else {
            return WatchPoll {
                ended: true,
                ..WatchPoll::default()
            };
        };
        let was_dirty = watch.dirty;
        let poll = self.poll_watch(&mut watch, now, form);
        if poll.ended {
            self.watches.remove(&id);
            self.forget_watch(&watch, id);
            return poll;
        }
        if was_dirty {
            self.settle(&watch.served.table, id);
        }
        if let Some(place) = self.watches.get_mut(&id) {
            *place = Some(watch);
        }
        poll
    }

    fn poll_watch(&mut self, watch: &mut Watch, now: Timestamp, form: Frames) -> WatchPoll {
        watch.dirty = false;
        let (mut frames, mut more) = watch.take_pending(now);
        if !more {
            let (more_events, questions) = self.follow_watch(watch, &mut frames, (now, form));
            if !questions.is_empty() {
                return WatchPoll {
                    frames,
                    ended: false,
                    wake: None,
                    questions,
                };
            }
            more = more_events;
        }
        if more {
            return WatchPoll {
                frames,
                wake: Some(now),
                ..WatchPoll::default()
            };
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
        frames.extend(watch.take_pending(now).0);
        WatchPoll {
            frames,
            ended: watch.ended,
            wake: Some(
                watch
                    .bookmark
                    .map_or(watch.deadline, |bookmark| bookmark.min(watch.deadline)),
            ),
            questions: Vec::new(),
        }
    }

    /// What happened since the last call, whether something is left, and what has to be answered before there is more.
    fn follow_watch(
        &mut self,
        watch: &mut Watch,
        frames: &mut Vec<Bytes>,
        (now, form): (Timestamp, Frames),
    ) -> (bool, Vec<Question>) {
        let Some(mut answers) = watch.answers.take() else {
            if form == Frames::Joined && frames.is_empty() && watch.sees_what_others_see() {
                return (self.follow_together(watch, frames, now), Vec::new());
            }
            let table = self.store.table(&watch.served.table);
            return (
                table.is_some_and(|table| watch.follow(self, table, frames, now)),
                Vec::new(),
            );
        };
        self.asking = Asking::with(&answers.pending);
        let table = self.store.table(&watch.served.table);
        let more = table.is_some_and(|table| watch.follow(self, table, frames, now));
        let questions = std::mem::take(&mut self.asking).end(&mut answers.pending);
        if questions.is_empty() {
            // They are in the cache now.
            answers.pending.forget();
        }
        watch.answers = Some(answers);
        (more, questions)
    }

    /// Answers to what a watch asked.
    pub fn watch_answered(&mut self, id: WatchId, answers: Vec<(Question, Answer)>) {
        let watch = self.watches.get_mut(&id).and_then(Option::as_mut);
        if let Some(known) = watch.and_then(|watch| watch.answers.as_mut()) {
            for (question, answer) in answers {
                known.pending.answer(&question, answer);
            }
        }
    }
}

impl Watch {
    /// Writes out what is pending, up to a limit; whether something is left.
    fn take_pending(&mut self, now: Timestamp) -> (Vec<Bytes>, bool) {
        let mut frames = Vec::new();
        let mut size = 0;
        while size <= POLL_SIZE {
            let line = match self.pending.pop_front() {
                None => return (frames, false),
                Some(Pending::Line(line)) => Ok(line),
                Some(Pending::Added(version)) => self.version_line("ADDED", &version, now),
                Some(Pending::Bookmark(end)) => self.bookmark_line(now, end),
            };
            match line {
                Ok(line) => {
                    self.first = false;
                    size += line.len();
                    frames.push(line);
                }
                Err(error) => {
                    self.pending.clear();
                    self.fail(&error, &mut frames);
                }
            }
        }
        let more = !self.pending.is_empty();
        (frames, more)
    }

    /// Writes out what happened since the last call, up to a limit; whether something is left.
    fn follow(
        &mut self,
        server: &ApiServer,
        table: &Table,
        frames: &mut Vec<Bytes>,
        now: Timestamp,
    ) -> bool {
        if self.ended {
            return false;
        }
        if self.cursor < table.compacted() {
            let (cursor, oldest) = (self.cursor, table.compacted());
            frames.push(error_line(&ApiError::expired(format!(
                "too old resource version: {cursor} ({oldest})"
            ))));
            self.ended = true;
            return false;
        }
        if table.newest() <= self.cursor {
            return false;
        }
        if self.answers_are_missing(server, table) {
            return false;
        }
        let mut size: usize = frames.iter().map(Bytes::len).sum();
        for event in table.since(self.cursor) {
            if size > POLL_SIZE {
                return true;
            }
            let read = server.read_event(&self.served, event);
            match read.and_then(|event| self.deliver(&event, now)) {
                Ok(Some(line)) => {
                    size += line.len();
                    frames.push(line);
                }
                Ok(None) => {}
                Err(error) => {
                    self.fail(&error, frames);
                    return false;
                }
            }
            self.cursor = event.revision;
        }
        false
    }

    /// Whether a webhook has to be asked first about what comes next; about some events at a time.
    fn answers_are_missing(&self, server: &ApiServer, table: &Table) -> bool {
        if self.served.asks().is_none() {
            return false;
        }
        let events = table.since(self.cursor).take(ASKED_AT_ONCE);
        for event in events.filter(|event| event.key.starts_with(&self.selection.prefix)) {
            // What is wrong with an answer, its turn tells.
            drop(server.read_event(&self.served, event));
        }
        server.has_its_answers().is_err()
    }

    /// What an event of the store is to this watch.
    fn deliver(&mut self, event: &Event, now: Timestamp) -> Result<Option<Bytes>, ApiError> {
        if !event.key.starts_with(&self.selection.prefix) {
            return Ok(None);
        }
        // Without selectors no object has to be looked at.
        let selected = |version: &Arc<Version>| {
            !self.selection.is_filtered()
                || self.selection.matches(&event.key, &version.entry().value)
        };
        let before = event.before.as_ref().filter(|version| selected(version));
        let after = !event.deleted && selected(&event.after);
        let line = match (before, after) {
            (None, true) => self.version_line("ADDED", &event.after, now),
            (Some(_), true) => self.version_line("MODIFIED", &event.after, now),
            (Some(_), false) if event.deleted => self.version_line("DELETED", &event.after, now),
            (Some(before), false) => {
                let mut last = Value::clone(&before.entry().value);
                meta::set_resource_version(&mut last, &event.revision.to_string());
                self.line("DELETED", &Entry::new(Arc::new(last), event.revision), now)
            }
            (None, false) => return Ok(None),
        }?;
        self.first = false;
        Ok(Some(line))
    }

    /// The line about a version, which another watch may have asked for already.
    fn version_line(
        &self,
        kind: &str,
        version: &Version,
        now: Timestamp,
    ) -> Result<Bytes, ApiError> {
        if !self.shares {
            return self.line(kind, &version.entry(), now);
        }
        let known = if kind == version.happened().name() {
            version.known_line()
        } else {
            version.known_json().map(|json| line(kind, &json))
        };
        known.map_or_else(|| self.line(kind, &version.entry(), now), Ok)
    }

    fn line(&self, kind: &str, entry: &Entry, now: Timestamp) -> Result<Bytes, ApiError> {
        let whole =
            self.form.transform == Transform::Plain && convert::is_in(&self.served, &entry.value);
        if whole && kind == entry.happened.name() {
            return Ok(reply::shared_line(&self.served, entry));
        }
        let object = reply::event_object(
            &self.served,
            entry,
            &self.request,
            &self.form,
            self.first,
            now,
        )?;
        Ok(line(kind, &object))
    }

    /// Ends the watch over an object that can't be sent. One that asks for lists of metadata ends without a word: no
    /// object is one, and neither is the error.
    fn fail(&mut self, error: &ApiError, frames: &mut Vec<Bytes>) {
        if self.form.transform != Transform::PartialList {
            frames.push(error_line(error));
        }
        self.ended = true;
    }
}

fn error_line(error: &ApiError) -> Bytes {
    let type_id = machinery::schema::TypeTable::builtin().type_of("", "v1", "Status");
    line("ERROR", &go_json::to_vec(&error.to_status(), type_id))
}
