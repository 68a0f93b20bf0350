//! Defaults of the groups apps and batch (`pkg/apis/{apps,batch}/v1/defaults.go`).

use serde_json::{Map, Value, json};

use super::{pod_template, volumes};
use crate::builtin::edit::{at, child, each, ensure, set, set_zero, text};

type Object = Map<String, Value>;

/// Sets the defaults of a kind of apps or batch.
pub fn apply(kind: &str, object: &mut Value) {
    if kind == "Job" {
        job_labels(object);
    }
    if let Some(spec) = at(object, "/spec") {
        match kind {
            "Deployment" => deployment(spec),
            "ReplicaSet" => set(spec, "replicas", 1),
            "StatefulSet" => stateful_set(spec),
            "DaemonSet" => daemon_set(spec),
            "Job" => job(spec),
            "CronJob" => return cron_job(spec),
            _ => return,
        }
        template(spec);
    }
}

fn template(spec: &mut Object) {
    ensure(spec, "template");
    if let Some(template) = spec.get_mut("template") {
        pod_template(template);
    }
}

fn deployment(spec: &mut Object) {
    set(spec, "replicas", 1);
    if let Some(strategy) = ensure(spec, "strategy") {
        set_zero(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = ensure(strategy, "rollingUpdate")
        {
            set(rolling, "maxUnavailable", "25%");
            set(rolling, "maxSurge", "25%");
        }
    }
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
}

fn daemon_set(spec: &mut Object) {
    if let Some(strategy) = ensure(spec, "updateStrategy") {
        set_zero(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = ensure(strategy, "rollingUpdate")
        {
            set(rolling, "maxUnavailable", 1);
            set(rolling, "maxSurge", 0);
        } else if let Some(rolling) = child(strategy, "rollingUpdate") {
            set(rolling, "maxUnavailable", 0);
            set(rolling, "maxSurge", 0);
        }
    }
    set(spec, "revisionHistoryLimit", 10);
}

fn stateful_set(spec: &mut Object) {
    set_zero(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = ensure(spec, "updateStrategy") {
        if text(strategy, "type").is_empty() {
            strategy.insert("type".to_owned(), "RollingUpdate".into());
            ensure(strategy, "rollingUpdate");
        }
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = child(strategy, "rollingUpdate")
        {
            set(rolling, "partition", 0);
        }
    }
    if let Some(policy) = ensure(spec, "persistentVolumeClaimRetentionPolicy") {
        set_zero(policy, "whenDeleted", "Retain");
        set_zero(policy, "whenScaled", "Retain");
    }
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    // Stored templates are whole claims: the conversion to the internal type writes their kind.
    each(spec, "volumeClaimTemplates", |claim| {
        set_zero(claim, "apiVersion", "v1");
        set_zero(claim, "kind", "PersistentVolumeClaim");
        volumes::claim(claim);
    });
}

fn job_labels(object: &mut Value) {
    let labels = object
        .pointer("/spec/template/metadata/labels")
        .filter(|labels| labels.is_object())
        .cloned();
    if let (Some(metadata), Some(labels)) = (at(object, "/metadata"), labels) {
        set(metadata, "labels", labels);
    }
}

fn job(spec: &mut Object) {
    let absent = |spec: &Object, key: &str| spec.get(key).is_none_or(Value::is_null);
    if absent(spec, "completions") && absent(spec, "parallelism") {
        set(spec, "completions", 1);
    }
    set(spec, "parallelism", 1);
    let retries = if absent(spec, "backoffLimitPerIndex") {
        6
    } else {
        i32::MAX
    };
    set(spec, "backoffLimit", retries);
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    let replace = if absent(spec, "podFailurePolicy") {
        "TerminatingOrFailed"
    } else {
        "Failed"
    };
    set(spec, "podReplacementPolicy", replace);
    set(spec, "manualSelector", false);
    failure_policy(spec);
}

fn failure_policy(spec: &mut Object) {
    if let Some(policy) = child(spec, "podFailurePolicy") {
        each(policy, "rules", |rule| {
            each(rule, "onPodConditions", |condition| {
                set_zero(condition, "status", "True");
            });
        });
    }
}

/// The Job inside a CronJob gets the defaults of its pod template, not those of a Job.
fn cron_job(spec: &mut Object) {
    set_zero(spec, "concurrencyPolicy", "Allow");
    set(spec, "suspend", false);
    set(spec, "successfulJobsHistoryLimit", 3);
    set(spec, "failedJobsHistoryLimit", 1);
    if let Some(job) = ensure(spec, "jobTemplate") {
        set(job, "metadata", json!({}));
        if let Some(job_spec) = ensure(job, "spec") {
            failure_policy(job_spec);
            template(job_spec);
        }
    }
}
