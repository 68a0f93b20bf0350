//! Access to devices as their administrator, which a namespace has to permit
//! (`pkg/registry/resource/utils.go`, `AuthorizedForAdmin`).

use machinery::builtin::validation::FieldError;
use machinery::meta;
use serde_json::Value;

use super::ApiServer;
use super::registry::Served;

/// Label of a namespace whose claims may ask for it.
const LABEL: &str = "resource.kubernetes.io/admin-access";

impl ApiServer {
    /// The error of a new claim, a new template of one, or a new allocation that asks for it where the namespace doesn't
    /// permit it. `old` is null for what is new.
    pub(crate) fn admin_errors(
        &self,
        served: &Served,
        subresource: &str,
        new: &Value,
        old: &Value,
    ) -> Vec<FieldError> {
        if served.resource.group != "resource.k8s.io" {
            return Vec::new();
        }
        let Some(path) = asked(&served.resource.kind, subresource, new, old) else {
            return Vec::new();
        };
        let namespace = self.store.get("/namespaces", meta::namespace(new));
        let permits = namespace.is_some_and(|namespace| {
            let label = namespace.value.pointer("/metadata/labels");
            let label = label.and_then(|labels| labels.get(LABEL));
            label.and_then(Value::as_str) == Some("true")
        });
        if permits {
            return Vec::new();
        }
        let detail = format!(
            "admin access to devices requires the `{LABEL}: true` label on the containing namespace"
        );
        vec![FieldError::forbidden(path, detail)]
    }
}

/// Where an object first asks for it.
fn asked(kind: &str, subresource: &str, new: &Value, old: &Value) -> Option<String> {
    let first = |object: &Value, list: &str, flag: &str| {
        let items = object.pointer(list).and_then(Value::as_array)?;
        let is_set = |item: &Value| item.pointer(flag) == Some(&Value::Bool(true));
        items.iter().position(is_set)
    };
    let (list, flag, path) = match (kind, subresource) {
        ("ResourceClaim", "status") => (
            "/status/allocation/devices/results",
            "/adminAccess",
            "status.allocation.devices.results",
        ),
        // Specs don't change.
        _ if !old.is_null() => return None,
        ("ResourceClaim", "") => (
            "/spec/devices/requests",
            "/exactly/adminAccess",
            "spec.devices.requests",
        ),
        ("ResourceClaimTemplate", "") => (
            "/spec/spec/devices/requests",
            "/exactly/adminAccess",
            "spec.devices.requests",
        ),
        _ => return None,
    };
    if first(old, list, flag).is_some() {
        return None;
    }
    let index = first(new, list, flag)?;
    Some(format!("{path}[{index}].adminAccess"))
}

#[test]
fn the_first_request_for_it_is_named_and_specs_are_asked_once() {
    let request = |admin: bool| serde_json::json!({"exactly": {"adminAccess": admin}});
    let claim =
        serde_json::json!({"spec": {"devices": {"requests": [request(false), request(true)]}}});
    let place = asked("ResourceClaim", "", &claim, &Value::Null);
    assert_eq!(
        place.as_deref(),
        Some("spec.devices.requests[1].adminAccess")
    );
    assert_eq!(asked("ResourceClaim", "", &claim, &claim), None);
    assert_eq!(
        asked("ResourceClaimTemplate", "", &claim, &Value::Null),
        None
    );
}
