//! Jobs: their spec, generated selector and what an update may change.

use serde_json::{Map, Value};

use super::policies;
use crate::builtin::validation::common::{mismatch, not_negative, selects};
use crate::builtin::validation::read::{At, Errors, same};
use crate::builtin::validation::{FieldError, NameRule, meta, pod};
use crate::names;

const SELECTOR: &str = "*metav1.LabelSelector";

/// A new Job with its metadata.
pub fn create(job: &At<'_>, errors: &mut Errors) {
    validate(job, true, errors);
}

fn validate(job: &At<'_>, prefixed_labels: bool, errors: &mut Errors) {
    meta::builtin_create(job, NameRule::Subdomain, true, errors);
    generated_selector(job, prefixed_labels, errors);
    let spec = job.child("spec");
    spec_with_selector(&spec, errors);
    let (name, completions) = (
        job.child("metadata").child("name"),
        spec.child("completions"),
    );
    if spec.child("completionMode").text() == "Indexed" && completions.int() > 0 {
        let hostname = format!("{}-{}", name.text(), completions.int() - 1);
        if !names::dns1123_label(&hostname).is_empty() {
            errors.push(name.invalid(format!(
                "will not able to create pod with invalid DNS label: {hostname}"
            )));
        }
    }
}

/// An updated Job: valid in itself, and only some fields changed.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    let labels = old_spec.child("template").child("metadata").child("labels");
    let prefixed = [
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/controller-uid",
    ];
    validate(
        new,
        prefixed.iter().all(|key| labels.key(key).is_set()),
        errors,
    );
    meta::builtin_update(new, old, errors);
    spec_with_selector(&spec, errors);
    completions(&spec, &old_spec, errors);
    spec.child("selector")
        .immutable(old_spec.child("selector").value(), SELECTOR, errors);
    template_update(&spec, old, errors);
    for (key, go_type) in [
        ("completionMode", "*string"),
        ("podFailurePolicy", "*batch.PodFailurePolicy"),
        ("backoffLimitPerIndex", "*int"),
        ("managedBy", "*string"),
        ("successPolicy", "*batch.SuccessPolicy"),
    ] {
        let (now, before) = (spec.child(key), old_spec.child(key));
        if !same(now.value(), before.value()) {
            errors.push(now.invalid_as(now.dump(go_type), "field is immutable"));
        }
    }
}

fn completions(spec: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (now, before) = (spec.child("completions"), old.child("completions"));
    if now.value() == before.value() {
        return;
    }
    if spec.child("completionMode").text() != "Indexed" {
        errors.push(now.invalid("field is immutable"));
    } else if now.is_set() && now.int() != spec.child("parallelism").int() {
        errors.push(now.invalid("can only be modified in tandem with spec.parallelism"));
    }
}

/// A suspended Job without running pods may still change scheduling directives and resources.
fn template_update(spec: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (old_spec, status) = (old.child("spec"), old.child("status"));
    let suspended = old_spec.child("suspend").is_true();
    let stopped = !status.child("startTime").is_set()
        || super::status::condition(&status, "Suspended") == "True";
    let mutable = suspended && stopped && status.child("active").int() == 0;
    let template = spec.child("template");
    let mut before = old_spec.child("template").value().clone();
    if mutable {
        take_directives(&mut before, template.value());
    }
    if !suspended || !mutable {
        immutable_template(&template, &before, errors);
        return;
    }
    take_resources(&mut before, template.value());
    let now = template.child("spec");
    if before
        .get("spec")
        .is_some_and(|before| !same(before, now.value()))
    {
        errors.push(
            now.moved(spec.path_of("template.spec"))
                .invalid_struct("core.PodSpec", "field is immutable"),
        );
    }
}

/// The server checks template metadata and spec as one struct and names the first part that differs.
fn immutable_template(template: &At<'_>, before: &Value, errors: &mut Errors) {
    if same(template.value(), before) {
        return;
    }
    errors.push(template.invalid_struct("core.PodTemplateSpec", "field is immutable"));
}

fn take(target: &mut Map<String, Value>, source: &Value, key: &str) {
    match source.get(key) {
        Some(value) => target.insert(key.to_owned(), value.clone()),
        None => target.remove(key),
    };
}

