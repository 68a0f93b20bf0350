//! Admission that looks at other objects: namespace lifecycle, service accounts, priorities, default storage class.

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

const PRIORITY_CLASSES: &str = "scheduling.k8s.io/priorityclasses";
const STORAGE_CLASSES: &str = "storage.k8s.io/storageclasses";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
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
        }
        if *resource == known::PERSISTENT_VOLUME_CLAIMS {
            self.default_storage_class(object);
        }
        Ok(())
    }

    /// A namespace must exist and not be going.
    fn admit_namespace(
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
        let class = pod
            .pointer("/spec/priorityClassName")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if class.is_empty() {
            let table = self.store.table(PRIORITY_CLASSES);
            let mut classes = table
                .into_iter()
                .flat_map(|table| table.range("", ""))
                .map(|(_, entry)| &entry.value);
            let global = classes.find(|class| class.get("globalDefault") == Some(&json!(true)));
            admission::priority(pod, global.map(std::convert::AsRef::as_ref));
            return Ok(());
        }
        let Some(found) = self.store.get(PRIORITY_CLASSES, &class) else {
            let text = format!("no PriorityClass with name {class} was found");
            return Err(ApiError::forbidden(&known::PODS, name, &text));
        };
        admission::priority(pod, Some(&found.value));
        Ok(())
    }

    fn default_storage_class(&self, claim: &mut Value) {
        if claim.pointer("/spec/storageClassName").is_some() {
            return;
        }
        let table = self.store.table(STORAGE_CLASSES);
        let mut classes = table.into_iter().flat_map(|table| table.range("", ""));
        let default = classes
            .find(|(_, entry)| meta::annotation(&entry.value, DEFAULT_CLASS) == Some("true"));
        if let (Some((name, _)), Some(spec)) = (
            default,
            claim.get_mut("spec").and_then(Value::as_object_mut),
        ) {
            spec.insert("storageClassName".to_owned(), json!(name.as_ref()));
        }
    }
}
