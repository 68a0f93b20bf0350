//! Server-side apply itself.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/internal`: `fieldmanager.go`, `structuredmerge.go`, `versioncheck.go`,
//! `skipnonapplied.go`, `managedfieldsupdater.go`.

use serde_json::Value;

use super::conflict::Conflicts;
use super::kubectl;
use super::managed::{self, Managers, Operation, Owned};
use super::members::members;
use super::merge::merge;
use super::ownership::{Change, Unsettled, prune, reconcile, settle, without_reset};
use super::path::equal;
use super::set::FieldSet;
use super::types::Type;
use super::update::{Write, kind_text, stripped, track, untracked};
use super::validate::validate;
use crate::meta;

/// The manager of what was there before an object's first apply.
const BEFORE: &str = "before-first-apply";

/// What an apply makes of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The merged object with its `managedFields`; defaults are not filled in, and lists and maps of which nothing is
    /// left may be null.
    pub object: Value,
    /// Something else than `managedFields` changed.
    pub changed: bool,
}

/// Why an apply was refused. The text is the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// 409: others own fields with other values.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// 400: no configuration for this endpoint.
    #[error("{0}")]
    BadRequest(String),
    /// 500 without a reason: something doesn't fit its schema.
    #[error("{0}")]
    Internal(String),
}

/// Applies a configuration to an object; `None` creates it.
///
/// `live` is decoded and defaulted, `config` as it was sent, both in the version of `write`. With `force`, fields that
/// others own with other values are taken over.
pub fn apply(
    write: &Write<'_>,
    live: Option<&Value>,
    config: &Value,
    force: bool,
) -> Result<Applied, ApplyError> {
    let live = live.unwrap_or(write.empty);
    let attempt = |force| apply_once(write, live, config, force);
    let applied = attempt(force);
    let applied = match &applied {
        Err(ApplyError::Conflicts(conflicts)) if write.manager == kubectl::MANAGER => {
            match kubectl::remaining(write, live, conflicts) {
                None => applied,
                Some(left) if left.0.is_empty() => attempt(true),
                Some(left) => Err(ApplyError::Conflicts(left)),
            }
        }
        Ok(_) | Err(_) => applied,
    };
    let mut applied = applied?;
    if write.manager == kubectl::MANAGER {
        kubectl::keep_annotation(&mut applied.object, config);
    }
    Ok(applied)
}

fn apply_once(
    write: &Write<'_>,
    live: &Value,
    config: &Value,
    force: bool,
) -> Result<Applied, ApplyError> {
    let (version, kind) = (meta::api_version(config), meta::kind(config));
    if version != write.api_version || kind != write.kind {
        let kind = kind_text(version, kind);
        let text = format!("invalid object type: {kind}");
        return Err(ApplyError::BadRequest(text));
    }
    let managers = managed::decode(managed::entries(live)).map_err(|error| {
        ApplyError::Internal(format!("failed to decode managed fields: {error}"))
    })?;
    let live = untracked(live);
    let managers = if managers.is_empty() {
        track(write, BEFORE, write.empty, &live, managers).map_err(|text| {
            ApplyError::Internal(format!(
                "failed to create manager for existing fields: {text}"
            ))
        })?
    } else {
        managers
    };
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(Value::is_array)
    {
        let text = "metadata.managedFields must be nil".to_owned();
        return Err(ApplyError::BadRequest(text));
    }
    let ty = check(write, &live, config)?;
    merged(write, &live, config, ty, managers, force)
}

/// Both objects fit their type.
fn check<'a>(write: &Write<'a>, live: &Value, config: &Value) -> Result<Type<'a>, ApplyError> {
    let failed = |what: &str, object: &Value, text: String| {
        let name = write.name_of(object);
        ApplyError::Internal(format!(
            "failed to create typed {what} object ({name}): {text}"
        ))
    };
    let Some(ty) = write.versions.type_in(write.api_version) else {
        let kind = kind_text(write.api_version, write.kind);
        let text = format!("no corresponding type for {kind}");
        return Err(failed("patch", config, text));
    };
    validate(config, ty, false).map_err(|text| failed("patch", config, text))?;
    validate(live, ty, true).map_err(|text| failed("live", live, text))?;
    Ok(ty)
}

fn merged(
    write: &Write<'_>,
    live: &Value,
    config: &Value,
    ty: Type<'_>,
    mut managers: Managers,
    force: bool,
) -> Result<Applied, ApplyError> {
    let version = write.api_version;
    reconcile(&mut managers, write.versions, (live, version)).map_err(ApplyError::Internal)?;
    let merged = merge(Some(live), Some(config), ty).unwrap_or_default();
    let writer = write.writer(Operation::Apply);
    let last = managers.get(&writer).cloned();
    let owned = Owned {
        api_version: version.to_owned(),
        time: last
            .as_ref()
            .map(|last| last.time.clone())
            .unwrap_or_default(),
        fields: without_reset(members(config, ty), write.versions, version),
    };
    managers.insert(writer.clone(), owned);
    let object = prune(merged, version, write.versions, &managers, last.as_ref())
        .map_err(|text| ApplyError::Internal(format!("failed to prune fields: {text}")))?;
    let change = Change {
        versions: write.versions,
        api_version: version,
        old: live,
        new: &object,
        rewritten: FieldSet::new(),
    };
    settle(&change, &mut managers, Some(&writer), force).map_err(|unsettled| match unsettled {
        Unsettled::Conflicts(conflicts) => ApplyError::Conflicts(conflicts),
        Unsettled::Failed(text) => ApplyError::Internal(text),
    })?;
    let changed = !equal(live, &object);
    if let Some(owned) = managers.get_mut(&writer) {
        owned.fields = stripped(&owned.fields);
        if changed {
            write.now.clone_into(&mut owned.time);
        }
    }
    managers.retain(|_, owned| !owned.fields.is_empty());
    let mut object = if changed { object } else { live.clone() };
    managed::put(&mut object, &managers);
    Ok(Applied { object, changed })
}
