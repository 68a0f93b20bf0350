//! Updates of pods: almost all of the spec is immutable.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{annotations, first_by_name, metadata_and_spec, scheduling, spec, texts_of};
use crate::builtin::validation::read::{At, Errors, same, same_fields};
use crate::builtin::validation::{BadValue, diff, error, internal, meta, net};
use crate::names;
use crate::ordered::ByValue;

const UPDATABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// An update through the main endpoint.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    metadata_and_spec(new, errors);
    let (new_meta, old_meta) = (new.child("metadata"), old.child("metadata"));
    annotations::update(
        &new_meta.child("annotations"),
        &old_meta.child("annotations"),
        errors,
    );
    annotations::specific(&new_meta.child("annotations"), &new.child("spec"), errors);
    let (new, old) = (new.child("spec"), old.child("spec"));
    for list in ["containers", "initContainers"] {
        if !images(&new.child(list), &old.child(list), errors) {
            return;
        }
    }
    if !deadline(&new, &old, errors) {
        return;
    }
    tolerations(&new.child("tolerations"), &old.child("tolerations"), errors);
    gates(
        &new.child("schedulingGates"),
        &old.child("schedulingGates"),
        errors,
    );
    let (Some(new_spec), Some(old_spec)) = (new.map(), old.map()) else {
        return;
    };
    if same_fields(new_spec, old_spec) {
        return;
    }
    let mut munged = munge(new_spec, old_spec);
    if !old.child("schedulingGates").is_empty() {
        gated(&new, &old, &mut munged, errors);
    }
    if !same_fields(&munged, old_spec) {
        let pretty = |spec: &Map<String, Value>| {
            internal::to_json_pretty("core.PodSpec", &Value::Object(spec.clone()))
        };
        let difference = diff::unified(&pretty(old_spec), &pretty(&munged));
        errors.push(new.forbidden(format!("{UPDATABLE}\n{difference}")));
    }
}

/// Same containers, proper images; false where nothing more can be compared.
fn images(new: &At<'_>, old: &At<'_>, errors: &mut Errors) -> bool {
    let containers = new.items();
    if containers.len() != old.items().len() {
        errors.push(new.forbidden("pod updates may not add or remove containers"));
        return false;
    }
    for container in containers {
        let image = container.child("image");
        if image.is_empty() {
            errors.push(image.required(""));
        }
        super::containers::image_whitespace(&container, errors);
    }
    true
}

/// The deadline may appear and shrink.
fn deadline(new: &At<'_>, old: &At<'_>, errors: &mut Errors) -> bool {
    let (new, old) = (
        new.child("activeDeadlineSeconds"),
        old.child("activeDeadlineSeconds"),
    );
    if !new.is_set() {
        if old.is_set() {
            errors.push(new.invalid("must not update from a positive integer to nil value"));
        }
        return true;
    }
    if !(0..=i64::from(i32::MAX)).contains(&new.int()) {
        errors.push(new.invalid("must be between 0 and 2147483647, inclusive"));
        return false;
    }
    if old.is_set() && old.int() < new.int() {
        errors.push(new.invalid("must be less than or equal to previous value"));
        return false;
    }
    true
}

fn tolerations(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let without_seconds = |value: &Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.remove("tolerationSeconds");
        }
        value
    };
    let kept: BTreeSet<ByValue<Value>> = new
        .items()
        .iter()
        .map(|toleration| ByValue(without_seconds(toleration.value())))
        .collect();
    if old
        .items()
        .iter()
        .any(|toleration| !kept.contains(&ByValue(without_seconds(toleration.value()))))
    {
        errors.push(
            new.forbidden("existing toleration can not be modified except its tolerationSeconds"),
        );
        return;
    }
    scheduling::tolerations(new, errors);
}

fn gates(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let old = old.items();
    let known = texts_of(&old, "name");
    for gate in new.items() {
        let name = gate.child("name");
        if !known.contains(name.text()) {
            let detail = format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                name.text()
            );
            errors.push(name.forbidden(detail));
        }
    }
}

