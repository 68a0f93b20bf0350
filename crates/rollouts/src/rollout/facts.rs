//! What follows from a spec alone: hashes, digests, whether it is valid. Computed once for each generation of a Rollout.
//!
//! Most passes come from a change of a ReplicaSet, not of the spec. What is dear to compute is therefore remembered; the
//! results are small texts, so that remembering them costs little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use machinery::hash;
use machinery::labels::format_label_selector;
use runtime::ObjectKey;
use serde_json::json;

use super::template;
use crate::api::Rollout;
use crate::validation::support::unsupported;
use crate::validation::{self, FieldError};

/// What follows from a spec alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Digest of the template as it stands.
    pub raw_digest: String,
    /// Hash of the canary steps; "" for blue-green.
    pub step_hash: String,
    /// The selector as text.
    pub selector_text: String,
    /// Why the spec can't be carried out, references left aside.
    pub problem: Option<String>,
}

impl Facts {
    /// The facts of a spec whose references are resolved; `from_reference` tells that the template was one.
    pub fn of(rollout: &Rollout, from_reference: bool) -> Self {
        let strategy = &rollout.spec.strategy;
        let canary = strategy.canary.as_deref();
        let steps = canary
            .and_then(|canary| canary.steps.as_ref())
            .map(|steps| json!(steps));
        let step_hash = match (&strategy.blue_green, canary) {
            (None, Some(_)) => hash::step_hash(steps.as_ref()),
            (Some(_), _) | (None, None) => String::new(),
        };
        let first = |errors: Vec<FieldError>| errors.into_iter().next();
        let problem = first(validation::rollout(rollout, from_reference))
            .or_else(|| first(unsupported(rollout)));
        Self {
            raw_digest: template::raw_digest(&rollout.spec.template.value()),
            step_hash,
            selector_text: format_label_selector(&json!(rollout.spec.selector)),
            problem: problem.map(|error| error.to_string()),
        }
    }
}

/// Which state of a Rollout some facts are about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    uid: String,
    generation: i64,
    workload: Option<String>,
}

/// The facts of every Rollout, as last computed.
#[derive(Default)]
pub struct Memory {
    known: Mutex<BTreeMap<ObjectKey, (State, Arc<Facts>)>>,
}

impl Memory {
    /// The facts of a Rollout whose references are resolved. `workload` is the version of the referenced workload.
    pub fn recall(&self, rollout: &Rollout, workload: Option<String>) -> Arc<Facts> {
        let metadata = &rollout.metadata;
        let key = ObjectKey::new(metadata.namespace.clone(), metadata.name.clone());
        let state = State {
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            workload,
        };
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, facts)) = lock().get(&key)
            && *known == state
        {
            return Arc::clone(facts);
        }
        let facts = Arc::new(Facts::of(rollout, state.workload.is_some()));
        lock().insert(key, (state, Arc::clone(&facts)));
        facts
    }

    /// A Rollout is gone.
    pub fn forget(&self, key: &ObjectKey) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}
