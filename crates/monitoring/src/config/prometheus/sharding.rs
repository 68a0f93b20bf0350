//! The rules that keep the targets of one shard.

use super::generator::{Generator, Options};
use super::relabel::Rules;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::prometheus::PrometheusSpec;
use crate::config::yaml::Mapping;

const HASH: &str = "__tmp_hash";
const DISABLED: &str = "__tmp_disable_sharding";
const ZONE: &str = "__tmp_topology";

/// The zones that shards are spread over, if they are.
fn zones(common: &CommonPrometheusFields, options: Options) -> Option<&[String]> {
    let strategy = common
        .sharding_strategy
        .as_ref()
        .filter(|_| options.topology_sharding)?;
    if strategy.mode.as_deref() != Some("Topology") {
        return None;
    }
    let zones = strategy.topology.as_ref()?.values.as_slice();
    (!zones.is_empty()).then_some(zones)
}

/// What is wrong with a number of shards that zones don't share evenly: each zone has as many shards with targets as
/// all have, and what is above that scrapes nothing.
pub fn uneven_shards(common: &CommonPrometheusFields, options: Options) -> Option<String> {
    let zones = zones(common, options)?.len();
    let shards = usize::try_from(common.shards.unwrap_or(1).max(1)).ok()?;
    let at_work = shards / zones * zones;
    if at_work == 0 {
        return Some(format!(
            "spec.shards is {shards}, fewer than the {zones} zones of spec.shardingStrategy: targets in {} of them are scraped by nobody; set it to {zones} at least",
            zones - shards
        ));
    }
    (shards > at_work).then(|| {
        format!(
            "spec.shards is {shards}, which {zones} zones of spec.shardingStrategy can't share evenly: the shards from {at_work} on scrape nothing; set it to {at_work} or {}",
            at_work + zones
        )
    })
}

impl Options {
    /// The same for one Prometheus.
    #[must_use]
    pub fn of_server(self, spec: &PrometheusSpec) -> Self {
        Self {
            retains_shards: self.retention_policies && spec.retained_shards().is_some(),
            ..self
        }
    }
}

impl Generator<'_> {
    /// The zones that shards are spread over, if they are.
    pub(crate) fn zones(&self) -> Option<&[String]> {
        zones(self.common, self.options)
    }

    /// Whether node metadata must be attached, because the zone of a target is known by its node alone.
    pub(super) fn needs_node_zone(&self) -> bool {
        self.zones().is_some() && !self.options.pod_topology_labels
    }

    /// Appends the rules of a shard, by the label with the address of the target.
    pub(super) fn shard_by(&self, rules: &mut Rules, address: &str) {
        let shards = self.shards();
        if self.options.retention_policies {
            self.unless_retained(rules);
        }
        let mut modulus = shards;
        let mut variable = "SHARD";
        if let Some(zones) = self.zones() {
            let zones = i32::try_from(zones.len()).unwrap_or(i32::MAX);
            modulus = shards.checked_div(zones).unwrap_or_default().max(1);
            variable = "INZONE_SHARD";
            self.shard_by_zone(rules);
        }
        rules.0.push(unless_set(&[address, HASH], HASH, "(.+);"));
        rules.0.push(
            Mapping::new()
                .with("source_labels", [HASH])
                .with("target_label", HASH)
                .with("modulus", modulus)
                .with("action", "hashmod"),
        );
        rules
            .0
            .push(keep(&[HASH, DISABLED], &format!("$({variable});|.+;.+")));
    }

    /// Whether a job that needn't be shared has rules of a shard, see [`Self::shard_unless_hashed`].
    pub(super) fn shards_all_jobs(&self) -> bool {
        self.shards() != 1 || self.options.retains_shards
    }

    /// The same, unless the user has a rule of that kind already: what a retained shard drops is no matter of the user's.
    pub(super) fn shard_unless_hashed(&self, rules: &mut Rules) {
        if !rules.has_hashmod() {
            self.shard_by(rules, "__address__");
        } else if self.options.retains_shards {
            self.unless_retained(rules);
        }
    }

    /// Drops the targets of a shard that is no longer wanted.
    fn unless_retained(&self, rules: &mut Rules) {
        rules.0.push(
            Mapping::new()
                .with("target_label", "__tmp_current_shard")
                .with("replacement", "$(SHARD)")
                .with("action", "replace"),
        );
        let wanted: Vec<String> = (0..self.shards()).map(|shard| shard.to_string()).collect();
        rules
            .0
            .push(keep(["__tmp_current_shard"].as_slice(), &wanted.join("|")));
    }

    fn shard_by_zone(&self, rules: &mut Rules) {
        rules.0.push(unless_set(
            &["__meta_kubernetes_endpointslice_endpoint_zone", ZONE],
            ZONE,
            "(.+);",
        ));
        let owner = if self.options.pod_topology_labels {
            "pod"
        } else {
            "node"
        };
        let label = format!("__meta_kubernetes_{owner}_label_topology_kubernetes_io_zone");
        let present = format!("__meta_kubernetes_{owner}_labelpresent_topology_kubernetes_io_zone");
        rules
            .0
            .push(unless_set(&[&label, &present, ZONE], ZONE, "(.+);true;"));
        rules
            .0
            .push(keep(&[ZONE, DISABLED], "$(TOPOLOGY_ZONE);|.+;.+"));
    }
}

