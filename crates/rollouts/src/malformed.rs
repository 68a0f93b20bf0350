//! Pod templates that no API server would take: a Rollout with one is still worked on, without what is malformed.
//!
//! Mirrors upstream's `utils/tolerantinformer`, which reads a Rollout as far as Go's decoder gets. The CRD leaves
//! `resources` unchecked, so quantities are what people get wrong.

use std::borrow::Cow;

use machinery::quantity::Quantity;
use serde_json::Value;

const TEMPLATE: &str = "/spec/template/spec";
const LISTS: [&str; 2] = ["initContainers", "containers"];
const EPHEMERAL: &str = "ephemeralContainers";
const KINDS: [&str; 2] = ["/resources/requests", "/resources/limits"];

/// A Rollout without malformed quantities, and without ephemeral containers if one of theirs is malformed (Go drops
/// such a list as a whole). Cloned only if there is something to leave out.
pub fn without(object: &Value) -> Cow<'_, Value> {
    let sound = object.pointer(TEMPLATE).is_none_or(|spec| {
        let lists = LISTS.into_iter().chain([EPHEMERAL]);
        lists
            .filter_map(|list| spec.get(list))
            .all(|list| !is_malformed(list))
    });
    if sound {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    if let Some(spec) = object.pointer_mut(TEMPLATE) {
        repair(spec);
    }
    Cow::Owned(object)
}

fn repair(spec: &mut Value) {
    for list in LISTS {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            for kind in KINDS {
                if let Some(known) = container.pointer_mut(kind).and_then(Value::as_object_mut) {
                    known.retain(|_, quantity| is_quantity(quantity));
                }
            }
        }
    }
    if spec.get(EPHEMERAL).is_some_and(is_malformed)
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove(EPHEMERAL);
    }
}

/// Whether any container of a list has a malformed quantity.
fn is_malformed(containers: &Value) -> bool {
    containers
        .as_array()
        .into_iter()
        .flatten()
        .any(|container| {
            KINDS
                .into_iter()
                .filter_map(|kind| container.pointer(kind)?.as_object())
                .any(|known| !known.values().all(is_quantity))
        })
}

fn is_quantity(value: &Value) -> bool {
    match value {
        Value::String(text) => Quantity::parse(text).is_ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).is_ok(),
        Value::Null => true,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rollout(spec: &Value) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn malformed_quantities_are_left_out_and_the_rest_stays() {
        let known = rollout(&json!({
            "containers": [{"name": "a", "resources": {"requests": {"memory": "invalid", "cpu": 0.001}}}],
            "ephemeralContainers": [{"name": "b", "resources": {"limits": {"cpu": true}}}],
        }));
        let wanted = rollout(&json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": 0.001}}}],
        }));
        assert_eq!(without(&known).into_owned(), wanted);
    }

    #[test]
    fn a_sound_template_is_not_copied() {
        let known = rollout(&json!({"containers": [{"resources": {"limits": {"cpu": "1m"}}}]}));
        assert!(matches!(without(&known), Cow::Borrowed(_)));
    }
}
