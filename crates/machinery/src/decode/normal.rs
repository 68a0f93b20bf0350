//! Whether a value is what Go would print of it already, so that it need not be decoded.

use serde_json::{Map, Value};

use super::number::{notation_in, read, shown};
use super::parse::Node;
use super::walk::{RAW, Walker};
use super::zero::omitted;
use crate::schema::{TypeId, TypeInfo, TypeRef, TypeTable};

/// Whether [`super::normalise_strict`] would answer with this very value, without strict errors and without anything
/// empty. False where that would have to be tried.
pub fn is_normal(ty: TypeId, value: &Value) -> bool {
    let table = TypeTable::builtin();
    is_structure(table, table.info(ty), value)
}

/// The same for a value beside another one of that type that is normal: what both have isn't looked at.
pub fn is_normal_beside(ty: TypeId, value: &Value, normal: &Value) -> bool {
    let table = TypeTable::builtin();
    is_structure_beside(table, table.info(ty), value, normal.as_object())
}

fn is_structure(table: &TypeTable, info: &TypeInfo, value: &Value) -> bool {
    is_structure_beside(table, info, value, None)
}

fn is_structure_beside(
    table: &TypeTable,
    info: &TypeInfo,
    value: &Value,
    normal: Option<&Map<String, Value>>,
) -> bool {
    let Value::Object(map) = value else {
        return false;
    };
    let fields = info.all_fields();
    let mut always = 0;
    for (key, value) in map {
        let found = info.position(key).and_then(|position| fields.get(position));
        let Some(field) = found else {
            return false;
        };
        let null_pointer = field.pointer && value.is_null();
        let known = normal.and_then(|normal| normal.get(key)) == Some(value);
        let normal = known || null_pointer || is_value(table, info, &field.ty, value);
        if !normal || !known && omitted(field, value, table) {
            return false;
        }
        always += usize::from(!field.may_be_absent());
    }
    always == info.always_present()
}

/// A value of a type within that struct.
fn is_value(table: &TypeTable, within: &TypeInfo, ty: &TypeRef, value: &Value) -> bool {
    match (ty, value) {
        (TypeRef::Struct(id), value) => is_structure(table, table.info(*id), value),
        (
            TypeRef::List(_)
            | TypeRef::Map(_)
            | TypeRef::Any
            | TypeRef::Bytes
            | TypeRef::Time
            | TypeRef::MicroTime,
            Value::Null,
        )
        | (TypeRef::Bool, Value::Bool(_)) => true,
        (TypeRef::List(element), Value::Array(items)) => items
            .iter()
            .all(|item| is_value(table, within, element, item)),
        (TypeRef::Map(element), Value::Object(entries)) => entries
            .values()
            .all(|entry| is_value(table, within, element, entry)),
        (TypeRef::String(_), Value::String(text)) => notation_in(text).is_none(),
        (TypeRef::Int(bits, _), Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| (number << (64 - bits)) >> (64 - bits) == number),
        (TypeRef::Any, value) => !RAW.contains(&within.short_name()) && is_untyped(value),
        (
            TypeRef::Bytes
            | TypeRef::Quantity
            | TypeRef::IntOrString
            | TypeRef::Time
            | TypeRef::MicroTime
            | TypeRef::Duration,
            Value::String(_) | Value::Number(_),
        ) => {
            let node = Node::of(value);
            let mut walker = Walker::new(table);
            walker.value(&node, ty).as_ref() == Ok(value) && walker.saved.is_none()
        }
        (
            TypeRef::String(_)
            | TypeRef::Bool
            | TypeRef::Int(..)
            | TypeRef::Float
            | TypeRef::Bytes
            | TypeRef::Quantity
            | TypeRef::IntOrString
            | TypeRef::Time
            | TypeRef::MicroTime
            | TypeRef::Duration
            | TypeRef::SchemaOr(..)
            | TypeRef::List(_)
            | TypeRef::Map(_),
            _,
        ) => false,
    }
}

/// A value that `map[string]any` holds as it is.
fn is_untyped(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some() || read(&shown(number)) == *value,
        Value::String(text) => notation_in(text).is_none(),
        Value::Array(items) => items.iter().all(is_untyped),
        Value::Object(entries) => entries.values().all(is_untyped),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::{Decoded, normalise_strict};

    fn pod() -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "creationTimestamp": "2030-01-01T00:00:00Z",
            "managedFields": [{"manager": "m", "fieldsV1": {"f:a": {".": {}}}}]},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "10m"}},
                "ports": [{"containerPort": 80}], "readinessProbe": {"httpGet": {"port": "http"}}}]},
            "status": {}})
    }

    /// What the answer has to agree with.
    fn is_kept(id: TypeId, value: &Value) -> bool {
        normalise_strict(id, value).is_ok_and(|decoded: Decoded| decoded.is_just(value))
    }

    #[test]
    fn only_what_is_decoded_as_itself_is_normal() {
        let id = TypeTable::builtin().type_of("", "v1", "Pod").unwrap();
        assert!(is_normal(id, &pod()) && is_kept(id, &pod()));
        let cases = [
            ("/metadata/labels", json!({})),
            ("/metadata/unknown", json!(1)),
            ("/metadata/name", json!("")),
            ("/metadata/name", json!(1)),
            ("/metadata/generation", json!(1.5)),
            (
                "/metadata/creationTimestamp",
                json!("2030-01-01T01:00:00+01:00"),
            ),
            ("/spec/hostNetwork", json!(false)),
            ("/spec/containers/0/resources", json!(null)),
            ("/spec/containers/0/resources/limits/cpu", json!("0.01")),
            ("/spec/containers/0/resources/limits/cpu", json!(1)),
            (
                "/spec/containers/0/ports/0/containerPort",
                json!(1_u64 << 31),
            ),
            ("/spec/containers/0/ports/0/hostPort", json!(0)),
            ("/spec/containers/0/readinessProbe/httpGet/port", json!(1.5)),
            ("/status", json!(null)),
            ("/status/startTime", json!("tomorrow")),
        ];
        for (place, value) in cases {
            let mut changed = pod();
            let (parent, key) = place.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap()[key] = value;
            assert!(!is_normal(id, &changed), "{place}: {changed}");
            assert!(
                !is_normal_beside(id, &changed, &pod()),
                "{place}: {changed}"
            );
        }
        // A nil list that is never left out, and numbers that nobody reads.
        let kept = [
            ("/spec", "containers", json!(null)),
            (
                "/metadata/managedFields/0",
                "fieldsV1",
                json!({"a": [1.5, 1]}),
            ),
        ];
        for (parent, key, value) in kept {
            let mut changed = pod();
            changed.pointer_mut(parent).unwrap()[key] = value;
            assert!(
                is_normal(id, &changed) && is_kept(id, &changed),
                "{changed}"
            );
        }
        for key in ["spec", "status", "metadata"] {
            let mut cut = pod();
            cut.as_object_mut().unwrap().remove(key);
            assert_eq!(is_normal(id, &cut), is_kept(id, &cut), "{key}");
            let beside = is_normal_beside(id, &cut, &pod());
            assert_eq!(beside, is_kept(id, &cut), "{key}");
        }
    }
}
