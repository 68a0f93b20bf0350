//! `StatefulSets` and `DaemonSets` in a whole world.

use super::super::volume::facts::VOLUMES;
use super::*;

fn stateful_set(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"serviceName": "web", "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}},
    })
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
}

/// Whether the status speaks of the present generation and all pods are updated and ready.
fn is_settled(
    cluster: &mut Cluster,
    resource: &Resource,
    name: &str,
    counters: &[&str],
    wanted: i64,
) -> bool {
    let object = cluster.get(resource, name).unwrap();
    counters
        .iter()
        .all(|c| object::count(&object, &format!("/status/{c}")) == wanted)
        && object::count(&object, "/status/observedGeneration")
            == object::count(&object, "/metadata/generation")
}

fn is_rolled_out(cluster: &mut Cluster, wanted: i64) -> bool {
    let counters = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
    ];
    is_settled(cluster, &known::STATEFUL_SETS, "web", &counters, wanted)
}

fn is_everywhere(cluster: &mut Cluster) -> bool {
    let counters = [
        "desiredNumberScheduled",
        "numberAvailable",
        "updatedNumberScheduled",
    ];
    is_settled(cluster, &known::DAEMON_SETS, "agent", &counters, 3)
}

/// `POD IMAGE` in name order.
fn pods(cluster: &mut Cluster) -> Vec<String> {
    cluster
        .list(&known::PODS)
        .iter()
        .map(|p| {
            format!(
                "{} {}",
                object::name(p),
                text(p, "/spec/containers/0/image")
            )
        })
        .collect()
}

