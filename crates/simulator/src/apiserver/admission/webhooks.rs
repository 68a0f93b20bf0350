//! Asking webhooks: mutating ones one after another, validating ones all at once
//! (`apiserver/pkg/admission/plugin/webhook/{generic,mutating,validating}`).

use std::sync::Arc;

use machinery::builtin::defaults;
use machinery::schema::TypeTable;
use machinery::{decode, patch};
use serde_json::Value;

use super::configurations::{Hook, hooks};
use super::expressions::{Extra, Match, Scope};
use super::review::{self, Response, Shown, converted, shown};
use super::types::{Chain, TYPE_FIELDS, check_version, restore_type};
use super::{Attributes, Gvk, Round, internal_error, warn};
use crate::apiserver::ApiServer;
use crate::apiserver::body::{internal_package, merged_custom};
use crate::apiserver::registry::Served;
use crate::outside::Question;
use crate::session::typed;
use crate::status_error::ApiError;

/// Why a webhook's word doesn't count.
enum Trouble {
    /// It could not be asked; its failure policy decides.
    Call(String),
    /// It says no, or what it says cannot be done.
    Refused(ApiError),
    /// Its answer is not there yet.
    Pending,
}

impl Trouble {
    /// What the request fails with, or `None` if the webhook is out of reach and that doesn't matter.
    fn failure(self, hook: &Hook<'_>) -> Option<ApiError> {
        match self {
            Self::Call(_) if hook.ignores_failure() => None,
            Self::Call(text) => Some(internal_error(&format!(
                "failed calling webhook {:?}: {text}",
                hook.name()
            ))),
            Self::Refused(error) => Some(error),
            Self::Pending => Some(ApiError::pending()),
        }
    }
}

impl ApiServer {
    /// The version a webhook is to be asked about, if it is to be asked.
    fn wanted(
        &self,
        hook: &Hook<'_>,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
    ) -> Result<Option<Arc<Served>>, ApiError> {
        let namespace = self.selects_namespace(hook.field("namespaceSelector"), attributes, object);
        if matches!(namespace, Ok(false)) {
            return Ok(None);
        }
        let selected =
            super::rules::selects_object(hook.field("objectSelector"), object, attributes.old);
        if matches!(selected, Ok(false)) {
            return Ok(None);
        }
        let rules = hook.list("rules");
        let about = self.covered(rules, hook.takes_equivalents(), attributes);
        let Some(about) = about else {
            return Ok(None);
        };
        // Only now: what is no business of a webhook never fails because of it.
        namespace?;
        selected?;
        let holds = self.holds(hook, attributes, &about, object)?;
        Ok(holds.then_some(about))
    }

    /// Asks one webhook.
    fn consult(
        &self,
        hook: &Hook<'_>,
        attributes: &Attributes<'_>,
        about: &Arc<Served>,
        object: Option<&Value>,
    ) -> Result<Response, Trouble> {
        if attributes.dry_run && !hook.takes_dry_run() {
            let text = format!(
                "admission webhook {:?} does not support dry run",
                hook.name()
            );
            return Err(Trouble::Refused(ApiError::new(
                400,
                "BadRequest",
                text,
                None,
            )));
        }
        let Some(version) = hook.review_version() else {
            return Err(Trouble::Call(
                "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)"
                    .to_owned(),
            ));
        };
        let shown = Shown::of(self, attributes, about, object).map_err(Trouble::Refused)?;
        let objects = shown.objects();
        let body = review::review(
            version,
            &review::request(attributes, &about.resource, objects),
        );
        let (place, timeout) = (hook.place(), hook.timeout());
        let (asker, bundle) = (hook.asker(), hook.ca_bundle());
        let mut about = if attributes.foreseen {
            // Whatever its revision will be, that is the same question.
            without_revision(&body).to_string()
        } else {
            body.to_string()
        };
        if attributes.round == Round::Again {
            // Another one, even about the same object.
            about.push_str(" again");
        }
        let answered = self
            .asking
            .ask_about(&asker, &place, &bundle, timeout, body, &about);
        let answered = answered.ok_or(Trouble::Pending)?;
        let url = Question::url_of(&place, timeout);
        review::read(hook, &url, &answered).map_err(Trouble::Call)
    }

