//! Who owns what after a write, and which fields go with their last owner.
//!
//! Mirrors `structured-merge-diff/merge/update.go`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::conflict::{Conflict, Conflicts};
use super::managed::{Identity, Managers, Owned};
use super::members::{members, reshaped, with_named_parents, without};
use super::set::FieldSet;
use super::types::Type;
use super::update::stripped;

/// The versions of a kind, as far as entries of `managedFields` may name them.
pub trait Versions {
    /// The type of the kind's objects in a version (`apps/v1`); nothing for one that is not served any more.
    fn type_in(&self, api_version: &str) -> Option<Type<'_>>;

    /// An object in another version.
    fn convert(&self, object: &Value, api_version: &str) -> Option<Value>;

    /// Fields that a write through this endpoint cannot set, and so never owns: `status`.
    fn reset_fields(&self, api_version: &str) -> Option<&FieldSet>;

    /// Whether the types of all versions stay what they are, as those of built-in kinds do.
    fn are_fixed(&self) -> bool {
        false
    }
}

/// A kind that has one version.
#[derive(Debug, Clone)]
pub struct SingleVersion<'s> {
    /// `apps/v1`.
    pub api_version: String,
    /// The type of its objects.
    pub ty: Type<'s>,
    /// Fields that writes cannot set.
    pub reset: FieldSet,
}

impl Versions for SingleVersion<'_> {
    fn type_in(&self, api_version: &str) -> Option<Type<'_>> {
        (api_version == self.api_version).then_some(self.ty)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Value> {
        (api_version == self.api_version).then(|| object.clone())
    }

    fn reset_fields(&self, api_version: &str) -> Option<&FieldSet> {
        (api_version == self.api_version).then_some(&self.reset)
    }
}

/// A value with its version.
#[derive(Debug, Clone)]
struct Versioned<'v> {
    value: Cow<'v, Value>,
    api_version: &'v str,
}

impl<'v> Versioned<'v> {
    fn new(value: &'v Value, api_version: &'v str) -> Self {
        Self {
            value: Cow::Borrowed(value),
            api_version,
        }
    }

    fn owned(value: Value, api_version: &'v str) -> Self {
        Self {
            value: Cow::Owned(value),
            api_version,
        }
    }

    fn to(&self, versions: &dyn Versions, api_version: &'v str) -> Option<Self> {
        if self.api_version == api_version {
            return Some(self.clone());
        }
        let value = versions.convert(&self.value, api_version)?;
        Some(Self::owned(value, api_version))
    }
}

/// The fields an endpoint cannot set, taken out of a set.
pub(super) fn without_reset(set: FieldSet, versions: &dyn Versions, version: &str) -> FieldSet {
    match versions.reset_fields(version) {
        Some(reset) => set.recursive_difference(reset),
        None => set,
    }
}

fn comparison(
    old: &Versioned<'_>,
    new: &Versioned<'_>,
    versions: &dyn Versions,
) -> Option<Comparison> {
    let version = new.api_version;
    let mut out = compare(&old.value, &new.value, versions.type_in(version)?);
    out.removed = stripped(&out.removed);
    Some(match versions.reset_fields(version) {
        Some(reset) => out.without(reset),
        None => out,
    })
}

/// Two states of an object in one version.
pub(super) struct Change<'a> {
    /// The kind's versions.
    pub versions: &'a dyn Versions,
    /// That version.
    pub api_version: &'a str,
    /// Before.
    pub old: &'a Value,
    /// After.
    pub new: &'a Value,
}

