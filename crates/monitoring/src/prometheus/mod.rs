//! The Prometheus controller: servers, their configuration and their rules.
//!
//! What it promises:
//! - One bad monitor or rule is left out and told of; the jobs of all others stay byte-equal ([`select`]).
//! - A Prometheus that can't be rendered keeps what it last had ([`decide`]).
//! - A changed configuration is one write of one Secret; pods are replaced only if their template changed.
//! - A StatefulSet whose fixed fields change is made anew around its pods.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written.

pub mod decide;
pub mod observe;
pub mod select;
pub mod status;

use std::sync::OnceLock;

use runtime::{
    Error, ObjectKey, Pass, Performed, Plan, Reader, Reconciler, Rejection, ResourceRef,
    StatusWrite,
};

use crate::operator::decision::Decision;
use crate::operator::resources::PROMETHEUS;
use observe::{Caches, Observed};

/// What was observed of one Prometheus, and what follows from it, computed once.
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

/// Keeps Prometheus servers going.
pub struct PrometheusReconciler {
    caches: Caches,
}

impl PrometheusReconciler {
    /// A reconciler that reads these caches.
    pub fn new(caches: Caches) -> Self {
        Self { caches }
    }
}

impl Reconciler for PrometheusReconciler {
    type Observed = Subject;

    fn resource(&self) -> ResourceRef {
        PROMETHEUS
    }

    async fn observe(&self, key: &ObjectKey, reader: &Reader) -> Result<Option<Subject>, Error> {
        let observed = Box::pin(observe::observe(key, reader, &self.caches)).await?;
        Ok(observed.map(|observed| Subject {
            observed,
            decision: OnceLock::new(),
        }))
    }

    fn decide(&self, subject: &Subject) -> Result<Plan, Rejection> {
        let decision = subject.decision();
        decision.outcome.clone().map_err(|message| Rejection {
            status: Box::new(write_status(subject, None)),
            ..Rejection::terminal("ReconciliationFailed", message)
        })
    }

    fn status(&self, subject: &Subject, plan: &Plan<Performed>) -> StatusWrite {
        let failure = plan.failure().map(|failure| failure.message.as_str());
        write_status(subject, failure)
    }

    fn settled(&self, key: &ObjectKey, pass: &Pass<'_, Subject>) {
        let Some(subject) = pass.observed else {
            return;
        };
        // Told only if the Events were recorded, that is if the plan was performed.
        if pass.plan.is_some() {
            let refused = subject.decision().refused.clone();
            self.caches.told.remember(key, refused);
        }
    }
}

fn write_status(subject: &Subject, failure: Option<&str>) -> StatusWrite {
    let new = status::status(&subject.observed, subject.decision(), failure);
    crate::operator::status::write(&subject.observed.object, new)
}
