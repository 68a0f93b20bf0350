//! Deletion, garbage, namespaces and nodes.

use super::*;
use crate::builtin::Builtin;
use crate::builtin::control::Loop;
use crate::builtin::pod_gc::PodGarbage;
use crate::session::Propagation;

fn with(propagation: Propagation) -> DeleteOptions {
    DeleteOptions {
        propagation: Some(propagation),
        ..DeleteOptions::default()
    }
}

#[test]
fn deleting_a_deployment_takes_everything_below_it() {
    for propagation in [Propagation::Background, Propagation::Foreground] {
        let mut cluster = Cluster::new();
        cluster.deployment(3, "web:1");
        cluster.wait(5, |c| c.is_rolled_out("web"));
        cluster.delete(&known::DEPLOYMENTS, "web", &with(propagation));
        cluster.run(5);
        assert_eq!(cluster.get(&known::DEPLOYMENTS, "web"), None);
        assert_eq!(
            (
                cluster.list(&known::REPLICA_SETS),
                cluster.list(&known::PODS)
            ),
            (vec![], vec![])
        );
    }
}

#[test]
fn in_the_foreground_the_owner_stays_until_its_dependents_are_gone() {
    let mut cluster = Cluster::new();
    let mut object = deployment(1, "web:1");
    object["spec"]["template"]["metadata"]["annotations"] =
        json!({"carrick.dev/stage": "ignores-sigterm"});
    cluster.create(&known::DEPLOYMENTS, object);
    cluster.wait(5, |c| c.is_rolled_out("web"));
    cluster.delete(&known::DEPLOYMENTS, "web", &with(Propagation::Foreground));
    cluster.run(20);
    assert!(
        cluster
            .get(&known::DEPLOYMENTS, "web")
            .is_some_and(|d| object::is_terminating(&d))
    );
    assert_eq!(cluster.list(&known::PODS).len(), 1);
    cluster.run(15);
    assert_eq!(
        (
            cluster.get(&known::DEPLOYMENTS, "web"),
            cluster.list(&known::PODS)
        ),
        (None, vec![])
    );
}

#[test]
fn orphaned_pods_live_on_and_can_be_adopted_again() {
    let mut cluster = Cluster::new();
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    cluster.delete(&known::DEPLOYMENTS, "web", &with(Propagation::Orphan));
    cluster.run(2);
    assert_eq!(cluster.get(&known::DEPLOYMENTS, "web"), None);
    let pods: Vec<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| object::uid(p).to_owned())
        .collect();
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    assert_eq!(
        cluster
            .list(&known::PODS)
            .iter()
            .map(|p| object::uid(p).to_owned())
            .collect::<Vec<_>>(),
        pods
    );
}

#[test]
fn an_object_whose_owner_is_in_another_namespace_is_deleted_with_a_warning() {
    let mut cluster = Cluster::new();
    let config = |namespace: &str, name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}});
    let owner = cluster.create(&known::CONFIG_MAPS, config("kube-system", "owner"));
    let mut dependent = config("default", "dependent");
    dependent["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": object::uid(&owner)}]);
    cluster.create(&known::CONFIG_MAPS, dependent);
    cluster.run(1);
    assert_eq!(cluster.get(&known::CONFIG_MAPS, "dependent"), None);
    let events = cluster.list(&known::EVENTS);
    let told = events
        .iter()
        .find(|e| text(e, "/reason") == "OwnerRefInvalidNamespace")
        .unwrap();
    assert_eq!(
        text(told, "/message"),
        format!(
            "ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: {}] does not exist in namespace \"default\"",
            object::uid(&owner)
        )
    );
}

#[test]
fn a_namespace_goes_with_its_content() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::NAMESPACES,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
    );
    cluster.run(1);
    let names = |cluster: &mut Cluster, resource: &Resource| -> Vec<String> {
        cluster
            .session()
            .list(resource, Some("n"))
            .iter()
            .map(|o| object::name(o).to_owned())
            .collect()
    };
    assert_eq!(names(&mut cluster, &known::SERVICE_ACCOUNTS), ["default"]);
    assert_eq!(
        names(&mut cluster, &known::CONFIG_MAPS),
        ["kube-root-ca.crt"]
    );
    let mut object = deployment(2, "web:1");
    object["metadata"]["namespace"] = json!("n");
    cluster.create(&known::DEPLOYMENTS, object);
    cluster.run(3);
    assert_eq!(names(&mut cluster, &known::PODS).len(), 2);
    cluster.delete(&known::NAMESPACES, "n", &DeleteOptions::default());
    cluster.run(2);
    assert_eq!(
        text(
            &cluster.get(&known::NAMESPACES, "n").unwrap(),
            "/status/phase"
        ),
        "Terminating"
    );
    cluster.run(8);
    assert_eq!(cluster.get(&known::NAMESPACES, "n"), None);
    assert_eq!(names(&mut cluster, &known::PODS), Vec::<String>::new());
}

