//! Where admission comes into writes.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::{meta, time};
use serde_json::{Map, Value, json};

use super::{Attributes, Operation, Round};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::apiserver::resource::known;
use crate::apiserver::scale::{SCALE, scale_of};
use crate::apiserver::write::{UpdateTarget, Writer};
use crate::session::{DeleteOptions, Propagation};
use crate::status_error::ApiError;

/// A resource as the request named it, and in the version of the objects.
pub(crate) type Versions<'a> = (&'a Arc<Served>, &'a Arc<Served>);

impl ApiServer {
    /// Mutating admission of a new object that the server itself has admitted. Nobody is shown its uid and the time of
    /// creation; a generated name is given to it afterwards.
    pub(crate) fn mutate_create(
        &self,
        (requested, served): Versions<'_>,
        namespace: &str,
        object: &mut Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let name = meta::name(object).to_owned();
        let attributes = Attributes::of(Operation::Create, served, (namespace, &name), writer);
        let Some(mut attributes) = attributes.map(|found| found.requested_as(requested)) else {
            return Ok(());
        };
        if self.knows_times(served) && has_times_of(writer.now, object) {
            attributes.round = Round::Timed;
        }
        let mut given = Map::new();
        for key in ["uid", "creationTimestamp"] {
            if let Some(value) = meta::metadata_mut(object).remove(key) {
                given.insert(key.to_owned(), value);
            }
        }
        let mut warnings = std::mem::take(&mut writer.warnings);
        let mut own = |server: &Self, object: &mut Value| {
            server.admit_create(served, namespace, object, writer)
        };
        let result = self.mutate(&attributes, Some(object), &mut own, &mut warnings);
        warnings.append(&mut writer.warnings);
        writer.warnings = warnings;
        result?;
        for (key, value) in given {
            meta::set(object, &key, value);
        }
        Ok(())
    }

    /// Validating admission of a new object as it would be stored. It is called what it was when it was asked for, whatever
    /// webhooks made of that, or by its generated name (`AdmissionToValidateObjectFunc` of `registry/rest/create.go`).
    pub(crate) fn admit_created(
        &self,
        (requested, served): Versions<'_>,
        (namespace, asked): (&str, &str),
        object: &Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        self.check_own(served, "", (object, None), writer.user)?;
        let name = if asked.is_empty() {
            meta::name(object)
        } else {
            asked
        };
        let attributes = Attributes::of(Operation::Create, served, (namespace, name), writer);
        let Some(attributes) = attributes else {
            return Ok(());
        };
        self.validate(
            &attributes.requested_as(requested),
            Some(object),
            &mut writer.warnings,
        )
    }

    /// Whether it matters that times in objects are of Go's type; those of custom ones are texts.
    fn knows_times(&self, served: &Served) -> bool {
        served.custom().is_none() && self.is_judged()
    }

    /// Mutating admission of a changed object, the server's own first.
    pub(crate) fn mutate_update(
        &self,
        target: UpdateTarget<'_>,
        served: &Arc<Served>,
        (new, old): (&mut Value, &Value),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let resource = &served.resource;
        let mut own = |_: &Self, new: &mut Value| {
            if served.custom().is_none() && target.subresource.is_empty() {
                machinery::builtin::admission::update(&resource.group, &resource.kind, new, old);
            }
            Ok(())
        };
        own(self, new)?;
        let Some(mut attributes) = update_attributes(target, served, old, writer) else {
            return Ok(());
        };
        let timed = self.knows_times(served) && has_times_of(writer.now, new);
        if timed && !same_but_owners(new, old) {
            attributes.round = Round::Timed;
        }
        self.mutate(&attributes, Some(new), &mut own, &mut writer.warnings)
    }

    /// Validating admission of a changed object as it would be stored.
    pub(crate) fn admit_updated(
        &self,
        target: UpdateTarget<'_>,
        served: &Arc<Served>,
        (new, old): (&Value, &Value),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        self.check_own(served, target.subresource, (new, Some(old)), writer.user)?;
        if target.subresource == "scale" {
            return self.admit_scales(target, served, (new, old), writer);
        }
        let Some(attributes) = update_attributes(target, served, old, writer) else {
            return Ok(());
        };
        self.validate(&attributes, Some(new), &mut writer.warnings)
    }

    /// Mutating admission of a Scale that is about to be written.
    pub(crate) fn mutate_scale(
        &self,
        served: &Arc<Served>,
        place: (&str, &str),
        (scale, before): (&mut Value, &Value),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let attributes = Attributes::of(Operation::Update, served, place, writer);
        let Some(attributes) = attributes else {
            return Ok(());
        };
        let attributes = attributes.about("scale", Some(SCALE)).replacing(before);
        self.mutate(
            &attributes,
            Some(scale),
            &mut |_, _| Ok(()),
            &mut writer.warnings,
        )
    }

    /// Validating admission of the Scales of a changed object and of the stored one: they are made of these anew
    /// (`toScaleUpdateValidation`).
    fn admit_scales(
        &self,
        target: UpdateTarget<'_>,
        served: &Arc<Served>,
        (new, old): (&Value, &Value),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let (new, old) = (scale_of(served, new), scale_of(served, old));
        let place = (target.namespace, target.name);
        let Some(attributes) = Attributes::of(Operation::Update, served, place, writer) else {
            return Ok(());
        };
        let attributes = attributes.requested_as(target.served).replacing(&old);
        let attributes = attributes.about("scale", Some(SCALE));
        self.validate(&attributes, Some(&new), &mut writer.warnings)
    }