fn revisions(cluster: &mut Cluster) -> Vec<i64> {
    let mut numbers: Vec<i64> = cluster
        .list(&known::CONTROLLER_REVISIONS)
        .iter()
        .map(|r| object::count(r, "/revision"))
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_stateful_set_comes_up_in_order_is_updated_from_the_top_and_rolled_back() {
    let mut cluster = Cluster::new();
    cluster.create(&known::STATEFUL_SETS, stateful_set(3, "web:1"));
    cluster.wait(10, |c| is_rolled_out(c, 3));
    assert_eq!(
        pods(&mut cluster),
        ["web-0 web:1", "web-1 web:1", "web-2 web:1"]
    );
    let set = cluster.get(&known::STATEFUL_SETS, "web").unwrap();
    assert_eq!(text(&set, "/status/currentRevision"), "web-5fbc746d77");
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:2"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 3));
    assert_eq!(
        pods(&mut cluster),
        ["web-0 web:2", "web-1 web:2", "web-2 web:2"]
    );
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:1"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 3));
    assert_eq!(revisions(&mut cluster), [2, 3]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    let messages: Vec<String> = cluster
        .list(&known::EVENTS)
        .iter()
        .filter(|e| text(e, "/involvedObject/kind") == "StatefulSet")
        .map(|e| text(e, "/message").to_owned())
        .collect();
    assert_eq!(
        messages[0],
        "Create Pod web-0 in StatefulSet web successful"
    );
    assert_eq!(
        messages[3],
        "Delete Pod web-2 in StatefulSet web successful"
    );
}

#[test]
fn a_broken_update_of_a_stateful_set_stays_stuck_until_its_pod_is_deleted() {
    let mut cluster = Cluster::new();
    cluster.create(&known::STATEFUL_SETS, stateful_set(2, "web:1"));
    cluster.wait(10, |c| is_rolled_out(c, 2));
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:bad"))
        .unwrap();
    cluster.run(20);
    cluster
        .patch(&known::STATEFUL_SETS, "web", &image("web:3"))
        .unwrap();
    cluster.run(60);
    assert_eq!(pods(&mut cluster), ["web-0 web:1", "web-1 web:bad"]);
    cluster.delete(&known::PODS, "web-1", &DeleteOptions::default());
    cluster.run(1);
    cluster.wait(20, |c| is_rolled_out(c, 2));
    assert_eq!(pods(&mut cluster), ["web-0 web:3", "web-1 web:3"]);
}

#[test]
fn claims_outlive_their_pods_unless_the_policy_says_otherwise() {
    let mut cluster = Cluster::new();
    let mut set = stateful_set(2, "web:1");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    set["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenScaled": "Retain", "whenDeleted": "Delete"});
    cluster.create(&known::STATEFUL_SETS, set);
    cluster.wait(10, |c| is_rolled_out(c, 2));
    cluster
        .patch(
            &known::STATEFUL_SETS,
            "web",
            &json!({"spec": {"replicas": 1}}),
        )
        .unwrap();
    cluster.run(5);
    let claims = |cluster: &mut Cluster| -> Vec<String> {
        let claims = cluster.list(&known::PERSISTENT_VOLUME_CLAIMS);
        claims.iter().map(|c| object::name(c).to_owned()).collect()
    };
    assert_eq!(claims(&mut cluster), ["data-web-0", "data-web-1"]);
    cluster.delete(&known::STATEFUL_SETS, "web", &DeleteOptions::default());
    cluster.run(10);
    assert_eq!(pods(&mut cluster), [""; 0]);
    assert_eq!(claims(&mut cluster), [""; 0]);
    assert_eq!(cluster.session().list(&VOLUMES, None).len(), 0);
}

#[test]
fn a_daemon_set_runs_on_every_node_and_is_updated_one_by_one() {
    let mut cluster = Cluster::new();
    let template = json!({"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(
        &known::DAEMON_SETS,
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template}}),
    );
    cluster.wait(10, is_everywhere);
    let mut nodes: Vec<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| text(p, "/spec/nodeName").to_owned())
        .collect();
    nodes.sort();
    assert_eq!(nodes, ["node-1", "node-2", "node-3"]);
    cluster
        .patch(&known::DAEMON_SETS, "agent", &image("web:2"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, is_everywhere);
    assert!(pods(&mut cluster).iter().all(|p| p.ends_with("web:2")));
    assert_eq!(revisions(&mut cluster), [1, 2]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    cluster
        .patch(
            &known::NODES,
            "node-2",
            &json!({"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}),
        )
        .unwrap();
    cluster.run(5);
    let set = cluster.get(&known::DAEMON_SETS, "agent").unwrap();
    assert_eq!(object::count(&set, "/status/desiredNumberScheduled"), 2);
    assert_eq!(pods(&mut cluster).len(), 2);
}

#[test]
fn a_claim_of_the_default_class_gets_a_volume_with_its_first_pod() {
    let mut cluster = Cluster::new();
    let claim = |name: &str, class: Option<&str>| {
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        if let Some(class) = class {
            claim["spec"]["storageClassName"] = json!(class);
        }
        claim
    };
    let pod = |claim: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": claim, "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "i"}],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}})
    };
    cluster.create(&known::PERSISTENT_VOLUME_CLAIMS, claim("data", None));
    cluster.create(&known::PERSISTENT_VOLUME_CLAIMS, claim("none", Some("")));
    cluster.run(5);
    let phase = |cluster: &mut Cluster, name: &str| {
        let claim = cluster.get(&known::PERSISTENT_VOLUME_CLAIMS, name).unwrap();
        text(&claim, "/status/phase").to_owned()
    };
    assert_eq!(phase(&mut cluster, "data"), "Pending");
    for name in ["data", "none", "absent"] {
        cluster.create(&known::PODS, pod(name));
    }
    cluster.run(5);
    assert_eq!(phase(&mut cluster, "data"), "Bound");
    let running = cluster.get(&known::PODS, "data").unwrap();
    assert!(super::super::pod::is_ready(&running));
    let message = |cluster: &mut Cluster, name: &str| {
        let pod = cluster.get(&known::PODS, name).unwrap();
        let condition = object::condition(&pod, "PodScheduled").unwrap();
        text(condition, "/message").to_owned()
    };
    assert_eq!(
        message(&mut cluster, "none"),
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    );
    assert_eq!(
        message(&mut cluster, "absent"),
        "0/3 nodes are available: persistentvolumeclaim \"absent\" not found. not found"
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    cluster.delete(
        &known::PERSISTENT_VOLUME_CLAIMS,
        "data",
        &DeleteOptions::default(),
    );
    cluster.run(5);
    assert_eq!(phase(&mut cluster, "data"), "Bound");
    cluster.delete(&known::PODS, "data", &DeleteOptions::default());
    cluster.run(5);
    assert_eq!(cluster.get(&known::PERSISTENT_VOLUME_CLAIMS, "data"), None);
    assert_eq!(cluster.session().list(&VOLUMES, None).len(), 0);
}

