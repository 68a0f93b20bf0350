//! The documents themselves, fields in Go's order.

use std::net::SocketAddr;

use base64::Engine;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::entries::{Entry, GroupEntry};

/// What `/version` answers: the reference version, built at the epoch.
const VERSION: [(&str, &str); 13] = [
    ("major", "1"),
    ("minor", "36"),
    ("emulationMajor", "1"),
    ("emulationMinor", "36"),
    ("minCompatibilityMajor", "1"),
    ("minCompatibilityMinor", "35"),
    ("gitVersion", "v1.36.3"),
    ("gitCommit", "unknown"),
    ("gitTreeState", "clean"),
    ("buildDate", "1970-01-01T00:00:00Z"),
    ("goVersion", "go1.26.8"),
    ("compiler", "gc"),
    ("platform", "linux/amd64"),
];

/// `/version`.
pub(super) fn version() -> String {
    let lines: Vec<String> = VERSION
        .iter()
        .map(|(key, value)| format!("  \"{key}\": \"{value}\""))
        .collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// What was built, by label in the order of their names.
pub(super) fn build() -> Vec<(&'static str, &'static str)> {
    let label = |field| match field {
        "buildDate" => Some("build_date"),
        "compiler" => Some("compiler"),
        "gitCommit" => Some("git_commit"),
        "gitTreeState" => Some("git_tree_state"),
        "gitVersion" => Some("git_version"),
        "goVersion" => Some("go_version"),
        "major" => Some("major"),
        "minor" => Some("minor"),
        "platform" => Some("platform"),
        _ => None,
    };
    let fields = VERSION.into_iter();
    let mut labels: Vec<_> = fields
        .filter_map(|(field, value)| Some((label(field)?, value)))
        .collect();
    labels.sort_unstable();
    labels
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiVersions {
    kind: &'static str,
    versions: [&'static str; 1],
    #[serde(rename = "serverAddressByClientCIDRs")]
    addresses: [Address; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    #[serde(rename = "clientCIDR")]
    client_cidr: &'static str,
    server_address: String,
}

/// `/api`.
pub(super) fn api_versions(advertise: Option<SocketAddr>) -> ApiVersions {
    let server_address = advertise.map_or_else(
        || "127.0.0.1:6443".to_owned(),
        |address| address.to_string(),
    );
    ApiVersions {
        kind: "APIVersions",
        versions: ["v1"],
        addresses: [Address {
            client_cidr: "0.0.0.0/0",
            server_address,
        }],
    }
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    name: String,
    versions: Vec<GroupVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_version: Option<GroupVersion>,
}

/// `/apis/GROUP`.
pub(super) fn group(entry: &GroupEntry) -> Group {
    Group {
        kind: Some("APIGroup"),
        api_version: Some("v1"),
        ..group_item(entry)
    }
}

fn group_item(entry: &GroupEntry) -> Group {
    let versions = entry.versions.iter().map(|(version, _)| GroupVersion {
        group_version: group_version(&entry.name, version),
        version: version.clone(),
    });
    let versions: Vec<GroupVersion> = versions.collect();
    Group {
        kind: None,
        api_version: None,
        name: entry.name.clone(),
        preferred_version: versions.first().cloned(),
        versions,
    }
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupList {
    kind: &'static str,
    api_version: &'static str,
    groups: Vec<Group>,
}

/// `/apis`.
pub(super) fn group_list(groups: &[GroupEntry]) -> GroupList {
    let named = groups.iter().filter(|group| !group.name.is_empty());
    GroupList {
        kind: "APIGroupList",
        api_version: "v1",
        groups: named.map(group_item).collect(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceList {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    group_version: String,
    resources: Vec<Resource>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    name: String,
    singular_name: String,
    namespaced: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    kind: String,
    verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    short_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_version_hash: Option<String>,
}

/// `/apis/GROUP/VERSION` and `/api/v1`.
pub(super) fn resources(group: &str, version: &str, entries: &[Entry]) -> ResourceList {
    ResourceList {
        kind: "APIResourceList",
        api_version: (!group.is_empty()).then_some("v1"),
        group_version: group_version(group, version),
        resources: entries.iter().flat_map(with_subresources).collect(),
    }
}

fn with_subresources(entry: &Entry) -> Vec<Resource> {
    let mut list = vec![Resource {
        name: entry.plural.clone(),
        singular_name: entry.singular.clone(),
        namespaced: entry.namespaced,
        group: String::new(),
        version: String::new(),
        kind: entry.kind.clone(),
        verbs: entry.verbs.clone(),
        short_names: entry.short_names.clone(),
        categories: entry.categories.clone(),
        storage_version_hash: entry.stored.as_ref().map(storage_version_hash),
    }];
    list.extend(entry.subresources.iter().map(|sub| {
        let (group, version, kind) = sub.kind.clone();
        Resource {
            name: format!("{}/{}", entry.plural, sub.name),
            singular_name: String::new(),
            namespaced: entry.namespaced,
            group,
            version,
            kind,
            verbs: sub.verbs.clone(),
            short_names: Vec::new(),
            categories: Vec::new(),
            storage_version_hash: None,
        }
    }));
    list
}

/// The first eight bytes of a SHA-256 over the kind that is stored (`discovery/storageversionhash.go`).
fn storage_version_hash((group, version, kind): &(String, String, String)) -> String {
    // Stored in a version that isn't served any more, or was the first of two.
    let version = match (group.as_str(), kind.as_str()) {
        ("apiextensions.k8s.io", _)
        | (
            "admissionregistration.k8s.io",
            "MutatingAdmissionPolicy" | "MutatingAdmissionPolicyBinding",
        ) => "v1beta1",
        _ => version.as_str(),
    };
    let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
    let short: Vec<u8> = digest.iter().copied().take(8).collect();
    base64::engine::general_purpose::STANDARD.encode(short)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Aggregated {
    kind: &'static str,
    api_version: &'static str,
    metadata: Empty,
    items: Vec<AggregatedGroup>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct AggregatedGroup {
    metadata: Name,
    versions: Vec<AggregatedVersion>,
}

#[derive(Serialize)]
struct Name {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
}

#[derive(Serialize)]
struct AggregatedVersion {
    version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<AggregatedResource>,
    freshness: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    response_kind: ResponseKind,
    scope: &'static str,
    singular_resource: String,
    verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    short_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subresources: Vec<AggregatedSubresource>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedSubresource {
    subresource: String,
    response_kind: ResponseKind,
    verbs: Vec<String>,
}

#[derive(Serialize)]
struct ResponseKind {
    group: String,
    version: String,
    kind: String,
}

/// `APIGroupDiscoveryList` of these groups.
pub(super) fn aggregated(groups: &[&GroupEntry]) -> Aggregated {
    let items = groups.iter().map(|group| AggregatedGroup {
        metadata: Name {
            name: group.name.clone(),
        },
        versions: group
            .versions
            .iter()
            .map(|(version, entries)| AggregatedVersion {
                version: version.clone(),
                resources: entries.iter().map(aggregated_resource).collect(),
                freshness: if entries.is_empty() {
                    "Stale"
                } else {
                    "Current"
                },
            })
            .collect(),
    });
    Aggregated {
        kind: "APIGroupDiscoveryList",
        api_version: "apidiscovery.k8s.io/v2",
        metadata: Empty {},
        items: items.collect(),
    }
}

fn aggregated_resource(entry: &Entry) -> AggregatedResource {
    let response = |place: &(String, String), kind: &str| ResponseKind {
        group: place.0.clone(),
        version: place.1.clone(),
        kind: kind.to_owned(),
    };
    AggregatedResource {
        resource: entry.plural.clone(),
        response_kind: response(&entry.response, &entry.kind),
        scope: if entry.namespaced {
            "Namespaced"
        } else {
            "Cluster"
        },
        singular_resource: entry.singular.clone(),
        verbs: entry.verbs.clone(),
        short_names: entry.short_names.clone(),
        categories: entry.categories.clone(),
        subresources: entry
            .subresources
            .iter()
            .map(|sub| AggregatedSubresource {
                subresource: sub.name.clone(),
                response_kind: response(&sub.response, &sub.kind.2),
                verbs: sub.verbs.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_version_hashes_are_those_of_the_reference() {
        let hash = |group: &str, version: &str, kind: &str| {
            storage_version_hash(&(group.to_owned(), version.to_owned(), kind.to_owned()))
        };
        assert_eq!(hash("", "v1", "ConfigMap"), "qFsyl6wFWjQ=");
        assert_eq!(hash("apps", "v1", "Deployment"), "8aSe+NMegvE=");
        assert_eq!(hash("ex.com", "v1", "Foo"), "AWA96Ab7FbE=");
        let definitions = hash("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        assert_eq!(definitions, "jfWCUB31mvA=");
        let of_admission = |kind: &str| hash("admissionregistration.k8s.io", "v1", kind);
        assert_eq!(of_admission("MutatingAdmissionPolicy"), "LYmCf+UMVdg=");
        assert_eq!(
            of_admission("MutatingAdmissionPolicyBinding"),
            "90V5FRZZ3Zg="
        );
    }
}
