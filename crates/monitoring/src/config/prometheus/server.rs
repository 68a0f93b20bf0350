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

/// A configuration without its jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// What comes before them.
    pub head: Mapping,
    /// What comes after them.
    pub tail: Mapping,
}

impl Frame {
    /// The document with jobs between.
    pub fn around(self, jobs: Vec<Mapping>) -> Mapping {
        let Self { mut head, tail } = self;
        head.put("scrape_configs", jobs);
        head.append(tail);
        head
    }

    /// The texts before and after the text of the jobs, which are the items of a list. Without jobs that is `[]`.
    pub fn texts(self, any_job: bool) -> (String, String) {
        let Self { head, tail } = self;
        let text = |mapping: Mapping| {
            if mapping.is_empty() {
                String::new()
            } else {
                mapping.into_node().to_yaml()
            }
        };
        let jobs = if any_job { "" } else { " []" };
        (format!("{}scrape_configs:{jobs}\n", text(head)), text(tail))
    }
}

/// The text of jobs within a document.
pub fn text_of_jobs(jobs: Vec<Mapping>) -> String {
    if jobs.is_empty() {
        String::new()
    } else {
        jobs.into_node().to_yaml()
    }
}

/// The configuration of a server.
pub fn server_configuration(
    prometheus: &Prometheus,
    selected: &Selected,
    additional: &Additional,
    assets: &Assets,
    options: Options,
) -> Result<Generated, ConfigError> {
    let common = &prometheus.spec.common;
    let generator = Generator::new(common, &prometheus.metadata, assets, options)?;
    let mut frame = generator.head_of_server(prometheus, &selected.rule_config_maps)?;
    let mut jobs = generator.jobs_of(&selected.service_monitors)?;
    jobs.extend(generator.jobs_of(&selected.pod_monitors)?);
    jobs.extend(generator.jobs_of(&selected.probes)?);
    jobs.extend(generator.jobs_of(&selected.scrape_configs)?);
    jobs.extend(generator.additional_jobs(additional.jobs())?);
    generator.tail_of_server(&mut frame, prometheus, additional)?;
    Ok(generator.generated(frame.around(jobs).into_node().to_yaml()))
}

impl Additional {
    /// The text of the jobs, empty if there is none.
    pub fn jobs(&self) -> &str {
        self.scrape_configs.as_deref().unwrap_or_default()
    }
}

/// An object that becomes jobs.
pub trait Scraped {
    /// The jobs, in order.
    fn jobs(&self, generator: &Generator<'_>) -> Result<Vec<Mapping>, ConfigError>;
}

impl Scraped for ServiceMonitor {
    fn jobs(&self, generator: &Generator<'_>) -> Result<Vec<Mapping>, ConfigError> {
        let endpoints = self.spec.endpoints.iter().enumerate();
        let job = |(index, endpoint)| generator.service_monitor_job(self, endpoint, index);
        Ok(endpoints.map(job).collect())
    }
}

impl Scraped for PodMonitor {
    fn jobs(&self, generator: &Generator<'_>) -> Result<Vec<Mapping>, ConfigError> {
        let endpoints = self.spec.pod_metrics_endpoints.iter().enumerate();
        let job = |(index, endpoint)| generator.pod_monitor_job(self, endpoint, index);
        Ok(endpoints.map(job).collect())
    }
}

impl Scraped for Probe {
    fn jobs(&self, generator: &Generator<'_>) -> Result<Vec<Mapping>, ConfigError> {
        Ok(vec![generator.probe_job(self)])
    }
}

impl Scraped for ScrapeConfig {
    fn jobs(&self, generator: &Generator<'_>) -> Result<Vec<Mapping>, ConfigError> {
        let job = generator.scrape_config_job(self);
        let job = job.map_err(|error| error.within("generate scrape configs"))?;
        Ok(vec![job])
    }
}

impl Generator<'_> {
    pub(super) fn jobs_of<T: Scraped>(
        &self,
        objects: &BTreeMap<String, T>,
    ) -> Result<Vec<Mapping>, ConfigError> {
        let mut jobs = Vec::new();
        for object in objects.values() {
            jobs.extend(object.jobs(self)?);
        }
        Ok(jobs)
    }

    /// What comes before the jobs of a server.
    pub fn head_of_server(
        &self,
        prometheus: &Prometheus,
        rule_config_maps: &[String],
    ) -> Result<Frame, ConfigError> {
        self.check_intervals()?;
        let mut head = Mapping::new();
        let mut global = self.global();
        self.global_of_server(&mut global, &prometheus.spec);
        head.put("global", global);
        self.runtime(&mut head);
        Generator::rule_files(&mut head, &prometheus.spec, rule_config_maps);
        Ok(Frame {
            head,
            tail: Mapping::new(),
        })
    }

    /// What comes after the jobs of a server.
    pub fn tail_of_server(
        &self,
        frame: &mut Frame,
        prometheus: &Prometheus,
        additional: &Additional,
    ) -> Result<(), ConfigError> {
        let spec = &prometheus.spec;
        let out = &mut frame.tail;
        self.storage(out, spec)?;
        self.alerting(out, spec.alerting.as_ref(), additional)?;
        self.remote_write(out);
        self.remote_read(out, &spec.remote_read);
        self.otlp(out)?;
        self.tracing(out)
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
