//! Walks a JSON tree along a Go type, as `sigs.k8s.io/json` fills a struct, and collects the printed form.

use std::borrow::Cow;
use std::mem;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::again::{earlier_is_kept, keeps_on_null, merge_into};
use super::empties::{Empties, Part};
use super::number;
use super::parse::Node;
use super::scalar;
use super::zero::{omitted, was_empty, zero, zero_field};
use crate::schema::{Alternative, Field, TypeId, TypeRef, TypeTable};

static STRING: LazyLock<TypeRef> = LazyLock::new(|| TypeRef::String("string".to_owned()));

/// Go stops collecting strict errors here.
const MAX_STRICT: usize = 100;

/// Structs with a `RawExtension`, whose text nobody reads.
pub(super) const RAW: [&str; 3] = [
    "ControllerRevision",
    "AllocatedDeviceStatus",
    "OpaqueDeviceConfiguration",
];

/// One step of a path in strict errors.
#[derive(Clone, Copy)]
pub(super) enum Step<'n> {
    Key(&'n str),
    Index(usize),
}

impl Step<'_> {
    /// The same step of a place that is kept.
    pub(super) fn part(&self) -> Part {
        match *self {
            Self::Key(key) => Part::Key(key.to_owned()),
            Self::Index(index) => Part::Index(index),
        }
    }
}

/// A decoder at work.
pub(super) struct Walker<'t, 'n> {
    table: &'t TypeTable,
    /// Go's field stack for type errors, and the struct that holds the last field.
    stack: Vec<&'t str>,
    structure: &'t str,
    path: Vec<Step<'n>>,
    /// Off inside types with their own `UnmarshalJSON`.
    collect: bool,
    /// Numbers stay as they were written in values without a type.
    pub(super) keeps: bool,
    /// The first type error.
    pub(super) saved: Option<String>,
    /// Strict errors in body order.
    pub(super) strict: Vec<String>,
    /// Lists and maps that are left out because they are empty.
    pub(super) empty: Empties,
}

impl<'t, 'n> Walker<'t, 'n> {
    pub(super) fn new(table: &'t TypeTable) -> Self {
        Self {
            table,
            stack: Vec::new(),
            structure: "",
            path: Vec::new(),
            collect: true,
            keeps: false,
            saved: None,
            strict: Vec::new(),
            empty: Empties::default(),
        }
    }

    /// The value Go would print after decoding `node` into `ty`. `Err` is an error that ends decoding at once.
    pub(super) fn value(&mut self, node: &'n Node<'_>, ty: &'t TypeRef) -> Result<Value, String> {
        match ty {
            TypeRef::Struct(id) => match node {
                Node::Object(entries) => self.structure(entries, *id).map(Value::Object),
                Node::Null => Ok(zero(self.table, ty)),
                _ => Ok(self.mismatch(node, ty)),
            },
            TypeRef::List(element) => match node {
                Node::Array(items) => self.list(items, element),
                Node::Null => Ok(Value::Null),
                _ => Ok(self.mismatch(node, ty)),
            },
            TypeRef::Map(element) => match node {
                Node::Object(entries) => self.map(entries, element),
                Node::Null => Ok(Value::Null),
                _ => Ok(self.mismatch(node, ty)),
            },
            TypeRef::String(_) | TypeRef::Bool | TypeRef::Int(..) | TypeRef::Float => {
                Ok(self.scalar(node, ty))
            }
            TypeRef::Bytes => Ok(self.bytes(node, ty)),
            TypeRef::Any if RAW.contains(&self.structure) => Ok(number::raw(node)),
            TypeRef::Any => Ok(untyped(node)),
            TypeRef::SchemaOr(id, other) => self.schema_or(node, *id, *other),
            TypeRef::Quantity => scalar::quantity(node),
            TypeRef::IntOrString => self.int_or_string(node),
            TypeRef::Time | TypeRef::MicroTime | TypeRef::Duration => self.text_form(node, ty),
        }
    }

