//! Creates and updates inside the compare-and-swap loop: metadata, admission, preparation, validation, storing
//! (`apiserver/pkg/registry/generic/registry/store.go`, `registry/rest/{create,update}.go`).

mod conflict;
mod generate;
mod update;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::builtin::strategy::job;
use machinery::builtin::validation::FieldError;
use machinery::decode::Empties;
use machinery::entropy::Entropy;
use machinery::{meta, time};
use serde_json::{Map, Value, json};

use super::owners::SERVER;
use super::prepare::{
    Reading, check_size, deduplicate_owners, default_times, prepare_create, standing_empties,
    stored_form, validate_create,
};
use super::rbac::escalation::Granted;
use super::registry::Served;
use super::resource::qualified;
use super::store::{Entry, key};
use super::{ApiServer, commit, convert};
use crate::request::User;
use crate::status_error::ApiError;
use conflict::{already_exists, not_generated};

/// What a write carries beside its object.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent properties of a write"
)]
pub(crate) struct Writer<'a> {
    /// The time.
    pub now: Timestamp,
    /// Seeded randomness.
    pub entropy: &'a mut Entropy,
    /// Do everything but store.
    pub dry_run: bool,
    /// Warnings for the client.
    pub warnings: Vec<String>,
    /// Who writes; `None` for the server itself.
    pub user: Option<&'a User>,
    /// The server or one of its controllers writes, under whatever name policies are told.
    pub is_own: bool,
    /// Webhooks are asked. Not for what the server does in the course of a request that was admitted.
    pub admits: bool,
    /// The objects of a collection are deleted.
    pub collection: bool,
    /// The object comes through its status: nothing is allocated for it.
    pub through_status: bool,
    /// The path names the object, also where it turns out to be new.
    pub named: bool,
    /// What the object was sent with that is empty.
    pub empty: Empties,
    /// The object isn't read as it is stored: metadata has empty parts, or some of it is only filled in by defaults.
    pub hollow: bool,
    /// Its labels were not sent: they are those of its template.
    pub shares_labels: bool,
    /// Options of the request as reviews show them, without kind and apiVersion.
    pub options: Map<String, Value>,
    /// The manager that owns what the write sets. With `None`, `managedFields` are what the change makes of them: an
    /// apply settles them itself, and some of the server's own changes are nobody's.
    pub manager: Option<Cow<'a, str>>,
}

impl<'a> Writer<'a> {
    /// A write of the server itself.
    pub fn own(now: Timestamp, entropy: &'a mut Entropy) -> Self {
        Self {
            now,
            entropy,
            dry_run: false,
            warnings: Vec::new(),
            user: None,
            is_own: true,
            admits: true,
            collection: false,
            through_status: false,
            named: false,
            empty: Empties::default(),
            hollow: false,
            shares_labels: false,
            options: Map::new(),
            manager: Some(SERVER.into()),
        }
    }
}

/// What an update is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpdateTarget<'a> {
    /// The resource, in the version of the objects that go in and out.
    pub served: &'a Arc<Served>,
    /// Namespace, empty for cluster scope.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Subresource, empty for the object itself.
    pub subresource: &'a str,
    /// The uid the object must have (PUT), or empty.
    pub uid: &'a str,
    /// An absent object is created (PUT of some kinds, apply).
    pub may_create: bool,
}

/// Result of an update.
pub(crate) struct Updated {
    /// The object.
    pub entry: Arc<Entry>,
    /// It was created.
    pub created: bool,
}

/// Where repeated owner references were found that the client didn't send by itself.
const MUTATED: &str = " after mutating admission happens";

/// Puts the request's namespace into the object, or refuses another one.
pub(crate) fn ensure_namespace(
    served: &Served,
    namespace: &str,
    object: &mut Value,
) -> Result<(), ApiError> {
    if !served.resource.namespaced {
        meta::set_namespace(object, "");
        return Ok(());
    }
    match meta::namespace(object) {
        "" => {
            meta::set_namespace(object, namespace);
            Ok(())
        }
        given if given == namespace => Ok(()),
        _ => Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
    }
}

/// A custom object has to say what version it is in (`objectMetaAndKind` of `registry/rest/update.go`).
fn check_named(served: &Served, object: &Value) -> Result<(), ApiError> {
    if served.custom().is_none() || !meta::api_version(object).is_empty() {
        return Ok(());
    }
    Err(super::admission::internal_error(
        "Object 'apiVersion' is missing in 'object has no apiVersion field'",
    ))
}

fn remove_metadata(object: &mut Value, keys: &[&str]) {
    let metadata = meta::metadata_mut(object);
    for key in keys {
        metadata.remove(*key);
    }
}

