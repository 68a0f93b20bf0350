//! What any write but an apply does to `managedFields`.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/internal`: `fieldmanager.go`, `skipnonapplied.go`, `capmanagers.go`,
//! `managedfieldsupdater.go`, `stripmeta.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::known::{Known, Written};
use super::managed::{self, Identity, Managers, Operation, Owned};
use super::ownership::{Change, Unsettled, Versions, reconcile, settle, without_reset};
use super::path::PathElement;
use super::rewritten::rewritten;
use super::set::FieldSet;
use super::validate::{validate, validate_beside};
use crate::decode::Empties;
use crate::meta;

/// More entries of updates than this are merged into one.
const MAX_UPDATERS: usize = 10;
/// The manager of that one.
const ANCIENT: &str = "ancient-changes";

/// A write, as far as it decides who owns what.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// The versions of the kind.
    pub versions: &'a dyn Versions,
    /// Version of the objects in this write: `apps/v1`.
    pub api_version: &'a str,
    /// Kind of the objects.
    pub kind: &'a str,
    /// What an object of the kind is before anything is set: of a built-in kind Go's zero value, of a custom one its
    /// `apiVersion` and `kind`.
    pub empty: &'a Value,
    /// Who writes; empty counts as `unknown`.
    pub manager: &'a str,
    /// Through which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The time, RFC 3339 in whole seconds.
    pub now: &'a str,
}

impl Write<'_> {
    fn identity(&self, manager: &str, operation: Operation) -> Identity {
        let manager = if manager.is_empty() {
            "unknown"
        } else {
            manager
        };
        Identity::new(manager, operation, self.api_version, self.subresource)
    }

    /// The identity of this writer's entry.
    pub fn writer(&self, operation: Operation) -> Identity {
        self.identity(self.manager, operation)
    }

    /// `NAMESPACE/NAME; GROUP/VERSION, Kind=KIND`, as messages name an object.
    pub(super) fn name_of(&self, object: &Value) -> String {
        format!(
            "{}/{}; {}",
            meta::namespace(object),
            meta::name(object),
            kind_text(self.api_version, self.kind)
        )
    }
}

/// `GROUP/VERSION, Kind=KIND`, with an empty group for the core's.
pub(super) fn kind_text(api_version: &str, kind: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={kind}")
}

/// Fields that nobody owns.
static NOBODYS: LazyLock<FieldSet> = LazyLock::new(|| {
    let mut out = FieldSet::new();
    for name in ["apiVersion", "kind", "metadata"] {
        out.insert(&[PathElement::field(name)]);
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        out.insert(&[PathElement::field("metadata"), PathElement::field(name)]);
    }
    out
});

/// A set without what nobody owns.
pub(super) fn stripped(set: &FieldSet) -> FieldSet {
    set.difference(&NOBODYS)
}

/// Sets the `managedFields` of an object that is about to be stored, after `old`; `None` for a create.
///
/// `new` is decoded and defaulted and carries the `managedFields` of the request. What cannot be understood is left
/// without entries.
pub fn update(write: &Write<'_>, old: Option<&Value>, new: &mut Value) {
    update_known(write, old, None, (new, &Empties::default()));
}

