use serde_json::{Value, json};

use super::canary::{Counts, approximate, counts_basic, counts_routed};
use super::{ReplicaSetView, find, limits};
use crate::api::Rollout;
use crate::api::decode::lenient;

fn canary(spec: &Value, status: &Value, canary: &Value) -> Rollout {
    let mut spec = spec.clone();
    spec["strategy"] = json!({"canary": canary});
    lenient(&json!({"spec": spec, "status": status})).object
}

fn set(name: &str, spec: i32, available: i32) -> ReplicaSetView {
    ReplicaSetView::from_value(&json!({
        "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": name}},
        "spec": {"replicas": spec},
        "status": {"replicas": spec, "availableReplicas": available},
    }))
}

#[test]
fn a_weight_comes_to_the_nearest_counts() {
    let counts = |replicas, weight, surge| {
        let Counts { new, stable } = approximate(replicas, weight, 100, surge);
        (new, stable)
    };
    assert_eq!(counts(1, 1, 1), (1, 1));
    assert_eq!(counts(2, 1, 1), (1, 2));
    assert_eq!(counts(3, 50, 0), (2, 1));
    assert_eq!(counts(10, 24, 1), (3, 8));
    assert_eq!(counts(0, 50, 1), (0, 0));
}

#[test]
fn a_bare_text_is_a_percentage_and_both_zero_allows_one_missing() {
    let spec = json!({"replicas": 8});
    let with = |surge: Value, unavailable: Value| {
        let rollout = canary(
            &spec,
            &json!({}),
            &json!({"maxSurge": surge, "maxUnavailable": unavailable}),
        );
        (
            limits::max_surge(&rollout),
            limits::max_unavailable(&rollout),
        )
    };
    assert_eq!(with(Value::Null, Value::Null), (2, 2));
    assert_eq!(with(json!("13"), json!("13%")), (2, 1));
    assert_eq!(with(json!("0%"), json!(0)), (0, 1));
    assert_eq!(with(json!("many"), json!(1)), (0, 0));
}

#[test]
fn broken_canary_pods_do_not_block_the_way_back() {
    let status = json!({"stableRS": "old", "currentPodHash": "new", "abort": true});
    let limits = json!({"maxSurge": 1, "maxUnavailable": 0, "steps": [{"setWeight": 50}]});
    let rollout = canary(&json!({"replicas": 4}), &status, &limits);
    let (new, stable) = (set("new", 2, 0), set("old", 2, 2));
    let counts = counts_basic(&rollout, Some(&new), Some(&stable), &[]);
    assert_eq!(counts, Counts { new: 2, stable: 3 });
}

#[test]
fn dynamic_stable_scale_keeps_the_stable_set_while_it_has_traffic() {
    let status = json!({"stableRS": "old", "currentPodHash": "new", "currentStepIndex": 0});
    let dynamic =
        json!({"dynamicStableScale": true, "trafficRouting": {}, "steps": [{"setWeight": 75}]});
    let rollout = canary(&json!({"replicas": 4}), &status, &dynamic);
    let weights = lenient(&json!({"canary": {"weight": 25}, "stable": {"weight": 75}})).object;
    assert_eq!(
        counts_routed(&rollout, None, None, None),
        Counts { new: 3, stable: 1 }
    );
    assert_eq!(
        counts_routed(&rollout, None, None, Some(&weights)),
        Counts { new: 3, stable: 3 }
    );
}

#[test]
fn step_hashes_are_upstreams() {
    let hash = |strategy: Value| {
        let rollout: Rollout = lenient(&json!({"spec": {"strategy": strategy}})).object;
        find::step_hash(&rollout)
    };
    assert_eq!(
        hash(json!({"canary": {"steps": [{"pause": {}}]}})),
        "6b9b86fbd5"
    );
    assert_eq!(
        hash(json!({"canary": {"steps": [{"setWeight": 10}, {"pause": {}}]}})),
        "849b756fd4"
    );
    assert_eq!(hash(json!({"canary": {}})), "5ffbfbbd64");
    assert_eq!(hash(json!({"blueGreen": {}})), "");
}
