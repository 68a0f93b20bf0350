//! The columns of the built-in kinds' tables.

use serde_json::{Value, json};

/// Group, plural name and columns. A column is its name, then `#` for an integer, `?` for a boolean or `@` for a date,
/// `!` for format `name`, `+` if only shown with `-o wide`.
const COLUMNS: [(&str, &str, &str); 60] = [
    ("", "componentstatuses", "Name!,Status,Message,Error"),
    ("", "configmaps", "Name!,Data,Age"),
    ("", "endpoints", "Name!,Endpoints,Age"),
    (
        "",
        "events",
        "Last Seen,Type,Reason,Object,Subobject+,Source+,Message,First Seen+,Count+,Name!+",
    ),
    ("", "limitranges", "Name!,Created At@"),
    ("", "namespaces", "Name!,Status,Age"),
    (
        "",
        "nodes",
        "Name!,Status,Roles,Age,Version,Internal-IP+,External-IP+,OS-Image+,Kernel-Version+,Container-Runtime+",
    ),
    (
        "",
        "persistentvolumeclaims",
        "Name!,Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age,VolumeMode+",
    ),
    (
        "",
        "persistentvolumes",
        "Name!,Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age,VolumeMode+",
    ),
    (
        "",
        "pods",
        "Name!,Ready,Status,Restarts,Age,IP+,Node+,Nominated Node+,Readiness Gates+",
    ),
    ("", "podtemplates", "Name!,Containers,Images,Pod Labels"),
    (
        "",
        "replicationcontrollers",
        "Name!,Desired#,Current#,Ready#,Age,Containers+,Images+,Selector+",
    ),
    ("", "resourcequotas", "Name!,Request,Limit,Age"),
    ("", "secrets", "Name!,Type,Data,Age"),
    ("", "serviceaccounts", "Name!,Age"),
    (
        "",
        "services",
        "Name!,Type,Cluster-IP,External-IP,Port(s),Age,Selector+",
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicies",
        "Name!,Mutations#,ParamKind,Age",
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
        "Name!,PolicyName,ParamRef,Age",
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "Name!,Webhooks#,Age",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        "Name!,Validations#,ParamKind,Age",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        "Name!,PolicyName,ParamRef,Age",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        "Name!,Webhooks#,Age",
    ),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "Name!,Created At@",
    ),
    (
        "apiregistration.k8s.io",
        "apiservices",
        "Name!,Service,Available,Age",
    ),
    (
        "apps",
        "controllerrevisions",
        "Name!,Controller,Revision,Age",
    ),
    (
        "apps",
        "daemonsets",
        "Name!,Desired#,Current#,Ready#,Up-to-date#,Available#,Node Selector,Age,Containers+,Images+,Selector+",
    ),
    (
        "apps",
        "deployments",
        "Name!,Ready,Up-to-date,Available,Age,Containers+,Images+,Selector+",
    ),
    (
        "apps",
        "replicasets",
        "Name!,Desired#,Current#,Ready#,Age,Containers+,Images+,Selector+",
    ),
    (
        "apps",
        "statefulsets",
        "Name!,Ready,Age,Containers+,Images+",
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        "Name!,Reference,Targets,MinPods,MaxPods,Replicas,Age",
    ),
    (
        "batch",
        "cronjobs",
        "Name!,Schedule,Timezone,Suspend?,Active#,Last Schedule,Age,Containers+,Images+,Selector+",
    ),
    (
        "batch",
        "jobs",
        "Name!,Status,Completions,Duration,Age,Containers+,Images+,Selector+",
    ),
    (
        "certificates.k8s.io",
        "certificatesigningrequests",
        "Name!,Age,SignerName,Requestor,RequestedDuration,Condition",
    ),
    ("coordination.k8s.io", "leases", "Name!,Holder,Age"),
    (
        "discovery.k8s.io",
        "endpointslices",
        "Name!,AddressType,Ports,Endpoints,Age",
    ),
    (
        "events.k8s.io",
        "events",
        "Last Seen,Type,Reason,Object,Subobject+,Source+,Message,First Seen+,Count+,Name!+",
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "flowschemas",
        "Name!,PriorityLevel,MatchingPrecedence,DistinguisherMethod,Age,MissingPL",
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
        "Name!,Type,NominalConcurrencyShares,Queues,HandSize,QueueLengthLimit,Age",
    ),
    (
        "networking.k8s.io",
        "ingressclasses",
        "Name!,Controller,Parameters,Age",
    ),
    (
        "networking.k8s.io",
        "ingresses",
        "Name!,Class,Hosts,Address,Ports,Age",
    ),
    ("networking.k8s.io", "ipaddresses", "Name!,ParentRef"),
    (
        "networking.k8s.io",
        "networkpolicies",
        "Name!,Pod-Selector,Age",
    ),
    ("networking.k8s.io", "servicecidrs", "Name!,CIDRs,Age"),
    ("node.k8s.io", "runtimeclasses", "Name!,Handler,Age"),
    (
        "policy",
        "poddisruptionbudgets",
        "Name!,Min Available,Max Unavailable,Allowed Disruptions#,Age",
    ),
    (
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        "Name!,Role,Age,Users+,Groups+,ServiceAccounts+",
    ),
    (
        "rbac.authorization.k8s.io",
        "clusterroles",
        "Name!,Created At@",
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        "Name!,Role,Age,Users+,Groups+,ServiceAccounts+",
    ),
    ("rbac.authorization.k8s.io", "roles", "Name!,Created At@"),
    ("resource.k8s.io", "deviceclasses", "Name!,Age"),
    ("resource.k8s.io", "resourceclaims", "Name!,State,Age"),
    ("resource.k8s.io", "resourceclaimtemplates", "Name!,Age"),
    (
        "resource.k8s.io",
        "resourceslices",
        "Name!,Node,Driver,Pool,Age",
    ),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        "Name!,Value#,Global-Default?,Age,PreemptionPolicy",
    ),
    (
        "storage.k8s.io",
        "csidrivers",
        "Name!,AttachRequired?,PodInfoOnMount?,StorageCapacity?,TokenRequests,RequiresRepublish?,Modes,Age",
    ),
    ("storage.k8s.io", "csinodes", "Name!,Drivers#,Age"),
    (
        "storage.k8s.io",
        "csistoragecapacities",
        "Name!,Created At@",
    ),
    (
        "storage.k8s.io",
        "storageclasses",
        "Name!,Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion,Age",
    ),
    (
        "storage.k8s.io",
        "volumeattachments",
        "Name!,Attacher!,PV,Node,Attached?,Age",
    ),
    (
        "storage.k8s.io",
        "volumeattributesclasses",
        "Name!,DriverName,Age",
    ),
];

