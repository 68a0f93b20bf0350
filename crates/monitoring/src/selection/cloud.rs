//! Checks of discoveries: cloud providers.

use super::Check;
use super::client::Client;
use super::discovery::refuse;
use super::scrape_config::Fault;
use crate::api::cloud_discovery as api;
use crate::config::yaml::filled;

type Checked = Result<(), Fault>;

impl Check<'_> {
    pub(super) fn ec2(self, one: &api::Ec2SdConfig) -> Checked {
        for key in [&one.access_key, &one.secret_key].into_iter().flatten() {
            self.secret(key)?;
        }
        self.safe_tls(one.tls_config.as_ref())?;
        Ok(self.proxy(&one.proxy)?)
    }

    /// Credentials are checked whatever the method, because they are written whatever the method.
    pub(super) fn azure(self, one: &api::AzureSdConfig) -> Checked {
        let method = one.authentication_method.as_deref().unwrap_or_default();
        if method == "SDK" && !self.supports((2, 52, 0)) {
            return refuse("SDK authentication is only supported from Prometheus version 2.52.0");
        }
        if method == "WorkloadIdentity" && !self.supports((3, 11, 0)) {
            return refuse(
                "WorkloadIdentity authentication is only supported from Prometheus version 3.11.0",
            );
        }
        if one.resource_group.is_some() && !self.supports((2, 35, 0)) {
            return refuse("ResourceGroup is only supported from Prometheus version >= 2.35.0");
        }
        if !["ManagedIdentity", "SDK", "WorkloadIdentity"].contains(&method) {
            if filled(&one.tenant_id).is_none() {
                return refuse("configuration requires a tenantID");
            }
            if filled(&one.client_id).is_none() {
                return refuse("configuration requires a clientID");
            }
            if one.client_secret.is_none() {
                return refuse("configuration requires a clientSecret");
            }
        }
        if let Some(secret) = &one.client_secret {
            self.secret(secret)?;
        }
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn openstack(self, one: &api::OpenStackSdConfig) -> Checked {
        if one.role == "LoadBalancer" && !self.supports((3, 2, 0)) {
            return refuse("The LoadBalancer role is only supported from Prometheus version 3.2.0");
        }
        for secret in [&one.password, &one.application_credential_secret]
            .into_iter()
            .flatten()
        {
            self.secret(secret)?;
        }
        Ok(self.safe_tls(one.tls_config.as_ref())?)
    }

    pub(super) fn digital_ocean(self, one: &api::DigitalOceanSdConfig) -> Checked {
        Ok(self.client(Client {
            authorization: one.authorization.as_ref(),
            oauth2: one.oauth2.as_ref(),
            tls: one.tls_config.as_ref(),
            proxy: Some(&one.proxy),
            ..Client::default()
        })?)
    }

    pub(super) fn linode(self, one: &api::LinodeSdConfig) -> Checked {
        Ok(self.client(Client {
            authorization: one.authorization.as_ref(),
            oauth2: one.oauth2.as_ref(),
            tls: one.tls_config.as_ref(),
            proxy: Some(&one.proxy),
            ..Client::default()
        })?)
    }

    pub(super) fn hetzner(self, one: &api::HetznerSdConfig) -> Checked {
        if one.label_selector.is_some() && !self.supports((3, 5, 0)) {
            return refuse(
                "field `labelSelector` is only supported for Prometheus version >= 3.5.0",
            );
        }
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn light_sail(self, one: &api::LightSailSdConfig) -> Checked {
        for key in [&one.access_key, &one.secret_key].into_iter().flatten() {
            self.secret(key)?;
        }
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn ovh_cloud(self, one: &api::OvhCloudSdConfig) -> Checked {
        self.secret(&one.application_secret)?;
        self.secret(&one.consumer_key)?;
        Ok(())
    }

    pub(super) fn scaleway(self, one: &api::ScalewaySdConfig) -> Checked {
        self.secret(&one.secret_key)?;
        self.proxy(&one.proxy)?;
        Ok(self.safe_tls(one.tls_config.as_ref())?)
    }

    /// With oauth2 the authorization, which the definition demands, is not used.
    pub(super) fn ionos(self, one: &api::IonosSdConfig) -> Checked {
        self.authorization(Some(&one.authorization))?;
        Ok(self.client(Client {
            oauth2: one.oauth2.as_ref(),
            tls: one.tls_config.as_ref(),
            proxy: Some(&one.proxy),
            ..Client::default()
        })?)
    }
}
