//! Prometheus agents.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::operator::resources::{POD_MONITOR, PROMETHEUS_AGENT, SECRET, STATEFUL_SET};
use runtime::resource::SERVICE;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play_with};

const KINDS: &[&str] = &["PrometheusAgent"];

async fn agent(cluster: &Cluster, more: &Value) {
    let spec = json!({"podMonitorSelector": {}});
    let spec = machinery::patch::merge::apply(&spec, more);
    cluster
        .create(&PROMETHEUS_AGENT, "team", "edge", json!({"spec": spec}))
        .await;
}

async fn monitor(cluster: &Cluster, name: &str, endpoint: Value) {
    let spec = json!({"selector": {}, "podMetricsEndpoints": [endpoint]});
    cluster
        .create(&POD_MONITOR, "team", name, json!({"spec": spec}))
        .await;
}

async fn configuration(cluster: &Cluster) -> String {
    cluster
        .compressed("prom-agent-edge", "prometheus.yaml.gz")
        .await
}

async fn reconciled(cluster: &Cluster) -> Value {
    cluster
        .condition(&PROMETHEUS_AGENT, "edge", "Reconciled")
        .await
}

#[test]
fn an_agent_gets_all_it_needs_and_becomes_available() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        agent(cluster, &json!({"shards": 2})).await;
        monitor(cluster, "web", json!({"port": "http"})).await;
        cluster
            .until_condition(&PROMETHEUS_AGENT, "edge", "Available", "True")
            .await;
        let text = configuration(cluster).await;
        assert!(text.contains("job_name: podMonitor/team/web/0\n"), "{text}");
        assert!(
            !text.contains("__tmp_current_shard"),
            "no shard is retained"
        );
        for name in ["prom-agent-edge-tls-assets-0", "prom-agent-edge-web-config"] {
            assert!(cluster.get(&SECRET, name).await.is_some(), "{name}");
        }
        for name in ["prom-agent-edge", "prom-agent-edge-shard-1"] {
            let set = cluster.get(&STATEFUL_SET, name).await.unwrap();
            assert_eq!(set["spec"]["serviceName"], "prometheus-agent-operated");
        }
        let service = cluster.get(&SERVICE, "prometheus-agent-operated").await;
        assert_eq!(service.unwrap()["spec"]["clusterIP"], "None");
        let object = cluster.get(&PROMETHEUS_AGENT, "edge").await.unwrap();
        let status = &object["status"];
        assert_eq!(
            (&status["replicas"], &status["shards"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(status["shardStatuses"][1]["shardID"], "1");
        assert_eq!(reconciled(cluster).await["status"], "True");
        cluster.settled().await;
        let wake = json!({"metadata": {"labels": {"wake": "up"}}});
        cluster.merge(&POD_MONITOR, "web", wake).await;
        let written = cluster.written_within(Duration::from_mins(3)).await;
        assert_eq!(written, Vec::<String>::new());
        let change = json!({"spec": {"shards": 1}});
        cluster.merge(&PROMETHEUS_AGENT, "edge", change).await;
        cluster
            .until("the second shard is gone", async || {
                let second = "prom-agent-edge-shard-1";
                cluster.get(&STATEFUL_SET, second).await.is_none()
            })
            .await;
    });
}

#[test]
fn an_agent_tells_what_it_has_not_found_and_what_it_does_not_do() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        agent(cluster, &json!({"podMonitorSelector": null})).await;
        cluster
            .until("it says that nothing is selected", async || {
                reconciled(cluster).await["reason"] == "NoSelectedResources"
            })
            .await;
        assert_eq!(
            reconciled(cluster).await["message"],
            "No ServiceMonitor, PodMonitor, Probe, and ScrapeConfig have been selected."
        );
        // Without selectors its configuration is still ours.
        assert!(configuration(cluster).await.contains("scrape_configs: []"));
        let change = json!({"spec": {"mode": "DaemonSet"}});
        cluster.merge(&PROMETHEUS_AGENT, "edge", change).await;
        cluster
            .until_condition(&PROMETHEUS_AGENT, "edge", "Reconciled", "False")
            .await;
        assert_eq!(
            reconciled(cluster).await["message"],
            "feature gate for Prometheus Agent's DaemonSet mode is not enabled"
        );
    });
}
