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
use super::validate::validate;

/// Why an object is not to be had in another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unconverted {
    /// There is no such version any more: entries that name it go.
    Missing,
    /// It could not be converted, or doesn't fit its schema then; the server's words.
    Failed(String),
}

/// The versions of a kind, as far as entries of `managedFields` may name them.
pub trait Versions {
    /// The type of the kind's objects in a version (`apps/v1`); nothing for one that is not served any more.
    fn type_in(&self, api_version: &str) -> Option<Type<'_>>;

    /// An object in another version.
    ///
    /// # Errors
    /// If there is no such version, or whoever converts fails.
    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, Unconverted>;

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

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, Unconverted> {
        let known = api_version == self.api_version;
        known.then(|| object.clone()).ok_or(Unconverted::Missing)
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

    fn to(&self, versions: &dyn Versions, api_version: &'v str) -> Result<Self, Unconverted> {
        if self.api_version == api_version {
            return Ok(self.clone());
        }
        let value = versions.convert(&self.value, api_version)?;
        let ty = versions.type_in(api_version).ok_or(Unconverted::Missing)?;
        validate(&value, ty, false).map_err(Unconverted::Failed)?;
        Ok(Self::owned(value, api_version))
    }

    /// The same; nothing for a version that is missing. A failure is told after `what` it was about.
    fn known_in(
        &self,
        versions: &dyn Versions,
        api_version: &'v str,
        what: &str,
    ) -> Result<Option<Self>, String> {
        match self.to(versions, api_version) {
            Ok(converted) => Ok(Some(converted)),
            Err(Unconverted::Missing) => Ok(None),
            Err(Unconverted::Failed(text)) => Err(format!("{what}: {text}")),
        }
    }
}

/// The fields an endpoint cannot set, taken out of a set.
pub(super) fn without_reset(set: FieldSet, versions: &dyn Versions, version: &str) -> FieldSet {
    match versions.reset_fields(version) {
        Some(reset) => set.recursive_difference(reset),
        None => set,
    }
}

fn comparison(old: &Versioned<'_>, new: &Versioned<'_>, change: &Change<'_>) -> Option<Comparison> {
    let (version, versions) = (new.api_version, change.versions);
    let mut out = compare(&old.value, &new.value, versions.type_in(version)?);
    if version == change.api_version && !change.rewritten.is_empty() {
        out.modified = out.modified.union(&change.rewritten);
    }
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
    /// What counts as modified though both print it alike.
    pub rewritten: FieldSet,
}

/// Why a change is nobody's.
pub(super) enum Unsettled {
    /// Others own what it sets.
    Conflicts(Conflicts),
    /// It can't be seen in a version that others own something in; the server's words.
    Failed(String),
}

/// Takes from all managers but one what a change set or removed, and drops those with nothing left.
///
/// Without `force` the first are conflicts instead. Answers what changed; nothing if the version is not known.
pub(super) fn settle(
    change: &Change<'_>,
    managers: &mut Managers,
    writer: Option<&Identity>,
    force: bool,
) -> Result<Comparison, Unsettled> {
    let old = Versioned::new(change.old, change.api_version);
    let new = Versioned::new(change.new, change.api_version);
    let mut known: BTreeMap<String, Option<(FieldSet, Comparison)>> = BTreeMap::new();
    let own = comparison(&old, &new, change).unwrap_or_default();
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
        if !known.contains_key(version) {
            let compared = compared_in(version, (&old, &new), change);
            let compared = compared.map_err(Unsettled::Failed)?;
            known.insert(version.to_owned(), compared.map(with_set));
        }
        let Some(Some((set, compared))) = known.get(version) else {
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
        return Err(Unsettled::Conflicts(Conflicts(conflicts)));
    }
    left.retain(|_, owned| !owned.fields.is_empty());
    *managers = left;
    Ok(own)
}

/// What changed, seen in another version; nothing if that is missing.
fn compared_in<'v>(
    version: &'v str,
    (old, new): (&Versioned<'v>, &Versioned<'v>),
    change: &Change<'_>,
) -> Result<Option<Comparison>, String> {
    let versions = change.versions;
    let Some(old) = old.known_in(versions, version, "failed to convert old object")? else {
        return Ok(None);
    };
    let new = new.known_in(versions, version, "failed to convert new object")?;
    Ok(new.and_then(|new| comparison(&old, &new, change)))
}

