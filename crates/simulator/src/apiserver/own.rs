//! Objects that the server keeps of its own accord: an `APIService` for each of its group versions, the range that Services
//! get their addresses from, an `IPAddress` for each address that one has, and since when old tokens are watched.
//!
//! Mirrors `pkg/controlplane/apiserver/aggregator.go`, `pkg/controlplane/controller/{defaultservicecidr,legacytokentracking}` and
//! `pkg/registry/core/service/ipallocator/ipallocator.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use machinery::{hash, meta, time};
use serde_json::{Value, json};

use super::ApiServer;
use super::resource::{Resource, known};
use super::store::key;
use super::write::Writer;

/// Label of an `APIService` that says when the server looks after it.
pub(crate) const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";
/// The range of Services, and the name of the object that says so.
pub(crate) const RANGE: &str = "kubernetes";
/// Since when tokens in Secrets are watched; nobody watches them.
const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";
/// What says of itself that it serves them isn't served by an `APIService`.
const AGGREGATOR: &str = "apiregistration.k8s.io";

/// Least priority of a group's versions: higher ones come first in discovery.
const PRIORITIES: [(&str, u32); 20] = [
    ("", 18000),
    ("apps", 17800),
    ("events.k8s.io", 17750),
    ("authentication.k8s.io", 17700),
    ("authorization.k8s.io", 17600),
    ("autoscaling", 17500),
    ("batch", 17400),
    ("certificates.k8s.io", 17300),
    ("networking.k8s.io", 17200),
    ("policy", 17100),
    ("rbac.authorization.k8s.io", 17000),
    ("storage.k8s.io", 16800),
    ("apiextensions.k8s.io", 16700),
    ("admissionregistration.k8s.io", 16700),
    ("scheduling.k8s.io", 16600),
    ("coordination.k8s.io", 16500),
    ("node.k8s.io", 16300),
    ("discovery.k8s.io", 16200),
    ("resource.k8s.io", 16200),
    ("flowcontrol.apiserver.k8s.io", 16100),
];

/// Priority of a version within its group.
fn version_priority(group: &str, version: &str) -> u32 {
    match (group, version) {
        ("", _) => 1,
        ("flowcontrol.apiserver.k8s.io" | "resource.k8s.io", _) => 21,
        ("autoscaling", "v2") => 30,
        _ => 15,
    }
}

/// The `APIService` of a group version that this server serves itself. `managed` is `onstart` for built-in ones and `true` for
/// those of definitions.
pub(crate) fn api_service(
    (group, version): (&str, &str),
    managed: &str,
    (of_group, of_version): (u32, u32),
) -> Value {
    let mut spec = json!({
        "version": version, "groupPriorityMinimum": of_group, "versionPriority": of_version,
    });
    if let (false, Some(fields)) = (group.is_empty(), spec.as_object_mut()) {
        fields.insert("group".to_owned(), json!(group));
    }
    json!({
        "metadata": {"name": format!("{version}.{group}"), "labels": {MANAGED: managed}},
        "spec": spec,
    })
}

/// The addresses a Service has from the server.
fn addresses(service: Option<&Value>) -> BTreeSet<String> {
    let all = service.and_then(|service| service.pointer("/spec/clusterIPs"));
    let all = all.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str)
        .filter(|address| !address.is_empty() && *address != "None")
        .map(str::to_owned)
        .collect()
}

impl ApiServer {
    /// Creates what is missing.
    pub(crate) fn ensure_own(&mut self, now: Timestamp) {
        let day = time::rfc3339(now).chars().take(10).collect::<String>();
        let tracking = json!({
            "metadata": {"name": TRACKING, "namespace": "kube-system"}, "data": {"since": day},
        });
        self.keep(&known::CONFIG_MAPS, tracking, now);
        let versions: BTreeSet<(String, String)> = self
            .registry
            .all()
            .filter(|served| served.custom().is_none() && served.resource.group != AGGREGATOR)
            .map(|served| {
                let resource = &served.resource;
                (resource.group.to_string(), resource.version.to_string())
            })
            .collect();
        for (group, version) in &versions {
            let priority = PRIORITIES.iter().find(|(name, _)| name == group);
            let priorities = (
                priority.map_or(1000, |(_, priority)| *priority),
                version_priority(group, version),
            );
            let object = api_service((group, version), "onstart", priorities);
            self.keep(&known::API_SERVICES, object, now);
        }
        self.ensure_range(now);
        let services: Vec<Arc<Value>> = self.objects_of("/services").collect();
        for service in services {
            self.hold_addresses(&service, now);
        }
    }

