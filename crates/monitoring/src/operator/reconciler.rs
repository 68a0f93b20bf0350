//! One controller for every kind of workload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use machinery::meta;
use runtime::{
    Effect, Error, ObjectKey, Pass, Performed, Plan, Reader, Reconciler, Rejection, Requeue,
    ResourceRef, StatusWrite,
};

use super::bindings;
use super::decision::{Decision, POLL, decide};
use super::observe::observe;
use super::resources::STATEFUL_SET;
use super::selecting::Configuration;
use super::status;
use super::workload::{Caches, Observed, SecretChanges, Workload};
use crate::metrics::{Counts, Measured, Seen};

/// What was observed of one workload, and what follows from it, computed once.
pub struct Subject<W: Workload> {
    /// What was observed.
    pub observed: Observed<W>,
    decision: OnceLock<Decision>,
}

impl<W: Workload> Subject<W> {
    fn decision(&self) -> &Decision {
        self.decision.get_or_init(|| decide(&self.observed))
    }

    fn status(&self, failure: Option<&str>) -> StatusWrite {
        status::write(&self.observed, self.decision(), failure)
    }

    /// What is written whatever becomes of the rest: Events, and what selected objects say of themselves. The latter isn't kept
    /// with the decision: of many objects these are many megabytes.
    fn also(&self) -> Vec<Effect> {
        let decision = self.decision();
        let mut also = decision.also.clone();
        if decision.checked {
            also.extend(bindings::effects(&self.observed, &decision.refused));
        }
        also
    }

    /// Whether anything is to be made that isn't there.
    fn makes_something(&self) -> bool {
        let plan = self.decision().outcome.as_ref();
        plan.is_ok_and(|plan| {
            let mut effects = plan.effects.iter();
            effects.any(Effect::creates)
        })
    }

