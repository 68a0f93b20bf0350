//! Validation of Rollouts.

use rollouts::api::meta::IntOrString;
use rollouts::api::step::CanaryStep;
use rollouts::validation::references::{self, ServiceRole};
use rollouts::validation::{FieldError, canary, spec, steps, strategy};
use serde_json::{Value, json};

use super::super::case::Case;
use super::super::registry::{Registry, texts};
use super::{rollout, swept_rollout};

pub fn register(registry: &mut Registry) {
    whole(registry);
    parts(registry);
    resources(registry);
}

fn errors(case: &Case, ours: &[FieldError]) -> Result<(), String> {
    case.expect(&[("r0", texts(ours))])
}

/// Whether the template in the Rollout came from a referenced workload: such a one has both.
fn from_reference(case: &Case) -> bool {
    let rollout = case.arg("rollout");
    rollout["spec"]["templateResolvedFromRef"] == Value::Bool(true)
}

fn whole(registry: &mut Registry) {
    registry.on("validation.ValidateRollout", |case| {
        errors(
            case,
            &rollouts::validation::rollout(&swept_rollout(case, "/spec"), from_reference(case)),
        )
    });
    registry.on("validation.ValidateRolloutSpec", |case| {
        errors(
            case,
            &spec::spec(
                &rollout(case, "rollout"),
                &case.text("fldPath"),
                from_reference(case),
            ),
        )
    });
    registry.on("validation.ValidateRolloutStrategy", |case| {
        errors(
            case,
            &strategy::strategy(&rollout(case, "rollout"), &case.text("fldPath")),
        )
    });
    registry.on("validation.ValidateRolloutStrategyBlueGreen", |case| {
        errors(
            case,
            &strategy::blue_green(&rollout(case, "rollout"), &case.text("fldPath")),
        )
    });
    registry.on("validation.ValidateRolloutStrategyCanary", |case| {
        errors(
            case,
            &canary::canary(&rollout(case, "rollout"), &case.text("fldPath")),
        )
    });
}

fn parts(registry: &mut Registry) {
    registry.on("validation.ValidateRolloutStrategyAntiAffinity", |case| {
        let given = case.read_option("antiAffinity");
        errors(
            case,
            &strategy::anti_affinity(given.as_ref(), &case.text("fldPath")),
        )
    });
    registry.on("validation.invalidMaxSurgeMaxUnavailable", |case| {
        errors(
            case,
            &canary::surge_and_unavailable(&rollout(case, "rollout"), &case.text("fldPath")),
        )
    });
    registry.on("validation.getIntOrPercentValue", |case| {
        let limit: IntOrString = case.read("intOrStringValue");
        case.expect(&[("r0", json!(canary::number(&limit)))])
    });
    registry.on("validation.getPercentValue", |case| {
        let limit: IntOrString = case.read("intOrStringValue");
        let ours = canary::percent(&limit);
        case.expect(&[
            ("r0", json!(ours.unwrap_or(0))),
            ("r1", json!(ours.is_some())),
        ])
    });
    registry.on("validation.hasMultipleStepsType", |case| {
        errors(
            case,
            &steps::several_keys(&case.read::<CanaryStep>("s"), &case.text("fldPath")),
        )
    });
    registry.on("validation.hasMultipleMatchValues", |case| {
        let given = case.read_option("match");
        errors(
            case,
            &steps::one_value(given.as_ref(), &case.text("fldPath")),
        )
    });
    registry.on("validation.hasALBInvalidValues", |case| {
        let given = case.read_option("match");
        errors(
            case,
            &steps::exact_only(given.as_ref(), &case.text("fldPath")),
        )
    });
    registry.on("validation.ValidateStepRouteFoundInManagedRoute", |case| {
        let managed: Vec<_> = case.read_list("roManagedRoutes");
        errors(
            case,
            &steps::managed_route(
                &case.text("stepRoutName"),
                &managed,
                &case.text("stepFldPath"),
            ),
        )
    });
    registry.on("validation.requireCanaryStableServices", |case| {
        let rollout = rollout(case, "rollout");
        let ours = rollout
            .spec
            .strategy
            .canary
            .as_deref()
            .is_some_and(canary::requires_services);
        case.expect(&[("r0", json!(ours))])
    });
    registry.skip(
        "validation.removeSecurityContextPrivileged",
        "works on Kubernetes' internal types",
    );
    registry.skip("validation.reportErrors", "part of ValidateIngress");
    registry.skip("validation.validateNginxIngress", "part of ValidateIngress");
    registry.skip("validation.validateAlbIngress", "part of ValidateIngress");
}

