//! The kind Prometheus.

use machinery::int_or_string::IntOrString;
use serde_json::Value;

use super::common::{
    BasicAuth, LabelSelector, ProxyConfig, RelabelConfig, SafeAuthorization, SecretKeySelector,
    Sigv4, TlsConfig,
};
use super::common_prometheus::CommonPrometheusFields;
use super::crds::{kubernetes, list_of};
use super::patterns::{BYTE_SIZE, DURATION};
use super::remote::RemoteReadSpec;
use super::schema::api_object;
use super::workload::{Argument, ThanosTlsConfig};

api_object! {
    /// A Prometheus.
    pub struct PrometheusSpec = {"x-kubernetes-validations": super::rules::prometheus_spec()} {
        /// Secret key with further Alertmanagers, in Prometheus' own syntax.
        "additionalAlertManagerConfigs" additional_alert_manager_configs: Option<SecretKeySelector>,
        /// Secret key with further alert relabelings, in Prometheus' own syntax.
        "additionalAlertRelabelConfigs" additional_alert_relabel_configs: Option<SecretKeySelector>,
        /// Where alerts go.
        "alerting" alerting: Option<AlertingSpec>,
        /// Whether blocks may overlap; no effect since Prometheus 2.39.
        "allowOverlappingBlocks" allow_overlapping_blocks: Option<bool>,
        /// Deprecated: use image.
        "baseImage" base_image: Option<String>,
        /// Whether compaction is off.
        "disableCompaction" disable_compaction: Option<bool>,
        /// Whether the admin API is open.
        "enableAdminAPI" enable_admin_api: Option<bool>,
        /// Time between evaluations of rules.
        "evaluationInterval" evaluation_interval: Option<String> = {"default": "30s", "pattern": DURATION},
        /// Storage of exemplars.
        "exemplars" exemplars: Option<Exemplars>,
        /// Deprecated: use excludedFromEnforcement.
        "prometheusRulesExcludedFromEnforce" prometheus_rules_excluded_from_enforce: Vec<ExcludedRule>,
        /// Queries.
        "query" query: Option<QuerySpec>,
        /// File of the query log.
        "queryLogFile" query_log_file: Option<String>,
        /// Storages that are read.
        "remoteRead" remote_read: Vec<RemoteReadSpec>,
        /// How long data is kept.
        "retention" retention: Option<String> = {"pattern": DURATION},
        /// How much data is kept.
        "retentionSize" retention_size: Option<String> = {"pattern": BYTE_SIZE},
        /// Namespaces of the selected PrometheusRules; its own if unset.
        "ruleNamespaceSelector" rule_namespace_selector: Option<LabelSelector>,
        /// How far back rules look.
        "ruleQueryOffset" rule_query_offset: Option<String> = {"pattern": DURATION},
        /// Which PrometheusRules are selected; none if unset.
        "ruleSelector" rule_selector: Option<LabelSelector>,
        /// Rules.
        "rules" rules: Option<RulesSpec>,
        /// Deprecated: use image.
        "sha" sha: Option<String>,
        /// What becomes of shards no longer wanted.
        "shardRetentionPolicy" shard_retention_policy: Option<ShardRetentionPolicy>,
        /// Deprecated: use image.
        "tag" tag: Option<String>,
        /// The Thanos sidecar.
        "thanos" thanos: Option<ThanosSpec>,
        ; /// What Prometheus and PrometheusAgent have in common.
        inline common: CommonPrometheusFields
    }

    /// Where alerts go.
    pub struct AlertingSpec {
        /// Alertmanagers that receive alerts.
        required "alertmanagers" alertmanagers: Vec<AlertmanagerEndpoints>,
    }

    /// An Alertmanager, by its Service.
    pub struct AlertmanagerEndpoints {
        /// Relabelings of alerts sent to this Alertmanager.
        "alertRelabelings" alert_relabelings: Vec<RelabelConfig>,
        /// Version of the API.
        "apiVersion" api_version: Option<String> = {"enum": ["v1", "V1", "v2", "V2"]},
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. File with the token.
        "bearerTokenFile" bearer_token_file: Option<String>,
        /// Whether HTTP/2 may be used.
        "enableHttp2" enable_http2: Option<bool>,
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Namespace.
        "namespace" namespace: Option<String> = {"minLength": 1},
        /// Prefix of paths.
        "pathPrefix" path_prefix: Option<String> = {"minLength": 1},
        /// Port.
        required "port" port: Option<IntOrString>,
        /// Relabelings of targets.
        "relabelings" relabelings: Vec<RelabelConfig>,
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// AWS Signature Version 4.
        "sigv4" sigv4: Option<Sigv4>,
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// Storage of exemplars.
    pub struct Exemplars {
        /// Most exemplars in memory.
        "maxSize" max_size: Option<i64>,
    }

    /// A PrometheusRule.
    pub struct ExcludedRule {
        /// Name of the PrometheusRule.
        required "ruleName" rule_name: String,
        /// Namespace of the PrometheusRule.
        required "ruleNamespace" rule_namespace: String,
    }

    /// Queries.
    pub struct QuerySpec {
        /// How far back an instant query looks.
        "lookbackDelta" lookback_delta: Option<String>,
        /// Most queries at a time.
        "maxConcurrency" max_concurrency: Option<i32> = {"minimum": 1},
        /// Most samples of a query.
        "maxSamples" max_samples: Option<i32>,
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
    }

    /// Evaluation of rules.
    pub struct RulesSpec {
        /// Name of the alert.
        "alert" alert: Option<RulesAlertSpec>,
    }

    /// Evaluation of alerts.
    pub struct RulesAlertSpec {
        /// Least time between an alert and its restored for state.
        "forGracePeriod" for_grace_period: Option<String>,
        /// Longest outage after which for states are restored.
        "forOutageTolerance" for_outage_tolerance: Option<String>,
        /// Least time between sendings of an alert.
        "resendDelay" resend_delay: Option<String>,
    }

    /// What becomes of shards no longer wanted.
    pub struct ShardRetentionPolicy {
        /// Details of Retain.
        "retain" retain: Option<RetainConfig>,
        /// Whether they are deleted or retained.
        "whenScaled" when_scaled: Option<String> = {"enum": ["Retain", "Delete"]},
    }

    /// How long they are kept.
    pub struct RetainConfig {
        /// How long a shard is kept.
        required "retentionPeriod" retention_period: String = {"pattern": DURATION},
    }

    /// The Thanos sidecar.
    pub struct ThanosSpec {
        /// Further arguments of the main container; none that is generated.
        "additionalArgs" additional_args: Vec<Argument>,
        /// Deprecated: use image.
        "baseImage" base_image: Option<String>,
        /// Length of a TSDB block that is uploaded.
        "blockSize" block_size: Option<String> = {"default": "2h", "pattern": DURATION},
        /// Time between readings of Prometheus' configuration.
        "getConfigInterval" get_config_interval: Option<String> = {"pattern": DURATION},
        /// How long such a reading may take.
        "getConfigTimeout" get_config_timeout: Option<String> = {"pattern": DURATION},
        /// Whether gRPC listens on the loopback address only.
        "grpcListenLocal" grpc_listen_local: Option<bool>,
        /// TLS of the gRPC server.
        "grpcServerTlsConfig" grpc_server_tls_config: Option<ThanosTlsConfig>,
        /// Whether HTTP listens on the loopback address only.
        "httpListenLocal" http_listen_local: Option<bool>,
        /// Image; made of base image and version if unset.
        "image" image: Option<String>,
        /// Whether it listens on the loopback address only.
        "listenLocal" listen_local: Option<bool>,
        /// Format of the log.
        "logFormat" log_format: Option<String> = {"enum": ["", "logfmt", "json"]},
        /// Least level that is logged.
        "logLevel" log_level: Option<String> = {"enum": ["", "debug", "info", "warn", "error"]},
        /// Start of the served time range.
        "minTime" min_time: Option<String>,
        /// Secret key with the object storage.
        "objectStorageConfig" object_storage_config: Option<SecretKeySelector>,
        /// File with the object storage; wins over objectStorageConfig.
        "objectStorageConfigFile" object_storage_config_file: Option<String>,
        /// How long to wait for Prometheus.
        "readyTimeout" ready_timeout: Option<String> = {"pattern": DURATION},
        /// Resources of the container.
        "resources" resources: Option<Value> as { kubernetes("core.v1.ResourceRequirements") },
        /// Deprecated: use image.
        "sha" sha: Option<String>,
        /// Deprecated: use image.
        "tag" tag: Option<String>,
        /// Sending of traces.
        "tracingConfig" tracing_config: Option<SecretKeySelector>,
        /// File with the tracing; wins over tracingConfig.
        "tracingConfigFile" tracing_config_file: Option<String>,
        /// Version that is run.
        "version" version: Option<String>,
        /// Further mounts of the main container.
        "volumeMounts" volume_mounts: Vec<Value> as { list_of(kubernetes("core.v1.VolumeMount")) },
    }
}

impl PrometheusSpec {
    /// How shards that are no longer wanted are kept, if they are.
    pub fn retained_shards(&self) -> Option<&ShardRetentionPolicy> {
        let policy = self.shard_retention_policy.as_ref()?;
        (policy.when_scaled.as_deref() == Some("Retain")).then_some(policy)
    }
}
