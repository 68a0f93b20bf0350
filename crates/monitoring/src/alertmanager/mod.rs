//! The Alertmanager controller: clusters of Alertmanagers and their configuration.
//!
//! What it promises:
//! - One bad AlertmanagerConfig is left out and told of; the routes and receivers of all others stay as they are.
//! - A configuration that can't be made leaves the last one in place ([`decide`]).
//! - What the user's Secret holds beside the configuration, such as templates, reaches the pods.
//! - A second pass over an unchanged world writes nothing.
//!
//! Read [`decide`] next: it is the order in which things are written.

pub mod decide;
pub mod observe;
pub mod status;

use std::sync::OnceLock;

use runtime::{
    Error, ObjectKey, Pass, Performed, Plan, Reader, Reconciler, Rejection, ResourceRef,
    StatusWrite,
};

use crate::operator::decision::Decision;
use crate::operator::resources::ALERTMANAGER;
use observe::{Caches, Observed};

/// What was observed of one Alertmanager, and what follows from it, computed once.
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

/// Keeps Alertmanagers going.
pub struct AlertmanagerReconciler {
    caches: Caches,
}

impl AlertmanagerReconciler {
    /// A reconciler that reads these caches.
    pub fn new(caches: Caches) -> Self {
        Self { caches }
    }
}

impl Reconciler for AlertmanagerReconciler {
    type Observed = Subject;

    fn resource(&self) -> ResourceRef {
        ALERTMANAGER
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
        // Told only if the Events were recorded, that is if the plan was performed.
        if let (Some(subject), Some(_)) = (pass.observed, pass.plan) {
            let refused = subject.decision().refused.clone();
            self.caches.told.remember(key, refused);
        }
    }
}

fn write_status(subject: &Subject, failure: Option<&str>) -> StatusWrite {
    let new = status::status(&subject.observed, subject.decision(), failure);
    crate::operator::status::write(&subject.observed.object, new)
}
