//! The kind ThanosRuler.

use std::collections::BTreeMap;

use serde_json::Value;

use super::common::{LabelSelector, ObjectReference, SecretKeySelector};
use super::crds::{kubernetes, list_of};
use super::patterns::DURATION;
use super::prometheus::ExcludedRule;
use super::remote::RemoteWriteSpec;
use super::schema::api_object;
use super::workload::{
    Argument, EmbeddedObjectMetadata, HostAlias, PodDnsConfig, StatefulSetUpdateStrategy,
    StorageSpec, ThanosRulerWebSpec, ThanosTlsConfig,
};

api_object! {
    /// A Thanos Ruler.
    pub struct ThanosRulerSpec {
        /// Further arguments of the main container; none that is generated.
        "additionalArgs" additional_args: Vec<Argument>,
        /// Scheduling constraints of the pods.
        "affinity" affinity: Option<Value> as { kubernetes("core.v1.Affinity") },
        /// Labels dropped before alerts are sent.
        "alertDropLabels" alert_drop_labels: Vec<String>,
        /// URL that alerts link to.
        "alertQueryUrl" alert_query_url: Option<String>,
        /// File with alert relabelings; wins over alertRelabelConfigs.
        "alertRelabelConfigFile" alert_relabel_config_file: Option<String>,
        /// Secret key with alert relabelings.
        "alertRelabelConfigs" alert_relabel_configs: Option<SecretKeySelector>,
        /// Secret key with the Alertmanagers; wins over alertmanagersUrl.
        "alertmanagersConfig" alertmanagers_config: Option<SecretKeySelector>,
        /// URLs of Alertmanagers.
        "alertmanagersUrl" alertmanagers_url: Vec<String>,
        /// Further containers; one with a generated name is merged into it.
        "containers" containers: Vec<Value> as { list_of(kubernetes("core.v1.Container")) },
        /// DNS settings of the pods.
        "dnsConfig" dns_config: Option<PodDnsConfig>,
        /// DNS policy of the pods.
        "dnsPolicy" dns_policy: Option<String> = {"enum": ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]},
        /// Feature flags.
        "enableFeatures" enable_features: Vec<String> = {"items": {"minLength": 1}, "x-kubernetes-list-type": "set"},
        /// Whether Services become environment variables.
        "enableServiceLinks" enable_service_links: Option<bool>,
        /// Label that is set to the namespace of the object a series or alert comes from.
        "enforcedNamespaceLabel" enforced_namespace_label: Option<String>,
        /// Time between evaluations of rules.
        "evaluationInterval" evaluation_interval: Option<String> = {"default": "15s", "pattern": DURATION},
        /// Objects that enforcedNamespaceLabel spares.
        "excludedFromEnforcement" excluded_from_enforcement: Vec<ObjectReference>,
        /// Prefix of links to this server.
        "externalPrefix" external_prefix: Option<String>,
        /// TLS of the gRPC server.
        "grpcServerTlsConfig" grpc_server_tls_config: Option<ThanosTlsConfig>,
        /// Lines of /etc/hosts.
        "hostAliases" host_aliases: Vec<HostAlias> = {"x-kubernetes-list-map-keys": ["ip"], "x-kubernetes-list-type": "map"},
        /// Whether the pods use the node's user namespace.
        "hostUsers" host_users: Option<bool>,
        /// Image; made of base image and version if unset.
        "image" image: Option<String>,
        /// When images are pulled.
        "imagePullPolicy" image_pull_policy: Option<String> = {"enum": ["", "Always", "Never", "IfNotPresent"]},
        /// Secrets for pulling images.
        "imagePullSecrets" image_pull_secrets: Vec<Value> as { list_of(kubernetes("core.v1.LocalObjectReference")) },
        /// Further init containers.
        "initContainers" init_containers: Vec<Value> as { list_of(kubernetes("core.v1.Container")) },
        /// Labels of all alerts and series.
        "labels" labels: BTreeMap<String, String>,
        /// Whether it listens on the loopback address only.
        "listenLocal" listen_local: Option<bool>,
        /// Format of the log.
        "logFormat" log_format: Option<String> = {"enum": ["", "logfmt", "json"]},
        /// Least level that is logged.
        "logLevel" log_level: Option<String> = {"enum": ["", "debug", "info", "warn", "error"]},
        /// How long a pod must be ready to count as available.
        "minReadySeconds" min_ready_seconds: Option<i32> = {"minimum": 0},
        /// Labels of the nodes for the pods.
        "nodeSelector" node_selector: BTreeMap<String, String>,
        /// Secret key with the object storage.
        "objectStorageConfig" object_storage_config: Option<SecretKeySelector>,
        /// File with the object storage; wins over objectStorageConfig.
        "objectStorageConfigFile" object_storage_config_file: Option<String>,
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// Whether pods start one after another.
        "podManagementPolicy" pod_management_policy: Option<String> = {"enum": ["OrderedReady", "Parallel"]},
        /// Labels and annotations of the pods.
        "podMetadata" pod_metadata: Option<EmbeddedObjectMetadata>,
        /// Name of the web port.
        "portName" port_name: Option<String> = {"default": "web"},
        /// Priority class of the pods.
        "priorityClassName" priority_class_name: Option<String>,
        /// Deprecated: use excludedFromEnforcement.
        "prometheusRulesExcludedFromEnforce" prometheus_rules_excluded_from_enforce: Vec<ExcludedRule>,
        /// Secret key with the queriers.
        "queryConfig" query_config: Option<SecretKeySelector>,
        /// Addresses of queriers.
        "queryEndpoints" query_endpoints: Vec<String>,
        /// Storages that are written.
        "remoteWrite" remote_write: Vec<RemoteWriteSpec>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Least time between sendings of an alert.
        "resendDelay" resend_delay: Option<String> = {"pattern": DURATION},
        /// Resources of the container.
        "resources" resources: Option<Value> as { kubernetes("core.v1.ResourceRequirements") },
        /// How long data is kept.
        "retention" retention: Option<String> = {"default": "24h", "pattern": DURATION},
        /// Prefix of all paths.
        "routePrefix" route_prefix: Option<String>,
        /// How many rules are evaluated at a time.
        "ruleConcurrentEval" rule_concurrent_eval: Option<i32> = {"minimum": 1},
        /// Least time between an alert and its restored for state.
        "ruleGracePeriod" rule_grace_period: Option<String> = {"pattern": DURATION},
        /// Namespaces of the selected PrometheusRules; its own if unset.
        "ruleNamespaceSelector" rule_namespace_selector: Option<LabelSelector>,
        /// Longest outage after which for states are restored.
        "ruleOutageTolerance" rule_outage_tolerance: Option<String> = {"pattern": DURATION},
        /// How far back rules look.
        "ruleQueryOffset" rule_query_offset: Option<String> = {"pattern": DURATION},
        /// Which PrometheusRules are selected; none if unset.
        "ruleSelector" rule_selector: Option<LabelSelector>,
        /// Scheduler of the pods.
        "schedulerName" scheduler_name: Option<String> = {"minLength": 1},
        /// Security context of the pods.
        "securityContext" security_context: Option<Value> as { kubernetes("core.v1.PodSecurityContext") },
        /// ServiceAccount of the pods.
        "serviceAccountName" service_account_name: Option<String>,
        /// A governing Service of the user's.
        "serviceName" service_name: Option<String> = {"minLength": 1},
        /// Volume for the data.
        "storage" storage: Option<StorageSpec>,
        /// How long the pods have to end.
        "terminationGracePeriodSeconds" termination_grace_period_seconds: Option<i64> = {"minimum": 0},
        /// Taints the pods tolerate.
        "tolerations" tolerations: Vec<Value> as { list_of(kubernetes("core.v1.Toleration")) },
        /// How the pods are spread.
        "topologySpreadConstraints" topology_spread_constraints: Vec<Value> as { list_of(kubernetes("core.v1.TopologySpreadConstraint")) },
        /// Sending of traces.
        "tracingConfig" tracing_config: Option<SecretKeySelector>,
        /// File with the tracing; wins over tracingConfig.
        "tracingConfigFile" tracing_config_file: Option<String>,
        /// How pods are updated.
        "updateStrategy" update_strategy: Option<StatefulSetUpdateStrategy>,
        /// Version that is run.
        "version" version: Option<String>,
        /// Further mounts of the main container.
        "volumeMounts" volume_mounts: Vec<Value> as { list_of(kubernetes("core.v1.VolumeMount")) },
        /// Further volumes of the pods.
        "volumes" volumes: Vec<Value> as { list_of(kubernetes("core.v1.Volume")) },
        /// The web server.
        "web" web: Option<ThanosRulerWebSpec>,
    }
}
