//! The Rollout controller: canary without traffic routing, and blue-green.
//!
//! What it promises:
//! - An unchanged pod template never yields a new ReplicaSet, whoever made the present one ([`decide::replica_sets`]).
//! - Scale-ups come before scale-downs; no scale-down takes availability below `replicas - maxUnavailable`, no scale-up
//!   goes beyond `replicas + maxSurge` ([`decide::scale`]).
//! - A Service that serves users moves only to pods that serve ([`decide::services`]).
//! - People and tools write parts of the status; it is patched, never replaced ([`status`]).
//! - A second pass over an unchanged world plans nothing.
//!
//! Read [`decide`] next: it is the order in which things happen.

pub mod decide;
pub mod facts;
pub mod metadata;
pub mod observe;
pub mod status;
pub mod template;
pub mod tree;

use std::sync::OnceLock;

use runtime::{
    Error, Event, Failure, ObjectKey, Performed, Plan, Reader, Reconciler, Rejection, ResourceRef,
    StatusWrite,
};
use serde_json::json;

use crate::api::status::PauseCondition;
use crate::api::{Rollout, RolloutStatus};
use crate::metrics::Metrics;
use decide::{Decision, replica_sets, writes};
use observe::{Caches, Observed};
use status::duration;

/// What was observed of one Rollout, and what follows from it, computed once.
pub struct Subject {
    /// What was observed.
    pub observed: Observed,
    decision: OnceLock<Decision>,
}

impl Subject {
    fn decision(&self) -> &Decision {
        self.decision.get_or_init(|| decide::decide(&self.observed))
    }
}

/// Keeps Rollouts going.
pub struct RolloutReconciler {
    caches: Caches,
    metrics: Metrics,
}

impl RolloutReconciler {
    /// A reconciler that reads these caches and counts here.
    pub fn new(caches: Caches, metrics: Metrics) -> Self {
        Self { caches, metrics }
    }
}

impl Reconciler for RolloutReconciler {
    type Observed = Subject;

    fn resource(&self) -> ResourceRef {
        writes::ROLLOUT
    }

    async fn observe(&self, key: &ObjectKey, reader: &Reader) -> Result<Option<Subject>, Error> {
        let observed = observe::observe(key, reader, &self.caches).await?;
        Ok(observed.map(|observed| Subject {
            observed,
            decision: OnceLock::new(),
        }))
    }

    fn decide(&self, subject: &Subject) -> Result<Plan, Rejection> {
        Ok(subject.decision().plan.clone())
    }

    fn status(&self, subject: &Subject, plan: &Plan<Performed>) -> StatusWrite {
        let observed = &subject.observed;
        match next_status(observed, subject.decision(), plan) {
            Some(new) => StatusWrite::MergePatch {
                subresource: true,
                old: json!(observed.rollout.status),
                resource_version: lock(observed, &new, plan),
                new: json!(new),
            },
            None => StatusWrite::Unchanged,
        }
    }

    fn aftermath(&self, subject: &Subject, plan: &Plan<Performed>) -> Vec<Event> {
        let event = failed_create(plan).and_then(|(name, failure)| {
            replica_sets::create_error_event(&subject.observed, &name, failure)
        });
        event.into_iter().collect()
    }

    fn settled(&self, key: &ObjectKey, pass: &runtime::Pass<'_, Subject>) {
        let runtime::Pass {
            observed,
            plan,
            error,
            took,
        } = pass;
        if error.is_some() {
            self.metrics.failed(key);
        }
        let Some(Subject { observed, decision }) = observed else {
            return;
        };
        if observed.rollout.metadata.deletion_timestamp.is_some() {
            return;
        }
        self.metrics.passed(key, *took);
        let waits = decision.get().and_then(|decision| decision.unwritten_since);
        self.caches.unwritten.remember(key, waits);
        // Counted once it is stored, or the next pass would count it again.
        if let (
            Some(Decision {
                status: Some(new), ..
            }),
            Some(_),
            None,
        ) = (decision.get(), plan, error)
        {
            let ended = duration::ended(
                observed.rollout.status.duration.as_ref(),
                new.duration.as_ref(),
            );
            for update in &ended {
                self.metrics.ended(update);
            }
        }
    }
}

/// The status after the plan was tried. A plan that failed changes the status only if a ReplicaSet could not be created.
pub fn next_status(
    observed: &Observed,
    decision: &Decision,
    plan: &Plan<Performed>,
) -> Option<RolloutStatus> {
    if plan.failure().is_none() {
        return decision.status.clone();
    }
    let (name, failure) = failed_create(plan)?;
    replica_sets::after_failed_create(observed, &name, failure)
}

/// The ReplicaSet that could not be created, and why.
fn failed_create(plan: &Plan<Performed>) -> Option<(String, &Failure)> {
    let failure = plan.failure()?;
    let created = plan
        .effects
        .get(failure.effect)
        .and_then(replica_sets::created_key)?;
    Some((created.name, failure))
}

/// The version that a status write insists on. Pauses, aborts, promotions and the step are also written by people and
/// tools, so a change of ours to them must not undo one that it has not seen.
fn lock(observed: &Observed, new: &RolloutStatus, plan: &Plan<Performed>) -> Option<String> {
    let old = &observed.rollout.status;
    if shared(old) == shared(new) {
        return None;
    }
    let seen = &observed.rollout.metadata.resource_version;
    let is_rollout = |effect: &runtime::Effect| {
        effect
            .target()
            .is_some_and(|(resource, _)| resource == writes::ROLLOUT)
    };
    let Some(written) = plan.effects.iter().rposition(is_rollout) else {
        return Some(seen.clone());
    };
    // The plan has changed the version itself; its answer tells whether somebody else was there before.
    let Ok(answer) = serde_json::from_value::<Rollout>(plan.answer(written)?) else {
        return Some(seen.clone());
    };
    let version = if shared(&answer.status) == shared(old) {
        answer.metadata.resource_version
    } else {
        seen.clone()
    };
    Some(version)
}

/// What others write, too.
type Shared<'a> = (bool, &'a [PauseCondition], bool, bool, Option<i32>);

fn shared(status: &RolloutStatus) -> Shared<'_> {
    let RolloutStatus {
        abort,
        pause_conditions,
        controller_pause,
        promote_full,
        current_step_index,
        ..
    } = status;
    (
        *abort,
        pause_conditions,
        *controller_pause,
        *promote_full,
        *current_step_index,
    )
}
