//! What must hold for every single write of the controllers, judged in the moment before it is sent (ALL-5, ALL-6 of the
//! invariants), by somebody who sees the store and shares no code with them.

use machinery::meta;
use serde_json::Value;
use simulator::world::WorldHandle;

use crate::moments::Write;
use crate::objects::text;

const HASH: &str = "rollouts-pod-template-hash";
const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Status fields that people write too.
const SHARED: [&str; 5] = [
    "abort",
    "promoteFull",
    "pauseConditions",
    "controllerPause",
    "currentStepIndex",
];

/// An eye on the store.
pub struct Witness {
    world: WorldHandle,
}

/// Where a write goes.
struct Target {
    /// `GROUP/PLURAL`, as the store names its tables.
    table: String,
    namespace: String,
    name: String,
    subresource: String,
}

impl Target {
    /// `/api/VERSION/namespaces/NS/PLURAL/NAME/SUB` or `/apis/GROUP/VERSION/…`; `None` for a collection.
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let group = match parts.next()? {
            "api" => "",
            _ => parts.next()?,
        };
        let mut rest = parts.skip(1);
        if rest.next()? != "namespaces" {
            return None;
        }
        let (namespace, plural) = (rest.next()?.to_owned(), rest.next()?);
        Some(Self {
            table: format!("{group}/{plural}"),
            namespace,
            name: rest.next()?.to_owned(),
            subresource: rest.next().unwrap_or_default().to_owned(),
        })
    }
}

impl Witness {
    /// A witness of a world.
    pub fn new(world: WorldHandle) -> Self {
        Self { world }
    }

    /// What is wrong with a write, in words.
    pub fn judge(&self, write: &Write) -> Option<String> {
        let target = Target::of(&write.path)?;
        let complaint = match target.table.as_str() {
            "argoproj.io/rollouts" => unseen(write, &target),
            "apps/replicasets" => self.foreign_set(write, &target),
            "/pods" => self.foreign_pod(&target),
            "/services" => self.foreign_service(write, &target),
            "apps/deployments" => self.foreign_deployment(&target),
            // Events, Leases: nobody else's.
            _ => None,
        };
        complaint.map(|complaint| format!("{complaint}: {write} {}", write.body))
    }

    fn find(&self, table: &str, namespace: &str, name: &str) -> Option<Value> {
        let world = self.world.lock();
        let entry = world
            .api
            .store()
            .get(table, &format!("{namespace}/{name}"))?;
        Some((*entry.value).clone())
    }

    /// Whether a Rollout that is there controls an object.
    fn is_ours(&self, object: &Value) -> bool {
        meta::controller_of(object).is_some_and(|owner| {
            let rollout = self.find("argoproj.io/rollouts", meta::namespace(object), &owner.name);
            owner.kind == "Rollout"
                && rollout.is_some_and(|rollout| meta::uid(&rollout) == owner.uid)
        })
    }

    fn foreign_set(&self, write: &Write, target: &Target) -> Option<String> {
        let set = self.find(&target.table, &target.namespace, &target.name)?;
        let adopts = meta::controller_of(&set).is_none() && write.says("/metadata/ownerReferences");
        (!adopts && !self.is_ours(&set)).then(|| "ALL-5: a ReplicaSet of somebody else".to_owned())
    }

    fn foreign_pod(&self, target: &Target) -> Option<String> {
        let pod = self.find(&target.table, &target.namespace, &target.name)?;
        let set = meta::controller_of(&pod)
            .and_then(|owner| self.find("apps/replicasets", &target.namespace, &owner.name));
        (!set.is_some_and(|set| self.is_ours(&set)))
            .then(|| "ALL-5: a pod of somebody else".to_owned())
    }

    /// A Service that a Rollout has claimed moves to pods of that Rollout only; nobody else may but let it go.
    fn foreign_service(&self, write: &Write, target: &Target) -> Option<String> {
        let service = self.find(&target.table, &target.namespace, &target.name)?;
        let owner = meta::annotation(&service, MANAGED_BY)?;
        let hash = text(&write.body, &format!("/spec/selector/{HASH}"));
        if hash.is_empty() {
            return None;
        }
        let known = self.any("apps/replicasets", &target.namespace, |set| {
            meta::label(set, HASH) == Some(hash)
                && meta::controller_of(set).is_some_and(|found| found.name == owner)
        })?;
        (!known).then(|| format!("ALL-5: a Service of {owner} gets pods of somebody else"))
    }

    fn foreign_deployment(&self, target: &Target) -> Option<String> {
        let named = self.any("argoproj.io/rollouts", &target.namespace, |rollout| {
            text(rollout, "/spec/workloadRef/kind") == "Deployment"
                && text(rollout, "/spec/workloadRef/name") == target.name
        })?;
        (!named).then(|| "ALL-5: a Deployment that no Rollout refers to".to_owned())
    }

    /// Whether a namespace has such an object; none if there is no such table.
    fn any(&self, table: &str, namespace: &str, is: impl Fn(&Value) -> bool) -> Option<bool> {
        let world = self.world.lock();
        let prefix = format!("{namespace}/");
        let mut objects = world.api.store().table(table)?.range(&prefix, "");
        Some(objects.any(|(_, object)| is(&object.value)))
    }
}

/// A write of the status that touches what people write too must say on what it was decided.
fn unseen(write: &Write, target: &Target) -> Option<String> {
    let touched = SHARED
        .iter()
        .find(|field| write.says(&format!("/status/{field}")));
    let versioned = write.says("/metadata/resourceVersion");
    (target.subresource == "status" && touched.is_some() && !versioned)
        .then(|| format!("ALL-6: {touched:?} without a resource version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_paths() {
        let target = Target::of("/apis/apps/v1/namespaces/a/replicasets/web-1/scale").unwrap();
        let Target {
            table,
            namespace,
            name,
            subresource,
        } = target;
        assert_eq!(
            [&*table, &*namespace, &*name, &*subresource],
            ["apps/replicasets", "a", "web-1", "scale"]
        );
        let pod = Target::of("/api/v1/namespaces/a/pods/p").unwrap();
        assert_eq!((&*pod.table, &*pod.subresource), ("/pods", ""));
        assert!(Target::of("/api/v1/namespaces/a/pods").is_none());
    }
}
