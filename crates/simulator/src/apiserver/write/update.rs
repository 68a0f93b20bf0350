//! Updates: what becomes of a stored object, tried with what the version's cache holds, stored by compare and swap
//! (`apiserver/pkg/storage/etcd3/store.go`, `GuaranteedUpdate`).

use std::sync::Arc;

use machinery::apply::{Known, keep_times};
use machinery::meta;
use serde_json::{Value, json};

use super::conflict::{check_number, check_version, uid_mismatch};
use super::{
    MUTATED, UpdateTarget, Updated, Writer, check_named, ensure_namespace, invalid, remove_metadata,
};
use crate::apiserver::prepare::{
    Reading, check_size, deduplicate_owners, default_times, deletes, note_phase, prepare_update,
    standing_empties, stored_form, validate_update,
};
use crate::apiserver::rbac::escalation::Granted;
use crate::apiserver::registry::Served;
use crate::apiserver::store::{Entry, key};
use crate::apiserver::{ApiServer, commit, convert, facts};
use crate::status_error::ApiError;

/// What becomes of the newest object (`Null` if absent), in the version of the target's resource.
type Change<'a> = dyn FnMut(&ApiServer, &Value, &mut Writer<'_>) -> Result<Value, ApiError> + 'a;

/// What an update would store.
struct Attempt {
    /// The resource in the version of `new`.
    served: Arc<Served>,
    new: Value,
    /// Its `managedFields`, if they are settled.
    known: Option<Known>,
    /// It ends with it: its last finalizer is gone.
    ends: bool,
}

impl Attempt {
    /// Whether it would store what a cached object was converted back to.
    fn is_like(&self, held: Option<&Value>) -> bool {
        held == Some(&self.new)
    }
}

impl ApiServer {
    /// Updates an object.
    pub(crate) fn update(
        &mut self,
        target: UpdateTarget<'_>,
        writer: &mut Writer<'_>,
        change: &mut Change<'_>,
    ) -> Result<Updated, ApiError> {
        let requested = target.served;
        if target.subresource.is_empty() {
            self.check_admission("UPDATE", requested)?;
        }
        let key = key(
            if requested.resource.namespaced {
                target.namespace
            } else {
                ""
            },
            target.name,
        );
        let Some(stored) = self.store.get(&requested.table, &key) else {
            return self.update_absent(target, writer, change);
        };
        let from = self.written_from(requested, &key, &stored, writer.dry_run)?;
        let (from, mut held) = (from.object, from.held);
        let mut attempt = match self.attempt(target, (&stored, from), writer, change) {
            Ok(attempt) if !attempt.ends => attempt,
            ended => {
                self.read_after(requested, &stored, writer.dry_run)?;
                return self.end(&key, (ended?, stored.revision), writer);
            }
        };
        self.make_stored(&mut attempt, &stored, writer)?;
        // Nothing would change of what the cache held, but that isn't what is stored: once more with what is.
        if attempt.is_like(held.as_ref()) && attempt.new != **stored.written() {
            let from = self.read(requested, &stored.value)?;
            attempt = self.attempt(target, (&stored, from), writer, change)?;
            if attempt.ends {
                return self.end(&key, (attempt, stored.revision), writer);
            }
            self.make_stored(&mut attempt, &stored, writer)?;
            held = None;
        }
        let Attempt {
            served, new, known, ..
        } = attempt;
        let reread = self.reread(&served, &new)?;
        self.has_its_answers()?;
        let other = self.is_stored_otherwise(&served, (&key, stored.revision), writer);
        let other = other || held.is_some_and(|held| held != new);
        let entry = if new == **stored.written() && !other {
            stored
        } else if writer.dry_run {
            let shown = commit::reread(&served, &new).unwrap_or(new);
            Arc::new(Entry::new(Arc::new(shown), stored.revision))
        } else {
            self.commit(&served, &key, (new, known), writer)?
        };
        let entry = self.answered(&served, entry, reread, writer.dry_run);
        Ok(Updated {
            entry,
            created: false,
        })
    }

    /// Whether the stored object is written though it is read as what it becomes: one of both isn't stored as it is read. What
    /// is null in a built-in one is stored once.
    fn is_stored_otherwise(
        &self,
        served: &Served,
        (key, revision): (&str, u64),
        writer: &Writer<'_>,
    ) -> bool {
        let stored = self.is_hollow(served, key, revision);
        match served.custom() {
            Some(_) => writer.hollow || stored,
            None => writer.hollow != stored,
        }
    }

    /// Makes what an update would store of what it made.
    fn make_stored(
        &self,
        attempt: &mut Attempt,
        stored: &Entry,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let (served, mut new) = (&attempt.served, std::mem::take(&mut attempt.new));
        // What is stored has none; what is only shown, or ends here, keeps what was given. It is a change until then, so that
        // whoever applies it again has done so now.
        let link = new.pointer("/metadata/selfLink").and_then(Value::as_str);
        let links = link.is_some_and(|link| !link.is_empty());
        if !writer.dry_run {
            remove_metadata(&mut new, &["selfLink"]);
        }
        writer.hollow |= stored_form(served, &mut new) == Reading::Otherwise;
        check_size(&new)?;
        let mut new = self.to_stored(served, new)?;
        // Of built-in objects what is null and what is empty are the same here.
        let compares = !writer.hollow || served.custom().is_none();
        if compares && !links && keep_times(&stored.value, &mut new) {
            attempt.known = None;
        }
        attempt.new = new;
        Ok(())
    }

