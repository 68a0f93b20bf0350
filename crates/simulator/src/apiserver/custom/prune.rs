//! Dropping unknown fields and stray nulls, and setting defaults. Mirrors
//! `apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting}`.

use serde_json::{Map, Value};

use super::schema::{Additional, Schema};

const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes what the schema does not know; returns the paths, sorted.
pub(super) fn prune(object: &mut Value, schema: &Schema) -> Vec<String> {
    let mut pruning = Pruning {
        removed: Vec::new(),
    };
    if schema.preserve_unknown {
        pruning.keep(object, schema, true, "");
    } else {
        pruning.value(object, Some(schema), true, "");
    }
    pruning.removed.sort_unstable();
    pruning.removed
}

struct Pruning {
    removed: Vec<String>,
}

impl Pruning {
    fn value(&mut self, value: &mut Value, schema: Option<&Schema>, resource: bool, path: &str) {
        if let Some(schema) = schema.filter(|schema| schema.preserve_unknown) {
            return self.keep(value, schema, resource, path);
        }
        match value {
            Value::Object(map) => self.map(map, schema, resource, path),
            Value::Array(list) => {
                let items = schema.and_then(|schema| schema.items.as_deref());
                for (index, item) in list.iter_mut().enumerate() {
                    self.value(
                        item,
                        items,
                        items.is_some_and(|items| items.embedded),
                        &format!("{path}[{index}]"),
                    );
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn map(
        &mut self,
        map: &mut Map<String, Value>,
        schema: Option<&Schema>,
        resource: bool,
        path: &str,
    ) {
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in keys {
            let child = join(path, &key);
            if (resource || schema.is_some_and(|schema| schema.embedded))
                && META_FIELDS.contains(&key.as_str())
            {
                continue;
            }
            let property = schema.and_then(|schema| schema.properties.get(&key));
            let additional = schema.and_then(|schema| schema.additional_properties.as_ref());
            match (property, additional, map.get_mut(&key)) {
                (Some(property), _, Some(value)) => {
                    self.value(value, Some(property), property.embedded, &child);
                }
                (None, Some(Additional::Schema(schema)), Some(value)) => {
                    self.value(value, Some(schema), schema.embedded, &child);
                }
                (None, Some(Additional::Allowed(true)), Some(value)) => {
                    self.value(value, None, false, &child);
                }
                (_, _, _) => {
                    map.remove(&key);
                    self.removed.push(child);
                }
            }
        }
    }

    /// Unknown fields stay, but below known ones pruning goes on.
    fn keep(&mut self, value: &mut Value, schema: &Schema, resource: bool, path: &str) {
        match value {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if (resource || schema.embedded) && META_FIELDS.contains(&key.as_str()) {
                        continue;
                    }
                    let child = join(path, key);
                    if let Some(property) = schema.properties.get(key) {
                        self.value(value, Some(property), property.embedded, &child);
                    } else if let Some(additional) = schema.additional() {
                        self.value(value, Some(additional), additional.embedded, &child);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = schema.items.as_deref() {
                    for (index, item) in list.iter_mut().enumerate() {
                        self.keep(item, items, items.embedded, &format!("{path}[{index}]"));
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Removes nulls where the schema neither allows nor replaces them.
pub(super) fn drop_nulls(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| {
                let property = schema.member(key);
                !property
                    .is_some_and(|property| property.drops(value) && property.default.is_none())
            });
            for (key, value) in map.iter_mut() {
                if let Some(property) = schema.member(key) {
                    drop_nulls(value, property);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.items.as_deref() {
                for item in list {
                    drop_nulls(item, items);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sets defaults where the parent exists.
pub(super) fn set_defaults(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => {
            for (key, property) in &schema.properties {
                let Some(default) = &property.default else {
                    continue;
                };
                if map.get(key).is_none_or(|value| property.drops(value)) {
                    map.insert(key.clone(), default.clone());
                }
            }
            for (key, value) in map.iter_mut() {
                if let Some(property) = schema.properties.get(key) {
                    set_defaults(value, property);
                } else if let Some(additional) = schema.additional() {
                    replace_null(value, additional);
                    set_defaults(value, additional);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = schema.items.as_deref() else {
                return;
            };
            for item in list {
                replace_null(item, items);
                set_defaults(item, items);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replace_null(value: &mut Value, schema: &Schema) {
    if let Some(default) = schema.default.as_ref().filter(|_| schema.drops(value)) {
        *value = default.clone();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::compile(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "a": {"type": "integer", "default": 1},
                "n": {"type": "string", "nullable": true},
                "s": {"type": "string"},
                "m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "string", "default": "y"}}}},
                "l": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
                "any": {"x-kubernetes-preserve-unknown-fields": true},
                "known": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"p": {"type": "object"}}},
                "tpl": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}},
            }}}}),
        )
    }

    #[test]
    fn unknown_fields_go_and_are_reported_by_path() {
        let mut object = json!({
            "apiVersion": "e/v1", "kind": "Foo", "metadata": {"name": "a"}, "extra": 1,
            "spec": {"s": "x", "u": 1, "l": [{"k": "1", "v": 2}], "any": {"q": {"r": 1}},
                     "known": {"p": {"q": 1}, "r": 1},
                     "tpl": {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"z": 1}, "status": {}}},
        });
        let removed = prune(&mut object, &schema());
        assert_eq!(
            removed,
            [
                "extra",
                "spec.known.p.q",
                "spec.l[0].v",
                "spec.tpl.spec.z",
                "spec.tpl.status",
                "spec.u"
            ]
        );
        assert_eq!(
            object,
            json!({
                "apiVersion": "e/v1", "kind": "Foo", "metadata": {"name": "a"},
                "spec": {"s": "x", "l": [{"k": "1"}], "any": {"q": {"r": 1}}, "known": {"p": {}, "r": 1},
                         "tpl": {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}},
            })
        );
    }

    #[test]
    fn defaults_are_set_only_where_the_parent_exists() {
        let mut object = json!({"spec": {"m": {"one": {}}}});
        set_defaults(&mut object, &schema());
        assert_eq!(object, json!({"spec": {"a": 1, "m": {"one": {"x": "y"}}}}));
        let mut object = json!({});
        set_defaults(&mut object, &schema());
        assert_eq!(object, json!({}));
    }

    #[test]
    fn a_null_is_kept_where_nullable_and_replaced_where_defaulted() {
        let mut object = json!({"spec": {"a": null, "n": null, "s": null}});
        drop_nulls(&mut object, &schema());
        set_defaults(&mut object, &schema());
        assert_eq!(object, json!({"spec": {"a": 1, "n": null}}));
    }
}
