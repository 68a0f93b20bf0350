//! Sets of fields, and their JSON form `fieldsV1`.
//!
//! Mirrors `structured-merge-diff/fieldpath/{set,serialize}.go`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::{Path, PathElement, PathError, json_text, path_text};

/// A set of fields, as a tree of path elements. Membership of a field says nothing of what is above or below it.
///
/// Copies share what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// A node is a member or has something below it. Nothing where there are none.
    nodes: Option<Arc<Nodes>>,
}

type Nodes = BTreeMap<PathElement, Node>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

/// Text or JSON that is no set of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// No JSON.
    #[error("{0}")]
    Json(String),
    /// Something other than an object at a path element.
    #[error("expect {{ or n, but found {0}")]
    NoObject(String),
    /// A key that is no path element.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    fn nodes(&self) -> impl Iterator<Item = (&PathElement, &Node)> {
        self.nodes.iter().flat_map(|nodes| nodes.iter())
    }

    fn node(&self, element: &PathElement) -> Option<&Node> {
        self.nodes.as_ref()?.get(element)
    }

    fn nodes_mut(&mut self) -> &mut Nodes {
        Arc::make_mut(self.nodes.get_or_insert_default())
    }

    /// Whether both are the same tree, not only alike.
    pub(super) fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.nodes, &other.nodes) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Adds a field; the empty path, which is the whole object, is left out.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((element, rest)) = path.split_first() else {
            return;
        };
        let node = self.nodes_mut().entry(element.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Whether the field is a member.
    pub fn contains(&self, path: &[PathElement]) -> bool {
        let Some((element, rest)) = path.split_first() else {
            return false;
        };
        self.node(element).is_some_and(|node| {
            if rest.is_empty() {
                node.member
            } else {
                node.below.contains(rest)
            }
        })
    }

    /// Whether the element itself is a member.
    pub(super) fn has(&self, element: &PathElement) -> bool {
        self.node(element).is_some_and(|node| node.member)
    }

    /// What is below an element, if anything.
    pub(super) fn below(&self, element: &PathElement) -> Option<&Self> {
        self.node(element)
            .map(|node| &node.below)
            .filter(|below| !below.is_empty())
    }

    /// Each element with whether it is a member, and what is below it.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&PathElement, bool, &Self)> {
        self.nodes()
            .map(|(element, node)| (element, node.member, &node.below))
    }

    /// Puts what belongs to an element in place; nothing if that is nothing.
    pub(super) fn put(&mut self, element: PathElement, member: bool, below: Self) {
        let node = Node { member, below };
        if !node.is_empty() {
            self.nodes_mut().insert(element, node);
        }
    }

    /// Adds what belongs to an element to what does already.
    pub(super) fn join(&mut self, element: PathElement, member: bool, below: Self) {
        match self.nodes_mut().entry(element) {
            Entry::Vacant(vacant) => {
                vacant.insert(Node { member, below });
            }
            Entry::Occupied(mut occupied) => {
                let node = occupied.get_mut();
                node.member |= member;
                node.below.add(&below);
            }
        }
    }

    /// Whether nothing is a member.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_none()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.nodes()
            .map(|(_, node)| usize::from(node.member) + node.below.len())
            .sum()
    }

    /// Fields of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_subset(other) {
            return other.clone();
        }
        let mut out = self.clone();
        out.add(other);
        out
    }

    fn add(&mut self, other: &Self) {
        if other.is_subset(self) {
            return;
        }
        for (element, node) in other.nodes() {
            let mine = self.nodes_mut().entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.below.add(&node.below);
        }
    }

    /// Whether each field of this set is one of the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.is_shared_with(other)
            || self.nodes().all(|(element, node)| {
                other.node(element).is_some_and(|theirs| {
                    theirs.member >= node.member && node.below.is_subset(&theirs.below)
                })
            })
    }

    /// Whether some field is in both sets.
    fn meets(&self, other: &Self) -> bool {
        self.nodes().any(|(element, node)| {
            other.node(element).is_some_and(|theirs| {
                (node.member && theirs.member) || node.below.meets(&theirs.below)
            })
        })
    }

    /// Fields of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (element, node) in self.nodes() {
            if let Some(theirs) = other.node(element) {
                let below = node.below.intersection(&theirs.below);
                out.put(element.clone(), node.member && theirs.member, below);
            }
        }
        out
    }

    /// Fields of this set that are not in the other; each field stands for itself, not for what is below it.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if !other.meets(self) {
            return self.clone();
        }
        let mut out = Self::new();
        for (element, node) in self.nodes() {
            match other.node(element) {
                None => out.put(element.clone(), node.member, node.below.clone()),
                Some(theirs) => {
                    let below = node.below.difference(&theirs.below);
                    out.put(element.clone(), node.member && !theirs.member, below);
                }
            }
        }
        out
    }

    /// The same, but a member of the other set takes everything below it along.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        let mut out = Self::new();
        for (element, node) in self.nodes() {
            match other.node(element) {
                None => out.put(element.clone(), node.member, node.below.clone()),
                Some(theirs) if theirs.member => {}
                Some(theirs) => {
                    let below = node.below.recursive_difference(&theirs.below);
                    out.put(element.clone(), node.member, below);
                }
            }
        }
        out
    }

    /// The members' paths in the order of messages: those of a level, then those below each of its elements.
    pub fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Path, out: &mut Vec<Path>) {
        for (element, node) in self.nodes() {
            if node.member {
                let mut path = prefix.clone();
                path.push(element.clone());
                out.push(path);
            }
        }
        for (element, node) in self.nodes() {
            prefix.push(element.clone());
            node.below.collect(prefix, out);
            prefix.pop();
        }
    }

    /// `fieldsV1` as bytes in the server's order: fields, keys, values, indices, each sorted, `.` first.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{");
        self.write(false, &mut out);
        out.push('}');
        out
    }

    fn write(&self, dot: bool, out: &mut String) {
        let mut first = true;
        let mut separate = |out: &mut String| {
            if !first {
                out.push(',');
            }
            first = false;
        };
        if dot {
            separate(out);
            out.push_str("\".\":{}");
        }
        for (element, node) in self.nodes() {
            separate(out);
            out.push_str(&json_text(&element.to_key()));
            out.push_str(":{");
            node.below.write(node.member && !node.below.is_empty(), out);
            out.push('}');
        }
    }

    /// `fieldsV1` as a value, whose keys are in no order of ours.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (element, node) in self.nodes() {
            let mut below = node.below.to_value();
            if let (true, false, Some(map)) =
                (node.member, node.below.is_empty(), below.as_object_mut())
            {
                map.insert(".".to_owned(), Value::Object(Map::new()));
            }
            out.insert(element.to_key(), below);
        }
        Value::Object(out)
    }

    /// Reads `fieldsV1`. Elements of a type that is not known are left out, with all below them.
    pub fn from_json(text: &str) -> Result<Self, FieldsError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| FieldsError::Json(error.to_string()))?;
        Self::from_value(&value)
    }

    /// Reads `fieldsV1` from a decoded value; null is the empty set.
    pub fn from_value(value: &Value) -> Result<Self, FieldsError> {
        Ok(read(value)?.below)
    }
}