    fn structure(
        &mut self,
        entries: &'n [(Cow<'_, str>, Node<'_>)],
        id: TypeId,
    ) -> Result<Map<String, Value>, String> {
        let info = self.table.info(id);
        let fields = info.all_fields();
        let mut seen = vec![false; fields.len()];
        let mut out = Map::new();
        let (depth, structure) = (self.stack.len(), self.structure);
        for (index, (key, node)) in entries.iter().enumerate() {
            let found = info.position(key);
            let Some((position, field)) = found.and_then(|p| Some((p, fields.get(p)?))) else {
                self.complain("unknown field", key);
                continue;
            };
            let again = seen.get(position).copied().unwrap_or_default();
            if let Some(flag) = seen.get_mut(position) {
                *flag = true;
            }
            if again {
                self.complain("duplicate field", key);
                if matches!(node, Node::Null) && keeps_on_null(field) {
                    continue;
                }
            }
            self.stack
                .extend(field.embedded_in.iter().map(String::as_str));
            self.stack.push(&field.json);
            self.structure = info.short_name();
            self.path.push(Step::Key(key));
            let mut value = self.field(node, field)?;
            self.path.pop();
            self.stack.truncate(depth);
            self.structure = structure;
            if again && earlier_is_kept(entries, index, key, field) {
                merge_into(&mut value, out.remove(&field.json));
            }
            if omitted(field, &value, self.table) {
                if was_empty(field, &value) {
                    self.note_empty(&field.json);
                }
                out.remove(&field.json);
            } else {
                out.insert(field.json.clone(), value);
            }
        }
        for (field, seen) in fields.iter().zip(&seen) {
            if !seen && !field.may_be_absent() {
                out.insert(field.json.clone(), zero_field(self.table, field));
            }
        }
        Ok(out)
    }

    fn note_empty(&mut self, key: &str) {
        let parents = self.path.iter().map(Step::part);
        let last = Part::Key(key.to_owned());
        self.empty.note(parents.chain([last]));
    }

    fn field(&mut self, node: &'n Node<'_>, field: &'t Field) -> Result<Value, String> {
        if field.pointer && matches!(node, Node::Null) {
            return Ok(Value::Null);
        }
        if let Some(name) = &field.go_type {
            let fits = match &field.ty {
                TypeRef::List(_) => matches!(node, Node::Array(_) | Node::Null),
                TypeRef::Map(_) => matches!(node, Node::Object(_) | Node::Null),
                _ => true,
            };
            if !fits {
                self.save(kind_of(node), name);
                return Ok(Value::Null);
            }
        }
        self.value(node, &field.ty)
    }

