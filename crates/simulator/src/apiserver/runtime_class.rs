//! What the `RuntimeClass` of a pod says about it: overhead, where it may run
//! (`plugin/pkg/admission/runtimeclass/admission.go`, `pkg/util/tolerations/tolerations.go`).

use std::sync::Arc;

use machinery::meta;
use machinery::ordered::{ByValue, distinct};
use serde_json::{Map, Value, json};

use super::ApiServer;
use super::registry::Served;
use super::resource::known;
use super::store::Entry;
use crate::status_error::ApiError;

/// Tolerations beyond which only equal ones are merged.
const MOST_COMPARED: usize = 4096;
const RUNTIME_CLASSES: &str = "node.k8s.io/runtimeclasses";
const OTHER_OVERHEAD: &str =
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
const OWN_OVERHEAD: &str =
    "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";

impl ApiServer {
    /// Gives a new pod the overhead, node selector and tolerations of its class.
    pub(crate) fn admit_runtime_class(&self, pod: &mut Value, name: &str) -> Result<(), ApiError> {
        let Some(class) = self.runtime_class(pod, name)? else {
            return Ok(());
        };
        let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let refused = |text: &str| ApiError::forbidden(&known::PODS, name, text);
        if let Some(overhead) = overhead(&class.value) {
            if is_said(spec) && spec.get("overhead") != Some(&overhead) {
                return Err(refused(OTHER_OVERHEAD));
            }
            if !overhead.is_null() {
                spec.insert("overhead".to_owned(), overhead);
            }
        }
        if let Some(scheduling) = class.value.get("scheduling") {
            schedule(spec, scheduling).map_err(|text| refused(&text))?;
        }
        Ok(())
    }

    /// Whether the overhead of a new pod is that of its class, however it came there.
    pub(crate) fn check_overhead(&self, served: &Served, pod: &Value) -> Result<(), ApiError> {
        if served.resource != known::PODS {
            return Ok(());
        }
        let name = meta::name(pod);
        let class = self.runtime_class(pod, name)?;
        let own = pod.pointer("/spec/overhead").unwrap_or(&Value::Null);
        let text = match class.and_then(|class| overhead(&class.value)) {
            Some(overhead) if *own != overhead => OTHER_OVERHEAD,
            None if !own.is_null() => OWN_OVERHEAD,
            Some(_) | None => return Ok(()),
        };
        Err(ApiError::forbidden(&known::PODS, name, text))
    }

    fn runtime_class(&self, pod: &Value, name: &str) -> Result<Option<Arc<Entry>>, ApiError> {
        let class = pod
            .pointer("/spec/runtimeClassName")
            .and_then(Value::as_str);
        let Some(class) = class else {
            return Ok(None);
        };
        let Some(found) = self.store.get(RUNTIME_CLASSES, class) else {
            let text = format!("pod rejected: RuntimeClass {class:?} not found");
            return Err(ApiError::forbidden(&known::PODS, name, &text));
        };
        Ok(Some(found))
    }
}

/// The overhead a class defines, null if it is an empty one.
fn overhead(class: &Value) -> Option<Value> {
    let defined = class
        .get("overhead")
        .filter(|overhead| !overhead.is_null())?;
    Some(defined.get("podFixed").cloned().unwrap_or_default())
}

fn is_said(spec: &Map<String, Value>) -> bool {
    let overhead = spec.get("overhead").and_then(Value::as_object);
    overhead.is_some_and(|overhead| !overhead.is_empty())
}

fn schedule(spec: &mut Map<String, Value>, scheduling: &Value) -> Result<(), String> {
    if let Some(wanted) = scheduling.get("nodeSelector").and_then(Value::as_object) {
        let own = spec.entry("nodeSelector").or_insert_with(|| json!({}));
        for (key, value) in wanted {
            let Some(own) = own.as_object_mut() else {
                break;
            };
            match own.get(key) {
                Some(given) if given != value => {
                    return Err(format!(
                        "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                        value.as_str().unwrap_or_default(),
                        given.as_str().unwrap_or_default()
                    ));
                }
                Some(_) | None => own.insert(key.clone(), value.clone()),
            };
        }
    }
    let list = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = list(spec.get("tolerations"));
    all.extend(list(scheduling.get("tolerations")));
    if !all.is_empty() {
        spec.insert("tolerations".to_owned(), json!(merged(all)));
    }
    Ok(())
}

/// Tolerations without those that others stand for. Each is compared with all others, so of very many only equal ones go.
fn merged(all: Vec<Value>) -> Vec<Value> {
    let all = distinct(all.into_iter().map(ByValue).collect());
    let all: Vec<Value> = all.into_iter().map(|ByValue(one)| one).collect();
    if all.len() > MOST_COMPARED {
        return all;
    }
    let mut kept: Vec<Value> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let later = all.iter().skip(index + 1);
        let redundant = kept.iter().any(|other| covers(other, one))
            || later
                .into_iter()
                .any(|other| other != one && covers(other, one));
        if !redundant {
            kept.push(one.clone());
        }
    }
    kept
}

/// Whether a toleration tolerates whatever another one does.
fn covers(one: &Value, other: &Value) -> bool {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    let text = |of: &Value, key: &str| text(of, key).unwrap_or_default();
    if one == other {
        return true;
    }
    let operator = text(one, "operator");
    if text(one, "key") != text(other, "key")
        && !(text(one, "key").is_empty() && operator == "Exists")
    {
        return false;
    }
    let effect = text(one, "effect");
    if effect != text(other, "effect") && !effect.is_empty() {
        return false;
    }
    let seconds = |of: &Value| of.get("tolerationSeconds").and_then(Value::as_i64);
    if effect == "NoExecute"
        && let Some(limit) = seconds(one)
        && seconds(other).is_none_or(|seconds| seconds > limit)
    {
        return false;
    }
    match operator.as_str() {
        "" | "Equal" => {
            text(other, "operator") == "Equal" && text(one, "value") == text(other, "value")
        }
        _ => operator == "Exists",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_tolerations_the_wider_one_stays() {
        let all = json!([
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "b", "operator": "Equal", "value": "1", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists"},
            {"key": "b", "operator": "Equal", "value": "2", "effect": "NoSchedule"},
        ]);
        let all = all.as_array().unwrap();
        let twice = [all.as_slice(), all].concat();
        assert_eq!(merged(twice), [&all[1], &all[2], &all[3]].map(Clone::clone));
    }
}
