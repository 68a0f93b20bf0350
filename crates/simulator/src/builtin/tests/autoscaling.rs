//! Autoscalers at work: sizes follow annotated metrics.

use super::*;

const TARGET: &str = "metrics.carrick.dev/cpu";

fn autoscaler(kind: (&str, &str), name: &str) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": {"apiVersion": kind.0, "kind": kind.1, "name": name}, "minReplicas": 2, "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]},
    })
}

fn with_requests(mut deployment: Value) -> Value {
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "100m"}});
    deployment
}

fn told(cluster: &mut Cluster) -> Vec<String> {
    conditions(
        &cluster
            .get(&known::HORIZONTAL_POD_AUTOSCALERS, "web")
            .unwrap(),
    )
}

fn reasons(cluster: &mut Cluster) -> Vec<(String, String)> {
    let events = cluster.list(&known::EVENTS);
    let ours = events
        .iter()
        .filter(|e| text(e, "/involvedObject/kind") == "HorizontalPodAutoscaler");
    ours.map(|e| {
        (
            text(e, "/reason").to_owned(),
            text(e, "/message").to_owned(),
        )
    })
    .collect()
}

#[test]
fn a_deployment_grows_with_its_load_and_shrinks_five_minutes_after() {
    let mut cluster = Cluster::new();
    cluster.create(&known::DEPLOYMENTS, with_requests(deployment(2, "web:1")));
    cluster.create(
        &known::HORIZONTAL_POD_AUTOSCALERS,
        autoscaler(("apps/v1", "Deployment"), "web"),
    );
    cluster.run(330);
    assert_eq!(
        told(&mut cluster),
        [
            "AbleToScale=True SucceededGetScale",
            "ScalingActive=False FailedGetResourceMetric"
        ]
    );
    let load = |value: &str| json!({"metadata": {"annotations": {TARGET: value}}});
    cluster
        .patch(&known::DEPLOYMENTS, "web", &load("210m total"))
        .unwrap();
    cluster.wait(60, |c| {
        let web = c.get(&known::DEPLOYMENTS, "web").unwrap();
        object::count(&web, "/spec/replicas") == 5
    });
    cluster.run(60);
    let stored = cluster
        .get(&known::HORIZONTAL_POD_AUTOSCALERS, "web")
        .unwrap();
    assert_eq!(stored["status"]["currentReplicas"], 5);
    let web = cluster.get(&known::DEPLOYMENTS, "web").unwrap();
    let through_scale: Vec<(&Value, &Value, &Value)> =
        object::items(&web, "/metadata/managedFields")
            .iter()
            .filter(|entry| entry["subresource"] == "scale")
            .map(|entry| (&entry["manager"], &entry["fieldsV1"], &entry["time"]))
            .collect();
    assert_eq!(
        through_scale,
        [(
            &json!("kube-controller-manager"),
            &json!({"f:spec": {"f:replicas": {}}}),
            &Value::Null
        )]
    );
    assert_eq!(stored["status"]["desiredReplicas"], 5);
    assert_eq!(
        stored["status"]["currentMetrics"],
        json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 42, "averageValue": "42m"}}}])
    );
    assert_eq!(
        told(&mut cluster),
        [
            "AbleToScale=True ReadyForNewScale",
            "ScalingActive=True ValidMetricFound",
            "ScalingLimited=False DesiredWithinRange"
        ]
    );
    assert!(
        reasons(&mut cluster).contains(&(
            "SuccessfulRescale".to_owned(),
            "New size: 4; reason: cpu resource utilization (percentage of request) above target"
                .to_owned()
        ))
    );
    cluster
        .patch(&known::DEPLOYMENTS, "web", &load("10m total"))
        .unwrap();
    cluster.run(30);
    assert!(told(&mut cluster).contains(&"AbleToScale=True ScaleDownStabilized".to_owned()));
    let took = cluster.wait(600, |c| {
        let web = c.get(&known::DEPLOYMENTS, "web").unwrap();
        object::count(&web, "/spec/replicas") == 2
    });
    assert!((240..330).contains(&took), "{took}");
    cluster.run(60);
    assert!(told(&mut cluster).contains(&"ScalingLimited=True TooFewReplicas".to_owned()));
}

#[test]
fn a_custom_resource_with_a_scale_is_scaled_too_and_a_missing_one_is_told_of() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::CUSTOM_RESOURCE_DEFINITIONS,
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "fleets.x.io"},
            "spec": {"group": "x.io", "scope": "Namespaced", "names": {"plural": "fleets", "kind": "Fleet"},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
        }),
    );
    cluster.run(1);
    let fleets = Resource::new("x.io", "v1", "Fleet", "fleets", true);
    let mut wanted = autoscaler(("x.io/v1", "Fleet"), "one");
    cluster.create(&known::HORIZONTAL_POD_AUTOSCALERS, wanted.clone());
    cluster.run(16);
    assert_eq!(told(&mut cluster), ["AbleToScale=False FailedGetScale"]);
    assert_eq!(
        reasons(&mut cluster),
        [(
            "FailedGetScale".to_owned(),
            "fleets.x.io \"one\" not found".to_owned()
        )]
    );
    cluster.create(
        &fleets,
        json!({"apiVersion": "x.io/v1", "kind": "Fleet", "metadata": {"name": "one", "namespace": "default"}, "spec": {"replicas": 9}}),
    );
    cluster.run(16);
    let fleet = cluster.get(&fleets, "one").unwrap();
    assert_eq!(fleet["spec"]["replicas"], 6);
    assert_eq!(told(&mut cluster), ["AbleToScale=True SucceededRescale"]);
    wanted["spec"]["maxReplicas"] = json!(9);
    cluster
        .patch(&known::HORIZONTAL_POD_AUTOSCALERS, "web", &wanted)
        .unwrap();
    cluster.run(16);
    assert_eq!(
        told(&mut cluster),
        [
            "AbleToScale=True SucceededGetScale",
            "ScalingActive=False InvalidSelector"
        ]
    );
}
