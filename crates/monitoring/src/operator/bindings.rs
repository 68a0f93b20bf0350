//! What selected objects say of themselves: which workloads use them, and whether each accepts them (upstream's
//! `pkg/operator/config_resource.go` and `finalizer.go`).
//!
//! Each workload writes its own entry of `status.bindings` and no other. The first entry of an object is written under its
//! resource version, for two workloads may come at once; any further one is a patch that tests whose entry it changes. What is
//! said of a workload that is gone is taken back by [`super::gone`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use machinery::meta;
use machinery::time::Timestamp;
use runtime::{Effect, IfMissing, ObjectKey, ObjectReference, Patch, Plan, Requeue, ResourceRef};
use serde_json::{Value, json};

use super::binding::{Binding, User, condition};
use super::refusals::Refused;
use super::selecting::Configuration;
use super::workload::{Observed, Workload};
use crate::api::GROUP;

/// Upstream's, which keeps a workload until no object says any more that it uses it.
pub const FINALIZER: &str = "monitoring.coreos.com/status-cleanup";

/// What becomes of [`FINALIZER`] while a workload is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finalizer {
    /// Workloads can't be written: those that have it keep it.
    Left,
    /// It is taken off.
    Removed,
    /// It is put on.
    Added,
}

/// The kinds whose objects say who uses them: of the others the status may not be written, or nobody wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    kinds: BTreeSet<Configuration>,
}

impl FromIterator<Configuration> for Bound {
    fn from_iter<I: IntoIterator<Item = Configuration>>(kinds: I) -> Self {
        Self {
            kinds: kinds.into_iter().collect(),
        }
    }
}

impl Bound {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether a kind is among them.
    pub fn includes(&self, kind: Configuration) -> bool {
        self.kinds.contains(&kind)
    }

    /// Those of the objects that may be made to say it.
    pub fn only<'a>(&'a self, holders: &'a [Arc<Holder>]) -> impl Iterator<Item = &'a Arc<Holder>> {
        let is_bound = |holder: &&Arc<Holder>| {
            let mut kinds = self.kinds.iter();
            kinds.any(|kind| kind.resource().plural == holder.resource.plural)
        };
        holders.iter().filter(is_bound)
    }
}

/// Kind and key of an object.
pub type HolderId = (Cow<'static, str>, ObjectKey);

/// An object that a workload selects, or that says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// Its resource.
    pub resource: Arc<ResourceRef>,
    /// Which; in no particular version, for what is said of it holds for more than one.
    pub reference: ObjectReference,
    /// The version that was seen.
    pub version: String,
    /// Counts changes of its spec.
    pub generation: i64,
    /// Its `status.bindings`.
    pub bindings: Box<[Binding]>,
}

impl Holder {
    /// What is needed of an object.
    pub fn of(resource: &ResourceRef, object: &Value) -> Self {
        let mut reference = ObjectReference::of(resource, object);
        Self {
            resource: Arc::new(resource.clone()),
            version: std::mem::take(&mut reference.resource_version),
            reference,
            generation: meta::generation(object),
            bindings: Binding::all(object),
        }
    }

    /// Namespace and name.
    pub fn key(&self) -> ObjectKey {
        let ObjectReference {
            namespace, name, ..
        } = &self.reference;
        ObjectKey::new(namespace.clone(), name.clone())
    }

    /// Its kind, namespace and name.
    pub fn id(&self) -> HolderId {
        (self.resource.kind.clone(), self.key())
    }

    /// The workloads of a kind that it says it is used by.
    pub fn users(&self, resource: &str) -> Vec<ObjectKey> {
        let bindings = self.bindings.iter();
        bindings.filter_map(|one| one.user(resource)).collect()
    }

    fn patch(&self, patch: Patch, if_missing: IfMissing) -> Effect {
        Effect::Patch {
            resource: ResourceRef::clone(&self.resource),
            key: self.key(),
            subresource: Some("status"),
            // There may be one for every object that is selected.
            patch: patch.packed(),
            if_missing,
        }
    }
}

/// The objects that are selected, and those that aren't and yet say so.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    /// What the workload selects.
    pub selected: Vec<Arc<Holder>>,
    /// What it doesn't select any more.
    pub left: Vec<Arc<Holder>>,
}

