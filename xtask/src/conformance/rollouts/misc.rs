//! Defaults, annotations and small values.

use machinery::duration::GoDuration;
use rollouts::api::analysis::Metric;
use rollouts::api::defaults::AbortScaleDownDelay;
use rollouts::api::step::RolloutPause;
use rollouts::api::{AnalysisRun, annotations, defaults, labels};
use rollouts::replicas::{ReplicaSetView, list};
use rollouts::validation::{references, steps};
use serde_json::{Value, json};

use super::super::case::{Case, same};
use super::super::registry::Registry;
use super::{rollout, set};

pub fn register(registry: &mut Registry) {
    of_rollout(registry);
    delays(registry);
    numbers_in_annotations(registry);
    annotation_changes(registry);
    services(registry);
    registry.on("v1alpha1.RolloutPause.DurationSeconds", |case| {
        case.expect(&[(
            "r0",
            json!(steps::pause_seconds(&case.read::<RolloutPause>("recv"))),
        )])
    });
    registry.on("v1alpha1.Metric.EffectiveCount", |case| {
        case.expect(&[("r0", json!(case.read::<Metric>("recv").effective_count()))])
    });
    registry.on("v1alpha1.DurationString.Duration", |case| {
        let ours = GoDuration::parse(&case.text("recv"));
        let error = ours.as_ref().err().map(ToString::to_string);
        case.expect(&[("error/message", json!(error))])?;
        case.expect(&[(
            "r0",
            json!(ours.map_or_else(|_| "0s".to_owned(), |duration| duration.to_string())),
        )])
    });
    registry.skip("utils/defaults.", "flags and environment of the Go process");
    registry.skip(
        "utils/unstructured.",
        "the command line is replayed elsewhere",
    );
    registry.skip("utils/diff.", "the difference is the driver's");
    registry.skip(
        "service.",
        "it reads and writes through Go clients; ours is tested in `service` and in the scenarios",
    );
}

fn of_rollout(registry: &mut Registry) {
    let mut number = |name: &'static str, ours: fn(&rollouts::api::Rollout) -> Value| {
        registry.on(name, move |case| {
            case.expect(&[("r0", ours(&rollout(case, "rollout")))])
        });
    };
    number("utils/defaults.GetRevisionHistoryLimitOrDefault", |ro| {
        json!(ro.revision_history_limit())
    });
    number("utils/defaults.GetProgressDeadlineSecondsOrDefault", |ro| {
        json!(ro.progress_deadline_seconds())
    });
    number("utils/defaults.GetMaxSurgeOrDefault", |ro| {
        json!(ro.max_surge_or_default())
    });
    number("utils/defaults.GetMaxUnavailableOrDefault", |ro| {
        json!(ro.max_unavailable_or_default())
    });
    number("utils/defaults.GetAutoPromotionEnabledOrDefault", |ro| {
        json!(ro.auto_promotion_enabled())
    });
    number(
        "utils/defaults.GetAnalysisRunSuccessfulHistoryLimitOrDefault",
        |ro| json!(ro.successful_run_history_limit()),
    );
    number(
        "utils/defaults.GetAnalysisRunUnsuccessfulHistoryLimitOrDefault",
        |ro| json!(ro.unsuccessful_run_history_limit()),
    );
    number("utils/defaults.HasExplicitAbortScaleDownDelay", |ro| {
        json!(ro.has_explicit_abort_scale_down_delay())
    });
    registry.on("utils/defaults.GetReplicasOrDefault", |case| {
        let replicas = case
            .arg("replicas")
            .as_i64()
            .unwrap_or(i64::from(defaults::REPLICAS));
        case.expect(&[("r0", json!(replicas))])
    });
    registry.on("utils/weightutil.MaxTrafficWeight", |case| {
        case.expect(&[("r0", json!(rollout(case, "ro").max_traffic_weight()))])
    });
}

fn delays(registry: &mut Registry) {
    let text = |seconds: i64| GoDuration::from_nanos(seconds * 1_000_000_000).to_string();
    registry.on(
        "utils/defaults.GetScaleDownDelaySecondsOrDefault",
        move |case| {
            case.expect(&[(
                "r0",
                json!(text(rollout(case, "rollout").scale_down_delay().as_secs())),
            )])
        },
    );
    registry.on(
        "utils/defaults.GetAbortScaleDownDelaySecondsOrDefault",
        move |case| {
            let (delay, explicit) = match rollout(case, "rollout").abort_scale_down_delay() {
                AbortScaleDownDelay::Never => (Value::Null, true),
                AbortScaleDownDelay::After { delay, explicit } => {
                    (json!(text(delay.as_secs())), explicit)
                }
            };
            case.expect(&[("r0", delay), ("r1", json!(explicit))])
        },
    );
}

