//! The kind Alertmanager.

use std::collections::BTreeMap;

use serde_json::Value;

use super::common::{
    BasicAuth, LabelSelector, OAuth2, ProxyConfig, SafeAuthorization, SafeTlsConfig,
    SecretKeySelector, SecretOrConfigMap,
};
use super::crds::{kubernetes, list_of};
use super::patterns::{BYTE_SIZE, DURATION, GO_DURATION, PLAIN_URL};
use super::schema::api_object;
use super::workload::{
    AlertmanagerWebSpec, Argument, EmbeddedObjectMetadata, HostAlias, PodDnsConfig,
    StatefulSetUpdateStrategy, StorageSpec, WebTlsConfig,
};

api_object! {
    /// An Alertmanager cluster.
    pub struct AlertmanagerSpec {
        /// Further arguments of the main container; none that is generated.
        "additionalArgs" additional_args: Vec<Argument>,
        /// Further addresses of the cluster.
        "additionalPeers" additional_peers: Vec<String>,
        /// Scheduling constraints of the pods.
        "affinity" affinity: Option<Value> as { kubernetes("core.v1.Affinity") },
        /// How selected configurations are kept to alerts of their namespaces.
        "alertmanagerConfigMatcherStrategy" alertmanager_config_matcher_strategy: Option<MatcherStrategy>,
        /// Namespaces of the selected AlertmanagerConfigs; its own if unset.
        "alertmanagerConfigNamespaceSelector" alertmanager_config_namespace_selector: Option<LabelSelector>,
        /// Which AlertmanagerConfigs are merged; none if unset.
        "alertmanagerConfigSelector" alertmanager_config_selector: Option<LabelSelector>,
        /// The AlertmanagerConfig that is the base of the configuration.
        "alertmanagerConfiguration" alertmanager_configuration: Option<AlertmanagerConfiguration>,
        /// Whether the pod gets the token of its ServiceAccount.
        "automountServiceAccountToken" automount_service_account_token: Option<bool>,
        /// Deprecated: use image.
        "baseImage" base_image: Option<String>,
        /// Address told to the cluster.
        "clusterAdvertiseAddress" cluster_advertise_address: Option<String>,
        /// Time between gossip messages.
        "clusterGossipInterval" cluster_gossip_interval: Option<String> = {"pattern": GO_DURATION},
        /// Label that keeps clusters apart.
        "clusterLabel" cluster_label: Option<String>,
        /// How long to wait between peers before notifying.
        "clusterPeerTimeout" cluster_peer_timeout: Option<String> = {"pattern": GO_DURATION},
        /// Time between full state syncs.
        "clusterPushpullInterval" cluster_pushpull_interval: Option<String> = {"pattern": GO_DURATION},
        /// Mutual TLS between the members.
        "clusterTLS" cluster_tls: Option<ClusterTlsConfig>,
        /// ConfigMaps mounted into the main container.
        "configMaps" config_maps: Vec<String>,
        /// Secret with the base configuration; `alertmanager-<name>` if unset.
        "configSecret" config_secret: Option<String>,
        /// Further containers; one with a generated name is merged into it.
        "containers" containers: Vec<Value> as { list_of(kubernetes("core.v1.Container")) },
        /// DNS settings of the pods.
        "dnsConfig" dns_config: Option<PodDnsConfig>,
        /// DNS policy of the pods.
        "dnsPolicy" dns_policy: Option<String> = {"enum": ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]},
        /// Feature flags.
        "enableFeatures" enable_features: Vec<String>,
        /// Whether Services become environment variables.
        "enableServiceLinks" enable_service_links: Option<bool>,
        /// URL under which it is reached from outside.
        "externalUrl" external_url: Option<String>,
        /// Whether even a single replica runs as a cluster.
        "forceEnableClusterMode" force_enable_cluster_mode: Option<bool>,
        /// Lines of /etc/hosts.
        "hostAliases" host_aliases: Vec<HostAlias> = {"x-kubernetes-list-map-keys": ["ip"], "x-kubernetes-list-type": "map"},
        /// Whether the pods use the node's network.
        "hostNetwork" host_network: Option<bool>,
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
        /// Limits of silences.
        "limits" limits: Option<AlertmanagerLimits>,
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
        /// Whether the object is left alone.
        "paused" paused: Option<bool>,
        /// What becomes of claims that are no longer used.
        "persistentVolumeClaimRetentionPolicy" persistent_volume_claim_retention_policy: Option<Value> as { kubernetes("apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy") },
        /// Whether pods start one after another.
        "podManagementPolicy" pod_management_policy: Option<String> = {"enum": ["OrderedReady", "Parallel"]},
        /// Labels and annotations of the pods.
        "podMetadata" pod_metadata: Option<EmbeddedObjectMetadata>,
        /// Name of the web port.
        "portName" port_name: Option<String> = {"default": "web"},
        /// Priority class of the pods.
        "priorityClassName" priority_class_name: Option<String>,
        /// Number of pods.
        "replicas" replicas: Option<i32>,
        /// Resources of the container.
        "resources" resources: Option<Value> as { kubernetes("core.v1.ResourceRequirements") },
        /// How long silences and alerts are kept.
        "retention" retention: Option<String> = {"default": "120h", "pattern": GO_DURATION},
        /// Prefix of all paths.
        "routePrefix" route_prefix: Option<String>,
        /// Scheduler of the pods.
        "schedulerName" scheduler_name: Option<String> = {"minLength": 1},
        /// Secrets mounted into the main container.
        "secrets" secrets: Vec<String>,
        /// Security context of the pods.
        "securityContext" security_context: Option<Value> as { kubernetes("core.v1.PodSecurityContext") },
        /// ServiceAccount of the pods.
        "serviceAccountName" service_account_name: Option<String>,
        /// A governing Service of the user's.
        "serviceName" service_name: Option<String> = {"minLength": 1},
        /// Deprecated: use image.
        "sha" sha: Option<String>,
        /// Volume for the data.
        "storage" storage: Option<StorageSpec>,
        /// Deprecated: use image.
        "tag" tag: Option<String>,
        /// How long the pods have to end.
        "terminationGracePeriodSeconds" termination_grace_period_seconds: Option<i64> = {"minimum": 0},
        /// Taints the pods tolerate.
        "tolerations" tolerations: Vec<Value> as { list_of(kubernetes("core.v1.Toleration")) },
        /// How the pods are spread.
        "topologySpreadConstraints" topology_spread_constraints: Vec<Value> as { list_of(kubernetes("core.v1.TopologySpreadConstraint")) },
        /// How pods are updated.
        "updateStrategy" update_strategy: Option<StatefulSetUpdateStrategy>,
        /// Version that is run.
        "version" version: Option<String>,
        /// Further mounts of the main container.
        "volumeMounts" volume_mounts: Vec<Value> as { list_of(kubernetes("core.v1.VolumeMount")) },
        /// Further volumes of the pods.
        "volumes" volumes: Vec<Value> as { list_of(kubernetes("core.v1.Volume")) },
        /// The web server.
        "web" web: Option<AlertmanagerWebSpec>,
    }

    /// How selected configurations are kept to their namespaces.
    pub struct MatcherStrategy {
        /// OnNamespace, OnNamespaceExceptForAlertmanagerNamespace or None.
        "type" r#type: Option<String> = {"default": "OnNamespace", "enum": ["OnNamespace", "OnNamespaceExceptForAlertmanagerNamespace", "None"]},
    }

    /// The base of an Alertmanager's configuration.
    pub struct AlertmanagerConfiguration {
        /// Global parameters.
        "global" global: Option<AlertmanagerGlobalConfig>,
        /// Name of the AlertmanagerConfig.
        "name" name: Option<String> = {"minLength": 1},
        /// Keys with notification templates.
        "templates" templates: Vec<SecretOrConfigMap>,
    }

    /// Defaults of all receivers.
    pub struct AlertmanagerGlobalConfig {
        /// HTTP client.
        "httpConfig" http_config: Option<GlobalHttpConfig>,
        /// Jira's defaults.
        "jira" jira: Option<GlobalApiUrl>,
        /// Mattermost's defaults.
        "mattermost" mattermost: Option<GlobalMattermost>,
        /// Secret key with OpsGenie's API key.
        "opsGenieApiKey" ops_genie_api_key: Option<SecretKeySelector>,
        /// Secret key with OpsGenie's URL.
        "opsGenieApiUrl" ops_genie_api_url: Option<SecretKeySelector>,
        /// PagerDuty's URL.
        "pagerdutyUrl" pagerduty_url: Option<String> = {"pattern": PLAIN_URL},
        /// When an alert without an end counts as resolved.
        "resolveTimeout" resolve_timeout: Option<String> = {"pattern": DURATION},
        /// Rocket.Chat's defaults.
        "rocketChat" rocket_chat: Option<GlobalRocketChat>,
        /// Secret key with Slack's URL.
        "slackApiUrl" slack_api_url: Option<SecretKeySelector>,
        /// E-mail defaults.
        "smtp" smtp: Option<GlobalSmtp>,
        /// Telegram's defaults.
        "telegram" telegram: Option<GlobalApiUrl>,
        /// VictorOps' defaults.
        "victorops" victorops: Option<GlobalVictorOps>,
        /// Webex' defaults.
        "webex" webex: Option<GlobalApiUrl>,
        /// WeChat's defaults.
        "wechat" wechat: Option<GlobalWeChat>,
    }

    /// The HTTP client of all receivers.
    pub struct GlobalHttpConfig {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. Secret key with the token.
        "bearerTokenSecret" bearer_token_secret: Option<SecretKeySelector>,
        /// Whether HTTP/2 may be used.
        "enableHttp2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// Where a service is reached.
    pub struct GlobalApiUrl {
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": PLAIN_URL},
    }

    /// Mattermost's defaults.
    pub struct GlobalMattermost {
        /// Secret key with the URL.
        "webhookURL" webhook_url: Option<SecretKeySelector>,
    }

    /// Rocket.Chat's defaults.
    pub struct GlobalRocketChat {
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": PLAIN_URL},
        /// Secret key with the token.
        "token" token: Option<SecretKeySelector>,
        /// Secret key with the user ID of the token.
        "tokenID" token_id: Option<SecretKeySelector>,
    }

    /// E-mail defaults.
    pub struct GlobalSmtp {
        /// Identity for PLAIN authentication.
        "authIdentity" auth_identity: Option<String>,
        /// Secret key with the password.
        "authPassword" auth_password: Option<SecretKeySelector>,
        /// Secret key with the secret for CRAM-MD5.
        "authSecret" auth_secret: Option<SecretKeySelector>,
        /// User name.
        "authUsername" auth_username: Option<String>,
        /// Whether TLS starts with the connection.
        "forceImplicitTLS" force_implicit_tls: Option<bool>,
        /// Sender.
        "from" from: Option<String>,
        /// Name in the SMTP greeting.
        "hello" hello: Option<String>,
        /// Whether TLS is demanded.
        "requireTLS" require_tls: Option<bool>,
        /// SMTP server.
        "smartHost" smart_host: Option<HostPort>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
    }

    /// A host and a port.
    pub struct HostPort {
        /// Host.
        required "host" host: String = {"minLength": 1},
        /// Port.
        required "port" port: String = {"minLength": 1},
    }

    /// VictorOps' defaults.
    pub struct GlobalVictorOps {
        /// Secret key with the API key.
        "apiKey" api_key: Option<SecretKeySelector>,
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": PLAIN_URL},
    }

    /// WeChat's defaults.
    pub struct GlobalWeChat {
        /// Corporation ID.
        "apiCorpID" api_corp_id: Option<String> = {"minLength": 1},
        /// Secret key with the API secret.
        "apiSecret" api_secret: Option<SecretKeySelector>,
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": PLAIN_URL},
    }

    /// Mutual TLS between the members of a cluster.
    pub struct ClusterTlsConfig {
        /// Who sends.
        required "client" client: SafeTlsConfig,
        /// Address of the server.
        required "server" server: WebTlsConfig,
    }

    /// Limits of silences.
    pub struct AlertmanagerLimits {
        /// Largest silence.
        "maxPerSilenceBytes" max_per_silence_bytes: Option<String> = {"pattern": BYTE_SIZE},
        /// Most silences.
        "maxSilences" max_silences: Option<i32> = {"minimum": 0},
    }
}
