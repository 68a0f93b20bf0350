//! Thanos Rulers.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{CONFIG_MAP, PROMETHEUS_RULE, SERVICE, THANOS_RULER, number};
use crate::scenarios::upstream_assets::material;
use crate::workloads::{rule, thanos_ruler};

/// A ruler comes, takes rules, leaves a broken one out, grows, and takes everything with it.
pub async fn is_created_scaled_and_deleted(cluster: &Cluster) -> Result<()> {
    cluster.apply(&thanos_ruler("main", &json!({}))).await?;
    cluster.until_ready(&THANOS_RULER, "main").await?;
    cluster.get(&SERVICE, "thanos-ruler-operated").await?;
    for (name, expr, bound) in [
        ("good", "up == 0", "thanosrulers main True"),
        ("broken", "sum(", "thanosrulers main False"),
    ] {
        cluster.apply(&rule(name, expr)).await?;
        cluster
            .until_bound(&PROMETHEUS_RULE, name, &[bound])
            .await?;
    }
    let files = cluster
        .get(&CONFIG_MAP, "thanos-ruler-main-rulefiles-0")
        .await?;
    let files = files.get("data").and_then(Value::as_object);
    ensure!(files.is_some_and(|files| files.len() == 1), "{files:?}");
    cluster
        .merge(&THANOS_RULER, "main", json!({"spec": {"replicas": 2}}))
        .await?;
    let scaled = cluster.until_ready(&THANOS_RULER, "main").await?;
    ensure!(number(&scaled, "/status/replicas") == 2);
    cluster.until_deleted(&THANOS_RULER, "main").await?;
    cluster
        .until_bound(&PROMETHEUS_RULE, "good", &[])
        .await
        .map(drop)
}

/// A ruler writes to servers: by TLS with what a Secret holds, which it follows, and to another one.
pub async fn writes_elsewhere(cluster: &Cluster) -> Result<()> {
    let given = |word: &str| {
        let mut secret = material();
        secret["stringData"]["word"] = json!(word);
        secret
    };
    cluster.apply(&given("first")).await?;
    let of = |key: &str| json!({"name": "material", "key": key});
    let tls =
        json!({"ca": {"secret": of("ca")}, "cert": {"secret": of("cert")}, "keySecret": of("key")});
    let safe = json!({
        "url": "https://one/write", "name": "one", "remoteTimeout": "10s", "queueConfig": {"maxBackoff": "5s"},
        "tlsConfig": tls, "basicAuth": {"username": of("user"), "password": of("word")},
    });
    let spec = json!({"remoteWrite": [safe]});
    cluster.apply(&thanos_ruler("main", &spec)).await?;
    cluster.until_ready(&THANOS_RULER, "main").await?;
    let says = async |part: &str| {
        cluster
            .eventually(&format!("{part:?} in the file"), async || {
                let text = cluster
                    .held("thanos-ruler-main-config", "remote-write.yaml")
                    .await?;
                Ok(text.contains(part).then_some(()))
            })
            .await
    };
    says("password: first").await?;
    cluster.apply(&given("second")).await?;
    says("password: second").await?;
    let steps = json!([{"sourceLabels": ["a"], "regex": "b", "action": "keep"}]);
    let other = json!({"url": "http://two/write", "name": "two", "writeRelabelConfigs": steps});
    let change = json!({"spec": {"remoteWrite": [safe, other]}});
    cluster.merge(&THANOS_RULER, "main", change).await?;
    says("http://two/write").await?;
    let change = json!({"spec": {"remoteWrite": null}});
    cluster.merge(&THANOS_RULER, "main", change).await?;
    says("remote_write: []").await?;
    cluster.until_ready(&THANOS_RULER, "main").await.map(drop)
}
