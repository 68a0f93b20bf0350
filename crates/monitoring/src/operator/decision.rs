//! What follows from an observation of a workload.

use std::collections::BTreeSet;
use std::time::Duration;

use runtime::{Plan, Requeue};

use super::refusals::Refused;

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

    /// Looks again after a while unless all pods are as they shall be, whatever watches tell.
    #[must_use]
    pub fn looking_again(mut self, settled: bool) -> Self {
        if !settled {
            let outcome = self.outcome;
            self.outcome = outcome.map(|plan| plan.requeue(Requeue::After(POLL)));
        }
        self
    }
}
