//! Checks of `ServiceMonitor`s, `PodMonitor`s and Probes. The order of checks decides which of several faults is told.

use machinery::labels::Selector;

use super::client::{Client, check_proxy, check_safe_tls, check_tls};
use super::relabel::{check_all, is_label_name};
use super::which::as_value;
use super::{At, Check, Refusal};
use crate::api::common::{LabelSelector, TlsConfig};
use crate::api::pod_monitor::PodMetricsEndpoint;
use crate::api::service_monitor::Endpoint;
use crate::api::{PodMonitor, Probe, ServiceMonitor};
use crate::config::yaml::filled;
use crate::url;

/// Whether every endpoint of a ServiceMonitor can become a job.
pub fn check_service_monitor(monitor: &ServiceMonitor, check: Check) -> Result<(), Refusal> {
    let spec = &monitor.spec;
    check.selector(&spec.selector)?;
    check.mechanism(spec.selector_mechanism.as_ref())?;
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let place = format!("endpoints[{index}]");
        check.endpoint(endpoint).at(&place)?;
        check.proxy(&endpoint.proxy)?;
    }
    check
        .scrape_class(spec.scrape_class.as_ref())
        .at("scrapeClassName")
}

/// Whether every endpoint of a PodMonitor can become a job.
pub fn check_pod_monitor(monitor: &PodMonitor, check: Check) -> Result<(), Refusal> {
    let spec = &monitor.spec;
    check
        .selector(&spec.selector)
        .at("failed to parse label selector")?;
    check.mechanism(spec.selector_mechanism.as_ref())?;
    for (index, endpoint) in spec.pod_metrics_endpoints.iter().enumerate() {
        check
            .pod_endpoint(endpoint)
            .at(&format!("endpoint[{index}]"))?;
    }
    check
        .scrape_class(spec.scrape_class.as_ref())
        .at("scrapeClassName")
}

/// Whether a Probe can become a job.
pub fn check_probe(probe: &Probe, check: Check) -> Result<(), Refusal> {
    let spec = &probe.spec;
    check
        .scrape_class(spec.scrape_class.as_ref())
        .at("scrapeClassName")?;
    let targets = spec.targets.clone().unwrap_or_default();
    if targets.static_config.is_none() && targets.ingress.is_none() {
        return Err(
            "at least one of .spec.targets.staticConfig and .spec.targets.ingress is required"
                .to_owned(),
        );
    }
    if let Some(token) = &spec.bearer_token_secret {
        check.secret(token).at("bearerTokenSecret")?;
    }
    check.basic_auth(spec.basic_auth.as_ref()).at("basicAuth")?;
    check.safe_tls(spec.tls_config.as_ref()).at("tlsConfig")?;
    check
        .authorization(spec.authorization.as_ref())
        .at("authorization")?;
    check.oauth2(spec.oauth2.as_ref()).at("oauth2")?;
    Client {
        basic: spec.basic_auth.as_ref(),
        authorization: spec.authorization.as_ref(),
        bearer: spec.bearer_token_secret.as_ref(),
        oauth2: spec.oauth2.as_ref(),
        ..Client::default()
    }
    .one_way()?;
    check.timing(spec.interval.as_ref(), spec.scrape_timeout.as_ref())?;
    check_all(&spec.metric_relabelings, check.version).at("metricRelabelConfigs")?;
    if let Some(fixed) = &targets.static_config {
        check
            .static_labels(fixed.labels.keys())
            .at("targets.staticConfig.labels")?;
        check_all(&fixed.relabeling_configs, check.version)
            .at("targets.staticConfig.relabelConfigs")?;
    }
    if let Some(ingress) = &targets.ingress {
        check_all(&ingress.relabeling_configs, check.version)
            .at("targets.ingress.relabelConfigs")?;
    }
    let prober = spec.prober.clone().unwrap_or_default();
    check.proxy(&prober.proxy).at("proxy configuration")?;
    url::check_address(&prober.url).at(&format!(
        "{:?} url specified in proberSpec is invalid, it should be of the format `hostname` or `hostname:port`",
        prober.url
    ))
}

