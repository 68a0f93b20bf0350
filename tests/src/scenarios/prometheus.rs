//! Prometheus servers, and what they select.

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    CLAIM, CONFIG_MAP, EVENT, NAMESPACE, POD, PROMETHEUS, PROMETHEUS_RULE, SECRET, SERVICE,
    SERVICE_MONITOR, STATEFUL_SET, number, text,
};
use crate::workloads::{condition, prometheus, rule, service_monitor};

/// A server that has nothing else in its spec, at work.
async fn running(cluster: &Cluster, more: &Value) -> Result<Value> {
    cluster.apply(&prometheus("main", more)).await?;
    cluster.until_ready(&PROMETHEUS, "main").await
}

/// Whether a configuration has a job.
pub fn has(text: &str, job: &str) -> bool {
    text.lines().any(|line| line.starts_with(job))
}

/// A server comes with all it needs, grows, shrinks, and takes everything with it.
pub async fn is_created_scaled_and_deleted(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    for name in ["prometheus-main-tls-assets-0", "prometheus-main-web-config"] {
        cluster.get(&SECRET, name).await?;
    }
    let service = cluster.get(&SERVICE, "prometheus-operated").await?;
    ensure!(text(&service, "/spec/clusterIP") == "None");
    for replicas in [3, 2] {
        let change = json!({"spec": {"replicas": replicas}});
        cluster.merge(&PROMETHEUS, "main", change).await?;
        cluster.until_ready(&PROMETHEUS, "main").await?;
    }
    cluster.until_deleted(&PROMETHEUS, "main").await?;
    cluster
        .until_gone(&[
            (&SERVICE, "prometheus-operated"),
            (&CONFIG_MAP, "prometheus-main-rulefiles-0"),
        ])
        .await
}

/// A monitor comes, changes and goes; its job does the same, and no pod notices.
pub async fn follows_its_service_monitors(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    let pods = cluster.pods().await?;
    let job = cluster.job("serviceMonitor", "web");
    let other = cluster.job("serviceMonitor", "api");
    for name in ["api", "web"] {
        cluster
            .apply(&service_monitor(name, &json!({"port": "http"})))
            .await?;
    }
    cluster
        .until_configured("main", "both jobs", |text| {
            has(text, &job) && has(text, &other)
        })
        .await?;
    let change =
        json!({"spec": {"endpoints": [{"port": "http", "path": "/other", "interval": "15s"}]}});
    cluster.merge(&SERVICE_MONITOR, "web", change).await?;
    cluster
        .until_configured("main", "the new path", |text| {
            text.contains("metrics_path: /other") && text.contains("scrape_interval: 15s")
        })
        .await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "web", &["prometheuses main True"])
        .await?;
    cluster.delete(&SERVICE_MONITOR, "web").await?;
    cluster
        .until_configured("main", "one job", |text| {
            !has(text, &job) && has(text, &other)
        })
        .await?;
    cluster.assert_same_pods(&pods).await
}

/// A selector of namespaces asks for their labels: with the label the monitor's job comes, without it it goes.
pub async fn selects_by_labels_of_namespaces(cluster: &Cluster) -> Result<()> {
    let selector = json!({"serviceMonitorNamespaceSelector": {"matchLabels": {"team": "web"}}});
    running(cluster, &selector).await?;
    cluster
        .apply(&service_monitor("web", &json!({"port": "http"})))
        .await?;
    let job = cluster.job("serviceMonitor", "web");
    for (label, there) in [(json!("web"), true), (json!("other"), false)] {
        let labels = json!({"metadata": {"labels": {"team": label}}});
        cluster
            .merge(&NAMESPACE, &cluster.namespace, labels)
            .await?;
        cluster
            .until_configured("main", "what the label decides", |text| {
                has(text, &job) == there
            })
            .await?;
        let bound: &[&str] = if there {
            &["prometheuses main True"]
        } else {
            &[]
        };
        cluster.until_bound(&SERVICE_MONITOR, "web", bound).await?;
    }
    Ok(())
}