impl ApiServer {
    /// Creates an object, which is decoded and defaulted in the version of `served`.
    pub(crate) fn create(
        &mut self,
        served: &Arc<Served>,
        namespace: &str,
        mut object: Value,
        writer: &mut Writer<'_>,
    ) -> Result<Arc<Entry>, ApiError> {
        let requested = served;
        ensure_namespace(served, namespace, &mut object)?;
        deduplicate_owners(&mut object, "", &mut writer.warnings);
        let through = if writer.through_status { "status" } else { "" };
        default_times(requested, &mut object, writer.now);
        let known = self.own_written(requested, through, None, &mut object, writer);
        let (served, mut object) = self.for_storage(requested, object);
        let served = &served;
        self.check_admission("CREATE", served)?;
        meta::set(&mut object, "uid", json!(writer.entropy.uid()));
        meta::set(
            &mut object,
            "creationTimestamp",
            json!(time::rfc3339(writer.now)),
        );
        let asked = meta::name(&object).to_owned();
        self.admit_create(served, namespace, &mut object, writer)?;
        let versions = (requested, served);
        self.mutate_create(versions, namespace, &mut object, writer)?;
        self.generate_name(served, namespace, &mut object, writer)?;
        ensure_namespace(served, namespace, &mut object)?;
        deduplicate_owners(&mut object, MUTATED, &mut writer.warnings);
        let name = meta::name(&object).to_owned();
        let granted = Granted::new(served, namespace, &object, None);
        let granted = granted.requested_as(writer.named.then_some(asked.as_str()));
        self.check_escalation(writer.user, granted)?;
        if !writer.through_status {
            self.allocate(served, &mut object, None, writer.dry_run)?;
        }
        prepare_create(served, &mut object, &mut writer.warnings);
        if writer.shares_labels {
            job::share_labels(&mut object);
        }
        let empty = standing_empties(versions, through, std::mem::take(&mut writer.empty));
        empty.put_into(&mut object);
        let mut errors = self.admin_errors(served, through, &object, &Value::Null);
        errors.extend(validate_create(
            (requested, served),
            &object,
            &mut writer.warnings,
        ));
        empty.take_from(&mut object);
        let errors = self.standing(served, None, writer.is_own, errors);
        if !errors.is_empty() {
            return Err(invalid(served, &object, &errors));
        }
        self.check_overhead(served, &object)?;
        // What isn't stored isn't asked for its version.
        if !writer.dry_run && !meta::resource_version(&object).is_empty() {
            return Err(ApiError::internal(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        self.admit_created(versions, (namespace, &asked), &object, writer)?;
        // What a path names is stored there, whatever admission calls it.
        let at = if writer.named { &asked } else { &name };
        let key = key(meta::namespace(&object), at);
        let taken = self.store.get(&served.table, &key).map(|existing| {
            let error = already_exists(requested, &name, &existing.value);
            match meta::generate_name(&object) {
                "" => error,
                _ => not_generated(error),
            }
        });
        // What is stored is converted before it turns out that the name is taken; a dry run looks first.
        let (early, late) = if writer.dry_run {
            (taken, None)
        } else {
            (None, taken)
        };
        early.map_or(Ok(()), Err)?;
        // As with updates; a POST has lost it before (`create_object`), an update that creates has not.
        if !writer.dry_run {
            remove_metadata(&mut object, &["selfLink"]);
        }
        writer.hollow |= stored_form(served, &mut object) != Reading::Alike;
        check_size(&object)?;
        let unstored = writer.dry_run.then(|| object.clone());
        let stored = self.to_stored(served, object)?;
        late.map_or(Ok(()), Err)?;
        let reread = self.reread(served, &stored)?;
        self.has_its_answers()?;
        if let Some(object) = unstored {
            let shown = reread.unwrap_or_else(|| commit::reread(served, &object).unwrap_or(object));
            return Ok(Arc::new(Entry::new(Arc::new(shown), 0)));
        }
        let entry = self.commit(served, &key, (stored, known), writer)?;
        Ok(self.answered(served, entry, reread, writer.dry_run))
    }

    /// Built-in objects in another version are handled in their storage version; custom ones in the requested one.
    pub(crate) fn for_storage(&self, served: &Arc<Served>, object: Value) -> (Arc<Served>, Value) {
        match self.registry.storage(&served.table) {
            Some(storage) if served.type_id().is_some() && !served.is_storage_version() => {
                (storage.clone(), convert::to_storage(served, object))
            }
            Some(_) | None => (served.clone(), object),
        }
    }

    /// Updates an object by what a client sent whole.
    pub(crate) fn replace(
        &mut self,
        target: UpdateTarget<'_>,
        writer: &mut Writer<'_>,
        mut object: Value,
    ) -> Result<Updated, ApiError> {
        deduplicate_owners(&mut object, "", &mut writer.warnings);
        // It is asked for once.
        let mut object = Some(object);
        self.update(target, writer, &mut |_, _, _| {
            Ok(object.take().unwrap_or_default())
        })
    }
}

/// 422 about an object; a custom one is named by the kind it claims.
fn invalid(served: &Served, object: &Value, errors: &[FieldError]) -> ApiError {
    let (name, kind) = (meta::name(object), meta::kind(object));
    // A custom object is called what it says it is.
    let group = meta::api_version(object)
        .split_once('/')
        .map_or("", |(group, _)| group);
    let own = kind == served.resource.kind && group == served.resource.group;
    if served.custom().is_some() && !own {
        return ApiError::invalid_as(&qualified(kind, group), group, kind, name, errors);
    }
    ApiError::invalid(&served.resource, name, errors)
}
