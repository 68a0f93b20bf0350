//! JSON text as Go's `encoding/json` writes it.
//!
//! Promises Go's field order for typed values, sorted keys otherwise, Go's escaping of `<`, `>`, `&`, U+2028 and
//! U+2029, and Go's float format. Mirrors `encoding/json` `encode.go` and `indent.go`.

use std::io::Write as _;

use serde_json::{Map, Number, Value};

use crate::apply::PathElement;
use crate::decode::number::notation_in;
use crate::patch::Touched;
use crate::schema::{TypeId, TypeRef, TypeTable};

/// Rows of tables hold objects of whatever type.
const TABLE_ROW: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.TableRow";
const MANAGED_FIELDS_ENTRY: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry";

/// Compact text. With a type, known fields come in Go order, others sorted after them; without one, sorted.
pub fn to_vec(value: &Value, ty: Option<TypeId>) -> Vec<u8> {
    write(value, ty, None)
}

/// The same, indented by two spaces as `json.MarshalIndent(v, "", "  ")` does.
pub fn to_vec_pretty(value: &Value, ty: Option<TypeId>) -> Vec<u8> {
    write(value, ty, Some(0))
}

/// [`to_vec`] as a string.
pub fn to_string(value: &Value, ty: Option<TypeId>) -> String {
    String::from_utf8(to_vec(value, ty)).unwrap_or_default()
}

/// [`to_vec`] with a type of another table.
pub fn to_vec_in(table: &TypeTable, value: &Value, ty: TypeId) -> Vec<u8> {
    let mut writer = Writer {
        out: Vec::with_capacity(512),
        table,
        indent: None,
    };
    writer.typed(value, &TypeRef::Struct(ty));
    writer.out
}

/// A patched object as the patch left its text: parts that were opened have sorted keys.
pub fn to_string_touched(value: &Value, ty: TypeId, touched: &Touched) -> String {
    let mut writer = Writer {
        out: Vec::with_capacity(512),
        table: TypeTable::builtin(),
        indent: None,
    };
    writer.touched(value, &TypeRef::Struct(ty), touched);
    String::from_utf8(writer.out).unwrap_or_default()
}

fn write(value: &Value, ty: Option<TypeId>, indent: Option<usize>) -> Vec<u8> {
    let mut writer = Writer {
        out: Vec::with_capacity(512),
        // Without a type none is looked up, and the table of all takes megabytes.
        table: ty.map_or_else(TypeTable::empty, |_| TypeTable::builtin()),
        indent,
    };
    match ty {
        Some(id) => writer.typed(value, &TypeRef::Struct(id)),
        None => writer.typed(value, &TypeRef::Any),
    }
    writer.out
}

struct Writer<'t> {
    out: Vec<u8>,
    table: &'t TypeTable,
    /// Current depth in pretty form.
    indent: Option<usize>,
}

