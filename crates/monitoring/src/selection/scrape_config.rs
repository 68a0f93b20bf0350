//! Checks of a ScrapeConfig.

use super::relabel::check_all;
use super::{At, Check, Refusal};
use crate::api::ScrapeConfig;
use crate::api::scrape_config::ScrapeConfigSpec;
use crate::config::version::Since;

/// What is wrong with an entry of a list of discoveries.
pub(super) enum Fault {
    /// `[i]: text`.
    Here(String),
    /// `[i] : text`, as one message has it.
    Spaced(String),
    /// The text alone.
    Whole(String),
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Here(text)
    }
}

/// Whether a ScrapeConfig can become a job.
pub fn check_scrape_config(config: &ScrapeConfig, check: Check) -> Result<(), Refusal> {
    let spec = &config.spec;
    check.scrape_class(spec.scrape_class.as_ref())?;
    check_all(&spec.relabelings, check.version).at("relabelConfigs")?;
    check.basic_auth(spec.basic_auth.as_ref()).at("basicAuth")?;
    check
        .authorization(spec.authorization.as_ref())
        .at("authorization")?;
    check.oauth2(spec.oauth2.as_ref()).at("oauth2")?;
    check.safe_tls(spec.tls_config.as_ref()).at("tlsConfig")?;
    check.timing(spec.scrape_interval.as_ref(), spec.scrape_timeout.as_ref())?;
    check.proxy(&spec.proxy)?;
    check_all(&spec.metric_relabelings, check.version).at("metricRelabelConfigs")?;
    check.discoveries(spec)?;
    check.clouds(spec)
}

impl Check<'_> {
    fn discoveries(self, spec: &ScrapeConfigSpec) -> Result<(), Refusal> {
        each("staticConfigs", &spec.static_configs, |one| {
            Ok(self.static_labels(one.labels.keys())?)
        })?;
        self.known_since(
            "httpSDConfigs",
            &spec.http_sd_configs,
            (2, 28, 0),
            "HTTP SD configuration",
        )?;
        each("httpSDConfigs", &spec.http_sd_configs, |one| self.http(one))?;
        each("kubernetesSDConfigs", &spec.kubernetes_sd_configs, |one| {
            self.kubernetes(one)
        })?;
        each("consulSDConfigs", &spec.consul_sd_configs, |one| {
            self.consul(one)
        })?;
        each("dnsSDConfigs", &spec.dns_sd_configs, |one| self.dns(one))
    }

    fn clouds(self, spec: &ScrapeConfigSpec) -> Result<(), Refusal> {
        each("ec2SDConfigs", &spec.ec2_sd_configs, |one| self.ec2(one))?;
        each("azureSDConfigs", &spec.azure_sd_configs, |one| {
            self.azure(one)
        })?;
        each("openstackSDConfigs", &spec.openstack_sd_configs, |one| {
            self.openstack(one)
        })?;
        let (list, name) = (
            &spec.digital_ocean_sd_configs,
            "service discovery for Digital Ocean",
        );
        self.known_since("digitalOceanSDConfigs", list, (2, 20, 0), name)?;
        each("digitalOceanSDConfigs", list, |one| self.digital_ocean(one))?;
        each("kumaSDConfigs", &spec.kuma_sd_configs, |one| self.kuma(one))?;
        each("eurekaSDConfigs", &spec.eureka_sd_configs, |one| {
            self.eureka(one)
        })?;
        each("dockerSDConfigs", &spec.docker_sd_configs, |one| {
            self.docker(one)
        })?;
        let list = &spec.linode_sd_configs;
        self.known_since(
            "linodeSDConfigs",
            list,
            (2, 28, 0),
            "linode SD configuration",
        )?;
        each("linodeSDConfigs", list, |one| self.linode(one))?;
        each("hetznerSDConfigs", &spec.hetzner_sd_configs, |one| {
            self.hetzner(one)
        })?;
        each("nomadSDConfigs", &spec.nomad_sd_configs, |one| {
            self.nomad(one)
        })?;
        let list = &spec.docker_swarm_sd_configs;
        self.known_since(
            "dockerswarmSDConfigs",
            list,
            (2, 20, 0),
            "dockerswarm SD configuration",
        )?;
        each("dockerswarmSDConfigs", list, |one| self.docker_swarm(one))?;
        let list = &spec.puppet_db_sd_configs;
        self.known_since(
            "puppetDBSDConfigs",
            list,
            (2, 31, 0),
            "puppetDB SD configuration",
        )?;
        each("puppetDBSDConfigs", list, |one| self.puppet_db(one))?;
        let list = &spec.light_sail_sd_configs;
        self.known_since(
            "lightSailSDConfigs",
            list,
            (2, 27, 0),
            "lightSail SD configuration",
        )?;
        each("lightSailSDConfigs", list, |one| self.light_sail(one))?;
        let list = &spec.ovhcloud_sd_configs;
        self.known_since(
            "OVHCloudSDConfigs",
            list,
            (2, 40, 0),
            "OVHCloud SD configuration",
        )?;
        each("OVHCloudSDConfigs", list, |one| self.ovh_cloud(one))?;
        let list = &spec.scaleway_sd_configs;
        self.known_since(
            "ScalewaySDConfigs",
            list,
            (2, 26, 0),
            "ScaleWay SD configuration",
        )?;
        each("ScalewaySDConfigs", list, |one| self.scaleway(one))?;
        let list = &spec.ionos_sd_configs;
        self.known_since("IonosSDConfigs", list, (2, 36, 0), "IONOS SD configuration")?;
        each("IonosSDConfigs", list, |one| self.ionos(one))
    }

    /// A kind of discovery that is used must be known to the version.
    fn known_since<T>(
        self,
        place: &str,
        used: &[T],
        since: Since,
        what: &str,
    ) -> Result<(), Refusal> {
        if used.is_empty() || self.supports(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "{place}: {what} is only supported for Prometheus version >= {major}.{minor}.{patch}"
        ))
    }
}

fn each<T>(place: &str, all: &[T], check: impl Fn(&T) -> Result<(), Fault>) -> Result<(), Refusal> {
    for (index, one) in all.iter().enumerate() {
        check(one).map_err(|fault| match fault {
            Fault::Here(text) => format!("{place}: [{index}]: {text}"),
            Fault::Spaced(text) => format!("{place}: [{index}] : {text}"),
            Fault::Whole(text) => format!("{place}: {text}"),
        })?;
    }
    Ok(())
}
