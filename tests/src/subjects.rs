//! What upstream's end-to-end suite tries with every kind of workload alike.

use anyhow::{Result, ensure};
use machinery::labels::Selector;
use machinery::meta;
use monitoring::operator::bindings::FINALIZER;
use runtime::{Patch, ResourceRef};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{
    ALERTMANAGER, POD, PROMETHEUS, PROMETHEUS_AGENT, SERVICE, STATEFUL_SET, THANOS_RULER, number,
    text,
};
use crate::workloads::{agent, alertmanager, condition, prometheus, thanos_ruler};

/// Name of the workload.
const NAME: &str = "test";

/// A kind of workload.
pub struct Subject {
    /// Its resource.
    pub resource: &'static ResourceRef,
    /// A workload that takes whatever it can, with more in its spec.
    make: fn(&str, &Value) -> Value,
    /// The StatefulSet of the workload.
    pub set: &'static str,
    /// Its governing Service, unless another is named.
    service: &'static str,
    /// The label of pods that bears the workload's name, and what `app.kubernetes.io/name` says.
    labels: (&'static str, &'static str),
}

/// Prometheus servers.
pub static SERVER: Subject = Subject {
    resource: &PROMETHEUS,
    make: prometheus,
    set: "prometheus-test",
    service: "prometheus-operated",
    labels: ("prometheus", "prometheus"),
};

/// Prometheus agents.
pub static AGENT: Subject = Subject {
    resource: &PROMETHEUS_AGENT,
    make: agent,
    set: "prom-agent-test",
    service: "prometheus-agent-operated",
    labels: ("operator.prometheus.io/name", "prometheus-agent"),
};

/// Alertmanagers.
pub static MANAGER: Subject = Subject {
    resource: &ALERTMANAGER,
    make: alertmanager,
    set: "alertmanager-test",
    service: "alertmanager-operated",
    labels: ("alertmanager", "alertmanager"),
};

/// Thanos Rulers.
pub static RULER: Subject = Subject {
    resource: &THANOS_RULER,
    make: thanos_ruler,
    set: "thanos-ruler-test",
    service: "thanos-ruler-operated",
    labels: ("thanos-ruler", "thanos-ruler"),
};

/// What the selector in the status of a workload finds.
pub async fn selected(
    cluster: &Cluster,
    resource: &ResourceRef,
    workload: &Value,
) -> Result<Vec<Value>> {
    let selector = Selector::parse(text(workload, "/status/selector"))?;
    let mut all = cluster.list(resource).await?;
    all.retain(|object| selector.matches_object(object));
    Ok(all)
}

impl Subject {
    /// A workload that is ready.
    pub async fn running(&self, cluster: &Cluster, more: &Value) -> Result<Value> {
        cluster.apply(&(self.make)(NAME, more)).await?;
        self.until_ready(cluster).await
    }

    /// Waits until it is ready.
    pub async fn until_ready(&self, cluster: &Cluster) -> Result<Value> {
        cluster.until_ready(self.resource, NAME).await
    }

    /// Changes its spec and waits until it is ready again.
    pub async fn changed(&self, cluster: &Cluster, spec: Value) -> Result<Value> {
        self.change(cluster, spec).await?;
        self.until_ready(cluster).await
    }

    /// Changes its spec.
    pub async fn change(&self, cluster: &Cluster, spec: Value) -> Result<Value> {
        let patch = json!({"spec": spec});
        cluster.merge(self.resource, NAME, patch).await
    }

    /// `…CreateDeleteCluster`
    pub async fn is_created_and_deleted(&self, cluster: &Cluster) -> Result<()> {
        self.running(cluster, &json!({})).await?;
        cluster.until_deleted(self.resource, NAME).await?;
        cluster.until_gone(&[(&SERVICE, self.service)]).await
    }

    /// `FinalizerFor…`: it stays until what is said of it is taken back, and then goes.
    pub async fn has_a_finalizer_while_it_is_there(&self, cluster: &Cluster) -> Result<()> {
        let kept = self.running(cluster, &json!({})).await?;
        ensure!(
            meta::finalizers(&kept) == [FINALIZER],
            "another finalizer: {kept}"
        );
        cluster.until_deleted(self.resource, NAME).await
    }

    /// `…ScalingReplicas`, `…ScaleUpDownCluster`
    pub async fn is_scaled(&self, cluster: &Cluster, sizes: &[i64]) -> Result<()> {
        for size in sizes {
            cluster
                .apply(&(self.make)(NAME, &json!({"replicas": size})))
                .await?;
            self.until_ready(cluster).await?;
        }
        Ok(())
    }

    /// `…MinReadySeconds`
    pub async fn waits_before_pods_count(&self, cluster: &Cluster) -> Result<()> {
        for seconds in [5, 10] {
            cluster
                .apply(&(self.make)(NAME, &json!({"minReadySeconds": seconds})))
                .await?;
            self.until_ready(cluster).await?;
            let set = cluster.set(self.set).await?;
            let found = number(&set, "/spec/minReadySeconds");
            ensure!(found == seconds, "{found} instead of {seconds} seconds");
        }
        Ok(())
    }

    /// `…CheckStorageClass`
    pub async fn needs_a_storage_class(&self, cluster: &Cluster) -> Result<()> {
        self.running(cluster, &json!({})).await?;
        let claim = json!({
            "storageClassName": "unknown-storage-class", "resources": {"requests": {"storage": "200Mi"}},
        });
        let storage = json!({"storage": {"volumeClaimTemplate": {"spec": claim}}});
        self.change(cluster, storage).await?;
        cluster
            .until_says(self.resource, NAME, "Reconciled", "False")
            .await
            .map(drop)
    }