fn role(name: &str) -> Option<ServiceRole> {
    match name {
        "ActiveService" => Some(ServiceRole::Active),
        "PreviewService" => Some(ServiceRole::Preview),
        "StableService" => Some(ServiceRole::Stable),
        "CanaryService" => Some(ServiceRole::Canary),
        "PingService" => Some(ServiceRole::Ping),
        "PongService" => Some(ServiceRole::Pong),
        _ => None,
    }
}

fn resources(registry: &mut Registry) {
    registry.on("validation.GetServiceWithTypeFieldPath", |case| {
        case.expect(&[(
            "r0",
            json!(role(&case.text("serviceType")).map(ServiceRole::path)),
        )])
    });
    registry.on("validation.ValidateService", |case| {
        let given = case.arg("svc");
        let role = role(given["Type"].as_str().unwrap_or_default());
        let ours = role
            .map(|role| references::service(&rollout(case, "rollout"), role, &given["Service"]));
        errors(case, &ours.unwrap_or_default())
    });
    registry.on("validation.ValidateIngress", |case| {
        errors(
            case,
            &ingress(&rollout(case, "rollout"), &case.arg("ingress")),
        )
    });
    all_resources(registry);
    registry.on("validation.ValidateRolloutNginxIngressesConfig", |case| {
        error(case, references::nginx)
    });
    registry.on("validation.ValidateRolloutAlbIngressesConfig", |case| {
        error(case, references::alb)
    });
    registry.on("validation.ValidateRolloutVirtualServicesConfig", |case| {
        error(case, references::istio)
    });
    registry.on("validation.InvalidWorkloadRef", |case| {
        let rollout = rollout(case, "rollout");
        let message = case.arg("err")["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let ours = references::workload(rollout.spec.workload_ref.as_ref(), &message);
        case.expect(&[("error/message", json!(ours.to_string()))])
    });
}

/// Of an Ingress in one of the two forms that upstream wraps.
fn ingress(rollout: &rollouts::api::Rollout, given: &Value) -> Vec<FieldError> {
    let object = ["legacyIngress", "ingress"]
        .into_iter()
        .find_map(|form| given.get(form))
        .unwrap_or(given);
    references::ingress(rollout, object)
}

fn all_resources(registry: &mut Registry) {
    const FUNCTION: &str = "validation.ValidateRolloutReferencedResources";
    let has = |case: &Case, kind: &str| {
        let given = &case.line["in"]["referencedResources"][kind];
        given.as_array().is_some_and(|list| !list.is_empty())
    };
    registry.on(FUNCTION, |case| {
        let (given, rollout) = (case.arg("referencedResources"), rollout(case, "rollout"));
        let list = |kind: &str| given[kind].as_array().cloned().unwrap_or_default();
        let mut ours = Vec::new();
        for service in list("ServiceWithType") {
            let role = role(service["Type"].as_str().unwrap_or_default());
            ours.extend(
                role.map(|role| references::service(&rollout, role, &service["Service"]))
                    .unwrap_or_default(),
            );
        }
        ours.extend(references::nginx(&rollout));
        ours.extend(references::alb(&rollout));
        for object in list("Ingresses") {
            ours.extend(ingress(&rollout, &object));
        }
        ours.extend(references::istio(&rollout));
        errors(case, &ours)
    });
    registry.mark_if(
        FUNCTION,
        "upstream panics where a path has no Service behind it; ours is a field error",
        |case| case.out("/panic") != Value::Null,
    );
    registry.skip_if(FUNCTION, "analysis is not supported yet", move |case| {
        has(case, "AnalysisTemplatesWithType")
    });
    registry.skip_if(
        FUNCTION,
        "traffic routing is not supported yet",
        move |case| {
            ["VirtualServices", "AmbassadorMappings", "AppMeshResources"]
                .iter()
                .any(|kind| has(case, kind))
        },
    );
}

fn error(
    case: &Case,
    ours: fn(&rollouts::api::Rollout) -> Option<FieldError>,
) -> Result<(), String> {
    let ours = ours(&rollout(case, "r")).map(|error| error.to_string());
    case.expect(&[("error/message", json!(ours))])
}
