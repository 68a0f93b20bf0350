//! What a server or an agent itself says: references that resolve, clients and relabelings that Prometheus takes (upstream's
//! `pkg/prometheus/validation.go` and `assets.go`). A fault here is no monitor's; nothing is published then.

use super::client::{Client, check_tls};
use super::relabel::check_all;
use super::{At, Check, Refusal};
use crate::api::common::{Authorization, Sigv4};
use crate::api::common_prometheus::ScrapeClass;
use crate::api::prometheus::{AlertmanagerEndpoints, PrometheusSpec};
use crate::api::remote::{AzureAd, RemoteReadSpec, RemoteWriteSpec};
use crate::config::yaml::filled;

/// Checks of what servers and agents have in common.
pub fn check_common(check: Check) -> Result<(), Refusal> {
    let common = check.common;
    check_remote_write(&common.remote_write, check)?;
    if let Some(server) = &common.apiserver_config {
        let client = Client {
            basic: server.basic_auth.as_ref(),
            proxy: Some(&server.proxy),
            ..Client::default()
        };
        check.client(client).at("apiserverConfig")?;
        check
            .whole_authorization(server.authorization.as_ref())
            .at("apiserverConfig: authorization")?;
        check
            .tls(server.tls_config.as_ref())
            .at("apiserverConfig: tlsConfig")?;
    }
    for class in &common.scrape_classes {
        check_class(class, check).at(&format!("scrapeClass {:?}", class.name))?;
    }
    let tracing = common.tracing_config.as_ref();
    let tls = tracing.and_then(|tracing| tracing.tls_config.as_ref());
    check.tls(tls).at("tracingConfig: tlsConfig")
}

/// Checks of what servers alone have.
pub fn check_server(spec: &PrometheusSpec, check: Check) -> Result<(), Refusal> {
    for (index, one) in spec.remote_read.iter().enumerate() {
        check.remote_read(one).at(&format!("remoteRead[{index}]"))?;
    }
    let alerting = spec.alerting.iter();
    let managers = alerting.flat_map(|alerting| &alerting.alertmanagers);
    for (index, one) in managers.enumerate() {
        check
            .alertmanager(one)
            .at(&format!("alerting.alertmanagers[{index}]"))?;
    }
    Ok(())
}

/// Checks of where samples are sent.
pub fn check_remote_write(all: &[RemoteWriteSpec], check: Check) -> Result<(), Refusal> {
    for (index, one) in all.iter().enumerate() {
        check
            .remote_write(one)
            .at(&format!("remoteWrite[{index}]"))?;
    }
    Ok(())
}

fn check_class(class: &ScrapeClass, check: Check) -> Result<(), Refusal> {
    check.tls(class.tls_config.as_ref()).at("tlsConfig")?;
    check
        .whole_authorization(class.authorization.as_ref())
        .at("authorization")?;
    check_all(&class.relabelings, check.version).at("relabelings")?;
    check_all(&class.metric_relabelings, check.version).at("metricRelabelings")
}

/// Of several ways to authenticate one may be set.
fn one_of(ways: &[(&str, bool)]) -> Result<(), Refusal> {
    let mut set = ways.iter().filter(|(_, set)| *set);
    if let (Some((first, _)), Some((second, _))) = (set.next(), set.next()) {
        return Err(format!(
            "{first:?} and {second:?} can't be set at the same time, at most one of them must be defined"
        ));
    }
    Ok(())
}

