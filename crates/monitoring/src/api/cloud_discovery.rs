//! Service discoveries of a ScrapeConfig: cloud providers.

use super::common::{
    Filter, HttpClientConfig, OAuth2, ProxyConfig, SafeAuthorization, SafeTlsConfig,
    SecretKeySelector,
};
use super::patterns::{DURATION, HTTP_URL};
use super::schema::api_object;

api_object! {
    /// Azure virtual machines.
    pub struct AzureSdConfig {
        /// How to authenticate.
        "authenticationMethod" authentication_method: Option<String> = {"enum": ["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"]},
        /// Client ID.
        "clientID" client_id: Option<String> = {"minLength": 1},
        /// Secret key with the client secret.
        "clientSecret" client_secret: Option<SecretKeySelector>,
        /// Azure environment.
        "environment" environment: Option<String> = {"minLength": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Resource group.
        "resourceGroup" resource_group: Option<String> = {"minLength": 1},
        /// Subscription.
        required "subscriptionID" subscription_id: String = {"minLength": 1},
        /// Tenant.
        "tenantID" tenant_id: Option<String> = {"minLength": 1},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// DigitalOcean droplets.
    pub struct DigitalOceanSdConfig {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// EC2 instances.
    pub struct Ec2SdConfig {
        /// AWS API key.
        "accessKey" access_key: Option<SecretKeySelector>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Filters.
        "filters" filters: Vec<Filter> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Region.
        "region" region: Option<String> = {"minLength": 1},
        /// AWS role that is assumed.
        "roleARN" role_arn: Option<String> = {"minLength": 1},
        /// Secret key with the AWS secret.
        "secretKey" secret_key: Option<SecretKeySelector>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// Google Compute Engine instances.
    pub struct GceSdConfig {
        /// Filter expression.
        "filter" filter: Option<String> = {"minLength": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Project.
        required "project" project: String = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Between tags.
        "tagSeparator" tag_separator: Option<String> = {"minLength": 1},
        /// Zone.
        required "zone" zone: String = {"minLength": 1},
    }

    /// Hetzner servers.
    pub struct HetznerSdConfig {
        /// Label selector.
        "labelSelector" label_selector: Option<String> = {"minLength": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// What is discovered.
        required "role" role: String = {"enum": ["hcloud", "Hcloud", "robot", "Robot"]},
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// IONOS servers.
    pub struct IonosSdConfig {
        /// Authorization header.
        required "authorization" authorization: SafeAuthorization,
        /// Data centre.
        required "datacenterID" datacenter_id: String = {"minLength": 1},
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// Lightsail instances.
    pub struct LightSailSdConfig {
        /// AWS API key.
        "accessKey" access_key: Option<SecretKeySelector>,
        /// URL of the service.
        "endpoint" endpoint: Option<String> = {"minLength": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Region.
        "region" region: Option<String> = {"minLength": 1},
        /// AWS role that is assumed.
        "roleARN" role_arn: Option<String> = {"minLength": 1},
        /// Secret key with the AWS secret.
        "secretKey" secret_key: Option<SecretKeySelector>,
        ; /// How its client connects.
        inline client: HttpClientConfig
    }

    /// Linode instances.
    pub struct LinodeSdConfig {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Region.
        "region" region: Option<String> = {"minLength": 1},
        /// Between tags.
        "tagSeparator" tag_separator: Option<String> = {"minLength": 1},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// OpenStack instances.
    pub struct OpenStackSdConfig {
        /// Whether instances of all projects are listed.
        "allTenants" all_tenants: Option<bool>,
        /// ID of the application credential.
        "applicationCredentialId" application_credential_id: Option<String> = {"minLength": 1},
        /// Name of the application credential.
        "applicationCredentialName" application_credential_name: Option<String> = {"minLength": 1},
        /// Secret key with the application credential.
        "applicationCredentialSecret" application_credential_secret: Option<SecretKeySelector>,
        /// Which endpoint of the service catalogue is used.
        "availability" availability: Option<String> = {"enum": ["Public", "public", "Admin", "admin", "Internal", "internal"]},
        /// Domain.
        "domainID" domain_id: Option<String> = {"minLength": 1},
        /// Domain.
        "domainName" domain_name: Option<String> = {"minLength": 1},
        /// URL of the identity service.
        "identityEndpoint" identity_endpoint: Option<String> = {"pattern": HTTP_URL},
        /// Secret key with the password.
        "password" password: Option<SecretKeySelector>,
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Project.
        "projectID" project_id: Option<String> = {"minLength": 1},
        /// Project.
        "projectName" project_name: Option<String> = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Region.
        required "region" region: String = {"minLength": 1},
        /// What is discovered.
        required "role" role: String = {"enum": ["Instance", "Hypervisor", "LoadBalancer"]},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// User.
        "userid" userid: Option<String> = {"minLength": 1},
        /// User name.
        "username" username: Option<String> = {"minLength": 1},
    }

    /// OVHcloud servers.
    pub struct OvhCloudSdConfig {
        /// Application key.
        required "applicationKey" application_key: String = {"minLength": 1},
        /// Secret key with the application secret.
        required "applicationSecret" application_secret: SecretKeySelector,
        /// Secret key with the consumer key.
        required "consumerKey" consumer_key: SecretKeySelector,
        /// URL of the service.
        "endpoint" endpoint: Option<String> = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// Service.
        required "service" service: String = {"enum": ["VPS", "DedicatedServer"]},
    }

    /// Scaleway servers.
    pub struct ScalewaySdConfig {
        /// AWS API key.
        required "accessKey" access_key: String = {"minLength": 1},
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Whether HTTP/2 may be used.
        "enableHTTP2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// Name of the server.
        "nameFilter" name_filter: Option<String> = {"minLength": 1},
        /// Port.
        "port" port: Option<i32> = {"maximum": 65535, "minimum": 0},
        /// Project.
        required "projectID" project_id: String = {"minLength": 1},
        /// Time between refreshes.
        "refreshInterval" refresh_interval: Option<String> = {"pattern": DURATION},
        /// What is discovered.
        required "role" role: String = {"enum": ["Instance", "Baremetal"]},
        /// Secret key with the AWS secret.
        required "secretKey" secret_key: SecretKeySelector,
        /// Tags of the server.
        "tagsFilter" tags_filter: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "set"},
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// Zone.
        "zone" zone: Option<String> = {"minLength": 1},
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }
}
