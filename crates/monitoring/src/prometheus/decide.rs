//! What to write for one Prometheus, in upstream's order (`pkg/prometheus/server/operator.go`): rules, configuration, TLS
//! material, web configuration, Service, a StatefulSet for each shard, shards that are no longer wanted.

use crate::api::Prometheus;
use crate::api::prometheus::PrometheusSpec;
use crate::api::status::PrometheusStatus;
use crate::config::prometheus::{Additional, Generated, Selected, server_configuration};
use crate::config::version::Version;
use crate::operator::decision::{Decision, Remark, deprecated};
use crate::operator::pass::Pass;
use crate::operator::rule_files::Enforced;
use crate::operator::workload::Observed;
use crate::promql;
use crate::rules::{Format, PROMETHEUS_CONFIG_MAPS, Reader};
use crate::workload::{
    ServerInput, excess_shard, prometheus_service, server_stateful_set, thanos_client_secret,
};

const NOTHING: &str =
    "No ServiceMonitor, PodMonitor, Probe, ScrapeConfig, and PrometheusRule have been selected.";
const UNMANAGED: &str = "the configuration is managed by the user: no ServiceMonitor, PodMonitor, Probe and ScrapeConfig selector is set";

/// Decides about a Prometheus that is to be reconciled.
pub fn decide(prometheus: &Prometheus, observed: &Observed<Prometheus>) -> Decision {
    let mut pass = Pass::new(prometheus, observed);
    let outcome = write(&mut pass);
    pass.decision(outcome, remark(prometheus, observed))
}

type ServerPass<'a> = Pass<'a, PrometheusSpec, PrometheusStatus>;

fn write(pass: &mut ServerPass<'_>) -> Result<(), String> {
    let version = pass.version()?;
    pass.check_selectors()?;
    let observed = pass.observed;
    let mut selected = pass.select_jobs(&version, &observed.candidates.jobs);
    let rules = rules(pass, &version);
    selected.rule_config_maps.clone_from(&rules);
    let tls_secrets = configuration(pass, &selected)?;
    pass.put_web()?;
    pass.put_made_secret(&thanos_client_secret(pass.object, pass.settings()));
    let named = pass.object.spec.common.service_name.as_deref();
    pass.put_service(named, prometheus_service)?;
    shards(pass, &rules, tls_secrets)
}

fn remark(prometheus: &Prometheus, observed: &Observed<Prometheus>) -> Option<Remark> {
    let candidates = &observed.candidates;
    let nothing = candidates.jobs.is_empty() && candidates.rules.is_empty();
    if is_unmanaged(prometheus, observed) {
        return old_fields(prometheus)
            .or_else(|| Some(("ConfigurationUnmanaged", UNMANAGED.to_owned())));
    }
    if nothing {
        return Some(("NoSelectedResources", NOTHING.to_owned()));
    }
    old_fields(prometheus)
}

fn old_fields(prometheus: &Prometheus) -> Option<Remark> {
    let spec = &prometheus.spec;
    let thanos = spec.thanos.as_ref();
    deprecated(&[
        ("spec.baseImage", "spec.image", spec.base_image.as_deref()),
        ("spec.tag", "spec.image", spec.tag.as_deref()),
        ("spec.sha", "spec.image", spec.sha.as_deref()),
        (
            "spec.thanos.baseImage",
            "spec.thanos.image",
            thanos.and_then(|thanos| thanos.base_image.as_deref()),
        ),
        (
            "spec.thanos.tag",
            "spec.thanos.image",
            thanos.and_then(|thanos| thanos.tag.as_deref()),
        ),
        (
            "spec.thanos.sha",
            "spec.thanos.image",
            thanos.and_then(|thanos| thanos.sha.as_deref()),
        ),
    ])
}

/// Without any selector of jobs the configuration is the user's.
fn is_unmanaged(prometheus: &Prometheus, observed: &Observed<Prometheus>) -> bool {
    let common = &prometheus.spec.common;
    !observed.settings.always_managed
        && common.service_monitor_selector.is_none()
        && common.pod_monitor_selector.is_none()
        && common.probe_selector.is_none()
        && common.scrape_config_selector.is_none()
}

fn rules(pass: &mut ServerPass<'_>, version: &Version) -> Vec<String> {
    let spec = &pass.object.spec;
    let common = &spec.common;
    let features = common.enable_features.iter().map(String::as_str);
    let reader = Reader {
        format: Format::Prometheus,
        version,
        options: promql::Options::of_features(features),
    };
    let enforced = Enforced {
        label: common.enforced_namespace_label.as_deref(),
        excluded: &common.excluded_from_enforcement,
        excluded_rules: &spec.prometheus_rules_excluded_from_enforce,
    };
    let files = pass.select_rules(&pass.observed.candidates.rules, reader, enforced);
    pass.put_rules(&files, "prometheus-name", PROMETHEUS_CONFIG_MAPS)
}

/// The configuration and the TLS material it names; how many Secrets hold that.
fn configuration(pass: &mut ServerPass<'_>, selected: &Selected) -> Result<usize, String> {
    let made = generated(pass, selected)?;
    if !is_unmanaged(pass.object, pass.observed) {
        pass.put_configuration(&made.text)?;
    } else if !pass.observed.stored.secrets.contains_key(&pass.prefixed()) {
        pass.put_configuration("")?;
    }
    Ok(pass.put_tls_files(made))
}

fn generated(pass: &ServerPass<'_>, selected: &Selected) -> Result<Generated, String> {
    let spec = &pass.object.spec;
    let observed = pass.observed;
    let scope = observed.assets.within(&pass.object.metadata.namespace);
    let text = |reference: Option<&_>| {
        let text = scope.maybe_secret(reference);
        text.map_err(|error| error.explain())
    };
    let additional = Additional {
        scrape_configs: text(spec.common.additional_scrape_configs.as_ref())?,
        alert_relabel_configs: text(spec.additional_alert_relabel_configs.as_ref())?,
        alertmanager_configs: text(spec.additional_alert_manager_configs.as_ref())?,
    };
    server_configuration(
        pass.object,
        selected,
        &additional,
        &observed.assets,
        observed.options,
    )
    .map_err(|error| error.to_string())
}

fn shards(pass: &mut ServerPass<'_>, rules: &[String], tls_secrets: usize) -> Result<(), String> {
    let names = pass.shards();
    let observed = pass.observed;
    for (shard, name) in (0..).zip(&names) {
        pass.put_set(server_stateful_set(ServerInput {
            name,
            prometheus: pass.object,
            settings: &observed.settings,
            options: observed.options,
            shard,
            rule_config_maps: rules,
            tls_secrets,
            input_hash: "",
        }))?;
    }
    let spec = &pass.object.spec;
    let policies = observed.options.retention_policies;
    pass.end_others(&names, |stored| {
        excess_shard(spec, stored, policies, observed.now)
    });
    Ok(())
}
