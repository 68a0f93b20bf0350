//! Whole passes of upstream's Rollout controller, recorded in `../shared/conformance/rollouts/reconcile*`: one pass of
//! ours on the same world leaves the same world.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use jiff::Timestamp;
use machinery::patch;
use rollouts::api::Rollout;
use rollouts::api::decode::lenient;
use rollouts::rollout::decide::{one_pass, prologue};
use rollouts::rollout::observe::{Observed, service_names};
use rollouts::views::{PodView, ReplicaSetView, ServiceView};
use runtime::{Effect, Patch};
use serde_json::{Value, json};

type Objects = BTreeMap<String, Value>;

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/rollouts"
    ))
}

fn cases(file: &str) -> Option<Vec<Value>> {
    let bytes = std::fs::read(folder().join(file)).ok()?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn id(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

fn kind_of(resource: &str) -> &'static str {
    match resource {
        "replicasets" => "ReplicaSet",
        "services" => "Service",
        "rollouts" => "Rollout",
        "pods" => "Pod",
        "deployments" => "Deployment",
        _ => "Other",
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn world(input: &Value) -> Objects {
    let mut all = Objects::new();
    for list in ["$client", "$store"] {
        for object in input[list].as_array().into_iter().flatten() {
            all.insert(
                id(text(object, "/kind"), text(object, "/metadata/name")),
                object.clone(),
            );
        }
    }
    all
}

fn observe(case: &Value, objects: &Objects) -> Observed {
    let key = case["in"]["key"].as_str().unwrap();
    let name = key.rsplit('/').next().unwrap();
    let rollout: Rollout = lenient(&objects[&id("Rollout", name)]).object;
    let now: Timestamp = case["now"].as_str().unwrap().parse().unwrap();
    let mut observed = Observed::new(rollout, None, now);
    let of = |kind: &str| {
        objects
            .values()
            .filter(move |o| o["kind"] == kind)
            .cloned()
            .collect::<Vec<_>>()
    };
    observed.may_adopt = true;
    observed.replica_sets = of("ReplicaSet")
        .iter()
        .map(ReplicaSetView::from_value)
        .collect();
    observed.pods = of("Pod").iter().filter_map(PodView::from_object).collect();
    for name in service_names(&observed.rollout.clone()) {
        if let Some(found) = objects
            .get(&id("Service", name))
            .and_then(ServiceView::from_object)
        {
            observed.services.insert(name.to_owned(), found);
        }
    }
    observed
}

fn apply_patch(object: &mut Value, body: &Value, dialect: &str) {
    *object = match dialect {
        "json" => patch::json::apply(object, body.to_string().as_bytes()).unwrap(),
        _ => patch::merge::apply(object, body),
    };
}

fn apply_expected(objects: &mut Objects, evicted: &mut Vec<String>, action: &Value) {
    let kind = kind_of(text(action, "/resource"));
    let subresource = text(action, "/subresource");
    let name = text(action, "/name");
    let key = id(
        if kind == "Other" {
            text(action, "/object/kind")
        } else {
            kind
        },
        name,
    );
    match text(action, "/verb") {
        "create" if subresource == "eviction" => evicted.push(name.to_owned()),
        "create" => {
            let object = &action["object"];
            let mut object = object.clone();
            object.as_object_mut().unwrap().remove("status");
            objects.insert(
                id(text(&object, "/kind"), text(&object, "/metadata/name")),
                object,
            );
        }
        "update" => {
            let key = id(
                text(&action["object"], "/kind"),
                text(&action["object"], "/metadata/name"),
            );
            if subresource == "status" {
                objects.get_mut(&key).unwrap()["status"] = action["object"]["status"].clone();
            } else {
                objects.insert(key, action["object"].clone());
            }
        }
        "patch" => {
            let dialect = if text(action, "/patchType").contains("json-patch") {
                "json"
            } else {
                "merge"
            };
            if let Some(object) = objects.get_mut(&key) {
                apply_patch(object, &action["patch"], dialect);
            }
        }
        "delete" => drop(objects.remove(&key)),
        other => panic!("verb {other}"),
    }
}

fn apply_ours(objects: &mut Objects, evicted: &mut Vec<String>, effect: &Effect) {
    match effect {
        Effect::Create { object, .. } => {
            objects.insert(
                id(text(object, "/kind"), text(object, "/metadata/name")),
                object.clone(),
            );
        }
        Effect::Patch {
            resource,
            key,
            patch,
            ..
        } => {
            let dialect = if matches!(patch, Patch::Json(_)) {
                "json"
            } else {
                "merge"
            };
            let object = objects.get_mut(&id(&resource.kind, &key.name)).unwrap();
            apply_patch(object, patch.body(), dialect);
        }
        Effect::Delete { resource, key, .. } => {
            drop(objects.remove(&id(&resource.kind, &key.name)))
        }
        Effect::Evict { key, .. } => evicted.push(key.name.clone()),
        Effect::Update { .. } => panic!("no updates"),
        Effect::Event { .. } => {}
    }
}

fn clean(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.clone(), clean(v)))
            .filter(|(k, v)| {
                !(v.is_null()
                    || v.as_object().is_some_and(serde_json::Map::is_empty)
                    || v.as_array().is_some_and(Vec::is_empty)
                    || *v == json!("") && k == "collisionCount"
                    || k == "rollouts.carrick.dev/template-digest"
                    || k == "resourceVersion")
            })
            .collect(),
        Value::Array(list) => list.iter().map(clean).collect(),
        other => other.clone(),
    }
}