    fn list(&mut self, items: &'n [Node<'_>], element: &'t TypeRef) -> Result<Value, String> {
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Index(index));
            out.push(self.value(item, element)?);
            self.path.pop();
        }
        Ok(Value::Array(out))
    }

    fn map(
        &mut self,
        entries: &'n [(Cow<'_, str>, Node<'_>)],
        element: &'t TypeRef,
    ) -> Result<Value, String> {
        let mut out = Map::new();
        for (key, node) in entries {
            if out.contains_key(&**key) {
                self.complain("duplicate field", key);
            }
            self.path.push(Step::Key(key));
            let value = self.value(node, element)?;
            self.path.pop();
            out.insert(key.clone().into_owned(), value);
        }
        Ok(Value::Object(out))
    }

    fn scalar(&mut self, node: &Node<'_>, ty: &TypeRef) -> Value {
        match (ty, node) {
            (TypeRef::String(_), Node::String(text)) => Value::String(text.clone().into_owned()),
            (TypeRef::Bool, Node::Bool(flag)) => Value::Bool(*flag),
            (TypeRef::Int(bits, name), Node::Number(text)) => {
                let number = scalar::integer(text, *bits).map(Value::from);
                self.number(number, text, name)
            }
            (TypeRef::Float, Node::Number(text)) => {
                let number = text.parse().ok().and_then(scalar::plain_float);
                let number = number.map(Value::Number);
                self.number(number, text, "float64")
            }
            (_, Node::Null) => zero(self.table, ty),
            _ => self.mismatch(node, ty),
        }
    }

    fn number(&mut self, number: Option<Value>, text: &str, go_type: &str) -> Value {
        number.unwrap_or_else(|| {
            self.save(&format!("number {text}"), go_type);
            Value::from(0)
        })
    }

    fn bytes(&mut self, node: &Node<'_>, ty: &TypeRef) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::String(text) => scalar::base64(text).map_or_else(
                |error| {
                    self.saved.get_or_insert(error);
                    Value::Null
                },
                Value::String,
            ),
            Node::Array(items) => {
                let bytes: Vec<u8> = items.iter().map(|item| self.byte(item)).collect();
                Value::String(scalar::to_base64(&bytes))
            }
            Node::Bool(_) | Node::Number(_) | Node::Object(_) => self.mismatch(node, ty),
        }
    }

    /// One of bytes that are written as a list of numbers: Go takes those too.
    fn byte(&mut self, node: &Node<'_>) -> u8 {
        let what = match node {
            Node::Null => return 0,
            Node::Number(text) => match text.parse() {
                Ok(byte) => return byte,
                Err(_) => format!("number {text}"),
            },
            Node::Bool(_) | Node::String(_) | Node::Array(_) | Node::Object(_) => {
                kind_of(node).to_owned()
            }
        };
        self.save(&what, "uint8");
        0
    }

    /// A value without a type whose duplicate keys count.
    pub(super) fn untyped_strict(&mut self, node: &'n Node<'_>) -> Value {
        match node {
            Node::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    out.push(self.untyped_strict(item));
                    self.path.pop();
                }
                Value::Array(out)
            }
            Node::Object(entries) => {
                let mut out = Map::new();
                for (key, node) in entries {
                    if out.contains_key(&**key) {
                        self.complain("duplicate field", key);
                    }
                    self.path.push(Step::Key(key));
                    let value = self.untyped_strict(node);
                    self.path.pop();
                    out.insert(key.clone().into_owned(), value);
                }
                Value::Object(out)
            }
            _ if self.keeps => number::raw(node),
            Node::Number(text) => {
                let value = number::read(text);
                if value.is_null() && self.saved.is_none() {
                    self.saved = number::beyond(text);
                }
                value
            }
            _ => untyped(node),
        }
    }

    /// Types with a decoder of their own: nothing strict inside, and a type error ends decoding.
    fn schema_or(
        &mut self,
        node: &'n Node<'_>,
        id: TypeId,
        other: Alternative,
    ) -> Result<Value, String> {
        let outer = (mem::replace(&mut self.collect, false), self.saved.take());
        let value = match (other, node) {
            (_, Node::Object(entries)) => self.structure(entries, id).map(Value::Object),
            (Alternative::Bool, Node::Bool(flag)) => Ok(Value::Bool(*flag)),
            (Alternative::Bool, _) => Err("boolean or JSON schema expected".to_owned()),
            (Alternative::Schemas, Node::Array(items)) => self.schemas(items, id),
            (Alternative::Strings, Node::Array(items)) => self.list(items, &STRING),
            (Alternative::Schemas | Alternative::Strings, _) => Ok(Value::Null),
        };
        let inner = mem::replace(&mut self.saved, outer.1);
        self.collect = outer.0;
        let value = inner.map_or(value, Err)?;
        // An empty list is not remembered.
        Ok(if value == Value::Array(Vec::new()) {
            Value::Null
        } else {
            value
        })
    }

    fn schemas(&mut self, items: &'n [Node<'_>], id: TypeId) -> Result<Value, String> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.push(match item {
                Node::Object(entries) => Value::Object(self.structure(entries, id)?),
                Node::Null => zero(self.table, &TypeRef::Struct(id)),
                _ => {
                    self.save(kind_of(item), &self.table.info(id).go_name);
                    Value::Null
                }
            });
        }
        Ok(Value::Array(out))
    }

    fn int_or_string(&mut self, node: &Node<'_>) -> Result<Value, String> {
        match node {
            Node::String(text) => Ok(Value::String(text.clone().into_owned())),
            Node::Null => Ok(Value::from(0)),
            Node::Number(text) => match scalar::integer(text, 32) {
                Some(number) => Ok(Value::from(number)),
                None => Err(self.type_error(&format!("number {text}"), "int32")),
            },
            _ => Err(self.type_error(kind_of(node), "int32")),
        }
    }

    fn text_form(&mut self, node: &Node<'_>, ty: &TypeRef) -> Result<Value, String> {
        match (node, ty) {
            (Node::Null, TypeRef::Duration) => scalar::duration(""),
            (Node::Null, _) => Ok(Value::Null),
            (Node::String(text), TypeRef::Duration) => scalar::duration(text),
            (Node::String(text), TypeRef::MicroTime) => scalar::time(text, true),
            (Node::String(text), _) => scalar::time(text, false),
            _ => Err(self.type_error(kind_of(node), "string")),
        }
    }

    fn mismatch(&mut self, node: &Node<'_>, ty: &TypeRef) -> Value {
        self.save(kind_of(node), &self.go_type(ty));
        zero(self.table, ty)
    }

    fn save(&mut self, what: &str, go_type: &str) {
        if self.saved.is_none() {
            self.saved = Some(self.type_error(what, go_type));
        }
    }

    fn type_error(&self, what: &str, go_type: &str) -> String {
        if self.stack.is_empty() {
            return format!("json: cannot unmarshal {what} into Go value of type {go_type}");
        }
        let (structure, field) = (self.structure, self.stack.join("."));
        format!(
            "json: cannot unmarshal {what} into Go struct field {structure}.{field} of type {go_type}"
        )
    }

    fn go_type(&self, ty: &TypeRef) -> String {
        match ty {
            TypeRef::String(name) | TypeRef::Int(_, name) => name.clone(),
            TypeRef::Bool => "bool".to_owned(),
            TypeRef::Float => "float64".to_owned(),
            TypeRef::Bytes => "[]uint8".to_owned(),
            TypeRef::Quantity => "resource.Quantity".to_owned(),
            TypeRef::IntOrString => "intstr.IntOrString".to_owned(),
            TypeRef::Time => "v1.Time".to_owned(),
            TypeRef::MicroTime => "v1.MicroTime".to_owned(),
            TypeRef::Duration => "v1.Duration".to_owned(),
            TypeRef::Any => "interface {}".to_owned(),
            TypeRef::Struct(id) | TypeRef::SchemaOr(id, _) => self.table.info(*id).go_name.clone(),
            TypeRef::List(element) => format!("[]{}", self.go_type(element)),
            TypeRef::Map(element) => format!("map[string]{}", self.go_type(element)),
        }
    }

    fn complain(&mut self, what: &str, key: &str) {
        if !self.collect || self.strict.len() >= MAX_STRICT {
            return;
        }
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Step::Index(index) => {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                }
            }
        }
        if !self.path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        let error = format!("{what} {}", scalar::quote(&path));
        if !self.strict.contains(&error) {
            self.strict.push(error);
        }
    }
}

/// Go's word for a JSON value.
fn kind_of(node: &Node<'_>) -> &'static str {
    match node {
        Node::Null => "null",
        Node::Bool(_) => "bool",
        Node::Number(_) => "number",
        Node::String(_) => "string",
        Node::Array(_) => "array",
        Node::Object(_) => "object",
    }
}

/// What `map[string]any` would hold: integers as int64 where the text is one.
pub(super) fn untyped(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(flag) => Value::Bool(*flag),
        Node::Number(text) => number::read(text),
        Node::String(text) => Value::String(text.clone().into_owned()),
        Node::Array(items) => Value::Array(items.iter().map(untyped).collect()),
        Node::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, node)| (key.clone().into_owned(), untyped(node)))
                .collect(),
        ),
    }
}
