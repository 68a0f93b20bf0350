//! What the server warns of without refusing it (`WarningsOnCreate` and `WarningsOnUpdate` of the strategies).

mod addresses;
mod objects;
mod paths;
mod pod;

use serde_json::Value;

use super::read::{At, same};
use crate::names;
use crate::quantity::Quantity;

use addresses::{address, network};

const CLASS: &str = "kubernetes.io/ingress.class";
const MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";
const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";
const KEEPS_ALL: &str = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";

/// Warnings of a valid new object of a built-in kind.
#[must_use]
pub fn on_create(group: &str, kind: &str, object: &Value) -> Vec<String> {
    let object = At::new("", object);
    let mut warnings = Vec::new();
    let named_as = match (group, kind) {
        ("", "Pod") => "the Pod's hostname",
        ("apps", "Deployment" | "ReplicaSet")
        | ("batch", "Job" | "CronJob")
        | ("", "ReplicationController") => "Pod names and hostnames",
        _ => "",
    };
    if !named_as.is_empty() {
        let complaints = names::dns1123_label(object.child("metadata").child("name").text());
        if !complaints.is_empty() {
            warnings.push(format!(
                "metadata.name: this is used in {named_as}, which can result in surprising behavior; a DNS label is \
                 recommended: [{}]",
                complaints.join(" ")
            ));
        }
    }
    match (group, kind) {
        ("", "Pod") => pod::warnings(&object, false, &mut warnings),
        ("networking.k8s.io", "Ingress") => {
            let annotation = object.child("metadata").child("annotations").key(CLASS);
            if annotation.is_set() && !object.child("spec").child("ingressClassName").is_set() {
                warnings.push(format!(
                    "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
                ));
            }
        }
        ("", "ServiceAccount") => mountable(&object, None, &mut warnings),
        ("storage.k8s.io", "CSIDriver") => tokens(&object, &mut warnings),
        _ => {
            templates(group, kind, &object, &mut warnings);
            always(group, kind, &object, &mut warnings);
            objects::created(group, kind, &object, &mut warnings);
        }
    }
    warnings
}

/// Warnings of a valid update through the main endpoint.
#[must_use]
pub fn on_update(group: &str, kind: &str, new: &Value, old: &Value) -> Vec<String> {
    let (new, old) = (At::new("", new), At::new("", old));
    let mut warnings = Vec::new();
    let generation = |object: &At<'_>| match kind {
        "DaemonSet" => object
            .child("metadata")
            .child("annotations")
            .key("deprecated.daemonset.template.generation")
            .text()
            .to_owned(),
        _ => object
            .child("metadata")
            .child("generation")
            .int()
            .to_string(),
    };
    if generation(&new) != generation(&old) {
        // Controllers of replicas show what they had.
        let shown = if kind == "ReplicationController" {
            &old
        } else {
            &new
        };
        templates(group, kind, shown, &mut warnings);
    }
    match (group, kind) {
        ("", "ServiceAccount") => mountable(&new, Some(&old), &mut warnings),
        ("storage.k8s.io", "CSIDriver") => {
            let (spec, before) = (new.child("spec"), old.child("spec"));
            let key = "tokenRequests";
            if !same(spec.child(key).value(), before.child(key).value()) {
                tokens(&new, &mut warnings);
            }
        }
        _ => always(group, kind, &new, &mut warnings),
    }
    warnings
}

/// Warnings of a valid update of the status.
#[must_use]
pub fn on_status_update(group: &str, kind: &str, new: &Value) -> Vec<String> {
    let status = At::new("status", new.get("status").unwrap_or(&Value::Null));
    let mut warnings = Vec::new();
    match (group, kind) {
        ("", "Pod") => {
            for list in ["podIPs", "hostIPs"] {
                for item in status.child(list).items() {
                    address(&item.child("ip"), &mut warnings);
                }
            }
        }
        ("networking.k8s.io", "Ingress") | ("", "Service") => {
            for item in status.child("loadBalancer").child("ingress").items() {
                let ip = item.child("ip");
                if !ip.is_empty() {
                    address(&At::new(item.path(), ip.value()), &mut warnings);
                }
            }
        }
        _ => {}
    }
    warnings
}

