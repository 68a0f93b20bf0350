//! What a Rollout refers to: Services, and the shape of references to Ingresses and VirtualServices
//! (upstream `validation_references.go`).

use serde_json::Value;

use crate::api::Rollout;
use crate::api::labels;
use crate::api::meta::ObjectMeta;
use crate::api::rollout::ObjectRef;

use super::{FieldError, internal, shown};

/// The role of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceRole {
    /// `blueGreen.activeService`.
    Active,
    /// `blueGreen.previewService`.
    Preview,
    /// `canary.stableService`.
    Stable,
    /// `canary.canaryService`.
    Canary,
    /// `canary.pingPong.pingService`.
    Ping,
    /// `canary.pingPong.pongService`.
    Pong,
}

impl ServiceRole {
    /// Path of the field that names the Service.
    pub fn path(self) -> &'static str {
        match self {
            Self::Active => "spec.strategy.blueGreen.activeService",
            Self::Preview => "spec.strategy.blueGreen.previewService",
            Self::Stable => "spec.strategy.canary.stableService",
            Self::Canary => "spec.strategy.canary.canaryService",
            Self::Ping => "spec.strategy.canary.pingPong.pingService",
            Self::Pong => "spec.strategy.canary.pingPong.pongService",
        }
    }

    /// Among several roles of one Service, `lint` shows the highest.
    pub(super) fn lint_rank(self) -> u8 {
        match self {
            Self::Active | Self::Canary => 0,
            Self::Preview | Self::Stable => 1,
            Self::Ping => 2,
            Self::Pong => 3,
        }
    }
}

/// The Services a Rollout names, by role, in the order in which upstream looks them up. Unset ones are left out.
pub fn services(rollout: &Rollout) -> Vec<(ServiceRole, &str)> {
    let mut services: Vec<(ServiceRole, &str)> = Vec::new();
    if let Some(blue_green) = &rollout.spec.strategy.blue_green {
        services.push((ServiceRole::Active, &blue_green.active_service));
        services.push((ServiceRole::Preview, &blue_green.preview_service));
    }
    if let Some(canary) = &rollout.spec.strategy.canary {
        services.push((ServiceRole::Stable, &canary.stable_service));
        services.push((ServiceRole::Canary, &canary.canary_service));
        if let Some(ping_pong) = &canary.ping_pong {
            services.push((ServiceRole::Ping, &ping_pong.ping_service));
            services.push((ServiceRole::Pong, &ping_pong.pong_service));
        }
    }
    services.retain(|(_, name)| !name.is_empty());
    services
}

/// Errors of a Service: its selector must match the template but for the hash, and no other Rollout may manage it.
pub fn service(rollout: &Rollout, role: ServiceRole, service: &Value) -> Vec<FieldError> {
    let meta: ObjectMeta =
        crate::api::decode::lenient(service.get("metadata").unwrap_or(&Value::Null)).object;
    let template_labels = rollout.template_labels();
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let mut errors = Vec::new();
    for (key, value) in selector
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != labels::POD_TEMPLATE_HASH)
    {
        if template_labels.get(key).map(String::as_str) != value.as_str() {
            let detail = format!(
                "Service {:?} has unmatch label {key:?} in rollout",
                meta.name
            );
            errors.push(FieldError::invalid(role.path(), meta.name.as_str(), detail));
        }
    }
    let manager = meta.annotations.get(labels::MANAGED_BY_ROLLOUTS);
    if manager.is_some_and(|manager| *manager != rollout.metadata.name) {
        let detail = format!("Service {:?} is managed by another Rollout", meta.name);
        errors.push(FieldError::invalid(role.path(), meta.name.as_str(), detail));
    }
    errors
}

/// The error of a workload that could not be resolved. The controller shows `message` alone.
pub fn workload(reference: Option<&ObjectRef>, message: &str) -> FieldError {
    FieldError::invalid("spec.workloadRef", shown(&reference), message)
}

/// Errors of references that name both or neither of "the one" and "several": nginx, ALB, Istio.
pub fn router_configuration(rollout: &Rollout) -> Vec<FieldError> {
    [nginx(rollout), alb(rollout), istio(rollout)]
        .into_iter()
        .flatten()
        .collect()
}

