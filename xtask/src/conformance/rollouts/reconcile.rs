//! Whole passes of the Rollout controller: one pass of ours on the recorded world leaves the same world.
//!
//! Ours writes patches where upstream updates, so worlds are compared, not writes: every object after all writes, then
//! the events and the evictions.

use machinery::pointer::text;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use machinery::patch;
use rollouts::api::Rollout;
use rollouts::api::decode::lenient;
use rollouts::rollout::decide::{one_pass, prologue};
use rollouts::rollout::observe::{Observed, service_names};
use rollouts::rollout::template::DIGEST_ANNOTATION;
use rollouts::validation::support::unsupported;
use rollouts::views::{PodView, ReplicaSetView, ServiceView};
use runtime::{Dialect, Effect, Requeue};
use serde_json::{Map, Value, json};

use crate::conformance::case::Case;
use crate::conformance::registry::Registry;

const FUNCTION: &str = "rollout.Controller.syncHandler";

/// Registers the passes, what is not replayed, and where ours differs on purpose.
pub fn register(registry: &mut Registry) {
    registry.on(FUNCTION, replay);
    registry.skip_if(
        FUNCTION,
        "analysis, experiments, traffic routing and plugins are not supported yet",
        is_unsupported,
    );
    registry.skip_if(FUNCTION, "the recorded world lacks the Rollout", |case| {
        rollout_of(case).is_none()
    });
    registry.mark_if(
        FUNCTION,
        "a second update of a stale copy, which a real API server refuses",
        writes_stale_copy,
    );
    registry.mark_if(
        FUNCTION,
        "scaleDownDelaySeconds 0 means at once",
        is_without_delay,
    );
    registry.mark(
        "rollout/TestVariedReconcileMore/bgTimed/hashFlip#syncHandler.15",
        "an equal template keeps its ReplicaSet, whatever its label",
    );
    registry.mark(
        "rollout/TestSyncHandlerStaleCacheGuard#syncHandler.1",
        "the runtime's fences guard against stale caches",
    );
    registry.mark_if(
        FUNCTION,
        "the step index goes one beyond the end",
        passes_the_end,
    );
}

/// A world: objects by `Kind/name`.
type World = BTreeMap<String, Value>;

/// What was done beside changing objects.
#[derive(Default)]
struct Deeds {
    evictions: Vec<String>,
    events: Vec<String>,
    again: Requeue,
}

fn replay(case: &Case) -> Result<(), String> {
    let before = world(case);
    let observed = observe(case, &before).ok_or("no Rollout")?;
    let (theirs, their_deeds) = theirs(case, before.clone());
    let (ours, our_deeds) = ours(&observed, before);
    let mut found = Vec::new();
    if let Some(difference) = delays(case, our_deeds.again) {
        found.push(difference);
    }
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        let side = |world: &World| world.get(name).map(bare).unwrap_or_default();
        differences(name, &side(&theirs), &side(&ours), case.now(), &mut found);
    }
    for (what, theirs, ours) in [
        ("evictions", their_deeds.evictions, our_deeds.evictions),
        ("events", their_deeds.events, our_deeds.events),
    ] {
        if theirs != ours {
            found.push(format!("{what}: upstream {theirs:?}, ours {ours:?}"));
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(found.join("\n    "))
    }
}

/// Whether ours is looked at again when upstream says: at the earliest of the times that it asks for. Where none is recorded
/// ours may look again all the same, for what upstream's resync or another queue sees.
fn delays(case: &Case, again: Requeue) -> Option<String> {
    let calls = case.line["out"]["calls"].as_array().into_iter().flatten();
    let theirs = calls
        .filter(|call| text(call, "/op") == "AddAfter")
        .filter_map(|call| text(call, "/in/after").parse::<SignedDuration>().ok())
        .min();
    let ours = match again {
        Requeue::At(at) => Some(at.duration_since(case.now())),
        Requeue::After(delay) => SignedDuration::try_from(delay).ok(),
        Requeue::Never | Requeue::Backoff | Requeue::Immediately => None,
    };
    (theirs.is_some() && theirs != ours)
        .then(|| format!("again: upstream after {theirs:?}, ours after {ours:?}"))
}

