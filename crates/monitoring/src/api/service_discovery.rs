//! Service discoveries of a ScrapeConfig: files, catalogues and orchestrators.

use std::collections::BTreeMap;

use super::common::{AttachMetadata, Filter, HttpClientConfig, SecretKeySelector};
use super::patterns::{DURATION, HTTP_URL};
use super::schema::api_object;

api_object! {
    /// An HTTP endpoint that lists targets.
    pub struct HttpSdConfig {
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// URL.
        required "url" url: String = {"pattern": HTTP_URL},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Files with targets.
    pub struct FileSdConfig {
        /// Files, the last part may be a pattern.
        required "files" files: Vec<String> = {"items": {"pattern": r"^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$"}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
    }

    /// Objects of a Kubernetes API server.
    pub struct KubernetesSdConfig {
        /// URL of the API server; the cluster's own if unset.
        "apiServer" api_server: Option<String> = {"minLength": 1},
        /// Metadata of the node attached to targets.
        "attachMetadata" attach_metadata: Option<AttachMetadata>,
        /// Namespaces.
        "namespaces" namespaces: Option<NamespaceDiscovery>,
        /// What is discovered.
        required "role" role: String = {"enum": ["Pod", "Endpoints", "Ingress", "Service", "Node", "EndpointSlice"]},
        /// Selectors, one a role.
        "selectors" selectors: Vec<KubernetesSelector> = {"x-kubernetes-list-map-keys": ["role"], "x-kubernetes-list-type": "map"},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// DNS records.
    pub struct DnsSdConfig {
        /// Names.
        required "names" names: Vec<String> = {"items": {"minLength": 1}, "minItems": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Type of the records.
        "type" r#type: Option<String> = {"enum": ["A", "AAAA", "MX", "NS", "SRV"]},
    }

    /// Services in Consul's catalogue.
    pub struct ConsulSdConfig {
        /// Whether stale results are taken.
        "allowStale" allow_stale: Option<bool>,
        /// Data centre; Consul's own if unset.
        "datacenter" datacenter: Option<String> = {"minLength": 1},
        /// Filter expression.
        "filter" filter: Option<String> = {"minLength": 1},
        /// Filter on health checks.
        "healthFilter" health_filter: Option<String> = {"minLength": 1},
        /// Namespace.
        "namespace" namespace: Option<String> = {"minLength": 1},
        /// Metadata of the node.
        "nodeMeta" node_meta: BTreeMap<String, String> = {"x-kubernetes-map-type": "atomic"},
        /// Admin partition.
        "partition" partition: Option<String> = {"minLength": 1},
        /// Prefix of paths.
        "pathPrefix" path_prefix: Option<String> = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// HTTP or HTTPS.
        "scheme" scheme: Option<String> = {"enum": ["http", "https", "HTTP", "HTTPS"]},
        /// Address of the server.
        required "server" server: String = {"minLength": 1},
        /// Services; all if empty.
        "services" services: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Between tags.
        "tagSeparator" tag_separator: Option<String> = {"minLength": 1},
        /// Tags.
        "tags" tags: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Secret key with the token.
        "tokenRef" token_ref: Option<SecretKeySelector>,
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Docker containers.
    pub struct DockerSdConfig {
        /// Filters.
        "filters" filters: Vec<Filter> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// Host.
        required "host" host: String = {"minLength": 1, "pattern": "^[a-zA-Z][a-zA-Z0-9+.-]*://.+$"},
        /// Host of containers in host networking mode.
        "hostNetworkingHost" host_networking_host: Option<String> = {"minLength": 1},
        /// Whether only the first network of a container counts.
        "matchFirstNetwork" match_first_network: Option<bool>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Docker Swarm.
    pub struct DockerSwarmSdConfig {
        /// Filters.
        "filters" filters: Vec<Filter> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// Host.
        required "host" host: String = {"pattern": "^[a-zA-Z][a-zA-Z0-9+.-]*://.+$"},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// What is discovered.
        required "role" role: String = {"enum": ["Services", "Tasks", "Nodes"]},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Kuma's monitoring assignments.
    pub struct KumaSdConfig {
        /// Client ID.
        "clientID" client_id: Option<String> = {"minLength": 1},
        /// How long to wait for changes.
        "fetchTimeout" fetch_timeout: Option<String> = {"pattern": DURATION},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Address of the server.
        required "server" server: String = {"pattern": HTTP_URL},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Eureka applications.
    pub struct EurekaSdConfig {
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Address of the server.
        required "server" server: String = {"pattern": HTTP_URL},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Nomad services.
    pub struct NomadSdConfig {
        /// Whether stale results are taken.
        "allowStale" allow_stale: Option<bool>,
        /// Namespace.
        "namespace" namespace: Option<String> = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Region.
        "region" region: Option<String> = {"minLength": 1},
        /// Address of the server.
        required "server" server: String = {"pattern": HTTP_URL},
        /// Between tags.
        "tagSeparator" tag_separator: Option<String> = {"minLength": 1},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// PuppetDB resources.
    pub struct PuppetDbSdConfig {
        /// Whether parameters become labels.
        "includeParameters" include_parameters: Option<bool>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// PQL query.
        required "query" query: String = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// URL.
        required "url" url: String = {"pattern": HTTP_URL},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Namespaces that are looked through.
    pub struct NamespaceDiscovery {
        /// Names.
        "names" names: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Whether the namespace of Prometheus counts.
        "ownNamespace" own_namespace: Option<bool>,
    }

    /// A selector of a role.
    pub struct KubernetesSelector {
        /// Field selector.
        "field" field: Option<String> = {"minLength": 1},
        /// Label selector.
        "label" label: Option<String> = {"minLength": 1},
        /// What is discovered.
        required "role" role: String = {"enum": ["Pod", "Endpoints", "Ingress", "Service", "Node", "EndpointSlice"]},
    }
}
