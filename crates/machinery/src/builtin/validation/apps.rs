//! Validation of apps/v1 (`pkg/apis/apps/validation`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::common::{
    always_restarting, at_most_100_percent, available_is_ready, collisions_grow, int_or_percent,
    is_empty_selector, mismatch, not_negative, positive_int_or_percent, selects, within_replicas,
};
use super::read::{At, Errors, same};
use super::{core, meta, pod};
use crate::names;

const SELECTOR: &str = "*metav1.LabelSelector";
const STATEFUL_SET: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/// The spec of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    match kind {
        "Deployment" => deployment(&spec, errors),
        "ReplicaSet" => replica_set(&spec, errors),
        "StatefulSet" => stateful_set(
            &spec,
            StatefulSetChecks {
                new: true,
                template: true,
            },
            errors,
        ),
        "DaemonSet" => daemon_set(&spec, errors),
        "ControllerRevision" => {
            object.child("revision").not_negative(errors);
            let data = object.child("data");
            if !data.is_set() {
                errors.push(data.required("data is mandatory"));
            } else if !data.value().is_object() {
                errors.push(data.required("data must be a valid JSON object"));
            }
        }
        _ => {}
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    match kind {
        "Deployment" | "ReplicaSet" => {
            create(kind, new, errors);
            spec.child("selector")
                .immutable(old_spec.child("selector").value(), SELECTOR, errors);
        }
        "DaemonSet" => {
            spec.child("selector")
                .immutable(old_spec.child("selector").value(), SELECTOR, errors);
            daemon_set(&spec, errors);
        }
        "StatefulSet" => {
            // What was wrong before does not have to be put right now.
            let mut before = Errors::new();
            let checks = StatefulSetChecks {
                new: false,
                template: true,
            };
            stateful_set(&old_spec, checks, &mut before);
            stateful_set(
                &spec,
                StatefulSetChecks {
                    template: before.is_empty(),
                    ..checks
                },
                errors,
            );
            if !same_stateful_set(spec.value(), old_spec.value()) {
                errors.push(spec.forbidden(STATEFUL_SET));
            }
        }
        "ControllerRevision" => {
            meta::builtin_create(new, super::NameRule::Subdomain, true, errors);
            new.child("revision").not_negative(errors);
            new.child("data")
                .immutable(old.child("data").value(), "raw", errors);
        }
        _ => {}
    }
}

/// An update through `/status`.
pub fn status_update(kind: &str, new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (status, old_status) = (new.child("status"), old.child("status"));
    if kind == "StatefulSet" {
        stateful_set_status(&status, errors);
        meta::builtin_update(new, old, errors);
        collisions_grow(&status, &old_status, errors);
        return;
    }
    meta::builtin_update(new, old, errors);
    match kind {
        "Deployment" => {
            let counts = [
                "observedGeneration",
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
            ];
            not_negative(&status, &counts, errors);
            not_negative(
                &status,
                &[
                    "unavailableReplicas",
                    "terminatingReplicas",
                    "collisionCount",
                ],
                errors,
            );
            within_replicas(
                &status,
                &["updatedReplicas", "readyReplicas", "availableReplicas"],
                errors,
            );
            available_is_ready(&status, "readyReplicas", errors);
            collisions_grow(&status, &old_status, errors);
        }
        "ReplicaSet" => {
            replica_status(&status, errors);
        }
        "DaemonSet" => {
            let counts = [
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
                "observedGeneration",
                "updatedNumberScheduled",
                "numberAvailable",
                "numberUnavailable",
                "collisionCount",
            ];
            not_negative(&status, &counts, errors);
            collisions_grow(&status, &old_status, errors);
        }
        _ => {}
    }
}

/// The status of a ReplicaSet or `ReplicationController`.
pub fn replica_status(status: &At<'_>, errors: &mut Errors) {
    let counts = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
    ];
    not_negative(status, &counts, errors);
    not_negative(
        status,
        &["observedGeneration", "terminatingReplicas"],
        errors,
    );
    within_replicas(
        status,
        &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        errors,
    );
    available_is_ready(status, "readyReplicas", errors);
}

fn stateful_set_status(status: &At<'_>, errors: &mut Errors) {
    let counts = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
    ];
    not_negative(status, &counts, errors);
    not_negative(status, &["observedGeneration", "collisionCount"], errors);
    within_replicas(
        status,
        &[
            "readyReplicas",
            "currentReplicas",
            "updatedReplicas",
            "availableReplicas",
        ],
        errors,
    );
    available_is_ready(status, "status.readyReplicas", errors);
}