fn id(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

fn id_of(object: &Value) -> String {
    id(text(object, "/kind"), text(object, "/metadata/name"))
}

fn objects(case: &Case) -> impl Iterator<Item = &Value> {
    ["$client", "$store"]
        .into_iter()
        .flat_map(|list| case.line["in"][list].as_array().into_iter().flatten())
}

fn world(case: &Case) -> World {
    objects(case)
        .map(|object| (id_of(object), object.clone()))
        .collect()
}

fn rollout_of(case: &Case) -> Option<Rollout> {
    let name = text(&case.line, "/in/key").rsplit('/').next()?;
    world(case)
        .get(&id("Rollout", name))
        .map(|object| lenient(object).object)
}

fn observe(case: &Case, world: &World) -> Option<Observed> {
    let mut observed = Observed::new(rollout_of(case)?, None, case.now());
    let of = |kind: &'static str| {
        world
            .values()
            .filter(move |object| text(object, "/kind") == kind)
    };
    observed.may_adopt = true;
    observed.replica_sets = of("ReplicaSet").map(ReplicaSetView::from_value).collect();
    observed.pods = of("Pod").filter_map(PodView::from_object).collect();
    for name in service_names(&observed.rollout) {
        let found = world
            .get(&id("Service", name))
            .and_then(ServiceView::from_object);
        observed
            .services
            .extend(found.map(|service| (name.to_owned(), service)));
    }
    Some(observed)
}

fn actions(case: &Case) -> impl Iterator<Item = &Value> {
    case.line["out"]["actions"].as_array().into_iter().flatten()
}

fn theirs(case: &Case, mut world: World) -> (World, Deeds) {
    let mut deeds = Deeds::default();
    for action in actions(case) {
        apply(action, &mut world, &mut deeds);
    }
    let events = case.line["out"]["events"].as_array().into_iter().flatten();
    deeds.events = events
        .map(|e| {
            format!(
                "{} {} {}",
                text(e, "/type"),
                text(e, "/reason"),
                text(e, "/message")
            )
        })
        .collect();
    deeds.events.sort();
    (world, deeds)
}

fn apply(action: &Value, world: &mut World, deeds: &mut Deeds) {
    let kind = match text(action, "/resource") {
        "replicasets" => "ReplicaSet",
        "services" => "Service",
        "rollouts" => "Rollout",
        "pods" => "Pod",
        _ => text(action, "/object/kind"),
    };
    let (name, object) = (text(action, "/name"), &action["object"]);
    match (text(action, "/verb"), text(action, "/subresource")) {
        ("create", "eviction") => deeds.evictions.push(name.to_owned()),
        ("create", _) => {
            let mut object = object.clone();
            if let Some(fields) = object.as_object_mut() {
                fields.remove("status");
            }
            world.insert(id_of(&object), object);
        }
        ("update", "status") => {
            if let Some(held) = world.get_mut(&id_of(object)) {
                held["status"] = object["status"].clone();
            }
        }
        ("update", _) => drop(world.insert(id_of(object), object.clone())),
        ("delete", _) => drop(world.remove(&id(kind, name))),
        _ => {
            let json = text(action, "/patchType").contains("json-patch");
            if let Some(held) = world.get_mut(&id(kind, name)) {
                change(held, &action["patch"], json);
            }
        }
    }
}

fn change(object: &mut Value, patch: &Value, json: bool) {
    *object = if json {
        patch::json::apply(object, patch.to_string().as_bytes()).unwrap_or_default()
    } else {
        // The strategic patches recorded here have no lists.
        patch::merge::apply(object, patch)
    };
}

fn ours(observed: &Observed, mut world: World) -> (World, Deeds) {
    let mut deeds = Deeds::default();
    let (start, mut effects) = prologue(observed);
    let outcome = one_pass(observed, &start);
    effects.extend(outcome.effects);
    for effect in &effects {
        perform(effect, &mut world, &mut deeds);
    }
    deeds.events.sort();
    deeds.again = outcome.requeue;
    let difference = patch::merge::diff(
        &json!(observed.rollout.status),
        &json!(outcome.rollout.status),
    );
    if let Some(held) = world.get_mut(&id("Rollout", &observed.rollout.metadata.name)) {
        change(held, &json!({"status": difference}), false);
    }
    (world, deeds)
}