/// Fills a label from others unless it is set, which the end of the pattern says.
fn unless_set(from: &[&str], to: &str, regex: &str) -> Mapping {
    Mapping::new()
        .with("source_labels", from.to_vec())
        .with("target_label", to)
        .with("regex", regex)
        .with("replacement", "$1")
        .with("action", "replace")
}

fn keep(from: &[&str], regex: &str) -> Mapping {
    Mapping::new()
        .with("source_labels", from.to_vec())
        .with("regex", regex)
        .with("action", "keep")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::kinds::ObjectMeta;
    use crate::config::assets::Assets;
    use crate::config::yaml::IntoNode as _;
    use serde_json::json;

    #[test]
    fn a_retained_shard_drops_what_needn_t_be_shared_too() {
        let mine = "- job_name: own\n- job_name: mine\n  relabel_configs:\n  - action: hashmod\n    target_label: mine\n";
        let actions = |spec: serde_json::Value, retention_policies: bool| {
            let spec: PrometheusSpec = serde_json::from_value(spec).unwrap();
            let options = Options {
                retention_policies,
                ..Options::default()
            };
            let (metadata, assets) = (ObjectMeta::default(), Assets::default());
            let options = options.of_server(&spec);
            let generator = Generator::new(&spec.common, &metadata, &assets, options).unwrap();
            let jobs = generator.additional_jobs(mine).unwrap();
            let actions = |job: Mapping| {
                let text = job.into_node().to_yaml();
                let actions = text.lines().filter_map(|line| line.split_once("action: "));
                let actions: Vec<String> = actions.map(|(_, action)| action.to_owned()).collect();
                actions.join(" ")
            };
            jobs.into_iter().map(actions).collect::<Vec<_>>()
        };
        let retain = json!({"shardRetentionPolicy": {"whenScaled": "Retain"}});
        let share = "replace keep replace hashmod keep";
        assert_eq!(
            actions(retain.clone(), true),
            [share, "hashmod replace keep"]
        );
        for (spec, policies) in [
            (retain, false),
            (
                json!({"shardRetentionPolicy": {"whenScaled": "Delete"}}),
                true,
            ),
            (json!({}), true),
        ] {
            assert_eq!(actions(spec, policies), ["", "hashmod"]);
        }
    }

    #[test]
    fn shards_that_no_zone_has_targets_for_are_told() {
        let said = |shards: i32, zones: &[&str], topology_sharding: bool| {
            let common: CommonPrometheusFields = serde_json::from_value(json!({
                "shards": shards,
                "shardingStrategy": {"mode": "Topology", "topology": {"values": zones}},
            }))
            .unwrap();
            let options = Options {
                topology_sharding,
                ..Options::default()
            };
            uneven_shards(&common, options)
        };
        assert_eq!(said(4, &["a", "b"], true), None);
        assert_eq!(said(1, &["a"], true), None);
        assert_eq!(said(5, &[], true), None);
        assert_eq!(said(5, &["a", "b"], false), None);
        assert_eq!(
            said(5, &["a", "b"], true).as_deref(),
            Some(
                "spec.shards is 5, which 2 zones of spec.shardingStrategy can't share evenly: the shards from 4 on scrape nothing; set it to 4 or 6"
            )
        );
        let few = said(1, &["a", "b", "c"], true).unwrap();
        assert!(few.contains("targets in 2 of them"), "{few}");
    }
}