/// Warnings that come with the templates of pods in an object.
fn templates(group: &str, kind: &str, object: &At<'_>, warnings: &mut Vec<String>) {
    let spec = object.child("spec");
    match (group, kind) {
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("", "ReplicationController") => pod::warnings(&spec.child("template"), true, warnings),
        ("batch", "Job") => job(&spec, warnings),
        ("batch", "CronJob") => job(&spec.child("jobTemplate").child("spec"), warnings),
        ("", "PodTemplate") => pod::warnings(&object.child("template"), true, warnings),
        _ => {}
    }
}

/// Warnings of every write of an object.
fn always(group: &str, kind: &str, object: &At<'_>, warnings: &mut Vec<String>) {
    objects::always(group, kind, object, warnings);
    let spec = object.child("spec");
    match (group, kind) {
        ("", "Service") => service(object, warnings),
        ("", "Secret") => certificate(object, warnings),
        ("", "PersistentVolumeClaim") => claim(&spec, warnings),
        ("networking.k8s.io", "NetworkPolicy") => policy(&spec, warnings),
        ("resource.k8s.io", "ResourceSlice") => {
            let driver = spec.child("driver").text();
            if driver != driver.to_lowercase() {
                warnings.push(format!(
                    "spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters"
                ));
            }
        }
        ("apps", "StatefulSet") => {
            for template in spec.child("volumeClaimTemplates").items() {
                claim(
                    &At::new(template.path(), template.child("spec").value()),
                    warnings,
                );
            }
            if spec.child("revisionHistoryLimit").int() < 0 {
                warnings.push(KEEPS_ALL.to_owned());
            }
        }
        _ => {}
    }
}

fn job(spec: &At<'_>, warnings: &mut Vec<String>) {
    if spec.child("completionMode").text() == "Indexed"
        && spec.child("completions").int() > 100_000
        && spec.child("parallelism").int() > 10_000
    {
        warnings.push(format!(
            "{}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
            spec.path()
        ));
    }
    pod::warnings(&spec.child("template"), true, warnings);
}

/// A driver that wants tokens, and doesn't say where.
fn tokens(driver: &At<'_>, warnings: &mut Vec<String>) {
    let spec = driver.child("spec");
    if !spec.child("tokenRequests").is_empty()
        && !spec.child("serviceAccountTokenInSecrets").is_set()
    {
        warnings.push(
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible \
             logging of tokens in volume attributes"
                .to_owned(),
        );
    }
}

fn mountable(new: &At<'_>, old: Option<&At<'_>>, warnings: &mut Vec<String>) {
    let has = |object: &At<'_>| {
        object
            .child("metadata")
            .child("annotations")
            .key(MOUNTABLE)
            .is_set()
    };
    if has(new) && !old.is_some_and(has) {
        warnings.push(format!(
            "metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to \
             mounted secrets"
        ));
    }
}

