//! Values while an expression runs, their equality and order (`cel-go/common/types`,
//! `apiserver/pkg/cel/common/{valuesunstructured,maplist,equality}.go`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::instant::Instant;
use serde_json::Value as Json;

use super::types::Type;
use crate::quantity::Quantity;

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `uint`.
    Uint(u64),
    /// `double`.
    Double(f64),
    /// `string`.
    String(Arc<str>),
    /// `bytes`.
    Bytes(Arc<[u8]>),
    /// A point in time.
    Timestamp(Instant),
    /// Nanoseconds.
    Duration(i64),
    /// A list.
    List(List),
    /// A map or an object.
    Map(Arc<BTreeMap<Key, Value>>),
    /// An optional value.
    Optional(Option<Arc<Value>>),
    /// A type.
    Type(Type),
    /// `kubernetes.Quantity`.
    Quantity(Arc<Quantity>),
    /// `kubernetes.URL`.
    Url(Arc<super::library::url::Url>),
    /// `net.IP`.
    Ip(IpAddr),
    /// `net.CIDR`.
    Cidr(super::library::net::Cidr),
    /// `kubernetes.Semver`.
    Semver(Arc<super::library::semver::Semver>),
    /// `kubernetes.NamedFormat`.
    Format(&'static str),
    /// Something the language cannot look into: it can be compared and handed to functions of the host. The name of
    /// its type, and what it is.
    Foreign(Arc<str>, Arc<Json>),
    /// Data that does not fit its type, or a variable that could not be computed: the error whoever reads it gets.
    Broken(Arc<str>),
}

/// A list, and how Kubernetes treats it.
#[derive(Debug, Clone)]
pub struct List {
    /// The elements.
    pub items: Arc<[Value]>,
    /// How lists are compared and added.
    pub kind: ListKind,
}

/// How lists are compared and added (`x-kubernetes-list-type`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// In order.
    Atomic,
    /// As sets.
    Set,
    /// By these keys of the elements.
    Map(Arc<[String]>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `uint`.
    Uint(u64),
    /// `string`.
    String(Arc<str>),
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Bool(value) => Self::Bool(value),
            Key::Int(value) => Self::Int(value),
            Key::Uint(value) => Self::Uint(value),
            Key::String(value) => Self::String(value),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl Value {
    /// A list compared in order.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(List {
            items: items.into_iter().collect(),
            kind: ListKind::Atomic,
        })
    }

    /// A map with text keys.
    pub fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (Key::String(key.into()), value));
        Self::Map(Arc::new(entries.collect()))
    }

    /// An optional that has a value.
    pub fn some(value: Value) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// As a text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// As a bool, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The key it is in a map, if it can be one. A double counts as the whole number it equals.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Bool(value) => Some(Key::Bool(*value)),
            Self::Int(value) => Some(Key::Int(*value)),
            Self::Uint(value) => Some(Key::Uint(*value)),
            Self::String(value) => Some(Key::String(value.clone())),
            Self::Double(value) => whole(*value).map(Key::Int),
            _ => None,
        }
    }

    /// Its type, without what lists, maps and optionals contain.
    pub fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::List(_) => Type::list(Type::Dyn),
            Self::Map(_) => Type::Map(Arc::new(Type::Dyn), Arc::new(Type::Dyn)),
            Self::Optional(_) => Type::optional(Type::Dyn),
            Self::Type(of) => Type::Kind(Arc::new(of.clone())),
            Self::Quantity(_) => Type::Opaque("kubernetes.Quantity".into()),
            Self::Url(_) => Type::Opaque("kubernetes.URL".into()),
            Self::Ip(_) => Type::Opaque("net.IP".into()),
            Self::Cidr(_) => Type::Opaque("net.CIDR".into()),
            Self::Semver(_) => Type::Opaque("kubernetes.Semver".into()),
            Self::Format(_) => Type::Opaque("kubernetes.NamedFormat".into()),
            Self::Foreign(name, _) => Type::Opaque(name.clone()),
            Self::Broken(_) => Type::Error,
        }
    }

    /// What costs count as its size: characters, bytes, elements, entries, else 1.
    pub(super) fn size(&self) -> u64 {
        let length = match self {
            Self::String(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.items.len(),
            Self::Map(map) => map.len(),
            Self::Optional(Some(inner)) => return inner.size(),
            _ => 1,
        };
        length as u64
    }

    /// Whether `==` holds. Values of different types differ, numbers are compared by value; a value that can't be read
    /// equals nothing.
    pub fn equals(&self, other: &Self) -> bool {
        self.equality(other).unwrap_or_default()
    }

    /// `==`. What can't be read on the left is an error; the first two parts that differ decide before all that follow,
    /// as in apiserver's `pkg/cel/common/valuesunstructured.go`.
    pub fn equality(&self, other: &Self) -> Result<bool, Arc<str>> {
        Ok(match (self, other) {
            (Self::Broken(text), _) => return Err(Arc::clone(text)),
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a.runtime_name() == b.runtime_name(),
            (Self::List(a), Self::List(b)) => return lists_equal(a, b),
            (Self::Map(a), Self::Map(b)) if a.len() == b.len() => {
                let pairs = a.iter().map(|(key, value)| (value, find(b, key)));
                return all_equal(pairs);
            }
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => return a.equality(b),
            (Self::Optional(a), Self::Optional(b)) => a.is_none() && b.is_none(),
            (Self::Quantity(a), Self::Quantity(b)) => a.cmp(b).is_eq(),
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Semver(a), Self::Semver(b)) => a.compare(b).is_eq(),
            (Self::Format(a), Self::Format(b)) => a == b,
            (Self::Foreign(a, x), Self::Foreign(b, y)) => a == b && x == y,
            _ => self.compare(other) == Some(Ordering::Equal),
        })
    }

    /// The order of two values, where there is one.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) | (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Int(a), Self::Double(b)) => against_double(i128::from(*a), *b),
            (Self::Uint(a), Self::Double(b)) => against_double(i128::from(*a), *b),
            (Self::Double(a), Self::Int(b)) => {
                against_double(i128::from(*b), *a).map(Ordering::reverse)
            }
            (Self::Double(a), Self::Uint(b)) => {
                against_double(i128::from(*b), *a).map(Ordering::reverse)
            }
            _ => None,
        }
    }
}

