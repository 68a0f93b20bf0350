//! Where a value stands in the old object (`apiserver/pkg/cel/common`, `CorrelatedObject`): errors on what did not change
//! are excused.

use serde_json::Value;

/// Where the value stands in the old object, for deciding whether an error is new.
#[derive(Clone, Copy)]
pub(super) struct Correlation<'a> {
    current: Option<(&'a Value, &'a Value)>,
    parent: Option<(&'a Value, &'a Value)>,
}

impl<'a> Correlation<'a> {
    /// A whole object.
    pub(super) fn of(new: &'a Value, old: Option<&'a Value>) -> Self {
        Self {
            current: old.map(|old| (new, old)),
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
        let pair = self.current.or(self.parent);
        pair.is_some_and(|(new, old)| new == old)
    }

    /// The value under a key; `atomic` maps have no counterparts.
    pub(super) fn key(self, key: &str, atomic: bool) -> Self {
        let Some((new, old)) = self.current else {
            return self;
        };
        // Both objects were converted to the same kind and version.
        if self.parent.is_none() && matches!(key, "apiVersion" | "kind") {
            return Self {
                current: None,
                parent: None,
            };
        }
        let below = new.get(key).zip(old.get(key));
        Self {
            current: below.filter(|_| !atomic),
            parent: self.current,
        }
    }

    /// An element and its counterpart.
    pub(super) fn item(self, item: &'a Value, old: Option<&'a Value>) -> Self {
        if self.current.is_none() {
            return self;
        }
        Self {
            current: old.map(|old| (item, old)),
            parent: self.current,
        }
    }
}