impl User<'_> {
    /// Its entry, and the place of that.
    fn entry(self, holder: &Holder) -> Option<(usize, &Binding)> {
        let mut all = holder.bindings.iter().enumerate();
        all.find(|(_, binding)| binding.is_of(self))
    }

    /// Operations that fail if the entry at that place is somebody else's by now.
    fn tests(self, at: usize) -> Vec<Value> {
        let test = |field: &str, value: &str| json!({"op": "test", "path": format!("/status/bindings/{at}/{field}"), "value": value});
        vec![
            test("name", &self.key.name),
            test("namespace", &self.key.namespace),
            test("resource", self.resource),
            test("group", GROUP),
        ]
    }

    /// The write that makes an object say whether it is accepted, unless it does.
    fn tell(self, holder: &Holder, refused: Option<&str>, now: Timestamp) -> Option<Effect> {
        let found = self.entry(holder);
        let before = found.and_then(|(_, entry)| entry.accepted());
        let condition = condition(before, holder.generation, refused, now)?;
        let conditions = json!([condition]);
        let patch = if let Some((at, _)) = found {
            let mut operations = self.tests(at);
            let path = format!("/status/bindings/{at}/conditions");
            operations.push(json!({"op": "replace", "path": path, "value": conditions}));
            Patch::Json(Value::Array(operations))
        } else {
            let entry = json!({
                "group": GROUP,
                "resource": self.resource,
                "name": self.key.name,
                "namespace": self.key.namespace,
                "conditions": conditions,
            });
            if holder.bindings.is_empty() {
                Patch::Merge(json!({
                    "metadata": {"resourceVersion": holder.version},
                    "status": {"bindings": [entry]},
                }))
            } else {
                let path = "/status/bindings/-";
                Patch::Json(json!([{"op": "add", "path": path, "value": entry}]))
            }
        };
        Some(holder.patch(patch, IfMissing::Fail))
    }

    /// The write that takes its entry out.
    fn leave(self, holder: &Holder) -> Option<Effect> {
        let (at, _) = self.entry(holder)?;
        let mut operations = self.tests(at);
        let path = format!("/status/bindings/{at}");
        operations.push(json!({"op": "remove", "path": path}));
        Some(holder.patch(Patch::Json(Value::Array(operations)), IfMissing::Skip))
    }
}

/// The writes after which none of these says any more that it is used by a workload.
pub fn leave(
    (resource, key): (&str, &ObjectKey),
    bound: &Bound,
    holders: &[Arc<Holder>],
) -> Vec<Effect> {
    let user = User { resource, key };
    let holders = bound.only(holders);
    holders.filter_map(|holder| user.leave(holder)).collect()
}

/// What must be done before anything else: a workload gets or loses upstream's finalizer, and if it goes, everything that says
/// it is used by it is left before that. `None` where the finalizer stays as it is.
pub fn preparation<W: Workload>(observed: &Observed<W>) -> Option<Plan> {
    let (object, going) = (&observed.object, observed.is_going());
    let mut finalizers = meta::finalizers(object);
    let has = finalizers.iter().any(|one| one == FINALIZER);
    match (going, has, observed.setup.finalizer) {
        (true, true, _) | (false, true, Finalizer::Removed) => {
            finalizers.retain(|one| one != FINALIZER);
        }
        (false, false, Finalizer::Added) => finalizers.push(FINALIZER.to_owned()),
        (true, false, _)
        | (false, true, Finalizer::Left | Finalizer::Added)
        | (false, false, Finalizer::Left | Finalizer::Removed) => return None,
    }
    let (key, mut effects) = (ObjectKey::of(object), Vec::new());
    if going {
        let (user, bound) = ((&*W::RESOURCE.plural, &key), &observed.setup.bound);
        for holders in [&observed.held.selected, &observed.held.left] {
            effects.extend(leave(user, bound, holders));
        }
    }
    let patch = json!({"metadata": {
        "resourceVersion": meta::resource_version(object),
        "finalizers": finalizers,
    }});
    effects.push(Effect::merge_patch(W::RESOURCE, key, patch));
    let requeue = if going {
        Requeue::Never
    } else {
        Requeue::Immediately
    };
    Some(Plan::of(effects).requeue(requeue))
}

