//! Controllers that may do less than they can: one missing right costs what it is for, and nothing else.

use monitoring::RunOptions;
use monitoring::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, PROMETHEUS, SERVICE_MONITOR,
};
use runtime::resource::EVENT;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play_granted};
use crate::log::Lines;

/// What upstream's own ClusterRole of 0.93 grants (`example/rbac/prometheus-operator`).
fn upstreams_role() -> Vec<Value> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let mut own = vec!["alertmanagerconfigs".to_owned()];
    for plural in [
        "alertmanagers",
        "podmonitors",
        "probes",
        "prometheusagents",
        "prometheuses",
        "prometheusrules",
        "scrapeconfigs",
        "servicemonitors",
        "thanosrulers",
    ] {
        own.extend(["", "/finalizers", "/status"].map(|part| format!("{plural}{part}")));
    }
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let reads = ["get", "list", "watch"];
    let writes = ["get", "create", "update", "delete"];
    vec![
        rule("monitoring.coreos.com", &own, &["*"]),
        rule("apps", &["statefulsets"], &["*"]),
        rule("", &["configmaps", "secrets"], &["*"]),
        rule("", &["pods"], &["list", "delete"]),
        rule("", &["services", "services/finalizers"], &writes),
        rule("", &["nodes"], &["list", "watch"]),
        rule("", &["namespaces"], &reads),
        rule("events.k8s.io", &["events"], &["patch", "create"]),
        rule("networking.k8s.io", &["ingresses"], &reads),
        rule("storage.k8s.io", &["storageclasses"], &["get"]),
        rule("", &["endpoints"], &writes),
    ]
}

/// A server with a good monitor and a bad one, and an Alertmanager with a route.
async fn workloads(cluster: &Cluster) {
    for (resource, name, spec) in [
        (&PROMETHEUS, "server", json!({"serviceMonitorSelector": {}})),
        (
            &ALERTMANAGER,
            "manager",
            json!({"alertmanagerConfigSelector": {}}),
        ),
        (
            &SERVICE_MONITOR,
            "good",
            json!({"selector": {}, "endpoints": [{"port": "http"}]}),
        ),
        (
            &SERVICE_MONITOR,
            "bad",
            json!({"selector": {}, "endpoints": [{"port": "http", "scrapeTimeout": "5m"}]}),
        ),
        (
            &ALERTMANAGER_CONFIG,
            "route",
            json!({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}),
        ),
    ] {
        let object = json!({"spec": spec});
        cluster.create(resource, "team", name, object).await;
    }
    for (resource, name) in [(&PROMETHEUS, "server"), (&ALERTMANAGER, "manager")] {
        cluster
            .until_condition(resource, name, "Available", "True")
            .await;
    }
    cluster.settled().await;
}

async fn says(cluster: &Cluster, name: &str) -> Vec<Value> {
    let bindings = cluster.bindings(&SERVICE_MONITOR, name).await;
    let status = |binding: &Value| binding["conditions"][0]["status"].clone();
    bindings.iter().map(status).collect()
}

/// How many Events of the operator there are.
async fn events(cluster: &Cluster) -> usize {
    let all = cluster.client.list(&EVENT, "team", "").await.unwrap();
    let own = all
        .iter()
        .filter(|event| event["reportingComponent"] == "prometheus-operator");
    own.count()
}