impl Check<'_> {
    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    fn selector(self, selector: &LabelSelector) -> Result<(), Refusal> {
        Selector::from_label_selector(&as_value(selector))
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    fn mechanism(self, mechanism: Option<&String>) -> Result<(), Refusal> {
        if mechanism.is_some_and(|mechanism| mechanism == "RoleSelector")
            && !self.supports((2, 17, 0))
        {
            return Err(
                "RoleSelector selectorMechanism is only supported in Prometheus 2.17.0 and newer"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Names of labels that are set on static targets.
    pub(super) fn static_labels<'a>(
        self,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        for name in names {
            if !is_label_name(name, self.version) {
                return Err(format!("invalid label {name:?}"));
            }
        }
        Ok(())
    }

    fn endpoint(self, endpoint: &Endpoint) -> Result<(), Refusal> {
        let denied = self
            .common
            .arbitrary_fs_access_through_sms
            .as_ref()
            .and_then(|access| access.deny);
        if denied == Some(true) {
            reads_no_files(endpoint)?;
        }
        let client = Client {
            basic: endpoint.basic_auth.as_ref(),
            authorization: endpoint.authorization.as_ref(),
            bearer: endpoint.bearer_token_secret.as_ref(),
            oauth2: endpoint.oauth2.as_ref(),
            ..Client::default()
        };
        client.authentication()?;
        endpoint
            .tls_config
            .as_ref()
            .map_or(Ok(()), check_tls)
            .at("tlsConfig")?;
        check_proxy(&endpoint.proxy)?;
        if let Some(token) = endpoint
            .bearer_token_secret
            .as_ref()
            .filter(|token| filled(&token.name).is_some())
        {
            self.secret(token).at("bearerTokenSecret")?;
        }
        self.basic_auth(client.basic).at("basicAuth")?;
        self.tls(endpoint.tls_config.as_ref()).at("tlsConfig")?;
        self.oauth2(client.oauth2).at("oauth2")?;
        self.authorization(client.authorization)
            .at("authorization")?;
        self.timing(endpoint.interval.as_ref(), endpoint.scrape_timeout.as_ref())?;
        check_all(&endpoint.relabelings, self.version).at("relabelConfigs")?;
        check_all(&endpoint.metric_relabelings, self.version).at("metricRelabelConfigs")
    }

    fn pod_endpoint(self, endpoint: &PodMetricsEndpoint) -> Result<(), Refusal> {
        self.timing(endpoint.interval.as_ref(), endpoint.scrape_timeout.as_ref())?;
        check_all(&endpoint.relabelings, self.version).at("relabelConfigs")?;
        check_all(&endpoint.metric_relabelings, self.version).at("metricRelabelConfigs")?;
        let client = Client {
            basic: endpoint.basic_auth.as_ref(),
            authorization: endpoint.authorization.as_ref(),
            bearer: endpoint.bearer_token_secret.as_ref(),
            oauth2: endpoint.oauth2.as_ref(),
            ..Client::default()
        };
        client.authentication()?;
        endpoint
            .tls_config
            .as_ref()
            .map_or(Ok(()), check_safe_tls)
            .at("tlsConfig")?;
        check_proxy(&endpoint.proxy)?;
        let token = endpoint.bearer_token_secret.as_ref();
        if let Some(token) =
            token.filter(|token| filled(&token.name).is_some() && !token.key.is_empty())
        {
            self.secret(token).at("bearerTokenSecret")?;
        }
        self.basic_auth(client.basic).at("basicAuth")?;
        self.safe_tls(endpoint.tls_config.as_ref())
            .at("tlsConfig")?;
        self.oauth2(client.oauth2).at("oauth2")?;
        self.authorization(client.authorization)
            .at("authorization")?;
        self.proxy(&endpoint.proxy).at("proxyConfig")
    }
}

/// Where files of the container are forbidden.
fn reads_no_files(endpoint: &Endpoint) -> Result<(), Refusal> {
    if filled(&endpoint.bearer_token_file).is_some() {
        return Err(
            "it accesses file system via bearer token file which Prometheus specification prohibits".to_owned()
        );
    }
    let reads = |tls: &TlsConfig| {
        [&tls.ca_file, &tls.cert_file, &tls.key_file]
            .iter()
            .any(|file| filled(file).is_some())
    };
    if endpoint.tls_config.as_ref().is_some_and(reads) {
        return Err(
            "it accesses file system via tls config which Prometheus specification prohibits"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::common_prometheus::CommonPrometheusFields;
    use crate::api::read;
    use crate::config::assets::Assets;
    use crate::config::version::Version;

    #[test]
    fn a_probe_may_leave_credentials_to_its_class_and_has_one_way_to_authenticate() {
        let check = |changes: &Value| {
            let mut spec = json!({"prober": {"url": "blackbox:9115"}, "targets": {"staticConfig": {"static": ["a"]}}});
            for (key, value) in changes.as_object().unwrap() {
                spec[key] = value.clone();
            }
            let probe = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec});
            let probe: Probe = read(&probe).unwrap();
            let version = Version::parse("3.0.0").unwrap();
            let (common, assets) = (CommonPrometheusFields::default(), Assets::default());
            check_probe(
                &probe,
                Check {
                    common: &common,
                    version: &version,
                    scope: assets.within("n"),
                },
            )
        };
        let bearer = json!({"type": "Bearer"});
        assert_eq!(check(&json!({"authorization": bearer})), Ok(()));
        let two = json!({"authorization": bearer, "basicAuth": {}});
        let refusal = check(&two).unwrap_err();
        assert!(!refusal.is_empty(), "{refusal}");
    }
}
