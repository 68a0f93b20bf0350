//! What a schema says about merging: which values are scalars, which lists are sets or maps, what is owned whole.
//!
//! One view of two sources: the built-in types' own table, and the structural schema of a custom resource. Mirrors
//! `kube-openapi/pkg/schemaconv` (what becomes of an `OpenAPI` schema) and `structured-merge-diff/schema`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::schema::{Field, ListType, Omit, TypeId, TypeInfo, TypeRef, TypeTable};

/// Model name of `metadata`.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The type of a value, as far as merging is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Type<'s>(Kind<'s>);

#[derive(Debug, Clone, Copy)]
enum Kind<'s> {
    /// A Go struct.
    Struct {
        table: &'s TypeTable,
        id: TypeId,
        /// The field that holds it says it is owned whole.
        atomic: bool,
    },
    /// A Go type other than a struct, with the field that holds it.
    Go {
        table: &'s TypeTable,
        ty: &'s TypeRef,
        field: Option<&'s Field>,
    },
    /// A structural schema.
    Schema {
        schema: &'s Value,
        /// Unknown fields are kept here and below.
        preserve: bool,
        /// An object of the API, with `apiVersion`, `kind` and `metadata`.
        resource: bool,
    },
    /// Any string.
    Text,
    /// Any value, owned whole.
    Whole,
    /// Any value: maps by key, lists whole.
    Free,
}

/// What a scalar must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Numeric,
    String,
    Boolean,
    /// Any scalar.
    Untyped,
}

/// The forms a value may have.
#[derive(Debug, Clone)]
pub(super) struct Forms<'s> {
    pub map: Option<MapType<'s>>,
    pub scalar: Option<Scalar>,
    pub list: Option<ListForm<'s>>,
}

/// A list.
#[derive(Debug, Clone)]
pub(super) struct ListForm<'s> {
    pub relation: Relation<'s>,
    pub element: Type<'s>,
}

/// How the elements of a list belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relation<'s> {
    /// Owned whole.
    Atomic,
    /// Scalars, each owned by itself.
    Set,
    /// Objects told apart by these fields.
    Map(Vec<&'s str>),
}

/// A struct or map.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapType<'s> {
    /// Owned whole.
    pub atomic: bool,
    fields: Fields<'s>,
    rest: Option<Kind<'s>>,
}

#[derive(Debug, Clone, Copy)]
enum Fields<'s> {
    None,
    Go {
        table: &'s TypeTable,
        info: &'s TypeInfo,
    },
    Schema {
        properties: Option<&'s Map<String, Value>>,
        preserve: bool,
        resource: bool,
    },
}

impl<'s> Type<'s> {
    /// A built-in type.
    pub fn builtin(table: &'s TypeTable, id: TypeId) -> Self {
        Self(Kind::Struct {
            table,
            id,
            atomic: table.info(id).atomic,
        })
    }

    /// The type of a custom resource, from the `openAPIV3Schema` of its version; `preserve` is
    /// `spec.preserveUnknownFields`.
    pub fn custom(schema: &'s Value, preserve: bool) -> Self {
        Self(Kind::Schema {
            schema,
            preserve,
            resource: true,
        })
    }

    /// A custom resource without a schema: everything by key, lists whole.
    pub fn deduced() -> Self {
        Self(Kind::Free)
    }

    /// The forms a value of this type may have.
    pub(super) fn forms(self) -> Forms<'s> {
        match self.0 {
            Kind::Struct { table, id, atomic } => Forms::map(structure(table, id, atomic)),
            Kind::Go { table, ty, field } => go_forms(table, ty, field),
            Kind::Schema {
                schema,
                preserve,
                resource,
            } => schema_forms(schema, preserve, resource),
            Kind::Text => Forms::scalar(Scalar::String),
            Kind::Whole => any(Kind::Whole, true),
            Kind::Free => any(Kind::Free, false),
        }
    }
}

impl<'s> Forms<'s> {
    fn map(map: MapType<'s>) -> Self {
        Self {
            map: Some(map),
            scalar: None,
            list: None,
        }
    }

    fn scalar(scalar: Scalar) -> Self {
        Self {
            map: None,
            scalar: Some(scalar),
            list: None,
        }
    }

    fn list(list: ListForm<'s>) -> Self {
        Self {
            map: None,
            scalar: None,
            list: Some(list),
        }
    }
}

/// Any value; what is in its maps is of the given type.
fn any(element: Kind<'_>, atomic: bool) -> Forms<'_> {
    Forms {
        map: Some(MapType {
            atomic,
            fields: Fields::None,
            rest: Some(element),
        }),
        scalar: Some(Scalar::Untyped),
        list: Some(ListForm {
            relation: Relation::Atomic,
            element: Type(Kind::Whole),
        }),
    }
}

fn structure(table: &TypeTable, id: TypeId, atomic: bool) -> MapType<'_> {
    let info = table.info(id);
    MapType {
        atomic,
        fields: Fields::Go { table, info },
        // An object without properties is free-form.
        rest: info.all_fields().is_empty().then_some(Kind::Free),
    }
}