fn perform(effect: &Effect, world: &mut World, deeds: &mut Deeds) {
    match effect {
        Effect::Create { object, .. } | Effect::Update { object, .. } => {
            world.insert(id_of(object), object.clone());
        }
        Effect::Packed { object, .. } => {
            let object: Value = serde_json::from_slice(&object.unpacked()).unwrap_or_default();
            world.insert(id_of(&object), object);
        }
        Effect::Patch {
            resource,
            key,
            patch,
            ..
        } => {
            if let Some(held) = world.get_mut(&id(&resource.kind, &key.name)) {
                change(held, &patch.body(), patch.dialect() == Dialect::Json);
            }
        }
        Effect::Delete { resource, key, .. } => drop(world.remove(&id(&resource.kind, &key.name))),
        Effect::Evict { key, .. } => deeds.evictions.push(key.name.clone()),
        Effect::Event {
            kind,
            reason,
            message,
            ..
        } => {
            deeds
                .events
                .push(format!("{} {reason} {message}", kind.as_str()));
        }
    }
}

/// An object without nulls, empty parts and what only ours or only a real API server has.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .map(|(key, field)| (key.clone(), bare(field)))
                .filter(|(key, field)| {
                    !is_empty(field) && key != DIGEST_ANNOTATION && key != "resourceVersion"
                })
                .collect();
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn differences(path: &str, theirs: &Value, ours: &Value, now: Timestamp, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let side =
                    |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
                differences(&format!("{path}/{key}"), &side(a), &side(b), now, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (theirs, ours)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}/{index}"), theirs, ours, now, found);
            }
        }
        _ if theirs == ours || both_about(theirs, ours, now) => {}
        _ => found.push(format!("{path}: upstream {theirs}, ours {ours}")),
    }
}

/// Two times that both mean the time of the pass: upstream's own tests ran on the wall clock.
fn both_about(theirs: &Value, ours: &Value, now: Timestamp) -> bool {
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    let (Some(theirs), Some(ours)) = (time(theirs), time(ours)) else {
        return false;
    };
    let near =
        |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= SignedDuration::from_secs(2);
    near(theirs, ours) && now.duration_since(theirs).abs() < SignedDuration::from_hours(1)
}

fn is_unsupported(case: &Case) -> bool {
    rollout_of(case).is_some_and(|rollout| {
        !unsupported(&rollout).is_empty() || rollout.spec.workload_ref.is_some()
    })
}

/// Upstream updates a ReplicaSet twice in one pass, the second time from the copy it began with.
fn writes_stale_copy(case: &Case) -> bool {
    let before = world(case);
    let mut written: World = World::new();
    for action in actions(case).filter(|action| text(action, "/resource") == "replicasets") {
        let name = id("ReplicaSet", text(action, "/name"));
        let Some(original) = before.get(&name) else {
            continue;
        };
        if text(action, "/verb") == "update"
            && let Some(current) = written.get(&name)
        {
            let reverts = |pointer: &str| {
                let of = |object: &Value| object.pointer(pointer).cloned().unwrap_or_default();
                of(current) != of(original) && of(&action["object"]) == of(original)
            };
            if action["object"] == *current
                || reverts("/spec/replicas")
                || reverts("/metadata/annotations/scale-down-deadline")
            {
                return true;
            }
        }
        let mut after = World::from([(
            name.clone(),
            written.remove(&name).unwrap_or_else(|| original.clone()),
        )]);
        apply(action, &mut after, &mut Deeds::default());
        written.extend(after);
    }
    false
}

/// A blue-green Rollout that scales old sets down without a delay, and has one to scale down.
fn is_without_delay(case: &Case) -> bool {
    let requeued = case.line["out"]["calls"].as_array().into_iter().flatten();
    let at_once = requeued
        .into_iter()
        .any(|call| text(call, "/op") == "AddAfter" && text(call, "/in/after") == "0s");
    let blue_green = rollout_of(case).and_then(|rollout| rollout.spec.strategy.blue_green);
    at_once && blue_green.is_some_and(|strategy| strategy.scale_down_delay_seconds == Some(0))
}

/// Upstream counts a step as done that it has skipped already.
fn passes_the_end(case: &Case) -> bool {
    let Some(rollout) = rollout_of(case) else {
        return false;
    };
    let count = rollout
        .spec
        .strategy
        .canary
        .as_ref()
        .map_or(0, |canary| canary.steps().len());
    actions(case).any(|action| {
        action["patch"]["status"]["currentStepIndex"]
            .as_u64()
            .is_some_and(|i| i > count as u64)
    })
}
