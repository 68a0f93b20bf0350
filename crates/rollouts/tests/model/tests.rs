//! The tests.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::random::Random;

fn rollout(strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default", "uid": "ro", "generation": 1},
        "spec": {
            "replicas": 5,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": strategy,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {}}]},
            },
        },
    })
}

fn canary() -> Value {
    json!({"canary": {
        "canaryService": "canary", "stableService": "stable",
        "canaryMetadata": {"labels": {"role": "canary"}}, "stableMetadata": {"labels": {"role": "stable"}},
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": 10}}],
    }})
}

fn blue_green() -> Value {
    json!({"blueGreen": {
        "activeService": "active", "previewService": "preview", "autoPromotionEnabled": false,
        "previewReplicaCount": 2, "scaleDownDelaySeconds": 20,
    }})
}

fn strategies() -> Vec<Value> {
    vec![
        canary(),
        json!({"canary": {"maxSurge": 0, "maxUnavailable": 1, "steps": [{"setWeight": 40}, {"pause": {"duration": "5s"}}]}}),
        json!({"canary": {"maxSurge": "50%", "maxUnavailable": 0}}),
        blue_green(),
        json!({"blueGreen": {"activeService": "active", "autoPromotionSeconds": 15, "scaleDownDelaySeconds": 0}}),
    ]
}

/// Lets a cluster rest until nothing is planned any more, a user resuming whatever waits for one.
fn settle(cluster: &mut Cluster) {
    let mut quiet = 0;
    for _ in 0..600 {
        cluster.advance(5);
        let wrote = cluster.reconcile(None);
        quiet = if wrote || !cluster.is_still() {
            0
        } else {
            quiet + 1
        };
        // Longer than any pause that ends by itself.
        if quiet > 6 {
            if !cluster.resume() {
                return;
            }
            quiet = 0;
        }
    }
    panic!(
        "it never rests: {:#}",
        cluster.objects["Rollout/web"]["status"]
    );
}

#[test]
fn a_second_pass_over_an_unchanged_world_plans_nothing() {
    for strategy in strategies() {
        let mut cluster = Cluster::new(rollout(&strategy), 1);
        settle(&mut cluster);
        cluster.set_image("web:2");
        settle(&mut cluster);
        let writes = cluster.writes;
        for _ in 0..5 {
            cluster.advance(3600);
            cluster.reconcile(None);
        }
        assert_eq!(cluster.writes, writes, "{strategy}");
        assert_eq!(
            cluster.objects["Rollout/web"]["status"]["phase"], "Healthy",
            "{strategy}"
        );
    }
}

/// An update from image 1 to 2, the controller dying after each of its writes in turn.
fn update(strategy: &Value, die_after: Option<usize>) -> (Value, usize) {
    let mut cluster = Cluster::new(rollout(strategy), 1);
    settle(&mut cluster);
    cluster.set_image("web:2");
    let before = cluster.writes;
    cluster.die_after = die_after.map(|writes| before + writes);
    settle(&mut cluster);
    (cluster.summary(), cluster.writes - before)
}

#[test]
fn a_crash_after_any_write_leads_to_the_same_end() {
    for strategy in strategies() {
        let (expected, writes) = update(&strategy, None);
        assert_eq!(
            expected["sets"].as_object().map(serde_json::Map::len),
            Some(2),
            "{expected:#}"
        );
        for at in 1..=writes {
            let (found, _) = update(&strategy, Some(at));
            assert_eq!(found, expected, "died after write {at} of {strategy}");
        }
    }
}

#[test]
fn promises_hold_whatever_users_and_pods_do() {
    for strategy in strategies() {
        for seed in 0..6 {
            let mut random = Random(seed * 7919 + 17);
            let mut cluster = Cluster::new(rollout(&strategy), seed);
            settle(&mut cluster);
            for _ in 0..60 {
                match random.below(14) {
                    0 => cluster.set_image(["web:1", "web:2", "web:3"][random.below(3)]),
                    1 => cluster.patch_status(&json!({"abort": true})),
                    2 => cluster.patch_status(&json!({"abort": false})),
                    3 => drop(cluster.resume()),
                    4 => cluster.patch_status(&json!({"promoteFull": true})),
                    5 => cluster.scale([2, 5, 8][random.below(3)]),
                    6 => cluster.fail_a_pod(),
                    _ => {}
                }
                cluster.advance(random.up_to(6));
                let stop = (random.below(5) == 0).then(|| random.below(4));
                cluster.reconcile(stop);
            }
            cluster.patch_status(&json!({"abort": null}));
            settle(&mut cluster);
            let status = &cluster.objects["Rollout/web"]["status"];
            assert_eq!(
                status["phase"], "Healthy",
                "seed {seed} of {strategy}: {status:#}"
            );
        }
    }
}

#[test]
fn objects_of_an_earlier_release_are_taken_over_without_a_new_revision() {
    for strategy in strategies() {
        let mut cluster = Cluster::new(rollout(&strategy), 1);
        settle(&mut cluster);
        cluster.relabel("old-label");
        let sets = cluster.summary()["sets"].clone();
        settle(&mut cluster);
        cluster.touch_spec();
        settle(&mut cluster);
        assert_eq!(cluster.summary()["sets"], sets, "{strategy}");
    }
}
