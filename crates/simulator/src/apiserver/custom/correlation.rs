//! Where a value stands in the old object (`apiserver/pkg/cel/common`, `CorrelatedObject`): errors on what did not change
//! are excused.

use serde_json::Value;

use super::schema::Schema;

/// A value and its counterpart in the old object.
#[derive(Clone, Copy)]
pub(super) struct Correlated<'a> {
    schema: &'a Schema,
    new: &'a Value,
    old: &'a Value,
}

impl<'a> Correlated<'a> {
    /// Two values of the same schema.
    pub(super) fn new(schema: &'a Schema, new: &'a Value, old: &'a Value) -> Self {
        Self { schema, new, old }
    }

    /// The values under a key, where both have it and the schema knows it.
    pub(super) fn key(self, key: &str) -> Option<Self> {
        let (new, old) = self.new.as_object().zip(self.old.as_object())?;
        let (new, old) = new.get(key).zip(old.get(key))?;
        let schema = self.schema.member(key)?;
        Some(Self { schema, new, old })
    }

    /// The element at an index and the old one with the same keys; only lists of type map have such.
    pub(super) fn index(self, index: usize) -> Option<Self> {
        let new = self.new.as_array()?.get(index)?;
        let Schema {
            list_type,
            list_map_keys,
            ..
        } = self.schema;
        let old = counterpart(list_type, list_map_keys, new, self.old.as_array()?)?;
        let schema = self.schema.items.as_deref()?;
        Some(Self { schema, new, old })
    }

    /// Whether the value is as it was. What the schema doesn't know counts as changed; elements of lists of type map may
    /// have changed places.
    pub(super) fn is_unchanged(self) -> bool {
        let same = |inner: Option<Self>| inner.is_some_and(Self::is_unchanged);
        match (self.new, self.old) {
            (Value::Array(new), Value::Array(old)) if self.schema.list_type == "map" => {
                new.len() == old.len() && (0..new.len()).all(|index| same(self.index(index)))
            }
            (Value::Object(new), Value::Object(old)) => {
                new.len() == old.len() && new.keys().all(|key| same(self.key(key)))
            }
            (new, old) => new == old,
        }
    }
}

/// The first old element with the same keys, in lists of type map. Keys that are missing or no scalars are none.
pub(super) fn counterpart<'a>(
    list_type: &str,
    keys: &[String],
    item: &Value,
    old: &'a [Value],
) -> Option<&'a Value> {
    if list_type != "map" || keys.is_empty() {
        return None;
    }
    let is_scalar = |value: &Value| value.is_boolean() || value.is_number() || value.is_string();
    let same = |old: &&Value| {
        let mut pairs = keys.iter().map(|key| item.get(key).zip(old.get(key)));
        pairs.all(|pair| pair.is_some_and(|(new, old)| new == old && is_scalar(new)))
    };
    old.iter().find(same)
}

/// Where a rule's value stands: it, or what it is part of.
#[derive(Clone, Copy)]
pub(super) struct Correlation<'a> {
    current: Option<Correlated<'a>>,
    parent: Option<Correlated<'a>>,
}

impl<'a> Correlation<'a> {
    /// A whole object.
    pub(super) fn of(schema: &'a Schema, new: &'a Value, old: Option<&'a Value>) -> Self {
        Self {
            current: old.map(|old| Correlated::new(schema, new, old)),
            parent: None,
        }
    }

    /// Rules inside `allOf` are not excused by their own value.
    pub(super) fn inside_all_of(self) -> Self {
        Self {
            current: None,
            parent: self.parent,
        }
    }

    /// The value, or what it is part of, is as it was.
    pub(super) fn is_unchanged(&self) -> bool {
        let nearest = self.current.or(self.parent);
        nearest.is_some_and(Correlated::is_unchanged)
    }

    /// The value under a key.
    pub(super) fn key(self, key: &str) -> Self {
        let Some(current) = self.current else {
            return self;
        };
        // Both objects were converted to the same kind and version.
        if self.parent.is_none() && matches!(key, "apiVersion" | "kind") {
            return Self {
                current: None,
                parent: None,
            };
        }
        Self {
            current: current.key(key),
            parent: self.current,
        }
    }

    /// The element at an index.
    pub(super) fn item(self, index: usize) -> Self {
        let Some(current) = self.current else {
            return self;
        };
        Self {
            current: current.index(index),
            parent: self.current,
        }
    }
}