fn difference(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (x, y) = (
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                );
                difference(&format!("{path}/{key}"), x, y, out);
            }
        }
        _ if ours == theirs => {}
        _ => out.push(format!("{path}: ours {ours} theirs {theirs}")),
    }
}

fn unsupported(rollout: &Value) -> bool {
    let canary = rollout.pointer("/spec/strategy/canary");
    let blue_green = rollout.pointer("/spec/strategy/blueGreen");
    let steps = canary
        .and_then(|c| c["steps"].as_array())
        .cloned()
        .unwrap_or_default();
    canary.is_some_and(|c| {
        !c["trafficRouting"].is_null() || !c["analysis"].is_null() || !c["pingPong"].is_null()
    }) || blue_green.is_some_and(|b| {
        !b["prePromotionAnalysis"].is_null() || !b["postPromotionAnalysis"].is_null()
    }) || steps
        .iter()
        .any(|s| s["setWeight"].is_null() && s["pause"].is_null())
        || (canary.is_none() && blue_green.is_none())
}

fn compare(case: &Value) -> Vec<String> {
    let before = world(&case["in"]);
    let observed = observe(case, &before);
    let (mut theirs, mut ours) = (before.clone(), before.clone());
    let (mut their_evictions, mut our_evictions) = (Vec::new(), Vec::new());
    for action in case["out"]["actions"].as_array().into_iter().flatten() {
        apply_expected(&mut theirs, &mut their_evictions, action);
    }
    let (start, mut effects) = prologue(&observed);
    let outcome = one_pass(&observed, &start);
    effects.extend(outcome.effects);
    for effect in &effects {
        apply_ours(&mut ours, &mut our_evictions, effect);
    }
    let key = id("Rollout", &observed.rollout.metadata.name);
    let change = patch::merge::diff(
        &json!(observed.rollout.status),
        &json!(outcome.rollout.status),
    );
    if !change.as_object().is_some_and(serde_json::Map::is_empty) {
        apply_patch(
            ours.get_mut(&key).unwrap(),
            &json!({"status": change}),
            "merge",
        );
    }
    let mut out = Vec::new();
    let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).cloned().collect();
    for key in keys {
        let (a, b) = (ours.get(&key).map(clean), theirs.get(&key).map(clean));
        difference(
            &key,
            &a.unwrap_or_default(),
            &b.unwrap_or_default(),
            &mut out,
        );
    }
    if our_evictions != their_evictions {
        out.push(format!(
            "evictions: ours {our_evictions:?} theirs {their_evictions:?}"
        ));
    }
    let mut our_events: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Event {
                kind,
                reason,
                message,
                ..
            } => Some(format!("{} {reason} {message}", kind.as_str())),
            _ => None,
        })
        .collect();
    let mut their_events: Vec<String> = case["out"]["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| {
            format!(
                "{} {} {}",
                text(e, "/type"),
                text(e, "/reason"),
                text(e, "/message")
            )
        })
        .collect();
    our_events.sort();
    their_events.sort();
    if our_events != their_events {
        out.push(format!(
            "events: ours {our_events:?} theirs {their_events:?}"
        ));
    }
    out
}

#[test]
fn one_pass_leaves_the_world_as_upstream_does() {
    let only = std::env::var("CASE").unwrap_or_default();
    let (mut equal, mut skipped, mut different) = (0, 0, 0);
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for file in [
        "reconcile-bluegreen.ndjson.gz",
        "reconcile-canary.ndjson.gz",
    ] {
        let Some(cases) = cases(file) else {
            println!("skipped: no recorded cases beside the checkout");
            return;
        };
        for case in cases {
            let name = case["case"].as_str().unwrap();
            let rollout = case["in"]["$store"]
                .as_array()
                .unwrap()
                .iter()
                .find(|o| o["kind"] == "Rollout");
            if !name.contains(&only) {
                continue;
            }
            if rollout.is_none_or(unsupported) {
                skipped += 1;
                continue;
            }
            let found = std::panic::catch_unwind(|| compare(&case))
                .unwrap_or_else(|_| vec!["panic".to_owned()]);
            if found.is_empty() {
                equal += 1;
            } else {
                different += 1;
                let group = name.split('#').next().unwrap().to_owned();
                *groups.entry(group).or_default() += 1;
                if different <= 400 {
                    println!("{name}\n   {}", found.join("\n   "));
                }
            }
        }
    }
    for (group, count) in &groups {
        println!("{count:5} {group}");
    }
    println!("equal {equal}, different {different}, skipped {skipped}");
    assert_eq!(different, 0);
}
