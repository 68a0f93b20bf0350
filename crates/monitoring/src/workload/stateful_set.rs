//! Pods and the objects around them, put together.

use machinery::decode;
use machinery::schema::TypeTable;
use serde::Serialize;
use serde_json::{Value, json};

use super::metadata::Texts;
use super::storage::Storage;
use super::{Settings, WorkloadError, metadata};
use crate::api::common::LabelSelector;
use crate::api::workload::{HostAlias, PodDnsConfig, StatefulSetUpdateStrategy};

/// A pod. What is absent or empty is not written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub(super) containers: Vec<Value>,
    pub(super) init_containers: Vec<Value>,
    pub(super) volumes: Vec<Value>,
    pub(super) node_selector: Texts,
    pub(super) scheduler_name: Option<String>,
    pub(super) priority_class_name: Option<String>,
    pub(super) service_account_name: Option<String>,
    pub(super) security_context: Option<Value>,
    pub(super) tolerations: Vec<Value>,
    pub(super) affinity: Option<Value>,
    pub(super) topology_spread_constraints: Vec<Value>,
    pub(super) host_aliases: Vec<Value>,
    pub(super) host_network: bool,
    pub(super) enable_service_links: Option<bool>,
    pub(super) host_users: Option<bool>,
    pub(super) image_pull_secrets: Vec<Value>,
    pub(super) dns_policy: Option<String>,
    pub(super) dns_config: Option<Value>,
    pub(super) termination_grace_period_seconds: i64,
    pub(super) automount_service_account_token: Option<bool>,
    pub(super) share_process_namespace: Option<bool>,
}

/// The fields of a pod that all four kinds name alike.
macro_rules! pod_of {
    ($spec:expr) => {
        $crate::workload::stateful_set::PodSpec {
            node_selector: $spec.node_selector.clone(),
            scheduler_name: $spec.scheduler_name.clone(),
            priority_class_name: $spec.priority_class_name.clone(),
            service_account_name: $spec.service_account_name.clone(),
            security_context: $spec.security_context.clone(),
            tolerations: $spec.tolerations.clone(),
            affinity: $spec.affinity.clone(),
            host_aliases: $crate::workload::stateful_set::host_aliases(&$spec.host_aliases),
            enable_service_links: $spec.enable_service_links,
            host_users: $spec.host_users,
            image_pull_secrets: $spec.image_pull_secrets.clone(),
            dns_policy: $spec.dns_policy.clone(),
            dns_config: $spec
                .dns_config
                .as_ref()
                .map($crate::workload::stateful_set::dns_config),
            ..$crate::workload::stateful_set::PodSpec::default()
        }
    };
}
pub(super) use pod_of;

impl PodSpec {
    /// Uses the node's network, and resolves names of the cluster all the same.
    pub(super) fn on_host_network(&mut self) {
        self.host_network = true;
        if self.dns_policy.is_none() {
            self.dns_policy = Some("ClusterFirstWithHostNet".to_owned());
        }
    }
}

/// Lines of /etc/hosts.
pub(super) fn host_aliases(aliases: &[HostAlias]) -> Vec<Value> {
    let alias = |alias: &HostAlias| json!({"ip": alias.ip, "hostnames": alias.hostnames});
    aliases.iter().map(alias).collect()
}

/// DNS settings.
pub(super) fn dns_config(config: &PodDnsConfig) -> Value {
    let options: Vec<Value> = config
        .options
        .iter()
        .map(|option| json!({"name": option.name, "value": option.value}))
        .collect();
    json!({"nameservers": config.nameservers, "searches": config.searches, "options": options})
}

/// A selector as it is written.
pub(super) fn selector(selector: &LabelSelector) -> Value {
    let expressions: Vec<Value> = selector
        .match_expressions
        .iter()
        .map(|one| json!({"key": one.key, "operator": one.operator, "values": one.values}))
        .collect();
    json!({"matchLabels": selector.match_labels, "matchExpressions": expressions})
}

/// A pod with its labels.
pub(super) struct Template {
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
    pub(super) pod: PodSpec,
}

impl Template {
    /// The template; `program` is the value of the label `app` that old charts select.
    pub(super) fn into_value(mut self, settings: &Settings, program: &str) -> Value {
        if settings.legacy_app_label {
            let label = self.labels.entry("app".to_owned());
            label.or_insert_with(|| program.to_owned());
        }
        json!({
            "metadata": {"labels": self.labels, "annotations": self.annotations},
            "spec": self.pod,
        })
    }
}

/// What a StatefulSet has besides pods.
pub(super) struct StatefulSetSpec<'a> {
    pub(super) service_name: &'a str,
    pub(super) replicas: Option<i32>,
    pub(super) pod_management_policy: Option<&'a str>,
    pub(super) update_strategy: Option<&'a StatefulSetUpdateStrategy>,
    pub(super) min_ready_seconds: Option<i32>,
    pub(super) selector: &'a Texts,
    pub(super) template: Value,
    pub(super) storage: Option<Storage<'a>>,
    pub(super) claim_retention: Option<&'a Value>,
}

impl StatefulSetSpec<'_> {
    /// The spec.
    pub(super) fn into_value(self) -> Value {
        let claims: Vec<Value> = self.storage.and_then(Storage::claim).into_iter().collect();
        json!({
            "serviceName": self.service_name,
            "replicas": self.replicas,
            // In order, a pod that never gets ready would stop an update for ever (kubernetes#60164).
            "podManagementPolicy": self.pod_management_policy.unwrap_or("Parallel"),
            "updateStrategy": update_strategy(self.update_strategy),
            "minReadySeconds": self.min_ready_seconds,
            "selector": {"matchLabels": self.selector},
            "template": self.template,
            "volumeClaimTemplates": claims,
            "persistentVolumeClaimRetentionPolicy": self.claim_retention,
        })
    }
}

fn update_strategy(strategy: Option<&StatefulSetUpdateStrategy>) -> Value {
    let Some(strategy) = strategy else {
        return json!({"type": "RollingUpdate"});
    };
    let rolling = strategy.rolling_update.as_ref();
    let rolling = rolling.map(|rolling| json!({"maxUnavailable": rolling.max_unavailable}));
    json!({"type": strategy.r#type, "rollingUpdate": rolling})
}

/// The object as Go's structs print it: unknown fields gone, quantities in their canonical form, nothing said twice.
pub(super) fn finished(kind: &str, metadata: &Value, spec: &Value) -> Result<Value, WorkloadError> {
    let ty = TypeTable::builtin()
        .type_of("apps", "v1", kind)
        .ok_or_else(|| WorkloadError(format!("the kind {kind} is not known")))?;
    let object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec});
    let mut object = decode::normalise(ty, &object)
        .map_err(|error| WorkloadError(format!("the {kind} cannot be written: {error}")))?;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    Ok(object)
}

/// A governing Service: headless, found by the label, shared by all objects of a kind in a namespace.
pub(super) fn governing_service(
    owner: metadata::Owner<'_>,
    settings: &Settings,
    name: &str,
    program: &str,
    ports: &[Value],
) -> Value {
    let mut labels = metadata::managed();
    labels.insert(format!("operated-{program}"), "true".to_owned());
    metadata::add(&mut labels, &settings.labels);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": owner.metadata.namespace,
            "labels": labels,
            "annotations": settings.annotations,
            "ownerReferences": owner.sharing(),
        },
        "spec": {
            "clusterIP": "None",
            "ports": ports,
        },
    })
}

/// The name of the web port.
pub(super) fn port_name(name: Option<&str>) -> &str {
    name.filter(|name| !name.is_empty()).unwrap_or("web")
}
