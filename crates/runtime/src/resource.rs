//! Names of things: a resource (what kubectl calls a type) and the key of one object.

use std::borrow::Cow;
use std::fmt;

use machinery::meta;
use serde_json::Value;

/// One resource of the API, as it appears in URLs and in `apiVersion` and `kind`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceRef {
    /// API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// Version within the group, such as `v1`.
    pub version: Cow<'static, str>,
    /// Kind in `PascalCase`.
    pub kind: Cow<'static, str>,
    /// Plural in lower case, as in URLs.
    pub plural: Cow<'static, str>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

impl ResourceRef {
    /// A resource whose objects live in namespaces; usable in constants.
    pub const fn namespaced(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced: true,
        }
    }

    /// A resource whose objects belong to the whole cluster; usable in constants.
    pub const fn cluster(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced: false,
        }
    }

    /// `group/version`, or only the version in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// URL path of the collection. `namespace` is ignored when empty (all namespaces) and for cluster resources.
    pub fn collection_path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            "/api"
        } else {
            "/apis"
        };
        let api_version = self.api_version();
        if self.namespaced && !namespace.is_empty() {
            format!(
                "{root}/{api_version}/namespaces/{namespace}/{}",
                self.plural
            )
        } else {
            format!("{root}/{api_version}/{}", self.plural)
        }
    }

    /// URL path of one object, or of one of its subresources.
    pub fn object_path(&self, key: &ObjectKey, subresource: Option<&str>) -> String {
        let mut path = self.collection_path(&key.namespace);
        path.push('/');
        path.push_str(&key.name);
        if let Some(subresource) = subresource {
            path.push('/');
            path.push_str(subresource);
        }
        path
    }
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// Identifies one object of a resource. Ordered by namespace, then name; every iteration follows this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Namespace; empty for cluster resources.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object in a namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of an object of a cluster resource.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self {
            namespace: String::new(),
            name: name.into(),
        }
    }

    /// The key found in an object's metadata; missing parts are empty.
    pub fn of(object: &Value) -> Self {
        Self::new(meta::namespace(object), meta::name(object))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Core `v1` Pod.
pub const POD: ResourceRef = ResourceRef::namespaced("", "v1", "Pod", "pods");
/// Core `v1` Event.
pub const EVENT: ResourceRef = ResourceRef::namespaced("", "v1", "Event", "events");
/// `events.k8s.io/v1` Event: the same objects.
pub const NEW_EVENT: ResourceRef =
    ResourceRef::namespaced("events.k8s.io", "v1", "Event", "events");
/// Core `v1` Service.
pub const SERVICE: ResourceRef = ResourceRef::namespaced("", "v1", "Service", "services");
/// Core `v1` PodTemplate.
pub const POD_TEMPLATE: ResourceRef =
    ResourceRef::namespaced("", "v1", "PodTemplate", "podtemplates");
/// `apps/v1` ReplicaSet.
pub const REPLICA_SET: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "ReplicaSet", "replicasets");
/// `apps/v1` Deployment.
pub const DEPLOYMENT: ResourceRef =
    ResourceRef::namespaced("apps", "v1", "Deployment", "deployments");
/// `apiextensions.k8s.io/v1` CustomResourceDefinition.
pub const CUSTOM_RESOURCE_DEFINITION: ResourceRef = ResourceRef::cluster(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
);
/// Namespaces.
pub const NAMESPACE: ResourceRef = ResourceRef::cluster("", "v1", "Namespace", "namespaces");
/// Identities of programs.
pub const SERVICE_ACCOUNT: ResourceRef =
    ResourceRef::namespaced("", "v1", "ServiceAccount", "serviceaccounts");
/// Rights in a namespace.
pub const ROLE: ResourceRef =
    ResourceRef::namespaced("rbac.authorization.k8s.io", "v1", "Role", "roles");
/// Who has the rights of a role in a namespace.
pub const ROLE_BINDING: ResourceRef = ResourceRef::namespaced(
    "rbac.authorization.k8s.io",
    "v1",
    "RoleBinding",
    "rolebindings",
);
/// Rights anywhere.
pub const CLUSTER_ROLE: ResourceRef = ResourceRef::cluster(
    "rbac.authorization.k8s.io",
    "v1",
    "ClusterRole",
    "clusterroles",
);
/// Who has the rights of a cluster role everywhere.
pub const CLUSTER_ROLE_BINDING: ResourceRef = ResourceRef::cluster(
    "rbac.authorization.k8s.io",
    "v1",
    "ClusterRoleBinding",
    "clusterrolebindings",
);
/// `coordination.k8s.io/v1` Lease.
pub const LEASE: ResourceRef =
    ResourceRef::namespaced("coordination.k8s.io", "v1", "Lease", "leases");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_scope_and_subresource() {
        let rollout = ResourceRef::namespaced("argoproj.io", "v1alpha1", "Rollout", "rollouts");
        let node = ResourceRef::cluster("", "v1", "Node", "nodes");
        assert_eq!(
            [
                POD.collection_path(""),
                POD.object_path(&ObjectKey::new("a", "b"), Some("eviction")),
                rollout.object_path(&ObjectKey::new("a", "b"), Some("status")),
                node.object_path(&ObjectKey::cluster("n"), None),
            ],
            [
                "/api/v1/pods",
                "/api/v1/namespaces/a/pods/b/eviction",
                "/apis/argoproj.io/v1alpha1/namespaces/a/rollouts/b/status",
                "/api/v1/nodes/n",
            ]
        );
    }
}
