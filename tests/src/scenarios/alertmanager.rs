//! Alertmanagers and their routes.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER, ALERTMANAGER_CONFIG, SECRET, SERVICE, STATEFUL_SET, number};
use crate::workloads::{alertmanager, routes, secret};

async fn running(cluster: &Cluster, more: &Value) -> Result<Value> {
    cluster.apply(&alertmanager("main", more)).await?;
    cluster.until_ready(&ALERTMANAGER, "main").await
}

/// A cluster comes, shrinks, grows, and takes everything with it.
pub async fn is_created_scaled_and_deleted(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({"replicas": 3})).await?;
    cluster.get(&SERVICE, "alertmanager-operated").await?;
    cluster
        .merge(&ALERTMANAGER, "main", json!({"spec": {"replicas": 2}}))
        .await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    cluster.scale(&ALERTMANAGER, "main", 3).await?;
    let scaled = cluster.until_ready(&ALERTMANAGER, "main").await?;
    ensure!(number(&scaled, "/status/replicas") == 3);
    cluster.until_deleted(&ALERTMANAGER, "main").await
}

/// Routes come, change and go; a bad one beside them changes nothing and says why.
pub async fn follows_its_routes(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    let pods = cluster.pods().await?;
    let receiver = |name: &str| format!("{}/{name}/hook", cluster.namespace);
    cluster.apply(&routes("good", "hook")).await?;
    cluster
        .until_bound(&ALERTMANAGER_CONFIG, "good", &["alertmanagers main True"])
        .await?;
    let before = cluster
        .until_routed("main", "the good one", |text| {
            text.contains(&receiver("good"))
        })
        .await?;
    cluster.apply(&routes("bad", "nobody")).await?;
    cluster
        .until_bound(&ALERTMANAGER_CONFIG, "bad", &["alertmanagers main False"])
        .await?;
    let now = cluster
        .until_routed("main", "there", |text| !text.is_empty())
        .await?;
    ensure!(now == before, "the configuration changed:\n{now}");
    let mended = json!({"spec": {"route": {"receiver": "hook"}}});
    cluster.merge(&ALERTMANAGER_CONFIG, "bad", mended).await?;
    cluster
        .until_routed("main", "both", |text| {
            text.contains(&receiver("good")) && text.contains(&receiver("bad"))
        })
        .await?;
    cluster.delete(&ALERTMANAGER_CONFIG, "good").await?;
    cluster
        .until_routed("main", "the mended one alone", |text| {
            !text.contains(&receiver("good")) && text.contains(&receiver("bad"))
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}

/// The user's Secret is followed with all its keys.
pub async fn follows_the_users_secret(cluster: &Cluster) -> Result<()> {
    let given = |receiver: &str| {
        let text = format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}}}]\n");
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alertmanager-main"},
            "stringData": {"alertmanager.yaml": text, "page.tmpl": "{{ . }}"},
        })
    };
    cluster.apply(&given("first")).await?;
    running(cluster, &json!({})).await?;
    cluster
        .until_routed("main", "the first receiver", |text| {
            text.contains("receiver: first")
        })
        .await?;
    ensure!(
        cluster
            .held("alertmanager-main-generated", "page.tmpl")
            .await?
            == "{{ . }}"
    );
    let pods = cluster.pods().await?;
    cluster.apply(&given("second")).await?;
    cluster
        .until_routed("main", "the second receiver", |text| {
            text.contains("receiver: second")
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}

/// What somebody does to its StatefulSet is taken back, and what somebody adds to what is made is kept.
pub async fn takes_back_what_others_do(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({"replicas": 2})).await?;
    // As long as the controller hasn't seen its own last write it does nothing, and the pods go one by one meanwhile.
    cluster.settle().await?;
    cluster
        .merge(
            &STATEFUL_SET,
            "alertmanager-main",
            json!({"spec": {"replicas": 0}}),
        )
        .await?;
    cluster
        .until("two replicas", &STATEFUL_SET, "alertmanager-main", |set| {
            number(set, "/spec/replicas") == 2
        })
        .await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    // Pods that were on their way out are replaced by as many as are wanted then.
    cluster.settle().await?;
    let made = [
        (&SERVICE, "alertmanager-operated"),
        (&STATEFUL_SET, "alertmanager-main"),
        (&SECRET, "alertmanager-main-generated"),
    ];
    let added = json!({"metadata": {"labels": {"user": "label"}, "annotations": {"user": "note"}}});
    for (resource, name) in made {
        cluster.merge(resource, name, added.clone()).await?;
    }
    cluster
        .merge(&ALERTMANAGER, "main", json!({"spec": {"replicas": 1}}))
        .await?;
    cluster.until_ready(&ALERTMANAGER, "main").await?;
    for (resource, name) in made {
        let kept = cluster.get(resource, name).await?;
        let metadata = (
            machinery::meta::label(&kept, "user"),
            machinery::meta::annotation(&kept, "user"),
        );
        ensure!(
            metadata == (Some("label"), Some("note")),
            "{} {name} has lost {metadata:?}",
            resource.kind
        );
    }
    Ok(())
}

/// The certificate and the key of a Secret, and the authority of those who come.
fn tls(more: &Value) -> Value {
    let key = |key: &str| json!({"name": "tls", "key": key});
    let tls = json!({"keySecret": key("tls.key"), "cert": {"secret": key("tls.crt")}});
    machinery::patch::merge::apply(&tls, more)
}

/// It serves by TLS, and its members talk to each other by TLS; the files that say so follow its spec, and are empty in the end.
pub async fn speaks_tls(cluster: &Cluster) -> Result<()> {
    let material = json!({"tls.crt": "x", "tls.key": "x", "ca.crt": "x"});
    cluster.apply(&secret("tls", &material)).await?;
    let authority = json!({"secret": {"name": "tls", "key": "ca.crt"}});
    let asks = json!({"clientAuthType": "RequireAndVerifyClientCert", "client_ca": authority});
    let spec = json!({
        "web": {"tlsConfig": tls(&json!({})), "httpConfig": {"headers": {"xFrameOptions": "Deny"}}},
        "clusterTLS": {"server": tls(&asks), "client": tls(&json!({"ca": authority}))},
    });
    let set = running(cluster, &spec).await?;
    ensure!(number(&set, "/status/availableReplicas") == 1);
    let files = [
        ("alertmanager-main-web-config", "web-config.yaml"),
        (
            "alertmanager-main-cluster-tls-config",
            "cluster-tls-config.yaml",
        ),
    ];
    let say = async |what: &str, is: fn(&str) -> bool| {
        for (secret, file) in files {
            cluster
                .eventually(&format!("{file} {what}"), async || {
                    Ok(is(&cluster.held(secret, file).await?).then_some(()))
                })
                .await?;
        }
        cluster.until_ready(&ALERTMANAGER, "main").await
    };
    say("with a key", |text| text.contains("tls-key/tls.key")).await?;
    let newer = json!({"minVersion": "TLS13"});
    let change = json!({"spec": {"web": {"tlsConfig": newer}, "clusterTLS": {"server": newer}}});
    cluster.merge(&ALERTMANAGER, "main", change).await?;
    say("with a version", |text| text.contains("min_version: TLS13")).await?;
    let change = json!({"spec": {"web": null, "clusterTLS": null}});
    cluster.merge(&ALERTMANAGER, "main", change).await?;
    say("that is empty", str::is_empty).await.map(drop)
}
