//! From `k8s-openapi`'s JSON schemas to those kube-apiserver publishes: references, defaults, list types, merge keys,
//! enumerations. The values of an enumeration are listed without upstream's remarks on them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use machinery::schema::{Field, ListType, Omit, TypeInfo, TypeRef, TypeTable};
use serde_json::{Map, Value, json};

use super::Form;

/// Model and field to the values of an enumeration.
static ENUMS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../data/enums.json")).unwrap_or_default()
});

const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// What may be anything, or one of several forms, is published without any (`OpenAPISchemaType` of these is nil).
const FORMLESS: [&str; 4] = [
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
];

/// Types of which one field decides which of the others counts.
const UNIONS: [(&str, &str); 6] = [
    (
        ".AppArmorProfile",
        r#"[{"discriminator":"type","fields-to-discriminateBy":{"localhostProfile":"LocalhostProfile"}}]"#,
    ),
    (
        ".SeccompProfile",
        r#"[{"discriminator":"type","fields-to-discriminateBy":{"localhostProfile":"LocalhostProfile"}}]"#,
    ),
    (
        ".PodSchedulingGroup",
        r#"[{"fields-to-discriminateBy":{"podGroupName":"PodGroupName"}}]"#,
    ),
    (
        ".LimitResponse",
        r#"[{"discriminator":"type","fields-to-discriminateBy":{"queuing":"Queuing"}}]"#,
    ),
    (
        ".PriorityLevelConfigurationSpec",
        r#"[{"discriminator":"type","fields-to-discriminateBy":{"exempt":"Exempt","limited":"Limited"}}]"#,
    ),
    (
        "flowcontrol.v1.Subject",
        r#"[{"discriminator":"kind","fields-to-discriminateBy":{"group":"Group","serviceAccount":"ServiceAccount","user":"User"}}]"#,
    ),
];

/// One published schema.
pub(super) fn schema(name: &str, source: &Value, form: Form) -> Value {
    let mut schema = node(source, form);
    let Some(map) = schema.as_object_mut() else {
        return schema;
    };
    match (name, form) {
        (INT_OR_STRING, Form::V3) => union(map, "int-or-string", &["integer", "string"]),
        (INT_OR_STRING, Form::V2) => {
            plain_string(map);
            map.insert("format".to_owned(), json!("int-or-string"));
        }
        (QUANTITY, Form::V3) => union(map, "", &["string", "number"]),
        (QUANTITY, Form::V2) => plain_string(map),
        (name, _) if FORMLESS.contains(&name) => map.retain(|key, _| key == "description"),
        _ => {}
    }
    let table = TypeTable::builtin();
    if let Some(info) = table.type_named(name).map(|id| table.info(id)) {
        required(map, info);
        fields(map, info, form);
        kinds(map, info);
        if let Some((_, unions)) = UNIONS.iter().find(|(known, _)| name.ends_with(known)) {
            let unions: Vec<Value> = serde_json::from_str(unions).unwrap_or_default();
            map.insert("x-kubernetes-unions".to_owned(), json!(unions));
        }
        if info.atomic {
            map.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
        }
    }
    schema
}

fn union(map: &mut Map<String, Value>, format: &str, types: &[&str]) {
    map.remove("x-kubernetes-int-or-string");
    if !format.is_empty() {
        map.insert("format".to_owned(), json!(format));
    }
    map.insert(
        "oneOf".to_owned(),
        types.iter().map(|kind| json!({ "type": kind })).collect(),
    );
}

fn plain_string(map: &mut Map<String, Value>) {
    map.remove("x-kubernetes-int-or-string");
    map.insert("type".to_owned(), json!("string"));
}

/// Rewrites references, and wraps those that have neighbours.
fn node(source: &Value, form: Form) -> Value {
    match source {
        Value::Object(map) => {
            let mut out: Map<String, Value> = map
                .iter()
                .filter(|(key, value)| *key != "$ref" || !value.is_string())
                .map(|(key, value)| (key.clone(), node(value, form)))
                .collect();
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|text| text.rsplit('/').next())
            {
                put_reference(&mut out, name, form);
            }
            Value::Object(out)
        }
        Value::Array(list) => list.iter().map(|item| node(item, form)).collect(),
        other => other.clone(),
    }
}

/// In version 3 a reference with neighbours stands inside `allOf`.
pub(super) fn put_reference(map: &mut Map<String, Value>, name: &str, form: Form) {
    let reference = form.reference(name);
    if form == Form::V3 && !map.is_empty() {
        map.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    } else {
        map.insert("$ref".to_owned(), reference);
    }
}

fn fields(map: &mut Map<String, Value>, info: &TypeInfo, form: Form) {
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for field in info.all_fields() {
        let Some(property) = properties
            .get_mut(&field.json)
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        extensions(property, field);
        defaults(property, info, field, form);
        enumeration(property, &format!("{}#{}", info.openapi_name, field.json));
    }
}

/// What Go says is required, in Go's order.
fn required(map: &mut Map<String, Value>, info: &TypeInfo) {
    let names: Vec<&str> = info
        .all_fields()
        .iter()
        .filter(|field| field.required)
        .map(|field| field.json.as_str())
        .collect();
    if names.is_empty() {
        map.remove("required");
    } else {
        map.insert("required".to_owned(), json!(names));
    }
}

