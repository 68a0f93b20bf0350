//! Finding ReplicaSets, equality of templates, metadata and anti-affinity.

use rollouts::api::meta::{ObjectMeta, PodTemplateMetadata};
use rollouts::replicas::{ReplicaSetView, affinity, find, list, metadata, steps};
use serde_json::{Value, json};

use super::super::case::Case;
use super::super::registry::Registry;
use super::{refs, rollout, set, sets};

pub fn register(registry: &mut Registry) {
    sums(registry);
    lookups(registry);
    single(registry);
    changes(registry);
    injected_metadata(registry);
    injected_affinity(registry);
}

fn sums(registry: &mut Registry) {
    let mut sum = |name: &'static str, of: fn(&[&ReplicaSetView]) -> i32| {
        registry.on(name, move |case| {
            case.expect(&[("r0", json!(of(&refs(&sets(case, "replicaSets")))))])
        });
    };
    sum(
        "utils/replicaset.GetReplicaCountForReplicaSets",
        list::sum_spec,
    );
    sum(
        "utils/replicaset.GetAvailableReplicaCountForReplicaSets",
        list::sum_available,
    );
    sum(
        "utils/replicaset.GetActualReplicaCountForReplicaSets",
        list::sum_actual,
    );
    sum(
        "utils/replicaset.GetReadyReplicaCountForReplicaSets",
        list::sum_ready,
    );
}

/// Sets are told apart by what identifies them.
fn id(set: Option<&ReplicaSetView>) -> Value {
    set.map_or(Value::Null, |set| {
        json!([set.metadata.name, set.metadata.uid, set.pod_template_hash()])
    })
}

fn ids(sets: &[&ReplicaSetView]) -> Value {
    sets.iter().map(|set| id(Some(set))).collect()
}

fn returned(case: &Case, name: &str) -> Value {
    let value = case.out(&format!("/{name}"));
    let view = |value: &Value| {
        id((!value.is_null())
            .then(|| ReplicaSetView::from_value(value))
            .as_ref())
    };
    match &value {
        Value::Array(items) => items.iter().map(view).collect(),
        other => view(other),
    }
}

fn expect_sets(case: &Case, results: &[(&str, Value)]) -> Result<(), String> {
    for (name, ours) in results {
        super::super::case::same(name, &returned(case, name), ours)?;
    }
    Ok(())
}

fn lookups(registry: &mut Registry) {
    registry.on("utils/replicaset.FindNewReplicaSet", |case| {
        let all = sets(case, "rsList");
        expect_sets(
            case,
            &[(
                "r0",
                id(find::new_set(&rollout(case, "rollout"), &refs(&all))),
            )],
        )
    });
    registry.on("utils/replicaset.searchRsByHash", |case| {
        let all = sets(case, "rsList");
        expect_sets(
            case,
            &[("r0", id(list::with_hash(&refs(&all), &case.text("hash"))))],
        )
    });
    registry.on("utils/replicaset.GetReplicaSetByTemplateHash", |case| {
        let all = sets(case, "allRS");
        let (found, others) = list::split_by_hash(&refs(&all), &case.text("podTemplateHash"));
        expect_sets(case, &[("r0", id(found)), ("r1", ids(&others))])
    });
    registry.on("utils/replicaset.GetStableRS", |case| {
        let (new, all) = (set(case, "newRS"), sets(case, "rslist"));
        let ours = id(list::stable(
            &rollout(case, "rollout"),
            new.as_ref(),
            &refs(&all),
        ));
        expect_sets(case, &[("r0", ours)])
    });
    registry.on("utils/replicaset.GetOtherRSs", |case| {
        let (new, stable, all) = (
            set(case, "newRS"),
            set(case, "stableRS"),
            sets(case, "allRSs"),
        );
        expect_sets(
            case,
            &[(
                "r0",
                ids(&list::others(new.as_ref(), stable.as_ref(), &refs(&all))),
            )],
        )
    });
    registry.on("utils/replicaset.FindOldReplicaSets", |case| {
        let (new, all) = (set(case, "newRS"), sets(case, "rsList"));
        expect_sets(
            case,
            &[("r0", ids(&list::older(new.as_ref(), &refs(&all))))],
        )
    });
    registry.on("utils/replicaset.FindActiveOrLatest", |case| {
        let (new, old) = (set(case, "newRS"), sets(case, "oldRSs"));
        expect_sets(
            case,
            &[("r0", id(list::active_or_latest(new.as_ref(), &refs(&old))))],
        )
    });
    registry.on("utils/replicaset.MaxRevision", |case| {
        case.expect(&[(
            "r0",
            json!(list::max_revision(&refs(&sets(case, "allRSs")))),
        )])
    });
    registry.on("utils/replicaset.CheckStableRSExists", |case| {
        let (new, stable) = (set(case, "newRS"), set(case, "stableRS"));
        let ours = rollouts::replicas::canary::has_distinct_stable(new.as_ref(), stable.as_ref());
        case.expect(&[("r0", json!(ours))])
    });
    registry.skip(
        "utils/replicaset.GetPodsOwnedByReplicaSet",
        "a read of the API without a decision",
    );
}

