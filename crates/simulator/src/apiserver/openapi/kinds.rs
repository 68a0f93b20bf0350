//! The built-in schemas as `k8s-openapi` has them: names, descriptions, types.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::schemars::SchemaGenerator;
use serde_json::Value;

/// Adds the schemas of these kinds, and of all they refer to.
macro_rules! kinds {
    ($generator:ident, $($($segment:ident)::+: $($kind:ident),+;)+) => {
        $({
            use k8s_openapi::$($segment)::+ as module;
            $(let _ = $generator.subschema_for::<module::$kind>();)+
        })+
    };
}

static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(generate);

/// All schemas by model name (`io.k8s.api.core.v1.Pod`), references as `#/$defs/NAME`.
pub(super) fn schemas() -> &'static BTreeMap<String, Value> {
    &SCHEMAS
}

fn generate() -> BTreeMap<String, Value> {
    let mut generator = SchemaGenerator::default();
    kinds! { generator,
        api::admissionregistration::v1: MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration;
        api::apps::v1: ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet;
        api::authentication::v1: SelfSubjectReview, TokenRequest, TokenReview;
        api::authorization::v1: LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview;
        api::autoscaling::v1: HorizontalPodAutoscaler, Scale;
        api::autoscaling::v2: HorizontalPodAutoscaler;
        api::batch::v1: CronJob, Job;
        api::certificates::v1: CertificateSigningRequest;
        api::coordination::v1: Lease;
        api::core::v1: Binding, ComponentStatus, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount;
        api::discovery::v1: EndpointSlice;
        api::events::v1: Event;
        api::flowcontrol::v1: FlowSchema, PriorityLevelConfiguration;
        api::networking::v1: IPAddress, Ingress, IngressClass, NetworkPolicy, ServiceCIDR;
        api::node::v1: RuntimeClass;
        api::policy::v1: Eviction, PodDisruptionBudget;
        api::rbac::v1: ClusterRole, ClusterRoleBinding, Role, RoleBinding;
        api::resource::v1: DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice;
        api::scheduling::v1: PriorityClass;
        api::storage::v1: CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass;
        apiextensions_apiserver::pkg::apis::apiextensions::v1: CustomResourceDefinition;
        kube_aggregator::pkg::apis::apiregistration::v1: APIService;
        apimachinery::pkg::apis::meta::v1: APIResourceList, DeleteOptions, ListMeta, Patch, Status;
    }
    generator.take_definitions(true).into_iter().collect()
}

/// The description of a field that every kind has: `apiVersion`, `kind`, `metadata`.
pub(super) fn common(field: &str) -> &'static str {
    let deployment = schemas().get("io.k8s.api.apps.v1.Deployment");
    let found = deployment.and_then(|schema| {
        schema
            .get("properties")?
            .get(field)?
            .get("description")?
            .as_str()
    });
    found.unwrap_or_default()
}
