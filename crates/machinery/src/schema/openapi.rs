//! Structural schemas of Kubernetes' own types, from the type table, without descriptions: for definitions of custom
//! resources that embed them.

use serde_json::{Map, Value, json};

use super::{Field, ListType, TypeId, TypeRef, TypeTable};

/// `resource.Quantity` as a text.
pub const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Types that embed a reference to an object by name.
const EMBEDS_REFERENCE: [&str; 5] = [
    "ConfigMapEnvSource",
    "SecretEnvSource",
    "ConfigMapVolumeSource",
    "ConfigMapProjection",
    "SecretProjection",
];

/// Gives the schema of a field, by Go's name of the struct it belongs to, where the definition wants another one.
pub type Override<'a> = &'a dyn Fn(&str, &Field) -> Option<Value>;

/// The schema of the type with that `OpenAPI` name (`io.k8s.api.core.v1.Container`); any object if there is none.
pub fn schema_of(openapi_name: &str, instead: Override) -> Value {
    TypeTable::builtin()
        .type_named(openapi_name)
        .map_or_else(any_object, |id| of_struct(id, instead))
}

/// An object that is kept as it is.
pub fn any_object() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// A number or a text.
pub fn int_or_string() -> Value {
    json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true})
}

fn of_struct(id: TypeId, instead: Override) -> Value {
    let info = TypeTable::builtin().info(id);
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for field in info.all_fields() {
        let schema = instead(info.short_name(), field)
            .unwrap_or_else(|| of_field(info.short_name(), field, instead));
        properties.insert(field.json.clone(), schema);
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
    let embeds_reference = EMBEDS_REFERENCE.contains(&info.short_name());
    if info.atomic || embeds_reference {
        put(&mut schema, "x-kubernetes-map-type", json!("atomic"));
    }
    schema
}

/// The schema of one field of the struct with that Go name.
pub fn of_field(owner: &str, field: &Field, instead: Override) -> Value {
    let mut schema = of_type(&field.ty, instead);
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
    } else if field.granular {
        put(&mut schema, "x-kubernetes-map-type", json!("granular"));
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

fn of_type(ty: &TypeRef, instead: Override) -> Value {
    match ty {
        TypeRef::String(_) | TypeRef::Duration => json!({"type": "string"}),
        TypeRef::Bool => json!({"type": "boolean"}),
        TypeRef::Int(64, _) => json!({"type": "integer", "format": "int64"}),
        TypeRef::Int(..) => json!({"type": "integer", "format": "int32"}),
        TypeRef::Float => json!({"type": "number", "format": "double"}),
        TypeRef::Bytes => json!({"type": "string", "format": "byte"}),
        TypeRef::Quantity => {
            let mut schema = int_or_string();
            put(&mut schema, "pattern", json!(QUANTITY));
            schema
        }
        TypeRef::IntOrString => int_or_string(),
        TypeRef::Time | TypeRef::MicroTime => json!({"type": "string", "format": "date-time"}),
        TypeRef::Any | TypeRef::SchemaOr(..) => any_object(),
        TypeRef::Struct(id) => of_struct(*id, instead),
        TypeRef::List(item) => json!({"type": "array", "items": of_type(item, instead)}),
        TypeRef::Map(item) => {
            json!({"type": "object", "additionalProperties": of_type(item, instead)})
        }
    }
}
