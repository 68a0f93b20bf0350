//! Built-in objects in Kubernetes' binary form, as typed Go clients (`kubectl create deployment`) send them: the four
//! bytes `k8s\0`, then a `runtime.Unknown` with the object inside. Field numbers are data generated from Go's tags.
//!
//! Mirrors `apimachinery/pkg/runtime/serializer/protobuf` and the generated decoders. Reading only.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::decode::{MAX_DEPTH, decode_kept, plain_float};
use crate::duration::GoDuration;
use crate::schema::{Field, TypeId, TypeInfo, TypeRef, TypeTable};
use crate::time;

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// Not the envelope.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    NoEnvelope,
    /// Cut short, or of another shape than the type.
    #[error("proto: malformed {0}")]
    Malformed(String),
    /// No such kind.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// apiVersion of the envelope.
        api_version: String,
        /// kind of the envelope.
        kind: String,
    },
}

const PREFIX: &[u8] = b"k8s\0";
const NUMBERS: &str = include_str!("../data/protobuf.json");
const MODEL_ROOT: &str = "io.k8s.";

type Numbers = BTreeMap<String, BTreeMap<String, u64>>;

static TABLE: LazyLock<Numbers> = LazyLock::new(|| {
    let lines: Vec<(String, BTreeMap<String, u64>)> =
        serde_json::from_str(NUMBERS).unwrap_or_default();
    lines.into_iter().collect()
});

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Double(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a> {
    rest: &'a [u8],
}

fn malformed(what: &str) -> ProtobufError {
    ProtobufError::Malformed(what.to_owned())
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(|| malformed("number"))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("number"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| malformed("length"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn little_endian(&mut self, length: usize) -> Result<u64, ProtobufError> {
        Ok(self
            .take(length)?
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The next field, or `None` at the end.
    fn field(&mut self) -> Result<Option<(u64, Wire<'a>)>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Double(self.little_endian(8)?),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(usize::try_from(length).map_err(|_| malformed("length"))?)?)
            }
            5 => Wire::Number(self.little_endian(4)?),
            _ => return Err(malformed("wire type")),
        };
        Ok(Some((tag >> 3, value)))
    }
}

/// The fields of a message by number; the last of each.
fn fields(bytes: &[u8]) -> Result<BTreeMap<u64, Wire<'_>>, ProtobufError> {
    let mut reader = Reader { rest: bytes };
    let mut all = BTreeMap::new();
    while let Some((number, value)) = reader.field()? {
        all.insert(number, value);
    }
    Ok(all)
}

fn bytes_of<'a>(wire: Option<&Wire<'a>>) -> &'a [u8] {
    match wire {
        Some(Wire::Bytes(bytes)) => bytes,
        Some(Wire::Number(_) | Wire::Double(_)) | None => &[],
    }
}

fn number_of(wire: Option<&Wire<'_>>) -> u64 {
    match wire {
        Some(Wire::Number(number) | Wire::Double(number)) => *number,
        Some(Wire::Bytes(_)) | None => 0,
    }
}

fn text(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Reads a whole body. Returns the object, `apiVersion` and `kind` included, not normalised.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let inner = body.strip_prefix(PREFIX).ok_or(ProtobufError::NoEnvelope)?;
    let unknown = fields(inner)?;
    let type_meta = fields(bytes_of(unknown.get(&1)))?;
    let name = |number| String::from_utf8_lossy(bytes_of(type_meta.get(&number))).into_owned();
    let (api_version, kind) = (name(1), name(2));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let table = TypeTable::builtin();
    let Some(id) = table.type_of(group, version, &kind) else {
        return Err(ProtobufError::UnknownKind { api_version, kind });
    };
    let mut object = message(table, id, bytes_of(unknown.get(&2)), MAX_DEPTH)?;
    object.insert("apiVersion".to_owned(), Value::from(api_version.clone()));
    object.insert("kind".to_owned(), Value::from(kind));
    Ok(Value::Object(object))
}

fn numbers(info: &TypeInfo) -> Option<&'static BTreeMap<String, u64>> {
    TABLE.get(
        info.openapi_name
            .strip_prefix(MODEL_ROOT)
            .unwrap_or(&info.openapi_name),
    )
}

