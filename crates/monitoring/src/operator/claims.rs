//! Claims grow with `spec.storage`. A StatefulSet makes claims from its template and never changes them, and upstream leaves
//! it to people to patch each; here a claim that is smaller than its template asks for the larger size.
//!
//! Claims are listed only if what they shall be isn't what they were last found to be, so that an unchanged world costs no
//! request. Whoever starts anew looks again: nothing is lost with the process.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use machinery::quantity::Quantity;
use runtime::{Effect, Error, ObjectKey, Reader};
use serde_json::{Value, json};

use super::decision::Remark;
use super::resources::{CLAIM, STORAGE_CLASS};
use super::stored::selector_text;
use super::workload::{Observed, Workload};
use crate::workload::Texts;

/// What the condition `Reconciled` gives as its reason where claims aren't as large as they shall be, or larger.
const REASON: &str = "ClaimsNotResized";
/// Claims that are told of at most.
const MOST_TOLD: usize = 5;
/// The class of claims before there was a field for it.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// The claims of one template of a StatefulSet, as they shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    set: String,
    uid: String,
    template: String,
    /// How large, as a quantity that parses.
    size: String,
    /// Those from 0 on that are in use.
    replicas: u64,
    /// Labels that the StatefulSet gives to its claims.
    selector: Texts,
}

/// What claims were last found to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What they shall be, and are as far as they can.
    wanted: Vec<Wanted>,
    /// What is said of those that can't.
    remark: Option<Remark>,
}

/// What a pass sees of claims.
#[derive(Debug, Clone, Default)]
pub enum Seen {
    /// Nothing: there are none, or they aren't looked at.
    #[default]
    Nothing,
    /// They are what they were last found to be.
    AsBefore,
    /// Claims by name, and of the classes of those that are too small whether these let them grow.
    Now(BTreeMap<String, Value>, BTreeMap<String, bool>),
}

/// What follows for claims.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    /// The writes.
    pub effects: Vec<Effect>,
    /// What the condition `Reconciled` says.
    pub remark: Option<Remark>,
    /// What the next pass may go on from: absent if it has to look again.
    pub found: Option<Found>,
    /// Whether it is worth looking again soon though nothing tells.
    pub looks_again: bool,
}

/// What becomes of one claim.
#[derive(Debug)]
enum Fate {
    /// It is as large as it shall be.
    Right,
    /// It isn't bound yet, and can't change before.
    Waits,
    /// It asks for more.
    Grows(Box<Effect>),
    /// It can't.
    Stays(String),
    /// It is larger than it shall be, which stays so.
    Larger(String),
}

/// What the claims of these StatefulSets shall be: those that are there and wanted.
fn wanted<W: Workload>(workload: &W, observed: &Observed<W>) -> Vec<Wanted> {
    let sets = workload.sets(observed).into_iter();
    let names: BTreeSet<String> = sets.map(|(key, _)| key).collect();
    let stored = observed.stored.stateful_sets.values();
    let stored = stored.filter(|set| {
        names.contains(&ObjectKey::of(set).to_string()) && meta::deletion_timestamp(set).is_none()
    });
    stored.flat_map(of_set).collect()
}

/// What the claims of a StatefulSet shall be.
fn of_set(set: &Value) -> Vec<Wanted> {
    let templates = set.pointer("/spec/volumeClaimTemplates");
    let templates = templates.and_then(Value::as_array).into_iter().flatten();
    let replicas = set.pointer("/spec/replicas").and_then(Value::as_u64);
    let one = |template: &Value| {
        let size = requested(template)?;
        Quantity::parse(size).ok()?;
        Some(Wanted {
            set: meta::name(set).to_owned(),
            uid: meta::uid(set).to_owned(),
            template: meta::name(template).to_owned(),
            size: size.to_owned(),
            replicas: replicas.unwrap_or(1),
            selector: meta::string_map(set.pointer("/spec/selector/matchLabels")),
        })
    };
    templates.filter_map(one).collect()
}

/// The size that a claim asks for.
fn requested(claim: &Value) -> Option<&str> {
    claim.pointer("/spec/resources/requests/storage")?.as_str()
}