impl Writer<'_> {
    fn typed(&mut self, value: &Value, ty: &TypeRef) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => write_number(&mut self.out, number),
            Value::String(text) => match notation_in(text) {
                Some(number) => self.out.extend_from_slice(number.as_bytes()),
                None => write_string(&mut self.out, text),
            },
            Value::Array(items) => {
                let element = match ty {
                    TypeRef::List(element) => element,
                    // A list in place of a schema is a list of schemas.
                    TypeRef::SchemaOr(..) => ty,
                    _ => &TypeRef::Any,
                };
                self.list(items, element);
            }
            Value::Object(map) => match ty {
                TypeRef::Struct(id) | TypeRef::SchemaOr(id, _) => self.structure(map, *id),
                TypeRef::Map(element) => self.map(map.iter().map(|(k, v)| (k, v, &**element))),
                _ => self.map(map.iter().map(|(k, v)| (k, v, &TypeRef::Any))),
            },
        }
    }

    fn touched(&mut self, value: &Value, ty: &TypeRef, touched: &Touched) {
        let inner = match touched {
            Touched::Kept => return self.typed(value, ty),
            Touched::Replaced => return self.typed(value, &TypeRef::Any),
            Touched::Opened(inner) => inner,
        };
        let of = |key: &str| inner.get(key).unwrap_or(&Touched::Kept);
        match value {
            Value::Object(map) => {
                let table = self.table;
                let fields = match ty {
                    TypeRef::Struct(id) | TypeRef::SchemaOr(id, _) => Some(table.info(*id)),
                    _ => None,
                };
                let entries = map.iter().map(|(key, value)| {
                    let ty = match (fields, ty) {
                        (Some(info), _) => info
                            .position(key)
                            .and_then(|position| info.all_fields().get(position))
                            .map_or(&TypeRef::Any, |field| &field.ty),
                        (None, TypeRef::Map(element)) => &**element,
                        (None, _) => &TypeRef::Any,
                    };
                    (key, value, ty)
                });
                self.entries(entries, |writer, key, value, ty| {
                    writer.touched(value, ty, of(key));
                });
            }
            Value::Array(items) => {
                let element = match ty {
                    TypeRef::List(element) => element,
                    _ => &TypeRef::Any,
                };
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.touched(item, element, of(&index.to_string()));
                }
                self.out.push(b']');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.typed(value, ty);
            }
        }
    }

    fn list(&mut self, items: &[Value], element: &TypeRef) {
        if items.is_empty() {
            self.out.extend_from_slice(b"[]");
            return;
        }
        self.out.push(b'[');
        self.deeper();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line();
            self.typed(item, element);
        }
        self.shallower();
        self.out.push(b']');
    }

    fn structure(&mut self, map: &Map<String, Value>, id: TypeId) {
        let info = self.table.info(id);
        let fields = info.all_fields();
        let mut entries: Vec<(usize, &String, &Value)> = map
            .iter()
            .map(|(key, value)| (info.position(key).unwrap_or(usize::MAX), key, value))
            .collect();
        entries.sort_by_key(|(position, _, _)| *position);
        let owners = info.openapi_name == MANAGED_FIELDS_ENTRY;
        let row = info.openapi_name == TABLE_ROW;
        let entries = entries.into_iter().map(|(position, key, value)| {
            let ty = fields
                .get(position)
                .map_or(&TypeRef::Any, |field| &field.ty);
            (key, value, ty)
        });
        self.entries(entries, |writer, key, value, ty| {
            if owners && key == "fieldsV1" {
                writer.fields_v1(value);
            } else if row && key == "object" {
                // Any kind may be there, and is written as its own type.
                let own = writer.type_of(value).map(TypeRef::Struct);
                writer.typed(value, own.as_ref().unwrap_or(ty));
            } else {
                writer.typed(value, ty);
            }
        });
    }

    /// The type that an object says it is of.
    fn type_of(&self, object: &Value) -> Option<TypeId> {
        let api_version = object.get("apiVersion")?.as_str()?;
        let (group, version) = crate::meta::group_version(api_version);
        let kind = object.get("kind")?.as_str()?;
        let meta = || {
            // Kinds of meta.k8s.io are the same in each of its versions.
            let name = format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
            (group == "meta.k8s.io").then(|| self.table.type_named(&name))?
        };
        self.table.type_of(group, version, kind).or_else(meta)
    }

    /// Sets of fields keep the order they are written in, which is not that of their keys.
    fn fields_v1(&mut self, value: &Value) {
        let Value::Object(map) = value else {
            self.typed(value, &TypeRef::Any);
            return;
        };
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        if entries
            .iter()
            .all(|(key, _)| key.starts_with("f:") || *key == ".")
        {
            // Names of fields, which most are, come as they are written.
            entries.sort_unstable_by_key(|(key, _)| *key);
        } else {
            entries.sort_by_cached_key(|(key, _)| {
                let element = PathElement::from_key(key).ok().flatten();
                (*key != ".", element.is_none(), element)
            });
        }
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key, value, &TypeRef::Any));
        self.entries(entries, |writer, _, value, _| writer.fields_v1(value));
    }

    fn map<'v>(&mut self, entries: impl Iterator<Item = (&'v String, &'v Value, &'v TypeRef)>) {
        self.entries(entries, |writer, _, value, ty| writer.typed(value, ty));
    }

    fn entries<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v String, &'v Value, &'v TypeRef)>,
        write: impl Fn(&mut Self, &str, &Value, &TypeRef),
    ) {
        let mut empty = true;
        for (key, value, ty) in entries {
            if empty {
                self.out.push(b'{');
                self.deeper();
                empty = false;
            } else {
                self.out.push(b',');
            }
            self.line();
            write_string(&mut self.out, key);
            self.out
                .extend_from_slice(if self.indent.is_some() { b": " } else { b":" });
            write(self, key, value, ty);
        }
        if empty {
            self.out.extend_from_slice(b"{}");
            return;
        }
        self.shallower();
        self.out.push(b'}');
    }

    fn deeper(&mut self) {
        if let Some(depth) = &mut self.indent {
            *depth += 1;
        }
    }

    fn shallower(&mut self) {
        if let Some(depth) = &mut self.indent {
            *depth = depth.saturating_sub(1);
        }
        self.line();
    }

    fn line(&mut self) {
        if let Some(depth) = self.indent {
            self.out.push(b'\n');
            for _ in 0..depth {
                self.out.extend_from_slice(b"  ");
            }
        }
    }
}