/// A bad monitor beside good ones says what is wrong with it, and changes nothing else; mended, it is taken.
pub async fn leaves_out_a_bad_monitor(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    for name in ["api", "web"] {
        cluster
            .apply(&service_monitor(name, &json!({"port": "http"})))
            .await?;
        cluster
            .until_bound(&SERVICE_MONITOR, name, &["prometheuses main True"])
            .await?;
    }
    let before = cluster.configuration("main").await?;
    let bad = json!({"port": "http", "scrapeTimeout": "5m"});
    cluster.apply(&service_monitor("bad", &bad)).await?;
    let told = cluster
        .until_bound(&SERVICE_MONITOR, "bad", &["prometheuses main False"])
        .await?;
    let said = text(&told, "/status/bindings/0/conditions/0/message");
    ensure!(said.contains("scrapeTimeout"), "it says {said:?}");
    cluster
        .eventually("an Event that names both", async || {
            let names = ["involvedObject", "related"].map(|object| format!("/{object}/name"));
            let events = cluster.list(&EVENT).await?;
            let both =
                |event: &Value| names.each_ref().map(|at| text(event, at)) == ["bad", "main"];
            Ok(events.iter().any(both).then_some(()))
        })
        .await?;
    let now = cluster.configuration("main").await?;
    ensure!(now == before, "the configuration changed:\n{now}");
    let good = json!({"spec": {"endpoints": [{"port": "http"}]}});
    cluster.merge(&SERVICE_MONITOR, "bad", good).await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "bad", &["prometheuses main True"])
        .await?;
    let job = cluster.job("serviceMonitor", "bad");
    cluster
        .until_configured("main", "its job", |text| has(text, &job))
        .await?;
    cluster.apply(&service_monitor("bad", &bad)).await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "bad", &["prometheuses main False"])
        .await?;
    cluster
        .until_configured("main", "as before", |text| text == before)
        .await
        .map(drop)
}

/// All rule files are in one ConfigMap: rules come, change and go there, a broken one doesn't, and no pod notices.
pub async fn follows_its_rules(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    let pods = cluster.pods().await?;
    let set = cluster.set("prometheus-main").await?;
    for (name, expr) in [("first", "up == 0"), ("second", "up == 1")] {
        cluster.apply(&rule(name, expr)).await?;
        cluster
            .until_bound(&PROMETHEUS_RULE, name, &["prometheuses main True"])
            .await?;
    }
    let files = async |wanted: usize, part: &str| {
        let what = format!("{wanted} rule files with {part}");
        cluster
            .until(&what, &CONFIG_MAP, "prometheus-main-rulefiles-0", |held| {
                let data = held.get("data").and_then(Value::as_object);
                let files: Vec<&str> = data
                    .into_iter()
                    .flat_map(|data| data.values().filter_map(Value::as_str))
                    .collect();
                files.len() == wanted && files.concat().contains(part)
            })
            .await
    };
    files(2, "up == 1").await?;
    cluster.apply(&rule("second", "up == 2")).await?;
    files(2, "up == 2").await?;
    cluster.apply(&rule("broken", "sum(")).await?;
    cluster
        .until_bound(&PROMETHEUS_RULE, "broken", &["prometheuses main False"])
        .await?;
    cluster.delete(&PROMETHEUS_RULE, "first").await?;
    files(1, "up == 2").await?;
    ensure!(
        cluster
            .find(&CONFIG_MAP, "prometheus-main-rulefiles-1")
            .await?
            .is_none()
    );
    let now = cluster.set("prometheus-main").await?;
    ensure!(
        now.get("spec") == set.get("spec"),
        "the StatefulSet changed"
    );
    cluster.assert_same_pods(&pods).await
}

/// Claims with a label of their own, of a class.
pub fn claims(class: &str, size: &str) -> Value {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": class,
    });
    let metadata = json!({"labels": {"test": "storage"}, "annotations": {"by": "scenario"}});
    json!({"volumeClaimTemplate": {"metadata": metadata, "spec": spec}})
}

/// Claims of that label that are bound.
async fn bound(cluster: &Cluster) -> Result<usize> {
    let claims = cluster.list(&CLAIM).await?;
    let bound = claims.iter().filter(|claim| {
        meta::label(claim, "test") == Some("storage") && text(claim, "/status/phase") == "Bound"
    });
    Ok(bound.count())
}