/// The class of a claim, if it has one.
fn class(claim: &Value) -> Option<&str> {
    let named = meta::annotation(claim, CLASS_ANNOTATION);
    let named = named.or_else(|| claim.pointer("/spec/storageClassName")?.as_str());
    named.filter(|name| !name.is_empty())
}

/// Reads the claims of a workload if they may not be what they shall be, and the classes of those that are too small.
pub async fn look<W: Workload>(
    workload: &W,
    observed: &Observed<W>,
    reader: &Reader,
) -> Result<Seen, Error> {
    let wanted = wanted(workload, observed);
    if wanted.is_empty() || !observed.setup.grows_claims {
        return Ok(Seen::Nothing);
    }
    if observed.memory.claims.wanted == wanted {
        return Ok(Seen::AsBefore);
    }
    let namespace = &workload.metadata().namespace;
    let selector = selector_text(&workload.pod_labels());
    let claims = match reader.list(&CLAIM, namespace, &selector).await {
        Ok(claims) => claims,
        // The right was taken away since the start.
        Err(error) if error.is_forbidden() => return Ok(Seen::Nothing),
        Err(error) => return Err(error),
    };
    let claims = claims.into_iter();
    let claims: BTreeMap<String, Value> = claims
        .map(|claim| (meta::name(&claim).to_owned(), claim))
        .collect();
    let mut classes = BTreeMap::new();
    for name in classes_of_small(&wanted, &claims) {
        let found = match reader.get(&STORAGE_CLASS, &ObjectKey::cluster(name)).await {
            Ok(found) => found,
            Err(error) if error.is_forbidden() => return Ok(Seen::Nothing),
            Err(error) => return Err(error),
        };
        let allows = found.is_some_and(|class| {
            class.get("allowVolumeExpansion").and_then(Value::as_bool) == Some(true)
        });
        classes.insert(name.to_owned(), allows);
    }
    Ok(Seen::Now(claims, classes))
}

/// The classes of claims that are too small and may grow.
fn classes_of_small<'a>(
    wanted: &[Wanted],
    claims: &'a BTreeMap<String, Value>,
) -> BTreeSet<&'a str> {
    let none = BTreeMap::new();
    let all = wanted.iter().flat_map(|wanted| wanted.held(claims));
    let small = all.filter(|(wanted, claim)| matches!(wanted.fate(claim, &none), Fate::Stays(_)));
    small.filter_map(|(_, claim)| class(claim)).collect()
}

impl Wanted {
    /// The claims that are there, of those that the StatefulSet has made or would have.
    fn held<'a, 'b>(
        &'a self,
        claims: &'b BTreeMap<String, Value>,
    ) -> impl Iterator<Item = (&'a Self, &'b Value)> {
        let prefix = format!("{}-{}-", self.template, self.set);
        let own = claims.iter().filter(move |(name, claim)| {
            let ordinal = name.strip_prefix(&prefix);
            let ordinal = ordinal.and_then(|text| {
                let number: u64 = text.parse().ok()?;
                (number.to_string() == text).then_some(number)
            });
            ordinal.is_some_and(|ordinal| ordinal < self.replicas && self.owns(claim, ordinal))
        });
        own.map(move |(_, claim)| (self, claim))
    }

