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
use crate::preflight::is_uuid;

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
        let by_file = filled(&auth.credentials_file).is_some();
        if by_file && auth.safe.credentials.is_some() {
            return Err(
                "authorization can not specify both \"credentials\" and \"credentialsFile\""
                    .to_owned(),
            );
        }
        let kind = auth.safe.r#type.as_deref().unwrap_or_default();
        if kind.trim().eq_ignore_ascii_case("basic") {
            return Err(
                "authorization type cannot be set to \"basic\", use \"basicAuth\" instead"
                    .to_owned(),
            );
        }
        if by_file {
            return Ok(());
        }
        self.authorization(Some(&auth.safe))
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
        one_of(&[
            ("bearerTokenFile", filled(&one.bearer_token_file).is_some()),
            ("basicAuth", one.basic_auth.is_some()),
            ("authorization", one.authorization.is_some()),
            ("sigv4", one.sigv4.is_some()),
        ])?;
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
        self.azure_way(azure)?;
        let oauth = azure.oauth.as_ref();
        let secret = oauth.map(|oauth| &oauth.client_secret);
        secret.map_or(Ok(()), |secret| self.secret(secret).map(|_| ()))
    }

    /// What the one way to authenticate needs of the version and of its fields.
    fn azure_way(self, azure: &AzureAd) -> Result<(), Refusal> {
        if let Some(identity) = &azure.managed_identity
            && filled(&identity.client_id).is_none()
            && !self.supports((3, 5, 0))
        {
            return Err(format!(
                "managedIdentidy: clientId is required with Prometheus < 3.5.0, current = {}",
                self.version
            ));
        }
        let ways = [
            ("oauth", azure.oauth.is_some(), (2, 48, 0)),
            ("sdk", azure.sdk.is_some(), (2, 52, 0)),
            (
                "workloadIdentity",
                azure.workload_identity.is_some(),
                (3, 7, 0),
            ),
        ];
        for (way, set, since) in ways {
            if set && !self.supports(since) {
                let (major, minor, patch) = since;
                return Err(format!(
                    "azureAD.{way} requires Prometheus >= v{major}.{minor}.{patch}"
                ));
            }
        }
        let oauth = azure.oauth.as_ref();
        let identity = azure.workload_identity.as_ref();
        let ids = [
            ("OAuth clientId", oauth.map(|oauth| &oauth.client_id)),
            (
                "Workload Identity clientId",
                identity.map(|one| &one.client_id),
            ),
            (
                "Workload Identity tenantId",
                identity.map(|one| &one.tenant_id),
            ),
        ];
        let mut ids = ids.into_iter();
        match ids.find(|(_, id)| id.is_some_and(|id| !is_uuid(id))) {
            Some((what, _)) => Err(format!("the provided Azure {what} is invalid")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::common_prometheus::CommonPrometheusFields;
    use crate::api::read;
    use crate::config::assets::Assets;
    use crate::config::version::Version;
    use serde_json::{Value, json};

    const ID: &str = "00000000-a12b-3cd4-e56f-000000000000";

    fn with<T>(version: &str, look: impl Fn(Check<'_>) -> T) -> T {
        let mut assets = Assets::default();
        let secret = json!({
            "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"k": "x"},
        });
        assets.insert(&secret);
        let version = Version::parse(version).unwrap();
        look(Check {
            common: &CommonPrometheusFields::default(),
            version: &version,
            scope: assets.within("n"),
        })
    }

    fn azure(version: &str, azure: &Value) -> Result<(), Refusal> {
        let spec = json!({"url": "http://x", "azureAd": azure});
        let all = [read(&spec).unwrap()];
        with(version, |check| check_remote_write(&all, check))
    }

    fn refused(why: &str) -> Result<(), Refusal> {
        Err(why.to_owned())
    }

    #[test]
    fn ways_to_azure_need_a_version_and_ids() {
        let place = "remoteWrite[0]: azureAd";
        let secret = json!({"name": "s", "key": "k"});
        let oauth = |id: &str| {
            let oauth = json!({"clientId": id, "clientSecret": secret, "tenantId": ID});
            json!({"oauth": oauth})
        };
        assert_eq!(azure("2.48.0", &oauth(ID)), Ok(()));
        assert_eq!(
            azure("2.47.2", &oauth(ID)),
            refused(&format!(
                "{place}: azureAD.oauth requires Prometheus >= v2.48.0"
            ))
        );
        assert_eq!(
            azure("2.48.0", &oauth("me")),
            refused(&format!(
                "{place}: the provided Azure OAuth clientId is invalid"
            ))
        );
        assert_eq!(
            azure("2.51.0", &json!({"sdk": {}})),
            refused(&format!(
                "{place}: azureAD.sdk requires Prometheus >= v2.52.0"
            ))
        );
        let identity =
            |tenant: &str| json!({"workloadIdentity": {"clientId": ID, "tenantId": tenant}});
        assert_eq!(azure("3.7.0", &identity(ID)), Ok(()));
        assert_eq!(
            azure("3.6.0", &identity(ID)),
            refused(&format!(
                "{place}: azureAD.workloadIdentity requires Prometheus >= v3.7.0"
            ))
        );
        assert_eq!(
            azure("3.7.0", &identity("us")),
            refused(&format!(
                "{place}: the provided Azure Workload Identity tenantId is invalid"
            ))
        );
        let managed = json!({"managedIdentity": {}});
        assert_eq!(azure("3.5.0", &managed), Ok(()));
        assert_eq!(
            azure("3.4.0", &managed),
            refused(&format!(
                "{place}: managedIdentidy: clientId is required with Prometheus < 3.5.0, current = 3.4.0"
            ))
        );
    }

    #[test]
    fn an_authorization_is_no_basic_authentication() {
        for (authorization, why) in [
            (
                json!({"type": " Basic ", "credentialsFile": "/f"}),
                "authorization type cannot be set to \"basic\", use \"basicAuth\" instead",
            ),
            (
                json!({"credentials": {"name": "s", "key": "k"}, "credentialsFile": "/f"}),
                "authorization can not specify both \"credentials\" and \"credentialsFile\"",
            ),
        ] {
            let authorization = read(&authorization).unwrap();
            let said = with("3.5.0", |check| {
                check.whole_authorization(Some(&authorization))
            });
            assert_eq!(said, refused(why));
        }
        let file = read(&json!({"credentialsFile": "/f"})).unwrap();
        let said = with("3.5.0", |check| check.whole_authorization(Some(&file)));
        assert_eq!(said, Ok(()));
    }

    #[test]
    fn an_alertmanager_is_authenticated_to_in_one_way() {
        let spec = |more: &Value| {
            let mut one = json!({"name": "a", "port": "web", "bearerTokenFile": "/t"});
            one["sigv4"] = more.clone();
            read(&json!({"alerting": {"alertmanagers": [one]}})).unwrap()
        };
        let (one, two) = (spec(&Value::Null), spec(&json!({"region": "r"})));
        assert_eq!(with("3.5.0", |check| check_server(&one, check)), Ok(()));
        let why = "alerting.alertmanagers[0]: \"bearerTokenFile\" and \"sigv4\" can't be set at the same time, at most one of them must be defined";
        assert_eq!(
            with("3.5.0", |check| check_server(&two, check)),
            refused(why)
        );
    }
}
