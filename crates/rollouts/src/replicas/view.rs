//! What the controllers read of a ReplicaSet.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::labels;
use crate::api::meta::{LabelSelector, ObjectMeta, RawJson, Time};
use crate::api::schema::api_object;
use crate::api::status::ConditionStatus;

api_object! {
    /// A ReplicaSet, as far as Rollouts look at one. Small enough to cache by the thousand.
    pub struct ReplicaSetView {
        optional {
            /// Metadata.
            "metadata" metadata: ObjectMeta,
            /// What it should be.
            "spec" spec: ReplicaSetSpec,
            /// What it is.
            "status" status: ReplicaSetStatus,
        }
    }

    /// What a ReplicaSet should be.
    pub struct ReplicaSetSpec {
        optional {
            /// Number of pods; 1 if unset.
            "replicas" replicas: Option<i32>,
            /// Seconds a ready pod must run before it counts as available.
            "minReadySeconds" min_ready_seconds: i32,
            /// Selector of its pods.
            "selector" selector: Option<LabelSelector>,
            /// Pod template.
            "template" template: RawJson,
        }
    }

    /// What a ReplicaSet is.
    pub struct ReplicaSetStatus {
        optional {
            /// Pods.
            "replicas" replicas: i32,
            /// Ready pods.
            "readyReplicas" ready_replicas: i32,
            /// Available pods.
            "availableReplicas" available_replicas: i32,
            /// Generation last acted upon.
            "observedGeneration" observed_generation: i64,
            /// Conditions.
            "conditions" conditions: Vec<ReplicaSetCondition>,
        }
    }

    /// A condition of a ReplicaSet.
    pub struct ReplicaSetCondition {
        required {
            /// Type, in practice `ReplicaFailure`.
            "type" kind: String,
            /// `True`, `False` or `Unknown`.
            "status" status: ConditionStatus,
        }
        optional {
            /// When the status last changed.
            "lastTransitionTime" last_transition_time: Option<Time>,
            /// One word for why.
            "reason" reason: String,
            /// A sentence for why.
            "message" message: String,
        }
    }
}

/// A scale-down deadline that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unable to read scaleDownAt label on rs '{0}'")]
pub struct UnreadableDeadline(pub String);

impl ReplicaSetView {
    /// Reads a ReplicaSet as far as possible.
    pub fn from_value(value: &Value) -> Self {
        crate::api::decode::lenient(value).object
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The label that tells whose template this is; empty if it has none.
    pub fn pod_template_hash(&self) -> &str {
        self.metadata
            .labels
            .get(labels::POD_TEMPLATE_HASH)
            .map_or("", String::as_str)
    }

    /// `spec.replicas`, 1 if unset.
    pub fn spec_replicas(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// `status.availableReplicas`.
    pub fn available(&self) -> i32 {
        self.status.available_replicas
    }

    /// Revision, -1 if it is unset or no number (upstream `GetReplicaSetRevision`).
    pub fn revision(&self) -> i64 {
        self.metadata
            .annotations
            .get(labels::REVISION)
            .and_then(|text| text.parse().ok())
            .unwrap_or(-1)
    }

    /// Scaled up, and everything that should be available is.
    pub fn is_available(&self) -> bool {
        let Some(replicas) = self.spec.replicas else {
            return false;
        };
        replicas != 0 && self.available() != 0 && replicas <= self.available()
    }

    /// At least one pod is available.
    pub fn is_partially_available(&self) -> bool {
        self.available() > 0
    }

    /// The scale-down deadline as written, if any.
    pub fn scale_down_deadline(&self) -> Option<&str> {
        let text = self.metadata.annotations.get(labels::SCALE_DOWN_DEADLINE)?;
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    /// Time until the scale-down deadline; `None` if there is none or it has passed.
    pub fn time_to_scale_down(
        &self,
        now: Timestamp,
    ) -> Result<Option<SignedDuration>, UnreadableDeadline> {
        let Some(text) = self.scale_down_deadline() else {
            return Ok(None);
        };
        let deadline: Timestamp = text
            .parse()
            .map_err(|_| UnreadableDeadline(self.metadata.name.clone()))?;
        Ok((deadline > now).then(|| deadline.duration_since(now)))
    }
}
