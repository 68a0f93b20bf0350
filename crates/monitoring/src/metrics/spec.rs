//! Numbers of a workload's spec, with upstream's defaults.

use super::Spec;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler};

/// A workload whose numbers are shown.
pub trait Measured {
    /// The numbers.
    fn measure(&self) -> Spec;
}

fn of_prometheus(common: &CommonPrometheusFields) -> Spec {
    Spec {
        replicas: common.replicas.unwrap_or(1),
        shards: Some(common.shards.unwrap_or(1)),
        sample_limit: common.enforced_sample_limit,
    }
}

fn of_replicas(replicas: Option<i32>) -> Spec {
    Spec {
        replicas: replicas.unwrap_or(1),
        ..Spec::default()
    }
}

impl Measured for Prometheus {
    fn measure(&self) -> Spec {
        of_prometheus(&self.spec.common)
    }
}

impl Measured for PrometheusAgent {
    fn measure(&self) -> Spec {
        of_prometheus(&self.spec.common)
    }
}

impl Measured for Alertmanager {
    fn measure(&self) -> Spec {
        of_replicas(self.spec.replicas)
    }
}

impl Measured for ThanosRuler {
    fn measure(&self) -> Spec {
        of_replicas(self.spec.replicas)
    }
}