/// Whether a struct is owned as a whole: what a field says counts more than what its type does.
fn is_atomic(table: &TypeTable, id: TypeId, field: Option<&Field>) -> bool {
    field.is_some_and(|field| field.atomic_map)
        || (table.info(id).atomic && !field.is_some_and(|field| field.granular))
}

fn go_forms<'s>(table: &'s TypeTable, ty: &'s TypeRef, field: Option<&'s Field>) -> Forms<'s> {
    match ty {
        TypeRef::String(_) | TypeRef::Bytes | TypeRef::Duration => Forms::scalar(Scalar::String),
        TypeRef::Bool => Forms::scalar(Scalar::Boolean),
        TypeRef::Int(..) | TypeRef::Float => Forms::scalar(Scalar::Numeric),
        TypeRef::Quantity | TypeRef::Time | TypeRef::MicroTime => Forms::scalar(Scalar::Untyped),
        // Published without a type.
        TypeRef::IntOrString | TypeRef::SchemaOr(..) => any(Kind::Free, false),
        TypeRef::Any => any(Kind::Whole, true),
        TypeRef::Struct(id) => Forms::map(structure(table, *id, is_atomic(table, *id, field))),
        TypeRef::Map(element) => Forms::map(MapType {
            atomic: field.is_some_and(|field| field.atomic_map),
            fields: Fields::None,
            rest: Some(go(table, element, None)),
        }),
        TypeRef::List(element) => Forms::list(ListForm {
            relation: field.map_or(Relation::Atomic, relation),
            element: Type(go(table, element, None)),
        }),
    }
}

fn go<'s>(table: &'s TypeTable, ty: &'s TypeRef, field: Option<&'s Field>) -> Kind<'s> {
    match ty {
        TypeRef::Struct(id) => Kind::Struct {
            table,
            id: *id,
            atomic: is_atomic(table, *id, field),
        },
        _ => Kind::Go { table, ty, field },
    }
}

/// The declared list type; where there is none, what a merging patch strategy amounts to.
fn relation(field: &Field) -> Relation<'_> {
    match field.list_type {
        Some(ListType::Set) => Relation::Set,
        Some(ListType::Map) => {
            Relation::Map(field.list_map_keys.iter().map(String::as_str).collect())
        }
        None if matches!(field.patch_strategy.as_str(), "merge" | "merge,retainKeys") => {
            match field.patch_merge_key.as_str() {
                "" => Relation::Set,
                key => Relation::Map(vec![key]),
            }
        }
        Some(ListType::Atomic) | None => Relation::Atomic,
    }
}

fn extension<'s>(schema: &'s Value, name: &str) -> &'s str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(schema: &Value, name: &str) -> bool {
    schema
        .get(name)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

fn schema_forms(schema: &Value, preserve: bool, resource: bool) -> Forms<'_> {
    let preserve = preserve || flag(schema, "x-kubernetes-preserve-unknown-fields");
    let resource = resource || flag(schema, "x-kubernetes-embedded-resource");
    match extension(schema, "type") {
        "object" => Forms::map(object(schema, preserve, resource)),
        "array" => Forms::list(array(schema, preserve)),
        "integer" | "number" => Forms::scalar(Scalar::Numeric),
        "boolean" => Forms::scalar(Scalar::Boolean),
        "string" => Forms::scalar(match extension(schema, "format") {
            "" | "byte" => Scalar::String,
            _ => Scalar::Untyped,
        }),
        _ => Forms {
            map: Some(object(schema, preserve, resource)),
            scalar: Some(Scalar::Untyped),
            list: Some(array(schema, preserve)),
        },
    }
}

fn object(schema: &Value, preserve: bool, resource: bool) -> MapType<'_> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let no_properties = !resource && properties.is_none_or(Map::is_empty);
    let rest = match schema.get("additionalProperties") {
        None | Some(Value::Null) => (preserve || no_properties).then_some(Kind::Free),
        Some(Value::Bool(allowed)) => allowed.then_some(Kind::Free),
        Some(schema) => Some(Kind::Schema {
            schema,
            preserve,
            resource: false,
        }),
    };
    MapType {
        atomic: extension(schema, "x-kubernetes-map-type") == "atomic",
        fields: Fields::Schema {
            properties,
            preserve,
            resource,
        },
        rest,
    }
}

fn array(schema: &Value, preserve: bool) -> ListForm<'_> {
    let relation = match extension(schema, "x-kubernetes-list-type") {
        "set" => Relation::Set,
        "map" => Relation::Map(
            schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
        ),
        _ => Relation::Atomic,
    };
    let element = match schema.get("items") {
        Some(schema) => Kind::Schema {
            schema,
            preserve,
            resource: false,
        },
        None => Kind::Whole,
    };
    ListForm {
        relation,
        element: Type(element),
    }
}

