//! Custom resources in versions that a webhook converts: each object is a question of its own. A version that is read has
//! a cache of what it was converted to, as every version of kube-apiserver has its own watch cache: lists and watches
//! ask about each state of an object once, reads of one object and writes always.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::custom::Conversion;
use super::list::Items;
use super::registry::Served;
use super::store::{Entry, Event, Version};
use super::{ApiServer, convert};
use crate::outside::{Answer, Answered, Question, TIMED_OUT};
use crate::status_error::ApiError;
use machinery::meta;

/// Longest time for one conversion, the client's own (`DefaultAuthenticationInfoResolver`).
const TIMEOUT: Duration = Duration::from_secs(30);
/// What Go's HTTP client says when its own timeout ends a request.
const CLIENT_TIMED_OUT: &str =
    "net/http: request canceled (Client.Timeout exceeded while awaiting headers)";

/// Objects that were converted, by table and version, then by key.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    known: BTreeMap<(Arc<str>, String), BTreeMap<String, Arc<Entry>>>,
}

impl Converted {
    fn get(&self, served: &Served, key: &str, revision: u64) -> Option<Arc<Entry>> {
        let version = served.resource.version.to_string();
        let entry = self.known.get(&(served.table.clone(), version))?.get(key)?;
        (entry.revision == revision).then(|| entry.clone())
    }

    fn note(&mut self, served: &Served, entry: &Arc<Entry>) {
        let version = served.resource.version.to_string();
        let key = super::store::key(meta::namespace(&entry.value), meta::name(&entry.value));
        let known = self.known.entry((served.table.clone(), version));
        known.or_default().insert(key, entry.clone());
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&mut self, table: &Arc<str>, key: &str) {
        let versions = self.known.iter_mut();
        for (_, objects) in versions.filter(|((known, _), _)| known == table) {
            objects.remove(key);
        }
    }

    /// Forgets everything of a definition that changed.
    pub(crate) fn forget_all(&mut self, table: &str) {
        self.known.retain(|(known, _), _| known.as_ref() != table);
    }
}

/// What a write begins with.
pub(crate) struct Beginning {
    /// The object in the version of the request.
    pub object: Arc<Value>,
    /// What it is when converted back, if it was converted.
    pub held: Option<Value>,
}

/// A converted object with the metadata the server set after the conversion; labels and annotations are the webhook's.
pub(crate) fn with_metadata_of(converted: &Value, marked: &Value) -> Value {
    let mut object = converted.clone();
    let mut metadata = marked.get("metadata").cloned().unwrap_or_default();
    if let Some(fields) = metadata.as_object_mut() {
        for key in ["labels", "annotations"] {
            match converted
                .get("metadata")
                .and_then(|metadata| metadata.get(key))
            {
                Some(value) => fields.insert(key.to_owned(), value.clone()),
                None => fields.remove(key),
            };
        }
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert("metadata".to_owned(), metadata);
    }
    object
}

impl ApiServer {
    /// An object as the webhook converts it, unknown fields and all. Ends the run if nobody has answered yet.
    pub(super) fn ask_conversion(
        &self,
        conversion: &Conversion,
        object: &Value,
        version: &str,
    ) -> Result<Value, ApiError> {
        let Some(webhook) = conversion
            .webhook()
            .filter(|_| !conversion.is_in(object, version))
        else {
            return Ok(object.clone());
        };
        let api_version = conversion.api_version(version);
        // Nobody is asked about an object that is nothing but its kind (`isEmptyUnstructuredObject`).
        if object.as_object().is_some_and(|fields| {
            fields.len() == 2 && fields.contains_key("kind") && fields.contains_key("apiVersion")
        }) {
            return Ok(serde_json::json!({"apiVersion": api_version, "kind": meta::kind(object)}));
        }
        let body = webhook
            .review(object, &api_version)
            .map_err(ApiError::internal)?;
        let (asker, place) = (conversion.asker(), &webhook.place);
        let answered = self
            .asking
            .ask(&asker, place, &webhook.ca_bundle, TIMEOUT, body);
        let mut answered: Answered = answered.ok_or_else(ApiError::pending)?;
        if answered.answer == Answer::Failed(TIMED_OUT.to_owned()) {
            answered.answer = Answer::Failed(CLIENT_TIMED_OUT.to_owned());
        }
        let url = Question::url_of(place, TIMEOUT);
        let converted = webhook.converted(object, &api_version, &url, &answered);
        converted.map_err(ApiError::internal)
    }

