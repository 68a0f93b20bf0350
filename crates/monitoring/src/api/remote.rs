//! Remote write and remote read.

use std::collections::BTreeMap;

use super::common::{
    Authorization, BasicAuth, OAuth2, ProxyConfig, RelabelConfig, SecretKeySelector, Sigv4,
    TlsConfig,
};
use super::patterns::{DURATION, PLAIN_URL};
use super::schema::api_object;

api_object! {
    /// A storage that samples are sent to.
    pub struct RemoteWriteSpec {
        /// Authorization header.
        "authorization" authorization: Option<Authorization>,
        /// Azure AD authentication.
        "azureAd" azure_ad: Option<AzureAd>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. The token itself.
        "bearerToken" bearer_token: Option<String>,
        /// Deprecated: use authorization. File with the token.
        "bearerTokenFile" bearer_token_file: Option<String>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Headers.
        "headers" headers: BTreeMap<String, String>,
        /// Version of the protocol.
        "messageVersion" message_version: Option<String> = {"enum": ["V1.0", "V2.0"]},
        /// Sending of metadata.
        "metadataConfig" metadata_config: Option<MetadataConfig>,
        /// Name in metrics and logs.
        "name" name: Option<String>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Queue of samples.
        "queueConfig" queue_config: Option<QueueConfig>,
        /// How long a request may take.
        "remoteTimeout" remote_timeout: Option<String> = {"pattern": DURATION},
        /// Whether a new address is taken for each connection.
        "roundRobinDNS" round_robin_dns: Option<bool>,
        /// Whether exemplars are sent.
        "sendExemplars" send_exemplars: Option<bool>,
        /// Whether native histograms are sent.
        "sendNativeHistograms" send_native_histograms: Option<bool>,
        /// AWS Signature Version 4.
        "sigv4" sigv4: Option<Sigv4>,
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
        /// URL.
        required "url" url: String = {"pattern": PLAIN_URL},
        /// Relabelings of samples before they are sent.
        "writeRelabelConfigs" write_relabel_configs: Vec<RelabelConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// The queue of samples.
    pub struct QueueConfig {
        /// How long a sample waits for its batch.
        "batchSendDeadline" batch_send_deadline: Option<String> = {"pattern": DURATION},
        /// Samples buffered per shard.
        "capacity" capacity: Option<isize>,
        /// Longest wait between retries.
        "maxBackoff" max_backoff: Option<String> = {"pattern": DURATION},
        /// Most retries; only before Prometheus 2.11.
        "maxRetries" max_retries: Option<isize>,
        /// Most samples of a request.
        "maxSamplesPerSend" max_samples_per_send: Option<isize>,
        /// Most shards.
        "maxShards" max_shards: Option<isize>,
        /// Shortest wait between retries.
        "minBackoff" min_backoff: Option<String> = {"pattern": DURATION},
        /// Least shards.
        "minShards" min_shards: Option<isize>,
        /// Whether status 429 is retried.
        "retryOnRateLimit" retry_on_rate_limit: Option<bool>,
        /// Age from which samples are not sent.
        "sampleAgeLimit" sample_age_limit: Option<String> = {"pattern": DURATION},
    }

    /// Sending of metadata.
    pub struct MetadataConfig {
        /// Most samples of a request.
        "maxSamplesPerSend" max_samples_per_send: Option<i32> = {"minimum": -1},
        /// Whether it is sent.
        "send" send: Option<bool>,
        /// Time between sendings.
        "sendInterval" send_interval: Option<String> = {"pattern": DURATION},
    }

    /// Azure AD authentication: exactly one of the methods.
    pub struct AzureAd {
        /// Azure cloud.
        "cloud" cloud: Option<String> = {"enum": ["AzureChina", "AzureGovernment", "AzurePublic"]},
        /// Managed identity.
        "managedIdentity" managed_identity: Option<AzureManagedIdentity>,
        /// OAuth client.
        "oauth" oauth: Option<AzureOAuth>,
        /// OAuth scope.
        "scope" scope: Option<String> = {"pattern": r"^[\w\s:/.\\-]+$"},
        /// Azure SDK.
        "sdk" sdk: Option<AzureSdk>,
        /// Workload identity.
        "workloadIdentity" workload_identity: Option<AzureWorkloadIdentity>,
    }

    /// A managed identity.
    pub struct AzureManagedIdentity {
        /// Client ID.
        "clientId" client_id: Option<String> = {"minLength": 1},
    }

    /// An OAuth client.
    pub struct AzureOAuth {
        /// Client ID.
        required "clientId" client_id: String = {"minLength": 1},
        /// Secret key with the client secret.
        required "clientSecret" client_secret: SecretKeySelector,
        /// Tenant.
        required "tenantId" tenant_id: String = {"minLength": 1, "pattern": "^[0-9a-zA-Z-.]+$"},
    }

    /// The Azure SDK.
    pub struct AzureSdk {
        /// Tenant.
        "tenantId" tenant_id: Option<String> = {"pattern": "^[0-9a-zA-Z-.]+$"},
    }

    /// A workload identity.
    pub struct AzureWorkloadIdentity {
        /// Client ID.
        required "clientId" client_id: String = {"minLength": 1},
        /// Tenant.
        required "tenantId" tenant_id: String = {"minLength": 1},
    }

    /// A storage that is read.
    pub struct RemoteReadSpec {
        /// Authorization header.
        "authorization" authorization: Option<Authorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. The token itself.
        "bearerToken" bearer_token: Option<String>,
        /// Deprecated: use authorization. File with the token.
        "bearerTokenFile" bearer_token_file: Option<String>,
        /// Whether external labels are used as selectors.
        "filterExternalLabels" filter_external_labels: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Headers.
        "headers" headers: BTreeMap<String, String>,
        /// Name in metrics and logs.
        "name" name: Option<String>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Whether ranges are read that local storage has.
        "readRecent" read_recent: Option<bool>,
        /// How long a request may take.
        "remoteTimeout" remote_timeout: Option<String> = {"pattern": DURATION},
        /// Matchers a query must have.
        "requiredMatchers" required_matchers: BTreeMap<String, String>,
        /// TLS.
        "tlsConfig" tls_config: Option<TlsConfig>,
        /// URL.
        required "url" url: String = {"pattern": PLAIN_URL},
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }
}
