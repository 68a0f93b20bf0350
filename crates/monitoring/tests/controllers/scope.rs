//! What is looked after, and what is switched on.

use std::time::Duration;

use monitoring::RunOptions;
use monitoring::operator::resources::{
    PROMETHEUS, SECRET, SERVICE_MONITOR, STATEFUL_SET, THANOS_RULER,
};
use monitoring::operator::watched::{Namespaces, Watch};
use monitoring::run::{Bindings, Gates, Selectors};
use serde_json::{Value, json};

use crate::cluster::{Cluster, play_with};

async fn prometheus(cluster: &Cluster, name: &str, annotations: Value) {
    let spec = json!({"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {}});
    let object = json!({"metadata": {"annotations": annotations}, "spec": spec});
    cluster.create(&PROMETHEUS, "team", name, object).await;
}

async fn monitor(cluster: &Cluster, namespace: &str) {
    let spec = json!({"selector": {}, "endpoints": [{"port": "http"}]});
    cluster
        .create(&SERVICE_MONITOR, namespace, "web", json!({"spec": spec}))
        .await;
}

#[test]
fn denied_namespaces_and_workloads_of_others_are_left_alone() {
    let denied = Namespaces::Except(["other".to_owned()].into_iter().collect());
    let options = RunOptions {
        namespaces: denied.clone(),
        prometheuses: Watch {
            namespaces: denied,
            controller_id: "me".to_owned(),
            ..Watch::default()
        },
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        cluster.namespace("other", &json!({})).await;
        let id = |id: &str| json!({"operator.prometheus.io/controller-id": id});
        prometheus(cluster, "mine", id("me")).await;
        prometheus(cluster, "yours", id("you")).await;
        for namespace in ["team", "other"] {
            monitor(cluster, namespace).await;
        }
        cluster
            .until_condition(&PROMETHEUS, "mine", "Available", "True")
            .await;
        cluster.settled().await;
        let text = cluster.configuration("mine").await;
        assert!(text.contains("serviceMonitor/team/web/0"), "{text}");
        assert!(!text.contains("serviceMonitor/other/web/0"), "{text}");
        let set = cluster.get(&STATEFUL_SET, "prometheus-yours").await;
        assert_eq!(set, None);
        // Nothing of the denied namespace is even sent, where all that is asked for is denied there.
        for plural in ["servicemonitors", "podmonitors", "prometheuses"] {
            let queries = cluster.queries();
            let mut queries = queries.iter().filter(|(path, _)| path.ends_with(plural));
            assert!(
                queries.all(|(_, query)| query.contains("fieldSelector=metadata.namespace")),
                "{:?}",
                cluster.queries()
            );
        }
    });
}

#[test]
fn each_of_several_namespaces_is_watched_by_itself() {
    let both = Namespaces::Only(["other", "team"].map(str::to_owned).into());
    let watch = Watch {
        namespaces: both.clone(),
        ..Watch::default()
    };
    let options = RunOptions {
        namespaces: both.clone(),
        alertmanager_configs: both,
        prometheuses: watch.clone(),
        alertmanagers: watch.clone(),
        thanos_rulers: watch,
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        for namespace in ["other", "third"] {
            cluster.namespace(namespace, &json!({})).await;
        }
        prometheus(cluster, "one", json!({})).await;
        for namespace in ["team", "other", "third"] {
            monitor(cluster, namespace).await;
        }
        cluster
            .until_condition(&PROMETHEUS, "one", "Available", "True")
            .await;
        cluster.settled().await;
        let text = cluster.configuration("one").await;
        for (namespace, is) in [("team", true), ("other", true), ("third", false)] {
            let job = format!("serviceMonitor/{namespace}/web/0");
            assert_eq!(text.contains(&job), is, "{job} in\n{text}");
        }
        let (of_cluster, of_namespaces): (Vec<String>, Vec<String>) = cluster
            .collections()
            .into_iter()
            .partition(|path| !path.contains("/namespaces/"));
        assert_eq!(of_cluster, ["/api/v1/namespaces"]);
        for namespace in ["other", "team"] {
            let wanted = format!("/namespaces/{namespace}/secrets");
            let mut all = of_namespaces.iter();
            assert!(all.any(|path| path.ends_with(&wanted)), "{of_namespaces:?}");
        }
        let mut all = of_namespaces.iter();
        assert!(
            all.all(|path| !path.contains("/third/")),
            "{of_namespaces:?}"
        );
    });
}

