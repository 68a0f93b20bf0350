//! Types of expressions, as cel-go's checker knows them, and how they are written in its messages
//! (`cel-go/common/types/types.go`, `checker/format.go`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Anything; checked when the expression runs.
    Dyn,
    /// The type of a part that is already wrong.
    Error,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`: 64 bits.
    Int,
    /// `uint`: 64 bits.
    Uint,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`.
    Duration,
    /// `list(T)`.
    List(Arc<Type>),
    /// `map(K, V)`.
    Map(Arc<Type>, Arc<Type>),
    /// `optional_type(T)`.
    Optional(Arc<Type>),
    /// `type(T)`: the type of a type.
    Kind(Arc<Type>),
    /// A named type without fields, such as `kubernetes.Quantity`.
    Opaque(Arc<str>),
    /// A named type with fields.
    Object(Object),
    /// A variable of a function's signature, or one that inference has not bound.
    Param(Arc<str>),
}

/// A type with fields; two are the same if they have the same name.
#[derive(Clone)]
pub struct Object {
    name: Arc<str>,
    fields: Arc<OnceLock<BTreeMap<String, Type>>>,
}

impl Object {
    /// A type with these fields, whose names are escaped already.
    pub fn new(name: &str, fields: BTreeMap<String, Type>) -> Self {
        let cell = OnceLock::new();
        // A new cell is empty, so this cannot fail.
        let _ = cell.set(fields);
        Self {
            name: name.into(),
            fields: Arc::new(cell),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of a field.
    pub fn field(&self, name: &str) -> Option<&Type> {
        self.fields.get()?.get(name)
    }

    /// All fields, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Type)> {
        self.fields.get().into_iter().flatten()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Object {}

impl Type {
    /// `list(T)`.
    pub fn list(item: Type) -> Self {
        Self::List(Arc::new(item))
    }

    /// `map(string, T)`.
    pub fn map_of(value: Type) -> Self {
        Self::Map(Arc::new(Self::String), Arc::new(value))
    }

    /// `optional_type(T)`.
    pub fn optional(inner: Type) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// `dyn`, or the type of a part that is wrong already.
    pub(super) fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// The name `type(x)` has, without parameters.
    pub(super) fn runtime_name(&self) -> &str {
        match self {
            Self::Dyn => "dyn",
            Self::Error => "!error!",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(..) => "map",
            Self::Optional(_) => "optional_type",
            Self::Kind(_) => "type",
            Self::Opaque(name) | Self::Param(name) => name,
            Self::Object(object) => object.name(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Kind(inner) => write!(f, "type({inner})"),
            other => f.write_str(other.runtime_name()),
        }
    }
}

/// Bindings of type variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    bound: BTreeMap<Arc<str>, Type>,
}

impl Bindings {
    fn find(&self, of: &Type) -> Option<&Type> {
        match of {
            Type::Param(name) => self.bound.get(name),
            _ => None,
        }
    }

    fn bind(&mut self, variable: &Type, to: Type) {
        if let Type::Param(name) = variable {
            self.bound.insert(name.clone(), to);
        }
    }

    /// Replaces bound variables; unbound ones become `dyn` if `free_to_dyn`.
    pub(super) fn substitute(&self, of: &Type, free_to_dyn: bool) -> Type {
        if let Some(bound) = self.find(of) {
            return self.substitute(&bound.clone(), free_to_dyn);
        }
        match of {
            Type::Param(_) if free_to_dyn => Type::Dyn,
            Type::List(item) => Type::list(self.substitute(item, free_to_dyn)),
            Type::Map(key, value) => Type::Map(
                Arc::new(self.substitute(key, free_to_dyn)),
                Arc::new(self.substitute(value, free_to_dyn)),
            ),
            Type::Optional(inner) => Type::optional(self.substitute(inner, free_to_dyn)),
            Type::Kind(inner) => Type::Kind(Arc::new(self.substitute(inner, free_to_dyn))),
            other => other.clone(),
        }
    }

    /// Whether values of type `from` may stand where `to` is wanted; binds variables if so, else nothing changes.
    pub(super) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.all_assignable(&[(from, to)])
    }

    /// [`Bindings::assignable`] for several pairs at once.
    pub(super) fn all_assignable(&mut self, pairs: &[(&Type, &Type)]) -> bool {
        let mut trial = self.clone();
        let fits = pairs.iter().all(|(from, to)| trial.unify(from, to));
        if fits {
            *self = trial;
        }
        fits
    }

    fn unify(&mut self, a: &Type, b: &Type) -> bool {
        if matches!(b, Type::Param(_)) {
            match self.substitutes(a, b) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if matches!(a, Type::Param(_)) {
            return self.substitutes(b, a).0;
        }
        if a.is_dyn_or_error() || b.is_dyn_or_error() {
            return true;
        }
        match (a, b) {
            (Type::Null, other) | (other, Type::Null) => matches!(
                other,
                Type::Null
                    | Type::Opaque(_)
                    | Type::Optional(_)
                    | Type::Object(_)
                    | Type::Timestamp
                    | Type::Duration
            ),
            (Type::List(x), Type::List(y)) | (Type::Optional(x), Type::Optional(y)) => {
                self.unify(x, y)
            }
            (Type::Map(key, value), Type::Map(other, more)) => {
                self.unify(key, other) && self.unify(value, more)
            }
            (Type::Kind(_), Type::Kind(_)) => true,
            _ => a == b,
        }
    }

    /// Whether a variable may stand for a type, and whether it was bound before.
    fn substitutes(&mut self, of: &Type, variable: &Type) -> (bool, bool) {
        if of == variable {
            return (true, true);
        }
        if let Some(bound) = self.find(variable).cloned() {
            if *of == bound {
                return (true, true);
            }
            if self.unify(of, &bound) {
                let general = most_general(of, &bound);
                if self.is_free_of(variable, &general) {
                    self.bind(variable, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.is_free_of(variable, of) {
            self.bind(variable, of.clone());
            return (true, false);
        }
        (false, false)
    }

    /// The variable does not occur in a type.
    fn is_free_of(&self, variable: &Type, within: &Type) -> bool {
        if variable == within {
            return false;
        }
        match within {
            Type::Param(_) => self
                .find(within)
                .is_none_or(|bound| self.is_free_of(variable, bound)),
            Type::List(x) | Type::Optional(x) | Type::Kind(x) => self.is_free_of(variable, x),
            Type::Map(k, v) => self.is_free_of(variable, k) && self.is_free_of(variable, v),
            _ => true,
        }
    }
}

/// The more general of two types that fit each other.
pub(super) fn most_general(a: &Type, b: &Type) -> Type {
    if less_specific(a, b) {
        a.clone()
    } else {
        b.clone()
    }
}

fn less_specific(a: &Type, b: &Type) -> bool {
    if matches!(a, Type::Dyn | Type::Param(_)) {
        return true;
    }
    if matches!(b, Type::Dyn | Type::Param(_)) {
        return false;
    }
    match (a, b) {
        (Type::List(x), Type::List(y)) | (Type::Optional(x), Type::Optional(y)) => {
            less_specific(x, y)
        }
        (Type::Map(key, value), Type::Map(other, more)) => {
            less_specific(key, other) && less_specific(value, more)
        }
        (Type::Kind(_), Type::Kind(_)) => true,
        _ => a == b,
    }
}
