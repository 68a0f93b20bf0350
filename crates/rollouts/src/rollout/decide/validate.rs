//! Whether a spec can be carried out, and the status of one that can't.
//!
//! Mirrors upstream's `createInvalidRolloutCondition` (`rollout/controller.go`). Only the first problem is reported.

use std::time::Duration;

use serde_json::json;

use super::pass::Pass;
use crate::api::RolloutStatus;
use crate::api::status::{ConditionStatus, ConditionType};
use crate::conditions::{get, message, reason, remove, set};
use crate::rollout::observe::Observed;
use crate::rollout::status::conditions;
use crate::validation::FieldError;
use crate::validation::references::{service, services};

/// Why a spec can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The error.
    pub text: String,
    /// When to look again without a change: the object referred to may appear.
    pub again: Option<Duration>,
}

/// How soon to look again for a referenced workload.
const WORKLOAD_RETRY: Duration = Duration::from_secs(20);

/// The first problem of a spec: of the spec itself, then of what it asks of us, then of what it refers to.
pub fn problem(observed: &Observed) -> Option<Problem> {
    if let Some(error) = &observed.workload_error {
        return Some(Problem {
            text: error.clone(),
            again: Some(WORKLOAD_RETRY),
        });
    }
    let text = observed.facts.problem.clone().or_else(|| {
        let error = missing_service(observed).or_else(|| foreign_service(observed))?;
        Some(error.to_string())
    })?;
    Some(Problem { text, again: None })
}

fn missing_service(observed: &Observed) -> Option<FieldError> {
    let named = services(&observed.rollout).into_iter();
    let missing = named
        .into_iter()
        .find(|(_, name)| !observed.services.contains_key(*name));
    missing.map(|(role, name)| {
        FieldError::invalid(role.path(), name, format!("service \"{name}\" not found"))
    })
}

fn foreign_service(observed: &Observed) -> Option<FieldError> {
    services(&observed.rollout)
        .into_iter()
        .find_map(|(role, name)| {
            let view = observed.services.get(name)?;
            let object = json!({"metadata": view.metadata, "spec": {"selector": view.selector}});
            service(&observed.rollout, role, &object).into_iter().next()
        })
}

/// The status of a spec with a problem: the condition, and nothing else. `None` if it says so already.
pub fn rejected(pass: &Pass<'_>, problem: &Problem) -> Option<RolloutStatus> {
    let stored = &pass.rollout.status;
    let text = message::invalid_spec(&pass.rollout.metadata.name, &problem.text);
    let known = get(stored, &ConditionType::InvalidSpec);
    let told = known.is_some_and(|condition| condition.message == text);
    if told && stored.observed_generation == pass.rollout.metadata.generation.to_string() {
        return None;
    }
    let mut new = stored.clone();
    if !told {
        remove(&mut new, &ConditionType::InvalidSpec);
        set(
            &mut new,
            pass.condition(
                ConditionType::InvalidSpec,
                ConditionStatus::True,
                reason::INVALID_SPEC,
                text,
            ),
        );
    }
    Some(conditions::patched(pass, new))
}
