//! Resources the controllers read and write.

use runtime::ResourceRef;

use crate::api::GROUP;

/// Prometheus servers.
pub const PROMETHEUS: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "Prometheus", "prometheuses");
/// Prometheus agents.
pub const PROMETHEUS_AGENT: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1alpha1", "PrometheusAgent", "prometheusagents");
/// Thanos Rulers.
pub const THANOS_RULER: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "ThanosRuler", "thanosrulers");
/// Alertmanagers.
pub const ALERTMANAGER: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "Alertmanager", "alertmanagers");
/// `AlertmanagerConfig`s, in the version that is stored.
pub const ALERTMANAGER_CONFIG: ResourceRef = ResourceRef::namespaced(
    GROUP,
    "v1alpha1",
    "AlertmanagerConfig",
    "alertmanagerconfigs",
);
/// `ServiceMonitor`s.
pub const SERVICE_MONITOR: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "ServiceMonitor", "servicemonitors");
/// `PodMonitor`s.
pub const POD_MONITOR: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "PodMonitor", "podmonitors");
/// Probes.
pub const PROBE: ResourceRef = ResourceRef::namespaced(GROUP, "v1", "Probe", "probes");
/// `ScrapeConfig`s.
pub const SCRAPE_CONFIG: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1alpha1", "ScrapeConfig", "scrapeconfigs");
/// `PrometheusRule`s.
pub const PROMETHEUS_RULE: ResourceRef =
    ResourceRef::namespaced(GROUP, "v1", "PrometheusRule", "prometheusrules");
/// Secrets.
pub const SECRET: ResourceRef = ResourceRef::namespaced("", "v1", "Secret", "secrets");
/// `ConfigMap`s.
pub const CONFIG_MAP: ResourceRef = ResourceRef::namespaced("", "v1", "ConfigMap", "configmaps");
/// `StatefulSet`s.
pub const STATEFUL_SET: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "StatefulSet", "statefulsets");
/// `DaemonSet`s.
pub const DAEMON_SET: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "DaemonSet", "daemonsets");
/// Claims of volumes.
pub const CLAIM: ResourceRef =
    ResourceRef::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
/// Storage classes.
pub const STORAGE_CLASS: ResourceRef =
    ResourceRef::cluster("storage.k8s.io", "v1", "StorageClass", "storageclasses");
