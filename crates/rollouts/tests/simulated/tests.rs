//! The tests.

use crate::lab::{Lab, is_observed};
use rollouts::rollout::decide::writes::{ROLLOUT, SERVICE};
use serde_json::{Value, json};

pub fn on_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    })
}

pub fn rollout(strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 5, "selector": {"matchLabels": {"app": "web"}}, "strategy": strategy,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

pub async fn lab(strategy: &Value) -> Lab {
    let mut lab = Lab::new().await;
    for name in ["active", "preview", "stable", "canary"] {
        lab.create(&SERVICE, &service(name));
    }
    lab.start();
    lab.create(&ROLLOUT, &rollout(strategy));
    lab.until_phase("Healthy").await;
    lab
}

pub fn canary() -> Value {
    json!({"canary": {
        "canaryService": "canary", "stableService": "stable",
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": 10}}],
    }})
}

pub fn blue_green() -> Value {
    json!({"blueGreen": {"activeService": "active", "previewService": "preview", "autoPromotionEnabled": false}})
}

pub fn promote(lab: &Lab) {
    lab.patch(
        &ROLLOUT,
        "web",
        Some("status"),
        &json!({"status": {"pauseConditions": null}}),
    );
}

#[test]
fn a_canary_goes_step_by_step_and_waits_for_people() {
    on_virtual_time(async {
        let lab = lab(&canary()).await;
        assert_eq!(lab.sizes(), [("1".to_owned(), 5, 5)]);
        let before = lab.counts();
        lab.set_image("web:2");
        lab.until_phase("Paused").await;
        lab.pass(5).await;
        assert_eq!(
            lab.sizes(),
            [("1".to_owned(), 4, 4), ("2".to_owned(), 1, 1)]
        );
        promote(&lab);
        lab.until_phase("Healthy").await;
        lab.pass(60).await;
        assert_eq!(
            lab.sizes(),
            [("1".to_owned(), 0, 0), ("2".to_owned(), 5, 5)]
        );
        assert_eq!(lab.selects("stable"), lab.selects("canary"));
        let (calls, writes) = (lab.counts().0 - before.0, lab.counts().1 - before.1);
        assert_eq!((calls, writes), (38, 38), "22 of them events; none reads");
        let settled = lab.counts();
        lab.pass(2 * 3600).await;
        assert_eq!(
            lab.counts().1,
            settled.1,
            "a settled Rollout is not written"
        );
    });
}

#[test]
fn an_aborted_canary_goes_back_and_the_stable_image_heals_it() {
    on_virtual_time(async {
        let lab = lab(&canary()).await;
        lab.set_image("web:2");
        lab.until_phase("Paused").await;
        lab.patch(
            &ROLLOUT,
            "web",
            Some("status"),
            &json!({"status": {"abort": true}}),
        );
        lab.until_phase("Degraded").await;
        lab.until("back at stable", |lab, _| {
            lab.sizes() == [("1".to_owned(), 5, 5), ("2".to_owned(), 0, 0)]
        })
        .await;
        let message = lab.get(&ROLLOUT, "web")["status"]["message"].clone();
        assert_eq!(
            message,
            "RolloutAborted: Rollout aborted update to revision 2"
        );
        lab.set_image("web:1");
        lab.until_phase("Healthy").await;
        assert_eq!(
            lab.sizes(),
            [("2".to_owned(), 0, 0), ("3".to_owned(), 5, 5)]
        );
    });
}

#[test]
fn a_blue_green_update_previews_waits_and_switches() {
    on_virtual_time(async {
        let lab = lab(&blue_green()).await;
        let old = lab.selects("active");
        let before = lab.counts();
        lab.set_image("web:2");
        lab.until_phase("Paused").await;
        lab.until("all available", |lab, _| {
            lab.sizes() == [("1".to_owned(), 5, 5), ("2".to_owned(), 5, 5)]
        })
        .await;
        assert_eq!(lab.selects("active"), old);
        assert_ne!(lab.selects("preview"), old);
        promote(&lab);
        lab.until_phase("Healthy").await;
        assert_eq!(lab.selects("active"), lab.selects("preview"));
        lab.pass(20).await;
        assert_eq!(
            lab.sizes(),
            [("1".to_owned(), 5, 5), ("2".to_owned(), 5, 5)]
        );
        lab.pass(20).await;
        assert_eq!(
            lab.sizes(),
            [("1".to_owned(), 0, 0), ("2".to_owned(), 5, 5)]
        );
        let (calls, writes) = (lab.counts().0 - before.0, lab.counts().1 - before.1);
        assert_eq!((calls, writes), (23, 23), "13 of them events; none reads");
    });
}

/// What matters about the end, and how many writes the update took, events included.
async fn updated(strategy: &Value, die_at: Option<u64>) -> (Value, u64) {
    let mut lab = lab(strategy).await;
    lab.pass(60).await;
    let before = lab.counts().1;
    let dead = die_at.map(|write| lab.die_at(write));
    lab.set_image("web:2");
    let mut restarted = false;
    for _ in 0..3000 {
        lab.pass(1).await;
        if !restarted && dead.as_ref().is_some_and(|dead| *dead.lock().unwrap()) {
            lab.kill();
            lab.pass(3).await;
            lab.start();
            restarted = true;
        }
        let rollout = lab.get(&ROLLOUT, "web");
        let seen = is_observed(&rollout);
        if rollout["status"]["phase"] == "Paused" && rollout["status"]["pauseConditions"].is_array()
        {
            lab.pass(20).await;
            promote(&lab);
        } else if seen && rollout["status"]["phase"] == "Healthy" {
            break;
        }
    }
    lab.pass(120).await;
    let status = lab.get(&ROLLOUT, "web")["status"].clone();
    let writes = if restarted {
        0
    } else {
        lab.counts().1 - before
    };
    (
        json!({"sizes": lab.sizes(), "active": lab.selects("active"), "stable": lab.selects("stable"),
        "phase": status["phase"], "stableRS": status["stableRS"], "step": status["currentStepIndex"]}),
        writes,
    )
}

#[test]
fn a_process_that_dies_at_a_write_is_replaced_and_the_end_is_the_same() {
    for strategy in [canary(), blue_green()] {
        on_virtual_time(async {
            let (expected, writes) = updated(&strategy, None).await;
            assert_eq!(expected["phase"], "Healthy");
            // Every write is tried against the model (`tests/model`); here a few, as a whole world takes its time.
            for at in (1..=writes).step_by(7) {
                let (found, _) = updated(&strategy, Some(at)).await;
                assert_eq!(found, expected, "died at write {at} of {writes}");
            }
        });
    }
}
