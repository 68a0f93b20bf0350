//! What Prometheus and PrometheusAgent have in common.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;
use serde_json::Value;

use super::common::{
    AttachMetadata, Authorization, BasicAuth, LabelSelector, ObjectReference, ProxyConfig,
    RelabelConfig, SecretKeySelector, TlsConfig,
};
use super::crds::{kubernetes, list_of};
use super::patterns::{BYTE_SIZE, DURATION, QUANTITY};
use super::remote::RemoteWriteSpec;
use super::schema::api_object;
use super::workload::{
    Argument, EmbeddedObjectMetadata, HostAlias, PodDnsConfig, PrometheusWebSpec,
    StatefulSetUpdateStrategy, StorageSpec, TopologySpreadConstraint,
};

api_object! {
    /// What Prometheus and PrometheusAgent have in common.
    pub struct CommonPrometheusFields {
        /// Further arguments of the main container; none that is generated.
        "additionalArgs" additional_args: Vec<Argument>,
        /// Secret key with further scrape jobs, in Prometheus' own syntax.
        "additionalScrapeConfigs" additional_scrape_configs: Option<SecretKeySelector>,
        /// Scheduling constraints of the pods.
        "affinity" affinity: Option<Value> as { kubernetes("core.v1.Affinity") },
        /// How Prometheus reaches the API server; as its pod does if unset.
        "apiserverConfig" apiserver_config: Option<ApiServerConfig>,
        /// Whether monitors may name files of the Prometheus container.
        "arbitraryFSAccessThroughSMs" arbitrary_fs_access_through_sms: Option<ArbitraryFsAccess>,
        /// Whether the pod gets the token of its ServiceAccount.
        "automountServiceAccountToken" automount_service_account_token: Option<bool>,
        /// Largest response that is read.
        "bodySizeLimit" body_size_limit: Option<String> = {"pattern": BYTE_SIZE},
        /// ConfigMaps mounted into the main container.
        "configMaps" config_maps: Vec<String>,
        /// Further containers; one with a generated name is merged into it.
        "containers" containers: Vec<Value> as { list_of(kubernetes("core.v1.Container")) },
        /// Whether classic histograms become native ones with custom buckets.
        "convertClassicHistogramsToNHCB" convert_classic_histograms_to_nhcb: Option<bool>,
        /// DNS settings of the pods.
        "dnsConfig" dns_config: Option<PodDnsConfig>,
        /// DNS policy of the pods.
        "dnsPolicy" dns_policy: Option<String> = {"enum": ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]},
        /// Feature flags.
        "enableFeatures" enable_features: Vec<String> = {"items": {"minLength": 1}, "x-kubernetes-list-type": "set"},
        /// Whether OTLP is received; if otlp is set when unset.
        "enableOTLPReceiver" enable_otlp_receiver: Option<bool>,
        /// Whether remote write is received.
        "enableRemoteWriteReceiver" enable_remote_write_receiver: Option<bool>,
        /// Whether Services become environment variables.
        "enableServiceLinks" enable_service_links: Option<bool>,
        /// Upper limit of every bodySizeLimit.
        "enforcedBodySizeLimit" enforced_body_size_limit: Option<String> = {"pattern": BYTE_SIZE},
        /// Upper limit of every keepDroppedTargets.
        "enforcedKeepDroppedTargets" enforced_keep_dropped_targets: Option<i64> = {"minimum": 0},
        /// Upper limit of every labelLimit.
        "enforcedLabelLimit" enforced_label_limit: Option<i64> = {"minimum": 0},
        /// Upper limit of every labelNameLengthLimit.
        "enforcedLabelNameLengthLimit" enforced_label_name_length_limit: Option<i64> = {"minimum": 0},
        /// Upper limit of every labelValueLengthLimit.
        "enforcedLabelValueLengthLimit" enforced_label_value_length_limit: Option<i64> = {"minimum": 0},
        /// Label that is set to the namespace of the object a series or alert comes from.
        "enforcedNamespaceLabel" enforced_namespace_label: Option<String>,
        /// Upper limit of every sampleLimit.
        "enforcedSampleLimit" enforced_sample_limit: Option<i64> = {"minimum": 0},
        /// Upper limit of every targetLimit.
        "enforcedTargetLimit" enforced_target_limit: Option<i64> = {"minimum": 0},
        /// Objects that enforcedNamespaceLabel spares.
        "excludedFromEnforcement" excluded_from_enforcement: Vec<ObjectReference>,
        /// Labels added when leaving this server.
        "externalLabels" external_labels: BTreeMap<String, String>,
        /// URL under which it is reached from outside.
        "externalUrl" external_url: Option<String>,
        /// Lines of /etc/hosts.
        "hostAliases" host_aliases: Vec<HostAlias> = {"x-kubernetes-list-map-keys": ["ip"], "x-kubernetes-list-type": "map"},
        /// Whether the pods use the node's network.
        "hostNetwork" host_network: Option<bool>,
        /// Whether the pods use the node's user namespace.
        "hostUsers" host_users: Option<bool>,
        /// Whether monitors discover in their own namespaces only.
        "ignoreNamespaceSelectors" ignore_namespace_selectors: Option<bool>,
        /// Image; made of base image and version if unset.
        "image" image: Option<String>,
        /// When images are pulled.
        "imagePullPolicy" image_pull_policy: Option<String> = {"enum": ["", "Always", "Never", "IfNotPresent"]},
        /// Secrets for pulling images.
        "imagePullSecrets" image_pull_secrets: Vec<Value> as { list_of(kubernetes("core.v1.LocalObjectReference")) },
        /// Further init containers.
        "initContainers" init_containers: Vec<Value> as { list_of(kubernetes("core.v1.Container")) },
        /// How many dropped targets are kept in memory.
        "keepDroppedTargets" keep_dropped_targets: Option<i64> = {"minimum": 0},
        /// Most labels of a sample.
        "labelLimit" label_limit: Option<i64> = {"minimum": 0},
        /// Longest name of a label.
        "labelNameLengthLimit" label_name_length_limit: Option<i64> = {"minimum": 0},
        /// Longest value of a label.
        "labelValueLengthLimit" label_value_length_limit: Option<i64> = {"minimum": 0},
        /// Whether it listens on the loopback address only.
        "listenLocal" listen_local: Option<bool>,
        /// Format of the log.
        "logFormat" log_format: Option<String> = {"enum": ["", "logfmt", "json"]},
        /// Least level that is logged.
        "logLevel" log_level: Option<String> = {"enum": ["", "debug", "info", "warn", "error"]},
        /// How long the start may take.
        "maximumStartupDurationSeconds" maximum_startup_duration_seconds: Option<i32> = {"minimum": 60},
        /// How long a pod must be ready to count as available.
        "minReadySeconds" min_ready_seconds: Option<i32> = {"minimum": 0},
        /// How names are escaped for those that know no UTF-8.
        "nameEscapingScheme" name_escaping_scheme: Option<String> = {"enum": ["AllowUTF8", "Underscores", "Dots", "Values"]},
        /// Which names are valid.
        "nameValidationScheme" name_validation_scheme: Option<String> = {"enum": ["UTF8", "Legacy"]},
        /// Labels of the nodes for the pods.
        "nodeSelector" node_selector: BTreeMap<String, String>,
        /// Receiving of OTLP.
        "otlp" otlp: Option<OtlpConfig>,
        /// Whether every honorLabels counts as false.
        "overrideHonorLabels" override_honor_labels: Option<bool>,
        /// Whether every honorTimestamps counts as false.
        "overrideHonorTimestamps" override_honor_timestamps: Option<bool>,
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// What becomes of claims that are no longer used.
        "persistentVolumeClaimRetentionPolicy" persistent_volume_claim_retention_policy: Option<Value> as { kubernetes("apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy") },
        /// Whether pods start one after another.
        "podManagementPolicy" pod_management_policy: Option<String> = {"enum": ["OrderedReady", "Parallel"]},
        /// Labels and annotations of the pods.
        "podMetadata" pod_metadata: Option<EmbeddedObjectMetadata>,
        /// Namespaces of the selected PodMonitors; its own if unset.
        "podMonitorNamespaceSelector" pod_monitor_namespace_selector: Option<LabelSelector>,
        /// Which PodMonitors are selected; none if unset.
        "podMonitorSelector" pod_monitor_selector: Option<LabelSelector>,
        /// Pod labels that become labels of the target.
        "podTargetLabels" pod_target_labels: Vec<String>,
        /// Name of the web port.
        "portName" port_name: Option<String> = {"default": "web"},
        /// Priority class of the pods.
        "priorityClassName" priority_class_name: Option<String>,
        /// Namespaces of the selected Probes; its own if unset.
        "probeNamespaceSelector" probe_namespace_selector: Option<LabelSelector>,
        /// Which Probes are selected; none if unset.
        "probeSelector" probe_selector: Option<LabelSelector>,
        /// Name of the external label with the name of the object; none if empty.
        "prometheusExternalLabelName" prometheus_external_label_name: Option<String>,
        /// How the configuration is reloaded.
        "reloadStrategy" reload_strategy: Option<String> = {"enum": ["HTTP", "ProcessSignal"]},
        /// Storages that are written.
        "remoteWrite" remote_write: Vec<RemoteWriteSpec>,
        /// Protocols accepted by the remote write receiver.
        "remoteWriteReceiverMessageVersions" remote_write_receiver_message_versions: Vec<String> = {"items": {"enum": ["V1.0", "V2.0"]}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// Name of the external label with the name of the pod; none if empty.
        "replicaExternalLabelName" replica_external_label_name: Option<String>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Resources of the container.
        "resources" resources: Option<Value> as { kubernetes("core.v1.ResourceRequirements") },
        /// Prefix of all paths.
        "routePrefix" route_prefix: Option<String>,
        /// Settings of the Go runtime.
        "runtime" runtime: Option<RuntimeConfig>,
        /// Most samples of a scrape.
        "sampleLimit" sample_limit: Option<i64> = {"minimum": 0},
        /// Scheduler of the pods.
        "schedulerName" scheduler_name: Option<String> = {"minLength": 1},
        /// Settings that monitors refer to by name.
        "scrapeClasses" scrape_classes: Vec<ScrapeClass> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// Whether classic histograms are scraped beside native ones.
        "scrapeClassicHistograms" scrape_classic_histograms: Option<bool>,
        /// Namespaces of the selected ScrapeConfigs; its own if unset.
        "scrapeConfigNamespaceSelector" scrape_config_namespace_selector: Option<LabelSelector>,
        /// Which ScrapeConfigs are selected; none if unset.
        "scrapeConfigSelector" scrape_config_selector: Option<LabelSelector>,
        /// File of failed scrapes.
        "scrapeFailureLogFile" scrape_failure_log_file: Option<String> = {"minLength": 1},
        /// Time between scrapes.
        "scrapeInterval" scrape_interval: Option<String> = {"default": "30s", "pattern": DURATION},
        /// Whether native histograms are scraped.
        "scrapeNativeHistograms" scrape_native_histograms: Option<bool>,
        /// Protocols, preferred first.
        "scrapeProtocols" scrape_protocols: Vec<String> = {"items": {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]}, "x-kubernetes-list-type": "set"},
        /// How long a scrape may take.
        "scrapeTimeout" scrape_timeout: Option<String> = {"pattern": DURATION},
        /// Secrets mounted into the main container.
        "secrets" secrets: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Security context of the pods.
        "securityContext" security_context: Option<Value> as { kubernetes("core.v1.PodSecurityContext") },
        /// ServiceAccount of the pods.
        "serviceAccountName" service_account_name: Option<String>,
        /// Whether Endpoints or EndpointSlices are discovered.
        "serviceDiscoveryRole" service_discovery_role: Option<String> = {"enum": ["Endpoints", "EndpointSlice"]},
        /// Namespaces of the selected ServiceMonitors; its own if unset.
        "serviceMonitorNamespaceSelector" service_monitor_namespace_selector: Option<LabelSelector>,
        /// Which ServiceMonitors are selected; none if unset.
        "serviceMonitorSelector" service_monitor_selector: Option<LabelSelector>,
        /// A governing Service of the user's.
        "serviceName" service_name: Option<String> = {"minLength": 1},
        /// How targets are spread over shards.
        "shardingStrategy" sharding_strategy: Option<ShardingStrategy>,
        /// Number of shards.
        "shards" shards: Option<i32> = {"default": 1},
        /// Volume for the data.
        "storage" storage: Option<StorageSpec>,
        /// Most targets.
        "targetLimit" target_limit: Option<i64> = {"minimum": 0},
        /// How long the pods have to end.
        "terminationGracePeriodSeconds" termination_grace_period_seconds: Option<i64> = {"minimum": 0},
        /// Taints the pods tolerate.
        "tolerations" tolerations: Vec<Value> as { list_of(kubernetes("core.v1.Toleration")) },
        /// How the pods are spread.
        "topologySpreadConstraints" topology_spread_constraints: Vec<TopologySpreadConstraint>,
        /// Sending of traces.
        "tracingConfig" tracing_config: Option<TracingConfig>,
        /// The time series database.
        "tsdb" tsdb: Option<TsdbSpec>,
        /// How pods are updated.
        "updateStrategy" update_strategy: Option<StatefulSetUpdateStrategy>,
        /// Version that is run.
        "version" version: Option<String>,
        /// Further mounts of the main container.
        "volumeMounts" volume_mounts: Vec<Value> as { list_of(kubernetes("core.v1.VolumeMount")) },
        /// Further volumes of the pods.
        "volumes" volumes: Vec<Value> as { list_of(kubernetes("core.v1.Volume")) },
        /// Whether the write-ahead log is compressed.
        "walCompression" wal_compression: Option<bool>,
        /// The web server.
        "web" web: Option<PrometheusWebSpec>,
    }

    /// How the API server is reached.
    pub struct ApiServerConfig {
        /// Authorization header.
        "authorization" authorization: Option<Authorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. The token itself.
        "bearerToken" bearer_token: Option<String>,
        /// Deprecated: use authorization. File with the token.
        "bearerTokenFile" bearer_token_file: Option<String>,
        /// Host.
        required "host" host: String,
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// Whether monitors may name files of the container.
    pub struct ArbitraryFsAccess {
        /// Whether such monitors are refused.
        "deny" deny: Option<bool>,
    }

    /// Receiving of OTLP.
    pub struct OtlpConfig {
        /// Whether OTLP's explicit histograms become native ones with custom buckets.
        "convertHistogramsToNHCB" convert_histograms_to_nhcb: Option<bool>,
        /// Resource attributes that are not promoted.
        "ignoreResourceAttributes" ignore_resource_attributes: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// Whether identifying attributes stay in target_info.
        "keepIdentifyingResourceAttributes" keep_identifying_resource_attributes: Option<bool>,
        /// Whether several underscores in a row are kept.
        "labelNamePreserveMultipleUnderscores" label_name_preserve_multiple_underscores: Option<bool>,
        /// Whether label names that begin with an underscore get a prefix.
        "labelNameUnderscoreSanitization" label_name_underscore_sanitization: Option<bool>,
        /// Whether all resource attributes become labels.
        "promoteAllResourceAttributes" promote_all_resource_attributes: Option<bool>,
        /// Resource attributes that become labels.
        "promoteResourceAttributes" promote_resource_attributes: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// Whether metadata of the scope becomes labels.
        "promoteScopeMetadata" promote_scope_metadata: Option<bool>,
        /// How names are translated.
        "translationStrategy" translation_strategy: Option<String> = {"enum": ["NoUTF8EscapingWithSuffixes", "UnderscoreEscapingWithSuffixes", "NoTranslation", "UnderscoreEscapingWithoutSuffixes"]},
    }

    /// Settings of the Go runtime.
    pub struct RuntimeConfig {
        /// Garbage collection target in percent.
        "goGC" go_gc: Option<i32> = {"minimum": -1},
    }

    /// Settings that monitors refer to by name.
    pub struct ScrapeClass {
        /// Metadata of the node attached to targets.
        "attachMetadata" attach_metadata: Option<AttachMetadata>,
        /// Authorization header.
        "authorization" authorization: Option<Authorization>,
        /// Whether it holds for objects that name no class.
        "default" default: Option<bool>,
        /// Protocol assumed without a valid content type.
        "fallbackScrapeProtocol" fallback_scrape_protocol: Option<String> = {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]},
        /// Relabelings of samples.
        "metricRelabelings" metric_relabelings: Vec<RelabelConfig>,
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Relabelings of targets.
        "relabelings" relabelings: Vec<RelabelConfig>,
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
    }

    /// How targets are spread over shards.
    pub struct ShardingStrategy = {"x-kubernetes-validations": super::rules::sharding_strategy()} {
        /// By hash of the address, or by zone first.
        "mode" mode: Option<String> = {"enum": ["Address", "Topology"]},
        /// Details of Topology.
        "topology" topology: Option<TopologySharding>,
    }

    /// Shards by zone.
    pub struct TopologySharding {
        /// Name of the external label with the zone; none if empty.
        "externalLabelName" external_label_name: Option<String>,
        /// The zones.
        "values" values: Vec<String> = {"x-kubernetes-list-type": "atomic"},
    }

    /// Sending of traces.
    pub struct TracingConfig {
        /// Protocol of the traces.
        "clientType" client_type: Option<String> = {"enum": ["http", "grpc", "HTTP", "GRPC"]},
        /// Compression of the traces.
        "compression" compression: Option<String> = {"enum": ["gzip", "Gzip"]},
        /// URL of the service.
        required "endpoint" endpoint: String = {"minLength": 1},
        /// Headers.
        "headers" headers: BTreeMap<String, String>,
        /// Whether TLS is off.
        "insecure" insecure: Option<bool>,
        /// Share of the traces, 0 to 1.
        "samplingFraction" sampling_fraction: Option<IntOrString> = {"pattern": QUANTITY},
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
    }

    /// The time series database.
    pub struct TsdbSpec {
        /// How chunks are encoded.
        "chunkEncoding" chunk_encoding: Option<ChunkEncoding>,
        /// How late samples may come.
        "outOfOrderTimeWindow" out_of_order_time_window: Option<String> = {"pattern": DURATION},
        /// Share of stale series from which they are compacted, 0 to 1.
        "staleSeriesCompactionThreshold" stale_series_compaction_threshold: Option<IntOrString> = {"pattern": QUANTITY},
    }

    /// How chunks are encoded.
    pub struct ChunkEncoding {
        /// Encoding of float chunks.
        "floats" floats: Option<String> = {"enum": ["Xor", "Xor2"]},
    }
}
