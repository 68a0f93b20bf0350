//! What the server serves: every built-in resource, and the custom ones of established definitions.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::schema::{BuiltinResource, TypeId, TypeTable};

use super::custom::{Conversion, CustomVersion};
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
    pub table: Arc<str>,
    /// The version its objects are stored in.
    pub storage_version: String,
    /// What stands behind it.
    pub backing: Backing,
}

impl Served {
    /// The Go struct, for built-ins.
    pub fn type_id(&self) -> Option<TypeId> {
        match &self.backing {
            Backing::Builtin { type_id, .. } => Some(*type_id),
            Backing::Custom(_) => None,
        }
    }

    /// The custom version, for custom resources.
    pub fn custom(&self) -> Option<&Arc<CustomVersion>> {
        match &self.backing {
            Backing::Builtin { .. } => None,
            Backing::Custom(version) => Some(version),
        }
    }

    /// How its versions are converted, if a webhook does it.
    pub(crate) fn asks(&self) -> Option<&Conversion> {
        let conversion = &self.custom()?.conversion;
        conversion.webhook().is_some().then_some(conversion)
    }

    /// The kind of its lists.
    pub fn list_kind(&self) -> String {
        match &self.backing {
            Backing::Builtin { .. } => format!("{}List", self.resource.kind),
            Backing::Custom(version) => version.list_kind.clone(),
        }
    }

    /// Whether discovery lists that verb for the main endpoint.
    pub fn has_verb(&self, verb: &str) -> bool {
        match &self.backing {
            Backing::Builtin { entry, .. } => entry.verbs.iter().any(|known| known == verb),
            Backing::Custom(_) => true,
        }
    }

    /// Whether there is a subresource of that name.
    pub fn has_subresource(&self, name: &str) -> bool {
        match &self.backing {
            Backing::Builtin { entry, .. } => {
                entry.subresources.iter().any(|known| known.name == name)
            }
            Backing::Custom(version) => match name {
                "status" => version.status,
                "scale" => version.scale.is_some(),
                _ => false,
            },
        }
    }

    /// The resource in its storage version, which lives in the table.
    pub fn is_storage_version(&self) -> bool {
        let group = self.table.strip_prefix(self.resource.group.as_ref());
        group.and_then(|rest| rest.strip_prefix('/')) == Some(self.resource.plural.as_ref())
            && self.storage_version == self.resource.version
    }
}

/// Where a resource stands to the one of that group, version and plural.
fn by_length(resource: &Resource, (group, version, plural): (&str, &str, &str)) -> Ordering {
    let lengths = resource.plural.len().cmp(&plural.len());
    lengths
        .then_with(|| (*resource.plural).cmp(plural))
        .then_with(|| (*resource.group).cmp(group))
        .then_with(|| (*resource.version).cmp(version))
}

/// Name of a resource's table.
fn table_name(group: &str, plural: &str) -> String {
    format!("{group}/{plural}")
}

/// Built-in resources whose objects live in another group's table or another version.
fn storage_of(entry: &BuiltinResource) -> (Arc<str>, String) {
    match (entry.group.as_str(), entry.plural.as_str()) {
        ("events.k8s.io", "events") => (Arc::from("/events"), "v1".to_owned()),
        ("autoscaling", "horizontalpodautoscalers") => (
            Arc::from("autoscaling/horizontalpodautoscalers"),
            "v2".to_owned(),
        ),
        (group, plural) => (Arc::from(table_name(group, plural)), entry.version.clone()),
    }
}

