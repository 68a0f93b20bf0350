//! Whom a program acts as: a `ServiceAccount` with rights.

use serde_json::{Value, json};

use crate::access::{Right, rules};
use crate::resource::{
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, ResourceRef, SERVICE_ACCOUNT,
};

/// A `ServiceAccount`, its role and its binding, all of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Name of all three.
    pub name: &'static str,
    /// The namespace of the `ServiceAccount`.
    pub namespace: String,
    /// Whether the rights end with that namespace.
    pub namespaced: bool,
    /// Labels of all three.
    pub labels: Value,
}

impl Account {
    /// The three objects, with these rights, in an order in which they can be applied.
    pub fn objects(&self, rights: &[Right]) -> [(ResourceRef, Value); 3] {
        let [role, binding] = if self.namespaced {
            self.granted_in(&self.namespace, rights)
        } else {
            self.granted([CLUSTER_ROLE, CLUSTER_ROLE_BINDING], "", rights)
        };
        [self.account(), role, binding]
    }

    /// The `ServiceAccount`.
    pub fn account(&self) -> (ResourceRef, Value) {
        (
            SERVICE_ACCOUNT,
            self.object(&SERVICE_ACCOUNT, &self.namespace),
        )
    }

    /// A role and a binding that grant these rights in a namespace, which may be another one than the account's.
    pub fn granted_in(&self, namespace: &str, rights: &[Right]) -> [(ResourceRef, Value); 2] {
        self.granted([ROLE, ROLE_BINDING], namespace, rights)
    }

    fn granted(
        &self,
        [role, binding]: [ResourceRef; 2],
        namespace: &str,
        rights: &[Right],
    ) -> [(ResourceRef, Value); 2] {
        let with = |mut object: Value, name: &str, value: Value| {
            if let Some(fields) = object.as_object_mut() {
                fields.insert(name.to_owned(), value);
            }
            object
        };
        let granted = self.object(&role, namespace);
        let granted = with(granted, "rules", rules(rights).into());
        let reference = json!({"apiGroup": role.group, "kind": role.kind, "name": self.name});
        let bound = with(self.object(&binding, namespace), "roleRef", reference);
        let subject =
            json!({"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace});
        let bound = with(bound, "subjects", json!([subject]));
        [(role, granted), (binding, bound)]
    }

    fn object(&self, resource: &ResourceRef, namespace: &str) -> Value {
        let mut metadata = json!({"name": self.name, "labels": self.labels});
        if resource.namespaced
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        json!({
            "apiVersion": resource.api_version(),
            "kind": resource.kind,
            "metadata": metadata,
        })
    }
}