fn take_directives(before: &mut Value, template: &Value) {
    if let (Some(metadata), Some(now)) = (
        before.get_mut("metadata").and_then(Value::as_object_mut),
        template.get("metadata"),
    ) {
        for key in ["labels", "annotations"] {
            take(metadata, now, key);
        }
    }
    if let (Some(pod), Some(now)) = (
        before.get_mut("spec").and_then(Value::as_object_mut),
        template.get("spec"),
    ) {
        for key in ["nodeSelector", "tolerations", "schedulingGates"] {
            take(pod, now, key);
        }
        let new_affinity = now.get("affinity").and_then(Value::as_object);
        let mut affinity = pod
            .get("affinity")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        match new_affinity.and_then(|affinity| affinity.get("nodeAffinity")) {
            Some(node) => affinity.insert("nodeAffinity".to_owned(), node.clone()),
            None => affinity.remove("nodeAffinity"),
        };
        if affinity.is_empty() && new_affinity.is_none() {
            pod.remove("affinity");
        } else if new_affinity.is_some() || pod.contains_key("affinity") {
            pod.insert("affinity".to_owned(), affinity.into());
        }
    }
}

fn take_resources(before: &mut Value, template: &Value) {
    for list in ["containers", "initContainers"] {
        let path = format!("/spec/{list}");
        let now = template
            .pointer(&path)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let Some(olds) = before.pointer_mut(&path).and_then(Value::as_array_mut) else {
            continue;
        };
        if olds.len() != now.len() {
            continue;
        }
        for (old, new) in olds.iter_mut().zip(&now) {
            if let Some(old) = old
                .as_object_mut()
                .filter(|old| old.get("name") == new.get("name"))
            {
                take(old, new, "resources");
            }
        }
    }
}

fn generated_selector(job: &At<'_>, prefixed: bool, errors: &mut Errors) {
    let spec = job.child("spec");
    let selector = spec.child("selector");
    if spec.child("manualSelector").is_true() || !selector.is_set() {
        return;
    }
    let metadata = job.child("metadata");
    let (name, uid) = (metadata.child("name").text(), metadata.child("uid").text());
    if uid.is_empty() {
        errors.push(metadata.child("uid").required(""));
    }
    let labels = spec.child("template").child("metadata").child("labels");
    let mut expected = vec![("controller-uid", uid), ("job-name", name)];
    if prefixed {
        expected.extend([
            ("batch.kubernetes.io/controller-uid", uid),
            ("batch.kubernetes.io/job-name", name),
        ]);
    }
    for (key, value) in &expected {
        let label = labels.key(key);
        if !label.is_set() {
            errors.push(label.required(&format!("must be '{value}'")));
        } else if label.text() != *value {
            errors.push(label.invalid_as(labels.dump("map string"), format!("must be '{value}'")));
        }
    }
    let generated: Map<String, Value> = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect();
    let generated = Value::Object(generated);
    if selects(&selector, &At::new("", &generated)) == Some(false) {
        errors.push(selector.invalid_struct(SELECTOR, "`selector` not auto-generated"));
    }
}

fn spec_with_selector(spec: &At<'_>, errors: &mut Errors) {
    self::spec(spec, errors);
    let selector = spec.child("selector");
    if selector.is_set() {
        meta::label_selector(&selector, errors);
    } else {
        errors.push(selector.required(""));
    }
    let labels = spec.child("template").child("metadata").child("labels");
    if selects(&selector, &labels) == Some(false) {
        mismatch(&labels, errors);
    }
}

