//! Admission plugin `OwnerReferencesPermissionEnforcement`, which is off unless asked for: whoever changes owners must be
//! allowed to delete the dependent, and whoever keeps an owner from going must be allowed to set its finalizers
//! (`plugin/pkg/admission/gc/gc_admission.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Attributes, Operation};
use crate::apiserver::ApiServer;
use crate::apiserver::rbac::rule::{Asked, Attributes as Wanted, ResourceAsked};
use crate::status_error::ApiError;

fn owners(object: &Value) -> &[Value] {
    let found = object.pointer("/metadata/ownerReferences");
    found.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(reference: &'a Value, key: &str) -> &'a str {
    reference
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn blocks(reference: &Value) -> bool {
    reference.get("blockOwnerDeletion") == Some(&Value::Bool(true))
}

/// References that block their owner's deletion and didn't before.
fn newly_blocking<'a>(new: &'a Value, old: Option<&Value>) -> Vec<&'a Value> {
    let before = old.into_iter().flat_map(owners);
    let before = before.filter(|known| blocks(known));
    let before: BTreeSet<&str> = before.map(|known| text(known, "uid")).collect();
    let blocked = |reference: &Value| before.contains(text(reference, "uid"));
    let references = owners(new).iter();
    references
        .filter(|reference| blocks(reference) && !blocked(reference))
        .collect()
}

impl ApiServer {
    /// Switches the plugin on.
    pub fn enforce_owner_permissions(&mut self) {
        self.options.enforce_owner_permissions = true;
    }

    /// Refuses changes of owners for which the user has not all rights.
    pub(super) fn owner_permissions(
        &self,
        attributes: &Attributes<'_>,
        object: &Value,
    ) -> Result<(), ApiError> {
        let unchanged = owners(object) == attributes.old.map_or(&[][..], owners);
        if !self.options.enforce_owner_permissions || attributes.kind.is_some() || unchanged {
            return Ok(());
        }
        if attributes.operation != Operation::Create {
            let resource = attributes.resource();
            let dependent = ResourceAsked {
                group: &resource.group,
                resource: &resource.plural,
                subresource: attributes.subresource,
                namespace: attributes.namespace,
                name: attributes.name,
            };
            let text = "cannot set an ownerRef on a resource you can't delete";
            self.permitted(attributes, "delete", dependent, text)?;
        }
        for reference in newly_blocking(object, attributes.old) {
            let (api_version, kind) = (text(reference, "apiVersion"), text(reference, "kind"));
            let Some(owner) = self.registry().of_kind(api_version, kind) else {
                return Err(forbidden(
                    attributes,
                    &format!(
                        "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion {api_version} \
                         Kind {kind}: no matches for kind {kind:?} in version {api_version:?}"
                    ),
                ));
            };
            let resource = &owner.resource;
            let finalizers = ResourceAsked {
                group: &resource.group,
                resource: &resource.plural,
                subresource: "finalizers",
                namespace: if resource.namespaced {
                    attributes.namespace
                } else {
                    ""
                },
                name: text(reference, "name"),
            };
            let text = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";
            self.permitted(attributes, "update", finalizers, text)?;
        }
        Ok(())
    }

    /// Refuses with `text` what the user has no right to.
    fn permitted(
        &self,
        attributes: &Attributes<'_>,
        verb: &str,
        asked: ResourceAsked<'_>,
        text: &str,
    ) -> Result<(), ApiError> {
        let object = Asked::Resource(asked);
        let decision = self.decide(attributes.user, &Wanted { verb, object });
        if decision.allowed {
            return Ok(());
        }
        Err(forbidden(
            attributes,
            &format!("{text}: {}, <nil>", decision.reason),
        ))
    }
}

fn forbidden(attributes: &Attributes<'_>, text: &str) -> ApiError {
    ApiError::forbidden(attributes.resource(), attributes.name, text)
}