#[test]
fn zones_are_read_from_pods_where_kubernetes_puts_them_there() {
    play_with(&[], RunOptions::default(), async |cluster| {
        let spec = json!({
            "serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {}, "shards": 2,
            "serviceDiscoveryRole": "EndpointSlice",
            "shardingStrategy": {"mode": "Topology", "topology": {"values": ["a", "b"]}},
        });
        cluster
            .create(&PROMETHEUS, "team", "zones", json!({"spec": spec}))
            .await;
        monitor(cluster, "team").await;
        cluster
            .until("it has its job", async || {
                let text = cluster.configuration("zones").await;
                text.contains("serviceMonitor/team/web/0")
            })
            .await;
        let text = cluster.configuration("zones").await;
        let label = "__meta_kubernetes_pod_label_topology_kubernetes_io_zone";
        assert!(text.contains(label), "{text}");
        assert!(!text.contains("attach_metadata"), "{text}");
        assert!(text.contains("role: endpointslice"), "{text}");
    });
}

#[test]
fn a_kind_that_comes_later_is_looked_after_then() {
    play_with(&[], RunOptions::default(), async |cluster| {
        prometheus(cluster, "one", json!({})).await;
        cluster
            .until_condition(&PROMETHEUS, "one", "Available", "True")
            .await;
        cluster.serve("ThanosRuler").await;
        let spec = json!({"ruleSelector": {}, "queryEndpoints": ["http://query:9090"]});
        cluster
            .create(&THANOS_RULER, "team", "late", json!({"spec": spec}))
            .await;
        cluster
            .until_condition(&THANOS_RULER, "late", "Available", "True")
            .await;
    });
}

#[test]
fn with_the_gate_closed_nothing_is_bound_and_nothing_is_kept_from_going() {
    let gates = Gates {
        bindings: Bindings::Off,
        ..Gates::default()
    };
    let options = RunOptions {
        gates,
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        prometheus(cluster, "one", json!({})).await;
        monitor(cluster, "team").await;
        cluster.settled().await;
        let bindings = cluster.bindings(&SERVICE_MONITOR, "web").await;
        assert_eq!(bindings, Vec::<Value>::new());
        let object = cluster.get(&PROMETHEUS, "one").await.unwrap();
        assert_eq!(object["metadata"]["finalizers"], Value::Null);
        // The gate was open before.
        let finalizers =
            json!({"metadata": {"finalizers": ["monitoring.coreos.com/status-cleanup"]}});
        cluster.merge(&PROMETHEUS, "one", finalizers).await;
        cluster.written_within(Duration::from_secs(5)).await;
        cluster.delete(&PROMETHEUS, "one").await;
        cluster
            .until("it is gone", async || {
                cluster.get(&PROMETHEUS, "one").await.is_none()
            })
            .await;
    });
}

#[test]
fn what_a_selector_leaves_unwatched_is_read_all_the_same() {
    let few = Selectors {
        labels: "team=a".to_owned(),
        fields: String::new(),
    };
    let options = RunOptions {
        secrets: few.clone(),
        config_maps: few,
        ..RunOptions::default()
    };
    play_with(&[], options, async |cluster| {
        let data = json!({"stringData": {"token": "t0p"}});
        cluster.create(&SECRET, "team", "login", data).await;
        prometheus(cluster, "main", json!({})).await;
        let endpoint = json!({"port": "http",
            "authorization": {"credentials": {"name": "login", "key": "token"}}});
        let spec = json!({"selector": {}, "endpoints": [endpoint]});
        cluster
            .create(&SERVICE_MONITOR, "team", "web", json!({"spec": spec}))
            .await;
        cluster
            .until_condition(&PROMETHEUS, "main", "Available", "True")
            .await;
        cluster.settled().await;
        let text = cluster.configuration("main").await;
        assert!(text.contains("credentials: t0p"), "{text}");
    });
}
