//! One controller for every kind of workload.

use std::sync::OnceLock;

use runtime::{
    Error, ObjectKey, Pass, Performed, Plan, Reader, Reconciler, Rejection, ResourceRef,
    StatusWrite,
};

use super::decision::{Decision, decide};
use super::observe::observe;
use super::status;
use super::workload::{Caches, Observed, Workload};

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
        let observed = Box::pin(observe(key, reader, &self.caches)).await?;
        Ok(observed.map(|observed| Subject {
            observed,
            decision: OnceLock::new(),
        }))
    }

    fn decide(&self, subject: &Subject<W>) -> Result<Plan, Rejection> {
        let decision = subject.decision();
        let also = decision.also.clone();
        match &decision.outcome {
            Ok(plan) => Ok(plan.clone().also(also)),
            Err(_) if !also.is_empty() => Ok(Plan::nothing().also(also)),
            Err(message) => Err(Rejection {
                status: Box::new(subject.status(None)),
                ..Rejection::terminal("ReconciliationFailed", message.clone())
            }),
        }
    }

    fn status(&self, subject: &Subject<W>, plan: &Plan<Performed>) -> StatusWrite {
        subject.status(plan.failure().map(|failure| failure.message.as_str()))
    }

    fn settled(&self, key: &ObjectKey, pass: &Pass<'_, Subject<W>>) {
        if let Some(memory) = pass
            .observed
            .and_then(|subject| subject.decision.get()?.memory.as_ref())
        {
            self.caches.memories.remember(key, memory);
        }
        // Told only if the Events were recorded, that is if the plan was performed.
        if let (Some(subject), Some(_)) = (pass.observed, pass.plan) {
            let refused = subject.decision().refused.clone();
            self.caches.told.remember(key, refused);
        }
    }
}