/// Appends a quoted and escaped string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    // Most texts are plain from beginning to end.
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let width = write_special(out, from);
        rest = from.get(width..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether a byte may not stand for itself in a string. U+2028 and U+2029 begin with 0xe2.
fn is_special(byte: u8) -> bool {
    matches!(byte, 0..=31 | b'"' | b'&' | b'<' | b'>' | b'\\' | 0xe2)
}

/// Appends the character that bytes begin with; how many bytes it had.
fn write_special(out: &mut Vec<u8>, from: &[u8]) -> usize {
    let escape: &[u8] = match from {
        [b'"', ..] => b"\\\"",
        [b'\\', ..] => b"\\\\",
        [b'\n', ..] => b"\\n",
        [b'\r', ..] => b"\\r",
        [b'\t', ..] => b"\\t",
        [8, ..] => b"\\b",
        [12, ..] => b"\\f",
        [b'<', ..] => b"\\u003c",
        [b'>', ..] => b"\\u003e",
        [b'&', ..] => b"\\u0026",
        [0xe2, 0x80, last @ (0xa8 | 0xa9), ..] => {
            let escape = if *last == 0xa8 {
                b"\\u2028"
            } else {
                b"\\u2029"
            };
            out.extend_from_slice(escape);
            return 3;
        }
        [byte @ 0..=31, ..] => {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            return 1;
        }
        [byte, ..] => {
            out.push(*byte);
            return 1;
        }
        [] => return 1,
    };
    out.extend_from_slice(escape);
    1
}

/// Appends a number: integers as they are, floats in Go's shortest form.
pub fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let (true, Some(float)) = (number.is_f64(), number.as_f64()) {
        out.extend_from_slice(format_float(float).as_bytes());
    } else {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{number}");
    }
}

/// A float as `encoding/json` prints it: `1`, `0.5`, `1e+21`, `1e-7`.
pub fn format_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{float:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{float}")
}

