//! What the root of a schema may say where the status has an endpoint of its own: the schema of the status is taken out of it,
//! and must lose nothing (`validateCustomResourceDefinitionValidation`).

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use serde_json::Value;

use super::rules::{escaped, go_rule_text};
use super::text;

/// How Go writes a field of its internal form.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Any,
    Schema,
    Schemas,
    Properties,
    Items,
    OrBool,
    Rules,
}

/// All fields in the order of the internal form: their names there and in the schema, and whether the root may have them.
const FIELDS: [(&str, &str, Kind, bool); 44] = [
    ("ID", "id", Kind::Text, false),
    ("Schema", "$schema", Kind::Text, false),
    ("Ref", "$ref", Kind::Any, false),
    ("Description", "description", Kind::Text, true),
    ("Type", "type", Kind::Text, true),
    ("Nullable", "nullable", Kind::Flag, false),
    ("Format", "format", Kind::Text, true),
    ("Title", "title", Kind::Text, true),
    ("Default", "default", Kind::Any, false),
    ("Maximum", "maximum", Kind::Any, true),
    ("ExclusiveMaximum", "exclusiveMaximum", Kind::Flag, true),
    ("Minimum", "minimum", Kind::Any, true),
    ("ExclusiveMinimum", "exclusiveMinimum", Kind::Flag, true),
    ("MaxLength", "maxLength", Kind::Any, true),
    ("MinLength", "minLength", Kind::Any, true),
    ("Pattern", "pattern", Kind::Text, true),
    ("MaxItems", "maxItems", Kind::Any, true),
    ("MinItems", "minItems", Kind::Any, true),
    ("UniqueItems", "uniqueItems", Kind::Flag, true),
    ("MultipleOf", "multipleOf", Kind::Any, true),
    ("Enum", "enum", Kind::Any, false),
    ("MaxProperties", "maxProperties", Kind::Any, false),
    ("MinProperties", "minProperties", Kind::Any, false),
    ("Required", "required", Kind::Any, true),
    ("Items", "items", Kind::Items, true),
    ("AllOf", "allOf", Kind::Schemas, false),
    ("OneOf", "oneOf", Kind::Schemas, false),
    ("AnyOf", "anyOf", Kind::Schemas, false),
    ("Not", "not", Kind::Schema, false),
    ("Properties", "properties", Kind::Properties, true),
    (
        "AdditionalProperties",
        "additionalProperties",
        Kind::OrBool,
        false,
    ),
    (
        "PatternProperties",
        "patternProperties",
        Kind::Properties,
        false,
    ),
    ("Dependencies", "dependencies", Kind::Any, false),
    ("AdditionalItems", "additionalItems", Kind::OrBool, false),
    ("Definitions", "definitions", Kind::Properties, false),
    ("ExternalDocs", "externalDocs", Kind::Any, true),
    ("Example", "example", Kind::Any, true),
    (
        "XPreserveUnknownFields",
        "x-kubernetes-preserve-unknown-fields",
        Kind::Any,
        true,
    ),
    (
        "XEmbeddedResource",
        "x-kubernetes-embedded-resource",
        Kind::Flag,
        false,
    ),
    (
        "XIntOrString",
        "x-kubernetes-int-or-string",
        Kind::Flag,
        false,
    ),
    (
        "XListMapKeys",
        "x-kubernetes-list-map-keys",
        Kind::Any,
        false,
    ),
    ("XListType", "x-kubernetes-list-type", Kind::Any, false),
    ("XMapType", "x-kubernetes-map-type", Kind::Any, false),
    (
        "XValidations",
        "x-kubernetes-validations",
        Kind::Rules,
        true,
    ),
];

/// The error of a root that says too much.
pub(super) fn error(schema: &Value, path: &str) -> Option<FieldError> {
    for (name, key, kind, allowed) in FIELDS {
        if is_zero(schema.get(key), kind) {
            continue;
        }
        if name == "Type" && text(schema, key) != "object" {
            let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
            return Some(FieldError::invalid(
                format!("{path}.type"),
                text(schema, key),
                detail,
            ));
        }
        if !allowed {
            let names = FIELDS.iter().filter(|field| field.3).map(|field| field.0);
            let names: Vec<&str> = names.collect();
            let detail = format!(
                "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
                names.join(" ")
            );
            let shown = BadValue::Json(dump(schema));
            return Some(FieldError::new(ErrorKind::Invalid, path, shown, detail));
        }
    }
    None
}

/// Whether Go has nothing there. Empty lists that were written are something.
fn is_zero(value: Option<&Value>, kind: Kind) -> bool {
    match (value, kind) {
        (None | Some(Value::Null), _) => true,
        (Some(value), Kind::Text) => value.as_str() == Some(""),
        (Some(value), Kind::Flag) => value == &Value::Bool(false),
        (Some(_), _) => false,
    }
}

/// A schema in the server's internal form.
fn dump(schema: &Value) -> String {
    let fields = FIELDS.map(|(name, key, kind, _)| {
        let value = schema.get(key).filter(|value| !value.is_null());
        format!("{name:?}:{}", field(value, kind))
    });
    format!("{{{}}}", fields.join(","))
}

fn field(value: Option<&Value>, kind: Kind) -> String {
    let Some(value) = value else {
        let nothing = match kind {
            Kind::Text => "\"\"",
            Kind::Flag => "false",
            Kind::Any
            | Kind::Schema
            | Kind::Schemas
            | Kind::Properties
            | Kind::Items
            | Kind::OrBool
            | Kind::Rules => "null",
        };
        return nothing.to_owned();
    };
    let list = |each: fn(&Value) -> String| {
        let parts = value.as_array().into_iter().flatten().map(each);
        format!("[{}]", parts.collect::<Vec<_>>().join(","))
    };
    match kind {
        Kind::Text | Kind::Flag | Kind::Any => escaped(value),
        Kind::Schema => dump(value),
        Kind::Schemas => list(dump),
        Kind::Rules => list(go_rule_text),
        Kind::Properties => {
            let map = value.as_object().into_iter().flatten();
            let parts = map.map(|(key, inner)| {
                format!("{}:{}", escaped(&Value::from(key.as_str())), dump(inner))
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Kind::Items => format!("{{\"Schema\":{},\"JSONSchemas\":null}}", dump(value)),
        Kind::OrBool => {
            let inner = value.is_object().then(|| dump(value));
            let allows = value != &Value::Bool(false);
            let inner = inner.unwrap_or_else(|| "null".to_owned());
            format!("{{\"Allows\":{allows},\"Schema\":{inner}}}")
        }
    }
}
