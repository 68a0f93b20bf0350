//! What must hold for every single write of the controllers, judged in the moment before it is sent (ALL-5, ALL-6, MON-4 and
//! MON-5 of the invariants), by somebody who sees the store and shares no code with them.

use machinery::meta;
use machinery::patch::merge;
use machinery::quantity::Quantity;
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

/// Kinds of workloads of monitoring, and their plurals.
const WORKLOADS: [(&str, &str); 4] = [
    ("Prometheus", "prometheuses"),
    ("PrometheusAgent", "prometheusagents"),
    ("Alertmanager", "alertmanagers"),
    ("ThanosRuler", "thanosrulers"),
];

/// An eye on the store.
pub struct Witness {
    world: WorldHandle,
    /// Whether nothing goes wrong: whoever got no answer may write the same once more.
    undisturbed: bool,
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
    pub fn new(world: WorldHandle, undisturbed: bool) -> Self {
        Self { world, undisturbed }
    }

    /// What is wrong with a write, in words.
    pub fn judge(&self, write: &Write) -> Option<String> {
        let target = Target::of(&write.path)?;
        let complaint = match target.table.as_str() {
            "argoproj.io/rollouts" => unseen(write, &target),
            "apps/replicasets" => self.foreign_set(write, &target),
            "/pods" => self.foreign_pod(&target),
            "/services" => self
                .foreign_service(write, &target)
                .or_else(|| self.foreign_part(write, &target)),
            "apps/statefulsets" | "apps/daemonsets" | "/secrets" | "/configmaps" => {
                self.foreign_part(write, &target)
            }
            "/persistentvolumeclaims" => self.claim(write, &target),
            "apps/deployments" => self.foreign_deployment(&target),
            // Events, Leases: nobody else's.
            _ => None,
        };
        let complaint = complaint.or_else(|| self.idle(write, &target));
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
        if meta::controller_of(&pod).is_none() {
            // What an older StatefulSet left is in the way of its successor.
            let (set, _) = target.name.rsplit_once('-')?;
            let successor = self.find("apps/statefulsets", &target.namespace, set);
            return (!successor.is_some_and(|set| self.is_of_a_workload(&set)))
                .then(|| "ALL-5: a pod of nobody's".to_owned());
        }
        let set = meta::controller_of(&pod).and_then(|owner| {
            let table = match owner.kind.as_str() {
                "StatefulSet" => "apps/statefulsets",
                _ => "apps/replicasets",
            };
            self.find(table, &target.namespace, &owner.name)
        });
        (!set.is_some_and(|set| self.is_ours(&set) || self.is_of_a_workload(&set)))
            .then(|| "ALL-5: a pod of somebody else".to_owned())
    }

    /// Claims are the user's: all that may be done is to ask for more, for a pod that a workload of monitoring has.
    fn claim(&self, write: &Write, target: &Target) -> Option<String> {
        let claim = self.find(&target.table, &target.namespace, &target.name)?;
        let (object, _) = target.name.rsplit_once('-')?;
        let theirs = self.any("apps/statefulsets", &target.namespace, |set| {
            let templates = set.pointer("/spec/volumeClaimTemplates");
            let mut templates = templates.and_then(Value::as_array).into_iter().flatten();
            let labels = meta::string_map(set.pointer("/spec/selector/matchLabels"));
            templates.any(|one| object == format!("{}-{}", meta::name(one), meta::name(set)))
                && labels
                    .iter()
                    .all(|(key, value)| meta::label(&claim, key) == Some(value.as_str()))
                && meta::controller_of(set)
                    .is_some_and(|owner| WORKLOADS.iter().any(|(kind, _)| *kind == owner.kind))
        });
        if theirs != Some(true) {
            return Some("ALL-5: a claim of somebody else".to_owned());
        }
        (!is_growth(write, &claim))
            .then(|| "MON-4: claims are nobody's but the user's, but for their growth".to_owned())
    }

    /// Whether a workload of monitoring that is there controls an object.
    fn is_of_a_workload(&self, object: &Value) -> bool {
        meta::controller_of(object).is_some_and(|owner| {
            let plural = WORKLOADS.iter().find(|(kind, _)| *kind == owner.kind);
            plural.is_some_and(|(_, plural)| {
                let table = format!("monitoring.coreos.com/{plural}");
                let found = self.find(&table, meta::namespace(object), &owner.name);
                found.is_some_and(|found| meta::uid(&found) == owner.uid)
            })
        })
    }

    /// What a workload is made of belongs to it, or to nobody yet.
    fn foreign_part(&self, write: &Write, target: &Target) -> Option<String> {
        let part = self.find(&target.table, &target.namespace, &target.name)?;
        let takes = meta::controller_of(&part).is_none() && write.method != http::Method::DELETE;
        (!takes && !self.is_of_a_workload(&part)).then(|| "ALL-5: it is somebody else's".to_owned())
    }

    /// A write that leaves everything as it is.
    fn idle(&self, write: &Write, target: &Target) -> Option<String> {
        let monitoring = target.table.starts_with("monitoring.coreos.com/");
        let kept = [
            "/secrets",
            "/configmaps",
            "apps/statefulsets",
            "apps/daemonsets",
        ];
        let kept = kept.contains(&&*target.table);
        if !self.undisturbed || !(monitoring || kept) {
            return None;
        }
        let stored = self.find(&target.table, &target.namespace, &target.name)?;
        let idle = if write.method == http::Method::PUT {
            let said = [
                "/data",
                "/spec",
                "/metadata/labels",
                "/metadata/annotations",
            ];
            meta::resource_version(&write.body) == meta::resource_version(&stored)
                && said
                    .iter()
                    .all(|pointer| stored.pointer(pointer) == write.body.pointer(pointer))
                && meta::owner_references(&stored) == meta::owner_references(&write.body)
        } else {
            write.method == http::Method::PATCH
                && write.body.is_object()
                && merge::apply(&stored, &write.body) == stored
        };
        idle.then(|| "MON-5: a write that changes nothing".to_owned())
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

/// Whether a write of a claim has it ask for more, and changes nothing else.
fn is_growth(write: &Write, claim: &Value) -> bool {
    const SIZE: &str = "/spec/resources/requests/storage";
    let size = |object: &Value| Quantity::parse(text(object, SIZE)).ok();
    let after = merge::apply(claim, &write.body);
    let mut only = claim.clone();
    if let Some(asked) = only.pointer_mut(SIZE) {
        *asked = Value::from(text(&after, SIZE));
    }
    let grows = size(claim)
        .zip(size(&after))
        .is_some_and(|(before, after)| after > before);
    write.method == http::Method::PATCH && grows && only == after
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    #[test]
    fn a_claim_may_grow_and_nothing_else() {
        let claim = json!({
            "metadata": {"name": "c", "resourceVersion": "7"},
            "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        });
        let allowed = |body: Value| {
            let write = Write {
                method: http::Method::PATCH,
                path: String::new(),
                body,
            };
            is_growth(&write, &claim)
        };
        let asks = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}}});
        assert!(allowed(asks("2Gi")));
        let mut versioned = asks("2Gi");
        versioned["metadata"] = json!({"resourceVersion": "7"});
        assert!(allowed(versioned.clone()));
        assert!(!allowed(asks("1024Mi")) && !allowed(asks("1Mi")));
        versioned["metadata"]["labels"] = json!({"a": "b"});
        assert!(!allowed(versioned));
    }
}
