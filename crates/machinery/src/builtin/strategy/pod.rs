//! The strategy of pods (`pkg/registry/core/pod/strategy.go`) and their quality of service class.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::builtin::edit::{child, each, ensure, text};
use crate::quantity::Quantity;

type Object = Map<String, Value>;

/// A new pod: status with its class, the condition of scheduling gates, label keys of affinity and spreading.
pub fn create(pod: &mut Object) {
    let class = qos_class(pod);
    let labels = pod
        .get("metadata")
        .and_then(|metadata| metadata.get("labels"))
        .and_then(Value::as_object)
        .cloned();
    let labels = labels.unwrap_or_default();
    let created = pod
        .get("metadata")
        .and_then(|metadata| metadata.get("creationTimestamp"))
        .cloned();
    let mut gated = false;
    if let Some(spec) = child(pod, "spec") {
        gated = spec
            .get("schedulingGates")
            .and_then(Value::as_array)
            .is_some_and(|gates| !gates.is_empty());
        if let Some(grace) = spec.get_mut("terminationGracePeriodSeconds")
            && grace.as_i64().is_some_and(|seconds| seconds < 0)
        {
            *grace = json!(1);
        }
        affinity(spec, &labels);
        each(spec, "topologySpreadConstraints", |constraint| {
            label_keys(constraint, "matchLabelKeys", "In", &labels);
        });
    }
    if let Some(status) = ensure(pod, "status") {
        status.insert("qosClass".to_owned(), class.into());
        if gated {
            status.insert(
                "conditions".to_owned(),
                json!([{
                    "type": "PodScheduled",
                    "status": "False",
                    "lastProbeTime": null,
                    "lastTransitionTime": created,
                    "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                }]),
            );
        }
    }
}

fn affinity(spec: &mut Object, labels: &Object) {
    let Some(affinity) = child(spec, "affinity") else {
        return;
    };
    for side in ["podAffinity", "podAntiAffinity"] {
        let Some(side) = child(affinity, side) else {
            continue;
        };
        each(
            side,
            "preferredDuringSchedulingIgnoredDuringExecution",
            |weighted| {
                if let Some(term) = child(weighted, "podAffinityTerm") {
                    affinity_term(term, labels);
                }
            },
        );
        each(
            side,
            "requiredDuringSchedulingIgnoredDuringExecution",
            |term| affinity_term(term, labels),
        );
    }
}

fn affinity_term(term: &mut Object, labels: &Object) {
    label_keys(term, "matchLabelKeys", "In", labels);
    label_keys(term, "mismatchLabelKeys", "NotIn", labels);
}

/// Turns keys into requirements on the pod's own values (KEP-3633, KEP-3243).
fn label_keys(term: &mut Object, list: &str, operator: &str, labels: &Object) {
    let keys = term
        .get(list)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let Some(selector) = child(term, "labelSelector") else {
        return;
    };
    for key in keys.iter().filter_map(Value::as_str) {
        let Some(value) = labels.get(key) else {
            continue;
        };
        let requirement = json!({"key": key, "operator": operator, "values": [value]});
        match selector
            .get_mut("matchExpressions")
            .and_then(Value::as_array_mut)
        {
            Some(expressions) => expressions.push(requirement),
            None => {
                selector.insert("matchExpressions".to_owned(), json!([requirement]));
            }
        }
    }
}

/// `/status` of a pod: no owner references, no deletion, class and observed generations are never lost.
pub fn status_update(new: &mut Object, old: &Object) {
    super::keep_metadata(new, old, &["ownerReferences", "deletionTimestamp"]);
    let old_status = old
        .get("status")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let Some(status) = ensure(new, "status") else {
        return;
    };
    if text(status, "qosClass").is_empty() {
        super::keep(status, &old_status, "qosClass");
    }
    if status
        .get("observedGeneration")
        .and_then(Value::as_i64)
        .unwrap_or_default()
        == 0
    {
        super::keep(status, &old_status, "observedGeneration");
    }
    let mut generations: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for condition in old_status
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let kind = condition
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let generation = condition
            .get("observedGeneration")
            .cloned()
            .unwrap_or(json!(0));
        generations
            .entry(kind.to_owned())
            .or_default()
            .push(generation);
    }
    each(status, "conditions", |condition| {
        let Some(old) = generations
            .get_mut(text(condition, "type"))
            .filter(|old| !old.is_empty())
        else {
            return;
        };
        let generation = old.remove(0);
        let unset = condition
            .get("observedGeneration")
            .and_then(Value::as_i64)
            .unwrap_or_default()
            == 0;
        if unset && generation != json!(0) {
            condition.insert("observedGeneration".to_owned(), generation);
        }
    });
}

/// A subresource that changes one part of the spec: `change` copies it from the new pod to the old spec.
/// With `ordered`, nothing is done where the containers are not the same ones in the same order.
pub fn keep_all_but(
    new: &mut Object,
    old: &Object,
    ordered: bool,
    change: fn(&Object, &mut Object),
) {
    let Some(mut spec) = old.get("spec").and_then(Value::as_object).cloned() else {
        return;
    };
    if ordered && !same_containers(new.get("spec"), old.get("spec")) {
        // Left as it is, so that validation sees it.
        return;
    }
    change(new, &mut spec);
    new.insert("spec".to_owned(), spec.into());
    super::keep(new, old, "status");
    super::keep_metadata(
        new,
        old,
        &[
            "labels",
            "annotations",
            "finalizers",
            "ownerReferences",
            "deletionTimestamp",
        ],
    );
}

fn same_containers(new: Option<&Value>, old: Option<&Value>) -> bool {
    let names = |spec: Option<&Value>, list: &str| -> Vec<Value> {
        let containers = spec
            .and_then(|spec| spec.get(list))
            .and_then(Value::as_array);
        let names = containers.into_iter().flatten().map(|c| c.get("name"));
        names
            .map(|name| name.cloned().unwrap_or_default())
            .collect()
    };
    ["containers", "initContainers"]
        .iter()
        .all(|list| names(new, list) == names(old, list))
}

/// `/resize` takes resources and resize policies of existing containers.
pub fn resized(new: &Object, spec: &mut Object) {
    let Some(new_spec) = new.get("spec").and_then(Value::as_object) else {
        return;
    };
    for list in ["containers", "initContainers"] {
        let wanted = new_spec
            .get(list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut wanted = wanted.into_iter();
        each(spec, list, |container| {
            let Some(Value::Object(wanted)) = wanted.next() else {
                return;
            };
            if wanted.get("name") == container.get("name") {
                super::keep(container, &wanted, "resources");
                super::keep(container, &wanted, "resizePolicy");
            }
        });
    }
    super::keep(spec, new_spec, "resources");
}

/// The quality of service class of a pod: `Guaranteed`, `Burstable` or `BestEffort`.
#[must_use]
pub fn qos_class(pod: &Object) -> &'static str {
    let Some(spec) = pod.get("spec") else {
        return "BestEffort";
    };
    let mut totals = Totals::default();
    let guaranteed = if let Some(resources) = spec
        .get("resources")
        .filter(|resources| resources.is_object())
    {
        totals.add(resources) || resources.get("limits").is_none()
    } else {
        let lists = ["containers", "initContainers"];
        let containers = lists
            .iter()
            .filter_map(|list| spec.get(*list).and_then(Value::as_array))
            .flatten();
        let all: Vec<bool> = containers
            .map(|container| totals.add(container.get("resources").unwrap_or(&Value::Null)))
            .collect();
        all.iter().all(|limited| *limited)
    };
    if totals.requests.is_empty() && totals.limits.is_empty() {
        "BestEffort"
    } else if guaranteed && totals.requests == totals.limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

#[derive(Default)]
struct Totals {
    requests: BTreeMap<String, Quantity>,
    limits: BTreeMap<String, Quantity>,
}

impl Totals {
    /// Adds one set of requirements; says whether both cpu and memory are limited.
    fn add(&mut self, resources: &Value) -> bool {
        sum(&mut self.requests, resources.get("requests"));
        sum(&mut self.limits, resources.get("limits")) == 2
    }
}

fn sum(totals: &mut BTreeMap<String, Quantity>, list: Option<&Value>) -> usize {
    let mut found = 0;
    for name in ["cpu", "memory"] {
        let Some(text) = list.and_then(|list| list.get(name)).and_then(Value::as_str) else {
            continue;
        };
        let Ok(quantity) = Quantity::parse(text) else {
            continue;
        };
        if quantity.sign() > 0 {
            found += 1;
            let total = totals
                .get(name)
                .map_or_else(|| quantity.clone(), |total| total.add(&quantity));
            totals.insert(name.to_owned(), total);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(containers: &Value) -> &'static str {
        qos_class(
            json!({"spec": {"containers": containers}})
                .as_object()
                .unwrap(),
        )
    }

    #[test]
    fn class_follows_requests_and_limits_of_cpu_and_memory() {
        let full = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(class(&json!([{"name": "a"}])), "BestEffort");
        assert_eq!(
            class(&json!([{"resources": {"requests": {"cpu": "1"}}}])),
            "Burstable"
        );
        assert_eq!(
            class(&json!([{"resources": {"requests": full, "limits": full}}])),
            "Guaranteed"
        );
        assert_eq!(
            class(&json!([{"resources": {"requests": full, "limits": full}}, {"name": "b"}])),
            "Burstable"
        );
        assert_eq!(
            class(&json!([{"resources": {"limits": {"example.com/gpu": "1"}}}])),
            "BestEffort"
        );
    }
}
