//! One pass over a Deployment as a pure function: the ReplicaSets and pods in, writes out.
//!
//! Mirrors `syncDeployment` with `rolling.go`, `recreate.go` and `sync.go`. Where upstream goes on with stale ReplicaSets after a write,
//! a pass here ends, and the next one sees what the write made of the world.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::revision::{self, Sets};
use super::{size, status};
use crate::apiserver::resource::known;
use crate::builtin::event::Note;
use crate::builtin::object::{self, annotation, text};
use crate::builtin::write::{Target, Write};
use crate::session::DeleteOptions;

/// What a pass wants done, and when to look again without a change.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Writes in order; the pass ends with the first that fails.
    pub(crate) writes: Vec<Write>,
    /// When the progress deadline has to be looked at.
    pub(crate) wake: Option<Timestamp>,
}

impl Plan {
    fn of(writes: Vec<Write>) -> Self {
        Self { writes, wake: None }
    }
}

/// Decides one pass. `owned` are the Deployment's ReplicaSets, `old_pods` is whether pods that have not ended run in other than the
/// new one (looked at for `Recreate`).
pub(crate) fn decide(
    deployment: &Value,
    owned: &[&Value],
    pods_of: &dyn Fn(&str) -> bool,
    now: Timestamp,
) -> Plan {
    let sets = Sets::sort(deployment, owned);
    if object::is_terminating(deployment) {
        return Plan::of(status::scaled(deployment, &sets, now));
    }
    for stage in [
        status::paused(deployment, now),
        synced(deployment, &sets, now),
    ] {
        if !stage.is_empty() {
            return Plan::of(stage);
        }
    }
    let is_paused = object::flag(deployment, "/spec/paused");
    if is_paused || size::is_scaling_event(deployment, &sets) {
        let mut writes = scaled_in_proportion(deployment, &sets);
        if is_paused {
            writes.extend(cleaned_up(deployment, &sets));
        }
        return Plan::of(if writes.is_empty() {
            status::scaled(deployment, &sets, now)
        } else {
            writes
        });
    }
    let writes = if size::is_rolling(deployment) {
        rolling(deployment, &sets, now)
    } else {
        recreate(deployment, &sets, pods_of, now)
    };
    if !writes.is_empty() {
        return Plan::of(writes);
    }
    let (writes, wake) = status::rolled(deployment, &sets, now);
    Plan { writes, wake }
}

/// Keeps annotations and minReadySeconds of the new ReplicaSet, and the Deployment's revision, in step.
fn synced(deployment: &Value, sets: &Sets<'_>, now: Timestamp) -> Vec<Write> {
    let Some(new) = sets.new else {
        return Vec::new();
    };
    let mut set = revision::annotated(deployment, new, revision::next_revision(sets));
    let min_ready = object::count(deployment, "/spec/minReadySeconds");
    if object::count(new, "/spec/minReadySeconds") != min_ready {
        object::set(&mut set, &["spec", "minReadySeconds"], json!(min_ready));
    }
    if set != *new {
        return vec![Write::Update(known::REPLICA_SETS, set)];
    }
    let number = annotation(new, revision::REVISION).unwrap_or("");
    let mut wanted = status::with_revision(deployment, number);
    if status::has_deadline(deployment) && object::condition(deployment, "Progressing").is_none() {
        let message = format!("Found new replica set \"{}\"", object::name(new));
        status::push(
            &mut wanted,
            revision::condition("Progressing", "True", "FoundNewReplicaSet", &message, now),
        );
    }
    if wanted == *deployment {
        Vec::new()
    } else {
        vec![Write::UpdateStatus(known::DEPLOYMENTS, wanted)]
    }
}

fn scaled_in_proportion(deployment: &Value, sets: &Sets<'_>) -> Vec<Write> {
    size::proportional(deployment, sets)
        .into_iter()
        .flat_map(|(set, replicas)| resized(deployment, set, replicas))
        .collect()
}

/// Writes that give a ReplicaSet a size and note the Deployment's; none where all is so already.
fn resized(deployment: &Value, set: &Value, replicas: i64) -> Vec<Write> {
    let before = size::replicas(set);
    let mut wanted = set.clone();
    object::set(&mut wanted, &["spec", "replicas"], json!(replicas));
    revision::note_size(deployment, &mut wanted);
    if wanted == *set {
        return Vec::new();
    }
    let mut writes = vec![Write::Update(known::REPLICA_SETS, wanted)];
    if before != replicas {
        let way = if before < replicas { "up" } else { "down" };
        let message = format!(
            "Scaled {way} replica set {} from {before} to {replicas}",
            object::name(set)
        );
        writes.push(Note::normal(deployment, "ScalingReplicaSet", message));
    }
    writes
}

/// Writes that resize only where the size differs; the annotations alone are not worth a write in a rollout.
fn resized_if_needed(deployment: &Value, set: &Value, replicas: i64) -> Vec<Write> {
    if size::replicas(set) == replicas {
        Vec::new()
    } else {
        resized(deployment, set, replicas)
    }
}

fn created(deployment: &Value, sets: &Sets<'_>, now: Timestamp) -> Vec<Write> {
    let set = revision::new_set(deployment, sets);
    let name = object::name(&set).to_owned();
    let replicas = size::replicas(&set);
    let mut wanted = status::with_revision(
        deployment,
        annotation(&set, revision::REVISION).unwrap_or(""),
    );
    if status::has_deadline(deployment) {
        let message = format!("Created new replica set \"{name}\"");
        status::push(
            &mut wanted,
            revision::condition("Progressing", "True", "NewReplicaSetCreated", &message, now),
        );
    }
    let mut writes = vec![Write::Create(known::REPLICA_SETS, set)];
    if replicas > 0 {
        let message = format!("Scaled up replica set {name} from 0 to {replicas}");
        writes.push(Note::normal(deployment, "ScalingReplicaSet", message));
    }
    writes.push(Write::UpdateStatus(known::DEPLOYMENTS, wanted));
    writes
}

