//! What the server of kube-prometheus-stack 14.0.1 scrapes (S13 of the acceptance).

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::prometheus::has;
use super::seed::{SERVER, installed};
use crate::cluster::Cluster;
use crate::seed::FULLNAME;
use crate::targets;

/// S13: of the chart's Service and Endpoints of etcd the configuration makes three targets, and of others none.
pub async fn finds_etcd(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    let name = format!(
        "serviceMonitor/{}/{FULLNAME}-kube-etcd/0",
        cluster.namespace
    );
    let line = format!("- job_name: {name}");
    let configuration = cluster
        .until_configured(SERVER, "the job of etcd", |text| has(text, &line))
        .await?;
    let job = targets::job(&configuration, &name)?;
    let service = |labels: &Value| {
        let name = format!("{FULLNAME}-kube-etcd");
        let metadata = json!({"namespace": "kube-system", "name": name, "labels": labels});
        json!({"metadata": metadata})
    };
    let addresses = [13, 14, 15].map(|last| json!({"ip": format!("192.168.30.{last}")}));
    let ports = json!([{"name": "http-metrics", "port": 2379}, {"name": "peers", "port": 2380}]);
    let endpoints = json!({"subsets": [{"addresses": addresses, "ports": ports}]});
    let labels = json!({
        "app": "kube-prometheus-stack-kube-etcd", "jobLabel": "kube-etcd", "release": "monitor",
    });
    let discovered = targets::discovered(&service(&labels), &endpoints);
    let found = targets::targets(&job, discovered)?;
    let wanted: Vec<String> = (13..=15)
        .map(|last| format!("https://192.168.30.{last}:2379/metrics"))
        .collect();
    let urls: Vec<&String> = found.iter().map(|target| &target.url).collect();
    ensure!(urls.iter().copied().eq(&wanted), "{urls:?}");
    for target in &found {
        let service = format!("{FULLNAME}-kube-etcd");
        for (label, value) in [
            ("job", "kube-etcd"),
            ("endpoint", "http-metrics"),
            ("namespace", "kube-system"),
            ("service", &service),
        ] {
            let said = target.labels.get(label).map(String::as_str);
            ensure!(said == Some(value), "{label} is {said:?}");
        }
    }
    let other = json!({"app": "kube-prometheus-stack-kube-etcd", "release": "other"});
    let discovered = targets::discovered(&service(&other), &endpoints);
    let none = targets::targets(&job, discovered)?;
    ensure!(none.is_empty(), "of another release: {none:?}");
    Ok(())
}