/// The spec of a Job without its selector, as `CronJobs` have it too.
pub fn spec(spec: &At<'_>, errors: &mut Errors) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    not_negative(spec, &counts, errors);
    let (per_index, max_failed) = (
        spec.child("backoffLimitPerIndex"),
        spec.child("maxFailedIndexes"),
    );
    if max_failed.is_set() && !per_index.is_set() {
        errors.push(per_index.required("when maxFailedIndexes is specified"));
    }
    if let Some(manager) = spec.child("managedBy").set() {
        domain_path(&manager, errors);
        if manager.text().len() > 63 {
            errors.push(FieldError::too_long(manager.path(), 63));
        }
    }
    completion_mode(spec, errors);
    policies::failure_policy(spec, errors);
    if let Some(policy) = spec.child("successPolicy").set() {
        if spec.child("completionMode").text() == "Indexed" {
            policies::success_policy(spec, &policy, errors);
        } else {
            errors.push(
                policy.invalid_struct("batch.SuccessPolicy", "requires indexed completion mode"),
            );
        }
    }
    if let Some(policy) = spec.child("podReplacementPolicy").set() {
        let failures = spec.child("podFailurePolicy").is_set();
        let supported: &[&str] = if failures {
            &["Failed"]
        } else {
            &["Failed", "TerminatingOrFailed"]
        };
        if !supported.contains(&policy.text()) {
            errors.push(policy.not_supported(supported));
        }
    }
    pod::template(&spec.child("template"), errors);
    restart_policy(spec, errors);
}

fn restart_policy(spec: &At<'_>, errors: &mut Errors) {
    let policy = spec.child("template").child("spec").child("restartPolicy");
    match policy.text() {
        "" | "Always" => errors.push(policy.required("valid values: \"OnFailure\", \"Never\"")),
        "Never" => {}
        "OnFailure" => {
            if spec.child("podFailurePolicy").is_set() {
                errors.push(
                    policy
                        .invalid("only \"Never\" is supported when podFailurePolicy is specified"),
                );
            }
        }
        _ => errors.push(policy.not_supported(&["OnFailure", "Never"])),
    }
}

fn completion_mode(spec: &At<'_>, errors: &mut Errors) {
    let mode = spec.child("completionMode");
    let (per_index, max_failed) = (
        spec.child("backoffLimitPerIndex"),
        spec.child("maxFailedIndexes"),
    );
    match mode.text() {
        "Indexed" => indexed(spec, errors),
        "" | "NonIndexed" => {
            for field in [per_index, max_failed] {
                if field.is_set() {
                    errors.push(field.invalid("requires indexed completion mode"));
                }
            }
        }
        _ => errors.push(mode.not_supported(&["NonIndexed", "Indexed"])),
    }
}

fn indexed(spec: &At<'_>, errors: &mut Errors) {
    let (completions, parallelism) = (spec.child("completions"), spec.child("parallelism"));
    let (per_index, max_failed) = (
        spec.child("backoffLimitPerIndex"),
        spec.child("maxFailedIndexes"),
    );
    if !completions.is_set() {
        errors.push(completions.required("when completion mode is Indexed"));
    }
    let at_most = |field: &At<'_>, limit: i64, detail: &str, errors: &mut Errors| {
        if field.int() > limit {
            errors.push(field.invalid(format!("must be less than or equal to {limit}{detail}")));
        }
    };
    at_most(
        &parallelism,
        100_000,
        " when completion mode is Indexed",
        errors,
    );
    if completions.is_set() && max_failed.int() > completions.int() {
        errors.push(max_failed.invalid("must be less than or equal to completions"));
    }
    at_most(&max_failed, 100_000, "", errors);
    if completions.int() > 100_000 && per_index.is_set() {
        if !max_failed.is_set() {
            errors.push(max_failed.required("must be specified when completions is above 100000"));
        }
        let detail = " when completions are above 100000 and used with backoff limit per index";
        at_most(&parallelism, 10_000, detail, errors);
        at_most(&max_failed, 10_000, detail, errors);
    }
}

/// A path below a domain: `acme.io/foo`.
pub fn domain_path(at: &At<'_>, errors: &mut Errors) {
    if at.is_empty() {
        errors.push(at.required(""));
        return;
    }
    let Some((host, path)) = at
        .text()
        .split_once('/')
        .filter(|(host, path)| !host.is_empty() && !path.is_empty())
    else {
        errors.push(at.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")"));
        return;
    };
    for complaint in names::dns1123_subdomain(host) {
        errors.push(at.invalid_as(host, complaint));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if !path.bytes().all(allowed) {
        let complaint = names::regex_error("Invalid path", r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", &[]);
        errors.push(at.invalid_as(path, complaint));
    }
}