    /// Asks mutating webhooks in turn; those that want it once more after others changed the object.
    pub(super) fn mutating_webhooks(
        &self,
        attributes: &Attributes<'_>,
        mut object: Option<&mut Value>,
        own: &mut dyn FnMut(&Self, &mut Value) -> Result<(), ApiError>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let configurations = self.configurations(true);
        let hooks = hooks(&configurations, true);
        if hooks.is_empty() {
            return Ok(());
        }
        // Positions of webhooks that were asked and want to be asked again, and of those that have a reason to.
        let mut asked: Vec<usize> = Vec::new();
        let mut again: Vec<usize> = Vec::new();
        let mut any_change = false;
        let mut chain = Chain::default();
        let timeless = &Attributes {
            round: Round::First,
            ..attributes.clone()
        };
        for (position, hook) in hooks.iter().enumerate() {
            let attributes = if any_change { timeless } else { attributes };
            let object = (object.as_deref_mut(), &mut chain);
            match self.mutating_webhook(hook, attributes, object, warnings)? {
                None => continue,
                Some(true) => {
                    any_change = true;
                    again.append(&mut asked);
                }
                Some(false) => {}
            }
            if hook.wants_again() {
                asked.push(position);
            }
        }
        if !any_change {
            return Ok(());
        }
        check_version(attributes, object.as_deref())?;
        if let Some(object) = object.as_deref_mut() {
            restore_type(attributes, object);
            let before = object.clone();
            own(self, object)?;
            if before != *object {
                again.append(&mut asked);
            }
        }
        again.sort_unstable();
        let attributes = &Attributes {
            round: Round::Again,
            ..attributes.clone()
        };
        let mut chain = Chain::default();
        for (position, hook) in hooks.iter().enumerate() {
            if !again.contains(&position) {
                continue;
            }
            let object = (object.as_deref_mut(), &mut chain);
            if self.mutating_webhook(hook, attributes, object, warnings)? == Some(true) {
                again.append(&mut asked);
            }
        }
        if let Some(object) = object.as_deref_mut() {
            restore_type(attributes, object);
        }
        check_version(attributes, object.as_deref())
    }

    /// Asks one mutating webhook. `None` if it has no business with the request, else whether it changed the object.
    fn mutating_webhook(
        &self,
        hook: &Hook<'_>,
        attributes: &Attributes<'_>,
        (object, chain): (Option<&mut Value>, &mut Chain),
        warnings: &mut Vec<String>,
    ) -> Result<Option<bool>, ApiError> {
        let mut told = chain.told(attributes, object.as_deref());
        let seen = told.as_ref().or(object.as_deref());
        let Some(about) = self.wanted(hook, attributes, seen)? else {
            return Ok(None);
        };
        if chain.enters(&about) {
            told = chain.told(attributes, object.as_deref());
        }
        let outcome = self
            .consult(
                hook,
                attributes,
                &about,
                told.as_ref().or(object.as_deref()),
            )
            .and_then(|response| {
                for text in &response.warnings {
                    warn(warnings, text);
                }
                let object = object.map(|object| (object, told));
                patched(self, (hook, attributes), &about, (object, chain), &response)
            });
        match outcome {
            Ok(changed) => Ok(Some(changed)),
            Err(trouble) => trouble.failure(hook).map_or(Ok(Some(false)), Err),
        }
    }

