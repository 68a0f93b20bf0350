//! Prometheus agents.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::operator::resources::{
    DAEMON_SET, POD_MONITOR, PROMETHEUS_AGENT, SECRET, STATEFUL_SET,
};
use monitoring::run::Gates;
use runtime::resource::SERVICE;
use runtime::{ObjectKey, Patch};
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
            "feature gate for Prometheus Agent's DaemonSet mode is not enabled: start the operator with \
             --feature-gates=PrometheusAgentDaemonSet=true; or set spec.mode of PrometheusAgent team/edge, which is \
             DaemonSet, to StatefulSet"
        );
    });
}

fn on_every_node() -> RunOptions {
    RunOptions {
        gates: Gates {
            daemon_sets: true,
            ..Gates::default()
        },
        ..RunOptions::default()
    }
}

/// Waits until the agent says that a pod of the newest template is ready on every node.
async fn until_everywhere(cluster: &Cluster) -> Value {
    cluster
        .until("a new pod is ready on every node", async || {
            let Some(set) = cluster.get(&DAEMON_SET, "prom-agent-edge").await else {
                return false;
            };
            let agent = cluster.get(&PROMETHEUS_AGENT, "edge").await.unwrap();
            let nodes = &set["status"]["desiredNumberScheduled"];
            let counts = ["replicas", "updatedReplicas", "availableReplicas"];
            set["status"]["observedGeneration"] == set["metadata"]["generation"]
                && nodes.as_i64() > Some(0)
                && counts.iter().all(|count| agent["status"][count] == *nodes)
        })
        .await;
    cluster
        .until_condition(&PROMETHEUS_AGENT, "edge", "Available", "True")
        .await;
    cluster.get(&DAEMON_SET, "prom-agent-edge").await.unwrap()
}

#[test]
fn an_agent_on_every_node_scrapes_the_pods_of_its_node() {
    play_with(KINDS, on_every_node(), async |cluster| {
        agent(cluster, &json!({"mode": "DaemonSet"})).await;
        monitor(cluster, "web", json!({"port": "http"})).await;
        let set = until_everywhere(cluster).await;
        assert_eq!(
            set["metadata"]["annotations"]["prometheus-operator-input-hash"],
            Value::Null
        );
        let text = configuration(cluster).await;
        assert!(text.contains("field: spec.nodeName=$(NODE_NAME)"), "{text}");
        assert_eq!(reconciled(cluster).await["status"], "True");
        let service = cluster.get(&SERVICE, "prometheus-agent-operated").await;
        assert_eq!(service, None);
        // What others do to it is taken back, and what nobody changed isn't written.
        let image = set["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "theirs"}]);
        let key = ObjectKey::new("team", "prom-agent-edge");
        let patch = Patch::Json(patch);
        let patched = cluster.client.patch(&DAEMON_SET, &key, None, &patch).await;
        patched.unwrap();
        cluster
            .until("the image is taken back", async || {
                let set = cluster.get(&DAEMON_SET, "prom-agent-edge").await.unwrap();
                set["spec"]["template"]["spec"]["containers"][0]["image"] == image
            })
            .await;
        cluster.settled().await;
        let wake = json!({"metadata": {"labels": {"wake": "up"}}});
        cluster.merge(&POD_MONITOR, "web", wake).await;
        let written = cluster.written_within(Duration::from_mins(3)).await;
        assert_eq!(written, Vec::<String>::new());
    });
}

#[test]
fn an_agent_that_changes_its_mode_leaves_nothing_of_the_other_one() {
    play_with(KINDS, on_every_node(), async |cluster| {
        agent(cluster, &json!({"shards": 2})).await;
        cluster
            .until_condition(&PROMETHEUS_AGENT, "edge", "Available", "True")
            .await;
        let change = json!({"spec": {"mode": "DaemonSet", "shards": 1}});
        cluster.merge(&PROMETHEUS_AGENT, "edge", change).await;
        until_everywhere(cluster).await;
        cluster
            .until("no StatefulSet is left", async || {
                let (first, second) = ("prom-agent-edge", "prom-agent-edge-shard-1");
                let first = cluster.get(&STATEFUL_SET, first).await;
                first.is_none() && cluster.get(&STATEFUL_SET, second).await.is_none()
            })
            .await;
        let change = json!({"spec": {"mode": "StatefulSet"}});
        cluster.merge(&PROMETHEUS_AGENT, "edge", change).await;
        cluster
            .until("no DaemonSet is left", async || {
                let set = cluster.get(&DAEMON_SET, "prom-agent-edge").await;
                set.is_none()
                    && cluster
                        .get(&STATEFUL_SET, "prom-agent-edge")
                        .await
                        .is_some()
            })
            .await;
        cluster
            .until_condition(&PROMETHEUS_AGENT, "edge", "Available", "True")
            .await;
        cluster.settled().await;
        let text = configuration(cluster).await;
        assert!(!text.contains("NODE_NAME"), "{text}");
    });
}
