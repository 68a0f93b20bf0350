//! What the controllers tell beside the objects: events and metrics.

use std::sync::{Arc, Mutex};

use rollouts::rollout::decide::writes::ROLLOUT;
use runtime::resource::EVENT;
use serde_json::{Value, json};
use simulator::faults::{Call, Failure, Faults, Verdict};
use simulator::status_error::ApiError;

use crate::lab::Lab;
use crate::tests::{canary, lab, on_virtual_time, promote, rollout};

/// Method, path and body of every call of the controllers.
type Calls = Arc<Mutex<Vec<(String, String, Value)>>>;

struct Listening(Calls);

impl Faults for Listening {
    fn before(&mut self, call: &Call<'_>) -> Verdict {
        if call.actor == "mgr0" {
            let body = serde_json::from_slice(call.body).unwrap_or_default();
            let call = (call.method.to_owned(), call.path.to_owned(), body);
            self.0.lock().unwrap().push(call);
        }
        Verdict::Pass
    }
}

#[test]
fn who_sees_a_status_finds_the_events_that_led_to_it() {
    on_virtual_time(async {
        let lab = lab(&json!({"canary": {}})).await;
        let calls = Calls::default();
        lab.world.lock().faults = Some(Box::new(Listening(Arc::clone(&calls))));
        lab.set_image("web:2");
        lab.until_phase("Healthy").await;
        let calls = calls.lock().unwrap();
        let event = calls.iter().position(|(_, path, body)| {
            path.contains("/events") && body["reason"] == "RolloutCompleted"
        });
        let status = calls.iter().position(|(_, path, body)| {
            path.contains("/status") && body["status"]["stableRS"].is_string()
        });
        let (event, status) = (event.unwrap(), status.unwrap());
        assert!(event < status, "event {event}, status {status}: {calls:#?}");
    });
}

#[test]
fn the_largest_number_of_pods_in_an_update_is_told_at_once() {
    on_virtual_time(async {
        let lab = lab(&json!({"canary": {"maxSurge": "100%"}})).await;
        lab.pass(60).await;
        let calls = Calls::default();
        lab.world.lock().faults = Some(Box::new(Listening(Arc::clone(&calls))));
        lab.set_image("web:2");
        lab.until_phase("Healthy").await;
        let calls = calls.lock().unwrap();
        let told: Vec<i64> = calls
            .iter()
            .filter(|(_, path, _)| path.contains("/status"))
            .filter_map(|(_, _, body)| body["status"]["replicas"].as_i64())
            .collect();
        assert_eq!(told.iter().max(), Some(&9), "{told:?}");
    });
}

#[test]
fn a_smaller_size_in_an_update_is_told_at_once() {
    on_virtual_time(async {
        let lab = lab(&json!({"canary": {"maxSurge": "100%"}})).await;
        let slow = json!({"metadata": {"annotations": {"carrick.dev/ready-after": "60s"}}});
        let patch = |spec: Value| lab.patch(&ROLLOUT, "web", None, &json!({"spec": spec}));
        patch(json!({"template": slow}));
        lab.pass(1).await;
        let told = || lab.get(&ROLLOUT, "web")["status"]["replicas"].clone();
        let mut counts = vec![told()];
        for replicas in [8, 5] {
            patch(json!({"replicas": replicas}));
            lab.pass(1).await;
            counts.push(told());
        }
        assert_eq!(counts, [9, 12, 9]);
    });
}

/// Nobody can create ReplicaSets.
struct Refusing;

impl Faults for Refusing {
    fn before(&mut self, call: &Call<'_>) -> Verdict {
        if call.method == "POST" && call.path.contains("/replicasets") {
            return Verdict::Fail(Failure::Status(ApiError::internal("no quota")));
        }
        Verdict::Pass
    }
}

#[test]
fn a_replica_set_that_cannot_be_created_is_told_by_condition_event_and_metric() {
    on_virtual_time(async {
        let mut lab = Lab::new().await;
        lab.start();
        lab.world.lock().faults = Some(Box::new(Refusing));
        lab.create(&ROLLOUT, &rollout(&json!({"canary": {}})));
        lab.pass(30).await;
        let events = lab.list(&EVENT);
        let warnings: Vec<&Value> = events
            .iter()
            .filter(|event| event["reason"] == "ReplicaSetCreateError")
            .collect();
        let [warning] = warnings.as_slice() else {
            panic!("{warnings:#?}")
        };
        let condition = lab.get(&ROLLOUT, "web")["status"]["conditions"][0].clone();
        assert_eq!(condition["reason"], "ReplicaSetCreateError");
        assert_eq!(
            (&warning["type"], &warning["message"]),
            (&json!("Warning"), &condition["message"])
        );
        let message = warning["message"].as_str().unwrap();
        assert!(
            message.starts_with("Failed to create new replica set \"web-"),
            "{message}"
        );
        assert!(warning["count"].as_i64() > Some(1), "{warning}");
        let metrics = lab.metrics();
        let phase = r#"rollout_info{namespace="default",name="web",strategy="canary",traffic_router="",phase="Error"} 1"#;
        assert!(metrics.iter().any(|line| line == phase), "{metrics:#?}");
        let errors = r#"rollout_reconcile_error{namespace="default",name="web"}"#;
        assert!(
            metrics.iter().any(|line| line.starts_with(errors)),
            "{metrics:#?}"
        );
    });
}

#[test]
fn a_release_shows_in_the_metrics_and_a_deleted_rollout_leaves_them() {
    on_virtual_time(async {
        let lab = lab(&canary()).await;
        lab.set_image("web:2");
        lab.until_phase("Paused").await;
        lab.pass(100).await;
        promote(&lab);
        lab.until_phase("Healthy").await;
        lab.pass(10).await;
        let metrics = lab.metrics();
        for line in [
            r#"rollout_info{namespace="default",name="web",strategy="canary",traffic_router="",phase="Completed"} 1"#,
            r#"rollout_info_replicas_updated{namespace="default",name="web"} 5"#,
            r#"rollout_events_total{namespace="default",name="web",type="Normal",reason="RolloutCompleted"} 2"#,
            r#"rollout_duration_seconds_count{status="Promoted"} 2"#,
            r#"rollout_manual_pause_duration_seconds_bucket{status="Promoted",le="60"} 1"#,
            r#"rollout_manual_pause_duration_seconds_bucket{status="Promoted",le="300"} 2"#,
            r#"rollout_progression_duration_seconds_bucket{status="Promoted",le="30"} 2"#,
        ] {
            assert!(
                metrics.iter().any(|found| found == line),
                "{line}\n{metrics:#?}"
            );
        }
        let of_web = |lines: &[String]| -> Vec<String> {
            let lines = lines.iter().filter(|line| line.contains(r#"name="web""#));
            let names = lines.map(|line| line.split('{').next().unwrap().to_owned());
            names.collect()
        };
        let names = of_web(&metrics);
        for name in [
            "rollout_reconcile_count",
            "rollout_phase",
            "controller_clientset_k8s_request_total",
        ] {
            assert!(names.iter().any(|found| found == name), "{name}\n{names:?}");
        }
        lab.delete(&ROLLOUT, "web");
        lab.pass(30).await;
        let names = of_web(&lab.metrics());
        assert!(
            names.iter().any(|name| name == "rollout_reconcile_count"),
            "{names:?}"
        );
        assert!(
            !names.iter().any(|name| name == "rollout_info"),
            "{names:?}"
        );
        lab.pass(60).await;
        assert_eq!(of_web(&lab.metrics()), [""; 0]);
    });
}
