//! What to write for one Prometheus, in upstream's order (`pkg/prometheus/server/operator.go`): rules, configuration, TLS
//! material, web configuration, Service, a StatefulSet for each shard, shards that are no longer wanted.

use std::sync::Arc;

use crate::api::Prometheus;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::prometheus::PrometheusSpec;
use crate::api::status::PrometheusStatus;
use crate::config::assets::Scope;
use crate::config::prometheus::{
    Additional, ConfigError, Generator, Selected, server_configuration,
};
use crate::config::version::Version;
use crate::operator::decision::{Decision, Remark, deprecated};
use crate::operator::pass::Pass;
use crate::operator::rendering::Rendering;
use crate::operator::rule_files::Enforced;
use crate::operator::scraping::{Origin, With, additional_text, uneven};
use crate::operator::workload::Observed;
use crate::promql;
use crate::rules::{Format, PROMETHEUS_CONFIG_MAPS, Reader};
use crate::selection::{Check, check_common, check_server};
use crate::workload::{
    Secrets, ServerInput, excess_shard, prometheus_service, server_stateful_set,
    thanos_client_secret,
};

const NOTHING: &str =
    "No ServiceMonitor, PodMonitor, Probe, ScrapeConfig, and PrometheusRule have been selected.";
const UNMANAGED: &str = "the operator doesn't manage the Prometheus configuration secret because neither serviceMonitorSelector nor podMonitorSelector, nor probeSelector, nor scrapeConfigSelector is specified. Unmanaged Prometheus configuration is deprecated, use additionalScrapeConfigs or the ScrapeConfig Custom Resource Definition instead. Unmanaged Prometheus configuration can also be disabled from the operator's command-line (check './operator --help').";

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
    let rules = rules(pass, &version);
    let secrets = if is_unmanaged(pass.object, pass.observed) {
        unmanaged(pass, &rules)?
    } else {
        configuration(pass, &version, &rules)?
    };
    pass.put_web()?;
    pass.put_made_secret(thanos_client_secret(pass.object, pass.settings()));
    let named = pass.object.spec.common.service_name.as_deref();
    pass.put_service(named, prometheus_service)?;
    shards(pass, &rules, secrets)
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
    uneven(&prometheus.spec.common, observed.setup.options).or_else(|| old_fields(prometheus))
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
    !observed.setup.settings.always_managed && selects_no_jobs(&prometheus.spec.common)
}

/// Whether there is no selector of jobs at all.
pub fn selects_no_jobs(common: &CommonPrometheusFields) -> bool {
    common.service_monitor_selector.is_none()
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
    pass.put_rules(files, "prometheus-name", PROMETHEUS_CONFIG_MAPS)
}

/// The configuration is the user's; only TLS material is written. How many Secrets pods mount.
fn unmanaged(pass: &mut ServerPass<'_>, rules: &[String]) -> Result<Secrets, String> {
    let observed = pass.observed;
    let selected = Selected {
        rule_config_maps: rules.to_vec(),
        ..Selected::default()
    };
    let additional = Additional::default();
    let (assets, options) = (&observed.assets, observed.setup.options);
    let made = server_configuration(pass.object, &selected, &additional, assets, options);
    let made = made.map_err(|error| error.to_string())?;
    pass.note(made.warnings);
    if !observed.stored.secrets.contains_key(&pass.prefixed()) {
        pass.put_empty_configuration();
    }
    Ok(Secrets {
        tls: pass.put_tls_files(made.tls_files),
        configuration: 0,
    })
}

/// The configuration and the TLS material it names; how many Secrets pods mount.
fn configuration(
    pass: &mut ServerPass<'_>,
    version: &Version,
    rules: &[String],
) -> Result<Secrets, String> {
    let (prometheus, observed) = (pass.object, pass.observed);
    let (spec, metadata) = (&prometheus.spec, &prometheus.metadata);
    let (common, scope) = (&spec.common, observed.assets.within(&metadata.namespace));
    let check = Check {
        common,
        version,
        scope,
    };
    // What objects are left out for is told of, whatever keeps the workload itself from going on.
    let checked = check_common(check).and_then(|()| check_server(spec, check));
    let texts = additional_texts(spec, scope);
    let checked = checked.and(texts);

    let said = |error: ConfigError| error.to_string();
    let options = observed.setup.options.of_server(spec);
    let assets = &observed.assets;
    let generator = match Generator::new(common, metadata, assets, options) {
        Ok(generator) => generator,
        Err(error) => return Err(checked.err().unwrap_or_else(|| said(error))),
    };
    let head = generator.head_of_server(prometheus, rules).map_err(said);
    let with = With::new(&generator, version, head.as_ref().ok());
    let before = Arc::clone(&pass.memory.jobs);
    let mut rendering = Rendering::new(&before);
    pass.render_all(&mut rendering, &observed.candidates.jobs, &with);
    let [jobs, relabelings, managers] = checked?;
    let mut frame = head?;
    if let Some(origin) = &relabelings {
        let checked = with
            .reader
            .additional_relabelings(&origin.text, &with.global);
        checked.map_err(|fault| origin.refused(&with.refuses("it", &fault)))?;
    }
    if let Some(origin) = &managers {
        let checked = with
            .reader
            .additional_alertmanagers(&origin.text, &with.global);
        checked.map_err(|fault| origin.refused(&with.refuses("it", &fault)))?;
    }
    let any_more = with.append(&mut rendering, jobs.as_ref())?;
    let additional = Additional {
        scrape_configs: None,
        alert_relabel_configs: relabelings.map(|origin| origin.text),
        alertmanager_configs: managers.map(|origin| origin.text),
    };
    let tail = generator.tail_of_server(&mut frame, prometheus, &additional);
    tail.map_err(said)?;
    pass.put_rendered(rendering, frame, (&with, any_more))
}

/// What the workload has in Prometheus' own syntax: jobs, relabelings of alerts, Alertmanagers.
fn additional_texts(
    spec: &PrometheusSpec,
    scope: Scope<'_>,
) -> Result<[Option<Origin>; 3], String> {
    let jobs = spec.common.additional_scrape_configs.as_ref();
    let relabelings = spec.additional_alert_relabel_configs.as_ref();
    let managers = spec.additional_alert_manager_configs.as_ref();
    Ok([
        additional_text(scope, "additionalScrapeConfigs", jobs)?,
        additional_text(scope, "additionalAlertRelabelConfigs", relabelings)?,
        additional_text(scope, "additionalAlertManagerConfigs", managers)?,
    ])
}

fn shards(pass: &mut ServerPass<'_>, rules: &[String], secrets: Secrets) -> Result<(), String> {
    let names = pass.shards();
    let observed = pass.observed;
    for (shard, name) in (0..).zip(&names) {
        pass.put_set(server_stateful_set(ServerInput {
            name,
            prometheus: pass.object,
            settings: &observed.setup.settings,
            options: observed.setup.options,
            shard,
            rule_config_maps: rules,
            secrets,
            input_hash: "",
        }))?;
    }
    let spec = &pass.object.spec;
    let policies = observed.setup.options.retention_policies;
    pass.end_others(&names, |stored| {
        excess_shard(spec, stored, policies, observed.now)
    });
    Ok(())
}
