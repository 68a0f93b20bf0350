//! What is known of a workload's configuration from the pass before. It spares work and decides nothing: with an empty one
//! everything comes out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use runtime::ObjectKey;

use super::claims;
use super::outline::RuleText;
use super::rendering::{Input, Rendered};

/// The file of a rule object, or why there is none.
pub type RuleOutcome = Result<RuleText, Arc<str>>;

/// Rule files by object.
pub type Rules = BTreeMap<ObjectKey, (Input, RuleOutcome)>;

/// What is known of a workload's configuration.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The workload itself, and what it refers to: what all of it follows from. `None` if nothing is known.
    pub ground: Option<Input>,
    /// Jobs.
    pub jobs: Arc<Rendered>,
    /// Rule files.
    pub rules: Arc<Rules>,
    /// What was said in each pass of fields that were left out.
    pub noted: Arc<BTreeSet<String>>,
    /// What its claims were last found to be.
    pub claims: Arc<claims::Found>,
}

/// Of all workloads of a kind.
#[derive(Clone, Default)]
pub struct Memories {
    by_workload: Arc<Mutex<BTreeMap<ObjectKey, Arc<Memory>>>>,
}

impl Memories {
    /// What is known of a workload.
    pub fn of(&self, workload: &ObjectKey) -> Arc<Memory> {
        let all = self.by_workload.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        all.get(workload).cloned().unwrap_or_default()
    }

    /// What is known from now on.
    pub fn remember(&self, workload: &ObjectKey, memory: &Arc<Memory>) {
        let all = self.by_workload.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        all.insert(workload.clone(), Arc::clone(memory));
    }

    /// The workload is gone.
    pub fn forget(&self, workload: &ObjectKey) {
        let all = self.by_workload.lock();
        all.unwrap_or_else(PoisonError::into_inner).remove(workload);
    }
}
