//! Which parts of a document a patch opened: messages about a patched object show its text, and what the Go library
//! opened is written with sorted keys while the rest keeps the order it was read in.
//!
//! Mirrors what `gopkg.in/evanphx/json-patch.v4` leaves of its lazy nodes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::json::keys;

/// What became of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// It is as it was read.
    Kept,
    /// Something below was looked at; absent keys are [`Touched::Kept`].
    Opened(BTreeMap<String, Touched>),
    /// It came from the patch, or was compared with it.
    Replaced,
}

impl Touched {
    /// By a merge patch of `document`.
    pub fn by_merge(document: &Value, patch: &Value) -> Self {
        let nothing = Map::new();
        let changes = patch.as_object().unwrap_or(&nothing);
        let inner = changes
            .iter()
            .filter(|(_, change)| !change.is_null())
            .map(|(key, change)| {
                let current = document.get(key).filter(|current| current.is_object());
                let touched = match current {
                    Some(current) if change.is_object() => Self::by_merge(current, change),
                    Some(_) | None => Self::Replaced,
                };
                (key.clone(), touched)
            });
        Self::Opened(inner.collect())
    }

    /// By the operations of a JSON patch.
    pub fn by_operations(operations: &[Value]) -> Self {
        let mut root = Self::Opened(BTreeMap::new());
        for operation in operations {
            let text = |name: &str| operation.get(name).and_then(Value::as_str);
            if let Some(from) = text("from") {
                root.open(from, false);
            }
            if let Some(path) = text("path") {
                root.open(path, text("op") != Some("remove"));
            }
        }
        root
    }

    fn open(&mut self, path: &str, replaced: bool) {
        let Some((parents, last)) = keys(path) else {
            if replaced {
                *self = Self::Replaced;
            }
            return;
        };
        let mut at = self;
        for key in parents {
            let Some(next) = at.child(&key) else {
                return;
            };
            at = next;
        }
        if let (true, Some(place)) = (replaced, at.child(&last)) {
            *place = Self::Replaced;
        } else {
            // The container was opened all the same.
            let _ = at.child_map();
        }
    }

    fn child_map(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        if *self == Self::Kept {
            *self = Self::Opened(BTreeMap::new());
        }
        match self {
            Self::Opened(inner) => Some(inner),
            Self::Kept | Self::Replaced => None,
        }
    }

    fn child(&mut self, key: &str) -> Option<&mut Self> {
        let inner = self.child_map()?;
        Some(inner.entry(key.to_owned()).or_insert(Self::Kept))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::go_json;
    use crate::schema::TypeTable;

    fn shown(touched: &Touched, object: &Value) -> String {
        let pod = TypeTable::builtin().type_of("", "v1", "Pod").expect("pods");
        go_json::to_string_touched(object, pod, touched)
    }

    #[test]
    fn what_was_opened_is_sorted_and_the_rest_is_not() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Always"}});
        let merged = Touched::by_merge(&pod, &json!({"spec": {"restartPolicy": "Never"}}));
        assert_eq!(
            shown(&merged, &pod),
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"y"}},"spec":{"containers":[{"name":"c","image":"i"}],"restartPolicy":"Always"}}"#
        );
        let operations = [json!({"op": "add", "path": "/metadata/labels/z", "value": "1"})];
        assert_eq!(
            shown(&Touched::by_operations(&operations), &pod),
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"x":"y"},"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}],"restartPolicy":"Always"}}"#
        );
        let whole = Touched::by_merge(&pod, &json!({"spec": {"containers": [{}]}}));
        assert!(shown(&whole, &pod).contains(r#"[{"image":"i","name":"c"}]"#));
    }
}
