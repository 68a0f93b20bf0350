//! The document of a Prometheus server, and what both modes share.

use std::collections::BTreeMap;

use super::generator::{ConfigError, Generated, Generator, Options};
use crate::api::{PodMonitor, Probe, Prometheus, ScrapeConfig, ServiceMonitor};
use crate::config::assets::Assets;
use crate::config::yaml::{IntoNode, Mapping};
use crate::duration;

/// The selected and valid objects; jobs come in the order of the keys, which are `namespace/name`.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// `ServiceMonitor`s.
    pub service_monitors: BTreeMap<String, ServiceMonitor>,
    /// `PodMonitor`s.
    pub pod_monitors: BTreeMap<String, PodMonitor>,
    /// Probes.
    pub probes: BTreeMap<String, Probe>,
    /// `ScrapeConfig`s.
    pub scrape_configs: BTreeMap<String, ScrapeConfig>,
    /// Names of the ConfigMaps with rules.
    pub rule_config_maps: Vec<String>,
}

/// What users wrote in Prometheus' own syntax; `None` where nothing is referred to.
#[derive(Debug, Clone, Default)]
pub struct Additional {
    /// Scrape jobs.
    pub scrape_configs: Option<String>,
    /// Relabelings of alerts.
    pub alert_relabel_configs: Option<String>,
    /// Alertmanagers.
    pub alertmanager_configs: Option<String>,
}

/// The configuration of a server.
pub fn server_configuration(
    prometheus: &Prometheus,
    selected: &Selected,
    additional: &Additional,
    assets: &Assets,
    options: Options,
) -> Result<Generated, ConfigError> {
    let spec = &prometheus.spec;
    let generator = Generator::new(&spec.common, &prometheus.metadata, assets, options)?;
    generator.check_intervals()?;
    let mut out = Mapping::new();
    let mut global = generator.global();
    generator.global_of_server(&mut global, spec);
    out.put("global", global);
    generator.runtime(&mut out);
    Generator::rule_files(&mut out, spec, &selected.rule_config_maps);
    let mut jobs = generator.service_monitor_jobs(selected);
    jobs.extend(generator.pod_monitor_jobs(selected));
    jobs.extend(
        selected
            .probes
            .values()
            .map(|probe| generator.probe_job(probe)),
    );
    jobs.extend(generator.scrape_config_jobs(selected)?);
    jobs.extend(
        generator.additional_jobs(additional.scrape_configs.as_deref().unwrap_or_default())?,
    );
    out.put("scrape_configs", jobs);
    generator.storage(&mut out, spec)?;
    generator.alerting(&mut out, spec.alerting.as_ref(), additional)?;
    generator.remote_write(&mut out);
    generator.remote_read(&mut out, &spec.remote_read);
    generator.otlp(&mut out)?;
    generator.tracing(&mut out)?;
    Ok(generator.generated(out.into_node().to_yaml()))
}

impl Generator<'_> {
    pub(super) fn service_monitor_jobs(&self, selected: &Selected) -> Vec<Mapping> {
        let jobs = selected.service_monitors.values().flat_map(|monitor| {
            let endpoints = monitor.spec.endpoints.iter().enumerate();
            endpoints
                .map(move |(index, endpoint)| self.service_monitor_job(monitor, endpoint, index))
        });
        jobs.collect()
    }

    pub(super) fn pod_monitor_jobs(&self, selected: &Selected) -> Vec<Mapping> {
        let jobs = selected.pod_monitors.values().flat_map(|monitor| {
            let endpoints = monitor.spec.pod_metrics_endpoints.iter().enumerate();
            endpoints.map(move |(index, endpoint)| self.pod_monitor_job(monitor, endpoint, index))
        });
        jobs.collect()
    }

    pub(super) fn scrape_config_jobs(
        &self,
        selected: &Selected,
    ) -> Result<Vec<Mapping>, ConfigError> {
        let jobs: Result<Vec<Mapping>, ConfigError> = selected
            .scrape_configs
            .values()
            .map(|config| self.scrape_config_job(config))
            .collect();
        jobs.map_err(|error| error.within("generate scrape configs"))
    }

    /// The timeout must not exceed the interval.
    pub(super) fn check_intervals(&self) -> Result<(), ConfigError> {
        let timeout = self.common.scrape_timeout.as_deref().unwrap_or_default();
        if timeout.is_empty() {
            return Ok(());
        }
        let interval = self.common.scrape_interval.as_deref().unwrap_or_default();
        duration::timeout_within_interval(timeout, interval).map_err(ConfigError)
    }
}
