//! Eviction under disruption budgets (`pkg/registry/core/pod/storage/eviction.go`).

use std::sync::Arc;

use jiff::Timestamp;
use machinery::labels::Selector;
use machinery::{meta, time};
use serde_json::{Value, json};

use super::ApiServer;
use super::owners::SERVER;
use super::resource::known;
use super::selection::Selection;
use super::store::{Entry, key};
use super::subresource::cause;
use super::write::{UpdateTarget, Writer};
use crate::session::{DeleteOptions, Propagation};
use crate::status_error::ApiError;

const VIOLATED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
const SEVERAL: &str = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";

/// Sets a condition of a pod to True.
pub(crate) fn set_condition(
    pod: &mut Value,
    kind: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let Some(status) = pod.get_mut("status").and_then(Value::as_object_mut) else {
        return;
    };
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if conditions.is_null() {
        *conditions = json!([]);
    }
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    let mut new = json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": time::rfc3339(now)});
    if let Some(fields) = new.as_object_mut() {
        for (key, value) in [("reason", reason), ("message", message)] {
            if !value.is_empty() {
                fields.insert(key.to_owned(), json!(value));
            }
        }
        // Neither of those who set one in `pkg/registry/core/pod/storage` says what it has observed.
    }
    match conditions
        .iter_mut()
        .find(|condition| condition.get("type") == Some(&json!(kind)))
    {
        Some(condition) => {
            if condition.get("status") == Some(&json!("True"))
                && let (Some(fields), Some(at)) =
                    (new.as_object_mut(), condition.get("lastTransitionTime"))
            {
                fields.insert("lastTransitionTime".to_owned(), at.clone());
            }
            *condition = new;
        }
        None => conditions.push(new),
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type") == Some(&json!("Ready"))
            && condition.get("status") == Some(&json!("True"))
    })
}

