//! Pieces of the four workloads.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;
use serde_json::Value;

use super::common::{LabelSelector, SafeTlsConfig, SecretKeySelector, SecretOrConfigMap};
use super::crds::kubernetes;
use super::schema::api_object;

api_object! {
    /// A command line argument, without dashes.
    pub struct Argument {
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Value.
        "value" value: Option<String>,
    }

    /// The metadata of an embedded object that counts.
    pub struct EmbeddedObjectMetadata {
        /// Annotations.
        "annotations" annotations: BTreeMap<String, String>,
        /// Labels.
        "labels" labels: BTreeMap<String, String>,
        /// Name.
        "name" name: Option<String>,
    }

    /// Where data is stored: the first that is set.
    pub struct StorageSpec {
        /// Deprecated: mount the volume itself instead of a folder in it.
        "disableMountSubPath" disable_mount_sub_path: Option<bool>,
        /// An emptyDir.
        "emptyDir" empty_dir: Option<Value> as { kubernetes("core.v1.EmptyDirVolumeSource") },
        /// An ephemeral volume.
        "ephemeral" ephemeral: Option<Value> as { kubernetes("core.v1.EphemeralVolumeSource") },
        /// A claim for each pod.
        "volumeClaimTemplate" volume_claim_template: Option<EmbeddedPersistentVolumeClaim>,
    }

    /// A claim for each pod.
    pub struct EmbeddedPersistentVolumeClaim {
        /// Version of the API.
        "apiVersion" api_version: Option<String>,
        /// Kind of the object.
        "kind" kind: Option<String>,
        /// Metadata.
        "metadata" metadata: Option<EmbeddedObjectMetadata>,
        /// What is wished for.
        "spec" spec: Option<Value> as { kubernetes("core.v1.PersistentVolumeClaimSpec") },
        /// True, False or Unknown.
        "status" status: Option<Value> as { kubernetes("core.v1.PersistentVolumeClaimStatus") },
    }

    /// DNS settings of pods.
    pub struct PodDnsConfig {
        /// Name servers.
        "nameservers" nameservers: Vec<String> = {"items": {"minLength": 1}, "x-kubernetes-list-type": "set"},
        /// Resolver options.
        "options" options: Vec<PodDnsConfigOption> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// Search domains.
        "searches" searches: Vec<String> = {"items": {"minLength": 1}, "x-kubernetes-list-type": "set"},
    }

    /// A resolver option.
    pub struct PodDnsConfigOption {
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Value.
        "value" value: Option<String>,
    }

    /// A line of /etc/hosts.
    pub struct HostAlias {
        /// Names of the address.
        required "hostnames" hostnames: Vec<String>,
        /// Address.
        required "ip" ip: String,
    }

    /// How pods are updated.
    pub struct StatefulSetUpdateStrategy = {"x-kubernetes-validations": super::rules::stateful_set_update_strategy()} {
        /// Details of RollingUpdate.
        "rollingUpdate" rolling_update: Option<RollingUpdate>,
        /// OnDelete or RollingUpdate.
        required "type" r#type: String = {"enum": ["OnDelete", "RollingUpdate"]},
    }

    /// Details of a rolling update.
    pub struct RollingUpdate {
        /// How many pods may be missing during an update.
        "maxUnavailable" max_unavailable: Option<IntOrString>,
    }

    /// How the pods are spread.
    pub struct TopologySpreadConstraint {
        /// Which labels of the pods are added to the selector.
        "additionalLabelSelectors" additional_label_selectors: Option<String> = {"enum": ["OnResource", "OnShard"]},
        /// Label selector.
        "labelSelector" label_selector: Option<LabelSelector>,
        /// Pod labels whose values narrow the selector.
        "matchLabelKeys" match_label_keys: Vec<String> = {"x-kubernetes-list-type": "atomic"},
        /// How uneven the spread may be.
        required "maxSkew" max_skew: i32,
        /// Least number of domains.
        "minDomains" min_domains: Option<i32>,
        /// How node affinity counts.
        "nodeAffinityPolicy" node_affinity_policy: Option<String>,
        /// How taints count.
        "nodeTaintsPolicy" node_taints_policy: Option<String>,
        /// Node label that makes the domains.
        required "topologyKey" topology_key: String,
        /// What to do with pods that don't fit.
        required "whenUnsatisfiable" when_unsatisfiable: String,
    }

    /// HTTP of a web server.
    pub struct WebHttpConfig {
        /// Headers of responses.
        "headers" headers: Option<WebHttpHeaders>,
        /// Whether HTTP/2 is on.
        "http2" http2: Option<bool>,
    }

    /// Headers of all responses.
    pub struct WebHttpHeaders {
        /// Content-Security-Policy header.
        "contentSecurityPolicy" content_security_policy: Option<String>,
        /// Strict-Transport-Security header.
        "strictTransportSecurity" strict_transport_security: Option<String>,
        /// X-Content-Type-Options header.
        "xContentTypeOptions" x_content_type_options: Option<String> = {"enum": ["", "NoSniff"]},
        /// X-Frame-Options header.
        "xFrameOptions" x_frame_options: Option<String> = {"enum": ["", "Deny", "SameOrigin"]},
        /// X-XSS-Protection header.
        "xXSSProtection" x_xss_protection: Option<String>,
    }

    /// TLS of a web server.
    pub struct WebTlsConfig {
        /// Certificate.
        "cert" cert: Option<SecretOrConfigMap>,
        /// File with the certificate.
        "certFile" cert_file: Option<String>,
        /// Ciphers up to TLS 1.2.
        "cipherSuites" cipher_suites: Vec<String>,
        /// Authority of client certificates.
        "client_ca" client_ca: Option<SecretOrConfigMap>,
        /// How clients are authenticated.
        "clientAuthType" client_auth_type: Option<String>,
        /// File with the authority of client certificates.
        "clientCAFile" client_ca_file: Option<String>,
        /// Elliptic curves, preferred first.
        "curvePreferences" curve_preferences: Vec<String>,
        /// File with the private key.
        "keyFile" key_file: Option<String>,
        /// Secret key with the private key.
        "keySecret" key_secret: Option<SecretKeySelector>,
        /// Highest TLS version.
        "maxVersion" max_version: Option<String>,
        /// Lowest TLS version.
        "minVersion" min_version: Option<String>,
        /// Whether the server's order of ciphers counts.
        "preferServerCipherSuites" prefer_server_cipher_suites: Option<bool>,
    }

    /// Alertmanager's web server.
    pub struct AlertmanagerWebSpec {
        /// Most GET requests at a time.
        "getConcurrency" get_concurrency: Option<i32> = {"minimum": 0},
        /// HTTP client.
        "httpConfig" http_config: Option<WebHttpConfig>,
        /// How long a request may take.
        "timeout" timeout: Option<i32> = {"minimum": 0},
        /// TLS.
        "tlsConfig" tls_config: Option<WebTlsConfig>,
    }

    /// Prometheus' web server.
    pub struct PrometheusWebSpec {
        /// HTTP client.
        "httpConfig" http_config: Option<WebHttpConfig>,
        /// Most connections at a time.
        "maxConnections" max_connections: Option<i32> = {"minimum": 0},
        /// Title of the pages.
        "pageTitle" page_title: Option<String>,
        /// TLS.
        "tlsConfig" tls_config: Option<WebTlsConfig>,
    }

    /// Thanos Ruler's web server.
    pub struct ThanosRulerWebSpec {
        /// HTTP client.
        "httpConfig" http_config: Option<WebHttpConfig>,
        /// TLS.
        "tlsConfig" tls_config: Option<WebTlsConfig>,
    }

    /// TLS of Thanos' gRPC server.
    pub struct ThanosTlsConfig {
        /// File with that authority.
        "caFile" ca_file: Option<String>,
        /// File with the certificate.
        "certFile" cert_file: Option<String>,
        /// Ciphers up to TLS 1.2.
        "cipherSuites" cipher_suites: Vec<String> = {"minItems": 1, "x-kubernetes-list-type": "set"},
        /// Elliptic curves.
        "curves" curves: Vec<String> = {"minItems": 1, "x-kubernetes-list-type": "set"},
        /// File with the private key.
        "keyFile" key_file: Option<String>,
        ; /// TLS of a client, without files of its container.
        inline tls: SafeTlsConfig
    }
}

impl StorageSpec {
    /// The storage class that claims ask for.
    pub fn class(&self) -> Option<&str> {
        let spec = self.volume_claim_template.as_ref()?.spec.as_ref()?;
        let name = spec.get("storageClassName")?.as_str()?;
        (!name.is_empty()).then_some(name)
    }
}
