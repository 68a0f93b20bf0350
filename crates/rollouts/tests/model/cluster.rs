//! The model: objects as JSON, and ReplicaSets whose pods come and go a few at a time.

use machinery::pointer::count as number;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use machinery::patch;
use rollouts::api::decode::lenient;
use rollouts::rollout::decide::decide;
use rollouts::rollout::observe::{Observed, service_names};
use rollouts::views::{ReplicaSetView, ServiceView};
use runtime::{Dialect, Effect};
use serde_json::{Value, json};

use crate::promises;
use crate::random::Random;

/// A cluster with one Rollout.
pub struct Cluster {
    /// By `Kind/name`.
    pub objects: BTreeMap<String, Value>,
    /// Writes so far, events left out.
    pub writes: usize,
    /// The controller dies after this many writes.
    pub die_after: Option<usize>,
    unwritten_since: Option<Timestamp>,
    now: Timestamp,
    created: i64,
    random: Random,
}

impl Cluster {
    /// A cluster with this Rollout and the Services it may name.
    pub fn new(rollout: Value, seed: u64) -> Self {
        let mut objects = BTreeMap::from([("Rollout/web".to_owned(), rollout)]);
        for name in ["active", "preview", "stable", "canary"] {
            let service = json!({
                "kind": "Service", "metadata": {"name": name, "namespace": "default"},
                "spec": {"selector": {"app": "web"}},
            });
            objects.insert(format!("Service/{name}"), service);
        }
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        Self {
            objects,
            writes: 0,
            die_after: None,
            unwritten_since: None,
            now,
            created: 0,
            random: Random(seed),
        }
    }

    /// The ReplicaSets.
    pub fn sets(&self) -> impl Iterator<Item = &Value> {
        self.objects
            .values()
            .filter(|object| object["kind"] == "ReplicaSet")
    }

    /// Time passes, and ReplicaSets move towards their sizes, at most two pods each.
    pub fn advance(&mut self, seconds: i64) {
        self.now = self
            .now
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap();
        for set in self
            .objects
            .values_mut()
            .filter(|object| object["kind"] == "ReplicaSet")
        {
            let wanted = number(set, "/spec/replicas");
            let (mut have, mut ready) = (
                number(set, "/status/replicas"),
                number(set, "/status/availableReplicas"),
            );
            let pace = self.random.up_to(2);
            ready = ready.min(have);
            if wanted > have {
                have = wanted;
            } else if wanted < have {
                let unready = have - ready;
                have = wanted;
                ready = ready.min((ready + unready).min(wanted));
            }
            ready = (ready + pace).min(have);
            set["status"] = json!({
                "replicas": have, "readyReplicas": ready, "availableReplicas": ready,
                "observedGeneration": number(set, "/metadata/generation"),
            });
        }
    }

    /// A pod of some ReplicaSet stops serving.
    pub fn fail_a_pod(&mut self) {
        let names: Vec<String> = self
            .objects
            .keys()
            .filter(|key| key.starts_with("ReplicaSet/"))
            .cloned()
            .collect();
        let Some(name) = names.get(self.random.below(names.len().max(1))) else {
            return;
        };
        let set = self.objects.get_mut(name).unwrap();
        let ready = number(set, "/status/availableReplicas");
        if ready > 0 {
            set["status"]["availableReplicas"] = json!(ready - 1);
            set["status"]["readyReplicas"] = json!(ready - 1);
        }
    }

