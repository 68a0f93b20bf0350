//! The kind ScrapeConfig.

use std::collections::BTreeMap;

use super::cloud_discovery::{
    AzureSdConfig, DigitalOceanSdConfig, Ec2SdConfig, GceSdConfig, HetznerSdConfig, IonosSdConfig,
    LightSailSdConfig, LinodeSdConfig, OpenStackSdConfig, OvhCloudSdConfig, ScalewaySdConfig,
};
use super::common::{
    BasicAuth, NativeHistogramConfig, OAuth2, ProxyConfig, RelabelConfig, SafeAuthorization,
    SafeTlsConfig,
};
use super::patterns::{BYTE_SIZE, DURATION};
use super::schema::api_object;
use super::service_discovery::{
    ConsulSdConfig, DnsSdConfig, DockerSdConfig, DockerSwarmSdConfig, EurekaSdConfig, FileSdConfig,
    HttpSdConfig, KubernetesSdConfig, KumaSdConfig, NomadSdConfig, PuppetDbSdConfig,
};

api_object! {
    /// A scrape job with any service discovery.
    pub struct ScrapeConfigSpec = {"x-kubernetes-validations": super::rules::scrape_config_spec()} {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// Azure virtual machines.
        "azureSDConfigs" azure_sd_configs: Vec<AzureSdConfig>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Largest response that is read.
        "bodySizeLimit" body_size_limit: Option<String> = {"pattern": BYTE_SIZE},
        /// Services in Consul's catalogue.
        "consulSDConfigs" consul_sd_configs: Vec<ConsulSdConfig>,
        /// DigitalOcean droplets.
        "digitalOceanSDConfigs" digital_ocean_sd_configs: Vec<DigitalOceanSdConfig>,
        /// DNS records.
        "dnsSDConfigs" dns_sd_configs: Vec<DnsSdConfig>,
        /// Docker containers.
        "dockerSDConfigs" docker_sd_configs: Vec<DockerSdConfig>,
        /// Docker Swarm.
        "dockerSwarmSDConfigs" docker_swarm_sd_configs: Vec<DockerSwarmSdConfig>,
        /// EC2 instances.
        "ec2SDConfigs" ec2_sd_configs: Vec<Ec2SdConfig>,
        /// Whether compressed responses are asked for.
        "enableCompression" enable_compression: Option<bool>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Eureka applications.
        "eurekaSDConfigs" eureka_sd_configs: Vec<EurekaSdConfig>,
        /// Protocol assumed without a valid content type.
        "fallbackScrapeProtocol" fallback_scrape_protocol: Option<String> = {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]},
        /// Files with targets.
        "fileSDConfigs" file_sd_configs: Vec<FileSdConfig>,
        /// Google Compute Engine instances.
        "gceSDConfigs" gce_sd_configs: Vec<GceSdConfig>,
        /// Hetzner servers.
        "hetznerSDConfigs" hetzner_sd_configs: Vec<HetznerSdConfig>,
        /// Whether labels of the target win.
        "honorLabels" honor_labels: Option<bool>,
        /// Whether timestamps of the target are taken.
        "honorTimestamps" honor_timestamps: Option<bool>,
        /// HTTP endpoints that list targets.
        "httpSDConfigs" http_sd_configs: Vec<HttpSdConfig>,
        /// IONOS servers.
        "ionosSDConfigs" ionos_sd_configs: Vec<IonosSdConfig>,
        /// Value of the job label.
        "jobName" job_name: Option<String> = {"minLength": 1},
        /// How many dropped targets are kept in memory.
        "keepDroppedTargets" keep_dropped_targets: Option<i64> = {"minimum": 0},
        /// Objects of a Kubernetes API server.
        "kubernetesSDConfigs" kubernetes_sd_configs: Vec<KubernetesSdConfig>,
        /// Kuma's monitoring assignments.
        "kumaSDConfigs" kuma_sd_configs: Vec<KumaSdConfig>,
        /// Most labels of a sample.
        "labelLimit" label_limit: Option<i64> = {"minimum": 0},
        /// Longest name of a label.
        "labelNameLengthLimit" label_name_length_limit: Option<i64> = {"minimum": 0},
        /// Longest value of a label.
        "labelValueLengthLimit" label_value_length_limit: Option<i64> = {"minimum": 0},
        /// Lightsail instances.
        "lightSailSDConfigs" light_sail_sd_configs: Vec<LightSailSdConfig>,
        /// Linode instances.
        "linodeSDConfigs" linode_sd_configs: Vec<LinodeSdConfig>,
        /// Relabelings of samples.
        "metricRelabelings" metric_relabelings: Vec<RelabelConfig> = {"minItems": 1},
        /// Path of the metrics.
        "metricsPath" metrics_path: Option<String> = {"minLength": 1},
        /// How names are escaped for those that know no UTF-8.
        "nameEscapingScheme" name_escaping_scheme: Option<String> = {"enum": ["AllowUTF8", "Underscores", "Dots", "Values"]},
        /// Which names are valid.
        "nameValidationScheme" name_validation_scheme: Option<String> = {"enum": ["UTF8", "Legacy"]},
        /// Nomad services.
        "nomadSDConfigs" nomad_sd_configs: Vec<NomadSdConfig>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// OpenStack instances.
        "openstackSDConfigs" openstack_sd_configs: Vec<OpenStackSdConfig>,
        /// OVHcloud servers.
        "ovhcloudSDConfigs" ovhcloud_sd_configs: Vec<OvhCloudSdConfig>,
        /// URL parameters.
        "params" params: BTreeMap<String, Vec<String>> = {"x-kubernetes-map-type": "atomic"},
        /// PuppetDB resources.
        "puppetDBSDConfigs" puppet_db_sd_configs: Vec<PuppetDbSdConfig>,
        /// Relabelings of targets.
        "relabelings" relabelings: Vec<RelabelConfig> = {"minItems": 1},
        /// Most samples of a scrape.
        "sampleLimit" sample_limit: Option<i64> = {"minimum": 0},
        /// Scaleway servers.
        "scalewaySDConfigs" scaleway_sd_configs: Vec<ScalewaySdConfig>,
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// Name of the scrape class.
        "scrapeClass" scrape_class: Option<String> = {"minLength": 1},
        /// Time between scrapes.
        "scrapeInterval" scrape_interval: Option<String> = {"pattern": DURATION},
        /// Protocols, preferred first.
        "scrapeProtocols" scrape_protocols: Vec<String> = {"items": {"enum": ["PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusText0.0.4", "PrometheusText1.0.0"]}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// How long a scrape may take.
        "scrapeTimeout" scrape_timeout: Option<String> = {"pattern": DURATION},
        /// Lists of targets.
        "staticConfigs" static_configs: Vec<StaticConfig>,
        /// Most targets.
        "targetLimit" target_limit: Option<i64> = {"minimum": 0},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// Whether series with explicit timestamps go stale.
        "trackTimestampsStaleness" track_timestamps_staleness: Option<bool>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
        ; /// Native histograms.
        inline native_histograms: NativeHistogramConfig
    }

    /// A list of targets.
    pub struct StaticConfig {
        /// Labels.
        "labels" labels: BTreeMap<String, String> = {"x-kubernetes-map-type": "atomic"},
        /// Targets.
        required "targets" targets: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "set"},
    }
}