    /// Asks all validating webhooks; the first that objects, in the order of their configurations, decides.
    pub(super) fn validating_webhooks(
        &self,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let configurations = self.configurations(false);
        let hooks = hooks(&configurations, false);
        let mut relevant = Vec::new();
        for hook in &hooks {
            if let Some(about) = self.wanted(hook, attributes, object)? {
                relevant.push((hook, about));
            }
        }
        let outcomes: Vec<_> = relevant
            .iter()
            .map(|(hook, about)| (*hook, self.consult(hook, attributes, about, object)))
            .collect();
        if outcomes
            .iter()
            .any(|(_, outcome)| matches!(outcome, Err(Trouble::Pending)))
        {
            return Err(ApiError::pending());
        }
        let mut first = None;
        for (hook, outcome) in outcomes {
            let failure = match outcome {
                Ok(response) => {
                    for text in &response.warnings {
                        warn(warnings, text);
                    }
                    let denied = !response.allowed;
                    denied.then(|| review::denial(hook.name(), response.status.as_ref()))
                }
                Err(trouble) => trouble.failure(hook),
            };
            first = first.or(failure);
        }
        first.map_or(Ok(()), Err)
    }
}

impl ApiServer {
    /// Whether the match conditions of a webhook hold.
    fn holds(
        &self,
        hook: &Hook<'_>,
        attributes: &Attributes<'_>,
        about: &Arc<Served>,
        object: Option<&Value>,
    ) -> Result<bool, ApiError> {
        let conditions = hook.list("matchConditions");
        if conditions.is_empty() {
            return Ok(true);
        }
        let shown = Shown::of(self, attributes, about, object)?;
        let objects = shown.objects();
        let extra = Extra::default();
        let mut scope = Scope::new(self, attributes, &about.resource, objects, &extra);
        match scope.conditions(conditions) {
            Match::Holds => Ok(true),
            Match::Broken(text) if !hook.ignores_failure() => {
                let resource = &attributes.requested.resource;
                Err(ApiError::forbidden(resource, attributes.name, &text))
            }
            Match::Fails | Match::Broken(_) => Ok(false),
        }
    }
}

/// A review without the revision of the stored object.
fn without_revision(review: &Value) -> Value {
    let mut review = review.clone();
    let metadata = review.pointer_mut("/request/oldObject/metadata");
    if let Some(fields) = metadata.and_then(Value::as_object_mut) {
        fields.remove("resourceVersion");
    }
    review
}

/// What a mutating webhook's answer makes of the object. Tells whether it changed.
fn patched(
    server: &ApiServer,
    (hook, attributes): (&Hook<'_>, &Attributes<'_>),
    about: &Arc<Served>,
    (object, chain): (Option<(&mut Value, Option<Value>)>, &mut Chain),
    response: &Response,
) -> Result<bool, Trouble> {
    if !response.allowed {
        let error = review::denial(hook.name(), response.status.as_ref());
        return Err(Trouble::Refused(error));
    }
    if response.patch.is_empty() {
        return Ok(false);
    }
    let operations = patch::json::parse_loosely(&response.patch).map_err(|error| {
        Trouble::Call(format!(
            "received undecodable patch in webhook response: {error}"
        ))
    })?;
    if operations.operations.is_empty() {
        return Ok(false);
    }
    let Some((object, told)) = object else {
        return Err(Trouble::Refused(internal_error(&format!(
            "admission webhook {:?} attempted to modify the object, which is not supported for this operation",
            hook.name()
        ))));
    };
    if response.patch_type != "JSONPatch" {
        let text = format!("unsupported patch type {:?}", response.patch_type);
        return Err(Trouble::Call(text));
    }
    let refused = |error: patch::PatchError| Trouble::Refused(internal_error(&error.to_string()));
    let seen = told.as_ref().unwrap_or(object);
    let shown = shown(server, attributes, about, seen).map_err(Trouble::Refused)?;
    let value = patch::json::apply_operations(&shown, &operations.operations).map_err(refused)?;
    let timed = attributes.round == Round::Timed;
    if value == *shown {
        chain.patched = true;
        if let Some(told) = told {
            *object = told;
        }
        return Ok(timed);
    }
    // Seen before defaults put something back.
    let type_id = match attributes.kind {
        Some((group, version, kind)) => TypeTable::builtin().type_of(group, version, kind),
        None => about.type_id(),
    };
    let changed = type_id.is_none_or(|type_id| {
        let read = |object: &Value| decode::normalise(type_id, object).ok();
        read(&value) != read(&shown)
    });
    let left_out = TYPE_FIELDS.map(|field| value.get(field).is_none());
    let changed =
        timed || changed || left_out != TYPE_FIELDS.map(|field| shown.get(field).is_none());
    let mut value = if let Some(kind) = attributes.kind {
        of_kind(server, kind, value)?
    } else {
        let read = decoded(server, about, value)?;
        converted(server, about, attributes.served, &read)
            .map_err(Trouble::Refused)?
            .into_owned()
    };
    // The next one sees the object as it was decoded, as long as it needs no conversion.
    let as_decoded = about.custom().is_none() && about.resource == attributes.served.resource;
    if attributes.kind.is_some() || as_decoded {
        for (field, _) in TYPE_FIELDS.iter().zip(left_out).filter(|(_, lost)| *lost) {
            if let Some(fields) = value.as_object_mut() {
                fields.remove(*field);
            }
        }
    }
    *object = value;
    chain.patched = true;
    Ok(changed)
}