    fn rollout(&mut self) -> &mut Value {
        self.objects.get_mut("Rollout/web").unwrap()
    }

    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let rollout = self.rollout();
        let before = rollout["spec"].clone();
        change(rollout);
        if rollout["spec"] != before {
            rollout["metadata"]["generation"] = json!(number(rollout, "/metadata/generation") + 1);
        }
    }

    /// The user changes the image.
    pub fn set_image(&mut self, image: &str) {
        self.edit(|rollout| {
            rollout["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        });
    }

    /// An autoscaler changes the size.
    pub fn scale(&mut self, replicas: i64) {
        self.edit(|rollout| rollout["spec"]["replicas"] = json!(replicas));
    }

    /// The user changes something that concerns no pod.
    pub fn touch_spec(&mut self) {
        self.edit(|rollout| rollout["spec"]["revisionHistoryLimit"] = json!(4));
    }

    /// The command line writes the status.
    pub fn patch_status(&mut self, change: &Value) {
        let rollout = self.rollout();
        *rollout = patch::merge::apply(rollout, &json!({"status": change}));
    }

    /// The user resumes a pause or retries after an abort; whether there was one.
    pub fn resume(&mut self) -> bool {
        let status = self.rollout()["status"].clone();
        if status["abort"] == true {
            self.patch_status(&json!({"abort": false}));
            return true;
        }
        let paused = status["pauseConditions"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        if paused {
            self.patch_status(&json!({"pauseConditions": null}));
        }
        paused
    }

    /// Another release made these objects: other labels, and nothing of ours.
    pub fn relabel(&mut self, label: &str) {
        let text = json!(self.objects).to_string();
        let hash = self.rollout()["status"]["stableRS"]
            .as_str()
            .unwrap()
            .to_owned();
        self.objects = serde_json::from_str(&text.replace(&hash, label)).unwrap();
        for object in self.objects.values_mut() {
            if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
                annotations.retain(|key, _| !key.contains("carrick"));
            }
        }
    }

    /// Whether every ReplicaSet is at its size.
    pub fn is_still(&self) -> bool {
        self.sets().all(|set| {
            let wanted = number(set, "/spec/replicas");
            wanted == number(set, "/status/replicas")
                && wanted == number(set, "/status/availableReplicas")
        })
    }

    /// What matters about the end: sizes and revisions, selectors, and the status without times.
    pub fn summary(&self) -> Value {
        let sets: serde_json::Map<String, Value> = self
            .sets()
            .map(|set| {
                let annotations = &set["metadata"]["annotations"];
                let part = json!({
                    "replicas": set["spec"]["replicas"],
                    "revision": annotations["rollout.argoproj.io/revision"],
                    "history": annotations["rollout.argoproj.io/revision-history"],
                    "labels": set["spec"]["template"]["metadata"]["labels"],
                });
                (set["metadata"]["name"].as_str().unwrap().to_owned(), part)
            })
            .collect();
        let selectors: Vec<&Value> = ["active", "preview", "stable", "canary"]
            .iter()
            .map(|name| &self.objects[&format!("Service/{name}")]["spec"]["selector"])
            .collect();
        let mut status = self.objects["Rollout/web"]["status"].clone();
        status.as_object_mut().unwrap().remove("duration");
        let conditions = status["conditions"].as_array_mut().unwrap();
        conditions.sort_by_key(|condition| condition["type"].to_string());
        for condition in conditions {
            condition
                .as_object_mut()
                .unwrap()
                .retain(|key, _| !key.starts_with("last"));
        }
        json!({"sets": sets, "selectors": selectors, "status": status})
    }

    fn observe(&self) -> Observed {
        let rollout = lenient(&self.objects["Rollout/web"]).object;
        let mut observed = Observed::new(rollout, None, self.now);
        observed.resync = Duration::from_mins(15);
        observed.unwritten_since = self.unwritten_since;
        observed.replica_sets = self.sets().map(ReplicaSetView::from_value).collect();
        for name in service_names(&observed.rollout) {
            let service =
                ServiceView::from_object(&self.objects[&format!("Service/{name}")]).unwrap();
            observed.services.insert(name.to_owned(), service);
        }
        observed
    }

    /// One pass. It is cut off after `stop` writes; whether anything was written.
    pub fn reconcile(&mut self, stop: Option<usize>) -> bool {
        let observed = self.observe();
        let decision = decide(&observed);
        self.unwritten_since = decision.unwritten_since;
        let before = self.writes;
        for effect in &decision.plan.effects {
            if effect.target().is_none() {
                continue;
            }
            if self.is_cut_off(before, stop) {
                return true;
            }
            promises::before_write(self, effect);
            self.perform(effect);
            self.writes += 1;
        }
        if let Some(status) = decision.status {
            if self.is_cut_off(before, stop) {
                return true;
            }
            promises::before_status(&observed.rollout.status, &status);
            let change = patch::merge::diff(&json!(observed.rollout.status), &json!(status));
            self.patch_status(&change);
            self.writes += 1;
        }
        self.writes > before
    }

    fn is_cut_off(&mut self, before: usize, stop: Option<usize>) -> bool {
        let dies = self.die_after.is_some_and(|writes| self.writes >= writes);
        if dies {
            self.die_after = None;
            self.unwritten_since = None;
        }
        dies || stop.is_some_and(|stop| self.writes >= before + stop)
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Create { object, .. } => {
                let mut object = object.clone();
                self.created += 1;
                object["metadata"]["uid"] = json!(format!("rs-{}", self.created));
                object["metadata"]["creationTimestamp"] =
                    json!(self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
                object["metadata"]["generation"] = json!(1);
                let key = format!(
                    "ReplicaSet/{}",
                    object["metadata"]["name"].as_str().unwrap()
                );
                assert!(
                    self.objects.insert(key.clone(), object).is_none(),
                    "{key} exists"
                );
            }
            Effect::Patch {
                resource,
                key,
                patch,
                ..
            } => {
                let object = self
                    .objects
                    .get_mut(&format!("{}/{}", resource.kind, key.name))
                    .unwrap();
                let spec = object["spec"].clone();
                let body = patch.body();
                *object = match patch.dialect() {
                    Dialect::Json => {
                        patch::json::apply(object, body.to_string().as_bytes()).unwrap()
                    }
                    Dialect::Merge | Dialect::Strategic | Dialect::Apply => {
                        patch::merge::apply(object, &body)
                    }
                };
                if object["spec"] != spec {
                    object["metadata"]["generation"] =
                        json!(number(object, "/metadata/generation") + 1);
                }
            }
            Effect::Delete { resource, key, .. } => {
                self.objects
                    .remove(&format!("{}/{}", resource.kind, key.name))
                    .unwrap();
            }
            other => panic!("{other}"),
        }
    }
}