    /// Admission of what is posted to a subresource. It may come back changed.
    pub(crate) fn admit_posted(
        &self,
        served: &Arc<Served>,
        place: (&str, &str),
        (subresource, kind): (&str, super::Gvk),
        body: &mut Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let attributes = Attributes::of(Operation::Create, served, place, writer);
        let Some(attributes) = attributes else {
            return Ok(());
        };
        let attributes = attributes.about(subresource, Some(kind));
        self.mutate(
            &attributes,
            Some(body),
            &mut |_, _| Ok(()),
            &mut writer.warnings,
        )?;
        if meta::name(body) != place.1 {
            let text = format!("name in URL does not match name in {} object", kind.2);
            return Err(ApiError::bad_request(text));
        }
        self.validate(&attributes, Some(body), &mut writer.warnings)
    }

    /// Admission of a deletion; `period` is the one that a pod gets. A real server writes that, and one second for less
    /// than none, into options that reviews share (`BeforeDelete` of `registry/rest/delete.go`), but those of a collection.
    pub(crate) fn admit_deleted(
        &self,
        versions: Versions<'_>,
        object: &Value,
        (options, period): (&DeleteOptions, Option<i64>),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let asked = (object, false);
        self.admit_gone(versions, asked, (options, period), writer)
    }

    /// Admission of the second half of a pod's deletion, which is marked and then taken away: its grace is none. Everybody is
    /// asked again, about the marked pod (`Delete` of `registry/generic/registry/store.go`), which is not stored before all
    /// answers are there.
    pub(crate) fn admit_marked(
        &self,
        versions: Versions<'_>,
        marked: &Value,
        (options, period): (&DeleteOptions, Option<i64>),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        if !self.is_judged() {
            return Ok(());
        }
        let mut marked = marked.clone();
        let next = self.store().revision() + 1;
        let next = self.asking.foresee(meta::uid(&marked), next);
        meta::set_resource_version(&mut marked, &next.to_string());
        self.admit_gone(versions, (&marked, true), (options, period), writer)
    }

    fn admit_gone(
        &self,
        (requested, served): Versions<'_>,
        (object, foreseen): (&Value, bool),
        (options, period): (&DeleteOptions, Option<i64>),
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let name = if writer.collection {
            ""
        } else {
            meta::name(object)
        };
        let place = (meta::namespace(object), name);
        let Some(mut attributes) = Attributes::of(Operation::Delete, served, place, writer) else {
            return Ok(());
        };
        if served.resource == known::NAMESPACES {
            attributes.namespace = name;
        }
        let mut completed = options.clone();
        if !writer.collection {
            let given = options.grace_period_seconds;
            let given = given.map(|seconds| if seconds < 0 { 1 } else { seconds });
            completed.grace_period_seconds = period.or(given);
        }
        attributes.options = delete_options(&completed);
        attributes.dry_run = options.dry_run;
        attributes.foreseen = foreseen;
        let attributes = attributes.requested_as(requested).replacing(object);
        self.admit_delete(&attributes, &mut writer.warnings)
    }
}

/// Whether an entry of `managedFields` is of that time.
fn has_times_of(now: Timestamp, object: &Value) -> bool {
    let entries = object.pointer("/metadata/managedFields");
    let mut entries = entries.and_then(Value::as_array).into_iter().flatten();
    let now = time::rfc3339(now);
    entries.any(|entry| entry.get("time").and_then(Value::as_str) == Some(now.as_str()))
}

/// Whether nothing differs but `managedFields`.
fn same_but_owners(new: &Value, old: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        meta::metadata_mut(&mut object).remove("managedFields");
        object
    };
    bare(new) == bare(old)
}

fn update_attributes<'a>(
    target: UpdateTarget<'a>,
    served: &'a Arc<Served>,
    old: &'a Value,
    writer: &Writer<'a>,
) -> Option<Attributes<'a>> {
    // What is admitted there is the Scale.
    if target.subresource == "scale" {
        return None;
    }
    let place = (target.namespace, target.name);
    let attributes = Attributes::of(Operation::Update, served, place, writer)?;
    let attributes = attributes.requested_as(target.served).replacing(old);
    Some(attributes.about(target.subresource, None))
}

/// Options of a deletion as a review shows them, without kind and apiVersion.
fn delete_options(options: &DeleteOptions) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(key.to_owned(), value);
        }
    };
    put(
        "gracePeriodSeconds",
        options.grace_period_seconds.map(Value::from),
    );
    let mut preconditions = Map::new();
    for (key, value) in [
        ("uid", &options.uid),
        ("resourceVersion", &options.resource_version),
    ] {
        if let Some(value) = value {
            preconditions.insert(key.to_owned(), json!(value));
        }
    }
    put(
        "preconditions",
        (!preconditions.is_empty()).then_some(Value::Object(preconditions)),
    );
    put(
        "orphanDependents",
        options.orphan_dependents.map(Value::from),
    );
    let propagation = options.propagation.map(|propagation| match propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    });
    put("propagationPolicy", propagation.map(Value::from));
    put("dryRun", options.dry_run.then(|| json!(["All"])));
    fields
}
