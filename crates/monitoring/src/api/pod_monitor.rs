//! The kind PodMonitor.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;

use super::common::{
    AttachMetadata, BasicAuth, LabelSelector, NamespaceSelector, NativeHistogramConfig, OAuth2,
    ProxyConfig, RelabelConfig, SafeAuthorization, SafeTlsConfig, SecretKeySelector,
};
use super::patterns::{BYTE_SIZE, DURATION};
use super::schema::api_object;

api_object! {
    /// Pods that are scraped.
    pub struct PodMonitorSpec {
        /// Metadata of the node attached to targets.
        "attachMetadata" attach_metadata: Option<AttachMetadata>,
        /// Largest response that is read.
        "bodySizeLimit" body_size_limit: Option<String> = {"pattern": BYTE_SIZE},
        /// Protocol assumed without a valid content type.
        "fallbackScrapeProtocol" fallback_scrape_protocol: Option<String> = {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]},
        /// Label whose value becomes the job.
        "jobLabel" job_label: Option<String>,
        /// How many dropped targets are kept in memory.
        "keepDroppedTargets" keep_dropped_targets: Option<i64> = {"minimum": 0},
        /// Most labels of a sample.
        "labelLimit" label_limit: Option<i64> = {"minimum": 0},
        /// Longest name of a label.
        "labelNameLengthLimit" label_name_length_limit: Option<i64> = {"minimum": 0},
        /// Longest value of a label.
        "labelValueLengthLimit" label_value_length_limit: Option<i64> = {"minimum": 0},
        /// Namespaces in which objects are looked for; its own if empty.
        "namespaceSelector" namespace_selector: Option<NamespaceSelector>,
        /// Ports of the pods that are scraped.
        "podMetricsEndpoints" pod_metrics_endpoints: Vec<PodMetricsEndpoint>,
        /// Pod labels that become labels of the target.
        "podTargetLabels" pod_target_labels: Vec<String>,
        /// Most samples of a scrape.
        "sampleLimit" sample_limit: Option<i64> = {"minimum": 0},
        /// Name of the scrape class.
        "scrapeClass" scrape_class: Option<String> = {"minLength": 1},
        /// Protocols, preferred first.
        "scrapeProtocols" scrape_protocols: Vec<String> = {"items": {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]}, "x-kubernetes-list-type": "set"},
        /// Label selector.
        required "selector" selector: LabelSelector,
        /// Whether labels are selected by relabeling or by the API server.
        "selectorMechanism" selector_mechanism: Option<String> = {"enum": ["RelabelConfig", "RoleSelector"]},
        /// Most targets.
        "targetLimit" target_limit: Option<i64> = {"minimum": 0},
        ; /// Native histograms.
        inline native_histograms: NativeHistogramConfig
    }

    /// A port of the pods.
    pub struct PodMetricsEndpoint {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. Secret key with the token.
        "bearerTokenSecret" bearer_token_secret: Option<SecretKeySelector>,
        /// Whether HTTP/2 may be used.
        "enableHttp2" enable_http2: Option<bool>,
        /// Whether pods that have ended are left out; true if unset.
        "filterRunning" filter_running: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Whether labels of the target win.
        "honorLabels" honor_labels: Option<bool>,
        /// Whether timestamps of the target are taken.
        "honorTimestamps" honor_timestamps: Option<bool>,
        /// Time between scrapes.
        "interval" interval: Option<String> = {"pattern": DURATION},
        /// Relabelings of samples.
        "metricRelabelings" metric_relabelings: Vec<RelabelConfig>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// URL parameters.
        "params" params: BTreeMap<String, Vec<String>>,
        /// Path.
        "path" path: Option<String>,
        /// Port.
        "port" port: Option<String>,
        /// Number of the container port.
        "portNumber" port_number: Option<i32> = {"maximum": 65535, "minimum": 1},
        /// Relabelings of targets.
        "relabelings" relabelings: Vec<RelabelConfig>,
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// How long a scrape may take.
        "scrapeTimeout" scrape_timeout: Option<String> = {"pattern": DURATION},
        /// Name or number of the container port.
        "targetPort" target_port: Option<IntOrString>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// Whether series with explicit timestamps go stale.
        "trackTimestampsStaleness" track_timestamps_staleness: Option<bool>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }
}
