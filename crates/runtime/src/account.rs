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
        let [account, role, binding] = if self.namespaced {
            [SERVICE_ACCOUNT, ROLE, ROLE_BINDING]
        } else {
            [SERVICE_ACCOUNT, CLUSTER_ROLE, CLUSTER_ROLE_BINDING]
        };
        let with = |mut object: Value, name: &str, value: Value| {
            if let Some(fields) = object.as_object_mut() {
                fields.insert(name.to_owned(), value);
            }
            object
        };
        let granted = with(self.object(&role), "rules", rules(rights).into());
        let reference = json!({"apiGroup": role.group, "kind": role.kind, "name": self.name});
        let bound = with(self.object(&binding), "roleRef", reference);
        let subject =
            json!({"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace});
        let bound = with(bound, "subjects", json!([subject]));
        let own = self.object(&account);
        [(account, own), (role, granted), (binding, bound)]
    }

    fn object(&self, resource: &ResourceRef) -> Value {
        let mut metadata = json!({"name": self.name, "labels": self.labels});
        if resource.namespaced
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
        }
        json!({
            "apiVersion": resource.api_version(),
            "kind": resource.kind,
            "metadata": metadata,
        })
    }
}