fn numbers_in_annotations(registry: &mut Registry) {
    let number = |case: &Case, ours: Option<i32>| {
        case.expect(&[
            ("r0", json!(ours.unwrap_or(0))),
            ("r1", json!(ours.is_some())),
        ])
    };
    registry.on(
        "utils/annotations.GetDesiredReplicasAnnotation",
        move |case| {
            number(
                case,
                set(case, "rs").and_then(|set| annotations::desired_replicas(&set.metadata)),
            )
        },
    );
    registry.on("utils/annotations.getIntFromAnnotation", move |case| {
        let key = case.text("annotationKey");
        number(
            case,
            set(case, "rs").and_then(|set| annotations::number(&set.metadata, &key)),
        )
    });
    registry.on(
        "utils/annotations.GetWorkloadGenerationAnnotation",
        move |case| {
            number(
                case,
                annotations::workload_generation(&rollout(case, "ro").metadata),
            )
        },
    );
    registry.on("utils/annotations.GetRevisionAnnotation", move |case| {
        // Upstream reads it from Rollouts and AnalysisRuns alone.
        let object: AnalysisRun = case.read("anyObj");
        let known = ["Rollout", "AnalysisRun"].contains(&object.kind.as_str());
        number(
            case,
            annotations::number(&object.metadata, labels::REVISION).filter(|_| known),
        )
    });
    registry.on("utils/annotations.IsSaturated", |case| {
        let ours = list::is_saturated(&rollout(case, "rollout"), set(case, "rs").as_ref());
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/annotations.ReplicasAnnotationsNeedUpdate", |case| {
        let set = set(case, "rs").unwrap_or_default();
        let ours = annotations::replicas_need_update(
            &set.metadata.annotations,
            case.number("desiredReplicas"),
        );
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/annotations.skipCopyAnnotation", |case| {
        case.expect(&[("r0", json!(annotations::is_not_copied(&case.text("key"))))])
    });
}

/// The annotations after the call; as they were if upstream names no change.
fn after(case: &Case, name: &str, ours: &ReplicaSetView) -> Result<(), String> {
    let changed = case.out(&format!("/after/{name}"));
    let theirs = if changed == Value::Null {
        case.arg(name)
    } else {
        changed
    };
    same(
        "after.annotations",
        &theirs["metadata"]["annotations"],
        &json!(ours.metadata.annotations),
    )
}

fn annotation_changes(registry: &mut Registry) {
    registry.on("utils/annotations.SetReplicasAnnotations", |case| {
        let mut set = set(case, "rs").unwrap_or_default();
        let ours = annotations::set_desired_replicas(
            &mut set.metadata.annotations,
            case.number("desiredReplicas"),
        );
        case.expect(&[("r0", json!(ours))])?;
        after(case, "rs", &set)
    });
    registry.on("utils/annotations.SetNewReplicaSetAnnotations", |case| {
        let (mut set, rollout) = (
            set(case, "newRS").unwrap_or_default(),
            rollout(case, "rollout"),
        );
        let ours = annotations::sync_new_replica_set(
            &rollout.metadata,
            rollout.replicas(),
            &mut set.metadata.annotations,
            &case.text("newRevision"),
            case.arg("exists") == Value::Bool(true),
        );
        case.expect(&[("r0", json!(ours))])?;
        after(case, "newRS", &set)
    });
    registry.on(
        "utils/annotations.copyRolloutAnnotationsToReplicaSet",
        |case| {
            let (mut set, rollout) = (
                set(case, "rs").unwrap_or_default(),
                rollout(case, "rollouts"),
            );
            let ours = annotations::copy_to_replica_set(
                &rollout.metadata.annotations,
                &mut set.metadata.annotations,
            );
            case.expect(&[("r0", json!(ours))])?;
            after(case, "rs", &set)
        },
    );
    registry.on("utils/annotations.SetRolloutRevision", |case| {
        set_on_rollout(case, labels::REVISION, "revision")
    });
    registry.on(
        "utils/annotations.SetRolloutWorkloadRefGeneration",
        |case| set_on_rollout(case, labels::WORKLOAD_GENERATION, "workloadGeneration"),
    );
    registry.skip(
        "utils/annotations.RemoveRolloutWorkloadRefGeneration",
        "a removal from a map",
    );
}

fn set_on_rollout(case: &Case, key: &str, argument: &str) -> Result<(), String> {
    let mut object: ReplicaSetView = case.read("rollout");
    let ours = annotations::set(&mut object.metadata.annotations, key, &case.text(argument));
    case.expect(&[("r0", json!(ours))])?;
    after(case, "rollout", &object)
}

fn services(registry: &mut Registry) {
    registry.on("utils/service.HasManagedByAnnotation", |case| {
        let service: ReplicaSetView = case.read("service");
        let manager = service
            .metadata
            .annotations
            .get(labels::MANAGED_BY_ROLLOUTS);
        case.expect(&[("r0", json!(manager)), ("r1", json!(manager.is_some()))])
    });
    registry.on("utils/service.GetRolloutSelectorLabel", |case| {
        let service = case.arg("svc");
        let hash = service["spec"]["selector"]
            .get(labels::POD_TEMPLATE_HASH)
            .cloned();
        case.expect(&[("r0", json!(hash))])
    });
    registry.on("utils/service.GetRolloutServiceKeys", |case| {
        let rollout = rollout(case, "rollout");
        let namespace = &rollout.metadata.namespace;
        let named = references::services(&rollout).into_iter();
        let mut keys: Vec<String> = named
            .map(|(_, name)| format!("{namespace}/{name}"))
            .collect();
        keys.sort();
        let mut theirs = case.out("/r0");
        if let Some(theirs) = theirs.as_array_mut() {
            theirs.sort_by_key(ToString::to_string);
        }
        same("r0", &theirs, &json!(keys))
    });
    registry.on("utils/service.CheckRolloutForService", |case| {
        let name = case.arg("svc")["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let rollout = rollout(case, "rollout");
        let ours = references::services(&rollout)
            .iter()
            .any(|(_, service)| *service == name);
        case.expect(&[("r0", json!(ours))])
    });
}