    /// Whether a claim has the labels of the StatefulSet's and no other controller than it, or its pod.
    fn owns(&self, claim: &Value, ordinal: u64) -> bool {
        let labels = meta::labels(claim);
        let labelled = self
            .selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value));
        let pod = format!("{}-{ordinal}", self.set);
        labelled
            && meta::deletion_timestamp(claim).is_none()
            && meta::controller_of(claim).is_none_or(|owner| {
                owner.uid == self.uid || (owner.kind == "Pod" && owner.name == pod)
            })
    }

    fn fate(&self, claim: &Value, classes: &BTreeMap<String, bool>) -> Fate {
        let Some(has) = requested(claim) else {
            return Fate::Right;
        };
        let (Ok(size), Ok(asks)) = (Quantity::parse(has), Quantity::parse(&self.size)) else {
            return Fate::Right;
        };
        let key = ObjectKey::of(claim);
        if size >= asks {
            let larger = || {
                Fate::Larger(format!(
                    "PersistentVolumeClaim {key} keeps {has}, spec.storage asks for {}: no claim can shrink: ask for {has} \
                     again, or delete the claim and its pod, which get new ones and lose the data",
                    self.size
                ))
            };
            return if size > asks { larger() } else { Fate::Right };
        }
        if claim.pointer("/status/phase").and_then(Value::as_str) != Some("Bound") {
            return Fate::Waits;
        }
        let class = class(claim);
        if class.and_then(|name| classes.get(name)) == Some(&true) {
            // Whoever changed it meanwhile may have asked for even more.
            let patch = json!({
                "metadata": {"resourceVersion": meta::resource_version(claim)},
                "spec": {"resources": {"requests": {"storage": self.size}}},
            });
            return Fate::Grows(Box::new(Effect::merge_patch(CLAIM, key, patch)));
        }
        let why = match class {
            Some(name) => format!(
                "StorageClass {name:?} doesn't have allowVolumeExpansion: set it to true if its volumes can grow"
            ),
            None => "it has no StorageClass: give it a volume that is larger by hand".to_owned(),
        };
        let asks = &self.size;
        Fate::Stays(format!(
            "PersistentVolumeClaim {key} stays at {has}, spec.storage asks for {asks}: {why}, or ask for {has} again"
        ))
    }
}

/// Decides about the claims of a workload whose StatefulSets are as wanted.
pub fn grow<W: Workload>(workload: &W, observed: &Observed<W>) -> Growth {
    let (claims, classes) = match &observed.claims {
        Seen::Nothing => return Growth::default(),
        Seen::AsBefore => {
            let found = observed.memory.claims.as_ref().clone();
            return Growth {
                remark: found.remark.clone(),
                found: Some(found),
                ..Growth::default()
            };
        }
        Seen::Now(claims, classes) => (claims, classes),
    };
    grown(wanted(workload, observed), claims, classes)
}