fn extensions(property: &mut Map<String, Value>, field: &Field) {
    let list_type = match field.list_type {
        Some(ListType::Atomic) => Some("atomic"),
        Some(ListType::Set) => Some("set"),
        Some(ListType::Map) => Some("map"),
        None => None,
    };
    let mut put = |key: &str, value: Value| property.insert(format!("x-kubernetes-{key}"), value);
    if let Some(kind) = list_type {
        put("list-type", json!(kind));
    }
    if !field.list_map_keys.is_empty() {
        put("list-map-keys", json!(field.list_map_keys));
    }
    if field.atomic_map {
        put("map-type", json!("atomic"));
    } else if field.granular {
        put("map-type", json!("granular"));
    }
    if !field.patch_strategy.is_empty() {
        put("patch-strategy", json!(field.patch_strategy));
    }
    if !field.patch_merge_key.is_empty() {
        put("patch-merge-key", json!(field.patch_merge_key));
    }
}

/// What a field has without a client, in version 3 alone.
fn defaults(property: &mut Map<String, Value>, info: &TypeInfo, field: &Field, form: Form) {
    if form == Form::V2 {
        return;
    }
    match &field.ty {
        TypeRef::List(item) => item_default(property, "items", item, form),
        TypeRef::Map(item) => item_default(property, "additionalProperties", item, form),
        ty => {
            let told = ZEROES.contains(&(info.go_name.as_str(), field.json.as_str()));
            let plain = !field.pointer;
            let default = match (&field.default, zero(ty)) {
                (Some(default), _) => Some(default.clone()),
                (None, Some(zero)) if told || plain && zero.is_object() => Some(zero),
                (None, Some(zero)) if plain && field.omit == Omit::Never => Some(zero),
                (None, _) => None,
            };
            if let Some(default) = default {
                put_default(property, default, form);
            }
        }
    }
}

/// Elements of lists and maps are never pointers: they have their zero value as default.
fn item_default(property: &mut Map<String, Value>, key: &str, item: &TypeRef, form: Form) {
    let Some(items) = property.get_mut(key).and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(default) = zero(item) {
        put_default(items, default, form);
    } else if let TypeRef::List(inner) = item {
        item_default(items, "items", inner, form);
    }
}

fn put_default(schema: &mut Map<String, Value>, default: Value, form: Form) {
    schema.insert("default".to_owned(), default);
    if form == Form::V3
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
}

/// Fields that may be left out and are published with their zero value all the same.
const ZEROES: [(&str, &str); 13] = [
    ("v1.ScaleSpec", "replicas"),
    ("v1.AzureDiskVolumeSource", "readOnly"),
    ("v1.ConfigMapEnvSource", "name"),
    ("v1.ConfigMapKeySelector", "name"),
    ("v1.ConfigMapProjection", "name"),
    ("v1.ConfigMapVolumeSource", "name"),
    ("v1.FileKeySelector", "optional"),
    ("v1.GRPCAction", "service"),
    ("v1.LocalObjectReference", "name"),
    ("v1.ReplicationControllerSpec", "minReadySeconds"),
    ("v1.SecretEnvSource", "name"),
    ("v1.SecretKeySelector", "name"),
    ("v1.SecretProjection", "name"),
];

fn zero(ty: &TypeRef) -> Option<Value> {
    match ty {
        TypeRef::String(_) => Some(json!("")),
        TypeRef::Bool => Some(json!(false)),
        TypeRef::Int(..) | TypeRef::Float => Some(json!(0)),
        TypeRef::Struct(_) => Some(json!({})),
        TypeRef::Bytes
        | TypeRef::Quantity
        | TypeRef::IntOrString
        | TypeRef::Time
        | TypeRef::MicroTime
        | TypeRef::Duration
        | TypeRef::Any
        | TypeRef::SchemaOr(..)
        | TypeRef::List(_)
        | TypeRef::Map(_) => None,
    }
}

fn enumeration(property: &mut Map<String, Value>, key: &str) {
    let Some(values) = ENUMS.get(key) else { return };
    let text: Vec<String> = values
        .iter()
        .map(|value| format!(" - `{value:?}`"))
        .collect();
    let described = property
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let description = format!("{described}\n\nPossible enum values:\n{}", text.join("\n"));
    property.insert("description".to_owned(), json!(description));
    let inner = if property.contains_key("additionalProperties") {
        "additionalProperties"
    } else {
        "items"
    };
    match property.get_mut(inner).and_then(Value::as_object_mut) {
        Some(items) => items.insert("enum".to_owned(), json!(values)),
        None => property.insert("enum".to_owned(), json!(values)),
    };
}

fn kinds(map: &mut Map<String, Value>, info: &TypeInfo) {
    let kinds: Vec<Value> = info
        .kinds
        .iter()
        .map(|(group, version, kind)| {
            let group = if group == "meta.k8s.io" {
                ""
            } else {
                group.as_str()
            };
            json!({ "group": group, "version": version, "kind": kind })
        })
        .collect();
    if !kinds.is_empty() {
        map.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            Value::Array(kinds),
        );
    }
}

/// Schemas that no kind has a part of: events of watches, and what else there is nothing to say about.
pub(super) fn of_watches(name: &str, form: Form) -> Value {
    if !name.ends_with(".v1.WatchEvent") {
        return json!({"type": "object"});
    }
    let object = form.reference("io.k8s.apimachinery.pkg.runtime.RawExtension");
    let (object, kind) = match form {
        Form::V2 => (json!({"$ref": object}), json!({"type": "string"})),
        Form::V3 => (
            json!({"allOf": [{"$ref": object}]}),
            json!({"type": "string", "default": ""}),
        ),
    };
    json!({
        "type": "object",
        "required": ["type", "object"],
        "properties": {"object": object, "type": kind},
    })
}

/// Names of the schemas a schema refers to.
pub(super) fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value
                    .as_str()
                    .filter(|_| key == "$ref")
                    .and_then(|text| text.rsplit('/').next())
                {
                    Some(name) => found.push(name.to_owned()),
                    None => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
