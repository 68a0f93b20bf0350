//! Validation of Rollouts with upstream's texts (`pkg/apis/rollouts/validation`).
//!
//! The controller reports the first error, `lint` all of them. Strategy paths leave out the strategy
//! (`spec.strategy.maxSurge`), reference paths keep it (`spec.strategy.canary.canaryService`): that is upstream's quirk.

pub mod canary;
pub mod lint;
pub mod references;
pub mod spec;
pub mod steps;
pub mod strategy;
pub mod support;

pub use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};

use crate::api::Rollout;
use crate::api::schema::go_text;

/// All errors of a Rollout, in upstream's order. `template_from_reference` tells that the pod template in it was taken from
/// the referenced workload.
pub fn rollout(rollout: &Rollout, template_from_reference: bool) -> Vec<FieldError> {
    spec::spec(rollout, "spec", template_from_reference)
}

/// A value as Go's `json.Marshal` prints it.
fn shown<T: serde::Serialize>(value: &T) -> BadValue {
    BadValue::Json(go_text(value))
}

fn internal(field: String, message: &str) -> FieldError {
    FieldError::new(ErrorKind::Internal, field, BadValue::Omitted, message)
}

fn missing_field(field: &str) -> String {
    format!("Rollout has missing field '{field}'")
}
