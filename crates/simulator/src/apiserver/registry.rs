//! What the server serves: every built-in resource, and the custom ones of established definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::schema::{BuiltinResource, TypeId};

use super::custom::CustomVersion;
use super::resource::Resource;

/// What stands behind a resource.
#[derive(Debug, Clone)]
pub enum Backing {
    /// A built-in type.
    Builtin {
        /// Its Go struct.
        type_id: TypeId,
        /// Its discovery entry.
        entry: &'static BuiltinResource,
    },
    /// A version of a custom resource.
    Custom(Arc<CustomVersion>),
}

/// One served resource.
#[derive(Debug, Clone)]
pub struct Served {
    /// Names.
    pub resource: Resource,
    /// Key of the table that holds its objects: group/plural, the same for all versions.
    pub table: String,
    /// What stands behind it.
    pub backing: Backing,
}

/// All served resources by group, version and plural.
#[derive(Debug, Default)]
pub struct Registry {
    served: BTreeMap<(String, String, String), Arc<Served>>,
}

impl Registry {
    /// One resource.
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Served>> {
        self.served
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// All resources, sorted by group, version and plural.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.served.values()
    }

    /// The custom resources only, sorted.
    pub fn custom(&self) -> impl Iterator<Item = (&Arc<Served>, &Arc<CustomVersion>)> {
        self.served
            .values()
            .filter_map(|served| match &served.backing {
                Backing::Custom(version) => Some((served, version)),
                Backing::Builtin { .. } => None,
            })
    }
}
