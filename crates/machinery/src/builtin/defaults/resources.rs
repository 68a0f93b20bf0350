//! Quantities inside defaults: rounding to milli units and requests at pod level.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::builtin::edit::{child, set};
use crate::quantity::Quantity;

type Object = Map<String, Value>;

/// Rounds the lists of a `ResourceRequirements`.
pub fn requirements(requirements: &mut Object) {
    round(requirements, "limits");
    round(requirements, "requests");
}

/// Rounds the quantities of the list under `key` up to milli units.
pub fn round(object: &mut Object, key: &str) {
    let Some(list) = object.get_mut(key).and_then(Value::as_object_mut) else {
        return;
    };
    for value in list.values_mut() {
        let Some(Ok(quantity)) = value.as_str().map(Quantity::parse) else {
            continue;
        };
        if quantity.is_whole_in(-3) {
            continue;
        }
        let rounded = Quantity::from_milli(quantity.milli_value(), quantity.format());
        if rounded > quantity {
            *value = rounded.to_string().into();
        }
    }
}

/// Limits of huge pages and requests at pod level follow from the containers where one of them is given (KEP-2837).
pub fn pod_level(spec: &mut Object) {
    let given = |spec: &Object, list: &str| {
        let list = spec
            .get("resources")
            .and_then(|resources| resources.get(list));
        list.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let (mut limits, mut requests) = (given(spec, "limits"), given(spec, "requests"));
    if limits.is_empty() && requests.is_empty() {
        return;
    }
    for (name, quantity) in aggregate(spec, "limits") {
        if name.starts_with("hugepages-") && !requests.contains_key(&name) {
            set(&mut limits, &name, quantity.to_string());
        }
    }
    if !limits.is_empty() {
        for (name, quantity) in aggregate(spec, "requests") {
            if matches!(name.as_str(), "cpu" | "memory") {
                set(&mut requests, &name, quantity.to_string());
            }
        }
        for (name, quantity) in &limits {
            if matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-") {
                set(&mut requests, name, quantity.clone());
            }
        }
    }
    if let Some(pod) = child(spec, "resources") {
        for (key, list) in [("limits", limits), ("requests", requests)] {
            if !list.is_empty() {
                pod.insert(key.to_owned(), list.into());
            }
        }
    }
}

/// What a pod needs of each resource: the sum of its containers and sidecars, or more while it starts.
fn aggregate(spec: &Object, list: &str) -> BTreeMap<String, Quantity> {
    let mut total = BTreeMap::new();
    for container in containers(spec, "containers") {
        add(&mut total, &quantities(container, list));
    }
    let (mut sidecars, mut starting) = (BTreeMap::new(), BTreeMap::new());
    for container in containers(spec, "initContainers") {
        let mut own = quantities(container, list);
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            own.clone_from(&sidecars);
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut starting, &own);
    }
    raise(&mut total, &starting);
    total
}

fn containers<'a>(spec: &'a Object, list: &str) -> impl Iterator<Item = &'a Value> {
    spec.get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn quantities(container: &Value, list: &str) -> BTreeMap<String, Quantity> {
    let list = container
        .get("resources")
        .and_then(|resources| resources.get(list))
        .and_then(Value::as_object);
    let read = |(name, value): (&String, &Value)| {
        Some((name.clone(), Quantity::parse(value.as_str()?).ok()?))
    };
    list.into_iter().flatten().filter_map(read).collect()
}

fn add(total: &mut BTreeMap<String, Quantity>, more: &BTreeMap<String, Quantity>) {
    for (name, quantity) in more {
        let sum = total
            .get(name)
            .map_or_else(|| quantity.clone(), |total| total.add(quantity));
        total.insert(name.clone(), sum);
    }
}

fn raise(total: &mut BTreeMap<String, Quantity>, least: &BTreeMap<String, Quantity>) {
    for (name, quantity) in least {
        if total.get(name).is_none_or(|total| total < quantity) {
            total.insert(name.clone(), quantity.clone());
        }
    }
}