fn rolling(deployment: &Value, sets: &Sets<'_>, now: Timestamp) -> Vec<Write> {
    let Some(new) = sets.new else {
        return created(deployment, sets, now);
    };
    let wanted = size::replicas(deployment);
    let current = size::replicas(new);
    let target = if current >= wanted {
        wanted
    } else {
        size::new_set_replicas(deployment, sets, current)
    };
    let grown = resized_if_needed(deployment, new, target);
    if !grown.is_empty() {
        return grown;
    }
    let shrunk = shrunk(deployment, sets, new);
    if !shrunk.is_empty() {
        return shrunk;
    }
    if status::is_complete(deployment, deployment.get("status")) {
        cleaned_up(deployment, sets)
    } else {
        Vec::new()
    }
}

/// Scales old ReplicaSets down: first pods that are not available anyway, then as many as availability allows.
fn shrunk(deployment: &Value, sets: &Sets<'_>, new: &Value) -> Vec<Write> {
    let mut old: Vec<(&Value, i64)> = sets
        .old
        .iter()
        .map(|s| (*s, size::replicas(s)))
        .filter(|(_, n)| *n > 0)
        .collect();
    let min_available = size::replicas(deployment) - size::max_unavailable(deployment);
    let new_unavailable = size::replicas(new) - size::available(new);
    let allowed = size::total(&sets.all()) - min_available - new_unavailable;
    if old.is_empty() || allowed <= 0 {
        return Vec::new();
    }
    let mut left = allowed;
    for (set, replicas) in &mut old {
        let unhealthy = (*replicas - size::available(set)).clamp(0, left);
        *replicas -= unhealthy;
        left -= unhealthy;
    }
    let available: i64 = sets
        .old
        .iter()
        .chain(sets.new.iter())
        .filter(|s| counts(sets, s))
        .map(|s| size::available(s))
        .sum();
    let mut spare = (available - min_available).max(0);
    for (_, replicas) in &mut old {
        let down = (*replicas).min(spare);
        *replicas -= down;
        spare -= down;
    }
    old.into_iter()
        .flat_map(|(set, replicas)| resized_if_needed(deployment, set, replicas))
        .collect()
}

/// Upstream counts the available pods of active old ReplicaSets and of the new one.
fn counts(sets: &Sets<'_>, set: &Value) -> bool {
    size::replicas(set) > 0 || sets.new.is_some_and(|n| object::uid(n) == object::uid(set))
}

fn recreate(
    deployment: &Value,
    sets: &Sets<'_>,
    pods_of: &dyn Fn(&str) -> bool,
    now: Timestamp,
) -> Vec<Write> {
    let down: Vec<Write> = sets
        .old
        .iter()
        .flat_map(|s| resized_if_needed(deployment, s, 0))
        .collect();
    if !down.is_empty() {
        return down;
    }
    let still_there = sets
        .old
        .iter()
        .any(|s| object::count(s, "/status/replicas") > 0 || pods_of(object::uid(s)));
    if still_there {
        return Vec::new();
    }
    let Some(new) = sets.new else {
        return created(deployment, sets, now);
    };
    let up = resized_if_needed(deployment, new, size::replicas(deployment));
    if !up.is_empty() {
        return up;
    }
    if status::is_complete(deployment, deployment.get("status")) {
        cleaned_up(deployment, sets)
    } else {
        Vec::new()
    }
}

fn cleaned_up(deployment: &Value, sets: &Sets<'_>) -> Vec<Write> {
    let doomed = revision::to_clean_up(deployment, &sets.old);
    doomed
        .into_iter()
        .map(|s| Write::Delete(Target::of(known::REPLICA_SETS, s), DeleteOptions::default()))
        .collect()
}

/// What to write when a ReplicaSet could not be created: a changed collision count, or a condition and an event.
pub(crate) fn creation_failed(
    deployment: &Value,
    set: &Value,
    existing: Option<&Value>,
    message: &str,
    now: Timestamp,
) -> Vec<Write> {
    if let Some(existing) = existing {
        let ours = object::is_controlled_by(existing, deployment)
            && Sets::sort(deployment, &[existing]).new.is_some();
        if ours {
            return Vec::new();
        }
        let mut wanted = deployment.clone();
        let collisions = object::count(deployment, "/status/collisionCount") + 1;
        object::set(
            &mut wanted,
            &["status", "collisionCount"],
            json!(collisions),
        );
        return vec![Write::UpdateStatus(known::DEPLOYMENTS, wanted)];
    }
    let message = format!(
        "Failed to create new replica set \"{}\": {message}",
        text(set, "/metadata/name")
    );
    let mut writes = Vec::new();
    if status::has_deadline(deployment) {
        let mut wanted = deployment.clone();
        status::push(
            &mut wanted,
            revision::condition(
                "Progressing",
                "False",
                "ReplicaSetCreateError",
                &message,
                now,
            ),
        );
        if wanted != *deployment {
            writes.push(Write::UpdateStatus(known::DEPLOYMENTS, wanted));
        }
    }
    writes.push(Note::warning(deployment, "ReplicaSetCreateError", message));
    writes
}