/// Takes from all managers but one what a change set or removed, and drops those with nothing left.
///
/// Without `force` the first are conflicts instead. Answers what changed; nothing if the version is not known.
pub(super) fn settle(
    change: &Change<'_>,
    managers: &mut Managers,
    writer: Option<&Identity>,
    force: bool,
) -> Result<Comparison, Conflicts> {
    let old = Versioned::new(change.old, change.api_version);
    let new = Versioned::new(change.new, change.api_version);
    let mut known: BTreeMap<String, Option<(FieldSet, Comparison)>> = BTreeMap::new();
    let own = comparison(&old, &new, change.versions).unwrap_or_default();
    let with_set = |compared: Comparison| (compared.set(), compared);
    known.insert(change.api_version.to_owned(), Some(with_set(own.clone())));
    let mut conflicts = Vec::new();
    let mut left = Managers::new();
    for (identity, mut owned) in std::mem::take(managers) {
        if Some(&identity) == writer {
            left.insert(identity, owned);
            continue;
        }
        let version = owned.api_version.as_str();
        let compared = known.entry(version.to_owned()).or_insert_with(|| {
            let old = old.to(change.versions, version)?;
            let new = new.to(change.versions, version)?;
            comparison(&old, &new, change.versions).map(with_set)
        });
        let Some((set, compared)) = compared else {
            continue;
        };
        let taken = owned.fields.intersection(set);
        conflicts.extend(taken.paths().into_iter().map(|path| Conflict {
            manager: identity.clone(),
            path,
        }));
        if !taken.is_empty() || !compared.removed.is_empty() {
            owned.fields = owned
                .fields
                .difference(&taken)
                .difference(&compared.removed);
        }
        left.insert(identity, owned);
    }
    if !force && !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    left.retain(|_, owned| !owned.fields.is_empty());
    *managers = left;
    Ok(own)
}

/// Sets as they would be had the schema always been what it is; entries of unknown versions go.
pub(super) fn reconcile(managers: &mut Managers, versions: &dyn Versions) {
    managers.retain(|_, owned| match versions.type_in(&owned.api_version) {
        Some(ty) => {
            if let Some(fields) = reshaped(&owned.fields, ty) {
                owned.fields = fields;
            }
            true
        }
        None => false,
    });
}

/// A merged object without what its manager applied last time, does not apply now, and nobody else owns.
pub(super) fn prune(
    merged: Value,
    api_version: &str,
    versions: &dyn Versions,
    managers: &Managers,
    last: Option<&Owned>,
) -> Value {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return merged;
    };
    pruned(&merged, api_version, versions, managers, last).unwrap_or(merged)
}

fn pruned(
    merged: &Value,
    api_version: &str,
    versions: &dyn Versions,
    managers: &Managers,
    last: &Owned,
) -> Option<Value> {
    let version = last.api_version.as_str();
    let ty = versions.type_in(version)?;
    let merged = Versioned::new(merged, api_version).to(versions, version)?;
    let previous = with_named_parents(&last.fields, Some(ty));
    let bare = Versioned::owned(without(&merged.value, &previous, ty), version);
    let kept = with_owned(&merged, bare, versions, managers).to(versions, version)?;
    let all = with_named_parents(&members(&merged.value, ty), Some(ty));
    let kept = with_named_parents(&members(&kept.value, ty), Some(ty));
    let gone = all.difference(&kept).intersection(&previous);
    let out = Versioned::owned(without(&merged.value, &gone, ty), version);
    Some(out.to(versions, api_version)?.value.into_owned())
}

/// What was taken out put back, as far as somebody owns it in any version: first in the version it was taken out in.
fn with_owned<'v>(
    merged: &Versioned<'v>,
    bare: Versioned<'v>,
    versions: &dyn Versions,
    managers: &'v Managers,
) -> Versioned<'v> {
    let mut order = vec![merged.api_version];
    let others: BTreeSet<&str> = managers
        .values()
        .map(|owned| owned.api_version.as_str())
        .collect();
    order.extend(
        others
            .into_iter()
            .filter(|other| *other != merged.api_version),
    );
    let (mut merged, mut bare) = (merged.clone(), bare);
    for version in order {
        let mut owned = FieldSet::new();
        for entry in managers
            .values()
            .filter(|entry| entry.api_version == version)
        {
            owned = owned.union(&entry.fields);
        }
        if owned.is_empty() {
            continue;
        }
        let converted = || {
            let ty = versions.type_in(version)?;
            let whole = merged.to(versions, version)?;
            Some((ty, whole, bare.to(versions, version)?))
        };
        let Some((ty, whole, part)) = converted() else {
            continue;
        };
        let named = |set: &FieldSet| with_named_parents(set, Some(ty));
        let keep = named(&members(&part.value, ty)).union(&named(&owned));
        let gone = named(&members(&whole.value, ty)).difference(&keep);
        bare = Versioned::owned(without(&whole.value, &gone, ty), version);
        merged = whole;
    }
    bare
}
