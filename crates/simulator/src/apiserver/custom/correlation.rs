//! Where a value stands in the old object (`apiserver/pkg/cel/common`, `CorrelatedObject`): errors on what did not change
//! are excused.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use machinery::ordered::ByValue;
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

    /// The elements and the old ones with the same keys; only those of lists of type map have such.
    pub(super) fn items(self) -> Items<'a> {
        let Schema {
            list_type,
            list_map_keys,
            ..
        } = self.schema;
        let old = self.old.as_array();
        Items {
            schema: self.schema.items.as_deref(),
            new: self.new.as_array().map_or(&[], Vec::as_slice),
            old: old.and_then(|old| Counterparts::of(list_type, list_map_keys, old)),
        }
    }

    /// Whether the value is as it was. What the schema doesn't know counts as changed; elements of lists of type map may
    /// have changed places.
    pub(super) fn is_unchanged(self) -> bool {
        let same = |inner: Option<Self>| inner.is_some_and(Self::is_unchanged);
        match (self.new, self.old) {
            (Value::Array(new), Value::Array(old)) if self.schema.list_type == "map" => {
                let items = self.items();
                new.len() == old.len() && (0..new.len()).all(|index| same(items.index(index)))
            }
            (Value::Object(new), Value::Object(old)) => {
                new.len() == old.len() && new.keys().all(|key| same(self.key(key)))
            }
            (new, old) => new == old,
        }
    }
}

/// The elements of a list and where they stand in the old one.
pub(super) struct Items<'a> {
    schema: Option<&'a Schema>,
    new: &'a [Value],
    old: Option<Counterparts<'a>>,
}

impl<'a> Items<'a> {
    /// The element at an index, if the old list has it.
    pub(super) fn index(&self, index: usize) -> Option<Correlated<'a>> {
        let new = self.new.get(index)?;
        let old = self.old.as_ref()?.of_item(new)?;
        let schema = self.schema?;
        Some(Correlated { schema, new, old })
    }
}

/// The elements of an old list of type map by their keys, of equal ones the first. Keys that are missing or no scalars are
/// none.
pub(super) struct Counterparts<'a> {
    names: &'a [String],
    elements: BTreeMap<Vec<ByValue<&'a Value>>, &'a Value>,
}

impl<'a> Counterparts<'a> {
    /// Of other lists there are none.
    pub(super) fn of(list_type: &str, names: &'a [String], old: &'a [Value]) -> Option<Self> {
        if list_type != "map" || names.is_empty() {
            return None;
        }
        let mut elements = BTreeMap::new();
        for item in old {
            if let Some(keys) = keys_of(names, item) {
                elements.entry(keys).or_insert(item);
            }
        }
        Some(Self { names, elements })
    }

    /// The old element with the keys of this one.
    pub(super) fn of_item(&self, item: &Value) -> Option<&'a Value> {
        let keys = keys_of(self.names, item)?;
        self.elements.get(&keys).copied()
    }
}

fn keys_of<'v>(names: &[String], item: &'v Value) -> Option<Vec<ByValue<&'v Value>>> {
    let is_scalar = |value: &&Value| value.is_boolean() || value.is_number() || value.is_string();
    let values = names
        .iter()
        .map(|name| item.get(name).filter(is_scalar).map(ByValue));
    values.collect()
}

/// Where a rule's value stands: it, or what it is part of.
#[derive(Clone)]
pub(super) struct Correlation<'a> {
    current: Option<Correlated<'a>>,
    parent: Option<Parent<'a>>,
}

/// What values are part of. Whether it is as it was is asked once, and not for each of them.
#[derive(Clone)]
struct Parent<'a> {
    whole: Correlated<'a>,
    unchanged: Rc<OnceCell<bool>>,
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
    pub(super) fn inside_all_of(&self) -> Self {
        Self {
            current: None,
            parent: self.parent.clone(),
        }
    }

    /// The value, or what it is part of, is as it was.
    pub(super) fn is_unchanged(&self) -> bool {
        match (self.current, &self.parent) {
            (Some(current), _) => current.is_unchanged(),
            (None, Some(Parent { whole, unchanged })) => {
                *unchanged.get_or_init(|| whole.is_unchanged())
            }
            (None, None) => false,
        }
    }

    /// What is below the value.
    pub(super) fn below(&self) -> Below<'a> {
        let parent = self.current.map(|whole| Parent {
            whole,
            unchanged: Rc::default(),
        });
        Below {
            of: self.clone(),
            items: self.current.map(Correlated::items),
            parent,
        }
    }
}

/// Where the parts of a value stand.
pub(super) struct Below<'a> {
    of: Correlation<'a>,
    items: Option<Items<'a>>,
    parent: Option<Parent<'a>>,
}

impl<'a> Below<'a> {
    /// The value under a key.
    pub(super) fn key(&self, key: &str) -> Correlation<'a> {
        let Some(current) = self.of.current else {
            return self.of.clone();
        };
        // Both objects were converted to the same kind and version.
        if self.of.parent.is_none() && matches!(key, "apiVersion" | "kind") {
            return Correlation {
                current: None,
                parent: None,
            };
        }
        Correlation {
            current: current.key(key),
            parent: self.parent.clone(),
        }
    }

    /// The element at an index.
    pub(super) fn item(&self, index: usize) -> Correlation<'a> {
        let Some(items) = &self.items else {
            return self.of.clone();
        };
        Correlation {
            current: items.index(index),
            parent: self.parent.clone(),
        }
    }
}