    /// An object of a write in another version of its resource.
    pub(crate) fn converted<'a>(
        &self,
        from: &Served,
        to: &Served,
        object: &'a Value,
    ) -> Result<Cow<'a, Value>, ApiError> {
        if from.resource == to.resource {
            return Ok(Cow::Borrowed(object));
        }
        if let Some(conversion) = to.asks() {
            let converted = self.ask_conversion(conversion, object, &to.resource.version);
            return converted.map(Cow::Owned);
        }
        if to.custom().is_some() {
            // Only the name changes: what no schema knows goes when it is stored.
            let mut object = object.clone();
            if let Some(fields) = object.as_object_mut() {
                fields.insert("apiVersion".to_owned(), to.resource.api_version().into());
            }
            return Ok(Cow::Owned(object));
        }
        let stored = convert::to_storage(from, object.clone());
        Ok(Cow::Owned(convert::from_storage(to, &stored)))
    }

    /// A stored object in the version of `served`.
    pub(crate) fn read(
        &self,
        served: &Served,
        stored: &Arc<Value>,
    ) -> Result<Arc<Value>, ApiError> {
        let version = &served.resource.version;
        let Some(conversion) = served.asks() else {
            return Ok(super::reply::in_version(served, stored));
        };
        let read = conversion.read(stored);
        if conversion.is_in(stored, version) {
            let same = read == **stored;
            return Ok(if same { stored.clone() } else { Arc::new(read) });
        }
        let mut object = self.ask_conversion(conversion, &read, version)?;
        conversion.coerce(&mut object);
        Ok(Arc::new(object))
    }

    /// An entry whose object is in the version of `served`; that of a resource without a conversion webhook as it is.
    pub(crate) fn read_entry(
        &self,
        served: &Served,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Entry>, ApiError> {
        if served.asks().is_none() {
            return Ok(entry.clone());
        }
        let value = self.read(served, &entry.value)?;
        if Arc::ptr_eq(&value, &entry.value) {
            return Ok(entry.clone());
        }
        Ok(Arc::new(Entry::new(value, entry.revision)))
    }

    /// The same, and what was converted before is not asked again.
    pub(crate) fn cached_entry(
        &self,
        served: &Served,
        key: &str,
        entry: &Arc<Entry>,
    ) -> Result<Arc<Entry>, ApiError> {
        if served.asks().is_none() {
            return Ok(entry.clone());
        }
        let known = self.converted.borrow().get(served, key, entry.revision);
        if let Some(known) = known {
            return Ok(known);
        }
        let read = self.read_entry(served, entry)?;
        if !Arc::ptr_eq(&read, entry) {
            self.converted.borrow_mut().note(served, &read);
        }
        Ok(read)
    }

    /// What a write of a stored object begins with, in the version of `served`: what that version's cache holds, a dry run
    /// what is stored (`DryRunnableStorage`). The cached object is converted back, to be compared with what will be written
    /// (`getStateFromObject` of `storage/etcd3/store.go`).
    pub(crate) fn written_from(
        &self,
        served: &Served,
        key: &str,
        stored: &Arc<Entry>,
        dry_run: bool,
    ) -> Result<Beginning, ApiError> {
        let Some(conversion) = served.asks().filter(|_| !dry_run) else {
            let object = self.read(served, &stored.value)?;
            return Ok(Beginning { object, held: None });
        };
        let object = self.cached_entry(served, key, stored)?.value.clone();
        if conversion.is_in(&object, &served.storage_version) {
            return Ok(Beginning { object, held: None });
        }
        let held = self.to_stored(served, Value::clone(&object))?;
        let held = Some(held);
        Ok(Beginning { object, held })
    }

    /// A write that fails with what a cache held, or ends the object, looks at what is stored before it says so: the cache
    /// may have been late. If that fails, it fails with this.
    pub(crate) fn read_after(
        &self,
        served: &Served,
        stored: &Entry,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        if dry_run || served.asks().is_none() || self.asking.has_asked() {
            return Ok(());
        }
        self.read(served, &stored.value).map(drop)
    }

    /// Many entries: everything is asked at once.
    pub(crate) fn cached_entries(
        &self,
        served: &Served,
        entries: Items,
    ) -> Result<Items, ApiError> {
        if served.asks().is_none() {
            return Ok(entries);
        }
        let mut converted = Vec::with_capacity(entries.len());
        let mut failure = None;
        for (key, version) in entries {
            match self.cached_entry(served, &key, &version.entry()) {
                Ok(entry) => converted.push((key, Arc::new(Version::new(entry)))),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(converted), Err)
    }

    /// Asks what reading the stored object behind an entry will ask.
    pub(crate) fn ask_for_stored(&self, served: &Served, entry: &Entry) {
        let key = super::store::key(meta::namespace(&entry.value), meta::name(&entry.value));
        if let Some(stored) = self.store.get(&served.table, &key) {
            // What is wrong with it, the deletion says.
            drop(self.read(served, &stored.value));
        }
    }

    /// An event as a watch of `served` sees it.
    pub(crate) fn read_event<'a>(
        &self,
        served: &Served,
        event: &'a Event,
    ) -> Result<Cow<'a, Event>, ApiError> {
        if served.asks().is_none() {
            return Ok(Cow::Borrowed(event));
        }
        let entry = |version: &Arc<Version>| {
            let entry = self.cached_entry(served, &event.key, &version.entry());
            entry.map(|entry| Arc::new(Version::new(entry)))
        };
        let (before, after) = (
            event.before.as_ref().map(entry).transpose(),
            entry(&event.after),
        );
        Ok(Cow::Owned(Event {
            before: before?,
            after: after?,
            ..event.clone()
        }))
    }

    /// An object in the version of `served` as it is stored.
    pub(crate) fn to_stored(&self, served: &Served, object: Value) -> Result<Value, ApiError> {
        let Some(conversion) = served.asks() else {
            return Ok(convert::to_storage(served, object));
        };
        let mut stored = self.ask_conversion(conversion, &object, &served.storage_version)?;
        conversion.coerce(&mut stored);
        Ok(stored)
    }

    /// What a write answers if not what it stores: the stored object, read again, before anything is stored.
    pub(crate) fn reread(
        &self,
        served: &Served,
        stored: &Value,
    ) -> Result<Option<Value>, ApiError> {
        let Some(conversion) = served.asks() else {
            return Ok(None);
        };
        if conversion.is_in(stored, &served.resource.version) {
            return Ok(None);
        }
        let read = self.read(served, &Arc::new(stored.clone()))?;
        Ok(Some(Value::clone(&read)))
    }

    /// Nothing may be stored by a run that still asks.
    pub(crate) fn has_its_answers(&self) -> Result<(), ApiError> {
        if self.asking.has_asked() {
            return Err(ApiError::pending());
        }
        Ok(())
    }

    /// The answer to a write of `entry`, which a dry run has not stored.
    pub(crate) fn answered(
        &self,
        served: &Served,
        entry: Arc<Entry>,
        reread: Option<Value>,
        dry_run: bool,
    ) -> Arc<Entry> {
        let Some(mut object) = reread else {
            return entry;
        };
        meta::set_resource_version(&mut object, meta::resource_version(&entry.value));
        let shown = Arc::new(Entry::new(Arc::new(object), entry.revision));
        if !dry_run {
            self.converted.borrow_mut().note(served, &shown);
        }
        shown
    }
}