fn deployment(spec: &At<'_>, errors: &mut Errors) {
    spec.child("replicas").not_negative(errors);
    selector_and_template(spec, "invalid label selector", errors);
    let strategy = spec.child("strategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "Recreate" => {
            if rolling.is_set() {
                errors.push(
                    rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"),
                );
            }
        }
        "RollingUpdate" if rolling.is_set() => rolling_deployment(&rolling, errors),
        "RollingUpdate" => {
            errors.push(rolling.required("this should be defaulted and never be nil"));
        }
        _ => unknown_strategy(
            &strategy,
            "apps.DeploymentStrategy",
            &["Recreate", "RollingUpdate"],
            errors,
        ),
    }
    not_negative(
        spec,
        &[
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
        ],
        errors,
    );
    let deadline = spec.child("progressDeadlineSeconds");
    if deadline.is_set() && deadline.int() <= spec.child("minReadySeconds").int() {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
}

fn unknown_strategy(strategy: &At<'_>, go_type: &str, supported: &[&str], errors: &mut Errors) {
    errors.push(super::FieldError::not_supported(
        strategy.path(),
        strategy.dump(go_type),
        supported,
    ));
}

fn rolling_deployment(rolling: &At<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
    positive_int_or_percent(&unavailable, errors);
    positive_int_or_percent(&surge, errors);
    if int_or_percent(&unavailable) == 0 && int_or_percent(&surge) == 0 {
        errors.push(unavailable.invalid_as(
            unavailable.dump("intorstring"),
            "may not be 0 when `maxSurge` is 0",
        ));
    }
    at_most_100_percent(&unavailable, errors);
}

fn replica_set(spec: &At<'_>, errors: &mut Errors) {
    not_negative(spec, &["replicas", "minReadySeconds"], errors);
    selector_and_template(spec, "invalid label selector", errors);
}

/// Selector and template of Deployments and ReplicaSets; the server says "deployment" for both.
fn selector_and_template(spec: &At<'_>, broken: &str, errors: &mut Errors) {
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    required_selector(&selector, "deployment", errors);
    let labels = template.child("metadata").child("labels");
    let Some(matches) = selects(&selector, &labels) else {
        errors.push(selector.invalid_struct(SELECTOR, broken));
        return;
    };
    if !(matches || selector.is_set() && is_empty_selector(&selector)) {
        mismatch(&labels, errors);
    }
    pod::template(&template, errors);
    always_restarting(&template, "ReplicaSet", errors);
}

fn required_selector(selector: &At<'_>, kind: &str, errors: &mut Errors) {
    if !selector.is_set() {
        errors.push(selector.required(""));
        return;
    }
    meta::label_selector(selector, errors);
    if is_empty_selector(selector) {
        errors.push(
            selector.invalid_struct(SELECTOR, format!("empty selector is invalid for {kind}")),
        );
    }
}

fn daemon_set(spec: &At<'_>, errors: &mut Errors) {
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    meta::label_selector(&selector, errors);
    let labels = template.child("metadata").child("labels");
    if selects(&selector, &labels) == Some(false) {
        mismatch(&labels, errors);
    }
    if selector.is_set() && is_empty_selector(&selector) {
        errors.push(selector.invalid_struct(SELECTOR, "empty selector is invalid for daemonset"));
    }
    pod::template(&template, errors);
    always_restarting(&template, "DaemonSet", errors);
    spec.child("minReadySeconds").not_negative(errors);
    let strategy = spec.child("updateStrategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "OnDelete" => {}
        "RollingUpdate" if rolling.is_set() => rolling_daemon_set(&rolling, errors),
        "RollingUpdate" => errors.push(rolling.required("")),
        _ => unknown_strategy(
            &strategy,
            "apps.DaemonSetUpdateStrategy",
            &["RollingUpdate", "OnDelete"],
            errors,
        ),
    }
    spec.child("revisionHistoryLimit").not_negative(errors);
}

fn rolling_daemon_set(rolling: &At<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
    for limit in [&unavailable, &surge] {
        positive_int_or_percent(limit, errors);
    }
    for limit in [&unavailable, &surge] {
        at_most_100_percent(limit, errors);
    }
    match (
        int_or_percent(&unavailable) != 0,
        int_or_percent(&surge) != 0,
    ) {
        (true, true) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            errors.push(surge.invalid_as(surge.dump("intorstring"), detail));
        }
        (false, false) => errors.push(unavailable.required("cannot be 0 when maxSurge is 0")),
        (true, false) | (false, true) => {}
    }
}

/// What an update need not check again.
#[derive(Clone, Copy)]
struct StatefulSetChecks {
    /// Immutable fields: service name and claim templates.
    new: bool,
    /// The pod template.
    template: bool,
}