/// Columns of kinds without any of their own.
pub(super) const DEFAULT: &str = "Name!,Created At@";

/// The columns of a built-in resource.
pub(super) fn of(group: &str, plural: &str) -> &'static str {
    let found = COLUMNS
        .iter()
        .find(|(known, name, _)| *known == group && *name == plural);
    found.map_or(DEFAULT, |(_, _, columns)| columns)
}

/// `columnDefinitions` from the short form.
pub(super) fn definitions(columns: &str) -> Vec<Value> {
    columns.split(',').map(definition).collect()
}

fn definition(column: &str) -> Value {
    let name = column.trim_end_matches(['#', '?', '@', '!', '+']);
    let marks = column.strip_prefix(name).unwrap_or_default();
    let kind = match (
        marks.contains('#'),
        marks.contains('?'),
        marks.contains('@'),
    ) {
        (true, _, _) => "integer",
        (_, true, _) => "boolean",
        (_, _, true) => "date",
        (false, false, false) => "string",
    };
    let format = if marks.contains('!') { "name" } else { "" };
    column_definition(name, kind, format, "", i64::from(marks.contains('+')))
}

/// One entry of `columnDefinitions`.
pub(super) fn column_definition(
    name: &str,
    kind: &str,
    format: &str,
    description: &str,
    priority: i64,
) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}
