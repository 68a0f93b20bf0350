//! What to write for one Prometheus, in upstream's order (`pkg/prometheus/server/operator.go`): rules, configuration, TLS
//! material, web configuration, Service, a StatefulSet for each shard, shards that are no longer wanted.

use std::collections::BTreeSet;

use runtime::{Effect, ObjectReference, Plan, Propagation};
use serde_json::Value;

use super::select::{Selection, select};
use crate::api::Prometheus;
use crate::api::kinds::ObjectMeta;
use crate::config::prometheus::{
    Additional, DEFAULT_VERSION, Generated, Options, server_configuration,
};
use crate::config::version::Version;
use crate::operator::decision::Decision;
use crate::operator::refusals::Refused;
use crate::operator::resources::{CONFIG_MAP, PROMETHEUS, SECRET, STATEFUL_SET};
use crate::operator::selecting::{Configuration, Selects as _};
use crate::operator::workload::Observed;
use crate::operator::{service, writes};
use crate::rules::{PROMETHEUS_CONFIG_MAPS, config_map_names, pack};
use crate::workload::{
    Data, Excess, PROMETHEUS_WEB_CONFIG, ServerInput, WEB_CONFIG_KEY, WebConfig, compressed,
    excess_shard, prometheus_selector, prometheus_service, rule_config_map, secret,
    server_stateful_set, shard_names, thanos_client_secret, tls_asset_secrets,
};

/// Key of the Secret with the configuration.
const CONFIG_KEY: &str = "prometheus.yaml.gz";

/// Decides about a Prometheus that is to be reconciled.
pub fn decide(prometheus: &Prometheus, observed: &Observed<Prometheus>) -> Decision {
    match Pass::new(observed, prometheus) {
        Ok(pass) => pass.decide(),
        Err(why) => Decision::of(Err(why)),
    }
}

/// One pass over a Prometheus that is to be reconciled.
struct Pass<'a> {
    observed: &'a Observed<Prometheus>,
    prometheus: &'a Prometheus,
    selection: Selection,
    effects: Vec<Effect>,
}

impl<'a> Pass<'a> {
    fn new(observed: &'a Observed<Prometheus>, prometheus: &'a Prometheus) -> Result<Self, String> {
        let given = prometheus.spec.common.version.as_deref();
        let given = given.filter(|version| !version.is_empty());
        let version = Version::parse(given.unwrap_or(DEFAULT_VERSION))
            .map_err(|error| format!("failed to parse Prometheus version: {error}"))?;
        for kind in Configuration::ALL {
            prometheus.wanted(kind)?;
        }
        Ok(Self {
            observed,
            prometheus,
            selection: select(prometheus, &version, observed),
            effects: Vec::new(),
        })
    }

    fn decide(mut self) -> Decision {
        let refused: BTreeSet<Refused> = self.selection.refused.iter().cloned().collect();
        let untold = refused.difference(&self.observed.told);
        self.effects.extend(untold.map(Refused::event));
        let remark = self.remark();
        let outcome = self.write();
        Decision {
            outcome: outcome.map(|()| Plan::of(self.effects)),
            refused,
            remark,
        }
    }

    fn remark(&self) -> Option<(&'static str, String)> {
        if self.is_unmanaged() {
            let text = "the configuration is managed by the user: no ServiceMonitor, PodMonitor, Probe and ScrapeConfig selector is set";
            return Some(("ConfigurationUnmanaged", text.to_owned()));
        }
        let nothing = "No ServiceMonitor, PodMonitor, Probe, ScrapeConfig, and PrometheusRule have been selected.";
        (self.selection.found == 0).then(|| ("NoSelectedResources", nothing.to_owned()))
    }

    /// Without any selector of jobs the configuration is the user's.
    fn is_unmanaged(&self) -> bool {
        let common = &self.prometheus.spec.common;
        common.service_monitor_selector.is_none()
            && common.pod_monitor_selector.is_none()
            && common.probe_selector.is_none()
            && common.scrape_config_selector.is_none()
    }

    fn write(&mut self) -> Result<(), String> {
        let rules = self.rules();
        self.selection.selected.rule_config_maps.clone_from(&rules);
        let tls_secrets = self.configuration()?;
        self.web_config()?;
        let thanos = thanos_client_secret(self.prometheus, &self.observed.settings);
        self.put_secret(&thanos);
        self.service()?;
        self.shards(&rules, tls_secrets)?;
        self.excess();
        Ok(())
    }

    fn prefix(&self) -> String {
        format!("prometheus-{}", self.prometheus.metadata.name)
    }

    fn put_secret(&mut self, wanted: &Value) {
        let stored = &self.observed.stored.secrets;
        self.effects
            .extend(writes::put_data(&SECRET, stored, wanted));
    }

