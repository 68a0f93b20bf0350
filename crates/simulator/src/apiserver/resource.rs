//! Resources: what a path or an apiVersion and kind name.

use std::borrow::Cow;

/// `deployments.apps`, or `pods`: a name with its group, which is empty for core (`GroupResource` and `GroupKind` of
/// `apimachinery/pkg/runtime/schema/group_version.go`).
pub fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// One resource in one version.
#[derive(Debug, Clone, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group, empty for core.
    pub group: Cow<'static, str>,
    /// API version.
    pub version: Cow<'static, str>,
    /// Kind.
    pub kind: Cow<'static, str>,
    /// Plural name, the one in paths.
    pub plural: Cow<'static, str>,
    /// Lives in a namespace.
    pub namespaced: bool,
}

/// What tells most of them apart comes first: controllers ask for every change whether it is one of theirs.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.plural == other.plural
            && self.group == other.group
            && self.version == other.version
            && self.kind == other.kind
            && self.namespaced == other.namespaced
    }
}

impl Resource {
    /// A resource known at compile time.
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced,
        }
    }

    /// `deployments.apps`, or `pods`.
    pub fn group_resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `Deployment.apps`, or `Pod`.
    pub fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// Built-in resources by name, in their storage version.
pub mod known {
    use super::Resource;

    /// core/v1 Namespace.
    pub const NAMESPACES: Resource = Resource::new("", "v1", "Namespace", "namespaces", false);
    /// core/v1 Node.
    pub const NODES: Resource = Resource::new("", "v1", "Node", "nodes", false);
    /// core/v1 Pod.
    pub const PODS: Resource = Resource::new("", "v1", "Pod", "pods", true);
    /// core/v1 Service.
    pub const SERVICES: Resource = Resource::new("", "v1", "Service", "services", true);
    /// core/v1 Endpoints.
    pub const ENDPOINTS: Resource = Resource::new("", "v1", "Endpoints", "endpoints", true);
    /// core/v1 ConfigMap.
    pub const CONFIG_MAPS: Resource = Resource::new("", "v1", "ConfigMap", "configmaps", true);
    /// core/v1 Secret.
    pub const SECRETS: Resource = Resource::new("", "v1", "Secret", "secrets", true);
    /// core/v1 ServiceAccount.
    pub const SERVICE_ACCOUNTS: Resource =
        Resource::new("", "v1", "ServiceAccount", "serviceaccounts", true);
    /// core/v1 Event; events.k8s.io/v1 is another view of the same objects.
    pub const EVENTS: Resource = Resource::new("", "v1", "Event", "events", true);
    /// events.k8s.io/v1 Event.
    pub const NEW_EVENTS: Resource = Resource::new("events.k8s.io", "v1", "Event", "events", true);
    /// core/v1 `PersistentVolumeClaim`.
    pub const PERSISTENT_VOLUME_CLAIMS: Resource = Resource::new(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    );
    /// core/v1 `ReplicationController`.
    pub const REPLICATION_CONTROLLERS: Resource = Resource::new(
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        true,
    );
    /// apps/v1 Deployment.
    pub const DEPLOYMENTS: Resource =
        Resource::new("apps", "v1", "Deployment", "deployments", true);
    /// apps/v1 ReplicaSet.
    pub const REPLICA_SETS: Resource =
        Resource::new("apps", "v1", "ReplicaSet", "replicasets", true);
    /// apps/v1 StatefulSet.
    pub const STATEFUL_SETS: Resource =
        Resource::new("apps", "v1", "StatefulSet", "statefulsets", true);
    /// apps/v1 DaemonSet.
    pub const DAEMON_SETS: Resource = Resource::new("apps", "v1", "DaemonSet", "daemonsets", true);
    /// apps/v1 `ControllerRevision`.
    pub const CONTROLLER_REVISIONS: Resource = Resource::new(
        "apps",
        "v1",
        "ControllerRevision",
        "controllerrevisions",
        true,
    );
    /// batch/v1 Job.
    pub const JOBS: Resource = Resource::new("batch", "v1", "Job", "jobs", true);
    /// batch/v1 CronJob.
    pub const CRON_JOBS: Resource = Resource::new("batch", "v1", "CronJob", "cronjobs", true);
    /// autoscaling/v2 HorizontalPodAutoscaler.
    pub const HORIZONTAL_POD_AUTOSCALERS: Resource = Resource::new(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    );
    /// discovery.k8s.io/v1 EndpointSlice.
    pub const ENDPOINT_SLICES: Resource = Resource::new(
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
    );
    /// policy/v1 PodDisruptionBudget.
    pub const POD_DISRUPTION_BUDGETS: Resource = Resource::new(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    );
    /// coordination.k8s.io/v1 Lease.
    pub const LEASES: Resource =
        Resource::new("coordination.k8s.io", "v1", "Lease", "leases", true);
    /// apiextensions.k8s.io/v1 CustomResourceDefinition.
    pub const CUSTOM_RESOURCE_DEFINITIONS: Resource = Resource::new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    /// admissionregistration.k8s.io/v1 `ValidatingAdmissionPolicy`.
    pub const VALIDATING_ADMISSION_POLICIES: Resource = Resource::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
    );
    /// apiregistration.k8s.io/v1 `APIService`.
    pub const API_SERVICES: Resource = Resource::new(
        "apiregistration.k8s.io",
        "v1",
        "APIService",
        "apiservices",
        false,
    );
    /// networking.k8s.io/v1 `IPAddress`.
    pub const IP_ADDRESSES: Resource =
        Resource::new("networking.k8s.io", "v1", "IPAddress", "ipaddresses", false);
    /// networking.k8s.io/v1 `ServiceCIDR`.
    pub const SERVICE_CIDRS: Resource = Resource::new(
        "networking.k8s.io",
        "v1",
        "ServiceCIDR",
        "servicecidrs",
        false,
    );
    /// rbac.authorization.k8s.io/v1 `ClusterRole`.
    pub const CLUSTER_ROLES: Resource = Resource::new(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
        false,
    );
    /// rbac.authorization.k8s.io/v1 `ClusterRoleBinding`.
    pub const CLUSTER_ROLE_BINDINGS: Resource = Resource::new(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    );
    /// rbac.authorization.k8s.io/v1 Role.
    pub const ROLES: Resource =
        Resource::new("rbac.authorization.k8s.io", "v1", "Role", "roles", true);
    /// rbac.authorization.k8s.io/v1 `RoleBinding`.
    pub const ROLE_BINDINGS: Resource = Resource::new(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        true,
    );
}
