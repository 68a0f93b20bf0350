//! What upstream's controller left behind at each step of releases, from recorded reconciles beside the checkout.
//!
//! A recording holds the objects that one pass began with: the Rollout with the status of the pass before, ReplicaSets
//! and Services. Of all recordings those are taken that need no analysis, experiment or router, in which the controller
//! has seen the spec as it is, and one for each situation.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use machinery::meta;
use rollouts::api::labels::POD_TEMPLATE_HASH;
use serde_json::{Value, json};

use crate::objects::text;

/// Stories that begin with a canary.
pub const CANARY: &str = "reconcile-canary.ndjson.gz";
/// Stories that begin with a blue-green.
pub const BLUE_GREEN: &str = "reconcile-bluegreen.ndjson.gz";

/// The folder of the recordings, beside the checkout.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/rollouts")
}

/// The objects of one moment.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Name of the recording.
    pub case: String,
    /// When it was.
    pub now: Timestamp,
    /// The Rollout with its status.
    pub rollout: Value,
    /// Its ReplicaSets, the oldest first.
    pub sets: Vec<Value>,
    /// Its Services.
    pub services: Vec<Value>,
}

/// How finely situations are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Kind of strategy and of the present step, phase, message, pauses, abort.
    Coarse,
    /// The whole strategy and the number of the step in place of their kinds.
    Fine,
}

/// One recording of each situation in a file, in the order of their names; `None` without the file.
pub fn situations(file: &Path, grain: Grain) -> Result<Option<Vec<Situation>>> {
    if !file.exists() {
        return Ok(None);
    }
    let opened = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    let mut found = BTreeMap::new();
    for line in BufReader::new(GzDecoder::new(opened)).lines() {
        let recording: Value = serde_json::from_str(&line?)?;
        if let Some(situation) = Situation::of(&recording) {
            found.entry(situation.key(grain)).or_insert(situation);
        }
    }
    let mut all: Vec<Situation> = found.into_values().collect();
    all.sort_by(|a, b| a.case.cmp(&b.case));
    Ok(Some(all))
}

impl Situation {
    /// The situation of a recorded pass, if it is one of ours.
    fn of(recording: &Value) -> Option<Self> {
        if recording.pointer("/in/$client").is_some() {
            return None;
        }
        let store = recording.pointer("/in/$store")?.as_array()?;
        let of_kind = |kind: &str| -> Vec<Value> {
            let found = store.iter().filter(|object| meta::kind(object) == kind);
            found.cloned().collect()
        };
        let mut sets = of_kind("ReplicaSet");
        sets.sort_by_key(|set| {
            let made = text(set, "/metadata/creationTimestamp").to_owned();
            (made, meta::name(set).to_owned())
        });
        let situation = Self {
            case: text(recording, "/case").to_owned(),
            now: text(recording, "/now").parse().ok()?,
            rollout: of_kind("Rollout").pop()?,
            sets,
            services: of_kind("Service"),
        };
        let runs = ["AnalysisRun", "Experiment"];
        let plain = runs.iter().all(|kind| of_kind(kind).is_empty());
        (plain && situation.is_common() && situation.is_observed()).then_some(situation)
    }

    fn strategy(&self) -> String {
        let strategy = self.rollout.pointer("/spec/strategy");
        strategy.unwrap_or(&Value::Null).to_string()
    }

    /// Whether the spec asks only for what this version can do, and is valid; whether no restart is asked for, which
    /// would replace pods, and no image that never starts, with which nothing comes to its end.
    fn is_common(&self) -> bool {
        let strategy = self.strategy();
        let missing = ["nalysis", "experiment", "trafficRouting", "plugin"];
        let there = |name: &str| self.services.iter().any(|found| meta::name(found) == name);
        let named = self.named_services();
        !missing.iter().any(|word| strategy.contains(word))
            && named.iter().all(|(_, name)| there(name))
            && self.rollout.pointer("/spec/restartAt").is_none()
            && !self
                .sets
                .iter()
                .any(|set| set.to_string().contains("web:bad"))
            && !self
                .rollout
                .pointer("/status/conditions")
                .is_some_and(|conditions| conditions.to_string().contains("InvalidSpec"))
    }

