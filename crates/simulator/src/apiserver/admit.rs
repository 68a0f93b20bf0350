//! Admission that looks at other objects: namespace lifecycle, service accounts, priorities, default classes.

pub(crate) mod checks;
mod classes;

use machinery::builtin::admission;
use machinery::meta;
use serde_json::{Value, json};

use super::ApiServer;
use super::registry::Served;
use super::resource::{Resource, known};
use super::store::key;
use super::write::Writer;
use crate::status_error::{ApiError, Cause};

/// Namespaces that cannot be deleted.
pub(crate) const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

const SUFFIX: usize = 5;

impl ApiServer {
    /// Admits a new object, or refuses it.
    pub(crate) fn admit_create(
        &self,
        served: &Served,
        namespace: &str,
        object: &mut Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let resource = &served.resource;
        // What the real server refuses here has no name yet: it is called by what that begins with.
        let name = match (meta::name(object), meta::generate_name(object)) {
            ("", "") => "Unknown".to_owned(),
            ("", base) => base.to_owned(),
            (name, _) => name.to_owned(),
        };
        if resource.namespaced {
            self.admit_namespace(resource, namespace, &name)?;
        }
        if served.custom().is_some_and(|custom| custom.terminating) {
            let text = "create not allowed while custom resource definition is terminating";
            return Err(ApiError::forbidden(resource, &name, text));
        }
        if served.type_id().is_none() {
            return Ok(());
        }
        self.default_ingress_class(resource, object);
        self.add_topology(resource, object);
        admission::create(&resource.group, &resource.kind, object);
        if *resource == known::PODS {
            self.admit_pod(object, &name, namespace, writer)?;
            self.admit_runtime_class(object, &name)?;
        }
        if let ("certificates.k8s.io", "CertificateSigningRequest", Some(user)) =
            (resource.group.as_ref(), resource.kind.as_ref(), writer.user)
            && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.insert("username".to_owned(), json!(user.name));
            spec.insert("groups".to_owned(), json!(user.groups));
            if !user.uid.is_empty() {
                spec.insert("uid".to_owned(), json!(user.uid));
            }
            if !user.extra.is_empty() {
                spec.insert("extra".to_owned(), json!(user.extra));
            }
        }
        if *resource == known::PERSISTENT_VOLUME_CLAIMS {
            self.default_storage_class(object);
        }
        Ok(())
    }

    /// A namespace must exist and not be going.
    pub(super) fn admit_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), ApiError> {
        let Some(entry) = self.store.get("/namespaces", namespace) else {
            return Err(ApiError::not_found(&known::NAMESPACES, namespace));
        };
        if meta::deletion_timestamp(&entry.value).is_none() {
            return Ok(());
        }
        let text = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let error = ApiError::forbidden(resource, name, &text);
        let mut details = error.details.clone().unwrap_or_default();
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
        Err(error.with_details(details))
    }

    fn admit_pod(
        &self,
        pod: &mut Value,
        name: &str,
        namespace: &str,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let account = admission::service_account_name(pod).to_owned();
        let Some(found) = self
            .store
            .get("/serviceaccounts", &key(namespace, &account))
        else {
            let text = format!(
                "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
            );
            return Err(ApiError::forbidden(&known::PODS, name, &text));
        };
        let suffix = writer.entropy.suffix(SUFFIX);
        admission::service_account(pod, &found.value, &suffix);
        self.admit_priority(pod, name)
    }
}
