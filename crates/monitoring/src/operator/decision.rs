//! What follows from an observation of a workload.

use std::collections::BTreeSet;
use std::time::Duration;

use runtime::{Plan, Requeue};

use super::refusals::Refused;
use super::status::is_settled;
use super::workload::{Observed, Workload};
use crate::api::workload::StorageSpec;

/// How often pods that aren't all ready are looked at.
const POLL: Duration = Duration::from_mins(1);

/// What follows from an observation of a workload.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What to write, or why nothing can be.
    pub outcome: Result<Plan, String>,
    /// Refusals that hold now.
    pub refused: BTreeSet<Refused>,
    /// What the condition `Reconciled` says if all goes well: a reason and a message.
    pub remark: Option<(&'static str, String)>,
}

impl Decision {
    /// A decision that refuses nothing and remarks nothing.
    pub fn of(outcome: Result<Plan, String>) -> Self {
        Self {
            outcome,
            refused: BTreeSet::new(),
            remark: None,
        }
    }
}

/// Decides about one workload.
pub fn decide<W: Workload>(observed: &Observed<W>) -> Decision {
    let workload = match &observed.workload {
        Ok(workload) => workload,
        Err(why) => return Decision::of(Err(format!("the object can't be read: {why}"))),
    };
    let gone = workload.metadata().deletion_timestamp.is_some();
    let mut decision = if gone || workload.is_paused() {
        Decision::of(Ok(Plan::nothing()))
    } else if observed.storage_class == Some(false) {
        let name = workload.storage().and_then(StorageSpec::class);
        let name = name.unwrap_or_default();
        Decision::of(Err(format!("storage class {name:?} does not exist")))
    } else {
        workload.decide(observed)
    };
    // Whatever watches tell, pods that aren't as they shall be are looked at again.
    if !gone && !is_settled(observed) {
        let outcome = decision.outcome;
        decision.outcome = outcome.map(|plan| plan.requeue(Requeue::After(POLL)));
    }
    decision
}