/// What selected objects say of themselves, where they don't yet.
pub fn effects<W: Workload>(observed: &Observed<W>, refused: &BTreeSet<Refused>) -> Vec<Effect> {
    let bound = &observed.setup.bound;
    if bound.is_empty() {
        return Vec::new();
    }
    let (resource, key) = (W::RESOURCE, ObjectKey::of(&observed.object));
    let user = User {
        resource: &resource.plural,
        key: &key,
    };
    let refused: BTreeMap<&ObjectReference, &str> = refused
        .iter()
        .map(|refused| (&refused.reference, refused.why.as_str()))
        .collect();
    let Held { selected, left } = &observed.held;
    let told = bound.only(selected).filter_map(|holder| {
        let why = refused.get(&holder.reference).copied();
        user.tell(holder, why, observed.now)
    });
    let left = bound.only(left).filter_map(|holder| user.leave(holder));
    told.chain(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::resources::SERVICE_MONITOR;
    use machinery::time::parse;

    fn holder(bindings: &Value) -> Holder {
        Holder::of(
            &SERVICE_MONITOR,
            &json!({
                "metadata": {"namespace": "n", "name": "m", "generation": 3, "resourceVersion": "7"},
                "status": {"bindings": bindings},
            }),
        )
    }

    fn entry(name: &str, status: &str, generation: i64) -> Value {
        json!({
            "group": GROUP, "resource": "prometheuses", "namespace": "n", "name": name,
            "conditions": [{
                "type": "Accepted", "status": status, "observedGeneration": generation,
                "lastTransitionTime": "2020-01-01T00:00:00Z",
            }],
        })
    }

    fn told(bindings: &Value, refused: Option<&str>) -> Option<Value> {
        let key = ObjectKey::new("n", "p");
        let user = User {
            resource: "prometheuses",
            key: &key,
        };
        let now = parse("2030-01-01T00:00:00Z").unwrap();
        let effect = user.tell(&holder(bindings), refused, now)?;
        let Effect::Patch { patch, .. } = effect else {
            panic!("{effect}");
        };
        Some(patch.body().into_owned())
    }

    #[test]
    fn the_first_entry_is_written_under_the_version_that_was_seen_and_others_beside_it() {
        let mut mine = entry("p", "True", 3);
        mine["conditions"][0]["lastTransitionTime"] = json!("2030-01-01T00:00:00Z");
        let first = told(&json!([]), None).unwrap();
        let wanted = json!({"metadata": {"resourceVersion": "7"}, "status": {"bindings": [mine]}});
        assert_eq!(first, wanted);
        let further = told(&json!([entry("q", "True", 3)]), None).unwrap();
        let wanted = json!([{"op": "add", "path": "/status/bindings/-", "value": mine}]);
        assert_eq!(further, wanted);
    }

    #[test]
    fn an_entry_is_changed_if_it_says_something_else() {
        let others = entry("q", "True", 3);
        assert_eq!(told(&json!([others, entry("p", "True", 3)]), None), None);
        let change = |before: Value, refused: Option<&str>| {
            let operations = told(&json!([others, before]), refused).unwrap();
            assert_eq!(operations[0]["path"], "/status/bindings/1/name");
            operations[4]["value"][0].clone()
        };
        // A new generation is no transition.
        let condition = change(entry("p", "True", 2), None);
        assert_eq!(condition["lastTransitionTime"], "2020-01-01T00:00:00Z");
        assert_eq!(condition["observedGeneration"], 3);
        let condition = change(entry("p", "True", 3), Some("endpoints[0]: no"));
        assert_eq!(
            condition,
            json!({
                "type": "Accepted", "status": "False", "reason": "InvalidConfiguration",
                "message": "endpoints[0]: no", "observedGeneration": 3,
                "lastTransitionTime": "2030-01-01T00:00:00Z",
            })
        );
    }

    #[test]
    fn only_the_own_entry_is_taken_out() {
        let key = ObjectKey::new("n", "p");
        let user = User {
            resource: "prometheuses",
            key: &key,
        };
        assert_eq!(user.leave(&holder(&json!([entry("q", "True", 3)]))), None);
        let both = json!([entry("q", "True", 3), entry("p", "True", 3)]);
        let Some(Effect::Patch { patch, .. }) = user.leave(&holder(&both)) else {
            panic!("nothing is taken out");
        };
        let last = patch.body().as_array().unwrap().last().unwrap().clone();
        assert_eq!(last, json!({"op": "remove", "path": "/status/bindings/1"}));
    }
}
