//! The document of a Prometheus in agent mode.

use super::generator::{ConfigError, Generated, Generator, Options};
use super::server::{Additional, Frame, Selected};
use crate::api::PrometheusAgent;
use crate::config::assets::Assets;
use crate::config::yaml::{IntoNode, Mapping};

/// The configuration of an agent. On every node only `PodMonitor`s and additional jobs count.
pub fn agent_configuration(
    agent: &PrometheusAgent,
    selected: &Selected,
    additional: &Additional,
    assets: &Assets,
    options: Options,
) -> Result<Generated, ConfigError> {
    let common = &agent.spec.common;
    let generator = Generator::new(common, &agent.metadata, assets, options)?;
    let mut frame = generator.head_of_agent()?;
    let mut jobs = generator.jobs_of(&selected.pod_monitors)?;
    jobs.extend(generator.additional_jobs(additional.jobs())?);
    if !options.daemon_set {
        jobs.extend(generator.jobs_of(&selected.service_monitors)?);
        jobs.extend(generator.jobs_of(&selected.probes)?);
        jobs.extend(generator.jobs_of(&selected.scrape_configs)?);
    }
    generator.tail_of_agent(&mut frame)?;
    Ok(generator.generated(frame.around(jobs).into_node().to_yaml()))
}

impl Generator<'_> {
    /// What comes before the jobs of an agent.
    pub fn head_of_agent(&self) -> Result<Frame, ConfigError> {
        self.check_intervals()?;
        let mut head = Mapping::new().with("global", self.global());
        self.runtime(&mut head);
        Ok(Frame {
            head,
            tail: Mapping::new(),
        })
    }

    /// What comes after the jobs of an agent.
    pub fn tail_of_agent(&self, frame: &mut Frame) -> Result<(), ConfigError> {
        let out = &mut frame.tail;
        self.agent_storage(out)?;
        self.remote_write(out);
        self.otlp(out)?;
        self.tracing(out)
    }
}