/// nginx: one of `stableIngress` and `stableIngresses`.
pub fn nginx(rollout: &Rollout) -> Option<FieldError> {
    let nginx = rollout
        .spec
        .strategy
        .canary
        .as_ref()?
        .traffic_routing
        .as_ref()?
        .nginx
        .as_ref()?;
    let (one, several) = (
        !nginx.stable_ingress.is_empty(),
        nginx.stable_ingresses.is_some(),
    );
    exactly_one(one, several, "nginx", "StableIngress or StableIngresses")
}

/// ALB: one of `ingress` and `ingresses`.
pub fn alb(rollout: &Rollout) -> Option<FieldError> {
    let alb = rollout
        .spec
        .strategy
        .canary
        .as_ref()?
        .traffic_routing
        .as_ref()?
        .alb
        .as_ref()?;
    exactly_one(
        !alb.ingress.is_empty(),
        alb.ingresses.is_some(),
        "alb",
        "Ingress or Ingresses",
    )
}

fn exactly_one(one: bool, several: bool, router: &str, names: &str) -> Option<FieldError> {
    let found = match (one, several) {
        (true, true) => "Both",
        (false, false) => "Neither",
        (true, false) | (false, true) => return None,
    };
    let path = format!("spec.strategy.canary.trafficRouting.{router}");
    Some(internal(
        path,
        &format!("Either {names} must be configured. {found} are configured."),
    ))
}

/// Istio: one of `virtualService` and `virtualServices`.
pub fn istio(rollout: &Rollout) -> Option<FieldError> {
    let istio = rollout
        .spec
        .strategy
        .canary
        .as_ref()?
        .traffic_routing
        .as_ref()?
        .istio
        .as_ref()?;
    if istio.virtual_service.is_some() != istio.virtual_services.is_empty() {
        let message = "either VirtualService or VirtualServices must be configured";
        return Some(internal(
            "spec.strategy.canary.trafficRouting.istio".to_owned(),
            message,
        ));
    }
    None
}

/// Errors of an Ingress the Rollout names: one of its rules must use the stable or root Service.
pub fn ingress(rollout: &Rollout, ingress: &Value) -> Vec<FieldError> {
    let Some(canary) = &rollout.spec.strategy.canary else {
        return Vec::new();
    };
    let Some(routing) = &canary.traffic_routing else {
        return Vec::new();
    };
    let name = ingress
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let listed = |list: &Option<Vec<String>>| list.iter().flatten().any(|entry| entry == name);
    let (field, service) = if let Some(nginx) = &routing.nginx
        && (nginx.stable_ingress == name || listed(&nginx.stable_ingresses))
    {
        let field = if listed(&nginx.stable_ingresses) {
            "nginx.stableIngresses"
        } else {
            "nginx.stableIngress"
        };
        (field, &canary.stable_service)
    } else if let Some(alb) = &routing.alb
        && (alb.ingress == name || listed(&alb.ingresses))
    {
        let field = if listed(&alb.ingresses) {
            "alb.ingresses"
        } else {
            "alb.ingress"
        };
        (
            field,
            if alb.root_service.is_empty() {
                &canary.stable_service
            } else {
                &alb.root_service
            },
        )
    } else {
        return Vec::new();
    };
    if has_rule_with_service(ingress, service) {
        return Vec::new();
    }
    let path = format!("spec.strategy.canary.trafficRouting.{field}");
    let detail = format!("ingress `{name}` has no rules using service {service} backend");
    vec![FieldError::invalid(path, name, detail)]
}

/// Whether a rule of an Ingress (`networking.k8s.io/v1` or the older form) sends requests to this Service.
pub fn has_rule_with_service(ingress: &Value, service: &str) -> bool {
    let rules = ingress.pointer("/spec/rules").and_then(Value::as_array);
    let paths = rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.pointer("/http/paths")?.as_array())
        .flatten();
    let name = |path: &Value| {
        let backend = path.get("backend")?;
        let name = backend
            .pointer("/service/name")
            .or_else(|| backend.get("serviceName"))?;
        name.as_str().map(str::to_owned)
    };
    !service.is_empty() && paths.filter_map(name).any(|name| name == service)
}