/// Sets as they would be had the schema always been what it is; entries of unknown versions go. Fails if the object, which is
/// in `api_version`, can't be seen in one of those versions.
pub(super) fn reconcile(
    managers: &mut Managers,
    versions: &dyn Versions,
    (live, api_version): (&Value, &str),
) -> Result<(), String> {
    let live = Versioned::new(live, api_version);
    let mut seen = BTreeSet::new();
    for owned in managers.values() {
        let version = owned.api_version.as_str();
        if version == api_version || !seen.insert(version) {
            continue;
        }
        if let Err(Unconverted::Failed(text)) = live.to(versions, version) {
            return Err(text);
        }
    }
    managers.retain(|_, owned| match versions.type_in(&owned.api_version) {
        Some(ty) => {
            if let Some(fields) = reshaped(&owned.fields, ty) {
                owned.fields = fields;
            }
            true
        }
        None => false,
    });
    Ok(())
}

/// A merged object without what its manager applied last time, does not apply now, and nobody else owns.
pub(super) fn prune(
    merged: Value,
    api_version: &str,
    versions: &dyn Versions,
    managers: &Managers,
    last: Option<&Owned>,
) -> Result<Value, String> {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return Ok(merged);
    };
    let pruned = pruned(&merged, api_version, versions, managers, last)?;
    Ok(pruned.unwrap_or(merged))
}

fn pruned(
    merged: &Value,
    api_version: &str,
    versions: &dyn Versions,
    managers: &Managers,
    last: &Owned,
) -> Result<Option<Value>, String> {
    let version = last.api_version.as_str();
    let Some(ty) = versions.type_in(version) else {
        return Ok(None);
    };
    let what = "failed to convert merged object to last applied version";
    let merged = Versioned::new(merged, api_version);
    let Some(merged) = merged.known_in(versions, version, what)? else {
        return Ok(None);
    };
    let previous = with_named_parents(&last.fields, Some(ty));
    let bare = Versioned::owned(without(&merged.value, &previous, ty), version);
    let kept = with_owned(&merged, bare, versions, managers)
        .map_err(|text| format!("failed add back owned items: {text}"))?;
    let what =
        "failed add back dangling items: failed to convert pruned object at last applied version";
    let Some(kept) = kept.known_in(versions, version, what)? else {
        return Ok(None);
    };
    let all = with_named_parents(&members(&merged.value, ty), Some(ty));
    let kept = with_named_parents(&members(&kept.value, ty), Some(ty));
    let gone = all.difference(&kept).intersection(&previous);
    let out = Versioned::owned(without(&merged.value, &gone, ty), version);
    match out.to(versions, api_version) {
        Ok(out) => Ok(Some(out.value.into_owned())),
        Err(Unconverted::Missing) => Ok(None),
        Err(Unconverted::Failed(text)) => Err(text),
    }
}

/// What was taken out put back, as far as somebody owns it in any version: first in the version it was taken out in.
fn with_owned<'v>(
    merged: &Versioned<'v>,
    bare: Versioned<'v>,
    versions: &dyn Versions,
    managers: &'v Managers,
) -> Result<Versioned<'v>, String> {
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
        let what = |object: &str| format!("failed to convert {object} object at version {version}");
        let Some(ty) = versions.type_in(version) else {
            continue;
        };
        let Some(whole) = merged.known_in(versions, version, &what("merged"))? else {
            continue;
        };
        let Some(part) = bare.known_in(versions, version, &what("pruned"))? else {
            continue;
        };
        let named = |set: &FieldSet| with_named_parents(set, Some(ty));
        let keep = named(&members(&part.value, ty)).union(&named(&owned));
        let gone = named(&members(&whole.value, ty)).difference(&keep);
        bare = Versioned::owned(without(&whole.value, &gone, ty), version);
        merged = whole;
    }
    Ok(bare)
}
