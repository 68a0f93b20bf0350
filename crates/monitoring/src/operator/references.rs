//! Which Secrets and `ConfigMap`s an object names by key.

use std::collections::BTreeSet;

use runtime::ObjectKey;
use serde_json::Value;

/// What is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
}

/// A Secret or `ConfigMap` that something was made of.
pub type Reference = (Source, ObjectKey);

/// Parts of a workload that go to its pods as they are: kubelets read what these name.
const OF_PODS: [&str; 4] = ["affinity", "containers", "initContainers", "volumes"];

/// The Secrets and `ConfigMap`s that the spec of an object names; all are in its namespace.
///
/// A reference is an object of a `key`, a `name` and perhaps `optional`, and nothing else; it means a `ConfigMap` where the
/// field it stands in says so, a Secret anywhere else.
pub fn of(object: &Value) -> BTreeSet<Reference> {
    let namespace = machinery::meta::namespace(object);
    let mut found = BTreeSet::new();
    if let Some(Value::Object(spec)) = object.get("spec") {
        for (field, value) in spec {
            if !OF_PODS.contains(&field.as_str()) {
                collect(value, field, namespace, &mut found);
            }
        }
    }
    found
}

fn collect(value: &Value, field: &str, namespace: &str, found: &mut BTreeSet<Reference>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = referred(fields) {
                let source = if field == "configMap" {
                    Source::ConfigMap
                } else {
                    Source::Secret
                };
                found.insert((source, ObjectKey::new(namespace, name)));
                return;
            }
            for (field, value) in fields {
                collect(value, field, namespace, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, field, namespace, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn referred(fields: &serde_json::Map<String, Value>) -> Option<&str> {
    let only = fields
        .keys()
        .all(|field| matches!(field.as_str(), "key" | "name" | "optional"));
    fields.get("key").filter(|key| only && key.is_string())?;
    let name = fields.get("name")?.as_str()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_found_at_any_depth_but_not_in_what_goes_to_pods() {
        let object = json!({
            "metadata": {"namespace": "team", "name": "x"},
            "spec": {
                "endpoints": [
                    {"basicAuth": {"username": {"name": "a", "key": "u"}, "password": {"name": "a", "key": "p"}}},
                    {"tlsConfig": {"ca": {"configMap": {"name": "c", "key": "k"}}, "keySecret": {"name": "b", "key": "k", "optional": true}}},
                ],
                "selector": {"matchExpressions": [{"key": "name", "operator": "Exists"}]},
                "empty": {"key": "", "name": ""},
                "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}]}],
            },
        });
        let key = |name: &str| ObjectKey::new("team", name);
        let wanted = [
            (Source::Secret, key("a")),
            (Source::Secret, key("b")),
            (Source::ConfigMap, key("c")),
        ];
        assert_eq!(of(&object), wanted.into_iter().collect());
    }
}
