//! Keys of labels and annotations (upstream `types.go`, `utils/annotations`). They are on live objects: never change them.

/// Pod template hash: on ReplicaSets, pods, Service selectors, runs.
pub const POD_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";
/// Which controller instance looks after the object.
pub const CONTROLLER_INSTANCE_ID: &str = "argo-rollouts.argoproj.io/controller-instance-id";
/// Kind of an AnalysisRun of a Rollout.
pub const ROLLOUT_TYPE: &str = "rollout-type";
/// Value of [`ROLLOUT_TYPE`]: analysis of a step.
pub const ROLLOUT_TYPE_STEP: &str = "Step";
/// Value of [`ROLLOUT_TYPE`]: analysis beside the steps.
pub const ROLLOUT_TYPE_BACKGROUND: &str = "Background";
/// Value of [`ROLLOUT_TYPE`]: analysis before the blue-green switch.
pub const ROLLOUT_TYPE_PRE_PROMOTION: &str = "PrePromotion";
/// Value of [`ROLLOUT_TYPE`]: analysis after the blue-green switch.
pub const ROLLOUT_TYPE_POST_PROMOTION: &str = "PostPromotion";
/// Step of an AnalysisRun.
pub const STEP_INDEX: &str = "step-index";
/// UID of the AnalysisRun a Job belongs to.
pub const ANALYSIS_RUN_UID: &str = "analysisrun.argoproj.io/uid";

/// Annotation of kubectl that repeats the whole manifest.
pub const LAST_APPLIED_CONFIGURATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotation on Services and DestinationRules: the Rollout that changes them.
pub const MANAGED_BY_ROLLOUTS: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
/// Annotation on ReplicaSets, RFC 3339: when it may be scaled down.
pub const SCALE_DOWN_DEADLINE: &str = "scale-down-deadline";
/// Annotation: revision.
pub const REVISION: &str = "rollout.argoproj.io/revision";
/// Annotation on ReplicaSets: earlier revisions, comma-separated.
pub const REVISION_HISTORY: &str = "rollout.argoproj.io/revision-history";
/// Annotation on ReplicaSets: `spec.replicas` of the Rollout when it was last scaled.
pub const DESIRED_REPLICAS: &str = "rollout.argoproj.io/desired-replicas";
/// Annotation on Rollouts: generation of the referenced workload.
pub const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// Annotation on ReplicaSets, JSON: metadata injected for a role.
pub const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";
/// Annotation on Rollouts: notifications already sent.
pub const NOTIFIED: &str = "notified.notifications.argoproj.io";
/// Annotation on an Experiment's ReplicaSets and Services: the Experiment.
pub const EXPERIMENT_NAME: &str = "experiment.argoproj.io/name";
/// Annotation on an Experiment's ReplicaSets and Services: the template.
pub const EXPERIMENT_TEMPLATE_NAME: &str = "experiment.argoproj.io/template-name";