fn grown(
    wanted: Vec<Wanted>,
    claims: &BTreeMap<String, Value>,
    classes: &BTreeMap<String, bool>,
) -> Growth {
    let mut effects = Vec::new();
    let mut told = Vec::new();
    let mut looks_again = false;
    for (wanted, claim) in wanted.iter().flat_map(|wanted| wanted.held(claims)) {
        match wanted.fate(claim, classes) {
            Fate::Right => {}
            Fate::Waits => looks_again = true,
            Fate::Grows(effect) => effects.push(*effect),
            Fate::Stays(text) => {
                // Nothing tells that the class lets it.
                looks_again = true;
                told.push(text);
            }
            Fate::Larger(text) => told.push(text),
        }
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    let remark = (!told.is_empty()).then(|| (REASON, told.join("; ")));
    // A write that fails is found by the next look.
    looks_again |= !effects.is_empty();
    let found = (!looks_again).then(|| Found {
        wanted,
        remark: remark.clone(),
    });
    Growth {
        effects,
        remark,
        found,
        looks_again,
    }
}

/// Both remarks, that of claims first.
pub fn with(claims: Option<Remark>, other: Option<Remark>) -> Option<Remark> {
    match (claims, other) {
        (Some((reason, text)), Some((_, more))) => Some((reason, format!("{text}; {more}"))),
        (claims, other) => claims.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: u64, size: &str) -> Value {
        json!({
            "metadata": {"name": "s", "namespace": "n", "uid": "u"},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": "s"}},
                "volumeClaimTemplates": [{
                    "metadata": {"name": "db"}, "spec": {"resources": {"requests": {"storage": size}}},
                }],
            },
        })
    }

    fn claim(name: &str, size: &str, class: &str) -> (String, Value) {
        let claim = json!({
            "metadata": {"name": name, "namespace": "n", "resourceVersion": "7", "labels": {"app": "s"}},
            "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}},
            "status": {"phase": "Bound"},
        });
        (name.to_owned(), claim)
    }

    fn with_set(set: &Value, claims: impl IntoIterator<Item = (String, Value)>) -> Growth {
        let classes = [("grows".to_owned(), true), ("fixed".to_owned(), false)];
        grown(of_set(set), &claims.into_iter().collect(), &classes.into())
    }

    #[test]
    fn claims_of_the_set_that_are_too_small_ask_for_more() {
        let claims = [
            claim("db-s-0", "1Gi", "grows"),
            claim("db-s-1", "2048Mi", "grows"),
            // Beyond the replicas, of another template, of a shard, and with no ordinal.
            claim("db-s-2", "1Gi", "grows"),
            claim("wal-s-0", "1Gi", "grows"),
            claim("db-s-shard-1-0", "1Gi", "grows"),
            claim("db-s-00", "1Gi", "grows"),
        ];
        let growth = with_set(&set(2, "2Gi"), claims.clone());
        let wanted = Effect::merge_patch(
            CLAIM,
            ObjectKey::new("n", "db-s-0"),
            json!({
                "metadata": {"resourceVersion": "7"},
                "spec": {"resources": {"requests": {"storage": "2Gi"}}},
            }),
        );
        assert_eq!(growth.effects, [wanted]);
        assert_eq!((growth.remark, growth.found), (None, None));
        assert!(growth.looks_again, "whether it was done is to be seen");
        let more = with_set(&set(3, "2Gi"), claims);
        assert_eq!(more.effects.len(), 2);
    }

    #[test]
    fn what_is_as_it_shall_be_is_remembered() {
        let growth = with_set(&set(1, "2Gi"), [claim("db-s-0", "2Gi", "fixed")]);
        assert!(growth.effects.is_empty() && !growth.looks_again);
        let found = growth.found.unwrap();
        assert_eq!(found.wanted, of_set(&set(1, "2Gi")));
        for other in [set(2, "2Gi"), set(1, "3Gi")] {
            assert_ne!(found.wanted, of_set(&other));
        }
    }

    #[test]
    fn claims_of_others_are_left_alone() {
        let changes: [fn(&mut Value); 4] = [
            |claim| claim["metadata"]["labels"]["app"] = json!("other"),
            |claim| {
                claim["metadata"]["ownerReferences"] = json!([
                    {"kind": "StatefulSet", "name": "s", "uid": "other", "controller": true},
                ]);
            },
            |claim| claim["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z"),
            |claim| claim["spec"]["resources"]["requests"]["storage"] = json!("much"),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let (name, mut claim) = claim("db-s-0", "1Gi", "grows");
            change(&mut claim);
            let growth = with_set(&set(1, "2Gi"), [(name, claim)]);
            assert!(growth.effects.is_empty(), "number {number}");
            assert_eq!(growth.remark, None, "number {number}");
        }
        assert!(of_set(&set(1, "much")).is_empty());
    }

    #[test]
    fn claims_that_cannot_grow_or_shrink_are_told_of() {
        let growth = with_set(&set(1, "2Gi"), [claim("db-s-0", "1Gi", "fixed")]);
        let (reason, text) = growth.remark.unwrap();
        assert_eq!(reason, "ClaimsNotResized");
        assert!(
            text.contains("n/db-s-0") && text.contains("\"fixed\""),
            "{text}"
        );
        assert!(growth.effects.is_empty() && growth.looks_again);
        let (name, mut waiting) = claim("db-s-0", "1Gi", "grows");
        waiting["status"]["phase"] = json!("Pending");
        let growth = with_set(&set(1, "2Gi"), [(name, waiting)]);
        assert!(growth.effects.is_empty() && growth.looks_again);
        let growth = with_set(&set(1, "1Gi"), [claim("db-s-0", "2Gi", "grows")]);
        let (_, text) = growth.remark.clone().unwrap();
        assert!(text.contains("no claim can shrink"), "{text}");
        assert!(growth.effects.is_empty() && !growth.looks_again);
        assert_eq!(growth.found.unwrap().remark, growth.remark);
    }
}
