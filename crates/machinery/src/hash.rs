//! Hashes that must be byte-equal to upstream's.
//!
//! Mirrors argo-rollouts `utils/hash/hash.go`, `utils/conditions/conditions.go` and
//! `k8s.io/apimachinery/pkg/util/rand`.

use serde_json::Value;

/// FNV-1a of 32 bits, as Go's `hash/fnv` `New32a`.
pub fn fnv32a(bytes: &[u8]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in bytes {
        hash ^= u32::from(*byte);
        hash = hash.wrapping_mul(0x0100_0193);
    }
    hash
}

/// `rand.SafeEncodeString`: each byte becomes a letter or digit that spells no words.
pub fn safe_encode(text: &str) -> String {
    todo!("{text}")
}

/// Which Go client wrote the JSON that is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreationTimestamp {
    /// apimachinery 0.34 and newer (Rollouts 1.9): a zero timestamp is left out.
    Omitted,
    /// Older (Rollouts 1.8 and before): `"creationTimestamp":null` is part of the text.
    Null,
}

/// The hash that names a Rollout's ReplicaSet: FNV-32a over Go's JSON of the pod template, as Rollouts 1.9 computes it.
///
/// The template may be as a user wrote it: it is normalised here, not defaulted.
pub fn pod_template_hash(template: &Value, collision: Option<i32>) -> String {
    pod_template_hash_as(template, collision, CreationTimestamp::Omitted)
}

/// [`pod_template_hash`] in the form of a chosen client.
pub fn pod_template_hash_as(
    template: &Value,
    collision: Option<i32>,
    form: CreationTimestamp,
) -> String {
    todo!("{template:?} {collision:?} {form:?}")
}

/// The hash of `spec.strategy.canary.steps` (`None`: no steps, Go's `null`).
pub fn step_hash(steps: Option<&Value>) -> String {
    todo!("{steps:?}")
}
