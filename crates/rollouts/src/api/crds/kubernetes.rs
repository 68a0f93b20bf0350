//! Schemas of Kubernetes' own types, from the type table, without descriptions.
//!
//! Where upstream's definitions are deliberately open (volumes, container resources), ours are too: they must accept whatever
//! those accept.

use machinery::schema::{Field, ListType, TypeId, TypeRef, TypeTable};
use serde_json::{Map, Value, json};

use super::super::meta::{IntOrString, PodTemplateMetadata};
use super::super::schema::ApiSchema;

const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// A pod template.
pub(crate) fn pod_template() -> Value {
    named("io.k8s.api.core.v1.PodTemplateSpec")
}

/// The spec of a Job.
pub(crate) fn job_spec() -> Value {
    named("io.k8s.api.batch.v1.JobSpec")
}

fn named(openapi_name: &str) -> Value {
    TypeTable::builtin()
        .type_named(openapi_name)
        .map_or_else(super::any_object, of_struct)
}

fn of_struct(id: TypeId) -> Value {
    let info = TypeTable::builtin().info(id);
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for field in info.all_fields() {
        properties.insert(field.json.clone(), of_field(info.short_name(), field));
        if field.required {
            required.push(&field.json);
        }
    }
    required.sort_unstable();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    // They embed a reference that is replaced as a whole.
    let embeds_reference = ["ConfigMapEnvSource", "SecretEnvSource"].contains(&info.short_name());
    if info.atomic || embeds_reference {
        put(&mut schema, "x-kubernetes-map-type", json!("atomic"));
    }
    schema
}

fn of_field(owner: &str, field: &Field) -> Value {
    match (owner, field.json.as_str()) {
        ("PodSpec", "volumes") => return open(),
        ("Container" | "EphemeralContainer", "resources") => return open_resources(&field.ty),
        ("PodTemplateSpec", "metadata") => {
            return without_descriptions(PodTemplateMetadata::schema());
        }
        _ => {}
    }
    let mut schema = of_type(&field.ty);
    if let Some(list_type) = field.list_type {
        put(
            &mut schema,
            "x-kubernetes-list-type",
            json!(match list_type {
                ListType::Atomic => "atomic",
                ListType::Set => "set",
                ListType::Map => "map",
            }),
        );
    }
    if !field.list_map_keys.is_empty() {
        put(
            &mut schema,
            "x-kubernetes-list-map-keys",
            json!(field.list_map_keys),
        );
    }
    if field.atomic_map {
        put(&mut schema, "x-kubernetes-map-type", json!("atomic"));
    }
    if let Some(default) = default(owner, field) {
        put(&mut schema, "default", default);
    }
    schema
}

fn put(schema: &mut Value, key: &str, value: Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// Kept as it is, whatever its type.
fn open() -> Value {
    json!({"x-kubernetes-preserve-unknown-fields": true})
}

fn open_resources(ty: &TypeRef) -> Value {
    let mut schema = of_type(ty);
    for amounts in ["limits", "requests"] {
        if let Some(properties) = schema.get_mut("properties") {
            put(properties, amounts, open());
        }
    }
    schema
}

/// Defaults that Kubernetes declares. Those that are Go's zero values are not in the type table.
fn default(owner: &str, field: &Field) -> Option<Value> {
    if field.default.is_some() {
        return field.default.clone();
    }
    let reference = owner == "LocalObjectReference"
        || field
            .embedded_in
            .iter()
            .any(|name| name.ends_with("LocalObjectReference"));
    match field.json.as_str() {
        "name" if reference => Some(json!("")),
        "service" if owner == "GRPCAction" => Some(json!("")),
        "optional" if owner == "FileKeySelector" => Some(json!(false)),
        _ => None,
    }
}

fn of_type(ty: &TypeRef) -> Value {
    match ty {
        TypeRef::String(_) | TypeRef::Duration => json!({"type": "string"}),
        TypeRef::Bool => json!({"type": "boolean"}),
        TypeRef::Int(64, _) => json!({"type": "integer", "format": "int64"}),
        TypeRef::Int(..) => json!({"type": "integer", "format": "int32"}),
        TypeRef::Float => json!({"type": "number", "format": "double"}),
        TypeRef::Bytes => json!({"type": "string", "format": "byte"}),
        TypeRef::Quantity => {
            let mut schema = IntOrString::schema();
            put(&mut schema, "pattern", json!(QUANTITY));
            schema
        }
        TypeRef::IntOrString => IntOrString::schema(),
        TypeRef::Time | TypeRef::MicroTime => json!({"type": "string", "format": "date-time"}),
        TypeRef::Any | TypeRef::SchemaOr(..) => super::any_object(),
        TypeRef::Struct(id) => of_struct(*id),
        TypeRef::List(item) => json!({"type": "array", "items": of_type(item)}),
        TypeRef::Map(item) => json!({"type": "object", "additionalProperties": of_type(item)}),
    }
}

fn without_descriptions(mut schema: Value) -> Value {
    for property in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if let Some(property) = property.1.as_object_mut() {
            property.remove("description");
        }
    }
    schema
}