/// Other storage needs another StatefulSet: it is made anew, and its claims are bound. A class that doesn't exist is said
/// to be missing, and what is there stays.
pub async fn is_made_anew_for_other_storage(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    let before = cluster.set("prometheus-main").await?;
    cluster
        .storage("by-hand", &["prometheus-main-db-prometheus-main-0"])
        .await?;
    let change = json!({"spec": {"storage": claims("by-hand", "200Mi")}});
    cluster.merge(&PROMETHEUS, "main", change).await?;
    cluster
        .until(
            "another StatefulSet",
            &STATEFUL_SET,
            "prometheus-main",
            |set| meta::uid(set) != meta::uid(&before),
        )
        .await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    cluster
        .eventually("a bound claim", async || {
            Ok((bound(cluster).await? == 1).then_some(()))
        })
        .await?;
    let set = cluster.set("prometheus-main").await?;
    let template = "/spec/volumeClaimTemplates/0/metadata";
    ensure!(text(&set, &format!("{template}/labels/test")) == "storage");
    ensure!(text(&set, &format!("{template}/annotations/by")) == "scenario");
    let pods = cluster.pods().await?;
    let unknown = json!({"spec": {"storage": claims("unknown-storage-class", "200Mi")}});
    cluster.merge(&PROMETHEUS, "main", unknown).await?;
    let refused = cluster
        .until_says(&PROMETHEUS, "main", "Reconciled", "False")
        .await?;
    let message = text(condition(&refused, "Reconciled"), "/message").to_owned();
    ensure!(message.contains("unknown-storage-class"), "{message}");
    let still = cluster.set("prometheus-main").await?;
    ensure!(meta::uid(&still) == meta::uid(&set), "it was made anew");
    cluster.assert_same_pods(&pods).await
}

/// A second shard comes and goes, also by way of the scale subresource; what somebody does to a StatefulSet is taken back.
pub async fn is_sharded(cluster: &Cluster) -> Result<()> {
    let second = "prometheus-main-shard-1";
    running(cluster, &json!({"shards": 1})).await?;
    cluster.scale(&PROMETHEUS, "main", 2).await?;
    let scaled = cluster.until_ready(&PROMETHEUS, "main").await?;
    ensure!(number(&scaled, "/status/shards") == 2);
    cluster
        .merge(&STATEFUL_SET, second, json!({"spec": {"replicas": 5}}))
        .await?;
    cluster
        .until("one replica again", &STATEFUL_SET, second, |set| {
            number(set, "/spec/replicas") == 1
        })
        .await?;
    let pods = |count: usize| async move {
        cluster
            .eventually(&format!("{count} pods"), async || {
                Ok((cluster.list(&POD).await?.len() == count).then_some(()))
            })
            .await
    };
    pods(2).await?;
    cluster
        .merge(&PROMETHEUS, "main", json!({"spec": {"shards": 1}}))
        .await?;
    cluster.until_gone(&[(&STATEFUL_SET, second)]).await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    pods(1).await
}

/// Two servers share what they select: each says for itself what it takes, and what it leaves behind is cleared.
pub async fn share_their_monitors(cluster: &Cluster) -> Result<()> {
    let selecting = |labels: Value| json!({"serviceMonitorSelector": {"matchLabels": labels}});
    cluster.apply(&prometheus("one", &json!({}))).await?;
    cluster
        .apply(&prometheus("two", &selecting(json!({"app": "web"}))))
        .await?;
    let mut monitor = service_monitor("web", &json!({"port": "http"}));
    monitor["metadata"]["labels"] = json!({"app": "web"});
    cluster.apply(&monitor).await?;
    cluster.apply(&rule("alerts", "up == 0")).await?;
    let both = ["prometheuses one True", "prometheuses two True"];
    for (resource, name) in [(&SERVICE_MONITOR, "web"), (&PROMETHEUS_RULE, "alerts")] {
        cluster.until_bound(resource, name, &both).await?;
    }
    let owners = |service: &Value| {
        let owners = service.pointer("/metadata/ownerReferences");
        owners.and_then(Value::as_array).map_or(0, Vec::len)
    };
    cluster
        .until("two owners", &SERVICE, "prometheus-operated", |service| {
            owners(service) == 2
        })
        .await?;
    let other = json!({"metadata": {"labels": {"app": "other"}}});
    cluster.merge(&SERVICE_MONITOR, "web", other).await?;
    cluster
        .until_bound(&SERVICE_MONITOR, "web", &["prometheuses one True"])
        .await?;
    for name in ["one", "two"] {
        cluster.delete(&PROMETHEUS, name).await?;
        cluster.until_gone(&[(&PROMETHEUS, name)]).await?;
    }
    for (resource, name) in [(&SERVICE_MONITOR, "web"), (&PROMETHEUS_RULE, "alerts")] {
        cluster.until_bound(resource, name, &[]).await?;
    }
    Ok(())
}

