//! What a scrape shows of each Rollout's state.
//!
//! Mirrors upstream's `controller/metrics/rollouts.go`. Its phases are not those of the status: they go by the reason of
//! the condition Progressing.

use runtime::metrics::Exposition;

use crate::api::Rollout;
use crate::api::status::ConditionType;
use crate::conditions::{get, reason};

/// Phases that have a series of their own in the deprecated `rollout_phase`.
const PHASES: [&str; 6] = [
    "Completed",
    "Progressing",
    "Paused",
    "Timeout",
    "Error",
    "Abort",
];

/// Writes the series of one Rollout.
pub(super) fn expose(out: &mut Exposition, rollout: &Rollout) {
    let (strategy, router) = strategy(rollout);
    let phase = phase(rollout);
    let object = [
        ("namespace", rollout.metadata.namespace.as_str()),
        ("name", rollout.metadata.name.as_str()),
    ];
    let labelled = |more: &[(&'static str, &'static str)]| {
        let mut labels: Vec<(&str, &str)> = object.to_vec();
        labels.extend(more.iter().copied());
        labels
    };
    let info = labelled(&[
        ("strategy", strategy),
        ("traffic_router", router),
        ("phase", phase),
    ]);
    out.gauge("rollout_info", "Information about rollout.", &info, 1.0);
    let status = &rollout.status;
    let counts = [
        ("available", status.available_replicas),
        (
            "unavailable",
            status.replicas.wrapping_sub(status.available_replicas),
        ),
        ("desired", rollout.replicas()),
        ("updated", status.updated_replicas),
    ];
    for (what, count) in counts {
        let name = format!("rollout_info_replicas_{what}");
        let help = format!("The number of {what} replicas per rollout.");
        out.gauge(&name, &help, &object, f64::from(count));
    }
    for each in PHASES {
        let value = if each == phase { 1.0 } else { 0.0 };
        out.gauge(
            "rollout_phase",
            "Information on the state of the rollout (DEPRECATED - use rollout_info)",
            &labelled(&[("strategy", strategy), ("phase", each)]),
            value,
        );
    }
}

fn phase(rollout: &Rollout) -> &'static str {
    if get(&rollout.status, &ConditionType::InvalidSpec).is_some() {
        return "InvalidSpec";
    }
    match get(&rollout.status, &ConditionType::Progressing)
        .map_or("", |condition| condition.reason.as_str())
    {
        reason::NEW_REPLICA_SET_AVAILABLE => "Completed",
        reason::ROLLOUT_PAUSED => "Paused",
        reason::REPLICA_SET_CREATE_ERROR => "Error",
        reason::PROGRESS_DEADLINE_EXCEEDED => "Timeout",
        reason::ROLLOUT_ABORTED => "Abort",
        _ => "Progressing",
    }
}

/// The strategy and, of several traffic routers, the last that upstream looks for.
fn strategy(rollout: &Rollout) -> (&'static str, &'static str) {
    let strategy = &rollout.spec.strategy;
    if strategy.blue_green.is_some() {
        return ("blueGreen", "");
    }
    let Some(canary) = strategy.canary.as_deref() else {
        return ("none", "");
    };
    let Some(routing) = canary.traffic_routing.as_ref() else {
        return ("canary", "");
    };
    let routers = [
        (routing.alb.is_some(), "ALB"),
        (routing.ambassador.is_some(), "Ambassador"),
        (routing.istio.is_some(), "Istio"),
        (routing.nginx.is_some(), "Nginx"),
        (routing.smi.is_some(), "SMI"),
        (routing.app_mesh.is_some(), "AppMesh"),
    ];
    let used = routers.into_iter().rev().find(|(used, _)| *used);
    ("canary", used.map_or("", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use runtime::Registry;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::decode::lenient;

    fn exposed(object: &Value) -> Vec<String> {
        let rollout = lenient::<Rollout>(object).object;
        let registry = Registry::new();
        registry.collector(move |out| expose(out, &rollout));
        let text = registry.encode();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    fn rollout(strategy: &Value, condition: &str, reason: &str) -> Value {
        json!({
            "metadata": {"namespace": "ns", "name": "web"},
            "spec": {"replicas": 4, "strategy": strategy},
            "status": {
                "replicas": 5, "availableReplicas": 3, "updatedReplicas": 1,
                "conditions": [{"type": condition, "status": "True", "reason": reason}],
            },
        })
    }

    #[test]
    fn a_rollout_has_its_counts_and_a_series_for_each_phase() {
        let lines = exposed(&rollout(
            &json!({"canary": {}}),
            "Progressing",
            "RolloutPaused",
        ));
        assert_eq!(
            lines,
            [
                r#"rollout_info{namespace="ns",name="web",strategy="canary",traffic_router="",phase="Paused"} 1"#,
                r#"rollout_info_replicas_available{namespace="ns",name="web"} 3"#,
                r#"rollout_info_replicas_desired{namespace="ns",name="web"} 4"#,
                r#"rollout_info_replicas_unavailable{namespace="ns",name="web"} 2"#,
                r#"rollout_info_replicas_updated{namespace="ns",name="web"} 1"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Completed"} 0"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Progressing"} 0"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Paused"} 1"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Timeout"} 0"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Error"} 0"#,
                r#"rollout_phase{namespace="ns",name="web",strategy="canary",phase="Abort"} 0"#,
            ]
        );
    }

    #[test]
    fn the_phase_goes_by_the_reason_and_an_invalid_spec_wins() {
        let phase_of = |condition: &str, reason: &str| {
            let object = rollout(&json!({"blueGreen": {}}), condition, reason);
            phase(&lenient::<Rollout>(&object).object)
        };
        let phases = [
            ("Progressing", "NewReplicaSetAvailable"),
            ("Progressing", "ReplicaSetCreateError"),
            ("Progressing", "ProgressDeadlineExceeded"),
            ("Progressing", "RolloutAborted"),
            ("Progressing", "ReplicaSetUpdated"),
            ("InvalidSpec", "InvalidSpec"),
        ]
        .map(|(condition, reason)| phase_of(condition, reason));
        assert_eq!(
            phases,
            [
                "Completed",
                "Error",
                "Timeout",
                "Abort",
                "Progressing",
                "InvalidSpec"
            ]
        );
    }

    #[test]
    fn of_several_routers_the_last_is_named() {
        let routing = json!({"canary": {"trafficRouting": {"nginx": {}, "alb": {}, "istio": {}}}});
        let rollout = lenient::<Rollout>(&rollout(&routing, "", "")).object;
        assert_eq!(strategy(&rollout), ("canary", "Nginx"));
    }
}