    /// Role and name of the Services in the strategy.
    fn named_services(&self) -> Vec<(String, String)> {
        ["blueGreen", "canary"]
            .iter()
            .filter_map(|kind| {
                let strategy = self.rollout.pointer(&format!("/spec/strategy/{kind}"))?;
                strategy.as_object()
            })
            .flatten()
            .filter(|(field, _)| field.ends_with("Service"))
            .map(|(field, name)| (field.clone(), name.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// Whether nobody has edited the spec since the last pass, so that no new revision is due.
    fn is_observed(&self) -> bool {
        let template = self.rollout.pointer("/spec/template");
        let has_set = self.sets.iter().any(|set| {
            let mut own = set.pointer("/spec/template").cloned().unwrap_or_default();
            if let Some(labels) = own
                .pointer_mut("/metadata/labels")
                .and_then(Value::as_object_mut)
            {
                labels.remove(POD_TEMPLATE_HASH);
            }
            Some(&own) == template
        });
        has_set && crate::releases::is_observed(&self.rollout)
    }

    /// What tells situations apart.
    fn key(&self, grain: Grain) -> String {
        let at = |pointer: &str| self.rollout.pointer(pointer).unwrap_or(&Value::Null);
        let reasons: Vec<&str> = at("/status/pauseConditions")
            .as_array()
            .map(|pauses| pauses.iter().map(|pause| text(pause, "/reason")).collect())
            .unwrap_or_default();
        let mut message = text(&self.rollout, "/status/message").to_owned();
        for set in &self.sets {
            message = message.replace(meta::name(set), "SET");
        }
        let mut key = json!([
            at("/status/phase"),
            message,
            reasons,
            at("/status/abort"),
            at("/spec/paused"),
        ]);
        let more = match grain {
            Grain::Coarse => self.step(),
            Grain::Fine => json!([self.strategy(), at("/status/currentStepIndex")]),
        };
        if let Some(key) = key.as_array_mut() {
            key.push(more);
        }
        key.to_string()
    }

    /// The kind of the strategy, and of the step at which it is.
    fn step(&self) -> Value {
        let strategy = |field: &str| {
            self.rollout
                .pointer(&format!("/spec/strategy/blueGreen/{field}"))
        };
        let Some(canary) = self.rollout.pointer("/spec/strategy/canary") else {
            let kind = match strategy("autoPromotionEnabled").and_then(Value::as_bool) {
                _ if strategy("autoPromotionSeconds").is_some() => "timed",
                Some(false) => "by hand",
                Some(true) | None => "at once",
            };
            return json!(["blueGreen", kind]);
        };
        let index = self.rollout.pointer("/status/currentStepIndex");
        let step = index
            .and_then(Value::as_u64)
            .and_then(|index| canary.pointer(&format!("/steps/{index}")));
        let kind = match step
            .and_then(Value::as_object)
            .and_then(|step| step.iter().next())
        {
            Some((kind, value)) if value.get("duration").is_some() => format!("timed {kind}"),
            Some((kind, _)) => kind.clone(),
            None if index.is_some() => "end".to_owned(),
            None => "no steps".to_owned(),
        };
        json!(["canary", kind])
    }
}

/// Moves all times in a value, as from the time of the recording to now.
pub fn shift(value: &mut Value, by: jiff::SignedDuration) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| shift(value, by)),
        Value::Array(items) => items.iter_mut().for_each(|value| shift(value, by)),
        Value::String(text) => {
            if let Ok(time) = text.parse::<Timestamp>()
                && let Ok(moved) = time.checked_add(by)
            {
                *text = machinery::time::rfc3339(moved);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