#[test]
fn a_volume_made_by_hand_is_bound_released_and_kept() {
    let mut cluster = Cluster::new();
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"},
        "spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual",
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/x"}}});
    cluster.create(&VOLUMES, volume);
    cluster.run(1);
    let phase = |cluster: &mut Cluster| {
        let volume = cluster.get(&VOLUMES, "disk").unwrap();
        text(&volume, "/status/phase").to_owned()
    };
    assert_eq!(phase(&mut cluster), "Available");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "manual", "resources": {"requests": {"storage": "1Gi"}}}});
    cluster.create(&known::PERSISTENT_VOLUME_CLAIMS, claim);
    cluster.run(1);
    assert_eq!(phase(&mut cluster), "Bound");
    let bound = cluster.get(&known::PERSISTENT_VOLUME_CLAIMS, "c").unwrap();
    assert_eq!(
        bound["status"],
        json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}})
    );
    cluster.delete(
        &known::PERSISTENT_VOLUME_CLAIMS,
        "c",
        &DeleteOptions::default(),
    );
    cluster.run(1);
    assert_eq!(phase(&mut cluster), "Released");
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_cron_job_starts_jobs_by_the_minute_and_keeps_the_last_ones() {
    let mut cluster = Cluster::new();
    let template =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    cluster.create(
        &known::CRON_JOBS,
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick", "namespace": "default"},
            "spec": {"schedule": "* * * * *", "successfulJobsHistoryLimit": 2, "jobTemplate": {"spec": {"template": template}}}}),
    );
    cluster.run(310);
    let jobs = cluster.list(&known::JOBS);
    let names: Vec<&str> = jobs.iter().map(|j| object::name(j)).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let cron = cluster.get(&known::CRON_JOBS, "tick").unwrap();
    assert_eq!(cron["status"].get("active"), None);
    assert!(text(&cron, "/status/lastSuccessfulTime") > text(&cron, "/status/lastScheduleTime"));
    let suspend = json!({"spec": {"suspend": true}});
    cluster.patch(&known::CRON_JOBS, "tick", &suspend).unwrap();
    cluster.run(5);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_pod_brings_its_claims_with_it_and_takes_them_away() {
    let mut cluster = Cluster::new();
    let template = json!({"metadata": {"labels": {"of": "pod"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "i"}],
                "volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}]}})
    };
    let mut taken = template.clone();
    taken["metadata"] = json!({"name": "late-v", "namespace": "default"});
    cluster.create(&known::PERSISTENT_VOLUME_CLAIMS, taken);
    cluster.create(&known::PODS, pod("own"));
    cluster.create(&known::PODS, pod("late"));
    cluster.run(5);
    let claim = cluster
        .get(&known::PERSISTENT_VOLUME_CLAIMS, "own-v")
        .unwrap();
    let running = cluster.get(&known::PODS, "own").unwrap();
    assert!(super::super::pod::is_ready(&running));
    assert_eq!(
        (
            &claim["metadata"]["labels"],
            &claim["metadata"]["ownerReferences"],
            text(&claim, "/status/phase")
        ),
        (
            &json!({"of": "pod"}),
            &json!([{"apiVersion": "v1", "kind": "Pod", "name": "own", "uid": object::uid(&running), "controller": true, "blockOwnerDeletion": true}]),
            "Bound"
        )
    );
    let late = cluster.get(&known::PODS, "late").unwrap();
    assert_eq!(
        text(
            object::condition(&late, "PodScheduled").unwrap(),
            "/message"
        ),
        "0/3 nodes are available: PVC default/late-v was not created for pod default/late (pod is not owner). not found"
    );
    let events = cluster.list(&known::EVENTS);
    let told = events
        .iter()
        .find(|e| text(e, "/reason") == "FailedBinding");
    assert_eq!(
        text(told.unwrap(), "/message"),
        "ephemeral volume v: PVC default/late-v was not created for pod default/late (pod is not owner)"
    );
    cluster.delete(&known::PODS, "own", &DeleteOptions::default());
    cluster.run(5);
    assert_eq!(cluster.get(&known::PERSISTENT_VOLUME_CLAIMS, "own-v"), None);
}
