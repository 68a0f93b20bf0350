//! The Swagger 2.0 document in protobuf: the form that kubectl downloads to check manifests.
//!
//! Field numbers are those of `gnostic-models/openapiv2/OpenAPIv2.proto`. Only what our document has is encoded; security
//! definitions are left out.

use serde_json::{Map, Value};

/// A message being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.varint(u64::from(number << 3 | 2));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, number: u32, message: &Self) {
        self.bytes(number, &message.0);
    }

    fn number(&mut self, number: u32, value: u64) {
        self.varint(u64::from(number << 3));
        self.varint(value);
    }

    /// A value by its JSON type; numbers are integers, lists are repeated.
    fn scalar(&mut self, number: u32, value: &Value) {
        match value {
            Value::String(text) => self.bytes(number, text.as_bytes()),
            Value::Bool(flag) => self.number(number, u64::from(*flag)),
            Value::Number(value) => {
                self.number(number, value.as_i64().unwrap_or_default().cast_unsigned());
            }
            Value::Array(values) => {
                for value in values {
                    self.scalar(number, value);
                }
            }
            Value::Null | Value::Object(_) => {}
        }
    }

    fn double(&mut self, number: u32, value: &Value) {
        self.varint(u64::from(number << 3 | 1));
        self.0
            .extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
    }

    /// An `Any`: its YAML, and JSON is YAML.
    fn any(&mut self, number: u32, value: &Value) {
        let mut any = Self::default();
        any.bytes(2, format!("{value}\n").as_bytes());
        self.message(number, &any);
    }

    /// An entry of a map: name and value.
    fn named(&mut self, number: u32, name: &str, value: &Self) {
        let mut entry = Self::default();
        entry.bytes(1, name.as_bytes());
        entry.message(2, value);
        self.message(number, &entry);
    }

    fn extension(&mut self, number: u32, name: &str, value: &Value) {
        let mut entry = Self::default();
        entry.bytes(1, name.as_bytes());
        entry.any(2, value);
        self.message(number, &entry);
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The message around a single one.
fn around(number: u32, inner: &Message) -> Message {
    let mut outer = Message::default();
    outer.message(number, inner);
    outer
}

/// The whole document.
pub(super) fn document(json: &Value) -> Vec<u8> {
    let mut out = Message::default();
    for (key, value) in entries(json) {
        match key.as_str() {
            "swagger" => out.scalar(1, value),
            "info" => {
                let mut info = Message::default();
                for (key, value) in entries(value) {
                    match key.as_str() {
                        "title" => info.scalar(1, value),
                        "version" => info.scalar(2, value),
                        _ => {}
                    }
                }
                out.message(2, &info);
            }
            "paths" => {
                let mut paths = Message::default();
                for (path, item) in entries(value) {
                    paths.named(2, path, &path_item(item));
                }
                out.message(8, &paths);
            }
            "definitions" => out.message(9, &schemas(value)),
            _ => {}
        }
    }
    out.0
}

/// Schemas by name: `Definitions` and `Properties`.
fn schemas(value: &Value) -> Message {
    let mut out = Message::default();
    for (name, value) in entries(value) {
        out.named(1, name, &schema(value));
    }
    out
}

fn schema(value: &Value) -> Message {
    let mut out = Message::default();
    for (key, value) in entries(value) {
        match key.as_str() {
            "$ref" => out.scalar(1, value),
            "format" => out.scalar(2, value),
            "title" => out.scalar(3, value),
            "description" => out.scalar(4, value),
            "default" => out.any(5, value),
            "multipleOf" => out.double(6, value),
            "maximum" => out.double(7, value),
            "exclusiveMaximum" => out.scalar(8, value),
            "minimum" => out.double(9, value),
            "exclusiveMinimum" => out.scalar(10, value),
            "maxLength" => out.scalar(11, value),
            "minLength" => out.scalar(12, value),
            "pattern" => out.scalar(13, value),
            "maxItems" => out.scalar(14, value),
            "minItems" => out.scalar(15, value),
            "uniqueItems" => out.scalar(16, value),
            "maxProperties" => out.scalar(17, value),
            "minProperties" => out.scalar(18, value),
            "required" => out.scalar(19, value),
            "enum" => elements(value).iter().for_each(|value| out.any(20, value)),
            "additionalProperties" => out.message(21, &additional_properties(value)),
            "type" => {
                let mut types = Message::default();
                types.scalar(1, value);
                out.message(22, &types);
            }
            "items" => out.message(23, &around(1, &schema(value))),
            "allOf" => {
                for value in elements(value) {
                    out.message(24, &schema(value));
                }
            }
            "properties" => out.message(25, &schemas(value)),
            "example" => out.any(30, value),
            name if name.starts_with("x-") => out.extension(31, name, value),
            _ => {}
        }
    }
    out
}

fn additional_properties(value: &Value) -> Message {
    if value.is_boolean() {
        let mut out = Message::default();
        out.scalar(2, value);
        out
    } else {
        around(1, &schema(value))
    }
}

fn path_item(value: &Value) -> Message {
    let mut out = Message::default();
    for (key, value) in entries(value) {
        match key.as_str() {
            "get" => out.message(2, &operation(value)),
            "put" => out.message(3, &operation(value)),
            "post" => out.message(4, &operation(value)),
            "delete" => out.message(5, &operation(value)),
            "options" => out.message(6, &operation(value)),
            "head" => out.message(7, &operation(value)),
            "patch" => out.message(8, &operation(value)),
            "parameters" => parameters(&mut out, 9, value),
            _ => {}
        }
    }
    out
}

fn operation(value: &Value) -> Message {
    let mut out = Message::default();
    for (key, value) in entries(value) {
        match key.as_str() {
            "tags" => out.scalar(1, value),
            "description" => out.scalar(3, value),
            "operationId" => out.scalar(5, value),
            "produces" => out.scalar(6, value),
            "consumes" => out.scalar(7, value),
            "parameters" => parameters(&mut out, 8, value),
            "responses" => out.message(9, &responses(value)),
            "schemes" => out.scalar(10, value),
            name if name.starts_with("x-") => out.extension(13, name, value),
            _ => {}
        }
    }
    out
}

fn parameters(out: &mut Message, number: u32, value: &Value) {
    for value in elements(value) {
        let parameter = if value.get("in").is_some_and(|place| place == "body") {
            around(1, &body_parameter(value))
        } else {
            let path = value.get("in").is_some_and(|place| place == "path");
            let number = if path { 4 } else { 3 };
            around(2, &around(number, &sub_schema(value, path)))
        };
        out.message(number, &around(1, &parameter));
    }
}

fn body_parameter(value: &Value) -> Message {
    let mut out = Message::default();
    for (key, value) in entries(value) {
        match key.as_str() {
            "description" => out.scalar(1, value),
            "name" => out.scalar(2, value),
            "in" => out.scalar(3, value),
            "required" => out.scalar(4, value),
            "schema" => out.message(5, &schema(value)),
            _ => {}
        }
    }
    out
}

/// `QueryParameterSubSchema`, or `PathParameterSubSchema`, which lacks a field in the middle.
fn sub_schema(value: &Value, path: bool) -> Message {
    let mut out = Message::default();
    for (key, value) in entries(value) {
        match key.as_str() {
            "required" => out.scalar(1, value),
            "in" => out.scalar(2, value),
            "description" => out.scalar(3, value),
            "name" => out.scalar(4, value),
            "type" => out.scalar(if path { 5 } else { 6 }, value),
            "uniqueItems" => out.scalar(if path { 19 } else { 20 }, value),
            _ => {}
        }
    }
    out
}

fn responses(value: &Value) -> Message {
    let mut out = Message::default();
    for (code, value) in entries(value) {
        let mut response = Message::default();
        for (key, value) in entries(value) {
            match key.as_str() {
                "description" => response.scalar(1, value),
                "schema" => response.message(2, &around(1, &schema(value))),
                _ => {}
            }
        }
        out.named(1, code, &around(1, &response));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_encoded_by_field_numbers() {
        let json = json!({
            "swagger": "2.0",
            "definitions": {"A": {"type": "object", "x-b": [1], "required": ["c"], "properties": {"c": {"minimum": 1}}}},
        });
        let one = 1.0f64.to_le_bytes();
        let property = [&[10, 1, b'c', 18, 9, 9 << 3 | 1][..], &one].concat();
        let schema = [
            &[202, 1, 16, 10, 14][..],
            &property,
            &[154, 1, 1, b'c'],
            &[178, 1, 8, 10, 6],
            b"object",
            &[250, 1, 13, 10, 3],
            b"x-b",
            &[18, 6, 18, 4],
            b"[1]\n",
        ]
        .concat();
        let length = u8::try_from(schema.len()).unwrap();
        let expected = [
            &[74, length + 7, 10, length + 5, 10, 1, b'A', 18, length][..],
            &schema,
            &[10, 3],
            b"2.0",
        ]
        .concat();
        assert_eq!(document(&json), expected);
    }
}