    /// Whether the server still has the workload. Nothing keeps one that is deleted, and a cache that is late would have all made
    /// again that goes with it.
    async fn is_still_there(&self, key: &ObjectKey, reader: &Reader) -> Result<bool, Error> {
        match reader.get(&W::RESOURCE, key).await {
            Ok(found) => Ok(found.is_some_and(|found| {
                meta::uid(&found) == meta::uid(&self.observed.object)
                    && meta::deletion_timestamp(&found).is_none()
            })),
            // Who may only list and watch has to believe the cache.
            Err(error) if error.is_forbidden() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Keeps workloads of one kind going.
pub struct WorkloadReconciler<W> {
    caches: Caches<W>,
}

impl<W: Workload> WorkloadReconciler<W> {
    /// A reconciler that reads these caches.
    pub fn new(caches: Caches<W>) -> Self {
        Self { caches }
    }
}

impl<W: Workload> Reconciler for WorkloadReconciler<W> {
    type Observed = Subject<W>;

    fn resource(&self) -> ResourceRef {
        W::RESOURCE
    }

    async fn observe(&self, key: &ObjectKey, reader: &Reader) -> Result<Option<Subject<W>>, Error> {
        let Some(observed) = Box::pin(observe(key, reader, &self.caches)).await? else {
            return Ok(None);
        };
        let subject = Subject {
            observed,
            decision: OnceLock::new(),
        };
        // What is decided, purely and once, tells whether this read is worth it: a pass that makes nothing does without.
        if subject.makes_something() && !subject.is_still_there(key, reader).await? {
            return Ok(None);
        }
        Ok(Some(subject))
    }

    fn decide(&self, subject: &Subject<W>) -> Result<Plan, Rejection> {
        let decision = subject.decision();
        let also = subject.also();
        match &decision.outcome {
            Ok(plan) => Ok(plan.clone().also(also)),
            // Nothing tells when a Secret that is missing comes.
            Err(_) if subject.observed.setup.secrets == SecretChanges::LookedFor => {
                Ok(Plan::nothing().also(also).requeue(Requeue::After(POLL)))
            }
            Err(_) if !also.is_empty() => Ok(Plan::nothing().also(also)),
            Err(message) => Err(Rejection {
                status: Box::new(subject.status(None)),
                ..Rejection::terminal("ReconciliationFailed", message.clone())
            }),
        }
    }

    fn status(&self, subject: &Subject<W>, plan: &Plan<Performed>) -> StatusWrite {
        // Else `Reconciled` would turn False and True again each time that somebody else writes first.
        if plan.was_overtaken() {
            return StatusWrite::Unchanged;
        }
        subject.status(plan.failure().map(|failure| failure.message.as_str()))
    }

    fn settled(&self, key: &ObjectKey, pass: &Pass<'_, Subject<W>>) {
        self.caches.metrics.settled(key, pass.took, seen(pass));
        if pass.observed.is_none() && pass.error.is_none() {
            self.caches.metrics.gone(key);
        }
        let decision = pass.observed.and_then(|subject| subject.decision.get());
        for text in decision.iter().flat_map(|decision| &decision.news) {
            tracing::warn!(kind = %W::RESOURCE.kind, %key, "{text}");
        }
        if let Some(memory) = decision.and_then(|decision| decision.memory.as_ref()) {
            self.caches.memories.remember(key, memory);
        }
        // Told only if the Events were recorded, that is if the plan was performed.
        if let (Some(subject), Some(_)) = (pass.observed, pass.plan) {
            let refused = subject.decision().refused.clone();
            self.caches.told.remember(key, refused);
        }
    }
}

/// What a pass is counted as.
fn seen<W: Workload>(pass: &Pass<'_, Subject<W>>) -> Seen {
    let Some(subject) = pass.observed else {
        return Seen::default();
    };
    let decision = subject.decision();
    let workload = subject.observed.workload.as_ref().ok();
    let recreations = pass.plan.zip(workload).map_or(0, |(plan, workload)| {
        let sets = workload.sets(&subject.observed).into_iter();
        let sets = sets.filter(|(_, health)| health.is_of_stateful_set());
        let wanted = sets.map(|(key, _)| key).collect();
        let done = plan.effects.iter().take(plan.done());
        done.filter(|effect| is_recreation(effect, &wanted)).count()
    });
    Seen {
        ok: pass.error.is_none() && decision.outcome.is_ok(),
        recreations,
        spec: workload.map(Measured::measure),
        selected: workload
            .filter(|_| decision.checked)
            .map(|workload| selected(workload, &subject.observed, decision)),
    }
}

/// Whether a StatefulSet is deleted, with its pods or without them, to be made anew: it is one of those that are wanted.
fn is_recreation(effect: &Effect, wanted: &BTreeSet<String>) -> bool {
    matches!(effect, Effect::Delete { resource, key, .. }
        if *resource == STATEFUL_SET && wanted.contains(&key.to_string()))
}

/// How many objects of each kind are selected; of AlertmanagerConfigs, as upstream has it, those alone that can be used.
fn selected<W: Workload>(
    workload: &W,
    observed: &Observed<W>,
    decision: &Decision,
) -> BTreeMap<String, Counts> {
    let kinds = Configuration::ALL.into_iter();
    let kinds = kinds.filter(|kind| workload.selectors(*kind).is_some());
    let count = |kind: Configuration| {
        let name = kind.resource().kind;
        let held = observed.held.selected.iter();
        let held = held.filter(|holder| holder.reference.kind == *name).count();
        let refused = decision.refused.iter();
        let rejected = refused.filter(|one| one.reference.kind == *name).count();
        let selected = if kind == Configuration::AlertmanagerConfig {
            held.saturating_sub(rejected)
        } else {
            held
        };
        (name.to_string(), Counts { selected, rejected })
    };
    kinds.map(count).collect()
}

#[test]
fn a_set_that_is_still_wanted_is_deleted_to_be_made_anew() {
    use super::resources::DAEMON_SET;
    use super::writes::delete;
    use runtime::Propagation::{Foreground, Orphan};
    let wanted = BTreeSet::from(["n/p-0".to_owned()]);
    let set = |name: &str| serde_json::json!({"metadata": {"namespace": "n", "name": name}});
    for (resource, name, propagation, is) in [
        (STATEFUL_SET, "p-0", Orphan, true),
        (STATEFUL_SET, "p-0", Foreground, true),
        (STATEFUL_SET, "p-1", Foreground, false),
        (DAEMON_SET, "p-0", Foreground, false),
    ] {
        let effect = delete(&resource, &set(name), propagation);
        assert_eq!(is_recreation(&effect, &wanted), is, "{effect}");
    }
}