/// What a node's value says: `.` or nothing at all make the node a member.
fn read(value: &Value) -> Result<Node, FieldsError> {
    let mut node = Node::default();
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => {
            node.member = true;
            return Ok(node);
        }
        other => return Err(FieldsError::NoObject(other.to_string())),
    };
    for (key, value) in fields {
        if key == "." {
            node.member = true;
            continue;
        }
        if let Some(element) = PathElement::from_key(key)? {
            let Node { member, below } = read(value)?;
            node.below.put(element, member, below);
        }
    }
    node.member |= node.below.is_empty();
    Ok(node)
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        let mut out = Self::new();
        for path in paths {
            out.insert(&path);
        }
        out
    }
}

/// One path a line, as in messages.
impl fmt::Display for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.paths().iter().map(|path| path_text(path)).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(value: &Value) -> FieldSet {
        FieldSet::from_value(value).unwrap()
    }

    #[test]
    fn text_keeps_the_order_of_the_server() {
        let text = concat!(
            r#"{"f:spec":{".":{},"f:b":{},"f:ports":{"k:{\"port\":80}":{".":{},"f:port":{}},"#,
            r#""k:{\"port\":443}":{"f:port":{}}},"f:set":{"v:2":{},"v:10":{},"v:\"a\"":{}}}}"#
        );
        let set = FieldSet::from_json(text).unwrap();
        assert_eq!(set.to_json(), text);
        assert_eq!(set.len(), 8);
        assert_eq!(FieldSet::from_value(&set.to_value()), Ok(set));
    }

    #[test]
    fn what_is_not_known_is_left_out_with_what_is_below_it() {
        assert_eq!(
            set(&json!({"f:a": {"x:y": {"f:b": {}}}, "x:": {}, ".": {}})).to_json(),
            r#"{"f:a":{}}"#
        );
        assert!(FieldSet::from_json("{").is_err());
        assert!(FieldSet::from_value(&json!({"f:a": 1})).is_err());
        assert!(FieldSet::from_value(&json!({"a": {}})).is_err());
        assert_eq!(FieldSet::from_json("{}"), Ok(FieldSet::new()));
    }

    #[test]
    fn a_member_does_not_stand_for_what_is_below_it() {
        let parent = set(&json!({"f:a": {}}));
        let child = set(&json!({"f:a": {"f:b": {}}}));
        assert_eq!(child.difference(&parent), child);
        assert_eq!(parent.difference(&child), parent);
        assert!(parent.intersection(&child).is_empty());
        assert!(child.recursive_difference(&parent).is_empty());
        assert_eq!(parent.recursive_difference(&child), parent);
        assert_eq!(
            parent.union(&child).to_json(),
            r#"{"f:a":{".":{},"f:b":{}}}"#
        );
    }

    #[test]
    fn what_stays_the_same_is_shared() {
        let all = set(&json!({"f:a": {"f:x": {}, "f:y": {}}, "f:b": {}}));
        let part = set(&json!({"f:a": {"f:x": {}}}));
        let other = set(&json!({"f:a": {"f:z": {}}}));
        let above = set(&json!({"f:a": {}}));
        assert!(part.is_subset(&all) && !all.is_subset(&part));
        assert!(!other.is_subset(&all) && !above.is_subset(&all));
        for union in [part.union(&all), all.union(&part)] {
            assert!(union.is_shared_with(&all));
        }
        assert!(all.difference(&other).is_shared_with(&all));
        assert!(!all.difference(&part).is_shared_with(&all));
        let text = r#"{"f:a":{".":{},"f:x":{},"f:y":{},"f:z":{}},"f:b":{}}"#;
        assert_eq!(all.union(&other).union(&above).to_json(), text);
        assert_eq!(all.to_json(), r#"{"f:a":{"f:x":{},"f:y":{}},"f:b":{}}"#);
    }

    #[test]
    fn paths_come_level_by_level() {
        let set = set(&json!({"f:a": {"f:x": {}}, "f:b": {}, "f:c": {".": {}, "f:y": {}}}));
        assert_eq!(set.to_string(), ".b\n.c\n.a.x\n.c.y");
        assert!(set.contains(&[PathElement::field("a"), PathElement::field("x")]));
        assert!(!set.contains(&[PathElement::field("a")]));
        assert!(!set.contains(&[]));
    }
}
