//! The document of a Prometheus in agent mode.

use super::generator::{ConfigError, Generated, Generator, Options};
use super::server::{Additional, Selected};
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
    let generator = Generator::new(&agent.spec.common, &agent.metadata, assets, options)?;
    generator.check_intervals()?;
    let mut out = Mapping::new().with("global", generator.global());
    generator.runtime(&mut out);
    let mut jobs = generator.pod_monitor_jobs(selected);
    jobs.extend(
        generator.additional_jobs(additional.scrape_configs.as_deref().unwrap_or_default())?,
    );
    if !options.daemon_set {
        jobs.extend(generator.service_monitor_jobs(selected));
        jobs.extend(
            selected
                .probes
                .values()
                .map(|probe| generator.probe_job(probe)),
        );
        jobs.extend(generator.scrape_config_jobs(selected)?);
    }
    out.put("scrape_configs", jobs);
    generator.agent_storage(&mut out)?;
    generator.remote_write(&mut out);
    generator.otlp(&mut out)?;
    generator.tracing(&mut out)?;
    Ok(generator.generated(out.into_node().to_yaml()))
}
