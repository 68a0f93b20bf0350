//! What to write for one PrometheusAgent, in upstream's order (`pkg/prometheus/agent/operator.go`): configuration, TLS
//! material, web configuration, Service, a StatefulSet for each shard, shards that are no longer wanted.

use crate::api::PrometheusAgent;
use crate::api::prometheus_agent::PrometheusAgentSpec;
use crate::api::status::PrometheusStatus;
use crate::config::prometheus::{Additional, Generated, Options, Selected, agent_configuration};
use crate::operator::decision::Decision;
use crate::operator::pass::Pass;
use crate::operator::workload::Observed;
use crate::workload::{AgentInput, Excess, agent_service, agent_stateful_set};

const NOTHING: &str = "No ServiceMonitor, PodMonitor, Probe, and ScrapeConfig have been selected.";
const NO_DAEMON_SETS: &str = "feature gate for Prometheus Agent's DaemonSet mode is not enabled";

/// Decides about an agent that is to be reconciled.
pub fn decide(agent: &PrometheusAgent, observed: &Observed<PrometheusAgent>) -> Decision {
    let mut pass = Pass::new(agent, observed);
    let outcome = write(&mut pass);
    let nothing = observed.candidates.is_empty();
    let remark = nothing.then(|| ("NoSelectedResources", NOTHING.to_owned()));
    pass.decision(outcome, remark)
}

type AgentPass<'a> = Pass<'a, PrometheusAgentSpec, PrometheusStatus>;

fn write(pass: &mut AgentPass<'_>) -> Result<(), String> {
    if pass.object.spec.mode.as_deref() == Some("DaemonSet") {
        return Err(NO_DAEMON_SETS.to_owned());
    }
    let version = pass.version()?;
    pass.check_selectors()?;
    let observed = pass.observed;
    let selected = pass.select_jobs(&version, &observed.candidates);
    let made = generated(pass, &selected)?;
    pass.put_configuration(&made.text)?;
    let tls_secrets = pass.put_tls_files(made);
    pass.put_web()?;
    let service = pass.object.spec.common.service_name.as_deref();
    pass.put_service(service, agent_service)?;
    let shards = pass.shards();
    for (shard, name) in (0..).zip(&shards) {
        pass.put_set(agent_stateful_set(AgentInput {
            name,
            agent: pass.object,
            settings: &observed.settings,
            options: options(observed),
            shard,
            tls_secrets,
            input_hash: "",
        }))?;
    }
    // Agents hold no data that is worth keeping.
    pass.end_others(&shards, |_| Ok(Excess::Delete));
    Ok(())
}

fn generated(pass: &AgentPass<'_>, selected: &Selected) -> Result<Generated, String> {
    let agent = pass.object;
    let assets = &pass.observed.assets;
    let scope = assets.within(&agent.metadata.namespace);
    let jobs = scope.maybe_secret(agent.spec.common.additional_scrape_configs.as_ref());
    let additional = Additional {
        scrape_configs: jobs.map_err(|error| error.explain())?,
        ..Additional::default()
    };
    agent_configuration(agent, selected, &additional, assets, options(pass.observed))
        .map_err(|error| error.to_string())
}

/// Shards of agents are never retained, so their jobs have no rules for that.
fn options(observed: &Observed<PrometheusAgent>) -> Options {
    Options {
        retention_policies: false,
        ..observed.options
    }
}