fn number(budget: &Value, field: &str) -> i64 {
    budget
        .pointer(&format!("/status/{field}"))
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn options_of(eviction: &Value) -> DeleteOptions {
    let options = eviction.get("deleteOptions");
    let field = |name: &str| options.and_then(|options| options.get(name));
    let text = |pointer: &str| {
        options
            .and_then(|options| options.pointer(pointer))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    DeleteOptions {
        grace_period_seconds: field("gracePeriodSeconds").and_then(Value::as_i64),
        propagation: match field("propagationPolicy").and_then(Value::as_str) {
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Background") => Some(Propagation::Background),
            Some(_) | None => None,
        },
        orphan_dependents: field("orphanDependents").and_then(Value::as_bool),
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        dry_run: field("dryRun")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty()),
    }
}

impl ApiServer {
    /// Evicts a pod, unless its disruption budget forbids.
    pub(crate) fn evict(
        &mut self,
        namespace: &str,
        name: &str,
        eviction: &Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let pods = self.known(&known::PODS)?;
        let mut eviction = eviction.clone();
        let kind = ("policy", "v1", "Eviction");
        let about = ("eviction", kind);
        self.admit_posted(&pods, (namespace, name), about, &mut eviction, writer)?;
        writer.admits = false;
        let mut options = options_of(&eviction);
        writer.dry_run |= options.dry_run;
        options.dry_run = writer.dry_run;
        let pod = self
            .store
            .get(&pods.table, &key(namespace, name))
            .ok_or_else(|| ApiError::not_found(&known::PODS, name))?;
        let phase = pod
            .value
            .pointer("/status/phase")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let free = matches!(phase, "Succeeded" | "Failed" | "Pending")
            || meta::deletion_timestamp(&pod.value).is_some();
        if !free {
            self.spend_budget(namespace, &pod, writer)?;
        }
        self.mark_and_delete(namespace, name, &options, writer)
    }

    fn budgets_of(&self, namespace: &str, pod: &Value) -> Result<Vec<Arc<Entry>>, ApiError> {
        let served = self.known(&known::POD_DISRUPTION_BUDGETS)?;
        let labels = meta::labels(pod);
        let all = self.selected(&served, &Selection::namespace(namespace))?;
        Ok(all
            .into_iter()
            .map(|(_, version)| version.entry())
            .filter(|budget| {
                let selector = budget
                    .value
                    .pointer("/spec/selector")
                    .cloned()
                    .unwrap_or_default();
                Selector::from_label_selector(&selector)
                    .is_ok_and(|selector| selector.matches(&labels))
            })
            .collect())
    }

    /// Takes one disruption from the pod's budget.
    fn spend_budget(
        &mut self,
        namespace: &str,
        pod: &Entry,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let budgets = self.budgets_of(namespace, &pod.value)?;
        let budget = match budgets.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            _ => return Err(ApiError::internal(SEVERAL)),
        };
        let name = meta::name(&budget.value).to_owned();
        let value = &budget.value;
        if !is_ready(&pod.value) {
            let always =
                value.pointer("/spec/unhealthyPodEvictionPolicy") == Some(&json!("AlwaysAllow"));
            let healthy = number(value, "desiredHealthy") > 0
                && number(value, "currentHealthy") >= number(value, "desiredHealthy");
            if always || healthy {
                return Ok(());
            }
        }
        if number(value, "observedGeneration") < meta::generation(value) {
            let text =
                format!("The disruption budget {name} is still being processed by the server.");
            return Err(with_cause(ApiError::too_many_requests(VIOLATED, 10), text));
        }
        if number(value, "disruptionsAllowed") < 0 {
            return Err(ApiError::forbidden(
                &known::POD_DISRUPTION_BUDGETS,
                &name,
                "pdb disruptions allowed is negative",
            ));
        }
        if number(value, "disruptionsAllowed") == 0 {
            let text = format!(
                "The disruption budget {name} needs {} healthy pods and has {} currently",
                number(value, "desiredHealthy"),
                number(value, "currentHealthy")
            );
            return Err(with_cause(ApiError::too_many_requests(VIOLATED, 0), text));
        }
        let (pod_name, now) = (meta::name(&pod.value).to_owned(), time::rfc3339(writer.now));
        let served = self.known(&known::POD_DISRUPTION_BUDGETS)?;
        let target = UpdateTarget {
            served: &served,
            namespace,
            name: &name,
            subresource: "status",
            uid: "",
            may_create: false,
        };
        let mut change = |_: &Self, old: &Value, _: &mut Writer<'_>| {
            let mut new = old.clone();
            let allowed = number(old, "disruptionsAllowed") - 1;
            if let Some(status) = new.get_mut("status").and_then(Value::as_object_mut) {
                status.insert("disruptionsAllowed".to_owned(), json!(allowed));
                let disrupted = status.entry("disruptedPods").or_insert_with(|| json!({}));
                if let Some(disrupted) = disrupted.as_object_mut() {
                    disrupted.insert(pod_name.clone(), json!(now));
                }
            }
            Ok(new)
        };
        writer.managed_by(Some(SERVER), |writer| {
            self.update(target, writer, &mut change)
        })?;
        Ok(())
    }

    fn mark_and_delete(
        &mut self,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let served = self.known(&known::PODS)?;
        let now = writer.now;
        let mut options = options.clone();
        if !writer.dry_run {
            let target = UpdateTarget {
                served: &served,
                namespace,
                name,
                subresource: "status",
                uid: "",
                may_create: false,
            };
            let mut change = |_: &Self, old: &Value, _: &mut Writer<'_>| {
                let mut pod = old.clone();
                set_condition(
                    &mut pod,
                    "DisruptionTarget",
                    "EvictionByEvictionAPI",
                    "Eviction API: evicting",
                    now,
                );
                Ok(pod)
            };
            let updated =
                writer.managed_by(None, |writer| self.update(target, writer, &mut change))?;
            if options.resource_version.is_some() {
                options.resource_version =
                    Some(meta::resource_version(&updated.entry.value).to_owned());
            }
        }
        self.delete(&served, namespace, name, &options, writer)?;
        Ok(())
    }
}

fn with_cause(error: ApiError, text: String) -> ApiError {
    let mut details = error.details.clone().unwrap_or_default();
    details.causes.push(cause("DisruptionBudget", text));
    error.with_details(details)
}
