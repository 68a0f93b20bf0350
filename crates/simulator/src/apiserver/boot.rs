//! What a fresh API server has: system namespaces, the `kubernetes` Service, service accounts, priority classes.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::ApiServer;
use super::body::defaulted;
use super::rbac::reconcile::{Reconciled, reconcile};
use super::registry::Served;
use super::resource::{Resource, known};
use super::store::key;
use super::write::{UpdateTarget, Writer};

const NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "default"];

impl ApiServer {
    /// Creates what is missing.
    pub fn boot(&mut self, now: Timestamp, entropy: &mut Entropy) {
        self.started = now;
        for name in NAMESPACES {
            self.ensure(
                &known::NAMESPACES,
                "",
                json!({"metadata": {"name": name}}),
                now,
                entropy,
            );
        }
        let classes = Resource::new(
            "scheduling.k8s.io",
            "v1",
            "PriorityClass",
            "priorityclasses",
            false,
        );
        for (name, value, text) in [
            (
                "system-node-critical",
                2_000_001_000_i64,
                "Used for system critical pods that must not be moved from their current node.",
            ),
            (
                "system-cluster-critical",
                2_000_000_000,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            ),
        ] {
            let object = json!({"metadata": {"name": name}, "value": value, "description": text});
            self.ensure(&classes, "", object, now, entropy);
        }
        self.ensure_kubernetes(now, entropy);
        self.ensure_own(now);
        self.ensure_roles(now, entropy);
    }

    /// Creates the default roles and bindings that are missing, and puts back what is missing in them.
    fn ensure_roles(&mut self, now: Timestamp, entropy: &mut Entropy) {
        for (resource, object) in super::rbac::defaults::objects() {
            let Ok(served) = self.known(resource) else {
                continue;
            };
            let (namespace, name) = (
                machinery::meta::namespace(object),
                machinery::meta::name(object),
            );
            let key = key(namespace, name);
            if let Some(found) = self.store.get(&served.table, &key) {
                match reconcile(&found.value, object) {
                    Reconciled::Kept => continue,
                    Reconciled::Mended(mended) => {
                        self.commit_put(&served, &key, mended, now);
                        continue;
                    }
                    Reconciled::Replaced => {
                        self.commit_remove(&served, &key, now);
                    }
                }
            }
            // They are known to be valid, and every world begins with them: they are stored as they are.
            let mut object = object.clone();
            machinery::meta::set(&mut object, "uid", json!(entropy.uid()));
            let made = machinery::time::rfc3339(now);
            machinery::meta::set(&mut object, "creationTimestamp", json!(made));
            self.commit_put(&served, &key, object, now);
        }
    }

    /// Creates what leads to the server itself, or brings it up to date.
    pub(crate) fn ensure_kubernetes(&mut self, now: Timestamp, entropy: &mut Entropy) {
        let advertised = self.options.advertise;
        let (address, port) = advertised.map_or_else(
            || ("127.0.0.1".to_owned(), 6443),
            |addr| (addr.ip().to_string(), addr.port()),
        );
        let family = if advertised.is_some_and(|addr| addr.is_ipv6()) {
            "IPv6"
        } else {
            "IPv4"
        };
        let labels = json!({"component": "apiserver", "provider": "kubernetes"});
        let service = json!({
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
                "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}]},
        });
        self.ensure(&known::SERVICES, "default", service, now, entropy);
        let endpoints = json!({
            "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
        });
        self.ensure(&known::ENDPOINTS, "default", endpoints, now, entropy);
        let slice = json!({
            "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": family,
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        });
        self.ensure(&known::ENDPOINT_SLICES, "default", slice, now, entropy);
    }

    fn ensure(
        &mut self,
        resource: &Resource,
        namespace: &str,
        object: Value,
        now: Timestamp,
        entropy: &mut Entropy,
    ) {
        let Ok(served) = self.known(resource) else {
            return;
        };
        let name = machinery::meta::name(&object).to_owned();
        let mut writer = Writer::own(now, entropy);
        if self
            .store
            .get(&served.table, &key(namespace, &name))
            .is_some()
        {
            self.refresh(&served, namespace, &object, &mut writer);
            return;
        }
        let object = match served
            .type_id()
            .map(|type_id| machinery::decode::normalise(type_id, &object))
        {
            Some(Ok(normal)) => normal,
            Some(Err(_)) | None => object,
        };
        let object = defaulted(&served, object);
        if let Err(error) = self.create(&served, namespace, object, &mut writer) {
            tracing::warn!(%error, name, "cannot create a system object");
        }
    }

    /// After a restart the server may listen elsewhere: what tells its address is brought up to date.
    fn refresh(
        &mut self,
        served: &Arc<Served>,
        namespace: &str,
        object: &Value,
        writer: &mut Writer<'_>,
    ) {
        if ![known::SERVICES, known::ENDPOINTS, known::ENDPOINT_SLICES].contains(&served.resource) {
            return;
        }
        let mut patch = object.clone();
        if let Some(fields) = patch.as_object_mut() {
            fields.remove("metadata");
        }
        let target = UpdateTarget {
            served,
            namespace,
            name: machinery::meta::name(object),
            subresource: "",
            uid: "",
            may_create: false,
        };
        let result = self.update(target, writer, &mut |_, old, _| {
            let new = machinery::patch::merge::apply(old, &patch);
            let normal = served
                .type_id()
                .and_then(|id| machinery::decode::normalise(id, &new).ok());
            Ok(defaulted(served, normal.unwrap_or(new)))
        });
        if let Err(error) = result {
            tracing::warn!(%error, "cannot refresh a system object");
        }
    }
}