fn find<'a>(table: &TypeTable, info: &'a TypeInfo, number: u64) -> Option<&'a Field> {
    let known = numbers(info)?;
    let (name, _) = known.iter().find(|(_, known)| **known == number)?;
    info.fields
        .iter()
        .find(|field| match (&field.ty, name.strip_prefix('@')) {
            (TypeRef::Struct(inner), Some(embedded)) => {
                field.is_inline() && table.info(*inner).short_name() == embedded
            }
            (_, Some(_)) => false,
            (_, None) => !field.is_inline() && field.json == *name,
        })
}

/// Reads a message; `levels` is how many more may be inside each other.
fn message(
    table: &TypeTable,
    id: TypeId,
    bytes: &[u8],
    levels: usize,
) -> Result<Map<String, Value>, ProtobufError> {
    let levels = levels
        .checked_sub(1)
        .ok_or_else(|| malformed("message: exceeded max depth"))?;
    let info = table.info(id);
    let mut object = Map::new();
    let mut reader = Reader { rest: bytes };
    while let Some((number, wire)) = reader.field()? {
        let Some(field) = find(table, info, number) else {
            continue;
        };
        match (&field.ty, &wire) {
            (TypeRef::Struct(inner), Wire::Bytes(bytes)) if field.is_inline() => {
                object.extend(message(table, *inner, bytes, levels)?);
            }
            (TypeRef::List(item), _) => {
                let list = object
                    .entry(field.json.as_str())
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = list.as_array_mut() {
                    elements(table, item, &wire, list, levels)?;
                }
            }
            (TypeRef::Map(item), Wire::Bytes(bytes)) => {
                let entry = fields(bytes)?;
                let key = String::from_utf8_lossy(bytes_of(entry.get(&1))).into_owned();
                let value = match entry.get(&2) {
                    Some(wire) => single(table, item, wire, levels)?,
                    None => zero(item),
                };
                let map = object
                    .entry(field.json.as_str())
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, value);
                }
            }
            (ty, wire) => {
                object.insert(field.json.clone(), single(table, ty, wire, levels)?);
            }
        }
    }
    Ok(object)
}

/// The value of a map entry that is left out on the wire.
fn zero(ty: &TypeRef) -> Value {
    match ty {
        TypeRef::String(_) | TypeRef::Bytes => Value::from(""),
        TypeRef::Bool => Value::from(false),
        TypeRef::Int(..) => Value::from(0),
        _ => Value::Null,
    }
}

/// Elements of a list: one, or several numbers packed.
fn elements(
    table: &TypeTable,
    item: &TypeRef,
    wire: &Wire<'_>,
    list: &mut Vec<Value>,
    levels: usize,
) -> Result<(), ProtobufError> {
    if let (TypeRef::Int(..) | TypeRef::Bool, Wire::Bytes(packed)) = (item, wire) {
        let mut reader = Reader { rest: packed };
        while !reader.rest.is_empty() {
            let number = Wire::Number(reader.varint()?);
            list.push(single(table, item, &number, levels)?);
        }
        return Ok(());
    }
    list.push(single(table, item, wire, levels)?);
    Ok(())
}

fn single(
    table: &TypeTable,
    ty: &TypeRef,
    wire: &Wire<'_>,
    levels: usize,
) -> Result<Value, ProtobufError> {
    match (ty, wire) {
        (TypeRef::String(_), Wire::Bytes(bytes)) => Ok(text(bytes)),
        (TypeRef::Bool, Wire::Number(number)) => Ok(Value::from(*number != 0)),
        (TypeRef::Int(..), Wire::Number(number)) => Ok(Value::from(number.cast_signed())),
        (TypeRef::Float, Wire::Double(bits)) => {
            Ok(plain_float(f64::from_bits(*bits)).map_or(Value::Null, Value::Number))
        }
        (TypeRef::Bytes, Wire::Bytes(bytes)) => Ok(Value::from(STANDARD.encode(bytes))),
        (TypeRef::Struct(inner), Wire::Bytes(bytes)) => {
            message(table, *inner, bytes, levels).map(Value::Object)
        }
        (TypeRef::Quantity, Wire::Bytes(bytes)) => Ok(text(bytes_of(fields(bytes)?.get(&1)))),
        (TypeRef::IntOrString, Wire::Bytes(bytes)) => {
            let parts = fields(bytes)?;
            Ok(if number_of(parts.get(&1)) == 0 {
                Value::from(number_of(parts.get(&2)).cast_signed())
            } else {
                text(bytes_of(parts.get(&3)))
            })
        }
        (TypeRef::Time | TypeRef::MicroTime, Wire::Bytes(bytes)) => instant(ty, bytes),
        (TypeRef::Duration, Wire::Bytes(bytes)) => {
            let nanoseconds = number_of(fields(bytes)?.get(&1)).cast_signed();
            Ok(Value::from(GoDuration::from_nanos(nanoseconds).to_string()))
        }
        (TypeRef::Any, Wire::Bytes(bytes)) => {
            let raw = bytes_of(fields(bytes)?.get(&1));
            decode_kept(raw)
                .map(|decoded| decoded.value)
                .map_err(|_| malformed("raw JSON"))
        }
        _ => Err(malformed("field of another type")),
    }
}

