//! What the server's own admission refuses once an object is known to be valid: a second default priority class, claims that
//! grow although their class doesn't let them, pods that grow beyond their node
//! (`plugin/pkg/admission/{priority,storage/persistentvolume/resize,podresize}`).

use machinery::meta;
use machinery::quantity::Quantity;
use serde_json::{Value, json};

use super::classes::STORAGE_CLASSES;
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::apiserver::resource::known;
use crate::apiserver::subresource::cause;
use crate::builtin::object;
use crate::builtin::scheduler::place;
use crate::request::User;
use crate::status_error::ApiError;

impl ApiServer {
    /// Refuses a new object, or a changed one (`old`), that stands against others or against the rights of `user`.
    pub(crate) fn check_own(
        &self,
        served: &Served,
        subresource: &str,
        (new, old): (&Value, Option<&Value>),
        user: Option<&User>,
    ) -> Result<(), ApiError> {
        let resource = &served.resource;
        match (
            resource.group.as_ref(),
            resource.kind.as_ref(),
            subresource,
            old,
        ) {
            ("scheduling.k8s.io", "PriorityClass", "", _) => {
                self.check_global_default(served, new, old)
            }
            ("", "PersistentVolumeClaim", "", Some(old)) => self.check_growth(new, old),
            ("", "Pod", "resize", Some(old)) => self.check_resize(new, old),
            ("certificates.k8s.io", "CertificateSigningRequest", _, _) => {
                self.check_signing(served, subresource, (new, old), user)
            }
            _ => Ok(()),
        }
    }

    fn check_global_default(
        &self,
        served: &Served,
        new: &Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        if new.get("globalDefault") != Some(&json!(true)) {
            return Ok(());
        }
        let Some(default) = self.default_priority_class() else {
            return Ok(());
        };
        let default = meta::name(&default);
        if old.is_some() && default == meta::name(new) {
            return Ok(());
        }
        let text = format!(
            "PriorityClass {default} is already marked as default. Only one default can exist"
        );
        Err(ApiError::forbidden(
            &served.resource,
            meta::name(new),
            &text,
        ))
    }

    /// A pod that has a node asks for no more than that node has.
    fn check_resize(&self, new: &Value, old: &Value) -> Result<(), ApiError> {
        let node = object::text(new, "/spec/nodeName");
        let generation = |pod: &Value| pod.pointer("/metadata/generation").cloned();
        if node.is_empty() || generation(new) == generation(old) {
            return Ok(());
        }
        let refused = |text: &str| ApiError::forbidden(&known::PODS, meta::name(new), text);
        let because = |text: &str, reason: &str| {
            let error = refused(text);
            let mut details = error.details.clone().unwrap_or_default();
            details.causes.push(cause(reason, String::new()));
            error.with_details(details)
        };
        let Some(found) = self.store.get("/nodes", node) else {
            return Err(refused(&format!("node {node:?} not found")));
        };
        if let Some(system) = meta::label(&found.value, "kubernetes.io/os")
            && system != "linux"
        {
            let text =
                format!("pod resize is only supported on linux nodes, node {node:?} is {system:?}");
            return Err(because(&text, "UnsupportedPlatform"));
        }
        let wanted = place::requests(new);
        let lacks: Vec<String> = [("cpu", 1), ("memory", 1000)]
            .into_iter()
            .filter_map(|(name, unit)| {
                let has = object::text(&found.value, &format!("/status/allocatable/{name}"));
                let has = Quantity::parse(has).map_or(0, |has| has.milli_value());
                let asks = wanted.get(name).copied().unwrap_or(0);
                (asks > has).then(|| {
                    let (asks, has) = (asks / unit, has / unit);
                    format!("{name}, requested: {asks}, allocatable: {has}")
                })
            })
            .collect();
        if lacks.is_empty() {
            return Ok(());
        }
        let lacks = lacks.join("; ");
        let text = format!("node didn't have enough allocatable resources: {lacks}");
        Err(because(&text, "NodeCapacity"))
    }

    fn check_growth(&self, new: &Value, old: &Value) -> Result<(), ApiError> {
        let size = |claim: &Value| {
            let size = claim.pointer("/spec/resources/requests/storage");
            let size = size.and_then(Value::as_str).unwrap_or("0");
            Quantity::parse(size).map_or(0, |size| size.milli_value())
        };
        if size(new) <= size(old) {
            return Ok(());
        }
        let refused =
            |text| ApiError::forbidden(&known::PERSISTENT_VOLUME_CLAIMS, meta::name(new), text);
        if old.pointer("/status/phase") != Some(&json!("Bound")) {
            return Err(refused(
                "Only bound persistent volume claims can be expanded",
            ));
        }
        let class = |claim| class_of(claim).filter(|class| !class.is_empty());
        let allows = class(new)
            .filter(|name| class(old) == Some(name))
            .is_some_and(|name| {
                let class = self.store.get(STORAGE_CLASSES, name);
                class.is_some_and(|class| {
                    class.value.get("allowVolumeExpansion") == Some(&json!(true))
                })
            });
        if allows {
            return Ok(());
        }
        Err(refused(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        ))
    }
}

/// The class a claim names, by the old annotation or by the field.
fn class_of(claim: &Value) -> Option<&str> {
    meta::annotation(claim, "volume.beta.kubernetes.io/storage-class").or_else(|| {
        claim
            .pointer("/spec/storageClassName")
            .and_then(Value::as_str)
    })
}
