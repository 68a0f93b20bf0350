//! How types of an API describe themselves: their `OpenAPI` v3 structural schemas, put together by the macros that declare
//! them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::int_or_string::IntOrString;

/// A type that knows its OpenAPI v3 structural schema.
pub trait ApiSchema {
    /// The schema, without a description of the place where it is used.
    fn schema() -> Value;
}

macro_rules! scalar_schema {
    ($($ty:ty => $schema:tt;)*) => {$(
        impl ApiSchema for $ty {
            fn schema() -> Value {
                json!($schema)
            }
        }
    )*};
}

scalar_schema! {
    i32 => {"type": "integer", "format": "int32"};
    i64 => {"type": "integer", "format": "int64"};
    // Go's `int`, which the schema gives no format.
    isize => {"type": "integer"};
    bool => {"type": "boolean"};
    String => {"type": "string"};
    IntOrString => (super::openapi::int_or_string());
    Value => {"x-kubernetes-preserve-unknown-fields": true};
}

impl<T: ApiSchema> ApiSchema for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: ApiSchema> ApiSchema for Box<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: ApiSchema> ApiSchema for Vec<T> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: ApiSchema> ApiSchema for BTreeMap<String, T> {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

/// Collects the properties of one object schema.
#[derive(Default)]
pub struct ObjectSchema {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl ObjectSchema {
    /// Adds a property, described by the doc comment of its field; `more` is merged into its schema.
    #[must_use]
    pub fn property(
        mut self,
        name: &str,
        docs: &[&str],
        required: bool,
        mut schema: Value,
        more: Value,
    ) -> Self {
        merge(&mut schema, more);
        if let Some(object) = schema.as_object_mut() {
            object.insert(
                "description".to_owned(),
                Value::String(docs.concat().trim().to_owned()),
            );
        }
        self.properties.insert(name.to_owned(), schema);
        if required {
            self.required.push(name.to_owned());
        }
        self
    }

    /// Takes over the properties of an inlined struct.
    #[must_use]
    pub fn inline(mut self, schema: Value) -> Self {
        let Value::Object(mut schema) = schema else {
            return self;
        };
        if let Some(Value::Object(properties)) = schema.remove("properties") {
            self.properties.extend(properties);
        }
        if let Some(Value::Array(required)) = schema.remove("required") {
            self.required
                .extend(required.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        self
    }

    /// The finished schema; `more` is merged into it.
    pub fn finish(mut self, more: Value) -> Value {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        if !self.properties.is_empty() {
            schema.insert("properties".to_owned(), Value::Object(self.properties));
        }
        if !self.required.is_empty() {
            self.required.sort();
            schema.insert("required".to_owned(), json!(self.required));
        }
        let mut schema = Value::Object(schema);
        merge(&mut schema, more);
        schema
    }
}

/// Merges `more` into `schema`: objects key by key, everything else replaced.
pub fn merge(schema: &mut Value, more: Value) {
    match (schema, more) {
        (Value::Object(schema), Value::Object(more)) => {
            for (key, value) in more {
                match schema.get_mut(&key) {
                    Some(existing) => merge(existing, value),
                    None => {
                        schema.insert(key, value);
                    }
                }
            }
        }
        (_, Value::Null) => {}
        (schema, more) => *schema = more,
    }
}
