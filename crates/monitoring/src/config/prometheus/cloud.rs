//! Service discoveries of a ScrapeConfig: cloud providers.

use super::discovery::{Maker, put_filters, put_list, redirects};
use super::generator::ConfigError;
use crate::api::cloud_discovery as api;
use crate::api::common::SecretKeySelector;
use crate::config::yaml::Mapping;

type Made = Result<Mapping, ConfigError>;

impl Maker<'_> {
    /// A pair of keys, both or none.
    fn keys(
        self,
        out: &mut Mapping,
        access: Option<&SecretKeySelector>,
        secret: Option<&SecretKeySelector>,
    ) -> Result<(), ConfigError> {
        if let (Some(access), Some(secret)) = (access, secret) {
            out.put("access_key", self.secret(access, "get {} access key")?);
            out.put("secret_key", self.secret(secret, "get {} access key")?);
        }
        Ok(())
    }

    pub(super) fn ec2(self, one: &api::Ec2SdConfig) -> Made {
        let mut out = Mapping::new();
        self.generator.proxy(&mut out, self.scope, &one.proxy);
        out.put_some("region", one.region.as_ref());
        self.keys(&mut out, one.access_key.as_ref(), one.secret_key.as_ref())?;
        out.put_some("role_arn", one.role_arn.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("port", one.port);
        if self.generator.supports((2, 3, 0)) {
            put_filters(&mut out, &one.filters);
        }
        self.since(
            &mut out,
            (2, 41, 0),
            "follow_redirects",
            one.follow_redirects,
        );
        self.since(&mut out, (2, 41, 0), "enable_http2", one.enable_http2);
        if self.generator.supports((2, 41, 0)) {
            self.generator
                .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        } else if one.tls_config.is_some() {
            self.generator.unsupported("tls_config");
        }
        Ok(out)
    }

    pub(super) fn azure(self, one: &api::AzureSdConfig) -> Made {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        out.put_some("environment", one.environment.as_ref());
        out.put_some("authentication_method", one.authentication_method.as_ref());
        out.put_some(
            "subscription_id",
            Some(&one.subscription_id).filter(|id| !id.is_empty()),
        );
        out.put_some("tenant_id", one.tenant_id.as_ref());
        out.put_some("client_id", one.client_id.as_ref());
        if let Some(secret) = &one.client_secret {
            out.put(
                "client_secret",
                self.secret(secret, "get {} client secret")?,
            );
        }
        out.put_some("resource_group", one.resource_group.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("port", one.port);
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        Ok(out)
    }

    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    pub(super) fn gce(self, one: &api::GceSdConfig) -> Mapping {
        let mut out = Mapping::new()
            .with("project", &one.project)
            .with("zone", &one.zone);
        out.put_some("filter", one.filter.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("port", one.port);
        out.put_some("tag_separator", one.tag_separator.as_ref());
        out
    }

    pub(super) fn openstack(self, one: &api::OpenStackSdConfig) -> Made {
        let mut out = Mapping::new()
            .with("role", one.role.to_lowercase())
            .with("region", &one.region);
        out.put_some("identity_endpoint", one.identity_endpoint.as_ref());
        out.put_some("username", one.username.as_ref());
        out.put_some("userid", one.userid.as_ref());
        if let Some(password) = &one.password {
            out.put("password", self.secret(password, "read {} secret")?);
        }
        out.put_some("domain_name", one.domain_name.as_ref());
        out.put_some("domain_id", one.domain_id.as_ref());
        out.put_some("project_name", one.project_name.as_ref());
        out.put_some("project_id", one.project_id.as_ref());
        out.put_some(
            "application_credential_name",
            one.application_credential_name.as_ref(),
        );
        out.put_some(
            "application_credential_id",
            one.application_credential_id.as_ref(),
        );
        if let Some(secret) = &one.application_credential_secret {
            out.put(
                "application_credential_secret",
                self.secret(secret, "read {} secret")?,
            );
        }
        out.put_some("all_tenants", one.all_tenants);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("port", one.port);
        out.put_some("availability", one.availability.as_ref());
        self.generator
            .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        Ok(out)
    }

    pub(super) fn digital_ocean(self, one: &api::DigitalOceanSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.authentication(
            &mut out,
            None,
            one.authorization.as_ref(),
            one.oauth2.as_ref(),
            &one.proxy,
        );
        redirects(&mut out, one.follow_redirects, one.enable_http2);
        self.generator
            .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out
    }

    pub(super) fn linode(self, one: &api::LinodeSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.authentication(
            &mut out,
            None,
            one.authorization.as_ref(),
            one.oauth2.as_ref(),
            &one.proxy,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        out.put_some("port", one.port);
        out.put_some("region", one.region.as_ref());
        out.put_some("enable_http2", one.enable_http2);
        out.put_some("tag_separator", one.tag_separator.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("follow_redirects", one.follow_redirects);
        out
    }

    pub(super) fn hetzner(self, one: &api::HetznerSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        out.put("role", one.role.to_lowercase());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        let selector = one
            .label_selector
            .as_ref()
            .filter(|selector| !selector.is_empty());
        self.since(&mut out, (3, 5, 0), "label_selector", selector);
        out
    }

    pub(super) fn light_sail(self, one: &api::LightSailSdConfig) -> Made {
        let (mut out, generator) = (Mapping::new(), self.generator);
        generator.basic_auth(&mut out, self.scope, one.client.basic_auth.as_ref());
        generator.safe_authorization(&mut out, self.scope, one.client.authorization.as_ref());
        generator.proxy(&mut out, self.scope, &one.client.proxy);
        generator.oauth2(&mut out, self.scope, one.client.oauth2.as_ref());
        out.put_some("region", one.region.as_ref());
        out.put_some("endpoint", one.endpoint.as_ref());
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        self.keys(&mut out, one.access_key.as_ref(), one.secret_key.as_ref())?;
        out.put_some("role_arn", one.role_arn.as_ref());
        generator.safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        Ok(out)
    }

    pub(super) fn ovh_cloud(self, one: &api::OvhCloudSdConfig) -> Mapping {
        let mut out = Mapping::new().with("application_key", &one.application_key);
        out.put(
            "application_secret",
            self.scope
                .secret(&one.application_secret)
                .unwrap_or_default(),
        );
        out.put(
            "consumer_key",
            self.scope.secret(&one.consumer_key).unwrap_or_default(),
        );
        match one.service.as_str() {
            "VPS" => out.put("service", "vps"),
            "DedicatedServer" => out.put("service", "dedicated_server"),
            other => self.generator.warn(format!(
                "ignoring service not supported by Prometheus: {other}"
            )),
        }
        out.put_some("endpoint", one.endpoint.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out
    }

    pub(super) fn scaleway(self, one: &api::ScalewaySdConfig) -> Mapping {
        let mut out = Mapping::new().with("access_key", &one.access_key);
        out.put(
            "secret_key",
            self.scope.secret(&one.secret_key).unwrap_or_default(),
        );
        out.put("project_id", &one.project_id);
        out.put("role", one.role.to_lowercase());
        out.put_some("port", one.port);
        out.put_some("api_url", one.api_url.as_ref());
        out.put_some("zone", one.zone.as_ref());
        out.put_some("name_filter", one.name_filter.as_ref());
        put_list(&mut out, "tags_filter", &one.tags_filter);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        self.generator.proxy(&mut out, self.scope, &one.proxy);
        self.generator
            .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        redirects(&mut out, one.follow_redirects, one.enable_http2);
        out
    }

    pub(super) fn ionos(self, one: &api::IonosSdConfig) -> Mapping {
        let mut out = Mapping::new();
        let authorization = one.oauth2.is_none().then_some(&one.authorization);
        self.authentication(
            &mut out,
            None,
            authorization,
            one.oauth2.as_ref(),
            &one.proxy,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.tls_config.as_ref());
        out.put("datacenter_id", &one.datacenter_id);
        redirects(&mut out, one.follow_redirects, one.enable_http2);
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out
    }
}
