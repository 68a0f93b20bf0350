//! Rollouts that upstream's controller left in the middle of a release are brought to their end: with the ReplicaSets
//! that are there, no new revision, and no pod replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::stream::{self, StreamExt as _};
use machinery::meta;
use rollouts::api::labels::REVISION;
use runtime::Patch;
use serde_json::{Value, json};

use crate::census::Census;
use crate::cluster::Cluster;
use crate::faults::{Faults, Plan};
use crate::objects::{POD, REPLICA_SET, ROLLOUT, number, text};
use crate::recordings::{self, Grain, Situation};
use crate::releases::{is_observed, phase};

/// Situations at work at the same time; three real nodes have room for 330 pods.
const AT_ONCE: usize = 16;
const AT_ONCE_ON_REAL_NODES: usize = 6;

/// Canaries at each of their steps and pauses.
pub async fn of_canaries(cluster: &Cluster) -> Result<()> {
    of_all(cluster, recordings::CANARY).await
}

/// Blue-greens before, in and after their pause.
pub async fn of_blue_greens(cluster: &Cluster) -> Result<()> {
    of_all(cluster, recordings::BLUE_GREEN).await
}

/// Each situation in a namespace of its own.
async fn of_all(cluster: &Cluster, file: &str) -> Result<()> {
    let (grain, at_once) = if cluster.is_simulated() {
        (Grain::Fine, AT_ONCE)
    } else {
        (Grain::Coarse, AT_ONCE_ON_REAL_NODES)
    };
    let file = recordings::folder().join(file);
    let Some(situations) = recordings::situations(&file, grain)? else {
        println!("skipped: no recordings beside the checkout");
        return Ok(());
    };
    ensure!(
        situations.len() > 10,
        "only {} situations",
        situations.len()
    );
    let outcomes: Vec<Result<()>> = stream::iter(situations.iter().enumerate())
        .map(|(index, situation)| async move {
            let played = take_over(cluster, index, situation).await;
            played.with_context(|| situation.case.clone())
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err().map(|error| format!("{error:#}")))
        .collect();
    println!("{} situations taken over", situations.len());
    ensure!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        situations.len(),
        failures.join("\n\n")
    );
    Ok(())
}

async fn take_over(cluster: &Cluster, index: usize, situation: &Situation) -> Result<()> {
    let mut own = cluster.beside(&index.to_string()).await?;
    let name = meta::name(&situation.rollout).to_owned();
    let outcome = async {
        lay_out(&own, situation).await?;
        let before = Picture::of(&own, &name).await?;
        let census = Census::begin(&own);
        own.eventually("a count that has begun", async || {
            let counted = before.sets.keys().all(|uid| census.sizes(uid).is_some());
            Ok(counted.then_some(()))
        })
        .await?;
        start(&mut own).await?;
        play(&own, &name).await?;
        own.settle().await?;
        before.assert_kept(&Picture::of(&own, &name).await?, &census)
    }
    .await;
    own.leave().await?;
    outcome
}

/// Starts the controllers, and waits until they are at work.
async fn start(own: &mut Cluster) -> Result<()> {
    let faults = Faults::new(Plan::default());
    if own.is_simulated() {
        // They are at once. Renewing Leases would take longer than all the rest.
        own.start(own.client.kube().clone(), faults, 1);
        return Ok(());
    }
    own.start_elected(faults.clone());
    own.eventually("a leader", async || Ok(faults.has_written().then_some(())))
        .await
}

/// Puts the recorded objects into a namespace, and waits for the pods.
async fn lay_out(own: &Cluster, situation: &Situation) -> Result<()> {
    let shifted = |object: &Value| {
        let mut object = object.clone();
        recordings::shift(&mut object, own.now().duration_since(situation.now));
        object
    };
    for service in &situation.services {
        let mut service = bare(&shifted(service));
        service["spec"]["ports"] = json!([{"port": 80}]);
        own.apply(&service).await?;
    }
    let recorded = shifted(&situation.rollout);
    let rollout = own.apply(&bare(&recorded)).await?;
    for set in &situation.sets {
        let mut set = bare(&shifted(set));
        set["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": meta::name(&rollout), "uid": meta::uid(&rollout),
            "controller": true, "blockOwnerDeletion": true,
        }]);
        own.apply(&set).await?;
        // Their order is that of their times of creation, which are whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    for set in &situation.sets {
        let full = |set: &Value| {
            number(set, "/status/availableReplicas") == number(set, "/spec/replicas")
                && number(set, "/status/replicas") == number(set, "/spec/replicas")
        };
        own.until("all pods", &REPLICA_SET, meta::name(set), full)
            .await?;
    }
    let mut status = recorded.get("status").cloned().context("a status")?;
    status["observedGeneration"] = meta::generation(&rollout).to_string().into();
    let patch = Patch::Merge(json!({"status": status}));
    own.patch(&ROLLOUT, meta::name(&rollout), Some("status"), patch)
        .await?;
    Ok(())
}

/// What somebody would apply: without what the server and controllers add.
fn bare(object: &Value) -> Value {
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.remove("status");
    }
    let metadata = meta::metadata_mut(&mut bare);
    metadata.retain(|field, _| ["name", "labels", "annotations"].contains(&field.as_str()));
    bare
}

