//! Rules over several fields, in the Common Expression Language. Their texts are upstream's, because clients show them.

use serde_json::{Value, json};

/// `sigv4`: the external ID belongs to a role.
pub(super) fn sigv4() -> Value {
    json!([{
        "message": "externalId can only be used when roleArn is specified",
        "rule": "!has(self.externalId) || has(self.roleArn)",
    }])
}

/// `updateStrategy`: only a rolling update has details.
pub(super) fn stateful_set_update_strategy() -> Value {
    json!([{
        "message": "rollingUpdate requires type to be RollingUpdate",
        "rule": "!(self.type != 'RollingUpdate' && has(self.rollingUpdate))",
    }])
}

/// `shardingStrategy`: zones belong to one mode.
pub(super) fn sharding_strategy() -> Value {
    json!([{
        "message": "topology can only be defined when mode is set to 'Topology'",
        "rule": "!has(self.topology) || (has(self.mode) && self.mode == 'Topology')",
    }])
}

/// ScrapeConfig: one way to authenticate.
pub(super) fn scrape_config_spec() -> Value {
    json!([{
        "message": "at most one of basicAuth, authorization, or oauth2 can be configured",
        "rule": "[has(self.basicAuth), has(self.authorization), has(self.oauth2)].filter(x, x).size() <= 1",
    }])
}

/// Prometheus: a shard for each zone.
pub(super) fn prometheus_spec() -> Value {
    json!([enough_shards()])
}

/// PrometheusAgent: what a DaemonSet can't have, and a shard for each zone.
pub(super) fn prometheus_agent_spec() -> Value {
    let unset = |field: &str| {
        json!({
            "message": format!("{field} cannot be set when mode is DaemonSet"),
            "rule": format!("!(has(self.mode) && self.mode == 'DaemonSet' && has(self.{field}))"),
        })
    };
    json!([
        unset("replicas"),
        unset("storage"),
        {
            "message": "shards cannot be greater than 1 when mode is DaemonSet",
            "rule": "!(has(self.mode) && self.mode == 'DaemonSet' && has(self.shards) && self.shards > 1)",
        },
        unset("persistentVolumeClaimRetentionPolicy"),
        unset("scrapeConfigSelector"),
        unset("probeSelector"),
        unset("scrapeConfigNamespaceSelector"),
        unset("probeNamespaceSelector"),
        unset("serviceMonitorSelector"),
        unset("serviceMonitorNamespaceSelector"),
        unset("additionalScrapeConfigs"),
        unset("shardingStrategy"),
        enough_shards(),
    ])
}

fn enough_shards() -> Value {
    json!({
        "message": "shards must be greater than or equal to the number of topology values when sharding strategy mode is Topology",
        "rule": concat!(
            "!has(self.shardingStrategy) || !has(self.shardingStrategy.mode) || ",
            "self.shardingStrategy.mode != 'Topology' || !has(self.shardingStrategy.topology) || ",
            "!has(self.shardingStrategy.topology.values) || ",
            "self.shardingStrategy.topology.values.size() == 0 || ",
            "(has(self.shards) ? self.shards : 1) >= self.shardingStrategy.topology.values.size()",
        ),
    })
}
