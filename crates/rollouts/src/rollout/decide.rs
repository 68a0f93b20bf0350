//! What to do about one Rollout. Pure and total: everything it knows is in [`Observed`].
//!
//! Mirrors one pass of upstream's `rollout/controller.go` (`syncHandler`, `reconcile`). Where upstream needs a pass for
//! each change of its own status, we take such passes together and write the status once: a pass that only changes the
//! status is followed by the next one in memory, as long as that one plans no writes of its own. So nothing is ever done
//! on the strength of a status that is not stored yet.

pub mod affinity;
pub mod birth;
pub mod blue_green;
pub mod canary;
pub mod ephemeral;
pub mod history;
pub mod pass;
pub mod pause;
pub mod promote;
pub mod replica_sets;
pub mod restart;
pub mod rollback;
pub mod scale;
pub mod services;
pub mod validate;
pub mod workload;
pub mod writes;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runtime::{Effect, Plan, Requeue};
use serde_json::json;

use super::observe::Observed;
use super::status::{self, conditions};
use crate::api::{Rollout, RolloutStatus};
use crate::malformed;
use crate::phase;
use crate::views::{ReplicaSetView, ServiceView};
use pass::{Pass, deadline_of};
use validate::Problem;

/// Passes that may be taken together. More are never needed: each settles another part of the status.
const PASSES: usize = 8;

/// How long counts may wait for more counts before they are written.
const COLLECT: SignedDuration = SignedDuration::from_secs(2);

/// What to do, and the status to write once it is done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// Writes, in order, and when to look again.
    pub plan: Plan,
    /// The status that follows; `None` if it stays.
    pub status: Option<RolloutStatus>,
    /// Since when counts have been waiting to be written, if any are.
    pub unwritten_since: Option<Timestamp>,
}

/// A yes or no that is computed early in a pass and used late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It holds.
    Yes,
    /// It doesn't.
    No,
}

impl From<bool> for Kept {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Decides for one Rollout.
pub fn decide(observed: &Observed) -> Decision {
    if observed.rollout.metadata.deletion_timestamp.is_some() {
        return Decision::default();
    }
    let (mut world, mut effects) = prologue(observed);
    let asked = world.sets.iter().map(ReplicaSetView::spec_replicas);
    let asked = asked.fold(0, i32::saturating_add);
    let mut requeue = Requeue::Never;
    for round in 0..PASSES {
        let outcome = one_pass(observed, &world);
        let changed = outcome.rollout.status != world.rollout.status;
        // A first install has no steps to be seen: it goes to their end.
        let steps_again = changed
            && !world.rollout.status.stable_rs.is_empty()
            && step_of(observed) != step_of_rollout(&world.rollout)
            && step_of_rollout(&outcome.rollout) != step_of_rollout(&world.rollout);
        if round > 0 && (outcome.acts || steps_again) {
            if !steps_again && birth::start_with_pods(observed, &mut world, &outcome, &mut effects)
            {
                continue;
            }
            break;
        }
        let goes_on = changed && (!outcome.acts || outcome.foreseen);
        effects.extend(outcome.effects);
        requeue = outcome.requeue;
        world.rollout = outcome.rollout;
        world.sets = outcome.sets;
        world.services = outcome.services;
        if !goes_on {
            break;
        }
    }
    malformed::mend(observed, &mut effects);
    let plan = Plan::of(effects).requeue(requeue);
    conclude(observed, world.rollout.status, asked, plan)
}

/// The Rollout and its ReplicaSets between two passes.
#[derive(Debug, Clone)]
pub struct World {
    /// The Rollout, its status as the last pass left it.
    pub rollout: Rollout,
    /// Its ReplicaSets, oldest first.
    pub sets: Vec<ReplicaSetView>,
    /// The Services that the strategy names.
    pub services: BTreeMap<String, ServiceView>,
    /// Why the spec can't be carried out.
    pub problem: Option<Problem>,
}

impl World {
    /// A pass over it that has planned nothing yet.
    fn pass<'a>(&self, observed: &'a Observed) -> Pass<'a> {
        let mut pass = Pass::new(observed, self.rollout.clone(), self.sets.clone());
        pass.services.clone_from(&self.services);
        pass.new = replica_sets::find_new(observed, &pass.rollout, &pass.sets);
        pass.find_stable();
        pass
    }
}

/// What one pass comes to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Writes and events, in order.
    pub effects: Vec<Effect>,
    /// When to look again.
    pub requeue: Requeue,
    /// The Rollout with its new status.
    pub rollout: Rollout,
    /// Its ReplicaSets, as the writes will leave them.
    pub sets: Vec<ReplicaSetView>,
    /// Whether anything but events is planned.
    pub acts: bool,
    /// The Services, as the writes will leave them.
    pub services: BTreeMap<String, ServiceView>,
    /// Whether it is known what the writes lead to: a new ReplicaSet without pods, or other selectors. No pod comes or goes.
    pub foreseen: bool,
}

