//! The kind ServiceMonitor.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;

use super::common::{
    AttachMetadata, BasicAuth, LabelSelector, NamespaceSelector, NativeHistogramConfig, OAuth2,
    ProxyConfig, RelabelConfig, SafeAuthorization, SecretKeySelector, TlsConfig,
};
use super::patterns::{BYTE_SIZE, DURATION};
use super::schema::api_object;

api_object! {
    /// Services that are scraped.
    pub struct ServiceMonitorSpec {
        /// Metadata of the node attached to targets.
        "attachMetadata" attach_metadata: Option<AttachMetadata>,
        /// Largest response that is read.
        "bodySizeLimit" body_size_limit: Option<String> = {"pattern": BYTE_SIZE},
        /// Ports of the Services that are scraped.
        required "endpoints" endpoints: Vec<Endpoint>,
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
        /// Whether Endpoints or EndpointSlices are discovered.
        "serviceDiscoveryRole" service_discovery_role: Option<String> = {"enum": ["Endpoints", "EndpointSlice"]},
        /// Service labels that become labels of the target.
        "targetLabels" target_labels: Vec<String>,
        /// Most targets.
        "targetLimit" target_limit: Option<i64> = {"minimum": 0},
        ; /// Native histograms.
        inline native_histograms: NativeHistogramConfig
    }

    /// A port of the Services.
    pub struct Endpoint {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. File with the token.
        "bearerTokenFile" bearer_token_file: Option<String>,
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
        /// Relabelings of targets.
        "relabelings" relabelings: Vec<RelabelConfig>,
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// How long a scrape may take.
        "scrapeTimeout" scrape_timeout: Option<String> = {"pattern": DURATION},
        /// Name or number of the container port.
        "targetPort" target_port: Option<IntOrString>,
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
        /// Whether series with explicit timestamps go stale.
        "trackTimestampsStaleness" track_timestamps_staleness: Option<bool>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }
}