/// Seconds and nanoseconds; both absent is Go's zero time, which is null.
fn instant(ty: &TypeRef, bytes: &[u8]) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let parts = fields(bytes)?;
    let nanoseconds = i32::try_from(number_of(parts.get(&2))).map_err(|_| malformed("time"))?;
    let at = Timestamp::new(number_of(parts.get(&1)).cast_signed(), nanoseconds)
        .map_err(|_| malformed("time"))?;
    let micro = matches!(ty, TypeRef::MicroTime);
    Ok(Value::from(if micro {
        time::rfc3339_micro(at)
    } else {
        time::rfc3339(at)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What `kubectl create namespace demo` sends.
    const NAMESPACE: &[u8] =
        b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x1c\x0a\x14\x0a\x04demo\x12\0\x1a\0\x22\0\
        \x2a\0\x32\08\0B\0\x12\0\x1a\x02\x0a\0\x1a\0\x22\0";

    #[test]
    fn a_namespace_from_kubectl_is_read() {
        let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "demo", "generateName": "", "namespace": "", "selfLink": "", "uid": "", "resourceVersion": "",
            "generation": 0, "creationTimestamp": null}, "spec": {}, "status": {"phase": ""}});
        assert_eq!(decode(NAMESPACE).unwrap(), expected);
    }

    #[test]
    fn quantities_maps_and_embedded_structs_have_their_json_form() {
        // A ConfigMap with data, built by hand: metadata(1), data(2) entries.
        let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x08\x12\x06\x0a\x01a\x12\x01b";
        assert_eq!(decode(body).unwrap()["data"], json!({"a": "b"}));
        let table = TypeTable::builtin();
        let volume = table.type_named("io.k8s.api.core.v1.Volume").unwrap();
        // name(1) = v, volumeSource(2) { emptyDir(2) {} }
        let bytes = [0x0a, 1, b'v', 0x12, 2, 0x12, 0];
        assert_eq!(
            Value::Object(message(table, volume, &bytes, 9).unwrap()),
            json!({"name": "v", "emptyDir": {}})
        );
    }

    #[test]
    fn messages_within_messages_end_at_a_limit() {
        let table = TypeTable::builtin();
        let schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
        let schema = table.type_named(schema).unwrap();
        let not = numbers(table.info(schema)).unwrap()["not"];
        let varint = |mut number: u64| {
            let mut out = Vec::new();
            while number >= 0x80 {
                out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
                number >>= 7;
            }
            out.push(u8::try_from(number).unwrap());
            out
        };
        let nested = |levels: usize| {
            (0..levels).fold(Vec::new(), |bytes, _| {
                let length = u64::try_from(bytes.len()).unwrap();
                [varint(not << 3 | 2), varint(length), bytes].concat()
            })
        };
        assert!(message(table, schema, &nested(2000), MAX_DEPTH).is_err());
        assert!(message(table, schema, &nested(50), MAX_DEPTH).is_ok());
    }

    #[test]
    fn anything_else_is_an_error() {
        assert_eq!(decode(b"{}"), Err(ProtobufError::NoEnvelope));
        assert!(matches!(
            decode(b"k8s\0\x0a\xff"),
            Err(ProtobufError::Malformed(_))
        ));
        assert!(matches!(
            decode(b"k8s\0\x0a\x06\x0a\x01x\x12\x01Y"),
            Err(ProtobufError::UnknownKind { .. })
        ));
    }
}