#[test]
fn with_upstreams_own_role_each_kind_says_who_uses_it_whose_status_may_be_written() {
    let warnings = Lines::of_warnings();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let role = json!(upstreams_role());
    play_granted(&role, RunOptions::default(), async |cluster| {
        workloads(cluster).await;
        assert_eq!(says(cluster, "good").await, ["True"]);
        assert_eq!(says(cluster, "bad").await, ["False"]);
        let route = cluster.bindings(&ALERTMANAGER_CONFIG, "route").await;
        assert_eq!(route, Vec::<Value>::new());
        let reconciled = cluster
            .condition(&ALERTMANAGER, "manager", "Reconciled")
            .await;
        assert_eq!(reconciled["status"], "True", "{reconciled}");
        // Whoever uses nothing any more is left by what may be written.
        cluster.delete(&PROMETHEUS, "server").await;
        cluster
            .until("the monitor is nobody's", async || {
                says(cluster, "good").await.is_empty()
            })
            .await;
        cluster.delete(&ALERTMANAGER, "manager").await;
        cluster.settled().await;
        assert_eq!(cluster.forbidden(), Vec::<String>::new());
        assert_ne!(events(cluster).await, 0);
    });
    let about = |text: &str| warnings.with(&["objects of this kind don't say", text]);
    let right = "no right to patch alertmanagerconfigs/status.monitoring.coreos.com";
    assert_eq!(about(right), 1, "{warnings:?}");
    assert_eq!(
        about("remedy=\"grant patch of alertmanagerconfigs/status"),
        1
    );
    assert_eq!(about(""), 1, "only of that kind");
}

#[test]
fn without_the_right_to_events_none_is_tried() {
    let warnings = Lines::of_warnings();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let mut role = upstreams_role();
    role.retain(|rule| rule["apiGroups"][0] != "events.k8s.io");
    play_granted(&json!(role), RunOptions::default(), async |cluster| {
        workloads(cluster).await;
        assert_eq!(says(cluster, "bad").await, ["False"]);
        assert_eq!(cluster.forbidden(), Vec::<String>::new());
        assert_eq!(events(cluster).await, 0);
    });
    let told = [
        "no Events are written",
        "no right to create events.events.k8s.io",
    ];
    assert_eq!(warnings.with(&told), 1, "{warnings:?}");
    assert_eq!(warnings.with(&["event not written"]), 0, "{warnings:?}");
}

/// Upstream's role, with the right to replace statuses and none to patch them.
fn role_that_only_replaces_statuses() -> Vec<Value> {
    let mut role = upstreams_role();
    let own = role[0]["resources"].as_array().unwrap().clone();
    let is_status = |one: &Value| one.as_str().unwrap().ends_with("/status");
    let (statuses, others): (Vec<Value>, Vec<Value>) = own.into_iter().partition(is_status);
    role[0]["resources"] = json!(others);
    role.push(json!({
        "apiGroups": ["monitoring.coreos.com"], "resources": statuses, "verbs": ["get", "update"],
    }));
    role
}

#[test]
fn statuses_that_may_only_be_replaced_are_left_alone_and_the_right_is_named() {
    let warnings = Lines::of_warnings();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let role = json!(role_that_only_replaces_statuses());
    play_granted(&role, RunOptions::default(), async |cluster| {
        let spec = json!({"serviceMonitorSelector": {}});
        let server = json!({"spec": spec});
        cluster.create(&PROMETHEUS, "team", "server", server).await;
        let spec = json!({"selector": {}, "endpoints": [{"port": "http"}]});
        let monitor = json!({"spec": spec});
        cluster
            .create(&SERVICE_MONITOR, "team", "good", monitor)
            .await;
        cluster.settled().await;
        let text = cluster.configuration("server").await;
        assert!(text.contains("serviceMonitor/team/good/0"), "{text}");
        assert_eq!(says(cluster, "good").await, Vec::<Value>::new());
        let server = cluster.get(&PROMETHEUS, "server").await.unwrap();
        assert_eq!(server.get("status"), None, "{server}");
        assert_eq!(cluster.forbidden(), Vec::<String>::new());
    });
    for (what, resource) in [
        ("status isn't written", "prometheuses/status"),
        ("objects of this kind don't say", "servicemonitors/status"),
    ] {
        let resource = format!("{resource}.monitoring.coreos.com");
        let right = format!("no right to patch {resource}");
        let remedy = format!("grant patch of {resource} to the operator");
        assert_eq!(warnings.with(&[what, &right, &remedy]), 1, "{warnings:?}");
    }
}