/// The new spec with everything that may change taken from the old one.
fn munge(new: &Map<String, Value>, old: &Map<String, Value>) -> Map<String, Value> {
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        let olds = old
            .get(list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let containers = munged
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for (container, old) in containers.zip(olds) {
            if let (Some(container), Some(image)) = (container.as_object_mut(), old.get("image")) {
                container.insert("image".to_owned(), image.clone());
            }
        }
    }
    for key in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        take(&mut munged, old, key);
    }
    let grace = |spec: &Map<String, Value>| {
        spec.get("terminationGracePeriodSeconds")
            .and_then(Value::as_i64)
    };
    if grace(old).is_some_and(|seconds| seconds < 0) && grace(&munged) == Some(1) {
        take(&mut munged, old, "terminationGracePeriodSeconds");
    }
    munged
}

fn take(munged: &mut Map<String, Value>, old: &Map<String, Value>, key: &str) {
    match old.get(key) {
        Some(value) => munged.insert(key.to_owned(), value.clone()),
        None => munged.remove(key),
    };
}

/// A gated pod may be narrowed down: more node selector entries, more node affinity.
fn gated(new: &At<'_>, old: &At<'_>, munged: &mut Map<String, Value>, errors: &mut Errors) {
    let Some(old_spec) = old.map() else { return };
    let (new_selector, old_selector) = (new.child("nodeSelector"), old.child("nodeSelector"));
    if !same(new_selector.value(), old_selector.value()) {
        for (key, value) in old_selector.entries() {
            if new_selector.key(key).value() != value.value() {
                errors.push(new_selector.invalid(
                    "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
                ));
                break;
            }
        }
        take(munged, old_spec, "nodeSelector");
    }
    let path = new.child("affinity").child("nodeAffinity");
    let (now, before) = (
        path.value(),
        old.child("affinity").child("nodeAffinity").value().clone(),
    );
    if same(now, &before) {
        return;
    }
    node_affinity(&path, &At::new(path.path(), &before), errors);
    match (
        munged.get_mut("affinity").and_then(Value::as_object_mut),
        before.is_null(),
    ) {
        (Some(affinity), true) => {
            affinity.remove("nodeAffinity");
            if affinity.is_empty() && !old_spec.contains_key("affinity") {
                munged.remove("affinity");
            }
        }
        (Some(affinity), false) => {
            affinity.insert("nodeAffinity".to_owned(), before);
        }
        (None, true) => {}
        (None, false) => {
            munged.insert(
                "affinity".to_owned(),
                serde_json::json!({"nodeAffinity": before}),
            );
        }
    }
}

/// Required terms may gain requirements, never lose or change them.
fn node_affinity(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let required = |at: &At<'_>| {
        let terms = at
            .child("requiredDuringSchedulingIgnoredDuringExecution")
            .child("nodeSelectorTerms");
        terms.value().as_array().cloned().unwrap_or_default()
    };
    let (new_terms, old_terms) = (required(new), required(old));
    if old_terms.is_empty() {
        return;
    }
    let path = new
        .child("requiredDuringSchedulingIgnoredDuringExecution")
        .child("nodeSelectorTerms");
    if new_terms.len() != old_terms.len() {
        let value = path.dump("[]core.NodeSelectorTerm");
        errors.push(path.invalid_as(
            value,
            "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
        ));
        return;
    }
    let list = |term: &Value, key: &str| {
        term.get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for (index, (new, old)) in new_terms.iter().zip(&old_terms).enumerate() {
        let grown = ["matchExpressions", "matchFields"]
            .iter()
            .all(|key| list(new, key).starts_with(&list(old, key)));
        if !grown {
            let at = At::new(format!("{}[{index}]", path.path()), new);
            errors.push(at.invalid_struct(
                "core.NodeSelectorTerm",
                "only additions are allowed (no mutations or deletions)",
            ));
        }
    }
}

