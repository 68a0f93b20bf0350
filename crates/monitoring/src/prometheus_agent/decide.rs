//! What to write for one PrometheusAgent, in upstream's order (`pkg/prometheus/agent/operator.go`): configuration, TLS
//! material, web configuration; then the Service, a StatefulSet for each shard and the end of shards that are no longer
//! wanted, or a DaemonSet alone; last the end of what another mode made.

use std::sync::Arc;

use crate::api::PrometheusAgent;
use crate::api::prometheus_agent::PrometheusAgentSpec;
use crate::api::status::PrometheusStatus;
use crate::config::prometheus::{ConfigError, Generator, Options};
use crate::config::version::Version;
use crate::operator::decision::Decision;
use crate::operator::pass::Pass;
use crate::operator::rendering::Rendering;
use crate::operator::scraping::{With, additional_text, uneven};
use crate::operator::selecting::Configuration;
use crate::operator::workload::Observed;
use crate::prometheus_agent::daemon_set_name;
use crate::selection::{Check, check_common, check_pod_monitor, check_service_monitor};
use crate::workload::{
    AgentInput, Excess, Secrets, agent_daemon_set, agent_service, agent_stateful_set,
};

const NOTHING: &str = "No ServiceMonitor, PodMonitor, Probe, and ScrapeConfig have been selected.";

/// Decides about an agent that is to be reconciled.
pub fn decide(agent: &PrometheusAgent, observed: &Observed<PrometheusAgent>) -> Decision {
    let mut pass = Pass::new(agent, observed);
    let outcome = write(&mut pass);
    let remark = if observed.candidates.is_empty() {
        Some(("NoSelectedResources", NOTHING.to_owned()))
    } else {
        uneven(&agent.spec.common, observed.setup.options)
    };
    pass.decision(outcome, remark)
}

type AgentPass<'a> = Pass<'a, PrometheusAgentSpec, PrometheusStatus>;

fn write(pass: &mut AgentPass<'_>) -> Result<(), String> {
    let is_on_every_node = pass.object.spec.is_on_every_node();
    if let Some(why) = pass
        .observed
        .setup
        .no_daemon_sets
        .as_ref()
        .filter(|_| is_on_every_node)
    {
        return Err(daemon_set_refused(pass.object, why));
    }
    let version = pass.version()?;
    pass.check_selectors()?;
    let secrets = configuration(pass, &version)?;
    pass.put_web()?;
    if is_on_every_node {
        on_every_node(pass, secrets)
    } else {
        in_shards(pass, secrets)
    }
}

fn daemon_set_refused(agent: &PrometheusAgent, why: &str) -> String {
    let key = agent.key();
    format!("{why}; or set spec.mode of PrometheusAgent {key}, which is DaemonSet, to StatefulSet")
}

fn on_every_node(pass: &mut AgentPass<'_>, secrets: Secrets) -> Result<(), String> {
    let name = daemon_set_name(pass.object);
    pass.put_daemon_set(agent_daemon_set(input(pass, &name, 0, secrets)))?;
    pass.end_others(&[], |_| Ok(Excess::Delete));
    Ok(())
}

fn in_shards(pass: &mut AgentPass<'_>, secrets: Secrets) -> Result<(), String> {
    let service = pass.object.spec.common.service_name.as_deref();
    pass.put_service(service, agent_service)?;
    let shards = pass.shards();
    for (shard, name) in (0..).zip(&shards) {
        pass.put_set(agent_stateful_set(input(pass, name, shard, secrets)))?;
    }
    // Agents hold no data that is worth keeping.
    pass.end_others(&shards, |_| Ok(Excess::Delete));
    pass.end_daemon_sets();
    Ok(())
}

fn input<'a>(pass: &AgentPass<'a>, name: &'a str, shard: i32, secrets: Secrets) -> AgentInput<'a> {
    AgentInput {
        name,
        agent: pass.object,
        settings: &pass.observed.setup.settings,
        options: options(pass.object, pass.observed),
        shard,
        secrets,
        input_hash: "",
    }
}

/// The configuration and the TLS material it names; how many Secrets pods mount.
fn configuration(pass: &mut AgentPass<'_>, version: &Version) -> Result<Secrets, String> {
    let (agent, observed) = (pass.object, pass.observed);
    let (common, metadata) = (&agent.spec.common, &agent.metadata);
    let scope = observed.assets.within(&metadata.namespace);
    // What objects are left out for is told of, whatever keeps the workload itself from going on.
    let checked = check_common(Check {
        common,
        version,
        scope,
    });
    let additional = common.additional_scrape_configs.as_ref();
    let additional = additional_text(scope, "additionalScrapeConfigs", additional);
    let checked = checked.and(additional);
    let said = |error: ConfigError| error.to_string();
    let options = options(agent, observed);
    let generator = match Generator::new(common, metadata, &observed.assets, options) {
        Ok(generator) => generator,
        Err(error) => return Err(checked.err().unwrap_or_else(|| said(error))),
    };
    let head = generator.head_of_agent().map_err(said);
    let with = With::new(&generator, version, head.as_ref().ok());
    let before = Arc::clone(&pass.memory.jobs);
    let mut rendering = Rendering::new(&before);
    let jobs = &observed.candidates;
    let monitors = (Configuration::PodMonitor, jobs.pod_monitors.as_slice());
    pass.render(&mut rendering, monitors, &with, check_pod_monitor);
    let any_more = match &checked {
        Ok(additional) => with.append(&mut rendering, additional.as_ref()),
        Err(why) => Err(why.clone()),
    };
    // On every node there are none of the others.
    let monitors = (
        Configuration::ServiceMonitor,
        jobs.service_monitors.as_slice(),
    );
    pass.render(&mut rendering, monitors, &with, check_service_monitor);
    pass.render_others(&mut rendering, jobs, &with);
    checked?;
    let mut frame = head?;
    let any_more = any_more?;
    generator.tail_of_agent(&mut frame).map_err(said)?;
    pass.put_rendered(rendering, frame, (&with, any_more))
}

/// Shards of agents are never retained, so their jobs have no rules for that.
fn options(agent: &PrometheusAgent, observed: &Observed<PrometheusAgent>) -> Options {
    Options {
        retention_policies: false,
        daemon_set: agent.spec.is_on_every_node(),
        ..observed.setup.options
    }
}
