//! Which kind and version a body says it has, and whether they fit.

use machinery::decode::{self, DecodeError, Decoded, quote};
use machinery::meta;
use machinery::schema::{TypeId, TypeTable};
use serde_json::Value;

use super::{cannot_handle, type_meta_of};
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

/// Go's package of a group's internal types.
pub(crate) fn internal_package(group: &str) -> &str {
    match group {
        // Events of both groups are one type.
        "" | "events.k8s.io" => "core",
        "internal.apiserver.k8s.io" => "apiserverinternal",
        "rbac.authorization.k8s.io" => "rbac",
        "flowcontrol.apiserver.k8s.io" => "flowcontrol",
        other => other.split('.').next().unwrap_or_default(),
    }
}

/// Versions that are not served any more, whose types the server still reads.
const RETIRED: &[(&str, &[&str])] = &[
    (
        "extensions/v1beta1",
        &[
            "DaemonSet",
            "Deployment",
            "Ingress",
            "NetworkPolicy",
            "ReplicaSet",
            "Scale",
        ],
    ),
    (
        "apps/v1beta1",
        &["ControllerRevision", "Deployment", "Scale", "StatefulSet"],
    ),
    (
        "apps/v1beta2",
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "Scale",
            "StatefulSet",
        ],
    ),
    ("batch/v1beta1", &["CronJob"]),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    ("policy/v1beta1", &["Eviction", "PodDisruptionBudget"]),
    (
        "rbac.authorization.k8s.io/v1beta1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("coordination.k8s.io/v1beta1", &["Lease"]),
];

/// Whether the server has a type of that name, served or not.
pub(super) fn is_registered(group: &str, version: &str, kind: &str) -> bool {
    TypeTable::builtin().type_of(group, version, kind).is_some()
        || RETIRED.iter().any(|(retired, kinds)| {
            *retired == format!("{group}/{version}") && kinds.contains(&kind)
        })
}

/// The kind and version of a body must be those of the resource.
pub(super) fn check_kind(served: &Served, api_version: &str, kind: &str) -> Result<(), ApiError> {
    let resource = &served.resource;
    let kind = if kind.is_empty() {
        resource.kind.as_ref()
    } else {
        kind
    };
    let expected = resource.api_version();
    let given = if api_version.is_empty() {
        expected.as_str()
    } else {
        api_version
    };
    if kind == resource.kind && given == expected {
        return Ok(());
    }
    let (group, version) = meta::group_version(given);
    let registered = is_registered(group, version, kind);
    if registered && kind != resource.kind {
        let cause = format!(
            "converting ({version}.{kind}) to ({}.{}): unknown conversion",
            internal_package(&resource.group),
            resource.kind
        );
        return Err(cannot_handle(kind, version, &resource.kind, &cause));
    }
    if registered {
        return Err(wrong_version(given, &expected));
    }
    let cause = format!(
        "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
        quote(kind),
        quote(given)
    );
    Err(cannot_handle(kind, version, &resource.kind, &cause))
}

/// How Go reads what a patch has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// As a text, whose type is looked for in it first.
    Text,
    /// As a map of fields, for the type that the resource has (`DefaultUnstructuredConverter`).
    Map,
}

impl Reads {
    pub(super) fn read(self, type_id: TypeId, value: &Value) -> Result<Decoded, DecodeError> {
        match self {
            Self::Text => decode::normalise_strict(type_id, value),
            Self::Map => decode::from_unstructured(type_id, value),
        }
    }

    pub(super) fn type_of(self, served: &Served, value: &Value) -> PatchedType {
        match self {
            Self::Text => patched_type(served, value),
            Self::Map => PatchedType::Own,
        }
    }
}

/// What a patched object says it is.
pub(super) enum PatchedType {
    /// Of the resource's kind, in a version the server reads.
    Own,
    /// In no version: of the kind's internal type.
    Internal,
    /// Something else, and why that can't be taken.
    Other(String),
}

/// The kind and version of a patched object; a missing kind is the resource's.
fn patched_type(served: &Served, value: &Value) -> PatchedType {
    if let Err(text) = type_meta_of(value) {
        return PatchedType::Other(text);
    }
    let resource = &served.resource;
    let (api_version, kind) = (meta::api_version(value), meta::kind(value));
    let kind = if kind.is_empty() {
        resource.kind.as_ref()
    } else {
        kind
    };
    let own = kind == resource.kind;
    if api_version.is_empty() {
        return if own {
            PatchedType::Internal
        } else {
            PatchedType::Other(format!(
                "no kind {kind:?} is registered for the internal version of group {:?} in scheme \"pkg/runtime/scheme.go:111\"",
                resource.group
            ))
        };
    }
    let (group, version) = meta::group_version(api_version);
    let registered = is_registered(group, version, kind);
    if own && group == resource.group && registered {
        return PatchedType::Own;
    }
    PatchedType::Other(if registered {
        format!(
            "converting ({version}.{kind}) to ({}.{}): unknown conversion",
            internal_package(&resource.group),
            resource.kind
        )
    } else {
        format!(
            "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
            quote(kind),
            quote(api_version)
        )
    })
}

/// 400: the body is in another version than the path.
pub(super) fn wrong_version(given: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!(
        "the API version in the data ({given}) does not match the expected API version ({expected})"
    ))
}