/// The same where the entries of `old` have been read before, and with what `new` was sent with that is empty. Answers what
/// is known of the entries of `new`.
pub fn update_known(
    write: &Write<'_>,
    old: Option<&Value>,
    known: Option<&Known>,
    (new, empties): (&mut Value, &Empties),
) -> Known {
    let live = old.unwrap_or(write.empty);
    let given = managed::take(new);
    let entries = managed::entries(live);
    // Who sends back what is stored is the usual case.
    let (given, written) = match given {
        Some(Value::Array(given)) if !given.is_empty() && given == entries => {
            (None, Written::Own(given))
        }
        given => (given, Written::Shared(entries)),
    };
    let stored = || known.map_or_else(|| Cow::Owned(Known::read(live)), Cow::Borrowed);
    let before = before(write, given.as_ref(), stored);
    let nobodys = before.managers().is_empty() && !meta::uid(live).is_empty();
    let other = !meta::api_version(new).is_empty() && meta::api_version(new) != write.api_version;
    let after = if nobodys || other {
        // Another version can't be converted to that of the request.
        Managers::new()
    } else {
        // Of an object that doesn't fit its schema, nobody owns anything any more. The old entries are seen as removed,
        // which takes nothing from anybody: nobody owns them.
        let managers = before.managers().clone();
        let reshaped = before.is_settled();
        let states = States {
            old: live,
            new,
            empties,
        };
        track_from(write, write.manager, states, managers, reshaped).unwrap_or_default()
    };
    managed::put_entries(new, before.encode_next(&after, written));
    Known::settled(after, write.versions.are_fixed())
}

/// The entries a write starts from: the request's if it names any, else the stored ones.
fn before<'k>(
    write: &Write<'_>,
    given: Option<&Value>,
    stored: impl FnOnce() -> Cow<'k, Known>,
) -> Cow<'k, Known> {
    if !write.subresource.is_empty() {
        return stored();
    }
    if given.is_some_and(managed::asks_for_reset) {
        return Cow::Owned(Known::default());
    }
    let entries = given.and_then(Value::as_array);
    match managed::decode(entries.map_or(&[], Vec::as_slice)) {
        Ok(managers) if !managers.is_empty() => Cow::Owned(Known::unsettled(managers)),
        Ok(_) | Err(_) => stored(),
    }
}

/// The entries after a change by an updater of an object that is given without them. The error is what the server says of an object that does not fit.
pub(super) fn track(
    write: &Write<'_>,
    manager: &str,
    old: &Value,
    new: &Value,
    managers: Managers,
) -> Result<Managers, String> {
    let states = States {
        old,
        new,
        empties: &Empties::default(),
    };
    track_from(write, manager, states, managers, false)
}

/// An object before and after a write.
#[derive(Clone, Copy)]
struct States<'a> {
    old: &'a Value,
    new: &'a Value,
    /// What the new one was sent with that is empty.
    empties: &'a Empties,
}

/// The same for entries that may be known to be as the schema has them.
fn track_from(
    write: &Write<'_>,
    manager: &str,
    states: States<'_>,
    mut managers: Managers,
    reshaped: bool,
) -> Result<Managers, String> {
    let States { old, new, empties } = states;
    let Some(ty) = write.versions.type_in(write.api_version) else {
        let kind = kind_text(write.api_version, write.kind);
        return Err(format!("no corresponding type for {kind}"));
    };
    let refused = |what: &str, object: &Value, text: String| {
        let name = write.name_of(object);
        format!("failed to convert {what} object ({name}) to smd typed: {text}")
    };
    // What both have fits. So does what is stored, if somebody was found to own something in it as it is.
    if reshaped && !managers.is_empty() {
        validate_beside(new, old, ty).map_err(|text| refused("new", new, text))?;
    } else {
        validate(new, ty, true).map_err(|text| refused("new", new, text))?;
        validate_beside(old, new, ty).map_err(|text| refused("live", old, text))?;
    }
    if !reshaped {
        reconcile(&mut managers, write.versions, (old, write.api_version))?;
    }
    let change = Change {
        versions: write.versions,
        api_version: write.api_version,
        old,
        new,
        rewritten: rewritten(empties, old, new, ty),
    };
    let changed = settle(&change, &mut managers, None, true)
        .map(|comparison| comparison.set())
        .map_err(|unsettled| match unsettled {
            Unsettled::Conflicts(conflicts) => conflicts.to_string(),
            Unsettled::Failed(text) => text,
        })?;
    let changed = stripped(&without_reset(changed, write.versions, write.api_version));
    if !changed.is_empty() {
        let entry = managers
            .entry(write.identity(manager, Operation::Update))
            .or_default();
        *entry = Owned {
            api_version: write.api_version.to_owned(),
            time: write.now.to_owned(),
            fields: changed.union(&entry.fields),
        };
    }
    cap(&mut managers);
    Ok(managers)
}

