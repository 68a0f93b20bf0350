//! What must hold at every write, by the numbers of the specification.

use rollouts::api::RolloutStatus;
use rollouts::api::decode::lenient;
use rollouts::replicas::{ReplicaSetView, limits};
use runtime::Effect;
use serde_json::Value;

use crate::cluster::Cluster;

/// RO-1, RO-2, RO-3, RO-5 and RO-9.
pub fn before_write(cluster: &Cluster, effect: &Effect) {
    let rollout: rollouts::api::Rollout = lenient(&cluster.objects["Rollout/web"]).object;
    match effect {
        Effect::Patch {
            resource,
            key,
            patch,
            ..
        } if resource.kind == "ReplicaSet" => {
            if let Some(target) = patch
                .body()
                .pointer("/spec/replicas")
                .and_then(Value::as_i64)
            {
                scale(cluster, &rollout, &key.name, i32::try_from(target).unwrap());
            }
        }
        Effect::Patch {
            resource,
            key,
            patch,
            ..
        } if resource.kind == "Service" => {
            let body = patch.body();
            let hash = body["spec"]["selector"]["rollouts-pod-template-hash"].as_str();
            switch(cluster, &rollout, &key.name, hash.unwrap_or_default());
        }
        Effect::Create { object, .. } => {
            let image = |object: &Value| object["spec"]["template"]["spec"]["containers"].clone();
            let known = cluster.sets().find(|set| image(set) == image(object));
            assert_eq!(known, None, "RO-9: the template has a ReplicaSet already");
        }
        _ => {}
    }
}

fn sets(cluster: &Cluster) -> Vec<ReplicaSetView> {
    cluster.sets().map(ReplicaSetView::from_value).collect()
}

fn scale(cluster: &Cluster, rollout: &rollouts::api::Rollout, name: &str, target: i32) {
    let sets = sets(cluster);
    let set = sets.iter().find(|set| set.name() == name).unwrap();
    let (size, replicas) = (set.spec_replicas(), rollout.replicas());
    if rollout.spec.strategy.canary.is_some() {
        let total: i32 = sets.iter().map(ReplicaSetView::spec_replicas).sum();
        if target > size {
            let most = replicas + limits::max_surge(rollout);
            assert!(
                total - size + target <= most,
                "RO-2: {name} {size} -> {target}, {total} of {most}"
            );
        } else {
            // What already goes is not ours to keep; unavailable pods go first.
            let stays = |set: &ReplicaSetView, size: i32| set.available().min(size);
            let now: i32 = sets.iter().map(|set| stays(set, set.spec_replicas())).sum();
            let then = now - stays(set, size) + stays(set, target);
            let least = replicas - limits::max_unavailable(rollout);
            assert!(
                then >= least.min(now),
                "RO-1: {name} {size} -> {target} leaves {then} of {least}"
            );
        }
    } else if target < size {
        let active =
            &cluster.objects["Service/active"]["spec"]["selector"]["rollouts-pod-template-hash"];
        let serves = active.as_str() == Some(set.pod_template_hash());
        assert!(
            !serves || target >= replicas,
            "RO-1: the active {name} {size} -> {target}"
        );
    }
    if target == 0 && size > 0 {
        let stable = set.pod_template_hash() == rollout.status.stable_rs;
        let ends = rollout
            .status
            .current_step_index
            .map_or(0, |index| usize::try_from(index).unwrap());
        let steps = rollout
            .spec
            .strategy
            .canary
            .as_ref()
            .map_or(0, |canary| canary.steps().len());
        let last = rollout.spec.strategy.canary.is_some()
            && (ends >= steps || rollout.status.promote_full);
        assert!(!stable || last, "RO-5: stable {name} goes before promotion");
    }
}

fn switch(cluster: &Cluster, rollout: &rollouts::api::Rollout, name: &str, hash: &str) {
    let sets = sets(cluster);
    let set = sets
        .iter()
        .find(|set| set.pod_template_hash() == hash)
        .unwrap();
    let aborted = rollout.status.abort;
    assert!(
        name == "preview" || aborted || set.available() > 0,
        "RO-3: {name} is switched to {hash}, which has no available pods"
    );
}

/// RO-8: one step at a time.
pub fn before_status(old: &RolloutStatus, new: &RolloutStatus) {
    if let (Some(before), Some(after)) = (old.current_step_index, new.current_step_index) {
        let same_update = old.current_pod_hash == new.current_pod_hash && !old.promote_full;
        let promoted = new.stable_rs == new.current_pod_hash;
        assert!(
            !same_update || promoted || after <= before + 1,
            "RO-8: step {before} -> {after}"
        );
    }
}
