//! What follows from an observation of a workload.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use machinery::meta;
use runtime::resource::POD;
use runtime::{Effect, ObjectKey, Plan, Requeue};
use serde_json::Value;

use super::bindings;
use super::claims;
use super::memory::Memory;
use super::refusals::Refused;
use super::resources::STATEFUL_SET;
use super::status::is_settled;
use super::workload::{Observed, SecretChanges, Workload};
use crate::api::workload::StorageSpec;
use crate::remedies::with_remedy;
use crate::workload::{Repair, kept_for};

/// How often pods that aren't all ready are looked at, and Secrets that can't be watched.
pub const POLL: Duration = Duration::from_mins(1);

/// A reason and a message of the condition `Reconciled`.
pub type Remark = (&'static str, String);

/// What follows from an observation of a workload.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What to write, or why nothing can be.
    pub outcome: Result<Plan, String>,
    /// What is written whatever becomes of that, beside what selected objects say of themselves: Events.
    pub also: Vec<Effect>,
    /// Refusals that hold now.
    pub refused: BTreeSet<Refused>,
    /// What the condition `Reconciled` says if all goes well.
    pub remark: Option<Remark>,
    /// Whether the selected objects were looked at, so that those which aren't refused are accepted.
    pub checked: bool,
    /// Whether the status is written.
    pub reports: bool,
    /// What is told to the log: fields that were left out for the sake of a version.
    pub news: BTreeSet<String>,
    /// What the next pass may go on from, if anything was rendered.
    pub memory: Option<Arc<Memory>>,
}

impl Decision {
    /// A decision that refuses nothing and remarks nothing.
    pub fn of(outcome: Result<Plan, String>) -> Self {
        Self {
            outcome,
            also: Vec::new(),
            refused: BTreeSet::new(),
            remark: None,
            checked: false,
            reports: true,
            news: BTreeSet::new(),
            memory: None,
        }
    }
}

/// Says which fields shall be replaced by which: of those that are set, given as old field, new field and value.
pub fn deprecated(fields: &[(&str, &str, Option<&str>)]) -> Option<Remark> {
    let set = fields
        .iter()
        .filter(|(_, _, value)| value.is_some_and(|value| !value.is_empty()));
    let texts: Vec<String> = set
        .map(|(old, new, _)| {
            format!("field {old:?} is deprecated, field {new:?} should be used instead")
        })
        .collect();
    (!texts.is_empty()).then(|| ("DeprecatedFieldsInUse", texts.join("; ")))
}

/// Makes room for pods of the newest template where old ones are stuck.
fn repairs<W: Workload>(workload: &W, observed: &Observed<W>) -> Vec<Effect> {
    let sets = workload.sets(observed);
    let stuck = sets.iter().filter_map(|(_, health)| health.stuck());
    let repair = |pod: &Value| {
        let (key, uid) = (ObjectKey::of(pod), meta::uid(pod).to_owned());
        match observed.setup.settings.repair {
            Repair::None => None,
            Repair::Evict => Some(Effect::Evict {
                key,
                uid: Some(uid),
            }),
            Repair::Delete => Some(Effect::delete(POD, key, uid)),
        }
    };
    stuck.filter_map(repair).collect()
}

/// Adds what becomes of claims, once nothing is to be done about StatefulSets; whether claims are to be looked at again.
fn grow_claims<W: Workload>(decision: &mut Decision, observed: &Observed<W>) -> bool {
    let (Ok(workload), Ok(plan)) = (&observed.workload, &mut decision.outcome) else {
        return false;
    };
    let is_of_a_set = |effect: &Effect| {
        let target = effect.target();
        target.is_some_and(|(resource, _)| resource == STATEFUL_SET)
    };
    if plan.effects.iter().any(is_of_a_set) {
        return false;
    }
    let growth = claims::grow(workload, observed);
    plan.effects.extend(growth.effects);
    decision.remark = claims::with(growth.remark, decision.remark.take());
    if let Some(memory) = &mut decision.memory {
        Arc::make_mut(memory).claims = Arc::new(growth.found.unwrap_or_default());
    }
    growth.looks_again
}

/// Decides about one workload.
pub fn decide<W: Workload>(observed: &Observed<W>) -> Decision {
    if let Some(plan) = bindings::preparation(observed) {
        return Decision {
            reports: false,
            ..Decision::of(Ok(plan))
        };
    }
    let workload = match &observed.workload {
        Ok(workload) => workload,
        Err(why) => return Decision::of(Err(format!("the object can't be read: {why}"))),
    };
    let gone = observed.is_going();
    let mut decision = if gone || workload.is_paused() {
        Decision {
            reports: !gone,
            ..Decision::of(Ok(Plan::nothing()))
        }
    } else if observed.storage_class == Some(false) {
        let name = workload.storage().and_then(StorageSpec::class);
        let name = name.unwrap_or_default();
        Decision::of(Err(format!("storage class {name:?} does not exist")))
    } else {
        workload.decide(observed)
    };
    if let Ok(plan) = &mut decision.outcome
        && !gone
        && !workload.is_paused()
    {
        plan.effects.extend(repairs(workload, observed));
    }
    let looks_again = !gone && !workload.is_paused() && grow_claims(&mut decision, observed);
    // Whatever watches tell, pods that aren't as they shall be are looked at again.
    // Nothing tells that the time of a shard is over.
    let sets = observed.stored.stateful_sets.values();
    let kept = sets.filter_map(|set| kept_for(set, observed.now)).min();
    let again = if is_settled(observed) && !looks_again {
        kept
    } else {
        Some(POLL)
    };
    let again = match observed.setup.secrets {
        SecretChanges::Told => again,
        SecretChanges::LookedFor => Some(again.map_or(POLL, |again| again.min(POLL))),
    };
    decision.outcome = decision.outcome.map_err(with_remedy);
    if let Some(again) = again.filter(|_| !gone) {
        let outcome = decision.outcome;
        decision.outcome = outcome.map(|plan| plan.requeue(Requeue::After(again)));
    }
    decision
}