fn service(object: &At<'_>, warnings: &mut Vec<String>) {
    let spec = object.child("spec");
    let (kind, single) = (spec.child("type").text(), spec.child("clusterIP").text());
    let headless = kind == "ClusterIP" && single == "None";
    let external = kind == "ExternalName";
    let has_external = !spec.child("externalIPs").is_empty();
    if object
        .child("metadata")
        .child("annotations")
        .key(HINTS)
        .is_set()
    {
        warnings.push(format!(
            "annotation {HINTS} is deprecated, please use {MODE} instead"
        ));
    }
    if !matches!(single, "" | "None") {
        for ip in spec.child("clusterIPs").items() {
            address(&ip, warnings);
        }
    }
    if headless {
        let ignored = [
            (!spec.child("loadBalancerIP").is_empty(), "loadBalancerIP"),
            (has_external, "externalIPs"),
            (
                spec.child("sessionAffinity").text() != "None",
                "SessionAffinity",
            ),
        ];
        for (_, name) in ignored.iter().filter(|(set, _)| *set) {
            warnings.push(format!("spec.{name} is ignored for headless services"));
        }
    }
    for ip in spec.child("externalIPs").items() {
        address(&ip, warnings);
    }
    if has_external && !headless && !external {
        let text =
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warnings.push(text.to_owned());
    }
    if !spec.child("loadBalancerIP").is_empty() {
        address(&spec.child("loadBalancerIP"), warnings);
    }
    for range in spec.child("loadBalancerSourceRanges").items() {
        network(&range, warnings);
    }
    if external && has_external {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if !external && !spec.child("externalName").is_empty() {
        warnings
            .push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if spec.child("trafficDistribution").text() == "PreferClose" {
        let text =
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(text.to_owned());
    }
}

/// A TLS secret whose parts are not even PEM; whether key and certificate belong together isn't looked at.
fn certificate(object: &At<'_>, warnings: &mut Vec<String>) {
    use base64::Engine as _;
    if object.child("type").text() != "kubernetes.io/tls" {
        return;
    }
    let is_pem = |name: &str| {
        let text = object.child("data").key(name).text();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap_or_default();
        bytes.windows(11).any(|window| window == b"-----BEGIN ")
    };
    for (name, what) in [("tls.crt", "certificate"), ("tls.key", "key")] {
        if !is_pem(name) {
            warnings.push(format!("tls: failed to find any PEM data in {what} input"));
            return;
        }
    }
}

fn claim(spec: &At<'_>, warnings: &mut Vec<String>) {
    for which in ["requests", "limits"] {
        fractional(
            &spec.child("resources").child(which).key("storage"),
            warnings,
        );
    }
}

/// Bytes that aren't whole.
fn fractional(quantity: &At<'_>, warnings: &mut Vec<String>) {
    let text = match quantity.value() {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return,
    };
    if let Ok(parsed) = Quantity::parse(&text)
        && parsed.milli_value() % 1000 != 0
    {
        let shown = crate::quantity::canonical(&text).unwrap_or(text);
        warnings.push(format!(
            "{}: fractional byte value {shown:?} is invalid, must be an integer",
            quantity.path()
        ));
    }
}

fn policy(spec: &At<'_>, warnings: &mut Vec<String>) {
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.child(direction).items() {
            for peer in rule.child(peers).items() {
                let block = peer.child("ipBlock");
                if !block.is_set() {
                    continue;
                }
                network(&block.child("cidr"), warnings);
                for except in block.child("except").items() {
                    network(&except, warnings);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_and_stateful_sets_are_warned_of() {
        let service = json!({"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "externalIPs": ["1.2.3.4", "01.2.3.4"], "loadBalancerSourceRanges": ["10.1.2.3/8"]}});
        assert_eq!(
            on_create("", "Service", &service),
            [
                "spec.externalIPs[1]: non-standard IP address \"01.2.3.4\" is invalid: use \"1.2.3.4\"",
                "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
                "spec.loadBalancerSourceRanges[0]: CIDR value \"10.1.2.3/8\" is ambiguous in this context (should be \
                 \"10.0.0.0/8\" or \"10.1.2.3/32\"?)",
            ]
        );
        let set = json!({"metadata": {"generation": 1}, "spec": {"revisionHistoryLimit": -1}});
        assert_eq!(on_update("apps", "StatefulSet", &set, &set), [KEEPS_ALL]);
    }

    #[test]
    fn templates_are_looked_at_when_they_may_have_changed() {
        let job = |generation: i64| {
            json!({"metadata": {"name": "a.b", "generation": generation},
                "spec": {"template": {"spec": {"topologySpreadConstraints": [{"topologyKey": "z"}]}}}})
        };
        let null = "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in \
                    matching no pod";
        assert_eq!(
            on_update("batch", "Job", &job(1), &job(1)),
            Vec::<String>::new()
        );
        assert_eq!(on_update("batch", "Job", &job(2), &job(1)), [null]);
        let created = on_create("batch", "Job", &job(1));
        assert!(
            created
                .first()
                .is_some_and(|first| first.starts_with("metadata.name: this is used in Pod names"))
        );
        assert_eq!(created.last().map(String::as_str), Some(null));
    }
}
