//! The rules that keep the targets of one shard.

use super::generator::Generator;
use super::relabel::Rules;
use crate::config::yaml::Mapping;

const HASH: &str = "__tmp_hash";
const DISABLED: &str = "__tmp_disable_sharding";
const ZONE: &str = "__tmp_topology";

impl Generator<'_> {
    /// The zones that shards are spread over, if they are.
    pub(crate) fn zones(&self) -> Option<&[String]> {
        let strategy = self
            .common
            .sharding_strategy
            .as_ref()
            .filter(|_| self.options.topology_sharding)?;
        if strategy.mode.as_deref() != Some("Topology") {
            return None;
        }
        let zones = strategy.topology.as_ref()?.values.as_slice();
        (!zones.is_empty()).then_some(zones)
    }

    /// Whether node metadata must be attached, because the zone of a target is known by its node alone.
    pub(super) fn needs_node_zone(&self) -> bool {
        self.zones().is_some() && !self.options.pod_topology_labels
    }

    /// Appends the rules of a shard, by the label with the address of the target.
    pub(super) fn shard_by(&self, rules: &mut Rules, address: &str) {
        let shards = self.shards();
        if self.options.retention_policies {
            rules.0.push(
                Mapping::new()
                    .with("target_label", "__tmp_current_shard")
                    .with("replacement", "$(SHARD)")
                    .with("action", "replace"),
            );
            let wanted: Vec<String> = (0..shards).map(|shard| shard.to_string()).collect();
            rules
                .0
                .push(keep(["__tmp_current_shard"].as_slice(), &wanted.join("|")));
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

    /// The same, unless the user has a rule of that kind already.
    pub(super) fn shard_unless_hashed(&self, rules: &mut Rules) {
        if !rules.has_hashmod() {
            self.shard_by(rules, "__address__");
        }
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