/// Claims ReplicaSets and notes the referenced workload, which every pass builds on.
pub fn prologue(observed: &Observed) -> (World, Vec<Effect>) {
    let (sets, mut effects) = replica_sets::claim(observed);
    let mut pass = Pass::new(observed, observed.rollout.clone(), sets);
    pass.sync_workload_generation();
    effects.append(&mut pass.effects);
    (
        World {
            rollout: pass.rollout,
            sets: pass.sets,
            services: pass.services,
            problem: validate::problem(observed),
        },
        effects,
    )
}

/// One pass, as upstream makes it.
pub fn one_pass(observed: &Observed, world: &World) -> Outcome {
    let mut pass = world.pass(observed);
    let deadline = pass.new_set().and_then(deadline_of);
    pass.new_within_delay = deadline.is_some_and(|deadline| deadline > pass.now());
    let found = pass.new.is_some();
    let status = match &world.problem {
        Some(problem) => validate::rejected(&pass, problem),
        None => reconcile(&mut pass),
    };
    let acts = pass.effects.iter().any(|effect| effect.target().is_some());
    let requeue = match (
        world.problem.as_ref().and_then(|problem| problem.again),
        pass.again,
        pass.wake,
    ) {
        (Some(delay), _, _) => Requeue::After(delay),
        (None, true, _) => Requeue::Backoff,
        (None, false, Some(at)) => Requeue::At(at),
        (None, false, None) => Requeue::Never,
    };
    let mut rollout = pass.rollout;
    if let Some(status) = status {
        rollout.status = status;
    }
    let created = !found && pass.new.is_some();
    let mut written = pass.effects.iter().filter_map(Effect::target);
    let moves_no_pod =
        written.all(|(resource, _)| resource == writes::SERVICE || resource == writes::ROLLOUT);
    Outcome {
        effects: pass.effects,
        requeue,
        rollout,
        sets: pass.sets,
        services: pass.services,
        acts,
        foreseen: created || moves_no_pod,
    }
}

/// A valid Rollout. Returns its status, if this pass gets as far as computing one.
fn reconcile(pass: &mut Pass<'_>) -> Option<RolloutStatus> {
    if pass.new.is_none() {
        return Some(pass.create_new_set());
    }
    if phase::is_fully_promoted(&pass.rollout) && pass.aborted() {
        pass.pauses.remove_abort = true;
    }
    if pass.rollout.spec.replicas.is_none() {
        // An autoscaler needs the field.
        let patch = json!({"spec": {"replicas": 1}});
        pass.effects.push(writes::patch_rollout(&pass.key(), patch));
        return None;
    }
    if let Some(status) = conditions::paused(pass) {
        return Some(status);
    }
    pass.sync_new_set();
    if pass.is_scaling_event() {
        return pass.scale_only();
    }
    if pass.rollout.spec.strategy.blue_green.is_some() {
        pass.blue_green()
    } else {
        pass.canary()
    }
}

/// The plan, and the status unless it may wait for more to come. `asked`: pods that the ReplicaSets were to have.
fn conclude(observed: &Observed, mut status: RolloutStatus, asked: i32, plan: Plan) -> Decision {
    let stored = &observed.rollout.status;
    keep_transitions(stored, &mut status);
    if status == *stored {
        return Decision {
            plan,
            ..Decision::default()
        };
    }
    // Where pods become available quickly, this is the only sign of the largest number of pods that an update comes to, or
    // of the one that a smaller size leaves, which people and tools wait for.
    let updates = !status.stable_rs.is_empty() && status.stable_rs != status.current_pod_hash;
    let turns =
        status.replicas > stored.replicas || status.updated_replicas < stored.updated_replicas;
    let telling = updates && status.replicas == asked && turns;
    if status::differs_in_counts_only(stored, &status) && !telling {
        let since = observed.unwritten_since.unwrap_or(observed.now);
        let until = since.checked_add(COLLECT).unwrap_or(since);
        if until > observed.now {
            let requeue = earlier(plan.requeue, until, observed.now);
            return Decision {
                plan: plan.requeue(requeue),
                status: None,
                unwritten_since: Some(since),
            };
        }
    }
    Decision {
        plan,
        status: Some(status),
        unwritten_since: None,
    }
}

/// A condition that one pass changed and the next changed back made no transition that anybody saw.
fn keep_transitions(stored: &RolloutStatus, status: &mut RolloutStatus) {
    for condition in &mut status.conditions {
        let known = stored
            .conditions
            .iter()
            .find(|known| known.kind == condition.kind);
        if let Some(known) = known.filter(|known| known.status == condition.status) {
            condition.last_transition_time = known.last_transition_time;
        }
    }
}

fn earlier(requeue: Requeue, until: Timestamp, now: Timestamp) -> Requeue {
    match requeue {
        Requeue::At(at) => Requeue::At(at.min(until)),
        Requeue::After(delay) => {
            let at = SignedDuration::try_from(delay)
                .ok()
                .and_then(|delay| now.checked_add(delay).ok());
            Requeue::At(at.map_or(until, |at| at.min(until)))
        }
        Requeue::Never => Requeue::At(until),
        Requeue::Backoff | Requeue::Immediately => requeue,
    }
}

fn step_of(observed: &Observed) -> Option<i32> {
    step_of_rollout(&observed.rollout)
}

fn step_of_rollout(rollout: &Rollout) -> Option<i32> {
    rollout.status.current_step_index
}