    /// The range of Services, which is ready from the beginning.
    fn ensure_range(&mut self, now: Timestamp) {
        let object = json!({"metadata": {"name": RANGE}, "spec": {"cidrs": ["10.96.0.0/16"]}});
        self.keep(&known::SERVICE_CIDRS, object, now);
        let Ok(served) = self.known(&known::SERVICE_CIDRS) else {
            return;
        };
        let key = key("", RANGE);
        let Some(found) = self.store.get(&served.table, &key) else {
            return;
        };
        if found.value.pointer("/status/conditions/0").is_some() {
            return;
        }
        let mut ready = Value::clone(&found.value);
        if let Some(fields) = ready.as_object_mut() {
            let text = "Kubernetes default Service CIDR is ready";
            let condition = json!({
                "type": "Ready", "status": "True", "lastTransitionTime": null, "reason": "", "message": text,
            });
            fields.insert("status".to_owned(), json!({"conditions": [condition]}));
        }
        self.commit_put(&served, &key, ready, now);
    }

    /// An `IPAddress` for each address of a Service.
    pub(crate) fn hold_addresses(&mut self, service: &Value, now: Timestamp) {
        for address in addresses(Some(service)) {
            let object = json!({
                "metadata": {"name": address, "labels": {
                    "ipaddress.kubernetes.io/ip-family": "IPv4",
                    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
                }},
                "spec": {"parentRef": {
                    "resource": "services", "namespace": meta::namespace(service), "name": meta::name(service),
                }},
            });
            self.keep(&known::IP_ADDRESSES, object, now);
        }
    }

    /// Gives up the addresses that a Service had and has no longer.
    pub(crate) fn release_addresses(
        &mut self,
        before: Option<&Value>,
        after: Option<&Value>,
        now: Timestamp,
    ) {
        let Some(service) = before else {
            return;
        };
        let Ok(served) = self.known(&known::IP_ADDRESSES) else {
            return;
        };
        for address in addresses(before).difference(&addresses(after)) {
            let key = key("", address);
            let parent = |at: &str, entry: &Value| {
                let text = entry.pointer(at).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            };
            let is_its = self.store.get(&served.table, &key).is_some_and(|entry| {
                parent("/spec/parentRef/namespace", &entry.value) == meta::namespace(service)
                    && parent("/spec/parentRef/name", &entry.value) == meta::name(service)
            });
            if is_its {
                self.commit_remove(&served, &key, now);
            }
        }
    }

    /// Creates an object unless it is there. Its uid follows from its name and from when it is made, so that what chance
    /// decides for others doesn't depend on it.
    pub(crate) fn keep(&mut self, resource: &Resource, object: Value, now: Timestamp) {
        let Ok(served) = self.known(resource) else {
            return;
        };
        let (namespace, name) = (
            meta::namespace(&object).to_owned(),
            meta::name(&object).to_owned(),
        );
        if self
            .store
            .get(&served.table, &key(&namespace, &name))
            .is_some()
        {
            return;
        }
        let seed = u64::from(hash::fnv32a(name.as_bytes())) << 32 | self.store.revision();
        let mut entropy = Entropy::seeded(seed);
        let mut writer = Writer::own(now, &mut entropy);
        writer.admits = false;
        let id = served.type_id();
        let object = id
            .and_then(|id| machinery::decode::normalise(id, &object).ok())
            .unwrap_or(object);
        let object = super::body::defaulted(&served, object);
        if let Err(error) = self.create(&served, &namespace, object, &mut writer) {
            tracing::warn!(%error, name, "cannot create an object of the server's own");
        }
    }
}