/// Plays the rest of a release: promotes where it would wait for somebody, or for more than a minute.
async fn play(own: &Cluster, name: &str) -> Result<()> {
    for _ in 0..20 {
        let seen = own
            .until("an end or a pause", &ROLLOUT, name, |rollout| {
                is_observed(rollout) && (is_at_its_end(rollout) || waits(rollout))
            })
            .await?;
        if is_at_its_end(&seen) {
            return Ok(());
        }
        own.promote(name, false).await?;
        let version = meta::resource_version(&seen).to_owned();
        own.until("an answer", &ROLLOUT, name, |rollout| {
            meta::resource_version(rollout) != version && !waits(rollout)
                || rollout.pointer("/status/pauseConditions")
                    != seen.pointer("/status/pauseConditions")
        })
        .await?;
    }
    bail!("no end")
}

/// Healthy with the new revision, or aborted.
fn is_at_its_end(rollout: &Value) -> bool {
    let promoted = text(rollout, "/status/stableRS") == text(rollout, "/status/currentPodHash");
    let aborted = rollout.pointer("/status/abort") == Some(&true.into());
    (phase(rollout) == "Healthy" && promoted && !aborted)
        || (phase(rollout).starts_with("Degraded RolloutAborted") && aborted)
}

fn waits(rollout: &Value) -> bool {
    let on_request = rollout.pointer("/spec/paused") == Some(&true.into());
    let paused = rollout
        .pointer("/status/pauseConditions/0")
        .is_some_and(|_| !passes_by_itself(rollout));
    text(rollout, "/status/phase") == "Paused" && (on_request || paused)
}

/// Whether the present pause is one of less than a minute.
fn passes_by_itself(rollout: &Value) -> bool {
    if let Some(seconds) = rollout.pointer("/spec/strategy/blueGreen/autoPromotionSeconds") {
        return seconds.as_i64().is_some_and(|seconds| seconds > 0);
    }
    let index = number(rollout, "/status/currentStepIndex");
    let pointer = format!("/spec/strategy/canary/steps/{index}/pause/duration");
    match rollout.pointer(&pointer) {
        Some(Value::String(duration)) => duration != "1h",
        Some(Value::Number(seconds)) => seconds.as_i64().is_some_and(|seconds| seconds < 60),
        _ => false,
    }
}

/// ReplicaSets and pods at one moment.
#[derive(Debug)]
struct Picture {
    revision: String,
    /// UID, name, revision and size.
    sets: BTreeMap<String, (String, String, i64)>,
    /// UIDs of pods by the ReplicaSet's UID.
    pods: BTreeMap<String, BTreeSet<String>>,
}

impl Picture {
    async fn of(own: &Cluster, name: &str) -> Result<Self> {
        let revision = |object: &Value| {
            meta::annotation(object, REVISION)
                .unwrap_or_default()
                .to_owned()
        };
        let sets = own.replica_sets(name).await?;
        let sets = sets.iter().map(|set| {
            let size = number(set, "/spec/replicas");
            let seen = (meta::name(set).to_owned(), revision(set), size);
            (meta::uid(set).to_owned(), seen)
        });
        let mut pods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for pod in own.list(&POD).await? {
            if let Some(owner) = meta::controller_of(&pod)
                && meta::deletion_timestamp(&pod).is_none()
            {
                let uid = meta::uid(&pod).to_owned();
                pods.entry(owner.uid).or_default().insert(uid);
            }
        }
        Ok(Self {
            revision: revision(&own.rollout(name).await?),
            sets: sets.collect(),
            pods,
        })
    }

    /// Fails if there is a ReplicaSet or a revision more than before, or a pod was replaced.
    fn assert_kept(&self, after: &Self, census: &Census) -> Result<()> {
        ensure!(
            self.revision == after.revision,
            "revision {} became {}",
            self.revision,
            after.revision
        );
        for (uid, (name, revision, size)) in &after.sets {
            let Some((_, old_revision, old_size)) = self.sets.get(uid) else {
                bail!("{name} is new; there were {:?}", self.sets);
            };
            ensure!(
                revision == old_revision,
                "revision {old_revision} of {name} became {revision}"
            );
            ensure!(
                self.has_kept_pods(after, uid, census.sizes(uid)),
                "pods of {name} were replaced on the way from {old_size} to {size}: {:?} became {:?}",
                self.pods.get(uid),
                after.pods.get(uid)
            );
        }
        Ok(())
    }

    /// A ReplicaSet that only grew still has all its pods; one that only became smaller has no others. One that went up
    /// and down on the way, as when steps were edited, may have new ones: which pod goes is the ReplicaSet's choice.
    fn has_kept_pods(&self, after: &Self, uid: &str, sizes: Option<(i64, i64)>) -> bool {
        let none = BTreeSet::new();
        let pods = |picture: &'_ Self| picture.pods.get(uid).unwrap_or(&none).clone();
        let (old, new) = (pods(self), pods(after));
        let size = |picture: &Self| picture.sets.get(uid).map_or(0, |(_, _, size)| *size);
        let Some((least, most)) = sizes else {
            return false;
        };
        if least >= size(self) && most <= size(after) {
            new.is_superset(&old)
        } else if least == size(after) && most <= size(self) {
            new.is_subset(&old)
        } else {
            true
        }
    }
}
