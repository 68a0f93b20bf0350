//! Sets of fields, and their JSON form `fieldsV1`.
//!
//! Mirrors `structured-merge-diff/fieldpath/{set,serialize}.go`.

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

/// By element. Most sets are made in that order, and have few elements a level.
type Nodes = Vec<(PathElement, Node)>;

/// Where an element is, or belongs.
fn place(nodes: &Nodes, element: &PathElement) -> Result<usize, usize> {
    match nodes.last() {
        Some((last, _)) if last < element => Err(nodes.len()),
        Some(_) | None => nodes.binary_search_by(|(known, _)| known.cmp(element)),
    }
}

/// Changes the node of an element, which is there from then on.
fn change(nodes: &mut Nodes, element: PathElement, change: impl FnOnce(&mut Node)) {
    match place(nodes, &element) {
        Ok(at) => {
            if let Some((_, node)) = nodes.get_mut(at) {
                change(node);
            }
        }
        Err(at) => {
            let mut node = Node::default();
            change(&mut node);
            nodes.insert(at, (element, node));
        }
    }
}

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
        let nodes = self.nodes.as_ref().map_or(&[][..], |nodes| nodes);
        nodes.iter().map(|(element, node)| (element, node))
    }

    fn node(&self, element: &PathElement) -> Option<&Node> {
        let nodes = self.nodes.as_ref()?;
        let (_, node) = nodes.get(place(nodes, element).ok()?)?;
        Some(node)
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
        change(self.nodes_mut(), element.clone(), |node| {
            if rest.is_empty() {
                node.member = true;
            } else {
                node.below.insert(rest);
            }
        });
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
            change(self.nodes_mut(), element, |place| *place = node);
        }
    }

    /// Adds what belongs to an element to what does already.
    pub(super) fn join(&mut self, element: PathElement, member: bool, below: Self) {
        change(self.nodes_mut(), element, |node| {
            node.member |= member;
            if node.below.is_empty() {
                node.below = below;
            } else {
                node.below.add(&below);
            }
        });
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
        let mine = std::mem::take(&mut self.nodes).map(Arc::unwrap_or_clone);
        let mine = mine.unwrap_or_default();
        let mut theirs = other.nodes().peekable();
        let mut out = Nodes::with_capacity(mine.len() + 1);
        let copied = |(element, node): (&PathElement, &Node)| (element.clone(), node.clone());
        for (element, mut node) in mine {
            while let Some(before) = theirs.next_if(|(other, _)| **other < element) {
                out.push(copied(before));
            }
            if let Some((_, same)) = theirs.next_if(|(other, _)| **other == element) {
                node.member |= same.member;
                node.below.add(&same.below);
            }
            out.push((element, node));
        }
        out.extend(theirs.map(copied));
        self.nodes = Some(Arc::new(out));
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
        // Thousands of managers own little each of what is large.
        let size = |set: &Self| set.nodes.as_ref().map_or(0, |nodes| nodes.len());
        let (few, many) = if size(self) <= size(other) {
            (self, other)
        } else {
            (other, self)
        };
        few.nodes().any(|(element, node)| {
            many.node(element).is_some_and(|theirs| {
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
    let mut nodes = Nodes::new();
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
            nodes.push((element, read(value)?));
        }
    }
    nodes.retain(|(_, node)| !node.is_empty());
    if !nodes.is_empty() {
        node.below.nodes = Some(Arc::new(in_order(nodes)));
    }
    node.member |= node.below.is_empty();
    Ok(node)
}

/// Nodes by element; of two of one element the last counts.
fn in_order(mut nodes: Nodes) -> Nodes {
    if nodes.is_sorted_by(|(one, _), (next, _)| one < next) {
        return nodes;
    }
    nodes.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut out = Nodes::with_capacity(nodes.len());
    for (element, node) in nodes {
        match out.last_mut() {
            Some((last, known)) if *last == element => *known = node,
            Some(_) | None => out.push((element, node)),
        }
    }
    out
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        let mut paths: Vec<Path> = paths.into_iter().collect();
        paths.sort();
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
mod tests;