/// Rules that are too many for one ConfigMap are in several, and no longer once they are fewer.
pub async fn spreads_its_rules(cluster: &Cluster) -> Result<()> {
    running(cluster, &json!({})).await?;
    for name in ["first", "second", "third"] {
        let mut large = rule(name, "up == 0");
        let note = json!({"note": "x".repeat(200_000)});
        large["spec"]["groups"][0]["rules"][0]["annotations"] = note;
        cluster.apply(&large).await?;
        cluster
            .until_bound(&PROMETHEUS_RULE, name, &["prometheuses main True"])
            .await?;
    }
    let second = "prometheus-main-rulefiles-1";
    cluster
        .until("the rest of the rules", &CONFIG_MAP, second, |_| true)
        .await?;
    cluster.delete(&PROMETHEUS_RULE, "first").await?;
    cluster.until_gone(&[(&CONFIG_MAP, second)]).await
}

/// PrometheusRetentionPolicies: a shard that is no longer wanted stays as long as it is to be kept, and no longer.
pub async fn keeps_a_shard_for_a_while(cluster: &Cluster) -> Result<()> {
    let second = "prometheus-main-shard-1";
    let policy = json!({"whenScaled": "Retain", "retain": {"retentionPeriod": "1m"}});
    running(
        cluster,
        &json!({"shards": 2, "shardRetentionPolicy": policy}),
    )
    .await?;
    cluster
        .merge(&PROMETHEUS, "main", json!({"spec": {"shards": 1}}))
        .await?;
    let deadline = "operator.prometheus.io/deletion-deadline";
    let kept = cluster
        .until("a deadline", &STATEFUL_SET, second, |set| {
            meta::annotation(set, deadline).is_some()
        })
        .await?;
    let until: jiff::Timestamp = meta::annotation(&kept, deadline)
        .unwrap_or_default()
        .parse()?;
    cluster.until_gone(&[(&STATEFUL_SET, second)]).await?;
    let now = cluster.now();
    ensure!(
        now >= until,
        "it is {now}, and it was to be kept until {until}"
    );
    Ok(())
}

/// A StatefulSet of an older version selects other labels: its pod gets the new ones, is taken over, and is replaced once.
pub async fn takes_over_an_older_set(cluster: &Cluster) -> Result<()> {
    let labels = json!({"app": "prometheus", "prometheus": "main"});
    let container = json!({"name": "prometheus", "image": "quay.io/prometheus/prometheus:v2.24.0"});
    let older = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "prometheus-main"},
        "spec": {
            "replicas": 1, "serviceName": "prometheus-operated", "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    });
    cluster
        .apply(&prometheus("main", &json!({"paused": true})))
        .await?;
    cluster.apply_owned(&older, &PROMETHEUS, "main").await?;
    let older = cluster
        .until("a ready pod", &STATEFUL_SET, "prometheus-main", |set| {
            number(set, "/status/readyReplicas") == 1
        })
        .await?;
    cluster
        .apply(&prometheus("main", &json!({"paused": false})))
        .await?;
    let set = cluster
        .until("another set", &STATEFUL_SET, "prometheus-main", |set| {
            meta::uid(set) != meta::uid(&older)
        })
        .await?;
    cluster
        .until("a new pod", &POD, "prometheus-main-0", |pod| {
            let image = text(pod, "/spec/containers/0/image");
            !image.ends_with("v2.24.0")
        })
        .await?;
    cluster.until_ready(&PROMETHEUS, "main").await?;
    let pod = cluster.get(&POD, "prometheus-main-0").await?;
    let owner = meta::controller_of(&pod).map(|owner| owner.uid);
    ensure!(owner.as_deref() == Some(meta::uid(&set)), "{owner:?}");
    Ok(())
}
