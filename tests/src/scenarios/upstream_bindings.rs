//! Upstream's end-to-end tests of what selected objects say of the workloads that use them, under their names
//! (`test/e2e/status_subresource_test.go`). What each kind is tried with alike is [`Selected`]'s.

use anyhow::{Result, ensure};
use machinery::meta;
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    POD_MONITOR, PROBE, PROMETHEUS, PROMETHEUS_RULE, SCRAPE_CONFIG, SERVICE_MONITOR, text,
};
use crate::subjects::{SERVER, Subject};
use crate::workloads::{pod_monitor, probe, prometheus, rule, scrape_config, service_monitor};

/// A kind that is selected by the label `group: test`, and a workload that selects it.
pub struct Selected {
    resource: &'static ResourceRef,
    workload: &'static Subject,
    /// The field of the workload that selects.
    selector: &'static str,
    /// An object that is accepted.
    make: fn(&str) -> Value,
    /// A change of its spec after which it isn't.
    spoil: fn() -> Value,
}

/// Credentials of a Secret that isn't there.
fn no_secret() -> Value {
    json!({"username": {"name": "test", "key": "username"}})
}

fn spoilt_rule() -> Value {
    let rules = json!([{"record": "test:invalid", "expr": "invalid_expr{"}]);
    json!({"groups": [{"name": "test", "rules": rules}]})
}

static SERVICE_MONITORS: Selected = Selected {
    resource: &SERVICE_MONITOR,
    workload: &SERVER,
    selector: "serviceMonitorSelector",
    make: |name| service_monitor(name, &json!({"port": "web"})),
    spoil: || json!({"endpoints": [{"port": "web", "basicAuth": no_secret()}]}),
};

static POD_MONITORS: Selected = Selected {
    resource: &POD_MONITOR,
    workload: &SERVER,
    selector: "podMonitorSelector",
    make: |name| pod_monitor(name, "web"),
    spoil: || json!({"podMetricsEndpoints": [{"port": "web", "basicAuth": no_secret()}]}),
};

static PROBES: Selected = Selected {
    resource: &PROBE,
    workload: &SERVER,
    selector: "probeSelector",
    make: probe,
    spoil: || json!({"basicAuth": no_secret()}),
};

static SCRAPE_CONFIGS: Selected = Selected {
    resource: &SCRAPE_CONFIG,
    workload: &SERVER,
    selector: "scrapeConfigSelector",
    make: scrape_config,
    spoil: || json!({"basicAuth": no_secret()}),
};

static RULES: Selected = Selected {
    resource: &PROMETHEUS_RULE,
    workload: &SERVER,
    selector: "ruleSelector",
    make: |name| rule(name, "vector(1)"),
    spoil: spoilt_rule,
};

/// Rules of a Thanos Ruler.
pub static RULES_OF_A_RULER: Selected = Selected {
    workload: &crate::subjects::RULER,
    ..RULES
};

impl Selected {
    async fn running(&self, cluster: &Cluster) -> Result<Value> {
        let selects = json!({self.selector: {"matchLabels": {"group": "test"}}});
        self.workload.running(cluster, &selects).await
    }

    /// Makes an object of the group, and waits until the workload accepts it.
    async fn accepted(&self, cluster: &Cluster, name: &str) -> Result<Value> {
        let mut object = (self.make)(name);
        meta::set(&mut object, "labels", json!({"group": "test"}));
        cluster.apply(&object).await?;
        self.until(cluster, name, "True").await
    }

    /// Waits until the workload, and no other, says this of an object.
    async fn until(&self, cluster: &Cluster, name: &str, accepted: &str) -> Result<Value> {
        let user = format!("{} test {accepted}", self.workload.resource.plural);
        cluster.until_bound(self.resource, name, &[&user]).await
    }

    /// `…StatusSubresource`: each object says what became of it, and since when; that of others doesn't matter.
    pub async fn says_what_became_of_it(&self, cluster: &Cluster) -> Result<()> {
        let since = |object: &Value| {
            let first = "/status/bindings/0/conditions/0";
            text(object, &format!("{first}/lastTransitionTime")).to_owned()
        };
        self.running(cluster).await?;
        let before = self.accepted(cluster, "first").await?;
        ensure!(!since(&before).is_empty(), "no time: {before}");
        self.accepted(cluster, "second").await?;
        let label = json!({"metadata": {"labels": {"test": "test"}}});
        cluster.merge(self.resource, "first", label).await?;
        let bad = json!({"spec": (self.spoil)()});
        cluster.merge(self.resource, "second", bad).await?;
        self.until(cluster, "second", "False").await?;
        let after = self.until(cluster, "first", "True").await?;
        ensure!(
            since(&before) == since(&after),
            "{} became {}",
            since(&before),
            since(&after)
        );
        Ok(())
    }

