//! What the controllers report.

use super::schema::api_object;

api_object! {
    /// Which workloads use a configuration resource.
    pub struct ConfigResourceStatus {
        /// Workloads that use this object.
        "bindings" bindings: Vec<WorkloadBinding> = {"x-kubernetes-list-map-keys": ["group", "resource", "name", "namespace"], "x-kubernetes-list-type": "map"},
    }

    /// A workload that uses the object.
    pub struct WorkloadBinding {
        /// State of the object.
        "conditions" conditions: Vec<ConfigResourceCondition> = {"x-kubernetes-list-map-keys": ["type"], "x-kubernetes-list-type": "map"},
        /// API group.
        required "group" group: String = {"enum": ["monitoring.coreos.com"]},
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Namespace.
        required "namespace" namespace: String = {"minLength": 1},
        /// Resource name.
        required "resource" resource: String = {"enum": ["prometheuses", "prometheusagents", "thanosrulers", "alertmanagers"]},
    }

    /// A condition of the object as seen by one workload.
    pub struct ConfigResourceCondition {
        /// When the status last changed.
        required "lastTransitionTime" last_transition_time: String = {"format": "date-time"},
        /// Explanation.
        "message" message: Option<String>,
        /// Generation the condition speaks of.
        "observedGeneration" observed_generation: Option<i64>,
        /// One word for the reason.
        "reason" reason: Option<String>,
        /// True, False or Unknown.
        required "status" status: String = {"minLength": 1},
        /// Accepted.
        required "type" r#type: String = {"enum": ["Accepted"], "minLength": 1},
    }

    /// A condition of a workload.
    pub struct Condition {
        /// When the status last changed.
        required "lastTransitionTime" last_transition_time: String = {"format": "date-time"},
        /// Explanation.
        "message" message: Option<String>,
        /// Generation the condition speaks of.
        "observedGeneration" observed_generation: Option<i64>,
        /// One word for the reason.
        "reason" reason: Option<String>,
        /// True, False or Unknown.
        required "status" status: String = {"minLength": 1},
        /// Available or Reconciled.
        required "type" r#type: String = {"minLength": 1},
    }

    /// What an Alertmanager is at.
    pub struct AlertmanagerStatus {
        /// Ready pods.
        "availableReplicas" available_replicas: Option<i32>,
        /// State of the object.
        "conditions" conditions: Vec<Condition> = {"x-kubernetes-list-map-keys": ["type"], "x-kubernetes-list-type": "map"},
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Label selector.
        "selector" selector: Option<String>,
        /// Pods that are not ready.
        "unavailableReplicas" unavailable_replicas: Option<i32>,
        /// Pods of the latest template.
        "updatedReplicas" updated_replicas: Option<i32>,
    }

    /// What a ThanosRuler is at.
    pub struct ThanosRulerStatus {
        /// Ready pods.
        "availableReplicas" available_replicas: Option<i32>,
        /// State of the object.
        "conditions" conditions: Vec<Condition> = {"x-kubernetes-list-map-keys": ["type"], "x-kubernetes-list-type": "map"},
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Pods that are not ready.
        "unavailableReplicas" unavailable_replicas: Option<i32>,
        /// Pods of the latest template.
        "updatedReplicas" updated_replicas: Option<i32>,
    }

    /// What a Prometheus or PrometheusAgent is at.
    pub struct PrometheusStatus {
        /// Ready pods.
        "availableReplicas" available_replicas: Option<i32>,
        /// State of the object.
        "conditions" conditions: Vec<Condition> = {"x-kubernetes-list-map-keys": ["type"], "x-kubernetes-list-type": "map"},
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Label selector.
        "selector" selector: Option<String>,
        /// State of each shard.
        "shardStatuses" shard_statuses: Vec<ShardStatus> = {"x-kubernetes-list-map-keys": ["shardID"], "x-kubernetes-list-type": "map"},
        /// Number of shards.
        "shards" shards: Option<i32>,
        /// Pods that are not ready.
        "unavailableReplicas" unavailable_replicas: Option<i32>,
        /// Pods of the latest template.
        "updatedReplicas" updated_replicas: Option<i32>,
    }

    /// What a shard is at.
    pub struct ShardStatus {
        /// Ready pods.
        required "availableReplicas" available_replicas: i32,
        /// Number of pods.
        required "replicas" replicas: i32,
        /// The shard.
        required "shardID" shard_id: String,
        /// Pods that are not ready.
        required "unavailableReplicas" unavailable_replicas: i32,
        /// Pods of the latest template.
        required "updatedReplicas" updated_replicas: i32,
    }
}
