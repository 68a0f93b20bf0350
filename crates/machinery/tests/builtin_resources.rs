//! The type table against the same API release as k8s-openapi knows it.

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration, apps, autoscaling, batch, certificates, coordination, core, discovery,
    events, flowcontrol, networking, node, policy, rbac, scheduling, storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use machinery::schema::{BuiltinResource, TypeTable};

/// Group, version, kind, path segment of a resource.
type Row = (String, String, String, String);

fn row<R: Resource>() -> Row {
    (
        R::GROUP.into(),
        R::VERSION.into(),
        R::KIND.into(),
        R::URL_PATH_SEGMENT.into(),
    )
}

fn expected() -> Vec<Row> {
    vec![
        row::<core::v1::ConfigMap>(),
        row::<core::v1::Endpoints>(),
        row::<core::v1::Event>(),
        row::<core::v1::LimitRange>(),
        row::<core::v1::Namespace>(),
        row::<core::v1::Node>(),
        row::<core::v1::PersistentVolume>(),
        row::<core::v1::PersistentVolumeClaim>(),
        row::<core::v1::Pod>(),
        row::<core::v1::PodTemplate>(),
        row::<core::v1::ReplicationController>(),
        row::<core::v1::ResourceQuota>(),
        row::<core::v1::Secret>(),
        row::<core::v1::Service>(),
        row::<core::v1::ServiceAccount>(),
        row::<apps::v1::ControllerRevision>(),
        row::<apps::v1::DaemonSet>(),
        row::<apps::v1::Deployment>(),
        row::<apps::v1::ReplicaSet>(),
        row::<apps::v1::StatefulSet>(),
        row::<autoscaling::v1::HorizontalPodAutoscaler>(),
        row::<autoscaling::v2::HorizontalPodAutoscaler>(),
        row::<batch::v1::CronJob>(),
        row::<batch::v1::Job>(),
        row::<certificates::v1::CertificateSigningRequest>(),
        row::<coordination::v1::Lease>(),
        row::<discovery::v1::EndpointSlice>(),
        row::<events::v1::Event>(),
        row::<flowcontrol::v1::FlowSchema>(),
        row::<flowcontrol::v1::PriorityLevelConfiguration>(),
        row::<networking::v1::Ingress>(),
        row::<networking::v1::IngressClass>(),
        row::<networking::v1::NetworkPolicy>(),
        row::<node::v1::RuntimeClass>(),
        row::<policy::v1::PodDisruptionBudget>(),
        row::<rbac::v1::ClusterRole>(),
        row::<rbac::v1::ClusterRoleBinding>(),
        row::<rbac::v1::Role>(),
        row::<rbac::v1::RoleBinding>(),
        row::<scheduling::v1::PriorityClass>(),
        row::<storage::v1::CSIDriver>(),
        row::<storage::v1::CSINode>(),
        row::<storage::v1::StorageClass>(),
        row::<storage::v1::VolumeAttachment>(),
        row::<admissionregistration::v1::MutatingWebhookConfiguration>(),
        row::<admissionregistration::v1::ValidatingWebhookConfiguration>(),
        row::<apiextensions::v1::CustomResourceDefinition>(),
        row::<apiregistration::v1::APIService>(),
    ]
}

#[test]
fn resources_are_those_of_the_api_release() {
    let table = TypeTable::builtin();
    let served: Vec<Row> = table
        .resources()
        .iter()
        .map(
            |BuiltinResource {
                 group,
                 version,
                 kind,
                 plural,
                 ..
             }| { (group.clone(), version.clone(), kind.clone(), plural.clone()) },
        )
        .collect();
    for row in expected() {
        assert!(served.contains(&row), "{row:?} is not served");
    }
}

#[test]
fn scope_and_names_are_those_of_a_real_server() {
    let found = |plural: &str| {
        TypeTable::builtin()
            .resources()
            .iter()
            .find(|resource| resource.plural == plural)
            .map(|r| {
                (
                    r.namespaced,
                    r.singular.as_str(),
                    r.short_names.join(","),
                    r.categories.join(","),
                )
            })
    };
    assert_eq!(
        found("pods"),
        Some((true, "pod", "po".into(), "all".into()))
    );
    assert_eq!(
        found("nodes"),
        Some((false, "node", "no".into(), String::new()))
    );
    assert_eq!(
        found("deployments"),
        Some((true, "deployment", "deploy".into(), "all".into()))
    );
    assert_eq!(
        found("customresourcedefinitions"),
        Some((
            false,
            "customresourcedefinition",
            "crd,crds".into(),
            "api-extensions".into()
        ))
    );
}
