//! Schemas of custom resources as published. Mirrors `apiextensions-apiserver/pkg/controller/openapi/builder`.

use serde_json::{Map, Value, json};

use super::super::custom::CustomVersion;
use super::Form;
use super::convert::put_reference;
use super::kinds::common;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// `com.example.v1.Foo`: the group's labels reversed, version, kind.
pub(super) fn model_name(version: &CustomVersion, kind: &str) -> String {
    let group: Vec<&str> = version.resource.group.rsplit('.').collect();
    format!("{}.{}.{kind}", group.join("."), version.resource.version)
}

/// The kind's schema.
pub(super) fn schema(version: &CustomVersion, form: Form) -> Value {
    let mut schema = publish(version.open_api_schema(), form);
    let Some(map) = schema.as_object_mut() else {
        return schema;
    };
    map.insert(
        "x-kubernetes-group-version-kind".to_owned(),
        kinds(version, &version.resource.kind),
    );
    if form == Form::V2 && map.contains_key("x-kubernetes-preserve-unknown-fields") {
        // as the reference: what keeps anything is published as an object and no more
        map.retain(|key, _| key == "x-kubernetes-group-version-kind");
        map.insert("type".to_owned(), json!("object"));
        selectable(map, version);
        return schema;
    }
    if map.get("type").and_then(Value::as_str) == Some("object") {
        type_meta(map, form);
    }
    selectable(map, version);
    schema
}

/// Names the fields that field selectors may ask for.
fn selectable(schema: &mut Map<String, Value>, version: &CustomVersion) {
    let fields = version.selectable_fields.iter();
    let fields: Vec<Value> = fields.map(|path| json!({ "fieldPath": path })).collect();
    if !fields.is_empty() {
        schema.insert("x-kubernetes-selectable-fields".to_owned(), json!(fields));
    }
}

/// The schema of its lists.
pub(super) fn list_schema(version: &CustomVersion, form: Form) -> Value {
    let mut items = Map::new();
    put_reference(
        &mut items,
        &model_name(version, &version.resource.kind),
        form,
    );
    let mut metadata = Map::from_iter([("description".to_owned(), json!(common("metadata")))]);
    put_reference(&mut metadata, LIST_META, form);
    let mut schema = json!({
        "description": format!("{} is a list of {}", version.list_kind, version.resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": common("apiVersion")},
            "kind": {"type": "string", "description": common("kind")},
            "metadata": metadata,
            "items": {"type": "array", "description": format!("List of {}.", version.resource.plural), "items": items},
        },
        "x-kubernetes-group-version-kind": kinds(version, &version.list_kind),
    });
    if let Some(schema) = schema.as_object_mut() {
        selectable(schema, version);
    }
    schema
}

fn kinds(version: &CustomVersion, kind: &str) -> Value {
    json!([{"group": version.resource.group, "version": version.resource.version, "kind": kind}])
}

fn type_meta(map: &mut Map<String, Value>, form: Form) {
    let properties = map.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else {
        return;
    };
    let mut object_meta = Map::new();
    object_meta.insert("description".to_owned(), json!(common("metadata")));
    put_reference(&mut object_meta, OBJECT_META, form);
    properties.insert("metadata".to_owned(), Value::Object(object_meta));
    for key in ["apiVersion", "kind"] {
        properties.insert(
            key.to_owned(),
            json!({"type": "string", "description": common(key)}),
        );
    }
}

/// Numbers as Go prints them: a whole one has no point.
fn whole(value: &Value) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "whole and small")]
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 1e15 => {
            json!(number as i64)
        }
        Some(_) | None => value.clone(),
    }
}

/// Int-or-strings and embedded resources spelt out; version 2 knows neither unions nor null.
fn publish(source: &Value, form: Form) -> Value {
    let Some(map) = source.as_object() else {
        return source.clone();
    };
    let flag = |key: &str| map.get(key) == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(key, value)| (key.clone(), publish(value, form)))
                .collect(),
            ("items" | "additionalProperties" | "not", value) => publish(value, form),
            ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => {
                list.iter().map(|item| publish(item, form)).collect()
            }
            (_, value) => whole(value),
        };
        out.insert(key.clone(), value);
    }
    if flag("x-kubernetes-int-or-string") && form == Form::V3 && !out.contains_key("anyOf") {
        out.insert(
            "anyOf".to_owned(),
            json!([{"type": "integer"}, {"type": "string"}]),
        );
    }
    if form == Form::V2 {
        forget_unions(&mut out, map);
    }
    let keeps = form == Form::V2 && flag("x-kubernetes-preserve-unknown-fields");
    if flag("x-kubernetes-embedded-resource") && !keeps {
        type_meta(&mut out, form);
        require(&mut out, &["kind", "apiVersion"]);
    }
    Value::Object(out)
}

fn require(schema: &mut Map<String, Value>, names: &[&str]) {
    let required = schema.entry("required").or_insert_with(|| json!([]));
    let Some(required) = required.as_array_mut() else {
        return;
    };
    for name in names.iter().map(|name| json!(name)) {
        if !required.contains(&name) {
            required.push(name);
        }
    }
}

/// What version 2 doesn't know, and what kubectl can't cope with in it (`ToStructuralOpenAPIV2`); the schema was `source`.
fn forget_unions(schema: &mut Map<String, Value>, source: &Map<String, Value>) {
    let is_nullable = |of: &Value| of.get("nullable") == Some(&Value::Bool(true));
    let flag = |key: &str| source.get(key) == Some(&Value::Bool(true));
    let (nullable, keeps) = (
        flag("nullable"),
        flag("x-kubernetes-preserve-unknown-fields"),
    );
    schema.retain(|key, value| match key.as_str() {
        "oneOf" | "anyOf" | "allOf" | "not" | "nullable" | "default" => false,
        "items" | "properties" => !nullable && !keeps,
        "type" => {
            let open = match value.as_str() {
                Some("object") => keeps,
                Some("array") => keeps || !source.contains_key("items"),
                Some(_) | None => false,
            };
            !nullable && !open
        }
        _ => true,
    });
    let additional = source.get("additionalProperties");
    if additional.is_some_and(is_nullable) {
        schema.remove("required");
    }
    let properties = source.get("properties").and_then(Value::as_object);
    let Some(properties) = properties.filter(|_| schema.contains_key("properties")) else {
        return;
    };
    let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) else {
        return;
    };
    required.retain(|name| {
        let property = name.as_str().and_then(|name| properties.get(name));
        !property.is_some_and(is_nullable)
    });
    if required.is_empty() {
        schema.remove("required");
    }
}
