//! What expressions know of whole resources when they are checked before there is one: the shapes of Kubernetes' own types
//! as its programs have them compiled in (`kubernetes/pkg/generated/openapi`,
//! `apiserver/pkg/cel/openapi/resolver/refs.go`), and those of custom resources.

use serde_json::{Map, Value as Json, json};

use super::shape::Shape;
use super::types::Type;
use crate::schema::{TypeId, TypeRef, TypeTable};

const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// Kinds of a definition's schema hold values of any type, other structs objects of any.
const DEFINITION_SCHEMA: &str = "JSONSchemaProps";

/// The type of a built-in resource; objects in it are named after `name`.
pub fn of_builtin(id: TypeId, name: &str) -> Type {
    Shape::of(&of_struct(id, &mut Vec::new()), true).type_named(name)
}

/// The type of a custom resource with that schema (`openAPIV3Schema`).
pub fn of_custom(schema: &Json, name: &str) -> Type {
    let mut schema = schema.clone();
    with_metadata(&mut schema, true);
    Shape::of(&schema, true).type_named(name)
}

/// The schema of a struct, as far as expressions see it. A struct within itself has no fields there.
fn of_struct(id: TypeId, around: &mut Vec<TypeId>) -> Json {
    if around.contains(&id) {
        return json!({"type": "object"});
    }
    around.push(id);
    let info = TypeTable::builtin().info(id);
    let anything = if info.short_name() == DEFINITION_SCHEMA {
        Json::Null
    } else {
        json!({"type": "object"})
    };
    let fields = info.all_fields().iter();
    let properties: Map<String, Json> = fields
        .map(|field| (field.json.clone(), of_value(&field.ty, &anything, around)))
        .collect();
    around.pop();
    json!({"type": "object", "properties": properties})
}

/// The schema of a value; null for one that expressions cannot look at. Quantities are such: they are published as a text
/// or a number, and that is no type.
fn of_value(of: &TypeRef, anything: &Json, around: &mut Vec<TypeId>) -> Json {
    match of {
        TypeRef::String(_) | TypeRef::Duration => json!({"type": "string"}),
        TypeRef::Bool => json!({"type": "boolean"}),
        TypeRef::Int(..) => json!({"type": "integer"}),
        TypeRef::Float => json!({"type": "number"}),
        TypeRef::Bytes => json!({"type": "string", "format": "byte"}),
        TypeRef::Time | TypeRef::MicroTime => json!({"type": "string", "format": "date-time"}),
        TypeRef::IntOrString => json!({"x-kubernetes-int-or-string": true}),
        TypeRef::Quantity | TypeRef::SchemaOr(..) => Json::Null,
        TypeRef::Any => anything.clone(),
        TypeRef::Struct(id) => of_struct(*id, around),
        TypeRef::List(item) => json!({"type": "array", "items": inside(item, anything, around)}),
        TypeRef::Map(value) => {
            json!({"type": "object", "additionalProperties": inside(value, anything, around)})
        }
    }
}

/// The schema of an element, which is there even if nothing is known of it.
fn inside(of: &TypeRef, anything: &Json, around: &mut Vec<TypeId>) -> Json {
    match of_value(of, anything, around) {
        Json::Null => json!({}),
        schema => schema,
    }
}

/// Resources are published with the metadata that all have.
fn with_metadata(schema: &mut Json, root: bool) {
    let embedded = schema
        .get("x-kubernetes-embedded-resource")
        .is_some_and(|flag| flag == &Json::Bool(true));
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(key).filter(|inner| inner.is_object()) {
            with_metadata(inner, false);
        }
    }
    let properties = schema.get_mut("properties").and_then(Json::as_object_mut);
    for (_, inner) in properties.into_iter().flatten() {
        with_metadata(inner, false);
    }
    let Some(fields) = schema.as_object_mut().filter(|_| root || embedded) else {
        return;
    };
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else {
        return;
    };
    for key in ["apiVersion", "kind"] {
        properties.insert(key.to_owned(), json!({"type": "string"}));
    }
    if let Some(id) = TypeTable::builtin().type_named(METADATA) {
        properties.insert("metadata".to_owned(), of_struct(id, &mut Vec::new()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Env;
    use super::*;

    fn complaint(of: Type, expression: &str) -> String {
        let env = Env::new().variable("object", of);
        match env.compile(expression) {
            Ok(_) => String::new(),
            Err(error) => error.to_string().lines().next().unwrap().to_owned(),
        }
    }

    #[test]
    fn fields_of_built_in_kinds_have_their_types() {
        let said = |kind: (&str, &str, &str), expression: &str| {
            let id = TypeTable::builtin().type_of(kind.0, kind.1, kind.2);
            complaint(of_builtin(id.unwrap(), "It"), expression)
        };
        let deployment = ("apps", "v1", "Deployment");
        let pod = ("", "v1", "Pod");
        for (kind, expression, wanted) in [
            (
                deployment,
                "object.spec.replicas > 1 && object.metadata.labels['a'] == 'b'",
                "",
            ),
            (
                deployment,
                "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
                "",
            ),
            (
                deployment,
                "object.spec.strategy.rollingUpdate.maxSurge == '10%'",
                "",
            ),
            (
                deployment,
                "object.metadata.namespace == object.metadata.__namespace__",
                "",
            ),
            (
                deployment,
                "object.replicas > 1",
                "ERROR: <input>:1:7: undefined field 'replicas'",
            ),
            (
                deployment,
                "object.spec.replicas == '1'",
                "ERROR: <input>:1:22: found no matching overload for '_==_' applied to '(int, string)'",
            ),
            (
                pod,
                "object.spec.containers.all(c, c.resources.limits.size() > 0)",
                "ERROR: <input>:1:42: undefined field 'limits'",
            ),
            (("", "v1", "Secret"), "object.data['a'] == b'x'", ""),
            (
                ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
                "object.spec.versions.all(v, v.schema.openAPIV3Schema.properties['a'].type == '')",
                "ERROR: <input>:1:69: undefined field 'type'",
            ),
        ] {
            assert_eq!(said(kind, expression), wanted, "{expression}");
        }
    }

    #[test]
    fn a_custom_resource_has_metadata_whatever_its_schema_says() {
        let schema = json!({"type": "object", "properties": {"metadata": {"type": "object"},
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "inner": {"type": "object", "x-kubernetes-embedded-resource": true}}});
        for (expression, wanted) in [
            (
                "object.metadata.labels.size() == 0 && object.inner.metadata.uid == object.kind",
                "",
            ),
            (
                "object.spec.a == 1",
                "ERROR: <input>:1:12: undefined field 'a'",
            ),
        ] {
            assert_eq!(complaint(of_custom(&schema, "It"), expression), wanted);
        }
    }
}