    /// What an update makes of the stored object, which is `from` in the version of the target's resource.
    fn attempt(
        &self,
        target: UpdateTarget<'_>,
        (stored, from): (&Entry, Arc<Value>),
        writer: &mut Writer<'_>,
        change: &mut Change<'_>,
    ) -> Result<Attempt, ApiError> {
        let requested = target.served;
        if !target.uid.is_empty() && target.uid != meta::uid(&stored.value) {
            let found = meta::uid(&stored.value);
            return Err(uid_mismatch(target, found, writer.dry_run));
        }
        let mut object = change(self, &from, writer)?;
        ensure_namespace(requested, target.namespace, &mut object)?;
        default_times(requested, &mut object, writer.now);
        let known = self.own_written(
            requested,
            target.subresource,
            Some((&from, stored)),
            &mut object,
            writer,
        );
        let (served, mut new) = self.for_storage(requested, object);
        let old = if served.type_id().is_some() {
            stored.value.clone()
        } else {
            from
        };
        self.mutate_update(target, &served, (&mut new, &old), writer)?;
        let granted = Granted::new(&served, target.namespace, &new, Some(&old));
        self.check_escalation(writer.user, granted)?;
        check_version(&served, target.name, &mut new, &old)?;
        check_named(&served, &new)?;
        if target.subresource.is_empty() {
            self.allocate(&served, &mut new, Some(&old), writer.dry_run)?;
        }
        self.before_update(target, &served, (&mut new, &old), writer)?;
        self.admit_updated(target, &served, (&new, &old), writer)?;
        let ends = deletes(&served, &new, &old);
        Ok(Attempt {
            served,
            new,
            known,
            ends,
        })
    }

    /// An update that takes the last finalizer of an object that is to go; the answer shows it as it would have become.
    fn end(
        &mut self,
        key: &str,
        (last, revision): (Attempt, u64),
        writer: &Writer<'_>,
    ) -> Result<Updated, ApiError> {
        self.has_its_answers()?;
        let Attempt {
            served, new: last, ..
        } = last;
        let value = if served.asks().is_some() {
            last
        } else {
            convert::to_storage(&served, last)
        };
        if !writer.dry_run {
            self.commit_remove(&served, key, writer.now);
        }
        Ok(Updated {
            entry: Arc::new(Entry::new(Arc::new(value), revision)),
            created: false,
        })
    }

    /// An update of an object that isn't there: creates it where that is allowed.
    fn update_absent(
        &mut self,
        target: UpdateTarget<'_>,
        writer: &mut Writer<'_>,
        change: &mut Change<'_>,
    ) -> Result<Updated, ApiError> {
        let requested = target.served;
        // A subresource never asks for it, but a kind that always may be created by an update is.
        let may_create = if target.subresource.is_empty() {
            target.may_create
        } else {
            target.may_create
                && target.subresource == "status"
                && facts::create_on_update(requested)
        };
        if !may_create {
            return Err(ApiError::not_found(&requested.resource, target.name));
        }
        if !target.uid.is_empty() {
            return Err(uid_mismatch(target, "", writer.dry_run));
        }
        let mut object = change(self, &Value::Null, writer)?;
        check_number(meta::resource_version(&object))?;
        if let Some(user) = writer.user {
            self.authorize_create(user, requested, target.namespace, target.name)?;
        }
        if !writer.dry_run {
            meta::set_resource_version(&mut object, "");
        }
        writer.through_status = target.subresource == "status";
        writer.named = true;
        let entry = self.create(requested, target.namespace, object, writer)?;
        Ok(Updated {
            entry,
            created: true,
        })
    }

    /// Metadata, preparation and validation of an update.
    fn before_update(
        &self,
        target: UpdateTarget<'_>,
        served: &Arc<Served>,
        (new, old): (&mut Value, &Value),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let subresource = target.subresource;
        ensure_namespace(served, target.namespace, new)?;
        let of_old = old.get("metadata");
        let old_metadata = |key: &str| {
            let found = of_old.and_then(|metadata| metadata.get(key));
            found.cloned().unwrap_or_default()
        };
        meta::set(new, "generation", old_metadata("generation"));
        deduplicate_owners(new, MUTATED, &mut writer.warnings);
        crate::apiserver::certificates::prepare(served, subresource, new, old, writer.now);
        prepare_update(served, subresource, new, old);
        note_phase(served, subresource, new, old, writer.now);
        let versions = (target.served, served);
        let empty = standing_empties(versions, subresource, std::mem::take(&mut writer.empty));
        empty.put_into(new);
        if meta::uid(new).is_empty() {
            meta::set(new, "uid", json!(meta::uid(old)));
        }
        meta::set(new, "creationTimestamp", old_metadata("creationTimestamp"));
        if meta::deletion_timestamp(old).is_some() {
            meta::set(new, "deletionTimestamp", old_metadata("deletionTimestamp"));
        }
        if meta::deletion_grace_period_seconds(new).is_none() {
            meta::set(
                new,
                "deletionGracePeriodSeconds",
                old_metadata("deletionGracePeriodSeconds"),
            );
        }
        // These have strategies of their own, which leave the generation alone.
        let keeps = matches!(subresource, "status" | "binding" | "finalize" | "approval");
        if !keeps && facts::counts_generation(served) && facts::raises_generation(served, old, new)
        {
            meta::set_generation(new, meta::generation(old) + 1);
        }
        let versions = (target.served.as_ref(), served.as_ref());
        let mut errors = self.admin_errors(served, subresource, new, old);
        let found = validate_update(versions, subresource, new, old, &mut writer.warnings);
        errors.extend(found);
        empty.take_from(new);
        let errors = self.standing(served, Some(old), writer.is_own, errors);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(invalid(served, new, &errors))
        }
    }
}