    /// `GarbageCollectionOf…Binding`: what is no longer selected says nothing of the workload.
    pub async fn says_nothing_once_it_is_not_selected(&self, cluster: &Cluster) -> Result<()> {
        self.running(cluster).await?;
        self.accepted(cluster, "first").await?;
        let none = json!({"metadata": {"labels": null}});
        cluster.merge(self.resource, "first", none).await?;
        cluster
            .until_bound(self.resource, "first", &[])
            .await
            .map(drop)
    }

    /// `Rm…BindingDuringWorkloadDelete`: nothing is said of a workload that is gone.
    pub async fn says_nothing_of_what_is_gone(&self, cluster: &Cluster) -> Result<()> {
        self.running(cluster).await?;
        self.accepted(cluster, "first").await?;
        let workload = self.workload.resource;
        cluster.until_deleted(workload, "test").await?;
        cluster
            .until_bound(self.resource, "first", &[])
            .await
            .map(drop)
    }
}

/// testServiceMonitorStatusSubresource
pub async fn service_monitor_status_subresource(cluster: &Cluster) -> Result<()> {
    SERVICE_MONITORS.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfServiceMonitorBinding
pub async fn garbage_collection_of_service_monitor_binding(cluster: &Cluster) -> Result<()> {
    SERVICE_MONITORS
        .says_nothing_once_it_is_not_selected(cluster)
        .await
}

/// testRmServiceMonitorBindingDuringWorkloadDelete
pub async fn rm_service_monitor_binding_during_workload_delete(cluster: &Cluster) -> Result<()> {
    SERVICE_MONITORS.says_nothing_of_what_is_gone(cluster).await
}

/// testServiceMonitorStatusWithMultipleWorkloads
pub async fn service_monitor_status_with_multiple_workloads(cluster: &Cluster) -> Result<()> {
    let denied = json!({"arbitraryFSAccessThroughSMs": {"deny": true}});
    for (name, more) in [("server1", json!({})), ("server2", denied)] {
        cluster.apply(&prometheus(name, &more)).await?;
        cluster.until_ready(&PROMETHEUS, name).await?;
    }
    let file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    let endpoint = json!({"port": "web", "bearerTokenFile": file});
    cluster.apply(&service_monitor("first", &endpoint)).await?;
    let users = ["prometheuses server1 True", "prometheuses server2 False"];
    cluster
        .until_bound(&SERVICE_MONITOR, "first", &users)
        .await
        .map(drop)
}

/// testPodMonitorStatusSubresource
pub async fn pod_monitor_status_subresource(cluster: &Cluster) -> Result<()> {
    POD_MONITORS.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfPodMonitorBinding
pub async fn garbage_collection_of_pod_monitor_binding(cluster: &Cluster) -> Result<()> {
    POD_MONITORS
        .says_nothing_once_it_is_not_selected(cluster)
        .await
}

/// testRmPodMonitorBindingDuringWorkloadDelete
pub async fn rm_pod_monitor_binding_during_workload_delete(cluster: &Cluster) -> Result<()> {
    POD_MONITORS.says_nothing_of_what_is_gone(cluster).await
}

/// testProbeStatusSubresource
pub async fn probe_status_subresource(cluster: &Cluster) -> Result<()> {
    PROBES.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfProbeBinding
pub async fn garbage_collection_of_probe_binding(cluster: &Cluster) -> Result<()> {
    PROBES.says_nothing_once_it_is_not_selected(cluster).await
}

/// testRmProbeBindingDuringWorkloadDelete
pub async fn rm_probe_binding_during_workload_delete(cluster: &Cluster) -> Result<()> {
    PROBES.says_nothing_of_what_is_gone(cluster).await
}

/// testScrapeConfigStatusSubresource
pub async fn scrape_config_status_subresource(cluster: &Cluster) -> Result<()> {
    SCRAPE_CONFIGS.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfScrapeConfigBinding
pub async fn garbage_collection_of_scrape_config_binding(cluster: &Cluster) -> Result<()> {
    SCRAPE_CONFIGS
        .says_nothing_once_it_is_not_selected(cluster)
        .await
}

/// testRmScrapeConfigBindingDuringWorkloadDelete
pub async fn rm_scrape_config_binding_during_workload_delete(cluster: &Cluster) -> Result<()> {
    SCRAPE_CONFIGS.says_nothing_of_what_is_gone(cluster).await
}

/// testPrometheusRuleStatusSubresource
pub async fn prometheus_rule_status_subresource(cluster: &Cluster) -> Result<()> {
    RULES.says_what_became_of_it(cluster).await
}

/// testGarbageCollectionOfPrometheusRuleBinding
pub async fn garbage_collection_of_prometheus_rule_binding(cluster: &Cluster) -> Result<()> {
    RULES.says_nothing_once_it_is_not_selected(cluster).await
}

/// testRmPrometheusRuleBindingDuringWorkloadDelete
pub async fn rm_prometheus_rule_binding_during_workload_delete(cluster: &Cluster) -> Result<()> {
    RULES.says_nothing_of_what_is_gone(cluster).await
}