    /// `…WithStatefulsetCreationFailure`
    pub async fn says_that_it_cannot_be_made(&self, cluster: &Cluster, bad: &Value) -> Result<()> {
        cluster.apply(&(self.make)(NAME, bad)).await?;
        for kind in ["Reconciled", "Available"] {
            cluster
                .until_says(self.resource, NAME, kind, "False")
                .await?;
        }
        cluster.until_deleted(self.resource, NAME).await
    }

    /// `…ServiceName`: a Service that the user makes governs it, and none is made.
    pub async fn is_governed_by_a_service(&self, cluster: &Cluster) -> Result<()> {
        let (label, app) = self.labels;
        let selector = json!({
            label: NAME, "app.kubernetes.io/name": app, "app.kubernetes.io/instance": NAME,
            "app.kubernetes.io/managed-by": "prometheus-operator",
        });
        let spec = json!({"selector": selector, "ports": [{"name": "web", "port": 9090}]});
        cluster
            .apply(&json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "own"}, "spec": spec,
            }))
            .await?;
        self.running(cluster, &json!({"serviceName": "own"}))
            .await?;
        let services = cluster.list(&SERVICE).await?;
        let names: Vec<&str> = services.iter().map(meta::name).collect();
        ensure!(names == ["own"], "{names:?}");
        let set = cluster.set(self.set).await?;
        ensure!(text(&set, "/spec/serviceName") == "own");
        Ok(())
    }

    /// `…ScaleUpWithoutLabels`
    pub async fn gets_its_labels_back(&self, cluster: &Cluster) -> Result<()> {
        self.running(cluster, &json!({})).await?;
        let without = json!([{"op": "remove", "path": "/metadata/labels"}]);
        cluster
            .patch(&STATEFUL_SET, self.set, None, Patch::Json(without))
            .await?;
        self.changed(cluster, json!({"replicas": 2})).await?;
        let set = cluster.set(self.set).await?;
        ensure!(!meta::labels(&set).is_empty(), "no labels");
        Ok(())
    }

    /// `…StatusScale`: the scale subresource changes what it stands for.
    pub async fn is_scaled_by_subresource(&self, cluster: &Cluster, field: &str) -> Result<()> {
        let status = format!("/status/{field}");
        let first = self.running(cluster, &json!({field: 1})).await?;
        ensure!(number(&first, &status) == 1);
        cluster.scale(self.resource, NAME, 2).await?;
        let second = self.until_ready(cluster).await?;
        let found = number(&second, &status);
        ensure!(found == 2, "{found} {field}");
        let pods = selected(cluster, &POD, &second).await?;
        ensure!(pods.len() == 2, "its selector finds {pods:?}");
        Ok(())
    }

    /// `…PreserveUserAddedMetadata`
    pub async fn keeps_what_users_add(
        &self,
        cluster: &Cluster,
        made: &[(&ResourceRef, &str)],
    ) -> Result<()> {
        self.running(cluster, &json!({})).await?;
        let added = json!({"metadata": {
            "labels": {"user-defined-label": "custom-label-value"},
            "annotations": {"user-defined-annotation": "custom-annotation-val"},
        }});
        let own = [(&SERVICE, self.service), (&STATEFUL_SET, self.set)];
        let all: Vec<(&ResourceRef, &str)> = own.into_iter().chain(made.iter().copied()).collect();
        for (resource, name) in &all {
            cluster.merge(resource, name, added.clone()).await?;
        }
        self.changed(cluster, json!({"replicas": 2})).await?;
        for (resource, name) in &all {
            let kept = cluster.get(resource, name).await?;
            let found = (
                meta::label(&kept, "user-defined-label"),
                meta::annotation(&kept, "user-defined-annotation"),
            );
            let wanted = (Some("custom-label-value"), Some("custom-annotation-val"));
            ensure!(found == wanted, "{} {name}: {found:?}", resource.kind);
        }
        cluster.until_deleted(self.resource, NAME).await
    }

    /// `RepairPolicy`: a rollout that is stuck at a bad image goes on once the image is mended.
    pub async fn is_repaired(&self, cluster: &Cluster) -> Result<()> {
        let spec = json!({"replicas": 2, "podManagementPolicy": "OrderedReady"});
        let good = self.running(cluster, &spec).await?;
        self.change(
            cluster,
            json!({"image": "quay.io/prometheus-operator/foo:bad"}),
        )
        .await?;
        // A rollout begins with the last pod.
        let last = format!("{}-1", self.set);
        cluster
            .until("a pod with the bad image", &POD, &last, |pod| {
                let statuses = pod.pointer("/status/containerStatuses");
                statuses.is_some_and(|statuses| statuses.to_string().contains("ImagePull"))
            })
            .await?;
        let image = good.pointer("/spec/image").cloned();
        self.changed(cluster, json!({"image": image.unwrap_or(Value::Null)}))
            .await
            .map(drop)
    }

    /// `…ConditionStatus`: what a condition says while something is wrong.
    pub async fn until_said(
        &self,
        cluster: &Cluster,
        status: &str,
        reason: &str,
        part: &str,
    ) -> Result<()> {
        let what = format!("Available is {status}, {reason}, with {part:?}");
        cluster
            .until(&what, self.resource, NAME, |object| {
                let found = condition(object, "Available");
                text(found, "/status") == status
                    && text(found, "/reason") == reason
                    && text(found, "/message").contains(part)
            })
            .await
            .map(drop)
    }
}
