//! The API `argoproj.io/v1alpha1`: kinds, constants, JSON form and custom resource definitions.
//!
//! Mirrors upstream's `pkg/apis/rollouts/v1alpha1`. The types are for reading; writes are patches of the stored object, so
//! fields that these types don't know survive. Pod templates stay JSON.

pub mod analysis;
pub mod analysis_run;
pub mod annotations;
pub mod crds;
pub mod decode;
pub mod defaults;
pub mod experiment;
pub mod labels;
pub mod meta;
pub mod provider;
pub mod rollout;
pub mod schema;
pub mod status;
pub mod step;
pub mod strategy;
pub mod traffic;

use runtime::ResourceRef;

pub use analysis::{AnalysisTemplate, AnalysisTemplateSpec, ClusterAnalysisTemplate};
pub use analysis_run::{AnalysisPhase, AnalysisRun};
pub use experiment::Experiment;
pub use meta::{IntOrString, LabelSelector, ObjectMeta, RawJson, Time};
pub use rollout::{Rollout, RolloutSpec};
pub use status::{RolloutCondition, RolloutPhase, RolloutStatus};
pub use step::CanaryStep;
pub use strategy::{BlueGreenStrategy, CanaryStrategy, RolloutStrategy};

/// API group of all kinds.
pub const GROUP: &str = "argoproj.io";
/// Their only version.
pub const VERSION: &str = "v1alpha1";
/// Group and version as objects carry them.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";

/// The resource of Rollouts.
pub const ROLLOUT: ResourceRef = ResourceRef::namespaced(GROUP, VERSION, "Rollout", "rollouts");
/// The resource of Experiments.
pub const EXPERIMENT: ResourceRef =
    ResourceRef::namespaced(GROUP, VERSION, "Experiment", "experiments");
/// The resource of AnalysisRuns.
pub const ANALYSIS_RUN: ResourceRef =
    ResourceRef::namespaced(GROUP, VERSION, "AnalysisRun", "analysisruns");