/// An object without its `managedFields`, which belong to nobody.
pub(super) fn untracked(object: &Value) -> Value {
    let Some(fields) = object.as_object() else {
        return object.clone();
    };
    let part = |(name, value): (&String, &Value)| match value.as_object() {
        // What is left out isn't copied either: it is about as much as all the rest.
        Some(metadata) if name == "metadata" => {
            let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
            let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
            (name.clone(), Value::Object(kept.collect()))
        }
        Some(_) | None => (name.clone(), value.clone()),
    };
    Value::Object(fields.iter().map(part).collect())
}

/// Merges the oldest updaters of each version into one, until there are no more than allowed.
fn cap(managers: &mut Managers) {
    if managers.len() <= MAX_UPDATERS {
        return;
    }
    let mut updaters: Vec<(i64, Identity)> = managers
        .iter()
        .filter(|(identity, _)| identity.operation == Operation::Update)
        .map(|(identity, owned)| (managed::seconds(&owned.time), identity.clone()))
        .collect();
    let mut count = updaters.len();
    updaters.sort();
    let mut first_of: BTreeMap<String, Identity> = BTreeMap::new();
    for (_, identity) in updaters {
        if count <= MAX_UPDATERS {
            return;
        }
        let version = identity.api_version.clone();
        let Some(first) = first_of.get(&version) else {
            first_of.insert(version, identity);
            continue;
        };
        let bucket = Identity::new(ANCIENT, Operation::Update, &version, "");
        if !managers.contains_key(&bucket)
            && let Some(owned) = managers.remove(first)
        {
            managers.insert(bucket.clone(), owned);
        }
        // Upstream, too, loses the bucket if it is itself the newer one of two.
        if let Some(owned) = managers.remove(&identity)
            && let Some(merged) = managers.get_mut(&bucket)
        {
            merged.fields = merged.fields.union(&owned.fields);
            merged.time = owned.time;
        }
        count -= 1;
    }
}

/// Keeps the stored times where a write would change nothing else, and answers whether it did.
///
/// Mirrors `apimachinery`'s `IgnoreManagedFieldsTimestampsTransformer` (`apiserver/pkg/endpoints/handlers/fieldmanager`).
pub fn keep_times(old: &Value, new: &mut Value) -> bool {
    let entries = managed::entries(new);
    if entries.is_empty() || entries.len() != managed::entries(old).len() {
        return false;
    }
    let same = same_but(old, new, "metadata", |old, new| {
        same_but(old, new, "managedFields", |_, _| true)
    });
    if !same || !same_but_times(managed::entries(old), entries) {
        return false;
    }
    let entries = managed::entries(old).to_vec();
    meta::set(new, "managedFields", Value::Array(entries));
    true
}

fn same_but_times(old: &[Value], new: &[Value]) -> bool {
    let mut pairs = old.iter().zip(new);
    old.len() == new.len() && pairs.all(|(old, new)| same_but(old, new, "time", |_, _| true))
}

/// Whether two objects have the same fields, but for one that is compared otherwise.
fn same_but(
    old: &Value,
    new: &Value,
    field: &str,
    compare: impl Fn(&Value, &Value) -> bool,
) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return old == new;
    };
    let others =
        |fields: &Map<String, Value>| fields.len() - usize::from(fields.contains_key(field));
    let same = |(name, value): (&String, &Value)| {
        name == field || new.get(name).is_some_and(|other| other == value)
    };
    others(old) == others(new)
        && old.iter().all(same)
        && match (old.get(field), new.get(field)) {
            (Some(old), Some(new)) => compare(old, new),
            (_, _) => true,
        }
}