fn single(registry: &mut Registry) {
    registry.on("utils/replicaset.GetPodTemplateHash", |case| {
        case.expect(&[(
            "r0",
            json!(set(case, "rs").unwrap_or_default().pod_template_hash()),
        )])
    });
    registry.on("utils/replicaset.GetReplicaSetRevision", |case| {
        case.expect(&[("r0", json!(set(case, "rs").unwrap_or_default().revision()))])
    });
    registry.on("utils/replicaset.Revision", |case| {
        let object: ReplicaSetView = case.read("obj");
        let ours = rollouts::api::annotations::revision(&object.metadata);
        if ours.is_none() != (case.out("/error") != Value::Null) {
            return Err(format!("ours {ours:?}"));
        }
        case.expect(&[("r0", json!(ours.unwrap_or(0)))])
    });
    registry.on("utils/replicaset.IsReplicaSetAvailable", |case| {
        case.expect(&[(
            "r0",
            json!(set(case, "rs").is_some_and(|set| set.is_available())),
        )])
    });
    registry.on("utils/replicaset.IsReplicaSetPartiallyAvailable", |case| {
        case.expect(&[(
            "r0",
            json!(set(case, "rs").is_some_and(|set| set.is_partially_available())),
        )])
    });
    registry.on("utils/replicaset.IsActive", |case| {
        case.expect(&[(
            "r0",
            json!(set(case, "rs").is_some_and(|set| set.spec_replicas() > 0)),
        )])
    });
    registry.on("utils/replicaset.HasScaleDownDeadline", |case| {
        let ours = set(case, "rs").is_some_and(|set| set.scale_down_deadline().is_some());
        case.expect(&[("r0", json!(ours))])
    });
    registry.on(
        "utils/replicaset.GetTimeRemainingBeforeScaleDownDeadline",
        |case| {
            let ours = set(case, "rs")
                .unwrap_or_default()
                .time_to_scale_down(case.now());
            let error = ours.as_ref().err().map(ToString::to_string);
            case.expect(&[("error/message", json!(error))])?;
            // Upstream's wall clock moved on between the note of the time and the call.
            let seconds = |value: &Value| {
                value
                    .as_str()
                    .and_then(|text| machinery::duration::GoDuration::parse(text).ok())
            };
            let theirs =
                seconds(&case.out("/r0")).map(|duration| duration.as_nanos() / 1_000_000_000);
            let ours = ours.ok().flatten().map(|duration| duration.as_secs());
            match (theirs, ours) {
                (None, None) => Ok(()),
                (Some(theirs), Some(ours)) if (theirs - ours).abs() <= 2 => Ok(()),
                _ => Err(format!("upstream {theirs:?}, ours {ours:?}")),
            }
        },
    );
}

fn changes(registry: &mut Registry) {
    registry.on("utils/replicaset.GetCurrentCanaryStep", |case| {
        let rollout = rollout(case, "rollout");
        let (step, index) = steps::current_step(&rollout);
        case.expect(&[("r0", json!(step)), ("r1", json!(index))])
    });
    registry.on("utils/replicaset.GetCurrentExperimentStep", |case| {
        let rollout = rollout(case, "r");
        case.expect(&[("r0", json!(steps::current_experiment_step(&rollout)))])
    });
    registry.on("utils/replicaset.BeforeStartingStep", |case| {
        case.expect(&[(
            "r0",
            json!(steps::before_starting_step(&rollout(case, "rollout"))),
        )])
    });
    registry.on("utils/replicaset.ResetCurrentStepIndex", |case| {
        case.expect(&[(
            "r0",
            json!(steps::reset_step_index(&rollout(case, "rollout"))),
        )])
    });
    registry.on("utils/replicaset.checkStepHashChange", |case| {
        case.expect(&[("r0", json!(find::steps_changed(&rollout(case, "rollout"))))])
    });
    registry.on("utils/replicaset.CheckPodSpecChange", |case| {
        let ours = find::template_changed(&rollout(case, "rollout"), set(case, "newRS").as_ref());
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.PodTemplateOrStepsChanged", |case| {
        let ours =
            find::template_or_steps_changed(&rollout(case, "rollout"), set(case, "newRS").as_ref());
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.PodTemplateEqualIgnoreHash", |case| {
        case.expect(&[(
            "r0",
            json!(find::templates_equal(
                &case.arg("live"),
                &case.arg("desired")
            )),
        )])
    });
    registry.on("utils/replicaset.NeedsRestart", |case| {
        case.expect(&[(
            "r0",
            json!(find::needs_restart(&rollout(case, "rollout"), case.now())),
        )])
    });
}