/// An update through `/status`.
pub fn status_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    let (new_meta, old_meta) = (new.child("metadata"), old.child("metadata"));
    annotations::update(
        &new_meta.child("annotations"),
        &old_meta.child("annotations"),
        errors,
    );
    annotations::specific(&new_meta.child("annotations"), &new.child("spec"), errors);
    let (status, old_status) = (new.child("status"), old.child("status"));
    for condition in status.child("conditions").items() {
        let (kind, generation) = (
            condition.child("type"),
            condition.child("observedGeneration"),
        );
        if generation.int() < 0 {
            errors.push(generation.invalid("must be a non-negative integer"));
        }
        if !matches!(kind.text(), "PodScheduled" | "Ready" | "Initialized") {
            spec::qualified_name(&kind.moved(condition.path_of("Type")), errors);
        }
    }
    nominated(&status, &old_status, old, errors);
    let generation = status.child("observedGeneration");
    if generation.int() < 0 {
        errors.push(generation.invalid("must be a non-negative integer"));
    }
    status
        .child("qosClass")
        .immutable(old_status.child("qosClass").value(), "string", errors);
    for (list, containers) in [
        ("containerStatuses", "containers"),
        ("initContainerStatuses", "initContainers"),
        ("ephemeralContainerStatuses", ""),
    ] {
        restarts(
            &status.child(list),
            &old_status.child(list),
            &old.child("spec"),
            containers,
            errors,
        );
    }
    addresses(&status, &old_status, "podIPs", errors);
    let (one, first) = (status.child("hostIP"), status.child("hostIPs").items());
    if let Some(first) = first.first().map(|first| first.child("ip"))
        && first.text() != one.text()
    {
        errors.push(first.invalid_as(first.text(), "must be equal to `hostIP`"));
    }
    addresses(&status, &old_status, "hostIPs", errors);
}

/// New addresses are well-formed, and of two families if there are two.
fn addresses(status: &At<'_>, old: &At<'_>, list: &str, errors: &mut Errors) {
    let before = texts_of(&old.child(list).items(), "ip");
    let known = |ip: &At<'_>| before.contains(ip.text());
    let list = status.child(list);
    let items = list.items();
    let ips: Vec<At<'_>> = items
        .iter()
        .map(|item| item.child("ip").moved(item.path()))
        .collect();
    for ip in ips.iter().filter(|ip| !known(ip)) {
        net::legacy_ip(ip, errors);
    }
    let six = |ip: &At<'_>| ip.text().contains(':');
    let both = ips.iter().any(six) && !ips.iter().all(six);
    if ips.len() > 2 || (ips.len() == 2 && !both) {
        let detail = "may specify no more than one IP for each IP family";
        let shown: Vec<String> = items
            .iter()
            .map(|item| format!("{{\"IP\":{}}}", error::go_json(item.child("ip").value())))
            .collect();
        let shown = BadValue::Json(format!("[{}]", shown.join(",")));
        errors.push(list.invalid_as(shown, detail));
    }
}

fn nominated(status: &At<'_>, old_status: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (name, before) = (
        status.child("nominatedNodeName"),
        old_status.child("nominatedNodeName"),
    );
    if name.is_empty() || name.text() == before.text() {
        return;
    }
    name.complain(names::dns1123_subdomain(name.text()), errors);
    if !old.child("spec").child("nodeName").is_empty() {
        errors.push(name.forbidden("may not be set on pods that are already bound to a node"));
    }
}

/// A terminated container that will not be restarted stays terminated.
fn restarts(new: &At<'_>, old: &At<'_>, spec: &At<'_>, containers: &str, errors: &mut Errors) {
    let (statuses, specs) = (new.items(), spec.child(containers).items());
    let (statuses, specs) = (first_by_name(&statuses), first_by_name(&specs));
    for (index, before) in old.items().iter().enumerate() {
        let Some(terminated) = before.child("state").child("terminated").set() else {
            continue;
        };
        let name = before.child("name").text();
        let Some(now) = statuses.get(name) else {
            continue;
        };
        if now.child("state").child("terminated").is_set() {
            continue;
        }
        let container = specs.get(name);
        let code = terminated.child("exitCode").int();
        if !container.is_some_and(|container| should_restart(container, spec, code)) {
            let at = now.moved(format!("{}[{index}].state", new.path()));
            errors.push(at.forbidden("may not be transitioned to non-terminated state"));
        }
    }
}

fn should_restart(container: &At<'_>, spec: &At<'_>, code: i64) -> bool {
    for rule in container.child("restartPolicyRules").items() {
        let codes = rule.child("exitCodes");
        let listed = codes
            .child("values")
            .items()
            .iter()
            .any(|value| value.int() == code);
        let applies = match codes.child("operator").text() {
            "In" => listed,
            "NotIn" => !listed,
            _ => false,
        };
        if applies {
            return true;
        }
    }
    let own = container.child("restartPolicy");
    let policy = if own.is_set() {
        own
    } else {
        spec.child("restartPolicy")
    };
    match policy.text() {
        "Always" => true,
        "OnFailure" => code != 0,
        _ => false,
    }
}
