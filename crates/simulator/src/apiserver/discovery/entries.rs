//! What there is to discover: built-in resources and those of established definitions, by group and version.

use std::cmp::{Ordering, Reverse};

use machinery::schema::TypeTable;

use super::super::{ApiServer, custom::CustomVersion};

/// Groups in the order of the aggregator: by priority of their API services.
const GROUP_ORDER: [&str; 21] = [
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// Priorities of groups and versions that aren't built in, unless their `APIService` says other ones.
const PRIORITIES: (u64, u64) = (1000, 100);

/// Verbs of custom resources, in the order the extension server lists them.
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// One resource of a group version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Plural name.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Kind.
    pub kind: String,
    /// Lives in a namespace.
    pub namespaced: bool,
    /// Verbs in the order listed.
    pub verbs: Vec<String>,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Subresources.
    pub subresources: Vec<Subresource>,
    /// Group and version that the aggregated document states with the kind: empty for built-ins.
    pub response: (String, String),
    /// Group, version and kind of what is stored, where something is.
    pub stored: Option<(String, String, String)>,
}

/// One subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Name after the slash.
    pub name: String,
    /// Group, version and kind it answers with; group and version empty if the parent's.
    pub kind: (String, String, String),
    /// As [`Entry::response`], of the subresource.
    pub response: (String, String),
    /// Verbs.
    pub verbs: Vec<String>,
}

/// One group with its versions, the preferred first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// Name, empty for the core group.
    pub name: String,
    /// Versions and their resources; none where somebody else should serve them.
    pub versions: Vec<(String, Vec<Entry>)>,
}

/// All groups in the order of discovery.
pub fn groups(api: &ApiServer) -> Vec<GroupEntry> {
    let mut found: Vec<GroupEntry> = Vec::new();
    for resource in TypeTable::builtin().resources() {
        add(
            &mut found,
            &resource.group,
            &resource.version,
            builtin(resource),
        );
    }
    for (_, version) in api.registry().custom() {
        add(
            &mut found,
            &version.resource.group,
            &version.resource.version,
            custom(version),
        );
    }
    let elsewhere = api.elsewhere();
    for one in &elsewhere {
        if let Some(entries) = entries(&mut found, &one.group, &one.version) {
            entries.clear();
        }
    }
    let priorities = |group: &str, version: &str| {
        let mut known = elsewhere.iter();
        let known = known.find(|one| one.group == group && one.version == version);
        known.map_or(PRIORITIES, |one| one.priorities)
    };
    for GroupEntry { name, versions } in &mut found {
        versions.sort_by(|(a, _), (b, _)| {
            let priority = |version: &str| Reverse(priorities(name, version).1);
            let by_name = compare_versions(a, b);
            priority(a).cmp(&priority(b)).then(by_name)
        });
    }
    found.sort_by_key(|group| {
        let rank = GROUP_ORDER.iter().position(|name| *name == group.name);
        let versions = group.versions.iter();
        let priority = versions.map(|(version, _)| priorities(&group.name, version).0);
        (
            rank.unwrap_or(GROUP_ORDER.len()),
            Reverse(priority.max()),
            group.name.clone(),
        )
    });
    found
}

fn add(groups: &mut Vec<GroupEntry>, group: &str, version: &str, entry: Entry) {
    if let Some(entries) = entries(groups, group, version) {
        entries.push(entry);
    }
}

/// The resources of a group version, which there is from now on.
fn entries<'a>(
    groups: &'a mut Vec<GroupEntry>,
    group: &str,
    version: &str,
) -> Option<&'a mut Vec<Entry>> {
    let index = groups
        .iter()
        .position(|known| known.name == group)
        .unwrap_or_else(|| {
            groups.push(GroupEntry {
                name: group.to_owned(),
                versions: Vec::new(),
            });
            groups.len() - 1
        });
    let versions = &mut groups.get_mut(index)?.versions;
    let known = versions.iter().position(|(name, _)| name == version);
    let index = known.unwrap_or_else(|| {
        versions.push((version.to_owned(), Vec::new()));
        versions.len() - 1
    });
    versions.get_mut(index).map(|(_, entries)| entries)
}

fn builtin(resource: &machinery::schema::BuiltinResource) -> Entry {
    let subresources = resource.subresources.iter().map(|sub| {
        let own = sub.group == resource.group && sub.version == resource.version;
        let place = if own {
            (String::new(), String::new())
        } else {
            (sub.group.clone(), sub.version.clone())
        };
        Subresource {
            name: sub.name.clone(),
            kind: (place.0.clone(), place.1.clone(), sub.kind.clone()),
            response: place,
            verbs: sub.verbs.clone(),
        }
    });
    let is_stored = resource.verbs.iter().any(|verb| verb == "watch");
    let stored = match (resource.group.as_str(), resource.plural.as_str()) {
        ("autoscaling", "horizontalpodautoscalers") => ("autoscaling", "v2"),
        ("events.k8s.io", _) => ("", "v1"),
        (group, _) => (group, resource.version.as_str()),
    };
    Entry {
        plural: resource.plural.clone(),
        singular: resource.singular.clone(),
        kind: resource.kind.clone(),
        namespaced: resource.namespaced,
        verbs: resource.verbs.clone(),
        short_names: resource.short_names.clone(),
        categories: resource.categories.clone(),
        subresources: subresources.collect(),
        response: (String::new(), String::new()),
        stored: is_stored.then(|| {
            (
                stored.0.to_owned(),
                stored.1.to_owned(),
                resource.kind.clone(),
            )
        }),
    }
}

fn custom(version: &CustomVersion) -> Entry {
    let resource = &version.resource;
    let texts = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let place = (resource.group.to_string(), resource.version.to_string());
    let subresource =
        |name: &str, kind: (&str, &str, &str), response: (String, String)| Subresource {
            name: name.to_owned(),
            kind: (kind.0.to_owned(), kind.1.to_owned(), kind.2.to_owned()),
            response,
            verbs: texts(&["get", "patch", "update"]),
        };
    let status = version
        .status
        .then(|| subresource("status", ("", "", &resource.kind), place.clone()));
    let scale = version.scale.as_ref().map(|_| {
        subresource(
            "scale",
            ("autoscaling", "v1", "Scale"),
            ("autoscaling".to_owned(), "v1".to_owned()),
        )
    });
    let verbs = if version.terminating {
        texts(&[
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ])
    } else {
        texts(&CUSTOM_VERBS)
    };
    Entry {
        plural: resource.plural.to_string(),
        singular: version.singular.clone(),
        kind: resource.kind.to_string(),
        namespaced: resource.namespaced,
        verbs,
        short_names: version.short_names.clone(),
        categories: version.categories.clone(),
        subresources: status.into_iter().chain(scale).collect(),
        response: place,
        stored: Some((
            resource.group.to_string(),
            version.storage_version.clone(),
            resource.kind.to_string(),
        )),
    }
}

/// The priority of versions (`apimachinery/pkg/version/helpers.go`): `v10`, `v2`, `v2beta1`, `v1alpha3`, then other
/// names alphabetically.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    match (parse_version(a), parse_version(b)) {
        (Some(a), Some(b)) => Reverse(a).cmp(&Reverse(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Stability (2 for GA), major and minor number of a version such as `v1beta2`.
fn parse_version(version: &str) -> Option<(u8, u32, u32)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, rest) = rest.split_at_checked(digits)?;
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|number| *number > 0 && !text.starts_with('0'))
    };
    let major = number(major)?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
        (Some(minor), _) => Some((1, major, number(minor)?)),
        (None, Some(minor)) => Some((0, major, number(minor)?)),
        (None, None) => None,
    }
}