fn injected_metadata(registry: &mut Registry) {
    registry.on("utils/replicaset.ParseExistingPodMetadata", |case| {
        let set = set(case, "rs").unwrap_or_default();
        case.expect(&[("r0", json!(metadata::injected(&set.metadata)))])
    });
    registry.on("utils/replicaset.SyncEphemeralPodMetadata", |case| {
        let mut ours: PodTemplateMetadata = case.read("metadata");
        let (existing, desired) = (
            case.read_option("existingPodMetadata"),
            case.read_option("desiredPodMetadata"),
        );
        let changed = metadata::sync_pod_metadata(&mut ours, existing.as_ref(), desired.as_ref());
        let labels = ("r0/labels", json!(ours.labels));
        case.expect(&[
            ("r1", json!(changed)),
            labels,
            ("r0/annotations", json!(ours.annotations)),
        ])
    });
    registry.on(
        "utils/replicaset.SyncReplicaSetEphemeralPodMetadata",
        |case| {
            let mut meta: ObjectMeta = set(case, "rs").unwrap_or_default().metadata;
            let mut template = find::pod_metadata(&case.arg("rs")["spec"]["template"]);
            let desired = case.read_option("podMetadata");
            let changed = metadata::sync_replica_set(&mut template, &mut meta, desired.as_ref());
            case.expect(&[
                ("r1", json!(changed)),
                ("r0/metadata/annotations", json!(meta.annotations)),
                ("r0/spec/template/metadata/labels", json!(template.labels)),
                (
                    "r0/spec/template/metadata/annotations",
                    json!(template.annotations),
                ),
            ])
        },
    );
}

fn injected_affinity(registry: &mut Registry) {
    registry.on("utils/replicaset.GetRolloutAffinity", |case| {
        let rollout = rollout(case, "rollout");
        case.expect(&[("r0", json!(affinity::rule(&rollout)))])
    });
    registry.on("utils/replicaset.CreateInjectedAntiAffinityRule", |case| {
        case.expect(&[("r0", affinity::term(&rollout(case, "rollout")))])
    });
    registry.on("utils/replicaset.GenerateReplicaSetAffinity", |case| {
        let rollout = rollout(case, "rollout");
        let template = rollout.spec.template.value();
        let ours = affinity::for_new_set(
            &rollout,
            template.pointer("/spec/affinity"),
            &find::pod_template_hash(&rollout),
        );
        case.expect(&[("r0", json!(ours))])
    });
    registry.on("utils/replicaset.HasInjectedAntiAffinityRule", |case| {
        let given = case.arg("affinity");
        let found = affinity::find(Some(&given), &rollout(case, "rollout"));
        let index = found.map_or(json!(-1), |(index, _)| json!(index));
        case.expect(&[("r0", index), ("r1", json!(found.map(|(_, term)| term)))])
    });
    registry.on("utils/replicaset.RemoveInjectedAntiAffinityRule", |case| {
        let given = case.arg("affinity");
        let ours = affinity::without_injected(Some(&given), &rollout(case, "rollout"));
        case.expect(&[("r0", json!(ours))])
    });
    registry.on(
        "utils/replicaset.IfInjectedAntiAffinityRuleNeedsUpdate",
        |case| {
            let (given, rollout) = (case.arg("affinity"), rollout(case, "rollout"));
            let ours =
                affinity::needs_update(Some(&given), &rollout, &find::pod_template_hash(&rollout));
            case.expect(&[("r0", json!(ours))])
        },
    );
}