    /// Rule files in `ConfigMap`s; their names, as pods mount them.
    fn rules(&mut self) -> Vec<String> {
        let prefix = self.prefix();
        let parts = pack(&self.selection.rules);
        let names = config_map_names(&prefix, parts.len(), PROMETHEUS_CONFIG_MAPS);
        let label = ("prometheus-name", self.prometheus.metadata.name.as_str());
        let settings = &self.observed.settings;
        let made = names.iter().zip(&parts);
        let wanted: Vec<Value> = made
            .map(|(name, files)| rule_config_map(self.prometheus, settings, name, label, files))
            .collect();
        let stored = &self.observed.stored.config_maps;
        let prefix = format!("{prefix}-rulefiles-");
        self.effects
            .extend(writes::put_numbered(&CONFIG_MAP, stored, &prefix, &wanted));
        names
    }

    /// The configuration and the TLS material it names; how many Secrets hold that.
    fn configuration(&mut self) -> Result<usize, String> {
        let name = self.prefix();
        let made = self.generated()?;
        let unmanaged = self.is_unmanaged();
        if !(unmanaged && self.observed.stored.secrets.contains_key(&name)) {
            let text = if unmanaged { "" } else { made.text.as_str() };
            let bytes = compressed(text).map_err(|error| error.to_string())?;
            let data = Data::from([(CONFIG_KEY.to_owned(), bytes)]);
            let wanted = secret(self.prometheus, &self.observed.settings, &name, &data);
            self.put_secret(&wanted);
        }
        let files = made.tls_files.into_iter();
        let files: Data = files.map(|(name, text)| (name, text.into())).collect();
        let wanted = tls_asset_secrets(self.prometheus, &self.observed.settings, &name, &files);
        let count = wanted.len();
        let stored = &self.observed.stored.secrets;
        let prefix = format!("{name}-tls-assets-");
        self.effects
            .extend(writes::put_numbered(&SECRET, stored, &prefix, &wanted));
        Ok(count)
    }

    fn generated(&self) -> Result<Generated, String> {
        let spec = &self.prometheus.spec;
        let namespace = &self.prometheus.metadata.namespace;
        let scope = self.observed.assets.within(namespace);
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
            self.prometheus,
            &self.selection.selected,
            &additional,
            &self.observed.assets,
            self.observed.options,
        )
        .map_err(|error| error.to_string())
    }

    fn web_config(&mut self) -> Result<(), String> {
        let name = format!("{}-web-config", self.prefix());
        let web = self.prometheus.spec.common.web.as_ref();
        let config = WebConfig::new(
            PROMETHEUS_WEB_CONFIG,
            &name,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        );
        let text = config.map_err(|error| error.to_string())?.text();
        let data = Data::from([(WEB_CONFIG_KEY.to_owned(), text.into_bytes())]);
        let wanted = secret(self.prometheus, &self.observed.settings, &name, &data);
        self.put_secret(&wanted);
        Ok(())
    }

    /// The governing Service; one that the Prometheus names must be there and select its pods.
    fn service(&mut self) -> Result<(), String> {
        let stored = self.observed.stored.service.as_ref();
        let Some(name) = self.prometheus.spec.common.service_name.as_deref() else {
            let wanted = prometheus_service(self.prometheus, &self.observed.settings);
            self.effects.extend(writes::put_service(stored, &wanted));
            return Ok(());
        };
        let ObjectMeta {
            name: own,
            namespace,
            ..
        } = &self.prometheus.metadata;
        service::check_named(stored, namespace, name, &prometheus_selector(own))
    }

    fn shards(&mut self, rules: &[String], tls_secrets: usize) -> Result<(), String> {
        let name = &self.prometheus.metadata.name;
        let names = shard_names("prometheus", name, &self.prometheus.spec.common);
        for (shard, name) in (0..).zip(&names) {
            let built = server_stateful_set(ServerInput {
                name,
                prometheus: self.prometheus,
                settings: &self.observed.settings,
                options: self.observed.options,
                shard,
                rule_config_maps: rules,
                tls_secrets,
                input_hash: "",
            });
            let built = built.map_err(|error| error.to_string())?;
            let stored = &self.observed.stored.stateful_sets;
            let writes = writes::put_stateful_set(stored, &self.observed.pods, &built.object);
            self.effects.extend(writes);
        }
        Ok(())
    }

    /// Shards that are no longer wanted.
    fn excess(&mut self) {
        let spec = &self.prometheus.spec;
        let wanted = shard_names("prometheus", &self.prometheus.metadata.name, &spec.common);
        let Options {
            retention_policies, ..
        } = self.observed.options;
        for (name, stored) in &self.observed.stored.stateful_sets {
            let going = machinery::meta::deletion_timestamp(stored).is_some();
            if going || wanted.contains(name) {
                continue;
            }
            match excess_shard(spec, stored, retention_policies, self.observed.now) {
                Ok(Excess::Delete) => {
                    let delete = writes::delete(&STATEFUL_SET, stored, Propagation::Foreground);
                    self.effects.push(delete);
                }
                Ok(Excess::Note(patch)) => {
                    let key = runtime::ObjectKey::of(stored);
                    self.effects
                        .push(Effect::merge_patch(STATEFUL_SET, key, patch));
                }
                Ok(Excess::Keep) => {}
                Err(why) => {
                    let regarding = ObjectReference::of(&PROMETHEUS, &self.observed.object);
                    let text = format!("shard {name} is kept: {why}");
                    self.effects
                        .push(Effect::warning(regarding, "InvalidRetention", text));
                }
            }
        }
    }
}
