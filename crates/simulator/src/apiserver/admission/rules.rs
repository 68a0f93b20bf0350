//! Which requests a webhook or a policy is about: rules, equivalent resources, selectors
//! (`apiserver/pkg/admission/plugin/webhook/predicates`).

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::labels::Selector;
use machinery::meta;
use serde_json::Value;

use super::{Attributes, Operation, internal_error};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::apiserver::resource::{Resource, known};
use crate::status_error::ApiError;

/// Whether a rule is about this operation on this resource.
pub(super) fn covers(rule: &Value, attributes: &Attributes<'_>, resource: &Resource) -> bool {
    let has = |field: &str, wanted: &str| {
        let names = rule.get(field).and_then(Value::as_array);
        let mut names = names.into_iter().flatten();
        names.any(|name| name == "*" || name == wanted)
    };
    scope(rule, attributes, resource)
        && has("operations", attributes.operation.name())
        && has("apiGroups", &resource.group)
        && has("apiVersions", &resource.version)
        && names_resource(rule, &resource.plural, attributes.subresource)
}

fn scope(rule: &Value, attributes: &Attributes<'_>, resource: &Resource) -> bool {
    // A Namespace is its own namespace here, and in no other.
    let inside = *resource != known::NAMESPACES && !attributes.namespace.is_empty();
    match rule.get("scope").and_then(Value::as_str) {
        None | Some("*") => true,
        Some("Namespaced") => inside,
        Some("Cluster") => !inside,
        Some(_) => false,
    }
}

fn names_resource(rule: &Value, plural: &str, subresource: &str) -> bool {
    let names = rule.get("resources").and_then(Value::as_array);
    let mut names = names.into_iter().flatten().filter_map(Value::as_str);
    names.any(|name| {
        let (resource, part) = name.split_once('/').unwrap_or((name, ""));
        (resource == "*" || resource == plural) && (part == "*" || part == subresource)
    })
}

/// Labels against a selector. An empty one takes all.
fn selector(value: &Value) -> Result<Option<Selector>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let selector =
        Selector::from_label_selector(value).map_err(|error| internal_error(&error.to_string()))?;
    Ok((!selector.is_empty()).then_some(selector))
}

/// Whether the object, as it would be or as it is, has the labels.
pub(super) fn selects_object(
    wanted: &Value,
    object: Option<&Value>,
    old: Option<&Value>,
) -> Result<bool, ApiError> {
    let Some(selector) = selector(wanted)? else {
        return Ok(true);
    };
    let mut objects = [object, old].into_iter().flatten();
    Ok(objects.any(|object| selector.matches(&meta::labels(object))))
}

impl ApiServer {
    /// The version of the resource to ask about: the requested one if a rule is about it, else an equivalent one that
    /// a rule is about. `None` if no rule is.
    pub(super) fn covered(
        &self,
        rules: &[Value],
        equivalents: bool,
        attributes: &Attributes<'_>,
    ) -> Option<Arc<Served>> {
        let requested = attributes.requested;
        if rules
            .iter()
            .any(|rule| covers(rule, attributes, &requested.resource))
        {
            return Some(requested.clone());
        }
        if !equivalents {
            return None;
        }
        // One table holds all versions of a resource.
        let others: Vec<_> = self
            .registry()
            .all()
            .filter(|other| other.table == requested.table && other.resource != requested.resource)
            .collect();
        rules.iter().find_map(|rule| {
            let mut others = others.iter();
            others
                .find(|other| covers(rule, attributes, &other.resource))
                .map(|other| Arc::clone(other))
        })
    }

    /// Whether the namespace of the request has the labels. Cluster-scoped objects are never left out.
    pub(super) fn selects_namespace(
        &self,
        wanted: &Value,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
    ) -> Result<bool, ApiError> {
        let own = attributes.resource().plural == "namespaces";
        if attributes.namespace.is_empty() && !own {
            return Ok(true);
        }
        let Some(selector) = selector(wanted)? else {
            return Ok(true);
        };
        let written = own
            && attributes.subresource.is_empty()
            && matches!(attributes.operation, Operation::Create | Operation::Update);
        let labels: BTreeMap<String, String> = if let Some(namespace) = object.filter(|_| written) {
            meta::labels(namespace)
        } else {
            let found = self.store().get("/namespaces", attributes.namespace);
            let missing = || ApiError::not_found(&known::NAMESPACES, attributes.namespace);
            meta::labels(&found.ok_or_else(missing)?.value)
        };
        Ok(selector.matches(&labels))
    }
}
