//! The kind Probe.

use std::collections::BTreeMap;

use super::common::{
    BasicAuth, LabelSelector, NamespaceSelector, NativeHistogramConfig, OAuth2, ProxyConfig,
    RelabelConfig, SafeAuthorization, SafeTlsConfig, SecretKeySelector,
};
use super::patterns::DURATION;
use super::schema::api_object;

api_object! {
    /// Targets that a prober looks at.
    pub struct ProbeSpec {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. Secret key with the token.
        "bearerTokenSecret" bearer_token_secret: Option<SecretKeySelector>,
        /// Whether HTTP/2 may be used.
        "enableHttp2" enable_http2: Option<bool>,
        /// Protocol assumed without a valid content type.
        "fallbackScrapeProtocol" fallback_scrape_protocol: Option<String> = {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]},
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Time between scrapes.
        "interval" interval: Option<String> = {"pattern": DURATION},
        /// Value of the job label.
        "jobName" job_name: Option<String>,
        /// How many dropped targets are kept in memory.
        "keepDroppedTargets" keep_dropped_targets: Option<i64> = {"minimum": 0},
        /// Most labels of a sample.
        "labelLimit" label_limit: Option<i64> = {"minimum": 0},
        /// Longest name of a label.
        "labelNameLengthLimit" label_name_length_limit: Option<i64> = {"minimum": 0},
        /// Longest value of a label.
        "labelValueLengthLimit" label_value_length_limit: Option<i64> = {"minimum": 0},
        /// Relabelings of samples.
        "metricRelabelings" metric_relabelings: Vec<RelabelConfig>,
        /// Module of the prober.
        "module" module: Option<String>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// URL parameters.
        "params" params: Vec<ProbeParam> = {"minItems": 1, "x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// The prober that is asked.
        "prober" prober: Option<ProberSpec>,
        /// Most samples of a scrape.
        "sampleLimit" sample_limit: Option<i64> = {"minimum": 0},
        /// Name of the scrape class.
        "scrapeClass" scrape_class: Option<String> = {"minLength": 1},
        /// Protocols, preferred first.
        "scrapeProtocols" scrape_protocols: Vec<String> = {"items": {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]}, "x-kubernetes-list-type": "set"},
        /// How long a scrape may take.
        "scrapeTimeout" scrape_timeout: Option<String> = {"pattern": DURATION},
        /// Most targets.
        "targetLimit" target_limit: Option<i64> = {"minimum": 0},
        /// Targets.
        "targets" targets: Option<ProbeTargets>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// Native histograms.
        inline native_histograms: NativeHistogramConfig
    }

    /// A URL parameter of the prober.
    pub struct ProbeParam {
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Values.
        "values" values: Vec<String> = {"items": {"minLength": 1}, "minItems": 1},
    }

    /// The prober.
    pub struct ProberSpec {
        /// Path.
        "path" path: Option<String> = {"default": "/probe"},
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// URL.
        required "url" url: String = {"minLength": 1},
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// What is probed: a list or Ingresses.
    pub struct ProbeTargets {
        /// Ingresses as targets.
        "ingress" ingress: Option<ProbeTargetIngress>,
        /// A list of targets.
        "staticConfig" static_config: Option<ProbeTargetStaticConfig>,
    }

    /// Ingresses that are probed.
    pub struct ProbeTargetIngress {
        /// Namespaces in which objects are looked for; its own if empty.
        "namespaceSelector" namespace_selector: Option<NamespaceSelector>,
        /// Relabelings of targets.
        "relabelingConfigs" relabeling_configs: Vec<RelabelConfig>,
        /// Label selector.
        "selector" selector: Option<LabelSelector>,
    }

    /// Hosts that are probed.
    pub struct ProbeTargetStaticConfig {
        /// Labels.
        "labels" labels: BTreeMap<String, String>,
        /// Relabelings of targets.
        "relabelingConfigs" relabeling_configs: Vec<RelabelConfig>,
        /// Targets.
        "static" r#static: Vec<String>,
    }
}