#[test]
fn a_finalizer_in_a_namespace_is_told_and_waited_for() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::NAMESPACES,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
    );
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "namespace": "n", "finalizers": ["x.io/y"]}});
    cluster.create(&known::CONFIG_MAPS, held);
    cluster.delete(&known::NAMESPACES, "n", &DeleteOptions::default());
    cluster.run(10);
    let namespace = cluster.get(&known::NAMESPACES, "n").unwrap();
    assert_eq!(
        text(
            object::condition(&namespace, "NamespaceFinalizersRemaining").unwrap(),
            "/message"
        ),
        "Some content in the namespace has finalizers remaining: x.io/y in 1 resource instances"
    );
    let body = json!({"metadata": {"finalizers": null}});
    cluster
        .session()
        .patch_merge(&known::CONFIG_MAPS, "n", "held", "", &body)
        .unwrap();
    cluster.run(1);
    assert_eq!(cluster.get(&known::NAMESPACES, "n"), None);
}

#[test]
fn the_pods_of_a_lost_node_are_replaced_elsewhere() {
    let mut cluster = Cluster::new();
    cluster.deployment(3, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    cluster
        .patch(
            &known::NODES,
            "node-1",
            &json!({"metadata": {"annotations": {"carrick.dev/stage": "lost"}}}),
        )
        .unwrap();
    cluster.run(90);
    let node = cluster.get(&known::NODES, "node-1").unwrap();
    assert_eq!(
        text(object::condition(&node, "Ready").unwrap(), "/status"),
        "Unknown"
    );
    assert_eq!(object::items(&node, "/spec/taints").len(), 2);
    assert!(!cluster.is_rolled_out("web"));
    cluster.run(400);
    assert!(cluster.is_rolled_out("web"));
    cluster
        .patch(
            &known::NODES,
            "node-1",
            &json!({"metadata": {"annotations": {"carrick.dev/stage": null}}}),
        )
        .unwrap();
    cluster.run(5);
    let node = cluster.get(&known::NODES, "node-1").unwrap();
    assert!(object::is_true(&node, "Ready") && object::items(&node, "/spec/taints").is_empty());
    assert_eq!(cluster.list(&known::PODS).len(), 3);
}

/// Nodes whose agents stop at once, or go on.
fn lose(cluster: &mut Cluster, nodes: &[&str], lost: bool) {
    let stage = lost.then_some("lost");
    let body = json!({"metadata": {"annotations": {"carrick.dev/stage": stage}}});
    for node in nodes {
        cluster.patch(&known::NODES, node, &body).unwrap();
    }
}

/// Effects of the taints of each node, and when pods began to have to leave it, in seconds since `start`.
fn taints(cluster: &mut Cluster, start: Timestamp) -> Vec<(String, Option<i64>)> {
    let nodes = cluster.session().list(&known::NODES, None);
    let of = |node: &Arc<Value>| {
        let taints = object::items(node, "/spec/taints");
        let effects: Vec<&str> = taints.iter().map(|t| text(t, "/effect")).collect();
        let executes = taints.iter().find(|t| text(t, "/effect") == "NoExecute");
        let since = executes.and_then(|t| object::time(t, "/timeAdded"));
        let since = since.map(|at| at.duration_since(start).as_secs());
        (effects.join(" "), since)
    };
    nodes.iter().map(of).collect()
}

#[test]
fn nodes_that_are_lost_together_lose_their_pods_one_after_another() {
    let mut cluster = Cluster::new();
    lose(&mut cluster, &["node-2", "node-3"], true);
    cluster.run(100);
    let start = cluster.now;
    let all = taints(&mut cluster, start);
    let both = "NoSchedule NoExecute".to_owned();
    assert_eq!(all[0].0, String::new());
    assert_eq!((&all[1].0, &all[2].0), (&both, &both));
    assert_eq!(all[2].1.unwrap() - all[1].1.unwrap(), 10);
}

#[test]
fn when_the_last_node_is_lost_all_pods_stay_until_one_is_heard_of_again() {
    let mut cluster = Cluster::new();
    cluster.deployment(3, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let uids = |cluster: &mut Cluster| -> Vec<String> {
        let pods = cluster.list(&known::PODS);
        pods.iter().map(|p| object::uid(p).to_owned()).collect()
    };
    let before = uids(&mut cluster);
    lose(&mut cluster, &["node-2"], true);
    cluster.run(100);
    let start = cluster.now;
    assert_eq!(taints(&mut cluster, start)[1].0, "NoSchedule NoExecute");
    lose(&mut cluster, &["node-1", "node-3"], true);
    cluster.run(1000);
    let lost = ("NoSchedule".to_owned(), None);
    let expected = [lost.clone(), lost.clone(), lost];
    assert_eq!(taints(&mut cluster, start), expected);
    assert_eq!(uids(&mut cluster), before);
    assert!(!cluster.is_rolled_out("web"));
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    let start = cluster.now;
    lose(&mut cluster, &["node-1"], false);
    cluster.run(30);
    let both = |since: i64| ("NoSchedule NoExecute".to_owned(), Some(since));
    let expected = [(String::new(), None), both(10), both(20)];
    assert_eq!(taints(&mut cluster, start), expected);
    cluster.run(400);
    assert!(cluster.is_rolled_out("web"));
}

#[test]
fn of_too_many_pods_that_ended_the_oldest_go() {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let collector: Box<dyn Builtin> = Box::new(Loop::new(PodGarbage::beyond(2)));
    let (options, entropy) = (Options::default(), Entropy::seeded(1));
    let world = World::new(options, entropy, vec![collector], now);
    let mut cluster = Cluster { world, now };
    let account = json!({"metadata": {"name": "default", "namespace": "default"}});
    cluster.create(&known::SERVICE_ACCOUNTS, account);
    let end = |cluster: &mut Cluster, name: &str, status: Value| {
        let pod = json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let mut pod = Value::clone(&cluster.create(&known::PODS, pod));
        pod["status"] = status;
        cluster.session().update_status(&known::PODS, pod).unwrap();
        cluster.run(1);
    };
    let ended = || json!({"phase": "Succeeded"});
    end(&mut cluster, "d", ended());
    end(&mut cluster, "runs", json!({"phase": "Running"}));
    end(&mut cluster, "c", json!({"phase": "Failed"}));
    end(&mut cluster, "b", ended());
    end(
        &mut cluster,
        "a",
        json!({"phase": "Failed", "reason": "Evicted"}),
    );
    let names = |cluster: &mut Cluster| -> Vec<String> {
        let pods = cluster.list(&known::PODS);
        pods.iter().map(|p| object::name(p).to_owned()).collect()
    };
    cluster.run(17);
    assert_eq!(names(&mut cluster), ["a", "b", "c", "d", "runs"]);
    cluster.run(3);
    assert_eq!(names(&mut cluster), ["b", "c", "runs"]);
    // Those of an earlier run count.
    let collector: Box<dyn Builtin> = Box::new(Loop::new(PodGarbage::beyond(1)));
    let world = World::with_server(
        cluster.world.api,
        Entropy::seeded(2),
        vec![collector],
        cluster.now,
    );
    let mut cluster = Cluster {
        world,
        now: cluster.now,
    };
    cluster.run(30);
    assert_eq!(names(&mut cluster), ["b", "runs"]);
}

#[test]
fn a_pod_that_fits_nowhere_waits_for_a_node_that_takes_it() {
    let mut cluster = Cluster::new();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "c", "image": "web:1"}]},
    });
    cluster.create(&known::PODS, pod);
    cluster.run(2);
    let pod = cluster.get(&known::PODS, "p").unwrap();
    assert_eq!(conditions(&pod), ["PodScheduled=False Unschedulable"]);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    cluster
        .patch(
            &known::NODES,
            "node-2",
            &json!({"metadata": {"labels": {"disk": "fast"}}}),
        )
        .unwrap();
    cluster.run(2);
    let pod = cluster.get(&known::PODS, "p").unwrap();
    assert_eq!(
        (text(&pod, "/spec/nodeName"), text(&pod, "/status/phase")),
        ("node-2", "Running")
    );
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let run = |seed: u64| {
        let mut cluster = Cluster::seeded(seed);
        cluster.deployment(5, "web:1");
        cluster.run(30);
        cluster.list(&known::PODS)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn controllers_that_start_in_a_settled_world_write_nothing_but_that_they_know_the_nodes() {
    let mut cluster = Cluster::new();
    cluster.deployment(3, "web:1");
    cluster.run(10);
    let Cluster { world, now } = cluster;
    let world = World::with_server(world.api, Entropy::seeded(99), crate::builtin::all(), now);
    let mut cluster = Cluster { world, now };
    let written = cluster.writes_while_resting();
    assert_eq!(written.len(), 3, "{written:?}");
    assert!(
        written
            .iter()
            .all(|w| w.starts_with("events default/node-"))
    );
}