impl<'s> MapType<'s> {
    /// The type of a field that the schema names.
    pub fn declared(&self, name: &str) -> Option<Type<'s>> {
        match self.fields {
            Fields::None => None,
            Fields::Go { table, info } => info.field(name).map(|field| {
                // Free-form fields of definitions and of `managedFields` are no `RawExtension`.
                let free = !info.openapi_name.starts_with("io.k8s.api.")
                    && matches!(field.ty, TypeRef::Any);
                Type(if free {
                    Kind::Free
                } else {
                    go(table, &field.ty, Some(field))
                })
            }),
            Fields::Schema {
                properties,
                preserve,
                resource,
            } => match name {
                "apiVersion" | "kind" if resource => Some(Type(Kind::Text)),
                "metadata" if resource => {
                    let table = TypeTable::builtin();
                    let id = table.type_named(OBJECT_META)?;
                    Some(Type::builtin(table, id))
                }
                _ => properties?.get(name).map(|schema| {
                    Type(Kind::Schema {
                        schema,
                        preserve,
                        resource: false,
                    })
                }),
            },
        }
    }

    /// Whether everything in it is free-form; ownership of such maps never changes its shape.
    pub fn is_free(&self) -> bool {
        let unnamed = match self.fields {
            Fields::None => true,
            Fields::Go { info, .. } => info.all_fields().is_empty(),
            Fields::Schema {
                properties,
                resource,
                ..
            } => !resource && properties.is_none_or(Map::is_empty),
        };
        unnamed
            && match self.rest {
                Some(Kind::Free) => true,
                Some(kind @ Kind::Schema { .. }) => {
                    Type(kind).forms().scalar == Some(Scalar::Untyped)
                }
                Some(Kind::Struct { .. } | Kind::Go { .. } | Kind::Text | Kind::Whole) | None => {
                    false
                }
            }
    }

    /// The type of a field, named or not.
    pub fn field(&self, name: &str) -> Option<Type<'s>> {
        self.declared(name).or(self.rest.map(Type))
    }

    /// The schema's default of a field; Go's zero value where a field cannot be absent.
    pub fn default_of(&self, name: &str) -> Option<Cow<'s, Value>> {
        match self.fields {
            Fields::None => None,
            Fields::Go { info, .. } => {
                let field = info.field(name)?;
                if let Some(default) = &field.default {
                    return Some(Cow::Borrowed(default));
                }
                let always =
                    field.omit == Omit::Never && !field.pointer || declares_zero(info, name);
                let zero = match field.ty {
                    TypeRef::String(_) => Value::from(""),
                    TypeRef::Bool => Value::from(false),
                    TypeRef::Int(..) | TypeRef::Float => Value::from(0),
                    _ => return None,
                };
                always.then_some(Cow::Owned(zero))
            }
            Fields::Schema { properties, .. } => properties?
                .get(name)?
                .get("default")
                .filter(|default| !default.is_null())
                .map(Cow::Borrowed),
        }
    }
}

/// The form a value has, or that it is taken for where it has none of those its type allows.
#[derive(Debug, Clone)]
pub(super) enum Form<'s> {
    Map(MapType<'s>),
    Scalar(Scalar),
    List(ListForm<'s>),
    /// No form at all is allowed.
    Invalid,
}

impl<'s> Forms<'s> {
    /// The form of a value; null and nothing take the first of map, scalar and list.
    pub fn of(self, value: Option<&Value>) -> Form<'s> {
        let Self { map, scalar, list } = self;
        let category = value.map_or(Category::None, category);
        match (map, scalar, list) {
            (_, Some(scalar), _) if category == Category::Scalar => Form::Scalar(scalar),
            (_, _, Some(list)) if category == Category::List => Form::List(list),
            (Some(map), _, _) => Form::Map(map),
            (None, Some(scalar), _) => Form::Scalar(scalar),
            (None, None, Some(list)) => Form::List(list),
            (None, None, None) => Form::Invalid,
        }
    }

    /// Whether two values are of one form. A type with one form takes every value for it.
    pub fn alike(&self, one: &Value, other: &Value) -> bool {
        let count = u8::from(self.map.is_some())
            + u8::from(self.scalar.is_some())
            + u8::from(self.list.is_some());
        count < 2 || category(one) == category(other)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    None,
    Map,
    Scalar,
    List,
}

fn category(value: &Value) -> Category {
    match value {
        Value::Null => Category::None,
        Value::Object(_) => Category::Map,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Category::Scalar,
        Value::Array(_) => Category::List,
    }
}

/// Whether Kubernetes declares Go's zero value as the default of a field that is left out where it has it: the key of
/// `imagePullSecrets`. Such defaults are not in the type table.
fn declares_zero(info: &TypeInfo, field: &str) -> bool {
    info.go_name == "v1.LocalObjectReference" && field == "name"
}