impl Check<'_> {
    /// An authorization that may name a file instead of a Secret.
    fn whole_authorization(self, auth: Option<&Authorization>) -> Result<(), Refusal> {
        let Some(auth) = auth else { return Ok(()) };
        if filled(&auth.credentials_file).is_none() {
            return self.authorization(Some(&auth.safe));
        }
        if auth.safe.credentials.is_some() {
            return Err("credentials and credentialsFile cannot both be set".to_owned());
        }
        Ok(())
    }

    fn remote_write(self, one: &RemoteWriteSpec) -> Result<(), Refusal> {
        one_of(&[
            ("basicAuth", one.basic_auth.is_some()),
            ("oauth2", one.oauth2.is_some()),
            ("authorization", one.authorization.is_some()),
            ("sigv4", one.sigv4.is_some()),
            ("azureAd", one.azure_ad.is_some()),
        ])?;
        self.basic_auth(one.basic_auth.as_ref()).at("basicAuth")?;
        self.oauth2(one.oauth2.as_ref()).at("oauth2")?;
        self.whole_authorization(one.authorization.as_ref())
            .at("authorization")?;
        self.sigv4(one.sigv4.as_ref()).at("sigv4")?;
        if let Some(azure) = &one.azure_ad {
            self.azure_ad(azure).at("azureAd")?;
        }
        self.tls(one.tls_config.as_ref()).at("tlsConfig")?;
        self.proxy(&one.proxy)?;
        check_all(&one.write_relabel_configs, self.version).at("writeRelabelConfigs")
    }

    fn remote_read(self, one: &RemoteReadSpec) -> Result<(), Refusal> {
        one_of(&[
            ("basicAuth", one.basic_auth.is_some()),
            ("oauth2", one.oauth2.is_some()),
            ("authorization", one.authorization.is_some()),
        ])?;
        self.basic_auth(one.basic_auth.as_ref()).at("basicAuth")?;
        self.oauth2(one.oauth2.as_ref()).at("oauth2")?;
        self.whole_authorization(one.authorization.as_ref())
            .at("authorization")?;
        self.tls(one.tls_config.as_ref()).at("tlsConfig")?;
        self.proxy(&one.proxy)
    }

    fn alertmanager(self, one: &AlertmanagerEndpoints) -> Result<(), Refusal> {
        self.basic_auth(one.basic_auth.as_ref()).at("basicAuth")?;
        self.authorization(one.authorization.as_ref())
            .at("authorization")?;
        self.sigv4(one.sigv4.as_ref()).at("sigv4")?;
        one.tls_config
            .as_ref()
            .map_or(Ok(()), check_tls)
            .at("tlsConfig")?;
        self.tls(one.tls_config.as_ref()).at("tlsConfig")?;
        self.proxy(&one.proxy)?;
        check_all(&one.relabelings, self.version).at("relabelings")?;
        check_all(&one.alert_relabelings, self.version).at("alertRelabelings")
    }

    fn sigv4(self, sigv4: Option<&Sigv4>) -> Result<(), Refusal> {
        let Some(sigv4) = sigv4 else { return Ok(()) };
        match (&sigv4.access_key, &sigv4.secret_key) {
            (Some(access), Some(secret)) => {
                self.secret(access).at("accessKey")?;
                self.secret(secret).at("secretKey").map(|_| ())
            }
            (None, None) => Ok(()),
            (Some(_), None) | (None, Some(_)) => {
                Err("both accessKey and secretKey must be set, or neither".to_owned())
            }
        }
    }

    fn azure_ad(self, azure: &AzureAd) -> Result<(), Refusal> {
        let ways = [
            ("Managed Identity", azure.managed_identity.is_some()),
            ("OAuth", azure.oauth.is_some()),
            ("SDK", azure.sdk.is_some()),
            ("Workload Identity", azure.workload_identity.is_some()),
        ];
        let mut set = ways.iter().filter(|(_, set)| *set);
        match (set.next(), set.next()) {
            (None, _) => return Err(
                "must provide Azure Managed Identity, Azure OAuth, Azure SDK, or Azure Workload Identity in the Azure AD config"
                    .to_owned(),
            ),
            (Some((first, _)), Some((second, _))) => return Err(format!(
                "cannot provide both Azure {first} and Azure {second} in the Azure AD config"
            )),
            (Some(_), None) => {}
        }
        let oauth = azure.oauth.as_ref();
        let secret = oauth.map(|oauth| &oauth.client_secret);
        secret.map_or(Ok(()), |secret| self.secret(secret).map(|_| ()))
    }
}
