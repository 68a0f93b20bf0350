//! What the operator was started with, as far as workloads depend on it.

use std::collections::BTreeMap;

/// Image of Prometheus, without tag.
pub const PROMETHEUS_IMAGE: &str = "quay.io/prometheus/prometheus";
/// Image of Alertmanager, without tag.
pub const ALERTMANAGER_IMAGE: &str = "quay.io/prometheus/alertmanager";
/// Image of Thanos, without tag.
pub const THANOS_IMAGE: &str = "quay.io/thanos/thanos";
/// Version of Alertmanager that runs if none is asked for.
pub const ALERTMANAGER_VERSION: &str = "v0.33.1";
/// Version of Thanos that runs if none is asked for.
pub const THANOS_VERSION: &str = "v0.42.4";

/// What the operator was started with (upstream's flags of the same names).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `--annotations`: on every object that is made.
    pub annotations: BTreeMap<String, String>,
    /// `--labels`: on every object that is made, and in selectors.
    pub labels: BTreeMap<String, String>,
    /// `--localhost`: host of URLs from container to container.
    pub local_host: String,
    /// `--cluster-domain`: makes names of peers complete; empty if the resolver completes them.
    pub cluster_domain: String,
    /// The config-reloader of every pod.
    pub reloader: ReloaderSettings,
    /// `--prometheus-default-base-image`.
    pub prometheus_image: String,
    /// `--alertmanager-default-base-image`.
    pub alertmanager_image: String,
    /// `--thanos-default-base-image`.
    pub thanos_image: String,
    /// `--repair-policy-for-statefulsets`.
    pub repair: Repair,
    /// `--disable-unmanaged-prometheus-configuration`: no configuration is the user's.
    pub always_managed: bool,
    /// Pods carry the label `app` too, which Services of charts before 2022 select. It is in no selector of ours.
    pub legacy_app_label: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            local_host: "localhost".to_owned(),
            cluster_domain: String::new(),
            reloader: ReloaderSettings::default(),
            prometheus_image: PROMETHEUS_IMAGE.to_owned(),
            alertmanager_image: ALERTMANAGER_IMAGE.to_owned(),
            thanos_image: THANOS_IMAGE.to_owned(),
            repair: Repair::None,
            always_managed: false,
            legacy_app_label: false,
        }
    }
}

/// What is done about a pod that no update of its StatefulSet reaches any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repair {
    /// Nothing.
    #[default]
    None,
    /// It is evicted.
    Evict,
    /// It is deleted.
    Delete,
}

/// The config-reloader of every pod. Quantities are texts; `0` and the empty text leave the entry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloaderSettings {
    /// `--prometheus-config-reloader`.
    pub image: String,
    /// `--config-reloader-cpu-request`.
    pub cpu_request: String,
    /// `--config-reloader-cpu-limit`.
    pub cpu_limit: String,
    /// `--config-reloader-memory-request`.
    pub memory_request: String,
    /// `--config-reloader-memory-limit`.
    pub memory_limit: String,
    /// `--enable-config-reloader-probes`.
    pub probes: bool,
    /// `--spread-large-configurations`: it is Carrick's own, and joins a configuration that is spread over several Secrets.
    pub joins: bool,
}

impl Default for ReloaderSettings {
    fn default() -> Self {
        Self {
            image: "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.0".to_owned(),
            cpu_request: "10m".to_owned(),
            cpu_limit: "10m".to_owned(),
            memory_request: "50Mi".to_owned(),
            memory_limit: "50Mi".to_owned(),
            probes: false,
            joins: false,
        }
    }
}