/// The type of token requests as if it were a resource, for who owns what in them.
pub(crate) fn token_request_type() -> Option<Served> {
    static ENTRY: std::sync::LazyLock<BuiltinResource> =
        std::sync::LazyLock::new(|| BuiltinResource {
            group: "authentication.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "TokenRequest".to_owned(),
            plural: "tokenrequests".to_owned(),
            singular: "tokenrequest".to_owned(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        });
    let (group, kind) = ("authentication.k8s.io", "TokenRequest");
    let type_id = TypeTable::builtin().type_of(group, "v1", kind)?;
    Some(Served {
        resource: Resource::new(group, "v1", kind, "tokenrequests", true),
        table: Arc::from("authentication.k8s.io/tokenrequests"),
        storage_version: "v1".to_owned(),
        backing: Backing::Builtin {
            type_id,
            entry: &ENTRY,
        },
    })
}

/// The Scale type as if it were a resource, for patches of it.
pub(crate) fn scale_type() -> Option<Served> {
    static ENTRY: std::sync::LazyLock<BuiltinResource> =
        std::sync::LazyLock::new(|| BuiltinResource {
            group: "autoscaling".to_owned(),
            version: "v1".to_owned(),
            kind: "Scale".to_owned(),
            plural: "scales".to_owned(),
            singular: "scale".to_owned(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        });
    let type_id = TypeTable::builtin().type_of("autoscaling", "v1", "Scale")?;
    Some(Served {
        resource: Resource::new("autoscaling", "v1", "Scale", "scales", true),
        table: Arc::from("autoscaling/scales"),
        storage_version: "v1".to_owned(),
        backing: Backing::Builtin {
            type_id,
            entry: &ENTRY,
        },
    })
}

/// All served resources by group, version and plural.
#[derive(Debug, Default)]
pub struct Registry {
    /// By group, version and plural.
    served: Vec<Arc<Served>>,
    /// The same in an order in which one is found with few looks at names: by the length of the plural first.
    by_length: Vec<Arc<Served>>,
    storage: BTreeMap<Arc<str>, Arc<Served>>,
    definitions: BTreeMap<String, String>,
    generation: u64,
    /// A webhook converts some resource.
    asks: bool,
}

impl Registry {
    /// The built-in resources.
    pub fn builtin() -> Self {
        let table = TypeTable::builtin();
        let mut registry = Self::default();
        for entry in table.resources() {
            let Some(type_id) = table.type_of(&entry.group, &entry.version, &entry.kind) else {
                continue;
            };
            let (name, storage_version) = storage_of(entry);
            registry.insert(Served {
                resource: Resource {
                    group: entry.group.as_str().into(),
                    version: entry.version.as_str().into(),
                    kind: entry.kind.as_str().into(),
                    plural: entry.plural.as_str().into(),
                    namespaced: entry.namespaced,
                },
                table: name,
                storage_version,
                backing: Backing::Builtin { type_id, entry },
            });
        }
        registry.index();
        registry
    }

    fn index(&mut self) {
        self.by_length.clone_from(&self.served);
        self.by_length.sort_by(|one, other| {
            let Resource {
                group,
                version,
                plural,
                ..
            } = &other.resource;
            by_length(&one.resource, (group, version, plural))
        });
    }

    fn insert(&mut self, served: Served) {
        let served = Arc::new(served);
        if served.is_storage_version() {
            self.storage.insert(served.table.clone(), served.clone());
        }
        let resource = &served.resource;
        match self.place(&resource.group, &resource.version, &resource.plural) {
            Ok(at) => {
                if let Some(known) = self.served.get_mut(at) {
                    *known = served;
                }
            }
            Err(at) => self.served.insert(at, served),
        }
    }

    /// Where a resource is, or belongs.
    fn place(&self, group: &str, version: &str, plural: &str) -> Result<usize, usize> {
        self.served.binary_search_by(|served| {
            let resource = &served.resource;
            let found = (&*resource.group, &*resource.version, &*resource.plural);
            found.cmp(&(group, version, plural))
        })
    }

    /// Notes the state of a definition; false if it is the one already known.
    pub fn note_definition(&mut self, name: &str, state: Option<String>) -> bool {
        match state {
            Some(state) if self.definitions.get(name) == Some(&state) => false,
            Some(state) => {
                self.definitions.insert(name.to_owned(), state);
                true
            }
            None => self.definitions.remove(name).is_some(),
        }
    }

    /// Replaces the versions of one definition (`PLURAL.GROUP`); none withdraws it.
    pub fn set_custom(&mut self, group: &str, plural: &str, versions: Vec<CustomVersion>) {
        self.generation += 1;
        self.served.retain(|served| {
            let known = &served.resource;
            known.group != group || known.plural != plural || served.custom().is_none()
        });
        let name: Arc<str> = Arc::from(table_name(group, plural));
        self.storage.remove(&name);
        for version in versions {
            self.insert(Served {
                resource: version.resource.clone(),
                table: name.clone(),
                storage_version: version.storage_version.clone(),
                backing: Backing::Custom(Arc::new(version)),
            });
        }
        let mut all = self.served.iter();
        let stored = all.find(|served| served.table == name).cloned();
        if let Some(served) = stored {
            self.storage.entry(name).or_insert(served);
        }
        self.asks = self.served.iter().any(|served| served.asks().is_some());
        self.index();
    }

    /// Whether a webhook converts some resource.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// Counts changes of the custom resources.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// One resource.
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Served>> {
        let place = |served: &Arc<Served>| by_length(&served.resource, (group, version, plural));
        let at = self.by_length.binary_search_by(place).ok()?;
        self.by_length.get(at)
    }

    /// The resource whose objects live in that table, in their storage version.
    pub fn storage(&self, table: &str) -> Option<&Arc<Served>> {
        self.storage.get(table)
    }

    /// All tables with the resource stored in each.
    pub fn all_storage(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.storage.values()
    }

    /// The resource of an apiVersion and kind.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Served>> {
        let (group, version) = machinery::meta::group_version(api_version);
        let from = match self.place(group, version, "") {
            Ok(at) | Err(at) => at,
        };
        let mut alike = self.served.get(from..)?.iter().take_while(|served| {
            let known = &served.resource;
            known.group == group && known.version == version
        });
        alike.find(|served| served.resource.kind == kind)
    }

    /// Whether a group is built-in.
    pub fn is_builtin_group(&self, group: &str) -> bool {
        self.served
            .iter()
            .any(|served| served.resource.group == group && served.type_id().is_some())
    }

    /// All resources, sorted by group, version and plural.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.served.iter()
    }

    /// The custom resources only, sorted.
    pub fn custom(&self) -> impl Iterator<Item = (&Arc<Served>, &Arc<CustomVersion>)> {
        self.served
            .iter()
            .filter_map(|served| match &served.backing {
                Backing::Custom(version) => Some((served, version)),
                Backing::Builtin { .. } => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_both_groups_share_one_table() {
        let registry = Registry::builtin();
        let core = registry.get("", "v1", "events").unwrap();
        let group = registry.get("events.k8s.io", "v1", "events").unwrap();
        assert_eq!(core.table, group.table);
        assert!(core.is_storage_version());
        assert!(!group.is_storage_version());
    }

    #[test]
    fn kinds_are_found_by_api_version() {
        let registry = Registry::builtin();
        let found = registry.of_kind("apps/v1", "Deployment").unwrap();
        assert_eq!(found.resource, super::super::resource::known::DEPLOYMENTS);
        assert!(registry.of_kind("apps/v1", "Rollout").is_none());
    }
}
