//! The address families of a Service in a cluster with IPv4 alone (`initIPFamilyFields` of `alloc.go`).

use machinery::builtin::validation::{self, FieldError};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

pub(super) fn text<'a>(spec: &'a Object, key: &str) -> &'a str {
    spec.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn texts(spec: &Object, key: &str) -> Vec<String> {
    let list = spec.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn has_selector(spec: &Object) -> bool {
    let selector = spec.get("selector").and_then(Value::as_object);
    selector.is_some_and(|selector| !selector.is_empty())
}

fn policy_error(policy: &str, detail: &str) -> FieldError {
    FieldError::invalid("spec.ipFamilyPolicy", &json!(policy), detail.to_owned())
}

fn spec_of(service: &mut Value) -> Option<&mut Object> {
    service.get_mut("spec")?.as_object_mut()
}

/// Fills in policy and families, or says why they can't be had.
pub(super) fn init(service: &mut Value, old: Option<&Object>) -> Vec<FieldError> {
    let Some(spec) = spec_of(service) else {
        return Vec::new();
    };
    if text(spec, "type") == "ExternalName" || is_matching(spec, old) {
        return Vec::new();
    }
    let policy = default_policy(spec, old);
    let errors = validation::service_addresses(service);
    match spec_of(service) {
        Some(spec) if errors.is_empty() => infer(spec, old, &policy),
        Some(_) | None => errors,
    }
}

fn is_bare(spec: &Object) -> bool {
    text(spec, "clusterIP") == "None" && !has_selector(spec)
}

fn default_policy(spec: &mut Object, old: Option<&Object>) -> String {
    let policy = match (
        text(spec, "ipFamilyPolicy"),
        old.map(|old| text(old, "ipFamilyPolicy")),
    ) {
        ("", Some(before)) if !before.is_empty() => before.to_owned(),
        ("", _) if is_bare(spec) => "RequireDualStack".to_owned(),
        ("", _) => "SingleStack".to_owned(),
        (given, _) => given.to_owned(),
    };
    spec.insert("ipFamilyPolicy".to_owned(), json!(policy));
    policy
}

/// Families from policy and addresses, which are well-formed.
fn infer(spec: &mut Object, old: Option<&Object>, policy: &str) -> Vec<FieldError> {
    let bare = is_bare(spec);
    let mut errors = old.map_or_else(Vec::new, |old| release(spec, old, policy));
    let (mut families, addresses) = (texts(spec, "ipFamilies"), texts(spec, "clusterIPs"));
    if policy == "SingleStack" {
        for (list, what) in [(&addresses, "cluster IPs"), (&families, "IP families")] {
            if list.len() == 2 {
                let detail = format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                );
                errors.push(policy_error(policy, &detail));
            }
        }
    }
    for (index, address) in addresses.iter().enumerate() {
        if address == "None" {
            break;
        }
        if index < families.len() {
            continue;
        }
        if address.contains(':') {
            let field = format!("spec.clusterIPs[{index}]");
            let detail = "IPv6 is not configured on this cluster";
            errors.push(FieldError::invalid(field, &json!(addresses), detail));
        } else {
            families.push("IPv4".to_owned());
        }
    }
    if !errors.is_empty() {
        return errors;
    }
    if !bare {
        errors = unavailable(policy, &families);
    }
    if families.is_empty() {
        families.push("IPv4".to_owned());
    }
    if bare && families.len() < 2 && policy != "SingleStack" {
        let other = if families.contains(&"IPv4".to_owned()) {
            "IPv6"
        } else {
            "IPv4"
        };
        families.push(other.to_owned());
    }
    spec.insert("ipFamilies".to_owned(), json!(families));
    errors
}

/// What this cluster doesn't have.
fn unavailable(policy: &str, families: &[String]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        errors.push(policy_error(policy, detail));
    }
    for (index, family) in families.iter().enumerate() {
        if family == "IPv6" {
            let field = format!("spec.ipFamilies[{index}]");
            let detail = "not configured on this cluster";
            errors.push(FieldError::invalid(field, &json!(family), detail));
        }
    }
    errors
}

/// A Service that prefers two stacks and wants nothing else than before stays as it is, one without any policy too: an
/// update of its status has made it (`isMatchingPreferDualStackClusterIPFields`).
fn is_matching(spec: &Object, old: Option<&Object>) -> bool {
    let Some(old) = old else {
        return false;
    };
    let prefers = |policy: &str| policy == "PreferDualStack";
    let before = text(old, "ipFamilyPolicy");
    prefers(text(spec, "ipFamilyPolicy"))
        && (before.is_empty() || prefers(before))
        && text(old, "type") == text(spec, "type")
        && ["ClusterIP", "NodePort", "LoadBalancer"].contains(&text(spec, "type"))
        && ["clusterIPs", "ipFamilies"]
            .into_iter()
            .all(|key| texts(spec, key) == texts(old, key))
}

/// An update to one stack gives the second back; with two it can't be taken away.
fn release(spec: &mut Object, old: &Object, policy: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (now, before) = (texts(spec, key), texts(old, key));
        if policy == "SingleStack" {
            if now == before && now.len() > 1 {
                spec.insert(key.to_owned(), json!(now.get(..1)));
            }
        } else if !now.is_empty() && now.len() < before.len() {
            let detail = format!("must be 'SingleStack' to release the secondary {what}");
            errors.push(policy_error(policy, &detail));
        }
    }
    errors
}
