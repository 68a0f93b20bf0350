//! Building blocks of a YAML document: an ordered mapping and what can be put into it.

use std::collections::BTreeMap;

use machinery::yaml::Ordered;
use serde_json::{Value, json};

/// An ordered mapping.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping(Vec<(String, Ordered)>);

/// What can stand in a document.
pub trait IntoNode {
    /// The node.
    fn into_node(self) -> Ordered;
}

impl Mapping {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a key.
    pub fn put(&mut self, key: &str, value: impl IntoNode) {
        self.0.push((key.to_owned(), value.into_node()));
    }

    /// Appends a key if there is a value.
    pub fn put_some(&mut self, key: &str, value: Option<impl IntoNode>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Appends a key and returns the mapping.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl IntoNode) -> Self {
        self.put(key, value);
        self
    }

    /// Appends all that another one holds.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether nothing was put into it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Ordered> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Ordered> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index).1)
    }
}

impl From<Vec<(String, Ordered)>> for Mapping {
    fn from(entries: Vec<(String, Ordered)>) -> Self {
        Self(entries)
    }
}

impl IntoNode for Mapping {
    fn into_node(self) -> Ordered {
        Ordered::Map(self.0)
    }
}

impl IntoNode for Ordered {
    fn into_node(self) -> Ordered {
        self
    }
}

impl<T: IntoNode> IntoNode for Vec<T> {
    fn into_node(self) -> Ordered {
        Ordered::List(self.into_iter().map(IntoNode::into_node).collect())
    }
}

impl<T: IntoNode + Clone> IntoNode for &Vec<T> {
    fn into_node(self) -> Ordered {
        Ordered::List(self.iter().cloned().map(IntoNode::into_node).collect())
    }
}

impl<T: IntoNode, const N: usize> IntoNode for [T; N] {
    fn into_node(self) -> Ordered {
        Ordered::List(self.into_iter().map(IntoNode::into_node).collect())
    }
}

macro_rules! scalars {
    ($($ty:ty),*) => {$(
        impl IntoNode for $ty {
            fn into_node(self) -> Ordered {
                Ordered::Scalar(json!(self))
            }
        }
    )*};
}

scalars!(
    &str, String, &String, bool, &bool, i32, &i32, i64, &i64, isize, &isize, f64
);

/// A map of the user's in go-yaml's natural order of keys (`a2` before `a10`).
pub fn natural<T: serde::Serialize>(map: &BTreeMap<String, T>) -> Ordered {
    Ordered::from(&serde_json::to_value(map).unwrap_or(Value::Null))
}

/// A map in plain order of keys.
pub fn sorted<T: IntoNode + Clone>(map: &BTreeMap<String, T>) -> Mapping {
    Mapping(
        map.iter()
            .map(|(key, value)| (key.clone(), value.clone().into_node()))
            .collect(),
    )
}

/// The text of an optional field, if it is there and not empty.
pub fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
