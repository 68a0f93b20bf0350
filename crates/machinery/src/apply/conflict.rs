//! What a server says when an apply would change fields that others own.
//!
//! Mirrors `apimachinery/pkg/util/managedfields/internal/conflict.go`.

use std::collections::BTreeMap;
use std::fmt;

use super::managed::Identity;
use super::path::{Path, path_text};
use super::set::FieldSet;

/// The reason of each cause.
pub const CAUSE: &str = "FieldManagerConflict";

/// A field that another manager owns with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its owner.
    pub manager: Identity,
    /// The field.
    pub path: Path,
}

/// All conflicts of an apply, by manager; never empty. Prints the message of the 409.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflict {
    /// Message of the cause: `conflict with "m" using v1`.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager.message())
    }

    /// Field of the cause: `.spec.replicas`.
    pub fn field(&self) -> String {
        path_text(&self.path)
    }
}

impl Conflicts {
    /// The fields in conflict, whoever owns them.
    pub fn fields(&self) -> FieldSet {
        self.0
            .iter()
            .map(|conflict| conflict.path.clone())
            .collect()
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            let (message, field) = (only.message(), only.field());
            return write!(f, "Apply failed with 1 conflict: {message}: {field}");
        }
        let mut by_manager: BTreeMap<&Identity, Vec<String>> = BTreeMap::new();
        for conflict in &self.0 {
            let paths = by_manager.entry(&conflict.manager).or_default();
            paths.push(format!("- {}", conflict.field()));
        }
        let groups: Vec<String> = by_manager
            .iter()
            .map(|(manager, paths)| {
                format!(
                    "conflicts with {}:\n{}",
                    manager.message(),
                    paths.join("\n")
                )
            })
            .collect();
        let count = self.0.len();
        let groups = groups.join("\n");
        write!(f, "Apply failed with {count} conflicts: {groups}")
    }
}