/// The whole number a double is.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn whole(value: f64) -> Option<i64> {
    let fits = value.fract() == 0.0 && value >= i64::MIN as f64 && value < i64::MAX as f64;
    fits.then_some(value as i64)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn against_double(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double >= 1e30 {
        return Some(Ordering::Less);
    }
    if double <= -1e30 {
        return Some(Ordering::Greater);
    }
    let floor = double.floor();
    Some(
        whole
            .cmp(&(floor as i128))
            .then(0.0_f64.total_cmp(&(double - floor))),
    )
}

/// The value at a key; whole numbers of both types meet.
pub(super) fn find<'a>(map: &'a BTreeMap<Key, Value>, key: &Key) -> Option<&'a Value> {
    map.get(key).or_else(|| match key {
        Key::Int(value) => map.get(&Key::Uint(u64::try_from(*value).ok()?)),
        Key::Uint(value) => map.get(&Key::Int(i64::try_from(*value).ok()?)),
        Key::Bool(_) | Key::String(_) => None,
    })
}

fn lists_equal(a: &List, b: &List) -> Result<bool, Arc<str>> {
    if a.items.len() != b.items.len() {
        return Ok(false);
    }
    match &a.kind {
        ListKind::Atomic if b.kind == ListKind::Atomic => {
            all_equal(a.items.iter().zip(b.items.iter().map(Some)))
        }
        ListKind::Atomic => lists_equal(b, a),
        ListKind::Set => {
            let mut items = a.items.iter();
            Ok(items.all(|x| b.items.iter().any(|y| x.equals(y))))
        }
        ListKind::Map(keys) => all_equal(a.items.iter().map(|x| {
            let found = b.items.iter().find(|y| same_keys(keys, x, y));
            (x, found)
        })),
    }
}

/// Whether each value equals its counterpart; the first that doesn't decides.
fn all_equal<'a>(
    pairs: impl IntoIterator<Item = (&'a Value, Option<&'a Value>)>,
) -> Result<bool, Arc<str>> {
    for (value, counterpart) in pairs {
        let equal = counterpart.map_or(Ok(false), |counterpart| value.equality(counterpart))?;
        if !equal {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two elements of a list of type map have the same keys.
fn same_keys(keys: &[String], a: &Value, b: &Value) -> bool {
    let (Value::Map(a), Value::Map(b)) = (a, b) else {
        return false;
    };
    keys.iter().all(|key| {
        let key = Key::String(key.as_str().into());
        match (a.get(&key), b.get(&key)) {
            (Some(x), Some(y)) => x.equals(y),
            (None, None) => true,
            _ => false,
        }
    })
}

impl List {
    /// `+`: sets are united; in lists of type map, elements with known keys are replaced; else the second follows.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut items = self.items.to_vec();
        match &self.kind {
            ListKind::Atomic => items.extend(other.items.iter().cloned()),
            ListKind::Set => {
                for item in other.items.iter() {
                    if !items.iter().any(|known| known.equals(item)) {
                        items.push(item.clone());
                    }
                }
            }
            ListKind::Map(keys) => {
                for item in other.items.iter() {
                    match items.iter_mut().find(|known| same_keys(keys, known, item)) {
                        Some(known) => *known = item.clone(),
                        None => items.push(item.clone()),
                    }
                }
            }
        }
        Self {
            items: items.into(),
            kind: self.kind.clone(),
        }
    }
}

/// How values are written in messages such as `no such key: x`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Double(value) => f.write_str(&super::library::format::double(*value)),
            Self::String(text) | Self::Broken(text) => f.write_str(text),
            Self::Bytes(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Timestamp(at) => write!(f, "{at}"),
            Self::Duration(nanos) => f.write_str(&super::library::time::duration_text(*nanos)),
            Self::Type(of) => f.write_str(of.runtime_name()),
            Self::List(list) => {
                let items: Vec<String> = list.items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| format!("{}: {value}", Value::from(key.clone())));
                let entries: Vec<String> = entries.collect();
                write!(f, "{{{}}}", entries.join(", "))
            }
            Self::Optional(None) => f.write_str("optional.none()"),
            Self::Optional(Some(inner)) => write!(f, "optional({inner})"),
            Self::Quantity(quantity) => write!(f, "{quantity}"),
            Self::Url(url) => write!(f, "{url}"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Cidr(cidr) => write!(f, "{cidr}"),
            Self::Semver(version) => write!(f, "{version}"),
            Self::Format(name) => f.write_str(name),
            Self::Foreign(_, data) => write!(f, "{data}"),
        }
    }
}
