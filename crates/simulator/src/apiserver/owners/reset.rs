//! Fields that an endpoint cannot set, kind by kind, and whose owners its writes therefore never are.

use std::sync::LazyLock;

use machinery::apply::{FieldSet, PathElement};

use crate::apiserver::registry::{Backing, Served};

macro_rules! set {
    ($name:ident: $([$($part:literal).+]),+) => {
        static $name: LazyLock<FieldSet> = LazyLock::new(|| of(&[$(&[$($part),+]),+]));
    };
}

set!(STATUS: ["status"]);
set!(SPEC: ["spec"]);
set!(SPEC_AND_METADATA: ["spec"], ["metadata"]);
set!(DEPLOYMENT_STATUS: ["spec"], ["metadata"."labels"]);
set!(POD_STATUS: ["spec"], ["metadata"."deletionTimestamp"], ["metadata"."ownerReferences"]);
set!(REQUEST: ["spec"], ["status"]);
set!(REQUEST_STATUS: ["spec"], ["status"."conditions"]);
set!(REQUEST_APPROVAL: ["spec"], ["status"."certificate"]);

fn of(paths: &[&[&str]]) -> FieldSet {
    paths
        .iter()
        .map(|path| path.iter().map(|name| PathElement::field(name)).collect())
        .collect()
}

/// The fields that writes through that endpoint cannot set.
pub(super) fn fields(served: &Served, subresource: &str) -> Option<&'static FieldSet> {
    let has_status = served.has_subresource("status");
    match &served.backing {
        Backing::Custom(_) => match subresource {
            "" => has_status.then_some(&STATUS),
            "status" => Some(&SPEC_AND_METADATA),
            _ => None,
        },
        Backing::Builtin { .. } => match subresource {
            "" => main(served, has_status),
            "status" => Some(status(served)),
            // The strategy of approvals is one of its own, that of finalizers too.
            "approval" => Some(&REQUEST_APPROVAL),
            "finalize" => Some(&STATUS),
            _ => None,
        },
    }
    .map(LazyLock::force)
}

type Static = LazyLock<FieldSet>;

fn main(served: &Served, has_status: bool) -> Option<&'static Static> {
    let resource = &served.resource;
    match resource.kind.as_ref() {
        // Whoever asks is taken from the request, and with it the whole spec.
        "CertificateSigningRequest" => Some(&REQUEST),
        // Its strategy says nothing.
        "PodCertificateRequest" => None,
        _ => has_status.then_some(&STATUS),
    }
}

fn status(served: &Served) -> &'static Static {
    let resource = &served.resource;
    match resource.kind.as_ref() {
        "CertificateSigningRequest" => &REQUEST_STATUS,
        "Deployment" => &DEPLOYMENT_STATUS,
        "Pod" => &POD_STATUS,
        "ServiceCIDR"
        | "StorageVersionMigration"
        | "ResourceClaim"
        | "PodGroup"
        | "DeviceTaintRule"
        | "VolumeAttachment"
        | "FlowSchema"
        | "PriorityLevelConfiguration"
        | "ValidatingAdmissionPolicy"
        | "APIService" => &SPEC_AND_METADATA,
        _ => &SPEC,
    }
}