/// A patched body of a kind of its own, such as a Scale, as its type reads it.
fn of_kind(
    server: &ApiServer,
    (group, version, kind): Gvk,
    value: Value,
) -> Result<Value, Trouble> {
    let Some(type_id) = TypeTable::builtin().type_of(group, version, kind) else {
        return Ok(value);
    };
    let api_version = match group {
        "" => version.to_owned(),
        _ => format!("{group}/{version}"),
    };
    check_kind(server, &value, (&api_version, group, kind))?;
    let undecodable =
        |error: decode::DecodeError| Trouble::Refused(internal_error(&error.to_string()));
    let mut value = decode::normalise(type_id, &value).map_err(undecodable)?;
    defaults::apply(group, version, kind, &mut value);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), kind.into());
    }
    Ok(value)
}

fn undecodable(error: &ApiError) -> Trouble {
    Trouble::Refused(internal_error(&error.message))
}

/// A patched object, decoded as what it says it is. Of a custom one nobody takes what its schema doesn't know before it is
/// stored.
fn decoded(server: &ApiServer, about: &Served, value: Value) -> Result<Value, Trouble> {
    if about.custom().is_some() {
        typed(about, value.clone()).map_err(|error| undecodable(&error))?;
        return merged_custom(about, value).map_err(|error| undecodable(&error));
    }
    let resource = &about.resource;
    let (api_version, kind) = (resource.api_version(), resource.kind.as_ref());
    check_kind(server, &value, (&api_version, &resource.group, kind))?;
    typed(about, value).map_err(|error| undecodable(&error))
}

/// An object of another kind can't take the place of one of this version, group and kind.
fn check_kind(
    server: &ApiServer,
    value: &Value,
    (wanted_version, group, wanted_kind): (&str, &str, &str),
) -> Result<(), Trouble> {
    let text = |field: &str| {
        let found = value.get(field).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let same = (kind.is_empty() || kind == wanted_kind)
        && (api_version.is_empty() || api_version == wanted_version);
    if same {
        return Ok(());
    }
    let Some(other) = server.registry().of_kind(&api_version, &kind) else {
        return Err(undecodable(&ApiError::internal(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        ))));
    };
    typed(other, value.clone()).map_err(|error| undecodable(&error))?;
    // Found out when it is to go on, no more in the webhook's name.
    Err(Trouble::Refused(ApiError::internal(format!(
        "converting ({}.{kind}) to ({}.{wanted_kind}): unknown conversion",
        other.resource.version,
        internal_package(group),
    ))))
}
