//! Policies of mutating admission are stored, and nobody asks them yet: a request that one of them would have to be asked
//! about is refused, so that nothing passes as admitted that wasn't judged.

use std::sync::Arc;

use serde_json::Value;

use super::ApiServer;
use super::registry::Served;
use crate::status_error::ApiError;

const GROUP: &str = "admissionregistration.k8s.io";
/// Kind and table of a policy, and the table of what binds it.
const POLICIES: [(&str, &str, &str); 1] = [(
    "MutatingAdmissionPolicy",
    "admissionregistration.k8s.io/mutatingadmissionpolicies",
    "admissionregistration.k8s.io/mutatingadmissionpolicybindings",
)];

impl ApiServer {
    /// 501 if a bound policy has a rule for this operation (`CREATE`, `UPDATE`, `DELETE`) on this resource. Selectors and
    /// conditions aren't looked at.
    pub(crate) fn check_admission(&self, operation: &str, served: &Served) -> Result<(), ApiError> {
        if served.resource.group == GROUP {
            return Ok(());
        }
        let matches = |rules: Option<&Value>| {
            let mut rules = rules.and_then(Value::as_array).into_iter().flatten();
            rules.any(|rule| covers(rule, operation, served))
        };
        for (kind, table, bindings) in POLICIES {
            for policy in self.objects_of(table) {
                let name = policy.pointer("/metadata/name");
                let bound = self
                    .objects_of(bindings)
                    .any(|binding| binding.pointer("/spec/policyName") == name);
                if bound && matches(policy.pointer("/spec/matchConstraints/resourceRules")) {
                    return Err(unasked(kind, &policy));
                }
            }
        }
        Ok(())
    }

    /// All objects of one table.
    pub(crate) fn objects_of(&self, table: &str) -> impl Iterator<Item = Arc<Value>> {
        let entries = self.store.table(table).into_iter();
        entries
            .flat_map(|table| table.range("", ""))
            .map(|(_, entry)| entry.value.clone())
    }
}

fn unasked(kind: &str, object: &Value) -> ApiError {
    let name = machinery::meta::name(object);
    ApiError::unsupported(&format!(
        "{kind} {name:?} has to be asked about this request, which"
    ))
}

/// Whether a rule is about this operation on this resource.
fn covers(rule: &Value, operation: &str, served: &Served) -> bool {
    let names = |field: &str, wanted: &str| {
        let mut names = rule
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        names.any(|name| name == "*" || name == wanted)
    };
    let resource = &served.resource;
    names("operations", operation)
        && names("apiGroups", &resource.group)
        && names("apiVersions", &resource.version)
        && (names("resources", &resource.plural) || names("resources", "*/*"))
}
