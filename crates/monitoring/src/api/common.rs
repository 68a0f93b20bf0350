//! Types that several kinds share: references, TLS, authentication, relabelings.

use std::collections::BTreeMap;

use machinery::int_or_string::IntOrString;

use super::patterns::{PLAIN_URL, PROXY_URL, QUANTITY};
use super::schema::api_object;

api_object! {
    /// A key of a Secret in the namespace of the object.
    pub struct SecretKeySelector = {"x-kubernetes-map-type": "atomic"} {
        /// Key.
        required "key" key: String,
        /// Name.
        "name" name: Option<String> = {"default": ""},
        /// Whether it may be missing.
        "optional" optional: Option<bool>,
    }

    /// A key of a Secret or of a ConfigMap.
    pub struct SecretOrConfigMap {
        /// Key of a ConfigMap.
        "configMap" config_map: Option<SecretKeySelector>,
        /// Key of a Secret.
        "secret" secret: Option<SecretKeySelector>,
    }

    /// TLS of a client, without files of its container.
    pub struct SafeTlsConfig {
        /// Authority that signed the other side's certificate.
        "ca" ca: Option<SecretOrConfigMap>,
        /// Certificate.
        "cert" cert: Option<SecretOrConfigMap>,
        /// Whether the other side's certificate is not checked.
        "insecureSkipVerify" insecure_skip_verify: Option<bool>,
        /// Secret key with the private key.
        "keySecret" key_secret: Option<SecretKeySelector>,
        /// Highest TLS version.
        "maxVersion" max_version: Option<String> = {"enum": ["TLS10", "TLS11", "TLS12", "TLS13"]},
        /// Lowest TLS version.
        "minVersion" min_version: Option<String> = {"enum": ["TLS10", "TLS11", "TLS12", "TLS13"]},
        /// Name in the other side's certificate.
        "serverName" server_name: Option<String>,
    }

    /// TLS of a client.
    pub struct TlsConfig {
        /// File with that authority.
        "caFile" ca_file: Option<String>,
        /// File with the certificate.
        "certFile" cert_file: Option<String>,
        /// File with the private key.
        "keyFile" key_file: Option<String>,
        ; /// TLS of a client, without files of its container.
        inline tls: SafeTlsConfig
    }

    /// User name and password for HTTP.
    pub struct BasicAuth {
        /// Secret key with the password.
        "password" password: Option<SecretKeySelector>,
        /// Secret key with the user name.
        "username" username: Option<SecretKeySelector>,
    }

    /// An Authorization header.
    pub struct SafeAuthorization {
        /// Secret key with the credentials.
        "credentials" credentials: Option<SecretKeySelector>,
        /// Scheme; Bearer if unset.
        "type" r#type: Option<String>,
    }

    /// An Authorization header.
    pub struct Authorization {
        /// File with the credentials.
        "credentialsFile" credentials_file: Option<String>,
        ; /// An Authorization header.
        inline safe: SafeAuthorization
    }

    /// OAuth 2 client credentials.
    pub struct OAuth2 {
        /// Key with the client ID.
        required "clientId" client_id: SecretOrConfigMap,
        /// Secret key with the client secret.
        required "clientSecret" client_secret: SecretKeySelector,
        /// Parameters of the token request.
        "endpointParams" endpoint_params: BTreeMap<String, String>,
        /// OAuth scopes.
        "scopes" scopes: Vec<String>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// URL that gives tokens.
        required "tokenUrl" token_url: String = {"pattern": PLAIN_URL},
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// The HTTP client of a discovery.
    pub struct HttpClientConfig {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// The way to a proxy.
    pub struct ProxyConfig {
        /// Addresses reached without the proxy.
        "noProxy" no_proxy: Option<String>,
        /// Headers of the CONNECT request, by name.
        "proxyConnectHeader" proxy_connect_header: BTreeMap<String, Vec<SecretKeySelector>> = {"x-kubernetes-map-type": "atomic"},
        /// Whether the proxy comes from environment variables.
        "proxyFromEnvironment" proxy_from_environment: Option<bool>,
        /// URL of the proxy.
        "proxyUrl" proxy_url: Option<String> = {"pattern": PROXY_URL},
    }

    /// AWS Signature Version 4.
    pub struct Sigv4 = {"x-kubernetes-validations": super::rules::sigv4()} {
        /// AWS API key.
        "accessKey" access_key: Option<SecretKeySelector>,
        /// External ID for assuming the role.
        "externalId" external_id: Option<String> = {"minLength": 1},
        /// AWS profile.
        "profile" profile: Option<String>,
        /// Region.
        "region" region: Option<String>,
        /// AWS role that is assumed.
        "roleArn" role_arn: Option<String>,
        /// Secret key with the AWS secret.
        "secretKey" secret_key: Option<SecretKeySelector>,
        /// Whether the FIPS endpoint is used.
        "useFIPSSTSEndpoint" use_fips_sts_endpoint: Option<bool>,
    }

    /// A relabeling rule.
    pub struct RelabelConfig {
        /// What the rule does.
        "action" action: Option<String> = {"default": "replace", "enum": ["replace", "Replace", "keep", "Keep", "drop", "Drop", "hashmod", "HashMod", "labelmap", "LabelMap", "labeldrop", "LabelDrop", "labelkeep", "LabelKeep", "lowercase", "Lowercase", "uppercase", "Uppercase", "keepequal", "KeepEqual", "dropequal", "DropEqual"]},
        /// Modulus of the hash.
        "modulus" modulus: Option<i64> = {"minimum": 0},
        /// Regular expression.
        "regex" regex: Option<String>,
        /// Replacement.
        "replacement" replacement: Option<String>,
        /// Between the values of the source labels.
        "separator" separator: Option<String>,
        /// Labels whose values are joined.
        "sourceLabels" source_labels: Vec<String>,
        /// Label that is written.
        "targetLabel" target_label: Option<String>,
    }

    /// A selector over labels; all requirements must hold.
    pub struct LabelSelector = {"x-kubernetes-map-type": "atomic"} {
        /// Further requirements.
        "matchExpressions" match_expressions: Vec<LabelSelectorRequirement> = {"x-kubernetes-list-type": "atomic"},
        /// Labels that must have exactly these values.
        "matchLabels" match_labels: BTreeMap<String, String>,
    }

    /// One requirement of a selector.
    pub struct LabelSelectorRequirement {
        /// Key.
        required "key" key: String,
        /// In, NotIn, Exists or DoesNotExist.
        required "operator" operator: String,
        /// Values.
        "values" values: Vec<String> = {"x-kubernetes-list-type": "atomic"},
    }

    /// Namespaces by name.
    pub struct NamespaceSelector {
        /// Every namespace.
        "any" any: Option<bool>,
        /// Names of namespaces.
        "matchNames" match_names: Vec<String>,
    }

    /// Metadata attached to targets.
    pub struct AttachMetadata {
        /// Whether metadata of the node is attached.
        "node" node: Option<bool>,
    }

    /// Native histograms.
    pub struct NativeHistogramConfig {
        /// Whether classic histograms become native ones with custom buckets.
        "convertClassicHistogramsToNHCB" convert_classic_histograms_to_nhcb: Option<bool>,
        /// Most buckets of a native histogram.
        "nativeHistogramBucketLimit" native_histogram_bucket_limit: Option<i64> = {"minimum": 0},
        /// Least growth from bucket to bucket.
        "nativeHistogramMinBucketFactor" native_histogram_min_bucket_factor: Option<IntOrString> = {"pattern": QUANTITY},
        /// Whether classic histograms are scraped beside native ones.
        "scrapeClassicHistograms" scrape_classic_histograms: Option<bool>,
        /// Whether native histograms are scraped.
        "scrapeNativeHistograms" scrape_native_histograms: Option<bool>,
    }

    /// An object, or all of a kind in a namespace.
    pub struct ObjectReference {
        /// API group.
        "group" group: Option<String> = {"default": "monitoring.coreos.com", "enum": ["monitoring.coreos.com"]},
        /// Name.
        "name" name: Option<String>,
        /// Namespace.
        required "namespace" namespace: String = {"minLength": 1},
        /// Resource name.
        required "resource" resource: String = {"enum": ["prometheusrules", "servicemonitors", "podmonitors", "probes", "scrapeconfigs"]},
    }

    /// A filter.
    pub struct Filter {
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// Values.
        required "values" values: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "set"},
    }
}