fn stateful_set(spec: &At<'_>, checks: StatefulSetChecks, errors: &mut Errors) {
    let policy = spec.child("podManagementPolicy");
    match policy.text() {
        "" => errors.push(policy.required("")),
        "OrderedReady" | "Parallel" => {}
        _ => errors.push(policy.invalid("must be 'OrderedReady' or 'Parallel'")),
    }
    stateful_set_strategy(&spec.child("updateStrategy"), errors);
    let retention = spec.child("persistentVolumeClaimRetentionPolicy");
    for key in ["whenDeleted", "whenScaled"] {
        let policy = retention.child(key);
        if retention.is_set() && !["Retain", "Delete"].contains(&policy.text()) {
            errors.push(policy.not_supported(&["Retain", "Delete"]));
        }
    }
    if checks.new {
        for claim in spec.child("volumeClaimTemplates").items() {
            core::claim_spec(&claim.child("spec"), errors);
        }
    }
    not_negative(spec, &["replicas", "minReadySeconds"], errors);
    spec.child("ordinals").child("start").not_negative(errors);
    let service = spec.child("serviceName");
    if checks.new && !service.is_empty() {
        service.complain(names::dns1123_label(service.text()), errors);
    }
    let selector = spec.child("selector");
    required_selector(&selector, "statefulset", errors);
    let labels = spec.child("template").child("metadata").child("labels");
    match selects(&selector, &labels) {
        None => errors.push(selector.invalid_struct(SELECTOR, "")),
        Some(matches) => {
            if !(matches || selector.is_set() && is_empty_selector(&selector)) {
                mismatch(&labels, errors);
            }
            stateful_set_template(spec, checks, errors);
        }
    }
    always_restarting(&spec.child("template"), "StatefulSet", errors);
}

/// The template as the controller will use it: hostname and subdomain are its own, claims become volumes.
fn stateful_set_template(spec: &At<'_>, checks: StatefulSetChecks, errors: &mut Errors) {
    let template = spec.child("template");
    let value = with_claim_volumes(spec, template.value().clone());
    let template = At::new(template.path(), &value);
    if checks.template {
        pod::template(&template, errors);
    }
    let metadata = template.child("metadata");
    meta::labels(
        &metadata.child("labels").moved(template.path_of("labels")),
        errors,
    );
    meta::annotations(
        &metadata
            .child("annotations")
            .moved(template.path_of("annotations")),
        errors,
    );
}

fn with_claim_volumes(spec: &At<'_>, mut template: Value) -> Value {
    let Some(pod) = template.get_mut("spec").and_then(Value::as_object_mut) else {
        return template;
    };
    pod.remove("subdomain");
    pod.remove("hostname");
    let claims = spec.child("volumeClaimTemplates").items();
    if claims.is_empty() {
        return template;
    }
    let mut volumes: Vec<Value> = claims
        .iter()
        .map(|claim| claim.child("metadata").child("name").text())
        .map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}}))
        .collect();
    let taken: BTreeSet<&str> = claims
        .iter()
        .map(|claim| claim.child("metadata").child("name").text())
        .collect();
    let own = pod
        .get("volumes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_taken = |volume: &Value| {
        let name = volume.get("name").and_then(Value::as_str);
        name.is_some_and(|name| taken.contains(name))
    };
    volumes.extend(own.into_iter().filter(|volume| !is_taken(volume)));
    pod.insert("volumes".to_owned(), volumes.into());
    template
}

fn stateful_set_strategy(strategy: &At<'_>, errors: &mut Errors) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "" => errors.push(strategy.required("")),
        "OnDelete" => {
            if rolling.is_set() {
                let detail = "only allowed for updateStrategy 'RollingUpdate'";
                errors
                    .push(rolling.invalid_struct("apps.RollingUpdateStatefulSetStrategy", detail));
            }
        }
        "RollingUpdate" => {
            rolling.child("partition").not_negative(errors);
            let Some(unavailable) = rolling.child("maxUnavailable").set() else {
                return;
            };
            positive_int_or_percent(&unavailable, errors);
            if int_or_percent(&unavailable) == 0 {
                errors.push(unavailable.invalid_as(unavailable.dump("intorstring"), "cannot be 0"));
            }
            at_most_100_percent(&unavailable, errors);
        }
        _ => {
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            errors.push(strategy.invalid_struct("apps.StatefulSetUpdateStrategy", detail));
        }
    }
}

fn same_stateful_set(new: &Value, old: &Value) -> bool {
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        if let Some(spec) = spec.as_object_mut() {
            for key in [
                "replicas",
                "template",
                "updateStrategy",
                "minReadySeconds",
                "ordinals",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
            ] {
                spec.remove(key);
            }
        }
        spec
    };
    same(&fixed(new), &fixed(old))
}