/// A float as Go's `%v` prints it: `1`, `0.5`, `1e+06`, `1e-05`: with an exponent of at least two digits below 1e-4 and from
/// a million on.
pub fn show_float(float: f64) -> String {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&power) {
        return float.to_string();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_are_shown_as_go_does() {
        let shown = [0.0, 100_000.0, 1e6, 12_345_678.5, 0.0001, 0.00001, 1e21].map(show_float);
        let wanted = [
            "0",
            "100000",
            "1e+06",
            "1.23456785e+07",
            "0.0001",
            "1e-05",
            "1e+21",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn objects_in_tables_are_written_as_what_they_are() {
        let table = TypeTable::builtin().type_of("meta.k8s.io", "v1", "Table");
        let written = |object: Value| {
            let rows = serde_json::json!({"rows": [{"cells": [], "object": object}]});
            let text = to_string(&rows, table);
            text.trim_start_matches(r#"{"rows":[{"cells":[],"object":"#)
                .trim_end_matches("}]}")
                .to_owned()
        };
        let metadata = serde_json::json!({"name": "a", "labels": {"b": "c"}, "uid": "u"});
        let partial = serde_json::json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1beta1", "metadata": metadata});
        assert_eq!(
            written(partial),
            r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1beta1","metadata":{"name":"a","uid":"u","labels":{"b":"c"}}}"#
        );
        let pod = serde_json::json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": {}, "spec": {}});
        assert_eq!(
            written(pod),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"u","labels":{"b":"c"}},"spec":{},"status":{}}"#
        );
    }

    #[test]
    fn floats_look_like_go() {
        let shown: Vec<String> = [1.0, 0.5, 1e21, 1.5e-7, 1e20, -0.0, 123_456_789.0, 1e-6]
            .into_iter()
            .map(format_float)
            .collect();
        assert_eq!(
            shown,
            [
                "1",
                "0.5",
                "1e+21",
                "1.5e-7",
                "100000000000000000000",
                "-0",
                "123456789",
                "0.000001"
            ]
        );
    }

    #[test]
    fn strings_are_escaped_for_html() {
        let mut out = Vec::new();
        write_string(&mut out, "a<b>&\"\\\n\u{1}\u{2028}é\u{7f}\u{8}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\u0001\\u2028é\u{7f}\\b\""
        );
    }

    #[test]
    fn untyped_values_are_sorted_and_indented_like_go() {
        let value = json!({"b": [], "a": {"x": [1, {}]}});
        assert_eq!(to_string(&value, None), r#"{"a":{"x":[1,{}]},"b":[]}"#);
        assert_eq!(
            String::from_utf8(to_vec_pretty(&value, None)).unwrap(),
            "{\n  \"a\": {\n    \"x\": [\n      1,\n      {}\n    ]\n  },\n  \"b\": []\n}"
        );
    }

    #[test]
    fn sets_of_fields_keep_their_own_order() {
        let pod = TypeTable::builtin().type_of("", "v1", "Pod");
        let fields = json!({"f:ports": {"k:{\"port\":443}": {}, "k:{\"port\":80}": {"f:b": {}, ".": {}}, ".": {}}});
        let value = json!({"metadata": {"managedFields": [{"fieldsV1": fields, "manager": "m"}]}});
        assert_eq!(
            to_string(&value, pod),
            concat!(
                r#"{"metadata":{"managedFields":[{"manager":"m","fieldsV1":{"f:ports":{".":{},"#,
                r#""k:{\"port\":80}":{".":{},"f:b":{}},"k:{\"port\":443}":{}}}}]}}"#
            )
        );
    }

    #[test]
    fn typed_values_keep_the_order_of_the_go_struct() {
        let pod = TypeTable::builtin().type_of("", "v1", "Pod");
        let value = json!({"spec": {"containers": [{"name": "c", "image": "i", "args": ["a"]}], "nodeName": "n"},
            "metadata": {"labels": {"b": "1", "a": "2"}, "name": "p"}, "kind": "Pod", "apiVersion": "v1", "extra": 1});
        assert_eq!(
            to_string(&value, pod),
            concat!(
                r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","labels":{"a":"2","b":"1"}},"#,
                r#""spec":{"containers":[{"name":"c","image":"i","args":["a"]}],"nodeName":"n"},"extra":1}"#
            )
        );
    }
}
