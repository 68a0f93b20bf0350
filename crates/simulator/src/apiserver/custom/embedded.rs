//! Resources inside others (`x-kubernetes-embedded-resource`): their metadata is what its type says, and is validated
//! (`apiextensions-apiserver/pkg/apiserver/schema/objectmeta`).

use machinery::builtin::validation::{self, FieldError};
use machinery::decode::{self, Decoded};
use machinery::names;
use machinery::schema::TypeTable;
use serde_json::{Map, Value};

use super::lists::join;
use super::schema::Schema;

/// What becomes of metadata of a wrong type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is an error.
    Refused,
    /// It goes where that can be, or stays.
    Dropped,
}

/// Makes metadata of embedded resources what its type says. Returns what it doesn't know, by path, sorted.
pub(super) fn coerce(
    value: &mut Value,
    schema: &Schema,
    malformed: Malformed,
) -> Result<Vec<String>, FieldError> {
    let mut coercing = Coercing {
        malformed,
        unknown: Vec::new(),
    };
    if schema.embeds {
        coercing.value(value, schema, "")?;
    }
    coercing.unknown.sort_unstable();
    Ok(coercing.unknown)
}

struct Coercing {
    malformed: Malformed,
    unknown: Vec<String>,
}

impl Coercing {
    fn value(&mut self, value: &mut Value, schema: &Schema, path: &str) -> Result<(), FieldError> {
        match value {
            Value::Object(map) => {
                if schema.embedded {
                    self.resource(map, path)?;
                }
                for (key, value) in map.iter_mut() {
                    if let Some(property) = schema.properties.get(key) {
                        self.value(value, property, &join(path, key))?;
                    } else if let Some(additional) = schema.additional() {
                        self.value(value, additional, &format!("{path}[{key}]"))?;
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = schema.items.as_deref() {
                    for (index, item) in list.iter_mut().enumerate() {
                        self.value(item, items, &format!("{path}[{index}]"))?;
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(())
    }

    fn resource(&mut self, map: &mut Map<String, Value>, path: &str) -> Result<(), FieldError> {
        for field in ["apiVersion", "kind"] {
            match map.get(field) {
                Some(Value::String(_)) | None => {}
                Some(value) if self.malformed == Malformed::Refused => {
                    let detail = "must be a string";
                    return Err(FieldError::invalid(join(path, field), value, detail));
                }
                Some(_) => {
                    map.remove(field);
                }
            }
        }
        let Some(metadata) = map.get_mut("metadata") else {
            return Ok(());
        };
        let path = join(path, "metadata");
        match typed(metadata) {
            Ok(decoded) => {
                let of = |text: &String| text.replacen('"', &format!("\"{path}."), 1);
                self.unknown.extend(decoded.strict.iter().map(of));
                *metadata = decoded.value;
            }
            Err(error) if self.malformed == Malformed::Refused => {
                return Err(FieldError::invalid(path, &*metadata, error));
            }
            Err(_) => {}
        }
        Ok(())
    }
}

/// Metadata as its type has it.
fn typed(metadata: &Value) -> Result<Decoded, String> {
    const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let unknown = || "no such type".to_owned();
    let of = TypeTable::builtin().type_named(META).ok_or_else(unknown)?;
    let mut decoded = decode::normalise_strict(of, metadata).map_err(|error| error.to_string())?;
    if let Some(fields) = decoded.value.as_object_mut() {
        fields.retain(|key, value| key != "creationTimestamp" || !value.is_null());
    }
    Ok(decoded)
}

fn metadata_errors(path: &str, metadata: &Value) -> Vec<FieldError> {
    match typed(metadata) {
        Ok(decoded) => validation::meta::validate_embedded_meta(path, &decoded.value),
        Err(error) => vec![FieldError::invalid(path, metadata, error)],
    }
}

/// Errors of embedded resources: they need apiVersion and kind, and names and labels that fit.
pub(super) fn errors(schema: &Schema, path: &str, value: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    match value {
        Value::Object(map) => {
            if schema.embedded {
                found.extend(type_meta(path, map));
                if let Some(metadata) = map.get("metadata") {
                    found.extend(metadata_errors(&join(path, "metadata"), metadata));
                }
            }
            for (key, value) in map {
                if let Some(property) = schema.properties.get(key) {
                    found.extend(errors(property, &join(path, key), value));
                } else if let Some(additional) = schema.additional() {
                    found.extend(errors(additional, &format!("{path}[{key}]"), value));
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    found.extend(errors(items, &format!("{path}[{index}]"), item));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

fn type_meta(path: &str, map: &Map<String, Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for field in ["apiVersion", "kind"] {
        let child = join(path, field);
        match map.get(field) {
            None => errors.push(FieldError::required(child, "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(child, "", "must not be empty"));
            }
            Some(Value::String(text)) if field == "apiVersion" && text.matches('/').count() > 1 => {
                let detail = format!("unexpected GroupVersion string: {text}");
                errors.push(FieldError::invalid(child, text.as_str(), detail));
            }
            Some(Value::String(text)) if field == "kind" => {
                let complaints = names::dns1035_label(&text.to_lowercase());
                if !complaints.is_empty() {
                    let detail = format!(
                        "may have mixed case, but should otherwise match: {}",
                        complaints.join(",")
                    );
                    errors.push(FieldError::invalid(child, text.as_str(), detail));
                }
            }
            Some(Value::String(_)) => {}
            Some(other) => errors.push(FieldError::invalid(child, other, "must be a string")),
        }
    }
    errors
}
